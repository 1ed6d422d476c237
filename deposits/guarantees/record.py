"""A guarantee as this room keeps it after the opening: the document's digest, what it promises, how it
fared, and each step of its life."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime

from archive.errors import Reason
from archive.journal.entry import DocumentRef
from deposits.forms import DepositForm
from deposits.guarantees.document import Guarantee
from deposits.guarantees.states import Event, GuaranteeState, Step, step
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
    """`document` is what came to light, later the plain document that the issuer restored; `since`
    the moment of the last step. `promise` is None until the document was read, and where it cannot
    be. `file` is the issuer's printed form (PDF, OFD), `code` asks the issuer about it, `notes` say
    what was not verified. `release_due_on` is the last legal day for giving it back, once an event
    has started that clock."""

    id: str
    lot_id: str
    centre_id: str
    bidder_uscc: str
    state: GuaranteeState
    document: DocumentRef
    restored_at: datetime
    since: datetime
    verified_at: datetime | None = None
    reasons: tuple[Reason, ...] = ()
    notes: tuple[Reason, ...] = ()
    promise: Promise | None = None
    file: DocumentRef | None = None
    code: str = ""
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


def moved(
    record: GuaranteeRecord, event: Event, now: datetime, document: str = ""
) -> tuple[GuaranteeRecord, Step]:
    """The record after one step, and the step; refuses as `states.step` does."""
    made = step(record.state, record.since, event, now, document)
    return replace(record, state=made.state, since=now), made


def judged(
    record: GuaranteeRecord,
    promise: Promise | None,
    reasons: tuple[Reason, ...],
    now: datetime,
    notes: tuple[Reason, ...] = (),
) -> tuple[GuaranteeRecord, Step]:
    """The record after its verification: VERIFIED where there is no reason against it."""
    assert promise is not None or reasons, "what could not be read cannot be verified"
    event = Event.REJECT if reasons else Event.VERIFY
    after, made = moved(record, event, now, record.document.sha256)
    return replace(
        after,
        promise=promise or record.promise,
        reasons=reasons,
        notes=notes,
        verified_at=now,
    ), made


def with_clock(record: GuaranteeRecord, due: ReleaseDue) -> GuaranteeRecord:
    """The record with its release clock; a clock that runs already is kept."""
    if record.release_due_on is not None:
        return record
    return replace(record, release_cause=due.cause, release_due_on=due.deadline.day)


def released(record: GuaranteeRecord, now: datetime) -> tuple[GuaranteeRecord, Step]:
    after, made = moved(record, Event.RELEASE, now)
    return replace(after, released_at=now), made
