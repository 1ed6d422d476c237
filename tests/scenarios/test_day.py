"""The story of one evaluation-day cohort, told in the order in which it happens.

A small cohort on the real engine: the province is installed, its people act by the calendar, and at
each stop of the legal clock the test looks at what is so, and at what is still hidden.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from api.commands.verify import judges, verifiers
from api.demo.acts.table import ACTS, first_acts
from api.demo.once import opened, run_until, settings_of
from api.demo.play import Play
from api.flows import drawing
from api.flows.dossier import seal_task
from api.flows.filing import Filing
from api.handlers import handlers
from api.office import open_custodian
from api.pages.record_viewer import viewer_files
from archive.clock import DrivenClock
from archive.errors import Kind, Refusal
from archive.journal import service as journal
from archive.note import Verifier
from archive.office import Office
from archive.tasks.service import Worker
from archive.verification.report import Verdict
from archive.verify import verify
from deposits.guarantees import service as guarantees
from deposits.guarantees.states import GuaranteeState
from evaluation.seating import service as seating
from evaluation.session import service as sessions
from evaluation.session.state import Stage as SessionStage
from experts.draws import service as draws
from experts.draws.request import State as DrawState
from tests.support.reading import readable
from trading.awards import service as awards
from trading.objections import service as objections
from trading.opening import service as opening
from trading.projects import service as projects
from trading.projects.project import Lot
from trading.projects.stages import Stage
from trading.regime import Regime

DAY = date(2026, 10, 21)
SEED = 7
SESSIONS = 3
POOL = 3_000
MINUTE = timedelta(minutes=1)


class Silent:
    def at(self, now: datetime, done: int, waiting: int) -> None:
        pass


@dataclass
class Theatre:
    """The open play, its clock and its hands."""

    office: Office
    clock: DrivenClock
    play: Play
    worker: Worker
    dossiers: Path

    def until(self, moment: datetime) -> None:
        run_until(self.office, self.clock, self.worker, Silent(), moment)
        self.clock.move_to(moment)

    def lots(self) -> tuple[Lot, ...]:
        with self.office.read() as db:
            return projects.lots(db)

    def stages(self) -> set[Stage]:
        return {lot.stage for lot in self.lots()}

    def actions(self, stream: str) -> list[str]:
        with self.office.read() as db:
            return [entry.action for entry in journal.entries(db, stream)]


def refused(kind: Kind, call: Callable[[], object]) -> Refusal:
    with pytest.raises(Refusal) as caught:
        call()
    assert caught.value.kind is kind
    return caught.value


@pytest.mark.slow
def test_a_day_from_registration_to_the_sealed_file(
    migrated_sqlite_url: str, tmp_path: Path
) -> None:
    """On SQLite; that the same day goes the same way on PostgreSQL, entry by entry, is held by
    test_determinism."""
    clock = DrivenClock(datetime(2000, 1, 1, tzinfo=UTC))
    settings = settings_of(tmp_path / "data", migrated_sqlite_url)
    with opened(settings, clock, SEED) as office:
        play = Play(office, open_custodian(settings, office), SEED, DAY, SESSIONS, POOL)
        dossiers = tmp_path / "dossiers"
        known = {**handlers(play.custodian, dossiers), **play.handlers(ACTS)}
        clock.move_to(play.starts_at)
        play.set_up(first_acts(play))
        theatre = Theatre(office, clock, play, Worker(office, known, "test"), dossiers)
        _weeks_before(theatre)
        _eve(theatre)
        _opening(theatre)
        _review_and_night(theatre)
        _weeks_after(theatre)
        _file(theatre)


def _weeks_before(theatre: Theatre) -> None:
    play, when = theatre.play, theatre.play.moments

    theatre.until(when.registration + MINUTE)
    assert theatre.stages() == {Stage.REGISTERED}
    assert len(theatre.lots()) == len(play.script)

    theatre.until(when.notice + MINUTE)
    assert theatre.stages() == {Stage.NOTICED}
    for lot in theatre.lots():
        assert lot.notice is not None
        assert len(lot.notice.preparation.counted) >= 20, "招标投标法 第二十四条"
        assert "trading:lot:key_published" in theatre.actions(lot.subject)

    theatre.until(when.lodgings[-1] + MINUTE)
    sent = sum(len(lot.bids) for _, lot in play.script.values())
    with theatre.office.read() as db:
        cells = db.execute(sa.text("SELECT count(*) FROM lodged_cell")).scalar_one()
        columns = {c["name"] for c in sa.inspect(db.connection()).get_columns("lodged_cell")}
        assert cells > sent, "guarantees and dummies lie among the bids"
        assert columns == {"id", "tick", "cell"}, "nothing links a cell to a lot or a bidder"
        for lot in theatre.lots():
            refused(Kind.TOO_EARLY, lambda lot=lot: opening.bidders_of(db, lot.id))  # type: ignore[misc]
            assert not objections.suspended(db, lot.id), "every objection to a file was answered"


def _eve(theatre: Theatre) -> None:
    when = theatre.play.moments
    theatre.until(when.opening - MINUTE)
    with theatre.office.read() as db:
        taken: Counter[str] = Counter()
        for lot in theatre.lots():
            _, script = theatre.play.script[theatre.play.key_of_name[lot.name]]
            draw = drawing.current(db, lot.id)
            members = draws.committee(db, draw.id)
            taken.update(member.expert_id for member in members)
            assert draw.state is DrawState.SEATED
            assert Counter(m.specialty for m in members) == Counter(script.quotas)
            seats = {seat.expert_id: seat for seat in seating.seats_of(db, draw.id)}
            assert set(seats) <= {member.seat for member in members}, "no seat names anybody"
            assert all(seat.centre_id != lot.centre_id for seat in seats.values()), "客场"
            assert all(not seat.label for seat in seats.values()), "no booth before check-in"
        assert max(taken.values()) == 1, "nobody is drawn into two evaluations at one time"
    for where, text in readable(theatre.office, theatre.office.vault.root).items():
        if b"experts.conflict" not in text:  # the evidence of who is excluded, and from what
            assert not [e for e in taken if e.encode() in text], f"{where} tells who was drawn"


def _opening(theatre: Theatre) -> None:
    play, when = theatre.play, theatre.play.moments

    theatre.until(when.opening + 2 * MINUTE)
    assert theatre.stages() == {Stage.OPENING}
    with theatre.office.read() as db:
        for lot in theatre.lots():
            _, script = play.script[play.key_of_name[lot.name]]
            assert set(opening.bidders_of(db, lot.id)) == {bid.bidder for bid in script.bids}
            refused(Kind.TOO_EARLY, lambda lot=lot: opening.opening(db, lot.id))  # type: ignore[misc]

    theatre.until(when.opening_end + 30 * MINUTE)
    assert theatre.stages() == {Stage.OPENED}
    with theatre.office.read() as db:
        for lot in theatre.lots():
            _, script = play.script[play.key_of_name[lot.name]]
            opened_lot = opening.opening(db, lot.id)
            prices = {bid.bidder: bid.price for bid in opened_lot.bids}
            lost = {bid.bidder for bid in script.bids if bid.loses_half}
            assert prices == {b.bidder: b.price for b in script.bids if b.bidder not in lost}
            assert set(opened_lot.revoked) == lost, "电子招标投标办法 第三十一条"
            for record in guarantees.guarantees(db, lot.id):
                assert record.state is GuaranteeState.VERIFIED, record.reasons


def _review_and_night(theatre: Theatre) -> None:
    play, when = theatre.play, theatre.play.moments

    theatre.until(when.night[2] + MINUTE)
    with theatre.office.read() as db:
        for lot in theatre.lots():
            _, script = play.script[play.key_of_name[lot.name]]
            session = sessions.session_of_lot(db, lot.id)
            assert session is not None
            if script.overnight:
                assert session.stage is SessionStage.SEALED_OVERNIGHT
                assert len(session.state.night.locked) == len(session.state.sitting)
                seals = session.state.night.seals
                assert seals
                assert all(seal.sealed_by != seal.witnessed_by for seal in seals)
            else:
                assert session.stage is SessionStage.CLOSED

    theatre.until(when.candidates - MINUTE)
    with theatre.office.read() as db:
        for lot in theatre.lots():
            session = sessions.session_of_lot(db, lot.id)
            assert session is not None
            assert session.stage is SessionStage.CLOSED
            for night in session.state.nights:
                assert night.resumed_at is not None
            stream = theatre.actions(f"session/{session.id}")
            assert stream[0].startswith("evaluation:seats"), "planned before it was scheduled"
            after = stream[stream.index("evaluation:session:closed") + 1 :]
            assert after in ([], ["evaluation:seats:shortened"]), "its stations are free again"
            booths = sum(action == "evaluation:booth:taken" for action in stream)
            # Who left during the review had a booth as well as the one who took his place.
            came = [m for m in session.state.members if m.identity and not m.is_representative]
            assert booths == len(came)


def _weeks_after(theatre: Theatre) -> None:
    when = theatre.play.moments

    theatre.until(when.candidates + MINUTE)
    assert theatre.stages() == {Stage.CANDIDATES}
    with theatre.office.read() as db:
        for lot in theatre.lots():
            publicity = awards.publication(db, lot.id).publicity
            if lot.regime is Regime.ZTB:
                assert len(publicity.counted) >= 3, "条例 第五十四条"

    theatre.until(when.result_objection + MINUTE)
    with theatre.office.read() as db:
        assert sum(objections.suspended(db, lot.id) for lot in theatre.lots()) == 1

    theatre.until(when.award + MINUTE)
    assert theatre.stages() == {Stage.AWARDED}
    theatre.until(when.contract + MINUTE)
    assert theatre.stages() == {Stage.CONTRACTED}
    _no_file_while_guarantees_are_held(theatre)
    theatre.until(when.release + MINUTE)
    with theatre.office.read() as db:
        assert not guarantees.unreleased(db, theatre.clock.now().date()), "nothing is kept too long"
        for lot in theatre.lots():
            states = {record.state for record in guarantees.guarantees(db, lot.id)}
            assert states <= {GuaranteeState.RELEASED}


def _no_file_while_guarantees_are_held(theatre: Theatre) -> None:
    with theatre.office.read() as db:
        holding = [
            lot.id
            for lot in theatre.lots()
            if any(r.state is GuaranteeState.VERIFIED for r in guarantees.guarantees(db, lot.id))
        ]
    assert holding
    seal = seal_task(Filing(theatre.dossiers, viewer_files))
    found = refused(Kind.CONFLICT, lambda: seal(theatre.office, {"lot": holding[0]}))
    assert found.code == "api.flows.guarantees_held"
    assert not list(theatre.dossiers.glob("*"))


def _pictures_go_with_the_file(
    files: list[Path], pictures: list[Path], trust: list[Verifier]
) -> None:
    """财政部令第87号 第三十九条、第七十六条: what was recorded of the night is whole, and a dossier names it."""
    assert pictures
    named = [path.read_bytes() for file in files for path in file.glob("data/documents/*")]
    for folder in pictures:
        assert (folder / "record.json").read_bytes() in named
        told = verify(folder, trust, {}, judges()).steps[-1].notes
        assert [note.code for note in told] == ["archive.verify.media_held"]
        assert int(told[0].params["count"]) > 20


def _filed_again_nothing_changes(theatre: Theatre, folder: Path) -> None:
    """As when the process was killed after it: the same bytes, and nothing recorded twice."""
    with theatre.office.read() as db:
        lot_id = sessions.session(db, folder.name.removeprefix("session-")).lot_id
    before = (folder / "record.json").read_bytes()
    Filing(theatre.dossiers, viewer_files).file(theatre.office, lot_id)
    assert (folder / "record.json").read_bytes() == before
    assert theatre.actions(f"lot/{lot_id}").count("evaluation:recording:filed") == 1


def _file(theatre: Theatre) -> None:
    theatre.until(theatre.play.moments.archive + MINUTE)
    assert theatre.stages() == {Stage.ARCHIVED}
    trust = [theatre.office.log.verifier]
    files = sorted(theatre.dossiers.glob("lot-*"))
    assert len(files) == len(theatre.lots())
    pictures = sorted(theatre.dossiers.glob("session-*"))
    assert sorted(theatre.dossiers.iterdir()) == sorted([*files, *pictures])
    for file in [*files, *pictures]:
        report = verify(file, trust, verifiers(), judges())
        assert report.verdict is Verdict.VALID, [step for step in report.steps if step.findings]
    _pictures_go_with_the_file(files, pictures, trust)
    _filed_again_nothing_changes(theatre, pictures[0])
    with theatre.office.read() as db:
        assert journal.first_break_anywhere(db) is None
