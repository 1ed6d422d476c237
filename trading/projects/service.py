"""Projects at work: register, publish the notice, move lots on, read.

The other sub-packages of trading change a lot's stage through `lock` and `move` alone, so that the
table of transitions is asked every time.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlmodel import Session

from archive import canonical
from archive.actor import Actor, Role
from archive.errors import Faults, Kind, Refusal
from archive.journal.entry import DocumentRef, moment_text
from archive.office import Tx
from trading.acting import must_act_for, must_serve
from trading.calendar.legal import Deadline, calendar, legal_day
from trading.money import Money
from trading.parties import service as parties
from trading.projects import notice as notices
from trading.projects import queries
from trading.projects import registration as registrations
from trading.projects.project import (
    CommitteeSpec,
    Conclusion,
    Lot,
    LotSpec,
    Notice,
    NoticeTerms,
    Project,
    Registration,
    ReviewOnFile,
    subject_of,
)
from trading.projects.stages import Event, Stage, advance
from trading.projects.tables import LotRow, ProjectRow
from trading.regime import ProjectKind, Regime
from trading.rules.book import book

NOTICE_NAME = "tender_notice"
REVIEW_NAME = "fair_competition_review"


def register_project(tx: Tx, actor: Actor, registration: Registration) -> Project:
    """Register a project with its lots, each in stage REGISTERED.

    INVALID lists all faults of the application at once, each with a JSON pointer into it.
    """
    actor.must_be(Role.STAFF)
    must_serve(actor, registration.centre_id)
    named = [registration.tenderer_uscc, registration.supervisor_uscc]
    named += [registration.agency_uscc] if registration.agency_uscc else []
    known = parties.organisations(tx.db, named)
    centre_ids = frozenset(centre.id for centre in parties.centres(tx.db))
    rules = registrations.rules_for(book(), legal_day(tx.now), registration)
    registrations.check(registration, known, centre_ids, rules, tx.now).refuse()

    review, documents = registration.fair_review, []
    if review is not None:
        documents.append(tx.vault.put(REVIEW_NAME, "application/octet-stream", review.document))
    project = ProjectRow(
        id=tx.new_id(),
        name=registration.name,
        regime=registration.regime.value,
        kind=registration.kind.value,
        division_code=registration.division_code,
        centre_id=registration.centre_id,
        tenderer_uscc=registration.tenderer_uscc,
        agency_uscc=registration.agency_uscc,
        supervisor_uscc=registration.supervisor_uscc,
        government_invested=registration.government_invested,
        review_by=review.reviewer_uscc if review else None,
        review_on=review.reviewed_on if review else None,
        review_conclusion=review.conclusion.value if review else None,
        review_reason=review.reason if review else None,
        review_sha256=documents[0].sha256 if review else None,
        order_notice=registration.order_notice,
        registered_at=tx.now,
        registered_by=actor.id,
    )
    tx.db.add(project)
    tx.db.flush()
    rows = [_lot_row(tx, project, n, spec) for n, spec in enumerate(registration.lots, start=1)]
    tx.db.add_all(rows)
    tx.db.flush()
    documents.insert(0, tx.keep("registration.json", _registration_json(project, rows)))
    tx.record(
        f"project/{project.id}",
        "trading:project:registered",
        actor,
        {
            "regime": project.regime,
            "kind": project.kind,
            "division": project.division_code,
            "centre": project.centre_id,
            "tenderer": project.tenderer_uscc,
            "agency": project.agency_uscc,
            "supervisor": project.supervisor_uscc,
            "review": project.review_conclusion,
            "order_notice": str(project.order_notice) if project.order_notice else None,
            "lots": [row.id for row in rows],
            "rules": list(rules.ids),
        },
        tuple(documents),
    )
    for row in rows:
        data = {"project": project.id, "number": row.number, "slots": row.slots}
        tx.record(subject_of(row.id), "trading:lot:registered", actor, data, (documents[0],))
    return _project(project, rows)


def publish_notice(tx: Tx, actor: Actor, lot_id: str, terms: NoticeTerms) -> Notice:
    """Publish the tender notice of a lot. INVALID with all faults; every period in the answer says
    which days it counted."""
    actor.must_be(Role.STAFF)
    row, project = lock(tx, lot_id)
    must_serve(actor, row.centre_id)
    following = advance(Stage(row.stage), Event.NOTICE)
    document = tx.vault.put(NOTICE_NAME, "application/octet-stream", terms.document)
    notice = notices.weigh(
        terms,
        document,
        row.bid_validity_days,
        Regime(project.regime),
        project.division_code,
        book(),
        calendar(),
    )
    notices.check(notice, project.registered_at, tx.now).refuse()
    row.issued_at, row.opening_at = terms.issued_at, terms.opening_at
    row.evaluation_at, row.available_until = terms.evaluation_at, terms.available_until
    row.notice_sha256, row.notice_bytes = document.sha256, document.bytes
    row.stage = following
    tx.db.add(row)
    tx.db.flush()
    data = {
        "issued_at": moment_text(notice.issued_at),
        "opening_at": moment_text(notice.opening_at),
        "evaluation_at": moment_text(notice.evaluation_at),
        "preparation": deadline_json(notice.preparation),
        "availability": deadline_json(notice.availability),
        "validity_ends": str(notice.validity.day),
        "provisional": notice.is_provisional,
        "rules": list(notice.rules),
    }
    tx.record(subject_of(lot_id), "trading:lot:noticed", actor, data, (document,))
    return notice


def move_evaluation(tx: Tx, actor: Actor, lot_id: str, evaluation_at: datetime) -> Lot:
    """Say when an opened lot is evaluated anew, after what its first committee did was declared void.
    CONFLICT in another stage, INVALID for an hour that is past or after the bids' validity."""
    actor.must_be(Role.STAFF)
    row, project = lock(tx, lot_id)
    must_serve(actor, row.centre_id)
    if Stage(row.stage) not in (Stage.OPENED, Stage.EVALUATED):
        params = {"stage": row.stage, "event": "EVALUATE_ANEW"}
        raise Refusal("trading.lot.stage", params, Kind.CONFLICT)
    validity = to_lot(row, project).notice
    assert validity is not None, "opened by its notice"
    faults = Faults("trading.lot.evaluation_hour")
    if evaluation_at <= tx.now:
        faults.add("/evaluation_at", "trading.lot.evaluation_past")
    elif evaluation_at >= validity.validity.ends_at:
        day = str(validity.validity.day)
        faults.add("/evaluation_at", "trading.lot.evaluation_validity", day=day)
    faults.refuse()
    row.evaluation_at = evaluation_at
    tx.db.add(row)
    tx.db.flush()
    data = {"evaluation_at": moment_text(evaluation_at)}
    tx.record(subject_of(lot_id), "trading:lot:evaluation_moved", actor, data)
    return to_lot(row, project)


