"""What everybody may read: lots whose notice stands, what was published of them since, and the
numbers of the draws.

Nothing here comes from the sealed cells: before an opening is finished neither the names nor the
number of the bidders are told, and of one that failed for want of bidders never. Candidates are
told where the law has them published (招标投标法实施条例 第五十四条); in procurement with the result
(政府采购法实施条例 第四十三条). Whether the experts' names are told with it is the rule
`committee.names_disclosure`: in procurement they are; in bidding the committee is secret until the
award (招标投标法 第三十七条) and no article has its names published after it. A contract is told once it was published.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import TypeVar

from sqlmodel import Session

from archive.clock import SHANGHAI
from archive.errors import Kind, Refusal
from archive.journal import service as journal
from archive.vault import Vault
from evaluation.session import service as sessions
from experts.draws import service as draws
from experts.pool import service as pool
from trading.awards import service as awards
from trading.awards.award import Award, Candidate, Contract
from trading.calendar.legal import legal_day
from trading.divisions import yunnan
from trading.money import Money
from trading.opening import service as openings
from trading.opening.opening import Opening
from trading.parties import service as parties
from trading.projects import service as projects
from trading.projects.project import Lot, Notice
from trading.projects.stages import BEFORE_OPENING
from trading.regime import Regime
from trading.rules.book import book

NO_PREDECESSOR = "0" * 64
REQUESTED = "experts:draw:requested"
DISCLOSURE = "committee.names_disclosure"
WITH_RESULT = "WITH_RESULT"

Found = TypeVar("Found")


@dataclass(frozen=True)
class PublishedLine:
    """A lot in the list of notices and results; `region` is its prefecture's code."""

    id: str
    name: str
    regime: str
    stage: str
    region: str
    tenderer: str
    ceiling: Money
    issued_at: datetime
    opening_at: datetime


@dataclass(frozen=True)
class BidRead:
    """A bid that was read out."""

    bidder: str
    price: Money
    period_days: int
    quality: str


@dataclass(frozen=True)
class CandidateRead:
    rank: int
    bidder: str
    price: Money
    score: int | None
    """In hundredths of a point."""


@dataclass(frozen=True)
class PublishedLot:
    """One lot as the public may know it now. What is None or empty is not published, or not yet."""

    lot: Lot
    notice: Notice
    project: str
    centre: str
    division: str
    tenderer: str
    agency: str
    supervisor: str
    opened_at: datetime | None
    bids: tuple[BidRead, ...]
    revoked: tuple[str, ...]
    candidates: tuple[CandidateRead, ...]
    candidates_at: datetime | None
    publicity_until: date | None
    award: Award | None
    winner: str
    experts: tuple[tuple[str, str], ...]
    """(specialty, name), where the rule `committee.names_disclosure` has them told with the result."""
    experts_article: str
    """The article of that rule."""
    contract: Contract | None
    dossier_root: str


@dataclass(frozen=True)
class DrawLine:
    """One number of a centre's register of draws."""

    centre_id: str
    centre: str
    number: int
    requested_at: datetime
    request: str
    """SHA-256 of the request."""
    predecessor: str
    state: str


@dataclass(frozen=True)
class Register:
    """A centre's register: how many draws it has, and whether its numbers run from 1 without a gap,
    each naming the request before it."""

    centre: str
    size: int
    holds: bool


def published_lots(
    db: Session, now: datetime, since: date | None = None, until: date | None = None
) -> list[PublishedLine]:
    """The lots whose notice stands; those alone that open from `since` to `until`, both included."""
    found = []
    for lot in projects.lots(db):
        notice = _notice(lot, now)
        if notice is None:
            continue
        opens_on = notice.opening_at.astimezone(SHANGHAI).date()
        if (since is None or opens_on >= since) and (until is None or opens_on <= until):
            found.append((lot, notice))
    named = parties.organisations(db, {lot.tenderer_uscc for lot, _ in found})
    return [
        PublishedLine(
            id=lot.id,
            name=lot.name,
            regime=lot.regime.value,
            stage=lot.stage.value,
            region=prefecture_of(lot.division_code),
            tenderer=named[lot.tenderer_uscc].name,
            ceiling=lot.price_ceiling,
            issued_at=notice.issued_at,
            opening_at=notice.opening_at,
        )
        for lot, notice in found
    ]


