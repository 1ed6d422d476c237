"""Awards at work: publish candidates, award, sign and publish the contract, mark as archived."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlmodel import Session

from archive.actor import Actor, Role
from archive.errors import Kind, Refusal
from archive.journal.entry import DocumentRef, moment_text
from archive.office import Tx
from trading.acting import must_act_for, must_serve
from trading.awards import queries
from trading.awards.award import (
    Award,
    Candidate,
    Cause,
    Clock,
    Contract,
    Publication,
    check_candidates,
    must_take_first,
)
from trading.awards.tables import (
    ArchivalRow,
    AwardRow,
    CandidateRow,
    ContractRow,
    PublicationRow,
)
from trading.calendar.legal import Deadline, calendar, legal_day
from trading.money import Money
from trading.objections import service as objections
from trading.opening import service as openings
from trading.projects import service as projects
from trading.projects.project import Lot, subject_of
from trading.projects.stages import Event, Stage
from trading.rules.book import Rule, book

CONTRACT_NAME = "contract"
CAUSE_NAME = "award_cause"
_BINARY = "application/octet-stream"
_SHA256 = re.compile(r"[0-9a-f]{64}")


def publish_candidates(
    tx: Tx, actor: Actor, lot_id: str, candidates: Sequence[Candidate], report: DocumentRef
) -> Publication:
    """Publish the candidates of the committee's report. A lot that is only OPENED is taken to have
    been evaluated by this report at this moment. INVALID lists all faults."""
    actor.must_be(Role.STAFF, Role.TENDERER)
    row, project = projects.lock(tx, lot_id)
    lot = projects.to_lot(row, project)
    _must_belong(actor, lot)
    if lot.stage is Stage.OPENED:
        projects.move(tx, row, Event.EVALUATE)
    projects.move(tx, row, Event.PUBLISH_CANDIDATES)
    objections.must_not_be_suspended(tx.db, lot_id)
    opened = {bid.bidder: bid.price for bid in openings.opening(tx.db, lot_id).bids}
    count_max = _rule("candidates.count_max", lot, tx.now).number
    check_candidates(candidates, opened, count_max).refuse()
    publication = PublicationRow(
        lot_id=lot_id,
        centre_id=lot.centre_id,
        published_at=tx.now,
        report_name=report.name,
        report_sha256=report.sha256,
        report_bytes=report.bytes,
        report_type=report.type,
    )
    tx.db.add(publication)
    tx.db.flush()
    rows = [
        CandidateRow(
            lot_id=lot_id,
            rank=c.rank,
            bidder_uscc=c.bidder_uscc,
            price_fen=c.price.fen,
            score=c.score,
        )
        for c in candidates
    ]
    tx.db.add_all(rows)
    tx.db.flush()
    published = _publication(publication, rows, projects.to_lot(row, project))
    document = tx.keep("candidates.json", _candidates_json(published))
    data = {
        "bidders": [c.bidder_uscc for c in candidates],
        "publicity": projects.deadline_json(published.publicity),
        "late": published.is_late,
        "rules": list(published.rules),
    }
    tx.record(subject_of(lot_id), "trading:candidates:published", actor, data, (document, report))
    return published


def award(
    tx: Tx,
    actor: Actor,
    lot_id: str,
    rank: int = 1,
    cause: Cause | None = None,
    document: bytes = b"",
) -> Award:
    """Award the lot. TOO_EARLY while the candidates are still published.

    Another rank than the first, where the first is bound to be taken, needs a `cause` that the law
    names, and a `document` that proves it.
    """
    actor.must_be(Role.TENDERER)
    row, project = projects.lock(tx, lot_id)
    lot = projects.to_lot(row, project)
    must_act_for(actor, lot.tenderer_uscc, lot.agency_uscc)
    projects.move(tx, row, Event.AWARD)
    objections.must_not_be_suspended(tx.db, lot_id)
    published = publication(tx.db, lot_id)
    publicity = _rule("candidates.publicity", lot, published.published_at)
    if publicity.number and tx.now < published.publicity.ends_at:
        raise Refusal(
            "trading.award.too_early",
            {"ends_at": moment_text(published.publicity.ends_at)},
            Kind.TOO_EARLY,
            rule=publicity.id,
        )
    if not 1 <= rank <= len(published.candidates):
        raise Refusal("trading.award.rank", {"rank": rank, "candidates": len(published.candidates)})
    rank_one = _rule("award.rank_one", lot, tx.now)
    bound = must_take_first(rank_one.text, lot.government_invested)
    if rank > 1 and bound and (cause is None or not document):
        raise Refusal("trading.award.not_first", {"rank": rank}, rule=rank_one.id)
    reference = tx.vault.put(CAUSE_NAME, _BINARY, document) if document else None
    awarded = AwardRow(
        lot_id=lot_id,
        centre_id=lot.centre_id,
        rank=rank,
        awarded_at=tx.now,
        awarded_by=actor.id,
        cause=cause.value if cause and rank > 1 else "",
        document_sha256=reference.sha256 if reference else "",
        document_bytes=reference.bytes if reference else 0,
    )
    tx.db.add(awarded)
    tx.db.flush()
    result = _award(awarded, published.candidates[rank - 1], lot)
    data = {
        "winner": result.winner.bidder_uscc,
        "rank": rank,
        "cause": awarded.cause or None,
        "contract_due": projects.deadline_json(result.contract_due),
        "rules": list(result.rules),
    }
    documents = (reference,) if reference else ()
    tx.record(subject_of(lot_id), "trading:award:made", actor, data, documents)
    return result


def sign_contract(
    tx: Tx, actor: Actor, lot_id: str, amount: Money, document: bytes, extension: bytes = b""
) -> Contract:
    """Put the signed contract on record. INVALID at another price than the awarded one; TOO_LATE
    past the bids' validity without an `extension` that both sides signed. Later than the rule
    `contract.within` it is taken as late."""
    actor.must_be(Role.TENDERER)
    row, project = projects.lock(tx, lot_id)
    lot = projects.to_lot(row, project)
    must_act_for(actor, lot.tenderer_uscc, lot.agency_uscc)
    projects.move(tx, row, Event.CONTRACT)
    objections.must_not_be_suspended(tx.db, lot_id)
    awarded = award_of(tx.db, lot_id)
    if amount != awarded.winner.price:
        raise Refusal(
            "trading.contract.price",
            {"amount": amount.in_yuan(), "awarded": awarded.winner.price.in_yuan()},
            rule="contract.price_as_bid",
        )
    if tx.now >= awarded.validity.ends_at and not extension:
        raise Refusal(
            "trading.contract.validity",
            {"ended": str(awarded.validity.day)},
            Kind.TOO_LATE,
            rule="contract.within_validity",
        )
    if not document:
        raise Refusal("trading.contract.document", {})
    references = [tx.vault.put(CONTRACT_NAME, _BINARY, document)]
    if extension:
        references.append(tx.vault.put("validity_extension", _BINARY, extension))
    signed = ContractRow(
        lot_id=lot_id,
        centre_id=lot.centre_id,
        winner_uscc=awarded.winner.bidder_uscc,
        amount_fen=amount.fen,
        signed_at=tx.now,
        signed_by=actor.id,
        document_sha256=references[0].sha256,
        document_bytes=references[0].bytes,
    )
    tx.db.add(signed)
    tx.db.flush()
    result = _contract(signed, awarded, lot)
    data = {
        "winner": result.winner_uscc,
        "late": result.is_late,
        "publish_due": projects.deadline_json(result.publish_due),
        "rules": list(result.rules),
    }
    tx.record(subject_of(lot_id), "trading:contract:signed", actor, data, tuple(references))
    return result


def publish_contract(tx: Tx, actor: Actor, lot_id: str) -> Contract:
    """Say that the contract is public (合同公开); its clock stops."""
    actor.must_be(Role.STAFF, Role.TENDERER)
    row, project = projects.lock(tx, lot_id)
    lot = projects.to_lot(row, project)
    _must_belong(actor, lot)
    signed = queries.contract(tx.db, lot_id)
    if signed is None:
        raise Refusal("trading.contract.none", {}, Kind.NOT_FOUND)
    if signed.published_at is not None:
        raise Refusal("trading.contract.published", {}, Kind.CONFLICT)
    signed.published_at = tx.now
    tx.db.add(signed)
    tx.db.flush()
    result = _contract(signed, award_of(tx.db, lot_id), lot)
    data = {"late": tx.now >= result.publish_due.ends_at}
    tx.record(subject_of(lot_id), "trading:contract:published", actor, data)
    return result


def mark_archived(tx: Tx, actor: Actor, lot_id: str, dossier_root: str) -> Lot:
    """Say that the lot's dossier is sealed. CONFLICT while an objection is unanswered, for a lot that
    is still under way, and a second time."""
    actor.must_be(Role.STAFF, Role.SYSTEM)
    row, project = projects.lock(tx, lot_id)
    must_serve(actor, row.centre_id)
    if not _SHA256.fullmatch(dossier_root):
        raise Refusal("trading.archival.root", {"value": dossier_root[:80]})
    if queries.archival(tx.db, lot_id) is not None:
        raise Refusal("trading.archival.done", {}, Kind.CONFLICT)
    projects.move(tx, row, Event.ARCHIVE)
    objections.must_not_be_suspended(tx.db, lot_id)
    tx.db.add(
        ArchivalRow(
            lot_id=lot_id, centre_id=row.centre_id, archived_at=tx.now, dossier_root=dossier_root
        )
    )
    tx.db.flush()
    tx.record(subject_of(lot_id), "trading:lot:archived", actor, {"dossier_root": dossier_root})
    return projects.to_lot(row, project)


def publication(db: Session, lot_id: str) -> Publication:
    """The candidates of a lot and their publicity; NOT_FOUND before they are published."""
    row = queries.publication(db, lot_id)
    if row is None:
        raise Refusal("trading.candidates.none", {}, Kind.NOT_FOUND)
    return _publication(row, queries.candidates(db, lot_id), projects.lot(db, lot_id))


def award_of(db: Session, lot_id: str) -> Award:
    """The award of a lot; NOT_FOUND before there is one."""
    row = queries.award(db, lot_id)
    if row is None:
        raise Refusal("trading.award.none", {}, Kind.NOT_FOUND)
    winner = queries.candidates(db, lot_id)[row.rank - 1].to_domain()
    return _award(row, winner, projects.lot(db, lot_id))


def contract(db: Session, lot_id: str) -> Contract:
    """The contract of a lot; NOT_FOUND before there is one."""
    row = queries.contract(db, lot_id)
    if row is None:
        raise Refusal("trading.contract.none", {}, Kind.NOT_FOUND)
    return _contract(row, award_of(db, lot_id), projects.lot(db, lot_id))


def dossier_root(db: Session, lot_id: str) -> str:
    """The root of the lot's sealed dossier; NOT_FOUND before it is archived."""
    row = queries.archival(db, lot_id)
    if row is None:
        raise Refusal("trading.archival.none", {}, Kind.NOT_FOUND)
    return row.dossier_root


