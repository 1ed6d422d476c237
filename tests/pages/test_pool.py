"""The expert pool in the browser: its office from application to list and merger, a session assessed by
three sides, the expert's own pages, and the supervisor's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest
from playwright.sync_api import FilePayload, Page, expect
from sqlmodel import col, select

from api.app import create_app
from api.flows.avoidance import look_task
from api.flows.names import AVOIDANCE_TASK
from api.identity import service as identity
from api.identity.accounts import Account
from api.registers import service as registers
from archive import canonical
from archive.actor import SYSTEM, Role
from archive.office import Office
from archive.tasks.tables import TaskRow
from evaluation.session.state import Stage
from experts.draws import service as draws
from experts.draws.late import service as late
from experts.pool import service as pool
from experts.pool.rolls import queries as waiting_rolls
from experts.pool.rolls.roll import table_of
from experts.pool.standing import service as standing
from experts.pool.standing.machine import Amend
from experts.trustees.synthetic import SyntheticTrustee
from tests.builders import POOL_OFFICE
from tests.experts.test_roll import csv_of
from tests.experts.world import make_expert
from tests.pages.looks import looks, sign_in
from tests.support.browser import Pages
from tests.support.playing import province_at
from tests.support.servers import free_port
from tests.support.serving import served
from trading.opening import service as opening
from trading.projects import service as projects

pytestmark = pytest.mark.slow

DAY = date(2026, 10, 21)
POOL = 1500
PASSWORD = "demo-demo-demo"
REFUSED = r"status of 4(03|09|22)"


@dataclass
class House:
    """The served province after one session. Accounts: `pool`, `pool2`, `staff`, `tenderer`,
    `department`, `supervisor`, `expert` (of the seat `seat`)."""

    office: Office
    url: str
    session_id: str
    seat: str
    expert_id: str
    roll_id: str
    lot_id: str
    draw_id: str


@pytest.fixture(scope="module")
def house(run_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A province in which the first session is over, served."""
    folder = tmp_path_factory.mktemp("pool")
    with province_at(run_folder, Stage.CLOSED, folder, free_port()) as at:
        session = at.session
        member = next(m for m in session.state.sitting if not m.is_representative)
        with at.office.read() as db:
            lot = projects.lot(db, session.lot_id)
            roll_id = waiting_rolls.waiting(db)[0].id
        for account in (
            Account("pool", frozenset({Role.POOL})),
            Account("pool2", frozenset({Role.POOL})),
            Account("staff", frozenset({Role.STAFF}), centre_id=lot.centre_id),
            Account("tenderer", frozenset({Role.TENDERER}), party_id=lot.tenderer_uscc),
            Account("department", frozenset({Role.SUPERVISOR}), party_id=lot.supervisor_uscc),
            Account("supervisor", frozenset({Role.SUPERVISOR})),
            Account("expert", frozenset({Role.EXPERT}), party_id=member.expert_id),
        ):
            with at.office.write() as tx:
                identity.create_account(tx, SYSTEM, account, PASSWORD)
        with served(create_app(at.office, at.settings, at.custodian), at.settings.port) as url:
            yield House(
                at.office, url, session.id, member.seat_code, member.expert_id, roll_id,
                lot.id, session.draw_id,
            )  # fmt: skip


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def said(page: Page, text: str) -> None:
    expect(page.locator(".alert-success").first).to_contain_text(text)


