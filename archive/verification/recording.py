"""The steps over a recording (its form is described in `archive.recording`):

 1  the list of files is closed, and every file has the digest that `record.json` says
 2  `record.json` is signed by a trusted log key
 3  the entries: canonical, of one stream, numbers without gap, chain, time that never goes back
 4  the tiles are those of the entries, and the root is the one that everything states
 5  the last checkpoint is signed by the log
 6  enough witnesses cosigned it, by the policy that was given, else by the recording's own
 7  earlier checkpoints are of this log, of this tree, and no signature on them is wrong
 8  exhibits have the digests that entries name, and their proofs hold
 9  what the entries say, judged by whoever knows such streams
10  the page beside the log shows this record
11  pictures and pieces of recordings have the digests that the log names; of those that are not there it is known why

A policy that comes with the recording was written by whoever runs the log: who wants to know whether
independent witnesses were there brings his own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from archive import merkle, recording, tlog_tiles
from archive.bagit import tree
from archive.errors import Reason
from archive.journal.entry import Entry, break_of, parse
from archive.note import MalformedNote, Note, Verifier
from archive.recording import Contents, contents_of
from archive.tlog_policy import MalformedPolicy, Policy, parse_policy
from archive.tlog_proof import MalformedProof, TlogProof
from archive.verification.judge import Judged, StreamJudge
from archive.verification.media import MediaCheck, file_digest
from archive.verification.report import Findings, Report, Step, report_of
from archive.verification.signed import read_checkpoint


def verify_recording(
    folder: Path,
    trust: Sequence[Verifier],
    judges: Mapping[str, StreamJudge],
    policy: Policy | None,
) -> Report:
    """Run all steps over the recording in `folder`. OSError where a file cannot be read."""
    check = _Check(trust, judges, policy)
    check.read(folder)
    return report_of(
        [
            check.files_closed(),
            check.closing(),
            check.entries_hang_together(),
            check.tiles(),
            check.head(),
            check.quorum(),
            check.earlier_heads(),
            check.exhibits(),
            check.judged(),
            check.viewer(),
            check.media(),
        ]
    )


_NOBODY = StreamJudge(lambda origin, entries: Judged())


class Files(Mapping[str, bytes]):
    """The recording's files by name, those below media/ apart; each is read when it is asked for."""

    def __init__(self, paths: Mapping[str, Path]) -> None:
        self._paths = paths

    def __getitem__(self, name: str) -> bytes:
        return self._paths[name].read_bytes()

    def __iter__(self) -> Iterator[str]:
        return iter(self._paths)

    def __len__(self) -> int:
        return len(self._paths)

    def sha256(self, name: str) -> str:
        return file_digest(self._paths[name])

    def holds(self, name: str, content: Iterable[bytes]) -> bool:
        """Whether a file has this content, compared in pieces."""
        if name not in self._paths:
            return False
        with self._paths[name].open("rb") as file:
            return all(file.read(len(piece)) == piece for piece in content) and not file.read(1)


