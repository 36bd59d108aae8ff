"""The memory's own speed: the least that reading a table takes, one thread, out of the memory and out of a cache.

A table of a few megabytes that is read again and again stays in the processor's last cache. What comes from the
memory must be larger than any cache: here every read is of another stretch of a buffer many caches long.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

CACHES = Path("/sys/devices/system/cpu/cpu0/cache")
UNKNOWN = 64 * 2**20
"""Bytes of a last cache that cannot be told, as that of most processors is smaller."""
TIMES, MOST = 8, 2**30
"""Last caches that the buffer is long, and its most bytes."""
UNITS = {"K": 2**10, "M": 2**20, "G": 2**30}
Words = NDArray[np.int64]


def last_cache(caches: Path = CACHES) -> int:
    """Return the bytes of the largest cache of a processor; `UNKNOWN` where the system does not tell."""
    try:
        said = [(each / "size").read_text().strip() for each in caches.glob("index*")]
        return max(int(size[:-1]) * UNITS[size[-1]] for size in said)
    except (OSError, ValueError, KeyError, IndexError):
        return UNKNOWN


class Memory:
    """A buffer too long for any cache, filled so that every page of it is there.

    Args:
        cache: bytes of the last cache.
    """

    def __init__(self, cache: int) -> None:
        self._words: Words = np.ones(min(TIMES * cache, MOST) // 8, np.int64)

    @property
    def bytes(self) -> int:
        """Its length."""
        return self._words.nbytes

    def reader(self, size: int) -> Callable[[int], object]:
        """Return what reads so many bytes of the buffer, another stretch at each turn, so from the memory."""
        words = size // 8
        stretches = len(self._words) // words

        def read(turn: int) -> object:
            start = turn % stretches * words
            return self._words[start : start + words].sum()

        return read

    def sweep(self) -> None:
        """Read the buffer once: what the caches held before is gone from them."""
        self._words.sum()


def cached_reader(size: int) -> Callable[[int], object]:
    """Return what reads the same so many bytes at each turn: from a cache that holds them."""
    words = np.ones(size // 8, np.int64)
    return lambda turn: words.sum()