def is_sealed(db: Session, lot_id: str) -> bool:
    """Whether the lot's dossier is sealed."""
    return queries.archival(db, lot_id) is not None


def dossiers(db: Session, centre_id: str | None = None) -> dict[str, str]:
    """Lot → root of its sealed dossier, of a centre's lots or of all, in order of id."""
    return {row.lot_id: row.dossier_root for row in queries.archivals(db, centre_id)}


def clocks(db: Session, lot_id: str) -> tuple[Clock, ...]:
    """The clocks of a lot that have begun to run, in order: publication of the candidates, award,
    contract, publication of the contract."""
    lot = projects.lot(db, lot_id)
    found: list[Clock] = []
    published = queries.publication(db, lot_id)
    awarded, signed = queries.award(db, lot_id), queries.contract(db, lot_id)
    if lot.evaluated_at is not None:
        name = "candidates.publish_within"
        done = published.published_at if published else None
        found.append(Clock(name, _period(name, lot, lot.evaluated_at), done))
    if published is not None:
        due = publication(db, lot_id).award_due
        found.append(Clock("award.within", due, awarded.awarded_at if awarded else None))
    if awarded is not None:
        name = "contract.within"
        done = signed.signed_at if signed else None
        found.append(Clock(name, _period(name, lot, awarded.awarded_at), done))
    if signed is not None:
        name = "contract.publish_within"
        found.append(Clock(name, _period(name, lot, signed.signed_at), signed.published_at))
    return tuple(found)


