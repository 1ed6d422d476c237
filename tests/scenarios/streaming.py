"""Viewers that are cut without end, a station that reports meanwhile, and the count of what they saw: shared by
the everyday tests and the soak.

Each viewer holds the server to the promise with the follower that `bigloop witness follow` uses: a gap, a double,
a broken chain or a root that is not the checkpoint's ends the run. The station signs and sends again until it is
told that a report stands on the record; what it was told must be there, once.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import random
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidHandshake, WebSocketException

from api.identity import service as identity
from api.identity.accounts import Account
from archive.actor import SYSTEM, Role
from archive.errors import Refusal
from archive.journal import service as journal
from archive.note import Verifier
from archive.office import Office
from evaluation.session import service as sessions
from evaluation.witness.follower import Follower
from evaluation.witness.stations import service as stations
from tests.builders import CENTRE, STAFF
from tests.evaluation.course import plan
from tests.evaluation.witness.night import Device
from tests.support.servers import Server, Servers, free_port

SESSION, STATION, PASSWORD = "s1", "cam-1", "a long enough password"
STREAM = f"session/{SESSION}"
FRAMES_MAX, SECONDS_MAX = 40, 0.4
"""A viewer is cut after so many frames or so long, whichever comes first; both drawn anew each time."""
PATIENCE_SECONDS = 120.0
OPEN_SECONDS = 20.0
Urls = Callable[[], Sequence[str]]
"""The addresses of the nodes that may be asked at the moment."""


class Nodes:
    """`bigloop serve` processes over one database, killed and started again."""

    def __init__(self, servers: Servers, folder: Path, url: str, count: int) -> None:
        self._servers = servers
        self._env = {
            "BIGLOOP_ENVIRONMENT": "demo",
            "BIGLOOP_DATA": str(folder),
            "BIGLOOP_DATABASE_URL": url,
            "BIGLOOP_LOG_NAME": "log.test",
            "BIGLOOP_IDLE_MINUTES": "600",
        }
        self.ports = [free_port() for _ in range(count)]
        self.running: dict[int, Server] = {}
        for port in self.ports:
            self.start(port)
        self.log = Verifier.parse((folder / "keys" / "log.vkey").read_text("utf-8").strip())

    def start(self, port: int) -> None:
        self.running[port] = self._servers(
            "serve", env=self._env, ready="/health", timeout_s=120, port=port
        )

    def urls(self) -> list[str]:
        return [f"http://127.0.0.1:{port}" for port in self.ports]

    def kill(self, port: int) -> None:
        self.running.pop(port).kill()


@dataclass
class Counts:
    """What is printed at the end."""

    reconnects: int = 0
    failed: int = 0
    """Tries that met no server: it was killed at the moment."""
    frames: int = 0
    lost: int = 0
    doubled: int = 0
    acknowledged: int = 0
    kills: int = 0
    refusals: list[tuple[int, bytes]] = field(default_factory=list)
    """What the station was told when a report was not taken."""
    codes: Counter[str] = field(default_factory=Counter)

    def line(self) -> str:
        return (
            f"{self.reconnects} reconnects, {self.kills} kills, {self.frames} frames, "
            f"{self.acknowledged} acknowledged, {self.lost} lost, {self.doubled} doubled"
        )


def prepare(office: Office) -> Device:
    """A session with a bound station, and the accounts of its staff and of a supervisor."""
    device = Device(STATION, SESSION, "ED25519")
    with office.write() as tx:
        staff = Account("staff-1", frozenset({Role.STAFF}), centre_id=CENTRE)
        identity.create_account(tx, SYSTEM, staff, PASSWORD)
        watcher = Account("watcher", frozenset({Role.SUPERVISOR}))
        identity.create_account(tx, SYSTEM, watcher, PASSWORD)
    with office.write() as tx:
        sessions.schedule(tx, STAFF, replace(plan(), id=SESSION))
    with office.write() as tx:
        stations.bind_station(
            tx,
            STAFF,
            SESSION,
            venue=CENTRE,
            station=STATION,
            algorithm="ED25519",
            key=device.public,
            every=5,
        )
    return device


def sign_in(url: str, account: str) -> str:
    """The cookie header of a new sign-in."""
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=OPEN_SECONDS)
    body = json.dumps({"account": account, "password": PASSWORD})
    connection.request("POST", "/api/sign-in", body, {"Content-Type": "application/json"})
    answer = connection.getresponse()
    assert answer.status == 200, answer.read()
    return (answer.getheader("set-cookie") or "").partition(";")[0]


@dataclass
class Station:
    """Sends reports one by one, each until it is acknowledged, in a thread of its own."""

    office: Office
    device: Device
    urls: Urls
    cookie: str
    acknowledged: int = 0
    counts: Counts = field(default_factory=Counts)
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        assert self._thread is not None
        self._thread.join(PATIENCE_SECONDS)
        assert not self._thread.is_alive(), "a report is acknowledged by nobody"

    def _work(self) -> None:
        while not self._stop.is_set():
            report = self.device.report(self.office.clock.now())
            one = {
                "n": report.n,
                "prev": report.prev,
                "at": report.at,
                "up": report.up,
                "kind": report.kind,
                "data": dict(report.data),
                "sig": report.signature,
            }
            while not self._is_taken(json.dumps({"reports": [one]})):
                time.sleep(0.05)
            self.acknowledged += 1

    def _is_taken(self, body: str) -> bool:
        headers = {"Content-Type": "application/json", "Cookie": self.cookie}
        for url in self.urls():
            try:
                place = url.removeprefix("http://")
                connection = http.client.HTTPConnection(place, timeout=OPEN_SECONDS)
                path = f"/api/sessions/{SESSION}/stations/{STATION}/reports"
                connection.request("POST", path, body, headers)
                answer = connection.getresponse()
                told = answer.read()
                connection.close()
                assert answer.status in (201, 500, 502, 503), told
                if answer.status == 201:
                    return True
                self.counts.refusals.append((answer.status, told))
            except (OSError, http.client.HTTPException):
                continue
        return False


@dataclass
class Viewers:
    """Many viewers in one event loop; `goal` counts the reconnects of all together."""

    urls: Urls
    cookie: str
    log: Verifier
    count: int
    goal: int
    seed: int = 1
    counts: Counts = field(default_factory=Counts)
    size: int = -1
    """How many entries there are at last; until it is known, viewers are cut and come back."""
    followers: list[Follower] = field(default_factory=list)

    async def run(self, size_of: Callable[[], int]) -> None:
        """Watch and be cut until the goal is reached; then everybody reads to the end."""
        self.followers = [Follower(SESSION, self.log) for _ in range(self.count)]
        tasks = [
            asyncio.create_task(self._watch(follower, random.Random(f"{self.seed}/{number}")))
            for number, follower in enumerate(self.followers)
        ]
        watching = asyncio.gather(*tasks)
        while self.counts.reconnects < self.goal:
            await asyncio.wait({watching}, timeout=0.1)
            if watching.done():
                break  # one of them failed
        self.size = await asyncio.to_thread(size_of)
        _, late = await asyncio.wait(tasks, timeout=PATIENCE_SECONDS)
        for task in late:
            task.cancel()
        if late:
            reached = sorted(follower.next for follower in self.followers)
            told = f"{self.counts.line()}; {dict(self.counts.codes)}"
            raise AssertionError(f"{len(late)} do not come to {self.size}: {reached}; {told}")
        await watching

    async def _watch(self, follower: Follower, chance: random.Random) -> None:
        while self.size < 0 or follower.next < self.size:
            url = chance.choice(list(self.urls()) or ["http://127.0.0.1:9"])
            try:
                async with connect(
                    f"{url.replace('http', 'ws')}/live/sessions/{SESSION}",
                    additional_headers={"Cookie": self.cookie},
                    compression=None,
                    open_timeout=OPEN_SECONDS,
                    close_timeout=0.1,
                    ping_interval=None,
                    proxy=None,
                ) as socket:
                    await self._take(socket, follower, chance)
            except (OSError, TimeoutError, InvalidHandshake, WebSocketException) as error:
                self.counts.failed += 1
                self.counts.codes[type(error).__name__] += 1
                await asyncio.sleep(chance.uniform(0.02, 0.3))

    async def _take(
        self, socket: ClientConnection, follower: Follower, chance: random.Random
    ) -> None:
        """Take frames until this connection's time is over, then cut it without a word."""
        frames, until = chance.randrange(FRAMES_MAX), chance.uniform(0, SECONDS_MAX)
        await socket.send(follower.hello())
        try:
            async with asyncio.timeout(until if self.size < 0 else PATIENCE_SECONDS):
                while frames or self.size >= 0:
                    text = str(await socket.recv())
                    self._hold(follower, text)
                    frames -= 1
                    if 0 <= self.size <= follower.next:
                        return
        except TimeoutError:
            pass
        if self.size < 0:
            socket.transport.abort()
            self.counts.reconnects += 1

    def _hold(self, follower: Follower, text: str) -> None:
        due = follower.next
        try:
            follower.take(text)
        except Refusal:
            seq = json.loads(text).get("seq", due)
            self.counts.lost += max(0, seq - due)
            self.counts.doubled += max(0, due - seq)
            raise
        self.counts.frames += 1


