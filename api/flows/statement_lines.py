"""One line of a bank's statement before the centre's staff: what it is, whose money it could be, and what
the deposit would be then.

Reads only. Deposits that wait for money are shown since their openings; before there is none.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from sqlmodel import Session

from api.flows.money import centre_of
from archive.actor import Actor
from archive.errors import Kind, Refusal
from archive.vault import Vault
from deposits.cash import service as cash
from deposits.cash.holding import Holding
from deposits.statements import service as statements
from deposits.statements.matching import Stated
from deposits.statements.resolving import service as resolving
from trading.parties import service as parties
from trading.projects import service as projects


@dataclass(frozen=True)
class Candidate:
    """A deposit that waits for money. `judged` is what it would be with that of the line, had it come
    in time."""

    holding: Holding
    lot: str
    bidder: str
    judged: Holding

    @property
    def is_good(self) -> bool:
        return not self.judged.reasons


@dataclass(frozen=True)
class LineSheet:
    """A line with the deposits to which it could be assigned, those first that it would satisfy.
    `proposed` is the one to which somebody has assigned it, judged by when that person says it came."""

    stated: Stated
    candidates: tuple[Candidate, ...]
    proposed: Candidate | None


def line_sheet(db: Session, actor: Actor, take: int, position: int) -> LineSheet:
    """Refuses FORBIDDEN an account of no centre, NOT_FOUND no such line."""
    centre_id = centre_of(actor)
    stated = statements.line_of(db, centre_id, take, position)
    waiting = cash.waiting(db, centre_id) if stated.is_open and stated.is_payment else ()
    bidders = parties.organisations(db, {held.bidder_uscc for held in waiting})
    found = [
        Candidate(
            held,
            projects.lot(db, held.lot_id).name,
            bidders[held.bidder_uscc].name if held.bidder_uscc in bidders else held.bidder_uscc,
            resolving.judgement(db, stated, held),
        )
        for held in waiting
    ]
    found.sort(key=lambda each: (not each.is_good, each.lot, each.bidder))
    chosen = None
    for each in found:
        if stated.proposal is not None and each.holding.id == stated.proposal.holding_id:
            came_at = stated.proposal.came_at
            judged = resolving.judgement(db, stated, each.holding, came_at)
            chosen = replace(each, judged=judged)
    return LineSheet(stated, tuple(found), chosen)


def line_document(
    db: Session, vault: Vault, actor: Actor, take: int, position: int
) -> tuple[str, bytes]:
    """(name, content) of what shows whose money a line is. Refuses NOT_FOUND where nobody said."""
    stated = statements.line_of(db, centre_of(actor), take, position)
    if stated.proposal is None:
        params = {"reference": stated.line.reference[:40]}
        raise Refusal("deposits.assign.nothing", params, Kind.NOT_FOUND)
    sha256 = stated.proposal.document_sha256
    return f"{take}-{position}-{sha256[:8]}", vault.get(sha256)
