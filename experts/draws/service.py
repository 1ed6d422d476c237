"""Draws at work: request, trustees, draw, invitations, seats, recusal at the opening, transcript.

    request_draw → (give_public_value) → give_output × trustees → (answer … settle)* → SEATED
        → recheck / substitute → (answer … settle)* → close_draw

Each act is a step: kept with its content in the draw, chained by hash, and its hash goes at once on
the stream `draw/<id>`; the request also on the centre's register `draws/<centre_id>`, and with it what
became of the number where no committee did. The streams hold hashes and counts. Experts answer there
under their pseudonym in this draw, so a reader of the record does not learn whom was asked. How a
committee follows from the seed is in `experts.committee`, what happens afterwards in
`experts.invitations.process`, where the seed comes from in `experts.draws.seed`.
"""

from __future__ import annotations

import json
import zlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlmodel import Session

from archive import canonical
from archive.actor import Actor, Role
from archive.errors import Kind, Refusal
from archive.journal.entry import DocumentRef
from archive.office import Tx, keeper_of
from experts.draws import queries
from experts.draws.asking import service as asking
from experts.draws.asking.service import (
    Asking,
    ask_again,
    askings,
    give_output,
    give_public_value,
)
from experts.draws.asking.service import asking as asking_of
from experts.draws.basis import service as basis
from experts.draws.basis.service import Feasibility, feasibility
from experts.draws.candidates import exclusions_in, sheet_of
from experts.draws.leaves import salt_of
from experts.draws.request import (
    ENDED_WITHOUT,
    DrawRequest,
    Fixed,
    State,
    request_json,
)
from experts.draws.tables import DrawRow, DrawSheetRow
from experts.draws.transcript import FIRST_PREV, audit_json, transcript_json
from experts.invitations import names
from experts.invitations import queries as called
from experts.invitations.course import service as course
from experts.invitations.course.service import Draw, Invited
from experts.invitations.process import Cause, Seat
from experts.invitations.rounds.service import (
    Recheck,
    answer,
    answers_told,
    recheck,
    settle,
    substitute,
)
from experts.suite import ALGORITHMS

CAUSE_CHARACTERS_MAX = 200

__all__ = [
    "Asking",
    "Call",
    "Cause",
    "Draw",
    "Feasibility",
    "Invited",
    "Member",
    "Recheck",
    "abandon_draw",
    "answer",
    "ask_again",
    "asking_of",
    "askings",
    "audit_transcript",
    "calls",
    "close_draw",
    "committee",
    "draw",
    "draws_of_lot",
    "exclusions",
    "feasibility",
    "give_output",
    "give_public_value",
    "invitations_of",
    "invited",
    "recheck",
    "request_draw",
    "request_of",
    "seat_names",
    "settle",
    "steps",
    "substitute",
    "transcript",
    "void_draw",
    "who_sat",
]


@dataclass(frozen=True)
class Member:
    """A seated expert; `rank` from 1 in the permutation of the specialty, `seat` the name under
    which his seat is planned while nobody may know him."""

    seat_code: str
    expert_id: str
    specialty: str
    rank: int
    seat: str


