"""The issuer gives the plain guarantee: for a slip after the opening (还原), and again with a later end
(展期).

The issuer is never called inside a transaction. What it hands over is kept byte for byte with the
digests that it states and the lists of revoked certificates of that day; judging is the matter of
`deposits.guarantees.service.verify_lot`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any

from archive.actor import SYSTEM, Actor, Role
from archive.errors import Kind, Reason, Refusal
from archive.office import Office, Tx
from archive.tasks import service as tasks
from deposits.guarantees import queries
from deposits.guarantees.checks import readable
from deposits.guarantees.document import SignedGuarantee
from deposits.guarantees.pdf import OFD
from deposits.guarantees.record import GuaranteeRecord, judged, moved, promise_of
from deposits.guarantees.service import (
    ASK_AGAIN,
    ASKED_MAX,
    RESTORE_TASK,
    VERIFY_TASK,
    await_end,
    locked,
)
from deposits.guarantees.slip import GuaranteeSlip, parse_slip
from deposits.guarantees.states import IN_FORCE, Event, GuaranteeState
from deposits.issuers import service as registry
from deposits.issuers.desk import IssuersDesk, IssuerSilent, IssuerWhy, Restored
from deposits.service import deposit_lot, lot_to_settle
from trading.acting import must_act_for

EXTEND_TASK = "deposits.extend_guarantee"
_NOT_EXTENDED = "deposits.note.not_extended"


def record_restored(
    tx: Tx, actor: Actor, lot_id: str, told: Mapping[str, Restored | Reason]
) -> tuple[GuaranteeRecord, ...]:
    """Put down what the issuers handed over, by guarantee; a reason makes it INVALID. Asks for the
    verification of what is there now. Calling it again with the same changes nothing."""
    actor.must_be(Role.STAFF, Role.SYSTEM)
    done = []
    for record in queries.of_lot(tx.db, lot_id, lock=True):
        if record.id not in told or record.state is not GuaranteeState.LODGED:
            continue
        said = told[record.id]
        if isinstance(said, Reason):
            after = queries.store_moved(tx.db, judged(record, None, (said,), tx.now), actor.id)
            data = {
                "guarantee": record.id,
                "bidder": record.bidder_uscc,
                "reasons": [{"code": said.code, "params": dict(said.params)}],
            }
            tx.record(_stream(lot_id), "deposits:guarantee:invalid", actor, data)
        else:
            after = _kept(tx, actor, record, said, Event.RESTORE)
            documents = tuple(d for d in (after.document, after.file) if d is not None)
            tx.record(
                _stream(lot_id),
                "deposits:guarantee:restored",
                actor,
                {"guarantee": record.id, "bidder": record.bidder_uscc},
                documents,
            )
        done.append(after)
    if any(record.state is GuaranteeState.RESTORED for record in done):
        tasks.enqueue(tx, VERIFY_TASK, {"lot": lot_id})
    tx.db.flush()
    return tuple(done)


def _kept(
    tx: Tx, actor: Actor, record: GuaranteeRecord, said: Restored, event: Event
) -> GuaranteeRecord:
    """The record with what the issuer handed over in place of what it had; what that promises, where it
    can be read, so that it is its issuer's to see before it is judged."""
    uscc = record.bidder_uscc
    document = tx.vault.put(f"guarantee-{uscc}.json", "application/json", said.document)
    file = None
    if said.file:
        ending = "ofd" if said.media_type == OFD else "pdf"
        file = tx.vault.put(f"guarantee-{uscc}.{ending}", said.media_type, said.file)
        queries.put_evidence(tx.db, record.id, said.digests, said.crls)
    after, step = moved(record, event, tx.now, document.sha256)
    read = readable(said.document)
    promise = promise_of(read.guarantee) if isinstance(read, SignedGuarantee) else record.promise
    after = replace(after, document=document, file=file, code=said.code[:64], promise=promise)
    return queries.store_moved(tx.db, (after, step), actor.id)


# --- Extending ----------------------------------------------------------------------------


def extend(tx: Tx, actor: Actor, guarantee_id: str, until: date) -> None:
    """Ask the issuer for a later end (条例 第二十六条: the deposit holds as long as the bid). A task
    asks it; the guarantee is EXTENDED when the issuer has signed. The bidder himself may ask, too.

    Refuses FORBIDDEN who has no part in it; CONFLICT where it is not in force or its issuer is not linked; INVALID an end that is
    not later.
    """
    found = locked(tx, guarantee_id)
    if Role.BIDDER in actor.roles:
        must_act_for(actor, found.bidder_uscc)
    else:
        lot_to_settle(tx.db, actor, found.lot_id)
    if found.state not in IN_FORCE or found.promise is None:
        params = {"state": found.state, "event": Event.EXTEND}
        raise Refusal("deposits.guarantee.event", params, Kind.CONFLICT)
    if not found.code:
        raise Refusal("deposits.guarantee.not_linked", {}, Kind.CONFLICT)
    _must_be_later(until, found.promise.valid_to)
    data = {"guarantee": found.id, "bidder": found.bidder_uscc, "until": until.isoformat()}
    tx.record(_stream(found.lot_id), "deposits:guarantee:extension_asked", actor, data)
    args = {"guarantee": found.id, "until": until.isoformat(), "tries": 0}
    tasks.enqueue(tx, EXTEND_TASK, args)


def _must_be_later(until: date, valid_to: date) -> None:
    if until <= valid_to:
        params = {"until": until.isoformat(), "valid_to": valid_to.isoformat()}
        raise Refusal("deposits.guarantee.extension", params)


