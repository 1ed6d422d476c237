"""Pictures of stations, live: a segment is on the record before it is shown.

    POST /api/sessions/{id}/stations/{station}/media/{track}      a segment's bytes (WebM)
    POST /api/sessions/{id}/stations/{station}/pictures/{track}   a still picture's bytes (JPEG)
    GET  /live/sessions/{id}/media/{station}/{track}              a websocket: the same bytes, for MediaSource

A station hashes what its MediaRecorder gives it, reports the digest (`media_digest`, signed, by `/reports`), and
sends the bytes when that report is acknowledged. Bytes of which the station has reported nothing are refused, so
nobody is shown what is not on the record; they are kept in the vault under that digest. Then they go to whoever
watches: first the stream's head and what came since its newest keyframe, then each segment as it comes. The
digests are never dropped, the pictures may be: who has more than `WAITING_BYTES_MAX` unread goes on at the next
keyframe (`evaluation.witness.webm`). A binary message is one whole segment, byte by byte as its station hashed
it, so that whoever follows the record too can hold the one against the other; where it is only what is left of some,
the text `part` goes before it.

Sound (the track `voice`) is the members' own: it is kept like the rest, and given to those who sit in the
session (`api.flows.voices`).

Tracks live in the process that is sent them: behind several processes a station and its viewers are led to one by
the path (docs/operations.md). A process that does not know a track's beginning says so, and the station begins anew.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from fastapi import APIRouter, Request, WebSocket
from fastapi.concurrency import run_in_threadpool
from starlette.websockets import WebSocketDisconnect

from api.access import ReviewActor, StaffActor, actor_of
from api.fanout import Chunk, Outlet, outlet_of
from api.flows import voices
from api.hub import CHECK_SECONDS
from api.routes.fields import Answer, IdInPath
from api.routes.sessions import seen
from api.shell import Shell, shell_of
from archive.actor import Actor, Role
from archive.errors import Kind, Refusal
from evaluation.witness.media import service as media
from evaluation.witness.media.kinds import VOICE_TRACK, Form
from evaluation.witness.webm import MalformedWebm, Relay, Seat

BYTES_MAX = {Form.SEGMENT: 4 * 1024 * 1024, Form.SNAPSHOT: 512 * 1024}
EBML_HEADER, JPEG_HEADER = b"\x1a\x45\xdf\xa3", b"\xff\xd8\xff"
WAITING_BYTES_MAX = 1024 * 1024
PART = "part"
"""Before bytes that are no whole segment."""
TRACKS_MAX = 200
SIGNED_OUT, NOT_HIS = 4001, 4003
OFFICIAL = frozenset({Role.STAFF, Role.SUPERVISOR})

router = APIRouter()
Name = tuple[str, str, str]
"""Session, station, track."""


@dataclass(eq=False)
class Track:
    """One live track and who watches it here."""

    relay: Relay = field(default_factory=Relay)
    viewers: dict[Outlet, Seat] = field(default_factory=dict)

    def feed(self, data: bytes) -> None:
        """Hand on a segment; MalformedWebm where it is none."""
        parts = self.relay.feed(data)
        made: dict[bytes, Chunk] = {}
        for outlet, seat in self.viewers.items():
            out = seat.take(data, parts, self.relay.scanner)
            if not out:
                continue
            chunk = made.setdefault(out, Chunk([out] if out == data else [PART, out]))
            if outlet.write(chunk) > WAITING_BYTES_MAX:
                seat.stalled()

    def begin_anew(self) -> None:
        """The station's recorder was started again: everybody begins with its new head."""
        self.relay = Relay()
        for outlet in self.viewers:
            self.viewers[outlet] = self.relay.seat()


class Tracks:
    """All tracks of this process; the one that was silent longest makes room."""

    def __init__(self) -> None:
        self._tracks: dict[Name, Track] = {}

    def of(self, name: Name) -> Track:
        track = self._tracks.pop(name, None) or Track()
        self._tracks[name] = track
        while len(self._tracks) > TRACKS_MAX:
            idle = next((n for n, t in self._tracks.items() if not t.viewers), name)
            if idle == name:
                break
            del self._tracks[idle]
        return track

    def show(self, name: media.Name, data: bytes) -> None:
        """Hand a segment to whoever watches; refuses CONFLICT one whose beginning is not known here."""
        track = self.of((name.session_id, name.station, name.track))
        if data.startswith(EBML_HEADER):
            track.begin_anew()
        try:
            track.feed(data)
        except MalformedWebm:
            track.begin_anew()
            raise Refusal("api.media.begin_anew", {"track": name.track}, Kind.CONFLICT) from None


