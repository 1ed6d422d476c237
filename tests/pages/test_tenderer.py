"""A tenderer's pages: his lots, objections answered beside the bidder who raised them, the award,
the contract; strangers refused."""

from __future__ import annotations

from datetime import timedelta
from itertools import product
from pathlib import Path

from playwright.sync_api import FilePayload, expect

from deposits import service as deposits
from deposits.guarantees import service as guarantees
from deposits.issuers import service as issuers
from deposits.lot import demand_of
from deposits.synthetic import issue, make_issuers, promise_for
from evaluation.session.synthetic import method_json
from tests.builders import CENTRE, STAFF
from tests.pages.looks import looks
from tests.pages.test_bidder import enter, lot_id, url, world
from tests.support.browser import Pages
from tests.trading.world import FIRMS, World, lot_spec
from trading.awards import service as awards
from trading.awards.award import Candidate
from trading.calendar.legal import legal_day
from trading.lodging.bid import GUARANTEE
from trading.money import Money
from trading.opening import service as openings
from trading.parties import service as parties
from trading.parties.party import Organisation, OrganisationKind
from trading.projects import service as projects
from trading.synthetic import synthetic_uscc

__all__ = ["lot_id", "url", "world"]


def test_an_objection_is_raised_and_answered(
    chromium_page: Pages, url: str, lot_id: str, tmp_path: Path
) -> None:
    """Two browsers: the bidder's shows the answer by itself."""
    document, answer = tmp_path / "异议.txt", tmp_path / "答复.txt"
    document.write_text("示例异议", "utf-8")
    answer.write_text("示例答复", "utf-8")
    bidder = enter(chromium_page, url, "bidder", f"/bidder/tenders/{lot_id}/objections")
    tenderer = enter(chromium_page, url, "tenderer", "/tenderer/lots")
    for number in (1, 2):
        bidder.locator("#f-stage").select_option("FILE")
        bidder.locator("#f-document").set_input_files(document)
        bidder.locator("#objection-form button").click()
        expect(bidder.locator("#raised tbody tr")).to_have_count(number)
    expect(bidder.locator("#said")).to_contain_text("撤回密码")
    looks(bidder, "bidder-objections")
    bidder.locator(".take-back button").first.click()
    expect(bidder.locator("#raised .badge").first).to_have_text("已撤回")
    tenderer.reload()
    looks(tenderer, "tenderer-lots")
    tenderer.get_by_role("link", name="示例标段").first.click()
    tenderer.locator("#f-outcome").select_option("REJECTED")
    chromium_page.allow("status of 422")
    tenderer.get_by_role("button", name="提交答复").click()
    expect(tenderer.locator("#f-document-fault")).to_contain_text("请选择文件")
    looks(tenderer, "tenderer-objection")
    tenderer.locator("#f-document").set_input_files(answer)
    tenderer.get_by_role("button", name="提交答复").click()
    expect(tenderer.locator(".alert-success")).to_have_text("异议已答复。")
    paper: FilePayload = {"name": "x", "mimeType": "text/plain", "buffer": b"x"}
    again: dict[str, str | float | bool | bytes | FilePayload] = {
        "outcome": "UPHELD",
        "document": paper,
    }
    objection = tenderer.locator("[data-objection]").last.get_attribute("data-objection")
    path = f"{url}/tenderer/lots/{lot_id}/objections/{objection}/answer"
    said = tenderer.request.post(path, multipart=again)
    assert said.status == 409
    assert 'id="refusal"' in said.text()
    expect(bidder.locator("#raised .badge").last).to_have_text("已答复")
    with bidder.expect_download() as download:
        bidder.get_by_role("link", name="下载答复").click()
    assert download.value.path().read_text("utf-8") == "示例答复"


def promise(world: World, lot: str, bidder: str) -> bytes:
    """A guarantee of a registered bank that fulfils what this bidder owes."""
    bank = Organisation(synthetic_uscc(50, CENTRE), "滇示例银行", OrganisationKind.ISSUER, CENTRE)
    (issuer,) = make_issuers(b"pages", [bank])
    with world.office.write() as tx:
        parties.register_organisations(tx, STAFF, [bank])
        issuers.register_issuer(tx, STAFF, issuer.issuer)
        asked = deposits.terms_for(tx.db, lot, bidder, legal_day(tx.now))
        demand = demand_of(deposits.deposit_lot(tx.db, lot), bidder, asked)
    return issue(issuer, promise_for(issuer, demand, "示例-0001"))


