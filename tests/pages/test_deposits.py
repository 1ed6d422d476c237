"""Deposits in cash in the browser: paid by a bidder without anybody learning of it, looked after by
the centre, seen back by the bidder, watched by the supervisor."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from playwright.sync_api import expect
from starlette.testclient import TestClient

from api.app import create_app
from api.desks.bank.desk import Desk, make_app
from api.desks.command_desk import put_address
from api.identity import service as identity
from api.identity.accounts import Account
from api.settings import Environment, Settings
from archive.actor import SYSTEM, Role
from deposits.cash import service as cash
from deposits.cash.holding import HoldingState
from deposits.grounds import Claim, Ground
from deposits.refunds import service as refunds
from deposits.refunds.withheld import service as withheld
from deposits.release import ReleaseCause
from tests.api.conftest import PASSWORD
from tests.builders import STAFF, make_office
from tests.deposits import makers
from tests.deposits.buying import Hall
from tests.deposits.makers import ACCOUNT_OF, ALSO_CLEAN, CENTRE_ID, CLEAN, LISTED, UNKNOWN
from tests.deposits.paying import TENDERER, Town
from tests.pages.looks import looks
from tests.pages.test_bidder import enter
from tests.support.browser import Pages
from tests.support.serving import serving
from trading.calendar.legal import legal_day
from trading.money import Money
from trading.parties import service as parties
from trading.parties.party import DishonestyRecord

PEOPLE = {
    "staff": (Role.STAFF, CENTRE_ID, ""),
    "bidder": (Role.BIDDER, "", CLEAN),
    "tenderer": (Role.TENDERER, "", makers.TENDERER),
    "supervisor": (Role.SUPERVISOR, "", makers.SUPERVISOR),
}


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """A bank's desk behind HTTP."""
    made = Desk(tmp_path / "bank")
    for url in serving(make_app(made)):
        put_address(tmp_path / "bank", url)
        yield made


@pytest.fixture
def town(tmp_path: Path, migrated_sqlite_url: str, desk: Desk) -> Iterator[Town]:
    office = make_office(tmp_path, migrated_sqlite_url, makers.START)
    makers.make_market(office)
    made = Town(office, desk.books)
    made.register()
    for name, (role, centre, party) in PEOPLE.items():
        with office.write() as tx:
            account = Account(name, frozenset({role}), centre_id=centre, party_id=party)
            identity.create_account(tx, SYSTEM, account, PASSWORD)
    yield made
    office.connections.dispose()


@pytest.fixture
def settings(tmp_path: Path, town: Town) -> Settings:
    return Settings(
        environment=Environment.DEMO,
        data=tmp_path / "data",
        database_url=town.office.connections.url,
        lodging_tick_seconds=0.02,
        bank_desk=tmp_path / "bank",
    )


@pytest.fixture
def url(town: Town, settings: Settings) -> Iterator[str]:
    yield from serving(create_app(town.office, settings, makers.CUSTODIAN))


def rows(town: Town | Hall) -> dict[str, list[tuple[str, ...]]]:
    """Every row of every table, but for sign-ins, lodged cells and the journal's own."""
    found = {}
    skipped = ("session", "sign_in", "cell", "journal", "entry", "stream", "anchor", "lodging")
    with town.office.connections.engine.connect() as connection:
        for table in sa.inspect(connection).get_table_names():
            if not any(word in table for word in skipped):
                select = sa.text(f'SELECT * FROM "{table}"')
                found[table] = sorted(tuple(map(str, row)) for row in connection.execute(select))
    return found


