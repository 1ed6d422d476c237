"""Relief from deposits by month (保证金减免统计), worked out from the lots of a centre.

A lot counts in the month of its notice. `base` is what the ceiling of the law would have let it
charge of one bidder, `charged` what a clean bidder owes; both by the rules of the day of the notice.
Projects with any relief and fen that were not charged give two shares under two names; "减免比例"
alone is neither. Bidders count from the opening on, once a lot: with a guarantee or with cash.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date

from sqlmodel import Session

from deposits.cash import service as cash
from deposits.cash.holding import HoldingState
from deposits.guarantees import service as guarantees
from deposits.guarantees.states import GuaranteeState
from deposits.lot import terms_of
from deposits.relief import (
    BidderDeposit,
    ProjectRelief,
    Share,
    freed_capital,
    freed_capital_share,
    relief_ratio_amount,
    relief_ratio_projects,
)
from deposits.service import deposit_lot
from trading.calendar.legal import legal_day
from trading.money import Money
from trading.parties.party import Standing
from trading.projects import service as projects
from trading.projects.project import Lot
from trading.projects.stages import BEFORE_OPENING
from trading.regime import Regime

NOT_COUNTED = frozenset({HoldingState.ANNOUNCED, HoldingState.ABSENT})


@dataclass(frozen=True)
class ReliefLine:
    """One month. Shares are None where there is nothing to divide."""

    month: str
    projects: int
    relieved: int
    by_projects: Share | None
    base: Money
    saved: Money
    by_amount: Share | None
    instances: int
    guaranteed: int
    by_guarantee: Share | None
    freed: Money


def relief(db: Session, centre_id: str, today: date) -> list[ReliefLine]:
    """The months up to today in which the centre announced something."""
    reliefs: dict[str, dict[str, ProjectRelief]] = defaultdict(dict)
    deposits: dict[str, list[BidderDeposit]] = defaultdict(list)
    for lot in projects.lots(db):
        if lot.centre_id != centre_id or lot.notice is None:
            continue
        if lot.regime not in (Regime.ZTB, Regime.ZFCG):
            continue
        on = legal_day(lot.notice.issued_at)
        if on > today:
            continue
        month = f"{on:%Y-%m}"
        _add(reliefs[month], lot.project_id, _of_lot(db, lot, on))
        if lot.stage not in BEFORE_OPENING:
            deposits[month] += _instances(db, lot)
    return [
        line(month, list(found.values()), deposits[month])
        for month, found in sorted(reliefs.items())
    ]


def _of_lot(db: Session, lot: Lot, on: date) -> ProjectRelief:
    terms = terms_of(deposit_lot(db, lot.id), Standing.CLEAN, on)
    return ProjectRelief(lot.project_id, terms.ceiling, min(terms.due, terms.ceiling))


def _add(found: dict[str, ProjectRelief], project_id: str, more: ProjectRelief) -> None:
    known = found.get(project_id)
    if known is not None:
        more = ProjectRelief(project_id, known.base + more.base, known.charged + more.charged)
    found[project_id] = more


def _instances(db: Session, lot: Lot) -> list[BidderDeposit]:
    given = {
        record.bidder_uscc: BidderDeposit(
            lot.id, record.bidder_uscc, record.promise.amount, is_guarantee=True
        )
        for record in guarantees.guarantees(db, lot.id)
        if record.promise is not None and record.state is not GuaranteeState.INVALID
    }
    for held in cash.holdings(db, lot.id):
        if held.state not in NOT_COUNTED and not held.reasons:
            paid = BidderDeposit(lot.id, held.bidder_uscc, held.amount, is_guarantee=False)
            given.setdefault(held.bidder_uscc, paid)
    return list(given.values())


def line(month: str, projects_: list[ProjectRelief], deposits: list[BidderDeposit]) -> ReliefLine:
    """The figures of one month's books."""
    base = Money(sum(p.base.fen for p in projects_))
    return ReliefLine(
        month=month,
        projects=len(projects_),
        relieved=sum(1 for p in projects_ if p.saved),
        by_projects=relief_ratio_projects(projects_) if projects_ else None,
        base=base,
        saved=Money(sum(p.saved.fen for p in projects_)),
        by_amount=relief_ratio_amount(projects_) if base else None,
        instances=len(deposits),
        guaranteed=sum(1 for d in deposits if d.is_guarantee),
        by_guarantee=freed_capital_share(deposits) if deposits else None,
        freed=freed_capital(deposits),
    )
