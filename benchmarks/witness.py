"""The witness stream beside its peers, durable appends, and the offline check of a night.

Servers (`benchmarks/parts/fanout_servers.py`) run on one core, the viewers (`fanout_load.py`) on another; every
byte of every connection is compared with what must come there. All sides of a row run in turn, round by round,
and the ratio is the median of the rounds' ratios (5 or more).

* *delivered* counts frames per second of the server's processor time: on cores that others use too, the clock
  on the wall measures them. *A write for each event* is what the peers do; *with the tick* is how ours runs
  in service.
* the reader's own ceiling is measured and printed; a row in which the reader is the limit (it never waited for
  anything to read) is void: `holds` is null.
* delays are those of the wall, at the same offered load on all sides. Such a row is void where others used the
  processors: it would measure them.
* durable appends: 32 stations wait for their acknowledgements on one stream; void where the disk flushes in
  less than a millisecond.
* the offline check is hash, chain and tree over the stored bytes; what the entries *say* is checked by
  `bigloop verify` and is apart, as are the stations' signatures.

    python benchmarks/witness.py [--quick]      one line of JSON a case; quick: 300 viewers, 5,000 for delays
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import hashlib
import json
import os
import resource
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import psycopg  # noqa: E402 - the path comes first
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: E402

from api.group_commit import GroupCommit  # noqa: E402
from api.wakeups import CHANNEL, waking  # noqa: E402
from archive import merkle  # noqa: E402
from archive.actor import SYSTEM  # noqa: E402
from archive.journal.entry import NO_ENTRY, Pending, chained_leaves, seal_in  # noqa: E402
from archive.office import Office, Tx  # noqa: E402
from benchmarks.parts.commits import office_on  # noqa: E402
from benchmarks.parts.fanout_load import (  # noqa: E402
    LOAD_CORE,
    Measured,
    Serving,
    frame_head,
    serving,
)
from tests.support.postgres import start_postgres  # noqa: E402

EVENT_BYTES = 300
SEGMENT_BYTES = 64 * 1024 - 1
"""The largest frame with a short length."""
WINDOW = 8
WAITED_MIN = 0.01
STATIONS = 32
FSYNC_SECONDS_MIN = 0.001
OTHERS_MAX = 0.1
STREAM = "session/bench"


@dataclass(frozen=True)
class Effort:
    viewers: int
    many: int
    reps: int
    rounds: int
    seconds: float
    night: int
    stalled_events: int


CROWD = 5000
DELAY_SECONDS = 4.0
"""So long each side is measured in a round: the first events of a connection are late on all sides."""
OFFERED = 20_000
"""Deliveries a second in the row of delays: 5,000 viewers × 4 events."""
FULL = Effort(1000, CROWD, 7, 300, 2.0, 500_000, 200)
QUICK = Effort(300, 300, 5, 120, 0.3, 50_000, 200)


def line(
    case: str,
    ours: float,
    peer: float,
    unit: str,
    name: str,
    goal: str,
    ratio: float,
    **more: object,
) -> dict[str, object]:
    """`goal`: `>= x`, `<= x`, or `none` for a row that only tells: it neither holds nor fails."""
    sign, _, bound = goal.partition(" ")
    holds = (
        None
        if sign == "none"
        else (ratio >= float(bound) if sign == ">=" else ratio <= float(bound))
    )
    return {
        "bench": "witness",
        "case": case,
        "ours": round(ours, 4),
        "peer": round(peer, 4),
        "unit": unit,
        "peer_name": name,
        "ratio": round(ratio, 3),
        "goal": goal,
        "holds": holds,
        **more,
    }


# --- Fan-out ------------------------------------------------------------------------------


def processor_seconds(one: Serving) -> float:
    """What the server has taken of the processor, all threads."""
    tasks = Path(f"/proc/{one.process.pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9


def delivered(
    one: Serving, rounds: int, size: int, window: int, mode: str
) -> tuple[float, Measured]:
    """Frames per second of the server's processor time."""
    before = processor_seconds(one)
    found = one.closed_loop(rounds, size, window, mode)
    return rounds * len(one.sockets) / (processor_seconds(one) - before), found


def ceiling(size: int) -> float:
    """Frames a second that the reader takes where many wait in each read."""
    from benchmarks.parts.fanout_load import stream_of

    data = memoryview(stream_of(0, 500, size))
    copy = bytearray(len(data))
    began, count = time.perf_counter(), 0
    while time.perf_counter() - began < 0.2:
        copy[:] = data  # what recv_into does
        assert copy == data
        count += 500
    return count / (time.perf_counter() - began)


