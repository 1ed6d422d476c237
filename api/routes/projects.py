"""Projects and lots: intake, notice, what everybody who is signed in may read, and the record."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from itertools import islice
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import Field

from api.access import AnyActor, OfficialActor, StaffActor, TendererActor
from api.flows import ending
from api.flows import registration as flow
from api.routes.fields import (
    Answer,
    Body,
    Content,
    Day,
    Document,
    Fen,
    Identifier,
    IdInPath,
    Line,
    MaybeLine,
    Moment,
    Period,
    Switch,
    Whole,
)
from api.shell import shell_of
from api.transactions import ReadDb, WriteTx
from archive.journal import service as journal
from trading.acting import must_serve, must_watch
from trading.money import Money
from trading.projects import service as projects
from trading.projects.project import (
    CommitteeSpec,
    Conclusion,
    FairReview,
    Lot,
    LotSpec,
    NoticeTerms,
    Project,
    Registration,
)
from trading.projects.stages import Stage
from trading.regime import ProjectKind, Regime

router = APIRouter(prefix="/api", tags=["projects"])
LOTS_MAX = 100
PAGE_MAX = 500


class ReviewBody(Body):
    reviewer_uscc: Identifier
    reviewed_on: Day
    conclusion: Conclusion
    reason: MaybeLine = ""
    document: Content


class CommitteeBody(Body):
    quotas: Annotated[dict[Identifier, Whole], Field(max_length=50)]
    """Experts by specialty."""
    representatives: Whole = 0


class LotBody(Body):
    """Amounts are in fen. The names are those that the rooms' faults point to."""

    name: Line
    estimate: Fen
    price_ceiling: Fen
    deposit_charged: Fen
    committee: CommitteeBody
    bid_validity_days: Whole
    method: Annotated[dict[str, Any], Field(max_length=50)]
    overnight_expected: Switch = False
    slots: Whole = 1
    guests: Annotated[tuple[Identifier, ...], Field(max_length=50)] = ()
    """Ids of the guest centres (副场) that the host names: one is one-to-one, several or none
    one-to-many."""

    def spec(self) -> LotSpec:
        return LotSpec(
            name=self.name,
            estimate=Money(self.estimate),
            price_ceiling=Money(self.price_ceiling),
            committee=CommitteeSpec(dict(self.committee.quotas), self.committee.representatives),
            deposit_charged=Money(self.deposit_charged),
            bid_validity_days=self.bid_validity_days,
            method=self.method,
            overnight_expected=self.overnight_expected,
            slots=self.slots,
            guests=self.guests,
        )


class ProjectBody(Body):
    name: Line
    regime: Regime
    kind: ProjectKind
    division_code: Identifier
    centre_id: Identifier
    tenderer_uscc: Identifier
    agency_uscc: Identifier | None = None
    supervisor_uscc: Identifier
    government_invested: Switch
    fair_review: ReviewBody | None = None
    order_notice: Day | None = None
    lots: Annotated[list[LotBody], Field(min_length=1, max_length=LOTS_MAX)]

    def registration(self) -> Registration:
        review = self.fair_review
        return Registration(
            name=self.name,
            regime=self.regime,
            kind=self.kind,
            division_code=self.division_code,
            centre_id=self.centre_id,
            tenderer_uscc=self.tenderer_uscc,
            agency_uscc=self.agency_uscc,
            supervisor_uscc=self.supervisor_uscc,
            government_invested=self.government_invested,
            fair_review=FairReview(**dict(review)) if review else None,
            order_notice=self.order_notice,
            lots=tuple(lot.spec() for lot in self.lots),
        )


class NoticeBody(Body):
    issued_at: Moment
    opening_at: Moment
    evaluation_at: Moment
    available_until: Day | None = None
    document: Content


class ReasonBody(Body):
    document: Content


class NoticeAnswer(Answer):
    issued_at: datetime
    opening_at: datetime
    evaluation_at: datetime
    document: Document
    preparation: Period
    availability: Period
    validity: Period
    is_provisional: bool
    rules: tuple[str, ...]


