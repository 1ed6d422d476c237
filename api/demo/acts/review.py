"""Acts of the day: halves of the keys, opening, arrival, review, the night under seal, the report.

Several people act in each step; each of their commands is given by the account of the one who acts.
A step is one transaction, so a killed demo never leaves half a committee checked in. A guest may have
done some of it already, or is still about to (`api.demo.patience`).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from api.demo import people
from api.demo.acts import night
from api.demo.acts.pool import ASSESSED_AFTER
from api.demo.patience import awaited, served, wait
from api.demo.play import Play
from api.flows import drawing, review, sealing, substitution
from api.flows import opening as flow
from archive.actor import Actor
from archive.errors import Kind, Refusal
from archive.office import Tx
from archive.tasks.service import Write
from evaluation.seating.checkin.service import assign_label
from evaluation.session import commands as c
from evaluation.session import service as sessions
from evaluation.session import synthetic
from evaluation.session.session import Session
from evaluation.session.state import Answer, Cause, Member, PauseKind, Recusal, SealFinding
from evaluation.session.state import Stage as SessionStage
from evaluation.sheets import service as sheets
from evaluation.witness import service as witness
from experts.draws import service as draws
from experts.draws.request import State
from experts.invitations.unsealing import service as unsealing
from trading.opening import service as opening
from trading.projects import service as projects
from trading.projects.stages import Stage

MINUTE = timedelta(minutes=1)
REVIEW = timedelta(minutes=90)


def halves(play: Play, args: Mapping[str, Any]) -> Write:
    """Each bidder hands in his half, online, for himself; some computer is broken."""
    _, lot = play.lot(args)

    def write(tx: Tx) -> None:
        stage = projects.lot(tx.db, args["lot"]).stage
        if stage is Stage.NOTICED:  # an objection has postponed the opening
            play.later(tx, "halves", args, tx.now + 60 * MINUTE)
            return
        if stage is not Stage.OPENING:
            return
        for bidder in opening.bidders_of(tx.db, args["lot"]):
            bid = next(b for b in lot.bids if b.bidder == bidder)
            if not bid.loses_half:
                half = play.half(lot.key, bidder)
                opening.submit_half(tx, people.bidder(bidder), args["lot"], bidder, half)
        play.later(
            tx, "finish_opening", args, max(play.when(args).opening_end, tx.now + 30 * MINUTE)
        )

    return write


def finish_opening(play: Play, args: Mapping[str, Any]) -> Write:
    """The host reads the bids out; the committee is checked against the bidders."""
    project, _ = play.lot(args)

    def write(tx: Tx) -> None:
        if projects.lot(tx.db, args["lot"]).stage is Stage.OPENING:
            flow.finish(tx, people.staff(project.centre_id), args["lot"])
        if projects.lot(tx.db, args["lot"]).stage is not Stage.OPENED:
            return  # too few bidders: there is nothing to review
        draw = drawing.current(tx.db, args["lot"])
        if draw.state is State.INVITING:
            play.later(tx, "listen", {**args, "draw": draw.id}, tx.now + 5 * MINUTE)
        play.later(tx, "reseat", args, tx.now + 10 * MINUTE)

    return write


def _digest(play: Play, label: str) -> str:
    return synthetic.digest(f"demo {play.seed}".encode(), label)


def convene(play: Play, args: Mapping[str, Any]) -> Write:
    """Two open the names, the session is scheduled, and the members arrive at their stations:
    discipline, identity, recusal statement, booth; then the bids are handed over and the review
    begins."""
    project, lot = play.lot(args)
    host = people.staff(project.centre_id)
    watch = people.supervisor(project.supervisor)
    persons = [people.representative(lot.key, n + 1) for n in range(lot.representatives)]
    start = play.when(args).start(lot.first_part)
    with play.office.read() as db:
        drawn = draws.draws_of_lot(db, args["lot"])
    if any(
        draw.state is State.INVITING for draw in drawn
    ):  # a guest stood down: the next ranks are called, and answer
        play.telephony.advance(play.office.clock.now())

    def write(tx: Tx) -> None:
        if tx.now < start:
            play.later(tx, "convene", args, start)
            return
        session = sessions.session_of_lot(tx.db, args["lot"])
        if session is None:
            draw = drawing.current(tx.db, args["lot"])
            if not unsealing.standing(tx.db, draw.id).is_sealed:  # being sealed just now
                play.later(tx, "convene", args, tx.now + MINUTE)
                return
            unsealing.ask(tx, host, draw.id)
            unsealing.consent(tx, watch, draw.id, play.custodian)
            unsealing.view(tx, host, draw.id)
            session = review.schedule(tx, host, args["lot"], persons)
        if session.stage is SessionStage.SCHEDULED:
            session = sessions.act(tx, host, session.id, c.OpenCheckIn())
        if not session.state.bids:
            session = review.enter_bids(tx, host, session)
        if substitution.join(tx, host, session.id):
            session = sessions.session(tx.db, session.id)
        guest = awaited(tx, args)
        for member in session.state.sitting:
            session = _arrive(play, tx, session, member, is_left=member.expert_id == guest)
        if not all(member.is_admitted for member in session.state.sitting):
            wait(play, tx, "convene", args)
            return
        if session.stage is SessionStage.CHECK_IN:
            session = sessions.act(tx, host, session.id, c.BeginReview())
        _elect(tx, session, guest)
        if lot.illness:
            play.later(tx, "fall_ill", served(args), tx.now + 20 * MINUTE)
        play.later(tx, "draft" if lot.overnight else "score", served(args), tx.now + REVIEW)

    return write


def _elect(tx: Tx, session: Session, guest: str) -> None:
    """The members elect the first expert to the chair; a guest votes himself, if he likes."""
    first = next(m.seat_code for m in session.state.sitting if not m.is_representative)
    for member in session.state.sitting:
        if member.expert_id != guest and not session.state.chair:
            vote = c.VoteChair(member.expert_id, first)
            if (member.expert_id, first) not in session.state.chair_votes:
                session = sessions.act(tx, people.member(member.expert_id), session.id, vote)


def _arrive(play: Play, tx: Tx, session: Session, member: Member, *, is_left: bool) -> Session:
    """A member arrives and is admitted, as far as he is not yet; what is left to a guest is what he
    signs himself."""
    person, desk = member.expert_id, people.staff(member.centre_id)
    own = people.member(person)
    if not member.discipline and not is_left:
        notice = _digest(play, "discipline")
        session = sessions.act(tx, own, session.id, c.ReadDiscipline(person, notice))
    if not member.identity and (member.discipline or not is_left):
        identity = _digest(play, f"identity {person}")
        session = sessions.act(tx, desk, session.id, c.CheckIn(person, identity))
        presence = {"seat": member.seat_code, "place": "BOOTH", "present": True}
        witness.record_event(tx, desk, session.id, "presence", presence)
        if not member.is_representative:
            assign_label(tx, desk, session.id, person)
    if member.recusal is Recusal.UNSIGNED and not is_left:
        statement = _digest(play, f"recusal {session.id} {person}")
        session = sessions.act(tx, own, session.id, c.SignRecusal(person, False, statement))
    return session


def fall_ill(play: Play, args: Mapping[str, Any]) -> Write:
    """A member cannot go on for his health; the permutation does, and the next ranks are called."""
    project, _ = play.lot(args)
    host = people.staff(project.centre_id)

    def write(tx: Tx) -> None:
        session = _session(tx, args)
        guest = awaited(tx, args)
        ill = next(
            member
            for member in reversed(session.state.sitting)
            if not member.is_representative and member.expert_id != guest
        )
        substitution.leave(tx, host, session.id, ill.seat_code, Cause.HEALTH)
        play.later(tx, "listen", {**args, "draw": session.draw_id}, tx.now + 5 * MINUTE)
        play.later(tx, "take_over", args, tx.now + 10 * MINUTE)

    return write


def take_over(play: Play, args: Mapping[str, Any]) -> Write:
    """Who was drawn in his stead gets a station, arrives there, and begins anew."""
    project, _ = play.lot(args)
    host = people.staff(project.centre_id)

    def write(tx: Tx) -> None:
        session = _session(tx, args)
        was = draws.draw(tx.db, session.draw_id).state
        joined = substitution.join(tx, host, session.id)
        if not joined:
            now = draws.draw(tx.db, session.draw_id).state
            assert now in (State.INVITING, State.SEATED), f"nobody can come: {now}"
            if now is State.INVITING and was is not now:  # who was drawn has no station anywhere
                play.later(tx, "listen", {**args, "draw": session.draw_id}, tx.now)
            play.later(tx, "take_over", args, tx.now + 5 * MINUTE)
            return
        for expert_id in joined:
            session = sessions.session(tx.db, session.id)
            member = session.state.member(expert_id)
            assert member is not None, "he has just joined"
            session = _arrive(play, tx, session, member, is_left=False)

    return write


def _session(tx: Tx, args: Mapping[str, Any]) -> Session:
    found = sessions.session_of_lot(tx.db, args["lot"])
    assert found is not None, "a lot under review has a session"
    return found


def _fill(play: Play, tx: Tx, session: Session, key: str, *, permille: int, but: str = "") -> None:
    """Each member but one fills his sheet, or the first part of it; what stands there stays."""
    seed = f"demo {play.seed} scores {key}".encode()
    bidders = sheets.valid_bidders(session.state, session.rules)
    for member in session.state.sitting:
        if member.expert_id == but or member.submitted or _is_locked(session, member):
            continue
        cells = synthetic.scores(seed, session.method, bidders, member.seat_code)
        held = _cells(tx, session, member)
        first = sorted(cells.items())[: len(cells) * permille // 1000]
        chosen = {cell: score for cell, score in first if cell not in held}
        if chosen:
            own = people.member(member.expert_id)
            sheets.save_cells(tx, own, session.id, member.expert_id, chosen)


def _is_locked(session: Session, member: Member) -> bool:
    is_pausing = session.stage is SessionStage.PAUSE_APPROVED
    return is_pausing and bool(session.state.night.locked_of(member.expert_id))


def _cells(tx: Tx, session: Session, member: Member) -> Mapping[tuple[str, str], int]:
    """What stands in a member's sheet; nothing where he has not begun."""
    try:
        return sheets.sheet(tx.db, session.id, member.expert_id).sheet.cells
    except Refusal as refusal:
        if refusal.kind is not Kind.NOT_FOUND:
            raise
        return {}


