"""SM2, SM3 and SM4-GCM against the published vectors, and what is malformed."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from asn1crypto import cms, pem
from asn1crypto import x509 as asn1_x509
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)
from gmalg.ellipticcurve import EllipticCurve
from hypothesis import given, settings
from hypothesis import strategies as st

from archive.national import (
    INFINITE,
    SM2,
    SM2_USER_ID,
    Sm2,
    is_sm2_signature,
    sm3,
    sm4_gcm_open,
    sm4_gcm_seal,
)
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


def parameters(told: dict[str, str]) -> tuple[int, int, int, tuple[int, int], int]:
    p, a, b, x, y, n = (int(told[name], 16) for name in ("p", "a", "b", "gx", "gy", "n"))
    return p, a, b, (x, y), n


class Digested(Sm2):
    """Is told the digest."""

    digest: bytes

    def _hash_fn(self, data: bytes) -> bytes:
        return self.digest


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

    def test_a_point_beside_the_curve_signs_nothing(self) -> None:
        """GB/T 32918.1, 6.2.1: who makes the curve to a key could sign as anybody on it."""
        (x, y), g = (KEY[:32], KEY[32:]), 3
        p, a = SM2.ecdlp.fp.p, SM2.ecdlp.ec.a
        point = (int.from_bytes(x, "big"), (int.from_bytes(y, "big") + 1) % p)
        other_b = (point[1] ** 2 - point[0] ** 3 - a * point[0]) % p
        assert Sm2(p, a, other_b, point, ORDER).ecdlp.ec.isvalid(point)
        assert not SM2.is_signature(point, DATA, R, g, SM2_USER_ID)
        assert not SM2.is_signature((p, 1), DATA, R, g, SM2_USER_ID)

    @given(st.integers(min_value=1, max_value=ORDER - 1))
    @settings(max_examples=20, deadline=None)
    def test_points_are_multiplied_as_the_library_does_it(self, k: int) -> None:
        ours, g = SM2.ecdlp.ec, SM2.ecdlp.G
        assert ours.mul(k, g) == EllipticCurve(SM2.ecdlp.fp, ours.a, ours.b).mul(k, g)

    def test_the_neutral_element(self) -> None:
        curve, g = SM2.ecdlp.ec, SM2.ecdlp.G
        assert curve.mul(ORDER, g) == INFINITE
        assert curve.mul(ORDER + 1, g) == g
        assert curve.mul(2 * ORDER + 3, g) == curve.mul(3, g)

    @pytest.mark.shared
    def test_the_shared_vectors(self) -> None:
        found = vectors("sm2_gbt32918.json")
        assert [each["tcId"] for each in found["sign"]] == ["sign-1", "sign-2"]
        for each in found["sign"]:
            # The second is over the standard's older curve.
            sm2 = Sm2(*parameters(found["curve_sm2p256v1"] | each.get("curve", {})))
            key = sm2.generate_pk(int(each["d"], 16))
            said = (key, each["msg_utf8"].encode(), int(each["r"], 16), int(each["s"], 16))
            assert sm2.is_signature(*said, each["uid"].encode()) is (each["result"] == "valid")
            assert not sm2.is_signature(*said, b"another")
        assert is_sm2_signature(KEY, DATA, raw(R, S), found["sign"][0]["uid"].encode())

    @pytest.mark.shared
    def test_the_shared_vectors_over_a_digest(self) -> None:
        """OpenSSL's give the digest in place of what is signed."""
        told = vectors("sm2_gbt32918.json")
        curve, found = parameters(told["curve_sm2p256v1"]), told["evp"]
        point = base64.b64decode(found["privkey_pkcs8_b64"])[-64:]
        key = int.from_bytes(point[:32], "big"), int.from_bytes(point[32:], "big")
        assert len(found["verify_prehashed"]) == 2
        for each in found["verify_prehashed"]:
            sm2 = Digested(*curve)
            sm2.digest = bytes.fromhex(each["e"])
            r, s = decode_dss_signature(bytes.fromhex(each["sig_der"]))
            assert sm2.is_signature(key, b"", r, s, b"") is (each["result"] == "valid")
            assert not sm2.is_signature(key, b"", s, r, b"")

    @pytest.mark.shared
    @pytest.mark.parametrize("family", ["openssl_sm2", "gm_test"])
    def test_certificates_of_other_makers(self, family: str) -> None:
        """GB/T 38636: an authority's SM2 signature over a certificate."""
        authority, holder = (
            pem.unarmor(shared_dir("vectors", "crypto", f"{family}_{who}.pem").read_bytes())[2]
            for who in ("ca", "ee")
        )
        issuer = asn1_x509.Certificate.load(authority)
        key = issuer["tbs_certificate"]["subject_public_key_info"]["public_key"].native[1:]
        for der in (authority, holder):
            made = asn1_x509.Certificate.load(der)
            signed, signature = made["tbs_certificate"].dump(), made["signature_value"].native
            assert is_sm2_signature(key, signed, signature)
            assert not is_sm2_signature(key, signed[:-1] + b"?", signature)

    @pytest.mark.shared
    def test_a_detached_signed_message(self) -> None:
        """RFC 5652, 5.4: what is signed are the attributes, which bind the digest of the content."""
        folder = shared_dir("vectors", "crypto")
        made = cms.ContentInfo.load((folder / "sm2_cms_rfc5652_detached.p7s").read_bytes())
        (signer,) = made["content"]["signer_infos"]
        attributes = {a["type"].native: a["values"][0].native for a in signer["signed_attrs"]}
        content = (folder / "sm2_cms_content.txt").read_bytes()
        assert attributes["message_digest"] == sm3(content)
        certificate = made["content"]["certificates"][0].chosen
        key = certificate["tbs_certificate"]["subject_public_key_info"]["public_key"].native[1:]
        signed = signer["signed_attrs"].untag().dump()
        assert is_sm2_signature(key, signed, signer["signature"].native)


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