def mark_evaluated(tx: Tx, actor: Actor, lot_id: str, report: DocumentRef) -> Lot:
    """Say that the committee's report is there; its clock starts. Asked for by evaluation."""
    actor.must_be(Role.STAFF, Role.SYSTEM)
    row, project = lock(tx, lot_id)
    must_serve(actor, row.centre_id)
    move(tx, row, Event.EVALUATE)
    data = {"report": report.sha256}
    tx.record(subject_of(lot_id), "trading:lot:evaluated", actor, data, (report,))
    return to_lot(row, project)


def fail_lot(tx: Tx, actor: Actor, lot_id: str, report: DocumentRef) -> Lot:
    """Say that the committee rejected all bids (招标投标法 第四十二条): the tender has failed."""
    actor.must_be(Role.STAFF, Role.SYSTEM)
    row, project = lock(tx, lot_id)
    must_serve(actor, row.centre_id)
    if Stage(row.stage) not in (Stage.OPENED, Stage.EVALUATED):
        raise Refusal("trading.lot.stage", {"stage": row.stage, "event": Event.FAIL}, Kind.CONFLICT)
    move(tx, row, Event.FAIL)
    data = {"cause": "ALL_REJECTED", "report": report.sha256}
    tx.record(subject_of(lot_id), "trading:lot:failed", actor, data, (report,))
    return to_lot(row, project)


