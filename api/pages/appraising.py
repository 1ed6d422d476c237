"""Pages of one bid, one assessment: the sides' sheets, the expert's own standing and assessments, the
supervisor's view of avoidance and odd patterns, and the appeals of both offices."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import APIRouter, Request
from sqlmodel import Session
from starlette.responses import Response

from api.access import ExpertActor, ProcedureActor, SupervisorActor
from api.flows import appraising as flow
from api.flows import avoidance
from api.flows import pool as pool_flow
from api.pages.kit.forms import Form, Sent, submit
from api.pages.kit.listing import CODE, DAY, MOMENT, NUMBER, Choice, Column, listing
from api.pages.kit.page import show, words_of
from api.routes.fields import IdInPath
from api.shell import shell_of
from api.transactions import ReadDb
from archive.actor import Actor
from archive.errors import Kind, Refusal
from experts.appraisal import service as appraisal
from experts.appraisal.assessment import Deduction, Outcome
from experts.appraisal.patterns import Measure, Pattern
from experts.pool.standing import service as standing
from experts.pool.standing.history import Cause
from experts.pool.standing.machine import Leave

router = APIRouter(include_in_schema=False)

WAITING_COLUMNS: tuple[Column[flow.Waiting], ...] = (
    Column("lot", "appraise.lot", lambda x: x.lot, href=lambda x: f"/assessments/{x.id}"),
    Column("host", "appraise.host", lambda x: x.host),
    Column("closed", "appraise.closed_on", lambda x: x.closed_on, DAY),
    Column("due", "appraise.due_on", lambda x: x.due_on, DAY),
    Column("given", "appraise.given", lambda x: x.given, NUMBER),
    Column("seats", "appraise.seats", lambda x: x.seats, NUMBER),
    Column("state", "appraise.state", lambda x: x.state, CODE, words="appraise.states"),
)
OWN_COLUMNS: tuple[Column[flow.Own], ...] = (
    Column("lot", "appraise.lot", lambda x: x.lot),
    Column(
        "side", "appraise.side", lambda x: x.assessment.side.value, CODE, words="appraise.sides"
    ),
    Column("points", "appraise.points", lambda x: x.assessment.points, NUMBER),
    Column("at", "appraise.at", lambda x: x.assessment.at, MOMENT),
    Column(
        "state", "appraise.state", lambda x: x.assessment.state.value, CODE, words="appraise.states"
    ),
)
APPEAL_COLUMNS: tuple[Column[flow.Case], ...] = (
    Column("filed", "appraise.filed_at", lambda x: x.appeal.filed_at, MOMENT),
    Column("kind", "appraise.against", lambda x: x.appeal.kind.value, CODE, words="appraise.kinds"),
    Column(
        "id",
        "appraise.appeal",
        lambda x: x.appeal.id[-8:],
        href=lambda x: f"appeals/{x.appeal.id}",
    ),
    Column(
        "outcome",
        "appraise.outcome",
        lambda x: x.appeal.outcome.value,
        CODE,
        words="appraise.outcomes",
    ),
    Column("decided", "appraise.decided_at", lambda x: x.appeal.decided_at, MOMENT),
)
FOUND_COLUMNS: tuple[Column[avoidance.Found], ...] = (
    Column("draw", "avoid.draw", lambda x: x.draw, href=lambda x: f"/supervisor/draws/{x.draw_id}"),
    Column("lot", "avoid.lot", lambda x: x.lot),
    Column("pass", "avoid.pass", lambda x: x.passed, CODE, words="avoid.passes"),
    Column("expert", "avoid.expert", lambda x: x.expert, NUMBER),
    Column(
        "rule", "avoid.rule", lambda x: x.code.removeprefix("experts."), CODE, words="watch.reason"
    ),
    Column("side", "avoid.side", lambda x: x.side or None, CODE, words="avoid.sides"),
    Column("party", "avoid.party", lambda x: x.party),
    Column("chain", "avoid.chain", lambda x: " → ".join(x.chain)),
    Column("article", "avoid.article", lambda x: x.article),
)


# --- The sides' sheets --------------------------------------------------------------------------


@router.get("/assessments")
def assessments(actor: ProcedureActor, request: Request, db: ReadDb) -> Response:
    """The sessions that the actor's side may assess."""
    states = Choice[flow.Waiting](
        "state",
        "appraise.state",
        lambda x: x.state,
        words_of(request, "appraise.states", ("OPEN", "DONE")),
    )
    table = listing(request, WAITING_COLUMNS, flow.waiting(db, actor), choices=[states], sort="due")
    return table.answer(request, "appraising/sessions.html", actor)


def _desk(request: Request, actor: Actor, db: Session, session_id: str, form: Form) -> Response:
    found = flow.desk(db, actor, session_id)
    return show(request, "appraising/session.html", actor, desk=found, form=form)


