"""What is known of a session's night from its record alone: the state that alarms are derived from.

`Watch.take(entry)` folds the entries of one session's stream in order. No clock, no database: whoever
has the record (the keeper of the watch, a second node after a kill, an offline verifier in fifteen
years) comes to the same state, and so to the same alarms.

Times are the server's, of the entries; what a station's own clock said is only compared with itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from archive.journal.entry import Entry
from evaluation.session.state import FINAL, Stage
from evaluation.witness.alarms import Alarm, AlarmKey, State
from evaluation.witness.duty import Desk
from evaluation.witness.events import KINDS
from evaluation.witness.media.kinds import Use
from evaluation.witness.nights import Nights

SESSION = "evaluation:session:"
WITNESS = "evaluation:witness:"
SHEET_SAVED = "evaluation:sheet:saved"
NIGHT = frozenset({Stage.SEALED_OVERNIGHT, Stage.UNSEALING})
SIGNS_OF_LIFE = frozenset(f"{WITNESS}{kind}" for kind in ("heartbeat", "snapshot", "media_digest"))
"""Nearly all of a night's record, and nothing that a person has to read."""


@dataclass(frozen=True)
class Picture:
    """What a track showed last. `what` is empty where no segment said it; `snapshot`: digest of the
    newest still picture."""

    at: datetime
    what: str = ""
    has_ended: bool = False
    snapshot: str = ""
    same: int = 0
    """How many pictures in a row had the same digest, beyond the first."""
    luma: int = 255


@dataclass(frozen=True)
class Heard:
    """A bound station. `every`: the seconds between its beats, as it was bound; `pictures` by track."""

    venue: str
    every: int
    at: datetime
    use: str = Use.EVALUATION
    pictures: Mapping[str, Picture] = field(default_factory=dict)

    def showing(self, track: str, picture: Picture) -> Heard:
        return replace(self, pictures={**self.pictures, track: picture})


@dataclass(frozen=True)
class Raised:
    """An alarm that stands. `seq`: the number of the entry that raised it."""

    seq: int
    at: datetime
    acknowledged_by: str = ""
    level: int = 0
    """How often it was escalated."""


@dataclass(frozen=True)
class OpenOrder:
    seq: int
    at: datetime
    order: str
    venue: str = ""
    seat: str = ""
    sha256: str = ""
    """Of its words; "" where it has none."""
    answer: int | None = None


