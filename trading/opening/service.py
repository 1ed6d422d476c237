"""The opening at work: begin, take the bidders' halves, finish; who bids is told only then."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import suppress
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
from trading.opening import queries
from trading.opening.opening import (
    BidState,
    Found,
    OpenedBid,
    Opening,
    OpeningBegun,
    Revocation,
    sort_cells,
)
from trading.opening.tables import OpeningBidRow, OpeningEnvelopeRow, OpeningRow
from trading.parties import service as parties
from trading.projects import service as projects
from trading.projects.project import Lot, subject_of
from trading.projects.stages import BEFORE_OPENING, Event, Stage
from trading.rules.book import Rule, book

RECORD_NAME = "opening_record.json"
RECORD_FORMAT = "bigloop.opening.v1"


def begin_opening(tx: Tx, actor: Actor, lot_id: str, custodian: Custodian) -> OpeningBegun:
    """Begin the opening: try the lot's key on the cells of its lodging window, sort what opens.

    TOO_EARLY before the deadline, CONFLICT while an objection is unanswered. With too few bidders
    the lot is FAILED: no inside is kept, no bidder named, not even in the answer.
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
    objections.must_not_be_suspended(tx.db, lot_id)

    private_key = custodian.private_key(lot.subject, not_before=opening_at, now=tx.now)
    tried: list[int] = []
    found = list(_ours(tx, private_key, lot.subject, lot.notice.issued_at, opening_at, tried))
    known = parties.organisations(tx.db, {item.outer.sender for item in found})
    result = sort_cells(found, known)
    least = _rule("opening.bidders_min", lot, tx.now)
    failed = len(result.bids) < least.number
    opening = OpeningRow(
        lot_id=lot_id,
        centre_id=lot.centre_id,
        begun_at=tx.now,
        begun_by=actor.id,
        cells=len(tried),
        bidder_count=len(result.bids),
    )
    tx.db.add(opening)
    tx.db.flush()
    data: dict[str, Any] = {
        "cells": len(tried),
        "bidders": len(result.bids),
        "withdrawn": result.withdrawn,
        "strangers": result.strangers,
        "rules": ["opening.at_deadline", least.id],
    }
    rules = ("opening.at_deadline", least.id)
    if failed:
        projects.move(tx, row, Event.FAIL)
        data["cause"] = "TOO_FEW_BIDDERS"
        tx.record(subject_of(lot_id), "trading:lot:failed", actor, data)
        return OpeningBegun(lot_id, tx.now, (), (), True, len(result.bids), rules)
    bidders = tuple(item.outer.sender for item in result.bids)
    tx.db.add_all([_bid_row(lot_id, item) for item in result.bids])
    tx.db.add_all([_envelope_row(lot_id, o) for o in result.others if o.sender in bidders])
    tx.db.flush()
    document = tx.keep(
        "bidders.json",
        [
            {"bidder": item.outer.sender, "cell": item.cell_sha256, "version": item.outer.version}
            for item in result.bids
        ],
    )
    tx.record(subject_of(lot_id), "trading:opening:begun", actor, data, (document,))
    return OpeningBegun(lot_id, tx.now, bidders, result.others, False, len(bidders), rules)


def submit_half(tx: Tx, actor: Actor, lot_id: str, bidder_uscc: str, half: bytes) -> BidState:
    """Take a bidder's half of his key; only his own account may give it. INVALID where the half is
    wrong: he may try again until the opening is finished."""
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
    sealing.open_inner(_outer(bid), half)
    bid.bidder_half, bid.state = half, BidState.READY.value
    tx.db.add(bid)
    tx.db.flush()
    data = {"bidder": bidder_uscc, "cell": bid.cell_sha256}
    tx.record(subject_of(lot_id), "trading:opening:half", actor, data)
    return BidState.READY


