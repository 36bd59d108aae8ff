"""Consent as values: what a person decided, what follows from it, and nothing a clock or a store could blur.

A consent state belongs to one (subject, purpose). Its version only rises, at every change; an update counts only
under the version that is current when its round commits. Missing, expired or outdated means no.
"""

from dataclasses import dataclass, replace
from typing import ClassVar, Literal, get_args

from server.errors import ServerError

Purpose = Literal["local_personalization", "federated_contribution", "aggregate_metrics", "research_release"]
Decision = Literal["granted", "withdrawn", "refused", "unconfirmed"]
PURPOSES: tuple[Purpose, ...] = get_args(Purpose)
SENDS: frozenset[Purpose] = frozenset(PURPOSES) - {"local_personalization"}
"""Purposes for which something leaves the device: Sec-GPC refuses them."""

HOUR = 3_600
DAY = 24 * HOUR
LIFETIME = 365 * DAY
"""Consent lapses after twelve months unless it is given again."""
QUIET = 183 * DAY
"""After a refusal or a withdrawal nobody asks again for six months."""

GRANTS_AN_HOUR = 12
"""Flapping cannot stall rounds; withdrawals are never counted."""
RESTORED = 1 << 32
"""A restore lifts versions by at least this much, should the clock have been set back since the last one."""


class VersionMoved(ServerError):
    """The state is not the one the person saw when they granted: show it and ask again."""

    code: ClassVar[str] = "version_moved"

    def __init__(self, current: int) -> None:
        super().__init__(f"the consent is at version {current}; read it and grant again with If-Match")
        self.current = current


class NoticeOutdated(ServerError):
    """The notice is unknown or no longer the current one: show the current notice first."""

    code: ClassVar[str] = "notice_outdated"


class TooManyGrants(ServerError):
    """Consent was given too often within the hour: the caller waits, and may withdraw meanwhile."""

    code: ClassVar[str] = "too_many_grants"

    def __init__(self, retry_after: int) -> None:
        super().__init__(f"at most {GRANTS_AN_HOUR} grants an hour; try again in {retry_after} s")
        self.retry_after = retry_after


class SignalRefuses(ServerError):
    """The request carries a refusal of its own (Sec-GPC: 1): an optional purpose cannot be granted by it."""

    code: ClassVar[str] = "refused_by_signal"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentState:
    """What is decided for one subject and purpose.

    Args:
        version: rises by one at every change; 0 before the first.
        decision: what was chosen last, None before the first choice.
        notice: digest of the notice that was shown, hex; empty before the first choice.
        language: the language it was shown in.
        valid_until: seconds since 1970 UTC after which a grant is no more; 0 unless granted.
        quiet_until: until when nobody may ask again, seconds since 1970 UTC.
        hour: the hour since 1970 in which consent was last given.
        grants: how often it was given in that hour.
    """

    version: int = 0
    decision: Decision | None = None
    notice: str = ""
    language: str = ""
    valid_until: int = 0
    quiet_until: int = 0
    hour: int = 0
    grants: int = 0


UNDECIDED = ConsentState()


def permits(state: ConsentState, *, current_notices: frozenset[str], now: int) -> bool:
    """Tell whether use is allowed at this moment: granted, not lapsed, under a notice that still holds."""
    return state.decision == "granted" and now < state.valid_until and state.notice in current_notices


def may_ask(state: ConsentState, *, current_notices: frozenset[str], now: int) -> bool:
    """Tell whether an app may show the question: not while consent holds, nor in the quiet period."""
    return not permits(state, current_notices=current_notices, now=now) and now >= state.quiet_until


def grant(
    state: ConsentState,
    *,
    expected_version: int,
    notice: str,
    language: str,
    current_notices: frozenset[str],
    now: int,
    refused_by_signal: bool = False,
) -> ConsentState:
    """Give consent: the only change that depends on what the person saw.

    Args:
        state: as it stands.
        expected_version: the version the person decided on, from If-Match.
        notice: digest of the notice shown.
        language: its language.
        current_notices: digests of the notices that hold now for this purpose, in every language.
        now: seconds since 1970 UTC.
        refused_by_signal: the request itself carries Sec-GPC: 1.

    Returns:
        The next state. Granting again always makes a new version, so no older update is revived.

    Raises:
        SignalRefuses, NoticeOutdated, VersionMoved, TooManyGrants: nothing changes.
    """
    if refused_by_signal:
        raise SignalRefuses("the request says Sec-GPC: 1; switch the signal off to grant an optional purpose")
    if notice not in current_notices:
        raise NoticeOutdated("the notice shown is not the current one; fetch GET /v1/notices and show it")
    if expected_version != state.version:
        raise VersionMoved(state.version)
    hour, passed = divmod(now, HOUR)
    grants = state.grants if hour == state.hour else 0
    if grants >= GRANTS_AN_HOUR:
        raise TooManyGrants(HOUR - passed)
    return ConsentState(
        version=state.version + 1,
        decision="granted",
        notice=notice,
        language=language,
        valid_until=now + LIFETIME,
        hour=hour,
        grants=grants + 1,
    )


def withdraw(state: ConsentState, *, now: int) -> ConsentState:
    """Take consent back: unconditional, and the answer is no however often it arrives.

    It always moves the version, before any choice and after a withdrawal too: whatever grant is still under way was
    decided on an older version and is outdated.
    """
    quiet_until = state.quiet_until if state.decision == "withdrawn" else now + QUIET
    return replace(
        state, version=state.version + 1, decision="withdrawn", valid_until=0, quiet_until=quiet_until
    )


def refuse(state: ConsentState, *, now: int) -> ConsentState:
    """Say no when asked: nobody asks again for six months. A grant that stands is withdrawn by it."""
    again = state.decision == "refused" and now < state.quiet_until
    quiet_until = state.quiet_until if again else now + QUIET
    return replace(
        state, version=state.version + 1, decision="refused", valid_until=0, quiet_until=quiet_until
    )


def floor_at(now: int) -> int:
    """Return a version above all that may have been issued before now: nobody decides 65,536 times a second.

    Args:
        now: seconds since 1970 UTC.
    """
    return now << 16


def restored(state: ConsentState, *, now: int) -> ConsentState:
    """Return what a restore makes of a state: a grant holds no longer until the device reconfirms it.

    The backup may be older than a withdrawal, and may be restored twice; versions leap so that none is ever issued
    again.
    """
    decision = "unconfirmed" if state.decision == "granted" else state.decision
    version = max(state.version + RESTORED, floor_at(now))
    return replace(state, version=version, decision=decision, valid_until=0)
