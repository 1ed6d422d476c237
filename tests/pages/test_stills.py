"""The demonstration's invented camera: a browser reads its pictures (ITU-T T.81), and no two hours are alike."""

from __future__ import annotations

from pathlib import Path

from api.demo.stills import still
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