def _without_refusal(record: GuaranteeRecord) -> tuple[Reason, ...]:
    """The notes but what an issuer said to an earlier asking."""
    return tuple(note for note in record.notes if note.code != _NOT_EXTENDED)


def record_extended(tx: Tx, actor: Actor, guarantee_id: str, said: Restored) -> GuaranteeRecord:
    """Put down an extended guarantee: signed by a key of its issuer, the same in all but its end and
    its text. Refuses INVALID anything else; nothing is changed then."""
    record = locked(tx, guarantee_id)
    before = readable(tx.vault.get(record.document.sha256))
    now = readable(said.document)
    assert isinstance(before, SignedGuarantee), "it is in force"
    if isinstance(now, Reason):
        raise Refusal(now.code, now.params)
    old, new = before.guarantee, now.guarantee
    _must_be_later(new.valid_to, old.valid_to)
    same = replace(new, valid_to=old.valid_to, wording_sha256=old.wording_sha256)
    if same != old:
        raise Refusal("deposits.check.differs", {"fields": "body"})
    issuer = registry.issuer(tx.db, new.issuer_uscc)
    if not any(key.is_signature(now.signed_bytes, now.signature) for key in issuer.keys):
        raise Refusal("deposits.check.signature", {"issuer": new.issuer_uscc})
    after = _kept(tx, actor, record, said, Event.EXTEND)
    after = replace(after, notes=_without_refusal(after))
    queries.store(tx.db, after)
    await_end(tx, after)
    tx.db.flush()
    data = {
        "guarantee": record.id,
        "bidder": record.bidder_uscc,
        "valid_to": new.valid_to.isoformat(),
    }
    tx.record(_stream(record.lot_id), "deposits:guarantee:extended", actor, data, (after.document,))
    return after


# --- Tasks --------------------------------------------------------------------------------


def restore_task(desk: IssuersDesk) -> tasks.Handler:
    """The handler of RESTORE_TASK: shows each slip to its issuer. A silent one is asked again in an
    hour; a slip that is none, and one that the issuer refuses, makes the guarantee INVALID."""

    def handle(office: Office, args: Mapping[str, Any]) -> tasks.Write:
        lot_id, tries = str(args["lot"]), int(args["tries"])
        now = office.clock.now()
        with office.read() as db:
            lot = deposit_lot(db, lot_id)
            waiting = queries.in_state(db, GuaranteeState.LODGED, lot_id)
        told: dict[str, Restored | Reason] = {}
        silent = False
        for record in waiting:
            content = office.vault.get(record.document.sha256)
            slip = parse_slip(content, lot_id, lot.beneficiary_uscc, record.bidder_uscc)
            if not isinstance(slip, GuaranteeSlip):
                told[record.id] = slip
                continue
            try:
                told[record.id] = desk.restore(slip, now)
            except Refusal as refusal:
                why = {"why": str(refusal.params.get("why", refusal.code))[:60]}
                told[record.id] = Reason("deposits.check.not_restored", why)
            except IssuerSilent:
                silent = True

        def write(tx: Tx) -> None:
            if told:
                record_restored(tx, SYSTEM, lot_id, told)
            if silent and tries < ASKED_MAX:
                again = {"lot": lot_id, "tries": tries + 1}
                tasks.enqueue(tx, RESTORE_TASK, again, tx.now + ASK_AGAIN)

        return write

    return handle


def extend_task(desk: IssuersDesk) -> tasks.Handler:
    """The handler of EXTEND_TASK."""

    def handle(office: Office, args: Mapping[str, Any]) -> tasks.Write:
        guarantee_id, tries = str(args["guarantee"]), int(args["tries"])
        until = date.fromisoformat(str(args["until"]))
        with office.read() as db:
            record = queries.by_id(db, guarantee_id)
        if record is None or record.promise is None or record.state not in IN_FORCE:
            return lambda tx: None
        promise, said, why = record.promise, None, ""
        if promise.valid_to >= until:
            return lambda tx: None  # done in an earlier try
        try:
            said = desk.extend(
                promise.issuer_uscc, promise.number, record.code, until, office.clock.now()
            )
        except Refusal as refusal:
            why = str(refusal.params.get("why", refusal.code))[:60]
        except IssuerSilent:
            why = ""

        def write(tx: Tx) -> None:
            refused = shown = why
            if said is not None:
                try:
                    record_extended(tx, SYSTEM, guarantee_id, said)
                    return
                except Refusal as refusal:
                    refused, shown = refusal.code, IssuerWhy.DOCUMENT
            if refused:
                data = {
                    "guarantee": guarantee_id,
                    "bidder": record.bidder_uscc,
                    "why": refused,
                }
                stream = _stream(record.lot_id)
                tx.record(stream, "deposits:guarantee:extension_refused", SYSTEM, data)
                said_no = Reason(_NOT_EXTENDED, {"until": until.isoformat(), "why": shown})
                now = locked(tx, guarantee_id)
                queries.store(tx.db, replace(now, notes=(*_without_refusal(now), said_no)))
            elif tries < ASKED_MAX:
                tasks.enqueue(tx, EXTEND_TASK, {**args, "tries": tries + 1}, tx.now + ASK_AGAIN)

        return write

    return handle


def handlers(desk: IssuersDesk) -> Mapping[str, tasks.Handler]:
    """The handlers of this module's tasks, bound to the issuers' desk."""
    return {RESTORE_TASK: restore_task(desk), EXTEND_TASK: extend_task(desk)}


def _stream(lot_id: str) -> str:
    return f"lot/{lot_id}"
