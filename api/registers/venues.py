"""The registers of places: the shared directory of venues, those of other provinces too, and the rooms of
all centres. A centre keeps its own on its own pages; here the operator brings all of them in at once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import date

from sqlmodel import Session

from api.flows import upkeep
from api.registers import column as read
from api.registers.column import Column, Reader
from api.registers.register import Change, Effect, Line, Plan, Table
from archive.actor import Actor
from archive.office import Tx
from archive.words import Language
from evaluation.stations import service as stations
from evaluation.stations.inventory import rooms
from evaluation.stations.inventory import service as inventory
from evaluation.stations.opening import Opening, read_opening
from evaluation.stations.station import Equipment
from evaluation.stations.station import Venue as Installed
from evaluation.venues import service as directory
from evaluation.venues.venue import Coverage, Venue, Zone, check
from trading import spreadsheet
from trading.calendar.legal import start_of
from trading.money import Money
from trading.spreadsheet import Cells

GROUP = "evaluation.column"


# --- The shared directory -----------------------------------------------------------------


def _opening(cells: Cells, name: str) -> Opening | None:
    return cells.parsed(name, read_opening, "evaluation.venue.opening")


def _fee(cells: Cells, name: str) -> Money | None:
    return cells.parsed(name, Money.yuan, "trading.table.number")


def _some(kind: type[Zone] | type[Coverage], vocabulary: str) -> Reader:
    several = read.some_of(kind, vocabulary)
    return lambda cells, name: frozenset(several(cells, name))  # type: ignore[call-overload]


def _publish(tx: Tx, actor: Actor, venues: Sequence[Venue]) -> None:
    directory.publish(tx, actor, venues)


def _optional(name: str, reader: Reader, empty: object, vocabulary: str = "") -> Column:
    return Column(name, reader, is_optional=True, empty=empty, vocabulary=vocabulary, group=GROUP)


VENUES = Table[Venue](
    "venues",
    (
        Column("id", read.text, is_key=True, group=GROUP),
        Column("name", read.text, group=GROUP),
        Column("province", read.code, group=GROUP),
        Column("stations", read.whole, group=GROUP),
        Column("opening", _opening, group=GROUP),
        Column("overnight", read.switch, group=GROUP),
        Column("fee", _fee, group=GROUP),
        *(_optional(name, read.text, "") for name in ("meals", "lodging", "way")),
        _optional(
            "zones", _some(Zone, "api.page.venues.zone"), frozenset(), "api.page.venues.zone"
        ),
        _optional(
            "coverages",
            _some(Coverage, "api.page.venues.coverage"),
            frozenset(),
            "api.page.venues.coverage",
        ),
        _optional("agreement", read.text, ""),
        *(_optional(name, read.day, None) for name in ("agreement_from", "agreement_until")),
        _optional("division", read.code, ""),
        *(_optional(name, read.degrees, 0.0) for name in ("lon", "lat")),
    ),
    make=lambda values, _: Venue(**values),
    known=lambda db, _: directory.directory(db),
    check=lambda one, _, __, faults: check(one, directory.PROVINCE, faults),
    enter=_publish,
    change=lambda tx, actor, changes: _publish(tx, actor, [after for _, after in changes]),
)


# --- Rooms and their stations -------------------------------------------------------------


@dataclass(frozen=True)
class Row:
    """A room as a row of the table says it."""

    centre: str
    overnight: bool
    room: str
    equipment: Equipment
    stations: int


def _rows(venues: Iterable[Installed]) -> dict[tuple[str, str], Row]:
    return {
        (venue.centre_id, room.name): Row(
            venue.centre_id, venue.overnight, room.name, room.equipment, room.stations
        )
        for venue in venues
        for room in venue.rooms
    }


@dataclass(frozen=True)
class Rooms:
    """The register `rooms`, read and judged by `evaluation.stations.inventory`: a row makes its room, or
    another size of it; a room that no row names stays as it is."""

    name: str = "rooms"
    needs: str = ".csv"
    columns: tuple[Column, ...] = tuple(
        Column(name, read.text, group=GROUP, vocabulary="evaluation.equipment")
        for name in rooms.COLUMNS
    )

    def plan(self, db: Session, today: date, content: bytes) -> Plan:
        installed = {venue.centre_id: venue for venue in stations.installed(db)}
        promised = upkeep.promised(db, start_of(today))
        dry, _ = rooms.read(content, installed, upkeep.centres_with_stations(db), promised)
        known = _rows(installed.values())
        lines = []
        for line in dry.rows:
            room = line.room
            after = Row(line.centre_id, line.overnight, room.name, room.equipment, room.stations)
            before = known.get((line.centre_id, room.name))
            changes = self._changes(before, after)
            effect = Effect.NEW if before is None else Effect.CHANGED if changes else Effect.SAME
            subject = f"{line.centre_id} {room.name} ({room.stations})"
            lines.append(Line(line.number, effect, subject, changes, before, after))
        return Plan(tuple(lines), dry.faults, content)

    def take(self, tx: Tx, actor: Actor, plan: Plan) -> None:
        if plan.of(Effect.NEW, Effect.CHANGED):
            upkeep.take_table(tx, actor, upkeep.Table.ROOMS, plan.content)

    def file(self, db: Session | None, language: Language) -> bytes:
        if db is not None:
            return inventory.export_rooms(db)
        return spreadsheet.write([column.heading(language) for column in self.columns], [])

    def _changes(self, before: Row | None, after: Row) -> tuple[Change, ...]:
        if before is None:
            return ()
        return tuple(
            Change(column, getattr(before, each.name), getattr(after, each.name))
            for column, each in zip(self.columns, fields(Row), strict=True)
            if getattr(before, each.name) != getattr(after, each.name)
        )


ROOMS = Rooms()