def test_from_application_to_enrolment_by_two_persons(chromium_page: Pages, house: House) -> None:
    like = make_expert(500)
    chromium_page.allow(REFUSED)
    page = sign_in(chromium_page, house.url, "pool", "/pool/applications/new")
    looks(page, "pool-application")
    page.get_by_label("编号").fill("E950001")
    page.get_by_label("姓名").fill("申某9501")
    page.get_by_label("性别").select_option("男")
    page.get_by_label("出生日期").fill("1975-03-01")
    page.get_by_label("工作单位的统一社会信用代码").fill("91530000XX")
    page.get_by_label("评标专业").fill("A080104 C1210")
    page.get_by_label("职称").select_option("SENIOR")
    page.get_by_label("从业年限").fill("12")
    page.get_by_label("常住地").select_option("532901")
    press(page, "受理")
    expect(page.locator("#refusal")).to_contain_text("统一社会信用代码")
    page.get_by_label("工作单位的统一社会信用代码").fill(like.employer_uscc)
    press(page, "受理")
    said(page, "申请已受理")
    press(page, "审核通过")
    expect(page.locator("#refusal")).to_be_visible()
    second = sign_in(chromium_page, house.url, "pool2", "/pool/experts/E950001")
    press(second, "审核通过")
    said(second, "已办理")
    second.get_by_label("培训学时").fill("4")
    press(second, "登记培训合格")
    expect(second.locator("#refusal")).to_contain_text("学时")
    second.get_by_label("培训学时").fill("16")
    press(second, "登记培训合格")
    second.get_by_label("证书编号").fill("示例证-9501")
    press(second, "发证聘任")
    press(second, "入库")
    expect(second.locator(".page-head .badge")).to_have_text("在库")
    expect(second.get_by_text("可以抽取").first).to_be_visible()
    second.get_by_label("查询日期").fill("2026-10-01")
    press(second, "查询")
    expect(second.get_by_text("当日不在专家库中").first).to_be_visible()
    looks(second, "pool-expert")
    second.goto(house.url + "/pool/applications")
    looks(second, "pool-applications")
    second.goto(house.url + "/pool/experts?q=E950001")
    expect(second.locator("tbody tr")).to_have_count(1)
    looks(second, "pool-experts")


def test_a_list_with_faults_and_one_without(chromium_page: Pages, house: House) -> None:
    page = sign_in(chromium_page, house.url, "pool", f"/pool/import/{house.roll_id}")
    rows = page.locator("tbody tr")
    texts = " ".join(rows.all_inner_texts())
    assert "不是有效的统一社会信用代码" in texts
    assert "相同" in texts
    assert "可能与" in texts
    expect(page.get_by_role("button", name="全部入库")).to_have_count(0)
    looks(page, "pool-roll-faulty")
    page.goto(house.url + "/pool/import")
    looks(page, "pool-import")
    listed = table_of([make_expert(900), make_expert(901)], {})
    sent: FilePayload = {"name": "名册.csv", "mimeType": "text/csv", "buffer": csv_of(listed)}
    page.get_by_label("名册文件").set_input_files(sent)
    press(page, "检查")
    expect(page.locator(".alert-success")).to_contain_text("2 人可以入库")
    press(page, "全部入库")
    said(page, "全部入库")
    with house.office.read() as db:
        assert pool.expert(db, "E0900").name == make_expert(900).name


def test_a_merger_is_decided_and_taken_back(chromium_page: Pages, house: House) -> None:
    page = sign_in(chromium_page, house.url, "pool", "/pool/merges")
    looks(page, "pool-merges")
    company = page.locator("[data-proposal]", has_text="组织机构代码相同")
    company.get_by_role("button", name="是同一个,合并").click()
    said(page, "决定已记录")
    expect(company.locator(".badge")).to_have_text("已合并")
    company.get_by_role("button", name="撤销合并").click()
    said(page, "决定已记录")
    person = page.locator("[data-proposal]", has_text="出生日期相同")
    person.get_by_role("button", name="不是同一个").click()
    expect(page.locator("[data-proposal]")).to_have_count(0)


