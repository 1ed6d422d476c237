"""The witness socket: `/live/sessions/{session_id}`, subprotocol `witness.v1`.

What an evaluation session records is shown as it is recorded, from any number on, in order, without
gaps. The frames and the rules of following are those of `evaluation.witness.protocol`. Beside them
stations and hosts may send

    →  {"type": "event", "id": "…", "kind": "door", "data": {…}}
    ←  {"type": "ack", "id": "…", "seq": n}                only after the commit, as entry n
    ←  {"type": "refusal", "id": "…", "zh": "…", "en": "…", "pointer": "/…", "rule": "…",
        "problem": {…}}                                    nothing was done

`pointer` and `rule` are those of the first fault and empty where there is none; the problem has all.

Who may not see a session finds none here, as under `/api/sessions`.

Close codes: 4001 signed out, 4003 the session is no longer this viewer's, 4002 the hello was refused
(a frame says why), 4008 too slow, 1012 the server stops. A reason ends in `resume=<seq>`, the first
number that was not sent. Rights are looked at each minute.

Here are the wire's beginning and end, what the viewer sends, and his rights; what he is sent is the
hub's matter (`api.hub`). A viewer who only watches costs no task: after the welcome his socket is handed
over (`api.fanout`).
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, WebSocket
from fastapi.concurrency import run_in_threadpool
from starlette.websockets import WebSocketDisconnect

from api import problems
from api.access import OfficialActor, bearer_of, period_of
from api.fanout import Chunk, Line, outlet_of
from api.hub import Hub, Hubs, Viewing, read_mark
from api.negotiation import language_of
from api.notices import Closing
from api.routes.fields import IdInPath
from api.routes.sessions import seen
from api.shell import Shell, shell_of
from archive.actor import Actor
from archive.errors import Kind, Refusal
from archive.office import Tx
from archive.words import Language
from evaluation.witness.protocol import (
    FRAME_BYTES_MAX,
    PROTOCOL,
    Hello,
    RefusalFrame,
    Viewer,
    encode_frame,
    parse_frame,
)
from evaluation.witness.service import record_event

HELLO_SECONDS_MAX = 10.0
SIGNED_OUT, REFUSED, NOT_HIS = 4001, 4002, 4003
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


def epoch_of(shell: Shell, stream: str) -> str:
    """Names the log: numbers of one log mean nothing in another (a restored or new one)."""
    text = f"{shell.office.log.verifier.vkey}\n{stream}"
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@dataclass(eq=False, slots=True)
class Wire:
    """One viewer who was welcomed: what he says, and whether he still may watch. Nothing of the handshake
    is kept but the signed-in period."""

    shell: Shell
    hubs: Hubs
    hub: Hub
    actor: Actor
    period: str
    language: Language
    line: Line
    viewing: Viewing | None = None
    _waiting: list[str] | None = None
    """What he said and nobody answered yet; None while nothing is answered."""
    _task: asyncio.Task[None] | None = None

    def said(self, text: str) -> None:
        if self._waiting is None:
            self._waiting = [text]
            self._task = asyncio.create_task(self._answer_all(self._waiting))
        else:
            self._waiting.append(text)

    def left(self) -> None:
        if self.viewing is not None:
            viewing, self.viewing = self.viewing, None
            self.hub.leave(viewing)
            self.hubs.leave(self.hub)

    async def _answer_all(self, waiting: list[str]) -> None:
        while waiting:
            answer = await self._answer(waiting.pop(0))
            await self.line.relieved()  # who does not read his answers is not listened to
            self.line.write(Chunk([problems.json_text(answer)]))
        self._waiting = self._task = None
        self.line.resume()

    async def _answer(self, text: str) -> dict[str, Any]:
        identity = ""
        try:
            event = parse_event(text)
            identity = event.id
            return {"type": "ack", "id": identity, "seq": await self._record(event)}
        except Refusal as refusal:
            problem = problems.of_refusal(refusal)
        except Exception as error:
            problem = problems.incident(error)
        return {"type": "refusal", "id": identity, **_said(problem.document(self.language))}

    async def _record(self, event: SentEvent) -> int:
        """Record the event; the number of its entry, with which its sender can hold us to it."""
        stream = self.hub.stream
        session_id = stream.partition("/")[2]

        def write(tx: Tx) -> None:
            seen(tx.db, self.actor, session_id)
            record_event(tx, self.actor, session_id, event.kind, event.data)

        written = await asyncio.wrap_future(self.shell.appends.write(session_id, write))
        return next(entry.seq for entry in written.entries if entry.stream == stream)

    async def judge(self) -> tuple[int, str] | None:
        """Why the viewer may not watch any more; None while he may. Watching counts as activity."""
        actor = await bearer_of(self.shell, self.period)
        if actor is None:
            return SIGNED_OUT, "signed out"
        async with self.shell.readers():
            session_id = self.hub.stream.partition("/")[2]
            if not await run_in_threadpool(_exists_for, self.shell, actor, session_id):
                return NOT_HIS, "not yours"
        return None


async def _greet(socket: WebSocket, rules: Viewer, hub: Hub) -> None:
    """Take the hello and answer it; Closing(4002) where it is refused."""
    try:
        async with asyncio.timeout(HELLO_SECONDS_MAX):
            message = await socket.receive()
            if message["type"] == "websocket.disconnect":
                raise WebSocketDisconnect(message["code"])
            hello = parse_frame(message.get("text") or "")
            if isinstance(hello, Hello) and hello.next > hub.head:
                await hub.look()  # another process may have shown him more than is known here
        rules.head = hub.head
        answer = rules.hello(hello)
    except TimeoutError:
        raise Closing(REFUSED, "no hello") from None
    except Refusal as refusal:
        answer = encode_frame(RefusalFrame.of(refusal))
    await socket.send_text(answer)
    if not rules.is_welcome:
        raise Closing(REFUSED, "hello refused")


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
    hubs: Hubs = socket.app.state.hubs
    mark = hubs.mark(stream)
    async with shell.readers():
        if not await run_in_threadpool(_exists_for, shell, actor, session_id):
            mark = None
        elif mark is None:
            mark = await run_in_threadpool(read_mark, shell.office, stream)
    if mark is None:
        raise Refusal("api.live.unknown", {"session": session_id}, Kind.NOT_FOUND)
    offered = socket.scope.get("subprotocols", [])
    try:
        await socket.accept(subprotocol=PROTOCOL if PROTOCOL in offered else None)
    except OSError:
        return  # he left during the handshake
    line = outlet_of(socket)
    hub = hubs.enter(stream, mark)
    with ExitStack() as leaving:
        leaving.callback(hubs.leave, hub)
        rules = Viewer(session_id, epoch_of(shell, stream), hub.head)
        try:
            await _greet(socket, rules, hub)
        except WebSocketDisconnect:
            return
        except Closing as closing:
            line.end(closing.code, closing.reason)
            await line.relieved()
            return
        leaving.pop_all()  # from here on the wire leaves
    language = language_of(socket, shell.settings.language)
    wire = Wire(shell, hubs, hub, actor, await period_of(socket), language, line)
    wire.viewing = Viewing(rules, line, wire.judge)
    hub.show(wire.viewing)
    await line.serve(wire)
