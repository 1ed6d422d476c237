"""Registers at work: a file is tried, and taken in as a whole or not at all.

On a page a file has two steps, as a list of experts has: the first keeps it and says what it would do
(`keep`, `waiting`), the second reads the kept file again, against what is known then (`take_kept`). What
is done has to be what was looked at. Each act is recorded by the service that does it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from api.registers import queries
from api.registers.kinds import REGISTERS
from api.registers.register import Effect, Plan, Register
from api.registers.tables import RegisterFileRow
from archive.actor import Actor, Role
from archive.errors import Fault, Kind, Refusal
from archive.office import Tx
from trading.calendar.legal import legal_day

WAITING_MAX = 20


@dataclass(frozen=True)
class Waiting:
    """A file that waits for its second step, and what it would do now."""

    id: str
    register: Register
    sent_at: datetime
    actor_id: str
    plan: Plan


def register(name: str) -> Register:
    """Refuses NOT_FOUND."""
    if name not in REGISTERS:
        raise Refusal("api.register.unknown", {"name": name[:40]}, Kind.NOT_FOUND)
    return REGISTERS[name]


def plan(db: Session, name: str, content: bytes, today: date) -> Plan:
    """What a file would do; nothing is stored."""
    return register(name).plan(db, today, content)


def take(tx: Tx, actor: Actor, name: str, content: bytes, *, may_change: bool) -> Plan:
    """Take a file in; what was done. A file that says nothing new does nothing. Refuses INVALID with
    every fault by its row, CONFLICT where it would change what is known and `may_change` is not said."""
    actor.must_be(Role.OPERATOR, Role.SYSTEM)
    found = plan(tx.db, name, content, legal_day(tx.now))
    if found.faults:
        raise Refusal(
            "api.register.invalid",
            {"count": len(found.faults)},
            faults=tuple(
                Fault(f"/{one.row}/{one.column}", one.fault.code, one.fault.params, one.fault.rule)
                for one in found.faults
            ),
        )
    if found.is_change and not may_change:
        count = found.count(Effect.CHANGED) + found.count(Effect.GONE)
        raise Refusal("api.register.changes", {"count": count}, Kind.CONFLICT)
    try:
        register(name).take(tx, actor, found)
        tx.db.flush()
    except IntegrityError:  # somebody entered the same at the same moment
        raise Refusal("api.register.moved", {}, Kind.CONFLICT) from None
    return found


# --- In two steps -------------------------------------------------------------------------


def keep(tx: Tx, actor: Actor, name: str, content: bytes) -> str:
    """Keep a file to be looked at; its id."""
    actor.must_be(Role.OPERATOR)
    register(name)
    for old in queries.waiting(tx.db)[WAITING_MAX - 1 :]:
        tx.db.delete(old)
    row = RegisterFileRow(
        id=tx.new_id(), kind=name, actor_id=actor.id, sent_at=tx.now, content=content
    )
    tx.db.add(row)
    tx.db.flush()
    return row.id


def waiting(db: Session, file_id: str, today: date) -> Waiting:
    """A kept file and what it would do now; NOT_FOUND."""
    row = _one(db, file_id)
    found = plan(db, row.kind, row.content, today)
    return Waiting(row.id, register(row.kind), row.sent_at, row.actor_id, found)


def take_kept(tx: Tx, actor: Actor, file_id: str, seen: str) -> Plan:
    """Take a kept file in, with its changes. `seen`: the digest of the plan that was looked at; CONFLICT
    where the file would do something else by now."""
    row = _one(tx.db, file_id)
    if plan(tx.db, row.kind, row.content, legal_day(tx.now)).digest != seen:
        raise Refusal("api.register.moved", {}, Kind.CONFLICT)
    done = take(tx, actor, row.kind, row.content, may_change=True)
    tx.db.delete(row)
    return done


def drop(tx: Tx, actor: Actor, file_id: str) -> str:
    """Forget a kept file; the register it was for."""
    actor.must_be(Role.OPERATOR)
    row = _one(tx.db, file_id)
    tx.db.delete(row)
    return row.kind


def _one(db: Session, file_id: str) -> RegisterFileRow:
    row = queries.one(db, file_id)
    if row is None:
        raise Refusal("api.register.no_file", {}, Kind.NOT_FOUND)
    return row
