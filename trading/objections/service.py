"""Objections at work: raise, answer, withdraw; whether a lot is suspended; whose answer is overdue."""

from __future__ import annotations

import hmac
from datetime import datetime

from sqlmodel import Session

from archive.actor import Actor, Role
from archive.errors import Kind, Refusal
from archive.journal.entry import DocumentRef
from archive.office import Tx
from trading.acting import must_act_for
from trading.calendar.legal import calendar, legal_day
from trading.objections import objection as rules
from trading.objections import queries
from trading.objections.objection import Objection, ObjectionStage, ObjectionState, Outcome
from trading.objections.tables import ObjectionRow
from trading.projects import service as projects
from trading.projects.project import Lot, subject_of
from trading.rules.book import book

DOCUMENT_NAME = "objection"
_UNNAMED = "objector"
SECRET_BYTES = 16


def raise_objection(
    tx: Tx,
    actor: Actor,
    lot_id: str,
    stage: ObjectionStage,
    document: bytes,
    interest: str = "",
) -> Objection:
    """Raise an objection; it suspends the lot until it is answered or withdrawn.

    Against the file any company may object (潜在投标人、其他利害关系人). At the opening only a
    bidder of the lot; against the result a bidder, or another who names his `interest`. TOO_EARLY
    and TOO_LATE outside the window name its rule.
    """
    actor.must_be(Role.BIDDER)
    row, project = projects.lock(tx, lot_id)
    lot = projects.to_lot(row, project)
    _check_author(tx.db, actor, lot, stage, interest)
    window = rules.window(
        stage,
        lot,
        queries.opening_times(tx.db, lot_id),
        queries.published_at(tx.db, lot_id),
        book(),
        calendar(),
    )
    rules.check_window(window, stage, lot, tx.now)
    if not document:
        raise Refusal("trading.objection.document", {})
    suspends = book().rule("objection.suspends", legal_day(tx.now), lot.regime, lot.division_code)
    hidden = stage is ObjectionStage.FILE
    secret = tx.entropy.bytes(SECRET_BYTES)
    reference = tx.vault.put(DOCUMENT_NAME, "application/octet-stream", document)
    objection = ObjectionRow(
        id=tx.new_id(),
        lot_id=lot_id,
        centre_id=lot.centre_id,
        stage=stage.value,
        raised_by="" if hidden else actor.party_id,
        commitment=rules.commitment(secret, actor.party_id),
        raised_at=tx.now,
        document_sha256=reference.sha256,
        document_bytes=reference.bytes,
        suspends=suspends.is_on,
        state=ObjectionState.OPEN.value,
    )
    tx.db.add(objection)
    tx.db.flush()
    raised = _to_domain(objection, lot, secret.hex())
    data = {
        "objection": objection.id,
        "stage": stage,
        "by": objection.raised_by,
        "due": projects.deadline_json(raised.due),
        "suspends": objection.suspends,
        "rules": list(raised.rules),
    }
    author = Actor(_UNNAMED, actor.roles) if hidden else actor
    tx.record(subject_of(lot_id), "trading:objection:raised", author, data, (reference,))
    return raised


def answer_objection(
    tx: Tx, actor: Actor, objection_id: str, outcome: Outcome, document: bytes
) -> Objection:
    """Answer an objection, as the tenderer or its agency. A late answer is taken, and says so."""
    actor.must_be(Role.TENDERER)
    row, lot = _lock(tx, objection_id)
    must_act_for(actor, lot.tenderer_uscc, lot.agency_uscc)
    if not document:
        raise Refusal("trading.objection.document", {})
    reference = tx.vault.put("objection_answer", "application/octet-stream", document)
    row.state, row.outcome, row.closed_at = ObjectionState.ANSWERED.value, outcome.value, tx.now
    tx.db.add(row)
    tx.db.flush()
    answered = _to_domain(row, lot)
    data = {"objection": row.id, "outcome": outcome, "late": answered.was_late}
    tx.record(subject_of(lot.id), "trading:objection:answered", actor, data, (reference,))
    return answered


