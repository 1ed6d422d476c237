"""Pages of the administrative supervisor: the wall, one session in focus, all draws with their proof."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from enum import StrEnum
from typing import Any

from fastapi import APIRouter, Request
from sqlmodel import Session
from starlette.responses import PlainTextResponse, Response

from api.access import SupervisorActor
from api.flows import keeping
from api.flows import watch as flow
from api.flows.acting import Acting, acting
from api.flows.member import text_digest
from api.flows.places import names as names_of_places
from api.flows.topics import BOARD, numbers
from api.pages.entry_words import entry_values, story_sentences
from api.pages.kit.forms import Form, Sent, submit
from api.pages.kit.listing import CODE, MOMENT, NUMBER, Choice, Column, listing
from api.pages.kit.page import playing, reader, show, words_of
from api.routes.fields import IdInPath, NumberInPath
from api.shell import shell_of
from api.transactions import ReadDb
from archive.actor import Actor, Role
from archive.errors import Refusal
from archive.office import Tx
from archive.words import say
from evaluation.session import commands as c
from evaluation.session import service as sessions
from evaluation.session.session import Session as Review
from evaluation.session.state import SealFinding
from experts.draws.request import State

router = APIRouter(include_in_schema=False)
HOME = "/supervisor/sessions"


class Order(StrEnum):
    """What may be ordered on the spot; the list of `evaluation.witness.events`."""

    SILENCE = "SILENCE"
    SEPARATE = "SEPARATE"
    ESCORT = "ESCORT"
    HAND_OVER_PHONE = "HAND_OVER_PHONE"
    STOP = "STOP"
    EXPLAIN = "EXPLAIN"


class VoidFor(StrEnum):
    """Why a committee's work is declared void."""

    LATE_HIT = "LATE_HIT"
    TAMPERED = "TAMPERED"
    EXHAUSTED = "EXHAUSTED"
    PROCEDURE = "PROCEDURE"


DRAWS_SHOWN = 20
"""On one page: each row in sight is verified anew."""
DRAW_COLUMNS: tuple[Column[flow.DrawLine], ...] = (
    Column("centre", "watch.centre", lambda draw: draw.centre),
    Column(
        "number",
        "watch.number",
        lambda draw: draw.number,
        NUMBER,
        href=lambda draw: f"/supervisor/draws/{draw.id}",
    ),
    Column("lot", "watch.lot", lambda draw: draw.lot),
    Column("state", "watch.state", lambda draw: draw.state, CODE, words="watch.draw_state"),
    Column("evaluation", "watch.evaluation", lambda draw: draw.evaluation_at, MOMENT),
    Column("candidates", "watch.candidates", lambda draw: draw.candidates, NUMBER),
    Column("excluded", "watch.excluded", lambda draw: draw.excluded, NUMBER),
    Column(
        "proof",
        "watch.proof",
        lambda _: "TO_VERIFY",
        CODE,
        words="watch",
        is_sorted=False,
        part=lambda draw: f"/fragments/supervisor/draws/{draw.id}",
    ),
)


# --- The wall ---------------------------------------------------------------------------------


def _tiles(request: Request, db: Session, actor: Actor) -> list[flow.Tile]:
    shell = shell_of(request)
    tiles = flow.wall(db, actor, shell.watches, shell.real_now())
    return [_named(request, db, tile) for tile in tiles]


PERSONS = frozenset({"witness", "incoming", "outgoing", "to"})
"""Fields of witness events that hold an account."""


def _named(request: Request, db: Session, tile: flow.Tile) -> flow.Tile:
    """The tile with the persons of its newest event in words instead of their accounts."""
    if tile.last is None or PERSONS.isdisjoint(tile.last.params):
        return tile
    people = people_of(request, db, sessions.session(db, tile.id), names_of_places(db))
    params = {
        name: people.get(str(value), people[""]) if name in PERSONS else value
        for name, value in tile.last.params.items()
    }
    return replace(tile, last=replace(tile.last, params=params))


@router.get("/supervisor/wall")
def wall(actor: SupervisorActor, request: Request, db: ReadDb) -> Response:
    """All sessions that are not over."""
    seq = numbers(db, [BOARD])[BOARD]
    return show(request, "supervisor/wall.html", actor, tiles=_tiles(request, db, actor), seq=seq)


@router.get("/fragments/supervisor/wall")
def wall_part(actor: SupervisorActor, request: Request, db: ReadDb) -> Response:
    return show(request, "supervisor/_wall.html", actor, tiles=_tiles(request, db, actor))


