"""Rounds in memory: consent as arrays, for simulations of any size. The machine is the one that a database has."""

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np

from privacy.events import Event, LineDeclared, RoundTerms
from privacy.spending import BUDGETED, line_of
from privacy.terms import Guarantee
from server.round_book import (
    LIVE,
    NOBODY,
    Contribution,
    Counted,
    Int64,
    Members,
    Result,
    RoundBook,
    RoundRecord,
    RoundState,
)


class Consents(Protocol):
    """Consent of everyone: missing, expired or unreadable means no."""

    def eligible(self) -> Members:
        """Return everyone who may be asked now, by ascending subject."""

    def versions(self, subjects: Int64) -> Int64:
        """Return each subject's current consent version, -1 where contribution is not granted."""


class Log(Protocol):
    """Where events go."""

    def append(self, event: Event) -> int:
        """Append one event and return its index."""

    def proof(self, index: int) -> bytes:
        """Return the proof of one entry."""


@dataclass(slots=True)
class _Kept:
    record: RoundRecord
    invited: Members
    members: dict[int, Members] = field(default_factory=dict)
    sums: dict[int, Int64] = field(default_factory=dict)


class MemoryRoundStore:
    """Run steps over arrays, one at a time; it is its own book.

    What a step writes waits until the step has succeeded, so one that fails leaves nothing behind, and one that
    reads after it wrote sees what was before. A simulation is not resumed: of a line only the newest result is kept.

    Args:
        consents: who may be used now.
        ledger: the public log.
        recorded: the events already in it.
    """

    def __init__(self, consents: Consents, ledger: Log, *, recorded: Iterable[Event] = ()) -> None:
        self._consents = consents
        self._ledger = ledger
        self._rounds: dict[tuple[str, int], _Kept] = {}
        self._caps: dict[str, Guarantee] = {}
        self._terms: dict[RoundTerms, int] = {}
        self._history: dict[str, list[Event]] = {}
        self._writes: list[Callable[[], object]] = []
        self._one_at_a_time = threading.RLock()
        for event in recorded:
            self._note(event)

    def step(self, step: Callable[[RoundBook], Result]) -> Result:
        """Run one step."""
        with self._one_at_a_time:
            self._writes = []
            result = step(self)
            for write in self._writes:
                write()
            return result

    @contextmanager
    def leaving(self, subjects: Int64) -> Iterator[None]:
        """Change the consent of some between two steps, and take every live sum that holds one of them away."""
        with self._one_at_a_time:
            yield
            for kept in self._rounds.values():
                if kept.record.state in LIVE:
                    for node, members in list(kept.members.items()):
                        stay = ~np.isin(members.subjects, subjects)
                        if not stay.all():
                            kept.sums.pop(node, None)
                            kept.members[node] = members.take(stay)
                            if not stay.any():
                                del kept.members[node]
                    kept.invited = kept.invited.take(~np.isin(kept.invited.subjects, subjects))

    def cap(self, line: str) -> Guarantee | None:
        """Return what a line may spend."""
        return self._caps.get(line)

    def history(self, line: str) -> list[Event]:
        """Return everything of a line that its budget depends on."""
        return list(self._history.get(line, ()))

    def append(self, event: Event) -> None:
        """Append one event to the log."""

        def write() -> None:
            index = self._ledger.append(event)
            if isinstance(event, RoundTerms):
                self._terms[event] = index
            self._note(event)

        self._writes.append(write)

    def proof(self, terms: RoundTerms) -> bytes:
        """Return the log proof of a round's terms."""
        return self._ledger.proof(self._terms[terms])

    def eligible(self) -> Members:
        """Return everyone who may be asked now."""
        return self._consents.eligible()

    def versions(self, subjects: Int64) -> Int64:
        """Return current versions, -1 where not granted."""
        return self._consents.versions(subjects)

    def create(self, terms: RoundTerms, *, salt: bytes, invited: Members) -> None:
        """Store a new round."""
        record = RoundRecord(terms=terms, state=RoundState.OPEN, salt=salt, result=None)
        self._writes.append(
            lambda: self._rounds.__setitem__((terms.line, terms.round), _Kept(record, invited))
        )

    def find(self, line: str, number: int) -> RoundRecord | None:
        """Return a round."""
        kept = self._rounds.get((line, number))
        return None if kept is None else kept.record

    def invited(self, line: str, number: int) -> Members:
        """Return the cohort of a round."""
        return self._rounds[line, number].invited

    def invited_version(self, line: str, number: int, subjects: Int64) -> Int64:
        """Return the version each of these was invited under, -1 where none was."""
        cohort = self._rounds[line, number].invited
        if not len(cohort.subjects):
            return np.full(len(subjects), -1, np.int64)
        place = np.minimum(np.searchsorted(cohort.subjects, subjects), len(cohort.subjects) - 1)
        return np.where(cohort.subjects[place] == subjects, cohort.versions[place], -1)

    def counted(self, line: str, number: int) -> Counted:
        """Return who is counted by which node."""
        kept = self._rounds[line, number]
        return Counted(dict(kept.members), frozenset(kept.sums))

    def counted_elsewhere(self, line: str, number: int, node: int, subjects: Int64) -> bool:
        """Tell whether any of these is counted by another node."""
        members = self._rounds[line, number].members
        return any(np.isin(subjects, part.subjects).any() for key, part in members.items() if key != node)

    def put(self, line: str, number: int, node: int, reply: Contribution) -> None:
        """Store one node's sum."""
        kept = self._rounds[line, number]
        self._writes.append(lambda: kept.members.__setitem__(node, reply.members))
        self._writes.append(lambda: kept.sums.__setitem__(node, reply.total))

    def drop(self, line: str, number: int, node: int) -> None:
        """Forget one node's sum and account."""
        kept = self._rounds[line, number]
        self._writes.append(lambda: (kept.members.pop(node, None), kept.sums.pop(node, None)))

    def total(self, terms: RoundTerms) -> Int64:
        """Return the exact sum over all nodes."""
        total = np.zeros(terms.dimension, np.int64)
        for part in self._rounds[terms.line, terms.round].sums.values():
            total += part
        return total

    def move(self, terms: RoundTerms, state: RoundState, *, result: bytes | None = None) -> None:
        """Change a round's state."""

        def write() -> None:
            kept = self._rounds[terms.line, terms.round]
            kept.record = replace(kept.record, state=state, result=result)
            if state not in LIVE:
                kept.sums.clear()
                kept.invited = NOBODY
                for (line, number), other in self._rounds.items():
                    if line == terms.line and number != terms.round:
                        other.record = replace(other.record, result=None)

        self._writes.append(write)

    def _note(self, event: Event) -> None:
        """Remember what rounds ask of the log."""
        if isinstance(event, LineDeclared):
            self._caps[event.line] = event.guarantee()
        if isinstance(event, BUDGETED) and (line := line_of(event)) is not None:
            self._history.setdefault(line, []).append(event)
