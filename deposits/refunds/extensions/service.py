"""Extending the validity of bids and deposits: the tenderer asks, each bidder answers, and whoever
refuses gets his deposit back, money or guarantee (12号令 §40).
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from sqlmodel import Session

from archive.actor import SYSTEM, Actor, Role
from archive.errors import Kind, Refusal
from archive.office import Tx
from deposits.cash import queries as cash
from deposits.cash.holding import HoldingState
from deposits.guarantees import service as guarantees
from deposits.guarantees.extending import service as extending
from deposits.guarantees.record import GuaranteeRecord
from deposits.guarantees.states import IN_FORCE
from deposits.refunds import queries
from deposits.refunds.ends import Answer, Extension
from deposits.refunds.service import start_clock
from deposits.refunds.tables import ExtensionAnswerRow, ExtensionRow
from deposits.release import ReleaseCause
from deposits.service import deposit_lot
from trading.acting import must_act_for
from trading.calendar.legal import legal_day
from trading.opening import service as opening
from trading.projects import service as projects
from trading.projects.stages import Stage


def ask_extension(tx: Tx, actor: Actor, lot_id: str, until: date, document: bytes) -> int:
    """Ask all bidders of a lot to extend their bids and deposits to `until`; the number of the
    asking. Refuses INVALID for a day that is not later than what holds now, CONFLICT after the
    award."""
    actor.must_be(Role.TENDERER, Role.SYSTEM)
    lot = deposit_lot(tx.db, lot_id)
    if Role.SYSTEM not in actor.roles:
        must_act_for(actor, lot.beneficiary_uscc, lot.agency_uscc)
    stage = projects.lot(tx.db, lot_id).stage
    if stage not in (Stage.OPENED, Stage.EVALUATED, Stage.CANDIDATES):
        raise Refusal("deposits.extension.stage", {"stage": stage}, Kind.CONFLICT)
    if not document:
        raise Refusal("deposits.extension.document", {})
    known = queries.extensions(tx.db, lot_id)
    holds = [h.valid_until for h in cash.of_lot(tx.db, lot_id) if h.valid_until is not None]
    last = max([*holds, *(row.until for row in known), legal_day(tx.now)])
    if until <= last:
        raise Refusal(
            "deposits.extension.until", {"until": until.isoformat(), "last": last.isoformat()}
        )
    kept = tx.vault.put(f"extension-{lot_id}", "application/octet-stream", document)
    number = len(known) + 1
    tx.db.add(
        ExtensionRow(
            lot_id=lot_id,
            number=number,
            until=until,
            document_name=kept.name,
            document_sha256=kept.sha256,
            asked_at=tx.now,
        )
    )
    tx.db.flush()
    data = {"number": number, "until": until.isoformat()}
    tx.record(f"lot/{lot_id}", "deposits:extension:asked", actor, data, (kept,))
    return number


def answer_extension(tx: Tx, actor: Actor, lot_id: str, *, agrees: bool) -> None:
    """A bidder's answer to the last asking. Who agrees, his deposit holds as long as his bid: of a
    guarantee that ends earlier the issuer is asked for a later end. Who refuses gets it back
    (12号令 §40). Refuses NOT_FOUND where nothing was asked, CONFLICT where he has answered, and who
    refuses while his guarantee is not verified yet."""
    actor.must_be(Role.BIDDER)
    asked = queries.extensions(tx.db, lot_id)
    if not asked:
        raise Refusal("deposits.extension.not_asked", {"lot": lot_id}, Kind.NOT_FOUND)
    last, uscc = asked[-1], actor.party_id
    if uscc not in opening.bidders_of(tx.db, lot_id):
        raise Refusal("deposits.extension.not_a_bidder", {}, Kind.FORBIDDEN)
    if any(row.bidder_uscc == uscc for row in queries.answers(tx.db, lot_id, last.number)):
        raise Refusal("deposits.extension.answered", {}, Kind.CONFLICT)
    tx.db.add(
        ExtensionAnswerRow(
            lot_id=lot_id,
            number=last.number,
            bidder_uscc=uscc,
            agrees=agrees,
            answered_at=tx.now,
        )
    )
    tx.db.flush()
    data = {"number": last.number, "bidder": uscc, "agrees": agrees}
    tx.record(f"lot/{lot_id}", "deposits:extension:answered", actor, data)
    if not agrees:
        lot, today = deposit_lot(tx.db, lot_id), legal_day(tx.now)
        start_clock(tx, actor, lot, ReleaseCause.REFUSED, today, lambda h: h.bidder_uscc == uscc)
        guarantees.start_release(tx, SYSTEM, lot_id, ReleaseCause.REFUSED, today, bidder_uscc=uscc)
        return
    for record in guarantees.guarantees(tx.db, lot_id):
        if record.bidder_uscc == uscc and ends_before(record, last.until):
            extending.extend(tx, actor, record.id, last.until)
    for each in cash.of_lot(tx.db, lot_id, lock=True):
        if each.bidder_uscc == uscc and each.state is HoldingState.HELD:
            cash.store(tx.db, replace(each, valid_until=last.until))


def ends_before(record: GuaranteeRecord, until: date) -> bool:
    """Whether a guarantee in force ends before that day and its issuer can be asked; another is the
    bidder's own affair, and the checks say so."""
    promise = record.promise
    is_held = record.state in IN_FORCE and bool(record.code)
    return is_held and promise is not None and promise.valid_to < until


def extension_of(
    db: Session, lot_id: str, bidder_uscc: str
) -> tuple[Extension, bool | None] | None:
    """The last asking of a lot and the bidder's answer to it, None while he has given none."""
    asked = queries.extensions(db, lot_id)
    if not asked:
        return None
    given = [
        row.agrees
        for row in queries.answers(db, lot_id, asked[-1].number)
        if row.bidder_uscc == bidder_uscc
    ]
    return asked[-1], given[0] if given else None


def refused_extensions(db: Session) -> tuple[Answer, ...]:
    return tuple(queries.refusals(db))