def closed(
    servers: dict[str, Serving],
    runs: dict[str, tuple[str, int, int, int, str]],
    reps: int,
) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    """Rates and shares of waiting of `runs`: name → (kind, rounds, size, window, mode), in turn."""
    rates: dict[str, list[float]] = {name: [] for name in runs}
    waits: dict[str, list[float]] = {name: [] for name in runs}
    for rep in range(reps + 1):
        for name, (kind, rounds, size, window, mode) in runs.items():
            rate, found = delivered(servers[kind], rounds, size, window, mode)
            if rep:  # the first warms up
                rates[name].append(rate)
                waits[name].append(found.waited)
    return rates, waits


def ratio_of(ours: Sequence[float], peers: Sequence[float]) -> float:
    return statistics.median(a / b for a, b in zip(ours, peers, strict=True))


def fan_out(effort: Effort) -> Iterator[dict[str, object]]:
    with serving(["ours", "queue", "broadcast", "bare"], effort.viewers) as servers:
        yield from one_write_each(servers, effort)
        if effort.many == effort.viewers:
            yield from gathered(servers, effort)
    with serving(["ours", "queue", "bare"], CROWD) as servers:
        if effort.many == CROWD:
            yield from gathered(servers, effort)
        yield by_the_wall(lambda: delays(servers, effort))


def one_write_each(servers: dict[str, Serving], effort: Effort) -> Iterator[dict[str, object]]:
    rounds, segments = effort.rounds, max(6, effort.rounds // 10)
    runs = {kind: (kind, rounds, EVENT_BYTES, WINDOW, "") for kind in servers}
    runs["ours"] = ("ours", rounds, EVENT_BYTES, WINDOW, "single")
    goals = {"queue": ">= 2.2", "broadcast": ">= 1.6", "bare": ">= 0.65"}
    case = f"{effort.viewers} viewers, {EVENT_BYTES} bytes"
    yield from _rows(f"{case}, a write for each event", servers, runs, goals, effort.reps)
    runs = {
        "ours": ("ours", segments, SEGMENT_BYTES, 2, "single"),
        "bare": ("bare", segments, SEGMENT_BYTES, 2, ""),
    }
    case = f"{effort.viewers} viewers, 64 KiB segments"
    yield from _rows(case, servers, runs, {"bare": ">= 0.75"}, effort.reps)


def gathered(servers: dict[str, Serving], effort: Effort) -> Iterator[dict[str, object]]:
    """As the product runs: with the tick."""
    kinds: list[str] = [kind for kind in ("ours", "broadcast", "bare") if kind in servers]
    runs = {kind: (kind, effort.rounds, EVENT_BYTES, WINDOW, "") for kind in kinds}
    goals = {"broadcast": ">= 1.6", "bare": ">= 1.5"}
    case = f"{effort.many} viewers, {EVENT_BYTES} bytes, with the tick"
    wanted = {kind: goals[kind] for kind in kinds[1:]}
    yield from _rows(case, servers, runs, wanted, effort.reps)


NAMES = {
    "queue": "FastAPI, a queue per viewer",
    "broadcast": "websockets broadcast()",
    "bare": "bare socket send loop",
}


def _rows(
    case: str,
    servers: dict[str, Serving],
    runs: dict[str, tuple[str, int, int, int, str]],
    goals: dict[str, str],
    reps: int,
) -> Iterator[dict[str, object]]:
    rates, waits = closed(servers, runs, reps)
    ours = statistics.median(rates["ours"])
    for peer, goal in goals.items():
        waited = min(statistics.median(waits["ours"]), statistics.median(waits[peer]))
        found = line(
            case,
            ours,
            statistics.median(rates[peer]),
            "frames/processor-s",
            NAMES[peer],
            goal,
            ratio_of(rates["ours"], rates[peer]),
            reader_waited=round(waited, 3),
            reader_ceiling=round(ceiling(next(iter(runs.values()))[2])),
        )
        if waited < WAITED_MIN:
            found |= {"holds": None, "void": "the reader was the limit"}
        yield found


def others() -> float:
    """The share of the processors that is used while we do nothing."""

    def used() -> tuple[int, int]:
        user, nice, system, idle, waiting, *more = map(
            int, Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]
        )
        return user + nice + system + sum(more), idle + waiting

    before = used()
    time.sleep(0.3)
    busy, idle = (now - then for now, then in zip(used(), before, strict=True))
    return busy / max(1, busy + idle)


def by_the_wall(measured: Callable[[], dict[str, object]]) -> dict[str, object]:
    """A row that is void where others used the processors before or after it."""
    before = others()
    found = measured()
    share = max(before, others())
    if share > OTHERS_MAX:
        found |= {"holds": None, "void": f"others used {share:.0%} of the processors"}
    return found


