"""Interest on cash deposits and the fee for giving them back late, with the days counted.

    interest     the bank's deposit interest of the same period          条例 §57, §31; 87号令 §29
    late fee     benchmark loan rate × 1.2 on the days overdue            87号令 §38

Both are sums over spans of days on which one rate was in force: amount × rate × days / year days,
exact within a span's fraction and rounded once, half up, over the whole sum. A deposit bears
interest from the day on which it arrived up to, not including, the day on which it leaves. Rates
are dated rules in parts per million a year; nothing is compounded (demand deposits are credited
once a quarter; the difference is below a fen for the usual amounts and months and is left out).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from itertools import pairwise

from deposits.release import ReleaseCause
from trading.money import Money
from trading.regime import Regime
from trading.rules.book import Rule, book

MILLION = 1_000_000
DAYS_MAX = 36_600
_RATE, _YEAR, _LOAN = "deposit.interest_rate", "deposit.interest_year_days", "deposit.loan_rate"


@dataclass(frozen=True)
class Span:
    """Days with one rate: from `first` up to, not including, `until`; `rate_ppm` a year."""

    first: date
    until: date
    rate_ppm: int
    article: str
    rule_id: str

    @property
    def days(self) -> int:
        return (self.until - self.first).days


@dataclass(frozen=True)
class Accrual:
    """An amount that grew with the days. `article` says why anything is owed; `permille` is the
    factor on the rates (1,000 for interest)."""

    principal: Money
    amount: Money
    spans: tuple[Span, ...]
    year_days: int
    permille: int
    article: str
    rule_id: str

    @property
    def days(self) -> int:
        return sum(span.days for span in self.spans)


def interest(
    principal: Money, first: date, until: date, regime: Regime, region: str, cause: ReleaseCause
) -> Accrual:
    """The interest of a deposit that arrived on `first` and leaves on `until`, given back for
    `cause`; nothing where the regime names none, and on what was never a deposit (REJECTED)."""
    terminated = cause is ReleaseCause.TERMINATED
    rule = book().rule(
        "deposit.interest_terminated" if terminated else "deposit.interest_due",
        until,
        regime,
        region,
    )
    if not rule.is_on or cause is ReleaseCause.REJECTED:
        until = first
    return _accrue(principal, first, until, regime, region, _RATE, 1000, rule)


def late_fee(principal: Money, due_on: date, paid_on: date, regime: Regime, region: str) -> Accrual:
    """The fee for the days after `due_on` up to and including `paid_on`; nothing where the regime
    names no rate (tendering: damages are the court's matter)."""
    rule = book().rule("deposit.late_fee_permille", paid_on, regime, region)
    first = due_on + timedelta(days=1)
    until = max(first, paid_on + timedelta(days=1)) if rule.number else first
    return _accrue(principal, first, until, regime, region, _LOAN, rule.number, rule)


def _accrue(
    principal: Money,
    first: date,
    until: date,
    regime: Regime,
    region: str,
    rate_id: str,
    permille: int,
    why: Rule,
) -> Accrual:
    year = book().rule(_YEAR, max(first, until), regime, region).number
    spans = _spans(first, until, regime, region, rate_id)
    total = sum(Fraction(span.days * span.rate_ppm * permille, MILLION * 1000) for span in spans)
    amount = principal.times(Fraction(total) / year)
    return Accrual(principal, amount, spans, year, permille, why.article, why.id)


def _spans(first: date, until: date, regime: Regime, region: str, rate_id: str) -> tuple[Span, ...]:
    """The days cut where the rate changes."""
    if not 0 <= (until - first).days <= DAYS_MAX:
        raise ValueError(f"no deposit was held from {first} to {until}")
    cuts = {first, until}
    for rule in book().versions(rate_id):
        for day in filter(None, (rule.effective_from, rule.effective_to)):
            if first < day < until:
                cuts.add(day)
    ordered = sorted(cuts)
    spans: list[Span] = []
    for begins, ends in pairwise(ordered):
        rule = book().rule(rate_id, begins, regime, region)
        last = spans[-1] if spans else None
        if last is not None and (last.rate_ppm, last.article) == (rule.number, rule.article):
            spans[-1] = Span(last.first, ends, last.rate_ppm, last.article, last.rule_id)
        else:
            spans.append(Span(begins, ends, rule.number, rule.article, rule.id))
    return tuple(spans)
