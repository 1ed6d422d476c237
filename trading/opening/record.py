"""What the record of an opening says: the names found at its beginning, and the opening record
(开标记录) at its end. It has cells by digest, and no inside of a cell but prices read out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from archive.journal.entry import moment_text
from trading.opening.counting import InName
from trading.opening.opening import BidOutcome, proven

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
    lot_id: str,
    begun_at: datetime,
    finished_at: datetime,
    failed: bool,
    cells: int,
    outcomes: Sequence[BidOutcome],
) -> dict[str, Any]:
    """The opening record. `cells` were tried; of those found in a bidder's name his half opens `own`:
    the rest are not his, or sealed with another half."""
    return {
        "format": FORMAT,
        "lot": lot_id,
        "begun_at": moment_text(begun_at),
        "finished_at": moment_text(finished_at),
        "failed": failed,
        "cells": cells,
        "proven": proven(outcomes),
        "bids": [
            {
                "bidder": outcome.bidder,
                "cells": outcome.cells,
                "own": outcome.own,
                "cell": outcome.cell_sha256 or None,
                "version": outcome.version,
                "state": outcome.state,
                "cause": outcome.cause,
                "price_fen": outcome.price_fen,
                "content": outcome.content_sha256 or None,
            }
            for outcome in outcomes
        ],
    }
