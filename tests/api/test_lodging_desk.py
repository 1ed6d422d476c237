"""The lodging desk: one padded batch a tick, and no receipt before the commit.

招标投标法 第二十二条 hides who bids and how many; 电子招标投标办法 第二十七条 asks for a receipt of
what was lodged in time.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import logging
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
import sqlalchemy as sa
from fastapi import FastAPI
from starlette.testclient import TestClient

from api.lodging_desk import LodgingDesk, Receipt
from api.settings import Settings
from archive import canonical
from archive.actor import Role
from archive.errors import Kind, Refusal
from archive.journal import service as journal
from archive.note import Note
from archive.office import Office, Tx
from tests.builders import make_office
from tests.trading.world import FIRMS, ISSUED, OPENING, World
from trading.lodging import service as lodging

NEVER = 60.0
"""A tick that does not end by itself within a test."""
PATIENCE_SECONDS = 10.0


@pytest.fixture
def world(app: FastAPI, office: Office) -> World:
    return World(office, app.state.shell.custodian).setup()


@pytest.fixture
def desk(office: Office) -> Iterator[LodgingDesk]:
    made = LodgingDesk(office, NEVER, 100)
    yield made
    made.close()


def batches(office: Office) -> list[dict[str, Any]]:
    with office.read() as db:
        return [dict(entry.data) for entry in journal.entries(db, lodging.STREAM)]


def cells(office: Office) -> int:
    with office.read() as db:
        return int(db.execute(sa.text("SELECT count(*) FROM lodged_cell")).scalar_one())


def receipt_of(future: Future[Receipt]) -> Receipt:
    return future.result(PATIENCE_SECONDS)


def refusal_of(future: Future[Receipt]) -> Refusal:
    error = future.exception(PATIENCE_SECONDS)
    assert isinstance(error, Refusal), error
    return error


def two_lots(world: World) -> tuple[str, str]:
    """Two lots of which the first closes a day before the second."""
    lots = world.register().lots[0].id, world.register().lots[0].id
    later = OPENING + timedelta(days=1)
    world.publish(lots[0])
    world.publish(lots[1], opening_at=later, evaluation_at=later + timedelta(hours=2))
    world.at(ISSUED + timedelta(hours=1))
    return lots


class TestOverHttp:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"lodging_tick_seconds": 0.5})

    def test_twenty_at_once_are_few_batches_and_twenty_receipts(
        self,
        app: FastAPI,
        office: Office,
        world: World,
        signed_in: Callable[[Role], TestClient],
    ) -> None:
        lot = world.noticed()
        sent = [world.bid_cell(lot, FIRMS[0], version=n + 1) for n in range(20)]
        cookies = dict(signed_in(Role.BIDDER).cookies)

        async def lodge_all() -> list[httpx2.Response]:
            transport = httpx2.ASGITransport(app)
            async with httpx2.AsyncClient(
                transport=transport, base_url="http://testserver", cookies=cookies
            ) as client:
                bodies = [{"lot": lot, "cell": base64.b64encode(c).decode()} for c in sent]
                calls = [client.post("/api/lodgings", json=body) for body in bodies]
                return list(await asyncio.gather(*calls))

        answers = asyncio.run(lodge_all())
        assert {answer.status_code for answer in answers} == {201}
        written = batches(office)
        assert 1 <= len(written) <= 4
        assert all(len(batch["digests"]) % 8 == 0 for batch in written)
        recorded = {digest: b["tick"] for b in written for digest in b["digests"]}
        assert len(recorded) == cells(office)
        receipts = [answer.json()["receipt"] for answer in answers]
        assert len(set(receipts)) == 20
        for cell, receipt in zip(sent, receipts, strict=True):
            note = Note.parse(receipt.encode())
            assert note.verified_by([office.log.verifier])
            said = canonical.decode(note.text.strip().encode())
            assert said["digest"] == hashlib.sha256(cell).hexdigest()
            assert said["tick"] == recorded[said["digest"]]

    def test_what_is_no_cell_spoils_nobody_elses(
        self, signed_in: Callable[[Role], TestClient], world: World, office: Office
    ) -> None:
        lot = world.noticed()
        bidder = signed_in(Role.BIDDER)
        cell = base64.b64encode(world.bid_cell(lot, FIRMS[0])).decode()
        answers: list[Any] = []
        good = threading.Thread(
            target=lambda: answers.append(
                bidder.post("/api/lodgings", json={"lot": lot, "cell": cell})
            )
        )
        good.start()
        bad = bidder.post("/api/lodgings", json={"lot": lot, "cell": "AAAA"})
        good.join(PATIENCE_SECONDS)
        assert answers[0].status_code == 201
        assert bad.status_code == 422
        assert [fault["pointer"] for fault in bad.json()["faults"]] == ["/cell"]
        assert len(batches(office)) == 1


class TestOneTick:
    def test_what_arrives_in_it_is_one_batch(
        self, desk: LodgingDesk, world: World, office: Office
    ) -> None:
        lots = two_lots(world)
        futures = [desk.take(lot, world.bid_cell(lot, firm)) for lot in lots for firm in FIRMS[:5]]
        assert not wait(futures, 0.1).done
        desk.close()
        receipts = [receipt_of(future) for future in futures]
        assert len({receipt.note for receipt in receipts}) == 10
        assert {receipt.tick for receipt in receipts} == {office.clock.now()}
        assert [len(batch["digests"]) for batch in batches(office)] == [16]
        assert cells(office) == 16

    def test_ticks_end_by_themselves(self, office: Office, world: World) -> None:
        desk = LodgingDesk(office, 0.05, 100)
        lot = world.noticed()
        for version in (1, 2):
            receipt_of(desk.take(lot, world.bid_cell(lot, FIRMS[0], version=version)))
        assert len(batches(office)) == 2

    def test_without_a_tick_nobody_waits(self, office: Office, world: World) -> None:
        lot = world.noticed()
        receipt_of(LodgingDesk(office, 0, 100).take(lot, world.bid_cell(lot, FIRMS[0])))
        assert cells(office) == 8

    def test_a_lot_that_closed_meanwhile_is_refused_alone(
        self, desk: LodgingDesk, world: World, office: Office
    ) -> None:
        closing, open_longer = two_lots(world)
        futures = {
            lot: desk.take(lot, world.bid_cell(lot, FIRMS[0])) for lot in (closing, open_longer)
        }
        world.at(OPENING)
        desk.close()
        assert refusal_of(futures[closing]).kind is Kind.TOO_LATE
        assert receipt_of(futures[open_longer]).tick == OPENING
        assert cells(office) == 8

    def test_where_all_closed_nothing_is_written(
        self, desk: LodgingDesk, world: World, office: Office
    ) -> None:
        lot = world.noticed()
        futures = [desk.take(lot, world.bid_cell(lot, firm)) for firm in FIRMS[:3]]
        world.at(OPENING)
        desk.close()
        refusals = [refusal_of(future) for future in futures]
        assert {refusal.kind for refusal in refusals} == {Kind.TOO_LATE}
        assert len({id(refusal) for refusal in refusals}) == 3
        assert (cells(office), batches(office)) == (0, [])

    def test_who_left_before_the_tick_lodged_nothing(
        self, desk: LodgingDesk, world: World, office: Office
    ) -> None:
        lot = world.noticed()
        stays, leaves = (desk.take(lot, world.bid_cell(lot, firm)) for firm in FIRMS[:2])
        assert leaves.cancel()
        desk.close()
        receipt_of(stays)
        digest = hashlib.sha256(world.bid_cell(lot, FIRMS[1])).hexdigest()
        assert digest not in batches(office)[0]["digests"]

    def test_the_queue_is_bounded(self, office: Office, world: World) -> None:
        desk = LodgingDesk(office, NEVER, 2)
        lot = world.noticed()
        futures = [desk.take(lot, world.bid_cell(lot, firm)) for firm in FIRMS[:2]]
        with pytest.raises(Refusal) as caught:
            desk.take(lot, world.bid_cell(lot, FIRMS[2]))
        assert (caught.value.code, caught.value.kind) == ("api.lodging.full", Kind.UNAVAILABLE)
        desk.close()
        assert len({receipt_of(future).note for future in futures}) == 2
        again = desk.take(lot, world.bid_cell(lot, FIRMS[2]))
        desk.close()
        receipt_of(again)


class TestCommit:
    def test_nobody_is_told_before_it(
        self, desk: LodgingDesk, world: World, office: Office, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        lot = world.noticed()
        reached, go_on = threading.Event(), threading.Event()
        flush = Tx.flush_record

        def slowly(tx: Tx) -> Any:
            written = flush(tx)
            reached.set()
            go_on.wait(PATIENCE_SECONDS)
            return written

        future = desk.take(lot, world.bid_cell(lot, FIRMS[0]))
        monkeypatch.setattr(Tx, "flush_record", slowly)
        desk.hurry()
        assert reached.wait(PATIENCE_SECONDS)
        assert not future.done()  # everything is written, nothing committed
        assert cells(office) == 0
        go_on.set()
        receipt_of(future)
        assert cells(office) == 8

    @pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
    def test_who_dies_before_it_has_acknowledged_nothing(
        self, desk: LodgingDesk, world: World, office: Office, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        class Killed(BaseException):
            """As if the process were gone: no handler of ours sees it."""

        def die(_: Tx) -> Any:
            raise Killed

        lot = world.noticed()
        future = desk.take(lot, world.bid_cell(lot, FIRMS[0]))
        monkeypatch.setattr(Tx, "flush_record", die)
        desk.close()
        assert not future.done()
        assert (cells(office), batches(office)) == (0, [])

    def test_a_batch_that_fails_fails_for_all_and_the_next_one_goes_on(
        self,
        desk: LodgingDesk,
        world: World,
        office: Office,
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        lot = world.noticed()

        def fail(_: Tx) -> Any:
            raise sa.exc.OperationalError("INSERT", {}, Exception("disk full"))

        with monkeypatch.context() as patched, caplog.at_level(logging.DEBUG):
            patched.setattr(Tx, "flush_record", fail)
            futures = [desk.take(lot, world.bid_cell(lot, firm)) for firm in FIRMS[:3]]
            desk.close()
        assert {refusal_of(f).code for f in futures} == {"api.lodging.failed"}
        assert {refusal_of(f).kind for f in futures} == {Kind.UNAVAILABLE}
        assert "a batch of 3 lodgings failed" in caplog.text
        assert lot not in caplog.text
        assert cells(office) == 0
        again = desk.take(lot, world.bid_cell(lot, FIRMS[0]))
        desk.close()
        receipt_of(again)

    def test_a_refused_batch_is_refused_to_all(
        self, desk: LodgingDesk, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        lot = world.noticed()

        def refuse(*_: object) -> Any:
            raise Refusal("trading.lodging.too_many", {"count": 2, "count_max": 1})

        monkeypatch.setattr(lodging, "lodge", refuse)
        futures = [desk.take(lot, world.bid_cell(lot, firm)) for firm in FIRMS[:2]]
        desk.close()
        assert {refusal_of(f).code for f in futures} == {"trading.lodging.too_many"}


def test_processes_have_desks_of_their_own(tmp_path: Path, database_url: str) -> None:
    first = make_office(tmp_path / "1", database_url)
    second = make_office(tmp_path / "2", database_url, seed=b"2")
    world = World(first).setup()
    lot = world.noticed()
    second.clock.move_to(first.clock.now())  # type: ignore[attr-defined]
    desks = [LodgingDesk(office, 0.05, 100) for office in (first, second)]
    futures = [desks[n % 2].take(lot, world.bid_cell(lot, FIRMS[n])) for n in range(8)]
    notes = [Note.parse(receipt_of(future).note.encode()) for future in futures]
    written = batches(first)
    recorded = {digest for batch in written for digest in batch["digests"]}
    assert {json.loads(note.text)["digest"] for note in notes} <= recorded
    assert cells(first) == len(recorded)
    assert len(recorded) >= 16
    for office in (first, second):
        office.connections.dispose()


def test_the_server_writes_what_waits_before_it_stops(
    app: FastAPI, office: Office, world: World
) -> None:
    lot = world.noticed()
    desk = app.state.shell.lodgings = LodgingDesk(office, NEVER, 100)
    began = time.monotonic()
    with TestClient(app):
        future = desk.take(lot, world.bid_cell(lot, FIRMS[0]))
    receipt_of(future)
    assert time.monotonic() - began < PATIENCE_SECONDS
    assert cells(office) == 8
