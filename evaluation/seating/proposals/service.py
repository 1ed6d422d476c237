"""Proposals: a new plan for a day that has gone wrong, shown before it is confirmed.

    proposal_id, task_id = ask_…                          # the flow enqueues the solve
    propose(tx, SYSTEM, id, trouble, problem, plan, …)    # its write: the proposal is there to be read
    confirm(tx, actor, id)                                # the trouble's closures and the plan, at once

A proposal changes nothing and holds no seat. It is confirmed against the day as it is *then*: whoever
was faster with one of its seats or stations makes it void, so two planners at once cannot both confirm.
One that nobody decides lapses at the moment that it states; who reported the trouble, and the hosts of
the sessions concerned, are told that nothing was changed.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import Session

from archive import canonical
from archive.actor import SYSTEM, Actor, Role
from archive.errors import Kind, Refusal
from archive.journal.entry import moment_text
from archive.office import Office, Tx
from archive.tasks.service import Write, enqueue
from archive.vault import Vault
from evaluation.seating import queries
from evaluation.seating import service as seating
from evaluation.seating.booking import BookedSeat, is_running
from evaluation.seating.plan import Plan, document, from_document
from evaluation.seating.problem import Problem, SeatKey
from evaluation.seating.proposals.trouble import Trouble, from_json
from evaluation.seating.replan import Concerned, Difference, concerned, difference
from evaluation.seating.service import ConfirmedPlan
from evaluation.seating.tables import ChangeNoticeRow, ProposalRow
from evaluation.stations import service as stations
from evaluation.stations.slots import begins_at, day_of, slot_at
from trading.rules.book import book

STATES = ("PROPOSED", "CONFIRMED", "WITHDRAWN", "LAPSED")
LAPSE_TASK = "evaluation.lapse_proposal"
RULE_HOURS = "seating.proposal_hours"
LISTED_MAX = 50


@dataclass(frozen=True)
class Proposal:
    """`state`: one of STATES. `plan_id` once confirmed. `difference`: what it changes, against the day
    that it was made for. `lapses_at`: until when it may be decided."""

    id: str
    trouble: Trouble
    problem: Problem
    plan: Plan
    difference: Difference
    state: str
    plan_id: str
    proposed_at: datetime
    proposed_by: str
    lapses_at: datetime
    decided_at: datetime | None
    decided_by: str

    def may_be_decided(self, now: datetime) -> bool:
        return self.state == "PROPOSED" and now < self.lapses_at


def propose(
    tx: Tx,
    actor: Actor,
    proposal_id: str,
    trouble: Trouble,
    problem: Problem,
    plan: Plan,
    centre_id: str,
) -> None:
    """Put a proposal where its planner can read it, until it lapses: the rule's hours later, or when
    the trouble is over. `centre_id`: whose trouble it is. A second time does nothing."""
    if queries.proposal(tx.db, proposal_id) is not None:
        return
    seats = _confirmed(tx.db, problem)
    before = {seat.key: seat.slots for seat in seats}
    begun = running(tx.db, seats, slot_at(tx.now))
    ref = tx.keep(
        "proposal.json",
        {
            **document(problem, plan),
            "slots_before": [[*key, list(slots)] for key, slots in sorted(before.items())],
            "running": [list(key) for key in sorted(begun)],
        },
    )
    hours = book().rule(RULE_HOURS, day_of(slot_at(tx.now))).number
    lapses_at = max(tx.now, min(tx.now + timedelta(hours=hours), begins_at(trouble.until)))
    row = ProposalRow(
        id=proposal_id,
        proposed_at=tx.now,
        proposed_by=actor.id,
        lapses_at=lapses_at,
        centre_id=centre_id,
        trouble=canonical.encode(trouble.to_json()).decode(),
        document_sha256=ref.sha256,
        state="PROPOSED",
    )
    queries.add_proposal(tx.db, row)
    enqueue(tx, LAPSE_TASK, {"proposal": proposal_id}, lapses_at)
    found = difference(problem, plan, before, begun)
    tx.record(
        f"plan/{proposal_id}",
        "evaluation:plan:proposed",
        actor,
        {
            "trouble": trouble.to_json(),
            "lapses_at": moment_text(lapses_at),
            "stays": found.stays,
            "moved": len(found.moved),
            "placed": len(found.placed),
            "lost": len(found.lost),
            "objective": plan.objective,
            "bound": plan.bound,
        },
        (ref,),
    )


def _confirmed(db: Session, problem: Problem) -> Sequence[BookedSeat]:
    wanted = {one.seat_id for one in problem.moved}
    sessions = sorted({one.session_id for one in problem.moved})
    return [seat for name in sessions for seat in seating.seats_of(db, name) if seat.id in wanted]


def proposal(db: Session, vault: Vault, proposal_id: str) -> Proposal:
    """A proposal as it stands; refuses NOT_FOUND."""
    return _read(vault, _known(queries.proposal(db, proposal_id), proposal_id))


def proposals(db: Session, vault: Vault, state: str = "PROPOSED") -> tuple[Proposal, ...]:
    """The newest proposals of a state, the newest first; each is read with its whole problem."""
    return tuple(_read(vault, row) for row in queries.proposals(db, state, LISTED_MAX))


def _read(vault: Vault, row: ProposalRow) -> Proposal:
    value: Mapping[str, Any] = canonical.decode(vault.get(row.document_sha256))
    problem, plan = from_document(value)
    before = {SeatKey(k, e): tuple(slots) for k, e, slots in value["slots_before"]}
    return Proposal(
        id=row.id,
        trouble=from_json(canonical.decode(row.trouble.encode())),
        problem=problem,
        plan=plan,
        difference=difference(problem, plan, before, {SeatKey(*key) for key in value["running"]}),
        state=row.state,
        plan_id=row.plan_id,
        proposed_at=row.proposed_at,
        proposed_by=row.proposed_by,
        lapses_at=row.lapses_at,
        decided_at=row.decided_at,
        decided_by=row.decided_by,
    )


def confirm(tx: Tx, actor: Actor, proposal_id: str) -> ConfirmedPlan:
    """Make a proposal the plan: its closures, and all its seats or none. Refuses CONFLICT where it is
    decided already, or where the day has changed since so that it does not fit any more; TOO_LATE where
    it has lapsed."""
    actor.must_be(Role.STAFF, Role.SYSTEM)
    row = _undecided(tx, proposal_id)
    made = _read(tx.vault, row)
    _close(tx, actor, made.trouble)
    confirmed = seating.confirm_plan(tx, actor, made.problem, made.plan)
    row.state, row.plan_id, row.decided_at, row.decided_by = (
        "CONFIRMED",
        confirmed.id,
        tx.now,
        actor.id,
    )
    queries.add_proposal(tx.db, row)
    told = concerned(made.problem, made.difference)
    queries.add_notices(
        tx.db,
        [
            ChangeNoticeRow(
                proposal_id=proposal_id,
                centre_id=one.centre_id,
                told_at=tx.now,
                come=one.come,
                gone=one.gone,
                changed=one.changed,
                hosted=one.hosted,
            )
            for one in told
        ],
    )
    tx.record(
        f"plan/{proposal_id}",
        "evaluation:plan:accepted",
        actor,
        {
            "plan": confirmed.id,
            "sessions": len(made.difference.sessions),
            "experts": len(made.difference.experts),
            "centres": [one.centre_id for one in told],
        },
    )
    return confirmed


@dataclass(frozen=True)
class Notice:
    """What a centre was told: of a confirmed change, or of one that lapsed, so that nothing changed."""

    proposal_id: str
    told_at: datetime
    about: Concerned
    is_lapsed: bool


def notices(db: Session, centre_id: str) -> tuple[Notice, ...]:
    """What nobody of the centre has noted yet, the newest first."""
    return tuple(
        Notice(
            row.proposal_id,
            row.told_at,
            Concerned(row.centre_id, row.come, row.gone, row.changed, row.hosted),
            row.is_lapsed,
        )
        for row in queries.notices(db, centre_id)
    )


def note(tx: Tx, actor: Actor, proposal_id: str) -> None:
    """Somebody of the centre has read its notice. NOT_FOUND where there is none, CONFLICT where it
    was noted before."""
    actor.must_be(Role.STAFF)
    row = queries.notice(tx.db, proposal_id, actor.centre_id)
    if row is None:
        raise Refusal(
            "evaluation.seat.proposal_unknown", {"proposal": proposal_id[:40]}, Kind.NOT_FOUND
        )
    if row.noted_at is not None:
        raise Refusal("evaluation.seat.noted_already", {"by": row.noted_by}, Kind.CONFLICT)
    row.noted_at, row.noted_by = tx.now, actor.id
    queries.add_notices(tx.db, [row])
    tx.record(f"plan/{proposal_id}", "evaluation:plan:noted", actor, {"centre": actor.centre_id})


def withdraw(tx: Tx, actor: Actor, proposal_id: str) -> None:
    """Put a proposal aside."""
    actor.must_be(Role.STAFF, Role.SYSTEM)
    row = _undecided(tx, proposal_id)
    row.state, row.decided_at, row.decided_by = "WITHDRAWN", tx.now, actor.id
    queries.add_proposal(tx.db, row)
    tx.record(f"plan/{proposal_id}", "evaluation:plan:withdrawn", actor, {})


def lapse_task(_office: Office, args: Mapping[str, Any]) -> Write:
    """Task: a proposal that nobody has decided lapses. Bears to be run twice."""
    return lambda tx: _lapse(tx, args["proposal"])


def _lapse(tx: Tx, proposal_id: str) -> None:
    row = _known(queries.locked_proposal(tx.db, proposal_id), proposal_id)
    if row.state != "PROPOSED" or tx.now < row.lapses_at:
        return
    row.state, row.decided_at, row.decided_by = "LAPSED", tx.now, SYSTEM.id
    queries.add_proposal(tx.db, row)
    made = _read(tx.vault, row)
    hosted = {one.centre_id: one.hosted for one in concerned(made.problem, made.difference)}
    told = {centre for centre, sessions in hosted.items() if sessions} | {row.centre_id}
    queries.add_notices(
        tx.db,
        [
            ChangeNoticeRow(
                proposal_id=proposal_id,
                centre_id=centre,
                told_at=tx.now,
                come=0,
                gone=0,
                changed=0,
                hosted=hosted.get(centre, 0),
                is_lapsed=True,
            )
            for centre in sorted(told)
        ],
    )
    tx.record(f"plan/{proposal_id}", "evaluation:plan:lapsed", SYSTEM, {"centres": sorted(told)})


def _undecided(tx: Tx, proposal_id: str) -> ProposalRow:
    row = _known(queries.locked_proposal(tx.db, proposal_id), proposal_id)
    if row.state == "LAPSED" or (row.state == "PROPOSED" and tx.now >= row.lapses_at):
        params = {"at": moment_text(row.lapses_at)}
        raise Refusal("evaluation.seat.proposal_lapsed", params, Kind.TOO_LATE, rule=RULE_HOURS)
    if row.state != "PROPOSED":
        raise Refusal("evaluation.seat.proposal_decided", {"proposal": proposal_id}, Kind.CONFLICT)
    return row


def _close(tx: Tx, actor: Actor, trouble: Trouble) -> None:
    for closure in trouble.closures(stations.groups(tx.db)):
        stations.close_station(
            tx,
            actor,
            closure.centre_id,
            closure.label,
            closure.first,
            closure.until,
            closure.reason,
        )


def _known(row: ProposalRow | None, proposal_id: str) -> ProposalRow:
    if row is None:
        raise Refusal(
            "evaluation.seat.proposal_unknown", {"proposal": proposal_id[:40]}, Kind.NOT_FOUND
        )
    return row


def running(db: Session, seats: Collection[BookedSeat], now_slot: int) -> set[SeatKey]:
    """Of confirmed seats, those that are taken: their expert is checked in, or their stay has begun."""
    return {seat.key for seat in seats if is_running(seat, now_slot)}
