"""The issuer gives the plain guarantee for a slip after the opening (还原).

The issuer is never called inside a transaction. What it hands over is kept byte for byte with the
digests that it states and the lists of revoked certificates of that day; judging is the matter of
`deposits.guarantees.service.verify_lot`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from archive.actor import SYSTEM, Actor, Role
from archive.errors import Reason, Refusal
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
)
from deposits.guarantees.slip import GuaranteeSlip, parse_slip
from deposits.guarantees.states import Event, GuaranteeState
from deposits.issuers.desk import IssuersDesk, IssuerSilent, Restored
from deposits.service import deposit_lot


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
            after = keep(tx, actor, record, said, Event.RESTORE)
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


def keep(
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


def handlers(desk: IssuersDesk) -> Mapping[str, tasks.Handler]:
    """The handlers of this module's tasks, bound to the issuers' desk."""
    return {RESTORE_TASK: restore_task(desk)}


def _stream(lot_id: str) -> str:
    return f"lot/{lot_id}"
