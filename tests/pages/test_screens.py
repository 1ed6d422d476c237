"""A station records in one browser and a supervisor watches in another; what he is shown is what is on the record.

WebM Byte Stream Format for Media Source Extensions (W3C); RFC 9559. The camera is Chromium's synthetic one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from api.cli import main
from api.commands.verify import judges
from api.demo import people
from api.flows.recording import files, supervisors_scope, write_folder
from api.media import Tracks
from api.pages.record_viewer import viewer_files
from archive.actor import Role
from archive.digests import sha256, sm3
from archive.journal import service as journal
from archive.journal.entry import Entry
from archive.recording import Medium
from archive.verify import verify
from evaluation.witness.media import service as media
from evaluation.witness.media.kinds import Form, Use
from evaluation.witness.media.service import vault_of
from evaluation.witness.recording.service import Scope
from evaluation.witness.retention.service import discard_task
from evaluation.witness.stations import service as stations
from tests.evaluation.witness.night import Device
from tests.pages.films import PLAYER, PLAYS, comes_to
from tests.pages.looks import looks, sign_in
from tests.pages.reviewing import Reviewing, open_account, reviewing
from tests.support.browser import TIMEOUT_MS, Pages


@pytest.fixture(scope="module")
def review(run_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reviewing]:
    with reviewing(run_folder, tmp_path_factory.mktemp("screens")) as made:
        open_account(made.office, "clerk", Role.STAFF, centre=made.session.centre_id)
        yield made


def _told(review: Reviewing, kind: str) -> list[Entry]:
    with review.office.read() as db:
        stream = f"session/{review.session_id}"
        return list(journal.entries_of(db, stream, [f"evaluation:witness:{kind}"]))


def _station(chromium_page: Pages, review: Reviewing, name: str, use: str = "EVALUATION") -> Page:
    page = sign_in(
        chromium_page, review.url, "clerk", f"/centre/sessions/{review.session_id}/station"
    )
    page.get_by_label("工位编号").fill(name)
    page.get_by_label("录像类别").select_option(use)
    page.get_by_role("button", name="绑定工位").click()
    expect(page.get_by_role("button", name="录制摄像头")).to_be_enabled()
    return page


def _watch(chromium_page: Pages, review: Reviewing, title: str) -> Page:
    """A supervisor who has chosen a track."""
    page = sign_in(
        chromium_page, review.url, "supervisor", f"/supervisor/sessions/{review.session_id}"
    )
    page.get_by_role("button", name=re.compile(re.escape(title))).click()
    return page


def _plays(page: Page) -> None:
    """The picture moves, and whole segments of it are on the record that this page has verified."""
    comes_to(page, 0.5)
    comes_to(page, page.evaluate(PLAYS, PLAYER) + 1)
    player = page.locator("[data-player]")
    expect(player).to_have_attribute("data-proven", re.compile(r"[2-9]|\d\d"))
    expect(player).to_have_attribute("data-strange", "0")
    assert page.evaluate("() => document.querySelector('[data-player] video').videoWidth") > 0


def test_a_station_records_and_a_supervisor_watches(
    chromium_page: Pages, review: Reviewing
) -> None:
    station = _station(chromium_page, review, "cam-1")
    station.get_by_role("button", name="录制摄像头").click()
    station.get_by_role("button", name="录制屏幕").click()
    expect(station.locator("[data-preview]:visible")).to_have_count(2)
    first = _watch(chromium_page, review, "cam-1 · 摄像头")
    _plays(first)
    late = _watch(chromium_page, review, "cam-1 · 屏幕")
    _plays(late)
    expect(station.locator("[data-said]")).to_have_attribute("data-state", "whole")
    looks(station, "station")
    looks(late, "supervisor-screens")
    wall = sign_in(chromium_page, review.url, "supervisor", "/supervisor/wall")
    expect(wall.locator(".tile .stills img")).to_have_count(2)
    expect(wall.locator(".tile .stills img").first).to_have_js_property("complete", True)
    looks(wall, "supervisor-wall-pictures")
    _staff_see_cameras_alone(chromium_page, review)
    station.get_by_role("button", name="录制摄像头").click()
    expect(station.locator("[data-preview]:visible")).to_have_count(1)

    _is_told(review, station, lambda entries: any(e.data.get("ends") for e in entries))
    segments, stills = _told(review, "media_digest"), _told(review, "snapshot")
    assert [entry.data["track"] for entry in segments if entry.data.get("ends")] == ["camera"]
    for entry in [*segments[:4], *stills[:2]]:
        kept = vault_of(review.office.vault, review.session_id).get(entry.data["sha256"])
        assert (sha256(kept), sm3(kept)) == (entry.data["sha256"], entry.data["sm3"])
        assert len(kept) == entry.data["bytes"]
    assert all(10 < entry.data["luma"] < 250 for entry in stills)
    assert not _told(review, "station_rejected")


def _staff_see_cameras_alone(chromium_page: Pages, review: Reviewing) -> None:
    """The host sees the camera and no screen; another venue of the session neither; no address gives them more."""
    place = f"{review.url}/centre/sessions/{review.session_id}"
    host = sign_in(chromium_page, review.url, "clerk", place.removeprefix(review.url))
    still = host.locator(".stills li")
    expect(still).to_have_count(1)
    expect(still).to_contain_text("cam-1 · 摄像头")
    expect(still.locator("img")).to_be_visible()
    looks(host, "centre-session-pictures")
    (camera,) = host.request.get(f"{place}/pictures").json()["sessions"][review.session_id]
    screen = next(e for e in _told(review, "snapshot") if e.data["what"] == "SCREEN").data["sha256"]
    assert host.request.get(f"{place}/pictures/{screen}").status == 404
    state = review.session.state
    other = next(venue for venue in state.venues if venue != state.host)
    open_account(review.office, "guest", Role.STAFF, centre=other)
    guest = sign_in(chromium_page, review.url, "guest", place.removeprefix(review.url))
    expect(guest.locator("[data-none]")).to_be_visible()
    assert guest.request.get(f"{place}/pictures").json()["sessions"][review.session_id] == []
    assert guest.request.get(f"{place}/pictures/{camera['snapshot']}").status == 404


def _is_told(review: Reviewing, page: Page, condition: Callable[[list[Entry]], bool]) -> None:
    """Wait until what stands on the record of segments is so."""
    for _ in range(TIMEOUT_MS // 100):
        if condition(_told(review, "media_digest")):
            return
        page.wait_for_timeout(100)
    raise AssertionError([entry.data for entry in _told(review, "media_digest")][-5:])


def test_a_cut_loses_nothing_and_a_server_that_was_started_anew_is_given_the_beginning(
    chromium_page: Pages, review: Reviewing
) -> None:
    """What is recorded while the line is cut is kept in the browser, through a reload too."""
    chromium_page.allow("ERR_INTERNET_DISCONNECTED|409")
    station = _station(chromium_page, review, "cam-2", "SECURITY")
    station.get_by_role("button", name="录制摄像头").click()
    said = station.locator("[data-said]")
    ours = "cam-2"

    def segments(entries: list[Entry]) -> list[Entry]:
        return [entry for entry in entries if entry.data["station"] == ours]

    _is_told(review, station, lambda entries: len(segments(entries)) >= 1)
    station.context.set_offline(True)
    expect(said).to_have_attribute("data-state", "cut")
    station.wait_for_timeout(3500)
    expect(said).to_contain_text("保存在本机")
    looks(station, "station-cut")
    before = len(segments(_told(review, "media_digest")))
    station.context.set_offline(False)
    expect(said).to_have_attribute("data-state", "whole")
    _is_told(review, station, lambda entries: len(segments(entries)) >= before + 2)

    review.app.state.tracks = Tracks()  # as after a restart: nobody knows the beginning
    first = _watch(chromium_page, review, "cam-2 · 摄像头")
    _plays(first)

    station.reload()  # the camera goes on by itself, and so does the numbering
    expect(station.locator("[data-preview]:visible")).to_have_count(1)
    count = len(segments(_told(review, "media_digest")))
    _is_told(review, station, lambda entries: len(segments(entries)) >= count + 2)
    _plays(first)
    told = segments(_told(review, "media_digest"))
    assert [entry.data["n"] for entry in told] == list(range(len(told)))
    vault = vault_of(review.office.vault, review.session_id)

    def is_kept(entry: Entry) -> bool:
        digest = str(entry.data["sha256"])
        return (vault.root / digest[:2] / digest[2:]).exists()

    _is_told(review, station, lambda _: all(is_kept(entry) for entry in told))
    wrong = [_told(review, f"station_{kind}") for kind in ("gap", "rejected")]
    assert [e for each in wrong for e in each if e.data["station"] == ours] == []
    assert [e for e in _told(review, "clock_step") if e.data.get("station") == ours] == []


def _flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(bytes(data))


FAILING = """
const [later, Socket] = [setTimeout, WebSocket];
globalThis.setTimeout = (call, ms, ...more) => later(call, ms / 20, ...more);
globalThis.failing = 9;
globalThis.WebSocket = class extends Socket {
  constructor(url, ...more) {
    super(String(url).includes("/media/") && failing-- > 0 ? String(url).replace("/media/", "/nothing/") : url, ...more);
  }
};
"""
"""Handshakes for pictures fail so often, and pauses are short."""


def test_a_player_waits_for_a_server_that_is_away_and_gives_up_on_one_that_refuses(
    chromium_page: Pages, review: Reviewing
) -> None:
    chromium_page.allow("WebSocket connection|ERR_FAILED")
    station = _station(chromium_page, review, "cam-4")
    station.get_by_role("button", name="录制摄像头").click()
    page = sign_in(chromium_page, review.url, "supervisor")
    page.add_init_script(FAILING)
    page.route("**/health", lambda route: route.abort())
    page.goto(f"{review.url}/supervisor/sessions/{review.session_id}")
    choice = page.get_by_role("button", name="cam-4 · 摄像头")
    choice.click()
    player = page.locator("[data-player]")
    expect(player).to_have_attribute("data-state", "playing")
    page.unroute("**/health")
    page.evaluate("failing = 1000")
    choice.click()
    expect(player).to_have_attribute("data-state", "refused")
    station.get_by_role("button", name="录制摄像头").click()


def test_a_court_sees_the_pictures_without_a_server(
    chromium_page: Pages,
    review: Reviewing,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The record taken out, opened from the disk: still pictures and film at their place, each checked first; one
    changed byte of a picture is refused, and of the page's own program it says that nothing was verified."""
    station = _station(chromium_page, review, "cam-3")
    station.get_by_role("button", name="录制摄像头").click()
    _is_told(review, station, lambda entries: len(_of(entries, "cam-3")) > 3)
    station.get_by_role("button", name="录制摄像头").click()
    _is_told(review, station, lambda told: any(e.data.get("ends") for e in _of(told, "cam-3")))
    expect(station.locator("[data-said]")).to_have_attribute("data-state", "whole")
    station.wait_for_timeout(1000)
    folder = tmp_path / "record"
    write_folder(folder, files(review.office, review.session_id, viewer_files))
    report = verify(folder, [review.office.log.verifier], {}, judges())
    assert [step.number for step in report.failed] == []
    _take_small(review, tmp_path / "small", monkeypatch, capsys)
    track = [e for e in _of(_told(review, "media_digest"), "cam-3") if e.data["bytes"]]
    still = _of(_told(review, "snapshot"), "cam-3")[0]

    page = chromium_page(f"file://{folder}/index.html", size=(1366, 768))
    verdict, steps = page.locator("#verdict"), page.locator("#steps")
    expect(verdict).to_have_attribute("data-state", "valid")
    expect(verdict).to_contain_text("影像尚未全部核验")
    page.get_by_label("显示").select_option("pictures")
    expect(page.locator("#entries li").first.locator("button")).to_be_visible()
    page.locator("#entries button").first.click()
    expect(page.locator("#folder-said")).to_contain_text("请先选择")
    page.locator("#folder").set_input_files(str(tmp_path / "small"))
    expect(page.locator("#folder-said")).not_to_contain_text("缺失且无理由 0 件")
    expect(verdict).to_have_attribute("data-state", "invalid")
    page.locator("#folder").set_input_files(str(folder))
    expect(verdict).to_have_attribute("data-state", "valid")
    expect(page.locator("#folder-said")).to_contain_text("缺失且无理由 0 件")
    line = _line(page, still)
    line.get_by_role("button", name="查看画面").click()
    expect(line.locator("#shown img")).to_have_js_property("complete", True)
    assert line.locator("#shown img").evaluate("image => image.naturalWidth") == 640
    expect(line.locator(".mark")).to_have_text("与记录一致")
    looks(page, "record-still")
    film = _line(page, track[1])
    film.get_by_role("button", name="从此播放").click()
    comes_to(page, 2.5, "#shown video")
    expect(film.locator("#shown figcaption")).to_contain_text("cam-3 · camera")
    assert page.evaluate("() => document.querySelector('#shown video').videoWidth") > 0
    looks(page, "record-film")
    page.get_by_role("button", name="逐件核验全部影像").click()
    expect(steps.locator("[data-step=media]")).to_have_class("is-good")
    expect(verdict).not_to_contain_text("影像尚未全部核验")

    # One byte of one piece, and one piece taken away.
    _flip(folder / Medium(track[1].data["sha256"], "webm").file)
    (folder / Medium(still.data["sha256"], "jpg").file).unlink()
    broken = chromium_page(f"file://{folder}/index.en.html", size=(390, 844))
    broken.get_by_label("Show", exact=True).select_option("pictures")
    broken.locator("#folder").set_input_files(str(folder))
    expect(broken.locator("#folder-said")).to_contain_text("missing without a reason: 1")
    expect(broken.locator("#verdict")).to_have_attribute("data-state", "invalid")
    refused = _line(broken, track[1])
    refused.get_by_role("button", name="Play from here").click()
    expect(refused.locator(".mark")).to_contain_text("refused")
    expect(broken.locator("#shown")).to_be_hidden()
    expect(_line(broken, still).locator(".mark")).to_have_text("missing without a reason")
    refused.scroll_into_view_if_needed()
    looks(broken, "record-refused")
    # The piece before still plays, up to where the changed one would be; what comes after is found again.
    _line(broken, track[0]).get_by_role("button", name="Play from here").click()
    comes_to(broken, 4.2, "#shown video")

    # The program itself is damaged, and does not run.
    script = folder / "viewer.js"
    script.write_text(script.read_text("utf-8").replace("(() => {", "(() = {", 1), "utf-8")
    chromium_page.allow("SyntaxError|Unexpected|Malformed|Invalid")
    for name, said in (("index.html", "尚未核验"), ("index.en.html", "Not checked yet")):
        dead = chromium_page(f"file://{folder}/{name}", size=(390, 844))
        dead.wait_for_timeout(300)
        expect(dead.locator("#verdict")).to_contain_text(said)
        expect(dead.locator("#verdict")).not_to_have_attribute("data-state", re.compile("."))
        looks(dead, f"record-damaged-program-{name.removesuffix('.html')}")


