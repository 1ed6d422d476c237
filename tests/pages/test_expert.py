"""An expert's day: invited, told where to go, arrived and sworn, the sheet that saves itself through
conflicts and a cut line, locked for the night, submitted."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from playwright.sync_api import Locator, Page, expect
from sqlmodel import col

from api.demo import people
from api.identity import service as identity
from archive.actor import Role
from archive.journal import service as journal
from evaluation.seating.tables import SeatRow
from evaluation.session import commands as c
from evaluation.session import synthetic
from evaluation.session.state import Answer, PauseKind, SealFinding, Stage
from evaluation.sheets import service as sheets
from experts.draws import service as draws
from tests.pages.looks import looks, sign_in
from tests.pages.reviewing import Reviewing, open_account, reviewing
from tests.support.browser import Pages


@pytest.fixture(scope="module")
def review(run_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reviewing]:
    with reviewing(run_folder, tmp_path_factory.mktemp("review")) as made:
        yield made


def cells(page: Page) -> Locator:
    return page.locator("#sheet .cell:enabled")


def is_saved(cell: Locator) -> None:
    expect(cell).to_have_attribute("data-state", "saved")


def stored(review: Reviewing, number: int = 0) -> dict[tuple[str, str], int]:
    with review.office.read() as db:
        expert = review.members[number].expert_id
        return dict(sheets.sheet(db, review.session_id, expert).sheet.cells)


def test_where_and_when_and_a_stranger_knows_nothing(
    chromium_page: Pages, review: Reviewing
) -> None:
    page = sign_in(chromium_page, review.url, "expert", "/expert/invitations")
    expect(page.locator("tbody")).to_contain_text("已接受")
    looks(page, "expert-invitations")
    page.goto(review.url + "/expert/sessions")
    expect(page.locator("tbody tr")).to_have_count(1)
    looks(page, "expert-sessions")
    page.locator("tbody a").click()
    expect(page.locator("main")).to_contain_text("公里")
    expect(page.locator(".booth")).not_to_be_empty()
    expect(page.locator("main")).not_to_contain_text("须在当地过夜")
    looks(page, "expert-session")
    for slots in (3, -3):  # had it been planned through the night
        with review.office.write() as tx:
            tx.db.execute(sa.update(SeatRow).values(last_slot=col(SeatRow.last_slot) + slots))
        if slots > 0:
            page.reload()
            expect(page.locator("main")).to_contain_text("须在当地过夜")
    chromium_page.allow("404")
    other = sign_in(chromium_page, review.url, "stranger", "/expert/sessions")
    expect(other.locator(".empty-state")).to_be_visible()
    for path in ("", "/sheet", "/sheet/cells"):
        answer = other.goto(f"{review.url}/expert/sessions/{review.session_id}{path}")
        assert answer is not None
        assert answer.status == 404


def test_a_substitute_is_invited_arrives_and_signs(chromium_page: Pages, review: Reviewing) -> None:
    leaver = review.members[-1]
    draw_id = review.session.draw_id
    host = review.session.centre_id
    open_account(review.office, "host", Role.STAFF, centre=host)
    desk = sign_in(chromium_page, review.url, "host", f"/centre/sessions/{review.session_id}")
    desk.locator("summary", has_text="令其退出").click()
    desk.get_by_label("席位", exact=True).select_option(leaver.seat_code)
    desk.get_by_label("事由").select_option("HEALTH")
    looks(desk, "centre-member-leaves")
    desk.get_by_role("button", name="令其退出").click()
    expect(desk.locator(".alert-success")).to_contain_text("正在递补")
    expect(desk.locator("section", has=desk.locator("#leave"))).to_contain_text("正在通知下一名次")
    gone = sign_in(chromium_page, review.url, "leaver", f"/expert/sessions/{review.session_id}")
    expect(gone.locator("main")).not_to_contain_text("我的评分表")
    gone.close()
    with review.office.read() as db:
        asked = [one.expert_id for one in draws.invited(db, draw_id)]
    expert_id = asked[0]
    open_account(review.office, "substitute", Role.EXPERT, expert_id)
    page = sign_in(chromium_page, review.url, "substitute", "/expert/invitations")
    expect(page.locator(".call [data-until]")).to_contain_text(":")
    looks(page, "expert-invited")
    page.get_by_role("button", name="接受邀请").click()
    expect(page.locator(".alert-success")).to_contain_text("已接受邀请")
    expect(page.locator(".call")).to_have_count(0)
    with review.office.write() as tx:
        for other in asked[1:]:
            draws.answer(tx, people.member(other), draw_id, other, False)
        draws.settle(tx, review.staff, draw_id)
    desk.get_by_role("button", name="请递补专家入席").click()  # the page has heard of it by itself
    expect(desk.locator(".alert-success")).to_contain_text("已入席")
    looks(desk, "centre-member-joined")
    joined = review.session.state.member(expert_id)
    assert joined is not None
    assert joined.seat_code == leaver.seat_code
    page.goto(f"{review.url}/expert/sessions/{review.session_id}")
    lot = page.locator("h1").inner_text()
    assert lot == "评标安排"  # nothing of the project before the identity is checked
    looks(page, "expert-discipline")
    page.get_by_role("button", name="已阅读,签署").click()
    expect(page.locator(".alert-success")).to_contain_text("评标纪律告知已签署")
    review.do(people.staff(joined.centre_id), c.CheckIn(expert_id, "c" * 64))
    sign = page.get_by_role("button", name="声明无须回避并签署")
    sign.wait_for()  # the page has heard of it by itself
    shown = page.locator("#recusal ~ p.text").inner_text()
    looks(page, "expert-recusal")
    sign.click()
    expect(page.get_by_role("link", name="我的评分表")).to_be_visible()
    signed = _document(review, "evaluation:session:recusal_signed")
    assert signed == shown
    assert review.session.state.member(expert_id).is_admitted  # type: ignore[union-attr]


def _document(review: Reviewing, action: str) -> str:
    """The newest document of an action on the session's stream."""
    with review.office.read() as db:
        entries = list(journal.entries(db, f"session/{review.session_id}"))
    found = [e.documents[0] for e in entries if e.action == action and e.documents]
    return review.office.vault.get(found[-1].sha256).decode()


