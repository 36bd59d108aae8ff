"""Merkle trees in the store: append-only logs whose proofs take few reads, whatever their size."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Select, select, update

from privacy.tree import Nodes
from server.bulk import insert_rows
from server.tables import tree_heads, tree_nodes


class StoredTree(Nodes):
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
        if self._held is None:
            self._held = int(self._connection.execute(self._head().with_for_update()).scalar_one())
        first = self._held
        for leaf in leaves:
            self._held = super().append(leaf) + 1
        insert_rows(self._connection, tree_nodes, self._unwritten)
        self._unwritten.clear()
        head = update(tree_heads).where(tree_heads.c.log == self._log).values(size=self._held)
        self._connection.execute(head)
        return first

    def node(self, level: int, place: int) -> bytes:
        """Return the hash of a complete subtree."""
        if (level, place) not in self._kept:
            query = select(tree_nodes.c.hash).where(
                tree_nodes.c.log == self._log, tree_nodes.c.level == level, tree_nodes.c.place == place
            )
            self._kept[level, place] = bytes(self._connection.execute(query).scalar_one())
        return self._kept[level, place]

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
