"""A catalogue file read column by column, as far as somebody asks: for a file that was validated before.

`decode_catalogue` holds every byte of a file to its canonical form, once, when a release is installed; 100,000 items
take it 0.15 s. At every later start the same bytes, known by their digest, are opened here in a tenth of that.

The columns are found by the names between them. A name stands between quotes, and a quote inside a text is escaped,
so no text can look like one; the first such name from the left and the last from the right are the columns' own.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from models.catalogue import CatalogueError
from models.signals import Signals, signals_from_json

_HEAD = b'{"format":"penchant-catalogue-2","genres":'
_QUOTE = ord('"')


class Texts(Sequence[str]):
    """A JSON list of texts of which only those that are asked for become objects.

    Args:
        data: the list, as `encode_catalogue` writes one.

    >>> Texts(b'["a","","c"]')[2]
    'c'
    """

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.escaped = b"\\" in data
        quotes = np.flatnonzero(np.frombuffer(data, np.uint8) == _QUOTE).astype(np.uint32)
        self.first, self._last = quotes[::2] + 1, quotes[1::2]
        self._parsed: list[str] = json.loads(data) if self.escaped else []

    @property
    def lengths(self) -> NDArray[np.uint32]:
        """Bytes of each text, where nothing is escaped."""
        return self._last - self.first

    def coded(self, at: int) -> bytes:
        """Return one text in UTF-8."""
        return self._parsed[at].encode() if self.escaped else self.data[self.first[at] : self._last[at]]

    def __len__(self) -> int:
        return len(self._parsed) if self.escaped else len(self._last)

    @overload
    def __getitem__(self, at: int) -> str: ...
    @overload
    def __getitem__(self, at: slice) -> list[str]: ...
    def __getitem__(self, at: int | slice) -> str | list[str]:
        """Return one text, or some."""
        if isinstance(at, slice):
            return [self[each] for each in range(*at.indices(len(self)))]
        return self._parsed[at] if self.escaped else self.coded(at).decode()

    def __iter__(self) -> Iterator[str]:
        return iter(self._parsed if self.escaped else json.loads(self.data))


class CatalogueView:
    """The catalogue of a file that `decode_catalogue` has accepted before: the same values, made when asked for.

    Args:
        data: the file's bytes.
    """

    def __init__(self, data: bytes) -> None:
        """Find the columns.

        Raises:
            CatalogueError: the bytes are no such file.
        """
        ids, middle = data.find(b',"ids":['), data.find(b'],"sensitive":{')
        titles, years = data.rfind(b',"titles":['), data.rfind(b'],"years":[')
        if not data.startswith(_HEAD) or not len(_HEAD) <= ids < middle < titles < years:
            raise CatalogueError("the catalogue file is not of this format: update this software")
        self._genres, self._years = data[len(_HEAD) : ids], data[years + 10 : -1]
        try:
            self.ids: Sequence[str] = Texts(data[ids + 7 : middle + 1])
            self.titles: Sequence[str] = Texts(data[titles + 10 : years + 1])
            rest: dict[str, Any] = json.loads(b"{" + data[middle + 2 : titles] + b"}")
            self.sensitive: Mapping[str, tuple[int, ...]] = {
                name: tuple(positions) for name, positions in rest["sensitive"].items()
            }
            self.signals: Signals = signals_from_json(rest["signals"])
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            raise CatalogueError("the catalogue file was never one that was validated") from None

    def __len__(self) -> int:
        return len(self.ids)

    @cached_property
    def years(self) -> NDArray[np.int16]:
        """Year of each item, 0 where unknown."""
        return np.array(json.loads(self._years), np.int16)

    @cached_property
    def genres(self) -> tuple[tuple[str, ...], ...]:
        """The open categories of each item."""
        return tuple(map(tuple, json.loads(self._genres)))

    @property
    def genre_names(self) -> tuple[str, ...]:
        """Every open category that occurs, sorted."""
        return tuple(sorted({name for names in self.genres for name in names}))
