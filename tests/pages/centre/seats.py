"""The day's seats: planned, gone wrong, across the border, explained, counted."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from playwright.sync_api import FilePayload, Page, expect

from api.flows import drawing
from api.flows.places import names as names_of_places
from archive.actor import Role
from evaluation.seating import service as seating_service
from evaluation.venues import service as venues
from evaluation.venues import sheet
from experts.draws import service as draws
from tests.pages.centre.house import (
    LIVE_MS,
    House,
    at,
    line,
    press,
    sign_in_again,
    start_telephony,
)
from tests.pages.looks import looks
from trading.divisions import yunnan


def plan(page: Page, house: House) -> None:
    page.goto(f"{house.url}/centre/seats")
    assert page.locator("#f-day").input_value() == "2026-11-11"  # tomorrow
    press(page, "排定工位")
    page.locator(".task").wait_for()
    house.work()
    expect(page.locator(".task .badge")).to_have_text("已完成", timeout=LIVE_MS)
    expect(page.get_by_role("heading", name="已确认的方案")).to_be_visible(timeout=LIVE_MS)
    expect(page.locator("svg .bar").first).to_be_visible()
    looks(page, "centre-seats")
    where = told_where(house)
    assert house.messages() == Counter(where.values())  # the second notice, after the first call
    assert all("2026-11-11 11:00" in text and "示例路1号" in text for _, text in where.values())
    page.goto(f"{house.url}/centre/day?day=2026-11-11")
    assert page.get_by_role("link", name="示例道路工程0001施工标段").count() == 3
    looks(page, "centre-day")


def told_where(house: House) -> dict[str, tuple[str, str]]:
    """(number, words) that each member should have been told, by the seat's name."""
    with house.office.read() as db:
        draw_id = drawing.current(db, house.lot).id
        person = {m.seat: m.expert_id for m in draws.committee(db, draw_id)}
        called = names_of_places(db)
        seats = seating_service.seats_of(db, draw_id)
        counties = {c.id: yunnan()[c.division_code].name for c in house.province.parties.centres}
    found = {}
    for seat in seats:
        county = f"({counties[seat.centre_id]})" if seat.centre_id in counties else ""
        text = (
            f"【评标专家抽取】您应邀参加的2026-11-11 11:00评标,请到{called[seat.centre_id]}{county}"
            "报到。到达方式:示例路1号,凭评标通知入场"
        )
        found[seat.expert_id] = (line(person[seat.expert_id]), text)
    return found


def go_wrong(page: Page, house: House) -> None:
    """A centre that holds a seat is lost: what changes is shown, and nothing changes before it is
    confirmed; the expert who has to move is told where."""
    with house.office.read() as db:
        draw_id = drawing.current(db, house.lot).id
        before = seating_service.seats_of(db, draw_id)
        person = {m.seat: m.expert_id for m in draws.committee(db, draw_id)}
    lost = next(seat for seat in before if seat.centre_id not in house.guests)
    house.account("guest", Role.STAFF, lost.centre_id)
    house.account("moved", Role.EXPERT, party=person[lost.expert_id])
    page = sign_in_again(page, house, "guest", "/centre/changes")
    page.get_by_label("全中心停用").check()
    page.locator("#f-first").select_option(str(lost.slots[0]))
    page.locator("#f-last").select_option(str(lost.slots[0]))
    press(page, "求取调整方案")
    expect(page.locator("#f-reason-fault")).to_be_visible()  # why is for the record
    page.locator("#f-reason").fill("停电")
    looks(page, "centre-changes")
    press(page, "求取调整方案")
    page.get_by_text("正在求改动最少的方案").wait_for()
    told = house.messages()
    house.work()
    expect(page.get_by_role("heading", name="改动的席位")).to_be_visible(timeout=LIVE_MS)
    with house.office.read() as db:
        assert seating_service.seats_of(db, lost.session_id) == before
    assert "示例道路工程" not in page.content()  # another's session: no project, no expert
    expect(page.get_by_text("须在此前确认")).to_be_visible()
    looks(page, "centre-change")
    press(page, "确认调整")
    page.get_by_text("相关人员已通知").wait_for()
    looks(page, "centre-change-confirmed")
    house.telephony.kill()
    house.work()  # nobody can be told now
    house.telephony = start_telephony(house.run_server, house.folder, house.telephony.port)
    assert house.messages() == told
    house.now(at(11, 10, 14, 32))
    for _ in range(2):
        house.work()
    where = told_where(house)
    assert house.messages() - told == Counter([where[lost.expert_id]])  # once, and nobody else
    page.goto(f"{house.url}/centre/day")
    expect(page.get_by_role("heading", name="工位调整通知")).to_be_visible()
    looks(page, "centre-day-notice")
    press(page, "知悉")
    page.get_by_text("已记为知悉").wait_for()
    expect(page.get_by_role("heading", name="工位调整通知")).to_have_count(0)
    host = house.client("staff-2").get("/centre/day").text
    assert "本中心主持的 1 个场次有变动" in host
    with house.office.read() as db:
        after = {s.expert_id: s for s in seating_service.seats_of(db, lost.session_id)}
    assert after[lost.expert_id].centre_id != lost.centre_id
    stayed = [s for s in before if s.centre_id != lost.centre_id]
    assert sum(after[s.expert_id] == s for s in stayed) == len(stayed)
    page = sign_in_again(page, house, "moved", f"/expert/sessions/{lost.session_id}")
    expect(page.get_by_text("您的工位已改到")).to_be_visible()
    looks(page, "expert-moved")
    sign_in_again(page, house, "staff", "/centre/seats")


