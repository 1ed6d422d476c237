"""Up to the committee: the registration, the notice, the draw and its calls."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from api.flows import drawing
from archive.actor import Role
from evaluation.seating import service as seating_service
from tests.pages.centre.house import (
    LIVE_MS,
    PDF,
    SPECIALTY,
    House,
    at,
    press,
)
from tests.pages.looks import looks


def fill_project(page: Page, house: House) -> None:
    page.locator("#f-name").fill("示例道路工程0001")
    page.locator("#f-regime").select_option("ZTB")
    page.locator("#f-kind").select_option("WORKS")
    page.locator("#f-division_code").select_option(house.centre)
    page.locator("#f-tenderer_uscc").fill("911100000000000000")
    page.locator("#f-supervisor_uscc").select_option(house.supervisor)
    page.locator("#f-government_invested").check()
    page.locator("#f-order_notice").fill("2026-10-20")
    page.locator("#f-lots-0-name").fill("示例道路工程0001施工标段")
    page.locator("#f-lots-0-estimate").fill("5000000")
    page.locator("#f-lots-0-price_ceiling").fill("4800000")
    page.locator("#f-lots-0-deposit_charged").fill("50000")
    page.locator("#f-lots-0-committee-quotas").fill(f"{SPECIALTY} 5")
    items = "T1 主观 30 施工组织设计\nC1 客观 10 同类业绩"
    page.locator("#f-lots-0-method-items").fill(items)
    page.locator("#f-lots-0-method-price-formula").select_option("LOW_PRICE")
    page.locator("#f-lots-0-method-price-max").fill("60")
    page.locator("#f-lots-0-guests").fill(" ".join(house.guests))


def register(page: Page, house: House) -> None:
    """Faults of several rooms come at once, each at its field; what was typed stays."""
    fill_project(page, house)
    press(page, "受理登记")
    page.locator("#refusal").wait_for()
    assert page.locator("#f-tenderer_uscc-fault").is_visible()
    assert page.locator("#f-fair_review-document-fault").is_visible()
    assert page.locator("#f-name").input_value() == "示例道路工程0001"
    looks(page, "centre-project")
    page.locator("#f-tenderer_uscc").fill(house.tenderer)
    page.locator("#f-fair_review-reviewer_uscc").fill(house.supervisor)
    page.locator("#f-fair_review-reviewed_on").fill("2026-10-19")
    page.locator("#f-fair_review-conclusion").select_option("FITS")
    page.locator("#f-fair_review-document").set_input_files(PDF)
    press(page, "受理登记")
    page.wait_for_url("**/notice")


def announce(page: Page, house: House) -> None:
    page.get_by_role("link", name="保证金条款核对").click()
    page.get_by_label("招标文件指定的出函机构").fill("示例银行")
    press(page, "核对并保存")
    expect(page.locator("#refusal")).to_contain_text("出函机构")
    looks(page, "centre-clause-refused")
    page.get_by_label("招标文件指定的出函机构").fill("")
    press(page, "核对并保存")
    expect(page.locator(".alert-success")).to_contain_text("保证金条款已核对")
    page.get_by_role("link", name="公告", exact=False).first.click()
    page.locator("#f-opening_at").fill("2026-11-11T09:00")
    page.locator("#f-evaluation_at").fill("2026-11-11T11:00")
    page.locator("#f-document").set_input_files(PDF)
    looks(page, "centre-notice")
    press(page, "发布公告")
    page.get_by_text("最早可开标日").wait_for()
    house.now(at(11, 9, 10))
    house.lodge(house.lot)


def draw(page: Page, house: House) -> None:
    """The outlook, the trustees' progress, the calls by rank; then the committee."""
    house.now(at(11, 10, 14, 30))
    page.goto(f"{house.url}/centre/lots/{house.lot}/draw")
    expect(page.get_by_text("✓ 可以抽取")).to_be_visible()
    eligible, near = page.locator("tbody .number").all_inner_texts()[1:3]
    assert 0 < int(near) < int(eligible)  # the guest centre is within reach of some alone
    expect(page.get_by_text("委员会专家 5 人")).to_be_visible()
    page.locator("summary", has_text="公开数值").click()
    with page.expect_response(lambda answer: "/outlook" in answer.url):
        page.get_by_label("来源").fill("示例指数")  # its moment is still to be filled in
        page.get_by_label("来源").blur()
    expect(page.get_by_text("✓ 可以抽取")).to_be_visible()
    page.get_by_label("来源").fill("")
    looks(page, "centre-draw-outlook")
    press(page, "申请抽取")
    expect(page.get_by_text("等待中")).to_have_count(5)
    expect(page.locator("dt", has_text="示例公证处")).to_be_visible()  # a trustee by his name
    with house.office.read() as db:
        draw_id = drawing.current(db, house.lot).id
    proof = house.client("watch").get(f"/supervisor/draws/{draw_id}").text
    assert "至此核验通过(8/12 步)" in proof
    assert proof.count("尚未到此步") == 4
    own = house.client("staff-2")
    story = own.get(f"/lots/{house.lot}").text
    assert (
        "候选人公示后可取" in story
    )  # what the draw keeps; every link that is there leads somewhere
    documents = re.findall(r'href="(/lots/[^"]+/documents/[0-9a-f]{64})"', story)
    assert [own.get(path).status_code for path in documents] == [200] * len(documents)
    house.trustees_answer(draw_id, 3)
    expect(page.get_by_text("等待中")).to_have_count(2, timeout=LIVE_MS)  # heard of by itself
    looks(page, "centre-draw-trustees")
    house.trustees_answer(draw_id, 2)
    page.get_by_role("heading", name="通知与答复").wait_for(timeout=LIVE_MS)
    names = {expert.name for expert in house.province.experts}
    shown = page.content()
    assert not any(name in shown for name in names)
    house.all_accept(draw_id)
    looks(page, "centre-draw")
    press(page, "结束本轮")
    expect(page.get_by_text("委员会已组成")).to_be_visible()
    house.account("away", Role.EXPERT, party=house.come_near(draw_id))


def ask_urgently(house: House) -> None:
    """A session that nobody planned for may be asked for among the seats of the day; it is shown what
    that would move, and put aside here."""
    own = house.client("staff-2")
    with house.office.read() as db:
        draw_id = drawing.current(db, house.lot).id
    form = own.get("/centre/changes").text
    assert f'value="{draw_id}"' in form
    (slot, *_) = re.findall(r'<option value="(\d+)"', form.partition('name="first"')[2])
    said = {"kind": "URGENT", "session_id": draw_id, "reason": "加急", "first": slot, "last": slot}
    asked = own.post("/centre/changes", data=said)
    assert asked.status_code == 200, asked.text
    house.work()
    shown = own.get(asked.url.path).text
    assert "新增 5 席" in shown
    fields = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', shown))
    again = own.post("/centre/changes", data=fields)  # once more, as things stand by then
    house.work()
    assert "新增 5 席" in own.get(again.url.path).text
    assert again.url.path != asked.url.path
    assert own.post(f"{again.url.path}/withdrawal").status_code == 200
    assert own.post(f"{asked.url.path}/withdrawal").status_code == 200
    with house.office.read() as db:
        assert seating_service.seats_of(db, draw_id) == ()