class KeptAnswer(Answer):
    sha256: str


@router.post(
    "/api/sessions/{session_id}/stations/{station}/media/{track}",
    status_code=201,
    tags=["stations"],
)
async def send(
    actor: StaffActor, request: Request, session_id: IdInPath, station: IdInPath, track: IdInPath
) -> KeptAnswer:
    """A segment whose digest the station has reported."""
    await run_in_threadpool(check_seen, shell_of(request), actor, session_id)
    return await hand_on(request, media.Name(session_id, station, track), await request.body())


@router.post(
    "/api/sessions/{session_id}/stations/{station}/pictures/{track}",
    status_code=201,
    tags=["stations"],
)
async def send_picture(
    actor: StaffActor, request: Request, session_id: IdInPath, station: IdInPath, track: IdInPath
) -> KeptAnswer:
    """A still picture whose digest the station has reported."""
    shell = shell_of(request)
    await run_in_threadpool(check_seen, shell, actor, session_id)
    name = media.Name(session_id, station, track)
    return KeptAnswer(sha256=await keep(shell, name, Form.SNAPSHOT, await request.body()))


async def keep(shell: Shell, name: media.Name, form: Form, data: bytes) -> str:
    """Keep the bytes of a picture or a segment; its digest."""
    most = BYTES_MAX[form]
    if not 0 < len(data) <= most:
        raise Refusal("api.media.size", {"bytes": len(data), "most": most})
    if form is Form.SNAPSHOT and not data.startswith(JPEG_HEADER):
        raise Refusal("api.media.jpeg", {"track": name.track})
    async with shell.readers():
        digest, is_new = await run_in_threadpool(media.put, shell.office, name, form, data)
    if is_new:
        async with shell.writers():
            await run_in_threadpool(media.mark, shell.office, name, form, digest)
    return digest


def check_seen(shell: Shell, actor: Actor, session_id: str) -> None:
    with shell.office.read() as db:
        seen(db, actor, session_id)


async def hand_on(request: Request, name: media.Name, data: bytes) -> KeptAnswer:
    """Keep a segment and show it to whoever watches."""
    sha256 = await keep(shell_of(request), name, Form.SEGMENT, data)
    tracks_of(request.app).show(name, data)
    return KeptAnswer(sha256=sha256)


def tracks_of(app: object) -> Tracks:
    found = app.state.tracks  # type: ignore[attr-defined]
    assert isinstance(found, Tracks)
    return found


@router.websocket("/live/sessions/{session_id}/media/{station}/{track}")
async def watch(
    socket: WebSocket,
    actor: ReviewActor,
    session_id: IdInPath,
    station: IdInPath,
    track: IdInPath,
) -> None:
    """Show a track as it comes."""
    shell = shell_of(socket)
    async with shell.readers():
        await run_in_threadpool(_check_given, shell, actor, session_id, track)
    try:
        await socket.accept()
    except OSError:
        return  # he left during the handshake
    outlet = outlet_of(socket)
    found = tracks_of(socket.app).of((session_id, station, track))
    if opening := found.relay.opening():
        outlet.write(Chunk([PART, opening]))
    found.viewers[outlet] = found.relay.seat()
    try:
        while True:
            try:
                async with asyncio.timeout(CHECK_SECONDS):
                    await socket.receive_text()  # nothing is said by the page; it leaves
            except TimeoutError:
                if await actor_of(socket) is None:
                    outlet.end(SIGNED_OUT, "signed out")
                try:
                    async with shell.readers():
                        await run_in_threadpool(_check_given, shell, actor, session_id, track)
                except Refusal:
                    outlet.end(NOT_HIS, "no longer given")
    except (WebSocketDisconnect, KeyError, RuntimeError):
        return
    finally:
        del found.viewers[outlet]


def _check_given(shell: Shell, actor: Actor, session_id: str, track: str) -> None:
    """Refuse whoever is not given this track: pictures go to officials, voices to the members."""
    with shell.office.read() as db:
        session = seen(db, actor, session_id)
    if track == VOICE_TRACK:
        voices.must_hear(actor, session)
    elif actor.roles.isdisjoint(OFFICIAL):
        raise Refusal("api.session.unknown", {"session": session_id}, Kind.NOT_FOUND)
