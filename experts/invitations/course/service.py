"""The course of a draw as its rows hold it: load, step, open rounds. Used by the services of draws.

A step is chained by hash, kept in the draw, and its hash goes on the stream `draw/<id>` at once.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import Session

from archive import canonical
from archive.actor import Actor, Role
from archive.errors import Kind, Reason, Refusal
from archive.journal.entry import DocumentRef, moment_text
from archive.office import Tx, keeper_of
from archive.tasks.service import enqueue
from experts.committee import Card, Coupling, Group, restored
from experts.conflicts.context import Side
from experts.draws import queries as draw_queries
from experts.draws.candidates import cards_of, groups_of, read_sheet
from experts.draws.request import Candidate, State
from experts.draws.tables import DrawRow, DrawStepRow
from experts.draws.transcript import step_json
from experts.invitations import names, queries
from experts.invitations.process import Board, Invitation, Process, Seat
from experts.invitations.tables import DrawInvitationRow
from experts.pool.columns import Columns
from experts.suite import ALGORITHMS, Hash
from trading.calendar.legal import legal_day

CALL_TASK = "experts.call_round"
SETTLE_TASK = "experts.settle_round"
NAMES_TASK = "experts.seal_names"
EXTENSIONS_MAX = 3
"""So often the end of one round may be moved because a calling service took no orders."""


@dataclass(frozen=True)
class Draw:
    """A draw as others may see it: no seed, no names. `answers_until` ends the open round."""

    id: str
    centre_id: str
    number: int
    lot_id: str
    state: State
    evaluation_at: datetime
    request_hash: str
    round: int
    answers_until: datetime | None
    head: str
    transcript_sha256: str


@dataclass(frozen=True)
class Invited:
    """What an expert is told: a time and an area, and until when to answer. Nothing of the lot."""

    draw_id: str
    expert_id: str
    evaluation_at: datetime
    area: str
    answers_until: datetime | None
    answer: str


@dataclass(frozen=True)
class Loaded:
    """A draw's request and candidates, taken from its rows."""

    request: Mapping[str, Any]
    candidates: tuple[Candidate, ...]
    groups: tuple[Group, ...]
    cards: Mapping[str, Card]
    coupling: Coupling
    expert_of: Mapping[str, str]

    @property
    def h(self) -> Hash:
        """The hash of the request's algorithm."""
        return ALGORITHMS[self.request["algorithm"]]

    def board(self, row: DrawRow) -> Board:
        assert row.attempt is not None
        selection = restored(
            bytes.fromhex(row.seed),
            self.groups,
            self.cards,
            self.coupling,
            row.attempt,
            self.request["attempts_max"],
            self.h,
        )
        return Board(selection, self.cards, self.coupling, self.request["batch_multiple"])


def candidates_of(db: Session, draw_id: str) -> tuple[Candidate, ...]:
    """The candidates of a draw, from its sealed sheet."""
    return read_sheet(sheet_text(db, draw_id))


def sheet_text(db: Session, draw_id: str) -> bytes:
    """The sheet of a draw, unsealed (`experts.draws.candidates`)."""
    sealed = draw_queries.sheet(db, draw_id).candidates
    return keeper_of(db).unseal(names.sheet_place(draw_id), sealed)


def load(db: Session, row: DrawRow) -> Loaded:
    request = canonical.decode(row.request)
    candidates = candidates_of(db, row.id)
    quotas = [(quota["specialty"], quota["count"]) for quota in request["quotas"]]
    coupling = request["coupling"]
    return Loaded(
        request,
        candidates,
        groups_of(quotas, candidates),
        cards_of(candidates),
        Coupling(coupling["one_per_unit"], coupling["prefecture_max"]),
        {candidate.leaf: candidate.expert_id for candidate in candidates},
    )


