"""What the administrative supervisor watches: all sessions on one wall, one session in focus, and
every draw with its proof.

A supervisor watches the lots that name his department. The wall is read from the sessions' states and from their streams; it names seats and venues, never
a person. What a page shows live comes from the witness socket and is checked in the browser.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from sqlmodel import Session as Db

from api.flows import sealing
from api.flows.places import names as names_of_places
from api.flows.story import Event, Reading
from archive.actor import Actor
from archive.errors import Kind, Refusal
from archive.journal import service as journal
from archive.journal.entry import Entry
from archive.office import Tx
from archive.vault import Vault
from evaluation.session import commands as c
from evaluation.session import service as sessions
from evaluation.session.session import Session
from evaluation.session.state import FINAL, IncidentKind, Stage
from evaluation.witness.keeping.service import Watches, is_kept
from evaluation.witness.service import record_event
from evaluation.witness.stations import service as stations
from evaluation.witness.stations.service import Wanted
from evaluation.witness.watch import Watch
from experts.draws import service as draws
from experts.draws.service import Draw
from experts.draws.verify import Step, is_valid, verify_transcript
from experts.invitations.calls import service as telephone
from experts.invitations.calls.service import Doubt
from trading.acting import watches
from trading.parties import service as parties
from trading.projects import service as projects

WORDS_PREFIX = "witness-"
NIGHT_STAGES = frozenset({Stage.SEALING, Stage.SEALED_OVERNIGHT, Stage.UNSEALING})


@dataclass(frozen=True)
class Tile:
    """One session on the wall. `alarms`: kinds that were raised and not cleared, with the venue."""

    id: str
    lot: str
    host: str
    stage: str
    starts_at: datetime | None
    venues: int
    members: int
    admitted: int
    night: int
    """Which night it is in, from 1; 0 for none."""
    last: Event | None
    alarms: tuple[tuple[str, str], ...]
    incident: str
    """The kind of an incident that is not mended."""
    is_kept: bool = True
    """Whether somebody writes down its alarms."""

    @property
    def is_urgent(self) -> bool:
        return (
            bool(self.alarms or self.incident or not self.is_kept)
            or self.stage == Stage.PAUSE_REQUESTED
        )


@dataclass(frozen=True)
class Focus:
    """One session with what its page shows."""

    session: Session
    lot: str
    host: str
    centres: Mapping[str, str]
    """Names of all centres by id."""
    saved: Mapping[str, bool]
    """By seat: whether a sheet was begun."""
    asked: tuple[Wanted, ...]
    """Stations that only the supervisor can bind, for the session is sealed."""

    @property
    def is_over(self) -> bool:
        return self.session.stage in FINAL

    @property
    def may_mend(self) -> bool:
        found = self.session.state.incidents
        return self.session.stage is Stage.INCIDENT and found[-1].kind is IncidentKind.FAULT


@dataclass(frozen=True)
class DrawLine:
    """A draw in the list: counts only."""

    id: str
    number: int
    centre: str
    lot: str
    state: str
    evaluation_at: datetime
    candidates: int
    excluded: int
    reasons: Mapping[str, int]
    """How many candidates each rule excluded; one may be excluded by several."""


@dataclass(frozen=True)
class Proof:
    """A draw with the steps of its verification."""

    draw: Draw
    lot: str
    centre: str
    request: Mapping[str, object]
    reasons: Mapping[str, int]
    steps: tuple[Step, ...]
    is_valid: bool
    head_stands: bool
    """Whether the last hash of the transcript's chain is the one on the stream of the draw."""
    doubts: tuple[Doubt, ...]
    """Replies of the calling service that did not count."""


# --- The wall ---------------------------------------------------------------------------------


def watched(db: Db, actor: Actor, found: Iterable[Session]) -> list[Session]:
    """Those of the sessions whose lots the actor watches."""
    lots = {lot.id for lot in projects.lots(db) if watches(actor, lot.supervisor_uscc)}
    return [session for session in found if session.lot_id in lots]


def wall(db: Db, actor: Actor, known: Watches, real_now: datetime) -> list[Tile]:
    """A tile for each session of the actor's that is not over, the urgent ones first, then by
    stage's order."""
    lots = {lot.id: lot.name for lot in projects.lots(db)}
    open_stages = [stage for stage in Stage if stage not in FINAL]
    found = watched(db, actor, sessions.sessions(db, stages=open_stages))
    reading = Reading(db, names_of_places(db))
    tiles = [
        replace(
            _tile(db, session, lots[session.lot_id], reading, known.of(db, session.id)),
            is_kept=is_kept(db, session, real_now),
        )
        for session in found
    ]
    order = {stage.value: number for number, stage in enumerate(Stage)}
    return sorted(tiles, key=lambda tile: (not tile.is_urgent, order[tile.stage], tile.id))


def _last(db: Db, watch: Watch) -> Entry | None:
    """The newest entry that is no mere sign of life."""
    stream = f"session/{watch.session}"
    return next(journal.entries(db, stream, watch.told, watch.told + 1), None)


def _tile(db: Db, session: Session, lot: str, reading: Reading, watch: Watch) -> Tile:
    state, centres = session.state, reading.centres
    last = _last(db, watch)
    incident = state.incidents[-1] if state.incidents else None
    return Tile(
        id=session.id,
        lot=lot,
        host=centres.get(state.host, state.host),
        stage=state.stage.value,
        starts_at=state.starts_at,
        venues=len(state.venues),
        members=len(state.sitting),
        admitted=sum(member.is_admitted for member in state.sitting),
        night=len(state.nights) if state.stage in NIGHT_STAGES else 0,
        last=reading.event(last) if last else None,
        alarms=tuple(
            sorted({(key.alarm.value, centres.get(key.venue, key.venue)) for key in watch.raised})
        ),
        incident=incident.kind.value if incident and incident.resolved_at is None else "",
    )