def terminate_lot(tx: Tx, actor: Actor, lot_id: str, document: bytes) -> Lot:
    """The tenderer gives the tender up (终止招标, 条例 第三十一条), with a published reason."""
    actor.must_be(Role.TENDERER)
    row, project = lock(tx, lot_id)
    must_act_for(actor, project.tenderer_uscc, project.agency_uscc)
    if not document:
        raise Refusal("trading.lot.termination_reason", {})
    reference = tx.vault.put("termination_notice", "application/octet-stream", document)
    move(tx, row, Event.TERMINATE)
    tx.record(subject_of(lot_id), "trading:lot:terminated", actor, {}, (reference,))
    return to_lot(row, project)


def lot(db: Session, lot_id: str) -> Lot:
    """One lot; NOT_FOUND where there is none."""
    return to_lot(*_found(queries.lot(db, lot_id), lot_id))


def lots(
    db: Session,
    stage: Stage | None = None,
    centre_id: str | None = None,
    project_id: str | None = None,
) -> tuple[Lot, ...]:
    """Lots by stage, host centre and project, in order of id."""
    found = [to_lot(row, p) for row, p in queries.lots(db, stage, centre_id, project_id)]
    return tuple(sorted(found, key=lambda lot: lot.id))


def project(db: Session, project_id: str) -> Project:
    """One project with its lots; NOT_FOUND where there is none."""
    row = queries.project(db, project_id)
    if row is None:
        raise Refusal("trading.project.unknown", {"project": project_id[:40]}, Kind.NOT_FOUND)
    return _project(row, queries.lots_of(db, project_id))


def lock(tx: Tx, lot_id: str) -> tuple[LotRow, ProjectRow]:
    """The rows of a lot that this transaction is about to change. Within trading only."""
    return _found(queries.lock_lot(tx.db, lot_id), lot_id)


def move(tx: Tx, row: LotRow, event: Event) -> None:
    """Move a locked lot on; CONFLICT where the event does not belong to its stage."""
    row.stage = advance(Stage(row.stage), event).value
    if event is Event.EVALUATE:
        row.evaluated_at = tx.now
    tx.db.add(row)
    tx.db.flush()


def deadline_json(deadline: Deadline) -> dict[str, Any]:
    """A deadline as an entry of the record tells it: the day, the days counted, how sure it is."""
    return {
        "day": str(deadline.day),
        "counted": [str(day) for day in deadline.counted],
        "provisional": deadline.provisional,
    }


def to_lot(row: LotRow, project: ProjectRow) -> Lot:
    """The lot of its rows."""
    committee = canonical.decode(row.committee.encode())
    return Lot(
        id=row.id,
        project_id=project.id,
        number=row.number,
        name=row.name,
        regime=Regime(project.regime),
        kind=ProjectKind(project.kind),
        division_code=project.division_code,
        centre_id=row.centre_id,
        tenderer_uscc=project.tenderer_uscc,
        agency_uscc=project.agency_uscc,
        supervisor_uscc=project.supervisor_uscc,
        government_invested=project.government_invested,
        estimate=Money(row.estimate_fen),
        price_ceiling=Money(row.price_ceiling_fen),
        committee=CommitteeSpec(committee["quotas"], committee["representatives"]),
        deposit_charged=Money(row.deposit_charged_fen),
        bid_validity_days=row.bid_validity_days,
        method=canonical.decode(row.method.encode()),
        overnight_expected=row.overnight_expected,
        slots=row.slots,
        guests=tuple(row.guests.split()),
        registered_at=project.registered_at,
        stage=Stage(row.stage),
        notice=_notice(row, project),
        evaluated_at=row.evaluated_at,
    )


