"""Where an item stands in the catalogue, by its id: found when it is asked for, instead of listed beforehand.

100,000 ids as a dictionary take 20 ms and 10 MB at every start. Here ids stay the bytes they are in the file; what is
sorted is one number an id, and whoever is found by it is compared whole.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.catalogue_view import Texts

WORD = 8
LONGEST = 64
"""Bytes of the longest id that is looked up by numbers; a catalogue with a longer one is listed."""
MOST_REMEMBERED = 50_000
PORTION = 4096
"""Ids whose words are in memory at a time."""
_FACTOR = 0x9E3779B97F4A7C15
_MODULUS = 2**64


class Positions(dict[str, int]):
    """Positions by id; ``positions[item]`` is -1 where the catalogue has no such item.

    What was asked for is remembered: asking again costs what a dictionary costs.

    Args:
        ids: of the catalogue, by position.
    """

    def __init__(self, ids: Sequence[str]) -> None:
        self._texts: Texts | None = None
        if isinstance(ids, Texts) and not ids.escaped and int(ids.lengths.max(initial=0)) <= LONGEST:
            super().__init__()
            self._texts = ids
            numbers = _numbers(ids)
            self._order = numbers.argsort().astype(np.uint32)
            self._sorted = numbers[self._order]
        else:
            super().__init__(zip(ids, range(len(ids)), strict=True))

    def __missing__(self, item: str) -> int:
        """Find an item that was not asked for before."""
        if self._texts is None or len(item) > LONGEST:
            return -1
        if len(self) >= MOST_REMEMBERED:
            self.clear()
        found = self[item] = self._find(self._texts, item.encode("utf-8", "surrogatepass"))
        return found

    def __contains__(self, item: object) -> bool:
        return isinstance(item, str) and self[item] >= 0

    def _find(self, texts: Texts, code: bytes) -> int:
        number = np.uint64(_number(code))
        at = int(self._sorted.searchsorted(number))
        while at < len(self._sorted) and self._sorted[at] == number:
            position = int(self._order[at])
            if texts.coded(position) == code:
                return position
            at += 1
        return -1


def _number(code: bytes) -> int:
    """Return an id's number: its words, each times a power of one odd factor, modulo 2**64."""
    total, factor = 0, 1
    for start in range(0, len(code), WORD):
        total += int.from_bytes(code[start : start + WORD], "little") * factor
        factor = factor * _FACTOR % _MODULUS
    return total % _MODULUS


def _numbers(ids: Texts) -> NDArray[np.uint64]:
    """Return the number of every id: a portion of them at a time, a word of each at a time."""
    letters, first, lengths = np.frombuffer(ids.data, np.uint8), ids.first, ids.lengths
    total = np.zeros(len(ids), np.uint64)
    for some in (slice(start, start + PORTION) for start in range(0, len(ids), PORTION)):
        factor = 1
        for start in range(0, int(lengths[some].max(initial=0)), WORD):
            steps = np.arange(start, start + WORD, dtype=np.uint32)
            inside = steps < lengths[some, None]
            coded = letters[np.where(inside, first[some, None] + steps, 0)] * inside
            total[some] += coded.view("<u8")[:, 0] * np.uint64(factor)
            factor = factor * _FACTOR % _MODULUS
    return total
