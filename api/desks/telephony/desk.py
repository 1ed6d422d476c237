"""The telephony desk: takes orders, and reports what came of them to where it was told.

What it has taken is on disk before it says so, and a report counts as sent only when the other side
has said 2xx: killed and started again it forgets nothing, and may say something twice. Legal time is
the clock of the host, or, for a demonstration, whatever it was told last (`advance`).
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from api.desks.telephony import behaviour
from api.desks.telephony.http import post
from api.desks.telephony.tables import metadata, orders, reports
from archive import canonical
from archive.errors import Refusal
from archive.journal.entry import moment_text
from experts.invitations.gateway import REPLIES_MAX

POLL_SECONDS = 0.2
PAUSE_SECONDS_MAX = 5.0
_log = logging.getLogger("bigloop.desk")


@dataclass
class Desk:
    """One desk. `replies_url` is where reports go; `driven`: legal time is told, not read."""

    folder: Path
    secret: bytes
    replies_url: str
    seed: str
    driven: bool
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _stop: threading.Event = field(default_factory=threading.Event)
    _now: datetime = datetime(2000, 1, 1, tzinfo=UTC)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self._engine = sa.create_engine(f"sqlite:///{self.folder / 'telephony.db'}")
        metadata.create_all(self._engine)

    def now(self) -> datetime:
        return self._now if self.driven else datetime.now(UTC)

    def take(self, body: bytes) -> int:
        """Take the orders of a signed message; how many were new. ValueError for another form."""
        said = canonical.decode(body)
        if said["format"] != "bigloop.call-orders.v1":
            raise ValueError(said["format"])
        with self._lock, self._engine.begin() as db:
            return sum(self._take_one(db, order) for order in said["orders"])

    def _take_one(self, db: sa.Connection, order: Mapping[str, str]) -> bool:
        if db.execute(sa.select(orders.c.id).where(orders.c.id == order["id"])).first():
            return False
        db.execute(sa.insert(orders).values(dict(order)))
        if order["kind"] == "CALL":
            at, until = (datetime.fromisoformat(order[name]) for name in ("at", "until"))
            start = max(at, self._now) if self.driven else self.now()
            for report in behaviour.plan(self.seed, order["line"], start, until):
                values = {
                    "order_id": order["id"],
                    "due": moment_text(report.due),
                    "said": report.said.value,
                    "claimed": moment_text(report.claimed),
                }
                db.execute(sa.insert(reports).values(values))
        return True

    def advance(self, to: datetime) -> int:
        """It is `to` now: report all that is due, and return when it was taken; how many."""
        with self._lock:
            self._now = max(self._now, to)
            sent = 0
            while batch := self._due():
                self._send(batch)
                sent += len(batch)
            return sent

    def run(self) -> None:
        """Report what becomes due, until told to stop; what is not taken is tried again, ever more
        slowly."""
        pause = POLL_SECONDS
        while not self._stop.wait(pause):
            try:
                with self._lock:
                    batch = self._due()
                    if batch:
                        self._send(batch)
                pause = POLL_SECONDS
            except Refusal as refusal:
                _log.warning("replies not taken: %s", refusal.code)
                pause = min(2 * pause, PAUSE_SECONDS_MAX)

    def stop(self) -> None:
        self._stop.set()

    def counts(self) -> dict[str, int]:
        """What the desk has in its books."""
        with self._engine.connect() as db:
            count = sa.func.count()
            sent = sa.select(count).where(reports.c.sent)
            return {
                "orders": db.execute(sa.select(count).select_from(orders)).scalar_one(),
                "messages": db.execute(
                    sa.select(count).where(orders.c.kind == "MESSAGE")
                ).scalar_one(),
                "reports": db.execute(sa.select(count).select_from(reports)).scalar_one(),
                "sent": db.execute(sent).scalar_one(),
            }

    def _due(self) -> Sequence[sa.Row[Any]]:
        wanted = (
            sa.select(reports)
            .where(~reports.c.sent, reports.c.due <= moment_text(self.now()))
            .order_by(reports.c.due, reports.c.order_id, reports.c.id)
            .limit(REPLIES_MAX)
        )
        with self._engine.connect() as db:
            return db.execute(wanted).all()

    def _send(self, batch: Sequence[sa.Row[Any]]) -> None:
        replies = [{"order": row.order_id, "said": row.said, "at": row.claimed} for row in batch]
        body = canonical.encode({"format": "bigloop.call-replies.v1", "replies": replies})
        message_id = f"{batch[0].id}-{batch[-1].id}-{time.monotonic_ns()}"
        answer = json.loads(post(self.replies_url, self.secret, message_id, body))
        _log.info("replies: %s", ", ".join(answer["taken"]))
        done = sa.update(reports).where(reports.c.id.in_([row.id for row in batch]))
        with self._engine.begin() as db:
            db.execute(done.values(sent=True))