def test_a_session_is_assessed_appealed_and_decided(chromium_page: Pages, house: House) -> None:
    chromium_page.allow(REFUSED)
    page = sign_in(chromium_page, house.url, "staff", "/assessments")
    looks(page, "assessments")
    page.goto(f"{house.url}/assessments/{house.session_id}")
    seat = page.locator(f"[data-seat='{house.seat}']")
    seat.get_by_label("迟到").check()
    seat.get_by_role("button", name="提交评价").click()
    expect(page.locator("#refusal")).to_contain_text("事实和理由")
    seat.get_by_label("迟到").check()
    seat.get_by_label("事实与理由").fill("迟到 20 分钟(示例)")
    seat.get_by_role("button", name="提交评价").click()
    said(page, "评价已提交")
    expect(seat.locator("strong")).to_have_text("95")
    assert house.expert_id not in page.content()
    looks(page, "assessment")
    other = sign_in(chromium_page, house.url, "tenderer", f"/assessments/{house.session_id}")
    expect(other.get_by_label("迟到")).to_have_count(0)
    own = sign_in(chromium_page, house.url, "expert", "/expert/assessments")
    expect(own.locator("[data-assessment]")).to_contain_text("迟到")
    own.get_by_label("申诉理由").fill("系统时间有误(示例)")
    looks(own, "expert-assessments")
    press(own, "提交申诉")
    said(own, "申诉已提交")
    office = sign_in(chromium_page, house.url, "pool", "/pool/appeals")
    office.locator("tbody a").first.click()
    expect(office.locator(".facts")).to_contain_text("示例20261021")  # which review, and whose word
    expect(office.locator(".facts")).to_contain_text("交易中心")
    office.get_by_label("申诉成立").check()
    office.get_by_label("决定理由").fill("签到钟快了 20 分钟(示例)")
    looks(office, "pool-appeal")
    press(office, "作出决定")
    said(office, "申诉决定已记录")
    own.goto(house.url + "/expert/assessments")
    expect(own.locator("[data-assessment]")).to_contain_text("申诉成立")


def test_an_expert_sees_his_standing_and_declares_units(chromium_page: Pages, house: House) -> None:
    chromium_page.allow(REFUSED)
    page = sign_in(chromium_page, house.url, "expert", "/expert/standing")
    expect(page.locator(".page-head .badge")).to_have_text("在库")
    unit = make_expert(700).employer_uscc
    page.get_by_label("回避单位代码").fill("不是代码")
    press(page, "申报")
    expect(page.locator("#refusal")).to_contain_text("不是有效的统一社会信用代码")
    page.get_by_label("回避单位代码").fill(unit)
    press(page, "申报")
    said(page, "已申报")
    expect(page.locator("ol.story li").first).to_contain_text("信息变更")
    with house.office.read() as db:
        assert pool.expert(db, house.expert_id).declared_units == (unit,)
    looks(page, "expert-standing")
    page.locator("header a[hreflang=en]").click()
    expect(page.locator("h1")).to_have_text("My standing")
    looks(page, "expert-standing-en")


def test_what_the_supervisor_sees(chromium_page: Pages, house: House) -> None:
    page = sign_in(chromium_page, house.url, "supervisor", "/supervisor/avoidance")
    expect(page.get_by_role("heading", name="省库抽取率")).to_be_visible()
    expect(page.locator("table").first.locator("tbody tr").first).to_be_visible()
    assert house.expert_id not in page.content()
    looks(page, "supervisor-avoidance")
    with house.office.write() as tx:
        bidder = opening.proven_bidders(tx.db, house.lot_id)[0]
        change = Amend({"employer": bidder}, "社保记录显示(示例)")
        standing.act(tx, POOL_OFFICE, house.expert_id, change, date(2026, 10, 1))
    page.locator(f"tr[data-draw='{house.draw_id}']").get_by_role("button").click()
    said(page, "已按最新数据复核")
    expect(page.locator("section[aria-labelledby=late]")).to_contain_text("评审结论无效")
    expect(page.locator("section[aria-labelledby=late]")).to_contain_text(house.seat)
    looks(page, "supervisor-avoidance-late")
    page.goto(house.url + "/supervisor/patterns")
    expect(page.locator("tbody tr").first).to_be_visible()
    looks(page, "supervisor-patterns")
    elsewhere = sign_in(chromium_page, house.url, "department", "/supervisor/avoidance")
    expect(elsewhere.locator("h1")).to_have_text("回避情况")


def test_a_link_that_becomes_known_later_is_held_against_committees(house: House) -> None:
    """招标投标法实施条例 第四十八条: whoever is found to have to recuse himself does so, however late."""
    with house.office.read() as db:
        member = next(
            each
            for each in draws.committee(db, house.draw_id)
            if each.expert_id not in ("", house.expert_id)
        )
        employer = pool.expert(db, member.expert_id).employer_uscc
        bidder = opening.proven_bidders(db, house.lot_id)[0]
        assert member.seat_code not in {hit.seat_code for hit in late.late_hits(db, house.draw_id)}
    link = f"owner_uscc,owned_uscc,relation,since\n{bidder},{employer},CONTROL,2020-01-01\n"
    with house.office.write() as tx:
        registers.take(tx, SYSTEM, "links", link.encode(), may_change=False)
    with house.office.write() as tx:
        asked = tx.db.exec(select(TaskRow).where(col(TaskRow.name) == AVOIDANCE_TASK)).all()
        wanted = [canonical.decode(task.args.encode()) for task in asked]
        assert {"draw": house.draw_id} in wanted
        look_task(house.office, {"draw": house.draw_id})(tx)
    with house.office.read() as db:
        assert member.seat_code in {hit.seat_code for hit in late.late_hits(db, house.draw_id)}


