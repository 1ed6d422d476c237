"""The kinds of witness events (见证事件): a closed list, each with its fields.

What happens around a session — doors, seals, power, the presence of people, alarms, cameras, the
witnesses' own acts — goes on the session's stream beside the acts of the session, as `evaluation:witness:<kind>`. Every field is a
code, a number, a switch or a digest: there is no free text, so no content of a bid and no name can
get in; what a note or an order says in words is a document, and the event has its digest.

The list is ours (proposal): no published standard for witnessing an overnight evaluation is known.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from archive.actor import Role
from archive.errors import Fault, Faults, Kind, Refusal
from evaluation.witness.alarms import Alarm, Severity, State
from evaluation.witness.media.kinds import Use, What
from evaluation.witness.sources import Algorithm, Wrong

COUNT_MAX = 2**53 - 1


@dataclass(frozen=True)
class FieldType:
    """`form` says in code what is accepted, for the refusal; `accepts` decides."""

    form: str
    accepts: Callable[[Any], bool]


def _text(form: str, pattern: str) -> FieldType:
    compiled = re.compile(pattern)
    return FieldType(form, lambda v: isinstance(v, str) and compiled.fullmatch(v) is not None)


def _choice(*values: str) -> FieldType:
    return FieldType(" | ".join(values), lambda v: isinstance(v, str) and v in values)


def _whole(least: int, most: int) -> FieldType:
    return FieldType(f"{least}..{most}", lambda v: type(v) is int and least <= v <= most)


def _count(most: int = COUNT_MAX) -> FieldType:
    return _whole(0, most)


SWITCH = FieldType("true | false", lambda v: isinstance(v, bool))
CODE = _text("A-Z a-z 0-9 . _ -, 1..32", r"[A-Za-z0-9._-]{1,32}")
VENUE = _text("six digits", r"[0-9]{6}")
DIGEST = _text("64 hex digits", r"[0-9a-f]{64}")
KEY = _text("base64, 44..88", r"[A-Za-z0-9+/]{42,87}={0,2}")
SIGNATURE = _text("base64 of 64 bytes", r"[A-Za-z0-9+/]{86}==")
KEY_NAME = _text("no white space, no plus, 1..250", r"[^\s+]{1,250}")
MOMENT = _text(
    "2026-10-21T01:00:00.000Z",
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z",
)


@dataclass(frozen=True)
class EventKind:
    name: str
    fields: Mapping[str, FieldType]
    optional: frozenset[str]
    roles: frozenset[Role]
    is_act: bool = False
    """Written by an act of its own (a hand-over, an alarm), never merely reported."""


_DESK = frozenset({Role.STAFF, Role.SUPERVISOR, Role.SYSTEM})
_PERSONS = frozenset({Role.STAFF, Role.SUPERVISOR})
_STAFF = frozenset({Role.STAFF})
_SUPERVISOR = frozenset({Role.SUPERVISOR})
_SYSTEM = frozenset({Role.SYSTEM})


def _kind(
    name: str, fields: dict[str, FieldType], optional: str = "", roles: frozenset[Role] = _DESK
) -> EventKind:
    return EventKind(name, fields, frozenset(optional.split()), roles)


def _act(
    name: str, fields: dict[str, FieldType], optional: str = "", roles: frozenset[Role] = _PERSONS
) -> EventKind:
    return EventKind(name, fields, frozenset(optional.split()), roles, is_act=True)


_CHECKPOINT = {"size": _whole(1, COUNT_MAX), "root": DIGEST}
_BINDING = {
    "venue": VENUE,
    "station": CODE,
    "algorithm": _choice(*(one.value for one in Algorithm)),
    "key": KEY,
    "every": _whole(1, 3600),
    "use": _choice(*(one.value for one in Use)),
}
_COSIGNED = {**_CHECKPOINT, "time": _count(), "sig": SIGNATURE}


KINDS: Mapping[str, EventKind] = {
    kind.name: kind
    for kind in (
        # A station or camera is alive; n counts its beats, so that a gap shows.
        _kind("heartbeat", {"station": CODE, "n": _count()}, "n"),
        _kind("door", {"venue": VENUE, "door": CODE, "state": _choice("OPEN", "CLOSED")}),
        _kind(
            "seal_check",
            {"venue": VENUE, "number": CODE, "intact": SWITCH, "photo": DIGEST},
            "photo",
            _PERSONS,
        ),
        _kind("power", {"venue": VENUE, "state": _choice("MAINS", "BATTERY", "OFF")}),
        _kind(
            "network",
            {
                "venue": VENUE,
                "station": CODE,
                "state": _choice("UP", "DOWN"),
                "loss_permille": _count(1000),
            },
            "station loss_permille",
        ),
        _kind(
            "presence",
            {"seat": CODE, "place": _choice("BOOTH", "REST", "ESCORTED"), "present": SWITCH},
        ),
        # Somebody tells of something that no device sees.
        _kind(
            "call",
            {"what": _choice(Alarm.OUTSIDE_CONTACT.value), "venue": VENUE, "seat": CODE},
            "seat",
            _PERSONS,
        ),
        # A member leaves the place under escort, and comes back.
        _kind(
            "exit",
            {
                "seat": CODE,
                "reason": _choice("MEAL", "MEDICAL", "REST", "OTHER"),
                "state": _choice("OUT", "BACK"),
            },
            roles=_PERSONS,
        ),
        # A still picture by digest; luma: its mean brightness, 0 to 255.
        _kind(
            "snapshot",
            {
                "station": CODE,
                "track": CODE,
                "sha256": DIGEST,
                "sm3": DIGEST,
                "bytes": _count(),
                "luma": _count(255),
                "what": _choice(What.CAMERA.value, What.SCREEN.value),
            },
            "sm3 luma what",
        ),
        _kind("note", {"sha256": DIGEST, "sm3": DIGEST, "venue": VENUE}, "sm3 venue", _PERSONS),
        _kind(
            "order",
            {
                "order": _choice(
                    "SILENCE", "SEPARATE", "ESCORT", "HAND_OVER_PHONE", "STOP", "EXPLAIN"
                ),
                "seat": CODE,
                "venue": VENUE,
                "sha256": DIGEST,
                "sm3": DIGEST,
            },
            "seat venue sha256 sm3",
            _PERSONS,
        ),
        # A segment of a recording, by digest; ends: it is the track's last, for its recorder was stopped.
        _kind(
            "media_digest",
            {
                "station": CODE,
                "track": CODE,
                "n": _count(),
                "sha256": DIGEST,
                "sm3": DIGEST,
                "bytes": _count(),
                "begins_at": MOMENT,
                "duration_ms": _count(3_600_000),
                "what": _choice(*(one.value for one in What)),
                "ends": SWITCH,
            },
            "station sm3 what ends",
        ),
        # --- Acts: what has a step of its own ---
        # A station's key, bound at seal-in; it reports at least every so many seconds from now on.
        _act("station_bound", _BINDING, "use"),
        # In a sealed night staff can only ask for it; the supervisor binds what he was read.
        _act("station_asked", _BINDING, "use"),
        # He does not, and says why; or the venue asks no more. `key`: for which one it was asked.
        _act(
            "station_declined",
            {"venue": VENUE, "station": CODE, "key": KEY, "sha256": DIGEST, "sm3": DIGEST},
            roles=_SUPERVISOR,
        ),
        _act("station_withdrawn", {"venue": VENUE, "station": CODE, "key": KEY}, roles=_STAFF),
        _act("station_released", {"venue": VENUE, "station": CODE}),
        _act(
            "station_rejected",
            {
                "venue": VENUE,
                "station": CODE,
                "reason": _choice(*(one.value for one in Wrong)),
                "n": _count(),
                "expected": _count(),
            },
            roles=_DESK,
        ),
        _act(
            "station_gap",
            {"venue": VENUE, "station": CODE, "n": _count(), "missing": _count()},
            roles=_DESK,
        ),
        _act(
            "clock_step",
            {"venue": VENUE, "station": CODE, "step_ms": _whole(-COUNT_MAX, COUNT_MAX)},
            "station",
            _DESK,
        ),
        _act(
            "alarm",
            {
                "venue": VENUE,
                "alarm": _choice(*(one.value for one in Alarm)),
                "state": _choice(*(one.value for one in State)),
                "severity": _choice(*(one.value for one in Severity)),
                "station": CODE,
                "to": CODE,
                "fence": _whole(1, COUNT_MAX),
            },
            "station to",
            _SYSTEM,
        ),
        # For at most so many seconds nobody wrote down alarms and checkpoints: the disk, the database or the
        # keeper itself had failed.
        _act("unkept", {"venue": VENUE, "seconds": _whole(1, COUNT_MAX)}, roles=_SYSTEM),
        _act(
            "acknowledged",
            {"alarm_seq": _count(), "sha256": DIGEST, "sm3": DIGEST},
            "sha256 sm3",
        ),
        _act("answer", {"order_seq": _count(), "sha256": DIGEST, "sm3": DIGEST}),
        _act("witness_enrolled", {"witness": CODE, "name": KEY_NAME, "key": KEY}),
        _act("duty", {"witness": CODE, "state": _choice("ON", "OFF")}),
        _act("shift", {"witness": CODE, "begins_at": MOMENT, "ends_at": MOMENT}),
        _act("shift_cancelled", {"shift_seq": _count()}),
        # Both sign the same checkpoint: up to where the one watched, from where the other does.
        _act("handover_offered", {"outgoing": CODE, "incoming": CODE, **_COSIGNED}),
        _act("handover", {"outgoing": CODE, "incoming": CODE, "offer_seq": _count(), **_COSIGNED}),
        _act("countersigned", {"witness": CODE, **_COSIGNED}),
    )
}

STATION_KINDS = frozenset({"heartbeat", "door", "power", "network", "snapshot", "media_digest"})
"""What a station reports of itself, signed."""


def check_event(
    kind: str, data: Mapping[str, Any], roles: frozenset[Role], *, is_act: bool = False
) -> None:
    """Refuse a kind that is not in the list (of acts, or of what is reported), a role that may not
    report it, and, with all faults, fields that are unknown, missing or not of their form."""
    known = KINDS.get(kind)
    if known is None or known.is_act is not is_act:
        allowed = ", ".join(sorted(k.name for k in KINDS.values() if k.is_act is is_act))
        at = Fault("/kind", "evaluation.witness.kind", {"event": kind[:64], "allowed": allowed})
        raise Refusal(at.code, at.params, faults=(at,))
    if roles.isdisjoint(known.roles):
        needed = ", ".join(sorted(known.roles))
        raise Refusal("evaluation.witness.role", {"event": kind, "needed": needed}, Kind.FORBIDDEN)
    faults = Faults("evaluation.witness.invalid")
    allowed = ", ".join(sorted(known.fields))
    for name in sorted(set(data) - set(known.fields)):
        # It may be any text of JSON: what has no UTF-8 is shown as JSON escapes it.
        shown = name[:64].encode("utf-8", "backslashreplace").decode()
        faults.add(
            "/" + shown.replace("~", "~0").replace("/", "~1"),
            "evaluation.witness.field_unknown",
            event=kind,
            field=shown,
            allowed=allowed,
        )
    for name, form in known.fields.items():
        if name not in data:
            if name not in known.optional:
                faults.add(f"/{name}", "evaluation.witness.field_missing", event=kind, field=name)
        elif not form.accepts(data[name]):
            faults.add(
                f"/{name}",
                "evaluation.witness.field_form",
                event=kind,
                field=name,
                form=form.form,
            )
    faults.refuse()
