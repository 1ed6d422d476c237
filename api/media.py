"""Pictures of browser stations, live: a segment is on the record before it is shown.

    POST /api/sessions/{id}/stations/{station}/media/{track}      a segment's bytes (WebM)
    GET  /live/sessions/{id}/media/{station}/{track}              a websocket: the same bytes, for MediaSource

A station hashes what its MediaRecorder gives it, reports the digest (`media_digest`, signed, by `/reports`), and
sends the bytes when that report is acknowledged. Bytes of which the station has reported nothing are refused, so
nobody is shown what is not on the record; they are kept in the vault under that digest. Then they go to whoever
watches: first the stream's head and what came since its newest keyframe, then each segment as it comes. The
digests are never dropped, the pictures may be: who has more than `WAITING_BYTES_MAX` unread goes on at the next
keyframe (`evaluation.witness.webm`).

Tracks live in the process that is sent them: behind several processes a station and its viewers are led to one by
the path (docs/operations.md). A process that does not know a track's beginning says so, and the station begins anew.
"""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass, field

from fastapi import APIRouter, Request, WebSocket
from fastapi.concurrency import run_in_threadpool
from sqlmodel import Session as Db
from starlette.websockets import WebSocketDisconnect

from api.access import OfficialActor, StaffActor, actor_of
from api.fanout import Chunk, Outlet, outlet_of
from api.hub import CHECK_SECONDS
from api.routes.fields import Answer, IdInPath
from api.routes.sessions import seen
from api.shell import Shell, shell_of
from archive.actor import Actor
from archive.errors import Kind, Refusal
from archive.journal import service as journal
from evaluation.witness.webm import MalformedWebm, Relay, Seat

SEGMENT_BYTES_MAX = 4 * 1024 * 1024
WAITING_BYTES_MAX = 1024 * 1024
ENTRIES_BACK = 500
"""A digest must stand among so many newest entries of the session."""
TRACKS_MAX = 200
SIGNED_OUT = 4001

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
        init = self.relay.scanner.init
        made: dict[bytes, Chunk] = {}
        for outlet, seat in self.viewers.items():
            out = seat.take(parts, init)
            if out and outlet.write(made.setdefault(out, Chunk([out]))) > WAITING_BYTES_MAX:
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


class KeptAnswer(Answer):
    sha256: str


def is_reported(db: Db, name: Name, sha256: str) -> bool:
    """Whether the station has put this digest of this track on the record."""
    session_id, station, track = name
    stream = f"session/{session_id}"
    size = journal.sizes(db, [stream])[stream]
    return any(
        entry.action == "evaluation:witness:media_digest"
        and entry.data.get("source", {}).get("station") == station
        and (entry.data["track"], entry.data["sha256"]) == (track, sha256)
        for entry in journal.entries(db, stream, max(0, size - ENTRIES_BACK))
    )


@router.post(
    "/api/sessions/{session_id}/stations/{station}/media/{track}",
    status_code=201,
    tags=["stations"],
)
async def send(
    actor: StaffActor, request: Request, session_id: IdInPath, station: IdInPath, track: IdInPath
) -> KeptAnswer:
    """A segment whose digest the station has reported."""
    shell = shell_of(request)
    name = (session_id, station, track)
    data = await request.body()
    if not 0 < len(data) <= SEGMENT_BYTES_MAX:
        params = {"bytes": len(data), "most": SEGMENT_BYTES_MAX}
        raise Refusal("api.media.size", params)
    sha256 = hashlib.sha256(data).hexdigest()
    async with shell.readers():
        await run_in_threadpool(_keep, shell, actor, name, data, sha256)
    found = tracks_of(request.app).of(name)
    if data.startswith(b"\x1a\x45\xdf\xa3"):
        found.begin_anew()
    try:
        found.feed(data)
    except MalformedWebm:
        found.begin_anew()
        raise Refusal("api.media.begin_anew", {"track": track}, Kind.CONFLICT) from None
    return KeptAnswer(sha256=sha256)


def _keep(shell: Shell, actor: Actor, name: Name, data: bytes, sha256: str) -> None:
    with shell.office.read() as db:
        seen(db, actor, name[0])
        if not is_reported(db, name, sha256):
            raise Refusal("api.media.not_reported", {"sha256": sha256[:12]}, Kind.CONFLICT)
    shell.office.vault.put(f"{name[2]}-{sha256[:12]}.webm", "video/webm", data)


def tracks_of(app: object) -> Tracks:
    found = app.state.tracks  # type: ignore[attr-defined]
    assert isinstance(found, Tracks)
    return found


@router.websocket("/live/sessions/{session_id}/media/{station}/{track}")
async def watch(
    socket: WebSocket,
    actor: OfficialActor,
    session_id: IdInPath,
    station: IdInPath,
    track: IdInPath,
) -> None:
    """Show a track as it comes."""
    shell = shell_of(socket)
    async with shell.readers():
        await run_in_threadpool(_check_seen, shell, actor, session_id)
    try:
        await socket.accept()
    except OSError:
        return  # he left during the handshake
    outlet = outlet_of(socket)
    found = tracks_of(socket.app).of((session_id, station, track))
    if opening := found.relay.opening():
        outlet.write(Chunk([opening]))
    found.viewers[outlet] = found.relay.seat()
    try:
        while True:
            try:
                async with asyncio.timeout(CHECK_SECONDS):
                    await socket.receive_text()  # nothing is said by the page; it leaves
            except TimeoutError:
                if await actor_of(socket) is None:
                    outlet.end(SIGNED_OUT, "signed out")
    except (WebSocketDisconnect, KeyError, RuntimeError):
        return
    finally:
        del found.viewers[outlet]


def _check_seen(shell: Shell, actor: Actor, session_id: str) -> None:
    with shell.office.read() as db:
        seen(db, actor, session_id)
