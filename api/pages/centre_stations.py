"""The stations of a centre: which are open and calibrated, the history of each, and tables in and out."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from sqlmodel import Session
from starlette.responses import Response

from api.access import StaffActor
from api.flows import upkeep as flow
from api.pages.centre_seats import slot_text
from api.pages.kit.forms import Form, Sent, attempt, submit
from api.pages.kit.listing import CODE, DAY, NUMBER, Choice, Column, listing
from api.pages.kit.page import attachment, reader, show, words_of
from api.routes.fields import IdInPath
from api.shell import shell_of
from api.transactions import ReadDb
from archive.actor import Actor
from archive.clock import SHANGHAI
from evaluation.stations.station import Equipment
from evaluation.stations.upkeep.calibrations import Calibration

router = APIRouter(include_in_schema=False)
HOME = "/centre/stations"
YEAR = timedelta(days=365)
CentreInPath = Annotated[str, Path(pattern=r"^[0-9A-Za-z-]{1,40}$")]
LabelInPath = Annotated[str, Path(max_length=30)]


def href(line: flow.BoothLine) -> str:
    return f"{HOME}/{line.centre_id}/{line.label}"


BOOTHS: tuple[Column[flow.BoothLine], ...] = (
    Column("label", "seats.booth", lambda line: line.label, href=href),
    Column("centre", "lot.centre", lambda line: line.centre),
    Column("equipment", "seats.equipment", lambda line: line.equipment.name, CODE, "equipment"),
    Column("state", "stations.state", lambda line: str(line.state), CODE, "stations.states"),
    Column("until", "stations.calibrated_until", lambda line: line.calibrated_until, DAY),
    Column("faults", "stations.faults", lambda line: line.faults, NUMBER),
)


def _list(request: Request, actor: Actor, db: Session, form: Form) -> Response:
    now = shell_of(request).office.clock.now()
    states = words_of(request, "stations.states", flow.State)
    classes = words_of(request, "equipment", [one.name for one in Equipment])
    choices = (
        Choice[flow.BoothLine]("state", "stations.state", lambda line: str(line.state), states),
        Choice[flow.BoothLine](
            "equipment", "seats.equipment", lambda line: line.equipment.name, classes
        ),
    )
    table = listing(request, BOOTHS, flow.booths(db, actor, now), choices=choices, sort="label")
    return table.answer(
        request,
        "centre/stations.html",
        actor,
        form=form,
        kinds=words_of(request, "stations.table", flow.Table),
    )


@router.get(HOME)
def stations(actor: StaffActor, request: Request, db: ReadDb) -> Response:
    """The booths, and the tables."""
    return _list(request, actor, db, Form())


@router.get(HOME + "/tables/{table}")
def table(actor: StaffActor, db: ReadDb, table: flow.Table) -> Response:
    """Rooms or calibrations as a table that can be changed and sent again."""
    return attachment(f"{table.lower()}.csv", flow.table_of(db, actor, table))


@router.post(HOME)
async def take(actor: StaffActor, request: Request, form: Sent) -> Response:
    """Try a table, which stores nothing, or take it in."""

    def read(form: Form) -> tuple[flow.Table, bytes]:
        return form.choice("kind", flow.Table), form.file("table")

    now = shell_of(request).office.clock.now()

    def again(db: Session) -> Response:
        content = form.files.get("table", b"")
        if content and form.value("kind") in tuple(flow.Table):
            tried = flow.try_table(db, actor, flow.Table(form.value("kind")), content, now)
            if tried.faults:  # each at its row
                return show(request, "centre/stations_trial.html", actor, tried=tried)
        return _list(request, actor, db, form)

    if form.value("trial") == "yes":
        return await attempt(
            request,
            form,
            lambda db, sent: show(
                request,
                "centre/stations_trial.html",
                actor,
                tried=flow.try_table(db, actor, *sent, now),
            ),
            read=read,
            again=again,
        )
    return await submit(
        request,
        form,
        lambda tx, sent: flow.take_table(tx, actor, *sent),
        read=read,
        again=again,
        to=HOME,
        said="stations_taken",
        places={"/rows": "/table"},
    )


def _booth(
    request: Request, actor: Actor, db: Session, place: tuple[str, str], form: Form
) -> Response:
    now, language = shell_of(request).office.clock.now(), reader(request)
    today = now.astimezone(SHANGHAI).date()
    return show(
        request,
        "centre/station.html",
        actor,
        form=form,
        booth=flow.booth(db, actor, *place, now),
        slots=[(slot, slot_text(slot, language)) for slot in flow.coming_slots(now)],
        slot_text=lambda slot: slot_text(slot, language),
        today=today,
        next_year=today + YEAR,
    )


@router.get(HOME + "/{centre_id}/{label}")
def booth(
    actor: StaffActor, request: Request, db: ReadDb, centre_id: CentreInPath, label: LabelInPath
) -> Response:
    """One booth with its calibrations and faults."""
    return _booth(request, actor, db, (centre_id, label), Form())


async def _act(
    request: Request,
    actor: Actor,
    place: tuple[str, str],
    form: Form,
    call: Any,
    said: str,
    read: Any = lambda form: None,
) -> Response:
    return await submit(
        request,
        form,
        call,
        read=read,
        again=lambda db: _booth(request, actor, db, place, form),
        to=f"{HOME}/{place[0]}/{place[1]}",
        said=said,
        places={"/until": "/last"},
    )


@router.post(HOME + "/{centre_id}/{label}/calibration")
async def calibrate(
    actor: StaffActor, request: Request, centre_id: CentreInPath, label: LabelInPath, form: Sent
) -> Response:
    """Put a calibration on file."""
    return await _act(
        request,
        actor,
        (centre_id, label),
        form,
        lambda tx, one: flow.calibrate(tx, actor, one),
        "calibrated",
        lambda form: Calibration(
            centre_id,
            label,
            form.day("done_on"),
            form.day("valid_until"),
            form.text("certificate"),
        ),
    )


@router.post(HOME + "/{centre_id}/{label}/maintenance")
async def maintain(
    actor: StaffActor, request: Request, centre_id: CentreInPath, label: LabelInPath, form: Sent
) -> Response:
    """Close the booth for a while."""
    return await _act(
        request,
        actor,
        (centre_id, label),
        form,
        lambda tx, said: flow.maintain(tx, actor, centre_id, label, *said),
        "station_closed",
        lambda form: (form.whole("first"), form.whole("last") + 1, form.text("reason")),
    )


@router.post(HOME + "/{centre_id}/{label}/closures/{closure_id}/end")
async def reopen(
    actor: StaffActor,
    request: Request,
    centre_id: CentreInPath,
    label: LabelInPath,
    closure_id: IdInPath,
    form: Sent,
) -> Response:
    """The booth is in use again."""
    return await _act(
        request,
        actor,
        (centre_id, label),
        form,
        lambda tx, _: flow.reopen(tx, actor, centre_id, label, closure_id),
        "station_reopened",
    )
