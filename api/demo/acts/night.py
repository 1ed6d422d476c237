"""Acts of a watched night: stations that sign, two witnesses who cosign and hand over, and the keeper.

Every quarter of an hour of legal time each venue's station reports, a still picture of its camera too, and the first venue's
some seconds of film, which are one recording of the night; their bytes are sent when the reports are on the record, and whoever
watches is shown the film then. The witness on duty cosigns, and the keeper looks; in its own act, for it reads
what was committed. At the first venue the mains fail for a
while each night: an alarm that is raised, answered and cleared. Keys follow from the seed, so that two
machines make the same record.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from api.demo import people
from api.demo.film import DURATION_MS, film
from api.demo.play import Play
from api.demo.stills import still
from api.watchkeeper import DEMO_HOLDER
from archive import merkle
from archive.actor import Actor, Role
from archive.clock import SHANGHAI
from archive.cosignature import message
from archive.digests import sha256, sm3
from archive.errors import Refusal
from archive.journal import service as journal
from archive.journal.entry import moment_of, moment_text, origin_of
from archive.note import Checkpoint
from archive.office import Tx
from archive.tasks.service import Write
from evaluation.session import service as sessions
from evaluation.session.session import Session
from evaluation.session.state import Stage
from evaluation.witness.alarms import Alarm
from evaluation.witness.desk import service as desk
from evaluation.witness.desk.service import Cosigning
from evaluation.witness.keeping import service as keeping
from evaluation.witness.media import service as media
from evaluation.witness.media.kinds import Form, What
from evaluation.witness.sources import Report
from evaluation.witness.stations import service as stations

BEAT = timedelta(minutes=15)
TRACK = "camera"
RELIEF_AFTER, MAINS_FAIL_AT, MAINS_BACK_AT = 24, 12, 14
"""In beats since the sealing."""


def witnesses(uscc: str) -> tuple[Actor, Actor]:
    """Who watches until midnight, and who relieves him."""
    first = people.supervisor(uscc)
    return first, Actor(f"{first.id}-2", frozenset({Role.SUPERVISOR}), party_id=uscc)


def _key(play: Play, label: str) -> Ed25519PrivateKey:
    secret = hashlib.sha256(f"bigloop.demo.night {play.seed} {label}".encode()).digest()
    return Ed25519PrivateKey.from_private_bytes(secret)


def _encode(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _public(key: Ed25519PrivateKey) -> str:
    return _encode(key.public_key().public_bytes_raw())


def _station(venue: str) -> str:
    return f"{venue}-A"


def begin(play: Play, tx: Tx, args: Mapping[str, Any], session: Session, uscc: str) -> None:
    """Before the seals: a station bound at each venue, the first witness on duty, the roster."""
    for venue in session.state.night.venues:
        station = _station(venue)
        stations.bind_station(
            tx,
            people.staff(venue),
            session.id,
            venue=venue,
            station=station,
            algorithm="ED25519",
            key=_public(_key(play, f"{session.id} {station}")),
            every=int(BEAT.total_seconds()),
        )
    first, second = witnesses(uscc)
    desk.go_on_duty(tx, first, session.id, _public(_key(play, f"{session.id} {first.id}")))
    desk.enrol(tx, second, session.id, _public(_key(play, f"{session.id} {second.id}")))
    relief = tx.now + RELIEF_AFTER * BEAT
    desk.plan_shift(tx, first, session.id, first.id, tx.now, relief)
    play.later(tx, "beat", {**args, "beat": 1}, tx.now + BEAT)


def beat(play: Play, args: Mapping[str, Any]) -> Write:
    """A quarter of an hour: reports, a countersignature, at midnight the hand-over."""
    project, _ = play.lot(args)
    number = int(args["beat"])

    def write(tx: Tx) -> None:
        session = sessions.session_of_lot(tx.db, args["lot"])
        if session is None or session.stage is not Stage.SEALED_OVERNIGHT:
            return
        lines = stations.lines(tx.db, session.id)
        shown: list[str] = []
        filmed: list[str] = []
        for index, venue in enumerate(session.state.night.venues):
            if _station(venue) in lines:
                _report(play, tx, session, venue, "heartbeat", {"station": _station(venue)})
                _report(play, tx, session, venue, "snapshot", _told(venue, tx.now))
                shown.append(venue)
                if index == 0:
                    filmed.append(venue)
                    told = _filmed(venue, tx.now, number)
                    _report(play, tx, session, venue, "media_digest", told)
            if index == 0 and number in (MAINS_FAIL_AT, MAINS_BACK_AT) and _station(venue) in lines:
                tx.db.flush()
                state = "BATTERY" if number == MAINS_FAIL_AT else "MAINS"
                _report(play, tx, session, venue, "power", {"venue": venue, "state": state})
        pictures = {"session": session.id, "stills": shown, "films": filmed}
        pictures |= {"at": moment_text(tx.now)}
        play.later(tx, "send_pictures", {**args, **pictures}, tx.now)
        _cosign(play, tx, session, project.supervisor, number)
        play.later(tx, "keep", args, tx.now)
        play.later(tx, "beat", {**args, "beat": number + 1}, tx.now + BEAT)

    return write


def _still(venue: str, at: datetime) -> tuple[bytes, int]:
    return still(venue, f"{at.astimezone(SHANGHAI):%H:%M}")


def _film(venue: str, at: datetime, number: int) -> bytes:
    return film(venue, f"{at.astimezone(SHANGHAI):%H:%M}", number - 1)


def _told(venue: str, at: datetime) -> dict[str, Any]:
    """What a station reports of its picture."""
    content, luma = _still(venue, at)
    return {
        "station": _station(venue),
        "track": TRACK,
        "what": What.CAMERA.value,
        "sha256": sha256(content),
        "sm3": sm3(content),
        "bytes": len(content),
        "luma": luma,
    }


def _filmed(venue: str, at: datetime, number: int) -> dict[str, Any]:
    """What a station reports of a piece of film, which ends now."""
    content = _film(venue, at, number)
    return {
        "station": _station(venue),
        "track": TRACK,
        "n": number - 1,
        "what": What.CAMERA.value,
        "sha256": sha256(content),
        "sm3": sm3(content),
        "bytes": len(content),
        "begins_at": moment_text(at - timedelta(milliseconds=DURATION_MS)),
        "duration_ms": DURATION_MS,
    }


def _name(args: Mapping[str, Any], venue: str) -> media.Name:
    return media.Name(args["session"], _station(venue), TRACK)


def send_pictures(play: Play, args: Mapping[str, Any]) -> Write:
    """The bytes follow, once their digests are on the record; of film to the screen too."""
    at = moment_of(args["at"])
    for venue in args["stills"]:
        media.keep(play.office, _name(args, venue), Form.SNAPSHOT, _still(venue, at)[0])
    for venue in args["films"]:
        name, piece = _name(args, venue), _film(venue, at, int(args["beat"]))
        media.keep(play.office, name, Form.SEGMENT, piece)
        if (show := play.screen) is not None:
            show(name, piece)
    return lambda tx: None


def _report(
    play: Play, tx: Tx, session: Session, venue: str, kind: str, data: Mapping[str, Any]
) -> None:
    station = _station(venue)
    line = stations.lines(tx.db, session.id)[station]
    passed = timedelta() if line.last_at is None else tx.now - line.last_at
    up = line.last_up + passed // timedelta(milliseconds=1)
    report = Report(
        session.id, station, line.next, line.last, moment_text(tx.now), up, kind, dict(data)
    )
    key = _key(play, f"{session.id} {station}")
    signed = replace(report, signature=_encode(key.sign(report.signed_bytes())))
    (taken,) = stations.take_reports(tx, people.staff(venue), session.id, station, [signed])
    assert taken.wrong is None, taken
    tx.db.flush()


def _signed(play: Play, tx: Tx, session: Session, who: Actor, size: int | None = None) -> Cosigning:
    """What the witness's client would sign: over all entries that are committed, or the first
    `size`."""
    stream = f"session/{session.id}"
    frontier = merkle.Frontier()
    for entry in journal.entries(tx.db, stream, 0, size):
        frontier = frontier.append(entry.leaf)
    text = Checkpoint(origin_of(tx.log.name, stream), frontier.size, frontier.root()).text()
    seconds = int(tx.now.timestamp())
    key = _key(play, f"{session.id} {who.id}")
    signature = _encode(key.sign(message(text, seconds)))
    return Cosigning(frontier.size, frontier.root().hex(), seconds, signature)


def _cosign(play: Play, tx: Tx, session: Session, uscc: str, number: int) -> None:
    """Whoever of ours is on duty signs; at the relief the watch is offered, then taken."""
    first, second = witnesses(uscc)
    known = desk.desk_of(tx.db, session.id)
    offer = known.offer_to(second.id)
    if offer is not None:
        signed = _signed(play, tx, session, second, offer.size)
        desk.accept_handover(tx, second, session.id, signed)
        return
    for who in (first, second):
        if who.id not in known.on_duty:
            continue
        signed = _signed(play, tx, session, who)
        if who is first and number >= RELIEF_AFTER:
            desk.offer_handover(tx, who, session.id, second.id, signed)
        else:
            desk.countersign(tx, who, session.id, signed)
        return


def keep(play: Play, args: Mapping[str, Any]) -> Write:
    """The keeper's round."""

    def write(tx: Tx) -> None:
        session = sessions.session_of_lot(tx.db, args["lot"])
        if session is None or session.stage not in keeping.KEPT:
            return
        lease = keeping.take(tx, session.id, DEMO_HOLDER, play.host_now)
        if lease is None:
            return
        found = keeping.keep(tx, lease, keeping.begin(tx.db, session.id), play.host_now)
        if any(change.key.alarm is Alarm.POWER_CUT for change in found):
            play.later(tx, "answer_alarm", args, tx.now + timedelta(minutes=2))

    return write


