"""The sealed envelope: nobody alone, nothing changed, every cell alike."""

from datetime import timedelta

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.bindings._rust import openssl as rust_openssl
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from archive import canonical, sealing
from archive.custody import DemoCustodian, derive_scalar
from archive.entropy import SeededEntropy, SystemEntropy
from archive.errors import Kind, Refusal
from archive.sealing import CELL_BYTES, CONTENT_BYTES_MAX, Outer, Sealed
from tests.builders import START
from tests.vectors import hpke_p256

LOT, OTHER = "lot/01", "lot/02"
CUSTODIAN = DemoCustodian(b"a secret for tests, 32 bytes long")
SCALAR = CUSTODIAN.private_key(LOT, START, START)
SUITE = Suite(KEM.P256, KDF.HKDF_SHA256, AEAD.AES_256_GCM)


def sealed(content: bytes = b"content", kind: str = "bid", version: int = 1) -> Sealed:
    key = CUSTODIAN.public_key(LOT)
    return sealing.seal(key, LOT, kind, "SENDER-1", version, content, SystemEntropy())


def outer(cell: bytes) -> Outer:
    found = sealing.open_outer(SCALAR, LOT, cell)
    assert found is not None
    return found


def flip(data: bytes, index: int, bit: int = 0) -> bytes:
    return data[:index] + bytes([data[index] ^ 1 << bit]) + data[index + 1 :]


class TestPublishedVectors:
    """RFC 9180, DHKEM(P-256, HKDF-SHA256) / HKDF-SHA256 / AES-256-GCM."""

    @pytest.mark.parametrize(
        ("ikm", "scalar"),
        [(hpke_p256.IKM_R, hpke_p256.SK_R), (hpke_p256.IKM_E, hpke_p256.SK_E)],
    )
    def test_derive_key_pair(self, ikm: bytes, scalar: bytes) -> None:
        assert derive_scalar(ikm) == scalar

    def test_the_suite_opens_the_vector(self) -> None:
        key = ec.derive_private_key(int.from_bytes(hpke_p256.SK_R, "big"), ec.SECP256R1())
        public = key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        assert public == hpke_p256.PK_R
        whole = hpke_p256.ENC + hpke_p256.CIPHER
        open_with = rust_openssl.hpke._decrypt_with_aad
        assert open_with(SUITE, whole, key, hpke_p256.INFO, hpke_p256.AAD) == hpke_p256.PLAIN
        with pytest.raises(InvalidTag):
            open_with(SUITE, whole, key, hpke_p256.INFO + b"x", hpke_p256.AAD)


class TestFormat:
    def test_another_reader_who_knows_only_the_description_opens_a_cell(self) -> None:
        """The steps of the module's docstring in reverse, with the bare primitives."""
        made = sealed("投标内容".encode())
        key = ec.derive_private_key(int.from_bytes(SCALAR, "big"), ec.SECP256R1())
        assert made.cell[:2] == b"\x01\x04"
        plain = SUITE.decrypt(made.cell[1:], key, info=b"bigloop.sealed\x01lot/01")
        assert len(plain) == 16302
        cut = 4 + int.from_bytes(plain[:4], "big")
        header = canonical.decode(plain[4:cut])
        end = cut + 4 + int.from_bytes(plain[cut : cut + 4], "big")
        assert plain[end:].strip(b"\x00") == b""
        context = (
            b'{"format":"bigloop.sealed.v1","kind":"bid","sender":"SENDER-1",'
            b'"subject":"lot/01","version":1}'
        )
        halves = made.bidder_half + bytes.fromhex(header["platform_half"])
        okm = HKDF(hashes.SHA256(), 76, salt=None, info=context).derive(halves)
        assert okm[44:].hex() == header["key_commitment"]
        content = AESGCM(okm[:32]).decrypt(okm[32:44], plain[cut + 4 : end], context)
        assert content.decode() == "投标内容"

    @settings(max_examples=40, deadline=None)
    @given(
        content=st.binary(max_size=CONTENT_BYTES_MAX),
        sender=st.text(
            st.characters(min_codepoint=0x20, exclude_categories=["Cc", "Cs"]),
            min_size=1,
            max_size=64,
        ),
        version=st.integers(1, canonical.INTEGER_MAX),
        seed=st.binary(max_size=8),
    )
    def test_what_is_sealed_is_opened(
        self, content: bytes, sender: str, version: int, seed: bytes
    ) -> None:
        key = CUSTODIAN.public_key(LOT)
        made = sealing.seal(key, LOT, "bid", sender, version, content, SeededEntropy(seed))
        found = outer(made.cell)
        assert (found.kind, found.sender, found.version) == ("bid", sender, version)
        assert sealing.open_inner(found, made.bidder_half) == content
        assert len(made.cell) == CELL_BYTES

    def test_every_cell_has_one_size_and_one_beginning(self) -> None:
        cells = [sealed(b"").cell, sealed(b"x" * CONTENT_BYTES_MAX).cell]
        cells += [sealing.dummy(SystemEntropy()) for _ in range(3)]
        for cell in cells:
            sealing.check_cell(cell)
            assert len(cell) == CELL_BYTES == 16384
            assert cell[:2] == b"\x01\x04"
        assert len(set(cells)) == len(cells)

    def test_dummies_look_as_random_as_cells(self) -> None:
        """Counts of byte values over the sealed part: chi-squared of 255 degrees of freedom."""
        cells = [sealed(b"").cell for _ in range(8)]
        dummies = [sealing.dummy(SystemEntropy()) for _ in range(8)]
        for several in (cells, dummies):
            data = b"".join(cell[66:] for cell in several)
            expected = len(data) / 256
            chi2 = sum((data.count(v) - expected) ** 2 / expected for v in range(256))
            assert 130 < chi2 < 420  # outside with a chance below 1e-8


