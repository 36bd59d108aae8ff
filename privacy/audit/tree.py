"""The Merkle tree of RFC 6962, read from its definition: the root of a log as it grows, and what a path leads to."""

import hashlib
from collections.abc import Sequence


def leaf_hash(leaf: bytes) -> bytes:
    """Return the hash of a leaf."""
    return hashlib.sha256(b"\0" + leaf).digest()


def _above(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\1" + left + right).digest()


class Growing:
    """A log's tree while its leaves come in: only the roots of its perfect subtrees are kept.

    >>> tree = Growing()
    >>> tree.root().hex()[:8]
    'e3b0c442'
    """

    def __init__(self) -> None:
        self.size = 0
        self._perfect: list[bytes] = []

    def add(self, leaf: bytes) -> None:
        """Take in the next leaf."""
        sha256, perfect, size = hashlib.sha256, self._perfect, self.size
        node = sha256(b"\0" + leaf).digest()
        while size & 1:
            node = sha256(b"\1" + perfect.pop() + node).digest()
            size >>= 1
        perfect.append(node)
        self.size += 1

    def root(self) -> bytes:
        """Return the root over every leaf so far."""
        if not self._perfect:
            return hashlib.sha256().digest()
        *rest, node = self._perfect
        for left in reversed(rest):
            node = _above(left, node)
        return node


def climb(leaf: bytes, *, index: int, size: int, path: Sequence[bytes]) -> bytes | None:
    """Return the root that a path from a leaf leads to, or None where it is no path of that tree.

    Source: RFC 6962, section 2.1.1, read backwards: a tree splits at the largest power of two below its size.
    """
    if not 0 <= index < size:
        return None
    turns: list[bool] = []
    while size > 1:
        half = 1 << (size - 1).bit_length() - 1
        turns.append(index >= half)
        index, size = (index - half, size - half) if index >= half else (index, half)
    if len(turns) != len(path):
        return None
    node = leaf_hash(leaf)
    for right, sibling in zip(reversed(turns), path, strict=True):
        node = _above(sibling, node) if right else _above(node, sibling)
    return node
