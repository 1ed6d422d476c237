"""A centre's staff at work in the browser, from the registration to the sealed dossier, in an
installation whose clock the test drives; and what strangers and wrong input are told."""

from __future__ import annotations

import re
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from pathlib import Path

import pytest
from fastapi import FastAPI
from playwright.sync_api import FilePayload, Page, expect
from starlette.testclient import TestClient

from api.app import create_app
from api.demo.province import Province
from api.desks.telephony.gateway import HttpGateway
from api.flows import drawing, seating
from api.flows.places import names as names_of_places
from api.handlers import handlers
from api.identity import service as identity
from api.identity.accounts import Account
from api.office import open_custodian
from api.settings import Environment, Settings
from archive import sealing
from archive.actor import SYSTEM, Actor, Role
from archive.clock import SHANGHAI
from archive.entropy import SeededEntropy
from archive.journal import service as journal
from archive.office import Office
from archive.tasks.service import Worker
from deposits.cash.bank import NoBank
from evaluation.seating import service as seating_service
from evaluation.session import commands as c
from evaluation.session import service as sessions
from evaluation.session import synthetic
from evaluation.sheets import service as sheets
from evaluation.venues import service as venues
from evaluation.venues import sheet
from experts.draws import service as draws
from experts.draws.request import State
from experts.invitations.calls import service as calls
from experts.pool import service as pool
from tests.builders import make_office
from tests.pages.looks import looks, sign_in
from tests.support.browser import Pages
from tests.support.databases import Databases
from tests.support.servers import Server, Servers
from tests.support.serving import served
from trading.awards import service as awards
from trading.divisions import yunnan
from trading.lodging import service as lodging
from trading.lodging.bid import Bid
from trading.money import Money
from trading.opening import service as opening
from trading.parties.party import OrganisationKind
from trading.projects import service as projects

pytestmark = pytest.mark.slow

PASSWORD = "demo-demo-demo"
SECRET = b"a secret of two sides, for tests only"
LIVE_MS = 20_000
"""So long a page may take to hear that something moved, on a machine with other work."""
SPECIALTY = "A080302"
"""The one most experts of the small pool have."""
PDF: FilePayload = {
    "name": "示例.pdf",
    "mimeType": "application/pdf",
    "buffer": "示例文书".encode(),
}


def at(month: int, day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=SHANGHAI).astimezone(UTC)


