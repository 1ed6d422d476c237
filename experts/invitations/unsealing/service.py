"""The list of a committee by name: sealed to the day of the evaluation, opened by two, each look kept.

When a committee is complete its list is sealed in the envelope of `archive.sealing`: readable with the
custodian's key of this list, which he hands out from the hour of the rule on and not before, together
with the half that the calling service keeps (sealed at rest). Neither opens it alone.

    ask       staff of the centre, from the hour on
    consent   the administrative supervisor whom the request names, another person: the list is opened,
              and must be that of those who sit
    view      either of the two parties; each look is an entry `experts:names:viewed`

Before it is opened, people see seat codes. A committee that changes afterwards is seen as it is: what
was opened is the draw's list, and each further look is kept like the first.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import Session

from archive import canonical
from archive.actor import Actor, Role
from archive.custody import Custodian
from archive.errors import Kind, Refusal
from archive.journal.entry import moment_text
from archive.office import Office, Tx, keeper_of
from archive.sealing import open_inner, open_outer, seal
from archive.tasks.service import Handler, Write
from experts.conflicts.context import Side
from experts.draws import queries as draw_queries
from experts.draws.request import State
from experts.draws.tables import DrawRow
from experts.invitations import names, queries
from experts.invitations.course import service as course
from experts.invitations.tables import DrawNamesRow
from experts.pool import service as pool
from trading.calendar.legal import legal_day
from trading.regime import Regime
from trading.rules.book import book

RULE = "names.opened_minutes_before"
KIND = "committee_names"


@dataclass(frozen=True)
class Named:
    """A member of a committee by name."""

    seat_code: str
    specialty: str
    expert_id: str
    name: str


@dataclass(frozen=True)
class Standing:
    """Where the list of a draw stands; `from_at` is the hour before which nobody opens it."""

    is_sealed: bool
    from_at: datetime
    asked_by: str
    asked_at: datetime | None
    opened_by: str
    opened_at: datetime | None

    @property
    def is_open(self) -> bool:
        return self.opened_at is not None


def seal_task(custodian: Custodian) -> Handler:
    """Task: seal the list of a committee that is complete. Where it changed meanwhile, the task of
    the next completion seals it."""

    def handle(_office: Office, args: Mapping[str, Any]) -> Write:
        return lambda tx: seal_list(tx, args["draw"], custodian)

    return handle


def seal_list(tx: Tx, draw_id: str, custodian: Custodian) -> None:
    """Seal the list as the committee sits now."""
    row = course.locked(tx, draw_id)
    if row.state != State.SEATED:
        return
    subject = _subject(draw_id)
    content = canonical.encode(_list(tx.db, row))
    kept = queries.names(tx.db, draw_id)
    version = kept.version + 1 if kept else 1
    sealed = seal(
        custodian.public_key(subject), subject, KIND, draw_id, version, content, tx.entropy
    )
    half = keeper_of(tx.db).seal(f"{subject}/{version}", sealed.bidder_half)
    if kept is None:
        kept = DrawNamesRow(draw_id=draw_id, version=version, cell=sealed.cell, half=half)
    kept.version, kept.cell, kept.half = version, sealed.cell, half
    tx.db.add(kept)
    tx.db.flush()


def standing(db: Session, draw_id: str) -> Standing:
    """Where the list stands."""
    row = course.known(draw_queries.draw(db, draw_id), draw_id)
    kept = queries.names(db, draw_id)
    if kept is None:
        return Standing(False, _from_at(row), "", None, "", None)
    return Standing(
        True, _from_at(row), kept.asked_by, kept.asked_at, kept.opened_by, kept.opened_at
    )


def ask(tx: Tx, actor: Actor, draw_id: str) -> Standing:
    """Staff of the centre ask that the list be opened. TOO_EARLY before its hour, CONFLICT while the
    committee is not complete."""
    actor.must_be(Role.STAFF)
    row = course.locked(tx, draw_id)
    _must_serve(actor, row)
    kept = _kept(tx, row)
    if not kept.asked_by:
        kept.asked_by, kept.asked_at = actor.id, tx.now
        tx.db.add(kept)
        tx.db.flush()
        tx.record(f"draw/{draw_id}", "experts:names:asked", actor, {})
    return standing(tx.db, draw_id)


def consent(tx: Tx, actor: Actor, draw_id: str, custodian: Custodian) -> Standing:
    """The supervisor consents, and the list is opened. FORBIDDEN for the person who asked, CONFLICT
    before anybody has asked."""
    actor.must_be(Role.SUPERVISOR)
    row = course.locked(tx, draw_id)
    _must_watch(actor, row)
    kept = _kept(tx, row)
    if not kept.asked_by:
        raise Refusal("experts.names.not_asked", {}, Kind.CONFLICT)
    actor.must_not_be(kept.asked_by)
    if kept.opened_at is None:
        told = _opened(tx, row, kept, custodian)
        if told != _list(tx.db, row):  # a seat was filled anew, and the list is being sealed again
            raise Refusal("experts.names.other_list", {}, Kind.CONFLICT)
        kept.opened_by, kept.opened_at = actor.id, tx.now
        tx.db.add(kept)
        tx.db.flush()
        data = {"asked_by": kept.asked_by, "members": len(told["members"])}
        tx.record(f"draw/{draw_id}", "experts:names:opened", actor, data)
    return standing(tx.db, draw_id)


def view(tx: Tx, actor: Actor, draw_id: str) -> tuple[Named, ...]:
    """The members by name, by seat, for one of the two parties; the look is kept on the record."""
    actor.must_be(Role.STAFF, Role.SUPERVISOR)
    row = course.locked(tx, draw_id)
    if Role.STAFF in actor.roles:
        _must_serve(actor, row)
    else:
        _must_watch(actor, row)
    kept = queries.names(tx.db, draw_id)
    if kept is None or kept.opened_at is None:
        raise Refusal("experts.names.sealed", {}, Kind.CONFLICT)
    found = [Named(*member) for member in _list(tx.db, row)["members"]]
    seats = [member.seat_code for member in found]
    tx.record(f"draw/{draw_id}", "experts:names:viewed", actor, {"seats": seats})
    return tuple(found)


def is_open(db: Session, draw_id: str) -> bool:
    """Whether the list was opened."""
    kept = queries.names(db, draw_id)
    return kept is not None and kept.opened_at is not None


def _list(db: Session, row: DrawRow) -> dict[str, Any]:
    keeper = keeper_of(db)
    members = []
    for member in queries.members(db, row.id):
        if not member.left_for:
            expert_id = names.open_name(keeper, row.id, member.leaf, member.name)
            name = pool.expert(db, expert_id).name
            members.append([member.seat_code, member.specialty, expert_id, name])
    return {"draw": row.id, "members": members}


def _opened(tx: Tx, row: DrawRow, kept: DrawNamesRow, custodian: Custodian) -> dict[str, Any]:
    subject = _subject(row.id)
    key = custodian.private_key(subject, _from_at(row), tx.now)
    outer = open_outer(key, subject, kept.cell)
    assert outer is not None, "sealed to this custodian"
    half = keeper_of(tx.db).unseal(f"{subject}/{kept.version}", kept.half)
    told: dict[str, Any] = canonical.decode(open_inner(outer, half))
    return told


def _kept(tx: Tx, row: DrawRow) -> DrawNamesRow:
    """The list, where it may be opened now."""
    if tx.now < (earliest := _from_at(row)):
        params = {"from_at": moment_text(earliest)}
        raise Refusal("experts.names.too_early", params, Kind.TOO_EARLY, rule=RULE)
    kept = queries.names(tx.db, row.id)
    if kept is None or row.state not in (State.SEATED, State.CLOSED):
        raise Refusal("experts.names.incomplete", {}, Kind.CONFLICT)
    return kept


def _from_at(row: DrawRow) -> datetime:
    request = canonical.decode(row.request)
    on = legal_day(row.evaluation_at)
    rule = book().rule(RULE, on, Regime(request["regime"]), request["division"])
    return row.evaluation_at - timedelta(minutes=rule.number)


def _must_serve(actor: Actor, row: DrawRow) -> None:
    if actor.centre_id not in ("", row.centre_id):
        raise Refusal("experts.names.other_party", {"draw": row.id}, Kind.FORBIDDEN)


def _must_watch(actor: Actor, row: DrawRow) -> None:
    parties = canonical.decode(row.context)["parties"]
    supervisor = next(uscc for side, uscc in parties if side == Side.SUPERVISOR)
    if actor.party_id != supervisor:
        raise Refusal("experts.names.other_party", {"draw": row.id}, Kind.FORBIDDEN)


def _subject(draw_id: str) -> str:
    return f"names/{draw_id}"
