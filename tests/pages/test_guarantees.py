"""Guarantees in the browser: bought and lodged by a bidder without anybody learning of it, looked after
by the centre, demanded by the beneficiary, seen by the issuer and the supervisor."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import expect
from starlette.testclient import TestClient

from api.app import create_app
from api.desks.command_desk import put_address
from api.desks.issuer.desk import Desk, make_app
from api.identity import service as identity
from api.identity.accounts import Account
from api.pages.kit import text
from api.settings import Environment, Settings
from archive.actor import SYSTEM, Role
from deposits.guarantees import service as guarantees
from deposits.guarantees.document import GUARANTEE
from deposits.guarantees.slip import is_slip
from deposits.guarantees.states import GuaranteeState
from deposits.refunds.extensions import service as extensions
from tests.api.conftest import PASSWORD
from tests.builders import STAFF, make_office
from tests.deposits import makers
from tests.deposits.buying import Hall
from tests.deposits.makers import ALSO_CLEAN, BIDDERS, CENTRE_ID, CLEAN
from tests.pages.looks import looks
from tests.pages.test_bidder import enter
from tests.pages.test_deposits import rows
from tests.support.browser import Pages
from tests.support.serving import serving
from trading.money import Money
from trading.opening import service as opening

S = GuaranteeState
ORIGIN = {"Origin": "http://testserver"}


@pytest.fixture
def hall(tmp_path: Path, migrated_sqlite_url: str) -> Iterator[Hall]:
    """A market with its issuers' desk behind HTTP; underwriting takes no time."""
    desk = Desk(tmp_path / "issuer", minutes=0)
    office = make_office(tmp_path, migrated_sqlite_url, makers.START)
    makers.make_market(office)
    made = Hall(office, desk)
    made.register()
    people = {
        "staff": (Role.STAFF, CENTRE_ID, ""),
        "bidder": (Role.BIDDER, "", CLEAN),
        "tenderer": (Role.TENDERER, "", makers.TENDERER),
        "supervisor": (Role.SUPERVISOR, "", makers.SUPERVISOR),
        "issuer": (Role.ISSUER, "", made.houses[BIDDERS.index(CLEAN)].uscc),
    }
    for name, (role, centre, party) in people.items():
        with office.write() as tx:
            account = Account(name, frozenset({role}), centre_id=centre, party_id=party)
            identity.create_account(tx, SYSTEM, account, PASSWORD)
    for url in serving(make_app(desk)):
        put_address(tmp_path / "issuer", url)
        yield made
    office.connections.dispose()


@pytest.fixture
def settings(tmp_path: Path, hall: Hall) -> Settings:
    return Settings(
        environment=Environment.DEMO,
        data=tmp_path / "data",
        database_url=hall.office.connections.url,
        lodging_tick_seconds=0.02,
        issuers_desk=tmp_path / "issuer",
    )


@pytest.fixture
def url(hall: Hall, settings: Settings) -> Iterator[str]:
    yield from serving(create_app(hall.office, settings, makers.CUSTODIAN))


