"""From the opening to the dossier: bids, names, the session, the result."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from api.flows import drawing
from archive.actor import Role
from archive.journal import service as journal
from evaluation.session import service as sessions
from experts.draws import service as draws
from experts.pool import service as pool
from tests.pages.centre.house import (
    LIVE_MS,
    House,
    at,
    press,
)
from tests.pages.looks import looks, sign_in
from tests.support.browser import Pages


def open_bids(page: Page, house: House) -> None:
    """The opening begins by itself; the halves come in while the host watches."""
    lot = house.lot
    page.goto(f"{house.url}/centre/lots/{lot}/opening")
    assert not any(f"滇示例{n}" in page.content() for n in house.halves)
    press(page, "开始开标")
    expect(page.locator("#refusal")).to_be_visible()  # before its hour
    house.now(at(11, 11, 9))
    house.work()
    page.goto(f"{house.url}/centre/lots/{lot}/opening")
    first, *others = house.halves
    house.hand_in(lot, first)
    expect(page.get_by_text("已解密 1 家,共 3 家。")).to_be_visible(timeout=LIVE_MS)
    press(page, "唱标")
    expect(page.locator("#refusal")).to_be_visible()  # their time is not over
    for uscc in others:
        house.hand_in(lot, uscc)
    press(page, "唱标")
    page.get_by_role("heading", name="唱标结果").wait_for()
    looks(page, "centre-opening")
    house.seat_all(lot)


def unseal(chromium_page: Pages, page: Page, house: House) -> None:
    """Staff ask and the supervisor consents, each at his own screen; before that there are seat codes
    only, and each look is told on the lot's story."""
    house.now(at(11, 11, 10, 45))
    house.work()
    with house.office.read() as db:
        draw_id = drawing.current(db, house.lot).id
        committee = draws.committee(db, draw_id)
        names = {pool.expert(db, member.expert_id).name for member in committee}
    page.goto(f"{house.url}/centre/lots/{house.lot}/session")
    press(page, "安排评标会")
    expect(page.locator("#refusal")).to_contain_text("名单仍在密封中")
    page.get_by_role("link", name="拆封名单").click()
    expect(page.locator(".page-head .badge")).to_have_text("密封中")
    for member in committee:
        expect(page.get_by_text(member.seat_code, exact=True)).to_be_visible()
    shown = page.content()
    assert not any(name in shown for name in names)
    looks(page, "names-sealed")
    press(page, "申请拆封")
    expect(page.get_by_text("已申请,等待行政监督人员同意。")).to_be_visible()
    path = f"/supervisor/draws/{draw_id}/names"
    other = sign_in(chromium_page, house.url, "watch", path)
    house.account("province", Role.SUPERVISOR)
    province = sign_in(chromium_page, house.url, "province", path)
    expect(province.get_by_text("由该项目的行政监督部门同意拆封")).to_be_visible()
    expect(province.get_by_role("button", name="同意拆封")).to_have_count(0)
    press(other, "同意拆封")
    expect(other.locator(".page-head .badge")).to_have_text("已拆封")
    shown = other.content()
    assert not any(name in shown for name in names)
    page.reload()
    press(page, "查看名单")
    for name in names:
        expect(page.locator("#names")).to_contain_text(name)
    looks(page, "names-opened")
    with house.office.read() as db:
        looked = [e for e in journal.entries(db, f"draw/{draw_id}") if "names:viewed" in e.action]
    assert [entry.actor for entry in looked] == ["staff"]


def hold_session(page: Page, house: House) -> None:
    page.goto(f"{house.url}/centre/lots/{house.lot}/session")
    looks(page, "centre-lot-session")
    press(page, "安排评标会")
    page.wait_for_url("**/centre/sessions/*")
    session_id = page.url.rpartition("/")[2]
    press(page, "开始签到")
    press(page, "导入开标记录")
    with house.office.read() as db:
        sitting = sessions.session(db, session_id).state.sitting
    here = next((m for m in sitting if m.centre_id == house.centre), None)
    house.arrive(session_id, here.seat_code if here else "")
    if here:
        page.locator("#f-member").select_option(here.expert_id)
        page.locator("#f-code").fill("A-0001")
        press(page, "签到")
        page.locator(".alert-success").wait_for()
        house.sign_recusal(session_id, here.expert_id)
    press(page, "开始评审")
    expect(page.locator(".page-head .badge")).to_have_text("评审中")
    page.locator("#f-kind").select_option("PLANNED")
    press(page, "申请休会")
    expect(page.locator("#refusal")).to_be_visible()  # no night was planned
    looks(page, "centre-session")
    house.score(session_id)
    page.goto(f"{house.url}/centre/sessions/{session_id}")
    press(page, "生成评标报告")
    page.locator(".alert-success").wait_for()
    house.sign(session_id)
    expect(page.get_by_role("button", name="结束评标会")).to_be_visible(timeout=LIVE_MS)
    press(page, "结束评标会")
    expect(page.locator(".page-head .badge")).to_have_text("已结束")


def conclude(page: Page, house: House) -> None:
    lot = house.lot
    house.now(at(11, 12, 9))
    page.goto(f"{house.url}/centre/lots/{lot}/result")
    press(page, "公示中标候选人")
    page.get_by_role("heading", name="中标候选人", exact=True).wait_for()
    house.award_and_sign(lot)
    page.goto(f"{house.url}/centre/lots/{lot}/result")
    press(page, "封卷归档")
    page.locator(".task").wait_for()
    house.work()
    expect(page.get_by_text("bigloop verify")).to_be_visible(timeout=LIVE_MS)
    expect(page.locator(".page-head .badge")).to_have_text("已归档")
    looks(page, "centre-result")
    assert page.locator(".documents a").count() > 10