def test_the_sheet_saves_itself_through_another_window_and_a_cut_line(
    chromium_page: Pages, review: Reviewing
) -> None:
    path = f"/expert/sessions/{review.session_id}/sheet"
    page = sign_in(chromium_page, review.url, "expert", path)
    second = page.context.new_page()
    second.goto(review.url + path)
    first = cells(page).first
    first.fill("8.5")
    is_saved(first)
    assert list(stored(review).values()) == [850]
    expect(page.locator("#sheet-state")).to_contain_text("已填 1 /")
    # Another window still shows the empty cell: both scores are shown, the writer chooses.
    chromium_page.allow("409")
    theirs = cells(second).first
    theirs.fill("9")
    expect(theirs).to_have_attribute("data-state", "moved")
    expect(second.locator(".cell-said").first).to_contain_text("8.50")
    looks(second, "expert-sheet-conflict")
    second.get_by_role("button", name="改用我的").click()
    is_saved(theirs)
    assert list(stored(review).values()) == [900]
    second.close()
    # Too much is refused at the cell and goes nowhere.
    wrong = cells(page).nth(1)
    wrong.fill("99")
    expect(wrong).to_have_attribute("data-state", "wrong")
    # The line is cut: what is typed is kept, even through a new reading of the page.
    chromium_page.allow("ERR_INTERNET_DISCONNECTED")
    chromium_page.allow("Failed to fetch")  # live parts poll while the line is cut
    page.context.set_offline(True)
    wrong.fill("7.25")
    cells(page).nth(2).fill("3")
    expect(page.locator("#sheet-line")).to_contain_text("2 格评分已暂存本机")
    assert len(stored(review)) == 1
    looks(page, "expert-sheet-cut")
    page.context.set_offline(False)
    expect(page.locator("#sheet-line")).to_be_hidden()
    is_saved(cells(page).nth(2))
    assert sorted(stored(review).values()) == [300, 725, 900]
    page.reload()
    expect(page.locator("#sheet-state")).to_contain_text("已填 3 /")
    expect(cells(page).nth(1)).to_have_value("7.25")


def test_asking_for_time_and_the_lock_for_the_night(
    chromium_page: Pages, review: Reviewing
) -> None:
    path = f"/expert/sessions/{review.session_id}/sheet"
    page = sign_in(chromium_page, review.url, "second", path)
    cells(page).first.fill("10")
    is_saved(cells(page).first)
    page.get_by_role("button", name="申请延长").click()
    expect(page.locator(".sheet-acts")).to_contain_text("已申请延时")
    me = review.members[1].expert_id
    for member in review.session.state.sitting:
        if member.expert_id != me:
            review.do(people.member(member.expert_id), c.AskForTime(member.expert_id))
    review.do(review.staff, c.RequestPause(PauseKind.AD_HOC, "workload"))
    review.do(people.supervisor("S1"), c.ApprovePause())
    lock = page.get_by_role("button", name="隔夜锁定评分表")
    lock.wait_for()
    cells(page).first.fill("11")
    is_saved(cells(page).first)
    lock.click()
    expect(page.locator(".sheet-acts")).to_contain_text("已隔夜锁定")
    expect(cells(page)).to_have_count(0)
    looks(page, "expert-sheet-locked")
    state = review.session.state
    with review.office.read() as db:
        digest = sheets.sheet(db, review.session_id, me).sheet.digest
    assert state.stage is Stage.PAUSE_APPROVED
    assert state.night.locked_of(me) == digest