@dataclass
class _Check:
    trust: Sequence[Verifier]
    judges: Mapping[str, StreamJudge]
    policy: Policy | None
    files: Files = field(default_factory=lambda: Files({}))
    media_folder: Path | None = None
    strange: list[str] = field(default_factory=list)
    contents: Contents | None = None
    entries: list[Entry] | None = None
    tree: merkle.Tree | None = None

    def read(self, folder: Path) -> None:
        paths = {}
        for name, path in tree(folder, without=recording.MEDIA):
            if path.is_symlink() or not (path.is_file() or path.is_dir()):
                self.strange.append(name)
            elif path.is_file():
                paths[name] = path
            elif name == recording.MEDIA:
                self.media_folder = path
        self.files = Files(paths)
        try:
            self.contents = contents_of(self.files.get(recording.CONTENTS, b""))
        except (ValueError, KeyError, TypeError):
            self.contents = None

    def _known(self, step: Findings) -> Contents | None:
        if self.contents is None:
            step.not_run(recording.CONTENTS, "archive.verify.needs_step", step=1)
        return self.contents

    # 1
    def files_closed(self) -> Step:
        step = Findings(1, Reason("archive.verify.step_recording_files"))
        if self.contents is None:
            step.add(recording.CONTENTS, "archive.verify.recording_form")
            return step.step()
        listed = self.contents.files
        closing = {recording.CONTENTS, recording.CLOSING}
        for path in [*self.strange, *sorted(set(self.files) - set(listed) - closing)]:
            step.add(path, "archive.verify.recording_unlisted")
        for path in sorted((set(listed) | closing) - set(self.files)):
            step.add(path, "archive.verify.recording_missing")
        for path in sorted(set(listed) & set(self.files)):
            if self.files.sha256(path) != listed[path]:
                step.add(path, "archive.verify.recording_digest")
        return step.step()

    def _log_keys(self, origin: str) -> list[Verifier]:
        """The trusted keys of this log or of its keeping stream: by an origin, or by the name of the house."""
        own = self.contents.origin if self.contents else origin
        return [
            key.named(origin)
            for key in self.trust
            if key.name in (own, origin) or origin.startswith(f"{key.name}/")
        ]

    # 2
    def closing(self) -> Step:
        step = Findings(2, Reason("archive.verify.step_recording_closing"))
        contents = self._known(step)
        if contents is None:
            return step.step()
        name = recording.CLOSING
        try:
            note = Note.parse(self.files.get(name, b""))
        except MalformedNote:
            step.add(name, "archive.verify.note_form")
            return step.step()
        own = recording.closing_text(contents.origin, self.files[recording.CONTENTS])
        if note.text != own or len(note.signatures) != 1:
            step.add(name, "archive.verify.recording_text")
        self._signed(step, name, note, contents.origin)
        return step.step()

    def _signed(self, step: Findings, name: str, note: Note, origin: str) -> None:
        """The log's signature under a note: by a trusted key, where any is given."""
        if not self.trust:
            step.not_run(name, "archive.verify.no_trust")
            return
        try:
            if not note.verified_by(self._log_keys(origin)):
                step.add(name, "archive.verify.note_untrusted", signer=note.signatures[0][0])
        except MalformedNote:
            step.add(name, "archive.verify.note_wrong", signer=origin)

    # 3
    def entries_hang_together(self) -> Step:
        step = Findings(3, Reason("archive.verify.step_recording_entries"))
        contents = self._known(step)
        if contents is None:
            return step.step()
        bodies: list[bytes] = []
        for path in tlog_tiles.paths(contents.size)[1]:
            try:
                bodies += tlog_tiles.entries_of(self.files.get(path, b""))
            except tlog_tiles.MalformedBundle:
                step.add(path, "archive.verify.recording_bundle")
                return step.step()
        if len(bodies) != contents.size:
            step.add(recording.CONTENTS, "archive.verify.recording_size")
            return step.step()
        broken = break_of(contents.stream, bodies)
        if broken is not None:
            step.extend(tlog_tiles.bundle_path(broken[0] // tlog_tiles.TILE_WIDTH), [broken[1]])
            return step.step()
        self.entries = [parse(body) for body in bodies]
        self.tree = merkle.Tree([entry.leaf for entry in self.entries])
        return step.step()

    def _tree(self, step: Findings) -> merkle.Tree | None:
        if self.tree is None:
            step.not_run(recording.CONTENTS, "archive.verify.needs_step", step=3)
        return self.tree

    # 4
    def tiles(self) -> Step:
        step = Findings(4, Reason("archive.verify.step_recording_tree"))
        whole = self._tree(step)
        if whole is None or self.contents is None:
            return step.step()
        for path, content in tlog_tiles.tiles(whole):
            if self.files.get(path) != content:
                step.add(path, "archive.verify.recording_tile")
        if whole.root().hex() != self.contents.root:
            step.add(recording.CONTENTS, "archive.verify.recording_root")
        return step.step()

    # 5
    def head(self) -> Step:
        step = Findings(5, Reason("archive.verify.step_recording_head"))
        whole = self._tree(step)
        if whole is None or self.contents is None:
            return step.step()
        name = tlog_tiles.CHECKPOINT
        note = self._head(step, name, len(self.entries or ()), whole.root())
        if note is not None:
            self._signed(step, name, note, self.contents.origin)
        return step.step()

    def _head(self, step: Findings, name: str, size: int, root: bytes) -> Note | None:
        """The checkpoint in a file, if it is of this log, size and root."""
        assert self.contents is not None, "asked only with contents"
        try:
            note = Note.parse(self.files.get(name, b""))
        except MalformedNote:
            step.add(name, "archive.verify.note_form")
            return None
        found = read_checkpoint(note.text)
        if found is None or found.origin != self.contents.origin or found.size != size:
            step.add(name, "archive.verify.recording_origin")
            return None
        if found.root != root:
            step.add(name, "archive.verify.recording_root")
            return None
        return note

    def _policy(self, step: Findings) -> Policy | None:
        if self.policy is not None:
            return self.policy
        try:
            return parse_policy(self.files.get(recording.POLICY, b""))
        except MalformedPolicy as error:
            step.add(recording.POLICY, "archive.verify.recording_policy", cause=str(error))
            return None

    # 6
    def quorum(self) -> Step:
        step = Findings(6, Reason("archive.verify.step_recording_quorum"))
        policy = self._policy(step) if self._tree(step) is not None else None
        if policy is None:
            return step.step()
        name = tlog_tiles.CHECKPOINT
        try:
            judged = policy.judge(Note.parse(self.files.get(name, b"")))
        except MalformedNote:
            step.add(name, "archive.verify.recording_cosignature")
            return step.step()
        if judged.log is None:
            step.add(name, "archive.verify.recording_not_signed")
        if not judged.has_quorum:
            said = {"count": len(judged.witnesses)}
            if self.policy is not None:
                step.add(name, "archive.verify.recording_quorum", **said)
            else:
                # Nothing is proved wrong; it is only not established that witnesses were there.
                step.not_run(name, "archive.verify.recording_quorum", **said)
        return step.step()

    # 7
    def earlier_heads(self) -> Step:
        step = Findings(7, Reason("archive.verify.step_recording_heads"))
        whole = self._tree(step)
        policy = self._policy(step) if whole is not None else None
        if whole is None or policy is None:
            return step.step()
        frontier = merkle.Frontier()
        prefix = recording.checkpoint_file(0)[:-1]
        names = [name for name in self.files if name.startswith(prefix)]
        sizes = [int(text) for name in names if (text := name.removeprefix(prefix)).isdigit()]
        for size in sorted(size for size in sizes if 0 < size <= whole.size):
            for entry in (self.entries or ())[frontier.size : size]:
                frontier = frontier.append(entry.leaf)
            name = recording.checkpoint_file(size)
            note = self._head(step, name, size, frontier.root())
            try:
                if note is not None and policy.judge(note).log is None:
                    step.add(name, "archive.verify.recording_not_signed")
            except MalformedNote:
                step.add(name, "archive.verify.recording_cosignature")
        for size in sizes:
            if not 0 < size <= whole.size:
                step.add(recording.checkpoint_file(size), "archive.verify.recording_size")
        return step.step()

    # 8
    def exhibits(self) -> Step:
        step = Findings(8, Reason("archive.verify.step_recording_exhibits"))
        whole = self._tree(step)
        if whole is None or self.contents is None or self.entries is None:
            return step.step()
        named = recording.documents_named(self.entries)[: recording.EXHIBITS_MAX]
        if [(one.document, one.seq) for one in self.contents.exhibits] != named:
            step.add(recording.CONTENTS, "archive.verify.recording_exhibits")
            return step.step()
        checkpoint = self.files.get(tlog_tiles.CHECKPOINT, b"")
        for one in self.contents.exhibits:
            if one.file is None:
                continue
            content = self.files.get(one.file, b"")
            if hashlib.sha256(content).hexdigest() != one.document.sha256:
                step.add(one.file, "archive.verify.document_digest", document=one.document.name)
            path = one.file + recording.PROOF_SUFFIX
            if not self._proves(path, one.seq, checkpoint):
                step.add(path, "archive.verify.recording_proof")
        return step.step()

    def _proves(self, path: str, seq: int, checkpoint: bytes) -> bool:
        assert self.entries is not None, "asked only with entries"
        try:
            proof = TlogProof.parse(self.files.get(path, b""))
        except MalformedProof:
            return False
        same = (proof.index, proof.checkpoint.encode()) == (seq, checkpoint)
        return (
            same and proof.extra == self.entries[seq].body and proof.is_of(self.entries[seq].leaf)
        )

    # 9
    def judged(self) -> Step:
        step = Findings(9, Reason("archive.verify.step_recording_judged"))
        if self._tree(step) is None or self.contents is None or self.entries is None:
            return step.step()
        judge = self.judges.get(self.contents.stream.partition("/")[0], _NOBODY)
        try:
            found = judge.judge(self.contents.origin, self.entries)
        except Exception:
            # A judge reads what an adversary wrote: what it cannot make sense of is not valid.
            form = Reason("archive.verify.artefact_form", {"format": recording.FORMAT})
            found = Judged((form,))
        step.extend(self.contents.stream, found.faults)
        for note in found.notes:
            step.note(note.code, **note.params)
        return step.step()

    # 10
    def viewer(self) -> Step:
        step = Findings(10, Reason("archive.verify.step_recording_viewer"))
        if self._known(step) is None:
            return step.step()
        rest = {path: partial(self.files.__getitem__, path) for path in self.files}
        rest.pop(recording.DATA, None)
        if not self.files.holds(recording.DATA, recording.data_script(rest)):
            step.add(recording.DATA, "archive.verify.recording_viewer")
        return step.step()

    # 11
    def media(self) -> Step:
        step = Findings(11, Reason("archive.verify.step_recording_media"))
        if self._tree(step) is None or self.contents is None or self.entries is None:
            return step.step()
        judge = self.judges.get(self.contents.stream.partition("/")[0], _NOBODY)
        signed = partial(self._signed, step)
        MediaCheck(
            step, self.media_folder, self.files, self.contents, self.entries, judge, signed
        ).run()
        return step.step()