def changed_facts(db: Session, row: DrawRow, columns: Columns) -> dict[str, Mapping[str, Any]]:
    """The facts of candidates that are not what they were when the draw was asked for, by expert id."""
    sealed = draw_queries.sheet(db, row.id).records
    kept = json.loads(zlib.decompress(keeper_of(db).unseal(names.records_place(row.id), sealed)))
    now = (columns.experts[columns.row_of[one["id"]]].facts() for one in kept)
    return {was["id"]: found for was, found in zip(kept, now, strict=True) if found != was}


def process_of(db: Session, row: DrawRow, loaded: Loaded) -> Process:
    """The state of the draw, from its rows and its recheck steps."""
    seated, barred = {}, set()
    for member in queries.members(db, row.id):
        if member.left_for:
            barred.add(member.leaf)
        else:
            seated[member.seat_code] = Seat(
                member.seat_code, member.specialty, member.rank, member.leaf
            )
    open_now: list[Invitation] = []
    for item in queries.invitations(db, row.id):
        if item.round == row.round and row.state == State.INVITING:
            open_now.append(Invitation(item.group_number, item.rank, item.leaf))
        elif item.answer in ("NO", "SILENT"):
            barred.add(item.leaf)
    for kept in draw_queries.steps(db, row.id):
        said = canonical.decode(kept.body)
        if said["kind"] == "RECHECKED":
            barred.update(said["data"]["excluded"])
    return Process(seated, frozenset(barred), row.round, tuple(open_now))


def open_round(
    tx: Tx, actor: Actor, row: DrawRow, loaded: Loaded, board: Board, process: Process
) -> None:
    process, exhausted = board.open_round(process)
    if exhausted:
        row.state, row.answers_until = State.EXHAUSTED, None
        step(tx, actor, row, "EXHAUSTED", {"groups": list(exhausted)})
        return
    row.state, row.round = State.INVITING, process.round
    row.answers_until = tx.now + timedelta(minutes=loaded.request["answer_minutes"])
    keeper, day = keeper_of(tx.db), legal_day(row.evaluation_at)
    for item in process.invited:
        expert_id = loaded.expert_of[item.leaf]
        tx.db.add(
            DrawInvitationRow(
                draw_id=row.id,
                round=process.round,
                group_number=item.group,
                rank=item.rank,
                leaf=item.leaf,
                name=names.seal_name(keeper, row.id, item.leaf, expert_id),
                tag=names.tag_of(keeper, expert_id, day),
            )
        )
    data = {
        "round": process.round,
        "until": moment_text(row.answers_until),
        "invitations": [[item.group, item.rank, item.leaf] for item in process.invited],
    }
    step(tx, actor, row, "INVITED", data)
    args = {"draw": row.id, "round": row.round}
    enqueue(tx, CALL_TASK, args)
    enqueue(tx, SETTLE_TASK, args, row.answers_until)


def extend(tx: Tx, actor: Actor, row: DrawRow) -> bool:
    """Move the end of the open round, because somebody in it could not be called; whether it may be
    moved once more."""
    earlier = [canonical.decode(kept.body) for kept in draw_queries.steps(tx.db, row.id)]
    data = [s["data"] for s in earlier if s["kind"] == "EXTENDED"]
    if sum(one["round"] == row.round for one in data) >= EXTENSIONS_MAX:
        return False
    minutes = canonical.decode(row.request)["answer_minutes"]
    row.answers_until = tx.now + timedelta(minutes=minutes)
    said = {"round": row.round, "until": moment_text(row.answers_until)}
    step(tx, actor, row, "EXTENDED", said)
    enqueue(tx, SETTLE_TASK, {"draw": row.id, "round": row.round}, row.answers_until)
    return True


def go_on(
    tx: Tx, actor: Actor, row: DrawRow, loaded: Loaded, board: Board, process: Process
) -> None:
    """After a round or a removal: all seated, or a further round."""
    if board.is_complete(process):
        row.state, row.answers_until = State.SEATED, None
        tx.db.add(row)
        tx.db.flush()
        enqueue(tx, NAMES_TASK, {"draw": row.id})
    else:
        open_round(tx, actor, row, loaded, board, process)


