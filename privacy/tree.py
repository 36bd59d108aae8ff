"""A growing Merkle tree that keeps the hash of every complete subtree: any root or proof takes few hashes.

Two hashes a leaf are kept, 64 bytes, in memory or wherever a subclass puts them. Its rows are also what C2SP serves
as tiles (`privacy.tiles`).
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable

from privacy.merkle import EMPTY_ROOT, ProofError, leaf_hash, node_hash

HASH = 32


class Nodes(ABC):
    """Everything a tree can prove, over hashes that are kept somewhere."""

    @property
    @abstractmethod
    def size(self) -> int:
        """Number of leaves."""

    @abstractmethod
    def node(self, level: int, place: int) -> bytes:
        """Return the hash of the place-th complete subtree of 2**level leaves."""

    def root(self, size: int | None = None) -> bytes:
        """Return the root over all leaves, or over the first `size` of them: O(log n) hashes.

        Raises:
            ProofError: there are not so many leaves.
        """
        size = self._known(size)
        return self._over(0, size) if size else EMPTY_ROOT

    def inclusion_proof(self, index: int, size: int | None = None) -> tuple[bytes, ...]:
        """Return the siblings from one leaf to the root over the first `size` leaves, the leaf's own first.

        Raises:
            ProofError: there is no such leaf, or there are not so many.

        Source: RFC 9162, section 2.1.3.1.
        """
        size = self._known(size)
        if not 0 <= index < size:
            raise ProofError(f"no leaf {index} among {size}")
        begin, end, path = 0, size, []
        while end - begin > 1:
            middle = begin + _left(end - begin)
            if index < middle:
                path.append(self._over(middle, end))
                end = middle
            else:
                path.append(self._over(begin, middle))
                begin = middle
        return tuple(reversed(path))

    def consistency_proof(self, old: int, size: int | None = None) -> tuple[bytes, ...]:
        """Return the nodes that show the first `old` leaves to be the beginning of the first `size`.

        Raises:
            ProofError: there are not so many leaves.

        Source: RFC 9162, section 2.1.4.1; empty when either size is that of the other or zero.
        """
        size = self._known(size)
        if not 0 <= old <= size:
            raise ProofError(f"no older tree of {old} leaves among {size}")
        if old in (0, size):
            return ()
        begin, end, path = 0, size, []
        while old != end:
            middle = begin + _left(end - begin)
            if old <= middle:
                path.append(self._over(middle, end))
                end = middle
            else:
                path.append(self._over(begin, middle))
                begin = middle
        if begin:
            path.append(self._over(begin, end))
        return tuple(reversed(path))

    def _known(self, size: int | None) -> int:
        if size is None:
            return self.size
        if not 0 <= size <= self.size:
            raise ProofError(f"the log has {self.size} leaves, not {size}")
        return size

    def _over(self, begin: int, end: int) -> bytes:
        """Hash the leaves from begin to end, where begin is a multiple of the least power of two >= their number."""
        leaves = end - begin
        if leaves & (leaves - 1) == 0:
            level = leaves.bit_length() - 1
            return self.node(level, begin >> level)
        middle = begin + _left(leaves)
        return node_hash(self._over(begin, middle), self._over(middle, end))


class Growing(Nodes):
    """A tree that leaves are appended to."""

    @abstractmethod
    def keep(self, level: int, place: int, node: bytes) -> None:
        """Keep that hash; places come in ascending order."""

    def append(self, leaf: bytes) -> int:
        """Append one leaf and return its index: one hash, and one for every subtree it completes."""
        index = place = self.size
        node, level = leaf_hash(leaf), 0
        self.keep(level, place, node)
        while place & 1:
            node = node_hash(self.node(level, place - 1), node)
            level, place = level + 1, place >> 1
            self.keep(level, place, node)
        return index


class Tree(Growing):
    """A tree in memory.

    Args:
        leaves: the first leaves, oldest first.

    >>> from privacy.merkle import inclusion_proof, root
    >>> leaves = [b"a", b"b", b"c"]
    >>> Tree(leaves).root() == root(leaves), Tree(leaves).inclusion_proof(2) == inclusion_proof(2, leaves)
    (True, True)
    """

    def __init__(self, leaves: Iterable[bytes] = ()) -> None:
        self._rows = [bytearray()]
        for leaf in leaves:
            self.append(leaf)

    @property
    def size(self) -> int:
        """Number of leaves."""
        return len(self._rows[0]) // HASH

    def node(self, level: int, place: int) -> bytes:
        """Return the hash of a complete subtree."""
        return bytes(self._rows[level][place * HASH : (place + 1) * HASH])

    def keep(self, level: int, place: int, node: bytes) -> None:
        """Keep the hash of a complete subtree."""
        if level == len(self._rows):
            self._rows.append(bytearray())
        self._rows[level] += node

    def row(self, level: int) -> bytes:
        """Return the hashes of all complete subtrees of 2**level leaves, back to back."""
        return bytes(self._rows[level]) if level < len(self._rows) else b""


def _left(leaves: int) -> int:
    """Return the largest power of two below a number of leaves above one."""
    return 1 << (leaves - 1).bit_length() - 1