@router.get("/assessments/{session_id}")
def desk(actor: ProcedureActor, request: Request, db: ReadDb, session_id: IdInPath) -> Response:
    """One session: every seat, with the published deductions of this side."""
    return _desk(request, actor, db, session_id, Form())


@dataclass(frozen=True)
class Given:
    deductions: tuple[Deduction, ...]
    note: str


def _given(form: Form) -> Given:
    chosen = form.several("deductions")
    known = tuple(Deduction(each) for each in chosen if each in set(Deduction))
    return Given(known, form.text("note", is_required=False, long=True))


@router.post("/assessments/{session_id}/{seat}")
async def assess(
    actor: ProcedureActor, request: Request, session_id: IdInPath, seat: IdInPath, form: Sent
) -> Response:
    """One seat's assessment."""
    return await submit(
        request,
        form,
        lambda tx, given: flow.assess(tx, actor, session_id, seat, given.deductions, given.note),
        read=_given,
        again=lambda db: _desk(request, actor, db, session_id, form),
        to=f"/assessments/{session_id}",
        said="assessed",
    )


# --- The expert's own ---------------------------------------------------------------------------


def _standing(request: Request, actor: Actor, db: Session, form: Form) -> Response:
    now = shell_of(request).office.clock.now()
    person = pool_flow.person(db, now, actor.party_id)
    return show(request, "expert/standing.html", actor, person=person, form=form)


@router.get("/expert/standing")
def my_standing(actor: ExpertActor, request: Request, db: ReadDb) -> Response:
    """Where the expert stands in the pool, since when and by which rule, and whether he may be drawn."""
    try:
        return _standing(request, actor, db, Form())
    except Refusal as refusal:
        if refusal.kind is not Kind.NOT_FOUND:
            raise
        return show(request, "expert/no_standing.html", actor)


@router.post("/expert/standing/declare")
async def declare(actor: ExpertActor, request: Request, form: Sent) -> Response:
    """The units in which the expert has kinship or another interest."""
    return await submit(
        request,
        form,
        lambda tx, usccs: pool_flow.declare(tx, actor, usccs),
        read=lambda form: tuple(form.text("units", is_required=False, long=True).split()),
        again=lambda db: _standing(request, actor, db, form),
        to="/expert/standing",
        said="units_declared",
    )


@router.post("/expert/standing/leave")
async def leave(actor: ExpertActor, request: Request, form: Sent) -> Response:
    """Leave the pool by one's own wish."""
    return await submit(
        request,
        form,
        lambda tx, _: standing.act(tx, actor, actor.party_id, Leave(Cause.WISH)),
        again=lambda db: _standing(request, actor, db, form),
        to="/expert/standing",
        said="pool_left",
    )


@router.post("/expert/standing/appeal")
async def appeal_line(actor: ExpertActor, request: Request, form: Sent) -> Response:
    """Appeal against a decision on the standing."""
    return await submit(
        request,
        form,
        lambda tx, read: appraisal.appeal_line(tx, actor, read[0], read[1]),
        read=lambda form: (form.whole("seq", 1, 9999), form.text("grounds", long=True)),
        again=lambda db: _standing(request, actor, db, form),
        to="/expert/standing",
        said="appealed",
    )


def _own(request: Request, actor: Actor, db: Session, form: Form) -> Response:
    now = shell_of(request).office.clock.now()
    found = flow.own(db, now, actor)
    table = listing(request, OWN_COLUMNS, found, sort="-at")
    year = appraisal.year_hundredths([each.assessment for each in found], now.year)
    return table.answer(request, "expert/assessments.html", actor, own=found, form=form, year=year)


@router.get("/expert/assessments")
def own(actor: ExpertActor, request: Request, db: ReadDb) -> Response:
    """The expert's own assessments, with an appeal while there is time."""
    return _own(request, actor, db, Form())


@router.post("/expert/assessments/{assessment_id}/appeal")
async def appeal(
    actor: ExpertActor, request: Request, assessment_id: IdInPath, form: Sent
) -> Response:
    return await submit(
        request,
        form,
        lambda tx, grounds: appraisal.appeal_assessment(tx, actor, assessment_id, grounds),
        read=lambda form: form.text("grounds", long=True),
        again=lambda db: _own(request, actor, db, form),
        to="/expert/assessments",
        said="appealed",
    )


# --- The supervisor -----------------------------------------------------------------------------


def _avoidance(request: Request, actor: Actor, db: Session, form: Form) -> Response:
    vault = shell_of(request).office.vault
    found = avoidance.exclusions(db, vault, actor)
    rules = Choice[avoidance.Found](
        "rule",
        "avoid.rule",
        lambda x: x.code.removeprefix("experts."),
        words_of(request, "watch.reason", sorted({x.code.removeprefix("experts.") for x in found})),
    )
    table = listing(request, FOUND_COLUMNS, found, choices=[rules], sort="")
    return table.answer(
        request,
        "supervisor/avoidance.html",
        actor,
        counts=avoidance.by_rule(found),
        share=avoidance.share(db, actor),
        committees=avoidance.committees(db, actor),
        late=avoidance.late_hits(db, actor),
        chains=[x for x in table.shown if x.hops],
        form=form,
    )


