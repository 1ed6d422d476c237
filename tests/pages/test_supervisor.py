"""A supervisor's day: the wall, one session whose events arrive verified, a remark, a tampered record,
a night's steps, and every draw with its proof."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Page, WebSocketRoute, expect

from api.demo import people
from api.demo.province import Province
from api.flows import drawing, fair, seating, watch
from api.flows import review as flow
from api.flows.names import FAIRNESS_TASK
from api.flows.places import names as names_of_places
from api.identity import service as identity
from archive.actor import Actor, Role
from archive.clock import SHANGHAI
from archive.errors import Refusal
from archive.journal import service as journal
from archive.tasks.service import Worker
from evaluation.seating import service as planned
from evaluation.session import commands as c
from evaluation.session.state import Cause, PauseKind, Stage, Standing
from evaluation.sheets import service as sheets
from evaluation.stations.slots import slot_at
from evaluation.witness.alarms import Alarm, AlarmKey, Change, Severity, State
from evaluation.witness.keeping import service as keeping
from experts.draws import service as draws
from experts.draws.request import State as DrawState
from experts.draws.service import Draw
from experts.invitations.unsealing import service as unsealing
from tests.pages.looks import looks, sign_in, violations
from tests.pages.reviewing import Reviewing, open_account, reviewing
from tests.support.browser import Pages
from tests.support.playing import DAY, SEED
from trading.opening import service as opening

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def review(run_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reviewing]:
    with reviewing(run_folder, tmp_path_factory.mktemp("review")) as made:
        yield made


def test_events_arrive_verified_and_a_remark_stands_on_the_record(
    chromium_page: Pages, review: Reviewing
) -> None:
    page = sign_in(chromium_page, review.url, "supervisor", "/supervisor/wall")
    expect(page.locator(".tile")).to_have_count(1)
    looks(page, "supervisor-wall")
    page.get_by_role("button", name="全屏深色").click()
    expect(page.locator("body.is-dark")).to_have_count(1)
    expect(page.locator("html:fullscreen")).to_have_count(1)
    assert violations(page) == []
    page.get_by_role("button", name="全屏深色").click()
    expect(page.locator("body.is-dark")).to_have_count(0)
    expect(page.locator("html:fullscreen")).to_have_count(0)
    page.evaluate("document.body.classList.add('is-dark')")
    looks(page, "supervisor-wall-dark")
    page.goto(f"{review.url}/supervisor/sessions/{review.session_id}")
    verified = page.locator(".verified")
    size = _size(review)
    expect(verified).to_contain_text(f"已核验 {size} 条")
    acted = page.locator(".events .who").all_text_contents()
    assert any("评委" in who for who in acted)
    assert any(who.startswith("中心工作人员 · ") for who in acted)
    assert not any("expert-" in who or "staff-" in who for who in acted), acted
    key = AlarmKey(Alarm.CAMERA_LOST, review.session.centre_id)
    with review.office.write() as tx:
        lease = keeping.take(tx, review.session_id, "test", tx.now)
        assert lease is not None
        keeping.record_change(tx, lease, Change(key, State.RAISED, Severity.GRAVE))
    expect(page.locator(".events li").first).to_contain_text("摄像中断")
    expect(verified).to_contain_text(f"已核验 {size + 1} 条")
    page.get_by_label("备注内容").fill("现场秩序良好,<b>继续</b>评审。")
    page.get_by_role("button", name="记入现场").click()
    expect(page.locator(".alert-success")).to_contain_text("备注已记入")
    expect(page.locator(".events blockquote")).to_have_text("现场秩序良好,<b>继续</b>评审。")
    expect(verified).to_contain_text(f"已核验 {size + 2} 条")
    page.get_by_role("combobox", name="指令").select_option("SILENCE")
    page.get_by_role("button", name="下达指令").click()
    expect(page.locator(".events li").first).to_contain_text("停止交谈")
    expect(verified).to_have_attribute("data-state", "whole")
    looks(page, "supervisor-session")
    page.goto(review.url + "/supervisor/wall")
    expect(page.locator(".tile.is-urgent")).to_contain_text("摄像中断")
    expect(page.locator(".tile .last")).to_contain_text("停止交谈")


def _size(review: Reviewing) -> int:
    with review.office.read() as db:
        return journal.sizes(db, [f"session/{review.session_id}"])[f"session/{review.session_id}"]


@pytest.mark.parametrize("what", ["body", "checkpoint"])
def test_a_tampered_record_is_shown_as_broken(
    chromium_page: Pages, review: Reviewing, what: str
) -> None:
    page = sign_in(chromium_page, review.url, "supervisor")
    _tamper(page, what)
    page.goto(f"{review.url}/supervisor/sessions/{review.session_id}")
    verified = page.locator(".verified")
    expect(verified).to_have_attribute("data-state", "broken")
    expect(verified).to_contain_text("校验不一致")
    assert page.locator(".events li.is-broken").count() == 1


def _tamper(page: Page, what: str) -> None:
    """Change one entry that nobody may change, or the root of the checkpoint, on the way."""

    def change(text: str) -> str:
        frame = json.loads(text)
        if what == "body" and frame.get("seq") == 3:
            frame["body"] = frame["body"].replace('"seq":3', '"seq":3 ')
        elif what == "checkpoint" and frame["frame"] == "mark":
            lines = frame["checkpoint"].split("\n")
            lines[2] = ("A" if lines[2][0] != "A" else "B") + lines[2][1:]
            frame["checkpoint"] = "\n".join(lines)
        return json.dumps(frame)

    def handle(route: WebSocketRoute) -> None:
        server = route.connect_to_server()
        server.on_message(lambda text: route.send(change(str(text))))

    page.route_web_socket("**/live/sessions/*", handle)


def test_a_busy_server_names_a_time_and_the_page_keeps_it(
    chromium_page: Pages, review: Reviewing
) -> None:
    page = sign_in(chromium_page, review.url, "supervisor")
    page.add_init_script("Math.random = () => 0.99")  # left to itself it would come after 2 s
    came: list[float] = []

    def handle(route: WebSocketRoute) -> None:
        came.append(time.monotonic())
        if len(came) == 1:
            route.close(code=1013, reason="busy; retry=0.4")
        else:
            route.connect_to_server()

    page.route_web_socket("**/live/sessions/*", handle)
    page.goto(f"{review.url}/supervisor/sessions/{review.session_id}")
    expect(page.locator(".verified")).to_have_attribute("data-state", "whole")
    assert 0.4 <= came[1] - came[0] < 1.5


def test_a_night_approved_and_its_seals_witnessed(chromium_page: Pages, review: Reviewing) -> None:
    page = sign_in(
        chromium_page, review.url, "supervisor", f"/supervisor/sessions/{review.session_id}"
    )
    sitting = review.session.state.sitting
    for member in sitting:
        _draft(review, member.expert_id)
        review.do(people.member(member.expert_id), c.AskForTime(member.expert_id))
    review.do(review.staff, c.RequestPause(PauseKind.AD_HOC, "workload"))
    page.get_by_role("button", name="批准休会").click()
    expect(page.locator("#stage")).to_have_text("休会已批准")
    for member in sitting:
        with review.office.read() as db:
            digest = sheets.sheet(db, review.session_id, member.expert_id).sheet.digest
        review.do(people.member(member.expert_id), c.LockSheet(member.expert_id, digest))
    expect(page.locator("#seats ~ div .is-night", has_text="已隔夜锁定")).to_have_count(
        len(sitting)
    )
    venues = review.session.state.night.venues
    for number, venue in enumerate(venues):
        review.do(people.staff(venue), c.Seal(venue, f"YN-{number:04d}", "a" * 64))
    expect(page.get_by_role("button", name="见证")).to_have_count(len(venues))
    looks(page, "supervisor-seals")
    # Who is to read the number off the seal does not find it on his page.
    open_account(review.office, "reader", Role.STAFF, centre=venues[0])
    reader = sign_in(chromium_page, review.url, "reader", f"/centre/sessions/{review.session_id}")
    expect(reader.get_by_label("封条编号")).to_be_visible()
    expect(reader.locator("#nights ~ table")).not_to_contain_text("YN-")
    page.locator(".seal-form input[name=number]").first.fill("YN-9999")
    page.get_by_role("button", name="见证").first.click()
    with review.office.read() as db:
        name = names_of_places(db)[venues[0]]
    expect(page.locator("#refusal")).to_contain_text(f"封条号与场所 {name} 所报不一致")
    for number in range(len(venues)):
        page.locator(".seal-form input[name=number]").first.fill(f"YN-{number:04d}")
        page.get_by_role("button", name="见证").first.click()
        expect(page.locator(".seal-form")).to_have_count(len(venues) - number - 1)
    expect(page.locator("#stage")).to_have_text("隔夜封存")
    expect(reader.locator("#nights ~ table")).to_contain_text("YN-0000")
    assert review.session.stage is Stage.SEALED_OVERNIGHT
    page.goto(review.url + "/supervisor/wall")
    expect(page.locator(".tile")).to_contain_text("第 1 夜")
    chromium_page.allow("403|409|422")


def _draft(review: Reviewing, expert_id: str) -> None:
    bid = review.session.state.bids[0].bidder
    item = review.session.method.items[0].code
    with review.office.write() as tx:
        me = people.member(expert_id)
        sheets.save_cell(tx, me, review.session_id, expert_id, bid, item, 100)


def test_every_draw_with_its_proof(chromium_page: Pages, review: Reviewing) -> None:
    page = sign_in(chromium_page, review.url, "supervisor", "/supervisor/draws")
    with review.office.read() as db:
        count = len(watch.all_draws(db, identity_of(review)))
    proved = page.locator("tbody .badge.is-good", has_text="核验通过(12 步)")
    expect(proved).to_have_count(count)
    assert count > 0
    expect(page.get_by_role("table").nth(1)).to_contain_text("职称未达要求")
    looks(page, "supervisor-draws")
    page.locator("tbody a").first.click()
    expect(page.locator(".steps-list .is-good")).to_have_count(12)
    expect(page.get_by_text("与现场记录一致")).to_have_count(1)
    looks(page, "supervisor-draw")


def test_the_fairness_report_is_made_on_demand(chromium_page: Pages, review: Reviewing) -> None:
    draw_id = review.session.draw_id
    page = sign_in(chromium_page, review.url, "supervisor", f"/draws/{draw_id}/fairness")
    page.get_by_role("button", name="生成报告").click()
    expect(page.locator(".task")).to_contain_text("公平性报告")
    worker = Worker(review.office, {FAIRNESS_TASK: fair.MAKE}, "test")
    while worker.run_one():
        pass
    said = page.locator(".fairness")  # the page has heard of it by itself
    expect(said).to_contain_text("LEXIMIN")
    expect(said).to_contain_text("比特")
    looks(page, "draw-fairness")
    figures = page.request.get(f"{review.url}/draws/{draw_id}/fairness.json").json()
    assert figures["format"] == "bigloop.fairness.v1"
    assert 0 < figures["smallest"]["low"] <= figures["largest"]["high"] < 1
    chromium_page.allow("403")
    other = sign_in(chromium_page, review.url, "elsewhere")
    answer = other.goto(f"{review.url}/draws/{draw_id}/fairness")
    assert answer is not None
    assert answer.status == 403


def identity_of(review: Reviewing) -> Actor:
    """The supervisor as an actor."""
    with review.office.read() as db:
        found = identity.account(db, "supervisor")
    assert found is not None
    return found.actor


def test_others_are_refused(chromium_page: Pages, review: Reviewing) -> None:
    chromium_page.allow("403|404")
    other = sign_in(chromium_page, review.url, "elsewhere", "/supervisor/wall")
    expect(other.locator(".empty-state")).to_be_visible()
    for path in (f"sessions/{review.session_id}", f"draws/{review.session.draw_id}"):
        answer = other.goto(f"{review.url}/supervisor/{path}")
        assert answer is not None
        assert answer.status == 404
    page = sign_in(chromium_page, review.url, "expert")
    for path in ("wall", "draws", f"sessions/{review.session_id}"):
        answer = page.goto(f"{review.url}/supervisor/{path}")
        assert answer is not None
        assert answer.status == 403


@pytest.fixture
def awake(run_folder: Path, tmp_path: Path) -> Iterator[Reviewing]:
    """A review of its own: the other one sleeps by now, and nobody votes at night."""
    with reviewing(run_folder, tmp_path) as made:
        yield made


def test_the_members_elect_who_presides(chromium_page: Pages, awake: Reviewing) -> None:
    """评标委员会和评标方法暂行规定 第九条; 财政部令第87号 第四十五条. The chair who leaves is chair no more."""
    chromium_page.allow("422")
    path = f"/expert/sessions/{awake.session_id}"
    first = awake.session.state.chair
    page = sign_in(chromium_page, awake.url, "second", path)
    box = page.locator("section", has=page.locator("#chair"))
    expect(box).to_contain_text(first)
    chair = next(m for m in awake.session.state.sitting if m.seat_code == first)
    awake.do(awake.staff, c.RemoveMember(chair.expert_id, Cause.HEALTH))
    expect(box).to_contain_text("已有 0 人推举")  # the page has heard of it by itself
    seats = box.get_by_label("推举席位")
    offered = seats.locator("option").all_inner_texts()
    mine = awake.members[1].seat_code
    assert f"{mine}(本人)" in offered
    assert not [seat for seat in offered if seat == first or seat.startswith("R")]
    box.get_by_role("button", name="推举").click()
    expect(box.locator(".invalid-feedback")).to_be_visible()  # nobody was named
    looks(page, "expert-chair")
    seats.focus()  # as whoever chooses by hand: nothing is swapped under it
    seats.select_option(mine)
    box.get_by_role("button", name="推举").click()
    expect(box).to_contain_text(f"您推举了 {mine} 席")
    expect(seats).to_have_value(mine)
    for member in awake.session.state.sitting:
        if member.standing is Standing.SITTING and not awake.session.state.chair:
            vote = c.VoteChair(member.expert_id, mine)
            if member.seat_code != mine:
                awake.do(people.member(member.expert_id), vote)
    expect(box).to_contain_text("您被推举为组长")
    looks(page, "expert-chair-elected")


def test_a_review_is_declared_void_and_another_committee_drawn(
    chromium_page: Pages, review: Reviewing
) -> None:
    """招标投标法实施条例 第四十八、八十一条; 财政部令第87号 第六十七条. The last test of this world."""
    old = review.session
    page = sign_in(chromium_page, review.url, "supervisor", f"/supervisor/sessions/{old.id}")
    page.get_by_label("事由").select_option("EXHAUSTED")
    looks(page, "supervisor-void")
    page.get_by_role("button", name="宣布无效").click()
    expect(page.locator("#stage")).to_have_text("已作废")
    with review.office.read() as db:
        last = max((max(seat.slots) for seat in planned.seats_of(db, old.draw_id)), default=0)
    assert last <= slot_at(review.office.clock.now())
    open_account(review.office, "clerk", Role.STAFF, centre=old.centre_id)
    desk = sign_in(chromium_page, review.url, "clerk", f"/centre/lots/{old.lot_id}/draw")
    expect(desk.locator("#outlook-now")).to_contain_text("请先填写重新评标时间")
    now = review.office.clock.now().astimezone(SHANGHAI)
    desk.get_by_label("重新评标时间").fill(f"{now + timedelta(hours=20):%Y-%m-%dT%H:%M}")
    desk.get_by_label("按地区加权,使各地专家机会均等").check()
    expect(desk.locator("#outlook-now .verdict")).to_contain_text("可以抽取")
    desk.locator("summary", has_text="公开数值").click()
    desk.get_by_label("来源").fill("示例指数收盘点位")
    desk.get_by_label("公布时刻").fill(f"{now + timedelta(hours=2):%Y-%m-%dT%H:%M}")
    looks(desk, "centre-draw-anew")
    desk.get_by_role("button", name="申请抽取").click()
    expect(desk.locator(".alert-success")).to_contain_text("抽取申请已登记")
    expect(desk.get_by_role("button", name="登记数值")).to_be_visible()
    with review.office.read() as db:
        draw = drawing.current(db, old.lot_id)
        asked = draws.audit_transcript(db, draw.id)
        bidders = opening.proven_bidders(db, old.lot_id)
        void = draws.draw(db, old.draw_id)
    assert (void.state, draw.state) == (DrawState.VOIDED, DrawState.REQUESTED)
    assert void.transcript_sha256
    assert asked["request"]["replaces"] == old.draw_id
    assert asked["request"]["public_value"]["source"] == "示例指数收盘点位"
    assert asked["request"]["weights"]
    known = asked["audit"]["context"]
    assert {m.expert_id for m in review.members} <= set(known["voided"])
    assert {uscc for side, uscc in known["parties"] if side == "BIDDER"} == set(bidders)
    review.office.clock.move_to(review.office.clock.now() + timedelta(hours=3))  # type: ignore[attr-defined]
    _seat_and_schedule(review, draw)
    again = review.session_of(old.lot_id)
    assert again.id == draw.id
    assert again.state.bids


def _seat_and_schedule(review: Reviewing, draw: Draw) -> None:
    """Value, trustees, calls, stations, names, and the session: each by whose it is."""
    host = people.staff(draw.centre_id)
    watch_by = identity_of(review)
    with review.office.write() as tx:
        draws.give_public_value(tx, host, draw.id, "3021.55")
        asked = draws.asking_of(tx.db, draw.id)
        for trustee in Province(SEED, DAY).trustees:
            proof = trustee.answer(asked.request_hash, asked.number, asked.public_value)
            draws.give_output(tx, draw.id, trustee.id, proof)
    for _ in range(9):
        with review.office.write() as tx:
            if draws.draw(tx.db, draw.id).state is DrawState.SEATED:
                break
            for one in draws.invited(tx.db, draw.id):
                by = people.member(one.expert_id)
                try:
                    draws.answer(tx, by, draw.id, one.expert_id, True)
                except Refusal:  # sits in another session of this world within a day
                    draws.answer(tx, by, draw.id, one.expert_id, False)
            draws.settle(tx, host, draw.id)
    with review.office.write() as tx:
        assert seating.reseat(tx, host, draw.lot_id) == ()
        unsealing.seal_list(tx, draw.id, review.custodian)
    review.office.clock.move_to(draw.evaluation_at)  # type: ignore[attr-defined]
    with review.office.write() as tx:
        unsealing.ask(tx, host, draw.id)
        unsealing.consent(tx, watch_by, draw.id, review.custodian)
        session = flow.schedule(tx, host, draw.lot_id, ())
        flow.enter_bids(tx, host, session)
