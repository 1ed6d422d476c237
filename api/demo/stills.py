"""Still pictures of an invented camera: a board that says 演示, the venue and the hour, as a JPEG made here.

A baseline JPEG (ITU-T T.81) in grey of which every 8 × 8 block has one tone: all its coefficients but the first are
nought, so that the whole of the coding is a difference of tones, by the Huffman table of Annex K.3 (luminance, DC), and
an end of block.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

WIDTH, HEIGHT = 80, 45
"""In blocks: 640 × 360 pixels."""
BACK, INK, DIM = 40, 220, 90
_SIGN = [
    "..##.....#......................",
    "...############...############..",
    ".....#........#.................",
    ".....##########.................",
    ".#....#######...................",
    ".##......##......##############.",
    ".....#########.........##.......",
    ".....##..##..#.........##.......",
    "...#.#########.....##..##..##...",
    "...#.##..##..#.....#...##...##..",
    "..##.#########....##...##....#..",
    "..#....#...##....##....##....##.",
    ".##...##....##...#.....##.......",
    ".#..###......##......###........",
]
_DIGITS = {
    "0": ".###. #...# #...# #...# #...# #...# .###.",
    "1": "..#.. .##.. ..#.. ..#.. ..#.. ..#.. .###.",
    "2": ".###. #...# ....# ..##. .#... #.... #####",
    "3": ".###. #...# ....# ..##. ....# #...# .###.",
    "4": "...#. ..##. .#.#. #..#. ##### ...#. ...#.",
    "5": "##### #.... ####. ....# ....# #...# .###.",
    "6": ".###. #.... ####. #...# #...# #...# .###.",
    "7": "##### ....# ...#. ..#.. ..#.. .#... .#...",
    "8": ".###. #...# #...# .###. #...# #...# .###.",
    "9": ".###. #...# #...# .#### ....# ....# .###.",
    ":": "..... ..#.. ..... ..... ..... ..#.. .....",
}
_COUNTS = bytes.fromhex("00010501010101010100000000000000")
"""How many codes there are of each length from 1 to 16; they stand for 0, 1, 2, … bits."""


def still(venue: str, clock: str) -> tuple[bytes, int]:
    """The picture of a venue at an hour, and its mean brightness."""
    tones = board(venue, clock)
    return _jpeg(tones), sum(map(sum, tones)) // (WIDTH * HEIGHT)


def board(venue: str, clock: str) -> list[list[int]]:
    """The tones of the board of a venue (six digits) at an hour (`23:15`)."""
    tones = [[BACK] * WIDTH for _ in range(HEIGHT)]
    _write(tones, _SIGN, 24, 4, INK)
    for place, sign in enumerate(clock):
        _write(tones, _DIGITS[sign].split(), 25 + 6 * place, 22, INK)
    for place, sign in enumerate(venue):
        _write(tones, _DIGITS[sign].split(), 22 + 6 * place, 34, DIM)
    return tones


def _write(tones: list[list[int]], rows: Sequence[str], left: int, top: int, tone: int) -> None:
    for y, row in enumerate(rows, top):
        for x, dot in enumerate(row, left):
            if dot == "#":
                tones[y][x] = tone


def _jpeg(tones: Sequence[Sequence[int]]) -> bytes:
    size = (HEIGHT * 8).to_bytes(2, "big") + (WIDTH * 8).to_bytes(2, "big")
    return b"".join(
        (
            b"\xff\xd8",
            _segment(0xE0, b"JFIF\0\1\1\0\0\1\0\1\0\0"),
            _segment(
                0xDB, b"\0" + b"\x08" * 64
            ),  # so that the first coefficient is the tone itself
            _segment(0xC0, b"\x08" + size + b"\1\1\x11\0"),
            _segment(0xC4, b"\0" + _COUNTS + bytes(range(12))),
            _segment(
                0xC4, b"\x10\1" + bytes(15) + b"\0"
            ),  # of other coefficients: none, by one bit
            _segment(0xDA, b"\1\1\0\0\x3f\0"),
            _scan(tone - 128 for row in tones for tone in row),
            b"\xff\xd9",
        )
    )


def _segment(marker: int, content: bytes) -> bytes:
    return bytes((0xFF, marker)) + (len(content) + 2).to_bytes(2, "big") + content


def _codes() -> list[str]:
    """The code for each number of bits (T.81, Annex C)."""
    found, code = [], 0
    for length, count in enumerate(_COUNTS, 1):
        for _ in range(count):
            found.append(f"{code:0{length}b}")
            code += 1
        code <<= 1
    return found


def _scan(tones: Iterable[int]) -> bytes:
    codes, before, bits = _codes(), 0, []
    for tone in tones:
        step, before = tone - before, tone
        length = abs(step).bit_length()
        value = step if step > 0 else step + (1 << length) - 1
        bits.append(codes[length] + (f"{value:0{length}b}" if length else "") + "0")
    text = "".join(bits)
    text += "1" * (-len(text) % 8)
    data = int(text, 2).to_bytes(len(text) // 8, "big")
    return data.replace(b"\xff", b"\xff\0")
