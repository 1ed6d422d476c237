"""What the entries of a session's record name by digest: still pictures and pieces of recordings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from archive.journal.entry import Entry, parse
from archive.recording import Medium
from evaluation.witness.media.kinds import Form
from evaluation.witness.watch import WITNESS

FORMS: Mapping[str, Form] = {"snapshot": Form.SNAPSHOT, "media_digest": Form.SEGMENT}
"""By the kind of the report."""
ENDINGS: Mapping[Form, str] = {Form.SNAPSHOT: "jpg", Form.SEGMENT: "webm"}
_BEGINNINGS = tuple(f'{{"action":"{WITNESS}{kind}"'.encode() for kind in FORMS)


def named(entry: Entry) -> Medium | None:
    """What an entry names; None for one that tells of no picture, or of the end of a recording without any bytes."""
    form = FORMS.get(entry.action.removeprefix(WITNESS))
    has_bytes = form is not None and entry.data["bytes"] > 0
    return Medium(entry.data["sha256"], ENDINGS[form]) if form and has_bytes else None


def named_in(bodies: Iterable[bytes]) -> Iterator[Medium]:
    """The same of entries as they are stored; of others no JSON is read, `action` being the first key."""
    for body in bodies:
        if body.startswith(_BEGINNINGS) and (medium := named(parse(body))):
            yield medium