@router.get("/supervisor/avoidance")
def exclusions(actor: SupervisorActor, request: Request, db: ReadDb) -> Response:
    """Exclusions by rule, each with its chain of companies."""
    return _avoidance(request, actor, db, Form())


@router.post("/supervisor/avoidance/{draw_id}/recheck")
async def recheck(
    actor: SupervisorActor, request: Request, draw_id: IdInPath, form: Sent
) -> Response:
    """Judge a committee again, because data have changed."""
    return await submit(
        request,
        form,
        lambda tx, _: avoidance.look_again(tx, actor, draw_id),
        again=lambda db: _avoidance(request, actor, db, form),
        to="/supervisor/avoidance",
        said="rechecked",
    )


def _measure(measure: Measure, what: str) -> Column[Pattern]:
    def value(pattern: Pattern) -> str | int | None:
        found = next((each for each in pattern.compared if each.measure is measure), None)
        if found is None:
            return None
        if what == "seen":
            return found.observed
        return f"{found.expected:.2f} [{found.low}, {found.high}]"

    key = f"{measure.lower()}_{what}"
    return Column(key, f"odd.{key}", value, NUMBER if what == "seen" else "text")


PATTERN_COLUMNS: tuple[Column[Pattern], ...] = (
    Column("expert", "odd.expert", lambda x: x.expert_id),
    Column(
        "odd", "odd.verdict", lambda x: "ODD" if x.is_odd else "USUAL", CODE, words="odd.verdicts"
    ),
    *(_measure(measure, what) for measure in Measure for what in ("seen", "chance")),
)


@router.get("/supervisor/patterns")
def odd(actor: SupervisorActor, request: Request, db: ReadDb) -> Response:
    """Counts of each expert beside what chance would give; the province's supervisor alone, for the
    counts run over all centres."""
    if actor.party_id:
        raise Refusal("trading.actor.supervisor", {"actor": actor.id}, Kind.FORBIDDEN)
    now = shell_of(request).office.clock.now()
    found = flow.odd_patterns(db, now)
    verdicts = Choice[Pattern](
        "odd",
        "odd.verdict",
        lambda x: "ODD" if x.is_odd else "USUAL",
        words_of(request, "odd.verdicts", ("ODD", "USUAL")),
    )
    table = listing(request, PATTERN_COLUMNS, found, choices=[verdicts], sort="")
    return table.answer(
        request, "supervisor/patterns.html", actor, odd=sum(x.is_odd for x in found)
    )


@router.get("/supervisor/appeals")
def appeals(actor: SupervisorActor, request: Request, db: ReadDb) -> Response:
    table = listing(request, APPEAL_COLUMNS, flow.cases(db, actor), sort="")
    return table.answer(request, "pool/appeals.html", actor)


@router.get("/supervisor/appeals/{appeal_id}")
def one_appeal(
    actor: SupervisorActor, request: Request, db: ReadDb, appeal_id: IdInPath
) -> Response:
    return appeal_page(request, actor, db, appeal_id, Form(), "/supervisor/appeals")


@router.post("/supervisor/appeals/{appeal_id}")
async def decide(
    actor: SupervisorActor, request: Request, appeal_id: IdInPath, form: Sent
) -> Response:
    return await decide_appeal(request, actor, appeal_id, form, "/supervisor/appeals")


# --- An appeal, for either office ---------------------------------------------------------------


def appeal_page(
    request: Request, actor: Actor, db: Session, appeal_id: str, form: Form, home: str
) -> Response:
    """One appeal with what it is against; NOT_FOUND for another office's."""
    case = next((each for each in flow.cases(db, actor) if each.appeal.id == appeal_id), None)
    if case is None:
        raise Refusal("experts.appraisal.unknown", {"subject": appeal_id}, Kind.NOT_FOUND)
    outcomes = words_of(request, "appraise.outcomes", (Outcome.UPHELD, Outcome.REJECTED))
    return show(
        request, "pool/appeal.html", actor, case=case, form=form, home=home, outcomes=outcomes
    )


async def decide_appeal(
    request: Request, actor: Actor, appeal_id: str, form: Form, home: str
) -> Response:
    """Decide an appeal."""
    return await submit(
        request,
        form,
        lambda tx, read: appraisal.decide(
            tx, actor, appeal_id, is_upheld=read[0] is Outcome.UPHELD, reasons=read[1]
        ),
        read=lambda form: (form.choice("outcome", Outcome), form.text("reasons", long=True)),
        again=lambda db: appeal_page(request, actor, db, appeal_id, form, home),
        to=home,
        said="appeal_decided",
    )
