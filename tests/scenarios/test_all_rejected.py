"""A review in which the committee rejects every bid: the tender fails by its report, what bidders handed
in goes back, and the file can be sealed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from api.demo import people
from api.flows import completing, ending
from api.flows import review as flow
from api.flows.names import FREE_TASK
from archive.actor import Actor
from archive.errors import Kind, Refusal
from evaluation.ranking import Ground
from evaluation.session import commands as c
from evaluation.session import service as sessions
from evaluation.session.session import Session
from evaluation.session.state import Stage
from evaluation.sheets import service as sheets
from tests.support.playing import Province, province_at
from tests.support.servers import free_port
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
    do(province, staff, c.Close())


@pytest.mark.slow
def test_all_bids_rejected(province: Province, tmp_path: Path) -> None:
    """招标投标法 第四十二条: the committee may reject all bids; the tender is made anew."""
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
    with province.office.write() as tx:
        ending.fail(tx, staff, lot_id)
    with province.office.read() as db:
        assert projects.lot(db, lot_id).stage is LotStage.FAILED
        assert completing.result(db, staff, lot_id, tmp_path).may_seal
        names = db.execute(sa.text("SELECT name FROM task WHERE state = 'WAITING'")).scalars()
        assert FREE_TASK in set(names)
