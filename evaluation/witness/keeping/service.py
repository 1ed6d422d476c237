"""Keeping a watch: one holder a session, fenced, writes checkpoints and alarms.

A lease in the database says who keeps a session's watch. Whoever finds it expired takes it over with
the next fence number, which every alarm bears; the row is locked and the number compared in the very
transaction that writes, so a holder that slept through its lease (a stopped process, a clock that was
set) writes nothing more, whatever it believes the time to be.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlmodel import Session as Db

from archive.actor import Actor, Role
from archive.errors import Kind, Refusal
from archive.journal import service as journal
from archive.office import Tx
from evaluation.session import service as sessions
from evaluation.session.session import Session
from evaluation.session.state import Stage
from evaluation.witness import queries
from evaluation.witness.alarms import Change, changes
from evaluation.witness.events import check_event
from evaluation.witness.rules import limits_of
from evaluation.witness.tables import CheckpointRow, LeaseRow, WatchRow
from evaluation.witness.watch import Watch

LEASE = timedelta(seconds=10)
CHECKPOINT_SECONDS = 1
CHECKPOINT_ENTRIES = 100
"""A checkpoint is due each second or after so many entries, whichever comes first."""
KEPT_ENTRIES = 100
"""After so many entries, or one that tells something, what the watch has come to is kept beside the record."""
WATCHES_MAX = 100
"""Sessions of which a process remembers where it had read to."""
KEEPER = Actor("watch", frozenset({Role.SYSTEM}))
KEPT = (
    Stage.CHECK_IN,
    Stage.REVIEWING,
    Stage.PAUSE_REQUESTED,
    Stage.PAUSE_APPROVED,
    Stage.SEALING,
    Stage.SEALED_OVERNIGHT,
    Stage.UNSEALING,
    Stage.SCORED,
    Stage.REPORTED,
    Stage.INCIDENT,
)
"""The whole review is watched, from check-in to report."""


@dataclass(frozen=True)
class Lease:
    session_id: str
    holder: str
    fence: int
    until: datetime
    """Real time."""
    lapsed: timedelta = timedelta()
    """How long nobody had held it when it was taken."""


def sessions_to_keep(db: Db, holder: str, real_now: datetime) -> list[str]:
    """Sessions to be watched whose watch nobody else keeps."""
    found = [session.id for session in sessions.sessions(db, stages=KEPT)]
    return queries.leases_free(db, found, real_now, holder)


def is_kept(db: Db, session: Session, real_now: datetime) -> bool:
    """Whether somebody keeps the session's watch, or nobody has to. He who cannot write (a full disk, a lost
    database) cannot prolong his lease, and neither can he who was killed."""
    until = queries.kept_until(db, session.id) if session.stage in KEPT else real_now
    return until is not None and until >= real_now


def take(tx: Tx, session_id: str, holder: str, real_now: datetime) -> Lease | None:
    """Take the lease, take it over where it expired, or prolong it; None where another holds it."""
    until = real_now + LEASE
    row = queries.lease_locked(tx.db, session_id)
    if row is None:
        new = LeaseRow(session_id=session_id, holder=holder, fence=1, until=until)
        queries.begin_lease(tx.db, new)
        row = queries.lease_locked(tx.db, session_id)
        assert row is not None, "just made"
    lapsed = max(timedelta(), real_now - row.until)
    if row.holder != holder:
        if row.until > real_now:
            return None
        row.holder, row.fence = holder, row.fence + 1
    elif row.until <= real_now:
        # Ours, but it ran out: what was begun under the old number is void.
        row.fence += 1
    row.until = until
    tx.db.add(row)
    tx.db.flush()
    return Lease(session_id, holder, row.fence, until, lapsed)


def check_held(tx: Tx, lease: Lease, real_now: datetime) -> None:
    """Lock the lease until the transaction ends; CONFLICT where it is no longer this one."""
    row = queries.lease_locked(tx.db, lease.session_id)
    is_ours = row is not None and (row.holder, row.fence) == (lease.holder, lease.fence)
    if not is_ours or row is None or row.until <= real_now:
        raise Refusal(
            "evaluation.witness.lease_lost",
            {"session": lease.session_id, "fence": lease.fence},
            Kind.CONFLICT,
        )


def read_on(db: Db, watch: Watch) -> None:
    """Let the watch take in what the record holds beyond it."""
    for entry in journal.entries(db, f"session/{watch.session}", watch.size):
        watch.take(entry)


def begin(db: Db, session_id: str) -> Watch:
    """The watch of a session as its record tells it: what was kept of it, and what came since."""
    watch = queries.kept_watch(db, session_id)
    read_on(db, watch)
    return watch


@dataclass
class Watches:
    """The watches of one database as they were last read here, so that the next reader takes in what is new
    and no more; for those who show them. Whoever gets one does not change it."""

    _known: OrderedDict[str, Watch] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def of(self, db: Db, session_id: str) -> Watch:
        """The watch of a session as the record tells it to this reader."""
        stream = f"session/{session_id}"
        size = journal.sizes(db, [stream])[stream]
        with self._lock:
            known = self._known.get(session_id)
        if known is not None and known.size == size:
            return known
        # A reader whose snapshot is older than what another one saw reads for himself.
        if known is not None and known.size < size:
            watch = known.copy()
            read_on(db, watch)
        else:
            watch = begin(db, session_id)
        with self._lock:
            if session_id not in self._known or self._known[session_id].size < watch.size:
                self._known[session_id] = watch
            self._known.move_to_end(session_id)
            while len(self._known) > WATCHES_MAX:
                self._known.popitem(last=False)
        return watch


def keep(tx: Tx, lease: Lease, watch: Watch, real_now: datetime) -> tuple[Change, ...]:
    """One round: read on, write the alarms that are due, make a checkpoint if the log grew, keep what the
    watch has come to.

    Refuses CONFLICT where the lease was lost; then nothing is written.
    """
    check_held(tx, lease, real_now)
    read_on(tx.db, watch)
    session = sessions.session(tx.db, watch.session)
    found = changes(watch, tx.now, limits_of(session))
    for change in found:
        record_change(tx, lease, change)
    _make_checkpoint(tx, watch)
    _keep_watch(tx, watch)
    return found


def _keep_watch(tx: Tx, watch: Watch) -> None:
    kept = queries.kept_size(tx.db, watch.session)
    if watch.told >= kept or watch.size - kept >= KEPT_ENTRIES:
        queries.keep_watch(tx.db, WatchRow.of(watch))


def record_change(tx: Tx, lease: Lease, change: Change) -> None:
    data: dict[str, str | int] = {
        "alarm": change.key.alarm.value,
        "venue": change.key.venue,
        "state": change.state.value,
        "severity": change.severity.value,
        "fence": lease.fence,
    }
    if change.key.station:
        data["station"] = change.key.station
    if change.to:
        data["to"] = change.to
    check_event("alarm", data, KEEPER.roles, is_act=True)
    tx.record(f"session/{lease.session_id}", "evaluation:witness:alarm", KEEPER, data)


def report_step(tx: Tx, lease: Lease, venue: str, step: timedelta, real_now: datetime) -> None:
    """The server's own clock was set by `step`."""
    check_held(tx, lease, real_now)
    data = {"venue": venue, "step_ms": step // timedelta(milliseconds=1)}
    check_event("clock_step", data, KEEPER.roles, is_act=True)
    tx.record(f"session/{lease.session_id}", "evaluation:witness:clock_step", KEEPER, data)


def report_unkept(tx: Tx, lease: Lease, venue: str, real_now: datetime) -> None:
    """The lease had run out: since its last prolongation nobody wrote anything down."""
    check_held(tx, lease, real_now)
    data = {"venue": venue, "seconds": (lease.lapsed + LEASE) // timedelta(seconds=1)}
    check_event("unkept", data, KEEPER.roles, is_act=True)
    tx.record(f"session/{lease.session_id}", "evaluation:witness:unkept", KEEPER, data)


def is_checkpoint_due(last_size: int, last_at: datetime | None, size: int, now: datetime) -> bool:
    """Whether a log of `size` entries needs another checkpoint."""
    if size <= last_size:
        return False
    if last_at is None or size - last_size >= CHECKPOINT_ENTRIES:
        return True
    return now - last_at >= timedelta(seconds=CHECKPOINT_SECONDS)


def _make_checkpoint(tx: Tx, watch: Watch) -> None:
    last = queries.newest_checkpoint(tx.db, watch.session)
    last_size, last_at = (last.size, last.at) if last else (0, None)
    if not is_checkpoint_due(last_size, last_at, watch.size, tx.now):
        return
    note = journal.checkpoint(tx.db, f"session/{watch.session}", tx.log)
    if note is not None:
        size = int(note.split("\n")[1])
        row = CheckpointRow(session_id=watch.session, size=size, at=tx.now, note=note)
        queries.put_checkpoint(tx.db, row)
