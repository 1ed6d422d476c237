"""Demands on guarantees at work: made by the beneficiary, sent by a task, answered by the issuer's
numbered and signed calls; and the end of what is over.

A demand is committed before the issuer hears of it, and carries its key: a process that dies in
between demands neither twice nor never. What an issuer calls is taken once, in the order of its
numbers, and only with its registered key's signature.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from sqlmodel import Session

from archive.actor import SYSTEM, Actor, Role
from archive.errors import Faults, Kind, Refusal
from archive.office import Office, Tx
from archive.tasks import service as tasks
from deposits.grounds import Claim, admit
from deposits.guarantees import queries
from deposits.guarantees.demands import demand as pure
from deposits.guarantees.demands.demand import DemandState, GuaranteeDemand
from deposits.guarantees.record import GuaranteeRecord, moved
from deposits.guarantees.service import END_TASK, guarantee, locked
from deposits.guarantees.states import IN_FORCE, TRANSITIONS, Event, GuaranteeState
from deposits.issuers import queries as registry_queries
from deposits.issuers import service as registry
from deposits.issuers.desk import (
    DemandOrder,
    IssuerNotice,
    IssuersDesk,
    IssuerSilent,
    NoticeKind,
    read_notice,
)
from deposits.issuers.tables import IssuerCallRow
from deposits.release import ReleaseCause
from deposits.service import lot_to_settle
from trading.acting import must_serve
from trading.awards import service as awards
from trading.calendar.legal import legal_day, start_of
from trading.money import Money
from trading.objections import service as objections
from trading.projects import service as projects
from trading.projects.stages import Stage

DEMAND_TASK = "deposits.demand_guarantee"
CALLS_TASK = "deposits.fetch_issuer_calls"
SEND_AGAIN = timedelta(hours=1)
SENT_MAX = 240
CALLS_AGAIN = timedelta(hours=6)
FETCHED_MAX = 400
_AWARDED = frozenset({Stage.AWARDED, Stage.CONTRACTED, Stage.ARCHIVED})


def demand(
    tx: Tx, actor: Actor, guarantee_id: str, claim: Claim, amount: Money, account: str
) -> GuaranteeDemand:
    """Demand payment of a guarantee to the beneficiary's account, on a ground of the closed list and
    with its document.

    Refuses as `grounds.admit` says; INVALID an amount beyond the guarantee and a malformed account;
    CONFLICT while an objection suspends the lot, where the guarantee is not in force any more or was
    never linked to its issuer, and after its last day.
    """
    found = locked(tx, guarantee_id)
    lot = lot_to_settle(tx.db, actor, found.lot_id)
    objections.must_not_be_suspended(tx.db, found.lot_id)
    promise = found.promise
    if found.state not in {*IN_FORCE, GuaranteeState.REFUSED} or promise is None:
        raise Refusal(
            "deposits.guarantee.event",
            {"state": found.state, "event": Event.DEMAND},
            Kind.CONFLICT,
        )
    if not found.code:
        raise Refusal("deposits.guarantee.not_linked", {}, Kind.CONFLICT)
    today = legal_day(tx.now)
    faults = Faults("deposits.demand.invalid")
    if not 0 < amount.fen <= promise.amount.fen:
        params = {"amount": amount.in_yuan(), "most": promise.amount.in_yuan()}
        faults.add("/amount", "deposits.demand.amount", **params)
    if not (account.isascii() and account.isdigit() and 8 <= len(account) <= 32):
        faults.add("/account", "deposits.demand.account", number=account[:40])
    faults.refuse()
    if today > promise.valid_to:
        params = {"valid_to": promise.valid_to.isoformat()}
        raise Refusal("deposits.demand.expired", params, Kind.CONFLICT)
    admitted = admit(
        claim,
        lot.regime,
        lot.region,
        today,
        is_winner=_winner(tx.db, found.lot_id) == found.bidder_uscc,
        has_withdrawn=found.release_cause is ReleaseCause.WITHDRAWN,
    )
    document = tx.vault.put(f"demand-{found.id}", "application/octet-stream", claim.document)
    earlier = queries.demands(tx.db, guarantee_id=found.id)
    made = GuaranteeDemand(
        key=f"{found.id}-{len(earlier) + 1}",
        guarantee_id=found.id,
        lot_id=found.lot_id,
        centre_id=found.centre_id,
        bidder_uscc=found.bidder_uscc,
        issuer_uscc=promise.issuer_uscc,
        number=promise.number,
        amount=amount,
        ground=admitted.ground,
        rule_id=admitted.rule_id,
        article=admitted.article,
        clause=claim.clause,
        document_name=document.name,
        document_sha256=document.sha256,
        to_account=account,
        made_by=actor.id,
        made_at=tx.now,
    )
    queries.store_moved(tx.db, moved(found, Event.DEMAND, tx.now, document.sha256), actor.id)
    queries.store_demand(tx.db, made)
    tx.db.flush()
    tx.record(
        _stream(found.lot_id),
        "deposits:guarantee:demanded",
        actor,
        {
            "guarantee": found.id,
            "bidder": found.bidder_uscc,
            "amount_fen": amount.fen,
            "ground": admitted.ground,
            "rule": admitted.rule_id,
            "article": admitted.article,
            "demand": made.key,
        },
        (document,),
    )
    tasks.enqueue(tx, DEMAND_TASK, {"demand": made.key, "tries": 0})
    return made


def _winner(db: Session, lot_id: str) -> str:
    if projects.lot(db, lot_id).stage not in _AWARDED:
        return ""
    return awards.award_of(db, lot_id).winner.bidder_uscc


def demands(
    db: Session, *, guarantee_id: str = "", lot_id: str = "", issuer_uscc: str = ""
) -> tuple[GuaranteeDemand, ...]:
    """Those of a guarantee, a lot or an issuer, or all; the oldest first."""
    return tuple(
        queries.demands(db, guarantee_id=guarantee_id, lot_id=lot_id, issuer_uscc=issuer_uscc)
    )


# --- What the issuer calls ----------------------------------------------------------------


def take_call(tx: Tx, actor: Actor, content: bytes) -> GuaranteeDemand:
    """Take one call of an issuer. Refuses INVALID what is no call or not signed by a key of the
    issuer that was valid on its day; CONFLICT one that was taken (replayed); TOO_EARLY one before
    its turn (out of order); NOT_FOUND one about a demand that nobody made."""
    actor.must_be(Role.SYSTEM)
    call = read_notice(content)
    _must_be_signed(tx.db, call)
    last = registry_queries.last_call(tx.db, call.issuer_uscc)
    if call.number <= last:
        params = {"number": call.number, "last": last}
        raise Refusal("deposits.call.replayed", params, Kind.CONFLICT)
    if call.number != last + 1:
        params = {"number": call.number, "last": last}
        raise Refusal("deposits.call.out_of_order", params, Kind.TOO_EARLY)
    found = queries.demand(tx.db, call.key, lock=True)
    if found is None or found.issuer_uscc != call.issuer_uscc:
        raise Refusal("deposits.call.unknown", {"key": call.key[:80]}, Kind.NOT_FOUND)
    after = pure.answered(found, call)
    record = locked(tx, found.guarantee_id)
    document = tx.vault.put(f"answer-{found.key}.json", "application/json", content)
    is_paid = call.kind is NoticeKind.PAID_OUT
    event = Event.PAY_OUT if is_paid else Event.REFUSE
    queries.store_moved(tx.db, moved(record, event, tx.now, document.sha256), actor.id)
    queries.store_demand(tx.db, after)
    registry_queries.add_call(
        tx.db,
        IssuerCallRow(
            issuer_uscc=call.issuer_uscc,
            number=call.number,
            kind=call.kind,
            key=call.key,
            at=call.at,
            taken_at=tx.now,
        ),
    )
    tx.db.flush()
    tx.record(
        _stream(found.lot_id),
        "deposits:guarantee:paid_out" if is_paid else "deposits:guarantee:refused",
        actor,
        {
            "guarantee": record.id,
            "bidder": record.bidder_uscc,
            "demand": found.key,
            "amount_fen": found.amount.fen,
            "reference": call.reference,
            "reason": call.reason,
            "number": call.number,
        },
        (document,),
    )
    return after


def _must_be_signed(db: Session, call: IssuerNotice) -> None:
    known = registry.issuers_by_code(db, [call.issuer_uscc])
    issuer = known.get(call.issuer_uscc)
    keys = issuer.keys_on(legal_day(call.at)) if issuer else ()
    if not any(key.is_signature(call.signed_bytes, call.signature) for key in keys):
        raise Refusal("deposits.call.signature", {"issuer": call.issuer_uscc[:18]})


def take_calls(tx: Tx, contents: Sequence[bytes]) -> int:
    """Take of the calls that were fetched those that can be; how many. One that came again does not
    keep what follows from being heard, and one before its turn is taken the next time."""
    taken = 0
    for content in contents:
        try:
            take_call(tx, SYSTEM, content)
        except Refusal:
            continue
        taken += 1
    return taken


# --- The end ------------------------------------------------------------------------------


def expire(tx: Tx, actor: Actor, guarantee_id: str) -> GuaranteeRecord:
    """Put down that a guarantee's last day is over. Refuses TOO_EARLY until then."""
    found = _of_staff(tx, actor, guarantee_id)
    if found.promise is not None and legal_day(tx.now) <= found.promise.valid_to:
        params = {"valid_to": found.promise.valid_to.isoformat()}
        raise Refusal("deposits.guarantee.not_due", params, Kind.TOO_EARLY)
    return _ended(tx, actor, found, Event.EXPIRE, "expired")


