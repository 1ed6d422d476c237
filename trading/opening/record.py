"""What the record of an opening says: the names found at its beginning, and the opening record
(开标记录) at its end. It has cells by digest, and no inside of a cell but prices read out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from archive.journal.entry import moment_text
from trading.opening.counting import InName
from trading.opening.opening import BidState, Revocation
from trading.opening.tables import OpeningBidRow, OpeningRow

FORMAT = "bigloop.opening.v1"


def names_json(names: Iterable[InName]) -> list[dict[str, Any]]:
    """The names whose halves are waited for, and what was found in each: how many cells of each
    kind, and the cells kept. Where fewer are kept than found, somebody has flooded that name."""
    return [
        {
            "bidder": name.sender,
            "found": dict(name.found),
            "cells": [
                {"cell": c.cell_sha256, "kind": c.outer.kind, "version": c.outer.version}
                for c in name.cells
            ],
        }
        for name in names
    ]


def opening_json(
    opening: OpeningRow, rows: Sequence[OpeningBidRow], now: datetime
) -> dict[str, Any]:
    """The opening record. `cells` were found in a bidder's name; his half opens `own` of them: the
    rest are not his, or sealed with another half."""
    return {
        "format": FORMAT,
        "lot": opening.lot_id,
        "begun_at": moment_text(opening.begun_at),
        "finished_at": moment_text(now),
        "failed": opening.failed,
        "cells": opening.cells,
        "proven": proven(rows),
        "bids": [
            {
                "bidder": row.bidder_uscc,
                "cells": row.cells,
                "own": row.own,
                "cell": row.cell_sha256 or None,
                "version": row.version,
                "state": row.state,
                "cause": row.cause or None,
                "price_fen": row.price_fen,
                "content": row.content_sha256 or None,
            }
            for row in rows
        ],
    }


def proven(rows: Iterable[OpeningBidRow]) -> int:
    """How many bidders, not withdrawn, have shown with the right half that the bid is theirs."""
    return sum(map(is_proven, rows))


def is_proven(row: OpeningBidRow) -> bool:
    """Whether the bidder handed in the right half and had not withdrawn; told by a finished row."""
    return row.state in (BidState.OPENED, BidState.UNOPENED) or (
        row.state == BidState.REVOKED and row.cause == Revocation.MALFORMED
    )
