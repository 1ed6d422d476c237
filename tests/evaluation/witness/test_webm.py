"""WebM cut at keyframes: RFC 8794 (EBML), RFC 9559 (Matroska, 10.2 SimpleBlock), MSE's WebM byte stream."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.witness.webm import (
    CLUSTER,
    CLUSTER_HEAD,
    EBML,
    KEYFRAME,
    SEGMENT,
    SIMPLE_BLOCK,
    TIMESTAMP,
    TRACK_ENTRY,
    TRACK_NUMBER,
    TRACK_TYPE,
    TRACKS,
    UNKNOWN,
    MalformedWebm,
    Part,
    Relay,
    Scanner,
    vint,
)

VIDEO, SOUND = 1, 2


def identity(kind: int) -> bytes:
    return kind.to_bytes((kind.bit_length() + 7) // 8, "big")


def element(kind: int, content: bytes) -> bytes:
    return identity(kind) + (1 << 28 | len(content)).to_bytes(4, "big") + content


def open_ended(kind: int) -> bytes:
    return identity(kind) + b"\x01" + b"\xff" * 7


def track(number: int, kind: int) -> bytes:
    told = element(TRACK_NUMBER, bytes([number])) + element(TRACK_TYPE, bytes([kind]))
    return element(TRACK_ENTRY, told)


def block(n: int, *, key: bool, number: int = VIDEO) -> bytes:
    head = bytes([0x80 | number]) + b"\x00\x05" + bytes([KEYFRAME if key else 0])
    return element(SIMPLE_BLOCK, head + b"frame %d" % n)


def cluster(ms: int, *blocks: bytes) -> bytes:
    return open_ended(CLUSTER) + element(TIMESTAMP, ms.to_bytes(4, "big")) + b"".join(blocks)


def init(*tracks: bytes) -> bytes:
    header = element(EBML, element(0x4282, b"webm"))
    return header + open_ended(SEGMENT) + element(TRACKS, b"".join(tracks))


INIT = init(track(SOUND, 2), track(VIDEO, 1))
SOUNDS = block(99, key=True, number=SOUND)
RECORDING = [
    cluster(0, block(0, key=True), block(1, key=False)),
    cluster(500, block(2, key=False), SOUNDS, block(3, key=True), block(4, key=False)),
    cluster(1000, SOUNDS, block(5, key=False)),
    cluster(1500, block(6, key=True), block(7, key=False)),
]
WHOLE = INIT + b"".join(RECORDING)


class TestIntegers:
    @pytest.mark.parametrize(
        ("data", "value", "end"),
        [
            (b"\x81", 1, 1),
            (b"\x40\x01", 1, 2),
            (b"\xff", UNKNOWN, 1),
            (b"\x01" + b"\xff" * 7, UNKNOWN, 8),
            (b"\x10\x00\x00\x7f", 127, 4),
        ],
    )
    def test_sizes(self, data: bytes, value: int, end: int) -> None:
        """RFC 8794, section 4: the examples of its table."""
        assert vint(data, 0, is_id=False) == (value, end)
        for cut in range(len(data)):
            assert vint(data[:cut], 0, is_id=False) is None

    def test_an_id_keeps_its_marker_and_has_four_bytes_at_most(self) -> None:
        assert vint(identity(CLUSTER), 0, is_id=True) == (CLUSTER, 4)
        with pytest.raises(MalformedWebm):
            vint(b"\x08\x00\x00\x00\x00", 0, is_id=True)
        with pytest.raises(MalformedWebm):
            vint(b"\x00", 0, is_id=False)


def fed(data: bytes, cuts: list[int]) -> tuple[Scanner, list[Part]]:
    scanner, parts, at = Scanner(), [], 0
    for cut in [*sorted(cuts), len(data)]:
        parts += scanner.feed(data[at:cut])
        at = max(at, cut)
    return scanner, parts


class TestScanning:
    @given(st.lists(st.integers(0, len(WHOLE)), max_size=12))
    def test_however_it_is_cut_nothing_is_lost_and_keyframes_are_found(
        self, cuts: list[int]
    ) -> None:
        scanner, parts = fed(WHOLE, cuts)
        assert scanner.init == INIT
        assert INIT + b"".join(part.data for part in parts) == WHOLE
        keys = [part for part in parts if part.is_key]
        assert [b"frame %d" % n in part.data for part, n in zip(keys, (0, 3, 6), strict=True)] == [
            True
        ] * 3
        # Only the one in the middle of a Cluster needs a head of one before it.
        lead = CLUSTER_HEAD + element(TIMESTAMP, (500).to_bytes(4, "big"))
        assert [part.lead for part in keys] == [b"", lead, b""]

    def test_sound_alone_begins_anywhere(self) -> None:
        _, parts = fed(init(track(SOUND, 2)) + cluster(0, SOUNDS, SOUNDS), [])
        assert [part.is_key for part in parts] == [True, True]

    @pytest.mark.parametrize(
        "data",
        [
            b"RIFF....WAVE",
            b"\x00" * 20,
            WHOLE[4:],
            INIT + open_ended(TIMESTAMP),
            element(EBML, b"") + element(0xEC, bytes(70_000)),
            INIT + cluster(0, element(SIMPLE_BLOCK, b"\x81")),
        ],
    )
    def test_anything_else_is_refused(self, data: bytes) -> None:
        with pytest.raises(MalformedWebm):
            fed(data, [])


class TestRelaying:
    @given(st.integers(0, len(WHOLE)), st.integers(1, 60))
    def test_who_comes_late_begins_with_a_keyframe_and_misses_nothing_after_it(
        self, join: int, step: int
    ) -> None:
        relay = Relay()
        got = b""
        seat = None
        for at in range(0, len(WHOLE), step):
            if seat is None and at >= join:
                got, seat = relay.opening(), relay.seat()
            data = WHOLE[at : at + step]
            parts = relay.feed(data)
            if seat is not None:
                is_live = seat.is_live
                out = seat.take(data, parts, relay.scanner)
                assert out == data or not is_live  # byte by byte what its station has hashed
                got += out
        if seat is None:
            return
        assert got.startswith(INIT) or not got
        if not got:
            return
        scanner, parts = fed(got, [])  # what he got is itself a stream
        assert scanner.init == INIT
        assert not parts or parts[0].is_key
        blocks = got[len(INIT) :].removeprefix(CLUSTER_HEAD)
        assert not parts or WHOLE.endswith(blocks[blocks.index(b"frame") :])

    def test_a_slow_viewer_drops_to_the_next_keyframe(self) -> None:
        relay = Relay()
        relay.feed(INIT + RECORDING[0])
        seat = relay.seat()
        seat.stalled()
        assert seat.take(RECORDING[2], relay.feed(RECORDING[2]), relay.scanner) == b""
        assert seat.dropped > 0
        again = seat.take(RECORDING[1], relay.feed(RECORDING[1]), relay.scanner)
        assert again.startswith(INIT + CLUSTER_HEAD)
        assert b"frame 2" not in again
        assert again.endswith(block(3, key=True) + block(4, key=False))

    def test_a_long_stretch_without_a_keyframe_is_not_kept(self) -> None:
        relay = Relay(kept_bytes_max=100)
        relay.feed(INIT + cluster(0, block(0, key=True), *[block(n, key=False) for n in range(9)]))
        assert relay.opening() == INIT
        assert not relay.seat().is_live
