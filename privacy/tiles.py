"""The log as static files: hash tiles and entry bundles that any C2SP client can fetch and check.

Source: c2sp.org/tlog-tiles. A tile holds up to 256 hashes of one level; a partial tile is named by its width. Every
function returns bytes under the path that a server, or a folder, gives them.
"""

from collections.abc import Iterator, Sequence
from typing import ClassVar

from privacy.errors import PrivacyError
from privacy.tree import HASH, Tree

WIDTH = 256
LONGEST_ENTRY = (1 << 16) - 1


class TileError(PrivacyError):
    """The bytes are no entry bundle, or an entry is too long for one."""

    code: ClassVar[str] = "tile_refused"


def tile_path(level: int | None, index: int, width: int = WIDTH) -> str:
    """Return the path of a tile of hashes, or of an entry bundle where level is None.

    >>> tile_path(0, 1234067), tile_path(1, 0, 17), tile_path(None, 273, 112)
    ('tile/0/x001/x234/067', 'tile/1/000.p/17', 'tile/entries/273.p/112')
    """
    path = f"{index % 1000:03d}"
    while index >= 1000:
        index //= 1000
        path = f"x{index % 1000:03d}/{path}"
    kind = "entries" if level is None else str(level)
    return f"tile/{kind}/{path}" + ("" if width == WIDTH else f".p/{width}")


def tile_index(path: str) -> tuple[int, int]:
    """Return index and width of the last part of a tile's path.

    >>> tile_index("x001/x234/067"), tile_index("273.p/112")
    ((1234067, 256), (273, 112))
    """
    digits, _, width = path.partition(".p/")
    return int(digits.replace("x", "").replace("/", "")), int(width) if width else WIDTH


def hash_tiles(tree: Tree) -> Iterator[tuple[str, bytes]]:
    """Yield (path, bytes) of every tile of a tree, from its leaves up."""
    level = 0
    while row := tree.row(8 * level):
        for place, at in enumerate(range(0, len(row), WIDTH * HASH)):
            tile = row[at : at + WIDTH * HASH]
            yield tile_path(level, place, len(tile) // HASH), tile
        level += 1


def entry_bundles(leaves: Sequence[bytes]) -> Iterator[tuple[str, bytes]]:
    """Yield (path, bytes) of every entry bundle.

    Raises:
        TileError: an entry is longer than 65,535 bytes.
    """
    for place, at in enumerate(range(0, len(leaves), WIDTH)):
        entries = leaves[at : at + WIDTH]
        if max(map(len, entries)) > LONGEST_ENTRY:
            raise TileError(f"an entry of bundle {place} is longer than {LONGEST_ENTRY} bytes")
        data = b"".join(len(entry).to_bytes(2, "big") + entry for entry in entries)
        yield tile_path(None, place, len(entries)), data


def read_entry_bundle(data: bytes) -> list[bytes]:
    """Return the entries of a bundle.

    Raises:
        TileError: the bundle ends inside an entry, or holds none or more than 256.
    """
    entries, at = [], 0
    while at < len(data):
        start = at + 2
        at = start + int.from_bytes(data[at:start], "big")
        if len(data) < max(at, start):
            raise TileError("the bundle ends inside an entry")
        entries.append(data[start:at])
    if not 1 <= len(entries) <= WIDTH:
        raise TileError(f"a bundle holds 1 to {WIDTH} entries, not {len(entries)}")
    return entries
