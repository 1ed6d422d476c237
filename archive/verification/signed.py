"""Signed notes as the verifier accepts them: one signature, by a key that is trusted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from archive.errors import Reason
from archive.note import Checkpoint, MalformedNote, Note, Verifier


@dataclass(frozen=True)
class Signed:
    """`fault` is None where a trusted key signed; `unchecked` where nobody's key was given."""

    text: str
    fault: Reason | None
    unchecked: bool = False


def read_note(data: bytes, trust: Sequence[Verifier], name: str | None) -> Signed:
    """Judge the note in `data`.

    With a `name` there must be one signature, by a key of that name: the format allows further
    ones, but to a file that closes a dossier anybody could add lines unnoticed. Without a name any
    number of signatures may stand, one of them by a trusted key.
    """
    try:
        note = Note.parse(data)
    except MalformedNote:
        return Signed("", Reason("archive.verify.note_form"))
    if name is not None and len(note.signatures) != 1:
        return Signed(note.text, Reason("archive.verify.note_signatures"))
    signer = note.signatures[0][0]
    if name is not None and signer != name:
        return Signed(note.text, Reason("archive.verify.note_signer", {"signer": signer}))
    if not trust:
        return Signed(note.text, None, unchecked=True)
    try:
        good = note.verified_by(trust)
    except MalformedNote:
        return Signed(note.text, Reason("archive.verify.note_wrong", {"signer": signer}))
    if not good:
        return Signed(note.text, Reason("archive.verify.note_untrusted", {"signer": signer}))
    return Signed(note.text, None)


def read_checkpoint(text: str) -> Checkpoint | None:
    try:
        return Checkpoint.parse(text)
    except MalformedNote:
        return None
