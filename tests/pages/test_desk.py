"""The witness desk: a watch begun, signed, handed over; alarms answered; the record taken along and
read offline; the month's bulletin."""

from __future__ import annotations

import base64
import io
import json
import re
import zipfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from playwright.sync_api import Page, expect

from api import hub
from api.commands.verify import judges
from api.demo import people
from api.identity import service as identity
from api.identity.accounts import Account
from api.outside_witness import ask
from api.outsiders import Outside
from api.pages.entry_words import told
from archive.actor import SYSTEM, Role
from archive.add_checkpoint import Cosigned
from archive.clock import SystemClock
from archive.cosignature import Cosigner, cosign
from archive.digests import sha256
from archive.journal import service as journal
from archive.verification.report import Verdict
from archive.verify import verify
from archive.words import Language
from evaluation.session import commands as c
from evaluation.session.state import PauseKind, SealFinding, Stage
from evaluation.sheets import service as sheets
from evaluation.witness import service as witness
from evaluation.witness.desk.service import desk_of
from evaluation.witness.events import KINDS
from evaluation.witness.keeping import service as keeping
from experts.draws import service as draws
from tests.api.test_entry_words import examples
from tests.pages.looks import looks, sign_in
from tests.pages.reviewing import PASSWORD, Reviewing, open_account, reviewing
from tests.support import outsider
from tests.support.browser import Pages


@pytest.fixture(scope="module")
def sealed(run_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reviewing]:
    """A session sealed for the night, and a second witness."""
    with reviewing(run_folder, tmp_path_factory.mktemp("night")) as review:
        with review.office.write() as tx:
            relief = Account("relief", frozenset({Role.SUPERVISOR}))
            identity.create_account(tx, SYSTEM, relief, PASSWORD)
        open_account(review.office, "clerk", Role.STAFF, centre=review.session.centre_id)
        _seal(review)
        yield review


def _seal(review: Reviewing) -> None:
    state = review.session.state
    pause = PauseKind.PLANNED if state.is_overnight_planned else PauseKind.AD_HOC
    bidder, item = state.bids[0].bidder, review.session.method.items[0].code
    if pause is PauseKind.AD_HOC:
        for member in state.sitting:
            review.do(people.member(member.expert_id), c.AskForTime(member.expert_id))
    review.do(review.staff, c.RequestPause(pause, "workload"))
    with review.office.read() as db:
        from trading.projects import service as projects

        watch = people.supervisor(projects.lot(db, review.session.lot_id).supervisor_uscc)
    review.do(watch, c.ApprovePause())
    for member in state.sitting:
        own = people.member(member.expert_id)
        with review.office.write() as tx:
            sheets.save_cell(tx, own, review.session_id, member.expert_id, bidder, item, 500)
        with review.office.read() as db:
            digest = sheets.sheet(db, review.session_id, member.expert_id).sheet.digest
        review.do(own, c.LockSheet(member.expert_id, digest))
    for venue in review.session.state.night.venues:
        review.do(people.staff(venue), c.Seal(venue, f"YN-{venue}", "a" * 64))
        review.do(people.staff(venue, 2), c.WitnessSeal(venue, f"YN-{venue}"))
    assert review.session.stage is Stage.SEALED_OVERNIGHT


def _keep(review: Reviewing) -> None:
    """One round of the keeper."""
    with review.office.write() as tx:
        lease = keeping.take(tx, review.session_id, "test", tx.now)
        assert lease is not None
        keeping.keep(tx, lease, keeping.begin(tx.db, review.session_id), tx.now)


def _desk(chromium_page: Pages, review: Reviewing, who: str) -> Page:
    page = sign_in(chromium_page, review.url, who)
    page.goto(f"{review.url}/supervisor/sessions/{review.session_id}/desk")
    expect(page.locator(".verified")).to_have_attribute("data-state", "whole")
    return page


