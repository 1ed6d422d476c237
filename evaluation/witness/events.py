"""The kinds of witness events (见证事件): a closed list, each with its fields.

What happens around a session — doors, seals, power, the presence of people, alarms, cameras — goes on
the session's stream beside the acts of the session, as `evaluation:witness:<kind>`. Every field is a
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


def _count(most: int = COUNT_MAX) -> FieldType:
    return FieldType(f"0..{most}", lambda v: type(v) is int and 0 <= v <= most)


SWITCH = FieldType("true | false", lambda v: isinstance(v, bool))
CODE = _text("A-Z a-z 0-9 . _ -, 1..32", r"[A-Za-z0-9._-]{1,32}")
VENUE = _text("six digits", r"[0-9]{6}")
DIGEST = _text("64 hex digits", r"[0-9a-f]{64}")
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


_DESK = frozenset({Role.STAFF, Role.SUPERVISOR, Role.SYSTEM})
_PERSONS = frozenset({Role.STAFF, Role.SUPERVISOR})


def _kind(
    name: str, fields: dict[str, FieldType], optional: str = "", roles: frozenset[Role] = _DESK
) -> EventKind:
    return EventKind(name, fields, frozenset(optional.split()), roles)


KINDS: Mapping[str, EventKind] = {
    kind.name: kind
    for kind in (
        # A station or camera is alive; n counts its beats, so that a gap shows.
        _kind("heartbeat", {"station": CODE, "n": _count()}),
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
        _kind(
            "alarm",
            {
                "venue": VENUE,
                "alarm": _choice(
                    "STATION_SILENT",
                    "CAMERA_LOST",
                    "SEAL_BROKEN",
                    "CLOCK_STEP",
                    "SEQUENCE_GAP",
                    "NOT_COSIGNED",
                    "WITNESS_ABSENT",
                    "OUTSIDE_CONTACT",
                ),
                "state": _choice("RAISED", "CLEARED"),
                "severity": _choice("INFO", "WARNING", "GRAVE"),
                "station": CODE,
            },
            "station",
        ),
        _kind("note", {"sha256": DIGEST, "venue": VENUE}, "venue", _PERSONS),
        _kind(
            "order",
            {
                "order": _choice("SILENCE", "SEPARATE", "ESCORT", "HAND_OVER_PHONE", "STOP"),
                "seat": CODE,
                "venue": VENUE,
                "sha256": DIGEST,
            },
            "seat venue sha256",
            _PERSONS,
        ),
        # The witness on duty changes; both say up to where the record was seen.
        _kind(
            "handover",
            {"outgoing": CODE, "incoming": CODE, "size": _count(), "root": DIGEST},
            roles=_PERSONS,
        ),
        # A segment of a recording, by digest: the recording itself stays with the venue.
        _kind(
            "media_digest",
            {
                "track": CODE,
                "n": _count(),
                "sha256": DIGEST,
                "bytes": _count(),
                "begins_at": MOMENT,
                "duration_ms": _count(3_600_000),
            },
        ),
    )
}


def check_event(kind: str, data: Mapping[str, Any], roles: frozenset[Role]) -> None:
    """Refuse a kind that is not in the list, a role that may not report it, and, with all faults,
    fields that are unknown, missing or not of their form."""
    known = KINDS.get(kind)
    if known is None:
        allowed = ", ".join(sorted(KINDS))
        at = Fault("/kind", "evaluation.witness.kind", {"event": kind[:64], "allowed": allowed})
        raise Refusal(at.code, at.params, faults=(at,))
    if roles.isdisjoint(known.roles):
        needed = ", ".join(sorted(known.roles))
        raise Refusal("evaluation.witness.role", {"event": kind, "needed": needed}, Kind.FORBIDDEN)
    faults = Faults("evaluation.witness.invalid")
    allowed = ", ".join(sorted(known.fields))
    for name in sorted(str(name) for name in data):
        if name not in known.fields:
            faults.add(
                f"/{name}",
                "evaluation.witness.field_unknown",
                event=kind,
                field=name[:64],
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
