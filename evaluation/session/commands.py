"""What can be asked of a session. One class a command; digests are 64 hexadecimal digits.

Who may give which command in which stage is the table of `evaluation.session.machine`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import get_args

from archive.errors import Faults
from evaluation.pricing import Bid
from evaluation.ranking import Ground
from evaluation.session.state import Cause, IncidentKind, PauseKind, SealFinding
from trading.money import Money

_DIGEST = re.compile(r"[0-9a-f]{64}")
_SEAL_NUMBER = re.compile(r"[A-Za-z0-9-]{4,32}")
_CODE = re.compile(r"[A-Za-z0-9_.:-]{1,64}")
_DIGEST_FIELDS = frozenset({"notice", "identity", "digest", "photo", "report", "statement"})
_CODE_FIELDS = frozenset(
    {
        "expert_id",
        "seat",
        "centre_id",
        "substitute_id",
        "substitute_seat",
        "substitute_centre",
        "reason",
        "custodian",
    }
)


# --- Arrival (签到) -------------------------------------------------------------------------


@dataclass(frozen=True)
class OpenCheckIn:
    """The host opens the doors."""


@dataclass(frozen=True)
class ReadDiscipline:
    """A member has read 《评标专家工作纪律》; `notice` is the digest of the text shown."""

    expert_id: str
    notice: str


@dataclass(frozen=True)
class CheckIn:
    """The venue's escort staff identified a member (ID card and face)."""

    expert_id: str
    identity: str


@dataclass(frozen=True)
class SignRecusal:
    """A member signs whether anything demands his recusal; `statement` is its digest."""

    expert_id: str
    has_conflict: bool
    statement: str


@dataclass(frozen=True)
class RemoveMember:
    """A member may not go on, for a statutory cause; his seat waits for a substitute."""

    expert_id: str
    cause: Cause


@dataclass(frozen=True)
class ReplaceMember:
    """A drawn substitute takes the place of a member who leaves for a statutory cause."""

    expert_id: str
    cause: Cause
    substitute_id: str
    substitute_seat: str
    substitute_centre: str


# --- Review (评审) --------------------------------------------------------------------------


@dataclass(frozen=True)
class EnterBids:
    """The opened bids with their prices, the ceiling price, and K where the method draws one."""

    bids: tuple[Bid, ...]
    ceiling: Money
    k_permille: int | None = None


@dataclass(frozen=True)
class BeginReview:
    """All are there: the review begins."""


@dataclass(frozen=True)
class VoteRejection:
    """A member finds that a bid must be rejected."""

    expert_id: str
    bidder: str
    ground: Ground


@dataclass(frozen=True)
class VoteChair:
    """A member votes for the member of a seat as chair (推举组长)."""

    expert_id: str
    seat: str


@dataclass(frozen=True)
class AskForTime:
    """A member finds the time too short (条例 第四十八条)."""

    expert_id: str


# --- Night (隔夜) ---------------------------------------------------------------------------


@dataclass(frozen=True)
class RequestPause:
    """The tenderer, his agency or the host asks to go on tomorrow; `reason` is a code."""

    kind: PauseKind
    reason: str


@dataclass(frozen=True)
class ApprovePause:
    """The administrative supervisor agrees."""


@dataclass(frozen=True)
class RefusePause:
    """The administrative supervisor does not agree; `reason` is a code."""

    reason: str


@dataclass(frozen=True)
class LockSheet:
    """A member locks his sheet for the night; `digest` is that of the draft he sees."""

    expert_id: str
    digest: str


@dataclass(frozen=True)
class Seal:
    """Staff of the venue `centre_id` apply a numbered seal; `photo` is its picture's digest.
    `custodian`: the account of who keeps what was sealed (files, notes, telephones) until the
    morning; empty for the one who seals."""

    centre_id: str
    number: str
    photo: str
    custodian: str = ""


@dataclass(frozen=True)
class WitnessSeal:
    """A second person reads the number on the seal."""

    centre_id: str
    number: str


@dataclass(frozen=True)
class CheckPresence:
    """The escort at night: is the member where he should be? Rounds count from 1 a member."""

    expert_id: str
    round: int
    is_present: bool


