"""The keeper as processes run it: killed and followed, its clock set, an outside witness asked."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from api.outside_witness import Asker, ask
from api.outsiders import Outside, outsiders_of
from api.watchkeeper import Keeper
from archive.add_checkpoint import Cosigned, Declined
from archive.clock import SystemClock
from archive.cosignature import Cosigner
from archive.note import Note
from evaluation.session.commands import VoidSession
from evaluation.witness import queries
from evaluation.witness.keeping import service as keeping
from tests.builders import SUPERVISOR
from tests.evaluation.witness.conftest import locked_office, sealing  # noqa: F401  fixtures
from tests.evaluation.witness.night import Night
from tests.support import outsider

WAIT_SECONDS = 30.0
CHILD = """
import sys
import evaluation.sheets.service, evaluation.witness.tables
from pathlib import Path
from api.watchkeeper import Keeper
from tests.builders import make_office
folder = Path(sys.argv[1])
office = make_office(folder, f"sqlite:///{folder}/bigloop.db")
Keeper(office, "node-1").run()
"""


class HostClock:
    """A host whose wall clock can be set; its monotonic one runs on."""

    def __init__(self, start: datetime) -> None:
        self.wall, self.steady = start, 0.0

    def now(self) -> datetime:
        return self.wall

    def monotonic(self) -> float:
        return self.steady

    def pass_time(self, seconds: float, *, wall: float | None = None) -> None:
        self.steady += seconds
        self.wall += timedelta(seconds=seconds if wall is None else wall)


def alarms(night: Night) -> list[tuple[str, str, int]]:
    return [(e.data["state"], e.data["alarm"], e.data["fence"]) for e in night.entries("alarm")]


def test_killed_and_followed(sealing: Night, tmp_path: Path) -> None:  # noqa: F811
    """kill -9 of the holder: another takes over when the lease ends, with the next fence number."""
    sealing.seal()
    folder = tmp_path / "office"
    root = Path(__file__).resolve().parents[2]
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(folder)],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
    )
    try:
        until = time.monotonic() + WAIT_SECONDS
        while _lease(sealing) is None:
            assert child.poll() is None, "the keeper ended by itself"
            assert time.monotonic() < until, "the keeper does not take the lease"
            time.sleep(0.1)
    finally:
        child.send_signal(signal.SIGKILL)
        child.wait(10)
    host = HostClock(SystemClock().now())
    second = Keeper(sealing.office, "node-2", host=host)
    assert second.round() == 0
    host.pass_time(keeping.LEASE.total_seconds() + 1)
    sealing.pass_time(minutes=21)
    assert second.round() == 1
    assert alarms(sealing) == [("RAISED", "NOT_COSIGNED", 2), ("RAISED", "WITNESS_ABSENT", 2)]
    assert second.round() == 1
    assert len(alarms(sealing)) == 2


def _lease(night: Night) -> int | None:
    with night.office.read() as db:
        row = queries.lease_locked(db, night.id)
        return row.fence if row else None


@pytest.mark.parametrize("step", [-5, 5])
def test_the_hosts_clock_is_set(sealing: Night, step: int) -> None:  # noqa: F811
    sealing.seal()
    host = HostClock(SystemClock().now())
    keeper = Keeper(sealing.office, "node-1", host=host)
    keeper.round()
    host.pass_time(1)
    keeper.round()
    assert sealing.entries("clock_step") == []
    host.pass_time(1, wall=1 + step)
    keeper.round()
    (entry,) = sealing.entries("clock_step")
    assert entry.data["step_ms"] == step * 1000
    host.pass_time(1)
    keeper.round()
    assert ("RAISED", "CLOCK_STEP", 1) in alarms(sealing)
    assert len(sealing.entries("clock_step")) == 1


def test_a_watch_that_nobody_kept_is_told_on_the_record(sealing: Night) -> None:  # noqa: F811
    """A full disk, a keeper that was killed: who comes later must see that silence meant nothing then."""
    sealing.seal()
    host = HostClock(sealing.now)
    keeper = Keeper(sealing.office, "node-1", host=host)
    keeper.round()
    host.pass_time(15)
    keeper.round()
    assert sealing.entries("unkept") == [], "somebody took it up soon"
    host.pass_time(300)
    Keeper(sealing.office, "node-2", host=host).round()
    host.pass_time(1)
    Keeper(sealing.office, "node-2", host=host).round()
    (told,) = sealing.entries("unkept")
    assert told.data["seconds"] == 300


def test_two_keepers_share_and_never_write_twice(sealing: Night) -> None:  # noqa: F811
    sealing.seal()
    host = HostClock(SystemClock().now())
    one, two = (Keeper(sealing.office, f"node-{n}", host=host) for n in (1, 2))
    for _ in range(5):
        sealing.pass_time(minutes=5)
        host.pass_time(1)
        assert (one.round(), two.round()) == (1, 0)
    assert alarms(sealing) == [
        ("RAISED", "WITNESS_ABSENT", 1),
        ("RAISED", "NOT_COSIGNED", 1),
    ]


@pytest.fixture
def witness(sealing: Night) -> Iterator[tuple[outsider.OutsideWitness, Outside]]:  # noqa: F811
    """An outside witness on loopback that knows this session's log."""
    origin = f"{sealing.office.log.name}/session/{sealing.id}"
    vkey = sealing.office.log.verifier.named(origin).vkey
    made = outsider.OutsideWitness("uni.example/w1", {origin: [vkey]})
    with made.serving() as url:
        yield made, Outside(Cosigner.parse(made.vkey), url)


