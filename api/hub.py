"""Following streams of the journal: read once in this process, handed to all who watch.

The record is the only source. A hub is woken when this process or another one recorded (`api.wakeups`),
looks once a second in any case, frames what is new once, and hands it to every viewer who is live. Who
is behind is fed pages of the record, which many who come back at once share; so resuming has no horizon
and no buffer. Which viewer gets what is decided by the rules of `evaluation.witness.protocol`, in one
step of the event loop with the writing.

A viewer who leaves more than `WAITING_BYTES_MAX` unread is no longer live: nothing is written to him
until he has read it, and he then goes on from the record. Who reads nothing for `STUCK_SECONDS_MAX` is
closed with the position from which to resume.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime

from fastapi.concurrency import run_in_threadpool

from api.fanout import Chunk, Outlet
from archive.clock import Clock, SystemClock
from archive.journal import service as journal
from archive.office import Office
from evaluation.session import service as sessions
from evaluation.witness.keeping import service as keeping
from evaluation.witness.protocol import (
    PAGE_ENTRIES_MAX,
    Kept,
    Mark,
    Mode,
    Viewer,
    encode_frame,
    event_text,
)

ENTRIES_MAX = 1000
CHARACTERS_MAX = 2 * 1024 * 1024
"""Kept in memory of each stream that is watched, whichever is reached first."""
PAGES_MAX = 16
"""Full pages kept beside, for those who catch up together."""
POLL_SECONDS = 1.0
TICK_SECONDS = 0.005
"""An entry that comes alone goes out at once; those of a burst wait so long for each other, and are
read, marked and sent together."""
TICK_SECONDS_MAX = 0.25
"""Reading and handing out may take longer than half a tick where viewers are many; then the next tick
waits as long again, up to this, and half of the loop's time is left to everybody else."""
WAITING_BYTES_MAX = 256 * 1024
STUCK_SECONDS_MAX = 30.0
CHECK_SECONDS = 60.0
"""How often each viewer's rights are looked at."""
HEED_SECONDS = 5.0
"""How often it is looked whether somebody keeps the watch; nobody does where two looks in a row say so."""
IN_ONE_GO = 500
"""So many viewers are handed a chunk before others have their turn."""
TOO_SLOW = 4008
_log = logging.getLogger("bigloop.live")


def read_mark(office: Office, stream: str) -> Mark | None:
    """Where the stream stands; None where there is no such stream."""
    with office.read() as db:
        note = journal.checkpoint(db, stream, office.log)
    return None if note is None else Mark(int(note.split("\n")[1]), note)


def read_page(office: Office, stream: str, start: int, stop: int) -> tuple[list[str], Mark | None]:
    """The frames of entries `start` to `stop`, as far as they are there, and where the stream stands at
    the same moment."""
    with office.read() as db:
        texts = [
            event_text(entry.seq, entry.body) for entry in journal.entries(db, stream, start, stop)
        ]
        note = journal.checkpoint(db, stream, office.log) if texts else None
    return texts, None if note is None else Mark(int(note.split("\n")[1]), note)


def read_kept(office: Office, stream: str, real_now: datetime) -> bool:
    """Whether the watch of the stream's session is kept."""
    with office.read() as db:
        session = sessions.session(db, stream.partition("/")[2])
        return keeping.is_kept(db, session, real_now)


@dataclass(eq=False, slots=True)
class Viewing:
    """One viewer at a hub. `judge` tells why he may not watch any more, or None."""

    rules: Viewer
    outlet: Outlet
    judge: Callable[[], Awaitable[tuple[int, str] | None]]
    task: asyncio.Task[None] | None = None

    def end(self, code: int, why: str) -> None:
        """Close with the position from which to resume."""
        self.outlet.end(code, f"{why}; resume={self.rules.next}")


