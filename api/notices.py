"""Notices: `/live/notices` tells pages that something moved; what moved they read themselves.

    →  {"watch": ["lot/…", "board"]}             the first message, once; at most TOPICS_MAX
    ←  {"topic": "lot/…", "seq": 12}             where each stands, at once and whenever it moves
    ←  {"topic": "lot/…", "refused": true}       not for this reader, or no topic
    ←  {"clock": "2026-10-21T01:00:00.000Z"}     legal time, each second or two

State comes by pull, so a lost notice costs a second and nothing else, and any process can tell it:
the record is looked at when this process wrote (`office.on_record`) and once a second in any case.
All sockets of a process share one look. Close codes: 1008 a message that is none, 1013 too many
sockets (pages then poll), 4008 too slow, 1012 the server stops.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

from fastapi import APIRouter, WebSocket
from fastapi.concurrency import run_in_threadpool
from starlette.websockets import WebSocketDisconnect

from api.access import Visitor, actor_of
from api.flows import topics
from api.shell import Shell, shell_of
from archive.actor import Actor
from archive.journal.entry import moment_text
from archive.office import Office

TOPICS_MAX = 40
SOCKETS_MAX = 2_000
"""In one process; whoever comes later polls."""
MESSAGE_CHARACTERS_MAX = 8 * 1024
WATCH_SECONDS_MAX = 10.0
SEND_SECONDS_MAX = 5.0
POLL_SECONDS = 1.0
GATHER_SECONDS = 0.1
"""A burst of commits is one notice."""
CLOCK_SECONDS = 2.0
CHECK_SECONDS = 60.0
CANCEL_SECONDS = 0.5

router = APIRouter()
_log = logging.getLogger("bigloop.live")


class Closing(Exception):
    """End the socket with this code and reason."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(code, reason)
        self.code, self.reason = code, reason


class Pulse:
    """One look at the record for all who follow something in this process."""

    def __init__(self, office: Office) -> None:
        self._office = office
        self._wanted: Counter[str] = Counter()
        self._known: dict[str, int] = {}
        self._task: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._woken = asyncio.Event()
        self._moved = asyncio.Event()
        self.sockets = 0
        office.on_record.append(self.wake)

    def wake(self, _streams: frozenset[str]) -> None:
        """Something was recorded; from any thread."""
        if self._loop is not None:
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._woken.set)

    @asynccontextmanager
    async def follow(self, wanted: Sequence[str]) -> AsyncIterator[None]:
        """Look for these topics while the block runs."""
        loop = asyncio.get_running_loop()
        if self._loop is not loop:  # a test's client brings a loop of its own
            self._loop, self._task = loop, None
            self._woken, self._moved = asyncio.Event(), asyncio.Event()
        self._wanted.update(wanted)
        self._woken.set()
        if self._task is None:
            self._task = asyncio.create_task(self._look())
        try:
            yield
        finally:
            self._wanted.subtract(wanted)
            self._wanted += Counter()
            if not self._wanted and self._task is not None:
                self._task.cancel()
                self._task = None
                self._known.clear()

    def numbers(self, wanted: Iterable[str]) -> dict[str, int]:
        """Where these topics stood at the last look."""
        return {topic: self._known[topic] for topic in wanted if topic in self._known}

    @property
    def next_move(self) -> asyncio.Event:
        """Is set when something followed moves; take it before reading the numbers."""
        return self._moved

    async def _look(self) -> None:
        while True:
            try:
                found = await run_in_threadpool(self._read, tuple(self._wanted))
                if found != self._known:
                    self._known = found
                    self._moved.set()
                    self._moved = asyncio.Event()
            except Exception:
                _log.exception("cannot look at the record; trying again")
            with suppress(TimeoutError):
                async with asyncio.timeout(POLL_SECONDS):
                    await self._woken.wait()
                await asyncio.sleep(GATHER_SECONDS)
            self._woken.clear()

    def _read(self, wanted: Sequence[str]) -> dict[str, int]:
        with self._office.read() as db:
            return topics.numbers(db, wanted)