# --- One session ------------------------------------------------------------------------------


def people_of(
    request: Request,
    db: Session,
    session: Review,
    centres: Mapping[str, str],
    *,
    is_desk: bool = False,
) -> dict[str, str]:
    """Account → who that is, in words; "" for whoever is not known. At the desk, where a watch is handed over to an
    account, supervisors who are alike have theirs beside."""
    language = reader(request)

    def words(account: str, who: Acting) -> str:
        if who.seat:
            return say("api.page.watch.who_seat", {"seat": who.seat}, language)
        number = str(who.number or "")
        if number and is_desk and who.role is Role.SUPERVISOR:
            number = f"{number} ({account})"
        parts = [say(f"api.page.role.{who.role}", {}, language), centres.get(who.centre, "")]
        return " · ".join(part for part in [*parts, number] if part)

    is_demo = shell_of(request).settings.is_demo
    people = {one: words(one, who) for one, who in acting(db, session, is_demo=is_demo).items()}
    return people | {"": say("api.page.watch.who_other", {}, language)}


def _focus(
    request: Request, db: Session, actor: Actor, session_id: str, form: Form, template: str
) -> Response:
    found = flow.focus(db, actor, session_id, shell_of(request).watches)
    topic = f"session/{session_id}"
    orders = words_of(request, "watch.orders", Order)
    page = show(
        request,
        template,
        actor,
        focus=found,
        kept=keeping.of_session(db, actor, session_id),
        sentences=story_sentences(reader(request)),
        orders=orders,
        findings=words_of(request, "evaluation.seal_finding", SealFinding),
        people=people_of(request, db, found.session, found.centres),
        values=[*found.centres.items(), *entry_values(reader(request))],
        void_for=words_of(request, "reevaluation.causes", VoidFor),
        seats=[(m.seat_code, m.seat_code) for m in found.session.state.sitting],
        form=form,
        seq=numbers(db, [topic])[topic],
    )
    return playing(page)


@router.get(HOME + "/{session_id}")
def focus(actor: SupervisorActor, request: Request, db: ReadDb, session_id: IdInPath) -> Response:
    """One session with its events, verified in the browser."""
    return _focus(request, db, actor, session_id, Form(), "supervisor/session.html")


@router.get("/fragments" + HOME + "/{session_id}")
def focus_part(
    actor: SupervisorActor, request: Request, db: ReadDb, session_id: IdInPath
) -> Response:
    return _focus(request, db, actor, session_id, Form(), "supervisor/_session.html")


@router.get(HOME + "/{session_id}/words/{seq}")
def words(
    actor: SupervisorActor, request: Request, db: ReadDb, session_id: IdInPath, seq: NumberInPath
) -> Response:
    """The words of a note or an order, byte by byte as they were digested."""
    vault = shell_of(request).office.vault
    return PlainTextResponse(flow.words_of_event(db, vault, actor, session_id, seq))


async def _do(
    request: Request,
    actor: Actor,
    session_id: str,
    form: Form,
    call: Callable[[Tx], Any],
    said: str,
) -> Response:
    """One act of the supervisor, and back to the session."""
    return await submit(
        request,
        form,
        lambda tx, _: call(tx),
        again=lambda db: _focus(request, db, actor, session_id, form, "supervisor/session.html"),
        to=f"{HOME}/{session_id}",
        said=said,
    )


@router.post(HOME + "/{session_id}/note")
async def note(
    actor: SupervisorActor, request: Request, session_id: IdInPath, form: Sent
) -> Response:
    """Put a remark on the record."""

    def write(tx: Tx) -> None:
        text = form.text("words", long=True)
        form.refuse()
        flow.remark(tx, actor, session_id, text, text_digest(text))

    return await _do(request, actor, session_id, form, write, "remark_recorded")


@router.post(HOME + "/{session_id}/order")
async def order(
    actor: SupervisorActor, request: Request, session_id: IdInPath, form: Sent
) -> Response:
    """Give an order on the spot."""

    def write(tx: Tx) -> None:
        what = form.choice("order", Order)
        seat = form.text("seat", is_required=False)
        text = form.text("order_words", is_required=False, long=True)
        form.refuse()
        flow.order(tx, actor, session_id, what.value, seat, text, text_digest(text))

    return await _do(request, actor, session_id, form, write, "order_given")


