"""Stations that sign at the source: bound at seal-in, and what they report taken in.

Staff of the venue bind a station's key before the night; in a sealed night only the supervisor
may bind another (a device that broke): staff ask for it, and he binds the key whose fingerprint he
was read, or declines and says why. From then on nothing that names the station is taken in unsigned.
A report that is forged, repeated or of another history is refused *and* recorded, for that it came is
a fact; one that leaves numbers out is taken in, and the gap recorded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from sqlmodel import Session as Db

from archive.actor import Actor, Role
from archive.errors import Faults, Kind, Reason, Refusal
from archive.journal import service as journal
from archive.journal.entry import Entry, moment_of
from archive.office import Tx
from evaluation.session import service as sessions
from evaluation.session.session import Session
from evaluation.session.state import FINAL, Stage
from evaluation.witness import queries
from evaluation.witness.events import COUNT_MAX, KINDS, STATION_KINDS, check_event
from evaluation.witness.media import service as media
from evaluation.witness.media.kinds import VOICE_TRACK, Use, What
from evaluation.witness.retention import service as retention
from evaluation.witness.rules import AHEAD, SIGNED_AT_SOURCE, ahead_max, beat_seconds_max, limits_of
from evaluation.witness.service import with_words
from evaluation.witness.sources import NO_REPORT, Line, Report, StationKey, Wrong, decode64, judge
from evaluation.witness.tables import StationLineRow

REPORTS_MAX = 500
"""Of one station in one request."""
VOICE_PREFIX = "voice-"
RECORDED_REFUSALS = timedelta(minutes=1)
_ON_ROLE = frozenset({Role.STAFF, Role.SYSTEM})


@dataclass(frozen=True)
class Wanted:
    """A station as it is to be bound; `key` in base64."""

    venue: str
    station: str
    algorithm: str
    key: str
    every: int
    use: Use = Use.EVALUATION

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Wanted:
        return cls(**{**data, "use": Use(data["use"])})

    def data(self) -> dict[str, Any]:
        return {**vars(self), "use": self.use.value}

    @property
    def fingerprint(self) -> str:
        key = StationKey.of(self.algorithm, self.key)
        return key.fingerprint if key else ""


@dataclass(frozen=True)
class Request:
    """What staff asked for in a sealed night. `declined`: the entry that says that it will not be bound."""

    wanted: Wanted
    declined: Entry | None = None


@dataclass(frozen=True)
class Taken:
    """What became of one report: recorded, known already, or refused. `next`: the number that the
    station should send next."""

    n: int
    next: int
    is_recorded: bool
    wrong: Wrong | None = None

    def refuse(self) -> None:
        """Refuse where the report was; after the commit, for the refusal is on the record."""
        if self.wrong is not None:
            reason = _reason(self.wrong, self.n, self.next)
            raise Refusal(reason.code, reason.params, Kind.CONFLICT, rule=SIGNED_AT_SOURCE)


def _reason(wrong: Wrong, n: int, expected: int) -> Reason:
    params: dict[str, str | int] = {"n": n, "next": expected}
    match wrong:
        case Wrong.FORGED:
            return Reason("evaluation.witness.report_forged", params)
        case Wrong.REPLAYED:
            return Reason("evaluation.witness.report_replayed", params)
        case Wrong.OTHER_HISTORY:
            return Reason("evaluation.witness.report_other_history", params)
        case Wrong.UNKNOWN:
            return Reason("evaluation.witness.report_unknown", params)


def lines(db: Db, session_id: str) -> dict[str, Line]:
    """The bound stations."""
    return {row.station: row.to_domain() for row in queries.stations(db, session_id)}


def bind_station(
    tx: Tx,
    actor: Actor,
    session_id: str,
    *,
    venue: str,
    station: str,
    algorithm: str,
    key: str,
    every: int,
    use: Use = Use.EVALUATION,
) -> None:
    """Bind a station's key (base64) to the session; it reports at least every so many seconds.

    Refuses INVALID what is not of its form or not a key; FORBIDDEN other venues' staff, and
    everybody but the supervisor once the session is sealed.
    """
    wanted = Wanted(venue, station, algorithm, key, every, use)
    session = _session_for(tx.db, actor, session_id, wanted)
    _check_may_bind(actor, session, venue)
    _bind(tx, actor, session, wanted.data())


def ask_station(tx: Tx, actor: Actor, session_id: str, wanted: Wanted) -> bool:
    """Bind a station, or in a sealed night ask the supervisor to; whether it is bound with this key. Asking again
    for the same changes nothing, but after it was declined is a new request.

    Refuses what `bind_station` refuses, but for the night.
    """
    bound = lines(tx.db, session_id).get(wanted.station)
    if bound is not None and bound.key.text == wanted.key:
        return True
    session = _session_for(tx.db, actor, session_id, wanted)
    _check_venue(actor, session, wanted.venue)
    if session.stage is not Stage.SEALED_OVERNIGHT or Role.SUPERVISOR in actor.roles:
        _bind(tx, actor, session, wanted.data())
        return True
    _check_key(tx.db, session, wanted.data())
    if asked(tx.db, session_id).get(wanted.station) != wanted:
        stream = f"session/{session_id}"
        tx.record(stream, "evaluation:witness:station_asked", actor, wanted.data())
    return False


def requests(db: Db, session_id: str) -> dict[str, Request]:
    """Of each station the newest request that was neither met nor withdrawn."""
    found: dict[str, Request] = {}
    kinds = ("asked", "declined", "withdrawn", "bound", "released")
    actions = [f"evaluation:witness:station_{kind}" for kind in kinds]
    for entry in journal.entries_of(db, f"session/{session_id}", actions):
        station = entry.data["station"]
        if entry.action == actions[0]:
            found[station] = Request(Wanted.of(entry.data))
        elif entry.action == actions[1]:
            found[station] = replace(found[station], declined=entry)
        else:
            found.pop(station, None)
    return found


def asked(db: Db, session_id: str) -> dict[str, Wanted]:
    """What staff ask for and nobody has answered yet, by station."""
    known = requests(db, session_id)
    return {name: one.wanted for name, one in known.items() if one.declined is None}


def request_of(db: Db, actor: Actor, session_id: str, station: str) -> Request | None:
    """What became of a station's request; None where nobody waits for the supervisor, because it was met or withdrawn
    or the night is over. FORBIDDEN for other venues' staff."""
    session = sessions.session(db, session_id)
    found = requests(db, session_id).get(station)
    if found is None or (session.stage is not Stage.SEALED_OVERNIGHT and found.declined is None):
        return None
    _check_venue(actor, session, found.wanted.venue)
    return found