class TestRefusals:
    def test_a_dummy_is_nobodys(self) -> None:
        cell = sealing.dummy(SystemEntropy())
        assert sealing.open_outer(SCALAR, LOT, cell) is None
        assert sealing.open_outer(SCALAR, "", cell) is None

    def test_another_lot(self) -> None:
        cell = sealed().cell
        other = CUSTODIAN.private_key(OTHER, START, START)
        assert sealing.open_outer(other, OTHER, cell) is None
        assert sealing.open_outer(other, LOT, cell) is None
        assert sealing.open_outer(SCALAR, OTHER, cell) is None

    def test_a_wrong_half(self) -> None:
        mine, theirs = sealed(), sealed()
        with pytest.raises(Refusal) as refused:
            sealing.open_inner(outer(mine.cell), theirs.bidder_half)
        assert refused.value.code == "archive.sealing.wrong_half"
        for bit in range(256):
            with pytest.raises(Refusal):
                sealing.open_inner(outer(mine.cell), flip(mine.bidder_half, bit // 8, bit % 8))

    @pytest.mark.parametrize("half", [b"", b"x" * 31, b"x" * 33])
    def test_a_half_of_another_size(self, half: bytes) -> None:
        with pytest.raises(Refusal) as refused:
            sealing.open_inner(outer(sealed().cell), half)
        assert refused.value.code == "archive.sealing.half_size"

    def test_any_flipped_bit_of_a_cell(self) -> None:
        cell = sealed().cell
        places = [*range(90), *range(90, CELL_BYTES - 20, 97), *range(CELL_BYTES - 20, CELL_BYTES)]
        for place in places:
            assert sealing.open_outer(SCALAR, LOT, flip(cell, place, place % 8)) is None, place

    @pytest.mark.parametrize("change", [lambda c: c[:-1], lambda c: c + b"\x00", lambda _: b""])
    def test_another_size(self, change) -> None:  # type: ignore[no-untyped-def]
        cell = change(sealed().cell)
        assert sealing.open_outer(SCALAR, LOT, cell) is None
        with pytest.raises(Refusal) as refused:
            sealing.check_cell(cell)
        assert refused.value.code == "archive.sealing.cell_size"

    @pytest.mark.parametrize("place", [0, 1, 40])
    def test_no_cell_by_its_form(self, place: int) -> None:
        with pytest.raises(Refusal) as refused:
            sealing.check_cell(flip(sealed().cell, place, 1))
        assert refused.value.code == "archive.sealing.cell_form"

    def test_what_the_outside_says_cannot_be_exchanged(self) -> None:
        """Sender, kind, version and subject are bound into the content key."""
        made = sealed()
        found = outer(made.cell)
        for name, value in {
            "sender": "SENDER-2",
            "kind": "guarantee",
            "version": 2,
            "subject": OTHER,
            "platform_half": b"\x00" * 32,
            "key_commitment": b"\x00" * 32,
        }.items():
            changed = Outer(**{**vars(found), name: value})
            with pytest.raises(Refusal) as refused:
                sealing.open_inner(changed, made.bidder_half)
            assert refused.value.code == "archive.sealing.wrong_half", name
        damaged = Outer(**{**vars(found), "inner": flip(found.inner, 3)})
        with pytest.raises(Refusal) as refused:
            sealing.open_inner(damaged, made.bidder_half)
        assert refused.value.code == "archive.sealing.damaged"

    def test_too_large(self) -> None:
        with pytest.raises(Refusal) as refused:
            sealed(b"x" * (CONTENT_BYTES_MAX + 1))
        assert refused.value.code == "archive.sealing.too_large"
        assert refused.value.params == {"bytes": 15361, "bytes_max": 15360}

    @pytest.mark.parametrize("key", [b"", b"\x04" + b"\x01" * 64, hpke_p256.PK_R[:-1]])
    def test_no_public_key(self, key: bytes) -> None:
        with pytest.raises(Refusal) as refused:
            sealing.seal(key, LOT, "bid", "S", 1, b"", SystemEntropy())
        assert refused.value.code == "archive.sealing.public_key"

    @pytest.mark.parametrize(
        ("kind", "sender", "version"),
        [
            ("Bid", "S", 1),
            ("", "S", 1),
            ("bid", "", 1),
            ("bid", "a\nb", 1),
            ("bid", "S", 0),
            ("bid", "S", True),
            ("bid", "S" * 65, 1),
            ("k" * 33, "S", 1),
        ],
    )
    def test_our_own_mistakes(self, kind: str, sender: str, version: int) -> None:
        with pytest.raises(ValueError, match="not a kind"):
            sealing.seal(hpke_p256.PK_R, LOT, kind, sender, version, b"", SystemEntropy())

    @pytest.mark.parametrize(
        "plain",
        [
            b"",
            b"\xff\xff\xff\xff",
            b"\x00\x00\x00\x02{}\x00\x00\x00\x00",
            b"\x00\x00\x00\x02[]\x00\x00\x00\x00",
            b"\x00\x00\x00\x04[[[[\x00\x00\x00\x00",
            b"\x00\x00\x10\x00" + b"[" * 4096,
        ],
    )
    def test_a_hostile_sealer_who_keeps_to_no_format_is_no_one(self, plain: bytes) -> None:
        key = ec.EllipticCurvePublicKey.from_encoded_point(
            ec.SECP256R1(), CUSTODIAN.public_key(LOT)
        )
        cell = b"\x01" + SUITE.encrypt(
            plain.ljust(16302, b"\x00"), key, info=b"bigloop.sealed\x01lot/01"
        )
        assert sealing.open_outer(SCALAR, LOT, cell) is None

    def test_bytes_hidden_in_the_padding_are_refused(self) -> None:
        key = ec.EllipticCurvePublicKey.from_encoded_point(
            ec.SECP256R1(), CUSTODIAN.public_key(LOT)
        )
        scalar = ec.derive_private_key(int.from_bytes(SCALAR, "big"), ec.SECP256R1())
        info = b"bigloop.sealed\x01lot/01"
        plain = SUITE.decrypt(sealed().cell[1:], scalar, info=info)
        again = b"\x01" + SUITE.encrypt(plain, key, info=info)
        assert sealing.open_outer(SCALAR, LOT, again) is not None
        hidden = b"\x01" + SUITE.encrypt(plain[:-1] + b"x", key, info=info)
        assert sealing.open_outer(SCALAR, LOT, hidden) is None


class TestSecrets:
    def test_no_half_is_printed(self) -> None:
        made = sealed()
        assert made.bidder_half.hex() not in repr(made)
        assert repr(made.bidder_half) not in repr(made)
        found = outer(made.cell)
        assert repr(found.platform_half) not in repr(found)

    def test_each_subject_has_its_own_pair(self) -> None:
        points = {CUSTODIAN.public_key(f"lot/{n}") for n in range(20)}
        assert len(points) == 20
        assert DemoCustodian(b"y" * 32).public_key(LOT) not in points
        assert CUSTODIAN.public_key(LOT) == DemoCustodian(CUSTODIAN._secret).public_key(LOT)

    def test_the_key_is_not_handed_out_before_the_hour(self) -> None:
        """电子招标投标办法 第二十九条: opening at the deadline, not before."""
        with pytest.raises(Refusal) as refused:
            CUSTODIAN.private_key(LOT, START, START - timedelta(milliseconds=1))
        assert refused.value.kind is Kind.TOO_EARLY
        assert refused.value.params["not_before"] == "2026-10-21T01:00:00.000Z"
        assert len(CUSTODIAN.private_key(LOT, START, START)) == 32

    def test_a_short_secret_is_refused(self) -> None:
        with pytest.raises(ValueError, match="at least 32"):
            DemoCustodian(b"short")
