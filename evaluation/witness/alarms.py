"""Which alarms should stand at a moment: rules over the state of a watch, with limits as data.

    due(watch, now, limits) -> {alarm: severity}
    changes(watch, now, limits) -> (raise | escalate | clear, …)

An alarm is a fact about the record and the moment, so anybody can derive it again; that one keeper writes
it down makes it an event that people answer for. It is raised once, cleared when its condition is
over, and escalated to a person each time the limit passes without an acknowledgement: first the
witness on duty is responsible, then the host, then the supervisor. Conditions that are momentary (a
clock that was set, a gap, a forged report, a call) stand until somebody acknowledges them.

The list and the limits are ours (proposal): no published standard is known.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from evaluation.witness.media.kinds import Use, What

if TYPE_CHECKING:
    from evaluation.witness.watch import Heard, Raised, Watch


class Alarm(StrEnum):
    STATION_SILENT = "STATION_SILENT"
    CAMERA_LOST = "CAMERA_LOST"
    PICTURE_BLACK = "PICTURE_BLACK"
    PICTURE_FROZEN = "PICTURE_FROZEN"
    SEAL_BROKEN = "SEAL_BROKEN"
    DOOR_OPEN = "DOOR_OPEN"
    CLOCK_STEP = "CLOCK_STEP"
    SEQUENCE_GAP = "SEQUENCE_GAP"
    REPORT_REJECTED = "REPORT_REJECTED"
    NOT_COSIGNED = "NOT_COSIGNED"
    WITNESS_ABSENT = "WITNESS_ABSENT"
    PRESENCE_OVERDUE = "PRESENCE_OVERDUE"
    MEMBER_MISSING = "MEMBER_MISSING"
    POWER_CUT = "POWER_CUT"
    NETWORK_CUT = "NETWORK_CUT"
    OUTSIDE_CONTACT = "OUTSIDE_CONTACT"


class Severity(StrEnum):
    INFO = "INFO"
    WARNING = "WARNING"
    GRAVE = "GRAVE"


class State(StrEnum):
    RAISED = "RAISED"
    ESCALATED = "ESCALATED"
    CLEARED = "CLEARED"


MOMENTARY = frozenset(
    {Alarm.CLOCK_STEP, Alarm.SEQUENCE_GAP, Alarm.REPORT_REJECTED, Alarm.OUTSIDE_CONTACT}
)
SEVERITY = {
    Alarm.SEAL_BROKEN: Severity.GRAVE,
    Alarm.REPORT_REJECTED: Severity.GRAVE,
    Alarm.MEMBER_MISSING: Severity.GRAVE,
    Alarm.OUTSIDE_CONTACT: Severity.GRAVE,
    Alarm.DOOR_OPEN: Severity.GRAVE,
}
"""WARNING where nothing else is said."""
LEVELS = ("WITNESS", "HOST", "SUPERVISOR")
"""To whom an alarm goes when it is raised, and when it was escalated once and twice."""


class AlarmKey(NamedTuple):
    """`station` is a station's code, a seat's or a door's, or empty."""

    alarm: Alarm
    venue: str
    station: str = ""


@dataclass(frozen=True)
class Limits:
    """Numbers of the rule pack. `beats`: how many beats a station may miss; `pictures`: how many
    equal pictures in a row are frozen; `dark`: mean luma of a black one."""

    beats: int
    camera: timedelta
    pictures: int
    dark: int
    step: timedelta
    cosign: timedelta
    absent: timedelta
    acknowledge: timedelta
    presence: timedelta


@dataclass(frozen=True)
class Change:
    key: AlarmKey
    state: State
    severity: Severity
    to: str = ""
    """Who answers for it now."""


