"""The bundle's container: its seal first, then its lines one after the other, none longer than it may be."""

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, NamedTuple

from privacy.audit.faults import Broken, Unreadable
from privacy.audit.forms import LARGEST, NotCanonical, read

_WHOLE = r"(0|[1-9][0-9]{0,15})"
_HEADER = re.compile(
    rf'\{{"checkpoints":{_WHOLE},"consent":(?:null|\{{"entries":{_WHOLE},"ticks":{_WHOLE}\}}),'
    rf'"entries":{_WHOLE},"format":"penchant-bundle-1","releases":{_WHOLE}\}}\n'
)
_SEAL = re.compile(rb'\{"sha256":"([0-9a-f]{64})"\}\n')
SEAL_BYTES = 78
LONGEST = 1 << 20
CHUNK = 1 << 20


class Header(NamedTuple):
    """How many lines of each kind a bundle has.

    Args:
        checkpoints, releases, entries: of the public part.
        officer: (leaves, ticks) of the consent log, None without the officer's part.
    """

    checkpoints: int
    releases: int
    entries: int
    officer: tuple[int, int] | None


class Lines:
    """The lines of a bundle, each given out once.

    Args:
        file: right before them.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._at = 1

    def take(self) -> bytes:
        """Return the next line without its end.

        Raises:
            Broken: there is none, or it is too long.
        """
        (line,) = self.some(1)
        return line

    def some(self, count: int) -> Iterator[bytes]:
        """Yield the next lines without their ends.

        Raises:
            Broken: there are not so many, or one is too long.
        """
        readline = self._file.readline
        for _ in range(count):
            line = readline(LONGEST + 1)
            self._at += 1
            if line[-1:] != b"\n" or len(line) > LONGEST:
                raise Broken("bundle.form", self.where, "the line is missing, cut off, or too long")
            yield line[:-1]

    def string(self) -> str:
        """Return the string that the next line is.

        Raises:
            Broken: it is none.
        """
        try:
            value = read(self.take())
        except NotCanonical as problem:
            raise Broken("bundle.form", self.where, f"{problem}") from None
        if not isinstance(value, str):
            raise Broken("bundle.form", self.where, "the line is no string")
        return value

    @property
    def where(self) -> str:
        """The place of the line given out last, for people."""
        return f"line {self._at}"

    def end(self) -> None:
        """Return only if nothing but the seal is left.

        Raises:
            Broken: something else is.
        """
        if _SEAL.fullmatch(self.take() + b"\n") is None or self._file.read(1):
            raise Broken("bundle.form", self.where, "something else than the seal stands at the end")


@contextmanager
def opened(path: Path) -> Iterator[tuple[Header, Lines]]:
    """Open a bundle whose seal holds.

    Raises:
        Unreadable: the file is no bundle of this version, or cannot be read.
        Broken: a byte of it was changed.
    """
    try:
        with path.open("rb") as file:
            header = _header(file.readline(LONGEST))
            _check_seal(file)
            file.seek(0)
            file.readline(LONGEST)
            yield header, Lines(file)
    except OSError as problem:
        raise Unreadable(f"{path}: {problem.strerror or problem}") from None


def _header(line: bytes) -> Header:
    found = _HEADER.fullmatch(line.decode("ascii", "replace"))
    if found is None:
        raise Unreadable("the file is no bundle of penchant-bundle-1: its first line says something else")
    numbers = [None if text is None else int(text) for text in found.groups()]
    if max(number or 0 for number in numbers) > LARGEST:
        raise Unreadable("the file announces more lines than any file has")
    checkpoints, leaves, ticks, entries, releases = numbers
    officer = None if leaves is None or ticks is None else (leaves, ticks)
    return Header(checkpoints or 0, releases or 0, entries or 0, officer)


def _check_seal(file: BinaryIO) -> None:
    size = file.seek(0, 2)
    file.seek(0)
    digest, left = hashlib.sha256(), max(size - SEAL_BYTES, 0)
    while left and (chunk := file.read(min(CHUNK, left))):
        digest.update(chunk)
        left -= len(chunk)
    found = _SEAL.fullmatch(file.read())
    if found is None or found[1].decode() != digest.hexdigest():
        raise Broken(
            "bundle.seal", "the whole file", "a byte was changed, added or lost since it was written"
        )