def test_a_bidder_pays_and_nobody_learns_of_it(
    chromium_page: Pages, url: str, town: Town, desk: Desk
) -> None:
    """The account comes through the platform, the slip is a cell; no row tells of either."""
    (lot_id,) = makers.make_lots(town.office, 30_000_000)
    page = enter(chromium_page, url, "bidder", f"/bidder/tenders/{lot_id}")
    page.locator("#ask-terms").click()
    expect(page.locator("#terms")).to_contain_text("600,000.00")
    before = rows(town)
    page.locator("#payment-form button").click()
    expect(page.locator("#pay-to")).to_contain_text("示例银行")
    expect(page.locator("#lodgings .badge.is-good")).to_have_count(1)
    looks(page, "bidder-pay")
    assert rows(town) == before
    (account,) = desk.books.accounts.values()
    assert lot_id not in str(vars(account))
    desk.do(
        {
            "do": "pay",
            "at": (makers.OPENING - timedelta(days=3)).isoformat(),
            "key": "k",
            "account": account.number,
            "payer_account": ACCOUNT_OF[CLEAN],
            "payer_name": "示例",
            "fen": 60_000_000,
        }
    )
    page.get_by_role("button", name="开标前退回").click()
    expect(page.locator("#said")).to_contain_text("600,000.00")
    assert desk.books.do({"do": "totals"})["there"] == 0
    assert rows(town) == before


def played(town: Town) -> str:
    """A lot whose bidders paid, one from another's account; awarded, one deposit forfeited; nobody's
    money on the statement; the loser's payment came back from the bank."""
    (lot_id,) = makers.make_lots(town.office, 30_000_000)
    main = f"62{CENTRE_ID}0000000001"
    town.books.do(
        {
            "do": "pay",
            "at": (makers.OPENING - timedelta(days=40)).isoformat(),
            "key": "stranger",
            "account": main,
            "payer_account": "6217000011112222",
            "payer_name": "滇示例陌生单位",
            "fen": 1_234_500,
        }
    )
    slips = {uscc: town.slip(lot_id, uscc) for uscc in (CLEAN, LISTED, UNKNOWN, ALSO_CLEAN)}
    for uscc, slip in slips.items():
        payer = ACCOUNT_OF[CLEAN if uscc == UNKNOWN else uscc]
        town.pay(slip, Money.yuan(600_000), account=payer)
    town.open(lot_id, {uscc: slip.to_bytes() for uscc, slip in slips.items()})
    town.work()
    town.days(1)
    town.books.do({"do": "fault", "close": ACCOUNT_OF[LISTED]})
    town.awarded(lot_id, ALSO_CLEAN)
    with town.office.write() as tx:
        claim = Claim(Ground.NO_CONTRACT, "示例函件".encode())
        withheld.forfeit(tx, TENDERER, town.holding(lot_id, ALSO_CLEAN).id, claim)
    return lot_id


