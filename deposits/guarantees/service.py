"""Guarantees at work: restored at the opening, verified by a task, released after the contract.

Before the opening this room knows nothing of them. At the opening the caller hands over the
documents that came out of the sealed cells; they are kept and put down as awaiting verification,
and the opening goes on. A task verifies the whole lot. After the contract (or the award, in
government procurement) a clock runs; a task at the beginning of its last day gives back what nobody
has given back by hand, and asks again the next day while an objection suspends the lot.

Everything is recorded on `lot/<id>`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from sqlmodel import Session

from archive.actor import SYSTEM, Actor, Role
from archive.errors import Faults, Kind, Reason, Refusal
from archive.office import Office, Tx
from archive.tasks import service as tasks
from deposits.guarantees import queries
from deposits.guarantees.checks import CHECKS, Case, faults_of, readable
from deposits.guarantees.document import SignedGuarantee
from deposits.guarantees.record import (
    GuaranteeRecord,
    judged,
    promise_of,
    released,
    with_clock,
)
from deposits.guarantees.states import GuaranteeState
from deposits.issuers import service as registry
from deposits.lot import DepositLot, demand_of
from deposits.release import (
    Outstanding,
    ReleaseCause,
    ReleaseDue,
    covers,
    overdue_days,
    release_due,
)
from deposits.service import deposit_lot, terms_for, terms_of_many
from deposits.standing import DepositStanding, standing_kind
from trading.acting import must_act_for, must_serve
from trading.calendar.legal import legal_day, start_of
from trading.objections import service as objections
from trading.opening import service as opening

VERIFY_TASK = "deposits.verify_guarantees"
RELEASE_TASK = "deposits.release_guarantees"


# --- At the opening ---------------------------------------------------------------------


def restore(
    tx: Tx, actor: Actor, lot_id: str, contents: Mapping[str, bytes]
) -> tuple[GuaranteeRecord, ...]:
    """Keep the guarantees that the opening brought to light, by bidder, and ask for verification.

    `contents` maps a bidder's code to the document exactly as it was sealed. Nothing is judged
    here, not even whether it can be read. Refuses TOO_EARLY before the opening, INVALID for whom
    no bid of this lot is known (the caller leaves cells of other senders shut), CONFLICT for a
    bidder whose guarantee was restored before.
    """
    actor.must_be(Role.STAFF, Role.SYSTEM)
    lot = deposit_lot(tx.db, lot_id)
    must_serve(actor, lot.centre_id)
    bidders = set(opening.bidders_of(tx.db, lot_id))
    faults = Faults("deposits.restore.invalid")
    for uscc in sorted(set(contents) - bidders):
        faults.add(f"/{uscc}", "deposits.restore.not_a_bidder", bidder=uscc)
    faults.refuse()
    known = {record.bidder_uscc for record in queries.of_lot(tx.db, lot_id, lock=True)}
    if twice := sorted(known & set(contents)):
        raise Refusal("deposits.restore.twice", {"bidders": ", ".join(twice)}, Kind.CONFLICT)
    records = []
    for uscc, content in sorted(contents.items()):
        document = tx.vault.put(f"guarantee-{uscc}.json", "application/json", content)
        record = GuaranteeRecord(
            id=tx.new_id(),
            lot_id=lot_id,
            centre_id=lot.centre_id,
            bidder_uscc=uscc,
            state=GuaranteeState.RESTORED,
            document=document,
            restored_at=tx.now,
        )
        queries.add(tx.db, record)
        tx.record(
            _stream(lot_id),
            "deposits:guarantee:restored",
            actor,
            {"guarantee": record.id, "bidder": uscc},
            (document,),
        )
        records.append(record)
    if records:
        tasks.enqueue(tx, VERIFY_TASK, {"lot": lot_id})
    tx.db.flush()
    return tuple(records)


def verify_lot(tx: Tx, actor: Actor, lot_id: str) -> tuple[GuaranteeRecord, ...]:
    """Verify what awaits it in a lot, in order of the bidders' codes; all guarantees of the lot.

    The rules and the register of dishonest acts are those of the day of the opening, so that a
    verification that runs late comes to the same result. Of two guarantees with one number the one
    that was verified first counts. Calling it again changes nothing.
    """
    actor.must_be(Role.STAFF, Role.SYSTEM)
    lot = deposit_lot(tx.db, lot_id)
    must_serve(actor, lot.centre_id)
    records = queries.of_lot(tx.db, lot_id, lock=True)
    waiting = [record for record in records if record.state is GuaranteeState.RESTORED]
    asked = terms_of_many(tx.db, lot, [r.bidder_uscc for r in waiting], lot.opening_on)
    read = {r.id: readable(tx.vault.get(r.document.sha256)) for r in waiting}
    issuers = registry.issuers_by_code(
        tx.db, {s.guarantee.issuer_uscc for s in read.values() if isinstance(s, SignedGuarantee)}
    )
    counting = queries.counting(tx.db, set(issuers))
    for record in waiting:
        signed = read[record.id]
        terms = asked[record.bidder_uscc]
        if isinstance(signed, Reason):
            after = judged(record, None, (signed,), tx.now)
        else:
            promise = promise_of(signed.guarantee)
            key = (promise.issuer_uscc, promise.number)
            case = Case(
                signed=signed,
                demand=demand_of(lot, record.bidder_uscc, terms),
                issuer=issuers.get(promise.issuer_uscc),
                used_for=counting.get(key, ""),
            )
            after = judged(record, promise, faults_of(case), tx.now)
            if after.state is GuaranteeState.VERIFIED:
                counting[key] = lot_id
        queries.store(tx.db, after)
        _record_verdict(tx, actor, after, terms.due.fen, terms.rule_ids)
    tx.db.flush()
    return tuple(queries.of_lot(tx.db, lot_id))


def _record_verdict(
    tx: Tx, actor: Actor, record: GuaranteeRecord, due_fen: int, rule_ids: tuple[str, ...]
) -> None:
    data: dict[str, Any] = {
        "guarantee": record.id,
        "bidder": record.bidder_uscc,
        "due_fen": due_fen,
        "rules": sorted({*rule_ids, *(check.rule_id for check in CHECKS)}),
        "reasons": [{"code": r.code, "params": dict(r.params)} for r in record.reasons],
    }
    if record.promise is not None:
        data |= {
            "issuer": record.promise.issuer_uscc,
            "number": record.promise.number,
            "amount_fen": record.promise.amount.fen,
            "valid_to": record.promise.valid_to.isoformat(),
        }
    verdict = "verified" if record.state is GuaranteeState.VERIFIED else "invalid"
    tx.record(
        _stream(record.lot_id),
        f"deposits:guarantee:{verdict}",
        actor,
        data,
        (record.document,),
    )


def standing_of(db: Session, lot_id: str, bidder_uscc: str, on: date) -> DepositStanding:
    """Where one bidder stands with the deposit of a lot, by the rules and registers of `on`."""
    terms = terms_for(db, lot_id, bidder_uscc, on)
    record = queries.of_bidder(db, lot_id, bidder_uscc)
    return DepositStanding(
        lot_id=lot_id,
        bidder_uscc=bidder_uscc,
        kind=standing_kind(terms, record.state if record else None),
        terms=terms,
        guarantee_id=record.id if record else "",
        reasons=record.reasons if record else (),
    )


def guarantees(db: Session, lot_id: str) -> tuple[GuaranteeRecord, ...]:
    """The guarantees of a lot in order of the bidders' codes; none before its opening."""
    return tuple(queries.of_lot(db, lot_id))


