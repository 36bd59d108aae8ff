"""The log's heads beside its entries: signed, in order, each a beginning of the same log."""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

from privacy.audit.faults import Broken
from privacy.audit.notes import Head
from privacy.audit.state import Log
from privacy.audit.tree import Growing


class Seen(NamedTuple):
    """A head, and where it stands."""

    head: Head
    where: str


class Roots:
    """The log's tree while its leaves come in, and its roots at the sizes that heads are of.

    Args:
        sizes: of every head.
    """

    def __init__(self, sizes: Iterable[int]) -> None:
        self._tree = Growing()
        self._due = sorted(set(sizes), reverse=True)
        self._found: dict[int, bytes] = {}
        self._next = self._due[-1] if self._due else -1
        if self._next == 0:
            self._keep()

    def add(self, leaf: bytes) -> None:
        """Take in the next leaf."""
        self._tree.add(leaf)
        if self._tree.size == self._next:
            self._keep()

    def at(self, size: int) -> bytes | None:
        """Return the root at a size that a head is of; None beyond the log."""
        return self._found.get(size)

    def _keep(self) -> None:
        self._found[self._due.pop()] = self._tree.root()
        self._next = self._due[-1] if self._due else -1


def check_heads(heads: Sequence[Seen], log: Log, roots: Roots, entries: int) -> None:
    """Return only if every head is signed and they are all of this one log.

    Raises:
        Broken: one is not.
    """
    if not heads:
        raise Broken("log.length", "the checkpoints", f"no head is over the {entries} entries")
    for seen in heads:
        if seen.head.origin != log.origin or not seen.head.signed_by(log.key_at(seen.head.size)):
            raise Broken("log.signature", seen.where, f"the key of {log.origin} did not sign it")
    for older, newer in pairwise(heads):
        if newer.head.size <= older.head.size:
            raise Broken("log.order", newer.where, f"size {newer.head.size} follows size {older.head.size}")
    newest = heads[-1]
    if newest.head.size != entries:
        says = f"it is over {newest.head.size} entries, here are {entries}"
        raise Broken("log.length", newest.where, says)
    if roots.at(newest.head.size) != newest.head.root:
        raise Broken("log.root", newest.where, "an entry was changed, exchanged or moved")
    for seen in heads[:-1]:
        check_prefix(seen, roots, "log.fork")


def check_since(older: Sequence[Seen], log: Log, roots: Roots) -> None:
    """Return only if the log continues the one that somebody kept heads of.

    Raises:
        Broken: it does not: one of the two histories was shown to somebody else.
    """
    for seen in older:
        if seen.head.origin != log.origin or not seen.head.signed_by(log.key_at(seen.head.size)):
            raise Broken("log.since", seen.where, f"the key of {log.origin} did not sign it")
        check_prefix(seen, roots, "log.since")


def check_prefix(seen: Seen, roots: Roots, rule: str) -> None:
    """Return only if a head is a beginning of the log.

    Raises:
        Broken: it is of another history.
    """
    if roots.at(seen.head.size) != seen.head.root:
        says = f"the first {seen.head.size} entries here are not those it was signed over"
        raise Broken(rule, seen.where, says)
