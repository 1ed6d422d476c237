"""One request, one transaction: committed before the answer is sent, or rolled back.

`scope="function"` is what makes it so: FastAPI's default scope ends a dependency after the answer
has left, and a commit that fails then would still have been a 200. An answer that streams must not
use `ReadDb`: its session is closed before the body runs.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Depends
from fastapi.concurrency import contextmanager_in_threadpool
from sqlmodel import Session
from starlette.requests import HTTPConnection

from api.shell import shell_of
from archive.office import Tx


async def _write(connection: HTTPConnection) -> AsyncIterator[Tx]:
    shell = shell_of(connection)
    async with shell.writers(), contextmanager_in_threadpool(shell.office.write()) as tx:
        yield tx


async def _read(connection: HTTPConnection) -> AsyncIterator[Session]:
    shell = shell_of(connection)
    async with shell.readers(), contextmanager_in_threadpool(shell.office.read()) as db:
        yield db


WriteTx = Annotated[Tx, Depends(_write, scope="function")]
"""The request's write transaction."""
ReadDb = Annotated[Session, Depends(_read, scope="function")]
"""The request's snapshot. Do not take both: a write transaction reads too (`tx.db`)."""
