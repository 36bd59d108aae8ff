"""The catalogue: the public list of items and what everyone may know about them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.errors import ModelError


class CatalogueError(ModelError):
    """The item list contradicts itself: the caller mends the catalogue."""

    code = "catalogue_malformed"


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Public item knowledge, one row an item, the same order everywhere.

    Args:
        ids: the app's own names of the items, unique.
        titles: what a person sees; may be empty strings.
        years: (items,) int16, 0 where unknown.
        genres: the categories of each item, possibly none.
    """

    ids: tuple[str, ...]
    titles: tuple[str, ...]
    years: NDArray[np.int16]
    genres: tuple[tuple[str, ...], ...]

    def __post_init__(self) -> None:
        items = len(self.ids)
        if not items == len(self.titles) == len(self.years) == len(self.genres):
            raise CatalogueError("ids, titles, years and genres must have one row per item each")
        if len(set(self.ids)) != items:
            raise CatalogueError("item ids must be unique")

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def genre_names(self) -> tuple[str, ...]:
        """Every category that occurs, sorted."""
        return tuple(sorted({name for names in self.genres for name in names}))