def parse_watch(text: str) -> tuple[str, ...]:
    """The topics of a watch message; ValueError for anything else."""
    if len(text) > MESSAGE_CHARACTERS_MAX:
        raise ValueError("too long")
    match json.loads(text):
        case {"watch": list(wanted), **rest} if not rest and len(wanted) <= TOPICS_MAX:
            if all(isinstance(topic, str) for topic in wanted):
                return tuple(dict.fromkeys(wanted))
    raise ValueError("not a watch message")


def sort_out(
    office: Office, actor: Actor | None, wanted: Sequence[str]
) -> tuple[list[str], list[str]]:
    """(topics that this reader may follow, the others)."""
    with office.read() as db:
        allowed = [topic for topic in wanted if topics.may_follow(db, actor, topic)]
    return allowed, [topic for topic in wanted if topic not in allowed]


@router.websocket("/live/notices")
async def notices(socket: WebSocket, actor: Visitor) -> None:
    """Tell a page when to read again."""
    shell = shell_of(socket)
    pulse: Pulse = socket.app.state.pulse
    await socket.accept()
    if pulse.sockets >= SOCKETS_MAX:
        await socket.close(1013, "too many sockets")
        return
    pulse.sockets += 1
    try:
        await _serve(socket, shell, pulse, actor)
    except WebSocketDisconnect:
        return
    except Closing as closing:
        with suppress(TimeoutError, RuntimeError, WebSocketDisconnect):
            await asyncio.wait_for(socket.close(closing.code, closing.reason), 1.0)
    finally:
        pulse.sockets -= 1


async def _serve(socket: WebSocket, shell: Shell, pulse: Pulse, actor: Actor | None) -> None:
    try:
        async with asyncio.timeout(WATCH_SECONDS_MAX):
            text = await _receive(socket)
        wanted = parse_watch(text)
    except (TimeoutError, ValueError, RecursionError):
        raise Closing(1008, "no watch message") from None
    allowed, refused = await run_in_threadpool(sort_out, shell.office, actor, wanted)
    for topic in refused:
        await _send(socket, {"topic": topic, "refused": True})
    parts = [_tick(socket, shell), _listen(socket)]
    if actor is not None:
        parts.append(_stay_signed_in(socket))
    async with pulse.follow(allowed):
        await race(_tell(socket, pulse, allowed), *parts)


async def _tell(socket: WebSocket, pulse: Pulse, allowed: Sequence[str]) -> None:
    told: dict[str, int] = {}
    while True:
        move = pulse.next_move
        for topic, seq in pulse.numbers(allowed).items():
            if told.get(topic) != seq:
                await _send(socket, {"topic": topic, "seq": seq})
                told[topic] = seq
        await move.wait()


async def _tick(socket: WebSocket, shell: Shell) -> None:
    while True:
        await _send(socket, {"clock": moment_text(shell.office.clock.now())})
        await asyncio.sleep(CLOCK_SECONDS)


async def _listen(socket: WebSocket) -> None:
    """Nothing more is said by the page; without listening its leaving would not be noticed."""
    await _receive(socket)
    raise Closing(1008, "watch once")


async def _stay_signed_in(socket: WebSocket) -> None:
    while True:
        await asyncio.sleep(CHECK_SECONDS)
        if await actor_of(socket) is None:
            raise Closing(4001, "signed out")


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


async def _receive(socket: WebSocket) -> str:
    message = await socket.receive()
    if message["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(message["code"])
    return message.get("text") or ""


async def _send(socket: WebSocket, frame: Mapping[str, object]) -> None:
    try:
        text = json.dumps(frame, separators=(",", ":"))
        async with asyncio.timeout(SEND_SECONDS_MAX):
            await socket.send_text(text)
    except TimeoutError:
        raise Closing(4008, "too slow") from None