def draft(play: Play, args: Mapping[str, Any]) -> Write:
    """By evening the sheets are half done, and the members have asked for more time."""
    _, lot = play.lot(args)

    def write(tx: Tx) -> None:
        session = _session(tx, args)
        guest = awaited(tx, args)
        _fill(play, tx, session, lot.key, permille=500, but=guest)
        for member in session.state.sitting[: len(session.state.sitting) // 2]:
            if member.asks_for_time or session.stage is not SessionStage.REVIEWING:
                continue
            sessions.act(
                tx, people.member(member.expert_id), session.id, c.AskForTime(member.expert_id)
            )
        play.later(tx, "seal", args, max(play.when(args).seal, tx.now))

    return write


def seal(play: Play, args: Mapping[str, Any]) -> Write:
    """Pause asked and approved, sheets locked, each venue sealed by one and witnessed by another."""
    project, lot = play.lot(args)
    host = people.staff(project.centre_id)
    watch = people.supervisor(project.supervisor)

    def write(tx: Tx) -> None:
        session = _session(tx, args)
        if session.stage is SessionStage.REVIEWING:
            pause = c.RequestPause(PauseKind.PLANNED, "workload")
            session = sessions.act(tx, host, session.id, pause)
        if session.stage is SessionStage.PAUSE_REQUESTED:
            session = sessions.act(tx, watch, session.id, c.ApprovePause())
        guest = awaited(tx, args)
        _fill(play, tx, session, lot.key, permille=500, but=guest)
        for member in session.state.sitting:
            person = member.expert_id
            if not session.state.night.locked_of(person) and person != guest:
                drafted = sheets.sheet(tx.db, session.id, person).sheet.digest
                lock = c.LockSheet(person, drafted)
                session = sessions.act(tx, people.member(person), session.id, lock)
        if not all(session.state.night.locked_of(m.expert_id) for m in session.state.sitting):
            wait(play, tx, "seal", args)
            return
        if not any(seal.witnessed_by for seal in session.state.night.seals):
            night.begin(play, tx, served(args), session, project.supervisor)
        for venue in session.state.night.venues:
            number = f"S{venue}-{session.id[-6:].upper()}"
            held = session.state.night.seal_of(venue)
            if held is None:
                photo = _digest(play, f"seal {number}")
                put = c.Seal(venue, number, photo)
                session = sessions.act(tx, people.staff(venue), session.id, put)
            if held is None or not held.witnessed_by:
                seen = c.WitnessSeal(venue, held.number if held else number)
                session = sessions.act(tx, people.staff(venue, 2), session.id, seen)
        more = served(args)
        _next_round(play, tx, more, 1)
        play.later(tx, "unseal", more, max(play.when(args).unseal, tx.now))

    return write


def _next_round(play: Play, tx: Tx, args: Mapping[str, Any], number: int) -> None:
    if number <= len(play.when(args).night):
        moment = play.when(args).night[number - 1]
        play.later(tx, "watch", {**args, "round": number}, max(moment, tx.now))


def watch(play: Play, args: Mapping[str, Any]) -> Write:
    """A round of the night: every member where he should be, every seal as it was; then the next. A
    round that comes late, after the seals were read, is not made up for."""

    def write(tx: Tx) -> None:
        session = _session(tx, args)
        if session.stage is not SessionStage.SEALED_OVERNIGHT:
            return
        for member in session.state.sitting:
            escort = people.staff(member.centre_id)
            check = c.CheckPresence(member.expert_id, int(args["round"]), is_present=True)
            sessions.act(tx, escort, session.id, check)
        for venue_seal in session.state.night.seals:
            witness.record_event(
                tx,
                people.staff(venue_seal.centre_id),
                session.id,
                "seal_check",
                {"venue": venue_seal.centre_id, "number": venue_seal.number, "intact": True},
            )
        _next_round(play, tx, args, int(args["round"]) + 1)

    return write


def unseal(play: Play, args: Mapping[str, Any]) -> Write:
    """Morning: seals read by two, drafts compared, the same members identified again."""
    project, _ = play.lot(args)

    def write(tx: Tx) -> None:
        session = _session(tx, args)
        for held in session.state.night.seals:
            photo = _digest(play, f"unseal {held.number}")
            at = held.centre_id
            sessions.act(
                tx,
                people.staff(at),
                session.id,
                c.Unseal(at, held.number, photo, SealFinding.INTACT),
            )
            sessions.act(
                tx,
                people.staff(at, 2),
                session.id,
                c.WitnessUnseal(at, held.number, SealFinding.INTACT),
            )
        for member in session.state.sitting:
            identity = _digest(play, f"identity {member.expert_id}")
            sessions.act(
                tx,
                people.staff(member.centre_id),
                session.id,
                c.RecheckIdentity(member.expert_id, identity),
            )
        host = people.staff(project.centre_id)
        session = sessions.act(tx, host, session.id, c.Resume())
        night.end(tx, session, project.supervisor)
        play.later(tx, "score", args, tx.now + REVIEW)

    return write


def score(play: Play, args: Mapping[str, Any]) -> Write:
    """Complete sheets, submitted by their authors."""
    _, lot = play.lot(args)

    def write(tx: Tx) -> None:
        session = _session(tx, args)
        if not substitution.is_complete(tx.db, session):
            play.later(tx, "score", args, tx.now + 15 * MINUTE)
            return
        guest = awaited(tx, args)
        _fill(play, tx, session, lot.key, permille=1000, but=guest)
        for member in session.state.sitting:
            if member.submitted or member.expert_id == guest:
                continue
            digest = sheets.sheet(tx.db, session.id, member.expert_id).sheet.digest
            own = people.member(member.expert_id)
            submit = c.SubmitScores(member.expert_id, digest)
            session = sessions.act(tx, own, session.id, submit)
        if not all(member.submitted for member in session.state.sitting):
            wait(play, tx, "score", args)
            return
        play.later(tx, "report", served(args), tx.now + 30 * MINUTE)

    return write


def report(play: Play, args: Mapping[str, Any]) -> Write:
    """The report is drawn up and signed by all; the session closes, the draw's transcript too."""
    project, lot = play.lot(args)
    host = people.staff(project.centre_id)

    def write(tx: Tx) -> None:
        session = _session(tx, args)
        if not session.state.report:
            session = _file_report(play, tx, session, host, lot.key)
        guest = awaited(tx, args)
        for member in session.state.sitting:
            if member.answer is Answer.OPEN and member.expert_id != guest:
                sign = c.SignReport(member.expert_id, session.state.report)
                own = people.member(member.expert_id)
                session = sessions.act(tx, own, session.id, sign)
        if any(member.answer is Answer.OPEN for member in session.state.sitting):
            wait(play, tx, "report", args)
            return
        if session.stage is not SessionStage.CLOSED:
            sealing.act(tx, host, session.id, c.Close())
        more = served(args)
        play.later(tx, "assess", more, tx.now + ASSESSED_AFTER)
        if session.state.nights:
            play.later(tx, "sign_the_end", more, tx.now)
        play.later(tx, "publish_candidates", more, max(play.when(args).candidates, tx.now))

    return write


def _file_report(play: Play, tx: Tx, session: Session, host: Actor, key: str) -> Session:
    try:
        return sessions.act(tx, host, session.id, c.FileReport())
    except Refusal as refusal:
        if not refusal.code.endswith("argument_needed"):
            raise
        return sessions.act(tx, host, session.id, c.FileReport(_digest(play, f"argument {key}")))


ACTS = {
    "halves": halves,
    "finish_opening": finish_opening,
    "convene": convene,
    "fall_ill": fall_ill,
    "take_over": take_over,
    "draft": draft,
    "seal": seal,
    "watch": watch,
    "unseal": unseal,
    "score": score,
    "report": report,
}
