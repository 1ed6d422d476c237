"""After the draw: answers, seats, recusal at the opening, substitution.

Every function ends where the draw is complete again or a further batch is open; what happens is
decided in `experts.invitations.process`.
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlmodel import Session

from archive import canonical
from archive.actor import Actor, Role
from archive.errors import Kind, Reason, Refusal
from archive.journal.entry import moment_text
from archive.office import Tx, keeper_of
from archive.tasks.service import enqueue
from experts.conflicts.rules import conflicts, touched
from experts.draws.basis import service as basis
from experts.draws.leaves import salt_of as grounds_salt_of
from experts.draws.request import State
from experts.draws.tables import DrawRecheckRow, DrawRow
from experts.draws.transcript import seat_json
from experts.invitations import names, queries
from experts.invitations.answers import Channel, note_of, opened, salt_of, seal_of
from experts.invitations.course import service as course
from experts.invitations.course.service import SETTLE_TASK, Draw, Invited
from experts.invitations.process import Cause
from experts.invitations.tables import DrawMemberRow
from experts.pool import service as pool
from experts.suite import ALGORITHMS
from trading.calendar.legal import legal_day
from trading.regime import Regime
from trading.rules.book import book

BIDDERS_MAX = 2000


@dataclass(frozen=True)
class Recheck:
    """Who lost a seat, with the first reason; every conclusion of theirs is void."""

    removed: tuple[tuple[str, Reason], ...]
    draw: Draw


def answer(
    tx: Tx,
    actor: Actor,
    draw_id: str,
    expert_id: str,
    accepted: bool,
    channel: Channel = Channel.APP,
    evidence: str = "",
) -> Invited:
    """Take an invited expert's answer; it stands. From the expert, or from the calling service, with
    the digest of its signed message. When it is the last of the batch, settling is asked for.

    NOT_FOUND where he is not invited in the open round, TOO_LATE after its end, CONFLICT for a
    second answer, and for a yes from somebody whom another evaluation holds at that time.
    """
    actor.must_be(Role.EXPERT, Role.SYSTEM)
    if Role.SYSTEM not in actor.roles and actor.party_id != expert_id:
        raise Refusal("experts.invitation.not_yours", {}, Kind.FORBIDDEN)
    row = course.locked(tx, draw_id)
    keeper = keeper_of(tx.db)
    own = names.tag_of(keeper, expert_id, legal_day(row.evaluation_at))
    asked = [item for item in queries.invitations(tx.db, draw_id, row.round) if item.tag == own]
    if not asked:
        raise Refusal("experts.invitation.unknown", {}, Kind.NOT_FOUND)
    if row.state != State.INVITING or row.answers_until is None or tx.now >= row.answers_until:
        raise Refusal("experts.invitation.late", {}, Kind.TOO_LATE)
    if asked[0].answer:
        raise Refusal("experts.invitation.answered", {}, Kind.CONFLICT)
    if accepted:
        _must_be_free(tx, row, expert_id)
    leaf, key = asked[0].leaf, keeper.unseal(names.key_place(row.id), row.key)
    note = note_of(
        tx.log,
        draw=row.id,
        round=row.round,
        leaf=leaf,
        accepted=accepted,
        channel=channel,
        at=tx.now,
        evidence=evidence,
    )
    record = keeper.seal(names.record_place(row.id, row.round, leaf), note.encode())
    for item in asked:
        item.answer, item.answered_at = "YES" if accepted else "NO", tx.now
        item.record = record
        tx.db.add(item)
    tx.db.flush()
    pseudonym = Actor(f"leaf-{leaf[:16]}", actor.roles)
    data = {"round": row.round, "sealed": seal_of(salt_of(key, row.round, leaf), note)}
    tx.record(f"draw/{row.id}", "experts:invitation:answered", pseudonym, data)
    if all(item.answer for item in queries.invitations(tx.db, row.id, row.round)):
        enqueue(tx, SETTLE_TASK, {"draw": row.id, "round": row.round})
    return course.invited_of(tx.db, asked[0], row)


def answers_told(db: Session, row: DrawRow) -> list[Mapping[str, Any]]:
    """All answers of a draw with what opens their seals (`experts.invitations.answers`)."""
    keeper = keeper_of(db)
    key = keeper.unseal(names.key_place(row.id), row.key)
    found = {}
    for item in queries.invitations(db, row.id):
        if item.record:
            place = names.record_place(row.id, item.round, item.leaf)
            note = keeper.unseal(place, item.record).decode()
            found[item.round, item.leaf] = (salt_of(key, item.round, item.leaf), note)
    return opened(found.values())


def _must_be_free(tx: Tx, row: DrawRow, expert_id: str) -> None:
    """One expert, one evaluation at a time. The expert's row is locked first, so that two answers
    to two draws at the same moment cannot both be yes."""
    pool.lock(tx, expert_id)
    request = canonical.decode(row.request)
    rule = book().rule(
        "expert.evaluations_apart_hours",
        legal_day(tx.now),
        Regime(request["regime"]),
        request["division"],
    )
    apart = timedelta(hours=rule.number)
    tags = names.tags_around(keeper_of(tx.db), expert_id, row.evaluation_at, apart)
    for other in queries.engagements(tx.db, tags):
        if other.id != row.id and abs(other.evaluation_at - row.evaluation_at) < apart:
            raise Refusal(
                "experts.invitation.engaged", {"hours": rule.number}, Kind.CONFLICT, rule=rule.id
            )


def settle(tx: Tx, actor: Actor, draw_id: str) -> Draw:
    """End the open round: seats to the lowest ranks that accepted, a further batch while short.

    TOO_EARLY while somebody may still answer.
    """
    actor.must_be(Role.STAFF, Role.SYSTEM)
    row = course.locked(tx, draw_id, State.INVITING)
    asked = queries.invitations(tx.db, draw_id, row.round)
    assert row.answers_until is not None
    if tx.now < row.answers_until and not all(item.answer for item in asked):
        raise Refusal(
            "experts.round.open", {"until": moment_text(row.answers_until)}, Kind.TOO_EARLY
        )
    loaded = course.load(tx.db, row)
    board = loaded.board(row)
    answers = {item.leaf: item.answer == "YES" for item in asked if item.answer}
    process, settlement = board.settle(course.process_of(tx.db, row, loaded), answers)
    for item in asked:
        item.answer = item.answer or "SILENT"
        tx.db.add(item)
    keeper, day = keeper_of(tx.db), legal_day(row.evaluation_at)
    for seat in settlement.seated:
        expert_id = loaded.expert_of[seat.leaf]
        tx.db.add(
            DrawMemberRow(
                draw_id=row.id,
                seat_code=seat.code,
                round=row.round,
                specialty=seat.specialty,
                rank=seat.rank,
                leaf=seat.leaf,
                name=names.seal_name(keeper, row.id, seat.leaf, expert_id),
                tag=names.tag_of(keeper, expert_id, day),
            )
        )
    said = {
        "round": row.round,
        "accepted": list(settlement.accepted),
        "declined": list(settlement.declined),
        "silent": list(settlement.silent),
        "seated": [seat_json(seat) for seat in settlement.seated],
    }
    course.step(tx, actor, row, "SETTLED", said)
    course.go_on(tx, actor, row, loaded, board, process)
    return course.draw_of(row)


def recheck(tx: Tx, actor: Actor, draw_id: str, bidders: Sequence[str]) -> Recheck:
    """Judge recusal again with the bidders known: at the opening, and whenever data change.

    Every candidate who may still be called is judged; those in conflict are barred, seated ones
    lose their seat and their conclusions are void, and the next ranks are invited.
    """
    actor.must_be(Role.STAFF, Role.SUPERVISOR, Role.SYSTEM)
    if len(bidders) > BIDDERS_MAX:
        raise Refusal("experts.recheck.bidders", {"count": len(bidders)})
    row = course.locked(tx, draw_id, State.INVITING, State.SEATED)
    loaded = course.load(tx.db, row)
    process = course.process_of(tx.db, row, loaded)
    columns = pool.columns(tx.db)
    listed = sorted(set(bidders))
    grounds = basis.grounds_at(tx, loaded.request, row.context, listed)
    known = grounds.known
    flagged = touched(columns, known)
    found: dict[str, tuple[Reason, ...]] = {}
    for candidate in loaded.candidates:
        if candidate.reasons or candidate.leaf in process.barred:
            continue
        at = columns.row_of[candidate.expert_id]
        if flagged[at]:
            reasons = conflicts(columns.experts[at], known)
            if reasons:
                found[candidate.leaf] = reasons
    board = loaded.board(row)
    process, removed = board.exclude(process, found)
    opened = canonical.encode(
        {
            "bidders": listed,
            "context": grounds.said,
            "facts": course.changed_facts(tx.db, row, columns),
        }
    )
    keeper = keeper_of(tx.db)
    sealed = keeper.seal(names.recheck_place(row.id, row.steps), zlib.compress(opened, 1))
    tx.db.add(DrawRecheckRow(draw_id=row.id, seq=row.steps, grounds=sealed))
    h = ALGORITHMS[loaded.request["algorithm"]]
    salt = grounds_salt_of(keeper.unseal(names.key_place(row.id), row.key), h)
    data = {
        "bidders": canonical.digest(listed),
        "grounds": h(salt + opened).hex(),
        "affiliations": grounds.affiliations,
        "excluded": sorted(found),
        "reasons": dict(sorted(Counter(r.code for rs in found.values() for r in rs).items())),
        "removed": [seat.code for seat in removed],
    }
    evidence = {loaded.expert_of[leaf]: reasons for leaf, reasons in found.items()}
    documents = (tx.keep("draw-recheck.json", course.evidence_json(evidence)),) if evidence else ()
    course.step(tx, actor, row, "RECHECKED", data, documents)
    course.empty_seats(tx.db, row, {seat.leaf: found[seat.leaf][0].code for seat in removed})
    if row.state == State.SEATED:
        course.go_on(tx, actor, row, loaded, board, process)
    gone = tuple((loaded.expert_of[seat.leaf], found[seat.leaf][0]) for seat in removed)
    return Recheck(gone, course.draw_of(row))


def substitute(tx: Tx, actor: Actor, draw_id: str, expert_id: str, cause: Cause) -> Draw:
    """Replace a seated expert for a statutory cause (条例 第四十八条); the next ranks are invited."""
    actor.must_be(Role.STAFF, Role.SUPERVISOR, Role.SYSTEM)
    row = course.locked(tx, draw_id, State.INVITING, State.SEATED)
    loaded = course.load(tx.db, row)
    process = course.process_of(tx.db, row, loaded)
    own = {loaded.expert_of[leaf]: leaf for leaf in process.leaves_seated()}.get(expert_id)
    if own is None:
        raise Refusal("experts.member.unknown", {"expert": expert_id[:40]}, Kind.NOT_FOUND)
    board = loaded.board(row)
    process, (seat,) = board.exclude(process, [own])
    data = {"seat": seat.code, "leaf": own, "cause": Cause(cause).value}
    course.step(tx, actor, row, "SUBSTITUTED", data)
    course.empty_seats(tx.db, row, {own: Cause(cause).value})
    if row.state == State.SEATED:
        course.go_on(tx, actor, row, loaded, board, process)
    return course.draw_of(row)