class LotAnswer(Answer):
    id: str
    project_id: str
    number: int
    name: str
    regime: Regime
    kind: ProjectKind
    division_code: str
    centre_id: str
    tenderer_uscc: str
    agency_uscc: str | None
    stage: Stage
    price_ceiling: Fen
    deposit_charged: Fen
    bid_validity_days: int
    registered_at: datetime
    notice: NoticeAnswer | None


class ProjectAnswer(Answer):
    id: str
    name: str
    regime: Regime
    kind: ProjectKind
    division_code: str
    centre_id: str
    tenderer_uscc: str
    agency_uscc: str | None
    supervisor_uscc: str
    registered_at: datetime
    lots: tuple[LotAnswer, ...]


class EntryAnswer(Answer):
    """An entry of the record as it stands there."""

    seq: int
    at: datetime
    action: str
    actor: str
    data: Mapping[str, Any]
    documents: tuple[Document, ...]
    hash: str


def lot_answer(lot: Lot) -> LotAnswer:
    return LotAnswer.model_validate(lot)


def project_answer(project: Project) -> ProjectAnswer:
    return ProjectAnswer.model_validate(project)


@router.post("/projects", status_code=201)
def register(actor: StaffActor, tx: WriteTx, body: ProjectBody) -> ProjectAnswer:
    """Register a project with its lots (受理登记)."""
    return project_answer(flow.register(tx, actor, body.registration()))


@router.get("/projects/{project_id}")
def project(_: AnyActor, db: ReadDb, project_id: IdInPath) -> ProjectAnswer:
    return project_answer(projects.project(db, project_id))


@router.get("/lots")
def lots(
    _: AnyActor,
    db: ReadDb,
    stage: Stage | None = None,
    centre_id: Annotated[Identifier | None, Query()] = None,
    after: Annotated[Identifier | None, Query()] = None,
    limit: Annotated[int, Query(ge=1, le=PAGE_MAX)] = 100,
) -> list[LotAnswer]:
    """Lots in order of id, the page after `after`."""
    found = projects.lots(db, stage, centre_id)
    return [lot_answer(lot) for lot in islice((x for x in found if x.id > (after or "")), limit)]


@router.get("/lots/{lot_id}")
def lot(_: AnyActor, db: ReadDb, lot_id: IdInPath) -> LotAnswer:
    return lot_answer(projects.lot(db, lot_id))


@router.post("/lots/{lot_id}/notice", status_code=201)
def publish_notice(
    actor: StaffActor, request: Request, tx: WriteTx, lot_id: IdInPath, body: NoticeBody
) -> NoticeAnswer:
    """Publish the notice and the lot's opening key."""
    terms = NoticeTerms(**dict(body))
    notice = flow.publish_notice(tx, actor, lot_id, terms, shell_of(request).custodian)
    return NoticeAnswer.model_validate(notice)


@router.post("/lots/{lot_id}/termination", status_code=201)
def terminate(actor: TendererActor, tx: WriteTx, lot_id: IdInPath, body: ReasonBody) -> LotAnswer:
    """The tenderer ends the procedure (终止招标); deposits held go back."""
    return lot_answer(ending.terminate(tx, actor, lot_id, body.document))


@router.get("/lots/{lot_id}/entries")
def entries(
    actor: OfficialActor,
    db: ReadDb,
    lot_id: IdInPath,
    start: Annotated[int, Query(ge=0, le=2**31)] = 0,
    limit: Annotated[int, Query(ge=1, le=PAGE_MAX)] = 100,
) -> list[EntryAnswer]:
    """The lot's stream of the journal, from entry `start` on."""
    found = projects.lot(db, lot_id)
    must_serve(actor, found.centre_id)
    must_watch(actor, found.supervisor_uscc)
    stream = journal.entries(db, found.subject, start, start + limit)
    return [EntryAnswer.model_validate(entry) for entry in stream]
