"""Rows of the witness desk: what must be looked up quickly or locked; the facts are on the record."""

from __future__ import annotations

import inspect
from datetime import datetime
from typing import Any, get_args, get_origin, get_type_hints

import sqlalchemy as sa
from pydantic import create_model
from sqlmodel import Field, SQLModel

from archive.database import UtcDateTime
from archive.digests import sha256
from evaluation.witness import duty, nights, watch
from evaluation.witness.media.kinds import Use
from evaluation.witness.sources import Algorithm, Line, StationKey, decode64
from evaluation.witness.watch import Watch

FOLD = sha256("".join(map(inspect.getsource, (watch, duty, nights))).encode())[:16]
"""By which code a watch is folded: what another version came to is not taken for ours."""


def _form(hint: Any) -> Any:
    """A JSON object has texts as its keys; a dict that may have others is a list of pairs."""
    return list[tuple[get_args(hint)]] if get_origin(hint) is dict else hint  # type: ignore[misc]


_HINTS: dict[str, Any] = get_type_hints(Watch)
_FIELDS: dict[str, Any] = {name: (_form(hint), ...) for name, hint in _HINTS.items()}
_Kept: Any = create_model("_Kept", **_FIELDS)


class StationLineRow(SQLModel, table=True):
    """A station bound to a session: its key, and how far its numbering has come."""

    __tablename__ = "witness_station"
    __table_args__ = (
        sa.CheckConstraint("next >= 0", name="next_not_negative"),
        sa.CheckConstraint("algorithm IN ('ED25519', 'P-256')", name="algorithm_known"),
        sa.CheckConstraint("use IN ('EVALUATION', 'SECURITY', 'VOICE')", name="use_known"),
    )

    session_id: str = Field(primary_key=True, foreign_key="evaluation_session.id")
    station: str = Field(primary_key=True)
    venue: str
    algorithm: str
    public_key: str
    every: int
    use: str = Field(default=Use.EVALUATION.value)
    next: int = Field(default=0, sa_type=sa.BigInteger)
    last: str
    last_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    last_up: int = Field(default=0, sa_type=sa.BigInteger)
    rejected_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    """When a report of it was last refused on the record; not more than one a minute is."""

    def to_domain(self) -> Line:
        key = StationKey(Algorithm(self.algorithm), decode64(self.public_key) or b"")
        return Line(self.venue, key, self.next, self.last, self.last_at, self.last_up)

    def take(self, line: Line) -> None:
        self.next, self.last = line.next, line.last
        self.last_at, self.last_up = line.last_at, line.last_up


class WitnessKeyRow(SQLModel, table=True):
    """A cosigner's key (C2SP: one key, one name): whose it is, wherever he watches."""

    __tablename__ = "witness_key"

    public_key: str = Field(primary_key=True)
    """Base64 of 32 bytes."""
    witness: str = Field(index=True)
    name: str


class CosignatureRow(SQLModel, table=True):
    """A verified cosignature on a session's checkpoint: the note's line."""

    __tablename__ = "witness_cosignature"

    session_id: str = Field(primary_key=True, foreign_key="evaluation_session.id")
    size: int = Field(primary_key=True, sa_type=sa.BigInteger)
    name: str = Field(primary_key=True)
    line: str
    at: datetime = Field(sa_type=UtcDateTime)


class CheckpointRow(SQLModel, table=True):
    """A checkpoint of a session's log, as it was signed."""

    __tablename__ = "witness_checkpoint"

    session_id: str = Field(primary_key=True, foreign_key="evaluation_session.id")
    size: int = Field(primary_key=True, sa_type=sa.BigInteger)
    at: datetime = Field(sa_type=UtcDateTime)
    note: str


class LeaseRow(SQLModel, table=True):
    """Who keeps a session's watch. Whoever takes it over gets the next fence number; what the one
    before still wants to write is refused by it. `until` is real time."""

    __tablename__ = "witness_lease"
    __table_args__ = (sa.CheckConstraint("fence > 0", name="fence_positive"),)

    session_id: str = Field(primary_key=True, foreign_key="evaluation_session.id")
    holder: str
    fence: int = Field(sa_type=sa.BigInteger)
    until: datetime = Field(sa_type=UtcDateTime)


class WatchRow(SQLModel, table=True):
    """What a session's watch had come to after `size` entries, so that nobody has to read a night's record from
    its beginning; what came since is read on. `fold` says by which code: what another one came to is not used."""

    __tablename__ = "witness_watch"
    __table_args__ = (sa.CheckConstraint("size > 0", name="size_positive"),)

    session_id: str = Field(primary_key=True, foreign_key="evaluation_session.id")
    size: int = Field(sa_type=sa.BigInteger)
    fold: str
    state: str

    @classmethod
    def of(cls, watch: Watch) -> WatchRow:
        held = {
            name: list(value.items()) if isinstance(value, dict) else value
            for name, value in vars(watch).items()
        }
        state = _Kept.model_construct(**held).model_dump_json()
        return cls(session_id=watch.session, size=watch.size, fold=FOLD, state=state)


def watch_of(state: str) -> Watch:
    held: dict[str, Any] = vars(_Kept.model_validate_json(state))
    for name, value in held.items():
        held[name] = dict(value) if get_origin(_HINTS[name]) is dict else value
    return Watch(**held)


class OutsideRow(SQLModel, table=True):
    """How far an outside witness has cosigned a session's log."""

    __tablename__ = "witness_outside"

    session_id: str = Field(primary_key=True, foreign_key="evaluation_session.id")
    name: str = Field(primary_key=True)
    size: int = Field(sa_type=sa.BigInteger)


class MediaRow(SQLModel, table=True):
    """A picture or a segment whose digest a station has put on the record, and where its bytes are. The same
    bytes of one track are one row; `at` is when they were last reported, in legal time."""

    __tablename__ = "witness_media"
    __table_args__ = (
        sa.CheckConstraint("form IN ('SNAPSHOT', 'SEGMENT')", name="form_known"),
        sa.CheckConstraint("retention IN ('EVALUATION', 'SECURITY')", name="retention_known"),
        sa.CheckConstraint(
            "place IN ('ELSEWHERE', 'KEPT', 'DISCARDED', 'GONE')", name="place_known"
        ),
        sa.CheckConstraint(
            "retention = 'SECURITY' OR place IN ('ELSEWHERE', 'KEPT')", name="evaluation_is_kept"
        ),
        sa.Index(
            "ix_witness_media_newest", "session_id", "station", "track", "form", "place", "at"
        ),
        sa.Index("ix_witness_media_sha256", "sha256"),
    )

    session_id: str = Field(primary_key=True, foreign_key="evaluation_session.id")
    station: str = Field(primary_key=True)
    track: str = Field(primary_key=True)
    sha256: str = Field(primary_key=True)
    form: str
    retention: str
    place: str
    bytes: int = Field(sa_type=sa.BigInteger)
    at: datetime = Field(sa_type=UtcDateTime)


class HoldRow(SQLModel, table=True):
    """Whether a session's security video may be deleted. Locked by whoever deletes and by whoever forbids it."""

    __tablename__ = "witness_hold"

    session_id: str = Field(primary_key=True, foreign_key="evaluation_session.id")
    held_by: str = ""
    """The account that forbade it; empty where nobody does."""
