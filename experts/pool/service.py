"""The pool at work: enrol, suspend, penalise, read.

The stream `pool` records counts, roots and versions of a bulk enrolment, ids of single changes, and
never a name. Each change moves the pool's version on: version' = SHA-256(version ‖ change).
"""

from __future__ import annotations

import hashlib
import threading
from collections import Counter, OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import replace

from sqlmodel import Session

from archive import merkle
from archive.actor import Actor, Role
from archive.errors import Faults, Kind, Refusal
from archive.office import Tx
from experts.pool import queries
from experts.pool.columns import Columns, build
from experts.pool.expert import Expert, Status, check
from experts.pool.tables import expert_of, values_of
from experts.specialties import catalogue
from trading.calendar.legal import legal_day

STREAM = "pool"
ENROL_EXPERTS_MAX = 200_000
VERSIONS_KEPT_MAX = 3
READS_MAX = 5

_kept: OrderedDict[str, Columns] = OrderedDict()
_guard = threading.Lock()


def enrol_many(tx: Tx, actor: Actor, experts: Sequence[Expert]) -> int:
    """Enrol experts, all or none; how many. INVALID with every fault; CONFLICT for a taken id."""
    actor.must_be(Role.STAFF, Role.SYSTEM)
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
    queries.insert(tx.db, [values_of(expert) for expert in experts])
    root = merkle.root_of(
        [bytes.fromhex(e.record_sha256) for e in sorted(experts, key=lambda e: e.id)]
    ).hex()
    data = {"count": len(experts), "root": root}
    _move_on(tx, actor, before, "enrolled", root, data)
    return len(experts)


def change_status(tx: Tx, actor: Actor, expert_id: str, status: Status) -> Expert:
    """Suspend an expert, let him leave, or take him back."""
    actor.must_be(Role.STAFF, Role.SUPERVISOR)
    return _change(tx, actor, expert_id, "status_changed", status=status)


def record_penalty(tx: Tx, actor: Actor, expert_id: str) -> Expert:
    """Keep that a penalty for acts in tendering or evaluation was imposed (条例 第七十一条)."""
    actor.must_be(Role.SUPERVISOR)
    return _change(tx, actor, expert_id, "penalised", penalised=True)


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


def columns(db: Session) -> Columns:
    """The whole pool in arrays, read once per version and process."""
    for _ in range(READS_MAX):
        version = queries.version(db)
        with _guard:
            found = _kept.get(version)
            if found is not None:
                _kept.move_to_end(version)
                return found
        made = build(version, map(expert_of, queries.all_experts(db)))
        # A writer may have committed between the two reads where the database lets each statement
        # see the newest state (READ COMMITTED); such a mixture must not be kept, nor used.
        if queries.version(db) == version:
            break
    else:
        raise Refusal("experts.pool.busy", {}, Kind.UNAVAILABLE)
    with _guard:
        _kept[version] = made
        while len(_kept) > VERSIONS_KEPT_MAX:
            _kept.popitem(last=False)
    return made


def _change(
    tx: Tx,
    actor: Actor,
    expert_id: str,
    action: str,
    status: Status | None = None,
    penalised: bool | None = None,
) -> Expert:
    before = queries.lock_head(tx.db)
    row = queries.expert(tx.db, expert_id)
    if row is None:
        raise Refusal("experts.expert.unknown", {"expert": expert_id[:40]}, Kind.NOT_FOUND)
    changed = row.to_domain()
    if status is not None:
        changed = replace(changed, status=status)
    if penalised is not None:
        changed = replace(changed, penalised=penalised)
    row.status, row.penalised = changed.status.value, changed.penalised
    tx.db.add(row)
    tx.db.flush()
    data = {"expert": expert_id, "status": changed.status.value}
    _move_on(tx, actor, before, action, changed.record_sha256, data)
    return changed


def _move_on(
    tx: Tx, actor: Actor, before: str, action: str, change: str, data: Mapping[str, object]
) -> None:
    version = hashlib.sha256(f"{before} {action} {change}".encode()).hexdigest()
    queries.set_version(tx.db, version)
    tx.record(STREAM, f"experts:pool:{action}", actor, {**data, "version": version})