def request_draw(tx: Tx, actor: Actor, request: DrawRequest) -> Draw:
    """Fix a request and put it on the register, before any randomness exists.

    INVALID with all faults; CONFLICT where the lot has a draw already that `replaces` does not
    name, or where a quota cannot be met (the reason names specialty, numbers and rule).
    """
    actor.must_be(Role.STAFF, Role.SYSTEM)
    if actor.centre_id and actor.centre_id != request.centre_id:
        raise Refusal(
            "experts.draw.other_centre", {"centre": request.centre_id[:20]}, Kind.FORBIDDEN
        )
    rules = basis.check_request(tx, request)
    number, predecessor = queries.next_number(tx.db, request.centre_id)
    _check_replaces(tx.db, request)
    found = basis.fix(tx, request, rules)
    fixed = Fixed(
        draw_id=tx.new_id(),
        number=number,
        predecessor=predecessor,
        pool_root=found.pool_root,
        pool_size=found.pool_size,
        pool_version=found.pool_version,
        context_hash=found.context_hash,
        affiliations=found.affiliations,
        salt=found.salt,
        trustees=found.trustees,
    )
    said = request_json(
        request, fixed, found.prepared.candidates, rules, found.coupling, found.weights
    )
    request_hash = canonical.digest(said)
    queries.set_register(tx.db, request.centre_id, request_hash)
    keeper = keeper_of(tx.db)
    row = DrawRow(
        id=fixed.draw_id,
        centre_id=request.centre_id,
        number=number,
        lot_id=request.lot_id,
        tenderer_uscc=request.tenderer_uscc,
        state=State.REQUESTED,
        evaluation_at=request.evaluation_at,
        request=canonical.encode(said),
        request_hash=request_hash,
        key=keeper.seal(names.key_place(fixed.draw_id), found.key),
        context=found.context,
        head=FIRST_PREV,
    )
    tx.db.add(row)
    tx.db.flush()
    sheet = keeper.seal(names.sheet_place(row.id), sheet_of(found.prepared.candidates))
    records = keeper.seal(names.records_place(row.id), found.records)
    tx.db.add(DrawSheetRow(draw_id=row.id, candidates=sheet, proof=found.proof, records=records))
    document = tx.keep(f"draw-request-{number:06d}.json", said)
    tx.record(
        f"draws/{request.centre_id}",
        "experts:draw:requested",
        actor,
        {
            "draw": row.id,
            "lot": row.lot_id,
            "number": number,
            "predecessor": predecessor,
            "request": request_hash,
        },
        (document,),
    )
    documents = [document]
    if found.prepared.evidence:
        documents.append(
            tx.keep("draw-recusals.json", course.evidence_json(found.prepared.evidence))
        )
    course.step(tx, actor, row, "REQUESTED", {"request": request_hash}, tuple(documents))
    asking.begin(tx, actor, row)
    return course.draw_of(row)


def abandon_draw(tx: Tx, actor: Actor, draw_id: str, cause: str) -> Draw:
    """Give a draw up while nobody can know anything of its result. Once a trustee has answered there
    is no way back: a draw is never given up for its result."""
    actor.must_be(Role.STAFF, Role.SUPERVISOR)
    row = course.locked(tx, draw_id, State.REQUESTED, State.ASKING)
    course.must_take_part(actor, row)
    if any(item.proof for item in queries.outputs(tx.db, draw_id)):
        raise Refusal("experts.draw.answered", {"draw": draw_id[:40]}, Kind.CONFLICT)
    row.state, row.outputs_until = State.ABANDONED, None
    data = {"cause": cause[:CAUSE_CHARACTERS_MAX]}
    course.step(tx, actor, row, "ABANDONED", data)
    course.register(tx, actor, row, "abandoned", data)
    return course.draw_of(row)


def close_draw(tx: Tx, actor: Actor, draw_id: str) -> DocumentRef:
    """Make the transcript a document of the record; afterwards nothing about the draw changes."""
    actor.must_be(Role.STAFF, Role.SYSTEM)
    row = course.locked(tx, draw_id, State.SEATED, *ENDED_WITHOUT)
    if row.transcript_sha256:
        raise Refusal("experts.draw.closed", {}, Kind.CONFLICT)
    if row.state == State.SEATED:
        row.state = State.CLOSED
    return _close(tx, actor, row)


def void_draw(tx: Tx, actor: Actor, draw_id: str, cause: str) -> Draw:
    """Declare void what a committee did (条例 第四十八、八十一条): its transcript is made and stands, the
    register says so, and another draw may be asked for that names this one. Which supervisor's lot it
    is, the caller judges."""
    actor.must_be(Role.SUPERVISOR)
    row = course.locked(tx, draw_id, State.INVITING, State.SEATED, State.CLOSED, *ENDED_WITHOUT)
    if not row.transcript_sha256:
        _close(tx, actor, row)
    if row.state not in ENDED_WITHOUT:
        row.state = State.VOIDED
        tx.db.add(row)
        tx.db.flush()
        data = {"cause": cause[:CAUSE_CHARACTERS_MAX]}
        tx.record(f"draw/{row.id}", "experts:draw:voided", actor, data)
        course.register(tx, actor, row, "voided", data)
    return course.draw_of(row)


