"""A day of a province: how long it takes to play, which room takes how much of it, and how many acts
a second the record takes.

The day is `bigloop demo --once` (with `--quick` a small cohort): province installed, every lot from
registration to its verified dossier, on SQLite. It has no peer; its goal is that it "finishes in
minutes". The shares are those of the tasks' handlers, by the room that does most of the work in
them: they tell where a change matters, not what a room would take alone. They hold when no room
takes more than three quarters. Commits a second: see `benchmarks/parts/commits.py`.

    python benchmarks/day.py [--quick]      one line of JSON a case
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from api.demo import once as demo  # noqa: E402 - the path comes first
from api.demo.command import DEFAULT_DAY  # noqa: E402
from api.demo.province import POOL_SIZE  # noqa: E402
from api.demo.script import SESSIONS_MEAN  # noqa: E402
from archive.office import Office  # noqa: E402
from archive.tasks.service import Handler, Write  # noqa: E402
from benchmarks.parts import commits  # noqa: E402

SEED = 1
DAY_SECONDS_MAX = 600
SHARE_MAX = 0.75
QUICK_SESSIONS, QUICK_POOL = 5, 12_000
ROOM_OF: Mapping[str, str] = {
    "register": "trading",
    "notice": "trading",
    "object": "trading",
    "answer_objection": "trading",
    "ask_registers": "trading",
    "lodge": "trading",
    "begin_opening": "trading",
    "halves": "trading",
    "award": "trading",
    "contract": "trading",
    "publish_candidates": "trading",
    "draw": "experts",
    "trustees": "experts",
    "answer": "experts",
    "finish_opening": "experts",
    "plan": "evaluation, seats",
    "check_seats": "evaluation, seats",
    "reseat": "evaluation, seats",
    "guarantees": "deposits",
    "release": "deposits",
    "dossier": "archive",
}
"""By a part of the task's name, the longest that fits; everything else is the review."""


def room_of(task: str) -> str:
    fits = [part for part in ROOM_OF if part in task]
    return ROOM_OF[max(fits, key=len)] if fits else "evaluation, review"


def timed(handlers: Mapping[str, Handler], spent: Counter[str]) -> dict[str, Handler]:
    """The handlers, each adding its seconds (and its write's) to its room."""

    def wrap(name: str, handler: Handler) -> Handler:
        room = room_of(name)

        def handle(office: Office, args: Mapping[str, Any]) -> Write:
            began = time.perf_counter()
            write = handler(office, args)
            spent[room] += int((time.perf_counter() - began) * 1e6)

            def measured(tx: Any) -> None:
                start = time.perf_counter()
                write(tx)
                spent[room] += int((time.perf_counter() - start) * 1e6)

            return measured

        return handle

    return {name: wrap(name, handler) for name, handler in handlers.items()}


def line(
    case: str,
    ours: float,
    unit: str,
    goal: float,
    *,
    peer: float | None = None,
    peer_name: str = "",
) -> dict[str, object]:
    ratio = None if peer is None else round(ours / peer, 3)
    return {
        "bench": "day",
        "case": case,
        "ours": round(ours, 2),
        "peer": None if peer is None else round(peer, 2),
        "unit": unit,
        "peer_name": peer_name or None,
        "ratio": ratio,
        "goal": f"<= {goal:g}",
        "holds": (ours if ratio is None else ratio) <= goal,
    }


def day(*, quick: bool) -> Iterator[dict[str, object]]:
    spent: Counter[str] = Counter()
    sessions, pool = (QUICK_SESSIONS, QUICK_POOL) if quick else (SESSIONS_MEAN, POOL_SIZE)
    with tempfile.TemporaryDirectory(prefix="bigloop-bench-") as folder:
        began = time.perf_counter()
        figures = demo.once(
            SEED,
            DEFAULT_DAY,
            Path(folder),
            sessions=sessions,
            pool_size=pool,
            around=lambda handlers: timed(handlers, spent),
        )
        seconds = time.perf_counter() - began
    assert figures["verified"] == figures["dossiers"] > 0, figures
    yield line(f"{figures['sessions']} sessions", seconds, "seconds", DAY_SECONDS_MAX)
    for room, microseconds in sorted(spent.items()):
        yield line(
            f"share of {room}",
            microseconds / 1e6,
            "seconds",
            SHARE_MAX,
            peer=seconds,
            peer_name="the whole day",
        )


def main() -> None:
    parser = argparse.ArgumentParser(description="a day of a province")
    parser.add_argument("--quick", action="store_true", help="within 45 seconds, less exact")
    quick = parser.parse_args().quick
    for found in day(quick=quick):
        print(json.dumps(found, ensure_ascii=False), flush=True)
    for found in commits.lines(quick=quick):
        print(json.dumps(found, ensure_ascii=False), flush=True)


if __name__ == "__main__":
    main()