def close(tx: Tx, actor: Actor, guarantee_id: str) -> GuaranteeRecord:
    """Close what is paid, refused for good, given back or expired."""
    return _ended(tx, actor, _of_staff(tx, actor, guarantee_id), Event.CLOSE, "closed")


def end(tx: Tx, actor: Actor, guarantee_id: str) -> None:
    """What follows from the last day alone, once it is over: what is in force expires, and what
    nothing can happen to any more is closed. While a demand is not answered it is asked again the
    next day. Calling it again, or before its day, changes nothing."""
    actor.must_be(Role.SYSTEM)
    found, today = locked(tx, guarantee_id), legal_day(tx.now)
    if found.promise is None or today <= found.promise.valid_to:
        return
    if found.state in IN_FORCE:
        found = _ended(tx, actor, found, Event.EXPIRE, "expired")
    if found.state is GuaranteeState.DEMANDED:
        args = {"guarantee": guarantee_id}
        tasks.enqueue(tx, END_TASK, args, start_of(today + timedelta(days=1)))
    elif (found.state, Event.CLOSE) in TRANSITIONS:
        _ended(tx, actor, found, Event.CLOSE, "closed")


def _of_staff(tx: Tx, actor: Actor, guarantee_id: str) -> GuaranteeRecord:
    actor.must_be(Role.STAFF, Role.SYSTEM)
    found = locked(tx, guarantee_id)
    must_serve(actor, found.centre_id)
    return found


