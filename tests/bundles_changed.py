"""Changes of a bundle's lines that anybody can make, for the tests of the audit."""

import json
from collections.abc import Callable

from privacy.canonical import encode

HEADER, TRUSTED, HEADS, MANIFEST, LABEL, PROOF, ENTRIES = 0, 1, 2, 5, 6, 7, 8
Lines = list[bytes]
Change = Callable[[Lines], None]


def replaced(at: int, old: bytes, new: bytes) -> Change:
    """Return a change of some bytes of a line, which must be there."""

    def change(some: Lines) -> None:
        assert old in some[at]
        some[at] = some[at].replace(old, new, 1)

    return change


def fewer(some: Lines, name: bytes, by: int) -> None:
    """Say another number of lines in the header, as a forger would."""
    header = json.loads(some[HEADER])
    header[name.decode()] -= by
    some[HEADER] = encode(header)


def dropped(at: int) -> Change:
    def change(some: Lines) -> None:
        del some[at]
        fewer(some, b"entries", 1)

    return change


def doubled(at: int) -> Change:
    def change(some: Lines) -> None:
        some.insert(at, some[at])
        fewer(some, b"entries", -1)

    return change


def exchanged(a: int, b: int) -> Change:
    def change(some: Lines) -> None:
        some[a], some[b] = some[b], some[a]

    return change
