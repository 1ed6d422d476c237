"""A short film of an invented camera, made here: the board of `api.demo.stills` with a dot that moves, as a WebM piece.

VP8 (RFC 6386), key frames alone, of which every 4 × 4 block has one tone: predicted from the blocks above and to the left
(B_DC_PRED), mended by one coefficient. Of the first partition all is nought but the quantizer. An arithmetic decoder that reads
noughts says "0" to every question whatever its probability, and "0" is here: keep the probabilities, no skipping, B_PRED, B_DC_PRED,
DC_PRED. So no more tables are needed than the few numbers of section 13.5 that the tokens ask for.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from api.demo.stills import HEIGHT, INK, WIDTH, board
from evaluation.witness.webm import CLUSTER, EBML, SEGMENT, SIMPLE_BLOCK, TIMESTAMP, TRACKS

FRAMES, FRAME_MS = 4, 500
DURATION_MS = FRAMES * FRAME_MS
_QUANTIZER, _STEP = 127, 157
"""The coarsest: one level of the first coefficient is 157 / 8 of a tone."""
_LEVELS = 4
_NOUGHTS = 400
"""More than the answers of the first partition take."""
_FIRST = (
    (202, 24, 213, 235, 186, 191),
    (126, 38, 182, 232, 169, 184),
    (61, 46, 138, 219, 151, 178),
)
"""Of the first coefficient of a block of brightness, by how many of its two neighbours have any."""
_END = {1: 166, 2: 39}
"""That none follows, after a one and after more."""
_NO_COLOUR = 253


class _Coder:
    """The boolean entropy encoder (RFC 6386, 7.3), its number kept whole instead of byte by byte."""

    def __init__(self) -> None:
        self.low, self.range, self.bits = 0, 255, 0

    def put(self, bit: int, probability: int = 128) -> None:
        split = 1 + ((self.range - 1) * probability >> 8)
        if bit:
            self.low += split
            self.range -= split
        else:
            self.range = split
        shift = 8 - self.range.bit_length()
        self.low <<= shift
        self.range <<= shift
        self.bits += shift

    def data(self) -> bytes:
        """The number as bytes; the first eight bits of it are those of the first `range`."""
        pad = -self.bits % 8
        return (self.low << pad).to_bytes((self.bits + pad) // 8 + 1, "big")


def _block(coder: _Coder, level: int, neighbours: int) -> None:
    """The tokens of one block whose first coefficient has this level (13.2)."""
    odds, size = _FIRST[neighbours], abs(level)
    coder.put(int(size > 0), odds[0])
    if not size:
        return
    coder.put(1, odds[1])
    coder.put(int(size > 1), odds[2])
    if size > 1:
        coder.put(0, odds[3])
        coder.put(int(size > 2), odds[4])
        if size > 2:
            coder.put(size - 3, odds[5])
    coder.put(int(level < 0))
    coder.put(0, _END[min(size, 2)])


def _tokens(tones: Sequence[Sequence[int]]) -> bytes:
    """The second partition, as a decoder would go through it: macroblocks of 4 × 4 blocks, brightness, then colour."""
    across, down = WIDTH // 4, -(-HEIGHT // 4)
    drawn = [[0] * WIDTH for _ in range(down * 4)]
    any_above, coder = [0] * WIDTH, _Coder()
    for top in range(0, down * 4, 4):
        any_left = [0] * 4
        for left in range(0, across * 4, 4):
            for y in range(top, top + 4):
                for x in range(left, left + 4):
                    above = drawn[y - 1][x] if y else 127
                    beside = drawn[y][x - 1] if x else 129
                    guess = (above + beside + 1) >> 1
                    missing = (tones[y][x] if y < HEIGHT else guess) - guess
                    level = max(-_LEVELS, min(_LEVELS, round(missing * 8 / _STEP)))
                    _block(coder, level, any_above[x] + any_left[y - top])
                    any_above[x] = any_left[y - top] = int(level != 0)
                    drawn[y][x] = max(0, min(255, guess + ((level * _STEP + 4) >> 3)))
            for _ in range(8):
                coder.put(0, _NO_COLOUR)
    return coder.data()


def _frame(tones: Sequence[Sequence[int]]) -> bytes:
    head = _Coder()
    for _ in range(16):  # colour space to the number of partitions
        head.put(0)
    for place in range(6, -1, -1):
        head.put(_QUANTIZER >> place & 1)
    first = head.data() + bytes(_NOUGHTS)
    tag = (len(first) << 5 | 1 << 4).to_bytes(3, "little")  # a key frame, shown
    size = (WIDTH * 4).to_bytes(2, "little") + (HEIGHT * 4).to_bytes(2, "little")
    return tag + b"\x9d\x01\x2a" + size + first + _tokens(tones)


def _element(kind: int, content: bytes) -> bytes:
    return kind.to_bytes(-(-kind.bit_length() // 8), "big") + _size(len(content)) + content


def _size(length: int) -> bytes:
    return (1 << 28 | length).to_bytes(4, "big")


def _number(kind: int, value: int) -> bytes:
    return _element(kind, value.to_bytes(max(1, -(-value.bit_length() // 8)), "big"))


@lru_cache(maxsize=16)
def film(venue: str, clock: str) -> bytes:
    """A piece of `DURATION_MS` of a venue (six digits) at an hour (`23:15`); a recording that begins with it."""
    video = _element(0xE0, _number(0xB0, WIDTH * 4) + _number(0xBA, HEIGHT * 4))
    track = _number(0xD7, 1) + _number(0x73C5, 1) + _number(0x83, 1) + _element(0x86, b"V_VP8")
    open_size = b"\x01" + b"\xff" * 7
    head = (
        _element(EBML, _element(0x4282, b"webm") + _number(0x4287, 2) + _number(0x4285, 2))
        + SEGMENT.to_bytes(4, "big")
        + open_size
        + _element(0x1549A966, _number(0x2AD7B1, 1_000_000))
        + _element(TRACKS, _element(0xAE, track + video))
    )
    cluster = CLUSTER.to_bytes(4, "big") + open_size + _number(TIMESTAMP, 0)
    for n in range(FRAMES):
        tones = board(venue, clock)
        for y in range(HEIGHT - 3, HEIGHT - 1):
            for x in range(4 + 18 * n, 8 + 18 * n):
                tones[y][x] = INK
        block = b"\x81" + (n * FRAME_MS).to_bytes(2, "big") + b"\x80" + _frame(tones)
        cluster += _element(SIMPLE_BLOCK, block)
    return head + cluster