def test_the_centre_looks_after_the_money(
    chromium_page: Pages, url: str, town: Town, tmp_path: Path
) -> None:
    lot_id = played(town)
    page = enter(chromium_page, url, "staff", "/centre/deposits")
    expect(page.locator("#due-lines tbody tr")).to_have_count(1)
    expect(page.locator("main")).to_contain_text("没有应退未退的保证金")
    looks(page, "centre-deposits")
    page.get_by_role("button", name="立即退还").click()
    expect(page.locator(".alert-success")).to_contain_text("退款指令已生成")
    page.locator("#forfeited-lines input[name=account]").fill("6200111122223333")
    page.get_by_role("button", name="付给招标人").click()
    expect(page.locator(".alert-success")).to_contain_text("向招标人付款")
    expect(page.locator("#forfeited-lines")).to_have_count(0)
    page.goto(f"{url}/centre/deposits/registers")
    register = tmp_path / "register.csv"
    head = "uscc,queried_on,is_listed,listed_until,reference"
    chromium_page.allow("status of 422")
    today = legal_day(town.clock.now())

    def take(listed: str) -> None:
        register.write_text(f"{head}\n{CLEAN},{today},{listed},,甲\n", "utf-8")
        page.locator("#f-register").select_option("DISHONESTY")
        page.locator("#f-source").fill("示例第二信用平台")
        page.locator("#f-document").set_input_files(register)
        page.get_by_role("button", name="导入").click()

    take("perhaps")
    expect(page.locator("#refusal li")).to_have_text(
        "第 2 行 is_listed 列:“perhaps”应为是(yes)或否(no)。"
    )
    looks(page, "centre-registers")
    take("yes")
    expect(page.locator(".alert-success")).to_contain_text("信用记录已导入")
    with town.office.read() as db:
        sources = {answer.source for answer in parties.answers_about(db, CLEAN, today)}
    assert "示例第二信用平台" in sources
    page.goto(f"{url}/centre/deposits/ledger")
    expect(page.locator("main")).to_contain_text("标段子账户")
    looks(page, "centre-ledger")
    page.goto(f"{url}/centre/deposits/statements")
    expect(page.locator("#open-lines tbody tr")).to_have_count(1)
    looks(page, "centre-statements")
    bad = tmp_path / "bad.xml"
    bad.write_text("<Document/>", "utf-8")
    page.locator("#f-format").select_option("CAMT053")
    page.locator("#f-document").set_input_files(bad)
    chromium_page.allow("status of 422")
    page.locator("section[aria-labelledby=take] button").click()
    expect(page.locator("#refusal")).to_contain_text("对账单文件无法读取")
    page.goto(f"{url}/centre/deposits/statements")
    page.get_by_role("button", name="原路退回").click()
    expect(page.locator(".alert-success")).to_contain_text("原路退回")
    page.goto(f"{url}/centre/deposits/relief")
    expect(page.locator("main")).to_contain_text("减免率(按项目数)")
    looks(page, "centre-relief")
    page.goto(f"{url}/centre/deposits/clearance")
    expect(page.locator("main")).to_contain_text("没有历史沉淀保证金")
    old = tmp_path / "old.csv"
    head = "payer,account,project,amount,received_on,due_on,reason,note"
    old.write_text(f"{head}\n甲,,乙,-1,soon,2013-09-01,LAZY,\n\n甲,,乙,1,2\n", "utf-8")
    page.locator("#f-document").set_input_files(old)
    page.get_by_role("button", name="导入").click()
    expect(page.locator("#refusal li").first).to_contain_text("第 2 行 amount 列:")
    expect(page.locator("#refusal")).to_contain_text("第 4 行:单元格数与表头不一致。")
    looks(page, "centre-clearance")
    town.clock.move_to(town.clock.now() + timedelta(days=60))
    page.goto(f"{url}/centre/deposits")
    expect(page.locator("#overdue-lines tbody tr")).to_have_count(1)
    looks(page, "centre-overdue")
    assert lot_id


