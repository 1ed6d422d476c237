"""What a demo shows while it runs: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Protocol

from archive.clock import SHANGHAI


class Progress(Protocol):
    def at(self, now: datetime, done: int, waiting: int) -> None:
        """Legal time, tasks done, tasks on the calendar; of a play by days, the days."""


class _Lines:
    """One line a legal day."""

    def __init__(self) -> None:
        self._day = ""

    def at(self, now: datetime, done: int, waiting: int) -> None:
        day = now.astimezone(SHANGHAI).date().isoformat()
        if day != self._day:
            self._day = day
            sys.stderr.write(f"{day}  已办 {done}  待办 {waiting}\n")


@contextmanager
def progress() -> Iterator[Progress]:
    """A display on standard error, so that standard output stays for results."""
    if not sys.stderr.isatty():
        yield _Lines()
        return
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Rich

    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Rich(*columns, console=Console(stderr=True)) as rich:
        bar = rich.add_task("", total=None)

        class _Bar:
            def at(self, now: datetime, done: int, waiting: int) -> None:
                text = f"{now.astimezone(SHANGHAI):%Y-%m-%d %H:%M} 已办 {done} 待办 {waiting}"
                rich.update(bar, description=text, completed=done, total=done + waiting)

        yield _Bar()