@router.post(HOME + "/{session_id}/recordings")
async def recordings(
    actor: SupervisorActor, request: Request, session_id: IdInPath, form: Sent
) -> Response:
    """Forbid the deletion of security video, or allow it again."""
    is_hold = form.value("do") == "hold"

    def write(tx: Tx) -> None:
        text = form.text("hold_words", long=True)
        form.refuse()
        act = keeping.hold if is_hold else keeping.release
        act(tx, actor, session_id, text)

    said = "recordings_held" if is_hold else "recordings_released"
    return await _do(request, actor, session_id, form, write, said)


@router.post(HOME + "/{session_id}/stations")
async def station(
    actor: SupervisorActor, request: Request, session_id: IdInPath, form: Sent
) -> Response:
    """Bind a station in a sealed night, of which a venue has read out the fingerprint."""

    def write(tx: Tx) -> None:
        name, key = form.text("station"), form.text("key")
        form.refuse()
        flow.accept_station(tx, actor, session_id, name, key)

    return await _do(request, actor, session_id, form, write, "station_bound")


@router.post(HOME + "/{session_id}/stations/decline")
async def decline_station(
    actor: SupervisorActor, request: Request, session_id: IdInPath, form: Sent
) -> Response:
    """Do not bind it, and say why."""

    def write(tx: Tx) -> None:
        name, key = form.text("station"), form.text("key")
        reason = form.text(f"decline.{name}", long=True)
        form.refuse()
        flow.decline_station(tx, actor, session_id, name, key, reason)

    return await _do(request, actor, session_id, form, write, "station_declined")


ACTS: dict[str, tuple[Callable[[Form], c.Command], str]] = {
    "approve": (lambda form: c.ApprovePause(), "pause_approved"),
    "refuse": (lambda form: c.RefusePause(form.value("reason") or "other"), "pause_refused"),
    "seal": (
        lambda form: c.WitnessSeal(form.value("venue"), form.text("number")),
        "seal_witnessed",
    ),
    "unseal": (
        lambda form: c.WitnessUnseal(
            form.value("venue"), form.text("number"), form.choice("finding", SealFinding)
        ),
        "unseal_witnessed",
    ),
    "mend": (lambda form: c.ResolveFault(), "fault_mended"),
    "void": (
        lambda form: c.VoidSession(form.choice("void_for", VoidFor).value),
        "session_voided",
    ),
}
"""What a supervisor does with a session by one button, and what is said afterwards."""


@router.post(HOME + "/{session_id}/acts/{act}")
async def act(
    actor: SupervisorActor, request: Request, session_id: IdInPath, act: IdInPath, form: Sent
) -> Response:
    """Approve or refuse a pause, witness a seal or an unsealing, find a fault mended."""
    if act not in ACTS:
        raise Refusal("api.watch.no_act", {"act": act})
    make, said = ACTS[act]

    def write(tx: Tx) -> None:
        command = make(form)
        form.refuse()
        flow.act(tx, actor, session_id, command)

    return await _do(request, actor, session_id, form, write, said)


# --- Draws ------------------------------------------------------------------------------------


@router.get("/supervisor/draws")
def draws(actor: SupervisorActor, request: Request, db: ReadDb) -> Response:
    """Every draw; each row asks for its own proof."""
    found = flow.all_draws(db, actor)
    states = Choice[flow.DrawLine](
        "state",
        "watch.state",
        lambda draw: draw.state,
        words_of(request, "watch.draw_state", State),
    )
    table = listing(
        request,
        DRAW_COLUMNS,
        found,
        choices=[states],
        sort="-evaluation",
        page_rows=DRAWS_SHOWN,
    )
    counts: dict[str, int] = {}
    for draw in table.kept:
        for code, count in draw.reasons.items():
            counts[code] = counts.get(code, 0) + count
    order = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return table.answer(request, "supervisor/draws.html", actor, counts=order)


@router.get("/supervisor/draws/{draw_id}")
def draw(actor: SupervisorActor, request: Request, db: ReadDb, draw_id: IdInPath) -> Response:
    """One draw, verified step by step."""
    return show(request, "supervisor/draw.html", actor, proof=flow.proof(db, actor, draw_id))


@router.get("/fragments/supervisor/draws/{draw_id}")
def draw_part(actor: SupervisorActor, request: Request, db: ReadDb, draw_id: IdInPath) -> Response:
    return show(request, "supervisor/_proof.html", actor, proof=flow.proof(db, actor, draw_id))