class Hub:
    """The growing end of one stream, and who watches it here."""

    def __init__(self, office: Office, stream: str, mark: Mark) -> None:
        self._office = office
        self.stream = stream
        self.mark = mark
        self.head = mark.size
        """So many entries are known."""
        self.viewings: set[Viewing] = set()
        self.unkept = 0
        """For so many seconds nobody has kept the watch."""
        self._newest: deque[str] = deque()
        self._characters = 0
        self._pages: OrderedDict[int, asyncio.Future[Chunk]] = OrderedDict()
        self._woken = asyncio.Event()
        self._looks = 0
        self._loop = asyncio.get_running_loop()

    def wake(self) -> None:
        """Look now; may be called from any thread, after the loop has closed too."""
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._woken.set)

    async def read(self, start: int, stop: int) -> tuple[list[str], Mark | None]:
        """The frames of these entries from the record, and where it stands."""
        return await run_in_threadpool(read_page, self._office, self.stream, start, stop)

    async def look(self) -> None:
        """Return when the record was read once more."""
        looks = self._looks
        while self._looks < looks + 2:  # the reading that is under way began before
            self._woken.set()
            await asyncio.sleep(TICK_SECONDS)

    # --- Reading on -----------------------------------------------------------------------

    async def follow(self) -> None:
        """Read on and hand out, for ever."""
        while True:
            self._woken.clear()  # before reading: what is written from here on wakes again
            began = self._loop.time()
            is_behind = False
            try:
                fresh, mark = await self.read(self.head, self.head + PAGE_ENTRIES_MAX)
                if fresh:
                    await self._hand_out(fresh, mark or self.mark)
                    is_behind = len(fresh) == PAGE_ENTRIES_MAX
                self._looks += 1
            except Exception:
                _log.exception("cannot read %s; trying again", self.stream.partition("/")[0])
            if is_behind:
                continue
            spent = self._loop.time() - began
            poll = self._loop.call_later(POLL_SECONDS, self._woken.set)
            await self._woken.wait()
            poll.cancel()
            pause = max(TICK_SECONDS - spent, min(spent, TICK_SECONDS_MAX))
            await asyncio.sleep(began + spent + pause - self._loop.time())

    async def _hand_out(self, fresh: list[str], mark: Mark) -> None:
        start, stop = self.head, self.head + len(fresh)
        self._remember(fresh)
        self.head, self.mark = stop, mark
        marked = [encode_frame(mark)] if mark.size == stop else []
        chunk = Chunk([*fresh, *marked])
        for done, viewing in enumerate(tuple(self.viewings), 1):
            if viewing.rules.live(start, stop):
                if viewing.outlet.write(chunk) > WAITING_BYTES_MAX:
                    viewing.rules.stalled()
                    self._feed(viewing)
            else:
                self._feed(viewing)
            if done % IN_ONE_GO == 0:
                await asyncio.sleep(0)

    def _remember(self, fresh: list[str]) -> None:
        newest = self._newest
        newest.extend(fresh)
        self._characters += sum(map(len, fresh))
        while len(newest) > ENTRIES_MAX or self._characters > CHARACTERS_MAX:
            self._characters -= len(newest.popleft())

    # --- Catching up ----------------------------------------------------------------------

    def _feed(self, viewing: Viewing) -> None:
        if viewing.task is None and viewing.rules.mode is Mode.CATCHING_UP:
            viewing.task = asyncio.create_task(self._catch_up(viewing))

    async def _catch_up(self, viewing: Viewing) -> None:
        """Feed a viewer pages of the record until he is live, as fast as he reads."""
        rules, outlet = viewing.rules, viewing.outlet
        try:
            while rules.mode is Mode.CATCHING_UP:
                async with asyncio.timeout(STUCK_SECONDS_MAX):
                    await outlet.relieved()
                start, stop = rules.wanted
                if start == stop:
                    rules.relieved()
                    continue
                page = await self.frames(start, stop)
                out = rules.page(start, start + len(page.texts))
                if not out:
                    raise LookupError(f"entry {start} cannot be read")
                outlet.write(page)
        except TimeoutError:
            viewing.end(TOO_SLOW, "too slow")
        except Exception:
            _log.exception("cannot read on for a viewer")
            viewing.end(1011, "cannot read")
        finally:
            viewing.task = None
        self._mark(viewing)

    def _mark(self, viewing: Viewing) -> None:
        if viewing.rules.marks(self.mark.size):
            viewing.outlet.write(Chunk([encode_frame(self.mark)]))

    async def frames(self, start: int, stop: int) -> Chunk:
        """Frames of entries from `start` on, at most up to `stop` (not beyond `head`): from memory, else
        the rest of a page of the record."""
        first = self.head - len(self._newest)
        if start >= first:
            return Chunk(itertools.islice(self._newest, start - first, stop - first))
        number = start // PAGE_ENTRIES_MAX
        begin, end = number * PAGE_ENTRIES_MAX, (number + 1) * PAGE_ENTRIES_MAX
        if end > self.head:
            return Chunk((await self.read(start, stop))[0])
        reading = self._pages.get(number)
        if reading is None:
            reading = asyncio.ensure_future(self._read_whole(begin, end))
            self._pages[number] = reading
            while len(self._pages) > PAGES_MAX:
                self._pages.popitem(last=False)
        try:
            page = await asyncio.shield(reading)
        except Exception:
            self._pages.pop(number, None)
            raise
        return page[start - begin :]

    async def _read_whole(self, begin: int, end: int) -> Chunk:
        return Chunk((await self.read(begin, end))[0])

    # --- Viewers --------------------------------------------------------------------------

    def show(self, viewing: Viewing) -> None:
        """Show the stream to a viewer who was welcomed, until he leaves."""
        self.viewings.add(viewing)
        viewing.rules.live(self.head, self.head)  # it may have grown since the welcome
        self._feed(viewing)
        self._mark(viewing)
        if self.unkept:
            viewing.outlet.write(Chunk([encode_frame(Kept(self.unkept))]))

    def leave(self, viewing: Viewing) -> None:
        self.viewings.discard(viewing)
        if viewing.task is not None:
            viewing.task.cancel()

    async def heed(self, host: Clock) -> None:
        """Tell everybody that nobody keeps the session's watch, as long as it is so, and once when somebody does
        again; for ever. Who cannot be asked does not keep it."""
        kept_at, misses = self._loop.time(), 0
        while True:
            await asyncio.sleep(HEED_SECONDS)
            try:
                is_kept = await run_in_threadpool(read_kept, self._office, self.stream, host.now())
            except Exception:
                _log.exception("cannot look whether %s is kept", self.stream.partition("/")[0])
                is_kept = False
            misses = 0 if is_kept else misses + 1
            before, now = self.unkept, self._loop.time()
            if is_kept:
                kept_at, self.unkept = now, 0
            elif misses > 1:
                self.unkept = round(now - kept_at)
            if self.unkept or before:
                chunk = Chunk([encode_frame(Kept(self.unkept))])
                for viewing in tuple(self.viewings):
                    viewing.outlet.write(chunk)

    async def check(self) -> None:
        """Look at everybody's rights each minute, for ever; who has none is closed."""
        while True:
            await asyncio.sleep(CHECK_SECONDS)
            for viewing in tuple(self.viewings):
                try:
                    ending = await viewing.judge()
                except Exception:
                    _log.exception("cannot look at a viewer's rights; trying again")
                    continue
                if ending is not None:
                    viewing.end(*ending)


