"""`bigloop demo`: a synthetic province, its evaluation day played through or served."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from datetime import date
from pathlib import Path

from api.commands.terminal import complain, say
from api.demo.province import POOL_SIZE
from api.demo.script import SESSIONS_MEAN

DEFAULT_DAY = date(2026, 10, 21)
"""A Wednesday whose weeks before and after lie in announced years, with a long holiday in between."""
DEFAULT_SEED = 1
FIRST_DAY, LAST_DAY = date(2020, 1, 1), date(2099, 12, 31)
"""From the calendar's first announced year on; beyond its last one days are provisional."""

PORT_MAX = 65535
RATE_MAX = 10_000
"""A legal day in nine seconds; faster than that its people do not come after."""


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r}: 不是日期 / not a day (YYYY-MM-DD)") from None


def _whole(least: int, most: int) -> Callable[[str], int]:
    """A whole number from `least` to `most`."""

    def number(text: str) -> int:
        if not text.isascii() or not text.isdigit() or not least <= int(text) <= most:
            raise argparse.ArgumentTypeError(f"{text!r}: {least}..{most}")
        return int(text)

    return number


def add_arguments(parser: argparse.ArgumentParser) -> None:
    mode = parser.add_mutually_exclusive_group(required=True)
    mode.add_argument("--once", action="store_true", help="play one cohort to its archive")
    mode.add_argument("--serve", action="store_true", help="serve the cohort's day")
    mode.add_argument("--months", type=int, metavar="N", help="play N months of volumes only")
    parser.add_argument("--seed", type=int, default=DEFAULT_SEED)
    parser.add_argument(
        "--date",
        type=_day,
        default=DEFAULT_DAY,
        help="evaluation day (a working day)",
    )
    parser.add_argument("--out", type=Path, help="folder for --once: dossiers, trust keys, data")
    parser.add_argument("--data", type=Path, default=Path("demo-data"), help="folder for --serve")
    parser.add_argument("--host", help="address for --serve, instead of BIGLOOP_HOST")
    parser.add_argument(
        "--port", type=_whole(0, PORT_MAX), help="port for --serve, instead of BIGLOOP_PORT"
    )
    parser.add_argument(
        "--rate", type=_whole(1, RATE_MAX), default=60, help="legal minutes a minute, for --serve"
    )
    parser.add_argument("--database-url", default="", help="default: SQLite in the folder")
    parser.add_argument("--sessions", type=int, default=SESSIONS_MEAN, help=argparse.SUPPRESS)
    parser.add_argument("--pool", type=int, default=POOL_SIZE, help=argparse.SUPPRESS)


def run(arguments: argparse.Namespace) -> int:
    from trading.calendar.legal import calendar

    if not FIRST_DAY <= arguments.date <= LAST_DAY:
        complain(f"--date {arguments.date}: {FIRST_DAY}..{LAST_DAY}")
        return 64
    if arguments.months is None and not calendar().is_workday(arguments.date):
        complain(f"--date {arguments.date}: 不是工作日 / not a working day")
        return 64
    if arguments.once:
        return _once(arguments)
    if arguments.serve:
        if arguments.data.exists() and not arguments.data.is_dir():
            complain(f"--data {arguments.data}: 不是目录 / not a folder")
            return 64
        from api.demo.serve import serve

        return serve(arguments)
    from api.demo.months import months

    return months(arguments.months, arguments.seed)


def _once(arguments: argparse.Namespace) -> int:
    from api.demo.once import DemoFailed, once

    if arguments.out is None:
        complain("--once: 需要 --out 目录 / --out DIR is needed")
        return 64
    if arguments.out.exists() and not arguments.out.is_dir():
        complain(f"--out {arguments.out}: 不是目录 / not a folder")
        return 64
    if arguments.out.exists() and any(arguments.out.iterdir()):
        complain(f"--out {arguments.out}: 目录不为空 / folder is not empty")
        return 64
    try:
        figures = once(
            arguments.seed,
            arguments.date,
            arguments.out,
            sessions=arguments.sessions,
            pool_size=arguments.pool,
            database_url=arguments.database_url,
        )
    except DemoFailed as failure:
        complain(f"演示未能完成 / the demo failed: {failure}")
        return 1
    say(json.dumps(figures))
    return 0 if figures["verified"] == figures["dossiers"] else 1