def test_a_watch_is_begun_signed_and_handed_over(chromium_page: Pages, sealed: Reviewing) -> None:
    """The signatures are made by the browsers' own cryptography, with keys that stay there."""
    first = _desk(chromium_page, sealed, "supervisor")
    expect(first.locator("#duty ~ dl")).to_contain_text("无人当班")
    first.get_by_role("button", name="到岗").click()
    expect(first.locator(".alert-success")).to_contain_text("已到岗")
    first.get_by_role("button", name="副署最新检查点").click()
    expect(first.locator(".alert-success")).to_contain_text("已副署")
    looks(first, "supervisor-desk")
    chromium_page.allow("status of 422")
    for who in ("nobody", "elsewhere", "clerk"):  # who cannot open this desk is not waited for
        first.get_by_label("交班给").fill(who)
        first.get_by_role("button", name="请求交班").click()
        expect(first.locator("#refusal")).to_contain_text(f"没有可以见证的账号“{who}”")
    first.get_by_label("交班给").fill("relief")
    first.get_by_role("button", name="请求交班").click()
    expect(first.locator(".alert-success")).to_contain_text("已请求交班")
    second = _desk(chromium_page, sealed, "relief")
    wall = sign_in(chromium_page, sealed.url, "supervisor", "/supervisor/wall")
    newest = wall.locator(".tile .last")
    expect(newest).to_contain_text(re.compile(r"行政监督 · \d 请求交班给 行政监督 · \d,"))
    # Colleagues who are alike are told apart where an account has to be named.
    second.get_by_role("button", name=re.compile(r"接 行政监督 · \d \(supervisor\) 的班")).click()
    expect(second.locator(".alert-success")).to_contain_text("已接班")
    on_duty = second.locator("#duty ~ dl")
    expect(on_duty).to_contain_text(re.compile(r"行政监督 · \d \(relief\)"))
    with sealed.office.read() as db:
        desk = desk_of(db, sealed.session_id)
    assert desk.on_duty.keys() == {"relief"}
    assert desk.handovers == 1
    assert len(set(desk.keys.values())) == 2


def test_an_alarm_is_answered(chromium_page: Pages, sealed: Reviewing) -> None:
    venue = sealed.session.centre_id
    call = {"what": "OUTSIDE_CONTACT", "venue": venue}
    with sealed.office.write() as tx:
        witness.record_event(tx, sealed.staff, sealed.session_id, "call", call)
    _keep(sealed)
    page = _desk(chromium_page, sealed, "relief")
    alarm = page.locator('[data-alarm="OUTSIDE_CONTACT"]')
    expect(alarm).to_contain_text("与外界联系")
    newest = page.locator(".events li").first
    expect(newest).to_contain_text("告警提出:与外界联系")
    expect(newest).to_contain_text("系统")
    alarm.get_by_role("textbox").fill("已核实,系送餐人员")
    alarm.get_by_role("button", name="确认").click()
    expect(page.locator(".alert-success")).to_contain_text("告警已确认")
    expect(alarm).to_contain_text(re.compile(r"行政监督 · \d \(relief\) 已确认"))
    here = sign_in(chromium_page, sealed.url, "clerk", f"/centre/sessions/{sealed.session_id}")
    answered = here.locator("#alarms ~ ul li")
    expect(answered).to_contain_text(re.compile(r"行政监督 · \d 已确认"))
    _keep(sealed)
    expect(alarm).to_have_count(0)
    expect(newest).to_contain_text("告警解除:与外界联系")