def finish_opening(tx: Tx, actor: Actor, lot_id: str) -> Opening:
    """Open what can be opened and read it out. TOO_EARLY while halves are missing and the time for
    them (rule `opening.halves_minutes`) is not over: nobody may be cut off."""
    actor.must_be(Role.STAFF, Role.SYSTEM)
    row, project = projects.lock(tx, lot_id)
    lot = projects.to_lot(row, project)
    must_serve(actor, lot.centre_id)
    opening = queries.opening(tx.db, lot_id)
    if opening is None:
        raise Refusal("trading.opening.not_begun", {}, Kind.TOO_EARLY, rule="opening.at_deadline")
    projects.move(tx, row, Event.FINISH_OPENING)
    objections.must_not_be_suspended(tx.db, lot_id)
    rows = queries.bids(tx.db, lot_id)
    _check_halves(rows, opening, lot, tx.now)
    documents = [document for row in rows if (document := _open(tx, row)) is not None]
    _open_envelopes(tx, lot_id, {row.bidder_uscc: row.bidder_half for row in rows})
    tx.db.flush()
    record = tx.keep(RECORD_NAME, _record_json(lot_id, opening, rows, tx.now))
    opening.finished_at = tx.now
    opening.record_sha256, opening.record_bytes = record.sha256, record.bytes
    tx.db.add(opening)
    tx.db.flush()
    revoked = [row.bidder_uscc for row in rows if row.state == BidState.REVOKED]
    data = {
        "opened": len(rows) - len(revoked),
        "revoked": revoked,
        "rules": ["opening.half_missing", "opening.halves_minutes"],
    }
    tx.record(subject_of(lot_id), "trading:opening:finished", actor, data, (record, *documents))
    return _to_opening(opening, rows)


def bidders_of(db: Session, lot_id: str) -> tuple[str, ...]:
    """The bidders of a lot in order of code, those deemed to have revoked among them.

    TOO_EARLY before the opening has begun (招标投标法 第二十二条), CONFLICT where it began and the
    tender failed for want of bidders: their names were never taken down.
    """
    lot = projects.lot(db, lot_id)
    opening = queries.opening(db, lot_id)
    if opening is None:
        kind = Kind.TOO_EARLY if lot.stage in BEFORE_OPENING else Kind.CONFLICT
        raise Refusal("trading.opening.not_begun", {}, kind, rule="opening.at_deadline")
    rows = queries.bids(db, lot_id)
    if not rows:
        raise Refusal("trading.opening.failed", {}, Kind.CONFLICT, rule="opening.bidders_min")
    return tuple(row.bidder_uscc for row in rows)


def states(db: Session, lot_id: str) -> dict[str, BidState]:
    """Which halves are here: each bidder's state, for the page of a running opening."""
    bidders_of(db, lot_id)
    return {row.bidder_uscc: BidState(row.state) for row in queries.bids(db, lot_id)}


def opening(db: Session, lot_id: str) -> Opening:
    """The finished opening; TOO_EARLY before it is finished, CONFLICT where the tender failed."""
    bidders_of(db, lot_id)
    row = queries.opening(db, lot_id)
    if row is None or row.finished_at is None:
        raise Refusal("trading.opening.unfinished", {}, Kind.TOO_EARLY)
    return _to_opening(row, queries.bids(db, lot_id))


def envelopes(db: Session, lot_id: str, kind: str) -> dict[str, bytes]:
    """What bidders sent in envelopes of a kind beside their bids, opened with the same half, by
    bidder. Empty before the opening is finished; an envelope that the half does not open is not
    there, as if it had never been sent."""
    return {
        row.bidder_uscc: row.content
        for row in queries.envelopes(db, lot_id)
        if row.kind == kind and row.content
    }


def _open_envelopes(tx: Tx, lot_id: str, halves: Mapping[str, bytes]) -> None:
    for row in queries.envelopes(tx.db, lot_id):
        half = halves.get(row.bidder_uscc, b"")
        if not half:
            continue
        outer = sealing.Outer(
            subject_of(lot_id),
            row.kind,
            row.bidder_uscc,
            row.version,
            row.key_commitment,
            row.platform_half,
            row.inner,
        )
        with suppress(Refusal):
            row.content = sealing.open_inner(outer, half)
            tx.db.add(row)