def withdraw_objection(
    tx: Tx, actor: Actor, objection_id: str, withdrawal_secret: str = ""
) -> Objection:
    """Take an objection back, as who raised it: one against the file with the secret that came in
    the answer to its author, any other by the author's account."""
    actor.must_be(Role.BIDDER)
    row, lot = _lock(tx, objection_id)
    if row.raised_by:
        must_act_for(actor, row.raised_by)
    elif not _knows(row, actor, withdrawal_secret):
        raise Refusal("trading.objection.secret", {}, Kind.FORBIDDEN)
    row.state, row.closed_at = ObjectionState.WITHDRAWN.value, tx.now
    tx.db.add(row)
    tx.db.flush()
    author = actor if row.raised_by else Actor(_UNNAMED, actor.roles)
    tx.record(subject_of(lot.id), "trading:objection:withdrawn", author, {"objection": row.id})
    return _to_domain(row, lot)


def suspended(db: Session, lot_id: str) -> bool:
    """Whether an objection that nobody answered stands in the lot's way."""
    return bool(queries.suspending(db, lot_id))


def must_not_be_suspended(db: Session, lot_id: str) -> None:
    """Refuse CONFLICT while the lot is suspended."""
    pending = queries.suspending(db, lot_id)
    if pending:
        raise Refusal(
            "trading.objection.suspended",
            {"count": len(pending), "objection": min(pending)},
            Kind.CONFLICT,
            rule="objection.suspends",
        )


def objections(db: Session, lot_id: str) -> tuple[Objection, ...]:
    """All objections of a lot, in order of id."""
    lot = projects.lot(db, lot_id)
    return tuple(
        _to_domain(row, lot) for row in sorted(queries.of_lot(db, lot_id), key=lambda r: r.id)
    )


def overdue(db: Session, now: datetime, centre_id: str | None = None) -> tuple[Objection, ...]:
    """The objections whose answer is overdue at `now`, the longest overdue first."""
    pending = queries.unanswered(db, centre_id)
    found = [_to_domain(row, projects.lot(db, row.lot_id)) for row in pending]
    late = [objection for objection in found if objection.is_overdue(now)]
    return tuple(sorted(late, key=lambda o: (o.due.day, o.id)))


def _check_author(
    db: Session, actor: Actor, lot: Lot, stage: ObjectionStage, interest: str
) -> None:
    if not actor.party_id:
        raise Refusal("trading.actor.party", {"actor": actor.id}, Kind.FORBIDDEN)
    if stage is ObjectionStage.FILE:
        return
    if stage is ObjectionStage.RESULT and interest.strip():
        return
    # Before the opening the window refuses, whoever asks; nothing is told by the order of checks.
    if queries.opening_times(db, lot.id) is not None and not queries.is_bidder(
        db, lot.id, actor.party_id
    ):
        raise Refusal("trading.objection.no_bidder", {"stage": stage}, Kind.FORBIDDEN)


def _knows(row: ObjectionRow, actor: Actor, secret_hex: str) -> bool:
    try:
        secret = bytes.fromhex(secret_hex)
    except ValueError:
        return False
    return hmac.compare_digest(row.commitment, rules.commitment(secret, actor.party_id))


def _lock(tx: Tx, objection_id: str) -> tuple[ObjectionRow, Lot]:
    row = queries.lock(tx.db, objection_id)
    if row is None:
        raise Refusal("trading.objection.unknown", {"objection": objection_id[:40]}, Kind.NOT_FOUND)
    if row.state != ObjectionState.OPEN:
        raise Refusal("trading.objection.closed", {"state": row.state}, Kind.CONFLICT)
    return row, projects.lot(tx.db, row.lot_id)


def _to_domain(row: ObjectionRow, lot: Lot, secret: str = "") -> Objection:
    stage = ObjectionStage(row.stage)
    used = {rules.window_rule(stage, lot.regime), rules.answer_rule(stage), "objection.suspends"}
    return Objection(
        id=row.id,
        lot_id=row.lot_id,
        centre_id=row.centre_id,
        stage=stage,
        raised_by=row.raised_by,
        raised_at=row.raised_at,
        due=rules.answer_due(stage, lot, row.raised_at, book(), calendar()),
        document=DocumentRef(
            DOCUMENT_NAME, row.document_sha256, row.document_bytes, "application/octet-stream"
        ),
        state=ObjectionState(row.state),
        outcome=Outcome(row.outcome) if row.outcome else None,
        closed_at=row.closed_at,
        rules=tuple(sorted(used)),
        withdrawal_secret=secret,
    )