def accept_station(tx: Tx, actor: Actor, session_id: str, station: str, key: str) -> None:
    """The supervisor binds the station that staff asked for, with the key that he was shown; refuses as `_asked_for`."""
    wanted = _asked_for(tx.db, session_id, station, key)
    session = _session_for(tx.db, actor, session_id, wanted)
    _check_may_bind(actor, session, wanted.venue)
    _bind(tx, actor, session, wanted.data())


def decline_station(
    tx: Tx, actor: Actor, session_id: str, station: str, key: str, words: str
) -> None:
    """The supervisor does not bind the station that staff asked for, and says why; refuses as `_asked_for`, and
    FORBIDDEN whoever could not bind it."""
    wanted = _asked_for(tx.db, session_id, station, key)
    _check_may_bind(actor, _open_session(tx.db, session_id), wanted.venue)
    digests, documents = with_words(tx, "station_declined", words.encode())
    data = {"venue": wanted.venue, "station": station, "key": key, **digests}
    check_event("station_declined", data, actor.roles, is_act=True)
    action = "evaluation:witness:station_declined"
    tx.record(f"session/{session_id}", action, actor, data, documents)


def withdraw_station(tx: Tx, actor: Actor, session_id: str, station: str, key: str) -> None:
    """The venue's staff ask no more; refuses as `_asked_for`, and FORBIDDEN other venues' staff."""
    wanted = _asked_for(tx.db, session_id, station, key)
    _check_venue(actor, _open_session(tx.db, session_id), wanted.venue)
    data = {"venue": wanted.venue, "station": station, "key": key}
    check_event("station_withdrawn", data, actor.roles, is_act=True)
    tx.record(f"session/{session_id}", "evaluation:witness:station_withdrawn", actor, data)


