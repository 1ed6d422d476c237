"""Pages of the expert pool's office: experts, applications, imports, merge proposals, appeals."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request
from sqlmodel import Session
from starlette.responses import Response

from api.access import PoolActor
from api.flows import appraising
from api.flows import pool as flow
from api.pages.appraising import APPEAL_COLUMNS, appeal_page, decide_appeal
from api.pages.kit.forms import Form, Sent, submit
from api.pages.kit.listing import (
    CODE,
    DAY,
    MOMENT,
    Choice,
    Column,
    Wanted,
    Window,
    listing,
    paged,
)
from api.pages.kit.page import attachment, show, words_of
from api.routes.fields import IdInPath
from api.shell import shell_of
from api.transactions import ReadDb
from archive.actor import Actor
from archive.errors import Refusal
from archive.office import Tx
from experts.identities import service as identities
from experts.identities.proposal import Proposal
from experts.pool import service as pool
from experts.pool.expert import Expert, Status, Title
from experts.pool.rolls import service as rolls
from experts.pool.standing import service as standing
from experts.pool.standing.history import Cause, Line, Stage
from experts.pool.standing.machine import (
    Assess,
    Certify,
    Command,
    Enrol,
    Leave,
    Return,
    Review,
    Suspend,
    Train,
)
from trading.calendar.legal import legal_day
from trading.divisions import yunnan

router = APIRouter(include_in_schema=False)
HOME = "/pool/experts"
FIRST_DAY, LAST_DAY = date(2000, 1, 1), date(2099, 12, 31)
"""Between these the rules know who may be drawn (招标投标法 is in force since the first); another day is
passed over."""
CAUSES = tuple(each for each in Cause if each not in (Cause.MERGED, Cause.ASSESSMENT))

EXPERT_COLUMNS: tuple[Column[flow.PoolLine], ...] = (
    Column("id", "pool.id", lambda x: x.id, href=lambda x: f"{HOME}/{x.id}"),
    Column("name", "pool.name", lambda x: x.name),
    Column("employer", "pool.employer", lambda x: x.employer),
    Column("specialties", "pool.specialties", lambda x: x.specialties),
    Column("home", "pool.home", lambda x: x.home),
    Column("title", "pool.title_level", lambda x: x.title, CODE, words="pool.titles"),
    Column("status", "pool.status", lambda x: x.status, CODE, words="experts.stage"),
    Column("enrolled", "pool.enrolled_on", lambda x: x.enrolled_on, DAY),
    Column("certified", "pool.certified_until", lambda x: x.certified_until, DAY),
)
APPLICANT_COLUMNS: tuple[Column[flow.Applicant], ...] = (
    Column("name", "pool.name", lambda x: x.name, href=lambda x: f"{HOME}/{x.id}"),
    Column("id", "pool.id", lambda x: x.id),
    Column("employer", "pool.employer", lambda x: x.employer),
    Column("stage", "pool.status", lambda x: x.stage, CODE, words="experts.stage"),
    Column("filed", "pool.filed_at", lambda x: x.filed_at, MOMENT),
    Column("by", "pool.filed_by", lambda x: x.filed_by),
)
MERGE_COLUMNS: tuple[Column[flow.Merge], ...] = (
    Column("kind", "pool.merge_kind", lambda x: x.proposal.kind.value, CODE, words="pool.merge"),
    Column("one", "pool.merge_one", lambda x: f"{x.proposal.one} {x.one}"),
    Column("other", "pool.merge_other", lambda x: f"{x.proposal.other} {x.other}"),
    Column(
        "state", "pool.status", lambda x: x.proposal.state.value, CODE, words="pool.merge_state"
    ),
    Column("decided", "pool.decided_by", lambda x: x.proposal.decided_by),
)


# --- Experts ------------------------------------------------------------------------------------


@router.get(HOME)
def experts(actor: PoolActor, request: Request, db: ReadDb) -> Response:
    """All experts; the filters find by name, employer, specialty code or place."""
    statuses = words_of(request, "experts.stage", Status)
    titles = words_of(request, "pool.titles", [title.name for title in Title])

    def coded(word: str, words: Sequence[tuple[str, str]]) -> list[str]:
        return [code for code, said in words if word in said.casefold()]

    def find(wanted: Wanted) -> tuple[Sequence[flow.PoolLine], int]:
        words = [flow.word(w, coded(w, titles), coded(w, statuses)) for w in wanted.words]
        asked = flow.search(
            words, wanted.chosen.get("status", ""), wanted.sort, wanted.is_descending
        )
        kept = Window(
            pool.found_count(db, asked), lambda start, most: flow.experts(db, asked, start, most)
        )
        return kept, pool.size(db)

    choice = Choice[flow.PoolLine]("status", "pool.status", lambda x: x.status, statuses)
    table = paged(request, EXPERT_COLUMNS, find, choices=[choice], sort="id")
    return table.answer(request, "pool/experts.html", actor)


@router.get("/pool/export")
def export(
    _: PoolActor, db: ReadDb, kind: Annotated[str, Query(max_length=4)] = "xlsx"
) -> Response:
    """The whole pool as a list that can be imported again."""
    found = pool.columns(db).experts
    if kind == "csv":
        return attachment("experts.csv", rolls.export_csv(db, found))
    return attachment("experts.xlsx", rolls.export_xlsx(db, found))


def _person(
    request: Request, actor: Actor, db: Session, expert_id: str, form: Form, on: str = ""
) -> Response:
    now = shell_of(request).office.clock.now()
    try:
        day = date.fromisoformat(on) if on else None
    except ValueError:
        day = None
    if day is not None and not FIRST_DAY <= day <= LAST_DAY:
        day = None
    return show(
        request,
        "pool/expert.html",
        actor,
        person=flow.person(db, now, expert_id, day),
        form=form,
        causes=words_of(request, "pool.cause", CAUSES),
        years=[(str(legal_day(now).year - back),) * 2 for back in (0, 1)],
    )


@router.get(HOME + "/{expert_id}")
def expert(
    actor: PoolActor,
    request: Request,
    db: ReadDb,
    expert_id: IdInPath,
    on: Annotated[str, Query(max_length=10)] = "",
) -> Response:
    """One expert or applicant: facts, history, and whether he could be drawn on a day."""
    return _person(request, actor, db, expert_id, Form(), on)


ACTS: dict[str, Callable[[Form], Command]] = {
    "admit": lambda form: Review(True, _note(form)),
    "refuse": lambda form: Review(False, _note(form)),
    "train": lambda form: Train(form.whole("hours", 0, 999), _note(form)),
    "certify": lambda form: Certify(form.text("certificate"), _note(form)),
    "enrol": lambda form: Enrol(_note(form)),
    "suspend": lambda form: Suspend(form.choice("cause", Cause), _note(form)),
    "return": lambda form: Return(_note(form)),
    "leave": lambda form: Leave(form.choice("cause", Cause), _note(form)),
    "pass": lambda form: Assess(form.whole("year", 2000, 9999), True, _note(form)),
    "fail": lambda form: Assess(form.whole("year", 2000, 9999), False, _note(form)),
}
"""What the office does with one expert, by the name in the path."""


def _note(form: Form) -> str:
    return form.text("note", is_required=False)


@router.post(HOME + "/{expert_id}/{act}")
async def act(
    actor: PoolActor, request: Request, expert_id: IdInPath, act: IdInPath, form: Sent
) -> Response:
    """One act on one expert's course."""
    if act not in ACTS:
        raise Refusal("api.member.no_act", {"act": act})
    return await submit(
        request,
        form,
        lambda tx, command: flow.act(tx, actor, expert_id, command),
        read=ACTS[act],
        again=lambda db: _person(request, actor, db, expert_id, form),
        to=f"{HOME}/{expert_id}",
        said="pool_acted",
    )


