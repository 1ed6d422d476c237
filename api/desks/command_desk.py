"""A desk that does commands and keeps them: what bank and issuers have in common as processes.

A command is written to the desk's SQLite file (synchronous=FULL) before it is answered; a desk that
was killed reads its commands again and stands where it stood. One command at a time: books are not a
race.

    POST /commands    a command as JSON; needs the token, but for those that are open to all
    GET  /health      whether it stands

`fault` commands `{"mute": n}` and `{"deaf": n}`: the next n commands are not heard, or are done and not
answered.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
import sqlite3
import threading
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from api.desks.declined import Declined

COMMAND_BYTES_MAX = 64 * 1024
KEY_BYTES = 32


class CommandDesk(ABC):
    """What a desk of the kind needs beside its books. `folder` holds `<kind>.db`, `<kind>.key` and
    `token`; one `lock` guards books and file."""

    def __init__(self, folder: Path, kind: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.token = _secret(folder / "token").hex()
        self._key = _secret(folder / f"{kind}.key")
        self.lock = threading.Lock()
        self._mute = self._deaf = 0
        self.db = sqlite3.connect(folder / f"{kind}.db", check_same_thread=False)
        self.db.execute("PRAGMA journal_mode=WAL")
        self.db.execute("PRAGMA synchronous=FULL")
        self.db.execute(
            "CREATE TABLE IF NOT EXISTS command (number INTEGER PRIMARY KEY, body TEXT NOT NULL)"
        )

    @abstractmethod
    def do(self, command: dict[str, Any]) -> Any:
        """Do one command and keep it. Declined where the desk says no; nothing is kept then."""

    def kept(self) -> Iterator[dict[str, Any]]:
        """Every command so far, in order."""
        for (body,) in self.db.execute("SELECT body FROM command ORDER BY number"):
            yield json.loads(body)

    def keep(self, command: dict[str, Any]) -> None:
        """Write a command down; what else stands in the transaction is committed with it."""
        self.db.execute("INSERT INTO command (body) VALUES (?)", (json.dumps(command),))
        self.db.commit()

    def with_entropy(self, command: dict[str, Any]) -> dict[str, Any]:
        """The command with chance of the desk's own that follows from its commitment: done again, it
        is the same."""
        mixed = hmac.digest(self._key, str(command["commitment"]).encode(), "sha256")
        return {**command, "entropy": mixed.hex()}

    def fail(self, command: dict[str, Any]) -> None:
        """Be mute or deaf for the next commands."""
        self._mute, self._deaf = int(command.get("mute", 0)), int(command.get("deaf", 0))

    def is_mute(self) -> bool:
        self._mute, now = max(0, self._mute - 1), self._mute > 0
        return now

    def is_deaf(self) -> bool:
        self._deaf, now = max(0, self._deaf - 1), self._deaf > 0
        return now


def serve(
    desk: CommandDesk, open_to_all: Collection[str], routes: Sequence[Route] = ()
) -> Starlette:
    """The desk behind HTTP, with `routes` of its own."""

    async def commands(request: Request) -> Response:
        body = await request.body()
        if len(body) > COMMAND_BYTES_MAX:
            return JSONResponse({"declined": "too_large"}, 413)
        try:
            command = json.loads(body)
            what = str(command["do"])
        except (ValueError, TypeError, KeyError):
            return JSONResponse({"declined": "malformed"}, 400)
        if what not in open_to_all and not _is_known(request, desk.token):
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
        return JSONResponse({"desk": "stands"})

    own = [Route("/commands", commands, methods=["POST"]), Route("/health", health)]
    return Starlette(routes=[*own, *routes])


def put_address(folder: Path, url: str) -> None:
    """Say in the folder where the desk answers, in one step."""
    temporary = folder / "address.new"
    temporary.write_text(url)
    temporary.replace(folder / "address")


def _secret(path: Path) -> bytes:
    """The secret of a file, made on first use and readable by its owner alone."""
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(secrets.token_hex(KEY_BYTES))
    return bytes.fromhex(path.read_text().strip())


def _is_known(request: Request, token: str) -> bool:
    said = request.headers.get("authorization", "").removeprefix("Bearer ")
    wanted = hashlib.sha256(token.encode()).digest()
    return hmac.compare_digest(hashlib.sha256(said.encode()).digest(), wanted)