def _ended(
    tx: Tx, actor: Actor, found: GuaranteeRecord, event: Event, said: str
) -> GuaranteeRecord:
    after = queries.store_moved(tx.db, moved(found, event, tx.now), actor.id)
    data = {"guarantee": found.id, "bidder": found.bidder_uscc}
    tx.record(_stream(found.lot_id), f"deposits:guarantee:{said}", actor, data)
    return after


# --- Tasks --------------------------------------------------------------------------------


def demand_task(desk: IssuersDesk) -> tasks.Handler:
    """The handler of DEMAND_TASK: sends a demand to its issuer. A silent one gets it again in an
    hour, with the same key; one that will not take it leaves it UNHEARD."""

    def handle(office: Office, args: Mapping[str, Any]) -> tasks.Write:
        key, tries = str(args["demand"]), int(args["tries"])
        with office.read() as db:
            made = queries.demand(db, key)
            code = guarantee(db, made.guarantee_id).code if made else ""
        if made is None or made.state is not DemandState.MADE:
            return lambda tx: None
        outcome = DemandState.SENT
        try:
            desk.demand(
                DemandOrder(
                    key=key,
                    issuer_uscc=made.issuer_uscc,
                    number=made.number,
                    code=code,
                    amount=made.amount,
                    ground=made.ground,
                    statement=made.clause or made.article,
                    proof_sha256=made.document_sha256,
                    to_account=made.to_account,
                    at=office.clock.now(),
                )
            )
        except IssuerSilent:
            outcome = DemandState.MADE if tries < SENT_MAX else DemandState.UNHEARD
        except Refusal:
            outcome = DemandState.UNHEARD

        def write(tx: Tx) -> None:
            now = queries.demand(tx.db, key, lock=True)
            if now is None or now.state is not DemandState.MADE:
                return
            if outcome is DemandState.MADE:
                again = {"demand": key, "tries": tries + 1}
                tasks.enqueue(tx, DEMAND_TASK, again, tx.now + SEND_AGAIN)
                return
            queries.store_demand(tx.db, pure.moved(now, outcome))
            if outcome is DemandState.UNHEARD:
                record = locked(tx, now.guarantee_id)
                queries.store_moved(tx.db, moved(record, Event.WITHDRAW, tx.now), SYSTEM.id)
            else:
                again = {"issuer": now.issuer_uscc, "tries": 0}
                tasks.enqueue(tx, CALLS_TASK, again, tx.now + CALLS_AGAIN)

        return write

    return handle


def calls_task(desk: IssuersDesk) -> tasks.Handler:
    """The handler of CALLS_TASK: fetches the calls of an issuer that owes an answer."""

    def handle(office: Office, args: Mapping[str, Any]) -> tasks.Write:
        issuer_uscc, tries = str(args["issuer"]), int(args["tries"])
        with office.read() as db:
            last = registry_queries.last_call(db, issuer_uscc)
        try:
            called = desk.calls(issuer_uscc, last, office.clock.now())
        except (IssuerSilent, Refusal):
            called = ()

        def write(tx: Tx) -> None:
            take_calls(tx, called)
            if queries.has_open_demand(tx.db, issuer_uscc) and tries < FETCHED_MAX:
                again = {"issuer": issuer_uscc, "tries": tries + 1}
                tasks.enqueue(tx, CALLS_TASK, again, tx.now + CALLS_AGAIN)

        return write

    return handle


def end_task(_: Office, args: Mapping[str, Any]) -> tasks.Write:
    """The handler of END_TASK."""

    def write(tx: Tx) -> None:
        end(tx, SYSTEM, str(args["guarantee"]))

    return write


def handlers(desk: IssuersDesk) -> Mapping[str, tasks.Handler]:
    """The handlers of this module's tasks, bound to the issuers' desk."""
    return {
        DEMAND_TASK: demand_task(desk),
        CALLS_TASK: calls_task(desk),
        END_TASK: end_task,
    }


def _stream(lot_id: str) -> str:
    return f"lot/{lot_id}"
