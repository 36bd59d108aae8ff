"""The catalogue: the public list of items and what everyone may know about them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from models.errors import ModelError
from models.signals import DEFAULT, Signals


class CatalogueError(ModelError):
    """The item list contradicts itself: the caller mends the catalogue."""

    code = "catalogue_malformed"


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Public item knowledge, one row an item, the same order everywhere.

    Sensitive categories stand apart from `genres`, so nothing that reads genres, be it training, scoring, a
    profile or a reason, can use one.

    Args:
        ids: the app's own names of the items, unique.
        titles: what a person sees; may be empty strings.
        years: (items,) int16, 0 where unknown.
        genres: the open categories of each item, possibly none.
        sensitive: the items, by position and ascending, of each category that must never become a feature
            or a reason.
        signals: how events, interests and circumstances weigh.
    """

    ids: tuple[str, ...]
    titles: tuple[str, ...]
    years: NDArray[np.int16]
    genres: tuple[tuple[str, ...], ...]
    sensitive: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    signals: Signals = DEFAULT

    def __post_init__(self) -> None:
        items = len(self.ids)
        if not items == len(self.titles) == len(self.years) == len(self.genres):
            raise CatalogueError("ids, titles, years and genres must have one row per item each")
        if len(set(self.ids)) != items:
            raise CatalogueError("item ids must be unique")
        for name, positions in self.sensitive.items():
            if any(at < 0 or at >= items for at in positions) or list(positions) != sorted(set(positions)):
                raise CatalogueError(f"sensitive.{name} must name items by position, each once, ascending")
        used = {*self.genre_names, *(name for row in self.signals.shifts.values() for name in row)}
        if both := sorted(used & self.sensitive.keys()):
            raise CatalogueError(
                f"{both[0]} is sensitive, so it can be no genre and move no score: withhold() takes it out"
            )

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def genre_names(self) -> tuple[str, ...]:
        """Every open category that occurs, sorted."""
        return tuple(sorted({name for names in self.genres for name in names}))


class Listing(Protocol):
    """What a device reads of a catalogue, whether it is there as a whole or read as it is asked for."""

    @property
    def ids(self) -> Sequence[str]:
        """The app's own names of the items."""

    @property
    def titles(self) -> Sequence[str]:
        """What a person sees."""

    @property
    def years(self) -> NDArray[np.int16]:
        """0 where unknown."""

    @property
    def genres(self) -> Sequence[tuple[str, ...]]:
        """The open categories of each item."""

    @property
    def sensitive(self) -> Mapping[str, tuple[int, ...]]:
        """The items of each category that must never become a feature or a reason."""

    @property
    def signals(self) -> Signals:
        """How events, interests and circumstances weigh."""

    @property
    def genre_names(self) -> tuple[str, ...]:
        """Every open category that occurs, sorted."""

    def __len__(self) -> int: ...


def withhold(catalogue: Catalogue, names: Collection[str]) -> Catalogue:
    """Declare categories sensitive: take them out of the genres, remember only which items carry them.

    >>> plain = Catalogue(("1", "2"), ("", ""), np.zeros(2, np.int16), (("Drama", "Health"), ("Drama",)))
    >>> withhold(plain, ["Health"]).genres, withhold(plain, ["Health"]).sensitive
    ((('Drama',), ('Drama',)), {'Health': (0,)})
    """
    carried = {
        name: tuple(
            sorted(
                {*catalogue.sensitive.get(name, ())}
                | {at for at, row in enumerate(catalogue.genres) if name in row}
            )
        )
        for name in sorted({*names, *catalogue.sensitive})
    }
    genres = tuple(tuple(name for name in row if name not in carried) for row in catalogue.genres)
    return replace(catalogue, genres=genres, sensitive=carried)
