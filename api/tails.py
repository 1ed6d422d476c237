"""Following streams of the journal: read once for all who watch in this process.

The record is the only source: a tail is woken by `office.on_record`, looks once a second in any case
(other processes write too), and keeps the newest entries. Who is further behind reads
pages from the record itself, so resuming has no horizon.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TypeAlias

from fastapi.concurrency import run_in_threadpool

from archive.journal import service as journal
from archive.office import Office
from evaluation.witness.protocol import PAGE_ENTRIES_MAX

ENTRIES_MAX = 1000
"""Kept in memory of each stream that is watched."""
POLL_SECONDS = 1.0
TICK_SECONDS = 0.02
"""An entry that comes alone is read at once; those of a burst wait so long for each other, and are
read, marked and sent together."""
_log = logging.getLogger("bigloop.live")


@dataclass(frozen=True)
class Mark:
    """A signed statement of the stream's size and root."""

    size: int
    checkpoint: str


Numbered: TypeAlias = tuple[int, bytes]
"""An entry's number and its canonical bytes."""


def read_page(office: Office, stream: str, start: int, stop: int) -> list[Numbered]:
    """The entries from `start` up to `stop`, as far as they are there."""
    with office.read() as db:
        return [(entry.seq, entry.body) for entry in journal.entries(db, stream, start, stop)]


def read_mark(office: Office, stream: str) -> Mark | None:
    """Where the stream stands; None where there is no such stream."""
    with office.read() as db:
        note = journal.checkpoint(db, stream, office.log)
    return None if note is None else Mark(int(note.split("\n")[1]), note)


class Tail:
    """The growing end of one stream."""

    def __init__(self, office: Office, stream: str, mark: Mark) -> None:
        self._office = office
        self.stream = stream
        self.mark = mark
        self._newest: deque[Numbered] = deque(maxlen=ENTRIES_MAX)
        self._head = mark.size
        self._woken = asyncio.Event()
        self._grown = asyncio.Event()
        self._loop = asyncio.get_running_loop()

    def wake(self) -> None:
        """Look now; may be called from any thread, after the loop has closed too."""
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._woken.set)

    @property
    def head(self) -> int:
        """So many entries are known."""
        return self._head

    async def entries(self, start: int, stop: int) -> list[Numbered]:
        """Entries `start` to `stop` (below `head`): from memory, else a page of the record."""
        first = self._head - len(self._newest)
        if start >= first:
            return list(itertools.islice(self._newest, start - first, stop - first))
        return await run_in_threadpool(read_page, self._office, self.stream, start, stop)

    async def grows_beyond(self, seq: int) -> None:
        """Return when there is an entry `seq`."""
        while seq >= self._head:
            await self._grown.wait()

    async def follow(self) -> None:
        """Read on for ever."""
        while True:
            self._woken.clear()  # before reading: what is written from here on wakes again
            began = self._loop.time()
            is_behind = False
            try:
                fresh = await run_in_threadpool(
                    read_page,
                    self._office,
                    self.stream,
                    self._head,
                    self._head + PAGE_ENTRIES_MAX,
                )
                if fresh:
                    mark = await run_in_threadpool(read_mark, self._office, self.stream)
                    self._take(fresh, mark)
                    is_behind = len(fresh) == PAGE_ENTRIES_MAX
            except Exception:
                _log.exception("cannot read %s; trying again", self.stream.partition("/")[0])
            if is_behind:
                continue
            with suppress(TimeoutError):
                await asyncio.wait_for(self._woken.wait(), POLL_SECONDS)
            await asyncio.sleep(began + TICK_SECONDS - self._loop.time())

    def _take(self, fresh: list[Numbered], mark: Mark | None) -> None:
        self._newest.extend(fresh)
        self._head += len(fresh)
        self.mark = mark or self.mark
        self._grown.set()
        self._grown = asyncio.Event()


@dataclass
class _Followed:
    tail: Tail
    task: asyncio.Task[None]
    watchers: int = 0


class Tails:
    """All streams that somebody watches in this process."""

    def __init__(self, office: Office) -> None:
        self._office = office
        self._followed: dict[tuple[int, str], _Followed] = {}
        office.on_record.append(self._wake)

    def _wake(self, streams: frozenset[str]) -> None:
        for (_loop, stream), followed in list(self._followed.items()):
            if stream in streams:
                followed.tail.wake()

    @asynccontextmanager
    async def watch(self, stream: str, mark: Mark) -> AsyncIterator[Tail]:
        """The stream's tail, shared with all who watch it. `mark` is where it stands."""
        key = (id(asyncio.get_running_loop()), stream)
        followed = self._followed.get(key)
        if followed is None:
            tail = Tail(self._office, stream, mark)
            followed = self._followed[key] = _Followed(tail, asyncio.create_task(tail.follow()))
        followed.watchers += 1
        try:
            yield followed.tail
        finally:
            followed.watchers -= 1
            if not followed.watchers:
                del self._followed[key]
                followed.task.cancel()
