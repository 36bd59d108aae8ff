"""Data sets: who met which item when, over a catalogue, collected block by block and sorted once."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from models.catalogue import Catalogue
from models.history import Ids
from simulations.errors import SimulationError

CatalogueSource = Literal["public", "derived from interactions"]
Times = NDArray[np.int64] | NDArray[np.float64]
BLOCK = 1 << 16
"""Rows read at once."""


class DatasetError(SimulationError):
    """A data file cannot be read as what it claims to be: file, line and reason are in the message."""

    code: ClassVar[str] = "dataset_refused"


@dataclass(frozen=True, slots=True)
class Dataset:
    """Interactions of many people with one catalogue.

    Args:
        name: the data set's name.
        person: (entries,) int32, people numbered by their ids' order; entries sorted by person, then time.
        item: (entries,) int32 catalogue positions.
        catalogue: what may be recommended.
        catalogue_source: whether the catalogue is public input or was read off the interactions.
        provenance: where the files came from, in words.
        timed: whether the order of a person's entries comes from times; without them it is the file's order,
            and recency says nothing.
        columns: which column was read as what, where a file names its own.
    """

    name: str
    person: Ids
    item: Ids
    catalogue: Catalogue
    catalogue_source: CatalogueSource
    provenance: str
    timed: bool = True
    columns: Mapping[str, str] = field(default_factory=dict)

    @property
    def people(self) -> int:
        """Number of people with at least one event."""
        return int(self.person[-1]) + 1 if len(self.person) else 0

    @property
    def repeats(self) -> int:
        """Number of entries that name an item the same person has met before."""
        pairs = self.person.astype(np.int64) * max(len(self.catalogue), 1) + self.item
        return len(pairs) - len(np.unique(pairs))

    def by_person(self) -> Iterator[Ids]:
        """Yield each person's items, oldest first."""
        bounds = np.searchsorted(self.person, np.arange(self.people + 1))
        for start, end in pairwise(bounds):
            yield self.item[start:end]

    def summary(self) -> dict[str, Any]:
        """Return what was read and how, for result.json."""
        return {
            "provenance": self.provenance,
            "timed": self.timed,
            "columns": dict(self.columns),
            "repeated_interactions": self.repeats,
        }


@dataclass(slots=True)
class Names:
    """Numbers names in the order they come, a block at a time."""

    numbers: dict[str, int] = field(default_factory=dict)

    def of(self, names: Sequence[str]) -> Ids:
        """Return the number of each name, numbering new ones."""
        numbers = self.numbers
        return np.array([numbers.setdefault(name, len(numbers)) for name in names], np.int32)

    def ranked(self) -> tuple[tuple[str, ...], Ids]:
        """Return the names in order, and each number's place there: whole numbers by size, else by text.

        >>> Names({"10": 0, "9": 1}).ranked()[0], Names({"10": 0, "9": 1, "x": 2}).ranked()[0]
        (('9', '10'), ('10', '9', 'x'))
        """
        names = self.numbers
        whole = all(name.isascii() and name.isdigit() and str(int(name)) == name for name in names)
        ordered = tuple(sorted(names, key=int) if whole else sorted(names))
        place = np.empty(len(names), np.int32)
        place[[names[name] for name in ordered]] = np.arange(len(names))
        return ordered, place


@dataclass(slots=True)
class Entries:
    """Interactions under collection: 8 bytes each, 16 with times, beside one copy of every name.

    Args:
        catalogue: the public catalogue, or None to number items as they come.
    """

    catalogue: Catalogue | None = None
    people: Names = field(default_factory=Names)
    items: Names = field(init=False)
    _person: list[Ids] = field(default_factory=list)
    _item: list[Ids] = field(default_factory=list)
    _time: list[Times] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Number the public catalogue's items by their place in it."""
        listed = self.catalogue.ids if self.catalogue else ()
        self.items = Names({name: place for place, name in enumerate(listed)})

    def add(self, people: Sequence[str], items: Sequence[str], times: Times | None) -> None:
        """Take the next rows of the file, in its order."""
        self._person.append(self.people.of(people))
        self._item.append(self.items.of(items))
        if times is not None:
            self._time.append(times)

    def stranger(self, items: Sequence[str]) -> int | None:
        """Return the index of the first item that the public catalogue does not list, if any."""
        known = self.items.numbers
        if self.catalogue is None or all(name in known for name in items):
            return None
        return next(index for index, name in enumerate(items) if name not in known)

    def sorted(self) -> tuple[Ids, Ids, tuple[str, ...]]:
        """Return person, item and item names; by person, then time, equal or missing times in file order."""
        person = self.people.ranked()[1][np.concatenate(self._person)]
        item = np.concatenate(self._item)
        keys = (np.concatenate(self._time), person) if self._time else (person,)
        order = np.lexsort(keys)
        if self.catalogue is not None:
            return person[order], item[order], self.catalogue.ids
        names, place = self.items.ranked()
        return person[order], place[item[order]], names

    def __len__(self) -> int:
        return sum(map(len, self._person))
