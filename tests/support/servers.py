"""The program as its users start it: a process of its own on a free port of this machine."""

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.support import process

PORT = "{port}"


@dataclass
class Server:
    """A running `bigloop`; `url` has no slash at its end."""

    port: int
    process: subprocess.Popen[bytes]
    log_path: Path
    url: str = field(init=False)

    def __post_init__(self) -> None:
        self.url = f"http://127.0.0.1:{self.port}"

    def log(self) -> str:
        """Return what the process and its children have printed."""
        return self.log_path.read_text(errors="replace")

    def stop(self, *, patience_s: float = 15.0) -> int:
        """End it as an operator would; return the exit code (-15 with one uvicorn worker)."""
        return process.end(self.process, patience_s=patience_s)

    def kill(self) -> None:
        """Kill the process and its workers at once, as a loss of power would."""
        process.kill(self.process)

    def wait_until_ready(self, path: str, timeout_s: float) -> None:
        """Return when `path` is answered without a server's fault; fail with the log otherwise."""
        until = time.monotonic() + timeout_s
        while True:
            status = self._status(path)
            if status is not None and status < 500:
                return
            if self.process.poll() is not None:
                pytest.fail(f"ended with {self.process.returncode} at its start:\n{self.log()}")
            if time.monotonic() > until:
                self.kill()
                pytest.fail(f"{path} not answered in {timeout_s} s ({status}):\n{self.log()}")
            time.sleep(0.05)

    def _status(self, path: str) -> int | None:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", path)
            return connection.getresponse().status
        except (OSError, http.client.HTTPException):
            return None
        finally:
            connection.close()


class Servers:
    """Starts servers and ends them all."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._servers: list[Server] = []

    def __call__(
        self,
        *arguments: str,
        env: Mapping[str, str] | None = None,
        ready: str = "/",
        timeout_s: float = 30.0,
        port: int | None = None,
    ) -> Server:
        """Start `bigloop` with `arguments` and wait until `ready` is answered.

        `{port}` in an argument or a value of `env` becomes the port; where no argument has it,
        `--port` is added. The caller's own BIGLOOP_* settings are not passed on.
        """
        port = port or free_port()
        words = [word.replace(PORT, str(port)) for word in arguments]
        if not any(PORT in word for word in arguments):
            words += ["--port", str(port)]
        environment = {k: v for k, v in os.environ.items() if not k.startswith("BIGLOOP_")}
        environment |= {"PYTHONUNBUFFERED": "1"}
        environment |= {k: v.replace(PORT, str(port)) for k, v in (env or {}).items()}
        log_path = self._folder / f"server-{len(self._servers)}.log"
        with log_path.open("wb") as log:
            child = process.start(
                [bigloop(), *words],
                log=log,
                env=environment,
                cwd=self._folder,
                parent_death=signal.SIGTERM,
            )
        server = Server(port, child, log_path)
        self._servers.append(server)
        server.wait_until_ready(ready, timeout_s)
        return server

    def end(self) -> None:
        """End whatever still runs."""
        for server in self._servers:
            server.stop()


def bigloop() -> Path:
    """Return the installed program."""
    return Path(sys.executable).with_name("bigloop")


def free_port() -> int:
    """Return a port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