def sit_across_the_border(page: Page, house: House) -> None:
    """A seat under an agreement: what its holder, its venue and the host see of it."""
    venue = house.guests[1]
    with house.office.read() as db:
        draw_id = drawing.current(db, house.lot).id
        assert [s.centre_id for s in seating_service.seats_of(db, draw_id)].count(venue) == 1
    sign_in_again(page, house, "away", f"/expert/sessions/{draw_id}")
    expect(page.get_by_text("外省", exact=True)).to_be_visible()
    expect(page.get_by_text("示例路1号", exact=False)).to_be_visible()
    looks(page, "expert-abroad")
    house.account("abroad", Role.STAFF, venue)
    sign_in_again(page, house, "abroad", "/centre/seats?day=2026-11-11")
    expect(page.locator("section[aria-labelledby=own] tbody tr")).to_have_count(1)
    assert "示例道路工程" not in page.content()
    looks(page, "centre-seats-abroad")
    own = house.client("abroad")
    assert "U-01" in own.get("/centre/changes").text  # its booths may be reported
    for path in ("/centre/day", "/centre/accounts", "/centre/directory", "/centre/stations"):
        assert own.get(path).status_code == 200
    assert "按协议设在外省" in house.client("staff").get("/centre/seats?day=2026-11-11").text
    sign_in_again(page, house, "staff", "/centre/seats")


def ask_why(page: Page, house: House) -> None:
    """For every seat: why here, why not there; the supervisor sees the certificate hold."""
    page.goto(f"{house.url}/centre/seats?day=2026-11-11")
    looks(page, "centre-board")
    page.get_by_role("link", name="为何这样安排").click()
    expect(page.get_by_role("link", name="为何在此")).to_have_count(5)
    page.get_by_role("link", name="为何在此").first.click()
    expect(page.locator("#why ~ .table-responsive .badge")).to_have_text("在此")
    page.locator("#centre").select_option(house.centre)  # the host's own centre
    press(page, "询问")
    expect(page.locator("#why ~ .table-responsive tbody tr").nth(1)).to_contain_text("不可")
    ids = {expert.id for expert in house.province.experts}
    shown = page.content()
    assert not any(one in shown for one in ids)
    looks(page, "centre-why")
    house.account("overseer", Role.SUPERVISOR)
    sign_in_again(page, house, "overseer", "/supervisor/plans")
    expect(page.get_by_role("heading", name="调整及确认人")).to_be_visible()
    expect(page.locator("table").last).to_contain_text("guest")
    looks(page, "supervisor-plans")
    page.locator("main tbody a").first.click()
    expect(page.get_by_text("验证通过")).to_be_visible()
    looks(page, "supervisor-plan")
    sign_in_again(page, house, "staff", "/centre/seats")


def keep_accounts(page: Page, house: House) -> None:
    """Seats given and received with their fees; the directory is tried before it is published."""
    page.goto(f"{house.url}/centre/accounts")
    expect(page.get_by_text("100% 使用了全省")).to_be_visible()
    expect(page.get_by_role("cell", name="5", exact=True).first).to_be_visible()
    expect(page.get_by_role("row", name="示例外省中心2")).to_contain_text("-1")
    looks(page, "centre-accounts")
    page.goto(f"{house.url}/centre/directory")
    with house.office.read() as db:
        own = venues.entry(db, house.centre)
    assert own is not None
    good = sheet.write([replace(own, meals="示例餐费每餐30元")])
    table: FilePayload = {"name": "目录.csv", "mimeType": "text/csv", "buffer": good + b"x,y\r\n"}
    page.locator("#f-table").set_input_files(table)
    press(page, "提交")
    expect(page.get_by_role("status").last).to_contain_text("可以发布 1 行")
    assert page.locator("tbody tr").count() > 2
    looks(page, "centre-directory-trial")
    page.goto(f"{house.url}/centre/directory")
    page.locator("#f-table").set_input_files({**table, "buffer": good})
    page.locator("#f-trial").uncheck()
    press(page, "提交")
    expect(page.get_by_text("示例餐费每餐30元").first).to_be_visible()
    looks(page, "centre-directory")
