"""Guarantees in force get a later end (展期): whoever has a part in it asks, the issuer names its price, the
bidder pays it, and the issuer signs the guarantee anew.

The issuer is never called inside a transaction. The payment is committed before the issuer hears of it
and is taken together with the extension, once however often it is asked; what the issuer signs must be
the same guarantee in all but its end.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from datetime import date
from typing import Any

from sqlmodel import Session

from archive.actor import SYSTEM, Actor, Role
from archive.errors import Kind, Reason, Refusal
from archive.office import Office, Tx
from archive.tasks import service as tasks
from deposits.guarantees import queries
from deposits.guarantees.checks import readable
from deposits.guarantees.document import SignedGuarantee
from deposits.guarantees.extending.endorsement import Endorsement, EndorsementState, moved
from deposits.guarantees.record import GuaranteeRecord, Promise
from deposits.guarantees.restoring.service import keep
from deposits.guarantees.service import ASK_AGAIN, ASKED_MAX, await_end, locked
from deposits.guarantees.states import IN_FORCE, Event
from deposits.issuers import service as registry
from deposits.issuers.desk import (
    IssuersDesk,
    IssuerSilent,
    IssuerWhy,
    Restored,
    extension_premium,
)
from deposits.service import lot_to_settle
from trading.acting import must_act_for
from trading.money import Money
from trading.parties import service as parties

PRICE_TASK = "deposits.price_extension"
EXTEND_TASK = "deposits.extend_guarantee"
_NOT_EXTENDED = "deposits.note.not_extended"
_S = EndorsementState


def extend(tx: Tx, actor: Actor, guarantee_id: str, until: date) -> Endorsement:
    """Ask the issuer for a later end (条例 第二十六条: the deposit holds as long as the bid). A task asks
    it for its price. The bidder himself may ask, too.

    Refuses FORBIDDEN who has no part in it; CONFLICT where it is not in force, its issuer is not linked,
    or an extension is paid already; INVALID an end that is not later.
    """
    found = locked(tx, guarantee_id)
    if Role.BIDDER in actor.roles:
        must_act_for(actor, found.bidder_uscc)
    else:
        lot_to_settle(tx.db, actor, found.lot_id)
    promise = _in_force(found)
    if not found.code:
        raise Refusal("deposits.guarantee.not_linked", {}, Kind.CONFLICT)
    _must_be_later(until, promise.valid_to)
    before = queries.endorsement(tx.db, guarantee_id)
    if before is not None and before.state is _S.PAYING:
        raise Refusal("deposits.endorsement.state", {"state": before.state}, Kind.CONFLICT)
    made = Endorsement(guarantee_id, until, actor.id, tx.now)
    queries.store_endorsement(tx.db, made)
    _record(tx, actor, found, "extension_asked", until=until.isoformat())
    tasks.enqueue(tx, PRICE_TASK, _args(made))
    return made


def pay(tx: Tx, actor: Actor, guarantee_id: str) -> Endorsement:
    """The bidder pays what the issuer asks for the later end, from his basic account. Refuses FORBIDDEN
    anybody else, CONFLICT where nothing is to be paid, the guarantee is over, or no account is known."""
    actor.must_be(Role.BIDDER)
    found = locked(tx, guarantee_id)
    must_act_for(actor, found.bidder_uscc)
    _in_force(found)
    asked = queries.endorsement(tx.db, guarantee_id)
    if asked is None or asked.state is not _S.QUOTED or asked.price is None:
        raise Refusal("deposits.endorsement.nothing", {}, Kind.CONFLICT)
    account = parties.organisation(tx.db, found.bidder_uscc).basic_account
    if not account:
        raise Refusal("deposits.endorsement.no_account", {}, Kind.CONFLICT)
    paid = replace(moved(asked, _S.PAYING), account=account, paid_at=tx.now)
    queries.store_endorsement(tx.db, paid)
    price = asked.price.fen
    _record(tx, actor, found, "extension_paid", until=asked.until.isoformat(), price_fen=price)
    tasks.enqueue(tx, EXTEND_TASK, _args(paid))
    return paid


def endorsements(db: Session, guarantee_ids: Collection[str]) -> Mapping[str, Endorsement]:
    """The last asking for each of these guarantees, where there was one."""
    return {made.guarantee_id: made for made in queries.endorsements(db, guarantee_ids)}


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
    after = keep(tx, actor, record, said, Event.EXTEND)
    after = replace(after, notes=_without_refusal(after))
    queries.store(tx.db, after)
    await_end(tx, after)
    tx.db.flush()
    data = {
        "guarantee": record.id,
        "bidder": record.bidder_uscc,
        "valid_to": new.valid_to.isoformat(),
    }
    stream = f"lot/{record.lot_id}"
    tx.record(stream, "deposits:guarantee:extended", actor, data, (after.document,))
    return after


def _in_force(record: GuaranteeRecord) -> Promise:
    if record.state not in IN_FORCE or record.promise is None:
        params = {"state": record.state, "event": Event.EXTEND}
        raise Refusal("deposits.guarantee.event", params, Kind.CONFLICT)
    return record.promise


def _must_be_later(until: date, valid_to: date) -> None:
    if until <= valid_to:
        params = {"until": until.isoformat(), "valid_to": valid_to.isoformat()}
        raise Refusal("deposits.guarantee.extension", params)


def _without_refusal(record: GuaranteeRecord) -> tuple[Reason, ...]:
    """The notes but what an issuer said to an earlier asking."""
    return tuple(note for note in record.notes if note.code != _NOT_EXTENDED)


def _args(made: Endorsement, tries: int = 0) -> dict[str, Any]:
    return {"guarantee": made.guarantee_id, "until": made.until.isoformat(), "tries": tries}


def _record(tx: Tx, actor: Actor, record: GuaranteeRecord, what: str, **more: str | int) -> None:
    data = {"guarantee": record.id, "bidder": record.bidder_uscc, **more}
    tx.record(f"lot/{record.lot_id}", f"deposits:guarantee:{what}", actor, data)


def _said_no(tx: Tx, asked: Endorsement, code: str, shown: str) -> None:
    """The issuer will not extend it: put down, and noted at the guarantee."""
    record = locked(tx, asked.guarantee_id)
    _record(tx, SYSTEM, record, "extension_refused", why=code)
    queries.store_endorsement(tx.db, moved(asked, _S.REFUSED))
    note = Reason(_NOT_EXTENDED, {"until": asked.until.isoformat(), "why": shown})
    queries.store(tx.db, replace(record, notes=(*_without_refusal(record), note)))


# --- Tasks --------------------------------------------------------------------------------


def _asking(
    task: str,
    state: EndorsementState,
    ask: Callable[[Office, GuaranteeRecord, Endorsement], Any],
    take: Callable[[Tx, Endorsement, Any], None],
) -> tasks.Handler:
    """A handler that asks an issuer about an endorsement in that state, again in an hour where it is
    silent, and takes its answer; a no ends the endorsement. Of another day, or further on, nothing."""

    def handle(office: Office, args: Mapping[str, Any]) -> tasks.Write:
        guarantee_id, tries = str(args["guarantee"]), int(args["tries"])

        def current(db: Session) -> Endorsement | None:
            found = queries.endorsement(db, guarantee_id)
            is_this = found is not None and found.until.isoformat() == args["until"]
            return found if is_this and found is not None and found.state is state else None

        with office.read() as db:
            asked, record = current(db), queries.by_id(db, guarantee_id)
        if asked is None or record is None or record.promise is None:
            return lambda tx: None
        answer, why, is_silent = None, "", False
        try:
            answer = ask(office, record, asked)
        except Refusal as refusal:
            why = str(refusal.params.get("why", refusal.code))[:60]
        except IssuerSilent:
            is_silent = True

        def write(tx: Tx) -> None:
            held = locked(tx, guarantee_id)
            now = current(tx.db)
            if now is None:
                return
            # What was paid is asked for as long as the guarantee lasts: nobody could ask again.
            is_owed = state is _S.PAYING and held.state in IN_FORCE
            if is_silent and (tries < ASKED_MAX or is_owed):
                tasks.enqueue(tx, task, _args(now, tries + 1), tx.now + ASK_AGAIN)
            elif why:
                _said_no(tx, now, why, why)
            elif not is_silent:
                take(tx, now, answer)

        return write

    return handle


def price_task(desk: IssuersDesk) -> tasks.Handler:
    """The handler of PRICE_TASK: the issuer's price, which may not be above its table's."""

    def ask(office: Office, record: GuaranteeRecord, asked: Endorsement) -> Money:
        promise, now = record.promise, office.clock.now()
        assert promise is not None, "in force"
        issuer, number = promise.issuer_uscc, promise.number
        price = desk.price_extension(issuer, number, record.code, asked.until, now)
        offers = (offer for offer in desk.offers(now) if offer.issuer_uscc == issuer)
        offer = next(offers, None)
        days = (asked.until - promise.valid_to).days
        if offer is None or price.fen > extension_premium(offer, promise.amount, days).fen:
            raise Refusal("deposits.endorsement.price", {"why": IssuerWhy.PRICE}, Kind.CONFLICT)
        return price

    def take(tx: Tx, asked: Endorsement, price: Money) -> None:
        state = _S.QUOTED if price else _S.PAYING
        quoted = replace(moved(asked, state), price=price)
        queries.store_endorsement(tx.db, quoted)
        record = locked(tx, asked.guarantee_id)
        until = asked.until.isoformat()
        _record(tx, SYSTEM, record, "extension_priced", until=until, price_fen=price.fen)
        if not price:
            tasks.enqueue(tx, EXTEND_TASK, _args(quoted))

    return _asking(PRICE_TASK, _S.ASKED, ask, take)


def extend_task(desk: IssuersDesk) -> tasks.Handler:
    """The handler of EXTEND_TASK: pays the price, and the issuer extends."""

    def ask(office: Office, record: GuaranteeRecord, paid: Endorsement) -> Restored:
        promise = record.promise
        assert promise is not None, "in force"
        assert paid.price is not None, "priced"
        return desk.extend(
            promise.issuer_uscc,
            promise.number,
            record.code,
            paid.until,
            paid.price,
            paid.account,
            office.clock.now(),
        )

    def take(tx: Tx, paid: Endorsement, said: Restored) -> None:
        try:
            record_extended(tx, SYSTEM, paid.guarantee_id, said)
        except Refusal as refusal:
            _said_no(tx, paid, refusal.code, IssuerWhy.DOCUMENT)
        else:
            queries.store_endorsement(tx.db, moved(paid, _S.DONE))

    return _asking(EXTEND_TASK, _S.PAYING, ask, take)


def handlers(desk: IssuersDesk) -> Mapping[str, tasks.Handler]:
    """The handlers of this module's tasks, bound to the issuers' desk."""
    return {PRICE_TASK: price_task(desk), EXTEND_TASK: extend_task(desk)}