@contextmanager
def _never_ending(answer: bytes) -> Iterator[str]:
    """A server that takes a request, answers a byte now and then, and never comes to an end."""
    over = threading.Event()

    def serve(listener: socket.socket) -> None:
        peer, _ = listener.accept()
        with peer, suppress(OSError):
            for byte in answer:
                if over.wait(0.4):
                    return
                peer.send(bytes([byte]))
            over.wait()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        over.set()
        thread.join(WAIT_SECONDS)


class TestOutside:
    """C2SP tlog-witness, over HTTP."""

    def test_it_cosigns_as_the_log_grows(
        self,
        sealing: Night,  # noqa: F811
        witness: tuple[outsider.OutsideWitness, Outside],
    ) -> None:
        made, one = witness
        assert isinstance(ask(sealing.office, sealing.id, one), Cosigned)
        sealing.seal()
        keeper = Keeper(sealing.office, "node-1", (one,))
        keeper.round()
        keeper.wait_for_outsiders(WAIT_SECONDS)
        assert made.statuses == [200, 200]
        with sealing.office.read() as db:
            rows = [(row.size, row.line) for row in queries.cosignatures(db, sealing.id)]
        assert len(rows) == 2
        size, line = rows[-1]
        _, _, text = sealing.checkpoint(size)
        assert list(outsider.good_signatures(f"{text}\n{line}", [made.vkey])) == [made.vkey]
        assert Note.parse(f"{text}\n{line}".encode()).text == text
        keeper.round()
        keeper.wait_for_outsiders(WAIT_SECONDS)
        assert len(made.statuses) == 2  # a minute has not passed

    def test_one_that_knows_more_than_we_remember_is_asked_from_there(
        self,
        sealing: Night,  # noqa: F811
        witness: tuple[outsider.OutsideWitness, Outside],
    ) -> None:
        made, one = witness
        ask(sealing.office, sealing.id, one)
        with sealing.office.write() as tx:
            queries.set_outside_size(tx.db, sealing.id, one.witness.name, 0)
        sealing.seal()
        assert isinstance(ask(sealing.office, sealing.id, one), Cosigned)
        assert made.statuses == [200, 409, 200]

    def test_a_house_that_shows_another_history_is_declined(
        self,
        sealing: Night,  # noqa: F811
        witness: tuple[outsider.OutsideWitness, Outside],
    ) -> None:
        made, one = witness
        origin = f"{sealing.office.log.name}/session/{sealing.id}"
        size, _, _ = sealing.checkpoint()
        made.latest[origin] = (size - 1, b"\7" * 32)
        answer = ask(sealing.office, sealing.id, one)
        assert isinstance(answer, Declined)
        assert (answer.status, answer.reason.code) == (422, "archive.witness.proof_refused")
        with sealing.office.read() as db:
            assert queries.cosignatures(db, sealing.id) == []

    def test_one_that_is_not_there(self, sealing: Night) -> None:  # noqa: F811
        key = Cosigner("gone.example/w", b"\1" * 32)
        answer = ask(sealing.office, sealing.id, Outside(key, "http://127.0.0.1:9"))
        assert isinstance(answer, Declined)
        assert answer.status == 0

    @pytest.mark.parametrize("manner", ["silent", "a byte at a time"])
    def test_one_that_does_not_come_to_an_end_holds_up_no_watch(
        self,
        sealing: Night,  # noqa: F811
        monkeypatch: pytest.MonkeyPatch,
        manner: str,
    ) -> None:
        monkeypatch.setattr("api.outside_witness.ASK_SECONDS_MAX", 1.0)
        sealing.seal()
        with _never_ending(b"HTTP/1.1 200 OK" if manner != "silent" else b"") as url:
            one = Outside(Cosigner("slow.example/w", b"\1" * 32), url)
            keeper = Keeper(sealing.office, "node-1", (one,))
            begun = time.monotonic()
            assert keeper.round() == 1
            assert time.monotonic() - begun < 0.8
            keeper.wait_for_outsiders(WAIT_SECONDS)
            assert time.monotonic() - begun < 3
        assert _lease(sealing) == 1

    def test_a_witness_whose_clock_is_far_off(
        self,
        sealing: Night,  # noqa: F811
        witness: tuple[outsider.OutsideWitness, Outside],
    ) -> None:
        """tlog-cosignature: a time is at most 2^63 - 1; a calendar ends long before."""
        made, one = witness
        made.clock = lambda: 2**62
        assert isinstance(ask(sealing.office, sealing.id, one), Cosigned)

    def test_one_that_has_seen_more_than_there_is(
        self,
        sealing: Night,  # noqa: F811
        witness: tuple[outsider.OutsideWitness, Outside],
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        """A database that was restored from yesterday, or another history: somebody must hear of it, once."""
        made, one = witness
        origin = f"{sealing.office.log.name}/session/{sealing.id}"
        size, _, _ = sealing.checkpoint()
        made.latest[origin] = (size + 7, b"\7" * 32)
        asker = Asker(sealing.office, one)
        for _ in range(2):
            asker.wish(sealing.id)
            asker.wait(WAIT_SECONDS)
        (told,) = caplog.records
        assert told.levelname == "ERROR"
        assert f"archive.witness.ahead: The outside witness has cosigned {size + 7}" in told.message

    def test_the_end_of_a_session_is_cosigned_too(
        self,
        sealing: Night,  # noqa: F811
        witness: tuple[outsider.OutsideWitness, Outside],
    ) -> None:
        """Nobody keeps the watch then, and a record is judged by its last checkpoint."""
        made, one = witness
        host = HostClock(SystemClock().now())
        keeper = Keeper(sealing.office, "node-1", (one,), host=host)
        keeper.round()
        keeper.wait_for_outsiders(WAIT_SECONDS)
        sealing.served.do(SUPERVISOR, VoidSession("test"))
        size, _, _ = sealing.checkpoint()
        for passed in (70, 70):
            host.pass_time(passed)
            assert keeper.round() == 0
            keeper.wait_for_outsiders(WAIT_SECONDS)
        with sealing.office.read() as db:
            assert [row.size for row in queries.cosignatures(db, sealing.id)] == [size - 1, size]
        assert made.statuses == [200, 200]  # once cosigned to the end it is left alone

    def test_settings(self) -> None:
        key = Cosigner("uni.example/w1", b"\1" * 32)
        (one,) = outsiders_of(f" {key.vkey} https://uni.example/tlog/ , ")
        assert one == Outside(key, "https://uni.example/tlog")
        assert outsiders_of("") == ()
        other = Cosigner("uni.example/w2", b"\2" * 32)
        as_w1, renamed = Cosigner(key.name, b"\2" * 32), Cosigner("uni.example/w2", b"\1" * 32)
        both = f"{key.vkey} https://uni.example/1, {other.vkey} https://uni.example/2"
        assert [one.witness for one in outsiders_of(both)] == [key, other]
        for wrong in (
            "x",
            key.vkey,
            f"{key.vkey} ftp://x",
            "nonsense https://uni.example",
            f"{key.vkey} https://uni.example:99999/",
            f"{key.vkey} https://[uni.example/",
            f"{key.vkey} https://uni.example/a b",
            f"{key.vkey} https://uni.example/?log=1",
            f"{key.vkey} https://me@uni.example/",
            f"{key.vkey} https://大学.example/",
            f"{key.vkey} https://a.example, {as_w1.vkey} https://b.example",
            f"{key.vkey} https://a.example, {renamed.vkey} https://b.example",
        ):
            with pytest.raises(ValueError):
                outsiders_of(wrong)
