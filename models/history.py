"""Histories: who met which item in which order, and how much each event still weighs."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.errors import ModelError

Float = NDArray[np.float32]
Ids = NDArray[np.int32]
EVENTS_FOR_ONE_SPARED = 4
"""A history keeps one event out of what is learnt for so many that it holds."""


class HistoryError(ModelError):
    """The event lists do not describe histories: the caller mends the arrays."""

    code = "history_malformed"


@dataclass(frozen=True, slots=True)
class Histories:
    """The distinct items of many people, oldest first, one run of entries after another.

    Args:
        indptr: (people + 1,) int64, person p owns entries ``indptr[p]:indptr[p + 1]``.
        item: (entries,) int32 catalogue positions.
    """

    indptr: NDArray[np.int64]
    item: Ids

    def __post_init__(self) -> None:
        if self.indptr.ndim != 1 or self.item.ndim != 1 or len(self.indptr) == 0:
            raise HistoryError("indptr and item must be one-dimensional and indptr must not be empty")
        if self.indptr[0] != 0 or self.indptr[-1] != len(self.item) or np.any(np.diff(self.indptr) < 0):
            raise HistoryError("indptr must rise from 0 to the number of entries")

    @property
    def people(self) -> int:
        """Number of people, those with no event included."""
        return len(self.indptr) - 1

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Number of events of each person, (people,) int64."""
        return np.diff(self.indptr)

    def owners(self) -> NDArray[np.int64]:
        """Return the person of each entry, (entries,) int64."""
        return np.repeat(np.arange(self.people, dtype=np.int64), self.lengths)

    def ages(self) -> NDArray[np.int64]:
        """Return each entry's age in events, (entries,) int64; 0 is the person's latest."""
        return np.repeat(self.indptr[1:], self.lengths) - 1 - np.arange(len(self.item), dtype=np.int64)

    def of(self, person: int) -> Ids:
        """Return one person's items, oldest first."""
        return self.item[self.indptr[person] : self.indptr[person + 1]]

    def take(self, people: NDArray[np.int64]) -> "Histories":
        """Return the histories of the chosen people, in the order given."""
        lengths = self.lengths[people]
        indptr = np.zeros(len(people) + 1, np.int64)
        np.cumsum(lengths, out=indptr[1:])
        entry = np.arange(indptr[-1]) + np.repeat(self.indptr[people] - indptr[:-1], lengths)
        return Histories(indptr, self.item[entry])


def from_lists(lists: list[list[int]]) -> Histories:
    """Build histories from one list of items per person, oldest first.

    >>> from_lists([[3, 1], []]).lengths.tolist()
    [2, 0]
    """
    indptr = np.concatenate([[0], np.cumsum([len(items) for items in lists])]).astype(np.int64)
    return Histories(indptr, np.array([item for items in lists for item in items], np.int32))


def history_weights(ages: NDArray[np.int64], *, alpha: float, tau: float) -> Float:
    """Weigh events by recency: alpha + (1 - alpha) exp(-age / tau).

    Args:
        ages: (entries,) age in events, 0 the latest.
        alpha: floor in [0, 1]; 1 switches recency off.
        tau: decay in events, positive.

    Returns:
        (entries,) float32 weights in [alpha, 1].
    """
    if not 0 <= alpha <= 1 or not tau > 0:
        raise HistoryError(f"alpha must be in [0, 1] and tau positive, not {alpha} and {tau}")
    return (alpha + (1 - alpha) * np.exp(-ages / tau)).astype(np.float32)


def spared_events(lengths: NDArray[np.int64], *, most: int) -> NDArray[np.int64]:
    """Return how many of their latest events histories keep out of what is learnt, to judge it by.

    Args:
        lengths: (people,) distinct items of each.
        most: the largest number.

    >>> spared_events(np.array([3, 4, 9, 200]), most=3).tolist()
    [0, 1, 2, 3]
    """
    return np.minimum(lengths // EVENTS_FOR_ONE_SPARED, most)
