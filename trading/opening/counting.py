"""Which of the cells of a window count, when the name inside a cell is only its sealer's word.

Anybody can seal a cell in a bidder's name to the public key of the lot. Therefore nothing that
stands in a cell decides anything before the bidder, from his own account, has handed in his half of
the key: of the cells in his name those are his that this half opens, and of them the newest of each
kind counts (招标投标法 第二十九条: bids may be changed and withdrawn until the deadline). A
withdrawal that his half does not open is nobody's.

Until then all cells found in a name are kept, up to a maximum for each kind. Where there are more,
the lot is drawn with a key that nobody outside knows: version and hour are the forger's to choose,
so that to keep the newest would let him put the true cell out with certainty.
"""

from __future__ import annotations

import heapq
import hmac
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime

from archive.errors import Refusal
from archive.sealing import Outer, open_inner
from trading.lodging.bid import BID, GUARANTEE, PAYMENT, WITHDRAWAL
from trading.parties.party import Organisation, OrganisationKind

KINDS = frozenset({BID, GUARANTEE, PAYMENT, WITHDRAWAL})
"""What is asked for in an envelope; a cell of another kind is kept by nobody."""
NO_BIDDERS = frozenset({OrganisationKind.OPERATOR, OrganisationKind.SUPERVISOR})


@dataclass(frozen=True)
class Found:
    """A cell that the custodian's key opened. `tick` is the moment of its batch."""

    tick: datetime
    cell_sha256: str
    outer: Outer


@dataclass(frozen=True)
class InName:
    """What was found in one name: the cells kept, newest first, and how many there were of each
    kind, kept or not."""

    sender: str
    cells: tuple[Found, ...]
    found: Mapping[str, int]

    @property
    def is_crowded(self) -> bool:
        return sum(self.found.values()) > len(self.cells)


@dataclass(frozen=True)
class Sorted:
    """What the cells of a window come to: the names with at least one cell of a bid, in order of
    code; how many senders cannot be bidders, and how many cells are of no kind that is asked for."""

    names: tuple[InName, ...]
    strangers: int
    unasked: int


@dataclass(frozen=True)
class Opened:
    """A cell and what the sender's half shows of it."""

    found: Found
    content: bytes = field(repr=False)


@dataclass(frozen=True)
class Own:
    """What one half opens of the cells in one name. `bid` is the newest bid, None where the half
    opens none and so is wrong; `cells` counts all that it opens."""

    bid: Opened | None
    is_withdrawn: bool
    envelopes: tuple[Opened, ...]
    cells: int


@dataclass
class _Kept:
    lodged: int = 0
    cells: dict[str, Found] = field(default_factory=dict)
    places: list[tuple[int, str]] = field(default_factory=list)


def can_bid(organisation: Organisation | None) -> bool:
    """Whether a sender may be a bidder at all: known to the register, and not the operator of the
    platform (电子招标投标办法 第二十三条) or a supervisor."""
    return organisation is not None and organisation.kind not in NO_BIDDERS


def sort_cells(
    found: Iterable[Found], may_bid: Callable[[str], bool], kept_max: int, draw_key: bytes
) -> Sorted:
    """Sort the cells by name. At most `kept_max` of each name and kind are kept, drawn by an HMAC
    of their digests under `draw_key` (secret until the opening). The order of the cells does not
    matter. A cell that was lodged twice is kept once, with its earlier tick."""
    kept: dict[str, dict[str, _Kept]] = {}
    strangers: set[str] = set()
    unasked = 0
    for item in found:
        sender, kind = item.outer.sender, item.outer.kind
        if sender in strangers or (sender not in kept and not may_bid(sender)):
            strangers.add(sender)
        elif kind not in KINDS:
            unasked += 1
        else:
            _keep(kept.setdefault(sender, {}).setdefault(kind, _Kept()), item, kept_max, draw_key)
    names = (
        InName(
            sender,
            newest_first(item for held in kinds.values() for item in held.cells.values()),
            {kind: held.lodged for kind, held in sorted(kinds.items())},
        )
        for sender, kinds in sorted(kept.items())
        if BID in kinds
    )
    return Sorted(tuple(names), len(strangers), unasked)


def what_counts(cells: Iterable[Found], half: bytes) -> Own:
    """What `half` (32 bytes) opens of the cells in one name, and what of it counts. Of two cells of
    one kind and version the later batch counts; of one batch, the greater digest, for some order
    there must be. A withdrawal takes back the bids of its version and earlier."""
    newest: dict[str, Opened] = {}
    count = 0
    for item in newest_first(cells):
        with suppress(Refusal):
            content = open_inner(item.outer, half)
            newest.setdefault(item.outer.kind, Opened(item, content))
            count += 1
    bid, withdrawal = newest.pop(BID, None), newest.pop(WITHDRAWAL, None)
    return Own(
        bid=bid,
        is_withdrawn=bid is not None
        and withdrawal is not None
        and withdrawal.found.outer.version >= bid.found.outer.version,
        envelopes=tuple(newest[kind] for kind in sorted(newest)),
        cells=count,
    )


def looks_withdrawn(cells: Iterable[Found]) -> bool:
    """Whether a withdrawal covers every bid among these cells, by their own word. It proves nothing
    and serves only where no half has come that could prove anything."""
    versions: dict[str, int] = {}
    for item in cells:
        outer = item.outer
        versions[outer.kind] = max(versions.get(outer.kind, 0), outer.version)
    return WITHDRAWAL in versions and versions[WITHDRAWAL] >= versions.get(BID, 0)


def newest_first(cells: Iterable[Found]) -> tuple[Found, ...]:
    """The cells by version, batch and digest, the newest first."""
    return tuple(
        sorted(cells, key=lambda c: (c.outer.version, c.tick, c.cell_sha256), reverse=True)
    )


def _keep(held: _Kept, item: Found, kept_max: int, draw_key: bytes) -> None:
    held.lodged += 1
    digest = item.cell_sha256
    known = held.cells.get(digest)
    if known is not None:
        if item.tick < known.tick:
            held.cells[digest] = item
        return
    held.cells[digest] = item
    mac = hmac.digest(draw_key, digest.encode(), "sha256")
    heapq.heappush(held.places, (-int.from_bytes(mac, "big"), digest))
    if len(held.places) > kept_max:
        del held.cells[heapq.heappop(held.places)[1]]
