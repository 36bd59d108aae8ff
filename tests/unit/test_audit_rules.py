"""Every rule of the audit has a planted fault, made by somebody who holds every key, and names it first."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from privacy.acts import (
    AccountantDeclared,
    AuditMeasured,
    CapChanged,
    ConsentLogGap,
    ConsentRootAnchored,
    HazardMitigated,
    HazardRaised,
    MetricReleased,
    NotCovered,
    NoticePublished,
    PeriodStarted,
    ReleaseWithdrawn,
    TuningAccounted,
)
from privacy.audit.faults import Broken
from privacy.audit.verify import audit
from privacy.events import (
    Event,
    LineDeclared,
    NotPrivate,
    PrivacyEvent,
    ReleasePublished,
    RoundCommitted,
    RoundTerms,
)
from tests.bundles_made import (
    DAY,
    NOW,
    Publisher,
    rich,
    simple,
    written,
)
from tests.log_made import LINE, ORIGIN, declared, one_round

PEOPLE = {"proposed_by": "ann", "approved_by": "bob"}
Change = Callable[[list[Event]], None]


def put(at: int, *events: Event) -> Change:
    """Return a change that inserts events at a place."""

    def change(log: list[Event]) -> None:
        log[at if at >= 0 else len(log) : at if at >= 0 else len(log)] = events

    return change


def without(kind: type[Event]) -> Change:
    """Return a change that drops the first event of a kind."""
    return lambda log: log.remove(next(event for event in log if isinstance(event, kind)))


def edited(kind: type[Event], **fields: Any) -> Change:
    """Return a change that rewrites the last event of a kind, around every check of its own."""

    def change(log: list[Event]) -> None:
        at = max(place for place, event in enumerate(log) if isinstance(event, kind))
        log[at] = forged(log[at], **fields)

    return change


def forged(event: Event, **fields: Any) -> Event:
    """Return an event with other fields, even those it would refuse."""
    made = object.__new__(type(event))
    for name in event.__dataclass_fields__:
        object.__setattr__(made, name, fields.get(name, getattr(event, name)))
    return made


def swapped(first: type[Event], second: type[Event]) -> Change:
    """Return a change that exchanges the first events of two kinds."""

    def change(log: list[Event]) -> None:
        a, b = (
            next(at for at, event in enumerate(log) if isinstance(event, kind)) for kind in (first, second)
        )
        log[a], log[b] = log[b], log[a]

    return change


def again(kind: type[Event]) -> Change:
    """Return a change that records the last event of a kind twice."""

    def change(log: list[Event]) -> None:
        at = max(place for place, event in enumerate(log) if isinstance(event, kind))
        log.insert(at, log[at])

    return change


SHARED = {"line": LINE, "mechanism": "gaussian", "clipping_norm": 1.0, "sampling_rate": 1.0}
METRIC = MetricReleased(metric="hit rate", number=2, noise_multiplier=30.0, **SHARED)  # type: ignore[arg-type]
TUNING = TuningAccounted(number=3, noise_multiplier=60.0, looks=4, **SHARED)  # type: ignore[arg-type]
NOTICE = NoticePublished(
    purpose="federated_contribution", language="en", edition=1, notice="ef" * 32, **PEOPLE
)  # fmt: skip
MITIGATION = HazardMitigated(hazard="lib-9", mitigation="none", test="t", evidence="cd" * 32)

FAULTS: list[tuple[str, str, Change]] = [
    ("log.entry", "a mechanism nobody knows", edited(PrivacyEvent, mechanism="laplace")),
    ("log.entry", "a sampling rate above one", edited(PrivacyEvent, sampling_rate=1.5)),
    ("line.declared", "an event of a line nobody declared", without(LineDeclared)),
    ("line.declared", "a second, more generous declaration", put(9, declared(epsilon=8.0))),
    ("line.stamp", "a round without noise", put(-1, *one_round(9, noise=0.0))),
    ("line.cap", "rounds past the line's cap", put(-1, *one_round(9, noise=0.5))),
    (
        "line.cap",
        "a round past a cap over the period",
        put(-1, CapChanged(line=LINE, scope="period", epsilon=0.2, **PEOPLE), *one_round(9)),
    ),
    (
        "line.cap",
        "a round past a cap over the release, hidden behind a later release",
        put(15, CapChanged(line=LINE, scope="release", epsilon=0.2, **PEOPLE), *one_round(9)),
    ),
    ("round.order", "a round's number again", put(-1, *one_round(2))),
    ("round.terms", "a round that was never announced", without(RoundTerms)),
    ("round.terms", "a round that pays twice", again(PrivacyEvent)),
    ("round.terms", "a round committed twice", again(RoundCommitted)),
    ("round.unchanged", "less noise than announced", edited(PrivacyEvent, noise_multiplier=2.9)),
    ("round.unchanged", "a longer contribution than announced", edited(PrivacyEvent, clipping_norm=2.0)),
    ("round.intent", "a commit whose spend was dropped", without(PrivacyEvent)),
    ("round.intent", "a spend recorded after its commit", swapped(PrivacyEvent, RoundCommitted)),
    ("round.trust", "a round of another trust", edited(RoundTerms, trust="secure_sum")),
    ("round.denominator", "a sum divided by who came", edited(RoundTerms, denominator=901.0)),
    ("cap.falls", "a cap that rises", put(-1, CapChanged(line=LINE, scope="line", epsilon=5.0, **PEOPLE))),
    ("period.order", "a period left out", put(-1, PeriodStarted(line=LINE, period=3, starts=NOW))),
    (
        "period.order",
        "a period shorter than declared",
        put(
            -1,
            PeriodStarted(line=LINE, period=2, starts=NOW),
            PeriodStarted(line=LINE, period=3, starts=NOW + 364 * DAY),
        ),
    ),
    ("spend.number", "a metric left out", put(-1, METRIC)),
    ("spend.number", "tuning runs left out", put(-1, TUNING)),
    ("approval.two", "one person alone", edited(NoticePublished, approved_by="ann")),
    ("notice.edition", "an edition exchanged for another text", put(-1, NOTICE)),
    ("hazard.raised", "a mitigation of nothing", put(-1, MITIGATION)),
    ("hazard.raised", "a hazard dropped from the log", without(HazardRaised)),
    ("consent.number", "an anchor left out", put(-1, ConsentRootAnchored(number=3, commitment="a" * 64))),
    ("consent.number", "an anchor twice", again(ConsentRootAnchored)),
    ("consent.number", "heads lost twice", put(-1, *[ConsentLogGap(first=1, last=1)] * 2)),
    ("consent.number", "heads lost that never were", put(-1, ConsentLogGap(first=1, last=9))),
    (
        "release.order",
        "a release's number again",
        put(-1, ReleasePublished(line=LINE, sequence=1, manifest="a" * 64)),
    ),
    (
        "release.order",
        "a withdrawal of nothing",
        put(-1, ReleaseWithdrawn(line=LINE, sequence=4, reason="decision")),
    ),
    (
        "release.missing",
        "a release that only the log knows",
        put(-1, ReleasePublished(line=LINE, sequence=2, manifest="a" * 64)),
    ),
    ("release.logged", "a release that the log does not know", without(ReleasePublished)),
    ("release.logged", "another manifest than the log's", edited(ReleasePublished, manifest="b" * 64)),
    ("label.release", "a spend after the label", put(16, *one_round(9))),
    ("label.release", "a hazard after the label", put(16, HazardRaised(
        hazard="lib-2", component="lib", version="1", reference="lib.example/2"))),
    ("label.figure", "another round of the same kind, slipped in and paid", put(6, METRIC.__class__(
        metric="hit rate", number=1, noise_multiplier=30.0, **SHARED))),  # type: ignore[arg-type]
    ("label.figure", "a promise widened afterwards", edited(LineDeclared, epsilon_budget=5.0)),
    ("label.figure", "accountants said to agree better", edited(AccountantDeclared, error=0.001)),
]  # fmt: skip


def rule_of(made: Publisher, folder: Path) -> str:
    with pytest.raises(Broken) as broken:
        audit(written(folder, made.bundle()))
    return broken.value.rule


@pytest.mark.parametrize(("rule", "what", "change"), FAULTS, ids=[what for _, what, _ in FAULTS])
def test_a_fault_that_every_key_signed_is_named_by_its_rule(
    rule: str, what: str, change: Change, tmp_path: Path
) -> None:
    made = simple()
    change(made.events)
    assert rule_of(made, tmp_path) == rule


def test_the_logs_these_faults_are_planted_in_are_valid(tmp_path: Path) -> None:
    for made in (simple(), rich()):
        found = audit(written(tmp_path, made.bundle()))
        assert len(found.releases) == found.published == len(made.releases)


@pytest.mark.parametrize("noise", [1e-300, 1e-5, 0.049, 1e300])
@pytest.mark.parametrize("rate", [1e-9, 1.0])
def test_noise_that_no_library_can_account_for_counts_as_none_and_fills_no_memory(
    noise: float, rate: float, tmp_path: Path
) -> None:
    made = simple()
    made.events += one_round(9, noise=noise, rate=rate)
    assert rule_of(made, tmp_path) == "line.cap"


def test_a_private_line_releases_nothing_once_private_data_were_used_outside_epsilon(tmp_path: Path) -> None:
    made = simple()
    made.events.append(NotCovered(line=LINE, activity="evaluation", data="private_data"))
    made.publish(LINE, 2, epsilon=4.0)
    assert rule_of(made, tmp_path) == "release.uncovered"


def test_a_private_line_releases_nothing_against_its_label(tmp_path: Path) -> None:
    made = simple()
    lower = AuditMeasured(
        line=LINE, method="canaries", epsilon_lower=3.0, delta=5e-4, confidence=0.95, evidence="6" * 64
    )
    made.events.append(lower)
    made.publish(LINE, 2, epsilon=4.0)
    assert rule_of(made, tmp_path) == "release.blocked"


@pytest.mark.parametrize(
    "stated", [{"epsilon": 1.0}, {"epsilon": 4.0, "private": True}], ids=["less epsilon", "privacy"]
)
def test_a_manifest_states_no_less_than_was_spent(stated: dict[str, Any], tmp_path: Path) -> None:
    made = simple()
    if "private" in stated:
        made.events.append(NotPrivate(line=LINE, reason="seeded_randomness"))
    made.publish(LINE, 2, **stated)
    assert rule_of(made, tmp_path) == "release.guarantee"


def test_a_line_stamped_not_private_is_valid_and_must_not_go_out(tmp_path: Path) -> None:
    made = simple()
    made.events.append(NotPrivate(line=LINE, reason="seeded_randomness"))
    made.publish(LINE, 2, epsilon=4.0, private=False)
    found = audit(written(tmp_path, made.bundle()))
    assert [release.may_go_out for release in found.releases] == [True, False]
    assert not found.lines[0].private
    assert found.origin == ORIGIN


def test_a_log_rewritten_by_whoever_holds_every_key_does_not_continue_the_one_that_was_kept(
    tmp_path: Path,
) -> None:
    kept = tmp_path / "kept"
    written(tmp_path, simple().bundle()).rename(kept)
    later = rich()
    assert audit(written(tmp_path, later.bundle()), since=kept).since == 17
    forgotten = simple()
    forgotten.events.append(ReleaseWithdrawn(line=LINE, sequence=1, reason="decision"))
    written(tmp_path, forgotten.bundle()).rename(kept)
    for made in (simple(), later):
        assert audit(written(tmp_path, made.bundle()))
        with pytest.raises(Broken) as broken:
            audit(tmp_path / "made.bundle", since=kept)
        assert broken.value.rule == "log.since"
