"""Step 11 over a recording: what the log names by digest is there, byte by byte, or it is known why it is not.

Held: the file has the digest. Absent with a reason: `media.json` gives one; that something was deleted is believed where the
keeping stream says so, signed by the same log, and where that was by the rule. Faults: absent without a reason, lost, altered,
and whatever else lies there. Files are read one after another, in pieces; what is held of each is its digest.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from archive import merkle, recording
from archive.errors import Param, Reason
from archive.journal.entry import Entry, break_of, parse
from archive.note import MalformedNote, Note
from archive.recording import Absence, Contents, Medium
from archive.verification.judge import StreamJudge
from archive.verification.report import Findings
from archive.verification.signed import read_checkpoint

COUNTED: Mapping[str, str] = {
    "held": "archive.verify.media_held",
    "missing": "archive.verify.media_missing",
    "altered": "archive.verify.media_altered",
    "foreign": "archive.verify.media_foreign",
    Absence.DELETED: "archive.verify.media_deleted",
    Absence.NOT_RECEIVED: "archive.verify.media_not_received",
    Absence.WITHHELD: "archive.verify.media_withheld",
    Absence.LEFT_OUT: "archive.verify.media_left_out",
    Absence.LOST: "archive.verify.media_lost",
}
"""What is said of so many of a kind; an absence without a fault is a kind of its own."""
FINDINGS_MAX = 100
"""So many of one kind are named, the others are counted."""


def file_digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@dataclass
class MediaCheck:
    """`folder`: that of the media, None where it is not there; `signed(file, note, origin)` judges a signature of the log."""

    step: Findings
    folder: Path | None
    files: Mapping[str, bytes]
    contents: Contents
    entries: Sequence[Entry]
    judge: StreamJudge
    signed: Callable[[str, Note, str], None]
    counts: Counter[str] = field(default_factory=Counter)
    size: int = 0

    def run(self) -> None:
        try:
            named = self._named()
            absences = recording.absences_of(self.files.get(recording.ABSENCES, b""))
        except (ValueError, KeyError, TypeError, AttributeError):
            self.step.add(recording.ABSENCES, "archive.verify.recording_absences")
            return
        why = {digest: why for why, digests in absences.absent.items() for digest in digests}
        for digest in sorted(why.keys() - named.keys()):
            self._fault(
                "foreign", recording.ABSENCES, "archive.verify.recording_not_named", sha256=digest
            )
        deleted = self._deleted(absences.keeping)
        groups: dict[str, list[Medium]] = {}
        for medium in named.values():
            groups.setdefault(medium.sha256[:2], []).append(medium)
        for group in sorted({*groups, *self._groups()}):
            there = self._there(group)
            for medium in groups.get(group, ()):
                path = there.pop(medium.file, None)
                reason = why.get(medium.sha256)
                if path is not None:
                    self._held(medium, path, reason)
                else:
                    self._absent(medium, reason, deleted)
            for name in sorted(there):
                self._fault("foreign", name, "archive.verify.recording_unlisted")
        for kind, count in sorted(self.counts.items()):
            self.step.note(COUNTED[kind], count=count, bytes=self.size)

    def _named(self) -> dict[str, Medium]:
        found: dict[str, Medium] = {}
        for entry in self.entries:
            medium = self.judge.medium(entry)
            if medium is not None:
                found.setdefault(medium.sha256, medium)
        return found

    def _groups(self) -> list[str]:
        """The folders of the media; whatever is none is a fault."""
        found = []
        for path in sorted(self.folder.iterdir()) if self.folder else ():
            if path.is_dir() and not path.is_symlink():
                found.append(path.name)
            else:
                self._fault(
                    "foreign", f"{recording.MEDIA}/{path.name}", "archive.verify.recording_unlisted"
                )
        return found

    def _there(self, group: str) -> dict[str, Path]:
        """The files of a folder by the name that they should have."""
        if self.folder is None or not (self.folder / group).is_dir():
            return {}
        paths = (self.folder / group).iterdir()
        return {f"{recording.MEDIA}/{group}/{path.name}": path for path in paths}

    def _held(self, medium: Medium, path: Path, reason: Absence | None) -> None:
        if reason is not None or path.is_symlink() or not path.is_file():
            self._fault("foreign", medium.file, "archive.verify.recording_unlisted")
        elif file_digest(path) != medium.sha256:
            self._fault("altered", medium.file, "archive.verify.recording_altered")
        else:
            self.counts["held"] += 1
            self.size += path.stat().st_size

    def _absent(
        self, medium: Medium, reason: Absence | None, deleted: Mapping[str, Reason | None]
    ) -> None:
        if reason is None:
            self._fault("missing", medium.file, "archive.verify.recording_missing")
        elif reason is Absence.LOST:
            self._fault(Absence.LOST, medium.file, "archive.verify.recording_lost")
        elif reason is Absence.DELETED and medium.sha256 not in deleted:
            self._fault("missing", medium.file, "archive.verify.recording_not_deleted")
        elif reason is Absence.DELETED and (wrong := deleted[medium.sha256]) is not None:
            self._told("missing", medium.file, wrong)
        else:
            self.counts[reason] += 1

    def _fault(self, kind: str, file: str, code: str, **params: Param) -> None:
        self._told(kind, file, Reason(code, params))

    def _told(self, kind: str, file: str, reason: Reason) -> None:
        self.counts[kind] += 1
        if self.counts[kind] <= FINDINGS_MAX:
            self.step.extend(file, [reason])

    # --- The stream that says what was deleted ---

    def _deleted(self, stream: str) -> dict[str, Reason | None]:
        """Each deleted digest with what is wrong with that; nothing where the stream does not hold."""
        if not stream:
            return {}
        if stream.partition("/")[2] != self.contents.stream.partition("/")[2]:
            self.step.add(recording.ABSENCES, "archive.verify.recording_keeping")
            return {}
        *bodies, rest = self.files.get(recording.KEPT_ENTRIES, b"").split(b"\n")
        broken = break_of(stream, bodies)
        if rest or not bodies or broken is not None:
            self.step.add(recording.KEPT_ENTRIES, "archive.verify.recording_keeping")
            return {}
        entries = [parse(body) for body in bodies]
        if not self._is_head_of(stream, entries):
            self.step.add(recording.KEPT_HEAD, "archive.verify.recording_keeping")
            return {}
        found: dict[str, Reason | None] = {}
        try:
            for digest, wrong in self.judge.deletions(self.entries, entries, self._document):
                found[digest] = found.get(digest) or wrong
        except Exception:
            # A judge reads what an adversary wrote: what it cannot make sense of is not valid.
            self.step.add(recording.KEPT_ENTRIES, "archive.verify.recording_keeping")
            return {}
        return found

    def _is_head_of(self, stream: str, entries: Sequence[Entry]) -> bool:
        origin = recording.kept_origin(self.contents.origin, self.contents.stream, stream)
        try:
            note = Note.parse(self.files.get(recording.KEPT_HEAD, b""))
        except MalformedNote:
            return False
        head = read_checkpoint(note.text)
        root = merkle.root_of([entry.leaf for entry in entries])
        if head is None or (head.origin, head.size, head.root) != (origin, len(entries), root):
            return False
        self.signed(recording.KEPT_HEAD, note, origin)
        return True

    def _document(self, sha256: str) -> bytes:
        data = self.files.get(recording.kept_document(sha256), b"")
        if hashlib.sha256(data).hexdigest() != sha256:
            raise ValueError("not the document that the entry names")
        return data
