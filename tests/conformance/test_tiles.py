"""Tiles against the C2SP specification's own examples, and the growing tree against the shared CT vectors."""

import pytest

from privacy.merkle import consistency_proof, inclusion_proof, leaf_hash, verify_consistency, verify_inclusion
from privacy.tiles import entry_bundles, hash_tiles, read_entry_bundle, tile_path
from privacy.tree import Tree
from tests.conformance.test_merkle import CONSISTENCY, INCLUSION, LEAVES, ROOTS, nodes


@pytest.mark.parametrize("size", range(9))
def test_the_growing_tree_has_the_published_roots(size: int) -> None:
    assert Tree(LEAVES[:size]).root().hex() == Tree(LEAVES).root(size).hex() == ROOTS[size]


def test_its_proofs_are_the_published_ones() -> None:
    tree = Tree(LEAVES)
    for (index, size), proof in INCLUSION.items():
        assert tree.inclusion_proof(index, size) == nodes(proof) == inclusion_proof(index, LEAVES[:size])
        verify_inclusion(LEAVES[index], index=index, size=size, proof=nodes(proof), root=tree.root(size))
    for (old, size), proof in CONSISTENCY.items():
        assert tree.consistency_proof(old, size) == nodes(proof) == consistency_proof(old, LEAVES[:size])
        verify_consistency(
            old_size=old, new_size=size, proof=nodes(proof), old_root=tree.root(old), new_root=tree.root(size)
        )


def test_the_specifications_index_is_spelled_in_three_digit_elements() -> None:
    assert tile_path(0, 1234067) == "tile/0/x001/x234/067"
    assert tile_path(63, 0, 1) == "tile/63/000.p/1"


def test_a_tree_of_70_000_has_the_tiles_that_the_specification_counts() -> None:
    tree = Tree(b"%d" % number for number in range(70_000))
    tiles = dict(hash_tiles(tree))
    by_level = [[path for path in tiles if path.startswith(f"tile/{level}/")] for level in range(4)]
    assert [len(found) for found in by_level] == [274, 2, 1, 0]
    assert "tile/0/273.p/112" in tiles
    assert {"tile/1/000", "tile/1/001.p/17", "tile/2/000.p/1"} < set(tiles)
    assert {len(tile) for path, tile in tiles.items() if ".p/" not in path} == {8192}
    assert tiles["tile/1/001.p/17"][:32] == Tree(b"%d" % n for n in range(65_536, 65_792)).root()
    assert tiles["tile/2/000.p/1"] == tree.root(65_536)


def test_a_tree_of_256_has_a_full_tile_and_one_hash_above() -> None:
    assert [path for path, _ in hash_tiles(Tree([b""] * 256))] == ["tile/0/000", "tile/1/000.p/1"]


def test_every_entry_of_a_bundle_hashes_to_its_place_in_the_tile() -> None:
    leaves = [b"x" * size for size in (0, 1, 255, 256, 65_535)] * 60
    tiles = dict(hash_tiles(Tree(leaves)))
    bundles = dict(entry_bundles(leaves))
    assert set(bundles) == {"tile/entries/000", "tile/entries/001.p/44"}
    for path, data in bundles.items():
        entries = read_entry_bundle(data)
        assert b"".join(map(leaf_hash, entries)) == tiles[path.replace("entries", "0")]
    assert bundles["tile/entries/000"][:5] == b"\x00\x00\x00\x01x"
