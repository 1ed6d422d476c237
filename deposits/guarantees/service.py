"""Guarantees at work: brought to light at the opening, verified by a task, released after the contract.

Before the opening this room knows nothing of them. At the opening the caller hands over the
documents that came out of the sealed cells; they are kept, and the opening goes on. What names its
lot only by a commitment is put down as LODGED, and a task has its issuer restore it
(`deposits.guarantees.restoring`); what came in clear awaits verification at once. A task verifies the
whole lot. After the contract (or the award, in government procurement) a clock runs; a task at the
beginning of its last day gives back what nobody has given back by hand, and asks again the next day
while an objection suspends the lot. Another waits for the end of its validity. Demands are `deposits.guarantees.demands`.

Everything is recorded on `lot/<id>`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

from sqlmodel import Session

from archive.actor import SYSTEM, Actor, Role
from archive.errors import Faults, Kind, Reason, Refusal
from archive.office import Office, Tx
from archive.tasks import service as tasks
from deposits.guarantees import queries
from deposits.guarantees.checks import (
    CHECKS,
    Answer,
    Case,
    Printed,
    answered,
    faults_of,
    readable,
)
from deposits.guarantees.document import SignedGuarantee
from deposits.guarantees.pdf import examine
from deposits.guarantees.record import (
    GuaranteeRecord,
    judged,
    moved,
    promise_of,
    released,
    with_clock,
)
from deposits.guarantees.slip import GuaranteeSlip, SignedCipher, is_slip, parse_slip
from deposits.guarantees.states import IN_FORCE, WAITING, Event, GuaranteeState, Life, born
from deposits.issuers import service as registry
from deposits.issuers.desk import IssuersDesk, IssuerSilent
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

RESTORE_TASK = "deposits.restore_guarantees"
VERIFY_TASK = "deposits.verify_guarantees"
CONFIRM_TASK = "deposits.confirm_guarantee"
TELL_TASK = "deposits.tell_issuer"
ASK_AGAIN = timedelta(hours=1)
ASKED_MAX = 72
"""So often a silent issuer is asked; then a person has to, and the pages show it."""
FAR = 9000
"""From this year on no end is awaited: a calendar ends in 9999."""
RELEASE_TASK = "deposits.release_guarantees"
END_TASK = "deposits.end_guarantee"
"""On the day after a guarantee's last (`deposits.guarantees.demands`)."""


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
        birth = born(tx.now, Event.LODGE if is_slip(content) else Event.RESTORE, document.sha256)
        record = GuaranteeRecord(
            id=tx.new_id(),
            lot_id=lot_id,
            centre_id=lot.centre_id,
            bidder_uscc=uscc,
            state=birth.state,
            document=document,
            restored_at=tx.now,
            since=tx.now,
        )
        queries.add(tx.db, record)
        tx.db.flush()  # its steps refer to it
        queries.add_step(tx.db, record.id, birth.steps[0], actor.id)
        is_plain = record.state is GuaranteeState.RESTORED
        tx.record(
            _stream(lot_id),
            "deposits:guarantee:restored" if is_plain else "deposits:guarantee:revealed",
            actor,
            {"guarantee": record.id, "bidder": uscc},
            (document,),
        )
        records.append(record)
    states = {record.state for record in records}
    if GuaranteeState.LODGED in states:
        tasks.enqueue(tx, RESTORE_TASK, {"lot": lot_id, "tries": 0})
    if GuaranteeState.RESTORED in states:
        tasks.enqueue(tx, VERIFY_TASK, {"lot": lot_id})
    tx.db.flush()
    return tuple(records)


@dataclass(frozen=True)
class Examined:
    """What was found out about a guarantee outside of the transaction: its printed form, and the
    issuer's answer (None where it was not asked, or is silent)."""

    printed: Printed | None = None
    answer: Answer | None = None
    is_silent: bool = False


