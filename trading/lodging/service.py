"""Lodging at work (递交): one padded batch a tick, for bids and guarantees alike.

Who lodges for which lot exists in the memory of the process that takes the upload, never in the
database, a log or the record (招标投标法 第二十二条; 电子招标投标办法 第二十一条、第二十七条). That
process asks `check_lodging_open` with the lot, throws the lot away, and hands the cell to the batch
of the next tick. A cell counts for the opening when the batch's tick is before the deadline, so the
last batch has to be lodged in time and the question asked again with its tick.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlmodel import Session

from archive import sealing
from archive.actor import SYSTEM
from archive.errors import Fault, Faults, Kind, Refusal
from archive.journal.entry import moment_text
from archive.office import Tx
from trading.calendar.legal import legal_day
from trading.lodging import queries
from trading.lodging.batch import Batch, padded_size, receipt_text, shuffle
from trading.projects import service as projects
from trading.projects.stages import Stage
from trading.rules.book import book

STREAM = "lodging"
DIGESTS_PER_ENTRY = 500
"""An entry holds 64 KiB; a digest takes 67 bytes of it."""


def begin(tx: Tx) -> None:
    """Begin a batch: what is checked open from here on stays open until the batch is committed. An
    opening at the same moment comes before or after it as a whole, so that no acknowledged cell is
    ever passed over. `lodge` does it too; whoever checks deadlines first calls it before."""
    queries.share(tx.db)


def lodge(tx: Tx, cells: Sequence[bytes]) -> Batch:
    """Keep one batch of sealed cells, padded with dummies and shuffled.

    INVALID with a pointer to every cell that is no cell. The batch stands on stream `lodging` as
    digests; the receipts are for the senders and not kept.
    """
    begin(tx)
    today = legal_day(tx.now)
    cells_max = book().rule("lodging.cells_max", today).number
    if len(cells) > cells_max:
        raise Refusal("trading.lodging.too_many", {"count": len(cells), "count_max": cells_max})
    faults = Faults("trading.lodging.invalid")
    for index, cell in enumerate(cells):
        try:
            sealing.check_cell(cell)
        except Refusal as refusal:
            faults.extend((Fault(f"/{index}", refusal.code, refusal.params),))
    faults.refuse()
    size = padded_size(len(cells), book().rule("lodging.batch_cells", today).number)
    batch = [*cells, *(sealing.dummy(tx.entropy) for _ in range(size - len(cells)))]
    shuffle(batch, tx.entropy)
    queries.insert(
        tx.db,
        [{"id": tx.entropy.bytes(16).hex(), "tick": tx.now, "cell": cell} for cell in batch],
    )
    digests = tuple(_digest(cell) for cell in batch)
    for start in range(0, len(digests), DIGESTS_PER_ENTRY):
        data: dict[str, Any] = {
            "tick": moment_text(tx.now),
            "digests": list(digests[start : start + DIGESTS_PER_ENTRY]),
        }
        tx.record(STREAM, "trading:lodging:batch", SYSTEM, data)
    receipts = tuple(tx.log.sign(receipt_text(_digest(cell), tx.now)) for cell in cells)
    return Batch(tx.now, digests, receipts)


def check_lodging_open(db: Session, now: datetime, lot_id: str) -> None:
    """Refuse where nothing may be lodged for this lot at `now`: TOO_EARLY before the notice,
    TOO_LATE from the deadline on, CONFLICT where the tender is over. Stores nothing."""
    lot = projects.lot(db, lot_id)
    if lot.stage in (Stage.FAILED, Stage.TERMINATED):
        raise Refusal("trading.lodging.over", {"stage": lot.stage}, Kind.CONFLICT)
    if lot.notice is None or now < lot.notice.issued_at:
        raise Refusal("trading.lodging.too_early", {}, Kind.TOO_EARLY)
    if now >= lot.notice.opening_at or lot.stage is not Stage.NOTICED:
        raise Refusal(
            "trading.lodging.too_late",
            {"deadline": moment_text(lot.notice.opening_at)},
            Kind.TOO_LATE,
            rule="opening.at_deadline",
        )


def _digest(cell: bytes) -> str:
    return hashlib.sha256(cell).hexdigest()
