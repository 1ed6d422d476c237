"""The outside desks of a demonstration: real processes with their own databases.

A desk that dies is started again, and stands where it stood: its folder is all that it has. It ends
with the demonstration, also when that is killed: it reads its standard input, which is ours to close.
"""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LOOK_SECONDS = 0.5
START_SECONDS_MAX = 60
_log = logging.getLogger("bigloop.demo")


@contextmanager
def desk(kind: str, folder: Path) -> Iterator[None]:
    """Have a desk of that kind running in `folder` while the block runs."""
    folder.mkdir(parents=True, exist_ok=True)
    stop = threading.Event()
    running = [_start(kind, folder)]

    def watch() -> None:
        while not stop.wait(LOOK_SECONDS):
            if running[0].poll() is not None:
                _log.warning("the %s desk has died; it is started again", kind)
                running[0] = _start(kind, folder)

    keeper = threading.Thread(target=watch, name=f"demo-{kind}", daemon=True)
    keeper.start()
    try:
        yield
    finally:
        stop.set()
        keeper.join(START_SECONDS_MAX)
        _end(running[0])


def _start(kind: str, folder: Path) -> subprocess.Popen[bytes]:
    """Start it and wait until it says where it answers."""
    address = folder / "address"
    address.unlink(missing_ok=True)
    words = [sys.executable, "-m", "api.cli", "desk", kind, "--data", str(folder), "--leashed"]
    child = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    until = time.monotonic() + START_SECONDS_MAX
    while not address.exists():
        if child.poll() is not None or time.monotonic() > until:
            _end(child)
            raise RuntimeError(f"the {kind} desk does not start")
        time.sleep(0.02)
    return child


def _end(child: subprocess.Popen[bytes]) -> None:
    if child.stdin is not None:
        child.stdin.close()
    try:
        child.wait(5)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