def delays(servers: dict[str, Serving], effort: Effort) -> dict[str, object]:
    """At the size that the goal is stated for, quick or not: it is the crowd that makes a queue a viewer
    late."""
    per_second = OFFERED / CROWD
    rounds = int(per_second * DELAY_SECONDS)
    found: dict[str, list[float]] = {"ours": [], "queue": []}
    for _ in range(effort.reps):
        for kind, values in found.items():
            values.append(servers[kind].paced(rounds, EVENT_BYTES, per_second).quantile(0.99))
    return line(
        f"p99 delay, {CROWD} viewers × {per_second:.0f} events/s",
        statistics.median(found["ours"]) * 1000,
        statistics.median(found["queue"]) * 1000,
        "ms",
        NAMES["queue"],
        "<= 0.25",
        ratio_of(found["ours"], found["queue"]),
    )


def memory(effort: Effort) -> Iterator[dict[str, object]]:
    with serving(["ours", "broadcast"], 5) as servers:
        grown = {kind: stalled_kib(one, effort) for kind, one in servers.items()}
    with serving(["ours", "waiting", "idle"], 100) as servers:
        each = {kind: idle_kib(one, effort) for kind, one in servers.items()}
    yield line(
        f"memory of a stalled viewer after {effort.stalled_events} × 64 KiB",
        grown["ours"],
        grown["broadcast"],
        "KiB",
        NAMES["broadcast"],
        "<= 0.05",
        grown["ours"] / grown["broadcast"],
    )
    for kind, name in (
        ("waiting", "a FastAPI websocket that only waits"),
        ("idle", "a bare uvicorn websocket"),
    ):
        yield line(
            f"memory of an idle viewer, {effort.viewers}",
            each["ours"],
            each[kind],
            "KiB",
            name,
            "<= 1.2",
            each["ours"] / each[kind],
        )


def idle_kib(one: Serving, effort: Effort) -> float:
    """What each further viewer takes; what the first ones cost is not theirs."""
    before = one.memory()
    one.connect(effort.viewers)
    time.sleep(0.3)
    return (one.memory() - before) / effort.viewers / 1024


def stalled_kib(one: Serving, effort: Effort) -> float:
    """By how much the server has grown for each viewer who reads nothing, while others read."""
    stalled = 30
    one.connect(stalled, is_stalled=True)
    time.sleep(0.2)
    before = one.memory()
    for _ in range(effort.stalled_events):
        one.say(f"publish 1 {SEGMENT_BYTES} single")
        until = time.perf_counter() + 0.01
        while time.perf_counter() < until:
            one.drain()
    time.sleep(0.5)
    return (one.memory() - before) / stalled / 1024


# --- Durable appends ----------------------------------------------------------------------


def fsync_seconds(folder: Path) -> float:
    """How long the disk takes to keep an appended entry, at the median."""
    taken = []
    with (folder / "probe").open("ab", buffering=0) as file:
        for _ in range(20):
            file.write(b"x" * 500)
            began = time.perf_counter()
            os.fdatasync(file.fileno())
            taken.append(time.perf_counter() - began)
    return statistics.median(taken)


def record_heartbeat(tx: Tx) -> None:
    data = {"station": "A-01", "venue": "530100", "up": 123_456, "sig": "A" * 86}
    tx.record(STREAM, "evaluation:witness:heartbeat", SYSTEM, data)


def one_by_one(office: Office) -> None:
    """A commit for each event; on PostgreSQL with a NOTIFY in it."""
    with office.write() as tx:
        record_heartbeat(tx)
        if not office.connections.is_sqlite:
            tx.db.connection().exec_driver_sql("SELECT pg_notify(%s, %s)", (CHANNEL, STREAM))


def rate_of(act: Callable[[], object], seconds: float) -> float:
    """Acknowledged events a second of `STATIONS` that each wait for theirs."""
    counts = [0] * STATIONS
    start = threading.Barrier(STATIONS + 1)

    def station(number: int) -> None:
        start.wait()
        until = time.perf_counter() + seconds
        while time.perf_counter() < until:
            act()
            counts[number] += 1

    threads = [threading.Thread(target=station, args=(number,)) for number in range(STATIONS)]
    for thread in threads:
        thread.start()
    start.wait()
    began = time.perf_counter()
    for thread in threads:
        thread.join()
    return sum(counts) / (time.perf_counter() - began)


