"""What a bidder owes: ceiling, charge, reduction, exemption, forms, validity; and tender files."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive.errors import Refusal
from archive.words import Language, render, say
from deposits.forms import GUARANTEES, DepositForm
from deposits.terms import TenderDeposit, TermsFacts, check_tender_terms, terms
from trading.money import Money
from trading.parties.party import Standing
from trading.regime import ProjectKind, Regime

ON = date(2026, 10, 21)
DALI, KUNMING, CHENGDU = "532901", "530102", "510104"

FACTS = TermsFacts(
    regime=Regime.ZTB,
    kind=ProjectKind.WORKS,
    region=DALI,
    estimate=Money.yuan(30_000_000),
    tender_amount=Money.yuan(30_000_000),
    charged=Money.yuan(600_000),
    government_invested=False,
    honesty=Standing.CLEAN,
    opening_on=ON,
    bid_validity_days=90,
)


def codes(facts: TermsFacts) -> list[str]:
    return [step.text.code.rpartition(".")[2] for step in terms(facts, ON).steps]


class TestCeiling:
    """招标投标法实施条例 第二十六条: at most 2 % of the estimate; 30号令 §37, 27号令 §27, 2号令 §24:
    caps; 政府采购法实施条例 第三十三条: at most 2 % of the budget."""

    @pytest.mark.parametrize(
        ("kind", "estimate", "ceiling"),
        [
            (ProjectKind.WORKS, 39_999_950, "799999.00"),
            (ProjectKind.WORKS, 40_000_000, "800000.00"),
            (ProjectKind.WORKS, 40_000_050, "800000.00"),
            (ProjectKind.WATER_WORKS, 90_000_000, "800000.00"),
            (ProjectKind.GOODS, 90_000_000, "800000.00"),
            (ProjectKind.DESIGN, 4_999_950, "99999.00"),
            (ProjectKind.DESIGN, 90_000_000, "100000.00"),
            (ProjectKind.SERVICES, 90_000_000, "1800000.00"),
        ],
    )
    def test_two_percent_and_the_cap_of_the_kind(
        self, kind: ProjectKind, estimate: int, ceiling: str
    ) -> None:
        amount = Money.yuan(estimate)
        facts = replace(FACTS, kind=kind, estimate=amount, tender_amount=amount)
        assert terms(facts, ON).ceiling == Money.yuan(ceiling)

    def test_government_procurement_has_the_rate_alone(self) -> None:
        amount = Money.yuan(90_000_000)
        facts = replace(FACTS, regime=Regime.ZFCG, estimate=amount, tender_amount=amount)
        assert terms(facts, ON).ceiling == Money.yuan(1_800_000)

    def test_two_percent_is_rounded_down(self) -> None:
        facts = replace(FACTS, estimate=Money(99), tender_amount=Money(99))
        assert terms(facts, ON).ceiling == Money(1)

    def test_what_is_charged_beyond_the_ceiling_is_not_owed(self) -> None:
        facts = replace(FACTS, charged=Money(60_000_001))
        assert terms(facts, ON).due == Money.yuan(600_000)
        assert "overcharged" in codes(facts)
        assert "overcharged" not in codes(FACTS)

    def test_a_file_may_charge_less(self) -> None:
        assert terms(replace(FACTS, charged=Money.yuan(5)), ON).due == Money.yuan(5)


class TestGovernmentInvestment:
    """云发改交易管理〔2023〕397号 第一条: at least 50 % less, in Yunnan from 2023-05-01."""

    facts = replace(FACTS, government_invested=True)

    def test_half_of_the_ceiling(self) -> None:
        assert terms(self.facts, ON).due == Money.yuan(300_000)

    def test_a_file_that_is_already_reduced_is_not_reduced_again(self) -> None:
        assert terms(replace(self.facts, charged=Money.yuan(250_000)), ON).due == Money.yuan(
            250_000
        )

    def test_an_odd_fen_goes_to_the_bidder(self) -> None:
        facts = replace(self.facts, estimate=Money(1_000_000_050))  # 2 %: 20,000,001 fen
        assert terms(replace(facts, tender_amount=facts.estimate), ON).due == Money(10_000_000)

    def test_all_of_yunnan_and_nowhere_else(self) -> None:
        assert terms(replace(self.facts, region=KUNMING), ON).due == Money.yuan(300_000)
        assert terms(replace(self.facts, region=CHENGDU), ON).due == Money.yuan(600_000)

    def test_from_its_day_on(self) -> None:
        assert terms(self.facts, date(2023, 4, 30)).due == Money.yuan(600_000)
        assert terms(self.facts, date(2023, 5, 1)).due == Money.yuan(300_000)

    def test_not_in_government_procurement(self) -> None:
        facts = replace(self.facts, regime=Regime.ZFCG)
        assert terms(facts, ON).due == Money.yuan(600_000)


class TestExemption:
    """Dali 2024: 招标金额在1000万元以下的项目,免收无失信记录企业的投标保证金; 民法典 第一千二百五十九条:
    以下 includes the number."""

    small = replace(
        FACTS,
        estimate=Money.yuan(10_000_000),
        tender_amount=Money.yuan(10_000_000),
        charged=Money.yuan(200_000),
    )

    def test_exactly_ten_million_is_exempt_and_says_why(self) -> None:
        got = terms(self.small, ON)
        assert got.exempt
        assert got.due == Money(0)
        assert "boundary_in" in codes(self.small)
        assert "deposit.exempt_boundary_included" in got.rule_ids

    def test_one_fen_over_is_not(self) -> None:
        facts = replace(self.small, tender_amount=Money(1_000_000_001))
        got = terms(facts, ON)
        assert not got.exempt
        assert got.due == Money.yuan(200_000)
        assert "exempt_too_large" in codes(facts)

    def test_one_fen_under_needs_no_word_on_the_boundary(self) -> None:
        facts = replace(self.small, estimate=Money(999_999_999), tender_amount=Money(999_999_999))
        assert terms(facts, ON).exempt
        assert not [code for code in codes(facts) if code.startswith("boundary")]

    @pytest.mark.parametrize(
        ("honesty", "code"),
        [(Standing.LISTED, "exempt_listed"), (Standing.UNKNOWN, "exempt_unknown")],
    )
    def test_listed_and_unknown_pay_each_for_its_own_reason(
        self, honesty: Standing, code: str
    ) -> None:
        facts = replace(self.small, honesty=honesty)
        assert terms(facts, ON).due == Money.yuan(200_000)
        assert code in codes(facts)

    def test_only_where_a_text_says_so(self) -> None:
        assert not terms(replace(self.small, region=KUNMING), ON).exempt
        assert not terms(replace(self.small, regime=Regime.ZFCG), ON).exempt

    def test_what_is_charged_from_others_does_not_matter(self) -> None:
        assert terms(replace(self.small, charged=Money(0)), ON).exempt


class TestFormStageValidity:
    """条例 第二十五条、第二十六条、第三十条; 政府采购法实施条例 第三十三条."""

    def test_government_procurement_takes_no_cash(self) -> None:
        assert DepositForm.CASH in terms(FACTS, ON).forms
        assert DepositForm.CASH not in terms(replace(FACTS, regime=Regime.ZFCG), ON).forms

    @pytest.mark.parametrize("regime", [Regime.ZTB, Regime.ZFCG])
    def test_guarantees_are_always_a_form(self, regime: Regime) -> None:
        assert set(GUARANTEES) <= set(terms(replace(FACTS, regime=regime), ON).forms)

    def test_cash_comes_from_the_basic_account(self) -> None:
        assert "basic_account" in codes(FACTS)
        assert "basic_account" not in codes(replace(FACTS, regime=Regime.ZFCG))

    @pytest.mark.parametrize(("stage", "due"), [(0, 600_000), (1, 0), (2, 600_000)])
    def test_two_stage_tenders_ask_in_the_second_stage(self, stage: int, due: int) -> None:
        assert terms(replace(FACTS, stage=stage), ON).due == Money.yuan(due)

    def test_validity_runs_from_the_deadline(self) -> None:
        facts = replace(FACTS, opening_on=date(2026, 9, 1), bid_validity_days=29)
        assert terms(facts, ON).valid_until == date(2026, 9, 30)

    def test_a_last_day_on_national_day_rolls_as_the_bids_own_does(self) -> None:
        facts = replace(FACTS, opening_on=date(2026, 9, 1), bid_validity_days=30)
        assert terms(facts, ON).valid_until == date(2026, 10, 8)


class TestRefusals:
    def test_all_faults_at_once(self) -> None:
        facts = replace(
            FACTS,
            regime=Regime.LAND,
            estimate=Money(0),
            tender_amount=Money(-1),
            charged=Money(-1),
            bid_validity_days=0,
            stage=3,
        )
        with pytest.raises(Refusal) as refused:
            terms(facts, ON)
        assert {fault.pointer for fault in refused.value.faults} == {
            "/regime",
            "/estimate",
            "/tender_amount",
            "/charged",
            "/bid_validity_days",
            "/stage",
        }


def facts_strategy() -> st.SearchStrategy[TermsFacts]:
    fen = st.integers(1, 10**13)
    return st.builds(
        lambda estimate, others, **rest: TermsFacts(
            estimate=Money(estimate), tender_amount=Money(estimate + others), **rest
        ),
        estimate=fen,
        others=st.one_of(st.just(0), fen),
        regime=st.sampled_from([Regime.ZTB, Regime.ZFCG]),
        kind=st.sampled_from(list(ProjectKind)),
        region=st.sampled_from([DALI, KUNMING, CHENGDU]),
        charged=st.builds(Money, st.integers(0, 10**12)),
        government_invested=st.booleans(),
        honesty=st.sampled_from(list(Standing)),
        opening_on=st.dates(date(2024, 6, 1), date(2027, 12, 31)),
        bid_validity_days=st.integers(1, 365),
        stage=st.integers(0, 2),
    )


class TestProperties:
    @given(facts_strategy())
    def test_never_above_the_ceiling_nor_above_what_is_charged(self, facts: TermsFacts) -> None:
        got = terms(facts, ON)
        assert Money(0) <= got.due <= got.ceiling
        assert got.due <= facts.charged
        assert Fraction(got.ceiling.fen, facts.estimate.fen) <= Fraction(2, 100)

    @given(facts_strategy())
    def test_the_steps_are_a_chain_that_never_rises(self, facts: TermsFacts) -> None:
        got = terms(facts, ON)
        assert got.steps[0].amount_before == facts.estimate
        assert got.steps[-1].amount_after == got.due
        for step, following in zip(got.steps, got.steps[1:], strict=False):
            assert step.amount_after == following.amount_before
        assert all(step.amount_after <= step.amount_before for step in got.steps)
        assert all(step.article and step.rule_id for step in got.steps)

    @given(facts_strategy(), st.integers(0, 10**12), st.integers(0, 10**12))
    def test_who_charges_more_gets_no_less(self, facts: TermsFacts, a: int, b: int) -> None:
        low, high = sorted((a, b))
        cheap = terms(replace(facts, charged=Money(low)), ON)
        dear = terms(replace(facts, charged=Money(high)), ON)
        assert cheap.due <= dear.due

    @given(facts_strategy(), st.integers(0, 10**12))
    def test_a_larger_project_owes_no_less(self, facts: TermsFacts, more: int) -> None:
        larger = replace(
            facts,
            estimate=facts.estimate + Money(more),
            tender_amount=facts.tender_amount + Money(more),
        )
        assert terms(facts, ON).due <= terms(larger, ON).due

    @given(facts_strategy())
    def test_exempt_means_nothing_and_only_the_clean_are(self, facts: TermsFacts) -> None:
        got = terms(facts, ON)
        if got.exempt:
            assert got.due == Money(0)
            assert facts.honesty is Standing.CLEAN
            assert facts.tender_amount <= Money.yuan(10_000_000)

    @given(facts_strategy())
    def test_every_step_has_words(self, facts: TermsFacts) -> None:
        for step in terms(facts, ON).steps:
            for language in Language:
                assert not render(step.text, language).startswith("[")


CLAUSE = TenderDeposit(
    regime=Regime.ZTB,
    kind=ProjectKind.WORKS,
    region=DALI,
    estimate=Money.yuan(30_000_000),
    charged=Money.yuan(300_000),
    government_invested=True,
    forms=tuple(DepositForm),
)


class TestTenderFile:
    """条例 第二十六条、第三十条; 2024年第16号令 第十一条; 云发改交易管理〔2023〕397号."""

    def test_a_lawful_clause_has_no_fault(self) -> None:
        assert check_tender_terms(CLAUSE, ON) == ()

    @pytest.mark.parametrize(
        ("change", "pointer", "code"),
        [
            ({"charged": Money.yuan("600000.01")}, "/deposit/charged", "overcharged"),
            ({"charged": Money.yuan("300000.01")}, "/deposit/charged", "not_reduced"),
            ({"named_issuers": ("某银行",)}, "/deposit/named_issuers", "issuer_named"),
            ({"stage": 1}, "/deposit/stage", "stage"),
            ({"forms": (DepositForm.CASH, *GUARANTEES[:2])}, "/deposit/forms", "guarantee_refused"),
            (
                {"regime": Regime.ZFCG, "forms": tuple(DepositForm)},
                "/deposit/forms",
                "form_not_allowed",
            ),
        ],
    )
    def test_each_fault_is_found_alone(
        self, change: dict[str, object], pointer: str, code: str
    ) -> None:
        faults = check_tender_terms(replace(CLAUSE, **change), ON)  # type: ignore[arg-type]
        assert [(f.pointer, f.code) for f in faults] == [(pointer, f"deposits.tender.{code}")]
        assert not say(faults[0].code, faults[0].params, Language.ZH).startswith("[")
        assert faults[0].rule

    def test_cash_only_is_refused_and_so_is_transfer_only(self) -> None:
        for forms in ((DepositForm.CASH,), (DepositForm.TRANSFER, DepositForm.CASH)):
            found = {f.code for f in check_tender_terms(replace(CLAUSE, forms=forms), ON)}
            assert found == {"deposits.tender.cash_only", "deposits.tender.guarantee_refused"}

    def test_who_charges_nothing_need_not_list_forms(self) -> None:
        assert check_tender_terms(replace(CLAUSE, charged=Money(0), forms=()), ON) == ()

    def test_the_cap_is_the_rule_that_binds_a_large_project(self) -> None:
        clause = replace(CLAUSE, estimate=Money.yuan(90_000_000), charged=Money.yuan(800_001))
        assert [f.rule for f in check_tender_terms(clause, ON)] == ["deposit.cap_works"]

    def test_what_passes_is_what_a_bidder_owes(self) -> None:
        owed = terms(replace(FACTS, charged=CLAUSE.charged, government_invested=True), ON)
        assert owed.due == CLAUSE.charged

    def test_a_regime_without_deposits_is_refused(self) -> None:
        with pytest.raises(Refusal) as refused:
            check_tender_terms(replace(CLAUSE, regime=Regime.MINERAL), ON)
        assert refused.value.code == "deposits.terms.regime"
