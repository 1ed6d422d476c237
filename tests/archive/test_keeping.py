"""What is sealed at rest: RFC 5297 with the row's place bound in, and tags by a keyed hash."""

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from hypothesis import given
from hypothesis import strategies as st

from archive.keeping import SHORT_BYTES, Keeper, Unreadable

KEEPER = Keeper(bytes(range(32)))
OTHER = Keeper(bytes(32))


def test_the_library_is_rfc_5297() -> None:
    """Appendix A.1, deterministic authenticated encryption."""
    key = bytes.fromhex("fffefdfcfbfaf9f8f7f6f5f4f3f2f1f0f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff")
    data = bytes.fromhex("101112131415161718191a1b1c1d1e1f2021222324252627")
    plain = bytes.fromhex("112233445566778899aabbccddee")
    said = AESSIV(key).encrypt(plain, [data])
    assert said.hex() == "85632d07c6e8f37f950acd320a2ecc9340c02b9690c4dc04daef7f6afe5c"


@given(st.binary(min_size=1, max_size=200), st.text(max_size=40))
def test_opens_where_it_was_sealed_and_nowhere_else(content: bytes, place: str) -> None:
    sealed = KEEPER.seal(place, content)
    assert KEEPER.unseal(place, sealed) == content
    assert KEEPER.seal(place, content) == sealed, "repeatable: no nonce"
    assert KEEPER.seal(place + "x", content) != sealed
    for keeper, where in ((OTHER, place), (KEEPER, place + "x")):
        with pytest.raises(Unreadable):
            keeper.unseal(where, sealed)


@given(st.integers(0, 8 * (SHORT_BYTES + 16) - 1))
def test_one_bit_changed_does_not_open(bit: int) -> None:
    sealed = bytearray(KEEPER.seal_short("a", "E0001"))
    sealed[bit // 8] ^= 1 << bit % 8
    with pytest.raises(Unreadable):
        KEEPER.unseal("a", bytes(sealed))


def test_short_texts_have_one_length() -> None:
    lengths = {len(KEEPER.seal_short("a", text)) for text in ("E1", "专家", "x" * SHORT_BYTES)}
    assert lengths == {SHORT_BYTES + 16}
    assert KEEPER.unseal_short("a", KEEPER.seal_short("a", "专家")) == "专家"
    for text in ("x" * (SHORT_BYTES + 1), "a\x00b"):
        with pytest.raises(ValueError, match="short"):
            KEEPER.seal_short("a", text)


def test_tags_tell_purposes_and_keepers_apart() -> None:
    tags = {KEEPER.tag("a", "b"), KEEPER.tag("a", "c"), KEEPER.tag("b", "b"), OTHER.tag("a", "b")}
    assert len(tags) == 4
    assert KEEPER.tag("a", "b") == KEEPER.tag("a", "b")


def test_a_short_secret_is_refused() -> None:
    with pytest.raises(ValueError, match="32"):
        Keeper(bytes(31))