def _must_belong(actor: Actor, lot: Lot) -> None:
    """Staff of the host centre, or the tenderer and its agency."""
    if Role.STAFF in actor.roles:
        must_serve(actor, lot.centre_id)
    else:
        must_act_for(actor, lot.tenderer_uscc, lot.agency_uscc)


def _rule(name: str, lot: Lot, moment: datetime) -> Rule:
    return book().rule(name, legal_day(moment), lot.regime, lot.division_code)


def _period(name: str, lot: Lot, start: datetime) -> Deadline:
    """The period of a rule from the day of `start`."""
    rule = _rule(name, lot, start)
    return calendar().period(legal_day(start), rule.number, rule.unit)


def _publication(row: PublicationRow, rows: list[CandidateRow], lot: Lot) -> Publication:
    assert lot.evaluated_at is not None, "candidates come after the evaluation"
    publicity = _period("candidates.publicity", lot, row.published_at)
    return Publication(
        lot_id=row.lot_id,
        candidates=tuple(r.to_domain() for r in rows),
        published_at=row.published_at,
        publish_due=_period("candidates.publish_within", lot, lot.evaluated_at),
        publicity=publicity,
        award_due=_award_due(lot, publicity),
        report=row.report(),
        rules=("candidates.count_max", "candidates.publicity", "candidates.publish_within"),
    )


