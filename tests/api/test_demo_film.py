"""The demonstration's film is one recording, however it is handed on (RFC 9559; W3C, WebM Byte Stream Format for MSE)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from api.demo.film import FRAME_MS, FRAMES, HEAD, film
from evaluation.witness.webm import (
    CLUSTER,
    SIMPLE_BLOCK,
    TIMESTAMP,
    MalformedWebm,
    Relay,
    Scanner,
    elements,
)

CLOCKS = ("23:00", "23:15", "23:30", "23:45")
PIECES = [film("532901", clock, n) for n, clock in enumerate(CLOCKS)]


def _times(piece: bytes) -> Iterator[int]:
    """When each frame is shown, in ms."""
    ((kind, cluster),) = elements(piece.removeprefix(HEAD))
    assert kind == CLUSTER
    (name, begins_at), *blocks = elements(cluster)
    assert name == TIMESTAMP
    for name, content in blocks:
        assert name == SIMPLE_BLOCK
        yield int.from_bytes(begins_at, "big") + int.from_bytes(content[1:3], "big")


class TestOneRecording:
    def test_time_goes_on_from_piece_to_piece(self) -> None:
        times = [time for piece in PIECES for time in _times(piece)]
        assert times == [n * FRAME_MS for n in range(len(PIECES) * FRAMES)]

    def test_it_is_read_as_one_with_one_head(self) -> None:
        scanner = Scanner()
        parts = [part for piece in PIECES for part in scanner.feed(piece)]
        assert scanner.init == HEAD
        assert not scanner.pending
        assert [part.is_key for part in parts] == [True] * len(PIECES) * FRAMES
        assert HEAD + b"".join(part.data for part in parts) == b"".join(PIECES)
        with pytest.raises(MalformedWebm):
            Scanner().feed(PIECES[1])

    def test_every_frame_is_another_picture_and_the_same_whenever_it_is_made(self) -> None:
        frames = [part.data for part in Scanner().feed(b"".join(PIECES))]
        assert len(set(frames)) == len(frames)
        film.cache_clear()
        assert [film("532901", clock, n) for n, clock in enumerate(CLOCKS)] == PIECES
        assert film("532902", CLOCKS[1], 1) != PIECES[1]

    def test_who_comes_late_begins_with_the_newest_frame(self) -> None:
        relay = Relay()
        newest = [part.data for piece in PIECES for part in relay.feed(piece)][-1]
        scanner = Scanner()
        (part,) = scanner.feed(relay.opening())
        assert scanner.init == HEAD
        assert part.data.endswith(newest)
        assert scanner.feed(film("532901", "00:00", len(PIECES))), "and goes on with whole pieces"

    def test_a_piece_is_small(self) -> None:
        """A night has sixty of them."""
        assert max(map(len, PIECES)) < 20_000