def test_two_people_assign_money_that_nobody_claimed(
    chromium_page: Pages, url: str, town: Town, tmp_path: Path
) -> None:
    """Paid to the centre's main account instead of the deposit's own."""
    with town.office.write() as tx:
        second = Account("second", frozenset({Role.STAFF}), centre_id=CENTRE_ID)
        identity.create_account(tx, SYSTEM, second, PASSWORD)
    (lot_id,) = makers.make_lots(town.office, 30_000_000)
    for number, uscc in enumerate((CLEAN, LISTED)):
        town.books.do(
            {
                "do": "pay",
                "at": (makers.OPENING - timedelta(days=40 + number)).isoformat(),
                "key": uscc,
                "account": f"62{CENTRE_ID}0000000001",
                "payer_account": ACCOUNT_OF[CLEAN],
                "payer_name": "滇示例付款单位",
                "fen": 60_000_000,
            }
        )
    slips = {uscc: town.slip(lot_id, uscc).to_bytes() for uscc in (CLEAN, LISTED)}
    town.open(lot_id, slips)
    with town.office.write() as tx:
        cash.ask_for_statement(tx, CENTRE_ID)
    town.days(2)
    page = enter(chromium_page, url, "staff", "/centre/deposits/statements?why=OPEN")
    expect(page.locator("#open-lines tbody tr")).to_have_count(2)
    looks(page, "centre-open-lines")
    page.get_by_role("link", name="认领").first.click()
    expect(page.locator("#waiting tbody tr")).to_have_count(2)
    chromium_page.allow("status of 422")
    page.get_by_role("button", name="提交认领").click()
    expect(page.locator("#refusal")).to_be_visible()
    looks(page, "centre-assign")
    own = page.locator("#f-holding option").nth(1).get_attribute("value")
    assert own is not None
    page.locator("#f-holding").select_option(own)
    page.locator("#f-came_at").fill("2025-08-10T10:00")
    letter = tmp_path / "letter.txt"
    letter.write_text("银行回单(示例)", "utf-8")
    page.locator("#f-document").set_input_files(letter)
    page.locator("#f-why").fill("投标人来函说明误付至主账户(示例)")
    page.get_by_role("button", name="提交认领").click()
    expect(page.locator(".alert-success")).to_contain_text("待另一人复核")
    expect(page.get_by_role("button", name="复核同意")).to_have_count(0)
    other = enter(chromium_page, url, "second", "/centre/deposits/statements")
    other.get_by_role("link", name="待复核的认领").click()
    expect(other.locator("#assigned ~ dl")).to_contain_text("付款账户相符")
    looks(other, "centre-confirm")
    with other.expect_download() as download:
        other.get_by_role("link", name="证明文件").click()
    assert download.value.path().read_text("utf-8") == "银行回单(示例)"
    other.get_by_role("button", name="复核同意").click()
    expect(other.locator(".alert-success")).to_contain_text("已复核")
    expect(other.locator("main")).to_contain_text("已认领为保证金")
    assert town.holding(lot_id, CLEAN).state is HoldingState.HELD
    town.check()
    page.goto(f"{url}/centre/deposits/statements")
    expect(page.locator("#open-lines tbody tr")).to_have_count(1)
    page.get_by_role("link", name="认领", exact=True).click()
    expect(page.locator("#waiting tbody tr")).to_contain_text("不予接受")
    page.goto(f"{url}/centre/deposits/statements/1")
    expect(page.locator("#in-the-way li")).to_have_count(1)
    expect(page.get_by_role("button", name="撤销导入")).to_have_count(0)


def test_a_statement_taken_in_by_mistake_is_undone(
    chromium_page: Pages, url: str, town: Town, tmp_path: Path
) -> None:
    today = legal_day(town.clock.now())
    made = tmp_path / "statement.csv"
    head = "reference,day,amount,kind,account,counter_account,counter_name,key"
    lines = f"R1,{today},500.00,RECEIPT,,62170000,示例单位,"
    first = f"statement,62{CENTRE_ID}0000000001,1,{today},0.00,500.00"
    made.write_text(f"{first}\n{head}\n{lines}\n", "utf-8")
    page = enter(chromium_page, url, "staff", "/centre/deposits/statements")

    def take() -> None:
        page.goto(f"{url}/centre/deposits/statements")
        page.locator("#f-format").select_option("CSV")
        page.locator("#f-document").set_input_files(made)
        page.locator("section[aria-labelledby=take] button").click()
        expect(page.locator(".alert-success")).to_contain_text("已导入并核销")

    take()
    page.locator("section[aria-labelledby=taken] a").click()
    chromium_page.allow("status of 422")
    page.get_by_role("button", name="撤销导入").click()
    expect(page.locator("#refusal")).to_be_visible()
    looks(page, "centre-statement")
    page.locator("#f-why").fill("误传其他日期的文件(示例)")
    page.get_by_role("button", name="撤销导入").click()
    expect(page.locator(".alert-success")).to_contain_text("已逐笔冲销")
    expect(page.locator("main")).to_contain_text("误传其他日期的文件")
    looks(page, "centre-statement-undone")
    take()
    expect(page.locator("section[aria-labelledby=taken] tbody tr")).to_have_count(2)
    looks(page, "centre-statements-again")
    town.check()


