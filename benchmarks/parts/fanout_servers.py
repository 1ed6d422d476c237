"""Servers that hand the same numbered events to all their viewers: ours and its peers, one process each.

    python -m benchmarks.parts.fanout_servers KIND CORE

prints `ready PORT PID`, then takes commands line by line on its standard input:

    publish COUNT BYTES [single|stamped]      COUNT further events of BYTES each
    reset                                     numbers begin anew

Each event is one text frame: its number in 12 digits, the monotonic time of its making in 20 digits (zeros
unless `stamped`), and filling. What is measured is the way from an event that is known to the sockets; nobody
reads a database.

| kind | |
|---|---|
| ours | FastAPI on uvicorn with our protocol; the hub of `api.hub`, its reading replaced by a list |
| queue | FastAPI on uvicorn, a queue of 256 and a sending task per viewer: the usual pattern |
| broadcast | the `websockets` library's server and its `broadcast()` |
| bare | sockets alone: one `send` of ready bytes per viewer and event |
| waiting | a websocket of FastAPI on uvicorn that only waits; for memory |
| idle | the same without FastAPI |
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import logging
import os
import socket
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from fastapi import FastAPI, WebSocket
from starlette.websockets import WebSocketDisconnect

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT))

HEAD_BYTES = 12 + 20
QUEUE_MAX = 256
BACKLOG = 8192
GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
"""RFC 6455, 1.3."""


def text_of(number: int, size: int, *, is_stamped: bool) -> str:
    moment = time.monotonic_ns() if is_stamped else 0
    return f"{number:012d}{moment:020d}".ljust(size, "x")


Command = tuple[int, int, str] | None
"""How many, of how many bytes, how; None: begin anew."""


def command_of(line: str) -> Command:
    words = line.split()
    return (int(words[1]), int(words[2]), "".join(words[3:])) if words[0] == "publish" else None


def say_ready(listener: socket.socket) -> None:
    os.sched_setaffinity(0, {int(sys.argv[2])})  # all cores until here: servers start side by side
    sys.stdout.write(f"ready {listener.getsockname()[1]} {os.getpid()}\n")
    sys.stdout.flush()


def listening() -> socket.socket:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", 0))
    listener.listen(BACKLOG)
    return listener


def in_loop(
    loop: asyncio.AbstractEventLoop,
    publish: Callable[[int, int, str], Any],
    reset: Callable[[], None],
) -> None:
    """Act on the commands in order. The loop itself reads them: a thread beside it would cost as much
    as handing an event to a hundred viewers."""
    commands: asyncio.Queue[Command] = asyncio.Queue()
    lines = [b""]

    def take() -> None:
        data = os.read(0, 65536)
        if not data:  # who measures is gone
            os._exit(0)
        *whole, lines[0] = (lines[0] + data).split(b"\n")
        for line in whole:
            commands.put_nowait(command_of(line.decode()))

    async def act() -> None:
        while True:
            command = await commands.get()
            if command is None:
                reset()
            else:
                await publish(*command)

    loop.add_reader(0, take)
    loop.__dict__["commands"] = loop.create_task(act())  # keeps it alive


async def serve_asgi(app: Any, begin: Callable[[asyncio.AbstractEventLoop], None], ws: Any) -> None:
    import uvicorn

    listener = listening()
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        ws=ws,
        ws_per_message_deflate=False,
        ws_ping_interval=None,
        lifespan="off",
        backlog=BACKLOG,
    )
    logging.disable(logging.CRITICAL)
    server = uvicorn.Server(config)
    begin(asyncio.get_running_loop())
    asyncio.get_running_loop().call_later(0.3, say_ready, listener)
    await server.serve([listener])


def ours() -> None:
    from api.fanout import FanoutProtocol, outlet_of
    from api.hub import Hub, Viewing
    from api.live import Wire
    from archive.words import Language
    from evaluation.witness.protocol import Hello, Mark, Viewer

    app = FastAPI()
    log: list[str] = []
    none: Any = SimpleNamespace(leave=lambda _: None)  # what only a viewer who says something needs
    no_mark = Mark(-1, "")  # a checkpoint that nobody has come to

    class Listed(Hub):
        async def read(self, start: int, stop: int) -> tuple[list[str], Mark | None]:
            return log[start:stop], None

    hubs: list[Listed] = []

    @app.websocket("/")
    async def view(socket: WebSocket) -> None:
        await socket.accept()
        hub = hubs[0]
        rules = Viewer("s", "e", hub.head)
        rules.hello(Hello("s", hub.head, "e" if hub.head else ""))
        line = outlet_of(socket)
        wire = Wire(none, none, hub, none, "token", Language.ZH, line)
        wire.viewing = Viewing(rules, line, wire.judge)
        hub.show(wire.viewing)
        await line.serve(wire)

    async def publish(count: int, size: int, mode: str) -> None:
        hub = hubs[0]
        if mode == "single":
            for _ in range(count):
                await hub._hand_out([text_of(hub.head, size, is_stamped=False)], no_mark)
            return
        for _ in range(count):
            log.append(text_of(len(log), size, is_stamped=mode == "stamped"))
        hub.wake()

    def begin(loop: asyncio.AbstractEventLoop) -> None:
        hubs.append(Listed(none, "s", no_mark))
        hubs[0].head = 0
        loop.__dict__["following"] = loop.create_task(hubs[0].follow())

        def reset() -> None:
            log.clear()
            hubs[0].head = hubs[0]._characters = 0
            hubs[0]._newest.clear()
            for viewing in hubs[0].viewings:
                viewing.rules.next = viewing.rules.head = 0

        in_loop(loop, publish, reset)

    asyncio.run(serve_asgi(app, begin, FanoutProtocol))


def queue() -> None:
    app = FastAPI()
    queues: set[asyncio.Queue[str]] = set()
    numbers = [0]

    @app.websocket("/")
    async def view(socket: WebSocket) -> None:
        await socket.accept()
        own: asyncio.Queue[str] = asyncio.Queue(QUEUE_MAX)
        queues.add(own)

        async def send() -> None:
            while True:
                await socket.send_text(await own.get())

        sending = asyncio.create_task(send())
        try:
            while True:
                await socket.receive_text()
        except WebSocketDisconnect:
            pass
        finally:
            sending.cancel()
            queues.discard(own)

    async def publish(count: int, size: int, mode: str) -> None:
        for _ in range(count):
            text = text_of(numbers[0], size, is_stamped=mode == "stamped")
            numbers[0] += 1
            for each in queues:
                with suppress(asyncio.QueueFull):  # it silently drops, as the pattern does
                    each.put_nowait(text)
            await asyncio.sleep(0)

    def reset() -> None:
        numbers[0] = 0

    asyncio.run(serve_asgi(app, lambda loop: in_loop(loop, publish, reset), "websockets-sansio"))


async def nothing(*_: Any) -> None:
    return None


def waiting() -> None:
    app = FastAPI()

    @app.websocket("/")
    async def view(socket: WebSocket) -> None:
        await socket.accept()
        with suppress(WebSocketDisconnect):
            while True:
                await socket.receive_text()

    begin = partial(in_loop, publish=nothing, reset=lambda: None)
    asyncio.run(serve_asgi(app, begin, "websockets-sansio"))


def idle() -> None:
    async def app(_scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        while (await receive())["type"] != "websocket.disconnect":
            pass

    begin = partial(in_loop, publish=nothing, reset=lambda: None)
    asyncio.run(serve_asgi(app, begin, "websockets-sansio"))


def broadcast() -> None:
    from websockets.asyncio.server import ServerConnection, serve
    from websockets.asyncio.server import broadcast as to_all

    sockets: set[ServerConnection] = set()
    numbers = [0]

    async def view(socket: ServerConnection) -> None:
        sockets.add(socket)
        try:
            async for _ in socket:
                pass
        finally:
            sockets.discard(socket)

    async def publish(count: int, size: int, mode: str) -> None:
        for _ in range(count):
            to_all(sockets, text_of(numbers[0], size, is_stamped=mode == "stamped"))
            numbers[0] += 1
            await asyncio.sleep(0)

    def reset() -> None:
        numbers[0] = 0

    async def run() -> None:
        listener = listening()
        logging.disable(logging.CRITICAL)
        async with serve(view, sock=listener, compression=None, ping_interval=None):
            in_loop(asyncio.get_running_loop(), publish, reset)
            say_ready(listener)
            await asyncio.Future()

    asyncio.run(run())


def bare() -> None:
    from websockets.frames import Frame, Opcode

    listener = listening()
    sockets: list[socket.socket] = []
    numbers = [0]

    def accept() -> None:
        while True:
            connection, _ = listener.accept()
            request = b""
            while b"\r\n\r\n" not in request:
                request += connection.recv(4096)
            key = next(
                line.split(b":")[1].strip()
                for line in request.split(b"\r\n")
                if line.lower().startswith(b"sec-websocket-key")
            )
            accepted = base64.b64encode(hashlib.sha1(key + GUID).digest())
            connection.sendall(
                b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                b"Sec-WebSocket-Accept: " + accepted + b"\r\n\r\n"
            )
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sockets.append(connection)

    def publish(count: int, size: int, mode: str) -> None:
        for _ in range(count):
            text = text_of(numbers[0], size, is_stamped=mode == "stamped")
            data = Frame(Opcode.TEXT, text.encode()).serialize(mask=False)
            numbers[0] += 1
            for each in sockets:
                each.sendall(data)

    def reset() -> None:
        numbers[0] = 0

    threading.Thread(target=accept, daemon=True).start()
    say_ready(listener)
    for line in sys.stdin:
        command = command_of(line)
        if command is None:
            reset()
        else:
            publish(*command)


KINDS: dict[str, Callable[[], None]] = {
    "ours": ours,
    "queue": queue,
    "broadcast": broadcast,
    "bare": bare,
    "waiting": waiting,
    "idle": idle,
}

if __name__ == "__main__":
    os.sched_setaffinity(0, range(os.cpu_count() or 1))
    KINDS[sys.argv[1]]()
