"""The keeper as processes run it: killed and followed, its clock set, an outside witness asked."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from api.outside_witness import ask
from api.outsiders import Outside, outsiders_of
from api.watchkeeper import Keeper
from archive.add_checkpoint import Cosigned, Declined
from archive.clock import SystemClock
from archive.cosignature import Cosigner
from archive.note import Note
from evaluation.witness import queries
from evaluation.witness.keeping import service as keeping
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
        assert made.statuses == [200, 200]
        with sealing.office.read() as db:
            rows = [(row.size, row.line) for row in queries.cosignatures(db, sealing.id)]
        assert len(rows) == 2
        size, line = rows[-1]
        _, _, text = sealing.checkpoint(size)
        assert list(outsider.good_signatures(f"{text}\n{line}", [made.vkey])) == [made.vkey]
        assert Note.parse(f"{text}\n{line}".encode()).text == text
        keeper.round()
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

    def test_settings(self) -> None:
        key = Cosigner("uni.example/w1", b"\1" * 32)
        (one,) = outsiders_of(f" {key.vkey} https://uni.example/tlog/ , ")
        assert one == Outside(key, "https://uni.example/tlog")
        assert outsiders_of("") == ()
        for wrong in ("x", key.vkey, f"{key.vkey} ftp://x", "nonsense https://uni.example"):
            with pytest.raises(ValueError):
                outsiders_of(wrong)