@dataclass(frozen=True)
class ConfirmPresence:
    """A member says himself, at night, that he is where he should be."""

    expert_id: str


@dataclass(frozen=True)
class Unseal:
    """Staff of the venue read the seal in the morning, before it is broken."""

    centre_id: str
    number: str
    photo: str
    finding: SealFinding


@dataclass(frozen=True)
class WitnessUnseal:
    """A second person reads the number as well; then drafts are compared with those locked."""

    centre_id: str
    number: str
    finding: SealFinding


@dataclass(frozen=True)
class RecheckIdentity:
    """The venue's staff identify a member again in the morning."""

    expert_id: str
    identity: str


@dataclass(frozen=True)
class Resume:
    """The same committee goes on (复会)."""


# --- Conclusion (汇总与报告) ------------------------------------------------------------------


@dataclass(frozen=True)
class SubmitScores:
    """A member signs his complete sheet; `digest` is that of the sheet he sees."""

    expert_id: str
    digest: str


@dataclass(frozen=True)
class ReopenScores:
    """A member takes his sheet back to correct it, before anybody signed the report."""

    expert_id: str
    reason: str


@dataclass(frozen=True)
class FileReport:
    """The report is drawn up from the figures. `statement`: digest of the committee's argument,
    needed where there are fewer valid bids than the rule asks; empty otherwise."""

    statement: str = ""


@dataclass(frozen=True)
class SignReport:
    expert_id: str
    report: str


@dataclass(frozen=True)
class DissentReport:
    """A member dissents in writing; `statement` is the digest of his reasons."""

    expert_id: str
    report: str
    statement: str


@dataclass(frozen=True)
class RecordSilence:
    """A member neither signs nor states his dissent in writing."""

    expert_id: str


@dataclass(frozen=True)
class Close:
    """Everybody leaves; the session is closed for good."""


# --- Incidents ----------------------------------------------------------------------------


@dataclass(frozen=True)
class ReportIncident:
    """Something happened that stops the review; `reason` is a code."""

    kind: IncidentKind
    reason: str


@dataclass(frozen=True)
class ResolveFault:
    """The supervisor finds that a fault was mended in time; the review goes on."""


@dataclass(frozen=True)
class VoidSession:
    """The supervisor declares the committee's work void; a new committee begins afresh."""

    reason: str


Command = (
    OpenCheckIn
    | ReadDiscipline
    | CheckIn
    | SignRecusal
    | RemoveMember
    | ReplaceMember
    | EnterBids
    | BeginReview
    | VoteRejection
    | VoteChair
    | AskForTime
    | RequestPause
    | ApprovePause
    | RefusePause
    | LockSheet
    | Seal
    | WitnessSeal
    | CheckPresence
    | ConfirmPresence
    | Unseal
    | WitnessUnseal
    | RecheckIdentity
    | Resume
    | SubmitScores
    | ReopenScores
    | FileReport
    | SignReport
    | DissentReport
    | RecordSilence
    | Close
    | ReportIncident
    | ResolveFault
    | VoidSession
)

COMMANDS: Mapping[str, type[Command]] = {kind.__name__: kind for kind in get_args(Command)}
"""Every command by its name, for those who read commands from outside."""


def check_form(command: Command) -> None:
    """Refuse, with all faults, a command whose digests, codes or seal number are not such."""
    faults = Faults("evaluation.session.command_invalid")
    for name, value in vars(command).items():
        if not isinstance(value, str):
            continue
        if name in _DIGEST_FIELDS and not _DIGEST.fullmatch(value):
            if not (isinstance(command, FileReport) and value == ""):
                faults.add(f"/{name}", "evaluation.session.digest", field=name)
        elif name == "number" and not _SEAL_NUMBER.fullmatch(value):
            faults.add(f"/{name}", "evaluation.session.seal_number", field=name)
        elif name == "custodian" and value == "":
            continue
        elif name in _CODE_FIELDS and not _CODE.fullmatch(value):
            faults.add(f"/{name}", "evaluation.session.code", field=name)
    faults.refuse()
