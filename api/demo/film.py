"""The film of an invented camera, made here: the board of `api.demo.stills` with a dot that moves, as a WebM recording in pieces.

A recording is `HEAD` and its pieces, one after another: each is a Cluster that begins when the one before has ended, and the dot
goes on from where it was. The first piece has the head before it, as a browser's MediaRecorder hands it out.

VP8 (RFC 6386), key frames alone, of which every 4 × 4 block has one tone: predicted from the blocks above and to the left
(B_DC_PRED), mended by one coefficient. Of the first partition all is nought but the quantizer. An arithmetic decoder that reads
noughts says "0" to every question whatever its probability, and "0" is here: keep the probabilities, no skipping, B_PRED, B_DC_PRED,
DC_PRED. So no more tables are needed than the few numbers of section 13.5 that the tokens ask for. A row of macroblocks hangs on
nothing below it, so frames that begin alike are coded once, down to where they differ.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

from api.demo.stills import HEIGHT, INK, WIDTH, board
from evaluation.witness.webm import CLUSTER, EBML, SEGMENT, SIMPLE_BLOCK, TIMESTAMP, TRACKS

FRAMES, FRAME_MS = 8, 490
DURATION_MS = FRAMES * FRAME_MS
"""A little longer than a quarter of an hour lasts in the demonstration's night at its usual rate, so that the picture seldom has
to stand and wait."""
_PLACES = 18
"""Of the dot: after so many frames it begins anew at the left."""
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


@dataclass
class _Coder:
    """The boolean entropy encoder (RFC 6386, 7.3), its number kept whole instead of byte by byte."""

    low: int = 0
    range: int = 255
    bits: int = 0

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


@dataclass(frozen=True)
class _Drawn:
    """The second partition down to a row of macroblocks. `has_any`: of the blocks above the next row, whether they have a
    coefficient; `tones`: theirs, as a decoder has drawn them."""

    coder: _Coder
    has_any: tuple[int, ...]
    tones: tuple[int, ...]


@lru_cache(maxsize=64)
def _drawn(rows: tuple[bytes, ...]) -> _Drawn:
    """As a decoder goes through it: macroblocks of 4 × 4 blocks, brightness, then colour. A row is four lines of tones."""
    if not rows:
        return _Drawn(_Coder(), (0,) * WIDTH, (127,) * WIDTH)
    above = _drawn(rows[:-1])
    coder, has_any, tones = replace(above.coder), list(above.has_any), list(above.tones)
    beside, any_left = [129] * 4, [0] * 4
    for left in range(0, WIDTH, 4):
        for y in range(4):
            for x in range(left, left + 4):
                guess = (tones[x] + beside[y] + 1) >> 1
                missing = rows[-1][y * WIDTH + x] - guess
                level = max(-_LEVELS, min(_LEVELS, round(missing * 8 / _STEP)))
                _block(coder, level, has_any[x] + any_left[y])
                has_any[x] = any_left[y] = int(level != 0)
                tones[x] = beside[y] = max(0, min(255, guess + ((level * _STEP + 4) >> 3)))
        for _ in range(8):
            coder.put(0, _NO_COLOUR)
    return _Drawn(coder, tuple(has_any), tuple(tones))


def _first_partition() -> bytes:
    coder = _Coder()
    for _ in range(16):  # colour space to the number of partitions
        coder.put(0)
    for place in range(6, -1, -1):
        coder.put(_QUANTIZER >> place & 1)
    return coder.data() + bytes(_NOUGHTS)


_FIRST_PARTITION = _first_partition()
_FRAME_HEAD = (
    (len(_FIRST_PARTITION) << 5 | 1 << 4).to_bytes(3, "little")  # a key frame, shown
    + b"\x9d\x01\x2a"
    + (WIDTH * 4).to_bytes(2, "little")
    + (HEIGHT * 4).to_bytes(2, "little")
    + _FIRST_PARTITION
)


def _frame(lines: list[bytes]) -> bytes:
    lines = lines + lines[-1:] * (-len(lines) % 4)
    rows = tuple(b"".join(lines[top : top + 4]) for top in range(0, len(lines), 4))
    return _FRAME_HEAD + _drawn(rows).coder.data()


def _element(kind: int, content: bytes) -> bytes:
    return kind.to_bytes(-(-kind.bit_length() // 8), "big") + _size(len(content)) + content


def _size(length: int) -> bytes:
    return (1 << 28 | length).to_bytes(4, "big")


def _number(kind: int, value: int) -> bytes:
    return _element(kind, value.to_bytes(max(1, -(-value.bit_length() // 8)), "big"))


def _head() -> bytes:
    video = _element(0xE0, _number(0xB0, WIDTH * 4) + _number(0xBA, HEIGHT * 4))
    track = _number(0xD7, 1) + _number(0x73C5, 1) + _number(0x83, 1) + _element(0x86, b"V_VP8")
    track += _number(0x23E383, FRAME_MS * 1_000_000)  # of the last frame of a piece too
    return (
        _element(EBML, _element(0x4282, b"webm") + _number(0x4287, 2) + _number(0x4285, 2))
        + SEGMENT.to_bytes(4, "big")
        + b"\x01"
        + b"\xff" * 7  # open
        + _element(0x1549A966, _number(0x2AD7B1, 1_000_000))
        + _element(TRACKS, _element(0xAE, track + video))
    )


HEAD = _head()


@lru_cache(maxsize=16)
def film(venue: str, clock: str, n: int) -> bytes:
    """Piece `n`, from 0, of the recording of a venue (six digits): its board at an hour (`23:15`), for `DURATION_MS`."""
    cluster = _number(TIMESTAMP, n * DURATION_MS)
    lines = [bytes(line) for line in board(venue, clock)]
    for frame in range(FRAMES):
        left = 4 + 4 * ((n * FRAMES + frame) % _PLACES)
        shown = list(lines)
        for y in (HEIGHT - 3, HEIGHT - 2):
            shown[y] = lines[y][:left] + bytes([INK] * 4) + lines[y][left + 4 :]
        block = b"\x81" + (frame * FRAME_MS).to_bytes(2, "big") + b"\x80" + _frame(shown)
        cluster += _element(SIMPLE_BLOCK, block)
    return (b"" if n else HEAD) + _element(CLUSTER, cluster)