@dataclass
class House:
    """An installation with a small province, served at `url`, and its people's acts."""

    office: Office
    app: FastAPI
    settings: Settings
    province: Province
    url: str
    folder: Path
    run_server: Servers
    telephony: Server
    halves: dict[str, bytes] = field(default_factory=dict)

    @cached_property
    def centre(self) -> str:
        return next(c.id for c in self.province.parties.centres if c.id.startswith("5329"))

    @cached_property
    def guests(self) -> tuple[str, str]:
        """A centre of the next prefecture and a venue beyond the border, the lot's guests (副场)."""
        centres = (c.id for c in self.province.parties.centres)
        return next(c for c in centres if c.startswith("5307")), "510000-1"

    @cached_property
    def tenderer(self) -> str:
        return self.province.cast.tenderers["5329"][0]

    @cached_property
    def supervisor(self) -> str:
        return self.province.cast.supervisors["5329"][0]

    @cached_property
    def host(self) -> Actor:
        return Actor("staff", frozenset({Role.STAFF}), centre_id=self.centre)

    @property
    def watch(self) -> Actor:
        """The supervisor whom the project names."""
        return Actor("supervisor-1", frozenset({Role.SUPERVISOR}), party_id=self.supervisor)

    def now(self, moment: datetime) -> None:
        self.office.clock.move_to(moment)  # type: ignore[attr-defined]

    def account(self, name: str, role: Role, centre: str = "", party: str = "") -> None:
        with self.office.write() as tx:
            account = Account(name, frozenset({role}), centre_id=centre, party_id=party)
            identity.create_account(tx, SYSTEM, account, PASSWORD)

    def client(self, name: str) -> TestClient:
        client = TestClient(self.app, raise_server_exceptions=False)
        answer = client.post("/api/sign-in", json={"account": name, "password": PASSWORD})
        assert answer.status_code == 200, answer.text
        return client

    def work(self) -> None:
        """Do what is due, as the worker does; messages go to the telephony desk, another process."""
        custodian, dossiers = self.app.state.shell.custodian, self.settings.dossiers
        gateway = HttpGateway(f"{self.telephony.url}/orders", SECRET)
        known = handlers(custodian, dossiers, NoBank(), gateway)
        Worker(self.office, known, "test").run_all_due()

    def messages(self) -> Counter[tuple[str, str]]:
        """(number, words) of all short messages that the desk has been asked to send."""
        with closing(sqlite3.connect(self.folder / "desk" / "telephony.db")) as db:
            return Counter(db.execute("SELECT line, text FROM desk_order WHERE kind = 'MESSAGE'"))

    @property
    def lot(self) -> str:
        with self.office.read() as db:
            return projects.lots(db, centre_id=self.centre)[0].id

    def come_near(self, draw_id: str) -> str:
        """The venue beyond the border corrects its entry: it lies where a member lives, whose id is
        returned; he will sit there."""
        with self.office.write() as tx:
            member = draws.committee(tx.db, draw_id)[0]
            home = yunnan()[pool.expert(tx.db, member.expert_id).home_division]
            entry = venues.entry(tx.db, self.guests[1])
            assert entry is not None
            venues.publish(tx, SYSTEM, [replace(entry, lon=home.lon, lat=home.lat)])
        return member.expert_id

    # --- Others' acts ---------------------------------------------------------------------

    def trustees_answer(self, draw_id: str, count: int) -> None:
        """The first `count` of those who are still awaited."""
        with self.office.write() as tx:
            asked = draws.asking_of(tx.db, draw_id)
            awaited = {one.id for one in asked.trustees if not one.has_answered}
            holders = [one for one in self.province.trustees if one.id in awaited]
            for holder in holders[:count]:
                proof = holder.answer(asked.request_hash, asked.number)
                draws.give_output(tx, draw_id, holder.id, proof)

    def all_accept(self, draw_id: str) -> None:
        with self.office.write() as tx:
            for invited in draws.invited(tx.db, draw_id):
                draws.answer(tx, SYSTEM, draw_id, invited.expert_id, accepted=True)

    def lodge(self, lot_id: str) -> None:
        """Three companies lodge their bids."""
        companies = self.province.parties.of_kind(OrganisationKind.COMPANY)[:3]
        key = self.app.state.shell.custodian.public_key(f"lot/{lot_id}")
        cells = []
        for number, company in enumerate(companies):
            bid = Bid(lot_id, company.uscc, Money.yuan(4_500_000 + 50_000 * number), 120, "合格")
            made = sealing.seal(
                key, f"lot/{lot_id}", "bid", company.uscc, 1, bid.to_bytes(),
                SeededEntropy(company.uscc.encode()),
            )  # fmt: skip
            self.halves[company.uscc] = made.bidder_half
            cells.append(made.cell)
        with self.office.write() as tx:
            lodging.lodge(tx, cells)

    def hand_in(self, lot_id: str, uscc: str) -> None:
        bidder = Actor(f"bidder-{uscc}", frozenset({Role.BIDDER}), party_id=uscc)
        with self.office.write() as tx:
            opening.submit_half(tx, bidder, lot_id, uscc, self.halves[uscc])

    def seat_all(self, lot_id: str) -> None:
        """Seat whoever the opening brought in, calling further ranks where there must be."""
        for _ in range(5):
            with self.office.read() as db:
                draw = drawing.current(db, lot_id)
            if draw.state is State.INVITING:
                self.all_accept(draw.id)
                with self.office.write() as tx:
                    draws.settle(tx, self.host, draw.id)
                continue
            with self.office.write() as tx:
                absent = seating.reseat(tx, self.host, lot_id)
                if not absent:
                    return
                drawing.substitute_absent(tx, self.host, lot_id, absent)
        raise AssertionError("no station for the committee")

    def arrive(self, session_id: str, but: str) -> None:
        """Everybody reads, is identified and signs; the identity of seat `but` is left to staff."""
        with self.office.write() as tx:
            for member in sessions.session(tx.db, session_id).state.sitting:
                person, own = member.expert_id, _member(member.expert_id)
                mark = synthetic.digest(b"test", person)
                sessions.act(tx, own, session_id, c.ReadDiscipline(person, mark))
                if member.seat_code != but:
                    escort = Actor(f"e-{member.centre_id}", self.host.roles, member.centre_id)
                    sessions.act(tx, escort, session_id, c.CheckIn(person, mark))
                if member.seat_code != but:
                    sessions.act(tx, own, session_id, c.SignRecusal(person, False, mark))

    def sign_recusal(self, session_id: str, person: str) -> None:
        with self.office.write() as tx:
            command = c.SignRecusal(person, False, synthetic.digest(b"test", person))
            sessions.act(tx, _member(person), session_id, command)

    def score(self, session_id: str) -> None:
        with self.office.write() as tx:
            session = sessions.session(tx.db, session_id)
            bidders = sheets.valid_bidders(session.state, session.rules)
            for member in session.state.sitting:
                person, own = member.expert_id, _member(member.expert_id)
                cells = synthetic.scores(b"test", session.method, bidders, member.seat_code)
                sheets.save_cells(tx, own, session_id, person, cells)
                digest = sheets.sheet(tx.db, session_id, person).sheet.digest
                sessions.act(tx, own, session_id, c.SubmitScores(person, digest))

    def sign(self, session_id: str) -> None:
        with self.office.write() as tx:
            session = sessions.session(tx.db, session_id)
            for member in session.state.sitting:
                command = c.SignReport(member.expert_id, session.state.report)
                sessions.act(tx, _member(member.expert_id), session_id, command)

    def award_and_sign(self, lot_id: str) -> None:
        own = Actor("tenderer-1", frozenset({Role.TENDERER}), party_id=self.tenderer)
        with self.office.read() as db:
            days = awards.publication(db, lot_id).publicity
        self.now(days.ends_at + timedelta(days=1, hours=10))
        with self.office.write() as tx:
            price = awards.award(tx, own, lot_id, 1).winner.price
        with self.office.write() as tx:
            awards.sign_contract(tx, own, lot_id, price, "示例合同".encode())


