"""Acts of the day: halves of the keys, opening, arrival, review, the night under seal, the report.

Several people act in each step; each of their commands is given by the account of the one who acts.
A step is one transaction, so a killed demo never leaves half a committee checked in.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from api.demo import people
from api.demo.play import Play
from api.flows import drawing, review
from api.flows import opening as flow
from archive.errors import Refusal
from archive.office import Tx
from archive.tasks.service import Write
from evaluation.seating.checkin.service import assign_label
from evaluation.session import commands as c
from evaluation.session import service as sessions
from evaluation.session import synthetic
from evaluation.session.session import Session
from evaluation.session.state import PauseKind
from evaluation.session.state import Stage as SessionStage
from evaluation.sheets import service as sheets
from evaluation.witness import service as witness
from experts.draws import service as draws
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
        play.later(tx, "finish_opening", args, max(play.moments.opening_end, tx.now + 30 * MINUTE))

    return write


def finish_opening(play: Play, args: Mapping[str, Any]) -> Write:
    """The host reads the bids out; the committee is checked against the bidders."""
    project, _ = play.lot(args)

    def write(tx: Tx) -> None:
        opened = flow.finish(tx, people.staff(project.centre_id), args["lot"])
        if opened.recheck is None:  # too few bidders: there is nothing to review
            return
        if opened.recheck.removed:
            more = {**args, "draw": opened.recheck.draw.id}
            play.later(tx, "answer", more, tx.now + 5 * MINUTE)
        play.later(tx, "reseat", args, tx.now + 10 * MINUTE)

    return write


def _digest(play: Play, label: str) -> str:
    return synthetic.digest(f"demo {play.seed}".encode(), label)


def convene(play: Play, args: Mapping[str, Any]) -> Write:
    """The session is scheduled and the members arrive at their stations: discipline, identity,
    recusal statement, booth; then the bids are handed over and the review begins."""
    project, lot = play.lot(args)
    host = people.staff(project.centre_id)
    persons = [people.representative(lot.key, n + 1) for n in range(lot.representatives)]
    start = play.moments.start(lot.first_part)

    def write(tx: Tx) -> None:
        if tx.now < start:
            play.later(tx, "convene", args, start)
            return
        session = review.schedule(tx, host, args["lot"], persons)
        session = sessions.act(tx, host, session.id, c.OpenCheckIn())
        session = review.enter_bids(tx, host, session)
        for member in session.state.sitting:
            _arrive(play, tx, session, member.expert_id, member.centre_id)
            if not member.is_representative:
                assign_label(tx, people.staff(member.centre_id), session.id, member.expert_id)
        sessions.act(tx, host, session.id, c.BeginReview())
        if lot.overnight:
            play.later(tx, "draft", args, tx.now + REVIEW)
        else:
            play.later(tx, "score", args, tx.now + REVIEW)

    return write


def _arrive(play: Play, tx: Tx, session: Session, person: str, centre: str) -> None:
    own = people.member(person)
    notice, identity = _digest(play, "discipline"), _digest(play, f"identity {person}")
    sessions.act(tx, own, session.id, c.ReadDiscipline(person, notice))
    sessions.act(tx, people.staff(centre), session.id, c.CheckIn(person, identity))
    statement = _digest(play, f"recusal {session.id} {person}")
    sessions.act(tx, own, session.id, c.SignRecusal(person, False, statement))
    seat = next(m.seat_code for m in session.state.members if m.expert_id == person)
    presence = {"seat": seat, "place": "BOOTH", "present": True}
    witness.record_event(tx, people.staff(centre), session.id, "presence", presence)


def _session(tx: Tx, args: Mapping[str, Any]) -> Session:
    found = sessions.session_of_lot(tx.db, args["lot"])
    assert found is not None, "a lot under review has a session"
    return found


def _fill(play: Play, tx: Tx, session: Session, key: str, share: int) -> None:
    """Each member fills his sheet, or the first part of it (permille)."""
    seed = f"demo {play.seed} scores {key}".encode()
    bidders = sheets.valid_bidders(session.state, session.rules)
    for member in session.state.sitting:
        cells = synthetic.scores(seed, session.method, bidders, member.seat_code)
        chosen = dict(sorted(cells.items())[: len(cells) * share // 1000])
        sheets.save_cells(tx, people.member(member.expert_id), session.id, member.expert_id, chosen)


def draft(play: Play, args: Mapping[str, Any]) -> Write:
    """By evening the sheets are half done, and the members have asked for more time."""
    _, lot = play.lot(args)

    def write(tx: Tx) -> None:
        session = _session(tx, args)
        _fill(play, tx, session, lot.key, share=500)
        for member in session.state.sitting[: len(session.state.sitting) // 2]:
            sessions.act(
                tx, people.member(member.expert_id), session.id, c.AskForTime(member.expert_id)
            )
        play.later(tx, "seal", args, max(play.moments.seal, tx.now))

    return write


def seal(play: Play, args: Mapping[str, Any]) -> Write:
    """Pause asked and approved, sheets locked, each venue sealed by one and witnessed by another."""
    project, _ = play.lot(args)
    host = people.staff(project.centre_id)
    watch = people.supervisor(project.supervisor)

    def write(tx: Tx) -> None:
        session = _session(tx, args)
        pause = c.RequestPause(PauseKind.PLANNED, "workload")
        sessions.act(tx, host, session.id, pause)
        session = sessions.act(tx, watch, session.id, c.ApprovePause())
        for member in session.state.sitting:
            drafted = sheets.sheet(tx.db, session.id, member.expert_id).sheet.digest
            session = sessions.act(
                tx,
                people.member(member.expert_id),
                session.id,
                c.LockSheet(member.expert_id, drafted),
            )
        for venue in session.state.night.venues:
            number = f"S{venue}-{session.id[-6:].upper()}"
            photo = _digest(play, f"seal {number}")
            sessions.act(tx, people.staff(venue), session.id, c.Seal(venue, number, photo))
            sessions.act(tx, people.staff(venue, 2), session.id, c.WitnessSeal(venue, number))
        _next_round(play, tx, args, 1)
        play.later(tx, "unseal", args, max(play.moments.unseal, tx.now))

    return write


def _next_round(play: Play, tx: Tx, args: Mapping[str, Any], number: int) -> None:
    if number <= len(play.moments.night):
        moment = play.moments.night[number - 1]
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
                tx, people.staff(at), session.id, c.Unseal(at, held.number, photo, is_intact=True)
            )
            sessions.act(
                tx,
                people.staff(at, 2),
                session.id,
                c.WitnessUnseal(at, held.number, is_intact=True),
            )
        for member in session.state.sitting:
            identity = _digest(play, f"identity {member.expert_id}")
            sessions.act(
                tx,
                people.staff(member.centre_id),
                session.id,
                c.RecheckIdentity(member.expert_id, identity),
            )
        sessions.act(tx, people.staff(project.centre_id), session.id, c.Resume())
        play.later(tx, "score", args, tx.now + REVIEW)

    return write


def score(play: Play, args: Mapping[str, Any]) -> Write:
    """Complete sheets, submitted by their authors."""
    _, lot = play.lot(args)

    def write(tx: Tx) -> None:
        session = _session(tx, args)
        _fill(play, tx, session, lot.key, share=1000)
        for member in session.state.sitting:
            digest = sheets.sheet(tx.db, session.id, member.expert_id).sheet.digest
            own = people.member(member.expert_id)
            sessions.act(tx, own, session.id, c.SubmitScores(member.expert_id, digest))
        play.later(tx, "report", args, tx.now + 30 * MINUTE)

    return write


def report(play: Play, args: Mapping[str, Any]) -> Write:
    """The report is drawn up and signed by all; the session closes, the draw's transcript too."""
    project, lot = play.lot(args)
    host = people.staff(project.centre_id)

    def write(tx: Tx) -> None:
        session = _session(tx, args)
        try:
            session = sessions.act(tx, host, session.id, c.FileReport())
        except Refusal as refusal:
            if not refusal.code.endswith("argument_needed"):
                raise
            argument = _digest(play, f"argument {lot.key}")
            session = sessions.act(tx, host, session.id, c.FileReport(argument))
        for member in session.state.sitting:
            sign = c.SignReport(member.expert_id, session.state.report)
            sessions.act(tx, people.member(member.expert_id), session.id, sign)
        sessions.act(tx, host, session.id, c.Close())
        draws.close_draw(tx, host, drawing.current(tx.db, args["lot"]).id)
        play.later(tx, "publish_candidates", args, max(play.moments.candidates, tx.now))

    return write


ACTS = {
    "halves": halves,
    "finish_opening": finish_opening,
    "convene": convene,
    "draft": draft,
    "seal": seal,
    "watch": watch,
    "unseal": unseal,
    "score": score,
    "report": report,
}
