"""Terms of deposits on request. Nothing is written about a bidder: before the opening the terms of a
named bidder for a named lot would tell who bids. What the tender file itself says is kept."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date

from sqlmodel import Session

from archive.actor import Actor, Role
from archive.errors import Kind, Refusal
from archive.office import Tx
from deposits import queries
from deposits.honesty import service as credit
from deposits.lot import DepositLot, terms_of
from deposits.tables import ClauseRow
from deposits.terms import CreditRelief, TenderDeposit, Terms, check_tender_terms
from trading.acting import must_act_for, must_serve
from trading.calendar.legal import legal_day
from trading.money import Money
from trading.parties import service as parties
from trading.projects import service as projects
from trading.projects.project import Lot
from trading.projects.stages import Stage
from trading.rules.book import book


def deposit_lot(db: Session, lot_id: str) -> DepositLot:
    """What the deposit of a lot depends on.

    Refuses NOT_FOUND; TOO_EARLY before the notice has set the day of the opening.
    """
    lot = projects.lot(db, lot_id)
    if lot.notice is None:
        raise Refusal("deposits.terms.no_opening", {"lot": lot_id}, Kind.TOO_EARLY)
    opening_on = legal_day(lot.notice.opening_at)
    said = queries.clause(db, lot_id)
    return DepositLot(
        lot_id=lot.id,
        centre_id=lot.centre_id,
        regime=lot.regime,
        kind=lot.kind,
        region=lot.division_code,
        beneficiary_uscc=lot.tenderer_uscc,
        agency_uscc=lot.agency_uscc,
        estimate=lot.estimate,
        tender_amount=_tender_amount(db, lot, opening_on),
        charged=lot.deposit_charged,
        government_invested=lot.government_invested,
        opening_on=opening_on,
        bid_validity_days=lot.bid_validity_days,
        stage=said.stage if said else 0,
        relief=said.relief if said else None,
    )


def lot_to_settle(db: Session, actor: Actor, lot_id: str) -> DepositLot:
    """The lot, where the actor may settle its deposits: its centre's staff, its tenderer, or the
    clock."""
    actor.must_be(Role.STAFF, Role.TENDERER, Role.SYSTEM)
    lot = deposit_lot(db, lot_id)
    must_serve(actor, lot.centre_id)
    if actor.roles.isdisjoint({Role.STAFF, Role.SYSTEM}):
        must_act_for(actor, lot.beneficiary_uscc, lot.agency_uscc)
    return lot


def set_clause(tx: Tx, actor: Actor, lot_id: str, clause: TenderDeposit) -> None:
    """Keep what a lot's tender file says beyond the amount: the stage of a two-stage tender, and
    relief by credit. INVALID with all faults of the clause, CONFLICT once the notice is published."""
    actor.must_be(Role.STAFF, Role.SYSTEM)
    lot = projects.lot(tx.db, lot_id)
    must_serve(actor, lot.centre_id)
    if lot.stage is not Stage.REGISTERED:
        raise Refusal("deposits.terms.noticed", {"lot": lot_id}, Kind.CONFLICT)
    if found := check_tender_terms(clause, legal_day(tx.now)):
        raise Refusal("deposits.tender.invalid", {"count": len(found)}, faults=found)
    relief = clause.relief
    row = ClauseRow(
        lot_id=lot_id,
        stage=clause.stage,
        grades=" ".join(relief.grades) if relief else "",
        permille=relief.permille if relief else 0,
    )
    tx.db.merge(row)
    tx.db.flush()
    tx.record(
        lot.subject,
        "deposits:clause:set",
        actor,
        {
            "stage": row.stage,
            "grades": row.grades,
            "permille": row.permille,
            "forms": [str(form) for form in clause.forms],
        },
    )


def clause(db: Session, lot_id: str) -> tuple[int, CreditRelief | None] | None:
    """Stage and relief that were kept for a lot; None before `set_clause`."""
    row = queries.clause(db, lot_id)
    return (row.stage, row.relief) if row else None


def _tender_amount(db: Session, lot: Lot, on: date) -> Money:
    """What the exemption's limit is compared with: the project's lots together, or the lot."""
    counts = book().rule("deposit.exempt_counts", on, lot.regime, lot.division_code)
    if counts.text == "LOT":
        return lot.estimate
    lots = projects.lots(db, project_id=lot.project_id)
    return Money(sum(other.estimate.fen for other in lots))


def terms_for(db: Session, lot_id: str, bidder_uscc: str, on: date) -> Terms:
    """What this bidder owes for this lot by the rules and the register of dishonest acts on `on`,
    with every step."""
    lot = deposit_lot(db, lot_id)
    return terms_of_many(db, lot, [bidder_uscc], on)[bidder_uscc]


def terms_of_many(
    db: Session, lot: DepositLot, bidders: Iterable[str], on: date
) -> Mapping[str, Terms]:
    """The same for many bidders of one lot, by code."""
    standings = parties.standings_on(db, bidders, on)
    grades = credit.grades_on(db, standings, on) if lot.relief else {}
    return {
        uscc: terms_of(lot, standings[uscc], on, grades.get(uscc, "")) for uscc in sorted(standings)
    }
