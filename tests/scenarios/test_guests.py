"""A demonstration with guests in it: what they do is not done a second time, what is theirs to do is
waited for while they are signed in, and nothing of theirs is overwritten afterwards."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from api.demo import patience, people
from api.demo.acts.table import ACTS, first_acts
from api.demo.doors import PASSWORD
from api.demo.guests import EXPERT, answer_guests, guests, open_expert_account
from api.demo.once import opened, settings_of
from api.demo.play import Play
from api.demo.serve import AFTER_UNSEALING, Driver
from api.flows import drawing, sealing
from api.flows import opening as flow
from api.flows.member import calls
from api.handlers import handlers
from api.identity import service as identity
from api.identity.accounts import Account
from api.office import open_custodian
from archive.actor import Actor
from archive.clock import DrivenClock
from archive.office import Office
from archive.tasks.service import Worker
from evaluation.session import commands as c
from evaluation.session import service as sessions
from evaluation.session.session import Session
from evaluation.session.state import Member, Stage
from evaluation.sheets import service as sheets
from experts.draws import service as draws
from experts.draws.request import State
from tests.scenarios.conftest import POOL
from tests.support.playing import Stagehand
from trading.projects import service as projects
from trading.projects.stages import Stage as LotStage

DAY = date(2026, 10, 21)
DIGEST = "d" * 64
LIMITS = identity.Limits(timedelta(hours=1), timedelta(hours=8), timedelta(minutes=5), 5)
NOW = datetime(2026, 1, 1, tzinfo=UTC)


@contextmanager
def begun(url: str, folder: Path) -> Iterator[tuple[Play, Stagehand]]:
    """A play that is set up, and who runs it."""
    clock = DrivenClock(datetime(2000, 1, 1, tzinfo=UTC))
    settings = settings_of(folder, url)
    with opened(settings, clock, 1) as office:
        play = Play(office, open_custodian(settings, office), 1, DAY, 3, POOL)
        clock.move_to(play.starts_at)
        play.set_up(first_acts(play))
        known = {**handlers(play.custodian, folder / "dossiers"), **play.handlers(ACTS)}
        hand = Stagehand(office, clock, Worker(office, known, "test"))
        yield play, hand


def test_legal_time_does_not_jump_while_a_guest_is_waited_for(
    migrated_sqlite_url: str, tmp_path: Path
) -> None:
    """Once the day is over it jumps from task to task. Each look whether a guest has done his part would
    stop it: everybody else would be held up by some hundreds of looks, and his patience be gone at once."""
    clock = DrivenClock(datetime(2000, 1, 1, tzinfo=UTC))
    settings = settings_of(tmp_path, migrated_sqlite_url)
    with opened(settings, clock, 1) as office:
        play = Play(office, open_custodian(settings, office), 1, DAY, 3, POOL)
        driver = Driver(office, clock, play, Worker(office, {}, "test"), 60, threading.Event())
        clock.move_to(play.moments.unseal + AFTER_UNSEALING)
        later = clock.now() + timedelta(days=1)
        with office.write() as tx:
            patience.wait(play, tx, "score", {})
            play.later(tx, "publish_candidates", {}, later)
        driver.step()
        look = play.patient_until
        assert clock.now() < look < later
        assert look - clock.now() < patience.LOOK_AGAIN, "it did not run"
        play.patient_until = clock.now()  # nobody is waited for any more
        driver.step()
        assert look <= clock.now() < later


def test_the_play_goes_on_around_its_guests(migrated_sqlite_url: str, tmp_path: Path) -> None:
    with begun(migrated_sqlite_url, tmp_path) as (play, hand):
        office = hand.office
        host = guests(play)[0].centre_id
        hand.until(lambda: open_expert_account(office, host))
        token, expert = identity.sign_in(office, LIMITS, EXPERT, PASSWORD, "here", NOW)
        who = expert.party_id
        lot_id = _read_out(hand, play, host)
        _arrive(hand, lot_id, who)
        hand.until(lambda: _waits_for(_session(office, lot_id), who))
        session = _session(office, lot_id)
        bidder, item = session.state.bids[0].bidder, session.method.items[0].code
        with office.write() as tx:
            sheets.save_cell(tx, people.expert(who), session.id, who, bidder, item, 125)
        identity.sign_out(office, token)
        hand.until(lambda: _session(office, lot_id).stage is Stage.CLOSED)
        with office.read() as db:
            held = sheets.sheet(db, session.id, who).sheet.cells
        assert held[bidder, item] == 125
        assert len(held) > 1


def test_a_guest_who_must_recuse_himself_is_followed(
    migrated_sqlite_url: str, tmp_path: Path
) -> None:
    """His seat is called for, the calling service answers, and the review begins with another."""
    with begun(migrated_sqlite_url, tmp_path) as (play, hand):
        office = hand.office
        host = guests(play)[0].centre_id
        hand.until(lambda: _is_announced(office, host))
        lot_id, asked = _draw(office, guests(play)[0])
        served: set[str] = set()
        for _ in range(2):
            answer_guests(office, play, served)
        assert served == {asked}
        hand.until(lambda: open_expert_account(office, host))
        hand.until(lambda: hand.clock.now() > play.moments.draw + timedelta(minutes=2))
        with office.read() as db:
            (only,) = draws.draws_of_lot(db, lot_id)
        assert only.id == asked, "the trustees answered the guest, and the play takes his draw"
        assert only.state in (State.INVITING, State.SEATED)
        _, expert = identity.sign_in(office, LIMITS, EXPERT, PASSWORD, "here", NOW)
        who = expert.party_id
        lot_id = _read_out(hand, play, host)
        own = people.expert(who)
        session = _session(office, lot_id)
        with office.write() as tx:
            sessions.act(tx, own, session.id, c.ReadDiscipline(who, DIGEST))
        hand.until(lambda: bool(_member(office, lot_id, who).identity))
        with office.write() as tx:
            sealing.act(tx, own, session.id, c.SignRecusal(who, True, DIGEST))
        hand.until(lambda: _session(office, lot_id).stage is Stage.REVIEWING)
        seat = _member(office, lot_id, who).seat_code
        (follower,) = [m for m in _session(office, lot_id).state.sitting if m.seat_code == seat]
        assert follower.expert_id != who
        _is_told_what_became_of_it(office, session.draw_id, who, follower.expert_id)


def _is_told_what_became_of_it(office: Office, draw_id: str, left: str, came: str) -> None:
    """Each reads what came of his own yes; who watches the draw sees that one rank has left."""
    with office.read() as db:
        sat = {member.expert_id for member in draws.committee(db, draw_id)}
        said = {
            who: next(c.answer for c in calls(db, people.expert(who), NOW) if c.draw_id == draw_id)
            for who in (*sat, left)
        }
        assert said == {**dict.fromkeys(sat, "SEATED"), left: "LEFT"}
        assert came in sat
        gone = [call for call in draws.calls(db, draw_id) if call.has_left]
    assert [call.answer for call in gone] == ["YES"]


def _is_announced(office: Office, host: str) -> bool:
    with office.read() as db:
        return bool(projects.lots(db, stage=LotStage.NOTICED, centre_id=host))


def _draw(office: Office, guest: Account) -> tuple[str, str]:
    """The guest of the centre asks for a draw days before the play does."""
    own = Actor(guest.id, guest.roles, centre_id=guest.centre_id)
    with office.write() as tx:
        lot = projects.lots(tx.db, stage=LotStage.NOTICED, centre_id=guest.centre_id)[0]
        return lot.id, drawing.request(tx, own, lot.id).id


def _read_out(hand: Stagehand, play: Play, host: str) -> str:
    """The guest of the centre reads a lot's bids out before the play does."""
    hand.until(lambda: hand.clock.now() >= play.moments.opening_end)
    with hand.office.read() as db:
        found = projects.lots(db, stage=LotStage.OPENING, centre_id=host)
    with hand.office.write() as tx:
        for lot in found:
            flow.finish(tx, people.staff(host), lot.id)
    hand.until(lambda: _has_session(hand.office, found[0].id))
    return found[0].id


