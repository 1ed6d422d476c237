"""Handing one frame, made once, to thousands of sockets.

uvicorn builds each message's frame anew for each socket. Here a burst of entries becomes one piece of
bytes (RFC 6455 frames, unmasked, as a server sends them), and each socket is handed the same bytes: one
write a viewer and tick. Through the ASGI scope the application finds the protocol itself and learns how
much of what was written the other side has not taken yet.

A socket that was greeted is handed over (`serve`): the application's call returns, and everything that it
took (scope, request, dependencies, layers, a task) is freed. A viewer who only watches is then a protocol and
a few numbers.

A server that offers no such way (a test's client) is sent the same frames one by one.
"""

from __future__ import annotations

import asyncio
import os
from asyncio.transports import BaseTransport
from collections import deque
from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import cached_property
from typing import Any, Protocol, cast

from fastapi import WebSocket
from starlette.websockets import WebSocketDisconnect, WebSocketState
from uvicorn._types import ASGISendEvent
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame, Opcode
from websockets.http11 import Request

EXTENSION = "bigloop.frames"
CLOSE_SECONDS_MAX = 5.0
"""A viewer that does not take the close frame in this time is cut."""


class Chunk:
    """Some messages, text or bytes; `wire` is what stands for them on the network, made once."""

    def __init__(self, texts: Iterable[str | bytes]) -> None:
        self.texts = tuple(texts)

    @cached_property
    def wire(self) -> bytes:
        return b"".join(_frame_of(each).serialize(mask=False) for each in self.texts)

    def __getitem__(self, part: slice) -> Chunk:
        """The same chunk where the part is all of it."""
        texts = self.texts[part]
        return self if len(texts) == len(self.texts) else Chunk(texts)


def _frame_of(message: str | bytes) -> Frame:
    if isinstance(message, bytes):
        return Frame(Opcode.BINARY, message)
    return Frame(Opcode.TEXT, message.encode())


class Listener(Protocol):
    """Who is told what the other side of a socket does."""

    def said(self, text: str) -> None:
        """A text message came, an empty one for a binary message. More come only after `resume`, but for
        those that came together with it."""

    def left(self) -> None:
        """Nothing comes any more; may be told more than once."""


class Outlet(Protocol):
    """One viewer's socket as the hub writes to it."""

    def write(self, chunk: Chunk) -> int:
        """Hand over, and tell how many bytes of all that was written were not taken yet; never waits,
        and does nothing once the socket is closing."""

    async def relieved(self) -> None:
        """Return when little waits, or nothing ever will again."""

    def end(self, code: int, reason: str) -> None:
        """Close after what was written; cut whoever does not take it."""


class Line(Outlet, Protocol):
    """An outlet of which the other side is heard, too."""

    async def serve(self, listener: Listener) -> None:
        """The last act of the application's call: tell the listener what is said from here on. Returns at
        once where the socket lives on without the call."""

    def resume(self) -> None:
        """Tell what is said next."""


