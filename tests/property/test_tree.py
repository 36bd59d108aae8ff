"""The growing tree gives the roots and proofs of the plain definition at every size; its tiles read back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privacy import merkle, tree
from privacy.errors import PrivacyError
from privacy.merkle import ProofError, consistency_proof, inclusion_proof, root
from privacy.tiles import LONGEST_ENTRY, TileError, entry_bundles, read_entry_bundle
from privacy.tree import Tree


def leaves(size: int) -> list[bytes]:
    return [b"%d" % number for number in range(size)]


@given(st.integers(0, 70), st.data())
def test_every_root_and_proof_is_that_of_the_definition(grown: int, data: st.DataObject) -> None:
    size = data.draw(st.integers(0, grown))
    entries, grower = leaves(grown)[:size], Tree(leaves(grown))
    assert grower.size == grown
    assert grower.root(size) == root(entries)
    old = data.draw(st.integers(0, size))
    assert grower.consistency_proof(old, size) == consistency_proof(old, entries)
    if size:
        index = data.draw(st.integers(0, size - 1))
        assert grower.inclusion_proof(index, size) == inclusion_proof(index, entries)


def test_what_the_log_never_was_cannot_be_proved() -> None:
    grower = Tree(leaves(5))
    for question in (
        lambda: grower.root(6),
        lambda: grower.inclusion_proof(5),
        lambda: grower.inclusion_proof(3, 3),
        lambda: grower.inclusion_proof(-1),
        lambda: grower.consistency_proof(4, 3),
        lambda: grower.consistency_proof(1, 6),
    ):
        with pytest.raises(ProofError):
            question()


def test_a_proof_hashes_the_square_of_a_logarithm_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    grower, calls, hashed = Tree(leaves(5000)), 0, merkle.node_hash

    def counted(left: bytes, right: bytes) -> bytes:
        nonlocal calls
        calls += 1
        return hashed(left, right)

    monkeypatch.setattr(tree, "node_hash", counted)
    grower.inclusion_proof(4321)
    grower.consistency_proof(1234)
    grower.root(4999)
    grower.append(b"")
    assert 0 < calls <= 3 * 13 * 13


@given(st.lists(st.binary(max_size=300), min_size=1, max_size=256))
def test_a_bundle_holds_the_entries_put_in(entries: list[bytes]) -> None:
    ((_, data),) = entry_bundles(entries)
    assert read_entry_bundle(data) == entries


@given(st.binary(max_size=600))
def test_any_bytes_are_a_bundle_or_refused_with_our_error(data: bytes) -> None:
    try:
        entries = read_entry_bundle(data)
    except PrivacyError:
        return
    assert dict(entry_bundles(entries)).popitem()[1] == data


def test_an_entry_too_long_for_a_bundle_is_refused() -> None:
    with pytest.raises(TileError):
        list(entry_bundles([b"x" * (LONGEST_ENTRY + 1)]))
