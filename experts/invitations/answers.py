"""An answer as a signed record (答复记录), sealed by a hash until the draw is closed. Pure.

    note  = signed note (C2SP signed-note v1) of the platform over one line: canonical JSON
            {"format": "bigloop.answer.v1", "draw", "round", "leaf", "accepted", "channel", "at",
             "evidence"}
    salt  = SHA-256( "bigloop.draw.answer.v1" ‖ 0x00 ‖ key of the draw ‖ round as 4 bytes ‖ leaf )
    seal  = SHA-256( salt ‖ note ), hex

The seal goes on the stream of the draw when the answer is given, the note and its salt are told when
the draw is closed: nobody can add, drop or turn an answer in between, and nobody who watches the stream
learns what was said. `channel` is `app` or `phone`; `evidence` the SHA-256 of the calling service's
signed message, or empty; `at` is our time.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

from archive import canonical
from archive.journal.entry import moment_text
from archive.note import Signer

FORMAT = "bigloop.answer.v1"
TAG = b"bigloop.draw.answer.v1\x00"


class Channel(StrEnum):
    """How an answer came."""

    APP = "app"
    PHONE = "phone"


def note_of(
    signer: Signer,
    *,
    draw: str,
    round: int,  # noqa: A002 - the field's name
    leaf: str,
    accepted: bool,
    channel: Channel,
    at: datetime,
    evidence: str = "",
) -> str:
    """The signed record of one answer."""
    said = {
        "format": FORMAT,
        "draw": draw,
        "round": round,
        "leaf": leaf,
        "accepted": accepted,
        "channel": channel.value,
        "at": moment_text(at),
        "evidence": evidence,
    }
    return signer.sign(canonical.encode(said).decode() + "\n")


def salt_of(key: bytes, round_number: int, leaf: str) -> bytes:
    return hashlib.sha256(TAG + key + round_number.to_bytes(4, "big") + leaf.encode()).digest()


def seal_of(salt: bytes, note: str) -> str:
    return hashlib.sha256(salt + note.encode()).hexdigest()


def opened(notes: Iterable[tuple[bytes, str]]) -> list[Mapping[str, Any]]:
    """Salts and notes as the document that opens the seals: seal, salt and note, ascending by seal."""
    told = [{"seal": seal_of(s, note), "salt": s.hex(), "note": note} for s, note in notes]
    return sorted(told, key=lambda one: one["seal"])