def _arrive(hand: Stagehand, lot_id: str, who: str) -> None:
    """The guest signs for himself; the staff of his venue identify him between."""
    session = _session(hand.office, lot_id)
    assert session.stage is Stage.CHECK_IN
    assert [m.expert_id for m in session.state.sitting if not m.is_admitted] == [who]
    own = people.expert(who)
    with hand.office.write() as tx:
        sessions.act(tx, own, session.id, c.ReadDiscipline(who, DIGEST))
    hand.until(lambda: bool(_member(hand.office, lot_id, who).identity))
    with hand.office.write() as tx:
        sessions.act(tx, own, session.id, c.SignRecusal(who, False, DIGEST))
    hand.until(lambda: _session(hand.office, lot_id).stage is Stage.REVIEWING)


def _waits_for(session: Session, who: str) -> bool:
    """Everybody else is done with his sheet, or has locked it for the night."""
    others = [m for m in session.state.sitting if m.expert_id != who]
    if session.stage is Stage.PAUSE_APPROVED:
        return all(session.state.night.locked_of(m.expert_id) for m in others)
    return all(m.submitted for m in others)


def _has_session(office: Office, lot_id: str) -> bool:
    with office.read() as db:
        return sessions.session_of_lot(db, lot_id) is not None


def _session(office: Office, lot_id: str) -> Session:
    with office.read() as db:
        found = sessions.session_of_lot(db, lot_id)
    assert found is not None
    return found


def _member(office: Office, lot_id: str, who: str) -> Member:
    found = _session(office, lot_id).state.member(who)
    assert found is not None
    return found