def test_that_nobody_keeps_the_watch_cannot_be_overlooked(
    chromium_page: Pages, sealed: Reviewing, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No process keeps it here, as where the disk is full: the page says so, and the wall, until one does."""
    monkeypatch.setattr(hub, "HEED_SECONDS", 0.3)
    page = _desk(chromium_page, sealed, "supervisor")
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("秒无人记录告警和检查点")
    looks(page, "supervisor-unkept")
    wall = sign_in(chromium_page, sealed.url, "relief", "/supervisor/wall")
    expect(wall.locator("[data-unkept]")).to_have_text("无人值守记录")
    with sealed.office.write() as tx:
        assert keeping.take(tx, sealed.session_id, "test", SystemClock().now()) is not None
    expect(alert).to_be_hidden()
    wall.reload()
    expect(wall.locator("[data-unkept]")).to_have_count(0)


def test_the_roster(chromium_page: Pages, sealed: Reviewing) -> None:
    page = _desk(chromium_page, sealed, "supervisor")
    now = sealed.office.clock.now() + timedelta(hours=8)
    page.get_by_label("见证人账号").fill("relief")
    page.get_by_label("开始").fill(f"{now:%Y-%m-%dT%H:%M}")
    page.get_by_label("结束").fill(f"{now + timedelta(hours=2):%Y-%m-%dT%H:%M}")
    page.get_by_role("button", name="列入班次").click()
    expect(page.locator(".alert-success")).to_contain_text("班次已列入")
    expect(page.locator("#roster ~ .table-responsive tbody tr")).to_have_count(1)
    page.get_by_label("结束").fill(f"{now:%Y-%m-%dT%H:%M}")
    page.get_by_label("开始").fill(f"{now:%Y-%m-%dT%H:%M}")
    page.get_by_label("见证人账号").fill("relief")
    chromium_page.allow("422")
    page.get_by_role("button", name="列入班次").click()
    expect(page.locator("main")).to_contain_text("不超过 24 小时")


def test_staff_answer_an_order_and_members_confirm_their_presence(
    chromium_page: Pages, sealed: Reviewing
) -> None:
    with sealed.office.write() as tx:
        words = "请说明走廊门为何打开".encode()
        order = {
            "order": "EXPLAIN",
            "venue": sealed.session.centre_id,
            "sha256": sha256(words),
        }
        supervisor = people.supervisor("")
        witness.record_event(tx, supervisor, sealed.session_id, "order", order, words)
        there = next(m for m in sealed.members if m.centre_id != sealed.session.centre_id)
        to_seat = {"order": "STOP", "seat": there.seat_code, "sha256": sha256(words)}
        witness.record_event(tx, supervisor, sealed.session_id, "order", to_seat, words)
    with sealed.office.write() as tx:
        account = Account("host", frozenset({Role.STAFF}), centre_id=sealed.session.centre_id)
        identity.create_account(tx, SYSTEM, account, PASSWORD)
    page = sign_in(chromium_page, sealed.url, "host")
    page.goto(f"{sealed.url}/centre/sessions/{sealed.session_id}")
    expect(page.locator("#orders ~ form blockquote")).to_have_text("请说明走廊门为何打开")
    # Another venue's seat is asked: known here, answered there.
    expect(page.locator("#orders ~ p")).to_contain_text(f"{there.seat_code} · 由所涉场地答复")
    page.get_by_label("答复内容").fill("门禁例行检修")
    looks(page, "centre-session-night")
    page.get_by_role("button", name="答复").click()
    expect(page.locator(".alert-success")).to_contain_text("指令已答复")
    member = sign_in(chromium_page, sealed.url, "expert")
    member.goto(f"{sealed.url}/expert/sessions/{sealed.session_id}")
    expect(member.locator("main")).to_contain_text("评审权限已收回")
    looks(member, "expert-night")
    member.get_by_role("button", name="确认本人在位").click()
    expect(member.locator(".alert-success")).to_contain_text("已确认在位")
    chromium_page.allow("403")
    answer = member.goto(f"{sealed.url}/expert/sessions/{sealed.session_id}/sheet")
    assert answer is not None
    assert answer.status == 403


def test_a_station_lost_in_the_night_is_bound_by_the_supervisor(
    chromium_page: Pages, sealed: Reviewing
) -> None:
    """Rule `witness.signed_at_source`: staff ask and read the fingerprint out, he binds it; then the page records."""
    path = f"sessions/{sealed.session_id}"
    station = sign_in(chromium_page, sealed.url, "clerk", f"/centre/{path}/station")
    expect(station.locator(".alert-info")).to_contain_text("须由监督人员绑定")
    station.get_by_label("工位编号").fill("cam-9")
    station.get_by_role("button", name="绑定工位").click()
    said, fingerprint = station.locator("[data-said]"), station.locator("[data-fingerprint]")
    expect(said).to_have_attribute("data-state", "asked")
    read_out = fingerprint.inner_text()
    looks(station, "station-asked")
    station.reload()  # the same key is waited for
    expect(fingerprint).to_have_text(read_out)
    page = sign_in(chromium_page, sealed.url, "supervisor", f"/supervisor/{path}")
    asked = page.locator('[data-asked="cam-9"]')
    expect(asked.locator("[data-fingerprint]")).to_have_text(read_out)
    looks(page, "supervisor-asked")
    asked.get_by_role("button", name="指纹一致,绑定工位").click()
    expect(page.locator(".alert-success")).to_contain_text("工位已绑定")
    expect(asked).to_have_count(0)
    camera = station.get_by_role("button", name="录制摄像头")
    expect(camera).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_role("button", name="cam-9 · 摄像头")).to_be_visible()
    with sealed.office.read() as db:
        stream = f"session/{sealed.session_id}"
        told = [entry.action.rpartition(":")[2] for entry in journal.entries(db, stream)]
    assert told.count("station_asked") == 1
    assert "snapshot" in told[told.index("station_bound") :]


def test_a_station_is_declined_with_a_reason_and_asked_for_again(
    chromium_page: Pages, sealed: Reviewing
) -> None:
    """Rule `witness.signed_at_source`: what the fingerprint does not fit is not bound, and the venue reads why."""
    path = f"sessions/{sealed.session_id}"
    station = sign_in(chromium_page, sealed.url, "clerk", f"/centre/{path}/station")
    station.get_by_label("工位编号").fill("cam-8")
    station.get_by_role("button", name="绑定工位").click()
    said, reason = station.locator("[data-said]"), station.locator("[data-reason]")
    expect(said).to_have_attribute("data-state", "asked")
    page = sign_in(chromium_page, sealed.url, "supervisor", f"/supervisor/{path}")
    asked = page.locator('[data-asked="cam-8"]')
    asked.get_by_text("不予绑定").click()
    chromium_page.allow("422")
    asked.get_by_role("button", name="退回请求").click()
    expect(page.locator("#refusal")).to_contain_text("退回理由")
    asked.get_by_label("退回理由").fill("电话中读出的指纹与所示不一致,\n请用原设备。")
    page.get_by_label("备注内容").focus()  # the part reads itself again, and keeps what was typed
    with (
        page.expect_response(lambda answer: "/fragments/" in answer.url),
        sealed.office.write() as tx,
    ):
        call = {"what": "OUTSIDE_CONTACT", "venue": sealed.session.centre_id}
        witness.record_event(tx, sealed.staff, sealed.session_id, "call", call)
    looks(page, "supervisor-declines")
    asked.get_by_role("button", name="退回请求").click()
    expect(page.locator(".alert-success")).to_contain_text("已退回绑定请求")
    expect(asked).to_have_count(0)
    told = page.locator(".events li", has_text="绑定工位 cam-8 的请求,并说明理由").first
    expect(told.locator("blockquote")).to_contain_text("请用原设备")
    expect(said).to_have_attribute("data-state", "declined")
    expect(said).to_contain_text(re.compile(r"退回\(行政监督 · \d\)"))
    expect(reason).to_contain_text("电话中读出的指纹与所示不一致")
    looks(station, "station-declined")
    station.reload()  # what was declined is not asked for again by itself
    expect(reason).to_contain_text("请用原设备")
    station.get_by_role("button", name="再次请求绑定").click()
    expect(said).to_have_attribute("data-state", "asked")
    expect(reason).to_be_hidden()
    expect(asked).to_have_count(1)
    station.get_by_role("button", name="撤回请求").click()
    expect(said).to_have_attribute("data-state", "withdrawn")
    expect(asked).to_have_count(0)
    with sealed.office.read() as db:
        entries = journal.entries(db, f"session/{sealed.session_id}")
        kinds = [e.action.rpartition(":")[2] for e in entries if e.data.get("station") == "cam-8"]
    assert kinds == ["station_asked", "station_declined", "station_asked", "station_withdrawn"]


def test_the_desk_says_how_far_outside_witnesses_have_cosigned(
    chromium_page: Pages, sealed: Reviewing, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = sealed.office.log
    origin = f"{log.name}/session/{sealed.session_id}"
    known = {origin: [log.verifier.named(origin).vkey]}
    first, second = (outsider.OutsideWitness(f"{name}.example/w", known) for name in ("uni", "bar"))
    shell = sealed.app.state.shell
    both = f"{first.vkey} http://127.0.0.1:1, {second.vkey} http://127.0.0.1:1"
    settings = shell.settings.model_copy(update={"outside_witnesses": both})
    monkeypatch.setattr(shell, "settings", settings)
    with first.serving() as url:
        answer = ask(sealed.office, sealed.session_id, Outside(Cosigner.parse(first.vkey), url))
    assert isinstance(answer, Cosigned)
    page = _desk(chromium_page, sealed, "relief")
    size, _ = first.latest[origin]
    heard, silent = (page.locator(f'[data-outside="{one.name}"]') for one in (first, second))
    expect(heard).to_contain_text(f"至第 {size} 条 · ")
    expect(silent).to_contain_text("尚无")
    looks(page, "supervisor-desk-outside")


def _cosign_beyond_the_calendar(held: dict[str, str]) -> None:
    """An outside witness whose clock says anything signs the head (tlog-cosignature: up to 2^63 - 1): no fault of
    the record."""
    note = base64.b64decode(held["checkpoint"]).decode()
    text, name = note.partition("\n\n")[0] + "\n", "far.example/w"
    key = Ed25519PrivateKey.generate()
    note += cosign(key, name, text, 2**62)
    vkey = Cosigner(name, key.public_key().public_bytes_raw()).vkey
    lines = base64.b64decode(held["policy"]).decode().splitlines()
    policy = [
        *(line for line in lines if line.startswith("log ")),
        f"witness far {vkey}",
        "quorum far",
        "",
    ]
    held["checkpoint"] = base64.b64encode(note.encode()).decode()
    held["policy"] = base64.b64encode("\n".join(policy).encode()).decode()


def test_the_record_is_taken_along_and_read_without_a_server(
    chromium_page: Pages, sealed: Reviewing, tmp_path: Path
) -> None:
    """The download verifies with ours, with an outsider's program, and with its own page, which is
    opened from the disk; one changed byte shows there too."""
    page = _desk(chromium_page, sealed, "relief")
    with sealed.office.read() as db:
        desk = desk_of(db, sealed.session_id)
    if "relief" not in desk.on_duty:
        page.get_by_role("button", name="到岗").click()
        expect(page.locator(".alert-success")).to_contain_text("已到岗")
    else:
        # On duty from another browser, where the key is: from here nothing would be accepted.
        expect(page.get_by_role("button", name="副署最新检查点")).to_be_disabled()
        page.get_by_role("button", name="改用本机密钥").click()
        expect(page.locator(".alert-success")).to_contain_text("本机密钥已登记")
    page.get_by_role("button", name="副署最新检查点").click()
    expect(page.locator(".alert-success")).to_contain_text("已副署")
    with page.expect_download() as waiting:
        page.get_by_role("link", name="下载记录(含影像)").click()
    data = Path(waiting.value.path()).read_bytes()
    zipfile.ZipFile(io.BytesIO(data)).extractall(tmp_path)
    folder = tmp_path / sealed.session_id
    entries = outsider.read_log(folder)
    actions = [json.loads(entry)["action"] for entry in entries]
    assert "evaluation:session:sealed_overnight" in actions
    key = sealed.office.log.verifier
    report = verify(folder, [key], {}, judges())
    assert [step.number for step in report.failed] == []
    # The countersignature itself is the last entry: nobody has signed for it yet.
    assert report.verdict is Verdict.INDETERMINATE
    offline = chromium_page(f"file://{folder}/index.html", size=(1366, 768))
    expect(offline.locator("#verdict")).to_have_attribute("data-state", "open")
    expect(offline.locator("#steps .is-good")).to_have_count(5)
    expect(offline.locator("#entries li")).to_have_count(len(entries))
    looks(offline, "record-viewer")
    _tells_as_we_do(offline)
    text = (folder / "record.js").read_text("utf-8")
    far = json.loads(text.partition("= ")[2].rstrip(";\n"))
    _cosign_beyond_the_calendar(far)
    (folder / "record.js").write_text(f"globalThis.BIGLOOP_RECORD = {json.dumps(far)};")
    late = chromium_page(f"file://{folder}/index.html")
    expect(late.locator("#steps .is-good")).to_have_count(6)
    expect(late.locator("#steps")).to_contain_text("far 4611686018427388000")
    late.close()
    lacking = json.loads(text.partition("= ")[2].rstrip(";\n"))
    del lacking[next(path for path in lacking if path.startswith("exhibits/"))]
    (folder / "record.js").write_text(f"globalThis.BIGLOOP_RECORD = {json.dumps(lacking)};")
    short = chromium_page(f"file://{folder}/index.html")
    expect(short.locator("#steps [data-step=exhibits]")).to_have_class("is-wrong")
    expect(short.locator("#verdict")).to_have_attribute("data-state", "invalid")
    at = text.index("tile/entries/") + 200
    changed = text[:at] + ("A" if text[at] != "A" else "B") + text[at + 1 :]
    (folder / "record.js").write_text(changed, "utf-8")
    broken = chromium_page(f"file://{folder}/index.en.html")
    expect(broken.locator("#verdict")).to_have_attribute("data-state", "invalid")


def _tells_as_we_do(page: Page) -> None:
    """The browser fills every kind of sentence as `entry_words` does."""
    entries: list[dict[str, Any]] = [
        {"action": f"evaluation:witness:{kind.name}", "data": data}
        for kind in KINDS.values()
        for data in examples(kind)
    ]
    said = page.evaluate(
        """(entries) => {
          const words = (id) => new Map([...document.querySelectorAll(`#${id} > dd`)].map((dd) => [dd.dataset.code, dd.textContent]));
          const [sentences, values] = [words("sentences"), words("values")];
          return entries.map((entry) => telling(entry, sentences, values));
        }""",
        entries,
    )
    names = dict(
        page.locator("#values > dd").evaluate_all(
            "all => all.map((dd) => [dd.dataset.code, dd.textContent])"
        )
    )
    assert said == [told(e["action"], e["data"], Language.ZH, names) for e in entries]


def test_the_bulletin_of_the_month(chromium_page: Pages, sealed: Reviewing) -> None:
    month = f"{sealed.office.clock.now() + timedelta(hours=8):%Y-%m}"
    page = sign_in(chromium_page, sealed.url, "supervisor", "/supervisor/nights")
    expect(page.locator("tbody tr")).to_have_count(1)
    expect(page.locator("main")).to_contain_text(month)
    looks(page, "supervisor-nights")
    with page.expect_download() as waiting:
        page.get_by_role("link", name="下载通报").click()
    found = json.loads(Path(waiting.value.path()).read_bytes())
    assert found["format"] == "bigloop.nights.v1"
    assert [night["number"] for night in found["nights"]] == [1]
    assert found["centres"][0]["unfinished"] == 1
    page.goto(f"{sealed.url}/supervisor/nights?month=2001-01")
    expect(page.locator("main")).to_contain_text("本月没有隔夜评标")


def _unseal_by_page(door: Page, number: str) -> None:
    """A slip of the hand is refused, for another number would end the review."""
    for typed, finding in ((f"{number}-9", "完好"), (number, "号码不同"), (number, "完好")):
        door.get_by_label("封条编号").fill(typed)
        door.locator("input[name=photo]").set_input_files(
            {"name": "seal.jpg", "mimeType": "image/jpeg", "buffer": b"picture of a seal"}
        )
        door.get_by_label("封条情况").select_option(label=finding)
        door.get_by_role("button", name="启封").click()
        if finding != "完好":
            expect(door.get_by_role("alert")).to_contain_text("与封存时登记的一致")
        elif typed != number:
            expect(door.get_by_role("alert")).to_contain_text("请再看一次封条")
            looks(door, "centre-seal-read-again")
    expect(door.locator(".alert-success")).to_contain_text("已记录")


def test_somebody_else_comes_in_the_morning(chromium_page: Pages, sealed: Reviewing) -> None:
    """招标投标法实施条例 第四十八条: another person in a member's chair is sent away, a substitute is drawn, arrives
    and is identified, and the review goes on; by the pages of the door and of the host."""
    review, draw_id = sealed, sealed.session.draw_id
    *same, other = sorted(
        review.session.state.sitting, key=lambda member: not member.is_representative
    )
    place = f"/centre/sessions/{review.session_id}"
    door = _door(chromium_page, review, other.centre_id, place)
    _unseal_by_page(door, f"YN-{other.centre_id}")
    chromium_page.allow("409")
    intact = SealFinding.INTACT
    for venue in review.session.state.night.venues:
        number = f"YN-{venue}"
        if venue != other.centre_id:
            review.do(people.staff(venue), c.Unseal(venue, number, "b" * 64, intact))
        review.do(people.staff(venue, 2), c.WitnessUnseal(venue, number, intact))
    for member in same:
        again = c.RecheckIdentity(member.expert_id, member.identity)
        review.do(people.staff(member.centre_id), again)
    door.get_by_label("席位(重新核验)").select_option(other.expert_id)
    door.get_by_label("门禁核验码(重新核验)").fill("SOMEBODY-ELSE")
    door.get_by_role("button", name="复核身份").click()
    expect(door.get_by_role("alert")).to_contain_text("来人不是该席位的成员")
    looks(door, "centre-identity-differs")
    door.close()  # its venue will have no part in the session any more
    host = _door(chromium_page, review, review.session.centre_id, place)
    expect(host.locator("#waits ~ ul")).to_contain_text(f"{other.seat_code} 须替换")
    expect(host.locator("section", has=host.locator("#leave"))).to_contain_text("身份不符")
    with review.office.write() as tx:
        first, *rest = [one.expert_id for one in draws.invited(tx.db, draw_id)]
        for expert_id in (first, *rest):
            draws.answer(tx, people.member(expert_id), draw_id, expert_id, expert_id == first)
        draws.settle(tx, review.staff, draw_id)
    host.get_by_role("button", name="请递补专家入席").click()
    expect(host.locator(".alert-success")).to_contain_text("已入席")
    review.do(people.member(first), c.ReadDiscipline(first, "d" * 64))
    joined = review.session.state.member(first)
    assert joined is not None
    door = _door(chromium_page, review, joined.centre_id, place)
    door.get_by_label("席位", exact=True).first.select_option(first)
    door.get_by_label("门禁核验码", exact=True).fill("SUBSTITUTE-1")
    door.get_by_role("button", name="签到").click()
    expect(door.locator(".alert-success")).to_contain_text("已记录")
    review.do(people.member(first), c.SignRecusal(first, False, "e" * 64))
    host.get_by_role("button", name="复会").click()
    expect(host.locator(".alert-success")).to_contain_text("已记录")
    assert review.session.stage is Stage.REVIEWING


def _door(chromium_page: Pages, review: Reviewing, centre: str, place: str) -> Page:
    """Staff of a venue at a page of the session."""
    name = f"door-{centre}"
    with review.office.read() as db:
        is_known = identity.account(db, name) is not None
    if not is_known:
        open_account(review.office, name, Role.STAFF, centre=centre)
    return sign_in(chromium_page, review.url, name, place)