def _asked_for(db: Db, session_id: str, station: str, key: str) -> Wanted:
    """What is asked for, answered once: the session is held until the commit. Refuses NOT_FOUND where nobody asks for
    the station (any more), CONFLICT where they ask for another key than was shown."""
    sessions.hold(db, session_id)
    wanted = asked(db, session_id).get(station)
    if wanted is None:
        params = {"station": station}
        raise Refusal("evaluation.witness.not_asked", params, Kind.NOT_FOUND, rule=SIGNED_AT_SOURCE)
    if wanted.key != key:
        params = {"station": station, "fingerprint": wanted.fingerprint}
        raise Refusal(
            "evaluation.witness.asked_other", params, Kind.CONFLICT, rule=SIGNED_AT_SOURCE
        )
    return wanted


def _session_for(db: Db, actor: Actor, session_id: str, wanted: Wanted) -> Session:
    """The session that is not over; refuses what is not of its form."""
    if wanted.use is Use.VOICE or wanted.station.startswith(VOICE_PREFIX):
        raise Refusal("evaluation.witness.voice_own", {"prefix": VOICE_PREFIX}, Kind.FORBIDDEN)
    check_event("station_bound", wanted.data(), actor.roles, is_act=True)
    return _open_session(db, session_id)


def bind_voice(
    tx: Tx, actor: Actor, session_id: str, *, venue: str, seat: str, algorithm: str, key: str
) -> str:
    """A member binds the key of his own voice; the station's name. Whether he sits there and may speak now
    is the caller's matter."""
    session = _open_session(tx.db, session_id)
    station = voice_of(seat)
    data = {
        "venue": venue,
        "station": station,
        "algorithm": algorithm,
        "key": key,
        "every": beat_seconds_max(session),
        "use": Use.VOICE.value,
    }
    check_event("station_bound", data, KINDS["station_bound"].roles, is_act=True)
    _bind(tx, actor, session, data)
    return station


def voice_of(seat: str) -> str:
    """The station at which the member of a seat speaks."""
    return f"{VOICE_PREFIX}{seat}"


def _check_key(db: Db, session: Session, data: Mapping[str, Any]) -> None:
    station, key, every = data["station"], data["key"], data["every"]
    faults = Faults("evaluation.witness.invalid")
    if StationKey.of(data["algorithm"], key) is None:
        faults.add("/key", "evaluation.witness.key_form", algorithm=data["algorithm"])
    if every > (most := beat_seconds_max(session)):
        faults.add("/every", "evaluation.witness.beat_long", most=most)
    taken = [row.station for row in queries.stations(db, session.id) if row.public_key == key]
    if taken and taken != [station]:
        faults.add("/key", "evaluation.witness.key_taken", station=taken[0])
    faults.refuse()


def _bind(tx: Tx, actor: Actor, session: Session, data: Mapping[str, Any]) -> None:
    _check_key(tx.db, session, data)
    row = StationLineRow(
        session_id=session.id,
        station=data["station"],
        venue=data["venue"],
        algorithm=data["algorithm"],
        public_key=data["key"],
        every=data["every"],
        use=data["use"],
        last=NO_REPORT,
    )
    queries.bind(tx.db, row)
    if row.use == Use.SECURITY:
        retention.begin(tx, session)
    tx.record(f"session/{session.id}", "evaluation:witness:station_bound", actor, data)


