"""Bytes of pictures and recordings: kept under digests that stations have put on the record.

A digest comes first, in a signed report (`note`); bytes of which none is on the record are not taken in (`keep`).
The vault keeps them by digest, and a row says where they are. Segments of a venue's own recorder stay there:
of them the record has the digests alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session as Db

from archive.digests import sha256 as sha256_of
from archive.errors import Kind, Refusal
from archive.office import Office, Tx
from archive.vault import Vault
from evaluation.witness import queries
from evaluation.witness.media.kinds import Form, Place, Use, What, retention_of
from evaluation.witness.media.named import ENDINGS, FORMS
from evaluation.witness.sources import Report
from evaluation.witness.tables import MediaRow, StationLineRow
from evaluation.witness.watch import Heard

RECENT = 3
"""How many of a track's still pictures whoever sees the newest alone may still fetch: some seconds of them."""
TYPES: Mapping[Form, str] = {Form.SNAPSHOT: "image/jpeg", Form.SEGMENT: "video/webm"}


@dataclass(frozen=True)
class Name:
    """A track of a session's station."""

    session_id: str
    station: str
    track: str


@dataclass(frozen=True)
class Shown:
    """What a page can show of a track. `every`: the seconds between its station's beats; `snapshot`: digest of the
    newest picture that is kept, or empty; `segment_at`: when the newest kept segment was reported."""

    station: str
    venue: str
    every: int
    track: str
    what: str
    at: datetime
    has_ended: bool
    snapshot: str
    segment_at: datetime | None


def vault_of(vault: Vault, session_id: str) -> Vault:
    """Where a session's pictures and recordings lie: apart from the documents of the record, which are never
    deleted, and from other sessions'."""
    return Vault(vault.root / "media" / session_id)


def note(tx: Tx, line: StationLineRow, report: Report) -> None:
    """A report of a station was taken in: if it tells of a picture, its bytes may come now."""
    form = FORMS.get(report.kind)
    if form is None:
        return
    data = report.data
    row = queries.medium(tx.db, line.session_id, line.station, data["track"], data["sha256"])
    if row is None:
        what = What(data["what"]) if "what" in data else None
        row = MediaRow(
            session_id=line.session_id,
            station=line.station,
            track=data["track"],
            sha256=data["sha256"],
            form=form.value,
            retention=retention_of(Use(line.use), what).value,
            place=Place.ELSEWHERE.value,
            bytes=data["bytes"],
            at=tx.now,
        )
    row.at = tx.now
    tx.db.add(row)
    tx.db.flush()


def keep(office: Office, name: Name, form: Form, content: bytes) -> str:
    """Keep bytes whose digest stands on the record; the digest. Refuses CONFLICT those of which nothing does."""
    digest, is_new = put(office, name, form, content)
    if is_new:
        mark(office, name, form, digest)
    return digest


def put(office: Office, name: Name, form: Form, content: bytes) -> tuple[str, bool]:
    """The first half of `keep`: the bytes are on the disk. Their digest, and whether it is to be marked as
    kept. It writes nothing to the database, so that who sends what nobody wants holds up no writer."""
    digest = sha256_of(content)
    with office.read() as db:
        is_kept = _known(db, name, form, digest).place == Place.KEPT
    vault_of(office.vault, name.session_id).put(
        f"{name.track}-{digest[:12]}.{ENDINGS[form]}", TYPES[form], content
    )
    return digest, not is_kept


def mark(office: Office, name: Name, form: Form, digest: str) -> None:
    """The other half: the row says that they are kept."""
    with office.write() as tx:
        row = _known(tx.db, name, form, digest)
        row.place = Place.KEPT.value
        tx.db.add(row)


def _known(db: Db, name: Name, form: Form, digest: str) -> MediaRow:
    row = queries.medium(db, name.session_id, name.station, name.track, digest)
    if row is None or row.form != form or row.place not in (Place.ELSEWHERE, Place.KEPT):
        raise Refusal("evaluation.media.not_reported", {"sha256": digest[:12]}, Kind.CONFLICT)
    return row


def has_any(db: Db, session_id: str) -> bool:
    """Whether a station of the session has reported a picture or a recording."""
    return bool(queries.kept_media(db, session_id))


def shown(
    db: Db, session_id: str, stations: Mapping[str, Heard], *, is_heard: bool = False
) -> Iterator[Shown]:
    """The pictures of the bound stations, by station and track; sound only where it may be heard."""
    for station, heard in sorted(stations.items()):
        for track, picture in sorted(heard.pictures.items()):
            if picture.what == What.VOICE and not is_heard:
                continue
            still = queries.newest_kept(db, session_id, station, track, Form.SNAPSHOT)
            moving = queries.newest_kept(db, session_id, station, track, Form.SEGMENT)
            yield Shown(
                station=station,
                venue=heard.venue,
                every=heard.every,
                track=track,
                what=picture.what or What.CAMERA,
                at=picture.at,
                has_ended=picture.has_ended,
                snapshot=still.sha256 if still else "",
                segment_at=moving.at if moving else None,
            )


def is_recent(db: Db, session_id: str, one: Shown, sha256: str) -> bool:
    """Whether a still picture is among the newest of a track."""
    newest = queries.newest_snapshots(db, session_id, one.station, one.track, RECENT)
    return sha256 in newest


def snapshot(db: Db, vault: Vault, session_id: str, sha256: str) -> bytes:
    """A still picture of the session's; NOT_FOUND."""
    if queries.kept_snapshot(db, session_id, sha256) is None:
        raise Refusal("evaluation.media.unknown", {"sha256": sha256[:12]}, Kind.NOT_FOUND)
    return vault_of(vault, session_id).get(sha256)
