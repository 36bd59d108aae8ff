"""How a shard is worked on: some people at a time, and together those who met equally many items."""

import math
from collections.abc import Iterator
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from models.history import Histories, Ids

AT_ONCE = 1 << 20
"""Entries of a shard looked through at once."""
CELLS = 1 << 18
"""Numbers worked on at once: a megabyte of floats stays near the processor."""


def portions(histories: Histories) -> Iterator[Histories]:
    """Yield some people at a time, so that memory does not grow with a shard."""
    ends = np.searchsorted(histories.indptr, np.arange(AT_ONCE, len(histories.item), AT_ONCE))
    for start, end in pairwise([0, *np.unique(ends), histories.people]):
        yield histories.take(np.arange(start, end))


def by_length(histories: Histories, *, cells: int) -> Iterator[Histories]:
    """Yield the people with two events or more, shortest histories first, some at a time.

    Args:
        histories: of some people.
        cells: how many numbers one of them makes.
    """
    lengths = histories.lengths
    ordered = np.argsort(lengths, kind="stable")
    ordered = ordered[lengths[ordered] > 1]
    for some in _in_parts(ordered, cells):
        yield histories.take(some)


def alike(
    histories: Histories, *, person: int = 0, event: int = 0
) -> Iterator[tuple[NDArray[np.int64], Ids]]:
    """Yield those who met equally many items, some at a time: who they are, (people,), and (people, n) items.

    Args:
        histories: of some people; who met fewer than two items is left out.
        person: how many numbers each of them makes.
        event: how many each of their events makes.
    """
    lengths = histories.lengths
    for count in np.unique(lengths[lengths > 1]):
        for some in _in_parts(np.flatnonzero(lengths == count), person + int(count) * event):
            yield some, histories.item[histories.indptr[some][:, None] + np.arange(count)]


def _in_parts(people: NDArray[np.int64], cells: int) -> Iterator[NDArray[np.int64]]:
    if len(people):
        parts = min(math.ceil(len(people) * cells / CELLS), len(people))
        yield from np.array_split(people, parts) if parts > 1 else (people,)