# --- Applications -------------------------------------------------------------------------------


@router.get("/pool/applications")
def applications(actor: PoolActor, request: Request, db: ReadDb) -> Response:
    """Everybody on his way in."""
    stages = Choice[flow.Applicant](
        "stage", "pool.status", lambda x: x.stage, words_of(request, "experts.stage", Stage)
    )
    rows = flow.applicants(db)
    table = listing(request, APPLICANT_COLUMNS, rows, choices=[stages], sort="-filed")
    return table.answer(request, "pool/applications.html", actor)


def _application(request: Request, actor: Actor, form: Form) -> Response:
    homes = [(code, each.name) for code, each in sorted(yunnan().items()) if each.level == 3]
    titles = words_of(request, "pool.titles", [title.name for title in Title])
    # The pool keeps the two words of the resident identity card (GB/T 2261.1).
    names = words_of(request, "pool.gender", ("male", "female"))
    genders = [(kept, name) for kept, (_, name) in zip(("男", "女"), names, strict=True)]
    return show(
        request,
        "pool/application.html",
        actor,
        form=form,
        homes=homes,
        titles=titles,
        genders=genders,
    )


@router.get("/pool/applications/new")
def application(actor: PoolActor, request: Request) -> Response:
    return _application(request, actor, Form())


def _read_application(form: Form) -> Expert:
    home = form.text("home_division")
    place = yunnan().get(home)
    title = form.text("title_level")
    specialties = form.text("specialties").replace(",", " ").replace("、", " ").split()
    return Expert(
        id=form.text("id"),
        name=form.text("name"),
        gender=form.text("gender"),
        born=form.day("born"),
        employer_uscc=form.text("employer_uscc"),
        past_employers=(),
        board_seats=(),
        declared_units=tuple(form.text("declared_units", is_required=False).split()),
        specialties=tuple(sorted(set(specialties))),
        home_division=home,
        lon=place.lon if place else 0,
        lat=place.lat if place else 0,
        title_level=Title[title] if title in Title.__members__ else Title.NONE,
        field_years=form.whole("field_years", 0, 80),
        enrolled_on=date(1970, 1, 1),
    )


