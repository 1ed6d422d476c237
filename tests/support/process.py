"""Start programs so that the end of the test run is the end of them."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

LAUNCH = Path(__file__).with_name("launch.py")


def start(
    program: Sequence[str | os.PathLike[str]],
    *,
    log: IO[bytes],
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    user: str = "",
    parent_death: signal.Signals = signal.SIGTERM,
) -> subprocess.Popen[bytes]:
    """Start `program` as the leader of its own process group, its output going to `log`."""
    launcher = [sys.executable, "-S", "-E", os.fspath(LAUNCH)]
    wishes = [str(os.getpid()), str(int(parent_death)), user]
    return subprocess.Popen(
        [*launcher, *wishes, *(os.fspath(word) for word in program)],
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.STDOUT,
        env=env,
        cwd=cwd,
        start_new_session=True,
    )


def end(
    process: subprocess.Popen[bytes],
    *,
    ask: signal.Signals = signal.SIGTERM,
    patience_s: float = 10.0,
) -> int:
    """Ask the process to end, then kill whatever is left of its group; return the exit code."""
    if process.poll() is None:
        process.send_signal(ask)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(patience_s)
    kill(process)
    return process.returncode


def kill(process: subprocess.Popen[bytes]) -> None:
    """Kill the whole group at once, as a loss of power would."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
