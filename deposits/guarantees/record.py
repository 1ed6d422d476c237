"""A guarantee as this room keeps it after the opening: the document's digest, what it promises, and
how it fared."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime

from archive.errors import Reason
from archive.journal.entry import DocumentRef
from deposits.forms import DepositForm
from deposits.guarantees.document import Guarantee
from deposits.guarantees.states import GuaranteeState, move
from deposits.release import ReleaseCause, ReleaseDue
from trading.money import Money


@dataclass(frozen=True)
class Promise:
    """The part of a readable guarantee that is asked for by query; the rest is in the document."""

    number: str
    form: DepositForm
    issuer_uscc: str
    amount: Money
    valid_from: date
    valid_to: date


@dataclass(frozen=True)
class GuaranteeRecord:
    """`promise` is None until the document was read, and where it cannot be. `release_due_on` is
    the last legal day for giving it back, once an event has started that clock."""

    id: str
    lot_id: str
    centre_id: str
    bidder_uscc: str
    state: GuaranteeState
    document: DocumentRef
    restored_at: datetime
    verified_at: datetime | None = None
    reasons: tuple[Reason, ...] = ()
    promise: Promise | None = None
    release_cause: ReleaseCause | None = None
    release_due_on: date | None = None
    released_at: datetime | None = None


def promise_of(guarantee: Guarantee) -> Promise:
    return Promise(
        guarantee.number,
        guarantee.form,
        guarantee.issuer_uscc,
        guarantee.amount,
        guarantee.valid_from,
        guarantee.valid_to,
    )


def judged(
    record: GuaranteeRecord, promise: Promise | None, reasons: tuple[Reason, ...], now: datetime
) -> GuaranteeRecord:
    """The record after its verification: VERIFIED where there is no reason against it."""
    to = GuaranteeState.INVALID if reasons else GuaranteeState.VERIFIED
    assert promise is not None or reasons, "what could not be read cannot be verified"
    return replace(
        record,
        state=move(record.state, to),
        promise=promise,
        reasons=reasons,
        verified_at=now,
    )


def with_clock(record: GuaranteeRecord, due: ReleaseDue) -> GuaranteeRecord:
    """The record with its release clock; a clock that runs already is kept."""
    if record.release_due_on is not None:
        return record
    return replace(record, release_cause=due.cause, release_due_on=due.deadline.day)


def released(record: GuaranteeRecord, now: datetime) -> GuaranteeRecord:
    return replace(record, state=move(record.state, GuaranteeState.RELEASED), released_at=now)
