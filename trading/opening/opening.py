"""The opening of sealed bids without a meeting (不见面开标): what counts, what is deemed revoked.

1. The custodian's key of the lot is tried on every cell of the lodging window; what opens is ours.
2. Of each sender and kind the newest version counts (招标投标法 第二十九条: bids may be changed and
   withdrawn until the deadline). A withdrawal takes back the bids of its version and earlier.
3. Senders who are no registered company, and the operator of the platform (电子招标投标办法
   第二十三条), are no bidders.
4. Fewer bidders than `opening.bidders_min`: nothing is opened (条例 第四十四条).
5. Each bidder hands in the half of his key; without the right one his bid is deemed revoked, and
   the others go on (电子招标投标办法 第三十一条). So it is with a content that is no bid.

Nobody can say from a cell alone that its sender sealed it: the half proves that. A cell that somebody
sealed in another's name therefore can stand in that bidder's way; who may lodge in whose name is
checked where cells are taken in, by the account.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from archive.journal.entry import DocumentRef
from archive.sealing import Outer
from trading.lodging.bid import BID, WITHDRAWAL, Attachment
from trading.money import Money
from trading.parties.party import Organisation, OrganisationKind

NO_BIDDERS = frozenset({OrganisationKind.OPERATOR, OrganisationKind.SUPERVISOR})


class BidState(StrEnum):
    """What became of a bid that was found in the cells."""

    WAITING = "WAITING"  # for the bidder's half
    READY = "READY"  # the right half is here
    OPENED = "OPENED"
    REVOKED = "REVOKED"  # 视为撤销


class Revocation(StrEnum):
    """Why a bid is deemed revoked."""

    HALF_MISSING = "HALF_MISSING"
    MALFORMED = "MALFORMED"


@dataclass(frozen=True)
class Found:
    """A cell that the custodian's key opened."""

    tick: datetime
    cell_sha256: str
    outer: Outer


@dataclass(frozen=True)
class Sorted:
    """What the cells of a window come to. `strangers` counts senders who cannot be bidders."""

    bids: tuple[Found, ...]
    others: tuple[Outer, ...]
    withdrawn: int
    strangers: int


@dataclass(frozen=True)
class OpeningBegun:
    """The bidders, in order of code, who now hand in their halves; empty, as `others` is, where the
    tender has failed. `others` are the cells of other kinds (guarantees), newest version of each
    sender and kind, by sender and kind."""

    lot_id: str
    begun_at: datetime
    bidders: tuple[str, ...]
    others: tuple[Outer, ...]
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
    """A finished opening: the bids in order of the bidders' codes, and who is deemed to have
    revoked, with the cause in `causes`. `record` is the opening record (开标记录)."""

    lot_id: str
    begun_at: datetime
    finished_at: datetime
    bids: tuple[OpenedBid, ...]
    revoked: tuple[str, ...]
    causes: Mapping[str, Revocation]
    record: DocumentRef


def sort_cells(found: Iterable[Found], known: Mapping[str, Organisation]) -> Sorted:
    """Steps 2 and 3 of the outline. Of two cells of one sender, kind and version the later batch
    counts; of one batch, the greater digest, for some order there must be."""
    newest: dict[tuple[str, str], Found] = {}
    for item in found:
        key = (item.outer.sender, item.outer.kind)
        held = newest.get(key)
        if held is None or _age(item) > _age(held):
            newest[key] = item
    strangers = {s for s, _ in newest if s not in known or known[s].kind in NO_BIDDERS}
    bids, withdrawn = [], 0
    for (sender, kind), item in sorted(newest.items()):
        if kind != BID or sender in strangers:
            continue
        taken_back = newest.get((sender, WITHDRAWAL))
        if taken_back is not None and taken_back.outer.version >= item.outer.version:
            withdrawn += 1
            continue
        bids.append(item)
    others = tuple(
        item.outer
        for (sender, kind), item in sorted(newest.items())
        if kind not in (BID, WITHDRAWAL) and sender not in strangers
    )
    return Sorted(tuple(bids), others, withdrawn, len(strangers))


def _age(item: Found) -> tuple[int, datetime, str]:
    return item.outer.version, item.tick, item.cell_sha256
