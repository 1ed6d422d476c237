"""The same seed and date: the same ids, committees, seats and rankings, on both databases.

Cohorts are played by the command line, each in a process of its own, and compared by what stands in
their databases, read past the product's own code (names alone are opened with the keeper's key). Every stream is the same to the byte but two kinds:
sealing takes fresh keys (HPKE cannot be seeded), so the digests of sealed cells differ, and with them
the chains of the lots whose bids they are; and issuers make their own keys.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from api.demo.acts.table import ACTS, first_acts
from api.demo.command import DEFAULT_DAY
from api.demo.once import opened, run_until, settings_of
from api.demo.play import Play
from api.demo.progress import progress
from api.handlers import handlers
from api.office import open_custodian
from archive.clock import DrivenClock
from archive.keeping import Keeper
from archive.tasks.service import Worker
from experts.invitations.names import open_name
from tests.scenarios.conftest import POOL, SEED, Played, play_once
from tests.support.databases import Databases

COMMITTEES = "SELECT draw_id, seat_code, round, leaf, name, specialty, rank FROM draw_member"
SEATS = "SELECT session_id, expert_id, centre_id, equipment, first_slot, label FROM seat"
LOTS = "SELECT id, name, stage FROM lot"
STREAMS = "SELECT stream, seq, body FROM journal_entry ORDER BY stream, seq"
REPORTED = "evaluation:session:reported"


@dataclass(frozen=True)
class Outcome:
    """What the draws, the planner and the committees decided."""

    committees: frozenset[tuple[Any, ...]]
    seats: frozenset[tuple[Any, ...]]
    lots: frozenset[tuple[Any, ...]]
    streams: dict[str, list[bytes]] = field(default_factory=dict)
    rankings: dict[str, Any] = field(default_factory=dict)
    """Session → the ranking of its signed report."""


def outcome(url: str, vault: Path) -> Outcome:
    engine = sa.create_engine(url)
    keeper = Keeper((vault.parent / "keys" / "keeper.key").read_bytes())
    with engine.connect() as connection:
        committees = frozenset(
            (draw, seat, number, open_name(keeper, draw, leaf, bytes(name)), *more)
            for draw, seat, number, leaf, name, *more in _rows(connection, COMMITTEES)
        )
        found = Outcome(committees, _rows(connection, SEATS), _rows(connection, LOTS))
        for stream, _, body in connection.execute(sa.text(STREAMS)):
            found.streams.setdefault(stream, []).append(bytes(body))
    engine.dispose()
    for stream, bodies in found.streams.items():
        for entry in map(json.loads, bodies):
            if entry["action"] == REPORTED:
                (sha256,) = [document["sha256"] for document in entry["documents"]]
                report = json.loads((vault / sha256[:2] / sha256[2:]).read_bytes())
                found.rankings[stream] = report["result"]["ranking"]
    return found


def _rows(connection: sa.Connection, text: str) -> frozenset[tuple[Any, ...]]:
    return frozenset(tuple(row) for row in connection.execute(sa.text(text)))


@pytest.fixture(scope="module")
def first(played: Played) -> Outcome:
    """The cohort of the shared seed on SQLite."""
    return outcome(f"sqlite:///{played.folder}/data/bigloop.db", played.folder / "data" / "vault")


@pytest.fixture
def again(tmp_path: Path, databases: Databases) -> Iterator[Outcome]:
    """The same cohort played a second time, on the other database."""
    url = databases.fresh_postgres()
    again = play_once(tmp_path / "again", more=["--database-url", url])
    yield outcome(url, again.folder / "data" / "vault")
    databases.remove(url)


def has_fresh_keys(stream: str) -> bool:
    """Whether digests of sealed cells, or the keys that the issuers' desk has made for itself, stand
    on this stream."""
    return stream in ("lodging", "issuers") or stream.startswith("lot/")


@pytest.mark.slow
@pytest.mark.db
@pytest.mark.postgres
def test_the_same_seed_gives_the_same_day(first: Outcome, again: Outcome) -> None:
    assert_same(first, again)


@pytest.mark.slow
@pytest.mark.db
def test_another_seed_gives_another_day(first: Outcome, tmp_path: Path) -> None:
    """Played up to the opening: lots, committees and seats are decided by then."""
    clock = DrivenClock(datetime(2000, 1, 1, tzinfo=UTC))
    settings = settings_of(tmp_path, "")
    with opened(settings, clock, SEED + 1) as office:
        play = Play(office, open_custodian(settings, office), SEED + 1, DEFAULT_DAY, 3, POOL)
        clock.move_to(play.starts_at)
        play.set_up(first_acts(play))
        known = {**handlers(play.custodian, settings.dossiers), **play.handlers(ACTS)}
        until = play.moments.opening - timedelta(minutes=1)
        with progress() as shown:
            run_until(office, clock, Worker(office, known, "test"), shown, until)
    other = outcome(settings.url, tmp_path / "vault")
    for ours, theirs in (
        (first.committees, other.committees),
        (first.seats, other.seats),
        (first.lots, other.lots),
    ):
        assert ours
        assert theirs
        assert not {row[0] for row in ours} & {row[0] for row in theirs}, "other ids"
    drawn = [{row[3] for row in found.committees} for found in (first, other)]
    assert not drawn[0] & drawn[1], "other experts"


def assert_same(first: Outcome, again: Outcome) -> None:
    """Two plays of one seed decided the same."""
    assert first.committees == again.committees
    assert first.seats == again.seats
    assert first.lots == again.lots
    assert first.rankings == again.rankings
    assert len(first.rankings) == len(first.lots) > 0
    assert set(first.streams) == set(again.streams)
    for stream, bodies in first.streams.items():
        if has_fresh_keys(stream):
            assert _acts(bodies) == _acts(again.streams[stream]), stream
        else:
            assert bodies == again.streams[stream], stream


def _acts(bodies: list[bytes]) -> list[tuple[Any, ...]]:
    entries = map(json.loads, bodies)
    return [(entry["seq"], entry["at"], entry["action"], entry["actor"]) for entry in entries]
