"""Merkle trees in the store: append-only logs whose proofs take few reads, whatever their size."""

from collections.abc import Callable, Sequence, Set
from typing import Any

from sqlalchemy import Connection, Select, select, text, update

from privacy.tree import HASH, Growing, Nodes
from server.bulk import insert_rows
from server.tables import tree_heads, tree_nodes


class StoredTree(Growing):
    """One log's tree within one transaction.

    The first append of a transaction holds the log until it ends: positions are given out in the order of commits.

    Args:
        connection: the transaction.
        log: name of the log, one of those the migration made.
    """

    def __init__(self, connection: Connection, log: str) -> None:
        self._connection = connection
        self._log = log
        self._held: int | None = None
        self._kept: dict[tuple[int, int], bytes] = {}
        self._unwritten: list[dict[str, Any]] = []

    @property
    def size(self) -> int:
        """Number of leaves."""
        if self._held is not None:
            return self._held
        return int(self._connection.execute(self._head()).scalar_one())

    def append(self, leaf: bytes) -> int:
        """Append one leaf and return its index, holding the log."""
        return self.extend([leaf])

    def extend(self, leaves: Sequence[bytes]) -> int:
        """Append leaves in a few statements, however many, and return the first one's index, holding the log."""
        first = self.hold()
        for leaf in leaves:
            self._held = super().append(leaf) + 1
        insert_rows(self._connection, tree_nodes, self._unwritten)
        self._unwritten.clear()
        head = update(tree_heads).where(tree_heads.c.log == self._log).values(size=self._held)
        self._connection.execute(head)
        return first

    def root(self, size: int | None = None) -> bytes:
        """Return the root over all leaves, or the first of them, in one read."""
        self._read(lambda nodes: nodes.root(size))
        return super().root(size)

    def inclusion_proof(self, index: int, size: int | None = None) -> tuple[bytes, ...]:
        """Return the siblings of one leaf's path, in one read."""
        self._read(lambda nodes: nodes.inclusion_proof(index, size))
        return super().inclusion_proof(index, size)

    def consistency_proof(self, old: int, size: int | None = None) -> tuple[bytes, ...]:
        """Return the nodes that show an older tree to be this one's beginning, in one read."""
        self._read(lambda nodes: nodes.consistency_proof(old, size))
        return super().consistency_proof(old, size)

    def hold(self) -> int:
        """Keep everybody else from appending until the transaction ends; return how many leaves there are."""
        if self._held is None:
            self._held = int(self._connection.execute(self._head().with_for_update()).scalar_one())
            self._read(lambda nodes: nodes.root())
        return self._held

    def node(self, level: int, place: int) -> bytes:
        """Return the hash of a complete subtree."""
        if (level, place) not in self._kept:
            self._fetch({(level, place)})
        return self._kept[level, place]

    def _read(self, act: Callable[[Nodes], object]) -> None:
        """Read everything an act will ask for, at once."""
        needed = _Needed(self.size)
        act(needed)
        self._fetch(needed.nodes - self._kept.keys())

    def _fetch(self, nodes: Set[tuple[int, int]]) -> None:
        if (
            nodes
        ):  # either database looks each up in its index; it would read a whole table for (level, place) IN
            one = "SELECT level, place, hash FROM tree_nodes WHERE log = :log AND level = {} AND place = {}"
            query = text(" UNION ALL ".join(one.format(level, place) for level, place in sorted(nodes)))
            rows = self._connection.execute(query, {"log": self._log})
            self._kept.update(((row.level, row.place), bytes(row.hash)) for row in rows)

    def row(self, level: int, *, start: int, count: int) -> list[bytes]:
        """Return the hashes of some complete subtrees of 2**level leaves, in order; fewer where there are no more."""
        here = (tree_nodes.c.log == self._log) & (tree_nodes.c.level == level)
        page = (tree_nodes.c.place >= start) & (tree_nodes.c.place < start + count)
        query = select(tree_nodes.c.hash).where(here & page).order_by(tree_nodes.c.place)
        return [bytes(node) for node in self._connection.execute(query).scalars()]

    def keep(self, level: int, place: int, node: bytes) -> None:
        """Keep the hash of a complete subtree."""
        self._kept[level, place] = node
        self._unwritten.append({"log": self._log, "level": level, "place": place, "hash": node})

    def _head(self) -> Select[Any]:
        return select(tree_heads.c.size).where(tree_heads.c.log == self._log)


class _Needed(Nodes):
    """A tree of a size that holds nothing and notes what it is asked for."""

    def __init__(self, size: int) -> None:
        self._size = size
        self.nodes: set[tuple[int, int]] = set()

    @property
    def size(self) -> int:
        """Number of leaves."""
        return self._size

    def node(self, level: int, place: int) -> bytes:
        """Note a subtree."""
        self.nodes.add((level, place))
        return bytes(HASH)