def published_lot(db: Session, now: datetime, lot_id: str) -> PublishedLot:
    """One lot; NOT_FOUND as well where its notice does not stand yet, so that nobody learns of it."""
    lot = projects.lot(db, lot_id)
    notice = _notice(lot, now)
    if notice is None:
        raise Refusal("trading.lot.unknown", {"lot": lot_id[:40]}, Kind.NOT_FOUND)
    opening = opening_of(db, lot)
    published = _maybe(awards.publication, db, lot_id)
    award = _maybe(awards.award_of, db, lot_id)
    contract = _maybe(awards.contract, db, lot_id)
    if published is not None and lot.regime is Regime.ZFCG and award is None:
        published = None
    if contract is not None and contract.published_at is None:
        contract = None
    bids = opening.bids if opening else ()
    candidates = published.candidates if published else ()
    named = _names(db, lot, opening, candidates)
    division = yunnan().get(lot.division_code)
    on = award.awarded_at if award else now
    disclosure = book().rule(DISCLOSURE, legal_day(on), lot.regime, lot.division_code)
    return PublishedLot(
        lot=lot,
        notice=notice,
        project=projects.project(db, lot.project_id).name,
        centre=parties.centre(db, lot.centre_id).name,
        division=division.name if division else lot.division_code,
        tenderer=named[lot.tenderer_uscc],
        agency=named[lot.agency_uscc] if lot.agency_uscc else "",
        supervisor=named[lot.supervisor_uscc],
        opened_at=opening.finished_at if opening else None,
        bids=tuple(BidRead(named[b.bidder], b.price, b.period_days, b.quality) for b in bids),
        revoked=tuple(named[uscc] for uscc in opening.revoked) if opening else (),
        candidates=tuple(
            CandidateRead(c.rank, named[c.bidder_uscc], c.price, c.score) for c in candidates
        ),
        candidates_at=published.published_at if published else None,
        publicity_until=published.publicity.day if published else None,
        award=award,
        winner=named[award.winner.bidder_uscc] if award else "",
        experts=_experts(db, lot_id) if award and disclosure.text == WITH_RESULT else (),
        experts_article=disclosure.article,
        contract=contract,
        dossier_root=_maybe(awards.dossier_root, db, lot_id) or "",
    )


def notice_document(db: Session, vault: Vault, now: datetime, lot_id: str) -> tuple[str, bytes]:
    """(name, content) of the notice."""
    document = published_lot(db, now, lot_id).notice.document
    return document.name, vault.get(document.sha256)


def draw_numbers(db: Session) -> tuple[list[DrawLine], list[Register]]:
    """All numbers of all registers as the record has them, and each register's soundness. No lot and
    no expert is told: whose committee a number is stands in the lot's own dossier."""
    centres = {f"draws/{centre.id}": centre for centre in parties.centres(db)}
    sizes = journal.sizes(db, sorted(centres))
    lines: list[DrawLine] = []
    registers: list[Register] = []
    for stream, centre in sorted(centres.items()):
        if not sizes.get(stream):
            continue
        last, number, holds = NO_PREDECESSOR, 0, True
        for entry in journal.entries(db, stream):
            if entry.action != REQUESTED:
                continue
            data = entry.data
            number += 1
            holds = holds and data["number"] == number and data["predecessor"] == last
            last = data["request"]
            lines.append(
                DrawLine(
                    centre_id=centre.id,
                    centre=centre.name,
                    number=data["number"],
                    requested_at=entry.at,
                    request=last,
                    predecessor=data["predecessor"],
                    state=draws.draw(db, data["draw"]).state.value,
                )
            )
        registers.append(Register(centre.name, number, holds))
    return lines, registers


def prefecture_of(division_code: str) -> str:
    """The code of a division's prefecture; the division's own where it has none."""
    division = yunnan().get(division_code)
    return (division.prefecture_code if division else "") or division_code


def _notice(lot: Lot, now: datetime) -> Notice | None:
    return lot.notice if lot.notice is not None and lot.notice.issued_at <= now else None


def opening_of(db: Session, lot: Lot) -> Opening | None:
    """The opening where it is finished and bids were read out."""
    if lot.stage in BEFORE_OPENING:
        return None
    found = _maybe(openings.opening, db, lot.id)
    return None if found is None or found.failed else found


def _maybe(read: Callable[[Session, str], Found], db: Session, lot_id: str) -> Found | None:
    """What a room tells of a lot; None where there is nothing to tell yet."""
    try:
        return read(db, lot_id)
    except Refusal as refusal:
        if refusal.kind in (Kind.NOT_FOUND, Kind.TOO_EARLY, Kind.CONFLICT):
            return None
        raise


def _names(
    db: Session, lot: Lot, opening: Opening | None, candidates: tuple[Candidate, ...]
) -> dict[str, str]:
    usccs = {lot.tenderer_uscc, lot.supervisor_uscc, *filter(None, [lot.agency_uscc])}
    usccs |= {candidate.bidder_uscc for candidate in candidates}
    if opening is not None:
        usccs |= {*(bid.bidder for bid in opening.bids), *opening.revoked}
    return {uscc: found.name for uscc, found in parties.organisations(db, usccs).items()}


def _experts(db: Session, lot_id: str) -> tuple[tuple[str, str], ...]:
    """Who judged: the experts who sat to the end, by seat."""
    session = sessions.session_of_lot(db, lot_id)
    if session is None:
        return ()
    sitting = [member for member in session.state.sitting if not member.is_representative]
    return tuple(
        (member.seat_code.rpartition("-")[0], pool.expert(db, member.expert_id).name)
        for member in sitting
    )
