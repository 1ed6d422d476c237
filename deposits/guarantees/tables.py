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
from deposits.grounds import Ground
from deposits.guarantees.demands.demand import DemandState, GuaranteeDemand
from deposits.guarantees.extending.endorsement import Endorsement, EndorsementState
from deposits.guarantees.record import GuaranteeRecord, Promise
from deposits.guarantees.states import COUNTING, KNOWN_HERE, Event, GuaranteeState, Step
from deposits.release import ReleaseCause
from trading.money import Money


def _states(which: frozenset[GuaranteeState]) -> str:
    return (
        "state IN (" + ", ".join(f"'{state}'" for state in GuaranteeState if state in which) + ")"
    )


_COUNTING = _states(COUNTING)


class GuaranteeRow(SQLModel, table=True):
    __tablename__ = "deposit_guarantee"
    __table_args__ = (
        sa.CheckConstraint(_states(KNOWN_HERE), name="state_known"),
        sa.CheckConstraint(
            f"NOT ({_COUNTING}) OR (number <> '' AND amount_fen > 0)", name="verified_was_read"
        ),
        sa.CheckConstraint(
            "(release_due_on IS NULL) = (release_cause = '')", name="clock_has_cause"
        ),
        sa.CheckConstraint("state <> 'RELEASED' OR released_at IS NOT NULL", name="released_when"),
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
    since: datetime = Field(sa_type=UtcDateTime)
    """When it came into its state."""
    verified_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    reasons: str = "[]"
    """Canonical JSON: why it is invalid."""
    notes: str = "[]"
    """Canonical JSON: what was not verified, and why."""
    number: str = ""
    """Empty until the document was read, and where it cannot be."""
    form: str = ""
    issuer_uscc: str = ""
    amount_fen: int = Field(default=0, sa_type=sa.BigInteger)
    valid_from: date | None = None
    valid_to: date | None = None
    file_name: str = ""
    file_sha256: str = ""
    file_bytes: int = 0
    file_type: str = ""
    code: str = ""
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
            since=self.since,
            verified_at=self.verified_at,
            reasons=_reasons(self.reasons),
            notes=_reasons(self.notes),
            promise=promise,
            file=(
                DocumentRef(self.file_name, self.file_sha256, self.file_bytes, self.file_type)
                if self.file_name
                else None
            ),
            code=self.code,
            release_cause=ReleaseCause(self.release_cause) if self.release_cause else None,
            release_due_on=self.release_due_on,
            released_at=self.released_at,
        )

    @classmethod
    def from_domain(cls, record: GuaranteeRecord) -> GuaranteeRow:
        promise, file = record.promise, record.file
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
            since=record.since,
            verified_at=record.verified_at,
            reasons=_text(record.reasons),
            notes=_text(record.notes),
            number=promise.number if promise else "",
            form=promise.form if promise else "",
            issuer_uscc=promise.issuer_uscc if promise else "",
            amount_fen=promise.amount.fen if promise else 0,
            valid_from=promise.valid_from if promise else None,
            valid_to=promise.valid_to if promise else None,
            file_name=file.name if file else "",
            file_sha256=file.sha256 if file else "",
            file_bytes=file.bytes if file else 0,
            file_type=file.type if file else "",
            code=record.code,
            release_cause=record.release_cause or "",
            release_due_on=record.release_due_on,
            released_at=record.released_at,
        )


class StepRow(SQLModel, table=True):
    """One step of a guarantee's life; rows are added and never changed."""

    __tablename__ = "deposit_guarantee_step"
    __table_args__ = (sa.CheckConstraint("number >= 1", name="counted_from_one"),)

    guarantee_id: str = Field(primary_key=True, foreign_key="deposit_guarantee.id")
    number: int = Field(primary_key=True)
    event: str
    state: str
    at: datetime = Field(sa_type=UtcDateTime)
    actor: str
    document_sha256: str = ""

    def to_domain(self) -> Step:
        return Step(Event(self.event), GuaranteeState(self.state), self.at, self.document_sha256)


def _text(reasons: tuple[Reason, ...]) -> str:
    value = [{"code": r.code, "params": dict(r.params)} for r in reasons]
    return canonical.encode(value).decode()


def _reasons(text: str) -> tuple[Reason, ...]:
    return tuple(Reason(r["code"], r["params"]) for r in canonical.decode(text.encode()))


