"""Is it there, and what time is it? For monitors and for pages that show the legal clock."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from fastapi import APIRouter, Request
from sqlalchemy import text

from api.access import Public
from api.pages.templating import clock_text
from api.routes.fields import Answer
from api.shell import shell_of
from api.transactions import ReadDb

router = APIRouter(tags=["installation"])


class Health(Answer):
    status: Literal["ok"]
    environment: str
    log: str
    """The verifier key (vkey) of this installation's log."""


class LegalClock(Answer):
    now: datetime
    text: str
    """Beijing time, as the pages show it."""
    rate: Literal["real", "driven"]


@router.get("/health")
def health(_: Public, request: Request, db: ReadDb) -> Health:
    """Answers when the process runs and its database does."""
    db.execute(text("SELECT 1"))
    shell = shell_of(request)
    return Health(
        status="ok",
        environment=shell.settings.environment,
        log=shell.office.log.verifier.vkey,
    )


@router.get("/api/clock")
def clock(_: Public, request: Request) -> LegalClock:
    """Legal time: what deadlines are judged by."""
    shell = shell_of(request)
    now = shell.office.clock.now()
    return LegalClock(
        now=now, text=clock_text(now), rate="driven" if shell.settings.is_demo else "real"
    )
