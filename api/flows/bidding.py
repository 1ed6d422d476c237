"""Tenders as bidders see them: open ones, one tender, the opening room, objections, one's own result.

Before the opening everything here is the same for all bidders: who asks about a tender, or sends for
it, is in no answer and in no row (招标投标法 第二十二条). Once the opening has begun, a bidder is told
what became of his own bid and guarantee, and everybody what was read out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from sqlmodel import Session

from archive.actor import Actor
from archive.errors import Kind, Refusal
from archive.journal import service as journal
from archive.journal.entry import DocumentRef
from archive.vault import Vault
from deposits.guarantees import service as guarantees
from deposits.guarantees.record import GuaranteeRecord
from trading.awards import service as awards
from trading.awards.award import Award, Contract, Publication
from trading.divisions import yunnan
from trading.money import Money
from trading.objections import service as objections
from trading.objections.objection import Objection, ObjectionStage
from trading.opening import service as opening
from trading.opening.opening import BidState, OpenedBid, Opening
from trading.parties import service as parties
from trading.projects import service as projects
from trading.projects.project import Lot
from trading.projects.stages import BEFORE_OPENING, Stage

AFTER_CANDIDATES = frozenset({Stage.CANDIDATES, Stage.AWARDED, Stage.CONTRACTED, Stage.ARCHIVED})
AFTER_AWARD = frozenset({Stage.AWARDED, Stage.CONTRACTED, Stage.ARCHIVED})
AFTER_CONTRACT = frozenset({Stage.CONTRACTED, Stage.ARCHIVED})


@dataclass(frozen=True)
class TenderLine:
    """A tender in the list."""

    id: str
    name: str
    stage: str
    regime: str
    tenderer: str
    ceiling: Money
    deposit: Money
    opening_at: datetime


@dataclass(frozen=True)
class TenderSheet:
    """One tender with its facts; the same for whoever asks."""

    lot: Lot
    project: str
    centre: str
    division: str
    tenderer: str
    agency: str
    is_open: bool
    is_suspended: bool


@dataclass(frozen=True)
class ReadOut:
    """One bid as it is read out."""

    name: str
    is_own: bool
    bid: OpenedBid


@dataclass(frozen=True)
class Room:
    """The opening room of a lot. `given` of `awaited` halves are here while it runs; `own` is the
    state of the asking bidder's bid, None where none was found in his name."""

    lot: Lot
    has_begun: bool
    has_failed: bool
    given: int
    awaited: int
    own: BidState | None
    own_cause: str
    opening: Opening | None
    bids: tuple[ReadOut, ...]
    revoked: tuple[str, ...]
    """Names of those deemed to have revoked."""


@dataclass(frozen=True)
class Result:
    """What came of it: candidates, award, contract, and the asking bidder's own guarantees."""

    publication: Publication | None
    award: Award | None
    contract: Contract | None
    names: Mapping[str, str]
    guarantees: tuple[GuaranteeRecord, ...]


@dataclass(frozen=True)
class Raised:
    """An objection with its answer's document, once there is one."""

    objection: Objection
    answer: DocumentRef | None


def tenders(db: Session) -> list[TenderLine]:
    """All announced lots."""
    found = [lot for lot in projects.lots(db) if lot.notice is not None]
    named = parties.organisations(db, {lot.tenderer_uscc for lot in found})
    return [
        TenderLine(
            id=lot.id,
            name=lot.name,
            stage=lot.stage.value,
            regime=lot.regime.value,
            tenderer=named[lot.tenderer_uscc].name,
            ceiling=lot.price_ceiling,
            deposit=lot.deposit_charged,
            opening_at=lot.notice.opening_at,
        )
        for lot in found
        if lot.notice is not None
    ]


def announced(db: Session, lot_id: str) -> Lot:
    """A lot whose notice stands; NOT_FOUND otherwise."""
    lot = projects.lot(db, lot_id)
    if lot.notice is None:
        raise Refusal("api.tender.not_announced", {"lot": lot_id}, Kind.NOT_FOUND)
    return lot


def tender(db: Session, lot_id: str, now: datetime) -> TenderSheet:
    """One announced tender."""
    lot = announced(db, lot_id)
    assert lot.notice is not None, "an announced lot has a notice"
    named = parties.organisations(db, [lot.tenderer_uscc, *filter(None, [lot.agency_uscc])])
    division = yunnan().get(lot.division_code)
    return TenderSheet(
        lot=lot,
        project=projects.project(db, lot.project_id).name,
        centre=parties.centre(db, lot.centre_id).name,
        division=division.name if division else lot.division_code,
        tenderer=named[lot.tenderer_uscc].name,
        agency=named[lot.agency_uscc].name if lot.agency_uscc else "",
        is_open=lot.stage is Stage.NOTICED and now < lot.notice.opening_at,
        is_suspended=objections.suspended(db, lot_id),
    )


