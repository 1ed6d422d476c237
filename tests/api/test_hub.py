"""A burst is read and framed once, in order, and a single entry waits for nobody."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.protocol import State
from websockets.uri import parse_uri

from api import hub
from api.fanout import Chunk
from api.hub import Hub, read_mark
from archive.office import Office
from evaluation.witness.protocol import Mark
from tests.builders import STAFF

STREAM = "session/s1"


class TestChunks:
    @given(st.lists(st.text(max_size=300), max_size=6))
    def test_a_chunk_is_what_a_client_reads_as_these_messages(self, texts: list[str]) -> None:
        """RFC 6455: read back by the client's side of a library that knows nothing of ours."""
        client = ClientProtocol(parse_uri("ws://x/"), state=State.OPEN)
        client.receive_data(Chunk(texts).wire)
        frames = [event for event in client.events_received() if isinstance(event, Frame)]
        assert [(frame.opcode, bytes(frame.data).decode()) for frame in frames] == [
            (Opcode.TEXT, text) for text in texts
        ]

    def test_the_whole_is_made_once(self) -> None:
        chunk = Chunk(["a", "b"])
        assert chunk[0:] is chunk
        assert chunk.wire is chunk.wire
        assert chunk[1:].texts == ("b",)


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
        monkeypatch.setattr(hub, "POLL_SECONDS", 60.0)
        monkeypatch.setattr(hub, "TICK_SECONDS", tick_seconds)
        self.record(office)
        sizes: list[int] = []

        class Counting(Hub):
            async def _hand_out(self, fresh: list[str], mark: Mark) -> None:
                sizes.append(len(fresh))
                await super()._hand_out(fresh, mark)

        async def run() -> float:
            mark = read_mark(office, STREAM)
            assert mark is not None
            shown = Counting(office, STREAM, mark)
            office.on_record.append(lambda _: shown.wake())
            following = asyncio.create_task(shown.follow())
            await asyncio.sleep(0.4)
            began = time.monotonic()
            writer = threading.Thread(target=self.record, args=(office, count))
            writer.start()
            async with asyncio.timeout(10):
                while shown.head < count + 1:
                    await asyncio.sleep(0.005)
            took = time.monotonic() - began
            writer.join()
            assert shown.head == count + 1
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