def test_the_trustees_register_is_kept_by_two_and_read_by_all(
    chromium_page: Pages, house: House
) -> None:
    holder = SyntheticTrustee("new-notary", "示例新公证处", bytes(range(32)))
    chromium_page.allow(REFUSED)
    page = sign_in(chromium_page, house.url, "pool", "/public/trustees")
    page.get_by_label("代号").fill(holder.id)
    page.get_by_label("机构").fill(holder.name)
    page.get_by_label("公钥").fill(holder.key)
    page.get_by_label("持有证明").fill("00" * 80)
    page.get_by_label("自").fill("2026-10-01T00:00")
    page.get_by_label("至").fill("2027-10-01T00:00")
    press(page, "登记公钥")
    expect(page.locator("#f-possession-fault")).to_be_visible()
    page.get_by_label("持有证明").fill("01" * 80)
    press(
        page, "登记公钥"
    )  # refused again: the links still lead to the page, not to where forms go
    expect(page.locator("#f-possession-fault")).to_be_visible()
    page.wait_for_url(house.url + "/public/trustees")
    for link in ("English", "机构"):
        href = page.get_by_role("link", name=link).first.get_attribute("href")
        assert str(href).startswith("/public/trustees?"), href
    page.get_by_label("持有证明").fill(holder.possession.hex())
    press(page, "登记公钥")
    said(page, "公钥已登记")
    looks(page, "pool-trustees")
    watch = sign_in(chromium_page, house.url, "supervisor", "/public/trustees")
    watch.locator("summary", has_text=holder.id).click()
    press(watch, "确认登记")
    said(watch, "已确认")
    everybody = chromium_page(house.url + "/public/trustees?q=new-notary")
    row = everybody.locator("tbody tr", has_text=holder.id).first
    expect(row).to_contain_text("在任")
    expect(row).to_contain_text(holder.key)
    expect(everybody.locator("form[method=post][action*='/trustees']")).to_have_count(0)
    looks(everybody, "public-trustees")
    watch.locator("summary", has_text=holder.id).click()
    watch.locator(f"#why-{holder.id}").fill("密钥遗失(示例)")
    watch.locator("details[open]").get_by_role("button", name="撤销").click()
    said(watch, "已撤销")


def test_what_a_query_says_wrongly_is_passed_over(chromium_page: Pages, house: House) -> None:
    """Days of which no rule knows, pages and orders that there are not, signs that no database takes."""
    page = sign_in(chromium_page, house.url, "pool", "/pool/experts")
    for query in ("q=%00", "page=99999", "sort=-nothing", "status=NOPE", "q=%25%5C'"):
        answer = page.goto(f"{house.url}/pool/experts?{query}")
        assert answer is not None
        assert answer.status == 200, query
    for day in ("1900-01-01", "9999-12-31", "0001-01-01", "2026-02-30", "x"):
        answer = page.goto(f"{house.url}/pool/experts/{house.expert_id}?on={day}")
        assert answer is not None
        assert answer.status == 200, day
    expect(page.get_by_label("查询日期")).not_to_have_value("")


@pytest.mark.parametrize(
    ("account", "path"),
    [
        ("staff", "/pool/experts"),
        ("expert", "/pool/experts"),
        ("supervisor", "/pool/experts"),
        ("pool", "/assessments"),
        ("tenderer", "/supervisor/patterns"),
        ("department", "/supervisor/patterns"),
    ],
)
def test_for_nobody_else(chromium_page: Pages, house: House, account: str, path: str) -> None:
    page = sign_in(chromium_page, house.url, account)
    answer = page.request.get(house.url + path)
    assert answer.status == 403
