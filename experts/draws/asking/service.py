"""The seed of a draw: the public value, the trustees' outputs, and the draw that follows at once.

An output needs no account: it proves itself, whoever brings it. The draw is performed in the very
transaction that takes the last one, so nobody who has seen the seed decides whether to go on.
Outputs are taken from the hour of the rule `draw.earliest_hours_before_evaluation` on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import Session

from archive import canonical
from archive.actor import SYSTEM, Actor, Role
from archive.errors import Kind, Refusal
from archive.journal.entry import moment_of, moment_text
from archive.office import Office, Tx
from archive.tasks.service import Handler, Write, enqueue
from experts.committee import select
from experts.draws import queries
from experts.draws.request import State
from experts.draws.seed import VALUE_CHARACTERS_MAX, alpha_of, seed_of, value_digest
from experts.draws.tables import DrawOutputRow, DrawRow
from experts.invitations.course import service as course
from experts.invitations.course.service import Draw
from experts.invitations.process import Process
from experts.vrf.verify import InvalidProof, output_of, verified_output

OUTPUTS_TASK = "experts.outputs_due"


@dataclass(frozen=True)
class Asked:
    """A trustee asked under the present number, and whether his output is there."""

    id: str
    key: str
    has_answered: bool


@dataclass(frozen=True)
class Withheld:
    """An output that did not come in its time: whose, and for which number of which register."""

    trustee_id: str
    centre_id: str
    register_number: int
    asking: int


@dataclass(frozen=True)
class Asking:
    """What a trustee is asked, and all that he needs to answer. No lot, no specialty: he answers for
    a hash. `number` 0: nobody is asked yet. `withheld` are those who were silent under an earlier
    number of this draw."""

    draw_id: str
    centre_id: str
    register_number: int
    predecessor: str
    request_hash: str
    number: int
    public_value: str
    opens_at: datetime | None
    until: datetime | None
    trustees: tuple[Asked, ...]
    withheld: tuple[str, ...]
    is_open: bool


def begin(tx: Tx, actor: Actor, row: DrawRow) -> None:
    """Ask the trustees of a request that was just fixed, or wait for its public value."""
    if canonical.decode(row.request)["public_value"] is None:
        _ask(tx, actor, row, _members(row))


def give_public_value(tx: Tx, actor: Actor, draw_id: str, value: str) -> Draw:
    """Put the public value on the record, as it stands at its source; then the trustees are asked.

    TOO_EARLY before the moment that the request names.
    """
    actor.must_be(Role.STAFF, Role.SUPERVISOR, Role.SYSTEM)
    row = course.locked(tx, draw_id, State.REQUESTED)
    course.must_take_part(actor, row)
    if not 0 < len(value.strip()) <= VALUE_CHARACTERS_MAX:
        raise Refusal("experts.value.characters", {"characters_max": VALUE_CHARACTERS_MAX})
    at = canonical.decode(row.request)["public_value"]["at"]
    if tx.now < moment_of(at):
        raise Refusal("experts.value.too_early", {"at": at}, Kind.TOO_EARLY)
    row.public_value = value
    course.step(tx, actor, row, "VALUE", {"value": value})
    _ask(tx, actor, row, _members(row))
    return course.draw_of(row)


def give_output(tx: Tx, draw_id: str, trustee_id: str, proof: bytes) -> Draw:
    """Take a trustee's output by its proof; after the last one the committee is drawn at once.

    NOT_FOUND for somebody who is not asked, TOO_EARLY before the hour of the rule, TOO_LATE after the
    time for answers, CONFLICT for a second answer, INVALID where the proof proves nothing.
    """
    row = course.locked(tx, draw_id, State.ASKING)
    asked = _asked(tx.db, row)
    own = next((item for item in asked if item.trustee_id == trustee_id), None)
    if own is None:
        raise Refusal("experts.output.not_asked", {"trustee": trustee_id[:40]}, Kind.NOT_FOUND)
    assert row.outputs_from is not None
    assert row.outputs_until is not None
    if tx.now < row.outputs_from:
        raise Refusal(
            "experts.draw.too_early",
            {
                "hours": canonical.decode(row.request)["earliest_hours"],
                "earliest": moment_text(row.outputs_from),
            },
            Kind.TOO_EARLY,
            rule="draw.earliest_hours_before_evaluation",
        )
    if tx.now >= row.outputs_until:
        until = moment_text(row.outputs_until)
        raise Refusal("experts.output.late", {"until": until}, Kind.TOO_LATE)
    if own.proof:
        raise Refusal("experts.output.twice", {"trustee": trustee_id}, Kind.CONFLICT)
    try:
        verified_output(bytes.fromhex(own.key), _alpha(row), proof)
    except InvalidProof:
        raise Refusal("experts.output.invalid", {"trustee": trustee_id}) from None
    own.proof = proof.hex()
    tx.db.add(own)
    giver = Actor(f"trustee-{trustee_id}", frozenset())
    course.step(tx, giver, row, "OUTPUT", {"trustee": trustee_id, "proof": own.proof})
    if all(item.proof for item in asked):
        _perform(tx, row, asked)
    return course.draw_of(row)


def ask_again(tx: Tx, actor: Actor, draw_id: str) -> Draw:
    """When the time is over: name those who withheld their outputs, and ask the others under the
    next number; below the least number of trustees the draw ends. TOO_EARLY while there is time."""
    actor.must_be(Role.STAFF, Role.SUPERVISOR, Role.SYSTEM)
    row = course.locked(tx, draw_id, State.ASKING)
    assert row.outputs_until is not None
    if tx.now < row.outputs_until:
        until = moment_text(row.outputs_until)
        raise Refusal("experts.output.open", {"until": until}, Kind.TOO_EARLY)
    asked = _asked(tx.db, row)
    silent = [item.trustee_id for item in asked if not item.proof]
    data = {"asking": row.asking, "trustees": silent}
    course.step(tx, actor, row, "WITHHELD", data)
    course.register(tx, actor, row, "withheld", data)
    left = [(item.trustee_id, item.key) for item in asked if item.proof]
    if len(left) < canonical.decode(row.request)["trustees"]["min"]:
        row.state, row.outputs_until = State.UNSEEDED, None
        course.step(tx, actor, row, "UNSEEDED", {"left": len(left)})
        course.register(tx, actor, row, "unseeded", {"left": len(left)})
    else:
        _ask(tx, actor, row, left)
    return course.draw_of(row)


def asking(db: Session, draw_id: str) -> Asking:
    """Who is asked for what, and who has answered; NOT_FOUND."""
    return _asking(db, course.known(queries.draw(db, draw_id), draw_id))


def askings(db: Session) -> tuple[Asking, ...]:
    """All draws whose trustees are asked now."""
    return tuple(_asking(db, row) for row in queries.waiting(db))


def withheld(db: Session) -> tuple[Withheld, ...]:
    """All outputs that were ever withheld, those of the newest draws first."""
    return tuple(
        Withheld(item.trustee_id, row.centre_id, row.number, item.asking)
        for item, row in queries.withheld(db)
    )


def outputs_task(office: Office, args: Mapping[str, Any]) -> Write:
    """The handler of OUTPUTS_TASK: ask again when the time of one asking is over."""

    def write(tx: Tx) -> None:
        row = course.locked(tx, args["draw"])
        if row.state == State.ASKING and row.asking == args["asking"]:
            ask_again(tx, SYSTEM, row.id)

    return write


HANDLERS: Mapping[str, Handler] = {OUTPUTS_TASK: outputs_task}


def _members(row: DrawRow) -> list[tuple[str, str]]:
    members = canonical.decode(row.request)["trustees"]["members"]
    return [(member["id"], member["key"]) for member in members]


def _asked(db: Session, row: DrawRow) -> list[DrawOutputRow]:
    """The present asking, in the order of the request, which is the order of the ids."""
    return [item for item in queries.outputs(db, row.id) if item.asking == row.asking]


def _alpha(row: DrawRow) -> bytes:
    return alpha_of(row.request_hash, row.asking, value_digest(row.public_value))


def _ask(tx: Tx, actor: Actor, row: DrawRow, trustees: list[tuple[str, str]]) -> None:
    request = canonical.decode(row.request)
    earliest = row.evaluation_at - timedelta(hours=request["earliest_hours"])
    row.state, row.asking = State.ASKING, row.asking + 1
    row.outputs_from = max(tx.now, earliest)
    row.outputs_until = row.outputs_from + timedelta(minutes=request["trustees"]["minutes"])
    for trustee_id, key in trustees:
        tx.db.add(DrawOutputRow(draw_id=row.id, asking=row.asking, trustee_id=trustee_id, key=key))
    data = {
        "asking": row.asking,
        "trustees": [trustee_id for trustee_id, _ in trustees],
        "from": moment_text(row.outputs_from),
        "until": moment_text(row.outputs_until),
    }
    course.step(tx, actor, row, "ASKED", data)
    args = {"draw": row.id, "asking": row.asking}
    enqueue(tx, OUTPUTS_TASK, args, row.outputs_until)


def _perform(tx: Tx, row: DrawRow, asked: list[DrawOutputRow]) -> None:
    """Draw the committee and open the first batch of invitations; where no attempt meets the
    coupling rules the draw ends ABORTED, on the record."""
    loaded = course.load(tx.db, row)
    alpha = _alpha(row)
    outputs = [output_of(bytes.fromhex(item.proof)) for item in asked]
    seed = seed_of(alpha, outputs, loaded.h)
    row.seed = seed.hex()
    attempts_max = loaded.request["attempts_max"]
    weights = dict(loaded.request["weights"])
    selection = select(
        seed, loaded.groups, loaded.cards, loaded.coupling, attempts_max, loaded.h, weights
    )
    if selection is None:
        row.state = State.ABORTED
        course.step(tx, SYSTEM, row, "ABORTED", {"seed": row.seed, "attempts": attempts_max})
        return
    row.attempt = selection.attempt
    committee = [
        [group.specialty, list(drawn)]
        for group, drawn in zip(selection.groups, selection.drawn(), strict=True)
    ]
    data = {
        "seed": row.seed,
        "attempt": selection.attempt,
        "fallback": selection.is_fallback,
        "committee": committee,
    }
    course.step(tx, SYSTEM, row, "DRAWN", data)
    course.open_round(tx, SYSTEM, row, loaded, loaded.board(row), Process.start())


def _asking(db: Session, row: DrawRow) -> Asking:
    request = canonical.decode(row.request)
    every = queries.outputs(db, row.id)
    return Asking(
        draw_id=row.id,
        centre_id=row.centre_id,
        register_number=row.number,
        predecessor=request["predecessor"],
        request_hash=row.request_hash,
        number=row.asking,
        public_value=row.public_value,
        opens_at=row.outputs_from,
        until=row.outputs_until,
        trustees=tuple(
            Asked(item.trustee_id, item.key, bool(item.proof))
            for item in every
            if item.asking == row.asking
        ),
        withheld=tuple(
            item.trustee_id for item in every if item.asking < row.asking and not item.proof
        ),
        is_open=row.state == State.ASKING,
    )