def appends(engine: str, office: Office, disk: float, effort: Effort) -> dict[str, object]:
    group = GroupCommit(office)
    rates: dict[str, list[float]] = {"ours": [], "peer": []}
    with waking(office, lambda _: None):
        for rep in range(effort.reps + 1):
            ours = rate_of(lambda: group.write("a", record_heartbeat).result(), effort.seconds)
            peer = rate_of(lambda: one_by_one(office), effort.seconds)
            if rep:
                rates["ours"].append(ours)
                rates["peer"].append(peer)
    group.close()
    found = line(
        f"{engine}, {STATIONS} stations wait for their acknowledgement",
        statistics.median(rates["ours"]),
        statistics.median(rates["peer"]),
        "events/s",
        "a commit for each event" + ("" if engine == "SQLite" else ", with NOTIFY"),
        ">= 5",
        ratio_of(rates["ours"], rates["peer"]),
        fsync_ms=round(disk * 1000, 2),
    )
    if disk < FSYNC_SECONDS_MIN:
        found |= {"holds": None, "void": "the disk flushes in less than a millisecond"}
    return found


def durable(effort: Effort, folder: Path) -> Iterator[dict[str, object]]:
    disk = fsync_seconds(folder)
    with office_on(f"sqlite:///{folder}/ours.db", folder / "sqlite") as office:
        yield by_the_wall(lambda: appends("SQLite", office, disk, effort))
    with start_postgres(durable=True) as server:
        name = server.create()
        with (
            psycopg.connect(server.dsn(name)),
            office_on(server.url(name), folder / "pg") as office,
        ):
            yield by_the_wall(lambda: appends("PostgreSQL", office, disk, effort))


# --- The offline check ----------------------------------------------------------------------


def night(count: int) -> list[bytes]:
    """The bytes of a night's entries: stations' reports, signed at the source."""
    bodies, prev = [], NO_ENTRY
    at = datetime(2026, 10, 21, tzinfo=UTC)
    for number in range(count):
        source = {
            "at": "2026-10-21T01:00:00.000Z",
            "n": number,
            "prev": hashlib.sha256(b"%d" % number).hexdigest(),
            "sig": "A" * 86,
            "station": "A-01",
            "up": number * 1000,
        }
        data = {"source": source, "station": "A-01", "venue": "530100"}
        pending = Pending(STREAM, "evaluation:witness:heartbeat", "watch", data)
        entry = seal_in(pending, number, prev, at)
        bodies.append(entry.body)
        prev = entry.hash
    return bodies


def offline(effort: Effort) -> Iterator[dict[str, object]]:
    bodies = night(effort.night)
    ours: list[float] = []
    peer: list[float] = []
    for _ in range(5):
        began = time.process_time()
        merkle.root_of(chained_leaves(STREAM, bodies))
        between = time.process_time()
        for body in bodies:
            hashlib.sha256(body).digest()
        ours.append(between - began)
        peer.append(time.process_time() - between)
    yield line(
        f"offline check of {effort.night} events: hash, chain, tree",
        statistics.median(ours),
        statistics.median(peer),
        "processor-s",
        "hashlib over the same bytes",
        "<= 15",
        ratio_of(ours, peer),
    )
    key = Ed25519PrivateKey.from_private_bytes(b"s" * 32)
    text = base64.b64decode(b"A" * 400)
    signature, public = key.sign(text), key.public_key()
    began, count = time.process_time(), 2000
    for _ in range(count):
        public.verify(signature, text)
    taken = (time.process_time() - began) / count * effort.night
    yield line(
        f"{effort.night} stations' signatures, apart",
        taken,
        statistics.median(peer),
        "processor-s",
        "hashlib over the same bytes",
        "none",
        taken / statistics.median(peer),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="the witness stream")
    parser.add_argument(
        "--quick",
        action="store_true",
        help="300 viewers (5,000 for the delays); over a minute on two idle cores",
    )
    parser.add_argument("--only", choices=sorted(PARTS), help="one part alone")
    arguments = parser.parse_args()
    effort = QUICK if arguments.quick else FULL
    assert len(frame_head(SEGMENT_BYTES)) == 4
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with contextlib.suppress(OSError):
        os.sched_setaffinity(0, {LOAD_CORE})
    for name, part in PARTS.items():
        if arguments.only not in (None, name):
            continue
        if name == "durable":
            os.sched_setaffinity(0, range(os.cpu_count() or 1))
        for found in part(effort):
            print(json.dumps(found, ensure_ascii=False), flush=True)


def _durable(effort: Effort) -> Iterator[dict[str, object]]:
    with tempfile.TemporaryDirectory(prefix="bigloop-bench-", dir=ROOT) as folder:
        yield from durable(effort, Path(folder))


PARTS: dict[str, Callable[[Effort], Iterator[dict[str, object]]]] = {
    "fan-out": fan_out,
    "memory": memory,
    "offline": offline,
    "durable": _durable,
}

if __name__ == "__main__":
    main()
