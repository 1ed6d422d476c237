"""What a bidder owes as bid deposit (投标保证金), step by step with the article of each step.

The law: 招标投标法实施条例 §25, §26, §30; 政府采购法实施条例 §33; the caps of the ministries' orders
on works, goods and design; local reductions and exemptions (云发改交易管理〔2023〕397号; Dali 2024).
All numbers come from the rule pack; this module holds the order in which they are applied:

    estimate → at most 2 % of it → at most the cap of its kind → at most what the tender file
    charges → government investment: at most the reduced ceiling → good credit: what the tender
    file grants its grade → small and clean: nothing

Each step says what the amount was before and after it, and no step ever raises it. Steps that touch
no amount (form, account, validity) stand in the same list, so that a reader has the whole.

Nothing here is stored before the opening: terms of a named bidder for a named lot would say who
bids. It computes no interest and knows no cash accounts.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import ROUND_DOWN
from fractions import Fraction

from archive.errors import Fault, Faults, Param, Reason, Refusal
from deposits.forms import GUARANTEES, DepositForm
from trading.calendar.legal import calendar
from trading.money import Money
from trading.parties.party import Standing
from trading.regime import ProjectKind, Regime
from trading.rules.book import Rule, Status, book

_PERMILLE = 1000
GRADE_LENGTH_MAX = 8
_CAPS = {
    ProjectKind.WORKS: "deposit.cap_works",
    ProjectKind.WATER_WORKS: "deposit.cap_works",
    ProjectKind.GOODS: "deposit.cap_goods",
    ProjectKind.DESIGN: "deposit.cap_design",
}
"""Services of tendering law have the rate alone; government procurement has no cap in yuan."""
_REGIMES = (Regime.ZTB, Regime.ZFCG)


@dataclass(frozen=True)
class CreditRelief:
    """What a tender file grants to bidders of good credit (信用减免): `permille` less for whoever
    holds one of `grades` (letters of the province's credit evaluation)."""

    grades: tuple[str, ...]
    permille: int


@dataclass(frozen=True)
class TermsFacts:
    """What the terms of one bidder for one lot depend on; plain values only.

    `region` is the six-digit division code. `estimate` is the lot's estimated price (估算价), in
    government procurement its budget. `honesty` is the bidder's standing on that day: UNKNOWN is
    neither clean nor listed, and does not exempt. `tender_amount` is what the exemption's limit is compared
    with (see rule `deposit.exempt_counts`). `charged` is what the tender file demands. `stage` is
    1 or 2 in a two-stage tender, else 0. `opening_on` is the legal day of the deadline for bids.
    `relief` is what the tender file grants to good credit, `grade` the bidder's grade on that day;
    empty where none is known, which is no good grade.
    """

    regime: Regime
    kind: ProjectKind
    region: str
    estimate: Money
    tender_amount: Money
    charged: Money
    government_invested: bool
    honesty: Standing
    opening_on: date
    bid_validity_days: int
    stage: int = 0
    relief: CreditRelief | None = None
    grade: str = ""


@dataclass(frozen=True)
class Step:
    """One rule applied. `text` is a reason of this package's catalogue."""

    rule_id: str
    article: str
    status: Status
    text: Reason
    amount_before: Money
    amount_after: Money


@dataclass(frozen=True)
class Terms:
    """`forms` are those in which a deposit may be given (also where nothing is due); `valid_until`
    is the earliest last day of validity that suffices; `ceiling` the most that may be charged."""

    due: Money
    ceiling: Money
    exempt: bool
    forms: tuple[DepositForm, ...]
    valid_until: date
    steps: tuple[Step, ...]

    @property
    def rule_ids(self) -> tuple[str, ...]:
        """The rules used, each once, in order of use."""
        return tuple(dict.fromkeys(step.rule_id for step in self.steps))


class _Steps:
    """The running amount and how it came about."""

    def __init__(self, start: Money) -> None:
        self.amount = start
        self.taken: list[Step] = []

    def take(self, rule: Rule, code: str, after: Money | None = None, **params: Param) -> None:
        before = self.amount
        self.amount = before if after is None else min(before, after)
        params |= {"before": before.in_yuan(), "after": self.amount.in_yuan()}
        self.taken.append(
            Step(
                rule.id,
                rule.article,
                rule.status,
                Reason(f"deposits.step.{code}", params),
                before,
                self.amount,
            )
        )


def terms(facts: TermsFacts, on: date) -> Terms:
    """The terms by the rules in force on `on` (the day of the tender file or of the question).

    Raises Refusal INVALID with all faults where the facts make no sense, or where the regime knows
    no bid deposit (land, minerals, property).
    """
    _check(facts)
    rules = _Rules(facts.regime, facts.region, on)
    steps = _Steps(facts.estimate)
    _apply_ceiling(steps, rules, facts.kind)
    ceiling = steps.amount
    _apply_charge(steps, rules, facts, ceiling)
    exempt = False
    if facts.regime is Regime.ZTB:
        _apply_reduction(steps, rules, facts, ceiling)
        _apply_credit(steps, rules, facts)
        exempt = _apply_exemption(steps, rules, facts)
        _apply_stage(steps, rules, facts.stage)
    forms = _apply_forms(steps, rules)
    return Terms(
        due=steps.amount,
        ceiling=ceiling,
        exempt=exempt,
        forms=forms,
        valid_until=_apply_validity(steps, rules, facts),
        steps=tuple(steps.taken),
    )


@dataclass(frozen=True)
class _Rules:
    """The book, asked for one regime, place and day."""

    regime: Regime
    region: str
    on: date

    def __call__(self, rule_id: str) -> Rule:
        return book().rule(rule_id, self.on, self.regime, self.region)


def _check(facts: TermsFacts) -> None:
    faults = Faults("deposits.terms.invalid")
    if facts.regime not in _REGIMES:
        faults.add("/regime", "deposits.terms.regime", regime=facts.regime)
    if facts.estimate.fen <= 0:
        faults.add("/estimate", "deposits.terms.estimate", amount=facts.estimate.in_yuan())
    if facts.tender_amount < facts.estimate:
        faults.add(
            "/tender_amount",
            "deposits.terms.tender_amount",
            amount=facts.tender_amount.in_yuan(),
            estimate=facts.estimate.in_yuan(),
        )
    if facts.charged.fen < 0:
        faults.add("/charged", "deposits.terms.charged", amount=facts.charged.in_yuan())
    if facts.bid_validity_days <= 0:
        faults.add("/bid_validity_days", "deposits.terms.validity", days=facts.bid_validity_days)
    if facts.stage not in (0, 1, 2):
        faults.add("/stage", "deposits.terms.stage", stage=facts.stage)
    if facts.relief is not None and not 0 < facts.relief.permille <= _PERMILLE:
        faults.add("/relief/permille", "deposits.terms.relief", permille=facts.relief.permille)
    faults.refuse()


def _apply_ceiling(steps: _Steps, rules: _Rules, kind: ProjectKind) -> None:
    """条例 §26 / 政采条例 §33: at most 2 %; rounded down, for half a fen more is too much."""
    rate = rules("deposit.rate_max")
    share = steps.amount.times(Fraction(rate.number, _PERMILLE), rounding=ROUND_DOWN)
    steps.take(rate, "rate", share, permille=rate.number)
    if rules.regime is Regime.ZTB and kind in _CAPS:
        cap = rules(_CAPS[kind])
        steps.take(cap, "cap", Money(cap.number), cap=Money(cap.number).in_yuan())


def _apply_charge(steps: _Steps, rules: _Rules, facts: TermsFacts, ceiling: Money) -> None:
    """What the tender file charges counts as far as the ceiling reaches."""
    code = "charged" if facts.charged <= ceiling else "overcharged"
    rate = rules("deposit.rate_max")
    steps.take(
        rate, code, facts.charged, charged=facts.charged.in_yuan(), ceiling=ceiling.in_yuan()
    )


def _reduced(rules: _Rules, ceiling: Money) -> tuple[Rule, Money]:
    """The most that government investment may be charged: the ceiling less the reduction."""
    rule = rules("deposit.government_reduction_min")
    share = Fraction(_PERMILLE - rule.number, _PERMILLE)
    return rule, ceiling.times(share, rounding=ROUND_DOWN)


def _apply_reduction(steps: _Steps, rules: _Rules, facts: TermsFacts, ceiling: Money) -> None:
    rule, reduced = _reduced(rules, ceiling)
    if facts.government_invested and rule.number:
        steps.take(rule, "reduced", reduced, permille=rule.number, reduced=reduced.in_yuan())


def _apply_credit(steps: _Steps, rules: _Rules, facts: TermsFacts) -> None:
    """397号 第三条: good credit may stand in for money, where the tender file says so. Whoever is
    listed for dishonesty has no good credit, whatever his grade; an unknown grade grants nothing."""
    if facts.relief is None:
        return
    rule = rules("deposit.credit_relief")
    grades = ", ".join(facts.relief.grades)
    if not rule.is_on:
        steps.take(rule, "credit_unknown_here", grades=grades)
    elif facts.honesty is Standing.LISTED:
        steps.take(rule, "credit_listed", grades=grades)
    elif not facts.grade:
        steps.take(rule, "credit_no_grade", grades=grades)
    elif facts.grade not in facts.relief.grades:
        steps.take(rule, "credit_other_grade", grade=facts.grade, grades=grades)
    else:
        share = Fraction(_PERMILLE - facts.relief.permille, _PERMILLE)
        reduced = steps.amount.times(share, rounding=ROUND_DOWN)
        steps.take(rule, "credit", reduced, grade=facts.grade, permille=facts.relief.permille)


def _apply_exemption(steps: _Steps, rules: _Rules, facts: TermsFacts) -> bool:
    """Small projects: nothing from bidders *known* to have no record of dishonesty."""
    limit = rules("deposit.exempt_amount_max")
    if not limit.number:
        return False
    boundary = rules("deposit.exempt_boundary_included")
    amount, limit_yuan = facts.tender_amount.in_yuan(), Money(limit.number).in_yuan()
    if facts.tender_amount.fen == limit.number:
        code = "boundary_in" if boundary.is_on else "boundary_out"
        steps.take(boundary, code, limit=limit_yuan)
    is_small = facts.tender_amount.fen < limit.number + (1 if boundary.is_on else 0)
    if not is_small:
        steps.take(limit, "exempt_too_large", amount=amount, limit=limit_yuan)
        return False
    if facts.honesty is not Standing.CLEAN:
        code = "exempt_listed" if facts.honesty is Standing.LISTED else "exempt_unknown"
        steps.take(limit, code, amount=amount, limit=limit_yuan)
        return False
    steps.take(limit, "exempt", Money(0), amount=amount, limit=limit_yuan)
    return True


def _apply_stage(steps: _Steps, rules: _Rules, stage: int) -> None:
    if stage:
        rule = rules("deposit.stage_asked")
        if stage == rule.number:
            steps.take(rule, "stage_asked", stage=stage)
        else:
            steps.take(rule, "stage_not_asked", Money(0), stage=stage, asked=rule.number)


def _apply_forms(steps: _Steps, rules: _Rules) -> tuple[DepositForm, ...]:
    rule = rules("deposit.forms")
    assert isinstance(rule.value, tuple), rule.id
    forms = tuple(DepositForm(str(form)) for form in rule.value)
    code = "forms" if DepositForm.CASH in forms else "forms_without_cash"
    steps.take(rule, code, forms=", ".join(forms))
    if rules.regime is Regime.ZTB:
        account = rules("deposit.basic_account")
        if account.is_on:
            steps.take(account, "basic_account")
    return forms


def _apply_validity(steps: _Steps, rules: _Rules, facts: TermsFacts) -> date:
    """As long as the bids, counted as `trading` counts them: the day of the deadline is not, and a
    last day off rolls on (民法典 §203)."""
    rule = rules("deposit.valid_with_bid")
    days = facts.bid_validity_days + rule.number
    last = calendar().days_after(facts.opening_on, days).day
    steps.take(
        rule,
        "validity",
        days=facts.bid_validity_days,
        opening=facts.opening_on.isoformat(),
        until=last.isoformat(),
    )
    return last


# --- What a tender file may say ---------------------------------------------------------


@dataclass(frozen=True)
class TenderDeposit:
    """The clause on deposits of one lot's tender file. `named_issuers` are the institutions whose
    guarantees alone it would accept, or that it recommends (指定出函机构); `return_conditions` what
    it asks of a bidder before his deposit goes back; `relief` what it grants to good credit."""

    regime: Regime
    kind: ProjectKind
    region: str
    estimate: Money
    charged: Money
    government_invested: bool
    forms: tuple[DepositForm, ...]
    named_issuers: tuple[str, ...] = ()
    stage: int = 0
    return_conditions: tuple[str, ...] = ()
    relief: CreditRelief | None = None


def check_tender_terms(clause: TenderDeposit, on: date) -> tuple[Fault, ...]:
    """All faults of the clause, with pointers below `/deposit`; empty where it may stand.

    Over-charging (条例 §26), government investment not reduced (397号 §1), an institution named
    (16号令 §11), guarantees not accepted or cash alone (16号令 §11, 397号 §2), a form that the
    regime does not know (政采条例 §33), a deposit asked in the wrong stage (条例 §30), a condition for
    giving it back that no law knows (16号令 §11), relief by credit where no rule admits it.
    """
    if clause.regime not in _REGIMES:
        raise Refusal("deposits.terms.regime", {"regime": clause.regime})
    rules = _Rules(clause.regime, clause.region, on)
    faults: list[Fault] = []
    _check_charge(clause, rules, faults)
    _check_forms(clause, rules, faults)
    if clause.named_issuers and not (rule := rules("deposit.issuer_named")).is_on:
        faults.append(
            Fault(
                "/deposit/named_issuers",
                "deposits.tender.issuer_named",
                {"count": len(clause.named_issuers), "article": rule.article},
                rule.id,
            )
        )
    if clause.return_conditions and not (rule := rules("deposit.return_conditions")).is_on:
        faults.append(
            Fault(
                "/deposit/return_conditions",
                "deposits.tender.return_conditions",
                {"count": len(clause.return_conditions), "article": rule.article},
                rule.id,
            )
        )
    _check_relief(clause, rules, faults)
    return tuple(faults)


def _check_relief(clause: TenderDeposit, rules: _Rules, faults: list[Fault]) -> None:
    if clause.relief is None:
        return
    is_known = clause.regime is Regime.ZTB and rules("deposit.credit_relief").is_on
    if not is_known:
        faults.append(
            Fault("/deposit/relief", "deposits.tender.relief_unknown", {}, "deposit.credit_relief")
        )
    if not 0 < clause.relief.permille <= _PERMILLE:
        faults.append(
            Fault(
                "/deposit/relief/permille",
                "deposits.terms.relief",
                {"permille": clause.relief.permille},
            )
        )
    if not clause.relief.grades or not all(
        grade.strip() and len(grade) <= GRADE_LENGTH_MAX for grade in clause.relief.grades
    ):
        faults.append(
            Fault(
                "/deposit/relief/grades",
                "deposits.tender.relief_grades",
                {"length_max": GRADE_LENGTH_MAX},
            )
        )


def _check_charge(clause: TenderDeposit, rules: _Rules, faults: list[Fault]) -> None:
    if not clause.charged:
        return
    steps = _Steps(clause.estimate)
    _apply_ceiling(steps, rules, clause.kind)
    ceiling, binding = steps.amount, steps.taken[0]
    for step in steps.taken:
        if step.amount_after < step.amount_before:
            binding = step
    params = {"charged": clause.charged.in_yuan(), "ceiling": ceiling.in_yuan()}
    if clause.charged > ceiling:
        faults.append(
            Fault(
                "/deposit/charged",
                "deposits.tender.overcharged",
                params | {"article": binding.article},
                binding.rule_id,
            )
        )
    elif clause.regime is Regime.ZTB and clause.government_invested:
        rule, reduced = _reduced(rules, ceiling)
        if clause.charged > reduced:
            faults.append(
                Fault(
                    "/deposit/charged",
                    "deposits.tender.not_reduced",
                    params | {"reduced": reduced.in_yuan(), "article": rule.article},
                    rule.id,
                )
            )
    if clause.regime is Regime.ZTB and clause.stage:
        asked = rules("deposit.stage_asked")
        if clause.stage != asked.number:
            faults.append(
                Fault(
                    "/deposit/stage",
                    "deposits.tender.stage",
                    {"stage": clause.stage, "asked": asked.number, "article": asked.article},
                    asked.id,
                )
            )


def _check_forms(clause: TenderDeposit, rules: _Rules, faults: list[Fault]) -> None:
    rule = rules("deposit.forms")
    assert isinstance(rule.value, tuple), rule.id
    if clause.charged and not set(clause.forms) - {DepositForm.CASH, DepositForm.TRANSFER}:
        faults.append(
            Fault("/deposit/forms", "deposits.tender.cash_only", {"article": rule.article}, rule.id)
        )
    unknown = [form for form in clause.forms if form not in rule.value]
    if unknown:
        faults.append(
            Fault(
                "/deposit/forms",
                "deposits.tender.form_not_allowed",
                {"forms": ", ".join(unknown), "article": rule.article},
                rule.id,
            )
        )
    accepted = rules("deposit.guarantees_accepted")
    missing = [form for form in GUARANTEES if form not in clause.forms]
    if clause.charged and accepted.is_on and missing:
        faults.append(
            Fault(
                "/deposit/forms",
                "deposits.tender.guarantee_refused",
                {"forms": ", ".join(missing), "article": accepted.article},
                accepted.id,
            )
        )
