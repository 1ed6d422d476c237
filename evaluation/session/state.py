"""The state of an evaluation session (评标会): who sits where, what is locked, what is sealed.

A session is one committee's work on one lot, at one host venue (主场) and the venues at which its
members sit (副场); it may last several days, with nights in between (隔夜评标). Values only: how one
state becomes another is in `evaluation.session.machine`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from types import MappingProxyType

from evaluation.pricing import Bid
from evaluation.ranking import Ground
from trading.money import Money
from trading.regime import Regime


class Stage(StrEnum):
    SCHEDULED = "SCHEDULED"
    CHECK_IN = "CHECK_IN"
    REVIEWING = "REVIEWING"
    PAUSE_REQUESTED = "PAUSE_REQUESTED"
    PAUSE_APPROVED = "PAUSE_APPROVED"  # members save and lock their sheets
    SEALING = "SEALING"
    SEALED_OVERNIGHT = "SEALED_OVERNIGHT"
    UNSEALING = "UNSEALING"
    SCORED = "SCORED"
    REPORTED = "REPORTED"
    CLOSED = "CLOSED"
    INCIDENT = "INCIDENT"
    VOID = "VOID"


FINAL = frozenset({Stage.CLOSED, Stage.VOID})


class Recusal(StrEnum):
    """The recusal statement of a member (回避声明)."""

    UNSIGNED = "UNSIGNED"
    NONE = "NONE"  # signed: no relation that demands recusal
    CONFLICT = "CONFLICT"  # signed: there is one


class Standing(StrEnum):
    SITTING = "SITTING"
    BLOCKED = "BLOCKED"  # must be replaced
    REPLACED = "REPLACED"  # has left; what he concluded is void


class Cause(StrEnum):
    """Why a member leaves: the causes of 条例 第四十八条, nothing else."""

    RECUSAL = "RECUSAL"  # 回避
    ABSENT = "ABSENT"  # 逾时未到
    LEFT_POST = "LEFT_POST"  # 擅离职守
    HEALTH = "HEALTH"  # 健康原因
    IDENTITY = "IDENTITY"  # is not the person who was drawn


class PauseKind(StrEnum):
    PLANNED = "PLANNED"  # the session was scheduled to last overnight
    AD_HOC = "AD_HOC"  # more than the share of 条例 第四十八条 finds the time too short


class Answer(StrEnum):
    """A member's answer to the report (条例 第五十三条)."""

    OPEN = "OPEN"
    SIGNED = "SIGNED"
    DISSENT = "DISSENT"  # in writing, with reasons
    SILENT = "SILENT"  # neither signed nor dissented in writing: counts as consent


class SealFinding(StrEnum):
    """What a person says of a seal in the morning. There is none that goes without saying: each but
    the first ends the review, and neither a slip nor a box that was left empty may."""

    INTACT = "INTACT"  # undamaged, with the number of the evening
    BROKEN = "BROKEN"
    OTHER_NUMBER = "OTHER_NUMBER"


class IncidentKind(StrEnum):
    FAULT = "FAULT"  # equipment or power; may be mended in time
    SEAL_BROKEN = "SEAL_BROKEN"
    SEAL_DIFFERS = "SEAL_DIFFERS"
    SHEET_DIFFERS = "SHEET_DIFFERS"


@dataclass(frozen=True)
class Member:
    """A member of the committee: by seat code, the drawn expert's id and the venue's centre.

    `identity` is what the venue's door device gives for the person (a digest salted for the
    session): equal for the same person, worthless elsewhere. `submitted` is the digest of the final
    sheet. `present` is the newest presence check of a night.
    """

    seat_code: str
    expert_id: str
    centre_id: str
    is_representative: bool = False
    discipline: str = ""
    identity: str = ""
    recusal: Recusal = Recusal.UNSIGNED
    standing: Standing = Standing.SITTING
    cause: Cause | None = None
    asks_for_time: bool = False
    is_rechecked: bool = False
    is_present: bool = True
    submitted: str = ""
    answer: Answer = Answer.OPEN
    statement: str = ""

    @property
    def is_admitted(self) -> bool:
        """Has read the discipline, was identified, and declared that nothing demands recusal."""
        return (
            self.standing is Standing.SITTING
            and bool(self.discipline)
            and bool(self.identity)
            and self.recusal is Recusal.NONE
        )


