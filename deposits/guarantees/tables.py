"""Rows of guarantees in clear. There is none before the opening: until then a guarantee is a sealed
cell among others, in the table of `trading.lodging`."""

from __future__ import annotations

from datetime import date, datetime

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from archive import canonical
from archive.database import UtcDateTime
from archive.errors import Reason
from archive.journal.entry import DocumentRef
from deposits.forms import DepositForm
from deposits.guarantees.record import GuaranteeRecord, Promise
from deposits.guarantees.states import GuaranteeState
from deposits.release import ReleaseCause
from trading.money import Money

_COUNTING = "state IN ('VERIFIED', 'RELEASED')"


class GuaranteeRow(SQLModel, table=True):
    __tablename__ = "deposit_guarantee"
    __table_args__ = (
        sa.CheckConstraint(
            "state IN ('RESTORED', 'VERIFIED', 'INVALID', 'RELEASED')", name="state_known"
        ),
        sa.CheckConstraint(
            f"NOT ({_COUNTING}) OR (number <> '' AND amount_fen > 0)", name="verified_was_read"
        ),
        sa.CheckConstraint(
            "(release_due_on IS NULL) = (release_cause = '')", name="clock_has_cause"
        ),
        sa.CheckConstraint(
            "(state = 'RELEASED') = (released_at IS NOT NULL)", name="released_when"
        ),
        sa.UniqueConstraint("lot_id", "bidder_uscc"),
        # Two lots may be verified at once: the database is the last to see a number used twice.
        sa.Index(
            "uq_deposit_guarantee_counting",
            "issuer_uscc",
            "number",
            unique=True,
            sqlite_where=sa.text(_COUNTING),
            postgresql_where=sa.text(_COUNTING),
        ),
    )

    id: str = Field(primary_key=True)
    lot_id: str = Field(index=True)
    centre_id: str
    bidder_uscc: str
    state: str
    document_name: str
    document_sha256: str
    document_bytes: int
    restored_at: datetime = Field(sa_type=UtcDateTime)
    verified_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    reasons: str = "[]"
    """Canonical JSON: why it is invalid."""
    number: str = ""
    """Empty until the document was read, and where it cannot be."""
    form: str = ""
    issuer_uscc: str = ""
    amount_fen: int = Field(default=0, sa_type=sa.BigInteger)
    valid_from: date | None = None
    valid_to: date | None = None
    release_cause: str = ""
    release_due_on: date | None = Field(default=None, index=True)
    released_at: datetime | None = Field(default=None, sa_type=UtcDateTime)

    def to_domain(self) -> GuaranteeRecord:
        promise = None
        if self.number:
            assert self.valid_from is not None, self.id
            assert self.valid_to is not None, self.id
            promise = Promise(
                number=self.number,
                form=DepositForm(self.form),
                issuer_uscc=self.issuer_uscc,
                amount=Money(self.amount_fen),
                valid_from=self.valid_from,
                valid_to=self.valid_to,
            )
        return GuaranteeRecord(
            id=self.id,
            lot_id=self.lot_id,
            centre_id=self.centre_id,
            bidder_uscc=self.bidder_uscc,
            state=GuaranteeState(self.state),
            document=DocumentRef(
                self.document_name, self.document_sha256, self.document_bytes, "application/json"
            ),
            restored_at=self.restored_at,
            verified_at=self.verified_at,
            reasons=tuple(
                Reason(reason["code"], reason["params"])
                for reason in canonical.decode(self.reasons.encode())
            ),
            promise=promise,
            release_cause=ReleaseCause(self.release_cause) if self.release_cause else None,
            release_due_on=self.release_due_on,
            released_at=self.released_at,
        )

    @classmethod
    def from_domain(cls, record: GuaranteeRecord) -> GuaranteeRow:
        promise = record.promise
        reasons = [{"code": r.code, "params": dict(r.params)} for r in record.reasons]
        return cls(
            id=record.id,
            lot_id=record.lot_id,
            centre_id=record.centre_id,
            bidder_uscc=record.bidder_uscc,
            state=record.state,
            document_name=record.document.name,
            document_sha256=record.document.sha256,
            document_bytes=record.document.bytes,
            restored_at=record.restored_at,
            verified_at=record.verified_at,
            reasons=canonical.encode(reasons).decode(),
            number=promise.number if promise else "",
            form=promise.form if promise else "",
            issuer_uscc=promise.issuer_uscc if promise else "",
            amount_fen=promise.amount.fen if promise else 0,
            valid_from=promise.valid_from if promise else None,
            valid_to=promise.valid_to if promise else None,
            release_cause=record.release_cause or "",
            release_due_on=record.release_due_on,
            released_at=record.released_at,
        )