def notice_document(db: Session, vault: Vault, lot_id: str) -> tuple[str, bytes]:
    """(name, content) of the tender notice."""
    lot = announced(db, lot_id)
    assert lot.notice is not None, "an announced lot has a notice"
    return lot.notice.document.name, vault.get(lot.notice.document.sha256)


def room(db: Session, actor: Actor, lot_id: str) -> Room:
    """The opening room. Before the opening nobody's bid is told, not even to himself: nobody here
    knows of it."""
    lot = announced(db, lot_id)
    nothing = Room(lot, False, False, 0, 0, None, "", None, (), ())
    if lot.stage in BEFORE_OPENING:
        return nothing
    try:
        states = opening.states(db, lot_id)
    except Refusal as refusal:
        if refusal.kind is not Kind.CONFLICT:
            raise
        # Too few bid; or it was terminated before its opening.
        has_failed = lot.stage is Stage.FAILED
        return replace(nothing, has_begun=has_failed, has_failed=has_failed)
    opened = _opened(db, lot_id)
    own = states.get(actor.party_id)
    cause = opened.causes.get(actor.party_id) if opened else None
    named = parties.organisations(db, states) if opened else {}
    return Room(
        lot=lot,
        has_begun=True,
        has_failed=False,
        given=sum(state is not BidState.WAITING for state in states.values()),
        awaited=len(states),
        own=own,
        own_cause=cause.value if cause else "",
        opening=opened,
        bids=tuple(
            ReadOut(named[bid.bidder].name, bid.bidder == actor.party_id, bid)
            for bid in sorted(opened.bids if opened else (), key=lambda b: (b.price.fen, b.bidder))
        ),
        revoked=tuple(named[uscc].name for uscc in opened.revoked) if opened else (),
    )


def _opened(db: Session, lot_id: str) -> Opening | None:
    """The finished opening, None while it runs."""
    try:
        return opening.opening(db, lot_id)
    except Refusal as refusal:
        if refusal.kind is not Kind.TOO_EARLY:
            raise
        return None


def result(db: Session, actor: Actor, lot_id: str) -> Result:
    """What came of a tender so far."""
    lot = announced(db, lot_id)
    publication = awards.publication(db, lot_id) if lot.stage in AFTER_CANDIDATES else None
    usccs = {c.bidder_uscc for c in publication.candidates} if publication else set()
    own: tuple[GuaranteeRecord, ...] = ()
    if lot.stage not in BEFORE_OPENING:
        found = guarantees.guarantees(db, lot_id)
        own = tuple(record for record in found if record.bidder_uscc == actor.party_id)
    return Result(
        publication=publication,
        award=awards.award_of(db, lot_id) if lot.stage in AFTER_AWARD else None,
        contract=awards.contract(db, lot_id) if lot.stage in AFTER_CONTRACT else None,
        names={uscc: found.name for uscc, found in parties.organisations(db, usccs).items()},
        guarantees=own,
    )


def objections_for(db: Session, actor: Actor, lot_id: str) -> tuple[Raised, ...]:
    """The objections to the file, which name nobody, and this bidder's own others; newest first."""
    lot = announced(db, lot_id)
    answers = _answers(db, lot)
    found = [
        Raised(objection, answers.get(objection.id))
        for objection in objections.objections(db, lot_id)
        if objection.stage is ObjectionStage.FILE or objection.raised_by == actor.party_id
    ]
    return tuple(sorted(found, key=lambda raised: raised.objection.raised_at, reverse=True))


def answer_document(
    db: Session, vault: Vault, actor: Actor, lot_id: str, objection_id: str
) -> tuple[str, bytes]:
    """(name, content) of the answer to an objection that this bidder may read."""
    for raised in objections_for(db, actor, lot_id):
        if raised.objection.id == objection_id and raised.answer is not None:
            return raised.answer.name, vault.get(raised.answer.sha256)
    raise Refusal("trading.objection.unknown", {"objection": objection_id}, Kind.NOT_FOUND)


def _answers(db: Session, lot: Lot) -> dict[str, DocumentRef]:
    """The answers' documents by objection, from the lot's record."""
    return {
        str(entry.data["objection"]): entry.documents[0]
        for entry in journal.entries(db, lot.subject)
        if entry.action == "trading:objection:answered"
    }
