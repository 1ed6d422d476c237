"""The witness socket: `/live/sessions/{session_id}`, subprotocol `witness.v1`.

What an evaluation session records is shown as it is recorded, from any number on, in order, without
gaps. The frames and the rules of following are those of `evaluation.witness.protocol`; this is the
wire, the reading of the record, and back-pressure. Beside them stations and hosts may send

    →  {"type": "event", "id": "…", "kind": "door", "data": {…}}
    ←  {"type": "ack", "id": "…", "seq": n}                only after the commit, as entry n
    ←  {"type": "refusal", "id": "…", "zh": "…", "en": "…", "pointer": "/…", "rule": "…",
        "problem": {…}}                                    nothing was done

`pointer` and `rule` are those of the first fault and empty where there is none; the problem has all.

Who may not see a session finds none here, as under `/api/sessions`.

Close codes: 4001 signed out, 4002 the hello was refused (a frame says why),
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
from api.routes.sessions import seen
from api.shell import Shell, shell_of
from api.tails import Tail, Tails, read_mark
from archive.actor import Actor
from archive.errors import Kind, Refusal
from evaluation.witness.protocol import (
    FRAME_BYTES_MAX,
    PROTOCOL,
    Mode,
    RefusalFrame,
    Viewer,
    encode_frame,
    parse_frame,
)
from evaluation.witness.service import record_event

HELLO_SECONDS_MAX = 10.0
SEND_SECONDS_MAX = 10.0
"""A viewer who takes longer for one frame is cut and may resume."""
CANCEL_SECONDS = 0.5
CHECK_SECONDS = 60.0
"""How often the sign-in is looked at; a viewer is not idle."""
EVENT_ID_CHARACTERS_MAX = 64

router = APIRouter()


@dataclass(frozen=True)
class SentEvent:
    """What a station or a host reports; `id` is the sender's own and comes back with the answer."""

    id: str
    kind: str
    data: Mapping[str, Any]


def parse_event(text: str) -> SentEvent:
    """Refuses INVALID for anything that is not an event frame."""
    try:
        if len(text) > FRAME_BYTES_MAX:
            raise ValueError("too long")
        value = json.loads(text, parse_float=_no_float, parse_constant=_no_float)
        match value:
            case {"type": "event", "kind": str(kind), "data": dict(data), **rest}:
                identity = rest.pop("id", "")
                if (
                    isinstance(identity, str)
                    and len(identity) <= EVENT_ID_CHARACTERS_MAX
                    and not rest
                ):
                    return SentEvent(identity, kind, data)
    except (ValueError, RecursionError):
        pass
    raise Refusal("api.live.frame")


def _no_float(text: str) -> Any:
    raise ValueError(f"no float stands in the record: {text}")