def empty_seats(db: Session, row: DrawRow, causes: Mapping[str, str]) -> None:
    """Mark the seats of these leaves as left."""
    for member in queries.members(db, row.id):
        if not member.left_for and member.leaf in causes:
            member.left_for = causes[member.leaf]
            db.add(member)
    db.flush()


def step(
    tx: Tx,
    actor: Actor,
    row: DrawRow,
    kind: str,
    data: Mapping[str, Any],
    documents: tuple[DocumentRef, ...] = (),
) -> None:
    """Chain a step, keep it, and put its hash on the record."""
    made = step_json(row.steps, kind, data, row.head)
    tx.db.add(
        DrawStepRow(draw_id=row.id, seq=row.steps, hash=made["hash"], body=canonical.encode(made))
    )
    row.steps, row.head = row.steps + 1, made["hash"]
    tx.db.add(row)
    tx.db.flush()
    said = {"step": made["seq"], "hash": made["hash"], "state": row.state}
    tx.record(f"draw/{row.id}", f"experts:draw:{kind.lower()}", actor, said, documents)


def register(tx: Tx, actor: Actor, row: DrawRow, what: str, data: Mapping[str, Any]) -> None:
    """Put on the centre's public register what became of a number."""
    said = {"draw": row.id, "number": row.number, **data}
    tx.record(f"draws/{row.centre_id}", f"experts:draw:{what}", actor, said)


def must_take_part(actor: Actor, row: DrawRow) -> None:
    """Refuse FORBIDDEN whoever is neither staff of the request's centre (an account without a centre
    serves all), nor an account of the supervisor that it names, nor the system."""
    parties = canonical.decode(row.context)["parties"]
    supervisor = next(uscc for side, uscc in parties if side == Side.SUPERVISOR)
    takes_part = (
        Role.SYSTEM in actor.roles
        or (Role.STAFF in actor.roles and actor.centre_id in ("", row.centre_id))
        or (Role.SUPERVISOR in actor.roles and actor.party_id == supervisor)
    )
    if not takes_part:
        params = {"centre": row.centre_id, "supervisor": supervisor}
        raise Refusal("experts.draw.other_party", params, Kind.FORBIDDEN)


def evidence_json(evidence: Mapping[str, Sequence[Reason]]) -> list[Any]:
    return [
        {
            "expert": expert_id,
            "reasons": [{"code": r.code, "params": dict(r.params)} for r in evidence[expert_id]],
        }
        for expert_id in sorted(evidence)
    ]


def known(row: DrawRow | None, draw_id: str) -> DrawRow:
    if row is None:
        raise Refusal("experts.draw.unknown", {"draw": draw_id[:40]}, Kind.NOT_FOUND)
    return row


def locked(tx: Tx, draw_id: str, *states: State) -> DrawRow:
    row = known(draw_queries.locked(tx.db, draw_id), draw_id)
    if states and row.state not in states:
        raise Refusal(
            "experts.draw.state",
            {"state": row.state, "needed": ", ".join(states)},
            Kind.CONFLICT,
        )
    return row


def draw_of(row: DrawRow) -> Draw:
    return Draw(
        row.id,
        row.centre_id,
        row.number,
        row.lot_id,
        State(row.state),
        row.evaluation_at,
        row.request_hash,
        row.round,
        row.answers_until,
        row.head,
        row.transcript_sha256,
    )


def invited_of(db: Session, item: DrawInvitationRow, row: DrawRow) -> Invited:
    expert_id = names.open_name(keeper_of(db), row.id, item.leaf, item.name)
    area = canonical.decode(row.request)["area"]
    until = row.answers_until if item.round == row.round else None
    return Invited(row.id, expert_id, row.evaluation_at, area, until, item.answer)
