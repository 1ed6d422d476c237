"""The witness socket: `/live/sessions/{session_id}`, subprotocol `witness.v1`.

What an evaluation session records is shown as it is recorded, from any number on, in order, without
gaps; a mark is a signed checkpoint (C2SP tlog-checkpoint) over all that was shown so far.

    →  {"type": "hello", "from": 120, "epoch": "…"}       epoch of the last welcome, or left out
    ←  {"type": "welcome", "version": "witness.v1", "stream": "session/…", "epoch": "…", "head": 310}
    ←  {"type": "state", "state": "CATCHING-UP"}
    ←  {"entry": {…}, "type": "event"}                     the entry's canonical bytes, seq inside
    ←  {"type": "state", "state": "LIVE"}
    ←  {"type": "mark", "size": 311, "checkpoint": "…"}
    →  {"type": "event", "id": "…", "kind": "…", "data": {…}}    stations and hosts
    ←  {"type": "ack", "id": "…", "seq": 311}              only after the commit
    ←  {"type": "refusal", "id": "…", "problem": {…}}      nothing was done

Close codes: 4001 signed out, 4002 first frame is no hello, 4004 no such position or another log,
4008 too slow (the reason says `resume=<seq>`), 1012 the server stops. After any of them: connect
again and say from where.

The receiving side is raced with the sending side: a handler that only sends would never notice that
the viewer left, and would keep the server from stopping.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fastapi import APIRouter, WebSocket
from fastapi.concurrency import run_in_threadpool
from starlette.websockets import WebSocketDisconnect

from api import problems
from api.access import OfficialActor, actor_of
from api.negotiation import language_of
from api.routes.fields import IdInPath
from api.shell import Shell, shell_of
from api.tails import Tail, Tails, read_mark
from archive.actor import Actor
from archive.errors import Kind, Refusal

VERSION = "witness.v1"
HELLO_SECONDS_MAX = 10.0
SEND_SECONDS_MAX = 10.0
"""A viewer who takes longer for one frame is cut and may resume."""
CHECK_SECONDS = 60.0
"""How often the sign-in is looked at; a viewer is not idle."""
FRAME_CHARACTERS_MAX = 64 * 1024

router = APIRouter()


class Closing(Exception):
    """End the socket with this code and reason."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(code, reason)
        self.code, self.reason = code, reason


def epoch_of(shell: Shell) -> str:
    """Names the log: numbers of one log mean nothing in another (a restored or new one)."""
    return hashlib.sha256(shell.office.log.verifier.vkey.encode()).hexdigest()[:16]


