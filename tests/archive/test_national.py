"""SM2, SM3 and SM4-GCM against the published vectors, and what is malformed."""

from __future__ import annotations

import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from archive.national import is_sm2_signature, sm3, sm4_gcm_open, sm4_gcm_seal
from tests.support.shared import shared_dir

ORDER = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFF7203DF6B21C6052B53BBF40939D54123
# GB/T 32918.5-2017, annex A: the signature of "message digest".
KEY = bytes.fromhex(
    "09F9DF311E5421A150DD7D161E4BC5C672179FAD1833FC076BB08FF356F35020"
    "CCEA490CE26775A52DC6EA718CC1AA600AED05FBF35E084A6632F6072DA9AD13"
)
DATA = b"message digest"
R = 0xF5A03B0648D2C4630EEAC513E1BB81A15944DA3827D5B74143AC7EACEEE720B3
S = 0xB1B6AA29DF212FD8763182BC0D421CA1BB9038FD1F7F42D4840B69C485BBC1AA


def raw(r: int, s: int) -> bytes:
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def vectors(name: str) -> Any:
    return json.loads(shared_dir("vectors", "crypto", name).read_text("utf-8"))


class TestSm2:
    """GB/T 32918.2-2016, 7.1: r and s lie in [1, n − 1], and r + s is not 0 modulo n."""

    def test_the_published_example_in_both_spellings(self) -> None:
        assert is_sm2_signature(KEY, DATA, raw(R, S))
        assert is_sm2_signature(KEY, DATA, encode_dss_signature(R, S))

    @pytest.mark.parametrize(
        "signature",
        [
            b"",
            raw(R, S)[:-1],
            raw(R, S) + b"\0",
            raw(0, S),
            raw(R, 0),
            raw(R, ORDER - R),
            raw(R, ORDER),
            raw(R, 2**256 - 1),
            raw(S, R),
            encode_dss_signature(R + ORDER, S),
            encode_dss_signature(R, S + ORDER),
            encode_dss_signature(R, S)[:-1],
            encode_dss_signature(R, S) + b"\0",
            b"\x30\x00",
        ],
    )
    def test_malformed_signatures_are_none(self, signature: bytes) -> None:
        assert not is_sm2_signature(KEY, DATA, signature)

    @pytest.mark.parametrize(
        "key",
        [b"", KEY[:-1], b"\x04" + KEY, bytes(64), KEY[:-1] + b"\0", b"\xff" * 64],
    )
    def test_what_is_no_point_signs_nothing(self, key: bytes) -> None:
        assert not is_sm2_signature(key, DATA, raw(R, S))

    def test_other_data_and_another_identifier(self) -> None:
        assert not is_sm2_signature(KEY, DATA + b".", raw(R, S))
        assert not is_sm2_signature(KEY, DATA, raw(R, S), b"ALICE123@YAHOO.COM")

    @pytest.mark.shared
    def test_the_shared_vectors(self) -> None:
        found = vectors("sm2_gbt32918.json")["sign"][0]
        key = bytes.fromhex(found["x"] + found["y"])
        signature = bytes.fromhex(found["r"] + found["s"])
        data, uid = found["msg_utf8"].encode(), found["uid"].encode()
        assert is_sm2_signature(key, data, signature, uid) is (found["result"] == "valid")


class TestSm3:
    """GB/T 32905-2016, annex A."""

    def test_abc(self) -> None:
        said = "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"
        assert sm3(b"abc").hex() == said

    @pytest.mark.shared
    def test_the_shared_vectors(self) -> None:
        tests = vectors("sm3_gbt32905.json")["tests"]
        assert len(tests) > 3
        for each in tests:
            assert sm3(bytes.fromhex(each["msg"])).hex() == each["md"]


class TestSm4Gcm:
    """RFC 8998, appendix A.1."""

    @pytest.mark.shared
    def test_the_shared_vectors(self) -> None:
        (given,) = vectors("sm4_gbt32907.json")["gcm"]
        key, nonce, aad = (bytes.fromhex(given[name]) for name in ("key", "iv", "aad"))
        sealed = bytes.fromhex(given["ciphertext"] + given["tag"])
        plain = bytes.fromhex(given["plaintext"])
        assert sm4_gcm_seal(key, nonce, plain, aad) == sealed
        assert sm4_gcm_open(key, nonce, sealed, aad) == plain

    def test_a_flipped_bit_anywhere_is_found(self) -> None:
        key, nonce = b"k" * 16, b"n" * 12
        sealed = sm4_gcm_seal(key, nonce, b"plain", b"more")
        assert sm4_gcm_open(key, nonce, sealed, b"more") == b"plain"
        for place in range(len(sealed)):
            changed = bytearray(sealed)
            changed[place] ^= 1
            with pytest.raises(ValueError):
                sm4_gcm_open(key, nonce, bytes(changed), b"more")
        for wrong in (sealed[:-1], b"", b"x" * 15):
            with pytest.raises(ValueError):
                sm4_gcm_open(key, nonce, wrong, b"more")
        with pytest.raises(ValueError):
            sm4_gcm_open(key, nonce, sealed, b"less")
