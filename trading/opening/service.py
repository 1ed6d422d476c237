"""The opening at work: begin, take the bidders' halves, finish; who bids is told only then."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import Session

from archive import sealing
from archive.actor import Actor, Role
from archive.custody import Custodian
from archive.errors import Kind, Reason, Refusal
from archive.journal.entry import DocumentRef, moment_text
from archive.office import Tx
from trading.acting import must_act_for, must_serve
from trading.calendar.legal import legal_day
from trading.lodging import bid as bids
from trading.lodging import queries as lodging
from trading.objections import service as objections
from trading.opening import counting, queries
from trading.opening.counting import Found, InName, Own
from trading.opening.opening import BidState, Opening, OpeningBegun, Revocation, read_out
from trading.opening.record import names_json, opening_json
from trading.opening.tables import (
    OpeningBidRow,
    OpeningCellRow,
    OpeningEnvelopeRow,
    OpeningRow,
)
from trading.parties import service as parties
from trading.projects import service as projects
from trading.projects.project import Lot, subject_of
from trading.projects.stages import BEFORE_OPENING, Event, Stage
from trading.rules.book import Rule, book

RECORD_NAME = "opening_record.json"
DRAW_LABEL = b"bigloop.opening.kept"


def begin_opening(tx: Tx, actor: Actor, lot_id: str, custodian: Custodian) -> OpeningBegun:
    """Begin the opening: try the lot's key on the cells of its lodging window, sort what opens.

    TOO_EARLY before the deadline, CONFLICT while an objection is unanswered. With too few names
    the lot is FAILED: no inside is kept, no bidder named, not even in the answer. Who bids in truth
    is known when the halves are in.
    """
    actor.must_be(Role.STAFF, Role.SYSTEM)
    row, project = projects.lock(tx, lot_id)
    lot = projects.to_lot(row, project)
    must_serve(actor, lot.centre_id)
    if lot.notice is None:
        raise Refusal("trading.opening.no_notice", {}, Kind.TOO_EARLY, rule="opening.at_deadline")
    opening_at = lot.notice.opening_at
    if tx.now < opening_at:
        raise Refusal(
            "trading.opening.too_early",
            {"opening_at": moment_text(opening_at)},
            Kind.TOO_EARLY,
            rule="opening.at_deadline",
        )
    projects.move(tx, row, Event.BEGIN_OPENING)
    lodging.hold(tx.db)
    objections.must_not_be_suspended(tx.db, lot_id)

    private_key = custodian.private_key(lot.subject, not_before=opening_at, now=tx.now)
    tried: list[int] = []
    found = _ours(tx, private_key, lot.subject, lot.notice.issued_at, opening_at, tried)
    kept_max = _rule("opening.cells_per_kind_max", lot, tx.now)
    draw_key = hmac.digest(private_key, DRAW_LABEL, "sha256")
    result = counting.sort_cells(found, _may_bid(tx.db), kept_max.number, draw_key)
    names = result.names
    least = _rule("opening.bidders_min", lot, tx.now)
    failed = len(names) < least.number
    opening = OpeningRow(
        lot_id=lot_id,
        centre_id=lot.centre_id,
        begun_at=tx.now,
        begun_by=actor.id,
        cells=len(tried),
        bidder_count=len(names),
        failed=failed,
    )
    tx.db.add(opening)
    tx.db.flush()
    rules = ("opening.at_deadline", least.id, kept_max.id)
    data: dict[str, Any] = {
        "cells": len(tried),
        "bidders": len(names),
        "crowded": sum(name.is_crowded for name in names),
        "strangers": result.strangers,
        "unasked": result.unasked,
        "rules": list(rules),
    }
    if failed:
        projects.move(tx, row, Event.FAIL)
        data["cause"] = "TOO_FEW_BIDDERS"
        tx.record(subject_of(lot_id), "trading:lot:failed", actor, data)
        return OpeningBegun(lot_id, tx.now, (), True, len(names), rules)
    _keep(tx.db, lot_id, names)
    document = tx.keep("bidders.json", names_json(names))
    tx.record(subject_of(lot_id), "trading:opening:begun", actor, data, (document,))
    bidders = tuple(name.sender for name in names)
    return OpeningBegun(lot_id, tx.now, bidders, False, len(names), rules)


def submit_half(tx: Tx, actor: Actor, lot_id: str, bidder_uscc: str, half: bytes) -> BidState:
    """Take a bidder's half of his key; only his own account may give it. INVALID where the half
    opens none of the bids in his name: he may try again until the opening is finished."""
    actor.must_be(Role.BIDDER)
    must_act_for(actor, bidder_uscc)
    row, _ = projects.lock(tx, lot_id)
    if Stage(row.stage) in BEFORE_OPENING:
        raise Refusal("trading.opening.not_begun", {}, Kind.TOO_EARLY, rule="opening.at_deadline")
    if Stage(row.stage) is not Stage.OPENING:
        raise Refusal("trading.opening.finished", {}, Kind.TOO_LATE, rule="opening.half_missing")
    bid = queries.bid(tx.db, lot_id, bidder_uscc)
    if bid is None:
        raise Refusal("trading.opening.no_bid", {"bidder": bidder_uscc[:40]}, Kind.NOT_FOUND)
    if bid.state == BidState.READY:
        raise Refusal("trading.opening.half_given", {"bidder": bidder_uscc}, Kind.CONFLICT)
    if len(half) != sealing.HALF_BYTES:
        raise Refusal("archive.sealing.half_size", {"bytes": len(half)})
    own = _own(tx.db, bid, half)
    if own.bid is None:
        params = {"kind": bids.BID, "subject": subject_of(lot_id)}
        raise Refusal("archive.sealing.wrong_half", params)
    bid.bidder_half, bid.own, bid.state = half, own.cells, BidState.READY.value
    tx.db.add(bid)
    tx.db.flush()
    data = {"bidder": bidder_uscc, "cell": own.bid.found.cell_sha256}
    tx.record(subject_of(lot_id), "trading:opening:half", actor, data)
    return BidState.READY


def finish_opening(tx: Tx, actor: Actor, lot_id: str) -> Opening:
    """Open what can be opened and read it out. TOO_EARLY while halves are missing and the time for
    them (rule `opening.halves_minutes`) is not over: nobody may be cut off. Where fewer bid than
    `opening.bidders_min`, those withdrawn not counted, the lot is FAILED and nothing is opened."""
    actor.must_be(Role.STAFF, Role.SYSTEM)
    row_of_lot, project = projects.lock(tx, lot_id)
    lot = projects.to_lot(row_of_lot, project)
    must_serve(actor, lot.centre_id)
    opening = queries.opening(tx.db, lot_id)
    if opening is None:
        raise Refusal("trading.opening.not_begun", {}, Kind.TOO_EARLY, rule="opening.at_deadline")
    projects.move(tx, row_of_lot, Event.FINISH_OPENING)
    objections.must_not_be_suspended(tx.db, lot_id)
    rows = queries.bids(tx.db, lot_id)
    _check_halves(rows, opening, lot, tx.now)
    owns = {r.bidder_uscc: _own(tx.db, r, r.bidder_half) for r in rows if r.bidder_half}
    out = {row.bidder_uscc for row in rows if _has_withdrawn(tx.db, row, owns)}
    least = _rule("opening.bidders_min", lot, opening.begun_at)
    opening.failed = len(rows) - len(out) < least.number
    documents: list[DocumentRef] = []
    for row in rows:
        own = owns.get(row.bidder_uscc)
        document = _settle(tx, row, own, row.bidder_uscc in out, opening.failed)
        documents += [document] if document else []
    queries.drop_cells(tx.db, lot_id)
    outcomes = [row.to_domain() for row in rows]
    said = opening_json(lot_id, opening.begun_at, tx.now, opening.failed, opening.cells, outcomes)
    record = tx.keep(RECORD_NAME, said)
    opening.finished_at = tx.now
    opening.record_sha256, opening.record_bytes = record.sha256, record.bytes
    tx.db.add(opening)
    tx.db.flush()
    result = _to_opening(opening, rows)
    data: dict[str, Any] = {
        "opened": len(result.bids),
        "proven": result.proven,
        "revoked": list(result.revoked),
        "withdrawn": list(result.withdrawn),
        "rules": [least.id, "opening.half_missing", "opening.halves_minutes"],
    }
    if opening.failed:
        projects.move(tx, row_of_lot, Event.FAIL)
        data["cause"] = "TOO_FEW_BIDDERS"
        tx.record(subject_of(lot_id), "trading:lot:failed", actor, data, (record,))
    else:
        kept = (record, *documents)
        tx.record(subject_of(lot_id), "trading:opening:finished", actor, data, kept)
    return result


def bidders_of(db: Session, lot_id: str) -> tuple[str, ...]:
    """The bidders of a lot in order of code, those deemed to have revoked among them; until the
    opening is finished, all names whose halves are waited for.

    TOO_EARLY before the opening has begun (招标投标法 第二十二条), CONFLICT where the tender failed
    for want of bidders.
    """
    rows = _rows(db, lot_id)
    return tuple(row.bidder_uscc for row in rows if row.state != BidState.WITHDRAWN)


def proven_bidders(db: Session, lot_id: str) -> tuple[str, ...]:
    """The bidders who showed with the right half that the bid is theirs, and had not withdrawn:
    nobody can be put among them by another. TOO_EARLY before the opening is finished."""
    opening(db, lot_id)
    return tuple(row.bidder_uscc for row in _rows(db, lot_id) if row.to_domain().is_proven)


def states(db: Session, lot_id: str) -> dict[str, BidState]:
    """Which halves are here: the state of each name, for the page of a running opening."""
    return {row.bidder_uscc: BidState(row.state) for row in _rows(db, lot_id)}


def opening(db: Session, lot_id: str) -> Opening:
    """The finished opening; TOO_EARLY before it is finished, CONFLICT where the tender failed."""
    rows = _rows(db, lot_id)
    row = queries.opening(db, lot_id)
    if row is None or row.finished_at is None:
        raise Refusal("trading.opening.unfinished", {}, Kind.TOO_EARLY)
    return _to_opening(row, rows)


def envelopes(db: Session, lot_id: str, kind: str) -> dict[str, bytes]:
    """What bidders sent in envelopes of a kind beside their bids, opened with the same half, by
    bidder. Empty before the opening is finished; an envelope that the half does not open is not
    there, as if it had never been sent."""
    return {
        row.bidder_uscc: row.content for row in queries.envelopes(db, lot_id) if row.kind == kind
    }


def _to_opening(opening: OpeningRow, rows: Sequence[OpeningBidRow]) -> Opening:
    assert opening.finished_at is not None, "only a finished opening is read out"
    return read_out(
        opening.lot_id,
        opening.begun_at,
        opening.finished_at,
        opening.failed,
        DocumentRef(RECORD_NAME, opening.record_sha256, opening.record_bytes, "application/json"),
        [row.to_domain() for row in rows],
    )


def _rows(db: Session, lot_id: str) -> list[OpeningBidRow]:
    lot = projects.lot(db, lot_id)
    opening = queries.opening(db, lot_id)
    if opening is None:
        kind = Kind.TOO_EARLY if lot.stage in BEFORE_OPENING else Kind.CONFLICT
        raise Refusal("trading.opening.not_begun", {}, kind, rule="opening.at_deadline")
    if opening.failed:
        raise Refusal("trading.opening.failed", {}, Kind.CONFLICT, rule="opening.bidders_min")
    return queries.bids(db, lot_id)


def _may_bid(db: Session) -> Callable[[str], bool]:
    """Asks the register once for each name: a window may hold any number of cells."""
    known: dict[str, bool] = {}

    def may_bid(sender: str) -> bool:
        if sender not in known:
            known[sender] = counting.can_bid(parties.organisations(db, [sender]).get(sender))
        return known[sender]

    return may_bid


def _keep(db: Session, lot_id: str, names: tuple[InName, ...]) -> None:
    for name in names:
        db.add(
            OpeningBidRow(
                lot_id=lot_id,
                bidder_uscc=name.sender,
                state=BidState.WAITING.value,
                cells=sum(name.found.values()),
            )
        )
    db.flush()
    db.add_all(OpeningCellRow.from_domain(lot_id, item) for name in names for item in name.cells)
    db.flush()


def _cells(db: Session, row: OpeningBidRow) -> list[Found]:
    return [cell.to_domain() for cell in queries.cells(db, row.lot_id, row.bidder_uscc)]


def _own(db: Session, row: OpeningBidRow, half: bytes) -> Own:
    return counting.what_counts(_cells(db, row), half)


def _has_withdrawn(db: Session, row: OpeningBidRow, owns: dict[str, Own]) -> bool:
    """By the half where it is here, by appearance where nothing can be proven any more."""
    own = owns.get(row.bidder_uscc)
    if own is not None:
        return own.is_withdrawn
    return counting.looks_withdrawn(_cells(db, row))


def _ours(
    tx: Tx, private_key: bytes, subject: str, start: datetime, end: datetime, tried: list[int]
) -> Iterator[Found]:
    """The cells of the window that the key opens. `tried` grows by one for each cell looked at."""
    for row in lodging.cells(tx.db, start, end):
        tried.append(1)
        outer = sealing.open_outer(private_key, subject, row.cell)
        if outer is not None:
            yield Found(row.tick, hashlib.sha256(row.cell).hexdigest(), outer)


def _rule(name: str, lot: Lot, now: datetime) -> Rule:
    return book().rule(name, legal_day(now), lot.regime, lot.division_code)


def _check_halves(rows: list[OpeningBidRow], opening: OpeningRow, lot: Lot, now: datetime) -> None:
    missing = sum(row.state == BidState.WAITING for row in rows)
    rule = _rule("opening.halves_minutes", lot, opening.begun_at)
    until = opening.begun_at + timedelta(minutes=rule.number)
    if missing and now < until:
        raise Refusal(
            "trading.opening.halves_missing",
            {"missing": missing, "until": moment_text(until)},
            Kind.TOO_EARLY,
            rule=rule.id,
        )


def _settle(
    tx: Tx, row: OpeningBidRow, own: Own | None, has_withdrawn: bool, failed: bool
) -> DocumentRef | None:
    """Write down what became of the bid in one name; its content as a document, if it is a bid."""
    tx.db.add(row)
    if own is None:
        cause = Revocation.WITHDRAWAL_UNPROVEN if has_withdrawn else Revocation.HALF_MISSING
        row.state, row.cause = BidState.REVOKED.value, cause.value
        return None
    if has_withdrawn or failed:
        # What is not to be opened stays shut: without the half nobody can.
        row.bidder_half = b""
        row.state = (BidState.WITHDRAWN if has_withdrawn else BidState.UNOPENED).value
        return None
    assert own.bid is not None, "a half that opens no bid was not taken"
    tx.db.add_all(OpeningEnvelopeRow.from_domain(row.lot_id, e) for e in own.envelopes)
    found, content = own.bid.found, own.bid.content
    row.version, row.cell_sha256 = found.outer.version, found.cell_sha256
    row.content_sha256 = hashlib.sha256(content).hexdigest()
    bid = bids.parse(content, row.lot_id, row.bidder_uscc)
    if isinstance(bid, Reason):
        row.state, row.cause = BidState.REVOKED.value, Revocation.MALFORMED.value
        return None
    row.state, row.price_fen, row.content = BidState.OPENED.value, bid.price.fen, content
    return tx.vault.put(row.to_domain().document_name, "application/json", content)