def verify_lot(
    tx: Tx, actor: Actor, lot_id: str, examined: Mapping[str, Examined] | None = None
) -> tuple[GuaranteeRecord, ...]:
    """Verify what awaits it in a lot, in order of the bidders' codes; all guarantees of the lot.
    `examined`, by id, is what `examine_lot` found out beforehand; a printed form that it has not
    waits for the next time.

    The rules and the register of dishonest acts are those of the day of the opening, so that a
    verification that runs late comes to the same result. Of two guarantees with one number the one
    that was verified first counts. Calling it again changes nothing.
    """
    actor.must_be(Role.STAFF, Role.SYSTEM)
    lot = deposit_lot(tx.db, lot_id)
    must_serve(actor, lot.centre_id)
    records = queries.of_lot(tx.db, lot_id, lock=True)
    known = examined or {}
    waiting = [
        record
        for record in records
        if record.state is GuaranteeState.RESTORED and (record.file is None or record.id in known)
    ]
    asked = terms_of_many(tx.db, lot, [r.bidder_uscc for r in waiting], lot.opening_on)
    read = {r.id: readable(tx.vault.get(r.document.sha256)) for r in waiting}
    issuers = registry.issuers_by_code(
        tx.db, {s.guarantee.issuer_uscc for s in read.values() if isinstance(s, SignedGuarantee)}
    )
    counting = queries.counting(tx.db, set(issuers))
    for record in waiting:
        signed = read[record.id]
        terms = asked[record.bidder_uscc]
        found = known.get(record.id, Examined())
        if isinstance(signed, Reason):
            verdict = judged(record, None, (signed,), tx.now)
        else:
            promise = promise_of(signed.guarantee)
            key = (promise.issuer_uscc, promise.number)
            case = Case(
                signed=signed,
                demand=demand_of(lot, record.bidder_uscc, terms),
                issuer=issuers.get(promise.issuer_uscc),
                used_for=counting.get(key, ""),
                cipher=_cipher_of(tx, lot, record),
                printed=found.printed,
                answer=found.answer,
            )
            verdict = judged(record, promise, faults_of(case), tx.now, _notes(record, found))
            if verdict[0].state is GuaranteeState.VERIFIED:
                counting[key] = lot_id
        after = queries.store_moved(tx.db, verdict, actor.id)
        _record_verdict(tx, actor, after, terms.due.fen, terms.rule_ids, found)
        if after.state is GuaranteeState.VERIFIED:
            await_end(tx, after)
        if after.state is GuaranteeState.VERIFIED and found.answer is not None:
            confirm(tx, actor, after)
        elif after.state is GuaranteeState.VERIFIED and found.is_silent:
            tasks.enqueue(tx, CONFIRM_TASK, {"guarantee": after.id, "tries": 0}, tx.now + ASK_AGAIN)
    tx.db.flush()
    return tuple(queries.of_lot(tx.db, lot_id))


def await_end(tx: Tx, record: GuaranteeRecord) -> None:
    """Ask for the end of a guarantee when its last day is over. One whose days were extended
    meanwhile is left alone then: the extension has asked anew."""
    assert record.promise is not None, "verified"
    last = record.promise.valid_to
    if last.year < FAR:
        over = start_of(last + timedelta(days=1))
        tasks.enqueue(tx, END_TASK, {"guarantee": record.id}, max(tx.now, over))


def confirm(tx: Tx, actor: Actor, record: GuaranteeRecord) -> GuaranteeRecord:
    """The issuer has confirmed a verified guarantee: it is in force by its word too."""
    after = queries.store_moved(tx.db, moved(record, Event.CONFIRM, tx.now), actor.id)
    data = {"guarantee": record.id, "bidder": record.bidder_uscc}
    tx.record(_stream(record.lot_id), "deposits:guarantee:confirmed", actor, data)
    return after


def _cipher_of(tx: Tx, lot: DepositLot, record: GuaranteeRecord) -> SignedCipher | None:
    """What the issuer had signed before the opening; None where the guarantee came in clear."""
    first = queries.steps(tx.db, record.id)[0]
    if first.event is not Event.LODGE:
        return None
    content = tx.vault.get(first.document)
    slip = parse_slip(content, lot.lot_id, lot.beneficiary_uscc, record.bidder_uscc)
    assert isinstance(slip, GuaranteeSlip), "restored, so it was read"
    return slip.signed


def _notes(record: GuaranteeRecord, found: Examined) -> tuple[Reason, ...]:
    """What was not verified."""
    notes = found.printed.finding.notes if found.printed else ()
    if not record.code:
        return (*notes, Reason("deposits.note.not_confirmed"))
    return (*notes, Reason("deposits.note.silent")) if found.is_silent else notes


