"""A review in which the committee rejects every bid: the tender fails by its report, what bidders handed
in goes back, and the file can be sealed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from playwright.sync_api import expect

from api.app import create_app
from api.demo import people
from api.flows import completing, ending, sealing
from api.flows import review as flow
from api.flows.names import FREE_TASK
from archive.actor import Actor, Role
from archive.errors import Kind, Refusal
from deposits.guarantees import service as guarantees
from deposits.guarantees.states import IN_FORCE
from deposits.release import ReleaseCause
from evaluation.ranking import Ground
from evaluation.seating.service import seats_of
from evaluation.seating.tables import SeatRow
from evaluation.session import commands as c
from evaluation.session import service as sessions
from evaluation.session.session import Session
from evaluation.session.state import Stage
from evaluation.sheets import service as sheets
from evaluation.stations.slots import slot_at
from tests.pages.looks import looks, sign_in
from tests.pages.reviewing import open_account
from tests.support.browser import Pages
from tests.support.playing import Province, province_at
from tests.support.servers import free_port
from tests.support.serving import served
from trading.calendar.legal import legal_day
from trading.projects import service as projects
from trading.projects.stages import Stage as LotStage


@pytest.fixture
def province(run_folder: Path, tmp_path: Path) -> Iterator[Province]:
    with province_at(run_folder, Stage.REVIEWING, tmp_path / "day", free_port()) as at:
        yield at


def session_of(province: Province) -> Session:
    with province.office.read() as db:
        return sessions.session(db, province.session.id)


def do(province: Province, by: Actor, command: c.Command) -> None:
    with province.office.write() as tx:
        sessions.act(tx, by, province.session.id, command)


def reject_all(province: Province) -> None:
    """Everybody has begun his sheet; then all find that no bid fits the tender file."""
    session = province.session
    bidder, item = session.state.bids[0].bidder, session.method.items[0].code
    for member in session.state.sitting:
        own = people.member(member.expert_id)
        with province.office.write() as tx:
            sheets.save_cell(tx, own, session.id, member.expert_id, bidder, item, 500)
    for bid in session.state.bids:
        for member in session.state.sitting:
            own = people.member(member.expert_id)
            vote = c.VoteRejection(member.expert_id, bid.bidder, Ground.NOT_RESPONSIVE)
            do(province, own, vote)


def conclude(province: Province) -> None:
    for member in session_of(province).state.sitting:
        with province.office.read() as db:
            found = sheets.sheet(db, province.session.id, member.expert_id)
        own = people.member(member.expert_id)
        do(province, own, c.SubmitScores(member.expert_id, found.sheet.digest))
    staff = people.staff(province.session.centre_id)
    do(province, staff, c.FileReport("a" * 64))
    report = session_of(province).state.report
    for member in session_of(province).state.sitting:
        do(province, people.member(member.expert_id), c.SignReport(member.expert_id, report))
    draw_id = province.session.draw_id
    now = slot_at(province.office.clock.now())
    with province.office.write() as tx:
        tx.db.execute(
            sa.update(SeatRow).values(last_slot=now + 1)
        )  # had it been planned for longer
        sealing.act(tx, staff, draw_id, c.Close())
    with province.office.read() as db:
        assert {seat.slots[-1] for seat in seats_of(db, draw_id)} == {now}


@pytest.mark.slow
def test_all_bids_rejected(province: Province, tmp_path: Path, chromium_page: Pages) -> None:
    """招标投标法 第四十二条: the committee may reject all bids; the tender is made anew. Staff declare it in
    the browser, and a bidder sees there when his deposit goes back."""
    lot_id = province.session.lot_id
    staff = people.staff(province.session.centre_id)
    with pytest.raises(Refusal) as caught, province.office.write() as tx:
        ending.fail(tx, staff, lot_id)
    assert (caught.value.code, caught.value.kind) == ("api.flows.bids_stand", Kind.CONFLICT)
    reject_all(province)
    conclude(province)
    with pytest.raises(Refusal), province.office.write() as tx:
        flow.publish_candidates(tx, staff, lot_id)
    with province.office.read() as db:
        assert completing.result(db, staff, lot_id, tmp_path).may_fail
        held = [g for g in guarantees.guarantees(db, lot_id) if g.state in IN_FORCE]
    assert held
    assert all(record.release_due_on is None for record in held)
    open_account(province.office, "staff", Role.STAFF, centre=province.session.centre_id)
    open_account(province.office, "bidder", Role.BIDDER, held[0].bidder_uscc)
    app = create_app(province.office, province.settings, province.custodian)
    with served(app, province.settings.port) as url:
        page = sign_in(chromium_page, url, "staff", f"/centre/lots/{lot_id}/result")
        page.get_by_role("button", name="宣布流标").click()
        expect(page.locator(".alert-success")).to_be_visible()
        looks(page, "all-rejected")
        asked = {"lot": lot_id, "on": legal_day(province.office.clock.now()).isoformat()}
        with province.office.write() as tx:
            ending.free_task(province.office, asked)(tx)
        own = sign_in(chromium_page, url, "bidder", "/bidder/deposits")
        expect(own.locator(".own-guarantee").first).to_contain_text("终止或者流标")
        looks(own, "all-rejected-bidder")
    with province.office.read() as db:
        now = [g for g in guarantees.guarantees(db, lot_id) if g.state in IN_FORCE]
        assert all(record.release_cause is ReleaseCause.TERMINATED for record in now)
        assert all(record.release_due_on is not None for record in now)
        assert projects.lot(db, lot_id).stage is LotStage.FAILED
        assert completing.result(db, staff, lot_id, tmp_path).may_seal
        names = db.execute(sa.text("SELECT name FROM task WHERE state = 'WAITING'")).scalars()
        assert FREE_TASK in set(names)
