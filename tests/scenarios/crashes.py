"""Crash, start again, and count what is there: shared by the everyday test and the soak."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from api.cli import main
from evaluation.witness.protocol import Hello, Welcome, encode_frame, parse_frame
from tests.scenarios.people import ACCOUNTS, LATE, Facts, People
from tests.support import process
from tests.support.servers import Server, Servers

SESSIONS = 3
POOL = 3_000
RATE = 5_000
"""The day and its night in about ten seconds."""
SERVICE_RESTART = 1012
ORDER = (
    "REGISTERED",
    "NOTICED",
    "OPENING",
    "OPENED",
    "EVALUATED",
    "CANDIDATES",
    "AWARDED",
    "CONTRACTED",
    "ARCHIVED",
)
ONCE_A_LOT = (
    "trading:lot:registered",
    "trading:lot:noticed",
    "trading:lot:key_published",
    "trading:opening:begun",
    "trading:opening:finished",
    "trading:lot:evaluated",
    "trading:candidates:published",
    "trading:award:made",
    "trading:contract:signed",
    "trading:lot:archived",
)
ONCE_A_SESSION = (
    "evaluation:session:scheduled",
    "evaluation:session:reported",
    "evaluation:session:closed",
)


@dataclass
class Stage:
    """One demonstration in one folder, killed and started again."""

    servers: Servers
    folder: Path
    url: str
    seed: int = 1
    rate: int = RATE
    facts: Facts = field(default_factory=Facts)
    server: Server | None = None
    people: People | None = None
    lots: frozenset[str] = frozenset()
    """The lots of the demo's own people."""
    reached: int = -1
    fastest: int = -1
    """How far the slowest and the fastest of them had come, as places in ORDER."""
    kills: int = 0

    @property
    def database(self) -> str:
        return self.url or f"sqlite:///{self.folder}/bigloop.db"

    def launch(self) -> Server:
        """Start the server; it answers."""
        words = ["demo", "--serve", "--data", str(self.folder), "--rate", str(self.rate)]
        words += ["--seed", str(self.seed), "--sessions", str(SESSIONS), "--pool", str(POOL)]
        words += ["--database-url", self.url] if self.url else []
        self.server = self.servers(*words, ready="/health", timeout_s=60)
        return self.server

    def start(self) -> None:
        """Start the server, and let the people sign in."""
        self.server = self.launch()
        self.people = People(self.server, self.facts)
        self.wait(self._has_accounts, 120)
        self.people.sign_in()

    def _has_accounts(self) -> bool:
        with sa.create_engine(self.database).connect() as connection:
            found = set(connection.execute(sa.text("SELECT id FROM account")).scalars())
        return found >= set(ACCOUNTS) - {LATE}

    def kill_after(self, seconds: float) -> None:
        """Let people work for so long, then take the whole process group away."""
        assert self.server is not None
        assert self.people is not None
        self.people.begin()
        time.sleep(seconds)
        assert self.server.process.poll() is None, self.server.log()
        self.server.kill()
        self.kills += 1
        self.people.end()
        assert "Traceback" not in self.server.log(), self.server.log()

    def stop(self) -> None:
        """Ctrl-C, at last."""
        assert self.server is not None
        process.end(self.server.process, ask=signal.SIGINT)
        assert "Traceback" not in self.server.log(), self.server.log()

    def interrupt(self) -> float:
        """Ctrl-C while a supervisor watches a session; how many seconds the process needed to end.
        The watcher is told to come back (RFC 6455, 1012)."""
        assert self.server is not None
        assert self.people is not None
        session = self.people.get("supervisor", "/api/sessions")[0]["id"]
        self.people.now()
        url = f"{self.server.url.replace('http', 'ws')}/live/sessions/{session}"
        head = {"Cookie": self.facts.cookies["supervisor"]}
        with connect(url, additional_headers=head, proxy=None) as socket:
            socket.send(encode_frame(Hello(session)))
            assert isinstance(parse_frame(str(socket.recv(timeout=10))), Welcome)
            began = time.monotonic()
            os.killpg(self.server.process.pid, signal.SIGINT)  # as a terminal does it
            assert self.server.process.wait(15) == 0, self.server.log()
            seconds = time.monotonic() - began
            with contextlib.suppress(ConnectionClosed):
                while socket.recv(timeout=10):  # what was on its way; then the close frame
                    pass
            assert socket.close_code == SERVICE_RESTART
        self.people.end()
        assert "Traceback" not in self.server.log(), self.server.log()
        return seconds

    def wait(self, done: Callable[[], bool], seconds: float) -> None:
        assert self.server is not None
        until = time.monotonic() + seconds
        while not done():
            assert time.monotonic() < until, f"not in {seconds} s\n{self.server.log()}"
            assert self.server.process.poll() is None, self.server.log()
            time.sleep(0.2)

    # --- What must be so ----------------------------------------------------------------

    def run_on_to(self, stage: str, seconds: float, *, all_lots: bool = True) -> None:
        """Wait until every lot of the demo's own people, or one, has come to this stage."""

        def there() -> bool:
            slowest = self.progress()
            return (slowest if all_lots else self.fastest) >= ORDER.index(stage)

        self.wait(there, seconds)

    def progress(self) -> int:
        """How far the slowest lot of the demo's own people is; -1 before the first."""
        assert self.people is not None
        self.people.now()
        ours = set(self.facts.projects.values())
        # A project of ours may stand in the record although its answer was never received.
        found = {
            lot["id"]: lot["stage"]
            for lot in self.people.get("staff", "/api/lots", limit=500)
            if lot["id"] not in ours and not lot["name"].startswith("示例标段")
        }
        assert set(found) >= self.lots, "a lot is gone"
        self.lots = frozenset(found)
        self.reached = min((ORDER.index(stage) for stage in found.values()), default=-1)
        self.fastest = max((ORDER.index(stage) for stage in found.values()), default=-1)
        return self.reached

    def tasks_done(self) -> int:
        with sa.create_engine(self.database).connect() as connection:
            done = sa.text("SELECT count(*) FROM task WHERE state = 'DONE'")
            return int(connection.execute(done).scalar_one())

    def check_facts(self) -> None:
        """Everything that was acknowledged is there, by the interface and in the database."""
        assert self.people is not None
        people, facts = self.people, self.facts
        people.now()
        for project, lot in facts.projects.items():
            assert people.get("staff", f"/api/projects/{project}")["lots"][0]["id"] == lot
        for lot, opening in facts.notices.items():
            notice = people.get("staff", f"/api/lots/{lot}")["notice"]
            assert notice["opening_at"][:19] == opening[:19], lot
        for objection, lot in facts.objections.items():
            found = people.get("tenderer", f"/api/lots/{lot}/objections")
            (standing,) = [each for each in found if each["id"] == objection]
            assert objection not in facts.answers or standing["state"] == "ANSWERED"
        with sa.create_engine(self.database).connect() as connection:
            self._check_cells(connection)
            self._check_events(connection)

    def _check_cells(self, connection: sa.Connection) -> None:
        rows = connection.execute(sa.text("SELECT cell FROM lodged_cell")).scalars()
        kept = Counter(hashlib.sha256(bytes(cell)).hexdigest() for cell in rows)
        recorded: Counter[str] = Counter()
        for _, body in entries(connection, "lodging"):
            recorded.update(body["data"]["digests"])
        for digest, receipt in self.facts.cells.items():
            assert kept[digest] == 1, "an acknowledged cell is lost or doubled"
            assert recorded[digest] == 1, "an acknowledged cell is not on the record"
            assert digest in receipt
        assert kept == recorded, "what lies in the table and what stands on the record differ"

    def _check_events(self, connection: sa.Connection) -> None:
        for session, marks in self.facts.events.items():
            stream = dict(entries(connection, f"session/{session}"))
            for number, mark in marks.items():
                entry = stream[number]
                assert entry["action"] == "evaluation:witness:note"
                assert entry["data"]["sha256"] == mark, "another event than was acknowledged"
            noted = Counter(entry["data"].get("sha256", "") for entry in stream.values())
            assert all(noted[mark] == 1 for mark in marks.values()), "an event stands twice"

    def check_record(self) -> None:
        """What an operator's `bigloop check` finds: nothing."""
        assert main(["check", "--database-url", self.database]) == 0

    def check_acts(self) -> None:
        """Nothing was done twice, and no task was given up."""
        with sa.create_engine(self.database).connect() as connection:
            failed = connection.execute(
                sa.text("SELECT name, args, error FROM task WHERE state = 'FAILED'")
            ).all()
            assert not failed, failed
            doubled = connection.execute(
                sa.text("SELECT name, args, due_at FROM task GROUP BY 1, 2, 3 HAVING count(*) > 1")
            ).all()
            assert not doubled, "an act was asked for twice"
            for lot in self.lots:
                acts = Counter(body["action"] for _, body in entries(connection, f"lot/{lot}"))
                for action in ONCE_A_LOT:
                    assert acts[action] <= 1, (lot, action)
                if self.reached >= ORDER.index("OPENED"):
                    assert acts["trading:opening:begun"] == 1
                    assert acts["trading:opening:finished"] == 1
                sessions = connection.execute(
                    sa.text("SELECT id FROM evaluation_session WHERE lot_id = :lot"), {"lot": lot}
                ).scalars()
                for session in sessions:
                    done = Counter(
                        body["action"] for _, body in entries(connection, f"session/{session}")
                    )
                    for action in ONCE_A_SESSION:
                        assert done[action] <= 1, (session, action)


def entries(connection: sa.Connection, stream: str) -> list[tuple[int, Any]]:
    """(number, decoded entry) of a stream, read past the product's own code."""
    rows = connection.execute(
        sa.text("SELECT seq, body FROM journal_entry WHERE stream = :stream ORDER BY seq"),
        {"stream": stream},
    )
    return [(seq, json.loads(bytes(body))) for seq, body in rows]


def crash_and_come_back(stage: Stage, seconds: Sequence[float]) -> None:
    """Kill at each of the moments (seconds after the people began to work); look at the record
    while nothing runs, and at the facts when it runs again."""
    stage.start()
    for moment in seconds:
        stage.kill_after(moment)
        stage.check_record()
        stage.start()
        stage.progress()
        stage.check_facts()
        stage.check_acts()


def moments(seed: int, count: int, longest: float) -> list[float]:
    """Seeded moments of a kill."""
    dice = random.Random(seed)
    return [dice.uniform(0.3, longest) for _ in range(count)]