Trouble = Callable[[Viewers, threading.Event], None]
"""What happens meanwhile, in a thread of its own, until the event is set; counts what it kills."""


def in_trouble(
    office: Office, urls: Urls, log: Verifier, reconnects: int, count: int, trouble: Trouble
) -> Viewers:
    """Viewers are cut until `reconnects` is reached and a station reports, while there is trouble; then
    nothing may be lost or doubled."""
    device = prepare(office)
    cookies = {who: sign_in(urls()[0], who) for who in ("staff-1", "watcher")}
    station = Station(office, device, urls, cookies["staff-1"])
    viewers = Viewers(urls, cookies["watcher"], log, count, reconnects)
    station.counts = viewers.counts
    over, calm, ended = threading.Event(), threading.Event(), threading.Event()

    def make_trouble() -> None:
        try:
            trouble(viewers, over)
        finally:
            calm.set()
        ended.wait()  # a server ends with the thread that started it

    making = threading.Thread(target=make_trouble, daemon=True)
    station.start()
    making.start()

    def at_last() -> int:
        over.set()
        assert calm.wait(300)
        station.stop()
        with office.read() as db:
            return journal.sizes(db, [STREAM])[STREAM]

    try:
        asyncio.run(viewers.run(at_last))
        judge(office, viewers, station)
    finally:
        ended.set()
    sys.stdout.write(f"\n{viewers.counts.line()}\n")
    assert viewers.counts.reconnects >= reconnects
    assert viewers.counts.kills > 0
    return viewers


def judge(office: Office, viewers: Viewers, station: Station) -> None:
    """Nothing lost, nothing doubled, the same root for everybody, and the record is whole."""
    counts = viewers.counts
    counts.acknowledged = station.acknowledged
    with office.read() as db:
        broken = journal.first_break_anywhere(db, viewers.log)
        assert broken is None, broken
        entries = list(journal.entries(db, STREAM))
        size = journal.sizes(db, [STREAM])[STREAM]
    reported = [e.data["source"]["n"] for e in entries if "source" in e.data]
    assert reported[: station.acknowledged] == list(range(station.acknowledged))
    assert len(reported) == len(set(reported)), "a report stands there twice"
    assert all(not e.action.endswith((":station_gap", ":station_rejected")) for e in entries)
    assert (counts.lost, counts.doubled) == (0, 0)
    assert len({follower.state.frontier for follower in viewers.followers}) == 1
    assert viewers.followers[0].next == viewers.size == size