def release_station(tx: Tx, actor: Actor, session_id: str, station: str) -> None:
    """The station's watch ends: nothing more is expected of it."""
    session = _open_session(tx.db, session_id)
    row = queries.station_locked(tx.db, session_id, station)
    if row is None:
        raise Refusal("evaluation.witness.station_unknown", {"station": station}, Kind.NOT_FOUND)
    _check_may_bind(actor, session, row.venue)
    data = {"venue": row.venue, "station": station}
    check_event("station_released", data, actor.roles, is_act=True)
    queries.release(tx.db, session_id, station)
    tx.record(f"session/{session_id}", "evaluation:witness:station_released", actor, data)


def _open_session(db: Db, session_id: str) -> Session:
    session = sessions.session(db, session_id)
    if session.stage in FINAL:
        params = {"session": session_id, "stage": session.stage.value}
        raise Refusal("evaluation.witness.session_over", params, Kind.CONFLICT)
    return session


def _check_venue(actor: Actor, session: Session, venue: str) -> None:
    if venue not in session.state.venues:
        venues = ", ".join(session.state.venues)
        raise Refusal("evaluation.witness.venue_unknown", {"venue": venue, "venues": venues})
    if Role.SUPERVISOR not in actor.roles and actor.centre_id not in ("", venue):
        params = {"venue": venue, "centre": actor.centre_id}
        raise Refusal("evaluation.witness.venue_other", params, Kind.FORBIDDEN)


def _check_may_bind(actor: Actor, session: Session, venue: str) -> None:
    _check_venue(actor, session, venue)
    if session.stage is Stage.SEALED_OVERNIGHT and Role.SUPERVISOR not in actor.roles:
        raise Refusal(
            "evaluation.witness.bound_at_night", {"venue": venue}, Kind.FORBIDDEN,
            rule=SIGNED_AT_SOURCE,
        )  # fmt: skip


def take_reports(
    tx: Tx, actor: Actor, session_id: str, station: str, reports: Sequence[Report]
) -> list[Taken]:
    """Take in reports of one station, in order, up to the first that is wrong.

    Refuses INVALID a report whose data is not in the list or names another venue or station; then
    nothing of the whole is done. Whoever brings them, it is the signature that counts; staff bring
    those of their own venue alone.
    """
    if not _ON_ROLE & actor.roles:
        params = {"event": "report", "needed": ", ".join(sorted(_ON_ROLE))}
        raise Refusal("evaluation.witness.role", params, Kind.FORBIDDEN)
    if len(reports) > REPORTS_MAX:
        raise Refusal("evaluation.witness.reports_many", {"most": REPORTS_MAX})
    session = _open_session(tx.db, session_id)
    row = queries.station_locked(tx.db, session_id, station)
    if row is None:
        return [Taken(report.n, 0, False, Wrong.UNKNOWN) for report in reports[:1]]
    if actor.centre_id not in ("", row.venue):
        params = {"venue": row.venue, "centre": actor.centre_id}
        raise Refusal("evaluation.witness.venue_other", params, Kind.FORBIDDEN)
    _check_forms(session, row, reports)
    step = limits_of(session).step
    taken: list[Taken] = []
    for report in reports:
        one = _take(tx, actor, session, row, report, step)
        taken.append(one)
        if one.wrong is not None:
            break
    tx.db.add(row)
    return taken


def take_signed(
    tx: Tx, session_id: str, station: str, reports: Sequence[Report], *, is_recorder: bool
) -> list[Taken]:
    """Take in what is known by its key alone: a recorder that sends by itself, a member who speaks.

    Refuses NOT_FOUND what is not bound, CONFLICT what its key has not signed (unrecorded: anybody can send
    that, and nobody shall raise alarms by it) and what a recorder's clock, ahead of ours, says.
    """
    row = queries.station_locked(tx.db, session_id, station)
    if row is None:
        params = {"station": station}
        raise Refusal("evaluation.witness.recorder_unknown", params, Kind.NOT_FOUND)
    session, line = _open_session(tx.db, session_id), row.to_domain()
    latest = tx.now + ahead_max(session)
    _check_forms(session, row, reports)
    for report in reports:
        signature = decode64(report.signature) or b""
        if not line.key.is_signature(report.signed_bytes(), signature):
            reason = _reason(Wrong.FORGED, report.n, line.next)
            raise Refusal(
                "evaluation.witness.recorder_forged", reason.params, Kind.CONFLICT,
                rule=SIGNED_AT_SOURCE,
            )  # fmt: skip
        if is_recorder and moment_of(report.at) > latest:
            seconds = int((moment_of(report.at) - tx.now).total_seconds())
            said = {"n": report.n, "seconds": seconds}
            raise Refusal("evaluation.witness.report_ahead", said, Kind.CONFLICT, rule=AHEAD)
    actor = Actor(f"station:{station}", frozenset({Role.SYSTEM}), centre_id=row.venue)
    return take_reports(tx, actor, session_id, station, reports)