def _found(rows: tuple[LotRow, ProjectRow] | None, lot_id: str) -> tuple[LotRow, ProjectRow]:
    if rows is None:
        raise Refusal("trading.lot.unknown", {"lot": lot_id[:40]}, Kind.NOT_FOUND)
    return rows


def _lot_row(tx: Tx, project: ProjectRow, number: int, spec: LotSpec) -> LotRow:
    committee = {
        "quotas": dict(spec.committee.quotas),
        "representatives": spec.committee.representatives,
    }
    return LotRow(
        id=tx.new_id(),
        project_id=project.id,
        number=number,
        centre_id=project.centre_id,
        name=spec.name,
        estimate_fen=spec.estimate.fen,
        price_ceiling_fen=spec.price_ceiling.fen,
        committee=canonical.encode(committee).decode(),
        deposit_charged_fen=spec.deposit_charged.fen,
        bid_validity_days=spec.bid_validity_days,
        method=canonical.encode(spec.method).decode(),
        overnight_expected=spec.overnight_expected,
        slots=spec.slots,
        guests=" ".join(spec.guests),
        stage=Stage.REGISTERED.value,
    )


def _registration_json(project: ProjectRow, rows: list[LotRow]) -> dict[str, Any]:
    return {
        "format": "bigloop.registration.v1",
        "project": project.id,
        "name": project.name,
        "regime": project.regime,
        "kind": project.kind,
        "division": project.division_code,
        "centre": project.centre_id,
        "tenderer": project.tenderer_uscc,
        "agency": project.agency_uscc,
        "supervisor": project.supervisor_uscc,
        "government_invested": project.government_invested,
        "order_notice": str(project.order_notice) if project.order_notice else None,
        "lots": [
            {
                "lot": row.id,
                "number": row.number,
                "name": row.name,
                "estimate_fen": row.estimate_fen,
                "price_ceiling_fen": row.price_ceiling_fen,
                "deposit_charged_fen": row.deposit_charged_fen,
                "bid_validity_days": row.bid_validity_days,
                "committee": canonical.decode(row.committee.encode()),
                "method": canonical.decode(row.method.encode()),
                "overnight_expected": row.overnight_expected,
                "slots": row.slots,
                "guests": row.guests.split(),
            }
            for row in rows
        ],
    }


def _notice(row: LotRow, project: ProjectRow) -> Notice | None:
    if row.issued_at is None or row.opening_at is None or row.evaluation_at is None:
        return None
    document = DocumentRef(
        NOTICE_NAME, row.notice_sha256 or "", row.notice_bytes or 0, "application/octet-stream"
    )
    terms = NoticeTerms(row.issued_at, row.opening_at, row.evaluation_at, b"", row.available_until)
    return notices.weigh(
        terms,
        document,
        row.bid_validity_days,
        Regime(project.regime),
        project.division_code,
        book(),
        calendar(),
    )


def _project(row: ProjectRow, lots: list[LotRow]) -> Project:
    review = None
    if row.review_by is not None and row.review_on is not None:
        review = ReviewOnFile(
            row.review_by,
            row.review_on,
            Conclusion(row.review_conclusion or ""),
            row.review_reason or "",
            row.review_sha256 or "",
        )
    return Project(
        id=row.id,
        name=row.name,
        regime=Regime(row.regime),
        kind=ProjectKind(row.kind),
        division_code=row.division_code,
        centre_id=row.centre_id,
        tenderer_uscc=row.tenderer_uscc,
        agency_uscc=row.agency_uscc,
        supervisor_uscc=row.supervisor_uscc,
        government_invested=row.government_invested,
        fair_review=review,
        order_notice=row.order_notice,
        registered_at=row.registered_at,
        registered_by=row.registered_by,
        lots=tuple(to_lot(lot, row) for lot in sorted(lots, key=lambda lot: lot.number)),
    )
