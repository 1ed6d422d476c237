"""The day's board: what stands where in the province now. Read from the database in one snapshot."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime

from sqlmodel import Session

from api.flows import places
from archive.clock import SHANGHAI
from archive.tasks import service as tasks
from evaluation.seating import service as seating
from evaluation.session import service as sessions
from evaluation.session.state import Stage as SessionStage
from evaluation.stations import service as stations
from trading.awards import service as awards
from trading.projects import service as projects
from trading.projects.stages import Stage


@dataclass(frozen=True)
class BoardSession:
    session_id: str
    project_name: str
    lot_id: str
    host_centre_name: str
    state: str
    """The code of the session's stage; the page has the word."""
    seats: int
    guest_centres: tuple[str, ...]
    overnight: bool
    starts_at_text: str


@dataclass(frozen=True)
class Board:
    now_text: str
    day: str
    stages: tuple[tuple[str, int], ...]
    """(code of the lot's stage, lots)."""
    sessions: tuple[BoardSession, ...]
    centres: tuple[tuple[str, int, int], ...]
    """(name, stations, guest seats given today); those that give any, most first."""
    nights: int
    dossiers: int
    tasks_waiting: int


def board(db: Session, now: datetime, day: date | None = None) -> Board:
    """The board of `day`, by default the legal day of `now`."""
    shown = day or now.astimezone(SHANGHAI).date()
    lots = {lot.id: lot for lot in projects.lots(db)}
    names = places.names(db)
    by_stage = Counter(lot.stage for lot in lots.values())
    given: Counter[str] = Counter()
    rows = []
    nights = 0
    for session in sessions.sessions(db):
        starts_at = session.state.starts_at
        if session.stage is SessionStage.VOID or starts_at is None:
            continue
        if starts_at.astimezone(SHANGHAI).date() != shown:
            continue
        seats = [s for s in seating.seats_of(db, session.id) if s.centre_id != session.centre_id]
        given.update(seat.centre_id for seat in seats)
        nights += bool(session.state.nights)
        rows.append(
            BoardSession(
                session_id=session.id,
                project_name=lots[session.lot_id].name,
                lot_id=session.lot_id,
                host_centre_name=names[session.centre_id],
                state=session.stage.value,
                seats=len(seats),
                guest_centres=tuple(sorted({names[seat.centre_id] for seat in seats})),
                overnight=session.state.is_overnight_planned,
                starts_at_text=f"{starts_at.astimezone(SHANGHAI):%m-%d %H:%M}",
            )
        )
    size: Counter[str] = Counter()
    for group in stations.groups(db):
        size[group.centre_id] += group.stations
    return Board(
        now_text=f"{now.astimezone(SHANGHAI):%Y-%m-%d %H:%M:%S}",
        day=shown.isoformat(),
        stages=tuple((stage.value, by_stage[stage]) for stage in Stage),
        sessions=tuple(sorted(rows, key=lambda row: (row.starts_at_text, row.project_name))),
        centres=tuple(
            (names[centre], size[centre], count)
            for centre, count in sorted(given.items(), key=lambda item: (-item[1], item[0]))
        ),
        nights=nights,
        dossiers=len(awards.dossiers(db)),
        tasks_waiting=tasks.waiting(db),
    )