def test_one_who_saved_nothing_locks_an_empty_sheet(
    chromium_page: Pages, review: Reviewing
) -> None:
    """The night waits for him too; but what another window has saved since is not locked unseen."""
    path = f"/expert/sessions/{review.session_id}/sheet"
    third, fourth = review.members[2:4]
    for account, member in (("third", third), ("fourth", fourth)):
        open_account(review.office, account, Role.EXPERT, member.expert_id)
    page = sign_in(chromium_page, review.url, "third", path)
    page.get_by_role("button", name="隔夜锁定评分表").click()
    expect(page.locator(".sheet-acts")).to_contain_text("已隔夜锁定")
    assert stored(review, 2) == {}
    assert review.session.state.night.locked_of(third.expert_id) == _digest(review, third.expert_id)

    page = sign_in(chromium_page, review.url, "fourth", path)
    cells(page).first.fill("10")
    is_saved(cells(page).first)
    answer = page.context.request.post(
        f"{review.url}{path}/lock", form={"digest": ""}, headers={"Origin": review.url}
    )
    assert answer.status == 409
    assert "与所存评分表不一致" in answer.text()
    assert not review.session.state.night.locked_of(fourth.expert_id)

    chromium_page.allow(
        "401"
    )  # who is signed out, as all are by the seals, reads on in no open window
    with review.office.write() as tx:
        identity.end_sign_ins(tx, [fourth.expert_id])
    own = people.member(fourth.expert_id)
    review.do(own, c.LockSheet(fourth.expert_id, _digest(review, fourth.expert_id)))
    expect(page.get_by_role("heading", name="尚未登录")).to_be_visible()
    expect(page.locator(".cell")).to_have_count(0)


def test_the_report_after_the_night(chromium_page: Pages, review: Reviewing) -> None:
    _spend_the_night(review)
    bidders = sheets.valid_bidders(review.session.state, review.session.rules)
    for member in review.session.state.sitting:
        scores = synthetic.scores(b"1", review.session.method, bidders, member.seat_code)
        own = people.member(member.expert_id)
        with review.office.write() as tx:
            sheets.save_cells(tx, own, review.session_id, member.expert_id, scores)
    path = f"/expert/sessions/{review.session_id}/sheet"
    page = sign_in(chromium_page, review.url, "expert", path)
    expect(page.locator("#sheet-state")).to_contain_text("还缺 0 格")
    page.get_by_role("button", name="提交评分表").click()
    expect(page.locator(".sheet-acts")).to_contain_text("已提交")
    for member in review.session.state.sitting:
        if not member.submitted:
            own = people.member(member.expert_id)
            review.do(own, c.SubmitScores(member.expert_id, _digest(review, member.expert_id)))
    review.do(review.staff, c.FileReport())
    page.get_by_text("书面提出不同意见").first.click()
    page.get_by_label("不同意见及理由").fill("第一名的工期安排不合理。")
    looks(page, "expert-report")
    page.get_by_role("button", name="书面提出不同意见").click()
    expect(page.locator(".sheet-acts")).to_contain_text("已书面异议")
    me = review.session.state.member(review.members[0].expert_id)
    assert me is not None
    assert me.answer is Answer.DISSENT


def _digest(review: Reviewing, expert_id: str) -> str:
    with review.office.read() as db:
        return sheets.sheet(db, review.session_id, expert_id).sheet.digest


def _spend_the_night(review: Reviewing) -> None:
    """PAUSE_APPROVED → REVIEWING, by everybody but those whose pages are looked at."""
    bidder, item = review.session.state.bids[0].bidder, review.session.method.items[0].code
    for member in review.session.state.sitting:
        if review.session.state.night.locked_of(member.expert_id):
            continue
        own = people.member(member.expert_id)
        with review.office.write() as tx:
            sheets.save_cell(tx, own, review.session_id, member.expert_id, bidder, item, 500)
        review.do(own, c.LockSheet(member.expert_id, _digest(review, member.expert_id)))
    venues = review.session.state.night.venues
    for venue in venues:
        review.do(people.staff(venue), c.Seal(venue, f"YN-{venue}", "a" * 64))
        review.do(people.staff(venue, 2), c.WitnessSeal(venue, f"YN-{venue}"))
    for venue in venues:
        review.do(people.staff(venue), c.Unseal(venue, f"YN-{venue}", "b" * 64, SealFinding.INTACT))
        review.do(people.staff(venue, 2), c.WitnessUnseal(venue, f"YN-{venue}", SealFinding.INTACT))
    for member in review.session.state.sitting:
        staff = people.staff(member.centre_id)
        review.do(staff, c.RecheckIdentity(member.expert_id, member.identity))
    review.do(review.staff, c.Resume())
