"""A socket that was handed over, over a real connection: whole, in order, heard, and free of its handshake."""

from __future__ import annotations

import gc
import logging
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from fastapi import FastAPI, WebSocket
from starlette.responses import Response
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from api.fanout import Chunk, Line, outlet_of
from tests.support.serving import served

SECONDS_MAX = 10


@dataclass
class Ear:
    """Answers each message, and ends the socket when it is asked to."""

    line: Line
    heard: list[str] = field(default_factory=list)
    gone: threading.Event = field(default_factory=threading.Event)

    def said(self, text: str) -> None:
        self.heard.append(text)
        if text == "end":
            self.line.end(4008, "enough")
        elif text == "much":
            for number in range(200):
                self.line.write(Chunk([f"{number:03d}".ljust(60_000, "x")]))
        else:
            self.line.write(Chunk([f"heard {text}"]))
        self.line.resume()

    def left(self) -> None:
        self.gone.set()


@dataclass
class Server:
    url: str = ""
    ears: list[Ear] = field(default_factory=list)
    sockets: list[weakref.ref[Any]] = field(default_factory=list)

    @contextmanager
    def client(self) -> Iterator[ClientConnection]:
        with connect(self.url, compression=None, max_size=None) as one:
            yield one


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    made, app = Server(), FastAPI()

    @app.websocket("/")
    async def view(socket: WebSocket) -> None:
        await socket.accept()
        assert await socket.receive_text() == "hello"
        line = outlet_of(socket)
        made.ears.append(Ear(line))
        made.sockets.append(weakref.ref(socket))
        await line.serve(made.ears[-1])

    @app.websocket("/refused")
    async def refuse(socket: WebSocket) -> None:
        await socket.send_denial_response(Response("no", 403))

    with served(app) as url:
        made.url = url.replace("http", "ws")
        yield made


class TestHandedOver:
    def test_what_is_said_before_and_after_is_heard_in_order(self, server: Server) -> None:
        with server.client() as one:
            said = ["hello", *(str(n) for n in range(20))]
            for text in said:  # most of them arrive before the socket is handed over
                one.send(text)
            assert [one.recv(SECONDS_MAX) for _ in said[1:]] == [f"heard {t}" for t in said[1:]]
        assert server.ears[-1].heard == said[1:]
        assert server.ears[-1].gone.wait(SECONDS_MAX)

    def test_who_does_not_read_loses_nothing(self, server: Server) -> None:
        """12 MB wait: the kernel takes a part, the transport the rest."""
        with server.client() as one:
            one.send("hello")
            one.send("much")
            one.send("after")
            got = [str(one.recv(SECONDS_MAX)) for _ in range(201)]
        assert [text[:3] for text in got[:200]] == [f"{number:03d}" for number in range(200)]
        assert {len(text) for text in got[:200]} == {60_000}
        assert got[200] == "heard after"

    def test_the_end_comes_after_what_was_written(self, server: Server) -> None:
        with server.client() as one:
            for text in ("hello", "much", "end"):
                one.send(text)
            for _ in range(200):
                one.recv(SECONDS_MAX)
            with pytest.raises(ConnectionClosed) as caught:
                one.recv(SECONDS_MAX)
        assert caught.value.rcvd is not None
        assert (caught.value.rcvd.code, caught.value.rcvd.reason) == (4008, "enough")
        assert server.ears[-1].gone.is_set()

    def test_a_cut_is_noticed_and_writing_after_it_does_nothing(self, server: Server) -> None:
        with server.client() as one:
            one.send("hello")
            one.send("x")
            one.recv(SECONDS_MAX)
            one.socket.close()
        ear = server.ears[-1]
        assert ear.gone.wait(SECONDS_MAX)
        assert ear.line.write(Chunk(["more"])) == 0
        ear.line.end(4001, "again")

    def test_a_refused_handshake_is_no_error_of_ours(
        self, server: Server, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.INFO, "uvicorn.error")
        for _ in range(2):  # by the second answer the first call has returned
            with pytest.raises(InvalidStatus) as caught, connect(f"{server.url}/refused"):
                pass
            assert caught.value.response.status_code == 403
        assert sum("/refused" in one.message for one in caplog.records) == 2
        assert not [one.message for one in caplog.records if one.levelno > logging.INFO]

    def test_the_handshake_is_not_kept(self, server: Server) -> None:
        with server.client() as one:
            one.send("hello")
            one.send("x")
            one.recv(SECONDS_MAX)
            gc.collect()
            assert server.sockets[-1]() is None
            one.send("y")
            assert one.recv(SECONDS_MAX) == "heard y"
