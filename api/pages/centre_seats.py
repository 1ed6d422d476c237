"""Stations: the plan of a day, who has no seat and why, the load of the province, and the seats that
one's own centre gives, without their projects."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from sqlmodel import Session
from starlette.responses import Response

from api.access import StaffActor
from api.flows import desk as desks
from api.flows import plans as flow
from api.flows import seat_reasons as reasons
from api.flows import seating
from api.flows.member import area_name
from api.flows.topics import BOARD, numbers
from api.pages.kit.forms import Form, Sent, submit
from api.pages.kit.listing import CODE, DAY, TEXT, Column, listing
from api.pages.kit.page import reader, show
from api.pages.svg.gantt import Bar, Row, gantt
from api.pages.svg.province import Load, province_map
from api.routes.fields import ID_PATTERN, IdInPath
from api.shell import shell_of
from api.transactions import ReadDb
from archive.actor import Actor
from archive.clock import SHANGHAI
from archive.words import Language, say
from evaluation.seating.booking import CentreSeat
from evaluation.stations.slots import day_of, holds_night, part_of, slots_on

router = APIRouter(include_in_schema=False)

FIRST_DAY, LAST_DAY = date(2000, 1, 1), date(2199, 12, 31)
Day = Annotated[date | None, Query(ge=FIRST_DAY, le=LAST_DAY)]
Task = Annotated[str, Query(pattern=rf"^$|{ID_PATTERN}")]


def asked_day(request: Request, day: date | None) -> date:
    """The day asked for, by default the legal day of tomorrow."""
    now = shell_of(request).office.clock.now()
    return day or now.astimezone(SHANGHAI).date() + timedelta(days=1)


def slot_text(slot: int, language: Language) -> str:
    """`10-21 上午`."""
    return f"{day_of(slot):%m-%d} {say(f'api.page.part.{part_of(slot).name}', {}, language)}"


SEATS: tuple[Column[CentreSeat], ...] = (
    Column("id", "seats.number", lambda seat: seat.id, TEXT),
    Column("equipment", "seats.equipment", lambda seat: seat.equipment.name, CODE, "equipment"),
    Column("from", "seats.from", lambda seat: day_of(seat.slots[0]), DAY),
    Column("part", "seats.part", lambda seat: part_of(seat.slots[0]).name, CODE, "part"),
    Column("to", "seats.to", lambda seat: day_of(seat.slots[-1]), DAY),
    Column("last", "seats.part", lambda seat: part_of(seat.slots[-1]).name, CODE, "part"),
    Column("label", "seats.booth", lambda seat: seat.label),
)


def gantt_of(
    loads: Sequence[flow.CentreLoad], day: date, language: Language, own: str = "", area: str = ""
) -> Any:
    """The stations on a day and the next: the own centre by class and, where a booth is taken or out
    of use, by booth; then the other centres of `area` (all without it) that give a seat; bars of
    seats, without what they are for."""
    columns = slots_on([day, day + timedelta(days=1)])
    rows: list[Row] = []
    for load in sorted(loads, key=lambda load: (load.id != own, load.id)):
        if load.id == own:
            for equipment, stations in sorted(load.groups.items()):
                seats = [seat for seat in load.seats if seat.equipment is equipment]
                word = say(f"api.page.equipment.{equipment.name}", {}, language)
                bars = _bars(f"{load.name} {word}", seats, columns, language)
                rows.append(Row(f"{word} · {load.name}", bars, f"{len(seats)}/{stations}"))
            rows += _booths(load, columns, language)
        elif load.seats and (not area or load.prefecture == area):
            bars = _bars(load.name, load.seats, columns, language)
            rows.append(Row(load.name, bars, f"{len(load.seats)}/{load.stations}"))
    if not any(row.bars for row in rows):
        return None
    title = say("api.page.seats.gantt", {}, language)
    return gantt(title, "", [slot_text(slot, language) for slot in columns], rows)


def _booths(load: flow.CentreLoad, columns: Sequence[int], language: Language) -> list[Row]:
    """The own booths that somebody sits in, or that are out of use; the others are drawn when somebody
    checks in, so nobody knows them."""
    rows = []
    for label in sorted({s.label for s in load.seats if s.label} | {c.label for c in load.closed}):
        seats = [seat for seat in load.seats if seat.label == label]
        bars = _bars(label, seats, columns, language)
        for closure in load.closed:
            first = max(closure.first, columns[0]) - columns[0]
            until = min(closure.until, columns[-1] + 1) - columns[0]
            if closure.label == label and first < until:
                word = say("api.page.stations.states.CLOSED", {}, language)
                title = f"{label} {word} {closure.reason}"
                href = f"/centre/stations/{load.id}/{label}"
                bars.append(Bar(first, until, word, title, "late", href))
        if bars:
            rows.append(Row(label, bars))
    return rows


def _bars(
    name: str, seats: Sequence[CentreSeat], columns: Sequence[int], language: Language
) -> list[Bar]:
    stays = Counter(
        (max(seat.slots[0], columns[0]), min(seat.slots[-1], columns[-1])) for seat in seats
    )
    bars = []
    for (first, last), count in sorted(stays.items()):
        text = say("api.page.seats.count", {"n": count}, language)
        title = f"{name} {slot_text(first, language)}–{slot_text(last, language)} {text}"
        state = "night" if holds_night(range(first, last + 1)) else ""
        bars.append(Bar(first - columns[0], last - columns[0] + 1, text, title, state))
    return bars


def map_of(loads: Sequence[flow.CentreLoad], language: Language, day: date | None = None) -> Any:
    """The province with a circle for each centre by the seats it gives, leading to its prefecture's
    board where a `day` is given."""
    shown = [
        Load(
            load.division_code,
            len(load.seats),
            f"{load.name} {say('api.page.seats.of', counts, language)}",
            f"/centre/seats?day={day}&area={load.prefecture}" if day else "",
        )
        for load in loads
        if (counts := {"n": len(load.seats), "stations": load.stations})
    ]
    return province_map(say("api.page.seats.map", {}, language), "", shown)


Area = Annotated[str, Query(pattern=r"^([0-9]{4}|all)?$")]
ALL = "all"


def home_area(loads: Sequence[flow.CentreLoad], own: str) -> str:
    """The prefecture of a centre, if a seat is given there; nothing otherwise."""
    home = next((load.prefecture for load in loads if load.id == own), "")
    return home if any(load.seats for load in loads if home and load.prefecture == home) else ""


def _known(request: Request, actor: Actor, db: Session, day: date, area: str) -> dict[str, Any]:
    language, loads = reader(request), flow.loads(db, day)
    vault = shell_of(request).office.vault
    mine = next((load for load in loads if load.id == actor.centre_id), None)
    area = area or home_area(loads, actor.centre_id) or ALL
    seats = flow.day_of_seats(db, vault, actor, day)
    areas = sorted({load.prefecture for load in loads} - {""})
    return {
        "day": day,
        "day_before": max(FIRST_DAY, day - timedelta(days=1)),
        "day_after": min(LAST_DAY, day + timedelta(days=1)),
        "area": area,
        "areas": [(code, area_name(code + "00")) for code in areas],
        "seats": seats,
        "newest": reasons.page(db, vault, actor, seats.plans[0].id) if seats.plans else None,
        "given": sum(len(load.seats) for load in loads if load.prefecture),
        "stations": sum(load.stations for load in loads if load.prefecture),
        "abroad": sum(len(load.seats) for load in loads if not load.prefecture),
        "gantt": gantt_of(loads, day, language, actor.centre_id, "" if area == ALL else area),
        "map": map_of(loads, language, day),
        "own": listing(request, SEATS, mine.seats if mine else (), sort="from", name="own"),
    }


def _page(
    request: Request,
    actor: Actor,
    db: Session,
    day: date,
    form: Form,
    task: str = "",
    area: str = "",
) -> Response:
    seq = numbers(db, [BOARD])[BOARD]
    known = _known(request, actor, db, day, area)
    return show(request, "centre/seats.html", actor, form=form, task=task, seq=seq, **known)


@router.get("/centre/seats")
def seats(
    actor: StaffActor,
    request: Request,
    db: ReadDb,
    day: Day = None,
    task: Task = "",
    area: Area = "",
) -> Response:
    """The plan of a day, by default of tomorrow; the board of the own prefecture first."""
    chosen = asked_day(request, day)
    return _page(request, actor, db, chosen, Form({"day": chosen.isoformat()}), task, area)


@router.get("/fragments/centre/seats")
def fragment(
    actor: StaffActor, request: Request, db: ReadDb, day: Day = None, area: Area = ""
) -> Response:
    """The same when a plan was confirmed."""
    known = _known(request, actor, db, asked_day(request, day), area)
    return show(request, "centre/_seats.html", actor, **known)


@router.post("/centre/seats")
async def plan(actor: StaffActor, request: Request, form: Sent) -> Response:
    """Ask for the plan of a day."""
    day = asked_day(request, None)
    return await submit(
        request,
        form,
        lambda tx, chosen: (chosen, flow.ask_plan(tx, actor, chosen)),
        read=lambda form: form.day("day"),
        again=lambda db: _page(request, actor, db, day, form),
        to=lambda asked: f"/centre/seats?day={asked[0]}&task={asked[1]}",
        said="plan_asked",
    )


@router.post("/centre/lots/{lot_id}/reseating")
async def reseat(actor: StaffActor, request: Request, lot_id: IdInPath, form: Sent) -> Response:
    """Seat those of a committee who have no station, everybody else staying."""
    day = asked_day(request, None)

    def call(tx: Any, _: None) -> tuple[str, ...]:
        desks.own_lot(tx.db, actor, lot_id)
        return seating.reseat(tx, actor, lot_id)

    return await submit(
        request,
        form,
        call,
        again=lambda db: _page(request, actor, db, day, form),
        to=f"/centre/lots/{lot_id}/session",
        said="reseated",
    )


@router.post("/centre/lots/{lot_id}/substitution")
async def substitute(actor: StaffActor, request: Request, lot_id: IdInPath, form: Sent) -> Response:
    """Replace those for whom there is no station by the next ranks, who are called at once."""
    day = asked_day(request, None)
    return await submit(
        request,
        form,
        lambda tx, _: desks.substitute_unseated(tx, actor, lot_id),
        again=lambda db: _page(request, actor, db, day, form),
        to=f"/centre/lots/{lot_id}/draw",
        said="substituted",
    )