@dataclass
class _Open:
    hub: Hub
    tasks: tuple[asyncio.Task[None], ...]
    watchers: int = 0


@dataclass
class Hubs:
    """All streams that somebody watches in this process."""

    office: Office
    host: Clock = field(default_factory=SystemClock)
    """Real time."""
    _open: dict[tuple[int, str], _Open] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.office.on_record.append(self.wake)

    def wake(self, streams: frozenset[str]) -> None:
        """These streams grew; from any thread."""
        for (_loop, stream), found in list(self._open.items()):
            if stream in streams:
                found.hub.wake()

    def mark(self, stream: str) -> Mark | None:
        """Where the stream stands, if somebody watches it here."""
        found = self._open.get((id(asyncio.get_running_loop()), stream))
        return None if found is None else found.hub.mark

    def enter(self, stream: str, mark: Mark) -> Hub:
        """The stream's hub, shared with all who watch it, until each has left. `mark` is where it stands."""
        key = (id(asyncio.get_running_loop()), stream)
        found = self._open.get(key)
        if found is None:
            hub = Hub(self.office, stream, mark)
            works = (hub.follow(), hub.check(), hub.heed(self.host))
            tasks = tuple(asyncio.create_task(work) for work in works)
            found = self._open[key] = _Open(hub, tasks)
        found.watchers += 1
        return found.hub

    def leave(self, hub: Hub) -> None:
        key = (id(asyncio.get_running_loop()), hub.stream)
        found = self._open[key]
        found.watchers -= 1
        if not found.watchers:
            del self._open[key]
            for task in found.tasks:
                task.cancel()
