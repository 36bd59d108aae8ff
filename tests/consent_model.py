"""A small explicit model of consent and one subject's updates, and the search through everything that can happen.

Each action is atomic; every order of actions is tried. What differs between designs is only what stands between an
update and a commit. A design is broken if some order commits an update against G1 or G2.
"""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Literal

Phase = Literal["closed", "open", "checked", "sealed", "committed", "aborted"]


@dataclass(frozen=True, slots=True)
class State:
    """Where everything stands.

    Args:
        version: current consent version, rising with every change.
        granted: whether consent stands.
        unacknowledged: a withdrawal is durable, its reply is still under way.
        acknowledged: the version of the newest withdrawal whose reply has arrived, 0 for none.
        invited: the version this round invited the subject under.
        in_flight: the version of an update that has left the device, 0 for none.
        summed: the version of the update in the round's sum, 0 for none.
        sealed_at: the version when the sum was sealed, for designs that fence there.
        phase: where the round stands.
        changes: decisions left to the person.
        crashes: crashes left.
        rounds: rounds left to open.
        broken: the guarantee that a commit has broken.
    """

    version: int = 1
    granted: bool = True
    unacknowledged: bool = False
    acknowledged: int = 0
    invited: int = 0
    in_flight: int = 0
    summed: int = 0
    sealed_at: int = 0
    phase: Phase = "closed"
    changes: int = 4
    crashes: int = 1
    rounds: int = 2
    broken: str = ""


Moves = Iterator[tuple[str, State]]
Design = Callable[[State], Moves]


def person(s: State) -> Moves:
    """The person decides, the reply arrives, the device answers a round it was asked in."""
    if s.changes and s.granted and not s.unacknowledged:
        yield (
            "withdraw",
            replace(s, granted=False, version=s.version + 1, unacknowledged=True, changes=s.changes - 1),
        )
    if s.unacknowledged:
        yield "acknowledge", replace(s, unacknowledged=False, acknowledged=s.version)
    if s.changes and not s.granted and not s.unacknowledged:
        yield "grant", replace(s, granted=True, version=s.version + 1, changes=s.changes - 1)
    if s.phase in ("open", "checked") and s.granted and s.invited == s.version and not s.in_flight:
        yield "send", replace(s, in_flight=s.invited)


def service(s: State) -> Moves:
    """What every design shares: rounds open and take updates; a crash forgets what was in memory."""
    if s.rounds and s.phase in ("closed", "committed", "aborted"):
        invited = s.version if s.granted else 0
        yield "open", replace(s, phase="open", invited=invited, summed=0, sealed_at=0, rounds=s.rounds - 1)
    if s.phase == "open" and s.in_flight:
        yield "receive", replace(s, summed=s.in_flight, in_flight=0)
    if s.in_flight:
        yield "lose", replace(s, in_flight=0)
    if s.crashes and s.phase == "checked":
        yield "crash", replace(s, phase="open", crashes=s.crashes - 1)


def committed(s: State) -> State:
    """Commit whatever is in the sum, and judge it."""
    broken = ""
    if s.summed and s.acknowledged > s.summed:
        broken = "G1: an acknowledged withdrawal is followed by a commit of an update made before it"
    elif s.summed and (s.summed != s.version or not s.granted):
        broken = "G2: an update committed under a version that is not the current one"
    return replace(s, phase="committed", broken=broken)


def token_only(s: State) -> Moves:
    """A short-lived token made at the invitation is all a commit looks at."""
    if s.phase == "open":
        yield "commit", committed(s)


def check_then_commit(s: State) -> Moves:
    """Consent is read, and committed on a moment later."""
    if s.phase == "open":
        yield "check", replace(s, phase="checked", summed=s.summed if s.summed == s.version else 0)
    if s.phase == "checked":
        yield "commit", committed(s)


def fence_without_version(s: State) -> Moves:
    """The commit looks inside its transaction whether consent stands, not under which version."""
    if s.phase == "open":
        yield "commit", committed(replace(s, summed=s.summed if s.granted else 0))


def fence_at_seal_only(s: State) -> Moves:
    """Versions are matched when the sum is sealed and never again."""
    if s.phase == "open":
        yield (
            "seal",
            replace(s, phase="sealed", summed=s.summed if s.granted and s.summed == s.version else 0),
        )
    if s.phase == "sealed":
        yield "commit", committed(s)


def fence_by_epoch_without_version(s: State) -> Moves:
    """The commit asks whether anything moved since the seal, not whether the sum was current at the seal."""
    if s.phase == "open":
        yield "seal", replace(s, phase="sealed", sealed_at=s.version)
    if s.phase == "sealed":
        fine = s.sealed_at == s.version
        yield "commit", committed(s if fine else replace(s, summed=0))


def compare_and_set(s: State) -> Moves:
    """Ours: a fence before the intent, and versions compared and set inside the commit's transaction."""
    current = s.granted and s.summed == s.version
    if s.phase == "open":
        yield "seal", replace(s, phase="sealed", summed=s.summed if current else 0)
    if s.phase == "sealed" and (current or not s.summed):
        yield "commit", committed(s)
    if s.phase == "sealed" and s.summed and not current:
        yield "recompute", replace(s, summed=0)
    if s.phase in ("open", "sealed"):
        yield "abort", replace(s, phase="aborted", summed=0)


BROKEN: tuple[Design, ...] = (
    token_only,
    check_then_commit,
    fence_without_version,
    fence_at_seal_only,
    fence_by_epoch_without_version,
)


def search(design: Design, start: State | None = None, *, breaks: str = "") -> tuple[list[str] | None, int]:
    """Try every order of actions.

    Args:
        design: what stands between an update and a commit.
        start: where everything begins, with how much may happen.
        breaks: the guarantee to look at, "G1" or "G2"; empty for any.

    Returns:
        The shortest order that breaks it, its name last, or None; and how many states were seen.
    """
    first = start or State()
    came: dict[State, tuple[State, str] | None] = {first: None}
    waiting = deque([first])
    while waiting:
        state = waiting.popleft()
        if state.broken and state.broken.startswith(breaks):
            return [*_trace(came, state), state.broken], len(came)
        for actor in (person, service, design):
            for action, after in actor(state):
                if after not in came:
                    came[after] = (state, action)
                    waiting.append(after)
    return None, len(came)


def _trace(came: dict[State, tuple[State, str] | None], state: State) -> list[str]:
    actions: list[str] = []
    at: State = state
    while (step := came[at]) is not None:
        at, action = step
        actions.append(action)
    return actions[::-1]
