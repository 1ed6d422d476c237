"""The eleven steps over a dossier, as `archive.verify` numbers them.

Every file is read once, before the first step, so all steps judge the same bytes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from archive import merkle, package
from archive.bagit import manifest_lines, tree
from archive.errors import Reason
from archive.journal.entry import Entry, break_of, head_leaf, origin_of, parse
from archive.note import Verifier
from archive.package import Contents, ExtractPart
from archive.verification.artefact import ArtefactVerifier, artefact_faults
from archive.verification.report import Findings, Report, Step, report_of
from archive.verification.signed import read_checkpoint, read_note


def verify_dossier(
    folder: Path, trust: Sequence[Verifier], verifiers: Mapping[str, ArtefactVerifier]
) -> Report:
    """Run all steps over the dossier in `folder`. OSError where a file cannot be read."""
    check = _Check(trust, verifiers)
    check.read(folder)
    return report_of(
        [
            check.files_closed(),
            check.signature(),
            check.tag_digests(),
            check.payload_digests(),
            check.whole_streams(),
            check.tree_roots(),
            check.anchor(),
            check.extracts(),
            check.documents(),
            check.required(),
            check.artefacts(),
        ]
    )


@dataclass
class _Check:
    trust: Sequence[Verifier]
    verifiers: Mapping[str, ArtefactVerifier]
    files: dict[str, bytes] = field(default_factory=dict)
    folders: set[str] = field(default_factory=set)
    strange: list[str] = field(default_factory=list)
    manifest: dict[str, str] | None = None
    contents: Contents | None = None
    leaves: dict[str, list[bytes]] = field(default_factory=dict)
    unread: dict[str, int] = field(default_factory=dict)
    """Files whose entries could not be taken in, and the step that says why."""
    entries: list[Entry] = field(default_factory=list)

    def read(self, folder: Path) -> None:
        for name, path in tree(folder):
            if path.is_symlink() or not (path.is_dir() or path.is_file()):
                self.strange.append(name)
            elif path.is_dir():
                self.folders.add(name)
            else:
                self.files[name] = path.read_bytes()
        if package.MANIFEST in self.files:
            self.manifest = _manifest(self.files[package.MANIFEST])
        if package.CONTENTS in self.files:
            try:
                self.contents = Contents.parse(self.files[package.CONTENTS])
            except ValueError:
                self.contents = None

    # 1
    def files_closed(self) -> Step:
        step = Findings(1, Reason("archive.verify.step_files"))
        for name in self.strange:
            step.add(_shown(name), "archive.verify.file_strange")
        lists = self._lists()
        missing: dict[str, str] = {}
        extra: dict[str, str] = {}
        folders: dict[str, str] = {}
        for source, expected in lists:
            missing |= dict.fromkeys(expected - self.files.keys(), source)
            extra |= dict.fromkeys(self.files.keys() - expected, source)
            parents = {parent.as_posix() for name in expected for parent in Path(name).parents}
            folders |= dict.fromkeys(self.folders - parents, source)
        for name in sorted(missing):
            step.add(_shown(name), "archive.verify.file_missing", source=missing[name])
        for name in sorted(extra):
            step.add(_shown(name), "archive.verify.file_extra", source=extra[name])
        for name in sorted(folders):
            step.add(_shown(name), "archive.verify.folder_extra", source=folders[name])
        return step.step()

    def _lists(self) -> list[tuple[str, set[str]]]:
        """(who says so, the files that must be there and no others)"""
        tags = {*package.TAG_FILES, package.TAG_MANIFEST, package.SIGNATURE}
        found = []
        if self.manifest is not None:
            found.append((package.MANIFEST, tags | self.manifest.keys()))
        if self.contents is not None:
            found.append((package.CONTENTS, tags | self.contents.payload_files()))
        return found or [(package.FORMAT, tags | {n for n in self.files if n.startswith("data/")})]

    # 2
    def signature(self) -> Step:
        step = Findings(2, Reason("archive.verify.step_signature"))
        data = self.files.get(package.SIGNATURE)
        if data is None:
            step.add(package.SIGNATURE, "archive.verify.missing")
            return step.step()
        if self.contents is None:
            # Without it nobody says whose signature is due; step 5 fails over it.
            step.not_run(package.SIGNATURE, "archive.verify.needs_step", step=5)
            return step.step()
        signed = read_note(data, self.trust, self.contents.log)
        if signed.fault:
            step.extend(package.SIGNATURE, [signed.fault])
        elif package.TAG_MANIFEST in self.files:
            closing = _sha256(self.files[package.TAG_MANIFEST])
            text = package.signature_text(self.contents.log, self.contents.subject, closing)
            if signed.text.split("\n")[1:2] != [closing]:
                step.add(package.TAG_MANIFEST, "archive.verify.not_what_was_signed")
            elif signed.text != text:
                step.add(package.SIGNATURE, "archive.verify.other_subject")
        else:
            step.add(package.SIGNATURE, "archive.verify.nothing_signed")
        if signed.unchecked:
            step.not_run(package.SIGNATURE, "archive.verify.no_trust")
        return step.step()

    # 3
    def tag_digests(self) -> Step:
        step = Findings(3, Reason("archive.verify.step_tags"))
        data = self.files.get(package.TAG_MANIFEST)
        if data is None:
            step.add(package.TAG_MANIFEST, "archive.verify.missing")
            return step.step()
        listed = _manifest(data)
        if listed is None or set(listed) != set(package.TAG_FILES):
            step.add(package.TAG_MANIFEST, "archive.verify.manifest_form")
            return step.step()
        self._compare(step, listed)
        payload = {name: self.files[name] for name in self.files if name.startswith("data/")}
        if self.contents is not None and self._is_intact(payload):
            wanted = package.tag_files(
                self.contents, payload, self.files.get(package.MANIFEST, b"")
            )
            for name, content in wanted.items():
                if self.files.get(name, content) != content:
                    step.add(name, "archive.verify.tag_content")
        return step.step()

    def _is_intact(self, payload: Mapping[str, bytes]) -> bool:
        """Whether the payload is what the manifest says, so that `bag-info.txt` can be judged."""
        return self.manifest == {name: _sha256(data) for name, data in payload.items()}

    # 4
    def payload_digests(self) -> Step:
        step = Findings(4, Reason("archive.verify.step_payload"))
        if package.MANIFEST not in self.files:
            step.add(package.MANIFEST, "archive.verify.missing")
        elif self.manifest is None:
            step.add(package.MANIFEST, "archive.verify.manifest_form")
        else:
            self._compare(step, self.manifest)
        return step.step()

    def _compare(self, step: Findings, listed: Mapping[str, str]) -> None:
        for name, digest in listed.items():
            if name not in self.files:
                step.add(_shown(name), "archive.verify.missing")
            elif _sha256(self.files[name]) != digest:
                step.add(_shown(name), "archive.verify.digest")

    # 5
    def whole_streams(self) -> Step:
        step = Findings(5, Reason("archive.verify.step_streams"))
        if self.contents is None:
            step.add(package.CONTENTS, "archive.verify.contents_form")
            return step.step()
        for head in self.contents.streams:
            self.unread[head.stream_file] = 5
            bodies = self._bodies(head.stream_file, step)
            if bodies is None:
                continue
            broken = break_of(head.stream, bodies)
            if broken is not None:
                step.extend(head.stream_file, [broken[1]])
                continue
            del self.unread[head.stream_file]
            if len(bodies) != head.size:
                step.add(head.stream_file, "archive.verify.size", count=len(bodies), size=head.size)
            found = list(map(parse, bodies))
            self.entries += found
            self.leaves[head.stream] = [entry.leaf for entry in found]
        return step.step()

    def _bodies(self, file: str, step: Findings) -> list[bytes] | None:
        data = self.files.get(file)
        if data is None:
            step.add(file, "archive.verify.missing")
            return None
        *bodies, rest = data.split(b"\n")
        if rest:
            step.add(file, "archive.verify.last_line")
            return None
        return bodies

    # 6
    def tree_roots(self) -> Step:
        step = Findings(6, Reason("archive.verify.step_roots"))
        contents = self._contents_or_not_run(step)
        if contents is None:
            return step.step()
        for head in contents.heads:
            text = self._signed(head.checkpoint_file, contents.log, step)
            if text is None:
                continue
            checkpoint = read_checkpoint(text)
            if checkpoint is None or checkpoint.origin != origin_of(contents.log, head.stream):
                step.add(head.checkpoint_file, "archive.verify.checkpoint_form")
            elif (checkpoint.size, checkpoint.root.hex()) != (head.size, head.root):
                step.add(head.checkpoint_file, "archive.verify.checkpoint_other")
        for head in contents.streams:
            leaves = self.leaves.get(head.stream)
            if leaves is None:
                step.not_run(head.stream_file, "archive.verify.needs_step", step=5)
            elif merkle.root_of(leaves).hex() != head.root:
                step.add(head.stream_file, "archive.verify.root")
        return step.step()

    def _signed(self, file: str, log: str, step: Findings) -> str | None:
        """The text of the signed note in `file`; findings go to `step`."""
        data = self.files.get(file)
        if data is None:
            step.add(file, "archive.verify.missing")
            return None
        signed = read_note(data, self.trust, log)
        if signed.fault is not None:
            step.extend(file, [signed.fault])
            return None
        if signed.unchecked:
            step.not_run(file, "archive.verify.no_trust")
        return signed.text

    def _contents_or_not_run(self, step: Findings) -> Contents | None:
        if self.contents is None:
            step.not_run(package.CONTENTS, "archive.verify.needs_step", step=5)
        return self.contents

    # 7
    def anchor(self) -> Step:
        step = Findings(7, Reason("archive.verify.step_anchor"))
        contents = self._contents_or_not_run(step)
        if contents is None:
            return step.step()
        text = self._signed(package.ANCHOR, contents.log, step)
        if text is None:
            return step.step()
        checkpoint = read_checkpoint(text)
        if checkpoint is None or checkpoint.origin != origin_of(contents.log, "anchor"):
            step.add(package.ANCHOR, "archive.verify.checkpoint_form")
            return step.step()
        for head in contents.heads:
            leaf = head_leaf(head.stream, head.size, head.root)
            proof = _bytes(head.proof)
            if not merkle.verify_inclusion(
                leaf, head.index, checkpoint.size, proof, checkpoint.root
            ):
                step.add(head.checkpoint_file, "archive.verify.not_anchored", stream=head.stream)
        return step.step()

    # 8
    def extracts(self) -> Step:
        step = Findings(8, Reason("archive.verify.step_extracts"))
        contents = self._contents_or_not_run(step)
        for part in contents.extracts if contents else ():
            self.unread[part.head.extract_file] = 8
            bodies = self._bodies(part.head.extract_file, step)
            if bodies is None:
                continue
            if len(bodies) != len(part.entries):
                step.add(
                    part.head.extract_file,
                    "archive.verify.size",
                    count=len(bodies),
                    size=len(part.entries),
                )
                continue
            self._extract(part, bodies, step)
        return step.step()

    def _extract(self, part: ExtractPart, bodies: Sequence[bytes], step: Findings) -> None:
        file, head = part.head.extract_file, part.head
        root = bytes.fromhex(head.root)
        found: list[Entry] = []
        for index, (body, wanted) in enumerate(zip(bodies, part.entries, strict=True)):
            try:
                entry = parse(body)
            except ValueError:
                step.add(file, "archive.journal.not_canonical", index=index)
                continue
            if (entry.stream, entry.seq) != (head.stream, wanted.seq):
                step.add(file, "archive.verify.other_entry", index=index, seq=wanted.seq)
            elif not merkle.verify_inclusion(
                entry.leaf, wanted.seq, head.size, _bytes(wanted.proof), root
            ):
                step.add(file, "archive.verify.not_included", seq=wanted.seq)
            else:
                found.append(entry)
        if len(found) == len(bodies):
            self.entries += found
            del self.unread[file]

    # 9
    def documents(self) -> Step:
        step = Findings(9, Reason("archive.verify.step_documents"))
        contents = self._contents_or_not_run(step)
        if contents is None:
            return step.step()
        if self._all_read(step):
            self._named(contents, step)
        for file, document in zip(contents.document_files(), contents.documents, strict=True):
            data = self.files.get(file)
            if data is None:
                step.add(file, "archive.verify.missing")
            elif len(data) != document.bytes or _sha256(data) != document.sha256:
                step.add(file, "archive.verify.document_digest", document=document.name)
        return step.step()

    def _named(self, contents: Contents, step: Findings) -> None:
        """Compare the documents that entries name with those that `dossier.json` lists."""
        named = package.documents_of(self.entries)
        for document in [d for d in named if d not in contents.documents]:
            params = {"document": document.name, "sha256": document.sha256}
            step.add(package.CONTENTS, "archive.verify.document_left_out", **params)
        for document in [d for d in contents.documents if d not in named]:
            step.add(package.CONTENTS, "archive.verify.document_unnamed", document=document.name)
        if named != contents.documents:
            step.add(package.CONTENTS, "archive.verify.document_order")

    def _all_read(self, step: Findings) -> bool:
        for file, number in self.unread.items():
            step.not_run(file, "archive.verify.needs_step", step=number)
        return not self.unread

    # 10
    def required(self) -> Step:
        step = Findings(10, Reason("archive.verify.step_required"))
        contents = self._contents_or_not_run(step)
        for item in contents.required if contents and self._all_read(step) else ():
            if not item.is_met(self.entries):
                step.add(
                    package.CONTENTS,
                    "archive.verify.not_delivered",
                    document=item.document,
                    action=item.action,
                )
        return step.step()

    # 11
    def artefacts(self) -> Step:
        step = Findings(11, Reason("archive.verify.step_artefacts"))
        contents = self._contents_or_not_run(step)
        if contents is None:
            return step.step()
        for file, document in zip(contents.document_files(), contents.documents, strict=True):
            data = self.files.get(file)
            if data is not None and document.type == "application/json":
                step.extend(file, artefact_faults(data, self.verifiers))
        return step.step()


def _manifest(data: bytes) -> dict[str, str] | None:
    try:
        return manifest_lines(data)
    except ValueError:
        return None


def _bytes(proof: Sequence[str]) -> list[bytes]:
    return [bytes.fromhex(text) for text in proof]


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _shown(name: str) -> str:
    """A file name as it can be printed: bytes that are no UTF-8 are escaped."""
    return name.encode("utf-8", "backslashreplace").decode()
