"""The envelope of bank interfaces in service: what it guards, what it cannot, and a whole purchase in it."""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import gmalg
import pytest
from asn1crypto import core

from api.desks.declined import Declined
from api.desks.issuer.core import Books
from api.desks.issuer.envelope import (
    FRESH,
    BadEnvelope,
    Reader,
    carrier,
    seal,
    signed_input,
)
from api.desks.issuer.local import IssuersAdapter
from archive.errors import Refusal
from archive.national import SM2_USER_ID, is_sm2_signature
from deposits.forms import DepositForm
from deposits.guarantees.states import GuaranteeState
from deposits.issuers.desk import Application, IssuerSilent, Offer
from tests.support.shared import shared_dir
from trading.money import Money
from trading.synthetic import synthetic_uscc

NOW = datetime(2026, 10, 20, 2, tzinfo=UTC)
ISSUER = synthetic_uscc(1, "530102")


@dataclass(frozen=True)
class House:
    """One side with its key, which a UKey would hold."""

    secret: bytes

    @property
    def public(self) -> bytes:
        return bytes(gmalg.SM2().generate_pk(self.secret)[1:])

    def sign(self, data: bytes) -> bytes:
        r, s = gmalg.SM2(self.secret, SM2_USER_ID, b"\x04" + self.public).sign(data)
        return bytes(r).rjust(32, b"\0") + bytes(s).rjust(32, b"\0")

    def decrypt(self, cipher: bytes) -> bytes:
        try:
            return bytes(gmalg.SM2(self.secret).decrypt(cipher))
        except gmalg.errors.GMError as error:
            raise ValueError("not for us") from error


PLATFORM, BANK = House(b"\0" + b"p" * 31), House(b"\0" + b"b" * 31)


def sealed(value: Any, nonce: str = "n" * 32, at: datetime = NOW) -> dict[str, str]:
    return seal(value, BANK.public, PLATFORM.sign, nonce, at)


def at_bank() -> Reader:
    return Reader(PLATFORM.public, BANK.decrypt)


def bad(what: str) -> Any:
    return pytest.raises(BadEnvelope, match=f"^{what}$")


class TestAnEnvelope:
    """保函银行接口 1.2-1.5 (GM/T 0009: SM2 with SM3, r ‖ s)."""

    @pytest.mark.parametrize("value", [{}, {"名": "值", "n": [2**53 - 1, None]}, "x" * 3000])
    def test_there_and_back(self, value: Any) -> None:
        assert at_bank().open(sealed(value), NOW) == value

    def test_any_change_is_found(self) -> None:
        made = sealed({"do": "offers"})
        for name, text in made.items():
            changed = {**made, name: text[:-1] + ("0" if text[-1] != "0" else "1")}
            with pytest.raises(BadEnvelope):
                at_bank().open(changed, NOW)
        others: list[Any] = [{}, [], None, {**made, "more": "1"}, {**made, "sign": 1}]
        for envelope in others:
            with bad("fields|sign"):
                at_bank().open(envelope, NOW)

    def test_of_another_sender_or_for_another_receiver(self) -> None:
        with bad("sign"):
            at_bank().open(seal({}, BANK.public, BANK.sign, "n" * 32, NOW), NOW)
        with bad("data"):
            at_bank().open(seal({}, PLATFORM.public, PLATFORM.sign, "n" * 32, NOW), NOW)

    def test_again_or_stale(self) -> None:
        bank, made = at_bank(), sealed({"do": "pay"})
        bank.open(made, NOW)
        for later in (timedelta(0), FRESH):
            with bad("nonceStr"):
                bank.open(made, NOW + later)
        for moved in (FRESH + timedelta(seconds=1), -FRESH - timedelta(seconds=1)):
            with bad("timeStamp"):
                bank.open(made, NOW + moved)
        with bad("timeStamp"):
            at_bank().open(_resigned(made, timeStamp="20261399000000"), NOW)

    def test_its_input_is_ambiguous_and_ours_is_not(self) -> None:
        """A signature over one message is one over another with the border moved. Both have the same
        input; only one has our forms."""
        made = sealed({"do": "offers"})
        moved = {**made, "data": made["data"] + "1", "encrypt": "", "nonceStr": "n" * 32}
        assert signed_input(moved) == signed_input(made)
        assert is_sm2_signature(PLATFORM.public, signed_input(moved), bytes.fromhex(made["sign"]))
        with bad("data"):
            at_bank().open(moved, NOW)
        shifted = {**made, "nonceStr": "n" * 30, "timeStamp": "nn" + made["timeStamp"]}
        assert signed_input(shifted) == signed_input(made)
        with bad("nonceStr"):
            at_bank().open(shifted, NOW)