def beside(work: Callable[[], None]) -> None:
    """Do the work in another thread, as a worker does: the browser's own has an event loop running,
    and signing and checking a PDF begins one."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(work).result()


def played(hall: Hall) -> str:
    """A lot with three guarantees: one in force, one forged, one on which was demanded in vain."""
    (lot_id,) = makers.make_lots(hall.office, 30_000_000)
    slips = {uscc: hall.buy(lot_id, uscc) for uscc in (CLEAN, ALSO_CLEAN)}
    hall.fault(ALSO_CLEAN, "forge")
    hall.open(lot_id, slips)
    beside(hall.work)
    assert hall.states(lot_id) == {CLEAN: S.ACTIVE, ALSO_CLEAN: S.INVALID}
    return lot_id


def test_a_bidder_buys_and_lodges_and_nobody_learns_of_it(
    chromium_page: Pages, url: str, hall: Hall
) -> None:
    (lot_id,) = makers.make_lots(hall.office, 30_000_000)
    halves = makers.lodge(hall.office, lot_id, {})
    market = enter(chromium_page, url, "bidder", "/public/guarantees")
    expect(market.locator("tbody tr")).to_have_count(len(hall.houses))
    looks(market, "guarantees-market")
    page = enter(chromium_page, url, "bidder", f"/bidder/tenders/{lot_id}")
    before = rows(hall)
    page.locator("#order-form button").click()
    expect(page.locator("#order")).to_contain_text("600,000.00")
    looks(page, "guarantees-buy")
    chromium_page.allow("ERR_FAILED")
    page.route("**/api/lodgings", lambda route: route.abort())
    page.get_by_role("button", name="支付费用").click()
    expect(page.locator("#failed")).to_be_visible()
    expect(page.locator("#order-form")).to_be_hidden()
    page.unroute("**/api/lodgings")
    page.reload()  # paid and cut off before it was lodged: it is not lost
    page.get_by_role("button", name="再次办理").click()
    expect(page.locator("#order")).to_contain_text("保函已加密递交")
    expect(page.locator("#lodgings .badge.is-good")).to_have_count(1)
    page.locator("#amend-form #f-amount").fill("500000")
    chromium_page.allow("status of 409")
    page.locator("#amend-form button").click()
    expect(page.locator("#failed")).to_contain_text("条款")
    page.locator("#amend-form #f-amount").fill("700000")
    page.locator("#amend-form #f-until").fill("2027-03-02")
    page.locator("#amend-form button").click()
    expect(page.locator("#order")).to_contain_text("2027-03-31")
    looks(page, "guarantees-amend")
    house = enter(chromium_page, url, "issuer", "/issuer/guarantees")
    expect(house.locator("#house-applications")).to_contain_text("批改申请 ¥700,000.00")
    page.get_by_role("button", name="支付费用").click()
    expect(page.locator("#lodgings .badge.is-good")).to_have_count(2)
    expect(page.locator("#lodgings")).to_contain_text("700,000.00")
    page.locator("#f-price").fill("4500000")
    page.locator("#f-period").fill("100")
    page.locator("#bid-form button").click()
    expect(page.locator("#lodgings .badge.is-good")).to_have_count(3)
    assert rows(hall) == before
    (order,) = hall.desk.books.orders.values()
    assert lot_id not in repr(order)
    half = page.evaluate("id => JSON.parse(localStorage.getItem(Object.keys(localStorage).find(k => k.startsWith('bigloop.lodgings')))) [id].half", lot_id)  # fmt: skip
    contents = makers.open_lot(hall.office, lot_id, halves | {CLEAN: bytes.fromhex(half)})
    assert [uscc for uscc, content in contents.items() if is_slip(content)] == [CLEAN]
    with hall.office.write() as tx:
        found = opening.envelopes(tx.db, lot_id, GUARANTEE)
        guarantees.restore(tx, STAFF, lot_id, found)
    beside(hall.work)
    assert hall.states(lot_id) == {CLEAN: S.ACTIVE}
    promise = hall.record(lot_id, CLEAN).promise
    assert promise is not None
    assert (promise.amount, promise.valid_to) == (Money.yuan(700_000), date(2027, 3, 31))
    page.goto(f"{url}/bidder/deposits")
    expect(page.locator(".own-guarantee")).to_contain_text("机构已确认")
    page.get_by_role("link", name="申请展期").click()
    page.locator("#f-until").fill("2027-05-31")
    looks(page, "guarantees-own")
    page.locator(".own-guarantee button").click()
    expect(page.locator(".alert-success")).to_be_visible()
    expect(page.locator(".own-guarantee")).to_contain_text("待机构报价")
    beside(hall.work)
    page.goto(f"{url}/bidder/deposits")
    price = hall.endorsement(lot_id).price
    assert price is not None
    expect(page.locator(".own-guarantee")).to_contain_text(f"缴费 {text.money(price)}")
    looks(page, "guarantees-later")
    house.goto(f"{url}/issuer/guarantees")
    expect(house.locator("#house-restored")).to_contain_text("待投标人缴费")
    looks(house, "guarantees-house-later")
    page.get_by_role("button", name="缴费并展期").click()
    expect(page.locator(".alert-success")).to_contain_text("已缴费")
    beside(hall.work)
    page.goto(f"{url}/bidder/deposits")
    expect(page.locator(".own-guarantee")).to_contain_text("2027-05-31")
    expect(page.locator(".own-guarantee")).to_contain_text("已展期")
    expect(page.locator(".own-guarantee")).to_contain_text(f"展期费用{text.money(price)}")


def test_centre_tenderer_issuer_and_supervisor(
    chromium_page: Pages, url: str, hall: Hall, tmp_path: Path
) -> None:
    lot_id = played(hall)
    letter = tmp_path / "letter.txt"
    letter.write_text("撤销投标的函(示例)", "utf-8")
    page = enter(chromium_page, url, "staff", "/centre/deposits/guarantees")
    expect(page.locator("tbody tr")).to_have_count(2)
    looks(page, "guarantees-centre")
    page.goto(f"{url}/centre/deposits/guarantees/{hall.record(lot_id, CLEAN).id}")
    expect(page.locator("#steps tbody tr")).to_have_count(4)
    looks(page, "guarantees-demand")
    page.locator("summary", has_text="提出索赔").click()
    page.locator("#f-ground").select_option("NO_CONTRACT")
    page.locator("#f-account").fill("6228000000001234")
    page.locator("#f-document").set_input_files(letter)
    chromium_page.allow("status of 422")
    page.get_by_role("button", name="提出索赔").click()
    expect(page.locator("#refusal")).to_be_visible()
    page.goto(f"{url}/centre/deposits/guarantees/{hall.record(lot_id, ALSO_CLEAN).id}")
    expect(page.locator("main")).to_contain_text("电子签名与出函机构")
    looks(page, "guarantees-invalid")
    tenderer = enter(chromium_page, url, "tenderer", f"/tenderer/lots/{lot_id}/guarantees")
    tenderer.get_by_role("link", name="提出索赔").click()
    tenderer.locator("#f-ground").select_option("REVOKED")
    tenderer.locator("#f-account").fill("6228000000001234")
    tenderer.locator("#f-document").set_input_files(letter)
    tenderer.get_by_role("button", name="提出索赔").click()
    expect(tenderer.locator(".alert-success")).to_contain_text("索赔已提出")
    beside(hall.work)
    beside(lambda: hall.to(hall.clock.now() + timedelta(days=4)))
    assert hall.states(lot_id)[CLEAN] is S.PAID_OUT
    tenderer.reload()
    expect(tenderer.locator("main")).to_contain_text("已赔付")
    looks(tenderer, "guarantees-tenderer")
    page.goto(f"{url}/centre/deposits/guarantees/{hall.record(lot_id, CLEAN).id}")
    expect(page.locator("main")).not_to_contain_text("尚未起算")  # paid: nothing goes back
    issuer = enter(chromium_page, url, "issuer", "/issuer/guarantees")
    expect(issuer.locator("#house-demands tbody tr")).to_have_count(1)
    expect(issuer.locator("#house-applications tbody tr")).to_have_count(1)
    looks(issuer, "guarantees-issuer")
    watch = enter(chromium_page, url, "supervisor", "/supervisor/deposits")
    expect(watch.locator("#watched-guarantees tbody tr")).to_have_count(2)
    looks(watch, "guarantees-supervisor")


class TestWithoutBrowser:
    @pytest.fixture
    def client(self, hall: Hall, settings: Settings) -> Iterator[TestClient]:
        app = create_app(hall.office, settings, makers.CUSTODIAN)
        with TestClient(app, raise_server_exceptions=False) as made:
            yield made

    def enter(self, client: TestClient, name: str) -> None:
        client.cookies.clear()
        client.post("/api/sign-in", json={"account": name, "password": PASSWORD})

    def test_who_may_see_and_do_what(self, client: TestClient, hall: Hall) -> None:
        lot_id = played(hall)
        record = hall.record(lot_id, CLEAN)
        base = f"/centre/deposits/guarantees/{record.id}"
        document = f"/guarantees/{record.id}/documents/{record.document.sha256}"
        owners = {
            "/centre/deposits/guarantees": {"staff"},
            base: {"staff"},
            f"/tenderer/lots/{lot_id}/guarantees": {"tenderer"},
            "/issuer/guarantees": {"issuer"},
            document: {"staff", "supervisor"},
            "/public/guarantees": {"staff", "bidder", "tenderer", "supervisor", "issuer"},
        }
        for name in ("staff", "bidder", "tenderer", "supervisor", "issuer"):
            self.enter(client, name)
            for path, may in owners.items():
                wanted = 200 if name in may else 403
                assert client.get(path).status_code == wanted, (name, path)
        self.enter(client, "staff")
        assert client.get(document.replace(record.document.sha256, "0" * 64)).status_code == 404
        for word in ("refuse", "closed", "x"):  # a word that is none does nothing
            assert client.post(f"{base}/{word}", headers=ORIGIN).status_code in (404, 422)
        self.enter(client, "bidder")
        own, longer = f"/bidder/deposits/guarantees/{record.id}/extend", {"until": "2027-05-31"}
        other = own.replace(record.id, hall.record(lot_id, ALSO_CLEAN).id)
        assert client.post(other, data=longer, headers=ORIGIN).status_code == 403
        assert client.post(own, data={"until": "2025-01-01"}, headers=ORIGIN).status_code == 422
        self.enter(client, "staff")
        assert client.post(f"{base}/close", headers=ORIGIN).status_code == 409
        assert client.post(f"{base}/expire", headers=ORIGIN).status_code in (409, 425)
        letter = {"document": ("l.txt", b"letter", "text/plain")}
        data = {"ground": "REVOKED", "amount": "1", "account": "6228000000001234"}
        invalid = hall.record(lot_id, ALSO_CLEAN).id
        lot = f"/tenderer/lots/{lot_id}/guarantees"
        for name, page in (("staff", "/centre/deposits/guarantees"), ("tenderer", lot)):
            self.enter(client, name)
            path = f"{page}/{invalid}/demand"
            said = client.post(path, data=data, files=letter, headers=ORIGIN)
            assert (said.status_code, said.text.count('id="refusal"')) == (409, 1), path
        assert hall.record(lot_id, CLEAN) == record

    def test_who_is_asked_for_a_longer_validity_answers(
        self, client: TestClient, hall: Hall
    ) -> None:
        lot_id = played(hall)
        until = date(2027, 3, 31)
        with hall.office.write() as tx:
            extensions.ask_extension(tx, makers.TENDERER_ACTOR, lot_id, until, b"notice")
        self.enter(client, "bidder")
        agree = f"/bidder/deposits/lots/{lot_id}/extension/agree"
        assert agree in client.get("/bidder/deposits").text
        assert client.post(agree, headers=ORIGIN, follow_redirects=False).status_code == 303
        assert agree not in client.get("/bidder/deposits").text
        hall.work()
        record = hall.record(lot_id, CLEAN)
        pay = f"/bidder/deposits/guarantees/{record.id}/pay"
        assert pay in client.get("/bidder/deposits").text
        other = pay.replace(record.id, hall.record(lot_id, ALSO_CLEAN).id)
        assert client.post(other, headers=ORIGIN).status_code == 403
        assert client.post(pay, headers=ORIGIN, follow_redirects=False).status_code == 303
        assert client.post(pay, headers=ORIGIN).status_code == 409
        hall.work()
        assert hall.states(lot_id)[CLEAN] is S.EXTENDED

    def test_buying_is_for_bidders_and_in_time(self, client: TestClient, hall: Hall) -> None:
        (lot_id,) = makers.make_lots(hall.office, 30_000_000)
        asked = {"lot": lot_id, "issuer": hall.houses[0].uscc, "commitment": "0" * 64}
        path = "/api/guarantees/applications"
        self.enter(client, "staff")
        assert client.post(path, json=asked, headers=ORIGIN).status_code == 403
        self.enter(client, "bidder")
        stranger = {**asked, "issuer": CLEAN}
        assert client.post(path, json=stranger, headers=ORIGIN).status_code == 404
        given = client.post(path, json=asked, headers=ORIGIN)
        assert given.status_code == 200, given.text
        own = {"order": given.json()["order"], "secret": given.json()["secret"]}
        wrong = {**own, "secret": "0" * 48}
        said = client.post("/api/guarantees/payments", json=wrong, headers=ORIGIN)
        assert said.status_code == 409
        said = client.post("/api/guarantees/payments", json=own, headers=ORIGIN)
        assert (said.status_code, said.json()["state"]) == (200, "ISSUED")
        hall.desk.fail({"mute": 1})
        said = client.post("/api/guarantees/collections", json=own, headers=ORIGIN)
        assert said.status_code == 503
        back = client.post("/api/guarantees/surrenders", json=own, headers=ORIGIN)
        assert back.json()["fen"] == given.json()["premium_fen"]
        hall.clock.move_to(makers.OPENING)
        late = {**asked, "commitment": "1" * 64}
        assert client.post(path, json=late, headers=ORIGIN).status_code in (409, 410, 422)