def test_award_and_contract(chromium_page: Pages, url: str, world: World, tmp_path: Path) -> None:
    chromium_page.allow("status of 4")
    lot = world.noticed(lots=(lot_spec(method=method_json(b"1")),))
    prices = [Money.yuan(4_500_000 + n * 10_000) for n in range(3)]
    bids = [world.bid_cell(lot, FIRMS[n], 4_500_000 + n * 10_000) for n in range(3)]
    world.lodge(*bids, world.cell(lot, FIRMS[1], promise(world, lot, FIRMS[1]), GUARANTEE))
    world.begin(lot)
    for firm in FIRMS[:3]:
        world.give_half(lot, firm)
    world.finish(lot)
    with world.office.write() as tx:
        guarantees.restore(tx, STAFF, lot, openings.envelopes(tx.db, lot, GUARANTEE))
        guarantees.verify_lot(tx, STAFF, lot)
        report = tx.keep("report", {"example": 1})
        projects.mark_evaluated(tx, STAFF, lot, report)
        ranked = [Candidate(n + 1, FIRMS[n], prices[n]) for n in range(3)]
        published = awards.publish_candidates(tx, STAFF, lot, ranked, report)
    page = enter(chromium_page, url, "tenderer", f"/tenderer/lots/{lot}")
    page.get_by_role("button", name="确定中标人").click()
    expect(page.locator("#refusal")).to_contain_text("公示")
    world.at(published.publicity.ends_at + timedelta(hours=9))
    page.goto(f"{url}/tenderer/lots/{lot}")
    page.locator("#f-rank").select_option("2")
    page.get_by_role("button", name="确定中标人").click()
    expect(page.locator("#refusal")).to_contain_text("award.rank_one")
    proof = tmp_path / "proof.txt"
    proof.write_text("示例放弃函", "utf-8")
    page.locator("#f-cause").select_option("GAVE_UP")
    page.locator("#f-proof").set_input_files(proof)
    page.get_by_role("button", name="确定中标人").click()
    expect(page.locator(".alert-success")).to_have_text("已定标。")
    page.locator("#f-amount").fill("1")
    page.locator("#f-contract").set_input_files(proof)
    page.get_by_role("button", name="登记已签合同").click()
    expect(page.locator("#refusal")).to_contain_text("contract.price_as_bid")
    page.locator("#f-amount").fill(prices[1].in_yuan())
    page.locator("#f-contract").set_input_files(proof)
    page.get_by_role("button", name="登记已签合同").click()
    expect(page.locator(".alert-success")).to_contain_text("合同已登记")
    page.get_by_role("button", name="公开合同").click()
    expect(page.locator(".alert-success")).to_have_text("合同已公开。")
    looks(page, "tenderer-contract")
    bidder = enter(chromium_page, url, "other", f"/bidder/tenders/{lot}/opening")
    expect(bidder.locator("#own")).to_be_visible()
    expect(bidder.locator("main")).to_contain_text("中标人")
    refund = bidder.locator("section", has=bidder.locator("#refund"))
    expect(refund).to_contain_text("合同已签订")  # five days from the contract
    expect(refund).to_contain_text("2026-11-2")
    for path in (f"/bidder/tenders/{lot}/opening", f"/tenderer/lots/{lot}", "/tenderer/lots"):
        for reader, language in product((bidder, page), ("en", "zh")):
            assert "[api." not in reader.request.get(f"{url}{path}?lang={language}").text(), path
    looks(bidder, "bidder-result")


def test_a_stranger_is_refused(chromium_page: Pages, url: str, lot_id: str) -> None:
    """Another tenderer sees nothing of the lot; roles do not open each other's pages."""
    chromium_page.allow("status of 403")
    stranger = enter(chromium_page, url, "stranger", "/tenderer/lots")
    expect(stranger.locator(".empty-state")).to_be_visible()
    paths = {
        "stranger": [f"/tenderer/lots/{lot_id}", f"/bidder/tenders/{lot_id}", "/bidder/lodgings"],
        "bidder": [f"/tenderer/lots/{lot_id}", "/tenderer/lots"],
    }
    bidder = enter(chromium_page, url, "bidder", "/bidder/tenders")
    for page, name in ((stranger, "stranger"), (bidder, "bidder")):
        for path in paths[name]:
            assert page.request.get(url + path).status == 403, path
    answer = stranger.goto(url + paths["stranger"][0])
    assert answer is not None
    assert answer.status == 403
    expect(stranger.locator("main")).to_contain_text("stranger")  # said in words, on a page
