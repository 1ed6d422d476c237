"""The opening of sealed bids without a meeting (不见面开标): what counts, what is deemed revoked.

1. The custodian's key of the lot is tried on every cell of the lodging window; what opens is ours.
   All that is found in a name is kept (`counting`): who sealed it is not known yet.
2. Names of no registered company, and of the operator of the platform (电子招标投标办法
   第二十三条), are no bidders.
3. Fewer names than `opening.bidders_min`: nothing is opened (条例 第四十四条). Withdrawals are not
   yet counted, for anybody could have sealed them.
4. Each bidder hands in, from his own account, the half of his key. The newest version that it opens
   counts; a bid that a withdrawal of the same half takes back is withdrawn.
5. The names are counted again without those withdrawn: fewer than `opening.bidders_min`, and the
   tender has failed with nothing opened.
6. Without the right half a bid is deemed revoked, and the others go on (电子招标投标办法
   第三十一条), be they fewer than three: the law asks how many bid, not how many could be read. So
   it is with a content that is no bid.

Why a name without a half counts in step 5, and what a forger can do with it, stands in
docs/decisions/0003.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from archive.journal.entry import DocumentRef
from trading.lodging import bid as bids
from trading.lodging.bid import Attachment
from trading.money import Money


class BidState(StrEnum):
    """What became of the bid in a name that was found in the cells."""

    WAITING = "WAITING"  # for the bidder's half
    READY = "READY"  # the right half is here
    OPENED = "OPENED"
    WITHDRAWN = "WITHDRAWN"  # 撤回, proven by the half
    REVOKED = "REVOKED"  # 视为撤销
    UNOPENED = "UNOPENED"  # the half was here, but too few bid


class Revocation(StrEnum):
    """Why a bid is deemed revoked."""

    HALF_MISSING = "HALF_MISSING"
    WITHDRAWAL_UNPROVEN = "WITHDRAWAL_UNPROVEN"  # no half, and a withdrawal lies in the name
    MALFORMED = "MALFORMED"


@dataclass(frozen=True)
class OpeningBegun:
    """The names, in order of code, whose halves are now waited for; empty where the tender has
    failed. `bidder_count` is the number of names then too."""

    lot_id: str
    begun_at: datetime
    bidders: tuple[str, ...]
    failed: bool
    bidder_count: int
    rules: tuple[str, ...]


@dataclass(frozen=True)
class OpenedBid:
    """A bid that was read out. `document` is its content in the vault."""

    bidder: str
    price: Money
    period_days: int
    quality: str
    attachments: tuple[Attachment, ...]
    content_sha256: str
    version: int
    document: DocumentRef


@dataclass(frozen=True)
class Opening:
    """A finished opening: the bids in order of the bidders' codes, who is deemed to have revoked,
    with the cause in `causes`, and who had withdrawn. `proven` bidders, not withdrawn, handed in the
    right half; where `failed`, too few bid and nothing was opened. `record` is the opening record
    (开标记录)."""

    lot_id: str
    begun_at: datetime
    finished_at: datetime
    bids: tuple[OpenedBid, ...]
    revoked: tuple[str, ...]
    causes: Mapping[str, Revocation]
    withdrawn: tuple[str, ...]
    proven: int
    failed: bool
    record: DocumentRef


@dataclass(frozen=True)
class BidOutcome:
    """A name that bids were found in, and what came of it. `cells` were found in the name, `own` of
    those kept does the half open; the version and what follows it are of the bid that counts."""

    lot_id: str
    bidder: str
    state: BidState
    cells: int
    own: int
    cause: Revocation | None
    version: int | None
    cell_sha256: str
    price_fen: int | None
    content_sha256: str
    content: bytes

    @property
    def is_proven(self) -> bool:
        """Whether the bidder handed in the right half and had not withdrawn; told once finished."""
        return self.state in (BidState.OPENED, BidState.UNOPENED) or (
            self.state is BidState.REVOKED and self.cause is Revocation.MALFORMED
        )

    @property
    def document_name(self) -> str:
        """The name of an opened bid as a document."""
        return f"bid-{self.bidder}.json"


def proven(outcomes: Iterable[BidOutcome]) -> int:
    """How many bidders, not withdrawn, have shown with the right half that the bid is theirs."""
    return sum(outcome.is_proven for outcome in outcomes)


def read_out(
    lot_id: str,
    begun_at: datetime,
    finished_at: datetime,
    failed: bool,
    record: DocumentRef,
    outcomes: Sequence[BidOutcome],
) -> Opening:
    """The finished opening of its outcomes, which are in order of the bidders' codes."""
    revoked = [o for o in outcomes if o.state is BidState.REVOKED]
    return Opening(
        lot_id=lot_id,
        begun_at=begun_at,
        finished_at=finished_at,
        bids=tuple(_opened(o) for o in outcomes if o.state is BidState.OPENED),
        revoked=tuple(o.bidder for o in revoked),
        causes={o.bidder: o.cause for o in revoked if o.cause is not None},
        withdrawn=tuple(o.bidder for o in outcomes if o.state is BidState.WITHDRAWN),
        proven=proven(outcomes),
        failed=failed,
        record=record,
    )


def _opened(outcome: BidOutcome) -> OpenedBid:
    bid = bids.parse(outcome.content, outcome.lot_id, outcome.bidder)
    assert isinstance(bid, bids.Bid), "an opened bid was one when it was opened"
    assert outcome.version is not None, "an opened bid has a version"
    return OpenedBid(
        bidder=outcome.bidder,
        price=bid.price,
        period_days=bid.period_days,
        quality=bid.quality,
        attachments=bid.attachments,
        content_sha256=outcome.content_sha256,
        version=outcome.version,
        document=DocumentRef(
            outcome.document_name,
            outcome.content_sha256,
            len(outcome.content),
            "application/json",
        ),
    )
