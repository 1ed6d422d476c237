"""The demo's calling service: the telephony desk as a process of its own, told the legal time.

Calls go out over HTTP and answers come back over HTTP, into an address of this process; while the desk
reports, the play waits, so that one seed gives one day however fast the machine is. A desk that has
died is started again and goes on from its own database. It ends when this process does.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import threading
import weakref
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from api.desks.telephony.gateway import HttpGateway
from api.desks.telephony.http import HEADERS, post
from api.flows import calling
from archive import canonical
from archive.entropy import SeededEntropy
from archive.errors import Refusal
from archive.journal.entry import moment_text
from archive.office import Office
from experts.invitations.gateway import Order

LOCAL = "127.0.0.1"


def line_of(number: int) -> str:
    """The telephone number of the demo's expert `number`: no real one begins with 000."""
    return f"00090{number:06d}"


@dataclass
class Telephony:
    """The desk and the way to it. `folder` keeps the desk's database; None: one for this run."""

    office: Office
    seed: int
    folder: Path | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _desk: subprocess.Popen[bytes] | None = None
    _ends: list[Any] = field(default_factory=list)

    def place(self, orders: Sequence[Order]) -> None:
        """Hand orders to the desk (`experts.invitations.gateway.Gateway`)."""
        self._ensure()
        HttpGateway(self._url("orders"), self._secret).place(orders)

    def advance(self, now: datetime) -> None:
        """Tell the desk the time; it has reported all that was due when this returns."""
        self._ensure()
        body = canonical.encode({"now": moment_text(now)})
        post(self._url("clock"), self._secret, "clock", body)

    @property
    def _secret(self) -> bytes:
        return SeededEntropy(f"demo {self.seed} telephony".encode()).bytes(32)

    def _url(self, what: str) -> str:
        return f"http://{LOCAL}:{self._socket.getsockname()[1]}/{what}"

    def _ensure(self) -> None:
        with self._lock:
            if not self._ends:
                self._open()
            if self._desk is None or self._desk.poll() is not None:
                self._start()

    def _open(self) -> None:
        """Both ends: the desk's socket, kept here so that a new desk has the old address, and ours."""
        if self.folder is None:
            kept = tempfile.TemporaryDirectory(prefix="bigloop-desk-")
            self._ends.append(kept)
            self.folder = Path(kept.name)
        self.folder.mkdir(parents=True, exist_ok=True)
        self._socket = _listening()
        ours = _listening()
        self._replies = f"http://{LOCAL}:{ours.getsockname()[1]}/replies"
        server = uvicorn.Server(
            uvicorn.Config(_receiver(self.office, self._secret), log_level="warning")
        )
        threading.Thread(
            target=server.run, kwargs={"sockets": [ours]}, name="demo-replies", daemon=True
        ).start()
        self._ends += [self._socket, ours, server]

    def _start(self) -> None:
        assert self.folder is not None, "opened before"
        key = self.folder / "shared.key"
        descriptor = os.open(key, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(self._secret)
        words = ["desk", "telephony", "--data", str(self.folder), "--key", str(key), "--driven"]
        words += ["--replies", self._replies, "--seed", str(self.seed), "--leashed"]
        words += ["--fd", str(self._socket.fileno())]
        with (self.folder / "desk.log").open("ab") as log:
            self._desk = subprocess.Popen(
                [sys.executable, "-m", "api.cli", *words],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                pass_fds=[self._socket.fileno()],
                start_new_session=True,
            )
        weakref.finalize(self, _end, self._desk)


def _end(desk: subprocess.Popen[bytes]) -> None:
    desk.kill()
    desk.wait()


def _listening() -> socket.socket:
    made = socket.socket()
    made.bind((LOCAL, 0))
    made.listen()
    return made


def _receiver(office: Office, secret: bytes) -> Starlette:
    """Our address for replies, as the product has it (`api.routes.telephony`)."""

    def take(headers: list[str], body: bytes) -> list[str]:
        message, stamp, given = headers
        with office.write() as tx:
            return [
                taken.value
                for taken in calling.take_replies(tx, secret, message, stamp, given, body)
            ]

    async def replies(request: Request) -> JSONResponse:
        headers = [request.headers.get(name, "") for name in HEADERS]
        body = await request.body()
        try:
            taken = await run_in_threadpool(take, headers, body)
        except Refusal as refusal:
            return JSONResponse({"code": refusal.code}, 403)
        return JSONResponse({"taken": taken})

    return Starlette(routes=[Route("/replies", replies, methods=["POST"])])
