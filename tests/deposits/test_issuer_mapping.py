"""A partner's words for what is said to an issuers' desk: a file that is checked, tried, and exact both ways."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.cli import main
from api.desks.declined import Declined
from api.desks.issuer.local import IssuersAdapter
from api.desks.issuer.mapping import Mapped, Untranslatable, mapped, read
from api.desks.issuer.messages import MESSAGES, Field, Kind, Shape
from archive.clock import SHANGHAI
from archive.errors import Kind as No
from archive.errors import Refusal
from deposits.guarantees.states import GuaranteeState as S
from deposits.issuers.desk import IssuerSilent
from tests.deposits.buying import ON_ONE_ENGINE, VALID_TO, Hall, demanded, one, refused
from tests.deposits.makers import CLEAN, START

EXAMPLE = Path(__file__).resolve().parents[2] / "docs" / "examples" / "issuer-mapping.toml"
TEXT = EXAMPLE.read_text("utf-8")
MAPPING = read(TEXT.encode())
VALUES: dict[Kind, st.SearchStrategy[Any]] = {
    Kind.TEXT: st.text(max_size=20),
    Kind.WHOLE: st.integers(0, 2**53 - 1),
    Kind.MONEY: st.integers(0, 2**53 - 1),
    Kind.DAY: st.dates(date(2000, 1, 1), date(2100, 1, 1)).map(date.isoformat),
    Kind.MOMENT: st.integers(10**9, 4 * 10**9).map(
        lambda seconds: datetime.fromtimestamp(seconds, SHANGHAI).isoformat()
    ),
    Kind.FLAG: st.booleans(),
    Kind.PLAIN: st.none() | st.lists(st.integers(0, 9), max_size=2),
}


def of(fields: Mapping[str, Field]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {
            name: st.sampled_from(field.codes) if field.kind is Kind.CODE else VALUES[field.kind]
            for name, field in fields.items()
        }
    )


class TestThereAndBack:
    @pytest.mark.parametrize("do", list(MESSAGES))
    def test_whatever_is_said_comes_back_as_it_was(self, do: str) -> None:
        message = MESSAGES[do]
        replies = of(message.answers)
        if message.shape is Shape.MANY:
            answers: st.SearchStrategy[Any] = st.lists(replies, max_size=2)
        else:
            answers = st.none() | replies if message.shape is Shape.MAYBE else replies

        @settings(max_examples=15)
        @given(of(message.asks), answers)
        def check(asked: dict[str, Any], answer: Any) -> None:
            command = {"do": do, **asked}
            theirs = json.loads(json.dumps(MAPPING.message(command)))
            assert MAPPING.command(theirs) == command
            assert MAPPING.answer(do, json.loads(json.dumps(MAPPING.reply(do, answer)))) == answer

        check()

    def test_in_the_partners_words(self) -> None:
        command = {"do": "price_extension", "at": "2026-10-21T01:02:03+00:00", "issuer": "i"}
        command |= {"number": "BH1", "code": "c", "until": "2026-12-01"}
        assert MAPPING.message(command) == {
            "trade_code": "extendQuote",
            "send_time": "20261021090203",
            "guarantor_scc": "i",
            "guarantee_no": "BH1",
            "verify_code": "c",
            "new_end_date": "20261201",
        }
        assert MAPPING.answer("price_extension", {"premium_amount": "840.000000"}) == {
            "fen": 84_000
        }

    @pytest.mark.parametrize(
        ("do", "answer", "field"),
        [
            ("price_extension", {"premium_amount": "840.005"}, "fen"),
            ("price_extension", {"premium_amount": 840.1}, "fen"),
            ("price_extension", {"premium_amount": "-1.00"}, "fen"),
            ("price_extension", {"premium_amount": "8e2"}, "fen"),
            ("price_extension", {}, "fen"),
            ("pay", {"order_status": "31"}, "state"),
            ("verify", {**dict.fromkeys(("data_digest", "guarantee_amount"), "1"),
                        "order_status": "50", "guarantee_end_date": "2026-12-01"}, "valid_to"),
            ("offers", {"guarantor": "x"}, ""),
        ],
    )  # fmt: skip
    def test_what_is_not_exact_is_not_guessed(self, do: str, answer: Any, field: str) -> None:
        with pytest.raises(Untranslatable) as caught:
            MAPPING.answer(do, answer)
        assert caught.value.field == field


def faults(text: str) -> dict[str, str]:
    with pytest.raises(Refusal) as caught:
        read(text.encode())
    assert caught.value.kind is No.INVALID
    return {one.pointer: one.code.removeprefix("api.mapping.") for one in caught.value.faults}


class TestTheFile:
    @pytest.mark.parametrize(
        ("old", "new", "pointer", "code"),
        [
            ("mapping.v1", "mapping.v2", "/format", "format"),
            ('money = "yuan"', 'money = "li"', "/forms/money", "unit"),
            ('day = "%Y%m%d"', 'day = "%y%m"', "/forms/day", "form"),
            ('moment = "%Y%m%d%H%M%S"', 'moment = "%Y%m%d"', "/forms/moment", "form"),
            ('PAID = "10"\n', "", "/codes/state", "codes"),
            ('PAID = "10"', 'PAID = "00"', "/codes/state", "twice"),
            ('PAID = "10"', 'PAID = "10"\nLOST = "11"', "/codes/state/LOST", "unknown"),
            ('fen = "claim_amount"\n', "", "/commands/demand/asks/fen", "missing"),
            ('"claim_amount"', '"claim_note"', "/commands/demand/asks", "twice"),
            ('"claim_amount"', '"trade_code"', "/commands/demand/asks", "twice"),
            ('"claim_amount"', "7", "/commands/demand/asks/fen/name", "text"),
            ('name = "orderPay"', 'name = "orderPush"', "/commands", "twice"),
            ("[commands.calls]", "[commands.ring]", "/commands/ring", "unknown"),
            ('partner = "', 'vendor = "', "/partner", "text"),
            ("[codes.ground]", "[codes.grounds]", "/commands/demand/asks/ground", "no_list"),
        ],
    )
    def test_each_fault_by_its_place(self, old: str, new: str, pointer: str, code: str) -> None:
        assert TEXT.count(old) >= 1
        assert faults(TEXT.replace(old, new, 1))[pointer] == code

    def test_all_faults_at_once(self) -> None:
        text = TEXT.replace("mapping.v1", "x").replace('PAID = "10"\n', "").replace('"E101"', "5")
        assert faults(text) == {
            "/format": "format",
            "/codes/state": "codes",
            "/codes/declined/secret": "text",
        }

    @pytest.mark.parametrize("content", [b"\xff", b"a = ", b"= 1"])
    def test_no_toml(self, content: bytes) -> None:
        with pytest.raises(Refusal) as caught:
            read(content)
        assert caught.value.code == "api.mapping.file"

    @given(st.recursive(st.none() | st.text(max_size=3) | st.integers(), lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["commands", "codes", "forms", "apply", "asks", "state"]), inner, max_size=3), max_leaves=6))  # fmt: skip
    def test_no_value_is_more_than_a_fault(self, value: Any) -> None:
        from api.desks.issuer.mapping import _File
        from archive.errors import Faults

        noted = Faults("api.mapping.invalid")
        assert isinstance(_File(value if isinstance(value, dict) else {}, noted).read(), Mapped)
        assert noted


class Partner:
    """An issuers' desk behind the vendor's words."""

    def __init__(self, hall: Hall, mapping: Mapped) -> None:
        self.hall, self.mapping = hall, mapping
        self.spoil: Any = None

    def __call__(self, message: Mapping[str, Any]) -> Any:
        command = self.mapping.command(json.loads(json.dumps(message)))
        try:
            answer = self.hall.desk.do(command)
        except Declined as declined:
            raise Declined(self.mapping.declined.get(str(declined), "E998")) from declined
        if self.spoil is not None:
            return self.spoil
        return json.loads(json.dumps(self.mapping.reply(command["do"], answer)))


@ON_ONE_ENGINE
class TestAWholeLife:
    @pytest.fixture
    def partner(self, hall: Hall) -> Partner:
        made = Partner(hall, MAPPING)
        hall.adapter = IssuersAdapter(mapped(made, MAPPING, IssuerSilent))
        return made

    def test_bought_restored_extended_and_demanded(
        self, hall: Hall, lot_id: str, partner: Partner
    ) -> None:
        """All that is asked of an issuer and all that it answers has its place in the file."""
        one(hall, lot_id)
        assert hall.states(lot_id) == {CLEAN: S.ACTIVE}
        hall.ask_longer(lot_id, VALID_TO.replace(day=28))
        hall.pay_longer(lot_id)
        hall.work()
        assert hall.states(lot_id) == {CLEAN: S.EXTENDED}
        demanded(hall, lot_id)
        hall.work()
        hall.hours(80)
        assert hall.states(lot_id) == {CLEAN: S.PAID_OUT}
        issuer = hall.houses[0].uscc
        assert len(hall.adapter.offers(START)) == len(hall.houses)
        assert all(line.number for line in hall.adapter.orders(issuer, START))
        assert partner.mapping is MAPPING

    def test_a_no_and_a_nonsense(self, hall: Hall, lot_id: str, partner: Partner) -> None:
        quote = hall.apply(lot_id, CLEAN)
        with refused("api.issuer.declined") as caught:
            hall.adapter.pay(quote.order, "0" * 48, "1", START)
        assert caught.value.params == {"why": "secret"}
        partner.spoil = {"order_status": "never heard of"}
        with pytest.raises(IssuerSilent, match="state"):
            hall.adapter.collect(quote.order, quote.secret, START)

    def test_what_the_partner_has_not(self, hall: Hall, lot_id: str, partner: Partner) -> None:
        text = TEXT[: TEXT.index("[commands.amend]")] + TEXT[TEXT.index("[commands.surrender]") :]
        less = read(text.encode())
        hall.adapter = IssuersAdapter(mapped(partner, less, IssuerSilent))
        quote = hall.apply(lot_id, CLEAN)
        with refused("api.issuer.declined") as caught:
            hall.adapter.amend(quote.order, quote.secret, quote.premium, VALID_TO, START)
        assert caught.value.params == {"why": "unknown_command"}


class TestTheCommand:
    def test_the_example_is_exact(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["mapping", str(EXAMPLE)]) == 0
        said = capsys.readouterr().out
        assert f"{len(MESSAGES)} 项命令均可原样往返" in said
        assert '"trade_code": "orderPush"' in said

    def test_faults_are_told_in_words(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        path = tmp_path / "partner.toml"
        path.write_text(TEXT.replace('fen = "claim_amount"\n', ""), "utf-8")
        assert main(["mapping", str(path)]) == 1
        assert "/commands/demand/asks/fen: 缺少此项。" in capsys.readouterr().err
        assert main(["mapping", str(tmp_path / "none.toml")]) == 2

    def test_a_real_answer_is_read(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        path = tmp_path / "answer.json"
        path.write_text('{"refund_amount": "12.30", "more": 1}', "utf-8")
        words = ["mapping", str(EXAMPLE), "--answer", "surrender", str(path)]
        assert main(words) == 0
        assert json.loads(capsys.readouterr().out) == {"fen": 1230}
        path.write_text('{"premium": "12.30"}', "utf-8")
        assert main([*words, "--lang", "en"]) == 1
        assert "fen cannot be translated" in capsys.readouterr().err
