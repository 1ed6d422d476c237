"""A confirmed plan as its readers see it: how good it is, whom it seats, why each seat is where it is,
and what its certificate proves when it is verified anew.

A committee is named by seats (A1, B2), never by experts; a reader sees the seats of the lots that are
his, a centre's staff those it hosts, a supervisor those he watches.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sqlmodel import Session

from api.flows.places import names as names_of_places
from archive import canonical
from archive.actor import Actor, Role
from archive.errors import Kind, Param, Reason, Refusal
from archive.vault import Vault
from archive.verification.report import Status, Step
from evaluation.accounts.quality import Quality, quality
from evaluation.seating import service as seating
from evaluation.seating.conflict import conflict
from evaluation.seating.plan import Plan, from_document
from evaluation.seating.problem import Problem, SeatKey
from evaluation.seating.service import PlanLine
from evaluation.seating.verify import verify_plan
from evaluation.seating.why import Answer, Prices
from experts.draws import service as draws
from trading.acting import watches
from trading.projects import service as projects
from trading.projects.project import Lot

OTHERS_SHOWN = 8
"""So many other centres stand beside the one that a seat is in, the nearest in price."""


@dataclass(frozen=True)
class SeatLine:
    """One seat of a lot that the reader may see. `centre_id` is empty where none was given."""

    key: SeatKey
    lot: str
    seat: str
    centre_id: str
    centre: str
    minutes: int

    @property
    def ref(self) -> str:
        """The seat without its expert: session and seat code."""
        return f"{self.key.session_id}.{self.seat}"


@dataclass(frozen=True)
class Why:
    """What is said of one seat in one centre, in words with names. `dearer_minutes`: by how much the
    whole plan would be dearer at least; None where a rule forbids it."""

    centre_id: str
    centre: str
    is_here: bool
    dearer_minutes: int | None
    reasons: tuple[Reason, ...]


@dataclass(frozen=True)
class PlanPage:
    line: PlanLine
    quality: Quality
    fullest: str
    uniqueness: str
    problem_sha256: str
    rows: int
    """Numbers in the certificate."""
    seats: tuple[SeatLine, ...]
    centres: Mapping[str, str]


def page(db: Session, vault: Vault, actor: Actor, plan_id: str) -> PlanPage:
    """A confirmed plan; NOT_FOUND. Seats of others' lots are counted and not shown."""
    line = seating.plan(db, plan_id)
    problem, plan = read(vault, line)
    centres = names_of_places(db)
    found = quality(problem, plan)
    return PlanPage(
        line=line,
        quality=found,
        fullest=centres.get(found.fullest, ""),
        uniqueness=plan.standing,
        problem_sha256=plan.problem_digest,
        rows=len(plan.certificate) + len(plan.ties) + len(plan.alone),
        seats=tuple(_seats(db, actor, problem, plan, centres)),
        centres=centres,
    )


def read(vault: Vault, line: PlanLine) -> tuple[Problem, Plan]:
    """Problem and plan of a confirmed plan."""
    return from_document(canonical.decode(vault.get(line.document_sha256)))


def document(db: Session, vault: Vault, plan_id: str) -> bytes:
    """The document `bigloop.plan.v1`, byte by byte as it is on the record."""
    return vault.get(seating.plan(db, plan_id).document_sha256)


def _seats(
    db: Session, actor: Actor, problem: Problem, plan: Plan, centres: Mapping[str, str]
) -> list[SeatLine]:
    given = {seat.key: seat.centre_id for seat in plan.assignments}
    found = []
    for session_id in sorted({seat.session_id for seat in problem.seats}):
        lot = projects.lot(db, draws.draw(db, session_id).lot_id)
        if not _may_see(actor, lot):
            continue
        codes = {m.seat: m.seat_code for m in draws.committee(db, session_id)}
        for seat in problem.seats:
            code = codes.get(seat.expert_id)
            if seat.session_id != session_id or code is None:
                continue
            centre_id = given.get(seat.key, "")
            minutes = seat.minutes_to(problem.place_index[centre_id]) if centre_id else 0
            name = centres.get(centre_id, centre_id)
            found.append(SeatLine(seat.key, lot.name, code, centre_id, name, minutes or 0))
    return sorted(found, key=lambda line: (line.lot, line.key.session_id, line.seat))


def _may_see(actor: Actor, lot: Lot) -> bool:
    if Role.STAFF in actor.roles:
        return actor.centre_id in ("", lot.centre_id)
    return Role.SUPERVISOR in actor.roles and watches(actor, lot.supervisor_uscc)


def why(
    db: Session, vault: Vault, found: PlanPage, ref: str, centre_id: str = ""
) -> tuple[Why, ...]:
    """Why a seat is in its centre and not in others: its own first, then the centre asked for, then
    those that would cost the plan least. NOT_FOUND for a seat that the reader does not see."""
    line = next((seat for seat in found.seats if seat.ref == ref), None)
    if line is None:
        raise Refusal("api.plan.no_seat", {"seat": ref[:80]}, Kind.NOT_FOUND)
    problem, plan = read(vault, found.line)
    prices = Prices(problem, plan)
    answers = {place.centre_id: prices.why(line.key, place.centre_id) for place in problem.places}
    others = sorted(
        (answer for answer in answers.values() if not answer.is_here and answer.dearer is not None),
        key=lambda answer: (answer.dearer or 0, answer.centre_id),
    )
    chosen = [a for a in answers.values() if a.is_here]
    if centre_id in answers and not answers[centre_id].is_here:
        chosen.append(answers[centre_id])
    chosen += [answer for answer in others if answer.centre_id != centre_id][:OTHERS_SHOWN]
    return tuple(_why(answer, named(line, found.centres)) for answer in chosen)


def collision(vault: Vault, found: PlanPage, ref: str) -> tuple[Reason, ...]:
    """Which rules collide so that the committee of a seat that was not given cannot sit as a whole, in
    words with names; nothing for one that was given, or that the reader does not see."""
    line = next((seat for seat in found.seats if seat.ref == ref and not seat.centre_id), None)
    if line is None:
        return ()
    problem, plan = read(vault, found.line)
    instead = named(line, found.centres)
    return tuple(instead(one) for one in conflict(problem, plan, line.key.session_id).reasons())


def named(line: SeatLine, centres: Mapping[str, str]) -> Callable[[Reason], Reason]:
    """Names instead of ids: the seat's code for its expert, the lot for its session."""

    def instead(reason: Reason) -> Reason:
        params: dict[str, Param] = {**reason.params, "expert": line.seat, "session": line.lot}
        for name in ("centre", "next", "nearest"):
            if name in params:
                params[name] = centres.get(str(params[name]), params[name])
        return Reason(reason.code, params)

    return instead


def _why(answer: Answer, instead: Callable[[Reason], Reason]) -> Why:
    minutes = None if answer.dearer is None else -(-answer.dearer // 1000)
    reasons = tuple(instead(reason) for reason in answer.reasons)
    name = instead(Reason("", {"centre": answer.centre_id})).params["centre"]
    return Why(answer.centre_id, str(name), answer.is_here, minutes, reasons)


@dataclass(frozen=True)
class Proof:
    """What a verification of the document gives, made now and without a solver."""

    steps: tuple[Step, ...]

    @property
    def is_valid(self) -> bool:
        return all(step.status is Status.OK for step in self.steps)


def proof(db: Session, vault: Vault, plan_id: str) -> Proof:
    """Verify a confirmed plan anew."""
    value = canonical.decode(document(db, vault, plan_id))
    return Proof(tuple(verify_plan(value)))
