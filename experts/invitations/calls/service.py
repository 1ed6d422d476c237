"""Calls at work: a batch is handed to the calling service by a task, replies come back signed.

The batch is committed before anybody is called: its task is written in the transaction that opens the
round, and so is the task that settles it at the deadline. Our clock judges: a reply counts when it
arrives before the deadline, whatever it says of itself. The first answer of a person stands; the same
again is nothing new, another one is noted and changes nothing. A service that does not take the orders
is asked again each minute, and the deadline moves with it (`EXTENDED`, at most three times): nobody is
silent who was never called.

Who has no telephone number here answers in the application alone. Numbers are sealed at rest.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, TypeAlias

from sqlmodel import Session

from archive.actor import SYSTEM, Actor, Role
from archive.errors import Kind, Refusal
from archive.journal import service as journal
from archive.office import Office, Tx, keeper_of
from archive.tasks.service import Handler, Write, enqueue
from experts.draws import queries as draw_queries
from experts.draws.request import State
from experts.draws.tables import DrawRow
from experts.invitations import names, queries
from experts.invitations.answers import Channel
from experts.invitations.course import service as course
from experts.invitations.course.service import CALL_TASK, Invited
from experts.invitations.gateway import Gateway, Order, OrderKind, Reply, Said
from experts.invitations.rounds import service as rounds
from experts.invitations.tables import DrawCallRow, DrawInvitationRow

RETRY = timedelta(minutes=1)
LINE_CHARACTERS_MAX = 24
ORDER_CHARACTERS = 32


class Taken(StrEnum):
    """What became of a reply."""

    TAKEN = "taken"
    NOTED = "noted"  # nobody took the call
    KNOWN = "known"  # the same was said before
    CONTRADICTED = "contradicted"  # something else was said before, and stands
    LATE = "late"
    UNKNOWN = "unknown"  # no order of ours


RECORDED: Mapping[Taken, str] = {
    Taken.LATE: "experts:reply:late",
    Taken.CONTRADICTED: "experts:reply:contradicted",
}
"""Under which action a reply that does not count stands on the stream of its draw."""


# --- Telephone numbers ------------------------------------------------------------------------


def set_lines(tx: Tx, actor: Actor, lines: Mapping[str, str]) -> None:
    """Keep under which number each expert is called, by expert id. INVALID for what is no number."""
    actor.must_be(Role.STAFF, Role.SYSTEM)
    for line in lines.values():
        if not (line.isascii() and line.isdigit() and len(line) <= LINE_CHARACTERS_MAX):
            raise Refusal("experts.line.form", {"count_max": LINE_CHARACTERS_MAX})
    keeper = keeper_of(tx.db)
    rows = []
    for expert_id, line in lines.items():
        sealed = keeper.seal_short(f"line/{expert_id}", line)
        rows.append({"expert_id": expert_id, "line": sealed})
    queries.set_lines(tx.db, rows)
    tx.record("pool", "experts:lines:set", actor, {"count": len(rows)})


def _lines(db: Session, expert_ids: Sequence[str]) -> dict[str, str]:
    keeper = keeper_of(db)
    return {
        row.expert_id: keeper.unseal_short(f"line/{row.expert_id}", row.line)
        for row in queries.lines(db, expert_ids)
    }


# --- Handing over -------------------------------------------------------------------------------


Wording: TypeAlias = Callable[[Invited], str]


def call_task(gateway: Gateway | None, text: Wording) -> Handler:
    """Task: hand the calls of a round to the calling service. `text` words a call."""

    def handle(office: Office, args: Mapping[str, Any]) -> Write:
        with office.read() as db:
            row = draw_queries.draw(db, args["draw"])
            assert row is not None, "a task names a draw that is there"
            orders = _orders(db, row, args["round"], office.clock.now(), text)
        if gateway is None or not orders:
            return _nothing
        try:
            gateway.place(list(orders.values()))
        except Refusal as refusal:
            if refusal.kind is not Kind.UNAVAILABLE:
                raise
            return lambda tx: _failed(tx, args, orders)
        return lambda tx: _handed(tx, args, orders)

    return handle


def _nothing(_tx: Tx) -> None:
    return None


def _orders(
    db: Session, row: DrawRow, round_number: int, now: datetime, text: Wording
) -> dict[str, Order]:
    """The calls of a round that were not handed over yet, by pseudonym."""
    if row.state != State.INVITING or row.round != round_number or row.answers_until is None:
        return {}
    handed = {call.leaf for call in queries.calls(db, row.id, round_number) if call.handed_at}
    asked: dict[str, DrawInvitationRow] = {}
    for item in queries.invitations(db, row.id, round_number):
        if not item.answer and item.leaf not in handed:
            asked.setdefault(item.leaf, item)
    invited = {leaf: course.invited_of(db, item, row) for leaf, item in asked.items()}
    lines = _lines(db, [one.expert_id for one in invited.values()])
    return {
        leaf: Order(
            order_id(db, row.id, round_number, leaf),
            OrderKind.CALL,
            lines[one.expert_id],
            text(one),
            now,
            row.answers_until,
        )
        for leaf, one in sorted(invited.items())
        if one.expert_id in lines
    }


def order_id(db: Session, draw_id: str, round_number: int, leaf: str) -> str:
    """The number of an order: the same for the same call, and nothing follows from it."""
    found = keeper_of(db).tag("call", f"{draw_id} {round_number} {leaf}")
    return found[:ORDER_CHARACTERS]


def messages(
    db: Session, draw_id: str, texts: Mapping[str, tuple[str, str]], now: datetime
) -> list[Order]:
    """Short messages to experts of a draw, for those who have a number: (what it is about, text) by
    expert. The same text about the same thing is one order, however often it is asked for."""
    lines = _lines(db, sorted(texts))
    keeper = keeper_of(db)
    return [
        Order(
            keeper.tag("message", f"{draw_id} {expert_id} {about} {text}")[:ORDER_CHARACTERS],
            OrderKind.MESSAGE,
            lines[expert_id],
            text,
            now,
            now,
        )
        for expert_id, (about, text) in sorted(texts.items())
        if expert_id in lines
    ]


def _keep(tx: Tx, args: Mapping[str, Any], orders: Mapping[str, Order], at: datetime | None) -> int:
    """Keep which calls were ordered; how many were not handed over before."""
    known = {call.leaf: call for call in queries.calls(tx.db, args["draw"], args["round"])}
    new = 0
    for leaf, order in orders.items():
        call = known.get(leaf) or DrawCallRow(
            id=order.id, draw_id=args["draw"], round=args["round"], leaf=leaf
        )
        new += call.handed_at is None
        call.handed_at = call.handed_at or at
        tx.db.add(call)
    tx.db.flush()
    return new


def _handed(tx: Tx, args: Mapping[str, Any], orders: Mapping[str, Order]) -> None:
    course.locked(tx, args["draw"])
    new = _keep(tx, args, orders, tx.now)
    data = {"round": args["round"], "calls": new}
    tx.record(f"draw/{args['draw']}", "experts:calls:handed_over", SYSTEM, data)


def _failed(tx: Tx, args: Mapping[str, Any], orders: Mapping[str, Order]) -> None:
    row = course.locked(tx, args["draw"])
    first = not queries.calls(tx.db, row.id, args["round"])
    _keep(tx, args, orders, None)
    if first:
        data = {"round": args["round"], "calls": len(orders)}
        tx.record(f"draw/{row.id}", "experts:calls:not_taken", SYSTEM, data)
    if row.state == State.INVITING and row.round == args["round"]:
        enqueue(tx, CALL_TASK, args, tx.now + RETRY)


# --- Replies --------------------------------------------------------------------------------------


def take_replies(tx: Tx, replies: Sequence[Reply], body: bytes) -> tuple[Taken, ...]:
    """Take the replies of one signed message, each for itself, in their order. `body` is the message
    as it was signed: its digest is the evidence of the answers."""
    evidence = hashlib.sha256(body).hexdigest()
    return tuple(_take(tx, reply, evidence) for reply in replies)


def _take(tx: Tx, reply: Reply, evidence: str) -> Taken:
    call = queries.call(tx.db, reply.order)
    if call is None:
        return Taken.UNKNOWN
    if reply.said is Said.NO_ANSWER:
        return Taken.NOTED
    row = course.locked(tx, call.draw_id)
    call = queries.call(tx.db, reply.order, fresh=True)
    assert call is not None, "calls are never deleted"
    if call.reply:
        return _again(tx, call, reply)
    found = {item.leaf: item for item in queries.invitations(tx.db, row.id, call.round)}
    item = found[call.leaf]
    expert_id = names.open_name(keeper_of(tx.db), row.id, item.leaf, item.name)
    taken = _answer(tx, row, call, expert_id, reply.said is Said.ACCEPT, evidence)
    call.reply, call.replied_at = reply.said.value, tx.now
    tx.db.add(call)
    tx.db.flush()
    return taken


def _answer(
    tx: Tx, row: DrawRow, call: DrawCallRow, expert_id: str, accepted: bool, evidence: str
) -> Taken:
    """The answer of a call. Who accepts while another evaluation holds him has declined: the rule
    decides, and a telephone cannot explain itself."""
    try:
        if row.round != call.round:
            raise Refusal("experts.invitation.late", {}, Kind.TOO_LATE)
        rounds.answer(tx, SYSTEM, row.id, expert_id, accepted, Channel.PHONE, evidence)
    except Refusal as refusal:
        if refusal.code == "experts.invitation.engaged":
            rounds.answer(tx, SYSTEM, row.id, expert_id, False, Channel.PHONE, evidence)
            return Taken.TAKEN
        if refusal.code == "experts.invitation.answered":
            return _other(tx, call, accepted)
        if refusal.kind is Kind.TOO_LATE or refusal.code == "experts.draw.state":
            data = {"round": call.round, "order": call.id}
            tx.record(f"draw/{row.id}", RECORDED[Taken.LATE], SYSTEM, data)
            return Taken.LATE
        raise
    return Taken.TAKEN


def _other(tx: Tx, call: DrawCallRow, accepted: bool) -> Taken:
    """He has answered in the application before: the same, or something else."""
    stands = next(
        item.answer
        for item in queries.invitations(tx.db, call.draw_id, call.round)
        if item.leaf == call.leaf
    )
    return _note(tx, call, is_same=accepted == (stands == "YES"))


def _again(tx: Tx, call: DrawCallRow, reply: Reply) -> Taken:
    return _note(tx, call, is_same=call.reply == reply.said.value)


def _note(tx: Tx, call: DrawCallRow, *, is_same: bool) -> Taken:
    if is_same:
        return Taken.KNOWN
    data = {"round": call.round, "order": call.id}
    tx.record(f"draw/{call.draw_id}", RECORDED[Taken.CONTRADICTED], SYSTEM, data)
    return Taken.CONTRADICTED


@dataclass(frozen=True)
class Doubt:
    """A reply of the calling service that did not count, by our clock: it came too late, or it says
    something else than the answer that stands. `what`: LATE or CONTRADICTED; `order`: the call, by
    which the service knows it."""

    at: datetime
    round: int
    order: str
    what: Taken


def doubts(db: Session, draw_id: str) -> tuple[Doubt, ...]:
    """The replies that did not count, in the order in which they came."""
    kinds = {RECORDED[what]: what for what in RECORDED}
    return tuple(
        Doubt(entry.at, entry.data["round"], entry.data["order"], kinds[entry.action])
        for entry in journal.entries_of(db, f"draw/{draw_id}", sorted(kinds))
    )


# --- The deadline -----------------------------------------------------------------------------------


def settle_task(_office: Office, args: Mapping[str, Any]) -> Write:
    """Task: settle a round when its time is over, or when all have answered. A round that is settled
    already, or whose deadline has moved, is left alone."""

    def write(tx: Tx) -> None:
        row = course.locked(tx, args["draw"])
        if row.state != State.INVITING or row.round != args["round"]:
            return
        assert row.answers_until is not None, "an open round has an end"
        asked = queries.invitations(tx.db, row.id, row.round)
        if tx.now < row.answers_until and not all(item.answer for item in asked):
            return
        open_now = {item.leaf for item in asked if not item.answer}
        waiting = [
            call.leaf
            for call in queries.calls(tx.db, row.id, row.round)
            if call.handed_at is None and call.leaf in open_now
        ]
        if waiting and course.extend(tx, SYSTEM, row):
            return
        rounds.settle(tx, SYSTEM, row.id)

    return write