def _member(person: str) -> Actor:
    return Actor(f"expert-{person}", frozenset({Role.EXPERT}), party_id=person)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, databases: Databases) -> Iterator[House]:
    folder: Path = tmp_path_factory.mktemp("centre")
    settings = Settings(
        environment=Environment.DEMO,
        data=folder / "data",
        database_url=databases.fresh("sqlite"),
    )
    settings.dossiers.mkdir(parents=True, exist_ok=True)
    (folder / "shared.key").write_bytes(SECRET)
    run_server = Servers(folder)
    office = make_office(folder, settings.url, start=at(10, 21, 9))
    app = create_app(office, settings, open_custodian(settings, office))
    province = Province(1, date(2026, 10, 20), 2_000)
    with office.write() as tx:
        province.install(tx)
        calls.set_lines(tx, SYSTEM, {expert.id: line(expert.id) for expert in province.experts})
    with served(app) as url:
        telephony = start_telephony(run_server, folder)
        made = House(office, app, settings, province, url, folder, run_server, telephony)
        made.account("staff", Role.STAFF, made.centre)
        made.account("staff-2", Role.STAFF, made.centre)
        made.account("watch", Role.SUPERVISOR, party=made.supervisor)
        yield made
    run_server.end()
    office.connections.dispose()


def line(expert_id: str) -> str:
    """An invented number."""
    return f"000{int(expert_id[1:]):08d}"


def start_telephony(run_server: Servers, folder: Path, port: int | None = None) -> Server:
    """The desk that calls and sends messages, on the books it has."""
    words = ["desk", "telephony", "--data", str(folder / "desk"), "--driven"]
    words += ["--key", str(folder / "shared.key"), "--replies", "http://127.0.0.1:9/replies"]
    return run_server(*words, ready="/health", port=port)


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


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def test_a_lot_from_its_registration_to_its_dossier(chromium_page: Pages, house: House) -> None:
    chromium_page.allow(r"status of (409|422)")  # what is refused is shown, and asked for below
    page = sign_in(chromium_page, house.url, "staff", "/centre/projects/new")
    register(page, house)
    announce(page, house)
    draw(page, house)
    ask_urgently(house)
    plan(page, house)
    go_wrong(page, house)
    sit_across_the_border(page, house)
    ask_why(page, house)
    keep_accounts(page, house)
    open_bids(page, house)
    unseal(chromium_page, page, house)
    hold_session(page, house)
    conclude(page, house)


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


