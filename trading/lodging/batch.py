"""Batches: how many cells, in which order, and what the sender gets to keep.

The adversary reads the whole database, every log and all backups. So cells of bids, guarantees,
withdrawals and dummies lie in one table, come in batches that are a multiple of one size, and are
shuffled: nothing says how many are real, for which lot, or in which order they came. What remains
visible is that in busy hours there are more batches over the *whole* platform.
"""

from __future__ import annotations

from collections.abc import MutableSequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from archive import canonical
from archive.entropy import Entropy
from archive.journal.entry import moment_text

T = TypeVar("T")
RECEIPT_FORMAT = "bigloop.receipt.v1"


@dataclass(frozen=True)
class Batch:
    """What was lodged: the moment, and the digests of *all* cells of the batch, dummies included,
    as they were shuffled. `receipts` are signed notes for the cells given, in the order given."""

    tick: datetime
    digests: tuple[str, ...]
    receipts: tuple[str, ...]


def padded_size(cells: int, batch_cells: int) -> int:
    """The least positive multiple of `batch_cells` that holds `cells`; a tick without any lodging
    is padded too, so that it looks like one with a few."""
    return max(1, -(-cells // batch_cells)) * batch_cells


def shuffle(items: MutableSequence[T], entropy: Entropy) -> None:
    """Fisher–Yates with unbiased picks from `entropy`, in place."""
    for last in range(len(items) - 1, 0, -1):
        other = _below(last + 1, entropy)
        items[last], items[other] = items[other], items[last]


def receipt_text(digest: str, tick: datetime) -> str:
    """The text of a receipt, before it is signed: which cell came when, and nothing of a lot."""
    value = {"digest": digest, "format": RECEIPT_FORMAT, "tick": moment_text(tick)}
    return canonical.encode(value).decode() + "\n"


def _below(n: int, entropy: Entropy) -> int:
    """Uniform in 0 … n − 1: words beyond the last whole multiple of n are thrown away."""
    limit = 2**64 // n * n
    while True:
        word = int.from_bytes(entropy.bytes(8), "big")
        if word < limit:
            return word % n
