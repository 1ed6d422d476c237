"""Tasks: an outbox and the worker that empties it.

A service asks for later work with `enqueue` in its own transaction; a worker finds the function by
the task's name and runs it. The function works out what to do *without* holding a transaction and
returns the write, which the worker commits together with the task's completion: a killed worker has
done everything or nothing, and the task is taken up again when its lease ends.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias

from sqlmodel import Session

from archive import canonical
from archive.actor import Actor
from archive.clock import SystemClock
from archive.errors import Kind, Reason, Refusal
from archive.office import Office, Tx
from archive.tasks import queries
from archive.tasks.tables import TaskRow

Write: TypeAlias = Callable[[Tx], None]
Handler: TypeAlias = Callable[[Office, Mapping[str, Any]], Write]
"""`handler(office, args)` may take its time; the write that it returns is one transaction. A
`Refusal` from either fails the task for good; anything else is tried again. A handler that takes
longer than a lease is a `Long` one."""
PROGRESS_LENGTH_MAX = 200
FAULTS_MAX = 20

ATTEMPTS_MAX = 5
LEASE_SECONDS = 120
LONG_LEASE_SECONDS = 30
"""A long task says every few seconds how far it is: who is silent for so long is gone."""
RETRY_SECONDS = 30

_log = logging.getLogger("bigloop.tasks")


def enqueue(tx: Tx, name: str, args: Mapping[str, Any], due_at: datetime | None = None) -> str:
    """Ask for `name(args)` to be done, not before `due_at` (legal time; default now)."""
    row = TaskRow(
        id=tx.new_id(),
        name=name,
        args=canonical.encode(args).decode(),
        due_at=due_at or tx.now,
    )
    tx.db.add(row)
    return row.id


class Cancelled(Exception):
    """A running task was called off; its handler raises this when it has stopped."""


@dataclass(frozen=True)
class Run:
    """The run of a long task, by which its handler says how far it is."""

    office: Office
    task_id: str
    worker: str
    lease_seconds: int

    def says(self, progress: str) -> bool:
        """Hold the task for another lease; whether to go on. False once somebody has called it off,
        or another worker has it because ours was silent for too long."""
        until = SystemClock().now() + timedelta(seconds=self.lease_seconds)
        with self.office.write() as tx:
            row = queries.held(tx.db, self.task_id, self.worker)
            if row is None:
                return False
            row.progress, row.claimed_until = progress[:PROGRESS_LENGTH_MAX], until
            tx.db.add(row)
            return not row.cancel_asked


@dataclass(frozen=True)
class Long:
    """A handler that is told of its run."""

    work: Callable[[Office, Mapping[str, Any], Run], Write]

    def __call__(self, office: Office, args: Mapping[str, Any]) -> Write:
        """Without a worker, for tests and tools: nobody listens."""
        return self.work(office, args, _Alone(office, "", "", 0))


class _Alone(Run):
    def says(self, progress: str) -> bool:
        return True


@dataclass(frozen=True)
class Failed:
    """A task that was refused, or failed too often."""

    id: str
    name: str
    args: str
    error: str


CANCELLED = "archive.task.cancelled"
"""The error of a task that a person called off."""
BROKEN = "archive.task.broken"
"""What is said of a task that failed by a defect; what went wrong is in the log."""


@dataclass(frozen=True)
class Status:
    """Where one task stands: WAITING, RUNNING (a worker holds it), DONE, FAILED or CANCELLED.
    `reasons`: why it failed, in codes that have words; `error` is for the log."""

    id: str
    name: str
    args: Mapping[str, Any]
    state: str
    attempts: int
    due_at: datetime
    done_at: datetime | None
    error: str
    progress: str = ""
    is_cancel_asked: bool = False
    reasons: tuple[Reason, ...] = ()

    @property
    def is_over(self) -> bool:
        return self.state in ("DONE", "FAILED", "CANCELLED")


@dataclass
class Worker:
    """Takes due tasks one after another. Any number may run, in threads, processes or hosts."""

    office: Office
    handlers: Mapping[str, Handler]
    name: str
    lease_seconds: int = LEASE_SECONDS
    _host: SystemClock = field(default_factory=SystemClock)

    def begin_anew(self) -> None:
        """Give back what a process of this name held when it was killed. For a name that only one
        process at a time goes by; others wait for the lease to end."""
        with self.office.write() as tx:
            queries.release(tx.db, self.name)

    def run_one(self) -> bool:
        """Do the task that is due first. False when none is due (or all due ones are held)."""
        real_now = self._host.now()
        with self.office.write() as tx:
            row = queries.claim_one(
                tx.db, self.name, tx.now, real_now, real_now + timedelta(seconds=self.lease_seconds)
            )
            if row is None:
                return False
            task_id, name, args = row.id, row.name, canonical.decode(row.args.encode())
        try:
            handler = self.handlers[name]
            if isinstance(handler, Long):
                lease = min(self.lease_seconds, LONG_LEASE_SECONDS)
                run = Run(self.office, task_id, self.name, lease)
                write = handler.work(self.office, args, run)
            else:
                write = handler(self.office, args)
            with self.office.write() as tx:
                held = queries.held(tx.db, task_id, self.name)
                if held is None:
                    return True  # the lease ran out and another worker did it
                write(tx)
                _finish(held, "DONE", tx.now)
        except Exception as error:
            self._failed(task_id, name, error)
        return True

    def _failed(self, task_id: str, name: str, error: Exception) -> None:
        _log.warning("task %s %s: %r", name, task_id, error, exc_info=not _is_refusal(error))
        with self.office.write() as tx:
            row = queries.held(tx.db, task_id, self.name)
            if row is None:
                return
            if isinstance(error, Cancelled):
                row.error = CANCELLED
                _finish(row, "FAILED", tx.now)
                tx.db.add(row)
                return
            row.attempts += 1
            row.error = error.code if isinstance(error, Refusal) else repr(error)[:500]
            row.refusal = _said(error) if isinstance(error, Refusal) else ""
            if _is_refusal(error) or row.attempts >= ATTEMPTS_MAX:
                _finish(row, "FAILED", tx.now)
            else:
                row.claimed_by = ""
                row.claimed_until = self._host.now() + timedelta(seconds=RETRY_SECONDS)
            tx.db.add(row)

    def run_all_due(self, tasks_max: int = 1_000_000) -> int:
        """Work until nothing is due; how many tasks were taken."""
        for done in range(tasks_max):
            if not self.run_one():
                return done
        return tasks_max


def _said(refusal: Refusal) -> str:
    """A refusal and the first of its faults, for the row."""
    said = [(one.code, one.params) for one in refusal.faults[:FAULTS_MAX]]
    told = [[code, dict(params)] for code, params in ((refusal.code, refusal.params), *said)]
    return canonical.encode(told).decode()


def _reasons(row: TaskRow) -> tuple[Reason, ...]:
    """Why a task failed, for people: what was refused, or that it is a defect of ours."""
    if row.refusal:
        return tuple(Reason(*one) for one in canonical.decode(row.refusal.encode()))
    if row.state != "FAILED" or row.error == CANCELLED:
        return ()
    return (Reason(BROKEN, {"attempts": row.attempts, "task": row.id}),)


def _is_refusal(error: Exception) -> bool:
    return isinstance(error, Refusal)


def _finish(row: TaskRow, state: str, now: datetime) -> None:
    row.state, row.done_at, row.claimed_until = state, now.astimezone(UTC), None


def status(db: Session, task_id: str) -> Status:
    """Where a task stands; NOT_FOUND where there is none."""
    return _status(_known(queries.task(db, task_id), task_id))


def cancel(tx: Tx, actor: Actor, task_id: str) -> Status:
    """Call a task off. CONFLICT where a worker has taken it, or it is over. Which tasks may be
    called off, and by whom, is for the caller to decide."""
    row = _known(queries.locked(tx.db, task_id), task_id)
    if row.state != "WAITING" or row.claimed_by:
        raise Refusal("archive.task.not_waiting", {"task": row.id}, Kind.CONFLICT)
    _finish(row, "FAILED", tx.now)
    row.error = CANCELLED
    tx.db.add(row)
    tx.db.flush()
    tx.record(f"task/{row.id}", "archive:task:cancelled", actor, {"name": row.name})
    return _status(row)


def call_off(tx: Tx, actor: Actor, task_id: str) -> Status:
    """Call a task off whether it waits or runs. One that runs ends when it next says how far it is;
    CONFLICT where it is over. Which tasks may be called off is for the caller to decide."""
    row = _known(queries.locked(tx.db, task_id), task_id)
    if row.state != "WAITING" or not row.claimed_by:
        return cancel(tx, actor, task_id)
    row.cancel_asked = True
    tx.db.add(row)
    tx.db.flush()
    tx.record(f"task/{row.id}", "archive:task:called_off", actor, {"name": row.name})
    return _status(row)


def _known(row: TaskRow | None, task_id: str) -> TaskRow:
    if row is None:
        raise Refusal("archive.task.unknown", {"task": task_id[:40]}, Kind.NOT_FOUND)
    return row


def _status(row: TaskRow) -> Status:
    state = row.state
    if state == "FAILED" and row.error == CANCELLED:
        state = "CANCELLED"
    elif state == "WAITING" and row.claimed_by:
        state = "RUNNING"
    args = canonical.decode(row.args.encode())
    return Status(
        row.id,
        row.name,
        args,
        state,
        row.attempts,
        row.due_at,
        row.done_at,
        row.error,
        row.progress,
        row.cancel_asked,
        _reasons(row),
    )


def next_due(db: Session) -> datetime | None:
    """The legal time of the task that is due first, held or not; None when nothing waits."""
    return queries.next_due(db)


def waiting(db: Session) -> int:
    """How many tasks are still to be done, due or not."""
    return queries.waiting(db)


def failed(db: Session) -> list[Failed]:
    """The tasks that failed for good, oldest first: each wants a person."""
    return [Failed(row.id, row.name, row.args, row.error) for row in queries.failed(db)]
