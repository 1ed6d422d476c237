"""The real process: it starts, logs no ids, and stops at once with sockets open."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import pytest
from websockets.sync.client import connect

from archive.office import Office
from evaluation.session import service as sessions
from evaluation.witness.follower import Follower
from evaluation.witness.protocol import Mark
from tests.api.conftest import PASSWORD
from tests.builders import STAFF, make_office
from tests.evaluation.course import plan
from tests.support.servers import Server, Servers, bigloop

STOP_SECONDS_MAX = 3.0
"""One second for requests, and what the process itself needs on a busy machine."""


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    return {"BIGLOOP_ENVIRONMENT": "demo", "BIGLOOP_DATA": str(tmp_path / "data")}


@pytest.fixture
def served(run_server: Servers, env: dict[str, str]) -> Server:
    return run_server("serve", env=env, ready="/health")


def office_of(server: Server, env: dict[str, str]) -> Office:
    """Another process's view: the same database."""
    del server
    data = Path(env["BIGLOOP_DATA"])
    return make_office(data, f"sqlite:///{data}/bigloop.db")


def sign_in(server: Server, env: dict[str, str]) -> str:
    subprocess.run(
        [bigloop(), "account", "create", "watcher", "--role", "supervisor"],
        input=f"{PASSWORD}\n",
        text=True,
        check=True,
        env={**os.environ, **env},
    )
    connection = http.client.HTTPConnection("127.0.0.1", server.port)
    body = json.dumps({"account": "watcher", "password": PASSWORD})
    connection.request("POST", "/api/sign-in", body, {"Content-Type": "application/json"})
    answer = connection.getresponse()
    assert answer.status == 200
    return (answer.getheader("set-cookie") or "").partition(";")[0]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_at_once_with_an_open_witness_socket(
    served: Server, env: dict[str, str], number: signal.Signals
) -> None:
    office = office_of(served, env)
    with office.write() as tx:
        sessions.schedule(tx, STAFF, replace(plan(), id="s1"))
    follower = Follower("s1")
    with connect(
        f"ws://127.0.0.1:{served.port}/live/sessions/s1",
        additional_headers={"Cookie": sign_in(served, env)},
        proxy=None,
    ) as socket:
        socket.send(follower.hello())
        while not isinstance(follower.take(str(socket.recv(timeout=5))), Mark):
            pass
        with office.write() as tx:  # written by this process, found by that one's poll
            tx.record("session/s1", "evaluation:witness:heartbeat", STAFF, {"n": 1})
        while not isinstance(follower.take(str(socket.recv(timeout=5))), Mark):
            pass
        assert follower.next == 2
        began = time.monotonic()
        served.process.send_signal(number)
        served.process.wait(10)
        assert time.monotonic() - began < STOP_SECONDS_MAX
    assert "Traceback" not in served.log()
    office.connections.dispose()


def test_the_access_log_names_routes_and_nothing_else(served: Server) -> None:
    for path, status in [
        ("/problems/api.http.method?lang=en&secret=1", 200),
        ("/api/nowhere/lot-4711", 404),
    ]:
        connection = http.client.HTTPConnection("127.0.0.1", served.port)
        connection.request("GET", path)
        assert connection.getresponse().status == status
        connection.close()
    log = served.log()
    assert "GET /problems/{code} 200" in log
    for told in ("secret", "4711", "127.0.0.1:", "api.http.method"):
        assert told not in log.replace(f"http://127.0.0.1:{served.port}", ""), told


def test_an_older_database_is_not_touched(
    tmp_path: Path, env: dict[str, str], run_server: Servers
) -> None:
    server = run_server("serve", env=env, ready="/health")
    server.stop()
    office = office_of(server, env)
    with office.connections.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0000'")
    office.connections.dispose()
    done = subprocess.run(
        [bigloop(), "serve", "--port", "1"],
        env={**os.environ, **env},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert "bigloop migrate" in done.stderr


def test_production_does_not_start_with_a_seed(env: dict[str, str]) -> None:
    real = {**os.environ, **env, "BIGLOOP_ENVIRONMENT": "production", "BIGLOOP_SEED": "1"}
    done = subprocess.run([bigloop(), "serve"], env=real, capture_output=True, text=True)
    assert done.returncode == 78
    assert "BIGLOOP_SEED" in done.stderr


@pytest.mark.parametrize("words", [["serve"], ["demo", "--serve", "--data", "play"]])
def test_a_taken_port_is_said_before_anything_is_made(
    words: list[str], env: dict[str, str], tmp_path: Path
) -> None:
    """And the port is a setting, of the demonstration too."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        done = subprocess.run(
            [bigloop(), *words],
            env={**os.environ, **env, "BIGLOOP_PORT": str(port)},
            capture_output=True,
            text=True,
            cwd=tmp_path,
        )
    assert done.returncode == 1
    assert f"127.0.0.1:{port}: 端口已被占用 / the port is taken" in done.stderr
    assert not done.stdout, "no address of somebody else's server"
    assert not (tmp_path / "play").exists()
