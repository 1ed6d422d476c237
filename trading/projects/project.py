"""Projects and their lots: what is registered, what a notice says, what others read of them.

One lot (标段、包) is what is bid for, drawn for, evaluated, awarded and archived; the project holds
what its lots have in common. How the bids are scored (`LotSpec.method`) is opaque here and parsed by
evaluation; who may sit on the committee is experts' matter.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from archive.journal.entry import DocumentRef
from trading.calendar.legal import Deadline
from trading.money import Money
from trading.projects.stages import Stage
from trading.regime import ProjectKind, Regime


class Conclusion(StrEnum):
    """What a fair-competition review came to (公平竞争审查规则 第十三条)."""

    FITS = "FITS"  # 符合
    DOES_NOT_FIT = "DOES_NOT_FIT"  # 不符合
    EXCEPTION = "EXCEPTION"  # 适用例外规定, with reasons


@dataclass(frozen=True)
class FairReview:
    """The conclusion of the competent body, as it was handed in. The platform decides nothing."""

    reviewer_uscc: str
    reviewed_on: date
    conclusion: Conclusion
    reason: str
    document: bytes = field(repr=False)


class Remote(StrEnum):
    """How a lot is evaluated away from its host (远程异地评标): by experts in one guest centre that the
    host names (一对一), or in several (一对多), those it names or wherever the big loop seats them."""

    ONE_TO_ONE = "ONE_TO_ONE"
    ONE_TO_MANY = "ONE_TO_MANY"


def remote_of(guests: Sequence[str]) -> Remote:
    """One named guest centre is one-to-one; none, or several, one-to-many."""
    return Remote.ONE_TO_ONE if len(guests) == 1 else Remote.ONE_TO_MANY


@dataclass(frozen=True)
class CommitteeSpec:
    """How many experts of which specialty, and how many of the tenderer's representatives."""

    quotas: Mapping[str, int]
    representatives: int = 0


@dataclass(frozen=True)
class LotSpec:
    """One lot as it is applied for. `estimate` 估算价, `price_ceiling` 最高投标限价,
    `deposit_charged` what the tender file asks for, `slots` how many half-days the review takes,
    `guests` the guest centres (副场) that the host names; none: the big loop (大循环) seats everybody."""

    name: str
    estimate: Money
    price_ceiling: Money
    committee: CommitteeSpec
    deposit_charged: Money
    bid_validity_days: int
    method: Mapping[str, Any]
    overnight_expected: bool = False
    slots: int = 1
    guests: tuple[str, ...] = ()


@dataclass(frozen=True)
class Registration:
    """An application for entry to the venue (受理登记). `order_notice` is the day on which the
    《评标评审秩序告知书》 was signed."""

    name: str
    regime: Regime
    kind: ProjectKind
    division_code: str
    centre_id: str
    tenderer_uscc: str
    agency_uscc: str | None
    supervisor_uscc: str
    government_invested: bool
    fair_review: FairReview | None
    order_notice: date | None
    lots: tuple[LotSpec, ...]


@dataclass(frozen=True)
class NoticeTerms:
    """What a notice says. `opening_at` is the bid deadline (招标投标法 第三十四条);
    `available_until` the last day on which the file is offered, None: until the deadline."""

    issued_at: datetime
    opening_at: datetime
    evaluation_at: datetime
    document: bytes = field(repr=False)
    available_until: date | None = None


@dataclass(frozen=True)
class Notice:
    """A published notice and the periods it was judged by, each with the days it counted.

    `preparation.day` is the first day on which bids might have been opened, `availability.day` the
    first on which the file might have been withdrawn, `validity.day` the last of the bids' validity.
    """

    issued_at: datetime
    opening_at: datetime
    evaluation_at: datetime
    available_until: date | None
    document: DocumentRef
    preparation: Deadline
    availability: Deadline
    validity: Deadline
    rules: tuple[str, ...]

    @property
    def is_provisional(self) -> bool:
        """Whether a period touches a year whose holidays are not announced."""
        periods = (self.preparation, self.availability, self.validity)
        return any(period.provisional for period in periods)


@dataclass(frozen=True)
class ReviewOnFile:
    """A fair-competition review as it was registered."""

    reviewer_uscc: str
    reviewed_on: date
    conclusion: Conclusion
    reason: str
    document_sha256: str


@dataclass(frozen=True)
class Lot:
    """A lot with what it takes over from its project. `number` counts from 1 in the project."""

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
    supervisor_uscc: str
    government_invested: bool
    estimate: Money
    price_ceiling: Money
    committee: CommitteeSpec
    deposit_charged: Money
    bid_validity_days: int
    method: Mapping[str, Any]
    overnight_expected: bool
    slots: int
    guests: tuple[str, ...]
    registered_at: datetime
    stage: Stage
    notice: Notice | None
    evaluated_at: datetime | None

    @property
    def remote(self) -> Remote:
        return remote_of(self.guests)

    @property
    def subject(self) -> str:
        """The subject to which cells for this lot are sealed; also its stream."""
        return subject_of(self.id)


@dataclass(frozen=True)
class Project:
    """A registered project with its lots in order of number."""

    id: str
    name: str
    regime: Regime
    kind: ProjectKind
    division_code: str
    centre_id: str
    tenderer_uscc: str
    agency_uscc: str | None
    supervisor_uscc: str
    government_invested: bool
    fair_review: ReviewOnFile | None
    order_notice: date | None
    registered_at: datetime
    registered_by: str
    lots: tuple[Lot, ...]


def subject_of(lot_id: str) -> str:
    """The name of a lot for the custodian and in the record: `lot/<id>`."""
    return f"lot/{lot_id}"