def _of(entries: list[Entry], station: str) -> list[Entry]:
    return [entry for entry in entries if entry.data["station"] == station]


def _take_small(
    review: Reviewing,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A small copy by the command says what it leaves out; a supervisor's has no voices that he may not hear."""
    monkeypatch.setenv("BIGLOOP_DATA", str(review.app.state.shell.settings.data))
    command = ["record", review.session_id, str(folder), "--without-pictures"]
    assert main(command) == 0
    assert not (folder / "media").exists()
    assert "未附于本份" in capsys.readouterr().out
    report = verify(folder, [review.office.log.verifier], {}, judges())
    assert [step.number for step in report.failed] == []
    assert main(command) == 1
    assert "已存在" in capsys.readouterr().err
    for wanted in (True, False):
        scope = supervisors_scope(review.office, review.session_id, with_pictures=wanted)
        assert scope == Scope(pictures=wanted, voices=False)


def _line(page: Page, entry: Entry) -> Locator:
    """The entry's line in the record's page."""
    return page.locator("#entries li", has=page.locator(f".who:text-matches('^{entry.seq} ')"))


def test_members_speak_with_each_other_and_nobody_else_hears(
    chromium_page: Pages, review: Reviewing
) -> None:
    """Rule witness.supervisor_hears_voices (proposal)."""
    path = f"/expert/sessions/{review.session_id}/voice"
    pages = [sign_in(chromium_page, review.url, who, path) for who in ("expert", "second")]
    for page in pages:
        page.get_by_role("button", name="接入通话").click()
        expect(page.get_by_role("button", name="我的话筒")).to_have_attribute(
            "aria-pressed", "true"
        )
    for page, other in zip(pages, reversed(review.members[:2]), strict=True):
        heard = page.locator(f"[data-seat='{other.seat_code}']")
        expect(heard).to_have_attribute("data-state", "playing")
        comes_to(page, 1, "audio")
    looks(pages[0], "expert-voice")
    segments = [e for e in _told(review, "media_digest") if e.data["what"] == "VOICE"]
    assert {entry.data["station"] for entry in segments} == {
        f"voice-{member.seat_code}" for member in review.members[:2]
    }
    chromium_page.allow("403|WebSocket")
    supervisor = sign_in(chromium_page, review.url, "supervisor")
    seat = review.members[0].seat_code
    live = f"/live/sessions/{review.session_id}/media/voice-{seat}/voice"
    refused = supervisor.evaluate(
        """path => new Promise(done => {
            const socket = new WebSocket(`ws://${location.host}${path}`);
            socket.onopen = () => done("open");
            socket.onerror = () => done("refused");
        })""",
        live,
    )
    assert refused == "refused"
    supervisor.goto(f"{review.url}/supervisor/sessions/{review.session_id}")
    expect(supervisor.locator(".verified")).to_have_attribute("data-state", "whole")
    assert supervisor.locator("[data-stills] li", has_text="voice-").count() == 0
    stranger = sign_in(chromium_page, review.url, "stranger")
    answer = stranger.goto(review.url + path)
    assert answer is not None
    assert answer.status == 403


def test_security_video_is_held_and_ends_in_its_time(
    chromium_page: Pages, review: Reviewing
) -> None:
    """Rule `media.security_days`: what a supervisor holds stays beyond its days, and says so; once he no longer does
    it goes, and its digest stays."""
    _film_a_corridor(review)
    page = sign_in(
        chromium_page, review.url, "supervisor", f"/supervisor/sessions/{review.session_id}"
    )
    kept = page.locator("section", has=page.locator("#kept"))
    before = int(kept.inner_text().split("场地监控")[1].split(" 份")[0])
    page.get_by_label("理由").fill("有投诉待查(示例)")
    page.get_by_role("button", name="保全监控录像,不得删除").click()
    expect(page.locator(".alert-success")).to_contain_text("已决定保全")
    expect(kept).to_contain_text("保全决定人")
    looks(page, "supervisor-held")
    clock = review.office.clock
    clock.move_to(clock.now() + timedelta(days=91))  # type: ignore[attr-defined]
    _discard(review)
    page.reload()
    expect(kept).to_contain_text(f"{before} 份")
    page.get_by_label("理由").fill("投诉已处理(示例)")
    page.get_by_role("button", name="解除保全").click()
    expect(page.locator(".alert-success")).to_contain_text("已解除保全")
    _discard(review)
    page.reload()
    expect(kept).to_contain_text(f"到期已删除 {before} 份")
    expect(page.get_by_role("button", name="保全监控录像,不得删除")).to_have_count(0)


def _film_a_corridor(review: Reviewing) -> None:
    venue, content = review.session.centre_id, b"a segment of security video"
    device, staff = Device("corridor", review.session_id), people.staff(venue)
    bound = {"station": device.name, "algorithm": "P-256", "key": device.public, "every": 5}
    told = {"track": "cam", "n": 0, "bytes": len(content), "duration_ms": 2000, "what": "CAMERA"}
    digest = {"sha256": sha256(content), "begins_at": "2026-10-21T01:00:00.000Z"}
    report = device.report(review.office.clock.now(), "media_digest", **told, **digest)
    with review.office.write() as tx:
        stations.bind_station(tx, staff, review.session_id, venue=venue, use=Use.SECURITY, **bound)  # type: ignore[arg-type]
    with review.office.write() as tx:
        stations.take_reports(tx, staff, review.session_id, device.name, [report])
    name = media.Name(review.session_id, device.name, "cam")
    media.keep(review.office, name, Form.SEGMENT, content)


def _discard(review: Reviewing) -> None:
    """The deleting task, as the worker runs it."""
    write = discard_task(lambda db, lot: False)(review.office, {"session": review.session_id})
    with review.office.write() as tx:
        write(tx)