def _take(
    tx: Tx, actor: Actor, session: Session, row: StationLineRow, report: Report, step: timedelta
) -> Taken:
    stream = f"session/{session.id}"
    judged = judge(row.to_domain(), report)
    at = {"venue": row.venue, "station": row.station}
    if judged.wrong is not None:
        # One a minute is on the record: a flood of forgeries must not drown it.
        if row.rejected_at is None or tx.now - row.rejected_at >= RECORDED_REFUSALS:
            row.rejected_at = tx.now
            said = {**at, "reason": judged.wrong.value, "n": report.n, "expected": row.next}
            tx.record(stream, "evaluation:witness:station_rejected", actor, said)
        return Taken(report.n, row.next, False, judged.wrong)
    if judged.is_repeat:
        return Taken(report.n, row.next, False)
    if judged.missing:
        gap = {**at, "n": row.next, "missing": judged.missing}
        tx.record(stream, "evaluation:witness:station_gap", actor, gap)
    if abs(judged.step) > step:
        milliseconds = judged.step // timedelta(milliseconds=1)
        said_step = {**at, "step_ms": max(-COUNT_MAX, min(milliseconds, COUNT_MAX))}
        tx.record(stream, "evaluation:witness:clock_step", actor, said_step)
    data = {**report.data, "source": report.source()}
    tx.record(stream, f"evaluation:witness:{report.kind}", actor, data)
    media.note(tx, row, report)
    row.take(judged.line)
    return Taken(report.n, row.next, True)


def _check_forms(session: Session, row: StationLineRow, reports: Sequence[Report]) -> None:
    """Refuse what no station may report, signed or not, with the place of every fault in what was sent."""
    faults = Faults("evaluation.witness.invalid")
    for index, report in enumerate(reports):
        at = f"/reports/{index}"
        try:
            moment_of(report.at)
        except ValueError:
            faults.add(f"{at}/at", "evaluation.witness.moment_form")
        if report.session != session.id or report.station != row.station:
            faults.add(f"{at}/station", "evaluation.witness.report_elsewhere", station=row.station)
        if report.kind not in STATION_KINDS:
            said = {"event": report.kind, "allowed": ", ".join(sorted(STATION_KINDS))}
            faults.add(f"{at}/kind", "evaluation.witness.kind", **said)
            continue
        try:
            check_event(report.kind, report.data, KINDS[report.kind].roles)
        except Refusal as refusal:
            faults.extend(
                tuple(replace(f, pointer=f"{at}/data{f.pointer}") for f in refusal.faults)
            )
            continue
        _check_named(faults, f"{at}/data", row, report)
    faults.refuse()


def _check_named(faults: Faults, at: str, row: StationLineRow, report: Report) -> None:
    """What a report names is its own station, venue and track."""
    data = report.data
    if data.get("station", row.station) != row.station:
        faults.add(f"{at}/station", "evaluation.witness.report_elsewhere", station=row.station)
    if data.get("venue", row.venue) != row.venue:
        said = {"venue": data["venue"], "centre": row.venue}
        faults.add(f"{at}/venue", "evaluation.witness.venue_other", **said)
    is_voice = data.get("what") == What.VOICE
    if is_voice is not (data.get("track") == VOICE_TRACK and report.kind == "media_digest"):
        faults.add(f"{at}/track", "evaluation.witness.voice_track", track=VOICE_TRACK)