@dataclass(frozen=True)
class VenueSeal:
    """One venue's seal for one night; each half by another person. Photos as SHA-256. `custodian`
    keeps what was sealed."""

    centre_id: str
    number: str
    photo: str
    sealed_by: str
    custodian: str = ""
    witnessed_by: str = ""
    unsealed_by: str = ""
    unsealed_photo: str = ""
    unseal_witnessed_by: str = ""


@dataclass(frozen=True)
class Presence:
    """One check of one member in a night; rounds count from 1 for each member."""

    expert_id: str
    round: int
    at: datetime
    is_present: bool


@dataclass(frozen=True)
class Night:
    """A pause over night. `locked`: (expert, digest of his sheet) as it was locked."""

    kind: PauseKind
    requested_by: str
    requested_at: datetime
    approved_by: str = ""
    locked: tuple[tuple[str, str], ...] = ()
    venues: tuple[str, ...] = ()
    seals: tuple[VenueSeal, ...] = ()
    presence: tuple[Presence, ...] = ()
    sealed_at: datetime | None = None
    resumed_at: datetime | None = None

    def seal_of(self, centre_id: str) -> VenueSeal | None:
        return next((seal for seal in self.seals if seal.centre_id == centre_id), None)

    def locked_of(self, expert_id: str) -> str:
        return dict(self.locked).get(expert_id, "")


@dataclass(frozen=True)
class CastVote:
    """A member's finding that a bid must be rejected."""

    expert_id: str
    bidder: str
    ground: Ground


@dataclass(frozen=True)
class Incident:
    kind: IncidentKind
    detail: str
    at: datetime
    stage: Stage
    """Where the session stood."""
    resolved_at: datetime | None = None


@dataclass(frozen=True)
class State:
    """`ruled_on`: the day whose rules hold for the whole session, nights included. `host`: the
    centre of the host venue. `report`: digest of the report's body that members sign. `chair`: the seat
    of the member who was elected to lead, `chair_votes` (expert, seat) before."""

    session_id: str
    lot_id: str
    host: str
    regime: Regime
    ruled_on: date
    starts_at: datetime | None
    is_overnight_planned: bool
    members: tuple[Member, ...]
    stage: Stage = Stage.SCHEDULED
    version: int = 0
    bids: tuple[Bid, ...] = ()
    ceiling: Money | None = None
    k_permille: int | None = None
    votes: tuple[CastVote, ...] = ()
    nights: tuple[Night, ...] = ()
    argument: str = ""
    report: str = ""
    incidents: tuple[Incident, ...] = ()
    chair: str = ""
    chair_votes: tuple[tuple[str, str], ...] = ()

    @property
    def sitting(self) -> tuple[Member, ...]:
        """The committee as it is: everybody who was not replaced, in order of seat."""
        members = (m for m in self.members if m.standing is not Standing.REPLACED)
        return tuple(sorted(members, key=lambda member: member.seat_code))

    def member(self, expert_id: str) -> Member | None:
        return next((m for m in self.members if m.expert_id == expert_id), None)

    @property
    def night(self) -> Night:
        """The night that goes on now, or the newest."""
        assert self.nights, "no night yet"
        return self.nights[-1]

    @property
    def venues(self) -> tuple[str, ...]:
        """The host's and every sitting member's centre, sorted."""
        return tuple(sorted({self.host, *(member.centre_id for member in self.sitting)}))


@dataclass(frozen=True)
class SheetFacts:
    """A stored sheet: its digest, how many cells a complete one still needs, and on how many
    objective items it differs from sheets already submitted. `sm3`: its digest once more, by the national
    algorithm, for the record."""

    digest: str
    missing: int = 0
    differs: int = 0
    sm3: str = ""


@dataclass(frozen=True)
class Facts:
    """What the machine is told about matters that lie outside its state; read by the shell in the
    same transaction. `report`: digest of the body that the figures give; `is_short`: fewer valid
    bids than the rule asks."""

    sheets: Mapping[str, SheetFacts] = field(default_factory=lambda: MappingProxyType({}))
    report: str = ""
    is_short: bool = False


@dataclass(frozen=True)
class Event:
    """Something that happened: recorded as `evaluation:session:<name>`. No names, no scores."""

    name: str
    data: Mapping[str, str | int | bool]