def _resigned(made: dict[str, str], **change: str) -> dict[str, str]:
    changed = {**made, **change}
    return {**changed, "sign": PLATFORM.sign(signed_input(changed)).hex()}


def nonce() -> str:
    return secrets.token_hex(16)


@dataclass
class Counter:
    """The bank's side: opens, does, answers in an envelope; or answers what `spoil` makes of it."""

    books: Books
    reader: Reader
    spoil: Callable[[dict[str, str]], Any] = lambda made: made

    def __call__(self, envelope: dict[str, str]) -> Any:
        command = self.reader.open(envelope, NOW)
        try:
            value = {"answer": self.books.do(command)}
        except Declined as declined:
            value = {"declined": str(declined)}
        return self.spoil(seal(value, PLATFORM.public, BANK.sign, nonce(), NOW))


class TestACarrier:
    @pytest.fixture
    def counter(self) -> Counter:
        offer = Offer(ISSUER, "示例", DepositForm.BANK, 30, Money.yuan(200), 0)
        return Counter(Books({ISSUER: offer}), at_bank())

    @pytest.fixture
    def adapter(self, counter: Counter) -> IssuersAdapter:
        own = Reader(BANK.public, PLATFORM.decrypt)
        send = carrier(counter, BANK.public, PLATFORM.sign, own, IssuerSilent, nonce, lambda: NOW)
        return IssuersAdapter(send)

    def test_a_purchase(self, adapter: IssuersAdapter, counter: Counter) -> None:
        day = NOW.date()
        asked = Application(ISSUER, "a" * 64, ISSUER, "示例", Money(10_000), day, day)
        quote = adapter.apply(asked, NOW)
        adapter.pay(quote.order, quote.secret, "1", NOW)
        (order,) = counter.books.orders.values()
        assert order.life.state is GuaranteeState.ISSUED
        with pytest.raises(Refusal) as refused:
            adapter.pay(quote.order, "0", "1", NOW)
        assert refused.value.params == {"why": "secret"}

    @pytest.mark.parametrize("answer", [None, {}, "x", {"sign": "0"}])
    def test_what_is_no_envelope_is_silence(
        self, adapter: IssuersAdapter, counter: Counter, answer: Any
    ) -> None:
        counter.spoil = lambda _: answer
        with pytest.raises(IssuerSilent):
            adapter.offers(NOW)

    def test_an_answer_of_before_is_silence(
        self, adapter: IssuersAdapter, counter: Counter
    ) -> None:
        kept: list[dict[str, str]] = []

        def first(made: dict[str, str]) -> dict[str, str]:
            kept.append(made)
            return kept[0]

        counter.spoil = first
        adapter.offers(NOW)
        with pytest.raises(IssuerSilent):
            adapter.offers(NOW)


@pytest.mark.shared
def test_what_others_encrypted_is_read() -> None:
    """GB/T 32918.5, annex C, in the order C1 C3 C2."""
    told = json.loads(shared_dir("vectors", "crypto", "sm2_gbt32918.json").read_text("utf-8"))
    (each,) = told["encrypt"]
    house = House(bytes.fromhex(each["d"]))
    cipher = bytes.fromhex(each["c1"] + each["c3"] + each["c2"])
    assert house.decrypt(cipher) == each["pt_utf8"].encode()
    evp = House(base64.b64decode(told["evp"]["privkey_pkcs8_b64"])[36:68])
    (asn1,) = told["evp"]["decrypt_asn1"]
    point, digest, text = _parts(bytes.fromhex(asn1["ct"]))
    assert evp.decrypt(b"\x04" + point + digest + text) == asn1["pt_utf8"].encode()


def _parts(der: bytes) -> tuple[bytes, bytes, bytes]:
    """(x ‖ y, C3, C2) of GM/T 0009's SEQUENCE."""

    class Cipher(core.Sequence):  # type: ignore[misc]
        _fields = [  # noqa: RUF012 - as the library wants it
            ("x", core.Integer),
            ("y", core.Integer),
            ("digest", core.OctetString),
            ("text", core.OctetString),
        ]

    said = Cipher.load(der).native
    point = said["x"].to_bytes(32, "big") + said["y"].to_bytes(32, "big")
    return point, said["digest"], said["text"]
