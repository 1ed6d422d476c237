"""The tree of RFC 6962 against published vectors, then against its own definition."""

import base64
import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive import merkle
from tests.support.shared import shared_dir

LEAVES = [merkle.leaf_hash(bytes([n])) for n in range(40)]


class TestPublishedVectors:
    """transparency-dev/merkle @ 417fb0c3, rfc6962_test.go and testdata/ (Apache-2.0)."""

    def test_hasher(self) -> None:
        empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        empty_leaf = "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
        leaf = "395aa064aa4c29f7010acfe3f25db9485bbd4b91897b6ad7ad547639252b4d56"
        node = "aa217fe888e47007fa15edab33c2b492a722cb106c64667fc2b044444de66bbb"
        assert merkle.EMPTY_ROOT.hex() == merkle.root_of([]).hex() == empty
        assert merkle.leaf_hash(b"").hex() == empty_leaf
        assert merkle.leaf_hash(b"L123456").hex() == leaf
        assert merkle.node_hash(b"N123", b"N456").hex() == node

    @pytest.mark.shared
    def test_proofs(self) -> None:
        """98 proofs, most of them wrong in one of the ways that verifiers have overlooked."""
        vectors = json.loads(shared_dir("vectors", "log", "rfc6962_proofs.json").read_text())
        wrong = []
        count = 0
        for name, case in vectors["inclusion"].items():
            count += 1
            if inclusion(case) is case["wantErr"]:
                wrong.append(f"inclusion {name}")
        for name, case in vectors["consistency"].items():
            count += 1
            if consistency(case) is case["wantErr"]:
                wrong.append(f"consistency {name}")
        assert wrong == []
        assert count == 98


def b64(text: str | None) -> bytes:
    return base64.b64decode(text or "")


def inclusion(case: dict[str, Any]) -> bool:
    proof = [b64(h) for h in case["proof"] or []]
    return merkle.verify_inclusion(
        b64(case["leafHash"]), case["leafIdx"], case["treeSize"], proof, b64(case["root"])
    )


def consistency(case: dict[str, Any]) -> bool:
    proof = [b64(h) for h in case["proof"] or []]
    return merkle.verify_consistency(
        case["size1"], case["size2"], proof, b64(case["root1"]), b64(case["root2"])
    )


def by_definition(leaves: list[bytes]) -> bytes:
    """RFC 6962, section 2.1, word for word."""
    if not leaves:
        return merkle.EMPTY_ROOT
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while 2 * k < len(leaves):
        k *= 2
    return merkle.node_hash(by_definition(leaves[:k]), by_definition(leaves[k:]))


class TestTree:
    @pytest.mark.parametrize("size", range(40))
    def test_the_incremental_root_is_the_defined_one(self, size: int) -> None:
        assert merkle.root_of(LEAVES[:size]) == by_definition(LEAVES[:size])

    @given(st.integers(0, 39))
    def test_a_stored_frontier_goes_on_where_it_stopped(self, size: int) -> None:
        frontier = merkle.Frontier()
        for leaf in LEAVES[:size]:
            frontier = frontier.append(leaf)
        stored = merkle.Frontier.from_bytes(frontier.size, frontier.to_bytes())
        assert stored == frontier
        assert stored.append(LEAVES[size]).root() == by_definition(LEAVES[: size + 1])

    def test_a_frontier_of_another_size_is_refused(self) -> None:
        with pytest.raises(ValueError, match="frontier of 3 leaves"):
            merkle.Frontier.from_bytes(3, b"x" * 32)

    @given(st.data())
    def test_inclusion(self, data: st.DataObject) -> None:
        size = data.draw(st.integers(1, 40))
        index = data.draw(st.integers(0, size - 1))
        root = merkle.root_of(LEAVES[:size])
        proof = merkle.inclusion_proof(LEAVES[:size], index)
        assert merkle.verify_inclusion(LEAVES[index], index, size, proof, root)
        for other in set(range(size + 2)) - {index}:
            assert not merkle.verify_inclusion(LEAVES[index], other, size, proof, root)
        assert not merkle.verify_inclusion(LEAVES[index], index, size, [*proof, root], root)
        assert not merkle.verify_inclusion(LEAVES[index], index, size, proof, LEAVES[39][::-1])
        if proof:
            assert not merkle.verify_inclusion(LEAVES[index], index, size, proof[:-1], root)

    @given(st.data())
    def test_consistency(self, data: st.DataObject) -> None:
        new = data.draw(st.integers(1, 40))
        old = data.draw(st.integers(1, new))
        roots = [merkle.root_of(LEAVES[:size]) for size in (old, new)]
        proof = merkle.consistency_proof(LEAVES[:new], old)
        assert merkle.verify_consistency(old, new, proof, *roots)
        assert not merkle.verify_consistency(old, new, [*proof, roots[0]], *roots)
        assert not merkle.verify_consistency(old, new, proof, roots[0][::-1], roots[1])

    def test_nothing_is_consistent_with_an_empty_tree(self) -> None:
        assert not merkle.verify_consistency(0, 1, [], merkle.EMPTY_ROOT, LEAVES[0])
        with pytest.raises(IndexError):
            merkle.consistency_proof(LEAVES, 0)
        with pytest.raises(IndexError):
            merkle.inclusion_proof(LEAVES, 40)

    @pytest.mark.parametrize("short", [b"", b"x" * 31, b"x" * 33])
    def test_a_hash_of_another_length_proves_nothing(self, short: bytes) -> None:
        """Beyond RFC 9162: else whatever equals itself would stand in a tree of one leaf."""
        assert not merkle.verify_inclusion(short, 0, 1, [], short)
        assert not merkle.verify_consistency(1, 1, [], short, short)
        root = merkle.node_hash(LEAVES[0], short)
        assert not merkle.verify_inclusion(LEAVES[0], 0, 2, [short], root)

    def test_a_leaf_is_no_node(self) -> None:
        """Second preimage: two leaves' hashes handed in as one entry give another root."""
        for left, right in pairwise(LEAVES[:8]):
            assert merkle.leaf_hash(left + right) != merkle.node_hash(left, right)