def _close(tx: Tx, actor: Actor, row: DrawRow) -> DocumentRef:
    document = tx.keep(f"draw-{row.centre_id}-{row.number:06d}.json", _transcript(tx.db, row))
    row.transcript_sha256 = document.sha256
    tx.db.add(row)
    tx.db.flush()
    answers = tx.keep(f"draw-answers-{row.number:06d}.json", answers_told(tx.db, row))
    data = {"steps": row.steps, "head": row.head}
    tx.record(f"draw/{row.id}", "experts:draw:closed", actor, data, (document, answers))
    return document


def draw(db: Session, draw_id: str) -> Draw:
    """One draw; NOT_FOUND where there is none."""
    return course.draw_of(course.known(queries.draw(db, draw_id), draw_id))


def draws_of_lot(db: Session, lot_id: str) -> tuple[Draw, ...]:
    """All draws of a lot, oldest first."""
    return tuple(course.draw_of(row) for row in queries.draws_of_lot(db, lot_id))


def committee(db: Session, draw_id: str) -> tuple[Member, ...]:
    """Who sits now, by seat; short while seats are empty. For the service's own work: what it shows
    to people before the names are opened are seat codes."""
    owner = course.known(queries.draw(db, draw_id), draw_id)
    keeper = keeper_of(db)
    found = []
    for row in called.members(db, draw_id):
        if not row.left_for:
            expert_id = names.open_name(keeper, draw_id, row.leaf, row.name)
            seat = names.seat_of(keeper, expert_id, owner.evaluation_at)
            found.append(Member(row.seat_code, expert_id, row.specialty, row.rank, seat))
    return tuple(found)


def who_sat(db: Session, draw_id: str) -> tuple[str, ...]:
    """Everybody who ever sat in a committee, those who left it too, sorted."""
    keeper = keeper_of(db)
    rows = called.members(db, draw_id)
    return tuple(sorted({names.open_name(keeper, draw_id, r.leaf, r.name) for r in rows}))


def seat_names(db: Session, draw_id: str, expert_id: str) -> tuple[str, ...]:
    """Under what name a seat of this draw may be planned for an expert; none where there is no such
    draw."""
    row = queries.draw(db, draw_id)
    return () if row is None else (names.seat_of(keeper_of(db), expert_id, row.evaluation_at),)


def invited(db: Session, draw_id: str) -> tuple[Invited, ...]:
    """Who is asked in the open round, each once: for the calling service alone."""
    row = course.known(queries.draw(db, draw_id), draw_id)
    found = {item.leaf: item for item in called.invitations(db, draw_id, row.round)}
    asked = [course.invited_of(db, item, row) for item in found.values()]
    return tuple(sorted(asked, key=lambda one: one.expert_id))


@dataclass(frozen=True)
class Call:
    """One invitation without its name: specialty, rank in its permutation, round, and the answer
    (`YES`, `NO`, `SILENT`; empty while it is open). `has_left`: sat, and was replaced."""

    round: int
    specialty: str
    rank: int
    answer: str
    has_left: bool


def calls(db: Session, draw_id: str) -> tuple[Call, ...]:
    """Everybody who was called so far, by round, specialty and rank: for those who watch a draw
    and may not learn whom it calls."""
    row = course.known(queries.draw(db, draw_id), draw_id)
    specialties = [quota["specialty"] for quota in canonical.decode(row.request)["quotas"]]
    left = {member.leaf for member in called.members(db, draw_id) if member.left_for}
    return tuple(
        Call(
            item.round,
            specialties[item.group_number],
            item.rank,
            item.answer,
            item.answer == "YES" and item.leaf in left,
        )
        for item in called.invitations(db, draw_id)
    )


