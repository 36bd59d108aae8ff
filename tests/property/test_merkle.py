"""The Merkle tree: every true claim verifies, no false one does, and a verifier that cuts a corner is caught."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privacy import merkle
from privacy.merkle import (
    EMPTY_ROOT,
    Peaks,
    ProofError,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    node_hash,
    root,
    verify_consistency,
    verify_inclusion,
)

SIZES = st.integers(1, 40)


def leaves(size: int) -> list[bytes]:
    return [f"leaf {number}".encode() for number in range(size)]


def by_definition(entries: Sequence[bytes]) -> bytes:
    """Hash a tree in the words of RFC 9162, section 2.1.1."""
    if len(entries) <= 1:
        return hashlib.sha256(b"\x00" + entries[0] if entries else b"").digest()
    middle = 1
    while middle * 2 < len(entries):
        middle *= 2
    return hashlib.sha256(
        b"\x01" + by_definition(entries[:middle]) + by_definition(entries[middle:])
    ).digest()


class Inclusion(Protocol):
    """How inclusion is verified, rightly or not."""

    def __call__(
        self, leaf: bytes, *, index: int, size: int, proof: Sequence[bytes], root: bytes
    ) -> None: ...


class Consistency(Protocol):
    """How consistency is verified, rightly or not."""

    def __call__(
        self, *, old_size: int, new_size: int, proof: Sequence[bytes], old_root: bytes, new_root: bytes
    ) -> None: ...


def passes(verify: Callable[[], None]) -> bool:
    try:
        verify()
    except ProofError:
        return False
    return True


def false_inclusions(verify: Inclusion) -> Iterator[str]:
    """Yield every false claim of inclusion that a verifier believes."""
    for size in (1, 2, 3, 5, 7, 8):
        entries = leaves(size)
        for index in range(size):
            proof, head, leaf = inclusion_proof(index, entries), root(entries), entries[index]
            claims = {
                "another leaf": (b"forged", index, size, proof, head),
                "another root": (leaf, index, size, proof, root(leaves(size + 1))),
                "too long": (leaf, index, size, (*proof, proof[-1] if proof else head), head),
                "above the root": (leaf, index, size, (*proof, head), node_hash(head, head)),
                "index beyond": (leaf, size, size, proof, head),
                "negative index": (leaf, -1, size, proof, head),
                "no size": (leaf, 0, 0, proof, head),
                **{f"index {i}": (leaf, i, size, proof, head) for i in range(size) if i != index},
                **{f"without {i}": (leaf, index, size, proof[:i] + proof[i + 1 :], head) for i in range(len(proof))},
            }  # fmt: skip
            if size == 2:
                inner = b"\x01" + leaf_hash(entries[0]) + leaf_hash(entries[1])
                claims["an inner node as leaf"] = (inner, 0, 1, (), head)
            for name, (a, b, c, d, e) in claims.items():
                if passes(lambda a=a, b=b, c=c, d=d, e=e: verify(a, index=b, size=c, proof=d, root=e)):  # type: ignore[misc]
                    yield f"{name} at {index} of {size}"


def false_consistencies(verify: Consistency) -> Iterator[str]:
    """Yield every false claim of consistency that a verifier believes."""
    for new in range(1, 9):
        entries = leaves(new)
        for old in range(new + 1):
            proof, older, newer = consistency_proof(old, entries), root(entries[:old]), root(entries)
            rewritten = root([b"rewritten", *entries[1:]])
            claims = {
                "rewritten past": (old, new, proof, older, rewritten),
                "another past": (old, new, proof, root([*entries[:old], b"more"]), newer),
                "too long": (old, new, (*proof, older), older, newer),
                "backwards": (new + 1, new, proof, older, newer),
                **{f"without {i}": (old, new, proof[:i] + proof[i + 1 :], older, newer) for i in range(len(proof))},
            }  # fmt: skip
            if old == 0:
                del claims["rewritten past"]
            for name, (a, b, c, d, e) in claims.items():
                if passes(
                    lambda a=a, b=b, c=c, d=d, e=e: verify(  # type: ignore[misc]
                        old_size=a, new_size=b, proof=c, old_root=d, new_root=e
                    )
                ):
                    yield f"{name}: {old} of {new}"


@given(st.lists(st.binary(max_size=4), max_size=40))
def test_the_incremental_root_is_the_root_by_definition(entries: list[bytes]) -> None:
    assert root(entries) == by_definition(entries)


def test_an_append_hashes_a_logarithm_of_the_log(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = 0
    hashed = merkle.node_hash

    def counted(left: bytes, right: bytes) -> bytes:
        nonlocal calls
        calls += 1
        return hashed(left, right)

    monkeypatch.setattr(merkle, "node_hash", counted)
    peaks = Peaks()
    for leaf in leaves(1024):
        before = calls
        peaks = peaks.append(leaf)
        assert peaks.root
        assert calls - before <= 20


@given(SIZES, st.data())
def test_every_leaf_proves_its_place(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    entries = leaves(size)
    proof = inclusion_proof(index, entries)
    verify_inclusion(entries[index], index=index, size=size, proof=proof, root=root(entries))
    assert len(proof) <= (size - 1).bit_length()


@given(SIZES, st.data())
def test_every_beginning_proves_itself(size: int, data: st.DataObject) -> None:
    old = data.draw(st.integers(0, size))
    entries = leaves(size)
    verify_consistency(
        old_size=old, new_size=size, proof=consistency_proof(old, entries),
        old_root=root(entries[:old]), new_root=root(entries),
    )  # fmt: skip


@given(st.integers(-3, 50), st.integers(-3, 50), st.lists(st.binary(max_size=33), max_size=8))
def test_any_proof_is_believed_or_refused_with_our_error(a: int, b: int, proof: list[bytes]) -> None:
    passes(lambda: verify_inclusion(b"", index=a, size=b, proof=proof, root=EMPTY_ROOT))
    passes(
        lambda: verify_consistency(
            old_size=a, new_size=b, proof=proof, old_root=EMPTY_ROOT, new_root=EMPTY_ROOT
        )
    )


def test_no_false_inclusion_is_believed() -> None:
    assert list(false_inclusions(verify_inclusion)) == []


def test_no_false_consistency_is_believed() -> None:
    assert list(false_consistencies(verify_consistency)) == []


def believes_everything(leaf: bytes, *, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """Plant: nothing is compared."""


def ignores_the_index(leaf: bytes, *, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """Plant: any place will do."""
    if not any(
        passes(lambda i=i: verify_inclusion(leaf, index=i, size=size, proof=proof, root=root))  # type: ignore[misc]
        for i in range(size)
    ):
        raise ProofError("in no place")


def ignores_the_root(leaf: bytes, *, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """Plant: only the proof's length counts."""
    if not 0 <= index < size or len(proof) != len(inclusion_proof(index, leaves(size))):
        raise ProofError("another length")


