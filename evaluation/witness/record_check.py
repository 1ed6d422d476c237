"""What a session's recording says, judged from its entries alone.

* every report of a station is signed by the key that was bound to it then, and its numbering is
  judged as the server judged it: what is missing, set or refused stands on the record;
* every cosignature on the record was made by the enrolled key over the root that the log had at
  that size, and a hand-over's two are over the same checkpoint;
* alarms tell the truth: each was raised when its condition held and cleared when it did not, none was
  raised twice, none that was due was withheld for longer than `WITHHELD` while somebody kept the watch,
  and the fence numbers of those who wrote them never fall.

Where the record says that nobody kept the watch (`unkept`), and where nothing at all was written while an
alarm was due, there may have been a cut as well as a hand that held back: both are told, as notes.

Pure. The limits are those of the rule pack on the day of the session's first entry, in the regime and the
region that it names.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from archive import merkle
from archive.clock import SHANGHAI
from archive.cosignature import Cosigner
from archive.errors import Reason
from archive.journal.entry import Entry
from archive.note import Checkpoint
from archive.verification.judge import Judged
from evaluation.witness.alarms import Alarm, AlarmKey, Limits, State, due
from evaluation.witness.events import STATION_KINDS
from evaluation.witness.rules import limits_on
from evaluation.witness.sources import Line, Report, StationKey, decode64, judge
from evaluation.witness.watch import WITNESS, Watch
from trading.regime import Regime

WITHHELD = timedelta(minutes=1)
"""So long a keeper may be away (killed, and another takes over) before an alarm counts as withheld."""
AT_WORK = timedelta(seconds=10)
"""A watch is unkept since its lease was last prolonged; so long he who did that may still write."""
FINDINGS_MAX = 100
_COSIGNED = frozenset({"countersigned", "handover_offered", "handover"})


def judge_recording(origin: str, entries: Sequence[Entry]) -> Judged:
    """What is wrong with the entries of a session's recording, at most `FINDINGS_MAX` findings; and for how
    long, by the entries alone, its alarms mean nothing."""
    if not entries:
        return Judged((Reason("evaluation.recording.empty"),))
    first = entries[0]
    day = first.at.astimezone(SHANGHAI).date()
    watch = Watch(first.stream.partition("/")[2])
    regime, region = Regime(first.data.get("regime", Regime.ZTB)), first.data.get("region", "CN")
    check = _Check(origin, watch, limits_on(day, regime, region), _unkept(entries))
    for entry in entries:
        check.entry(entry)
        if len(check.found) >= FINDINGS_MAX:
            break
    return Judged(check.found[:FINDINGS_MAX], check.notes())


def _unkept(entries: Sequence[Entry]) -> list[tuple[datetime, datetime]]:
    """The times in which nobody kept the watch, as the next keeper wrote them down. Whoever wrote one was
    at work then: no later one reaches behind it."""
    found: list[tuple[datetime, datetime]] = []
    for entry in entries:
        if entry.action == f"{WITNESS}unkept":
            start = entry.at - timedelta(seconds=entry.data["seconds"])
            found.append((max(start, found[-1][1]) if found else start, entry.at))
    return found


@dataclass
class _Silences:
    """Times without an entry in which an alarm was due for longer than `WITHHELD`."""

    count: int = 0
    longest: timedelta = timedelta()
    seq: int = 0
    """The entry that ended the longest."""

    def take(self, length: timedelta, seq: int) -> None:
        self.count += 1
        if length > self.longest:
            self.longest, self.seq = length, seq


@dataclass
class _Check:
    origin: str
    watch: Watch
    limits: Limits
    unkept: Sequence[tuple[datetime, datetime]]
    found: list[Reason] = field(default_factory=list)
    lines: dict[str, Line] = field(default_factory=dict)
    roots: list[bytes] = field(default_factory=list)
    frontier: merkle.Frontier = field(default_factory=merkle.Frontier)
    fence: int = 0
    gaps: dict[str, int] = field(default_factory=dict)
    steps: set[str] = field(default_factory=set)
    waiting: dict[AlarmKey, datetime] = field(default_factory=dict)
    accused: set[AlarmKey] = field(default_factory=set)
    silences: _Silences = field(default_factory=_Silences)
    before: datetime | None = None
    """When the entry before was made."""

    def entry(self, entry: Entry) -> None:
        kind = entry.action.removeprefix(WITNESS) if entry.action.startswith(WITNESS) else ""
        self._silence(entry)
        if kind == "alarm":
            self._alarm(entry)
        else:
            self._withheld(entry)
        if kind:
            self._station(kind, entry)
            if kind in _COSIGNED:
                self._cosigned(kind, entry)
        self.watch.take(entry)
        self.before = entry.at
        self.frontier = self.frontier.append(entry.leaf)
        self.roots.append(self.frontier.root())

    # --- Stations ---

    def _station(self, kind: str, entry: Entry) -> None:
        data = entry.data
        station = data.get("station", "")
        if kind == "station_bound":
            key = StationKey.of(data["algorithm"], data["key"])
            if key is None:
                self.found.append(Reason("evaluation.recording.key", {"seq": entry.seq}))
            else:
                self.lines[station] = Line(data["venue"], key)
        elif kind == "station_released":
            self.lines.pop(station, None)
        elif kind == "station_gap":
            self.gaps[station] = data["missing"]
        elif kind == "clock_step":
            self.steps.add(station)
        report = Report.of_entry(self.watch.session, kind, data)
        if report is not None:
            self._report(report, entry)
        elif station in self.lines and kind in STATION_KINDS:
            self.found.append(Reason("evaluation.recording.unsigned", {"seq": entry.seq}))

    def _report(self, report: Report, entry: Entry) -> None:
        line = self.lines.get(report.station)
        judged = judge(line, report) if line else None
        if judged is None or judged.wrong is not None or judged.is_repeat:
            self.found.append(Reason("evaluation.recording.report", {"seq": entry.seq}))
            return
        stated = self.gaps.pop(report.station, 0)
        is_set = report.station in self.steps
        self.steps.discard(report.station)
        if judged.missing != stated:
            self.found.append(Reason("evaluation.recording.gap", {"seq": entry.seq}))
        if (abs(judged.step) > self.limits.step) is not is_set:
            self.found.append(Reason("evaluation.recording.step", {"seq": entry.seq}))
        self.lines[report.station] = judged.line

    # --- Witnesses ---

    def _cosigned(self, kind: str, entry: Entry) -> None:
        data = entry.data
        who = {"countersigned": "witness", "handover_offered": "outgoing", "handover": "incoming"}
        vkey = self.watch.desk.keys.get(data[who[kind]])
        size = data["size"]
        if vkey is None or size > len(self.roots) or self.roots[size - 1].hex() != data["root"]:
            self.found.append(Reason("evaluation.recording.cosignature", {"seq": entry.seq}))
            return
        text = Checkpoint(self.origin, size, self.roots[size - 1]).text()
        signature = data["time"].to_bytes(8, "big") + (decode64(data["sig"]) or b"")
        if Cosigner.parse(vkey).time_of(text, signature) is None:
            self.found.append(Reason("evaluation.recording.cosignature", {"seq": entry.seq}))
        if kind == "handover":
            offers = [o for o in self.watch.desk.offers if o.seq == data["offer_seq"]]
            if not offers or (offers[0].size, offers[0].root) != (size, data["root"]):
                self.found.append(Reason("evaluation.recording.handover", {"seq": entry.seq}))

    # --- Alarms ---

    def _alarm(self, entry: Entry) -> None:
        data = entry.data
        key = AlarmKey(Alarm(data["alarm"]), data["venue"], data.get("station", ""))
        standing = key in self.watch.raised
        holds = key in due(self.watch, entry.at, self.limits)
        truth = {
            State.RAISED: holds and not standing,
            State.CLEARED: standing and not holds,
            State.ESCALATED: standing,
        }
        if not truth[State(data["state"])]:
            self.found.append(Reason("evaluation.recording.alarm", {"seq": entry.seq}))
        if any(start + AT_WORK < entry.at < end for start, end in self.unkept):
            self.found.append(Reason("evaluation.recording.unkept", {"seq": entry.seq}))
        if data["fence"] < self.fence:
            self.found.append(Reason("evaluation.recording.fence", {"seq": entry.seq}))
        self.fence = max(self.fence, data["fence"])
        self.waiting.pop(key, None)

    def _withheld(self, entry: Entry) -> None:
        """Alarms that are due now and were not raised: since when, and for too long."""
        if not self.watch.stations and not self.watch.is_night:
            return
        wanted = due(self.watch, entry.at, self.limits) - set(self.watch.raised)
        self.waiting = {key: self.waiting.get(key, entry.at) for key in wanted}
        for key, since in self.waiting.items():
            if self._kept(since, entry.at) > WITHHELD and key not in self.accused:
                self.accused.add(key)
                params = {"alarm": key.alarm.value, "venue": key.venue, "seq": entry.seq}
                self.found.append(Reason("evaluation.recording.withheld", {**params}))

    def _silence(self, entry: Entry) -> None:
        """Since the entry before nothing was written; was an alarm due meanwhile?"""
        if self.before is None or self._kept(self.before, entry.at) <= WITHHELD:
            return
        if not self.watch.stations and not self.watch.is_night:
            return
        if due(self.watch, entry.at - WITHHELD, self.limits) - set(self.watch.raised):
            self.silences.take(entry.at - self.before, entry.seq)

    def _kept(self, since: datetime, until: datetime) -> timedelta:
        """For how long somebody kept the watch between two moments."""
        away = (min(end, until) - max(start, since) for start, end in self.unkept)
        return until - since - sum((one for one in away if one > timedelta()), timedelta())

    def notes(self) -> list[Reason]:
        out = []
        if self.unkept:
            away = sum((end - start for start, end in self.unkept), timedelta())
            params = {"count": len(self.unkept), "seconds": round(away.total_seconds())}
            out.append(Reason("evaluation.recording.watch_unkept", params))
        if self.silences.count:
            longest = round(self.silences.longest.total_seconds())
            told = {"count": self.silences.count, "seconds": longest, "seq": self.silences.seq}
            out.append(Reason("evaluation.recording.silence", told))
        return out
