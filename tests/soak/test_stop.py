"""Ctrl-C on a whole province: the process does not tidy up after itself for seconds."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from tests.support.servers import Servers

CPU_SECONDS_MAX = 0.8
"""Of the process itself, so that a busy machine does not count."""


def test_a_province_stops_within_a_second(run_server: Servers, tmp_path: Path) -> None:
    server = run_server("demo", "--serve", "--data", str(tmp_path / "data"), timeout_s=120)
    before = cpu_seconds(server.process.pid)
    server.process.send_signal(signal.SIGINT)
    # Ended and not taken away yet: what `wait4` says holds its desks' seconds too, from their start on.
    os.waitid(os.P_PID, server.process.pid, os.WEXITED | os.WNOWAIT)
    used = cpu_seconds(server.process.pid) - before
    assert used < CPU_SECONDS_MAX, server.log()


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