class FanoutProtocol(WebSocketsSansIOProtocol):
    """uvicorn's protocol, a `Line` beside.

    While nothing waits in the transport, bytes go to the socket by one system call; what the kernel does not
    take goes through the transport, whose own way to that call costs as much as the call.
    """

    file = -1
    """The socket's number while bytes may go to it directly: nothing waits, nothing is closing, no TLS."""
    _plain = -1
    """The socket's number where it has no TLS."""

    def connection_made(self, transport: BaseTransport) -> None:
        super().connection_made(transport)
        self.transport.set_write_buffer_limits(0)  # `writable` tells that nothing waits
        if transport.get_extra_info("sslcontext") is None:
            self.file = self._plain = transport.get_extra_info("socket").fileno()

    def connection_lost(self, exc: Exception | None) -> None:
        self.file = self._plain = -1
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        self.file = -1
        super().pause_writing()

    def resume_writing(self) -> None:
        self.file = self._plain
        super().resume_writing()

    def handle_connect(self, event: Request) -> None:
        super().handle_connect(event)
        if self.response.status_code == 101:  # the application's task begins after this
            extensions: dict[str, Any] = {**self.scope["extensions"], EXTENSION: self}
            self.scope["extensions"] = extensions

    async def send(self, message: ASGISendEvent) -> None:
        await super().send(message)
        if self.close_sent:
            # A handshake that was refused is over too: uvicorn would log an error (its pull request 3138).
            self.handshake_complete = True

    def write(self, chunk: Chunk) -> int:
        wire = chunk.wire
        if self.file >= 0:
            try:
                taken = os.write(self.file, wire)
            except OSError:  # full; or broken, which the transport finds out
                taken = 0
            if taken == len(wire):
                return 0
            wire = wire[taken:]
        elif self.disconnected or self.close_sent:
            return 0
        self.transport.write(wire)
        return self.transport.get_write_buffer_size()

    async def relieved(self) -> None:
        await self.writable.wait()

    def end(self, code: int, reason: str) -> None:
        if self.disconnected or self.close_sent or self.transport.is_closing():
            return
        self.conn.send_close(code, reason)
        self.file = self._plain = -1
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        self.queue.put_nowait({"type": "websocket.disconnect", "code": code, "reason": reason})
        if self.read_paused:
            self.read_paused = False
            self.transport.resume_reading()
        self.close_timer = self.loop.call_later(CLOSE_SECONDS_MAX, self.transport.abort)

    async def serve(self, listener: Listener) -> None:
        before, handed = self.queue, _Handed(listener)
        self.queue = cast("Any", handed)
        # What the handshake needed is not kept for as long as somebody watches.
        self.scope = self.request = self.response = cast("Any", None)
        while not before.empty():
            handed.put_nowait(before.get_nowait())

    def resume(self) -> None:
        self.loop.call_soon(self._read_on)  # uvicorn pauses after it has told what came

    def _read_on(self) -> None:
        if self.read_paused and not self.transport.is_closing():
            self.read_paused = False
            self.transport.resume_reading()

    async def run_asgi(self) -> None:
        """As uvicorn's, but that a socket stays open after the call where it was handed over."""
        try:
            await self.app(self.scope, self.receive, self.send)
        except ClientDisconnected:
            pass
        except BaseException:
            self.logger.exception("Exception in ASGI application\n")
            self.send_500_response()
        else:
            if isinstance(self.queue, _Handed):
                return
            if not self.handshake_complete:
                self.logger.error("ASGI callable returned without completing handshake.")
                self.send_500_response()
        if self.close_timer is None:
            self.transport.close()


class _Handed:
    """Stands where uvicorn's protocol puts what comes."""

    __slots__ = ("_listener",)

    def __init__(self, listener: Listener) -> None:
        self._listener = listener

    def put_nowait(self, message: Mapping[str, Any]) -> None:
        if message["type"] == "websocket.receive":
            self._listener.said(message.get("text") or "")
        else:
            self._listener.left()


class SingleFrames:
    """A line over a socket of any ASGI server: frames go out one by one from a task."""

    def __init__(self, socket: WebSocket) -> None:
        self._socket = socket
        self._texts: deque[str | bytes] = deque()
        self._sent = asyncio.Event()
        self._sent.set()
        self._heard = asyncio.Event()
        self._close: tuple[int, str] | None = None
        self._task: asyncio.Task[None] | None = None

    def write(self, chunk: Chunk) -> int:
        if self._close is None:
            self._texts.extend(chunk.texts)
            self._go()
        return sum(map(len, self._texts))

    async def relieved(self) -> None:
        await self._sent.wait()

    def end(self, code: int, reason: str) -> None:
        if self._close is None:
            self._close = (code, reason)
            self._go()

    async def serve(self, listener: Listener) -> None:
        try:
            while True:
                message = await self._socket.receive()
                if message["type"] == "websocket.disconnect":
                    return
                self._heard.clear()
                listener.said(message.get("text") or "")
                await self._heard.wait()
        finally:
            listener.left()

    def resume(self) -> None:
        self._heard.set()

    def _go(self) -> None:
        self._sent.clear()
        if self._task is None:
            self._task = asyncio.create_task(self._send())

    async def _send(self) -> None:
        with suppress(RuntimeError, WebSocketDisconnect):
            while self._texts:
                message = self._texts.popleft()
                if isinstance(message, bytes):
                    await self._socket.send_bytes(message)
                else:
                    await self._socket.send_text(message)
            if self._close is not None and (
                self._socket.application_state is WebSocketState.CONNECTED
            ):
                await self._socket.close(*self._close)
        self._texts.clear()
        self._task = None
        self._sent.set()


def outlet_of(socket: WebSocket) -> Line:
    """How this socket is written to and heard."""
    found = socket.scope.get("extensions", {}).get(EXTENSION)
    return found if isinstance(found, FanoutProtocol) else SingleFrames(socket)