def due(watch: Watch, now: datetime, limits: Limits) -> set[AlarmKey]:
    """The alarms whose condition holds at `now`."""
    if watch.is_over:
        return set()
    found = {
        key
        for key in watch.marks
        if not (key in watch.raised and watch.raised[key].acknowledged_by)
    }
    for station, heard in watch.stations.items():
        alarms = _of_station(heard, now, limits, is_night=watch.is_night)
        found.update(AlarmKey(alarm, heard.venue, station) for alarm in alarms)
    found.update(AlarmKey(Alarm.SEAL_BROKEN, v) for v, intact in watch.seals.items() if not intact)
    found.update(
        AlarmKey(Alarm.POWER_CUT, venue) for venue, state in watch.power.items() if state != "MAINS"
    )
    found.update(
        AlarmKey(Alarm.NETWORK_CUT, venue, station)
        for (venue, station), state in watch.network.items()
        if state == "DOWN"
    )
    if watch.is_night:
        found.update(_of_night(watch, now, limits))
    return found


def _of_station(heard: Heard, now: datetime, limits: Limits, *, is_night: bool) -> Iterator[Alarm]:
    if heard.use == Use.VOICE:
        return  # a member speaks when he has something to say
    silence = limits.beats * timedelta(seconds=heard.every)
    if now - heard.at > silence:
        yield Alarm.STATION_SILENT
    for picture in heard.pictures.values():
        # A recorder may be stopped, and the record says so; a camera not while the night is sealed.
        is_off = picture.has_ended and not (is_night and picture.what == What.CAMERA)
        if picture.what == What.VOICE or is_off:
            continue
        if now - picture.at > max(limits.camera, silence) or picture.has_ended:
            yield Alarm.CAMERA_LOST
        if picture.what == What.SCREEN:
            continue  # a screen may stand still, and be dark
        if picture.same >= limits.pictures:
            yield Alarm.PICTURE_FROZEN
        if picture.luma <= limits.dark:
            yield Alarm.PICTURE_BLACK


def _of_night(watch: Watch, now: datetime, limits: Limits) -> Iterator[AlarmKey]:
    for (venue, door), state in watch.doors.items():
        if state == "OPEN":
            yield AlarmKey(Alarm.DOOR_OPEN, venue, door)
    for seat, (at, is_present) in watch.seats.items():
        if not is_present:
            yield AlarmKey(Alarm.MEMBER_MISSING, watch.host, seat)
        elif now - at > limits.presence:
            yield AlarmKey(Alarm.PRESENCE_OVERDUE, watch.host, seat)
    assert watch.sealed_at is not None, "a night begins with the sealing"
    if now - max(watch.sealed_at, watch.desk.cosigned_at or watch.sealed_at) > limits.cosign:
        yield AlarmKey(Alarm.NOT_COSIGNED, watch.host)
    since = watch.desk.nobody_since(watch.sealed_at)
    if since is not None and now - since > limits.absent:
        yield AlarmKey(Alarm.WITNESS_ABSENT, watch.host)
    for shift in watch.desk.shifts:
        late = max(shift.begins_at, watch.sealed_at) + limits.absent
        if late < now < shift.ends_at and shift.witness not in watch.desk.on_duty:
            yield AlarmKey(Alarm.WITNESS_ABSENT, watch.host, shift.witness)


def changes(watch: Watch, now: datetime, limits: Limits) -> tuple[Change, ...]:
    """What must be written at `now`, in a fixed order; nothing where the record tells it all."""
    wanted = due(watch, now, limits)
    out = []
    for key in sorted(wanted | set(watch.raised)):
        severity = SEVERITY.get(key.alarm, Severity.WARNING)
        standing = watch.raised.get(key)
        if standing is None:
            out.append(Change(key, State.RAISED, severity, answerable(watch, 0)))
        elif key not in wanted:
            out.append(Change(key, State.CLEARED, severity))
        elif _is_unanswered(standing, now, limits):
            to = answerable(watch, standing.level + 1)
            out.append(Change(key, State.ESCALATED, Severity.GRAVE, to))
    return tuple(out)


def _is_unanswered(standing: Raised, now: datetime, limits: Limits) -> bool:
    """Whether an alarm goes to the next person."""
    waited = now - standing.at > limits.acknowledge * (standing.level + 1)
    return waited and not standing.acknowledged_by and standing.level + 1 < len(LEVELS)


def answerable(watch: Watch, level: int) -> str:
    """Who answers for an alarm at a level: the witness on duty by his account, else the post."""
    if level == 0 and watch.desk.on_duty:
        return min(watch.desk.on_duty)
    return LEVELS[level]