def _award_due(lot: Lot, publicity: Deadline) -> Deadline:
    """The award's clock runs from the end of the publicity."""
    rule = book().rule("award.within", publicity.day, lot.regime, lot.division_code)
    return calendar().period(publicity.day, rule.number, rule.unit)


def _award(row: AwardRow, winner: Candidate, lot: Lot) -> Award:
    assert lot.notice is not None, "no award without a notice"
    reference = None
    if row.document_sha256:
        reference = DocumentRef(CAUSE_NAME, row.document_sha256, row.document_bytes, _BINARY)
    return Award(
        lot_id=row.lot_id,
        winner=winner,
        awarded_at=row.awarded_at,
        cause=Cause(row.cause) if row.cause else None,
        document=reference,
        contract_due=_period("contract.within", lot, row.awarded_at),
        validity=lot.notice.validity,
        rules=("award.rank_one", "candidates.publicity", "contract.within"),
    )


def _contract(row: ContractRow, awarded: Award, lot: Lot) -> Contract:
    return Contract(
        lot_id=row.lot_id,
        winner_uscc=row.winner_uscc,
        amount=Money(row.amount_fen),
        signed_at=row.signed_at,
        due=awarded.contract_due,
        document=DocumentRef(CONTRACT_NAME, row.document_sha256, row.document_bytes, _BINARY),
        publish_due=_period("contract.publish_within", lot, row.signed_at),
        published_at=row.published_at,
        rules=(
            "contract.price_as_bid",
            "contract.publish_within",
            "contract.within",
            "contract.within_validity",
        ),
    )


def _candidates_json(published: Publication) -> dict[str, Any]:
    return {
        "format": "bigloop.candidates.v1",
        "lot": published.lot_id,
        "published_at": moment_text(published.published_at),
        "publicity": projects.deadline_json(published.publicity),
        "candidates": [
            {"rank": c.rank, "bidder": c.bidder_uscc, "price_fen": c.price.fen, "score": c.score}
            for c in published.candidates
        ],
    }