@dataclass
class Watch:
    """The state after `size` entries. `told`: the number of the newest that is no mere sign of life;
    `begun`: the seats whose sheets were saved; `marks`: what stays until somebody acknowledges it, with the
    moment of its newest occurrence."""

    session: str
    size: int = 0
    told: int = -1
    stage: str = Stage.SCHEDULED
    night: int = 0
    sealed_at: datetime | None = None
    host: str = ""
    stations: dict[str, Heard] = field(default_factory=dict)
    power: dict[str, str] = field(default_factory=dict)
    network: dict[tuple[str, str], str] = field(default_factory=dict)
    doors: dict[tuple[str, str], str] = field(default_factory=dict)
    seals: dict[str, bool] = field(default_factory=dict)
    seats: dict[str, tuple[datetime, bool]] = field(default_factory=dict)
    marks: dict[AlarmKey, datetime] = field(default_factory=dict)
    raised: dict[AlarmKey, Raised] = field(default_factory=dict)
    orders: dict[int, OpenOrder] = field(default_factory=dict)
    desk: Desk = field(default_factory=Desk)
    nights: Nights = field(default_factory=Nights)
    begun: tuple[str, ...] = ()

    @property
    def is_night(self) -> bool:
        # The last seal's own entry already bears the stage that it leads to.
        return self.stage in NIGHT and self.sealed_at is not None

    @property
    def is_over(self) -> bool:
        return self.stage in FINAL

    def copy(self) -> Watch:
        """Another one in the same state; what its fields hold is never changed in place."""
        held: dict[str, Any] = {
            name: dict(value) if isinstance(value, dict) else value
            for name, value in vars(self).items()
        }
        return Watch(**held)

    def take(self, entry: Entry) -> None:
        """The next entry; ValueError where it is not the next."""
        if entry.seq != self.size:
            raise ValueError(f"entry {entry.seq} after {self.size} entries")
        self.size += 1
        data = entry.data
        if entry.action not in SIGNS_OF_LIFE:
            self.told = entry.seq
            self.nights = self.nights.after(entry)
        if entry.action == SHEET_SAVED:
            self.begun = tuple(sorted({*self.begun, data["seat"]}))
        elif entry.action.startswith(SESSION):
            self._session(entry.action.removeprefix(SESSION), data, entry.at)
        elif entry.action.startswith(WITNESS):
            kind = entry.action.removeprefix(WITNESS)
            station = data.get("station", "")
            if "source" in data and station in self.stations:
                self.stations[station] = replace(self.stations[station], at=entry.at)
            self.desk = self.desk.after(kind, entry)
            handler = getattr(self, f"_{kind}", None) if kind in KINDS else None
            if handler is not None:
                handler(data, entry)

    # --- The session's own acts ---------------------------------------------------------------

    def _session(self, name: str, data: Mapping[str, Any], at: datetime) -> None:
        self.stage = data.get("stage", self.stage)
        if name == "scheduled":
            self.host = data["host"]
        elif name == "seal_applied":
            self.seals[data["venue"]] = True
        elif name == "sealed_overnight":
            self.night, self.sealed_at = data["night"], at
            self.seats = dict.fromkeys(self.seats, (at, True))
        elif name == "sheet_locked" or name in (
            "presence_checked",
            "presence_confirmed",
            "identity_rechecked",
        ):
            self.seats[data["seat"]] = (at, True)
        elif name == "member_missing":
            self.seats[data["seat"]] = (at, False)
        elif name in ("member_removed", "member_replaced"):
            self.seats.pop(data["seat"], None)
        elif name == "resumed":
            self.seals, self.seats, self.sealed_at = {}, {}, None

    # --- What was reported --------------------------------------------------------------------

    def _station_bound(self, data: Mapping[str, Any], entry: Entry) -> None:
        use = data.get("use", Use.EVALUATION)
        self.stations[data["station"]] = Heard(data["venue"], data["every"], entry.at, use)

    def _station_released(self, data: Mapping[str, Any], entry: Entry) -> None:
        self.stations.pop(data["station"], None)
        for known in [key for key in self.network if key[1] == data["station"]]:
            del self.network[known]

    def _station_rejected(self, data: Mapping[str, Any], entry: Entry) -> None:
        self._mark(Alarm.REPORT_REJECTED, data["venue"], data["station"], entry.at)

    def _station_gap(self, data: Mapping[str, Any], entry: Entry) -> None:
        self._mark(Alarm.SEQUENCE_GAP, data["venue"], data["station"], entry.at)

    def _clock_step(self, data: Mapping[str, Any], entry: Entry) -> None:
        self._mark(Alarm.CLOCK_STEP, data["venue"], data.get("station", ""), entry.at)

    def _call(self, data: Mapping[str, Any], entry: Entry) -> None:
        self._mark(Alarm[data["what"]], data["venue"], data.get("seat", ""), entry.at)

    def _mark(self, alarm: Alarm, venue: str, station: str, at: datetime) -> None:
        key = AlarmKey(alarm, venue, station)
        self.marks[key] = at
        if key in self.raised:
            # It happened again: whoever acknowledged the first did not know of this one.
            self.raised[key] = replace(self.raised[key], acknowledged_by="")

    def _snapshot(self, data: Mapping[str, Any], entry: Entry) -> None:
        heard = self.stations.get(data["station"])
        if heard is not None:
            known = heard.pictures.get(data["track"], Picture(entry.at))
            same = known.same + 1 if data["sha256"] == known.snapshot else 0
            shown = replace(
                known,
                at=entry.at,
                what=data.get("what", known.what),
                has_ended=False,
                snapshot=data["sha256"],
                same=same,
                luma=data.get("luma", 255),
            )
            self.stations[data["station"]] = heard.showing(data["track"], shown)

    def _media_digest(self, data: Mapping[str, Any], entry: Entry) -> None:
        heard = self.stations.get(data.get("station", ""))
        if heard is not None:
            known = heard.pictures.get(data["track"], Picture(entry.at))
            what, ends = data.get("what", known.what), data.get("ends", False)
            shown = replace(known, at=entry.at, what=what, has_ended=ends)
            self.stations[data["station"]] = heard.showing(data["track"], shown)

    def _power(self, data: Mapping[str, Any], entry: Entry) -> None:
        self.power[data["venue"]] = data["state"]

    def _network(self, data: Mapping[str, Any], entry: Entry) -> None:
        self.network[data["venue"], data.get("station", "")] = data["state"]

    def _door(self, data: Mapping[str, Any], entry: Entry) -> None:
        self.doors[data["venue"], data["door"]] = data["state"]

    def _seal_check(self, data: Mapping[str, Any], entry: Entry) -> None:
        self.seals[data["venue"]] = data["intact"]

    def _presence(self, data: Mapping[str, Any], entry: Entry) -> None:
        if data["seat"] in self.seats:
            self.seats[data["seat"]] = (entry.at, data["present"])

    # --- Alarms, orders -----------------------------------------------------------------------

    def _alarm(self, data: Mapping[str, Any], entry: Entry) -> None:
        key = AlarmKey(Alarm[data["alarm"]], data["venue"], data.get("station", ""))
        if data["state"] == State.CLEARED:
            self.raised.pop(key, None)
            # What stands for good until acknowledged is over with its alarm.
            self.marks.pop(key, None)
        elif data["state"] == State.RAISED:
            self.raised[key] = Raised(entry.seq, entry.at)
        elif key in self.raised:
            self.raised[key] = replace(self.raised[key], level=self.raised[key].level + 1)

    def _acknowledged(self, data: Mapping[str, Any], entry: Entry) -> None:
        for key, known in self.raised.items():
            if known.seq == data["alarm_seq"]:
                self.raised[key] = replace(known, acknowledged_by=entry.actor)

    def _order(self, data: Mapping[str, Any], entry: Entry) -> None:
        self.orders[entry.seq] = OpenOrder(
            entry.seq,
            entry.at,
            data["order"],
            data.get("venue", ""),
            data.get("seat", ""),
            data.get("sha256", ""),
        )

    def _answer(self, data: Mapping[str, Any], entry: Entry) -> None:
        known = self.orders.get(data["order_seq"])
        if known is not None:
            self.orders[known.seq] = replace(known, answer=entry.seq)
