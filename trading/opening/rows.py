"""Between the rows of an opening and what they mean."""

from __future__ import annotations

from collections.abc import Sequence

from archive.journal.entry import DocumentRef
from archive.sealing import Outer
from trading.lodging import bid as bids
from trading.opening.counting import Found, Opened
from trading.opening.opening import BidState, OpenedBid, Opening, Revocation
from trading.opening.record import proven
from trading.opening.tables import (
    OpeningBidRow,
    OpeningCellRow,
    OpeningEnvelopeRow,
    OpeningRow,
)
from trading.projects.project import subject_of

RECORD_NAME = "opening_record.json"


def cell_row(lot_id: str, item: Found) -> OpeningCellRow:
    """The row of a cell that is kept until the halves are in."""
    return OpeningCellRow(
        lot_id=lot_id,
        cell_sha256=item.cell_sha256,
        bidder_uscc=item.outer.sender,
        tick=item.tick,
        kind=item.outer.kind,
        version=item.outer.version,
        key_commitment=item.outer.key_commitment,
        platform_half=item.outer.platform_half,
        inner=item.outer.inner,
    )


def to_found(row: OpeningCellRow) -> Found:
    """The cell of a row."""
    outer = Outer(
        subject_of(row.lot_id),
        row.kind,
        row.bidder_uscc,
        row.version,
        row.key_commitment,
        row.platform_half,
        row.inner,
    )
    return Found(row.tick, row.cell_sha256, outer)


def envelope_row(lot_id: str, item: Opened) -> OpeningEnvelopeRow:
    """The row of an opened envelope."""
    return OpeningEnvelopeRow(
        lot_id=lot_id,
        bidder_uscc=item.found.outer.sender,
        kind=item.found.outer.kind,
        version=item.found.outer.version,
        cell_sha256=item.found.cell_sha256,
        content=item.content,
    )


def bid_name(row: OpeningBidRow) -> str:
    """The name of an opened bid as a document."""
    return f"bid-{row.bidder_uscc}.json"


def to_opening(opening: OpeningRow, rows: Sequence[OpeningBidRow]) -> Opening:
    """The finished opening of its rows."""
    assert opening.finished_at is not None, "only a finished opening is read out"
    return Opening(
        lot_id=opening.lot_id,
        begun_at=opening.begun_at,
        finished_at=opening.finished_at,
        bids=tuple(_opened(row) for row in rows if row.state == BidState.OPENED),
        revoked=tuple(row.bidder_uscc for row in rows if row.state == BidState.REVOKED),
        causes={
            row.bidder_uscc: Revocation(row.cause) for row in rows if row.state == BidState.REVOKED
        },
        withdrawn=tuple(r.bidder_uscc for r in rows if r.state == BidState.WITHDRAWN),
        proven=proven(rows),
        failed=opening.failed,
        record=DocumentRef(
            RECORD_NAME, opening.record_sha256, opening.record_bytes, "application/json"
        ),
    )


def _opened(row: OpeningBidRow) -> OpenedBid:
    bid = bids.parse(row.content, row.lot_id, row.bidder_uscc)
    assert isinstance(bid, bids.Bid), "an opened bid was one when it was opened"
    assert row.version is not None, "an opened bid has a version"
    return OpenedBid(
        bidder=row.bidder_uscc,
        price=bid.price,
        period_days=bid.period_days,
        quality=bid.quality,
        attachments=bid.attachments,
        content_sha256=row.content_sha256,
        version=row.version,
        document=DocumentRef(
            bid_name(row), row.content_sha256, len(row.content), "application/json"
        ),
    )