@router.post("/pool/applications")
async def file(actor: PoolActor, request: Request, form: Sent) -> Response:
    """Take an application in."""
    return await submit(
        request,
        form,
        lambda tx, expert: standing.file(tx, actor, expert),
        read=_read_application,
        again=lambda db: _application(request, actor, form),
        to=_to_line,
        said="application_filed",
        places={"/units": "/employer_uscc"},
    )


def _to_line(line: Line) -> str:
    return f"{HOME}/{line.expert_id}"


# --- Import -------------------------------------------------------------------------------------


@router.get("/pool/import")
def import_(actor: PoolActor, request: Request) -> Response:
    return show(request, "pool/import.html", actor, form=Form())


@router.post("/pool/import")
async def send(actor: PoolActor, request: Request, form: Sent) -> Response:
    """The first step: keep the file and look at it."""
    return await submit(
        request,
        form,
        lambda tx, content: rolls.dry_run(tx, actor, "名册", content),
        read=lambda form: form.file("roll"),
        again=lambda db: show(request, "pool/import.html", actor, form=form),
        to=lambda roll_id: f"/pool/import/{roll_id}",
    )


def _roll(request: Request, actor: Actor, db: Session, roll_id: str, form: Form) -> Response:
    today = legal_day(shell_of(request).office.clock.now())
    found = rolls.waiting(db, roll_id, today)
    return show(request, "pool/roll.html", actor, waiting=found, form=form)


@router.get("/pool/import/{roll_id}")
def roll(actor: PoolActor, request: Request, db: ReadDb, roll_id: IdInPath) -> Response:
    """What is wrong with a file, row by row, and whom it would take in."""
    return _roll(request, actor, db, roll_id, Form())


@router.post("/pool/import/{roll_id}/take")
async def take(actor: PoolActor, request: Request, roll_id: IdInPath, form: Sent) -> Response:
    """The second step: take all of it in."""
    return await submit(
        request,
        form,
        lambda tx, _: rolls.take_in(tx, actor, roll_id),
        again=lambda db: _roll(request, actor, db, roll_id, form),
        to=HOME,
        said="roll_taken",
    )


@router.post("/pool/import/{roll_id}/drop")
async def drop(actor: PoolActor, request: Request, roll_id: IdInPath, form: Sent) -> Response:
    return await submit(
        request,
        form,
        lambda tx, _: rolls.give_up(tx, actor, roll_id),
        again=lambda db: _roll(request, actor, db, roll_id, form),
        to="/pool/import",
        said="roll_dropped",
    )


# --- Merge proposals ----------------------------------------------------------------------------


def _merges(request: Request, actor: Actor, db: Session, form: Form) -> Response:
    found = flow.merges(db)
    table = listing(request, MERGE_COLUMNS, found, sort="")
    return table.answer(request, "pool/merges.html", actor, merges=found, form=form)


@router.get("/pool/merges")
def merges(actor: PoolActor, request: Request, db: ReadDb) -> Response:
    """Records that may be one, for a person to decide."""
    return _merges(request, actor, db, Form())


@router.post("/pool/merges/search")
async def search(actor: PoolActor, request: Request, form: Sent) -> Response:
    return await submit(
        request,
        form,
        lambda tx, _: identities.search(tx, actor),
        again=lambda db: _merges(request, actor, db, form),
        to="/pool/merges",
        said="merges_searched",
    )


@router.post("/pool/merges/{proposal_id}/{answer}")
async def merge(
    actor: PoolActor,
    request: Request,
    proposal_id: IdInPath,
    answer: Literal["same", "other", "undo"],
    form: Sent,
) -> Response:
    """Confirm, reject or undo."""

    def decide(tx: Tx, _: None) -> Proposal:
        if answer == "undo":
            return identities.undo(tx, actor, proposal_id)
        return identities.decide(tx, actor, proposal_id, is_same=answer == "same")

    return await submit(
        request,
        form,
        decide,
        again=lambda db: _merges(request, actor, db, form),
        to="/pool/merges",
        said="merge_decided",
    )


# --- Appeals ------------------------------------------------------------------------------------


@router.get("/pool/appeals")
def appeals(actor: PoolActor, request: Request, db: ReadDb) -> Response:
    table = listing(request, APPEAL_COLUMNS, appraising.cases(db, actor), sort="")
    return table.answer(request, "pool/appeals.html", actor)


@router.get("/pool/appeals/{appeal_id}")
def appeal(actor: PoolActor, request: Request, db: ReadDb, appeal_id: IdInPath) -> Response:
    return appeal_page(request, actor, db, appeal_id, Form(), "/pool/appeals")


@router.post("/pool/appeals/{appeal_id}")
async def decide(actor: PoolActor, request: Request, appeal_id: IdInPath, form: Sent) -> Response:
    return await decide_appeal(request, actor, appeal_id, form, "/pool/appeals")
