"""The guarantee as a document, its states, its checks, and the issuers behind it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive import canonical
from archive.errors import Reason, Refusal
from archive.words import Language, render
from deposits.forms import DepositForm
from deposits.guarantees.checks import CHECKS, Case, Demand, faults_of, readable
from deposits.guarantees.document import (
    GUARANTEE_BYTES_MAX,
    Guarantee,
    SignedGuarantee,
    body_bytes,
    read,
)
from deposits.guarantees.states import GuaranteeState
from deposits.issuers.issuer import Issuer, IssuerKey, check_issuer
from deposits.standing import StandingKind, standing_kind
from deposits.synthetic import (
    LICENSED_TO,
    STRANGER,
    DemoIssuer,
    Flaw,
    issue,
    issue_faulty,
    make_issuers,
    promise_for,
)
from deposits.terms import terms
from tests.deposits.makers import ISSUERS, organisations
from tests.deposits.test_terms import FACTS, ON
from trading.money import Money
from trading.synthetic import synthetic_uscc

BANK, INSURER, SURETY = ISSUERS[:3]
DEMAND = Demand(
    lot_id="lot-0",
    beneficiary_uscc=synthetic_uscc(1, "532901"),
    bidder_uscc=synthetic_uscc(2, "532901"),
    due=Money.yuan(300_000),
    forms=tuple(DepositForm),
    opening_on=ON,
    valid_until=ON + timedelta(days=90),
)


def case_of(document: bytes, by: DemoIssuer = BANK, **change: Any) -> Case:
    signed = readable(document)
    assert isinstance(signed, SignedGuarantee)
    return replace(Case(signed, DEMAND, by.issuer), **change)


def codes(reasons: tuple[Reason, ...]) -> list[str]:
    return [reason.code.removeprefix("deposits.check.") for reason in reasons]


class TestDocument:
    """电子签名法 第十三条: a signature belongs to its data, and any change is found."""

    document = issue(BANK, promise_for(BANK, DEMAND, "N-1"))

    def test_what_is_issued_can_be_read(self) -> None:
        signed = read(self.document)
        assert signed.guarantee == promise_for(BANK, DEMAND, "N-1")
        assert signed.signed_bytes == body_bytes(signed.guarantee)

    def test_only_the_canonical_spelling_is_read(self) -> None:
        with pytest.raises(ValueError):
            read(json.dumps(json.loads(self.document)).encode())

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("amount_fen", 0),
            ("amount_fen", -1),
            ("amount_fen", True),
            ("amount_fen", "30000000"),
            ("form", "CASH"),
            ("form", "bank"),
            ("issuer", "91530102XN60000000"),
            ("principal", ""),
            ("number", ""),
            ("number", "n" * 65),
            ("lot", 1),
            ("issued_on", "20261014"),
            ("valid_to", "2026-02-30"),
            ("valid_to", "2020-01-01"),
            ("wording_sha256", "AB" * 32),
            ("format", "bigloop.guarantee.v2"),
        ],
    )
    def test_a_body_out_of_form_is_not_read(self, field: str, value: object) -> None:
        document = json.loads(self.document)
        document["body"][field] = value
        with pytest.raises(ValueError):
            read(canonical.encode(document))

    def test_unknown_and_missing_fields_are_not_read(self) -> None:
        for place in ((), ("body",)):
            more, less = json.loads(self.document), json.loads(self.document)
            target, poorer = more, less
            for key in place:
                target, poorer = target[key], poorer[key]
            target["more"] = 1
            del poorer["format"]
            for document in (more, less):
                with pytest.raises(ValueError):
                    read(canonical.encode(document))

    @pytest.mark.parametrize("signature", ["", "00", "zz" * 64, "AB" * 64, 7])
    def test_a_signature_out_of_form_is_not_read(self, signature: object) -> None:
        document = json.loads(self.document) | {"signature": signature}
        with pytest.raises(ValueError):
            read(canonical.encode(document))

    def test_too_long_is_not_read(self) -> None:
        with pytest.raises(ValueError):
            read(b" " * (GUARANTEE_BYTES_MAX + 1))

    @given(st.binary(max_size=200))
    def test_anything_is_answered_by_a_reason(self, document: bytes) -> None:
        assert isinstance(readable(document), Reason)

    def test_deep_nesting_is_answered_too(self) -> None:
        assert isinstance(readable(b"[" * 8_000 + b"]" * 8_000), Reason)

    @given(st.integers(0, 10_000), st.integers(1, 255))
    def test_no_flipped_byte_passes(self, place: int, flip: int) -> None:
        changed = bytearray(self.document)
        changed[place % len(changed)] ^= flip
        signed = readable(bytes(changed))
        if isinstance(signed, SignedGuarantee):
            issuer = BANK.issuer if signed.guarantee.issuer_uscc == BANK.issuer.uscc else None
            assert faults_of(Case(signed, DEMAND, issuer))


class TestChecks:
    """条例 第二十五条、第二十六条; domain practice of 保函验真: each check finds its own flaw."""

    @pytest.mark.parametrize("by", [BANK, INSURER, SURETY], ids=["bank", "insurer", "surety"])
    def test_one_that_just_fulfils_the_demand_holds(self, by: DemoIssuer) -> None:
        assert faults_of(case_of(issue(by, promise_for(by, DEMAND, "N-1")), by)) == ()

    @pytest.mark.parametrize(
        ("flaw", "expected"),
        [
            (Flaw.LICENSED, ["issuer_form"]),
            (Flaw.KEY_VALID, ["issuer_not_licensed", "key"]),
            (Flaw.SIGNATURE, ["signature"]),
            (Flaw.BENEFICIARY, ["beneficiary"]),
            (Flaw.PRINCIPAL, ["principal"]),
            (Flaw.LOT, ["lot"]),
            (Flaw.AMOUNT, ["amount"]),
            (Flaw.VALIDITY, ["ends_early"]),
        ],
    )
    def test_each_flaw_is_found_and_nothing_else(self, flaw: Flaw, expected: list[str]) -> None:
        reasons = faults_of(case_of(issue_faulty(BANK, DEMAND, "N-1", flaw)))
        assert codes(reasons) == expected
        for reason in reasons:
            for language in Language:
                assert not render(reason, language).startswith("[")

    def test_what_cannot_be_read_has_that_one_reason(self) -> None:
        reason = readable(issue_faulty(BANK, DEMAND, "N-1", Flaw.READABLE))
        assert isinstance(reason, Reason)
        assert reason.code == "deposits.check.readable"

    def test_one_fen_and_one_day_are_named(self) -> None:
        (short,) = faults_of(case_of(issue_faulty(BANK, DEMAND, "N-1", Flaw.AMOUNT)))
        assert short.params["short_fen"] == 1
        (early,) = faults_of(case_of(issue_faulty(BANK, DEMAND, "N-1", Flaw.VALIDITY)))
        assert early.params["short_days"] == 1

    def test_more_and_longer_is_no_fault(self) -> None:
        good = promise_for(BANK, DEMAND, "N-1")
        better = replace(
            good, amount=good.amount + Money(1), valid_to=good.valid_to + timedelta(days=1)
        )
        assert faults_of(case_of(issue(BANK, better))) == ()

    @pytest.mark.parametrize("field", ["valid_from", "issued_on"])
    def test_it_must_hold_at_the_opening(self, field: str) -> None:
        late = replace(
            promise_for(BANK, DEMAND, "N-1"),
            **{field: DEMAND.opening_on + timedelta(days=1)},  # type: ignore[arg-type]
        )
        assert codes(faults_of(case_of(issue(BANK, late)))) == ["starts_late"]

    def test_an_unknown_issuer_is_said_once(self) -> None:
        document = issue(BANK, promise_for(BANK, DEMAND, "N-1"))
        assert codes(faults_of(case_of(document, issuer=None))) == ["issuer_unknown"]

    def test_a_licence_that_has_run_out(self) -> None:
        issuer = replace(BANK.issuer, licensed_to=DEMAND.opening_on - timedelta(days=8))
        document = issue(BANK, promise_for(BANK, DEMAND, "N-1"))
        assert codes(faults_of(case_of(document, issuer=issuer))) == ["issuer_not_licensed"]

    def test_an_old_signature_stays_good_after_the_key_has_run_out(self) -> None:
        day = promise_for(BANK, DEMAND, "N-1").issued_on
        old = replace(BANK.issuer.keys[0], valid_to=day)
        new = IssuerKey(b"\1" * 32, day + timedelta(days=1), LICENSED_TO)
        issuer = replace(BANK.issuer, keys=(old, new))
        document = issue(BANK, promise_for(BANK, DEMAND, "N-1"))
        assert faults_of(case_of(document, issuer=issuer)) == ()
        gone = replace(issuer, keys=(replace(old, valid_to=day - timedelta(days=1)), new))
        assert codes(faults_of(case_of(document, issuer=gone))) == ["key"]
        taken = replace(issuer, keys=(replace(new, valid_from=day),))
        assert codes(faults_of(case_of(document, issuer=taken))) == ["signature"]

    def test_a_number_that_counts_for_another_lot(self) -> None:
        document = issue(BANK, promise_for(BANK, DEMAND, "N-1"))
        assert codes(faults_of(case_of(document, used_for="lot-9"))) == ["reused"]

    def test_a_form_that_is_not_allowed(self) -> None:
        demand = replace(DEMAND, forms=(DepositForm.SURETY,))
        document = issue(BANK, promise_for(BANK, DEMAND, "N-1"))
        assert codes(faults_of(case_of(document, demand=demand))) == ["form"]

    def test_all_faults_are_told_at_once(self) -> None:
        bad = replace(
            promise_for(BANK, DEMAND, "N-1"),
            beneficiary_uscc=STRANGER,
            principal_uscc=STRANGER,
            lot_id="another",
            amount=Money(1),
            valid_to=DEMAND.opening_on,
        )
        found = faults_of(case_of(issue(INSURER, bad), used_for="lot-9"))
        assert codes(found) == [
            "signature",
            "beneficiary",
            "principal",
            "lot",
            "amount",
            "ends_early",
            "reused",
        ]

    def test_the_names_of_the_checks_are_those_of_the_flaws(self) -> None:
        names = {check.name for check in CHECKS} | {"readable"}
        assert {flaw.value for flaw in Flaw} <= names


class TestStanding:
    """Dali 2024: 免收; 条例 第二十六条."""

    def test_by_state(self) -> None:
        owing = terms(FACTS, ON)
        assert standing_kind(owing, None) is StandingKind.MISSING
        assert standing_kind(owing, GuaranteeState.RESTORED) is StandingKind.PENDING
        assert standing_kind(owing, GuaranteeState.VERIFIED) is StandingKind.VERIFIED
        assert standing_kind(owing, GuaranteeState.INVALID) is StandingKind.INVALID
        assert standing_kind(owing, GuaranteeState.RELEASED) is StandingKind.VERIFIED

    def test_who_owes_nothing_is_not_harmed_by_a_faulty_guarantee(self) -> None:
        small = Money.yuan(10_000_000)
        exempt = terms(replace(FACTS, estimate=small, tender_amount=small), ON)
        assert standing_kind(exempt, GuaranteeState.INVALID) is StandingKind.EXEMPT
        nothing = terms(replace(FACTS, charged=Money(0)), ON)
        assert standing_kind(nothing, None) is StandingKind.NOT_CHARGED


class TestIssuers:
    def test_the_synthetic_ones_are_sound_and_repeat_themselves(self) -> None:
        for made in ISSUERS:
            check_issuer(made.issuer)
        again = make_issuers(b"deposits", organisations(6))
        assert [m.issuer for m in again] == [m.issuer for m in ISSUERS]
        other = make_issuers(b"another", organisations(6))
        assert other[0].issuer.keys != ISSUERS[0].issuer.keys

    def test_all_faults_at_once(self) -> None:
        bad = Issuer(
            uscc="x",
            name=" ",
            forms=(DepositForm.CASH,),
            licence="",
            licensed_from=date(2026, 1, 2),
            licensed_to=date(2026, 1, 1),
            keys=(IssuerKey(b"short", date(2026, 1, 2), date(2026, 1, 1)),) * 2,
        )
        with pytest.raises(Refusal) as refused:
            check_issuer(bad)
        assert {fault.pointer for fault in refused.value.faults} == {
            "/uscc",
            "/name",
            "/forms",
            "/licence",
            "/licensed_to",
            "/keys",
            "/keys/0/public_key",
            "/keys/0/valid_to",
            "/keys/1/public_key",
            "/keys/1/valid_to",
        }

    def test_a_name_without_a_form_is_refused(self) -> None:
        with pytest.raises(ValueError):
            make_issuers(b"s", [replace(organisations(1)[0], name="滇示例建设0001有限公司")])


def test_a_guarantee_names_no_person() -> None:
    assert not {"name", "contact", "phone", "person"} & set(Guarantee.__dataclass_fields__)