def ignores_what_is_too_much(
    leaf: bytes, *, index: int, size: int, proof: Sequence[bytes], root: bytes
) -> None:
    """Plant: what stands beyond the root is not looked at."""
    needed = len(inclusion_proof(index, leaves(size))) if 0 <= index < size else 0
    verify_inclusion(leaf, index=index, size=size, proof=proof[:needed], root=root)


@pytest.mark.parametrize(
    "fault", [believes_everything, ignores_the_index, ignores_the_root, ignores_what_is_too_much]
)
def test_a_verifier_of_inclusion_that_cuts_a_corner_is_caught(fault: Inclusion) -> None:
    assert list(false_inclusions(fault))


def test_leaves_hashed_like_nodes_are_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(merkle, "leaf_hash", lambda leaf: hashlib.sha256(leaf).digest())
    inner = b"\x01" + merkle.leaf_hash(b"a") + merkle.leaf_hash(b"b")
    merkle.verify_inclusion(inner, index=0, size=1, proof=(), root=root([b"a", b"b"]))
    monkeypatch.undo()
    with pytest.raises(ProofError):
        merkle.verify_inclusion(inner, index=0, size=1, proof=(), root=root([b"a", b"b"]))


def looks_only_at_the_new(
    *, old_size: int, new_size: int, proof: Sequence[bytes], old_root: bytes, new_root: bytes
) -> None:
    """Plant: whatever the older root was, it is taken as consistent."""
    verify_consistency(
        old_size=old_size, new_size=new_size, proof=proof, old_root=root(leaves(old_size)), new_root=new_root
    )


def looks_only_at_the_old(
    *, old_size: int, new_size: int, proof: Sequence[bytes], old_root: bytes, new_root: bytes
) -> None:
    """Plant: whatever the newer root is, it is taken as consistent."""
    verify_consistency(
        old_size=old_size, new_size=new_size, proof=proof, old_root=old_root, new_root=root(leaves(new_size))
    )


@pytest.mark.parametrize("fault", [looks_only_at_the_new, looks_only_at_the_old])
def test_a_verifier_of_consistency_that_cuts_a_corner_is_caught(fault: Consistency) -> None:
    assert list(false_consistencies(fault))