class Closing(Exception):
    """End the socket with this code and reason."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(code, reason)
        self.code, self.reason = code, reason


def epoch_of(shell: Shell, stream: str) -> str:
    """Names the log: numbers of one log mean nothing in another (a restored or new one)."""
    text = f"{shell.office.log.verifier.vkey}\n{stream}"
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@dataclass
class Wire:
    """One socket. `resume` is the first number that was not sent."""

    socket: WebSocket
    shell: Shell
    actor: Actor
    tail: Tail
    rules: Viewer
    resume: int = 0
    _sending: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def send(self, *texts: str, entries: bool = False) -> None:
        """Send frames, in one go where nothing holds them up (see `api.gathering`); `entries`
        says that each counts for `resume`. Closing(4008) where the viewer does not take one in
        time."""
        loop = asyncio.get_running_loop()
        try:
            async with self._sending, asyncio.timeout(None) as limit:
                for text in texts:
                    limit.reschedule(loop.time() + SEND_SECONDS_MAX)
                    await self.socket.send_text(text)
                    self.resume += entries
        except TimeoutError:
            raise Closing(4008, f"resume={self.resume}") from None

    async def greet(self) -> None:
        """Take the hello and answer it; Closing(4002) where it is refused."""
        try:
            text = await asyncio.wait_for(self._receive(), HELLO_SECONDS_MAX)
            answers = self.rules.hello(parse_frame(text))
        except TimeoutError:
            raise Closing(4002, "no hello") from None
        except Refusal as refusal:
            answers = [encode_frame(RefusalFrame.of(refusal))]
        await self.send(*answers)
        if self.rules.mode not in (Mode.LIVE, Mode.CATCHING_UP):
            raise Closing(4002, "hello refused")
        self.resume = self.rules.next

    async def show(self) -> None:
        """Send what is there and what comes, for ever."""
        marked = -1
        while True:
            self.rules.grew(self.tail.head)
            if (wanted := self.rules.wanted) is not None:
                await self.send(*self.rules.page(await self.tail.entries(*wanted)), entries=True)
                continue
            mark = self.tail.mark
            if mark.size != marked:
                for text in self.rules.mark(mark.size, mark.checkpoint):
                    await self.send(text)
                    marked = mark.size
            await self.tail.grows_beyond(self.resume)

    async def listen(self) -> None:
        """Take what the viewer sends, until he leaves."""
        while True:
            text = await self._receive()
            identity = ""
            answer: dict[str, Any]
            try:
                event = parse_event(text)
                identity = event.id
                async with self.shell.writers():
                    seq = await run_in_threadpool(self._record, event)
                answer = {"type": "ack", "id": identity, "seq": seq}
            except Exception as error:
                problem = problems.problem_of(error, self.socket)
                language = language_of(self.socket, self.shell.settings.language)
                document = problem.document(language)
                answer = {"type": "refusal", "id": identity, **_said(document)}
            await self.send(json.dumps(answer, ensure_ascii=False, separators=(",", ":")))

    def _record(self, event: SentEvent) -> int:
        """Record the event; the number of its entry, with which its sender can hold us to it."""
        with self.shell.office.write() as tx:
            record_event(tx, self.actor, self.rules.session, event.kind, event.data)
            written = tx.flush_record()
        return next(entry.seq for entry in written if entry.stream == self.tail.stream)

    async def _receive(self) -> str:
        """The next text; an empty one for a binary message, which nothing takes."""
        message = await self.socket.receive()
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message["code"])
        return message.get("text") or ""

    async def stay_signed_in(self) -> None:
        """End the socket when its sign-in ends; watching counts as activity."""
        while True:
            await asyncio.sleep(CHECK_SECONDS)
            if await actor_of(self.socket) is None:
                raise Closing(4001, f"signed out; resume={self.resume}")


def _said(document: Mapping[str, Any]) -> dict[str, Any]:
    """A problem with its words, place and rule in front, as a refused hello has them."""
    first: Mapping[str, Any] = next(iter(document.get("faults", ())), {})
    return {
        "zh": document["detail_zh"],
        "en": document["detail_en"],
        "pointer": first.get("pointer", ""),
        "rule": document.get("rule") or first.get("rule", ""),
        "problem": document,
    }


async def race(*parts: Any) -> None:
    """Run until the first ends or fails; the others are cancelled, and its error is raised."""
    tasks = [asyncio.ensure_future(part) for part in parts]
    try:
        done, _waiting = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        # More than once: on Python 3.11 `wait_for` loses a cancellation that comes as it ends.
        left = {*tasks}
        while left:
            for task in left:
                task.cancel()
            _over, left = await asyncio.wait(left, timeout=CANCEL_SECONDS)
        for task in tasks:
            if not task.cancelled():
                task.exception()  # seen: the first one's is raised above, later ones are moot


def _exists_for(shell: Shell, actor: Actor, session_id: str) -> bool:
    with shell.office.read() as db:
        try:
            seen(db, actor, session_id)
        except Refusal as refusal:
            if refusal.kind is not Kind.NOT_FOUND:
                raise
            return False
    return True


@router.websocket("/live/sessions/{session_id}")
async def witness(socket: WebSocket, actor: OfficialActor, session_id: IdInPath) -> None:
    """Show a session's record as it grows."""
    shell = shell_of(socket)
    stream = f"session/{session_id}"
    mark = None
    async with shell.readers():
        if await run_in_threadpool(_exists_for, shell, actor, session_id):
            mark = await run_in_threadpool(read_mark, shell.office, stream)
    if mark is None:
        raise Refusal("api.live.unknown", {"session": session_id}, Kind.NOT_FOUND)
    offered = socket.scope.get("subprotocols", [])
    await socket.accept(subprotocol=PROTOCOL if PROTOCOL in offered else None)
    tails: Tails = socket.app.state.tails
    async with tails.watch(stream, mark) as tail:
        rules = Viewer(session_id, epoch_of(shell, stream), tail.head)
        wire = Wire(socket, shell, actor, tail, rules)
        try:
            await wire.greet()
            await race(wire.show(), wire.listen(), wire.stay_signed_in())
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