# --- After the contract -----------------------------------------------------------------


def start_release(
    tx: Tx,
    actor: Actor,
    lot_id: str,
    cause: ReleaseCause,
    event_on: date,
    winner_uscc: str = "",
) -> ReleaseDue:
    """Start the clock within which guarantees must be given back, and ask for that on its last day.

    `event_on` is the legal day of signing, of the award notice or of the termination. Refuses
    CONFLICT where the regime starts no clock at this event, and while a guarantee of the lot
    awaits verification.
    """
    lot = _lot_released_by(tx, actor, lot_id)
    if cause is ReleaseCause.AWARD and not winner_uscc:
        raise Refusal("deposits.release.winner_missing", {"lot": lot_id})
    due = release_due(lot.regime, lot.region, cause, event_on)
    records = queries.of_lot(tx.db, lot_id, lock=True)
    if any(record.state is GuaranteeState.RESTORED for record in records):
        raise Refusal("deposits.release.pending", {"lot": lot_id}, Kind.CONFLICT)
    started = []
    for record in records:
        is_open = record.state is GuaranteeState.VERIFIED and record.release_due_on is None
        if is_open and covers(cause, record.bidder_uscc, winner_uscc):
            queries.store(tx.db, with_clock(record, due))
            started.append(record)
    tx.db.flush()
    if started:
        tx.record(
            _stream(lot_id),
            "deposits:guarantee:release_due",
            actor,
            {
                "cause": cause,
                "rule": due.rule_id,
                "starts_on": due.starts_on.isoformat(),
                "due_on": due.deadline.day.isoformat(),
                "counted": [day.isoformat() for day in due.deadline.counted],
                "provisional": due.deadline.provisional,
                "guarantees": [record.id for record in started],
            },
        )
        tasks.enqueue(
            tx,
            RELEASE_TASK,
            {"lot": lot_id, "cause": cause},
            max(tx.now, start_of(due.deadline.day)),
        )
    return due


