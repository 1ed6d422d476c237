"""All SQL of guarantees."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col, select

from archive import canonical
from deposits.guarantees.demands.demand import OPEN, GuaranteeDemand
from deposits.guarantees.extending.endorsement import Endorsement
from deposits.guarantees.record import GuaranteeRecord
from deposits.guarantees.states import COUNTING, IN_FORCE, GuaranteeState, Step
from deposits.guarantees.tables import (
    DemandRow,
    EndorsementRow,
    EvidenceRow,
    GuaranteeRow,
    StepRow,
)


def of_lot(db: Session, lot_id: str, *, lock: bool = False) -> list[GuaranteeRecord]:
    """The guarantees of a lot by bidder, in code-point order; `lock`ed against other writers."""
    statement = select(GuaranteeRow).where(col(GuaranteeRow.lot_id) == lot_id)
    if lock:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    rows = sorted(db.exec(statement), key=lambda row: row.bidder_uscc)
    return [row.to_domain() for row in rows]


def of_bidder(db: Session, lot_id: str, bidder_uscc: str) -> GuaranteeRecord | None:
    row = db.exec(
        select(GuaranteeRow).where(
            col(GuaranteeRow.lot_id) == lot_id, col(GuaranteeRow.bidder_uscc) == bidder_uscc
        )
    ).one_or_none()
    return row.to_domain() if row else None


def by_id(db: Session, guarantee_id: str, *, lock: bool = False) -> GuaranteeRecord | None:
    return _one(db, lock, col(GuaranteeRow.id) == guarantee_id)


def by_number(
    db: Session, issuer_uscc: str, number: str, *, lock: bool = False
) -> GuaranteeRecord | None:
    """The guarantee with that number that counts."""
    return _one(
        db,
        lock,
        col(GuaranteeRow.issuer_uscc) == issuer_uscc,
        col(GuaranteeRow.number) == number,
        col(GuaranteeRow.state).in_(COUNTING),
    )


def _one(db: Session, lock: bool, *where: Any) -> GuaranteeRecord | None:
    statement = select(GuaranteeRow).where(*where)
    if lock:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    row = db.exec(statement).one_or_none()
    return row.to_domain() if row else None


def of_party(
    db: Session, *, bidder_uscc: str = "", issuer_uscc: str = "", centre_id: str = ""
) -> list[GuaranteeRecord]:
    """Those of a bidder, of an issuer, of a centre (all that is given), the newest first."""
    statement = select(GuaranteeRow)
    for column, value in (
        (GuaranteeRow.bidder_uscc, bidder_uscc),
        (GuaranteeRow.issuer_uscc, issuer_uscc),
        (GuaranteeRow.centre_id, centre_id),
    ):
        if value:
            statement = statement.where(col(column) == value)
    found = [row.to_domain() for row in db.exec(statement)]
    return sorted(found, key=lambda r: (r.restored_at, r.id), reverse=True)


def in_state(db: Session, state: GuaranteeState, lot_id: str = "") -> list[GuaranteeRecord]:
    statement = select(GuaranteeRow).where(col(GuaranteeRow.state) == state.value)
    if lot_id:
        statement = statement.where(col(GuaranteeRow.lot_id) == lot_id)
    return sorted(
        (row.to_domain() for row in db.exec(statement)), key=lambda r: (r.lot_id, r.bidder_uscc)
    )


def steps(db: Session, guarantee_id: str) -> list[Step]:
    """The life of one guarantee, from its birth."""
    rows = db.exec(select(StepRow).where(col(StepRow.guarantee_id) == guarantee_id))
    return [row.to_domain() for row in sorted(rows, key=lambda row: row.number)]


def add_step(db: Session, guarantee_id: str, step: Step, actor: str) -> None:
    """Put a step behind the last one."""
    last = db.exec(
        select(sa.func.max(StepRow.number)).where(col(StepRow.guarantee_id) == guarantee_id)
    ).one()
    db.add(
        StepRow(
            guarantee_id=guarantee_id,
            number=(last or 0) + 1,
            event=step.event,
            state=step.state,
            at=step.at,
            actor=actor,
            document_sha256=step.document,
        )
    )


def counting(db: Session, issuers: Collection[str]) -> dict[tuple[str, str], str]:
    """(issuer, number) → lot, of all guarantees of these issuers that count or have counted."""
    rows = db.exec(
        select(GuaranteeRow.issuer_uscc, GuaranteeRow.number, GuaranteeRow.lot_id).where(
            col(GuaranteeRow.issuer_uscc).in_(issuers), col(GuaranteeRow.state).in_(COUNTING)
        )
    )
    return {(issuer, number): lot_id for issuer, number, lot_id in rows}


def due_by(db: Session, on: date) -> list[GuaranteeRecord]:
    """In force although their last day for giving back is `on` or earlier; the oldest first."""
    rows = db.exec(
        select(GuaranteeRow).where(
            col(GuaranteeRow.state).in_(IN_FORCE),
            col(GuaranteeRow.release_due_on) <= on,
        )
    ).all()
    found = [row.to_domain() for row in rows]
    return sorted(found, key=lambda r: (r.release_due_on or date.max, r.lot_id, r.bidder_uscc))


def add(db: Session, record: GuaranteeRecord) -> None:
    db.add(GuaranteeRow.from_domain(record))


def store(db: Session, record: GuaranteeRecord) -> None:
    """Write a record over its row."""
    db.merge(GuaranteeRow.from_domain(record))


def store_moved(db: Session, moved: tuple[GuaranteeRecord, Step], actor_id: str) -> GuaranteeRecord:
    """Write a record that made a step, and the step."""
    record, step = moved
    store(db, record)
    add_step(db, record.id, step, actor_id)
    return record


# --- Evidence -----------------------------------------------------------------------------


def put_evidence(
    db: Session, guarantee_id: str, digests: Mapping[str, str], crls: Sequence[bytes]
) -> None:
    db.merge(
        EvidenceRow(
            guarantee_id=guarantee_id,
            digests=canonical.encode(dict(digests)).decode(),
            crls=canonical.encode([crl.hex() for crl in crls]).decode(),
        )
    )


def evidence(db: Session, guarantee_id: str) -> tuple[dict[str, str], tuple[bytes, ...]]:
    """(digests, lists of revoked certificates) as they were handed over; empty where none were."""
    row = db.get(EvidenceRow, guarantee_id)
    if row is None:
        return {}, ()
    crls = canonical.decode(row.crls.encode())
    return canonical.decode(row.digests.encode()), tuple(bytes.fromhex(crl) for crl in crls)


# --- Demands ------------------------------------------------------------------------------


def demand(db: Session, key: str, *, lock: bool = False) -> GuaranteeDemand | None:
    statement = select(DemandRow).where(col(DemandRow.key) == key)
    if lock:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    row = db.exec(statement).one_or_none()
    return row.to_domain() if row else None


def demands(
    db: Session, *, guarantee_id: str = "", lot_id: str = "", issuer_uscc: str = ""
) -> list[GuaranteeDemand]:
    """Those of a guarantee, a lot or an issuer, or all; the oldest first."""
    statement = select(DemandRow)
    for column, value in (
        (DemandRow.guarantee_id, guarantee_id),
        (DemandRow.lot_id, lot_id),
        (DemandRow.issuer_uscc, issuer_uscc),
    ):
        if value:
            statement = statement.where(col(column) == value)
    return sorted((row.to_domain() for row in db.exec(statement)), key=lambda d: (d.made_at, d.key))


def has_open_demand(db: Session, issuer_uscc: str) -> bool:
    statement = select(DemandRow.key).where(
        col(DemandRow.issuer_uscc) == issuer_uscc, col(DemandRow.state).in_(OPEN)
    )
    return db.exec(statement).first() is not None


def store_demand(db: Session, demand: GuaranteeDemand) -> None:
    db.merge(DemandRow.from_domain(demand))


# --- Later ends ---------------------------------------------------------------------------


def endorsement(db: Session, guarantee_id: str) -> Endorsement | None:
    row = db.get(EndorsementRow, guarantee_id, populate_existing=True)
    return row.to_domain() if row else None


def endorsements(db: Session, guarantee_ids: Collection[str]) -> list[Endorsement]:
    where = col(EndorsementRow.guarantee_id).in_(guarantee_ids)
    return [row.to_domain() for row in db.exec(select(EndorsementRow).where(where))]


def store_endorsement(db: Session, made: Endorsement) -> None:
    db.merge(EndorsementRow.from_domain(made))
    db.flush()
