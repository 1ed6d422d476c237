"""A burst leaves in few writes, in order, and a single frame waits for nobody."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api import tails
from api.gathering import GATHERED_BYTES_MAX, Gathering
from api.tails import Tail, read_mark
from archive.office import Office
from tests.builders import STAFF

STREAM = "session/s1"


class Inner:
    """Keeps what is written to it."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.closed_after = -1

    def write(self, data: bytes) -> None:
        self.written.append(data)

    def close(self) -> None:
        self.closed_after = len(self.written)

    def get_extra_info(self, name: str) -> str:
        return f"the {name} below"


def gathering(inner: Inner) -> Gathering:
    return Gathering(cast("asyncio.Transport", inner), asyncio.get_running_loop())


class TestWriting:
    @given(st.lists(st.lists(st.binary(max_size=20), max_size=5), max_size=5))
    def test_one_write_a_turn_and_the_order_is_kept(self, turns: list[list[bytes]]) -> None:
        inner = Inner()

        async def run() -> None:
            transport = gathering(inner)
            for turn in turns:
                for data in turn:
                    transport.write(data)
                await asyncio.sleep(0)

        asyncio.run(run())
        assert inner.written == [b"".join(turn) for turn in turns if turn]

    def test_much_leaves_at_once(self) -> None:
        """Else nobody would learn in time that the other side does not read."""
        inner = Inner()

        async def run() -> None:
            transport = gathering(inner)
            transport.write(b"a")
            transport.write(b"b" * GATHERED_BYTES_MAX)
            assert [len(data) for data in inner.written] == [GATHERED_BYTES_MAX + 1]
            transport.write(b"c")
            await asyncio.sleep(0)

        asyncio.run(run())
        assert inner.written[1:] == [b"c"]

    def test_what_was_written_leaves_before_the_end(self) -> None:
        inner = Inner()

        async def run() -> None:
            transport = gathering(inner)
            transport.write(b"last words")
            transport.close()
            assert (inner.written, inner.closed_after) == ([b"last words"], 1)
            assert transport.get_extra_info("peername") == "the peername below"
            await asyncio.sleep(0)

        asyncio.run(run())
        assert inner.written == [b"last words"]


class TestReading:
    def record(self, office: Office, count: int = 1) -> None:
        for _ in range(count):
            with office.write() as tx:
                tx.record(STREAM, "evaluation:witness:heartbeat", STAFF, {})

    def follow(
        self, office: Office, monkeypatch: pytest.MonkeyPatch, count: int, tick_seconds: float
    ) -> tuple[list[int], float]:
        """How many entries came with each read while `count` were recorded one by one after a
        rest of 0.4 s, and how long that took."""
        monkeypatch.setattr(tails, "POLL_SECONDS", 60.0)
        monkeypatch.setattr(tails, "TICK_SECONDS", tick_seconds)
        self.record(office)
        sizes: list[int] = []

        class Counting(Tail):
            def _take(self, fresh: list[Any], mark: Any) -> None:
                sizes.append(len(fresh))
                super()._take(fresh, mark)

        async def run() -> float:
            mark = read_mark(office, STREAM)
            assert mark is not None
            tail = Counting(office, STREAM, mark)
            office.on_record.append(lambda _: tail.wake())
            following = asyncio.create_task(tail.follow())
            await asyncio.sleep(0.4)
            began = time.monotonic()
            writer = threading.Thread(target=self.record, args=(office, count))
            writer.start()
            await asyncio.wait_for(tail.grows_beyond(count), 10)
            took = time.monotonic() - began
            writer.join()
            assert tail.head == count + 1
            following.cancel()
            return took

        took = asyncio.run(run())
        return sizes, took

    def test_a_burst_is_read_in_few_pages(
        self, office: Office, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        sizes, _ = self.follow(office, monkeypatch, 12, tick_seconds=0.3)
        assert sum(sizes) == 12
        assert len(sizes) <= 4

    def test_one_alone_does_not_wait(self, office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
        sizes, took = self.follow(office, monkeypatch, 1, tick_seconds=0.3)
        assert sizes == [1]
        assert took < 0.2

    def test_one_that_follows_close_waits(
        self, office: Office, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        _, took = self.follow(office, monkeypatch, 1, tick_seconds=1.0)
        assert took > 0.4
