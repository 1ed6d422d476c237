"""What a tenderer, or its agency, has before it: its lots, and one lot with all that waits for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from archive.actor import Actor
from trading.acting import must_act_for
from trading.awards import service as awards
from trading.awards.award import Award, Clock, Contract, Publication
from trading.money import Money
from trading.objections import service as objections
from trading.objections.objection import Objection, ObjectionState
from trading.parties import service as parties
from trading.projects import service as projects
from trading.projects.project import Lot
from trading.projects.stages import Stage

PUBLISHED = frozenset({Stage.CANDIDATES, Stage.AWARDED, Stage.CONTRACTED, Stage.ARCHIVED})
AWARDED = PUBLISHED - {Stage.CANDIDATES}
SIGNED = AWARDED - {Stage.AWARDED}


@dataclass(frozen=True)
class OwnLot:
    """A lot in the tenderer's list. `objections` are those that wait for an answer."""

    id: str
    name: str
    project: str
    stage: str
    ceiling: Money
    opening_at: datetime | None
    objections: int


@dataclass(frozen=True)
class Desk:
    """One lot with what it waits for."""

    lot: Lot
    project: str
    clocks: tuple[Clock, ...]
    objections: tuple[Objection, ...]
    publication: Publication | None
    award: Award | None
    contract: Contract | None
    names: Mapping[str, str]
    is_suspended: bool


def own_lots(db: Session, actor: Actor) -> list[OwnLot]:
    """The lots for which this account's organisation is the tenderer or its agency."""
    found = [
        lot
        for lot in projects.lots(db)
        if actor.party_id and actor.party_id in (lot.tenderer_uscc, lot.agency_uscc)
    ]
    return [
        OwnLot(
            id=lot.id,
            name=lot.name,
            project=projects.project(db, lot.project_id).name,
            stage=lot.stage.value,
            ceiling=lot.price_ceiling,
            opening_at=lot.notice.opening_at if lot.notice else None,
            objections=sum(
                objection.state is ObjectionState.OPEN
                for objection in objections.objections(db, lot.id)
            ),
        )
        for lot in found
    ]


def desk(db: Session, actor: Actor, lot_id: str) -> Desk:
    """One lot of this tenderer or agency; FORBIDDEN for others."""
    lot = projects.lot(db, lot_id)
    must_act_for(actor, lot.tenderer_uscc, lot.agency_uscc)
    publication = awards.publication(db, lot_id) if lot.stage in PUBLISHED else None
    raised = objections.objections(db, lot_id)
    usccs = {objection.raised_by for objection in raised if objection.raised_by}
    usccs |= {c.bidder_uscc for c in publication.candidates} if publication else set()
    return Desk(
        lot=lot,
        project=projects.project(db, lot.project_id).name,
        clocks=awards.clocks(db, lot_id),
        objections=tuple(sorted(raised, key=lambda o: o.raised_at, reverse=True)),
        publication=publication,
        award=awards.award_of(db, lot_id) if lot.stage in AWARDED else None,
        contract=awards.contract(db, lot_id) if lot.stage in SIGNED else None,
        names={uscc: found.name for uscc, found in parties.organisations(db, usccs).items()},
        is_suspended=objections.suspended(db, lot_id),
    )