class EvidenceRow(SQLModel, table=True):
    """What the issuer handed over with a printed form: the digests it states, and the lists of revoked
    certificates as of the signing."""

    __tablename__ = "deposit_guarantee_evidence"

    guarantee_id: str = Field(primary_key=True, foreign_key="deposit_guarantee.id")
    digests: str
    """Canonical JSON: hex by algorithm."""
    crls: str
    """Canonical JSON: DER in hex."""


class DemandRow(SQLModel, table=True):
    """A demand on a guarantee; its key makes it one demand however often it is sent."""

    __tablename__ = "deposit_guarantee_demand"
    __table_args__ = (
        sa.CheckConstraint("amount_fen > 0", name="amount_positive"),
        sa.CheckConstraint(
            "state IN ('MADE', 'SENT', 'PAID_OUT', 'REFUSED', 'UNHEARD')", name="state_known"
        ),
        sa.CheckConstraint(
            "(state IN ('PAID_OUT', 'REFUSED')) = (answered_at IS NOT NULL)", name="answered_when"
        ),
    )

    key: str = Field(primary_key=True)
    guarantee_id: str = Field(foreign_key="deposit_guarantee.id", index=True)
    lot_id: str = Field(index=True)
    centre_id: str
    bidder_uscc: str
    issuer_uscc: str
    number: str
    amount_fen: int = Field(sa_type=sa.BigInteger)
    ground: str
    rule_id: str
    article: str
    clause: str
    document_name: str
    document_sha256: str
    to_account: str
    made_by: str
    made_at: datetime = Field(sa_type=UtcDateTime)
    state: str
    reference: str = ""
    reason: str = ""
    answered_at: datetime | None = Field(default=None, sa_type=UtcDateTime)

    def to_domain(self) -> GuaranteeDemand:
        return GuaranteeDemand(
            key=self.key,
            guarantee_id=self.guarantee_id,
            lot_id=self.lot_id,
            centre_id=self.centre_id,
            bidder_uscc=self.bidder_uscc,
            issuer_uscc=self.issuer_uscc,
            number=self.number,
            amount=Money(self.amount_fen),
            ground=Ground(self.ground),
            rule_id=self.rule_id,
            article=self.article,
            clause=self.clause,
            document_name=self.document_name,
            document_sha256=self.document_sha256,
            to_account=self.to_account,
            made_by=self.made_by,
            made_at=self.made_at,
            state=DemandState(self.state),
            reference=self.reference,
            reason=self.reason,
            answered_at=self.answered_at,
        )

    @classmethod
    def from_domain(cls, demand: GuaranteeDemand) -> DemandRow:
        values = {name: getattr(demand, name) for name in GuaranteeDemand.__dataclass_fields__}
        amount = values.pop("amount")
        return cls(amount_fen=amount.fen, **values)


_ENDORSED = ", ".join(f"'{state}'" for state in EndorsementState)


class EndorsementRow(SQLModel, table=True):
    """The last asking for a later end of a guarantee; earlier ones are on the record."""

    __tablename__ = "deposit_guarantee_endorsement"
    __table_args__ = (
        sa.CheckConstraint(f"state IN ({_ENDORSED})", name="state_known"),
        sa.CheckConstraint("price_fen >= 0", name="price_not_below"),
        sa.CheckConstraint("(paid_at IS NULL) = (account = '')", name="paid_from_account"),
    )

    guarantee_id: str = Field(primary_key=True, foreign_key="deposit_guarantee.id")
    until: date
    asked_by: str
    asked_at: datetime = Field(sa_type=UtcDateTime)
    state: str
    price_fen: int | None = Field(default=None, sa_type=sa.BigInteger)
    account: str = ""
    paid_at: datetime | None = Field(default=None, sa_type=UtcDateTime)

    def to_domain(self) -> Endorsement:
        return Endorsement(
            self.guarantee_id,
            self.until,
            self.asked_by,
            self.asked_at,
            EndorsementState(self.state),
            None if self.price_fen is None else Money(self.price_fen),
            self.account,
            self.paid_at,
        )

    @classmethod
    def from_domain(cls, made: Endorsement) -> EndorsementRow:
        return cls(
            guarantee_id=made.guarantee_id,
            until=made.until,
            asked_by=made.asked_by,
            asked_at=made.asked_at,
            state=made.state,
            price_fen=None if made.price is None else made.price.fen,
            account=made.account,
            paid_at=made.paid_at,
        )
