"""The bank's desk as a process: the books behind HTTP, and commands in a database of its own.

A command is written to the desk's SQLite file (synchronous=FULL) before it is answered; a desk that
was killed reads its commands again and stands where it stood. Nothing else is stored. One command at
a time: a bank's books are not a race.

    POST /commands    a command as JSON; needs the token, but for what anybody's own bank may do
                      (`open`, `pay`, `return`)
    GET  /health      whether it stands

`fault` commands `{"mute": n}` and `{"deaf": n}` work here: the next n commands are not heard, or are
done and not answered.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import secrets
import sqlite3
import threading
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from api.desks.bank.core import Books, Declined

COMMAND_BYTES_MAX = 64 * 1024
OPEN_TO_ALL = frozenset({"open", "pay", "return"})
KEY_BYTES = 32
_log = logging.getLogger("bigloop.bank")


class Desk:
    """The books with their file. `folder` holds `bank.db`, `bank.key` and `token`."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        secret = _secret(folder / "bank.key")
        self.token = _secret(folder / "token").hex()
        self._secret = secret
        self._lock = threading.Lock()
        self._mute = self._deaf = 0
        self._db = sqlite3.connect(folder / "bank.db", check_same_thread=False)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")
        self._db.execute(
            "CREATE TABLE IF NOT EXISTS command (number INTEGER PRIMARY KEY, body TEXT NOT NULL)"
        )
        self.books = Books()
        for (body,) in self._db.execute("SELECT body FROM command ORDER BY number"):
            self.books.do(json.loads(body))

    def do(self, command: dict[str, Any]) -> Any:
        """Do one command and keep it. Declined where the bank says no; nothing is kept then."""
        with self._lock:
            if command.get("do") == "open":
                mixed = hmac.digest(self._secret, str(command["commitment"]).encode(), "sha256")
                command = {**command, "entropy": mixed.hex()}
            answer = self.books.do(command)
            self._db.execute("INSERT INTO command (body) VALUES (?)", (json.dumps(command),))
            self._db.commit()
        return answer

    def fail(self, command: dict[str, Any]) -> None:
        """Be mute or deaf for the next commands."""
        self._mute, self._deaf = int(command.get("mute", 0)), int(command.get("deaf", 0))

    def is_mute(self) -> bool:
        self._mute, now = max(0, self._mute - 1), self._mute > 0
        return now

    def is_deaf(self) -> bool:
        self._deaf, now = max(0, self._deaf - 1), self._deaf > 0
        return now


def _secret(path: Path) -> bytes:
    """The secret of a file, made on first use and readable by its owner alone."""
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(secrets.token_hex(KEY_BYTES))
    return bytes.fromhex(path.read_text().strip())


def make_app(desk: Desk) -> Starlette:
    """The desk behind HTTP."""

    async def commands(request: Request) -> Response:
        body = await request.body()
        if len(body) > COMMAND_BYTES_MAX:
            return JSONResponse({"declined": "too_large"}, 413)
        try:
            command = json.loads(body)
            what = str(command["do"])
        except (ValueError, TypeError, KeyError):
            return JSONResponse({"declined": "malformed"}, 400)
        if what not in OPEN_TO_ALL and not _is_known(request, desk.token):
            return JSONResponse({"declined": "token"}, 401)
        if what == "fault" and {"mute", "deaf"} & set(command):
            desk.fail(command)
            return JSONResponse({"answer": {}})
        if desk.is_mute():
            return JSONResponse({"declined": "mute"}, 503)
        try:
            answer = await run_in_threadpool(desk.do, command)
        except Declined as declined:
            return JSONResponse({"declined": str(declined)}, 409)
        except (ValueError, TypeError, KeyError):
            return JSONResponse({"declined": "malformed"}, 400)
        if desk.is_deaf():
            return JSONResponse({"declined": "deaf"}, 503)
        return JSONResponse({"answer": answer})

    async def health(_: Request) -> Response:
        return JSONResponse({"bank": "stands"})

    return Starlette(
        routes=[
            Route("/commands", commands, methods=["POST"]),
            Route("/health", health),
        ]
    )


def _is_known(request: Request, token: str) -> bool:
    said = request.headers.get("authorization", "").removeprefix("Bearer ")
    wanted = hashlib.sha256(token.encode()).digest()
    return hmac.compare_digest(hashlib.sha256(said.encode()).digest(), wanted)


def put_address(folder: Path, url: str) -> None:
    """Say in the folder where the desk answers, in one step."""
    temporary = folder / "address.new"
    temporary.write_text(url)
    temporary.replace(folder / "address")
