"""My centre among the others: seats given and received, and the shared directory."""

from __future__ import annotations

from fastapi import APIRouter, Request
from sqlmodel import Session
from starlette.responses import Response

from api.access import StaffActor
from api.flows import give_and_take as flow
from api.flows.upkeep import Entry
from api.flows.upkeep import directory as directory_now
from api.pages.kit.forms import Form, Sent, attempt, submit
from api.pages.kit.listing import DAY, MONEY, NUMBER, Column, listing
from api.pages.kit.page import attachment, reader, show
from api.shell import shell_of
from api.transactions import ReadDb
from archive.actor import Actor
from archive.clock import SHANGHAI
from archive.words import Language, say
from evaluation.stations.opening import Opening
from evaluation.venues import service as venues
from evaluation.venues import sheet
from evaluation.venues.venue import Coverage, Zone

router = APIRouter(include_in_schema=False)


def _calibrated(entry: Entry) -> str:
    """How many of the stations with a calibration on file have one that is good today."""
    condition = entry.condition
    return f"{condition.calibrated}/{condition.on_file}" if condition.on_file else ""


PARTNERS: tuple[Column[flow.Partner], ...] = (
    Column("name", "lot.centre", lambda partner: partner.name),
    Column("given", "accounts.given", lambda partner: partner.given, NUMBER),
    Column("received", "accounts.received", lambda partner: partner.received, NUMBER),
    Column("balance", "accounts.balance", lambda partner: partner.balance, NUMBER),
)


def opening_text(opening: Opening, language: Language) -> str:
    """`Mon–Fri morning afternoon`; one such run for each set of hours."""

    def word(code: object) -> str:
        return say(f"api.page.{code}", {}, language)

    return "; ".join(
        word(f"weekday.{first}")
        + (f"–{word(f'weekday.{last}')}" if last > first else "")
        + " "
        + " ".join(word(f"part.{part.name}") for part in sorted(parts))
        for first, last, parts in opening.runs
        if parts
    )


def venue_columns(language: Language) -> tuple[Column[Entry], ...]:
    """The columns of the directory."""

    def opening(entry: Entry) -> str:
        return opening_text(entry.venue.opening, language)

    return (
        Column("name", "lot.centre", lambda entry: entry.venue.name),
        Column("province", "venues.province", lambda entry: entry.venue.province),
        Column("stations", "venues.stations", lambda entry: entry.venue.stations, NUMBER),
        Column("opening", "venues.opening", opening),
        Column("fee", "venues.fee", lambda entry: entry.venue.fee, MONEY),
        Column("meals", "venues.meals", lambda entry: entry.venue.meals),
        Column("lodging", "venues.lodging", lambda entry: entry.venue.lodging),
        Column("missing", "venues.missing", lambda entry: len(entry.venue.missing), NUMBER),
        Column("calibrated", "venues.calibrated", _calibrated),
        Column("faults", "stations.faults", lambda entry: entry.condition.faults, NUMBER),
        Column("until", "venues.agreement_until", lambda entry: entry.venue.agreement_until, DAY),
    )


@router.get("/centre/accounts")
def accounts(actor: StaffActor, request: Request, db: ReadDb) -> Response:
    """Seats given and received, by month and by partner."""
    today = shell_of(request).office.clock.now().astimezone(SHANGHAI).date()
    found, language = flow.give_and_take(db, actor, today), reader(request)
    words = [say(f"api.page.accounts.{name}", {}, language) for name in ("given", "received")]
    series = [
        (words[0], [month.given for month in found.months]),
        (words[1], [month.received for month in found.months]),
    ]
    table = listing(request, PARTNERS, found.partners, name="partners")
    months = [month.month for month in found.months]
    return table.answer(
        request, "centre/accounts.html", actor, found=found, months=months, series=series
    )


def _directory(request: Request, actor: Actor, db: Session, form: Form) -> Response:
    shown = directory_now(db, shell_of(request).office.clock.now())
    table = listing(request, venue_columns(reader(request)), shown, name="venues")
    own = venues.entry(db, actor.centre_id) if actor.centre_id else None
    return table.answer(
        request,
        "centre/directory.html",
        actor,
        form=form,
        own=own,
        own_opening=opening_text(own.opening, reader(request)) if own else "",
        zones=tuple(Zone),
        coverages=tuple(Coverage),
    )


@router.get("/centre/directory")
def directory(actor: StaffActor, request: Request, db: ReadDb) -> Response:
    """The shared directory of seats, and the own entry."""
    return _directory(request, actor, db, Form())


@router.get("/centre/directory/table")
def table(actor: StaffActor, db: ReadDb) -> Response:
    """The directory as a table that can be changed and sent again; the own entry where there is one."""
    own = venues.entry(db, actor.centre_id) if actor.centre_id else None
    found = [own] if own else venues.directory(db) if not actor.centre_id else []
    return attachment("venues.csv", sheet.write(found))


@router.post("/centre/directory")
async def publish(actor: StaffActor, request: Request, form: Sent) -> Response:
    """Try a table, or publish it: every fault by its row; a trial stores nothing."""

    def read(form: Form) -> bytes:
        return form.file("table")

    def again(db: Session) -> Response:
        dry = sheet.read(form.files.get("table", b""), venues.PROVINCE)
        if form.files.get("table") and dry.faults:  # each at its row
            return show(request, "centre/directory_trial.html", actor, dry=dry)
        return _directory(request, actor, db, form)

    if form.value("trial") == "yes":
        return await attempt(
            request,
            form,
            lambda _, content: show(
                request,
                "centre/directory_trial.html",
                actor,
                dry=venues.try_sheet(actor, content),
            ),
            read=read,
            again=again,
        )
    return await submit(
        request,
        form,
        lambda tx, content: venues.publish_sheet(tx, actor, content),
        read=read,
        again=again,
        to="/centre/directory",
        said="directory_published",
        places={"/rows": "/table"},
    )