def _envelope_row(lot_id: str, outer: sealing.Outer) -> OpeningEnvelopeRow:
    return OpeningEnvelopeRow(
        lot_id=lot_id,
        bidder_uscc=outer.sender,
        kind=outer.kind,
        version=outer.version,
        key_commitment=outer.key_commitment,
        platform_half=outer.platform_half,
        inner=outer.inner,
    )


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


def _bid_row(lot_id: str, item: Found) -> OpeningBidRow:
    return OpeningBidRow(
        lot_id=lot_id,
        bidder_uscc=item.outer.sender,
        version=item.outer.version,
        cell_sha256=item.cell_sha256,
        key_commitment=item.outer.key_commitment,
        platform_half=item.outer.platform_half,
        inner=item.outer.inner,
        state=BidState.WAITING.value,
    )


def _outer(row: OpeningBidRow) -> sealing.Outer:
    return sealing.Outer(
        subject_of(row.lot_id),
        bids.BID,
        row.bidder_uscc,
        row.version,
        row.key_commitment,
        row.platform_half,
        row.inner,
    )


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


def _open(tx: Tx, row: OpeningBidRow) -> DocumentRef | None:
    """Open one bid and write down what became of it; its content as a document, if it is a bid."""
    tx.db.add(row)
    if row.state != BidState.READY:
        row.state, row.cause = BidState.REVOKED.value, Revocation.HALF_MISSING.value
        return None
    content = sealing.open_inner(_outer(row), row.bidder_half)
    row.content_sha256 = hashlib.sha256(content).hexdigest()
    bid = bids.parse(content, row.lot_id, row.bidder_uscc)
    if isinstance(bid, Reason):
        row.state, row.cause = BidState.REVOKED.value, Revocation.MALFORMED.value
        return None
    row.state, row.price_fen, row.content = BidState.OPENED.value, bid.price.fen, content
    return tx.vault.put(_bid_name(row), "application/json", content)


def _bid_name(row: OpeningBidRow) -> str:
    return f"bid-{row.bidder_uscc}.json"


def _record_json(
    lot_id: str, opening: OpeningRow, rows: list[OpeningBidRow], now: datetime
) -> dict[str, Any]:
    return {
        "format": RECORD_FORMAT,
        "lot": lot_id,
        "begun_at": moment_text(opening.begun_at),
        "finished_at": moment_text(now),
        "cells": opening.cells,
        "bids": [
            {
                "bidder": row.bidder_uscc,
                "cell": row.cell_sha256,
                "version": row.version,
                "state": row.state,
                "cause": row.cause or None,
                "price_fen": row.price_fen,
                "content": row.content_sha256 or None,
            }
            for row in rows
        ],
    }


def _to_opening(opening: OpeningRow, rows: list[OpeningBidRow]) -> Opening:
    assert opening.finished_at is not None, "only a finished opening is read out"
    return Opening(
        lot_id=opening.lot_id,
        begun_at=opening.begun_at,
        finished_at=opening.finished_at,
        bids=tuple(_opened(row) for row in rows if row.state == BidState.OPENED),
        revoked=tuple(row.bidder_uscc for row in rows if row.state == BidState.REVOKED),
        causes={
            row.bidder_uscc: Revocation(row.cause) for row in rows if row.state == BidState.REVOKED
        },
        record=DocumentRef(
            RECORD_NAME, opening.record_sha256, opening.record_bytes, "application/json"
        ),
    )


def _opened(row: OpeningBidRow) -> OpenedBid:
    bid = bids.parse(row.content, row.lot_id, row.bidder_uscc)
    assert isinstance(bid, bids.Bid), "an opened bid was one when it was opened"
    return OpenedBid(
        bidder=row.bidder_uscc,
        price=bid.price,
        period_days=bid.period_days,
        quality=bid.quality,
        attachments=bid.attachments,
        content_sha256=row.content_sha256,
        version=row.version,
        document=DocumentRef(
            _bid_name(row), row.content_sha256, len(row.content), "application/json"
        ),
    )
