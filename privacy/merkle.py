"""The Merkle tree of RFC 6962 and 9162: one root stands for every leaf, in order, and short proofs show it.

Leaves are raw bytes, oldest first. Proofs are computed from all leaves (O(n) hashes); verifying them, and appending
to `Peaks`, takes O(log n).
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import ClassVar

from privacy.errors import PrivacyError

EMPTY_ROOT = hashlib.sha256().digest()
"""The root of the tree without leaves."""


class ProofError(PrivacyError):
    """The proof does not show what it claims: the entry, or the older log, is not in this one."""

    code: ClassVar[str] = "proof_refused"


def leaf_hash(leaf: bytes) -> bytes:
    """Hash a leaf so that it never passes for an inner node."""
    return hashlib.sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash two subtrees into the one above."""
    return hashlib.sha256(b"\x01" + left + right).digest()


@dataclass(frozen=True, slots=True)
class Peaks:
    """The roots of the perfect subtrees, largest first: all that an append needs to know of the past.

    Args:
        size: number of leaves.
        hashes: one 32-byte root for each bit set in the size.
    """

    size: int = 0
    hashes: tuple[bytes, ...] = ()

    def append(self, leaf: bytes) -> "Peaks":
        """Return the peaks with one more leaf: as many merges as the size ends in one bits."""
        *peaks, last = (*self.hashes, leaf_hash(leaf))
        merges = self.size
        while merges & 1:
            last = node_hash(peaks.pop(), last)
            merges >>= 1
        return Peaks(self.size + 1, (*peaks, last))

    @property
    def root(self) -> bytes:
        """The root over all leaves."""
        if not self.hashes:
            return EMPTY_ROOT
        return reduce(lambda right, left: node_hash(left, right), reversed(self.hashes))


def root(leaves: Sequence[bytes]) -> bytes:
    """Return the root over leaves.

    Source: RFC 9162, section 2.1.1.
    """
    return reduce(Peaks.append, leaves, Peaks()).root


def inclusion_proof(index: int, leaves: Sequence[bytes]) -> tuple[bytes, ...]:
    """Return the siblings that lead from one leaf to the root, the leaf's own first.

    Raises:
        ProofError: there is no leaf at this index.

    Source: RFC 9162, section 2.1.3.1.
    """
    if not 0 <= index < len(leaves):
        raise ProofError(f"no leaf {index} among {len(leaves)}")
    if len(leaves) == 1:
        return ()
    middle = _middle(len(leaves))
    if index < middle:
        return (*inclusion_proof(index, leaves[:middle]), root(leaves[middle:]))
    return (*inclusion_proof(index - middle, leaves[middle:]), root(leaves[:middle]))


def consistency_proof(size: int, leaves: Sequence[bytes]) -> tuple[bytes, ...]:
    """Return the nodes that show the first `size` leaves to be the beginning of all leaves.

    Raises:
        ProofError: there are fewer leaves than that.

    Source: RFC 9162, section 2.1.4.1; empty when either size is that of the other or zero.
    """
    if not 0 <= size <= len(leaves):
        raise ProofError(f"no older tree of {size} leaves among {len(leaves)}")
    return _subproof(size, leaves, known=True) if size else ()


def _subproof(size: int, leaves: Sequence[bytes], *, known: bool) -> tuple[bytes, ...]:
    if size == len(leaves):
        return () if known else (root(leaves),)
    middle = _middle(len(leaves))
    if size <= middle:
        return (*_subproof(size, leaves[:middle], known=known), root(leaves[middle:]))
    return (*_subproof(size - middle, leaves[middle:], known=False), root(leaves[:middle]))


def _middle(size: int) -> int:
    """Return the largest power of two below a size of at least two."""
    return 1 << (size - 1).bit_length() - 1


def verify_inclusion(leaf: bytes, *, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """Return only if the leaf stands at this index in the tree of this size and root.

    Raises:
        ProofError: it does not, or the proof is too short or too long.

    Source: RFC 9162, section 2.1.3.2.
    """
    if not 0 <= index < size:
        raise ProofError(f"no leaf {index} among {size}")
    place, last, node = index, size - 1, leaf_hash(leaf)
    for sibling in _hashes(proof):
        if last == 0:
            raise ProofError("the inclusion proof is too long")
        if place & 1 or place == last:
            node = node_hash(sibling, node)
            place, last = _above_right_edge(place, last)
        else:
            node = node_hash(node, sibling)
        place, last = place >> 1, last >> 1
    if last or node != root:
        raise ProofError(f"leaf {index} is not in the log of size {size}, or was changed")


def verify_consistency(
    *, old_size: int, new_size: int, proof: Sequence[bytes], old_root: bytes, new_root: bytes
) -> None:
    """Return only if the newer tree begins with the older one.

    Raises:
        ProofError: it does not, or the proof is too short or too long.

    Source: RFC 9162, section 2.1.4.2; an empty older tree begins every tree.
    """
    if not 0 <= old_size <= new_size:
        raise ProofError(f"a log of {new_size} leaves cannot begin with {old_size}")
    if old_size in (0, new_size):
        if proof or old_root != (new_root if old_size else EMPTY_ROOT):
            raise ProofError("equal or empty logs need equal roots and no proof")
        return
    path = list(_hashes(proof))
    if old_size & (old_size - 1) == 0:
        path.insert(0, old_root)
    if not path:
        raise ProofError("the consistency proof is too short")
    place, last = old_size - 1, new_size - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    older = newer = path[0]
    for node in path[1:]:
        if last == 0:
            raise ProofError("the consistency proof is too long")
        if place & 1 or place == last:
            older, newer = node_hash(node, older), node_hash(node, newer)
            place, last = _above_right_edge(place, last)
        else:
            newer = node_hash(newer, node)
        place, last = place >> 1, last >> 1
    if last or older != old_root or newer != new_root:
        raise ProofError(f"the log of size {new_size} does not begin with that of size {old_size}")


def _hashes(proof: Sequence[bytes]) -> Sequence[bytes]:
    if any(len(node) != 32 for node in proof):
        raise ProofError("every node of a proof has 32 bytes")
    return proof


def _above_right_edge(place: int, last: int) -> tuple[int, int]:
    """Skip the levels at which a node on the right edge has no sibling."""
    while place and not place & 1:
        place, last = place >> 1, last >> 1
    return place, last
