"""Tasks: everything once, whoever is killed in between, and nothing before its legal time."""

import threading
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest

from archive.clock import SystemClock
from archive.errors import Faults, Reason, Refusal
from archive.journal import service as journal
from archive.office import Office, Tx
from archive.tasks import queries
from archive.tasks.service import (
    ATTEMPTS_MAX,
    RETRY_SECONDS,
    Cancelled,
    Handler,
    Long,
    Run,
    Worker,
    Write,
    call_off,
    cancel,
    enqueue,
    status,
)
from archive.words import Language, say
from tests.builders import STAFF, START


class HostClock(SystemClock):
    """The host's time, moved by the test."""

    def __init__(self) -> None:
        self.ahead = timedelta(0)

    def now(self) -> datetime:
        return super().now() + self.ahead


class Killed(BaseException):
    """What ends a worker at once; no handler of exceptions sees it."""


def write_of(args: Mapping[str, Any]) -> Write:
    def write(tx: Tx) -> None:
        tx.record("done/1", "trading:task:done", STAFF, dict(args))

    return write


def note(_office: Office, args: Mapping[str, Any]) -> Write:
    return write_of(args)


def done(office: Office) -> list[int]:
    with office.read() as db:
        return [entry.data["n"] for entry in journal.entries(db, "done/1")]


def ask(
    office: Office, *numbers: int, name: str = "note", due_at: datetime | None = None
) -> list[str]:
    with office.write() as tx:
        return [enqueue(tx, name, {"n": n}, due_at) for n in numbers]


def worker(office: Office, handler: Handler = note, name: str = "w", **how: Any) -> Worker:
    return Worker(office, {"note": handler}, name, **how)


