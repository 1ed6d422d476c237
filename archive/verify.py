"""Verification offline: without database, network or the platform that made the record.

`verify` finds out by content what it was given:

* a folder that holds any file of a dossier, even if others are missing → the steps below;
* a recording of a session: one stream as a log that stands alone → `archive.verification.recording`;
* a signed note or checkpoint of a log → its form and its signature;
* one JSON artefact whose `format` the caller knows → that format's verifier, injected.

The steps over a dossier (its form is described in `archive.package`):

 1  the list of files is closed: exactly the files that the manifest and `dossier.json` name, none
    missing, extra or renamed, no further folder, no link
 2  the tag manifest is signed by a trusted key, for this subject
 3  the tag files have the digests that the tag manifest says, and the content that they must have
 4  the payload has the digests that the manifest says
 5  the whole streams: canonical entries, numbers from 0 without gap, chain, time that never goes back
 6  their tree roots (RFC 6962) are those of the checkpoints, and those are signed
 7  the anchor, signed, covers the head of each stream
 8  each extracted entry stands in its stream's tree
 9  every document that an included entry names is there, with size and digest; no other is
10  the documents required of such a dossier were delivered
11  documents of a known `format` are judged by that format's verifier

Verdicts and exit codes: 0 valid; 1 invalid, with step and file; 2 unreadable; 3 indeterminate: no
trusted key was given and everything else holds. 64 is the command line's, for wrong usage.

Not done here: archives (zip, tar) are not opened; extract them first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from archive import canonical, package, recording
from archive.errors import Reason
from archive.note import MalformedNote, Note, Verifier
from archive.tlog_policy import Policy
from archive.verification.artefact import ArtefactVerifier, artefact_faults, format_of
from archive.verification.dossier import verify_dossier
from archive.verification.judge import StreamJudge
from archive.verification.recording import verify_recording
from archive.verification.report import Findings, Report, report_of, unreadable
from archive.verification.signed import read_checkpoint, read_note

FILE_BYTES_MAX = 256 * 1024 * 1024
"""The largest single file that is read."""
_FILES = (
    *package.TAG_FILES,
    package.TAG_MANIFEST,
    package.SIGNATURE,
    package.CONTENTS,
    package.ANCHOR,
)
"""A folder with any of these was a dossier once."""


def verify(
    path: Path,
    trust: Sequence[Verifier] | None,
    verifiers: Mapping[str, ArtefactVerifier],
    judges: Mapping[str, StreamJudge] | None = None,
    policy: Policy | None = None,
) -> Report:
    """Judge the dossier, recording, note or artefact at `path`. Never raises for what it finds there.

    `trust`: the keys whose signatures count; without any the best verdict is INDETERMINATE.
    `verifiers`: format → function that gives the reasons why a decoded artefact is not valid.
    `judges`: kind of stream → who knows what the entries of a recording say.
    `policy`: whose cosignatures a recording needs, instead of the policy that it brings along.
    """
    keys = tuple(trust or ())
    try:
        if path.is_dir():
            if (path / recording.CONTENTS).is_file() or (path / recording.CLOSING).is_file():
                return verify_recording(path, keys, judges or {}, policy)
            if not any((path / name).is_file() for name in _FILES):
                return unreadable(path.name, "archive.verify.no_dossier")
            return verify_dossier(path, keys, verifiers)
        if not path.is_file():
            return unreadable(path.name, "archive.verify.nothing_there")
        if path.stat().st_size > FILE_BYTES_MAX:
            return unreadable(path.name, "archive.verify.too_large", bytes_max=FILE_BYTES_MAX)
        data = path.read_bytes()
    except OSError as error:
        return unreadable(path.name, "archive.verify.cannot_read", cause=error.strerror or "")
    return _verify_file(path.name, data, keys, verifiers)


def _verify_file(
    name: str,
    data: bytes,
    trust: Sequence[Verifier],
    verifiers: Mapping[str, ArtefactVerifier],
) -> Report:
    if known := format_of(data):
        if known not in verifiers:
            return unreadable(name, "archive.verify.format_unknown", format=known)
        return _verify_artefact(name, data, verifiers)
    try:
        note = Note.parse(data)
    except MalformedNote:
        return unreadable(name, "archive.verify.neither")
    form = Findings(1, Reason("archive.verify.step_note_form"))
    lines = note.text.split("\n")
    if len(lines) == 4 and lines[1].isdigit() and read_checkpoint(note.text) is None:
        form.add(name, "archive.verify.checkpoint_form")
    signature = Findings(2, Reason("archive.verify.step_note_signature"))
    signed = read_note(data, trust, None)
    if signed.fault is not None:
        signature.extend(name, [signed.fault])
    if signed.unchecked:
        signature.not_run(name, "archive.verify.no_trust")
    return report_of([form.step(), signature.step()])


def _verify_artefact(name: str, data: bytes, verifiers: Mapping[str, ArtefactVerifier]) -> Report:
    form = Findings(1, Reason("archive.verify.step_artefact_form"))
    content = Findings(2, Reason("archive.verify.step_artefact"))
    try:
        canonical.decode(data)
    except ValueError:
        form.add(name, "archive.verify.not_canonical")
        content.not_run(name, "archive.verify.needs_step", step=1)
    else:
        content.extend(name, artefact_faults(data, verifiers))
    return report_of([form.step(), content.step()])
