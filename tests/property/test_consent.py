"""Consent as values: absence is denial, versions only rise, a withdrawal is never refused."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.consent import (
    DAY,
    LIFETIME,
    QUIET,
    UNDECIDED,
    ConsentState,
    NoticeOutdated,
    SignalRefuses,
    VersionMoved,
    grant,
    may_ask,
    permits,
    refuse,
    withdraw,
)

CURRENT = frozenset({"a" * 64, "b" * 64})
OLD = "c" * 64
times = st.integers(0, 10 * LIFETIME)
acts = st.lists(
    st.tuples(st.sampled_from(["grant", "withdraw", "refuse"]), st.integers(0, 400 * DAY)), max_size=12
)


def apply(act: str, state: ConsentState, now: int) -> ConsentState:
    if act == "grant":
        return give(state, now)
    return (withdraw if act == "withdraw" else refuse)(state, now=now)


def give(state: ConsentState, now: int, notice: str = "a" * 64) -> ConsentState:
    return grant(
        state,
        expected_version=state.version,
        notice=notice,
        language="en",
        current_notices=CURRENT,
        now=now,
    )


@given(acts)
def test_versions_never_fall_and_move_with_every_change(history: list[tuple[str, int]]) -> None:
    state, now = UNDECIDED, 0
    for act, later in history:
        now += later
        changed = apply(act, state, now)
        assert changed.version == state.version + (changed != state)
        state = changed


@given(acts, times)
def test_use_is_permitted_only_by_a_grant_that_stands(history: list[tuple[str, int]], wait: int) -> None:
    state, now, granted_at = UNDECIDED, 0, None
    for act, later in history:
        now += later
        state = apply(act, state, now)
        granted_at = now if act == "grant" else None
    allowed = permits(state, current_notices=CURRENT, now=now + wait)
    assert allowed == (granted_at is not None and now + wait < granted_at + LIFETIME)


@given(acts, times)
def test_a_withdrawal_is_always_accepted_and_ends_use_at_once(
    history: list[tuple[str, int]], now: int
) -> None:
    state = UNDECIDED
    for act, later in history:
        state = apply(act, state, later)
    gone = withdraw(state, now=now)
    assert not permits(gone, current_notices=CURRENT, now=now)
    again = withdraw(gone, now=now + 5)
    assert again == replace(gone, version=gone.version + 1)


def test_undecided_is_no() -> None:
    assert not permits(UNDECIDED, current_notices=CURRENT, now=0)
    assert may_ask(UNDECIDED, current_notices=CURRENT, now=0)


def test_a_grant_on_an_older_version_is_refused_with_the_current_one() -> None:
    state = withdraw(UNDECIDED, now=1)
    with pytest.raises(VersionMoved) as refused:
        grant(state, expected_version=0, notice="a" * 64, language="en", current_notices=CURRENT, now=2)
    assert refused.value.current == 1


def test_a_grant_still_under_way_when_its_owner_withdraws_is_outdated() -> None:
    seen = UNDECIDED
    gone = withdraw(seen, now=1)
    with pytest.raises(VersionMoved):
        grant(
            gone,
            expected_version=seen.version,
            notice="a" * 64,
            language="en",
            current_notices=CURRENT,
            now=2,
        )


@pytest.mark.parametrize("stop", [withdraw, refuse])
def test_a_grant_still_under_way_is_outdated_by_a_second_no_as_well(
    stop: Callable[..., ConsentState],
) -> None:
    """Switched off, on and off again while the network is slow: the grant between must not arrive last."""
    seen = stop(UNDECIDED, now=1)
    gone = stop(seen, now=2)
    assert gone.quiet_until == seen.quiet_until
    with pytest.raises(VersionMoved):
        grant(
            gone,
            expected_version=seen.version,
            notice="a" * 64,
            language="en",
            current_notices=CURRENT,
            now=3,
        )


def test_a_notice_that_changed_materially_ends_consent_and_must_be_shown_again() -> None:
    state = give(UNDECIDED, 0)
    renewed = frozenset({"d" * 64})
    assert not permits(state, current_notices=renewed, now=1)
    assert may_ask(state, current_notices=renewed, now=1)
    with pytest.raises(NoticeOutdated):
        give(state, 1, notice=OLD)


def test_nobody_asks_again_for_six_months_after_a_refusal() -> None:
    state = refuse(UNDECIDED, now=100)
    assert not may_ask(state, current_notices=CURRENT, now=100 + QUIET - 1)
    assert may_ask(state, current_notices=CURRENT, now=100 + QUIET)


def test_a_global_privacy_signal_refuses_an_optional_purpose() -> None:
    with pytest.raises(SignalRefuses):
        grant(
            UNDECIDED,
            expected_version=0,
            notice="a" * 64,
            language="en",
            current_notices=CURRENT,
            now=0,
            refused_by_signal=True,
        )
