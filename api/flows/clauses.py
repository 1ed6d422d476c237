"""The clause on deposits of a tender file, as staff enter it before the notice: what it asks beyond the
amount is held against the rules of the day, all faults at once, and what may stand is kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlmodel import Session

from api.flows.desk import own_lot
from archive.actor import Actor
from archive.office import Tx
from deposits import service as deposits
from deposits.forms import DepositForm
from deposits.terms import CreditRelief, TenderDeposit
from trading.projects.project import Lot


@dataclass(frozen=True)
class Clause:
    """`forms` the tender file accepts, `named_issuers` and `return_conditions` in its words, `stage` of
    a two-stage tender (0: of one stage), `relief` it grants."""

    forms: tuple[DepositForm, ...]
    named_issuers: tuple[str, ...] = ()
    return_conditions: tuple[str, ...] = ()
    stage: int = 0
    relief: CreditRelief | None = None


def of_lot(lot: Lot, said: Clause) -> TenderDeposit:
    """The clause with what the lot's registration says already."""
    return TenderDeposit(
        regime=lot.regime,
        kind=lot.kind,
        region=lot.division_code,
        estimate=lot.estimate,
        charged=lot.deposit_charged,
        government_invested=lot.government_invested,
        forms=said.forms,
        named_issuers=said.named_issuers,
        return_conditions=said.return_conditions,
        stage=said.stage,
        relief=said.relief,
    )


def enter(tx: Tx, actor: Actor, lot_id: str, said: Clause) -> None:
    """Keep the clause of a lot of the actor's centre; see `deposits.service.set_clause`."""
    lot = own_lot(tx.db, actor, lot_id)
    deposits.set_clause(tx, actor, lot_id, of_lot(lot, said))


def entered(db: Session, lot_id: str) -> tuple[int, CreditRelief | None] | None:
    """Stage and relief of the clause that was entered last; None before one was."""
    return deposits.clause(db, lot_id)


def lines(text: str) -> Sequence[str]:
    """What stands on the lines of a text."""
    return [line.strip() for line in text.splitlines() if line.strip()]