class TestOnce:
    def test_a_task_is_done_once(self, office: Office) -> None:
        ask(office, 1, 2)
        assert worker(office).run_all_due() == 2
        assert sorted(done(office)) == [1, 2]
        assert worker(office).run_one() is False

    def test_a_task_is_part_of_the_transaction_that_wants_it(self, office: Office) -> None:
        def want_and_break_off() -> None:
            with office.write() as tx:
                enqueue(tx, "note", {"n": 1})
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            want_and_break_off()
        assert worker(office).run_one() is False

    @pytest.mark.parametrize("moment", ["before the write", "in the write"])
    def test_a_killed_worker_has_done_nothing(self, office: Office, moment: str) -> None:
        """Its task is taken up by another when the lease ends, and not before."""

        def killed(_office: Office, args: Mapping[str, Any]) -> Write:
            if moment == "before the write":
                raise Killed

            def write(tx: Tx) -> None:
                write_of(args)(tx)
                tx.flush_record()
                raise Killed

            return write

        ask(office, 1)
        host = HostClock()
        with pytest.raises(Killed):
            worker(office, killed, "first", _host=host).run_one()
        second = worker(office, name="second", _host=host)
        assert second.run_one() is False
        assert done(office) == []
        host.ahead += timedelta(seconds=121)
        assert second.run_one() is True
        assert done(office) == [1]

    def test_a_worker_that_comes_too_late_writes_nothing(self, office: Office) -> None:
        """Its lease ran out while it worked, another did the task."""

        def slow(_office: Office, args: Mapping[str, Any]) -> Write:
            assert worker(office, name="second").run_one() is True
            return write_of({"n": -1})

        ask(office, 1)
        assert worker(office, slow, "first", lease_seconds=0).run_one() is True
        assert done(office) == [1]
        with office.read() as db:
            assert queries.waiting(db) == 0

    def test_two_workers_at_once(self, office: Office, later_office: Callable[..., Office]) -> None:
        ask(office, *range(24))
        start = threading.Barrier(2)
        failures: list[BaseException] = []

        def work(own: Office, name: str) -> None:
            try:
                start.wait(10)
                worker(own, name=name).run_all_due()
            except BaseException as failure:
                failures.append(failure)

        threads = [
            threading.Thread(target=work, args=(own, name))
            for own, name in ((office, "a"), (later_office(seed=b"2"), "b"))
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
            assert not thread.is_alive()
        assert failures == []
        # One that found all due rows locked may have stopped; whatever is left is done here.
        worker(office, name="c").run_all_due()
        assert Counter(done(office)) == Counter(range(24))


class TestFailing:
    def test_a_failure_is_tried_again_later(self, office: Office) -> None:
        tries: list[int] = []

        def shaky(_office: Office, args: Mapping[str, Any]) -> Write:
            tries.append(1)
            if len(tries) < 3:
                raise OSError("nobody answers")
            return write_of(args)

        ask(office, 1)
        host = HostClock()
        own = worker(office, shaky, _host=host)
        for expected in (1, 2, 3):
            assert own.run_one() is True
            assert len(tries) == expected
            assert own.run_one() is False
            host.ahead += timedelta(seconds=RETRY_SECONDS + 1)
        assert done(office) == [1]

    def test_a_failed_write_leaves_nothing(self, office: Office) -> None:
        def half(_office: Office, args: Mapping[str, Any]) -> Write:
            def write(tx: Tx) -> None:
                write_of(args)(tx)
                tx.flush_record()
                raise RuntimeError

            return write

        ask(office, 1)
        worker(office, half).run_one()
        assert done(office) == []

    @pytest.mark.parametrize("name", ["note", "nobody knows this name"])
    def test_it_ends_after_so_many_attempts(self, office: Office, name: str) -> None:
        def never(_office: Office, _args: Mapping[str, Any]) -> Write:
            raise OSError("nobody answers")

        ask(office, 1, name=name)
        host = HostClock()
        own = worker(office, never, _host=host)
        for _ in range(ATTEMPTS_MAX):
            assert own.run_one() is True
            host.ahead += timedelta(seconds=RETRY_SECONDS + 1)
        assert own.run_one() is False
        with office.read() as db:
            failed = [(row.attempts, row.state, row.error) for row in queries.failed(db)]
        wanted = "OSError" if name == "note" else "KeyError"
        assert [(*found[:2], found[2].partition("(")[0]) for found in failed] == [
            (ATTEMPTS_MAX, "FAILED", wanted)
        ]

    @pytest.mark.parametrize("where", ["handler", "write"])
    def test_a_refusal_is_final(self, office: Office, where: str) -> None:
        def refuse(_: object) -> None:
            raise Refusal("archive.dossier.empty")

        def refused(_office: Office, _args: Mapping[str, Any]) -> Write:
            if where == "handler":
                refuse(None)
            return refuse

        ask(office, 1)
        assert worker(office, refused).run_one() is True
        with office.read() as db:
            assert [row.error for row in queries.failed(db)] == ["archive.dossier.empty"]
        host = HostClock()
        host.ahead = timedelta(days=1)
        assert worker(office, _host=host).run_one() is False

    def test_it_is_told_why_with_parameters_and_faults(self, office: Office) -> None:
        def refused(_office: Office, _args: Mapping[str, Any]) -> Write:
            faults = Faults("archive.dossier.empty")
            faults.add("/file", "archive.vault.too_large", name="a.pdf", bytes=8, bytes_max=7)
            faults.refuse()
            raise AssertionError

        (task_id,) = ask(office, 1)
        worker(office, refused).run_one()
        with office.read() as db:
            found = status(db, task_id)
        assert found.reasons == (
            Reason("archive.dossier.empty", {"count": 1}),
            Reason("archive.vault.too_large", {"name": "a.pdf", "bytes": 8, "bytes_max": 7}),
        )

    def test_a_defect_is_told_as_one(self, office: Office) -> None:
        """What broke stands in the log alone; who waits for it is told whom to ask."""

        def never(_office: Office, _args: Mapping[str, Any]) -> Write:
            raise OSError("nobody answers")

        (task_id,) = ask(office, 1)
        host = HostClock()
        own = worker(office, never, _host=host)
        for attempt in range(ATTEMPTS_MAX):
            with office.read() as db:
                assert status(db, task_id).reasons == (), attempt
            own.run_one()
            host.ahead += timedelta(seconds=RETRY_SECONDS + 1)
        with office.read() as db:
            (reason,) = status(db, task_id).reasons
        assert reason.params == {"attempts": ATTEMPTS_MAX, "task": task_id}
        for language in Language:
            assert task_id in say(reason.code, reason.params, language)


class TestLegalTime:
    def test_not_before_it_is_due(self, office: Office) -> None:
        due = START + timedelta(days=5)
        ask(office, 1, due_at=due)
        host = HostClock()
        host.ahead = timedelta(days=30)  # the host's time says nothing about the law's
        own = worker(office, _host=host)
        assert own.run_one() is False
        office.clock.move_to(due - timedelta(milliseconds=1))  # type: ignore[attr-defined]
        assert own.run_one() is False
        office.clock.move_to(due)  # type: ignore[attr-defined]
        assert own.run_one() is True
        assert done(office) == [1]

    def test_first_what_is_due_first(self, office: Office) -> None:
        for n in (3, 1, 2):
            ask(office, n, due_at=START + timedelta(minutes=n))
        with office.read() as db:
            assert queries.next_due(db) == START + timedelta(minutes=1)
        office.clock.move_to(START + timedelta(hours=1))  # type: ignore[attr-defined]
        assert worker(office).run_all_due(tasks_max=2) == 2
        assert done(office) == [1, 2]


class TestOneTask:
    """Where one task stands, and calling it off."""

    def test_it_is_told_from_the_beginning_to_the_end(self, office: Office) -> None:
        with office.write() as tx:
            task_id = enqueue(tx, "note", {"n": 1}, START)
        with office.read() as db:
            waiting = status(db, task_id)
        assert (waiting.state, waiting.args, waiting.is_over) == ("WAITING", {"n": 1}, False)
        worker(office).run_all_due()
        with office.read() as db:
            assert status(db, task_id).state == "DONE"
            assert status(db, task_id).is_over
            with pytest.raises(Refusal, match=r"archive\.task\.unknown"):
                status(db, "none")

    def test_called_off_it_is_not_done_and_stands_on_the_record(self, office: Office) -> None:
        with office.write() as tx:
            task_id = enqueue(tx, "note", {"n": 1}, START)
        with office.write() as tx:
            assert cancel(tx, STAFF, task_id).state == "CANCELLED"
        assert worker(office).run_one() is False
        assert done(office) == []
        with office.read() as db:
            (entry,) = journal.entries(db, f"task/{task_id}")
            assert (entry.action, entry.actor) == ("archive:task:cancelled", STAFF.id)
        with office.write() as tx, pytest.raises(Refusal, match=r"archive\.task\.not_waiting"):
            cancel(tx, STAFF, task_id)

    def test_what_a_worker_has_taken_is_not_called_off(self, office: Office) -> None:
        with office.write() as tx:
            task_id = enqueue(tx, "note", {"n": 1}, START)
        seen: list[str] = []

        def slow(office: Office, args: Mapping[str, Any]) -> Write:
            with office.write() as tx:
                seen.append(status(tx.db, task_id).state)
                with pytest.raises(Refusal, match=r"archive\.task\.not_waiting"):
                    cancel(tx, STAFF, task_id)
            return write_of(args)

        worker(office, slow).run_all_due()
        assert seen == ["RUNNING"]
        assert done(office) == [1]


class TestLongTasks:
    """A handler that is told of its run says how far it is, keeps its lease, and can be called off."""

    def test_progress_is_seen_while_it_runs(self, office: Office) -> None:
        seen: list[str] = []

        def work(of: Office, args: Mapping[str, Any], run: Run) -> Write:
            assert run.says("half done")
            with of.read() as db:
                now = status(db, run.task_id)
            seen.append(f"{now.state} {now.progress}")
            return write_of(args)

        ask(office, 1, name="long")
        Worker(office, {"long": Long(work)}, "w").run_all_due()
        assert seen == ["RUNNING half done"]
        assert done(office) == [1]

    def test_called_off_while_it_runs(self, office: Office) -> None:
        def work(of: Office, args: Mapping[str, Any], run: Run) -> Write:
            with of.write() as tx:
                assert call_off(tx, STAFF, run.task_id).is_cancel_asked
            if not run.says("on"):
                raise Cancelled
            return write_of(args)

        ask(office, 1, name="long")
        Worker(office, {"long": Long(work)}, "w").run_all_due()
        assert done(office) == []
        with office.read() as db:
            (failed,) = queries.failed(db)
            assert status(db, failed.id).state == "CANCELLED"

    def test_one_that_waits_is_called_off_at_once(self, office: Office) -> None:
        with office.write() as tx:
            task_id = enqueue(tx, "long", {"n": 1})
        with office.write() as tx:
            assert call_off(tx, STAFF, task_id).state == "CANCELLED"
        with pytest.raises(Refusal), office.write() as tx:
            call_off(tx, STAFF, task_id)

    def test_a_killed_workers_task_is_taken_up_again_and_the_dead_one_has_no_say(
        self, office: Office
    ) -> None:
        runs: list[Run] = []

        def dies(of: Office, args: Mapping[str, Any], run: Run) -> Write:
            runs.append(run)
            raise Killed

        clock = HostClock()
        ask(office, 1, name="long")
        with pytest.raises(Killed):
            Worker(office, {"long": Long(dies)}, "first").run_one()
        second = Worker(office, {"long": Long(lambda o, a, r: write_of(a))}, "second", _host=clock)
        assert not second.run_one()
        clock.ahead = timedelta(hours=1)
        assert second.run_one()
        assert done(office) == [1]
        assert not runs[0].says("still here")
