"""The review of a lot: scheduled from the committee, its seats and the opened bids; concluded into
candidates."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from sqlmodel import Session as Db

from api.flows import drawing, seating, substitution, unsealing
from archive.actor import Actor
from archive.errors import Kind, Refusal
from archive.office import Tx
from evaluation.criteria import MeanDeviation, Method
from evaluation.pricing import Bid
from evaluation.session import commands as c
from evaluation.session import service as sessions
from evaluation.session.session import Session, SessionPlan
from experts.draws import service as draws
from experts.draws.late import service as late
from trading.awards import service as awards
from trading.awards.award import Candidate, Publication
from trading.calendar.legal import legal_day
from trading.money import Money
from trading.opening import service as opening
from trading.opening.opening import Opening
from trading.projects import service as projects
from trading.projects.project import Lot
from trading.rules.book import book


def schedule(tx: Tx, actor: Actor, lot_id: str, representatives: Sequence[str]) -> Session:
    """Schedule the session of an opened lot. CONFLICT while a drawn member has no seat, or
    the names are sealed."""
    lot = projects.lot(tx.db, lot_id)
    assert lot.notice is not None, "an opened lot was noticed"
    draw = drawing.current(tx.db, lot_id)
    waiting = [member.seat_code for member in seating.unseated(tx.db, draw.id)]
    if waiting:
        raise Refusal("api.flows.unseated", {"seats": ", ".join(waiting)}, Kind.CONFLICT)
    unsealing.must_be_open(tx.db, draw.id)
    seats = seating.name_seats(tx, actor, draw)
    members = draws.committee(tx.db, draw.id)
    return sessions.schedule(
        tx,
        actor,
        SessionPlan(
            id=draw.id,
            lot_id=lot_id,
            draw_id=draw.id,
            centre_id=lot.centre_id,
            regime=lot.regime,
            criteria=lot.method,
            members=tuple((m.seat_code, m.expert_id, seats[m.expert_id]) for m in members),
            representatives=tuple(
                (f"R{number}", person, lot.centre_id)
                for number, person in enumerate(representatives, start=1)
            ),
            slots=lot.slots,
            overnight=lot.overnight_expected,
            starts_at=lot.notice.evaluation_at,
            kind=lot.kind,
            region=lot.division_code,
        ),
    )


def enter_bids(tx: Tx, actor: Actor, session: Session) -> Session:
    """Give the committee the bids as they were read out, with the coefficient that the opening
    record itself draws."""
    lot = projects.lot(tx.db, session.lot_id)
    opened = opening.opening(tx.db, session.lot_id)
    bids = tuple(Bid(bid.bidder, bid.price) for bid in opened.bids)
    command = c.EnterBids(bids, lot.price_ceiling, drawn_k(session.method, opened))
    return sessions.act(tx, actor, session.id, command)


def drawn_k(method: Method, opened: Opening) -> int | None:
    """The coefficient K of a mean-deviation formula, from the set that the tender file publishes.

    It follows from the digests of all bids that were read out: nobody knows it before the last half
    is given, and everybody can recompute it from the opening record. A proposal of ours; the files
    in use let a representative draw a ball.
    """
    if not isinstance(method.price, MeanDeviation):
        return None
    published = method.price.k_permille
    text = "".join(f"{bid.bidder} {bid.content_sha256}\n" for bid in opened.bids)
    mark = hashlib.sha256(b"bigloop.k.v1\x00" + text.encode()).digest()
    return published[int.from_bytes(mark[:8], "big") % len(published)]


def publish_candidates(tx: Tx, actor: Actor, lot_id: str) -> Publication:
    """Publish the first of the committee's ranking as candidates, with its signed report. CONFLICT
    where somebody who judged may not have: he left the committee, or avoidance has found him since."""
    session = sessions.session_of_lot(tx.db, lot_id)
    if session is None:
        raise Refusal("api.flows.no_session", {"lot": lot_id}, Kind.NOT_FOUND)
    must_stand(tx.db, session)
    result = sessions.result(tx.db, session.id)
    report = sessions.report_of(tx.db, session.id)
    lot = projects.lot(tx.db, lot_id)
    most = _candidates_max(lot, tx)
    ranking = result.ranking[:most]
    candidates = [
        # Bids that nothing tells apart share a rank in the report; a list of candidates has an
        # order, and by the report's own it is that of the codes.
        Candidate(place, ranked.bidder, Money(ranked.price.fen), ranked.total)
        for place, ranked in enumerate(ranking, start=1)
    ]
    return awards.publish_candidates(tx, actor, lot_id, candidates, report)


def must_stand(db: Db, session: Session) -> None:
    """Refuse CONFLICT where somebody who judged may not have: he left the committee, or avoidance has
    found him since."""
    substitution.must_sit(db, session)
    bidders = opening.proven_bidders(db, session.lot_id)
    known = late.late_hits(db, session.draw_id)
    hits = {hit.seat_code: hit.reasons[0].code for hit in known}
    hits |= {hit.seat_code: hit.reasons[0].code for hit in late.found(db, session.draw_id, bidders)}
    if hits:
        seat = min(hits)
        params: dict[str, str | int] = {"seat": seat, "reason": hits[seat], "count": len(hits)}
        raise Refusal("api.flows.late_hit", params, Kind.CONFLICT)


def _candidates_max(lot: Lot, tx: Tx) -> int:
    rule = book().rule("candidates.count_max", legal_day(tx.now), lot.regime, lot.division_code)
    return rule.number