def _record_verdict(
    tx: Tx,
    actor: Actor,
    record: GuaranteeRecord,
    due_fen: int,
    rule_ids: tuple[str, ...],
    found: Examined,
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
    if found.printed is not None:
        finding = found.printed.finding
        data["file"] = {
            "sha256": found.printed.sha256,
            "type": finding.media_type,
            "certificate": finding.certificate,
            "signed_at": finding.signed_at.isoformat() if finding.signed_at else "",
            "trust_list": finding.trust_version,
        }
    if record.notes:
        data["notes"] = [note.code for note in record.notes]
    verdict = "verified" if record.state is GuaranteeState.VERIFIED else "invalid"
    tx.record(
        _stream(record.lot_id),
        f"deposits:guarantee:{verdict}",
        actor,
        data,
        (record.document, record.file) if record.file else (record.document,),
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
    *,
    bidder_uscc: str = "",
) -> ReleaseDue:
    """Start the clock within which guarantees must be given back, and ask for that on its last day.

    `event_on` is the legal day of signing, of the award notice, of the termination or of a bidder's
    refusal, which concerns his guarantee alone (`bidder_uscc`). Refuses
    CONFLICT where the regime starts no clock at this event, and while a guarantee of the lot
    awaits verification.
    """
    lot = _lot_released_by(tx, actor, lot_id)
    if cause is ReleaseCause.AWARD and not winner_uscc:
        raise Refusal("deposits.release.winner_missing", {"lot": lot_id})
    due = release_due(lot.regime, lot.region, cause, event_on)
    records = [
        record
        for record in queries.of_lot(tx.db, lot_id, lock=True)
        if bidder_uscc in ("", record.bidder_uscc)
    ]
    if any(record.state in WAITING for record in records):
        raise Refusal("deposits.release.pending", {"lot": lot_id}, Kind.CONFLICT)
    started = []
    for record in records:
        is_open = record.state in IN_FORCE and record.release_due_on is None
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
        if record.state in IN_FORCE:
            after = queries.store_moved(tx.db, released(record, tx.now), actor.id)
            assert after.release_due_on is not None, "a cause has a clock"
            if after.code:
                tasks.enqueue(tx, TELL_TASK, {"guarantee": after.id, "tries": 0})
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


# --- Reading ------------------------------------------------------------------------------


def guarantee(db: Session, guarantee_id: str) -> GuaranteeRecord:
    """Refuses NOT_FOUND."""
    found = queries.by_id(db, guarantee_id)
    if found is None:
        raise Refusal(
            "deposits.guarantee.unknown", {"guarantee": guarantee_id[:40]}, Kind.NOT_FOUND
        )
    return found


def locked(tx: Tx, guarantee_id: str) -> GuaranteeRecord:
    """The same, locked for a change."""
    guarantee(tx.db, guarantee_id)
    found = queries.by_id(tx.db, guarantee_id, lock=True)
    assert found is not None, "rows stay"
    return found


def life(db: Session, guarantee_id: str) -> Life:
    """All steps of one guarantee since it came to light."""
    return Life(tuple(queries.steps(db, guarantee_id)))


def guarantees_of(
    db: Session, *, bidder_uscc: str = "", issuer_uscc: str = "", centre_id: str = ""
) -> tuple[GuaranteeRecord, ...]:
    """Those of a bidder, an issuer or a centre, the newest first; all where nobody is named."""
    return tuple(
        queries.of_party(db, bidder_uscc=bidder_uscc, issuer_uscc=issuer_uscc, centre_id=centre_id)
    )


# --- Tasks ------------------------------------------------------------------------------


def examine_lot(office: Office, desk: IssuersDesk, lot_id: str) -> dict[str, Examined]:
    """Find out, outside of any transaction, what takes its time: the signatures of printed forms,
    and the issuers' answers; by guarantee."""
    now = office.clock.now()
    with office.read() as db:
        waiting = [r for r in queries.of_lot(db, lot_id) if r.state is GuaranteeState.RESTORED]
        trust = registry.trust_list(db)
        handed = {r.id: queries.evidence(db, r.id) for r in waiting}
    found = {}
    for record in waiting:
        signed = readable(office.vault.get(record.document.sha256))
        if isinstance(signed, Reason):
            continue
        printed = None
        if record.file is not None:
            content = office.vault.get(record.file.sha256)
            digests, crls = handed[record.id]
            finding = examine(
                content, record.file.type, trust, crls, signed.guarantee.issued_on, now
            )
            printed = Printed(hashlib.sha256(content).hexdigest(), len(content), finding, digests)
        answer, is_silent = None, False
        if record.code:
            promise = signed.guarantee
            try:
                said = desk.verify(promise.issuer_uscc, promise.number, record.code, now)
                answer = Answer(said, record.document.sha256)
            except (IssuerSilent, Refusal):
                is_silent = True
        found[record.id] = Examined(printed, answer, is_silent)
    return found


def verify_task(desk: IssuersDesk) -> tasks.Handler:
    """The handler of VERIFY_TASK."""

    def handle(office: Office, args: Mapping[str, Any]) -> tasks.Write:
        lot_id = str(args["lot"])
        examined = examine_lot(office, desk, lot_id)

        def write(tx: Tx) -> None:
            verify_lot(tx, SYSTEM, lot_id, examined)

        return write

    return handle


def confirm_task(desk: IssuersDesk) -> tasks.Handler:
    """The handler of CONFIRM_TASK: asks a silent issuer again about a guarantee that holds by our
    own checks. What the issuer denies becomes INVALID, as long as nothing else has happened to it."""

    def handle(office: Office, args: Mapping[str, Any]) -> tasks.Write:
        guarantee_id, tries = str(args["guarantee"]), int(args["tries"])
        with office.read() as db:
            record = guarantee(db, guarantee_id)
        if record.state is not GuaranteeState.VERIFIED or record.promise is None:
            return lambda tx: None
        signed = readable(office.vault.get(record.document.sha256))
        assert isinstance(signed, SignedGuarantee), "it was verified"
        promise, said, is_silent = record.promise, None, False
        try:
            now = office.clock.now()
            said = desk.verify(promise.issuer_uscc, promise.number, record.code, now)
        except (IssuerSilent, Refusal):
            is_silent = True

        def write(tx: Tx) -> None:
            current = locked(tx, guarantee_id)
            if current.state is not GuaranteeState.VERIFIED:
                return
            if is_silent:
                if tries < ASKED_MAX:
                    again = {"guarantee": guarantee_id, "tries": tries + 1}
                    tasks.enqueue(tx, CONFIRM_TASK, again, tx.now + ASK_AGAIN)
                return
            if fault := answered(signed, Answer(said, current.document.sha256)):
                after, step = judged(current, None, (fault,), tx.now, current.notes)
                after = queries.store_moved(tx.db, (after, step), SYSTEM.id)
                data = {
                    "guarantee": guarantee_id,
                    "bidder": after.bidder_uscc,
                    "reasons": [{"code": fault.code, "params": dict(fault.params)}],
                }
                tx.record(_stream(after.lot_id), "deposits:guarantee:invalid", SYSTEM, data)
                return
            kept = tuple(n for n in current.notes if n.code != "deposits.note.silent")
            confirm(tx, SYSTEM, replace(current, notes=kept))

        return write

    return handle


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


def tell_task(desk: IssuersDesk) -> tasks.Handler:
    """The handler of TELL_TASK: tells the issuer that a guarantee is given back, and closes it when
    the issuer has heard it."""

    def handle(office: Office, args: Mapping[str, Any]) -> tasks.Write:
        guarantee_id, tries = str(args["guarantee"]), int(args["tries"])
        with office.read() as db:
            record = guarantee(db, guarantee_id)
        if record.state is not GuaranteeState.RELEASED or record.promise is None:
            return lambda tx: None
        promise, is_heard = record.promise, True
        try:
            now = office.clock.now()
            desk.release(promise.issuer_uscc, promise.number, record.code, now)
        except (IssuerSilent, Refusal):
            is_heard = False

        def write(tx: Tx) -> None:
            current = locked(tx, guarantee_id)
            if current.state is not GuaranteeState.RELEASED:
                return
            if is_heard:
                queries.store_moved(tx.db, moved(current, Event.CLOSE, tx.now), SYSTEM.id)
                data = {"guarantee": guarantee_id, "bidder": current.bidder_uscc}
                tx.record(_stream(current.lot_id), "deposits:guarantee:closed", SYSTEM, data)
            elif tries < ASKED_MAX:
                again = {"guarantee": guarantee_id, "tries": tries + 1}
                tasks.enqueue(tx, TELL_TASK, again, tx.now + ASK_AGAIN)

        return write

    return handle


def handlers(desk: IssuersDesk) -> Mapping[str, tasks.Handler]:
    """The handlers of this module's tasks, bound to the issuers' desk."""
    return {
        VERIFY_TASK: verify_task(desk),
        CONFIRM_TASK: confirm_task(desk),
        RELEASE_TASK: release_task,
        TELL_TASK: tell_task(desk),
    }


def _stream(lot_id: str) -> str:
    return f"lot/{lot_id}"
