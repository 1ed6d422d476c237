"""The demonstration's invented camera: a browser reads its pictures (ITU-T T.81) and plays its film (RFC 6386, RFC 9559)."""

from __future__ import annotations

import base64
from pathlib import Path

from api.demo.film import DURATION_MS, film
from api.demo.stills import INK, board, still
from tests.support.browser import Pages


def test_a_browser_shows_it_as_it_was_drawn(chromium_page: Pages, tmp_path: Path) -> None:
    content, luma = still("532901", "23:15")
    assert still("532901", "23:15") == (content, luma)
    assert still("532901", "23:30")[0] != content
    assert 10 < luma < 250, "no alarm of a black picture"
    (tmp_path / "still.jpg").write_bytes(content)
    page = chromium_page(f"file://{tmp_path}/still.jpg")
    image = page.locator("img")
    assert image.evaluate("image => [image.naturalWidth, image.naturalHeight]") == [640, 360]
    drawn = """image => {
        const canvas = document.createElement("canvas");
        Object.assign(canvas, { width: 80, height: 45 });
        const context = canvas.getContext("2d");
        context.imageSmoothingEnabled = false;
        context.drawImage(image, 0, 0, 80, 45);
        const { data } = context.getImageData(0, 0, 80, 45);
        return [data[0], data[4 * (80 * 5 + 42)], data.filter((_, n) => n % 4 === 0).reduce((a, b) => a + b) / 3600];
    }"""
    back, ink, mean = image.evaluate(drawn)
    assert abs(back - 40) <= 1
    assert ink > 200
    assert abs(mean - luma) <= 1


def test_a_browser_plays_its_film(chromium_page: Pages) -> None:
    """Each tone of the board comes out, within the coarse step that it is coded with; and the dot has moved, through two
    pieces that are handed to it one after another."""
    pieces = [film("532901", "23:15", 0), film("532901", "23:30", 1)]
    page = chromium_page()
    page.evaluate(
        """([first, last]) => {
            const video = document.body.appendChild(document.createElement("video"));
            const source = new MediaSource();
            Object.assign(video, { muted: true, src: URL.createObjectURL(source) });
            const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
            source.onsourceopen = () => {
                const buffer = source.addSourceBuffer('video/webm; codecs="vp8"');
                buffer.appendBuffer(bytes(first));
                video.more = () => {
                    buffer.onupdateend = () => source.endOfStream();
                    buffer.appendBuffer(bytes(last));
                };
            };
        }""",
        [base64.b64encode(piece).decode() for piece in pieces],
    )
    video = page.locator("video")
    tones = """(video, end) => new Promise((done, failed) => {
        const look = () => {
            const canvas = document.createElement("canvas");
            Object.assign(canvas, { width: 320, height: 180 });
            const context = canvas.getContext("2d");
            context.drawImage(video, 0, 0);
            const { data } = context.getImageData(0, 0, 320, 180);
            // What is loaded may not have been painted yet.
            if (data.every((value, n) => n % 4 === 3 || value === 0)) return setTimeout(look, 20);
            const tone = (x, y) => data[4 * (320 * (4 * y + 2) + 4 * x + 2)];
            done([...Array(45)].map((_, y) => [...Array(80)].map((_, x) => tone(x, y))));
        };
        setTimeout(() => failed(new Error(video.error?.message ?? "it does not play")), 15000);
        if (!end) return video.readyState >= 2 ? look() : (video.onloadeddata = look);
        video.more();
        video.onended = look;
        return video.play();
    })"""
    first, last = video.evaluate(tones, False), video.evaluate(tones, True)
    assert abs(video.evaluate("video => video.currentTime") * 1000 - 2 * DURATION_MS) < 1
    far = [_far(drawn, clock) for drawn, clock in ((first, "23:15"), (last, "23:30"))]
    assert max(far) < 40, far
    dots = [[row[x] > _bright(INK) - 60 for x in (5, 65)] for row in (first[43], last[43])]
    assert dots == [[True, False], [False, True]]


def _bright(value: int) -> int:
    return max(0, min(255, round((value - 16) * 255 / 219)))  # BT.601: a film's black is 16


def _far(drawn: list[list[int]], clock: str) -> int:
    """How many places of even tone have another tone than the board."""
    wanted = board("532901", clock)
    return sum(
        wanted[y][x] == wanted[y][x - 1] == wanted[y - 1][x]
        and abs(drawn[y][x] - _bright(wanted[y][x])) > 40
        for y in range(40)
        for x in range(1, 80)
    )
