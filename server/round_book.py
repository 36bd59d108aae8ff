"""What a round needs of a store: consent, rounds and log within one serial step, in memory or in a database.

A step happens whole or not at all, and all steps happen one after the other. What holds something (a line, a round,
consents) keeps it as it is until the step ends. Everybody takes these in one order: line, round, consents, log.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from privacy.events import Event, RoundTerms
from privacy.terms import Guarantee

Int64 = NDArray[np.int64]
Result = TypeVar("Result")


class RoundState(StrEnum):
    """Where a round stands."""

    OPEN = "open"
    SEALED = "sealed"
    COMMITTED = "committed"
    ABORTED = "aborted"


LIVE = (RoundState.OPEN, RoundState.SEALED)
"""States in which a sum may still change."""


@dataclass(frozen=True, slots=True)
class Members:
    """Subjects with the consent version each is asked, or counted, under.

    Args:
        subjects: (count,) int64.
        versions: (count,) int64.
    """

    subjects: Int64
    versions: Int64

    def take(self, mask: NDArray[np.bool_]) -> "Members":
        """Return some of them."""
        return Members(self.subjects[mask], self.versions[mask])


NOBODY = Members(np.zeros(0, np.int64), np.zeros(0, np.int64))


@dataclass(frozen=True, slots=True)
class Contribution:
    """One node's sum, with the account of who is in it.

    Args:
        subjects: (count,) the devices whose contributions were summed.
        versions: (count,) the consent version each was made under.
        total: (dimension,) int64 sum on the terms' grid.
    """

    subjects: Int64
    versions: Int64
    total: Int64

    @property
    def members(self) -> Members:
        """Who is in it."""
        return Members(self.subjects, self.versions)


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundRecord:
    """A round as it is stored.

    Args:
        terms: as logged.
        state: where it stands.
        salt: 32 random bytes that blind the commitment to who is in it.
        result: what the aggregator kept at the commit; None before.
    """

    terms: RoundTerms
    state: RoundState
    salt: bytes
    result: bytes | None


@dataclass(frozen=True, slots=True)
class Round:
    """A round that was opened or found again.

    Args:
        terms: as logged.
        invited: the cohort; empty once the round has ended.
        state: where it stood then.
        result: what the aggregator kept, where it is committed.
        salt: blinds the commitment to who is in it.
    """

    terms: RoundTerms
    invited: Members
    state: RoundState
    result: bytes | None
    salt: bytes


@dataclass(frozen=True, slots=True)
class Counted:
    """What stands in a round so far.

    Args:
        members: who is counted, by node.
        summed: the nodes whose sum is there; a withdrawal takes the sum away and leaves the others' account.
    """

    members: dict[int, Members]
    summed: frozenset[int]

    def everyone(self) -> Members:
        """Return all of them, node by node in ascending order."""
        parts = [self.members[node] for node in sorted(self.members)]
        return Members(
            np.concatenate([NOBODY.subjects, *(part.subjects for part in parts)]),
            np.concatenate([NOBODY.versions, *(part.versions for part in parts)]),
        )


class RoundBook(Protocol):
    """One step's view; nothing of it lasts if the step fails."""

    def cap(self, line: str) -> Guarantee | None:
        """Return what a line may spend, holding the line; None if it was never declared."""

    def history(self, line: str) -> list[Event]:
        """Return everything of a line that its budget depends on, oldest first."""

    def append(self, event: Event) -> None:
        """Append one event to the log."""

    def proof(self, terms: RoundTerms) -> bytes:
        """Return the log proof of a round's terms, under a fresh checkpoint."""

    def eligible(self) -> Members:
        """Return everyone who may be asked now, by ascending subject."""

    def versions(self, subjects: Int64) -> Int64:
        """Return the versions under which these subjects may be used now, -1 where not, holding them all."""

    def create(self, terms: RoundTerms, *, salt: bytes, invited: Members) -> None:
        """Store a new round, open."""

    def find(self, line: str, number: int) -> RoundRecord | None:
        """Return a round, holding it."""

    def invited(self, line: str, number: int) -> Members:
        """Return the cohort of a round, by ascending subject."""

    def invited_version(self, line: str, number: int, subjects: Int64) -> Int64:
        """Return the version each of these was invited under, -1 where none was."""

    def counted(self, line: str, number: int) -> Counted:
        """Return who is counted by which node."""

    def counted_elsewhere(self, line: str, number: int, node: int, subjects: Int64) -> bool:
        """Tell whether any of these is counted by another node."""

    def put(self, line: str, number: int, node: int, reply: Contribution) -> None:
        """Store one node's sum in place of its earlier one."""

    def drop(self, line: str, number: int, node: int) -> None:
        """Forget one node's sum and account."""

    def total(self, terms: RoundTerms) -> Int64:
        """Return the exact sum over all nodes; whoever is absent counts as zero."""

    def move(self, terms: RoundTerms, state: RoundState, *, result: bytes | None = None) -> None:
        """Change a round's state; with its end, sums and invitations are deleted."""


class RoundStore(Protocol):
    """Something that runs steps."""

    def step(self, step: Callable[[RoundBook], Result]) -> Result:
        """Run one step, again where the store asks for it.

        Raises:
            StoreUnavailable: the store does not answer; nothing happened.
        """