def hold(play: Play) -> None:
    """Prolong the leases on all watches between the keeper's rounds: who watches is told when nobody keeps one, and as long as
    the play goes on its people do."""
    with play.office.read() as db:
        held = keeping.sessions_to_keep(db, DEMO_HOLDER, play.host_now)
    if held:
        with play.office.write() as tx:
            for session_id in held:
                keeping.take(tx, session_id, DEMO_HOLDER, play.host_now)


def answer_alarm(play: Play, args: Mapping[str, Any]) -> Write:
    """The witness on duty takes what stands on himself."""
    project, _ = play.lot(args)

    def write(tx: Tx) -> None:
        session = sessions.session_of_lot(tx.db, args["lot"])
        if session is None or session.stage not in keeping.KEPT:
            return
        watch = keeping.begin(tx.db, session.id)
        for who in witnesses(project.supervisor):
            if who.id not in watch.desk.on_duty:
                continue
            for standing in watch.raised.values():
                if not standing.acknowledged_by:
                    words = "市电中断,已转备用电源(示例)"
                    desk.acknowledge(tx, who, session.id, standing.seq, words)
            return

    return write


def end(tx: Tx, session: Session, uscc: str) -> None:
    """In the morning, after the committee has resumed: nothing more is watched."""
    for station, line in stations.lines(tx.db, session.id).items():
        stations.release_station(tx, people.staff(line.venue), session.id, station)
    for who in witnesses(uscc):
        try:
            desk.go_off_duty(tx, who, session.id)
        except Refusal:
            continue  # he was not on duty


def sign_the_end(play: Play, args: Mapping[str, Any]) -> Write:
    """When the session is closed both witnesses cosign its last checkpoint."""
    project, _ = play.lot(args)

    def write(tx: Tx) -> None:
        session = sessions.session_of_lot(tx.db, args["lot"])
        if session is None:
            return
        for who in witnesses(project.supervisor):
            if who.id in desk.desk_of(tx.db, session.id).keys:
                signed = _signed(play, tx, session, who)
                desk.countersign(tx, who, session.id, signed)

    return write


ACTS = {
    "beat": beat,
    "send_pictures": send_pictures,
    "keep": keep,
    "answer_alarm": answer_alarm,
    "sign_the_end": sign_the_end,
}
