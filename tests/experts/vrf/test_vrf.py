"""The verifiable random function: RFC 9381's vectors, and what must not pass."""

from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from experts.vrf.prove import prove, public_key
from experts.vrf.verify import (
    BASE,
    NEUTRAL,
    InvalidProof,
    P,
    Q,
    add,
    decode_point,
    double,
    encode_point,
    is_key,
    is_neutral,
    negate,
    output_of,
    sum_of_multiples,
    verified_output,
)
from tests.vectors.ecvrf import VECTORS

SMALL_ORDER = (
    "0100000000000000000000000000000000000000000000000000000000000000",  # order 1
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",  # 2
    "0000000000000000000000000000000000000000000000000000000000000000",  # 4
    "0000000000000000000000000000000000000000000000000000000000000080",  # 4
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",  # 8
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",  # 8
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",  # 8
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",  # 8
)
"""Every point whose order divides the cofactor: with such a key several outputs would be valid."""


def bytes_of(vector: Mapping[str, str]) -> tuple[bytes, ...]:
    return tuple(
        bytes.fromhex(vector[name]) for name in ("secret", "key", "alpha", "proof", "output")
    )


class TestVectors:
    """RFC 9381, appendix B.3: every published vector of the suite."""

    @pytest.mark.parametrize("vector", VECTORS, ids=("16", "17", "18"))
    def test_prove_and_verify(self, vector: Mapping[str, str]) -> None:
        secret, key, alpha, proof, output = bytes_of(vector)
        assert public_key(secret) == key
        assert prove(secret, alpha) == proof
        assert verified_output(key, alpha, proof) == output == output_of(proof)

    @pytest.mark.parametrize("vector", VECTORS, ids=("16", "17", "18"))
    def test_flipped_bits_are_refused(self, vector: Mapping[str, str]) -> None:
        _, key, alpha, proof, _ = bytes_of(vector)
        for bit in range(0, 8 * len(proof), 13):
            flipped = bytearray(proof)
            flipped[bit // 8] ^= 1 << bit % 8
            with pytest.raises(InvalidProof):
                verified_output(key, alpha, bytes(flipped))
        with pytest.raises(InvalidProof):
            verified_output(key, alpha + b"\0", proof)

    def test_nobody_elses_key_will_do(self) -> None:
        keys = [bytes.fromhex(vector["key"]) for vector in VECTORS]
        _, own, alpha, proof, _ = bytes_of(VECTORS[0])
        for key in keys:
            if key != own:
                with pytest.raises(InvalidProof):
                    verified_output(key, alpha, proof)


class TestUniqueness:
    """RFC 9381, 3.1 and 7.1: one output for a key and an input, even if the key is ill-made."""

    @pytest.mark.parametrize("text", SMALL_ORDER)
    def test_keys_of_small_order_are_none(self, text: str) -> None:
        key = bytes.fromhex(text)
        assert decode_point(key) is not None
        assert not is_key(key)
        with pytest.raises(InvalidProof, match="key"):
            verified_output(key, b"", bytes.fromhex(VECTORS[0]["proof"]))

    def test_one_spelling_of_a_number(self) -> None:
        """s + q is the same number, and no second proof."""
        _, key, alpha, proof, _ = bytes_of(VECTORS[0])
        s = int.from_bytes(proof[48:], "little")
        with pytest.raises(InvalidProof, match="malformed"):
            verified_output(key, alpha, proof[:48] + (s + Q).to_bytes(32, "little"))

    def test_one_spelling_of_a_point(self) -> None:
        """RFC 8032, 5.1.3: y below p; no negative zero."""
        for y in (P, P + 1, 2**255 - 1):
            assert decode_point(y.to_bytes(32, "little")) is None
        assert decode_point(((1 << 255) | 1).to_bytes(32, "little")) is None
        assert decode_point(b"\x02" + bytes(31)) is None, "not on the curve"
        assert decode_point(bytes(31)) is None

    def test_lengths(self) -> None:
        _, key, alpha, proof, _ = bytes_of(VECTORS[0])
        for wrong in (b"", proof[:-1], proof + b"\0"):
            with pytest.raises(InvalidProof):
                verified_output(key, alpha, wrong)
        with pytest.raises(ValueError, match="32"):
            prove(b"short", b"")


class TestArithmetic:
    @settings(max_examples=10, deadline=None)
    @given(st.binary(min_size=32, max_size=32), st.binary(max_size=60))
    def test_what_is_proved_verifies(self, secret: bytes, alpha: bytes) -> None:
        proof = prove(secret, alpha)
        assert verified_output(public_key(secret), alpha, proof) == output_of(proof)
        assert prove(secret, alpha) == proof

    @settings(max_examples=10, deadline=None)
    @given(st.integers(0, Q - 1), st.integers(0, Q - 1))
    def test_the_group_is_one(self, m: int, n: int) -> None:
        both = sum_of_multiples(m, BASE, n, BASE)
        assert encode_point(both) == encode_point(sum_of_multiples((m + n) % Q, BASE, 0, NEUTRAL))
        assert encode_point(double(both)) == encode_point(add(both, both))
        assert is_neutral(add(both, negate(both)))

    def test_the_order_of_the_base_point(self) -> None:
        assert is_neutral(sum_of_multiples(Q, BASE, 0, NEUTRAL))
        assert not is_neutral(BASE)