@dataclass
class Viewer:
    """One socket. `seq` is the first number that was not sent."""

    socket: WebSocket
    shell: Shell
    actor: Actor
    tail: Tail
    seq: int = 0
    _sending: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def send(self, text: str) -> None:
        """Send one frame; Closing(4008) where the viewer does not take it in time."""
        try:
            async with self._sending:
                await asyncio.wait_for(self.socket.send_text(text), SEND_SECONDS_MAX)
        except TimeoutError:
            raise Closing(4008, f"resume={self.seq}") from None

    async def send_json(self, frame: Mapping[str, Any]) -> None:
        await self.send(json.dumps(frame, ensure_ascii=False, separators=(",", ":")))

    async def greet(self) -> None:
        """Take the hello and answer it."""
        try:
            hello = await asyncio.wait_for(self._receive(), HELLO_SECONDS_MAX)
        except TimeoutError:
            raise Closing(4002, "no hello") from None
        start = hello.get("from", 0)
        if hello.get("type") != "hello" or type(start) is not int or start < 0:
            raise Closing(4002, "the first frame is a hello")
        epoch, head = epoch_of(self.shell), self.tail.mark.size
        if hello.get("epoch", epoch) != epoch:
            raise Closing(4004, f"another log: epoch={epoch}")
        if start > head:
            raise Closing(4004, f"the stream ends at {head}")
        self.seq = start
        await self.send_json(
            {
                "type": "welcome",
                "version": VERSION,
                "stream": self.tail.stream,
                "epoch": epoch,
                "head": head,
            }
        )

    async def show(self) -> None:
        """Send what is there and what comes, for ever."""
        state, marked = "", -1
        while True:
            frames = await self.tail.frames_from(self.seq)
            wanted = "CATCHING-UP" if frames and state != "LIVE" else "LIVE"
            if frames and wanted != state:
                await self.send_json({"type": "state", "state": wanted})
                state = wanted
            for text in frames:
                await self.send(text)
                self.seq += 1
            if frames:
                continue
            if state != "LIVE":
                state = "LIVE"
                await self.send_json({"type": "state", "state": state})
            mark = self.tail.mark
            if mark.size == self.seq != marked:
                marked = mark.size
                await self.send_json(
                    {"type": "mark", "size": mark.size, "checkpoint": mark.checkpoint}
                )
            await self.tail.grows_beyond(self.seq)

    async def listen(self) -> None:
        """Take what the viewer sends, until he leaves."""
        while True:
            frame = await self._receive()
            identity = frame.get("id", "")
            try:
                if frame.get("type") != "event":
                    raise Refusal("api.live.frame", {"type": str(frame.get("type", ""))[:40]})
                answer = {"type": "ack", "id": identity, "seq": await self._record(frame)}
            except Exception as error:
                problem = problems.problem_of(error, self.socket)
                language = language_of(self.socket, self.shell.settings.language)
                answer = {
                    "type": "refusal",
                    "id": identity,
                    "problem": problem.document(language),
                }
            await self.send_json(answer)

    async def _receive(self) -> dict[str, Any]:
        message = await self.socket.receive()
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message["code"])
        text = message.get("text")
        try:
            if text is None:
                raise ValueError("binary")
            if len(text) > FRAME_CHARACTERS_MAX:
                raise ValueError("too long")
            frame = json.loads(text)
            if not isinstance(frame, dict):
                raise ValueError("no object")
        except (ValueError, RecursionError):
            return {"type": "(unreadable)"}
        return frame

    async def _record(self, frame: Mapping[str, Any]) -> int:
        raise Refusal("api.live.frame", {"type": "event"}, Kind.UNAVAILABLE)

    async def stay_signed_in(self) -> None:
        """End the socket when its sign-in ends; watching counts as activity."""
        while True:
            await asyncio.sleep(CHECK_SECONDS)
            if await actor_of(self.socket) is None:
                raise Closing(4001, f"signed out; resume={self.seq}")


async def race(*parts: Any) -> None:
    """Run until the first ends or fails; the others are cancelled, and its error is raised."""
    tasks = [asyncio.ensure_future(part) for part in parts]
    try:
        done, _waiting = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@router.websocket("/live/sessions/{session_id}")
async def witness(socket: WebSocket, actor: OfficialActor, session_id: IdInPath) -> None:
    """Show a session's record as it grows."""
    shell = shell_of(socket)
    stream = f"session/{session_id}"
    mark = await run_in_threadpool(read_mark, shell.office, stream)
    if mark is None:
        raise Refusal("api.live.unknown", {"session": session_id}, Kind.NOT_FOUND)
    offered = socket.scope.get("subprotocols", [])
    await socket.accept(subprotocol=VERSION if VERSION in offered else None)
    tails: Tails = socket.app.state.tails
    async with tails.watch(stream, mark) as tail:
        viewer = Viewer(socket, shell, actor, tail)
        try:
            await viewer.greet()
            await race(viewer.show(), viewer.listen(), viewer.stay_signed_in())
        except WebSocketDisconnect:
            return
        except Closing as closing:
            await _close(socket, closing)


async def _close(socket: WebSocket, closing: Closing) -> None:
    # A viewer that takes nothing takes no close frame either: do not wait for him.
    try:
        await asyncio.wait_for(socket.close(closing.code, closing.reason), 1.0)
    except (TimeoutError, RuntimeError, WebSocketDisconnect):
        return