def test_bidder_tenderer_and_supervisor(
    chromium_page: Pages, url: str, town: Town, tmp_path: Path
) -> None:
    lot_id = played(town)
    with town.office.write() as tx:  # the winner is gone: the tenderer ends the tender
        on = legal_day(tx.now)
        refunds.start_release(tx, STAFF, lot_id, ReleaseCause.TERMINATED, on)
    town.days(12)
    page = enter(chromium_page, url, "bidder", "/bidder/deposits")
    expect(page.locator(".own-deposit")).to_contain_text("已退还")
    expect(page.locator(".own-deposit")).to_contain_text("利息")
    expect(page.locator("section[aria-labelledby=appeal]")).to_contain_text("无须异议")
    looks(page, "bidder-deposits")
    with town.office.write() as tx:
        wrong = DishonestyRecord(CLEAN, "示例信用平台", legal_day(tx.now), True)
        parties.record_dishonesty(tx, STAFF, wrong)
    page.reload()
    page.locator("#f-answer").select_option(label=f"示例信用平台 · {wrong.queried_on}")
    letter = tmp_path / "letter.txt"
    letter.write_text("更正申请(示例)", "utf-8")
    page.locator("#f-proof").set_input_files(letter)
    page.get_by_role("button", name="提交异议").click()
    expect(page.locator(".alert-success")).to_contain_text("异议已提交")
    tenderer = enter(chromium_page, url, "tenderer", f"/tenderer/lots/{lot_id}/deposits")
    expect(tenderer.locator("main")).to_contain_text("不予退还")
    looks(tenderer, "tenderer-deposits")
    watch = enter(chromium_page, url, "supervisor", "/supervisor/deposits")
    expect(watch.locator("main")).to_contain_text("无正当理由不订立合同")
    expect(watch.locator("section[aria-labelledby=leads] tbody tr")).to_have_count(1)
    expect(watch.locator("section[aria-labelledby=bounced] h3")).to_have_count(1)
    looks(watch, "supervisor-deposits")
    with watch.expect_download() as download:
        watch.get_by_role("link", name="下载").first.click()
    assert download.value.path().read_text("utf-8") == "示例函件"


class TestWithoutBrowser:
    """Who may see what, and what a stranger is told."""

    @pytest.fixture
    def client(self, town: Town, settings: Settings) -> Iterator[TestClient]:
        app = create_app(town.office, settings, makers.CUSTODIAN)
        with TestClient(app, raise_server_exceptions=False) as made:
            yield made

    @pytest.mark.parametrize("name", list(PEOPLE))
    def test_pages_are_for_their_role(self, client: TestClient, name: str) -> None:
        client.post("/api/sign-in", json={"account": name, "password": PASSWORD})
        for path, owner in (
            ("/centre/deposits", "staff"),
            ("/centre/deposits/ledger", "staff"),
            ("/bidder/deposits", "bidder"),
            ("/supervisor/deposits", "supervisor"),
        ):
            assert client.get(path).status_code == (200 if name == owner else 403), path

    @pytest.mark.parametrize(
        ("name", "path"),
        [
            ("bidder", "/bidder/deposits/lots/x/extension/yes"),
            ("supervisor", "/supervisor/deposits/appeals/x/maybe"),
            ("staff", "/centre/deposits/clearance/x/burn"),
        ],
    )
    def test_an_unknown_word_in_an_address_is_no_answer(
        self, client: TestClient, name: str, path: str
    ) -> None:
        """Neither a refusal of an extension nor a dismissal: nothing happens."""
        client.post("/api/sign-in", json={"account": name, "password": PASSWORD})
        said = client.post(path, data={}, headers={"Origin": "http://testserver"})
        assert said.status_code == 422

    @pytest.mark.parametrize(
        ("is_slip", "wanted", "text"), [(True, 409, "开标前"), (False, 422, "格式不符")]
    )
    def test_a_slip_before_its_time_and_none(
        self, client: TestClient, town: Town, is_slip: bool, wanted: int, text: str
    ) -> None:
        (lot_id,) = makers.make_lots(town.office, 30_000_000)
        slip = town.slip(lot_id, CLEAN).to_bytes() if is_slip else b"{}"
        client.post("/api/sign-in", json={"account": "bidder", "password": PASSWORD})
        said = client.post(
            "/bidder/deposits/slips",
            files={"document": ("slip.json", slip, "application/json")},
            headers={"Origin": "http://testserver"},
        )
        assert said.status_code == wanted
        assert text in said.text
        with town.office.read() as db:
            assert cash.holdings(db, lot_id) == ()