def release_lot(
    tx: Tx, actor: Actor, lot_id: str, cause: ReleaseCause
) -> tuple[GuaranteeRecord, ...]:
    """Give back the guarantees whose clock this event started; those given back by this call.

    Refuses CONFLICT while an objection suspends the lot, and where no clock was started by such an
    event. Calling it again gives back nothing more.
    """
    _lot_released_by(tx, actor, lot_id)
    objections.must_not_be_suspended(tx.db, lot_id)
    covered = [
        record
        for record in queries.of_lot(tx.db, lot_id, lock=True)
        if record.release_cause is cause
    ]
    if not covered:
        raise Refusal(
            "deposits.release.not_started", {"lot": lot_id, "cause": cause}, Kind.CONFLICT
        )
    done = []
    for record in covered:
        if record.state is GuaranteeState.VERIFIED:
            after = released(record, tx.now)
            assert after.release_due_on is not None, "a cause has a clock"
            queries.store(tx.db, after)
            tx.record(
                _stream(lot_id),
                "deposits:guarantee:released",
                actor,
                {
                    "guarantee": after.id,
                    "bidder": after.bidder_uscc,
                    "cause": cause,
                    "due_on": after.release_due_on.isoformat(),
                    "overdue_days": overdue_days(after.release_due_on, legal_day(tx.now)),
                },
            )
            done.append(after)
    tx.db.flush()
    return tuple(done)


def unreleased(db: Session, on: date) -> tuple[Outstanding, ...]:
    """What must be given back by `on` or earlier and has not been; the longest overdue first."""
    found = []
    for record in queries.due_by(db, on):
        assert record.release_due_on is not None, "found by it"
        assert record.release_cause is not None, "a clock has a cause"
        found.append(
            Outstanding(
                guarantee_id=record.id,
                lot_id=record.lot_id,
                bidder_uscc=record.bidder_uscc,
                cause=record.release_cause,
                due_on=record.release_due_on,
                overdue_days=overdue_days(record.release_due_on, on),
            )
        )
    return tuple(found)


def _lot_released_by(tx: Tx, actor: Actor, lot_id: str) -> DepositLot:
    """The lot, where the actor may give back: its centre's staff, its tenderer, or the clock."""
    actor.must_be(Role.STAFF, Role.TENDERER, Role.SYSTEM)
    lot = deposit_lot(tx.db, lot_id)
    must_serve(actor, lot.centre_id)
    if actor.roles.isdisjoint({Role.STAFF, Role.SYSTEM}):
        must_act_for(actor, lot.beneficiary_uscc, lot.agency_uscc)
    return lot


# --- Tasks ------------------------------------------------------------------------------


def verify_task(office: Office, args: Mapping[str, Any]) -> tasks.Write:
    """The handler of VERIFY_TASK."""
    lot_id = str(args["lot"])

    def write(tx: Tx) -> None:
        verify_lot(tx, SYSTEM, lot_id)

    return write


def release_task(office: Office, args: Mapping[str, Any]) -> tasks.Write:
    """The handler of RELEASE_TASK: release, or ask again on the next day while suspended."""
    lot_id, cause = str(args["lot"]), ReleaseCause(args["cause"])

    def write(tx: Tx) -> None:
        if objections.suspended(tx.db, lot_id):
            tomorrow = legal_day(tx.now) + timedelta(days=1)
            tasks.enqueue(tx, RELEASE_TASK, args, start_of(tomorrow))
        else:
            release_lot(tx, SYSTEM, lot_id, cause)

    return write


HANDLERS: Mapping[str, tasks.Handler] = {VERIFY_TASK: verify_task, RELEASE_TASK: release_task}


def _stream(lot_id: str) -> str:
    return f"lot/{lot_id}"
