"""The demonstration's night as a supervisor sees it: film of an invented station, live in his focus, on the record, and
in what a court is given (W3C, WebM Byte Stream Format for Media Source Extensions)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from fastapi import FastAPI
from playwright.sync_api import Page, WebSocket, expect

from api.app import create_app
from api.commands.verify import judges
from api.demo.acts.night import hold
from api.demo.acts.table import ACTS
from api.demo.film import DURATION_MS
from api.demo.live import on_screen
from api.demo.play import Play
from api.flows.recording import files, write_folder
from api.handlers import handlers
from api.media import Tracks
from api.pages.record_viewer import viewer_files
from archive.actor import Role
from archive.clock import SystemClock
from archive.digests import sha256
from archive.journal import service as journal
from archive.journal.entry import Entry
from archive.office import Office
from archive.tasks.service import Worker
from archive.verify import verify
from evaluation.session import service as sessions
from evaluation.session.state import Stage
from evaluation.witness.alarms import Alarm
from evaluation.witness.keeping import service as keeping
from tests.pages.films import comes_to
from tests.pages.looks import looks, sign_in
from tests.pages.reviewing import open_account
from tests.support.browser import Pages
from tests.support.playing import DAY, POOL, SEED, Stagehand, first_session, province_at
from tests.support.servers import free_port
from tests.support.serving import served
from trading.projects import service as projects

pytestmark = pytest.mark.slow

SECONDS = DURATION_MS / 1000


@dataclass
class Night:
    """A served night that goes on as a test wants. `whole`: what the page was sent as whole pieces."""

    play: Play
    office: Office
    app: FastAPI
    hand: Stagehand
    url: str
    session_id: str
    whole: list[bytes] = field(default_factory=list)

    def told(self, kind: str) -> list[Entry]:
        with self.office.read() as db:
            stream = f"session/{self.session_id}"
            return list(journal.entries_of(db, stream, [f"evaluation:witness:{kind}"]))

    def film(self, count: int) -> list[Entry]:
        """Go on until so many pieces are on the record, and sent."""
        self.hand.until(lambda: len(self.told("media_digest")) >= count)
        while self.hand.worker.run_one():
            pass
        return self.told("media_digest")

    def is_kept(self) -> bool:
        """What a viewer is told: whether somebody keeps the watch, by real time."""
        with self.office.read() as db:
            session = sessions.session(db, self.session_id)
            return keeping.is_kept(db, session, SystemClock().now())

    def listen(self, socket: WebSocket) -> None:
        if "/media/" not in socket.url:
            return
        told: list[str | bytes] = [""]

        def hear(message: str | bytes) -> None:
            if isinstance(message, bytes) and told[-1] != "part":
                self.whole.append(message)
            told.append(message)

        socket.on("framereceived", hear)


@pytest.fixture
def night(run_folder: Path, tmp_path: Path) -> Iterator[Night]:
    with province_at(run_folder, Stage.REVIEWING, tmp_path / "day", free_port()) as at:
        play = Play(at.office, at.custodian, SEED, DAY, 1, POOL, host=SystemClock())
        known = {**handlers(at.custodian, at.settings.dossiers), **play.handlers(ACTS)}
        hand = Stagehand(at.office, at.clock, Worker(at.office, known, "test"))
        hand.until(lambda: first_session(at.office, Stage.SEALED_OVERNIGHT) is not None)
        session = first_session(at.office, Stage.SEALED_OVERNIGHT)
        assert session is not None
        with at.office.read() as db:
            supervisor = projects.lot(db, session.lot_id).supervisor_uscc
        open_account(at.office, "supervisor", Role.SUPERVISOR, supervisor)
        app = create_app(at.office, at.settings, at.custodian, beside=lambda: on_screen(play, app))
        with served(app, at.settings.port) as url:
            yield Night(play, at.office, app, hand, url, session.id)


def test_film_plays_in_focus_and_stands_on_the_record(
    chromium_page: Pages, night: Night, tmp_path: Path
) -> None:
    assert not night.is_kept()
    hold(night.play)
    assert night.is_kept()
    night.film(1)
    assert night.is_kept(), "after a round of the keeper, who judges by legal time"
    page = sign_in(chromium_page, night.url, "supervisor")
    page.on("websocket", night.listen)
    page.goto(f"{night.url}/supervisor/sessions/{night.session_id}")
    _choose(page)
    comes_to(page, SECONDS - 0.7)  # at once the newest picture
    for count in (2, 3):
        night.film(count)
        comes_to(page, count * SECONDS - 0.7)
    _is_proven(page, 2)
    looks(page, "demo-night-focus")

    night.app.state.tracks = Tracks()  # as after a restart: nobody knows the beginning
    _choose(page)
    night.film(4)
    comes_to(page, 3 * SECONDS)
    night.film(5)
    comes_to(page, 4 * SECONDS)
    _is_proven(page, 1)
    told = night.film(5)
    assert [sha256(piece) for piece in night.whole] == [told[n].data["sha256"] for n in (1, 2, 4)]
    assert [entry.data["n"] for entry in told] == list(range(5))
    alarms = {entry.data["alarm"] for entry in night.told("alarm")}
    assert not alarms & {Alarm.CAMERA_LOST, Alarm.PICTURE_FROZEN, Alarm.STATION_SILENT}
    _plays_for_a_court(chromium_page, night, tmp_path / "record", told)


def _choose(page: Page) -> None:
    page.get_by_role("button", name=re.compile("-A · 摄像头.*实时", re.DOTALL)).first.click()


def _is_proven(page: Page, count: int) -> None:
    player = page.locator("[data-player]")
    expect(player).to_have_attribute("data-proven", str(count))
    expect(player).to_have_attribute("data-strange", "0")
    expect(player).to_have_attribute("data-state", "playing")


def _plays_for_a_court(pages: Pages, night: Night, folder: Path, told: list[Entry]) -> None:
    """From a piece in the middle on, over its end; though the server was started anew in between."""
    write_folder(folder, files(night.office, night.session_id, viewer_files))
    report = verify(folder, [night.office.log.verifier], {}, judges())
    assert [step.number for step in report.failed] == []
    page = pages(f"file://{folder}/index.html")
    page.get_by_label("显示").select_option("pictures")
    page.locator("#folder").set_input_files(str(folder))
    line = page.locator("#entries li", has=page.locator(f".who:text-matches('^{told[3].seq} ')"))
    line.get_by_role("button", name="从此播放").click()
    caption = line.locator("#shown figcaption")
    expect(caption).to_contain_text("camera · 2 ·")  # the decoder begins a piece before
    comes_to(page, 3 * SECONDS + 0.5, "#shown video")
    expect(caption).to_contain_text("camera · 3 ·")
    page.get_by_role("button", name="逐件核验全部影像").click()
    expect(page.locator("#steps [data-step=media]")).to_have_class("is-good")
