"""The pool at work: take experts over in bulk, keep their rows, read them.

What happens to one expert goes through `experts.pool.standing`. The stream `pool` records counts,
roots and versions of a bulk enrolment, ids of single changes, and never a name. Each change moves the
pool's version on: version' = SHA-256(version ‖ change).
"""

from __future__ import annotations

import hashlib
import threading
from bisect import bisect_right
from collections import Counter, OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TypeVar

from sqlmodel import Session

from archive import merkle
from archive.actor import Actor, Role
from archive.errors import Faults, Kind, Refusal
from archive.office import Tx
from experts.pool import queries
from experts.pool.columns import Columns, boundaries, build
from experts.pool.expert import Expert, check
from experts.pool.search import Find, Line
from experts.pool.standing import queries as histories
from experts.pool.standing.history import enrolment_of
from experts.pool.tables import ExpertRow, expert_of, values_of
from experts.specialties import catalogue
from trading.calendar.legal import legal_day

STREAM = "pool"
ENROL_EXPERTS_MAX = 200_000
VERSIONS_KEPT_MAX = 3
READS_MAX = 5
ENROLMENT_RULE = "pool.enrolment"

K = TypeVar("K")
V = TypeVar("V")


@dataclass(frozen=True)
class _Kept:
    """A version of the pool, and the days on which some specialty begins or ends."""

    columns: Columns
    days: tuple[date, ...]


_kept: OrderedDict[str, _Kept] = OrderedDict()
_of_day: OrderedDict[tuple[str, int], Columns] = OrderedDict()
_guard = threading.Lock()


def enrol_many(tx: Tx, actor: Actor, experts: Sequence[Expert]) -> int:
    """Enrol experts, all or none; how many. INVALID with every fault; CONFLICT for a taken id."""
    actor.must_be(Role.POOL, Role.SYSTEM)
    if not 0 < len(experts) <= ENROL_EXPERTS_MAX:
        raise Refusal("experts.pool.count", {"count": len(experts), "count_max": ENROL_EXPERTS_MAX})
    faults = Faults("experts.pool.invalid")
    today = legal_day(tx.now)
    for index, expert in enumerate(experts):
        check(expert, catalogue(), today, faults, f"/{index}")
    faults.refuse()
    ids = [expert.id for expert in experts]
    taken = queries.known(tx.db, ids) | {i for i, times in Counter(ids).items() if times > 1}
    if taken:
        raise Refusal("experts.expert.taken", {"expert": min(taken)}, Kind.CONFLICT)
    before = queries.lock_head(tx.db)
    insert(tx.db, experts)
    lines = [
        line
        for expert in sorted(experts, key=lambda expert: expert.id)
        for line in enrolment_of(expert, tx.now, actor.id, ENROLMENT_RULE)
    ]
    histories.insert(tx.db, lines)
    root = merkle.root_of([bytes.fromhex(line.digest) for line in lines]).hex()
    data = {"count": len(experts), "root": root}
    move_on(tx, actor, before, "enrolled", root, data)
    return len(experts)


def expert(db: Session, expert_id: str) -> Expert:
    """One expert; NOT_FOUND where there is none."""
    row = queries.expert(db, expert_id)
    if row is None:
        raise Refusal("experts.expert.unknown", {"expert": expert_id[:40]}, Kind.NOT_FOUND)
    return row.to_domain()


def lock(tx: Tx, expert_id: str) -> None:
    """Let nobody else decide about this expert until the transaction ends."""
    queries.lock(tx.db, expert_id)


def size(db: Session) -> int:
    """How many experts are enrolled, whatever their status."""
    return queries.count(db)


def pools(db: Session, ids: Iterable[str]) -> Mapping[str, str]:
    """Whose pool each of these experts is from."""
    return queries.pools(db, sorted(set(ids)))


def found_count(db: Session, find: Find) -> int:
    """How many experts a search keeps."""
    return queries.found_count(db, find)


def found(db: Session, find: Find, start: int, most: int) -> list[Line]:
    """A part of what a search keeps, in its order."""
    return [Line._make(row) for row in queries.found(db, find, start, most)]


def columns(db: Session, on: date | None = None) -> Columns:
    """The whole pool in arrays, read once per version and process; with `on`, with the specialties
    that hold on that day alone."""
    whole = _whole(db)
    if on is None or not whole.days:
        return whole.columns
    between = bisect_right(whole.days, on)
    key = (whole.columns.version, between)
    with _guard:
        found = _of_day.get(key)
        if found is not None:
            _of_day.move_to_end(key)
            return found
    made = build(whole.columns.version, whole.columns.experts, on)
    _keep(_of_day, key, made)
    return made


def _whole(db: Session) -> _Kept:
    for _ in range(READS_MAX):
        version = queries.version(db)
        with _guard:
            found = _kept.get(version)
            if found is not None:
                _kept.move_to_end(version)
                return found
        built = build(version, map(expert_of, queries.all_experts(db)))
        made = _Kept(built, boundaries(built.experts))
        # A writer may have committed between the two reads where the database lets each statement
        # see the newest state (READ COMMITTED); such a mixture must not be kept, nor used.
        if queries.version(db) == version:
            break
    else:
        raise Refusal("experts.pool.busy", {}, Kind.UNAVAILABLE)
    _keep(_kept, version, made)
    return made


def _keep(into: OrderedDict[K, V], key: K, made: V) -> None:
    with _guard:
        into[key] = made
        while len(into) > VERSIONS_KEPT_MAX:
            into.popitem(last=False)


def insert(db: Session, experts: Sequence[Expert]) -> None:
    """Put experts into the pool's rows; whoever calls writes their histories too."""
    queries.insert(db, [values_of(expert) for expert in experts])


def write(db: Session, row: ExpertRow, expert: Expert) -> None:
    """Let a row say what is now known of its expert."""
    for name, value in values_of(expert).items():
        setattr(row, name, value)
    db.add(row)
    db.flush()


def move_on(
    tx: Tx, actor: Actor, before: str, action: str, change: str, data: Mapping[str, object]
) -> None:
    """Move the pool's version on, and put the change on the record."""
    version = hashlib.sha256(f"{before} {action} {change}".encode()).hexdigest()
    queries.set_version(tx.db, version)
    tx.record(STREAM, f"experts:pool:{action}", actor, {**data, "version": version})