# --- One session ------------------------------------------------------------------------------


def seen(db: Db, actor: Actor, session_id: str) -> Session:
    """The session; NOT_FOUND for a supervisor of another department."""
    session = sessions.session(db, session_id)
    if not watches(actor, projects.lot(db, session.lot_id).supervisor_uscc):
        raise Refusal("api.session.unknown", {"session": session_id}, Kind.NOT_FOUND)
    return session


def focus(db: Db, actor: Actor, session_id: str, known: Watches) -> Focus:
    """One session with its seats; NOT_FOUND."""
    session = seen(db, actor, session_id)
    centres = names_of_places(db)
    begun = known.of(db, session_id).begun
    is_sealed = session.stage is Stage.SEALED_OVERNIGHT
    return Focus(
        session=session,
        lot=projects.lot(db, session.lot_id).name,
        host=centres.get(session.centre_id, session.centre_id),
        centres=centres,
        saved={m.seat_code: m.seat_code in begun for m in session.state.sitting},
        asked=tuple(stations.asked(db, session_id).values()) if is_sealed else (),
    )


def words_of_event(db: Db, vault: Vault, actor: Actor, session_id: str, seq: int) -> str:
    """The words that entry `seq` has, of a note or an order; NOT_FOUND for one without, and for other documents."""
    seen(db, actor, session_id)
    for entry in journal.entries(db, f"session/{session_id}", seq, seq + 1):
        for found in entry.documents:
            if found.name.startswith(WORDS_PREFIX):
                return vault.get(found.sha256).decode()
    raise Refusal("api.watch.no_words", {"session": session_id, "seq": seq}, Kind.NOT_FOUND)


def remark(tx: Tx, actor: Actor, session_id: str, words: str, digest: str) -> None:
    """Put a remark on the record; its words are kept beside it."""
    seen(tx.db, actor, session_id)
    record_event(tx, actor, session_id, "note", {"sha256": digest}, words.encode())


def order(
    tx: Tx, actor: Actor, session_id: str, what: str, seat: str, words: str, digest: str
) -> None:
    """Give an order on the spot: to a seat or to all, with words or without."""
    found = seen(tx.db, actor, session_id)
    data: dict[str, str] = {"order": what}
    if seat:
        if all(member.seat_code != seat for member in found.state.sitting):
            raise Refusal("api.watch.no_seat", {"seat": seat}, Kind.NOT_FOUND)
        data["seat"] = seat
    if words:
        data["sha256"] = digest
    record_event(tx, actor, session_id, "order", data, words.encode() if words else None)


def accept_station(tx: Tx, actor: Actor, session_id: str, station: str, key: str) -> None:
    """Bind the station that a venue asks for, with the key that was shown."""
    seen(tx.db, actor, session_id)
    stations.accept_station(tx, actor, session_id, station, key)


def decline_station(
    tx: Tx, actor: Actor, session_id: str, station: str, key: str, words: str
) -> None:
    """Do not bind the station that a venue asks for, and say why."""
    seen(tx.db, actor, session_id)
    stations.decline_station(tx, actor, session_id, station, key, words)


def act(tx: Tx, actor: Actor, session_id: str, command: c.Command) -> Session:
    """Give the session a command."""
    seen(tx.db, actor, session_id)
    return sealing.act(tx, actor, session_id, command)


# --- Draws -----------------------------------------------------------------------------------


def all_draws(db: Db, actor: Actor) -> list[DrawLine]:
    """Every draw of every lot that the actor watches, counts alone."""
    centres = names_of_places(db)
    return [
        _line(db, draw, lot.name, centres.get(draw.centre_id, draw.centre_id))
        for lot in projects.lots(db)
        if watches(actor, lot.supervisor_uscc)
        for draw in draws.draws_of_lot(db, lot.id)
    ]


def _line(db: Db, draw: Draw, lot: str, centre: str) -> DrawLine:
    candidates, out = draws.exclusions(db, draw.id)
    reasons: Counter[str] = Counter()
    for codes, count in out.items():
        reasons.update(dict.fromkeys(codes.split(), count))
    return DrawLine(
        id=draw.id,
        number=draw.number,
        centre=centre,
        lot=lot,
        state=draw.state.value,
        evaluation_at=draw.evaluation_at,
        candidates=candidates,
        excluded=out.total(),
        reasons=dict(sorted(reasons.items())),
    )


def proof(db: Db, actor: Actor, draw_id: str) -> Proof:
    """A draw, verified now by the second implementation; NOT_FOUND."""
    draw = draws.draw(db, draw_id)
    lot = projects.lot(db, draw.lot_id)
    if not watches(actor, lot.supervisor_uscc):
        raise Refusal("experts.draw.unknown", {"draw": draw_id}, Kind.NOT_FOUND)
    transcript = draws.audit_transcript(db, draw_id)
    steps = verify_transcript(transcript)
    head = transcript["steps"][-1]["hash"]
    recorded = {
        entry.data["hash"]
        for entry in journal.entries(db, f"draw/{draw_id}")
        if "hash" in entry.data
    }
    return Proof(
        draw=draw,
        lot=lot.name,
        centre=parties.centre(db, draw.centre_id).name,
        request=transcript["request"],
        reasons=transcript["request"]["candidates"]["excluded"],
        steps=tuple(steps),
        is_valid=is_valid(steps),
        head_stands=head in recorded,
        doubts=telephone.doubts(db, draw_id),
    )