def sign_in_again(page: Page, house: House, account: str, path: str) -> Page:
    """The same window with another person."""
    page.context.clear_cookies()
    page.goto(f"{house.url}/sign-in")
    page.locator("#account").fill(account)
    page.locator("#password").fill(PASSWORD)
    page.locator("main button[type=submit]").click()
    page.locator("header button[type=submit]").wait_for()
    page.goto(house.url + path)
    return page


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


@pytest.mark.page  # after the story, in its process
def test_strangers_are_refused_and_wrong_input_is_told(house: House) -> None:
    """After the story: the lot has everything that could be shown to somebody who may not see it."""
    lot = house.lot
    with house.office.read() as db:
        session = sessions.session_of_lot(db, lot)
        seats = seating_service.seats_of(db, drawing.current(db, lot).id)
    assert session is not None
    involved = {house.centre, *(seat.centre_id for seat in seats)}
    centres = (c.id for c in house.province.parties.centres)
    house.account("stranger", Role.STAFF, next(c for c in centres if c not in involved))
    stranger, own = house.client("stranger"), house.client("staff-2")
    for step in ("notice", "draw", "opening", "session", "result"):
        path = f"/centre/lots/{lot}/{step}"
        assert (step, stranger.get(path).status_code) == (step, 403)
        assert (step, own.get(path).status_code) == (step, 200)
    assert stranger.get(f"/centre/lots/{lot}").status_code == 403
    assert stranger.get(f"/centre/sessions/{session.id}").status_code == 404
    for path in ("draw", "draw/settlement", "opening", "session", "candidates", "dossier"):
        answer = stranger.post(f"/centre/lots/{lot}/{path}")
        assert (path, answer.status_code) == (path, 403)
    assert TestClient(house.app).get("/centre/day", follow_redirects=False).status_code != 200
    assert "示例道路工程0001" not in stranger.get("/centre/day?day=2026-11-11").text
    assert "示例道路工程0001" not in stranger.get("/centre/seats?day=2026-11-11").text

    assert (
        own.get(f"/centre/lots/{lot}", follow_redirects=False)
        .headers["location"]
        .endswith("/result")
    )
    again = own.post(f"/centre/lots/{lot}/dossier")
    assert (again.status_code, "合同签订、流标或终止后" in again.text) == (409, True)
    acts = f"/centre/sessions/{session.id}/acts"
    assert own.post(acts, data={"command": "Nothing"}).status_code == 422
    sealed = own.post(acts, data={"command": "Seal", "number": "S-0001"}, files={"photo": b"x"})
    assert (sealed.status_code, 'id="refusal"' in sealed.text) == (409, True)
    bad = own.post(
        "/centre/projects",
        data={"lots.0.committee.quotas": "A080302", "lots.0.method.items": "T1", "lot_count": "2"},
    )
    assert bad.status_code == 422
    assert "不是“专业代码 人数”的形式" in bad.text
    assert 'id="f-lots-1-name"' in bad.text
    assert 'id="f-lots-2-name"' in own.get("/centre/projects/new?lots=3").text


@pytest.mark.page
@pytest.mark.parametrize("language", ["zh", "en"])
def test_both_languages_have_all_words(house: House, language: str) -> None:
    client = house.client("staff-2")
    paths = ["/centre/day", "/centre/seats", "/centre/lots", "/centre/projects/new?lots=2"]
    steps = ("notice", "draw", "opening", "session", "result")
    paths += [f"/centre/lots/{house.lot}/{step}" for step in steps]
    with house.office.read() as db:
        paths += [f"/centre/sessions/{s.id}" for s in sessions.sessions(db)]
    for path in paths:
        text = client.get(f"{path}{'&' if '?' in path else '?'}lang={language}").text
        assert "[api." not in text, path
