"""What stations record: whose camera it is, what a track shows, and how long its bytes are kept.

Two classes of retention (保存类别). The *evaluation record* (评标过程录音录像) belongs to the file and is kept as
long as the file; *security video* (场地监控) is kept for the days of the rule pack and may then be deleted, while its
digests stay on the record. A station is security video only where it was bound as such, which the record shows, and
then its pictures alone: screens and voices are always evaluation record. What nobody classed is kept.
"""

from __future__ import annotations

from enum import StrEnum


class Use(StrEnum):
    """What a station was bound for."""

    EVALUATION = "EVALUATION"
    SECURITY = "SECURITY"
    VOICE = "VOICE"
    """A member's own voice to the other members; nothing is expected of it at any time."""


class What(StrEnum):
    """What a track shows."""

    CAMERA = "CAMERA"
    SCREEN = "SCREEN"
    VOICE = "VOICE"


class Retention(StrEnum):
    EVALUATION = "EVALUATION"
    SECURITY = "SECURITY"


class Form(StrEnum):
    """A picture taken now and then, or a piece of a recording."""

    SNAPSHOT = "SNAPSHOT"
    SEGMENT = "SEGMENT"


class Place(StrEnum):
    """Where the bytes are that a digest on the record stands for."""

    ELSEWHERE = "ELSEWHERE"  # they have not come, or stay with the venue's recorder
    KEPT = "KEPT"
    DISCARDED = "DISCARDED"  # that they are deleted is on the record
    GONE = "GONE"  # and they are


VOICE_TRACK = "voice"
"""The one name of a track of sound. Who may hear a track is known before its first segment comes."""


def retention_of(use: Use, what: What | None) -> Retention:
    """The class in which a track of a station is kept."""
    is_picture = what in (None, What.CAMERA)
    is_security = use is Use.SECURITY and is_picture
    return Retention.SECURITY if is_security else Retention.EVALUATION