def invitations_of(db: Session, expert_id: str) -> tuple[Invited, ...]:
    """One expert's invitations, newest first, one for each draw."""
    tags = names.tags_of(keeper_of(db), expert_id, queries.evaluation_moments(db))
    found: dict[str, Invited] = {}
    for item, row in called.invitations_of(db, tags):
        found.setdefault(row.id, course.invited_of(db, item, row))
    return tuple(found.values())


def steps(db: Session, draw_id: str) -> list[dict[str, Any]]:
    """The steps of a draw so far, as its transcript shows them."""
    return [canonical.decode(row.body) for row in queries.steps(db, draw_id)]


def exclusions(db: Session, draw_id: str) -> tuple[int, Counter[str]]:
    """How many candidates a draw has, and how many are out for each set of reasons."""
    return exclusions_in(course.sheet_text(db, draw_id))


def request_of(db: Session, draw_id: str) -> Mapping[str, Any]:
    """The request as fixed, in JSON (`experts.draws.request.request_json`)."""
    found: Mapping[str, Any] = canonical.decode(
        course.known(queries.draw(db, draw_id), draw_id).request
    )
    return found


def transcript(db: Session, draw_id: str) -> Mapping[str, Any]:
    """The public transcript as it stands (`experts.draws.transcript`)."""
    return _transcript(db, course.known(queries.draw(db, draw_id), draw_id))


def audit_transcript(db: Session, draw_id: str) -> Mapping[str, Any]:
    """The audit transcript as it stands: facts of experts, for supervisors and courts alone."""
    row = course.known(queries.draw(db, draw_id), draw_id)
    keeper = keeper_of(db)
    records = keeper.unseal(names.records_place(draw_id), queries.sheet(db, draw_id).records)
    public = _transcript(db, row)
    h = ALGORITHMS[public["request"]["algorithm"]]
    rechecks = [
        canonical.decode(
            zlib.decompress(keeper.unseal(names.recheck_place(draw_id, one.seq), one.grounds))
        )
        for one in queries.rechecks(db, draw_id)
    ]
    fixed = {public["request"]["context"]["affiliations"]} | {
        step["data"]["affiliations"] for step in public["steps"] if step["kind"] == "RECHECKED"
    }
    return audit_json(
        public,
        course.candidates_of(db, draw_id),
        json.loads(zlib.decompress(records)),
        {
            "salt": salt_of(keeper.unseal(names.key_place(draw_id), row.key), h).hex(),
            "context": canonical.decode(row.context),
            "rechecks": rechecks,
            "affiliations": {
                digest: zlib.decompress(queries.affiliations(db, digest)).decode().splitlines()
                for digest in sorted(fixed)
            },
        },
    )


def _transcript(db: Session, row: DrawRow) -> dict[str, Any]:
    seats = [
        Seat(member.seat_code, member.specialty, member.rank, member.leaf)
        for member in called.members(db, row.id)
        if not member.left_for
    ]
    return transcript_json(
        canonical.decode(row.request),
        course.candidates_of(db, row.id),
        queries.sheet(db, row.id).proof,
        [canonical.decode(step.body) for step in queries.steps(db, row.id)],
        _last_state(row),
        seats,
    )


def _last_state(row: DrawRow) -> str:
    """The state to which the steps lead: that a draw was closed or voided is no step of its own."""
    if row.state == State.VOIDED and row.answers_until is not None:
        return State.INVITING
    return State.SEATED if row.state in (State.CLOSED, State.VOIDED) else row.state


def _check_replaces(db: Session, request: DrawRequest) -> None:
    """A lot has one draw; another only after one that ended without a committee, and naming it."""
    earlier = queries.draws_of_lot(db, request.lot_id)
    last = earlier[-1] if earlier else None
    if (last.id if last else "") != request.replaces or (
        last is not None and last.state not in ENDED_WITHOUT
    ):
        raise Refusal(
            "experts.draw.already",
            {"lot": request.lot_id[:40], "draw": last.id if last else ""},
            Kind.CONFLICT,
        )
