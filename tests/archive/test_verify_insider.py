"""The insider who holds the log's key and closes whatever he likes: each step contradicts him."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from archive import package
from archive.bagit import manifest_text
from archive.errors import Reason, Refusal
from archive.journal.entry import NO_ENTRY, Pending, parse, seal_in
from archive.note import Checkpoint, Note, Verifier
from archive.office import Office
from archive.verification.report import Report, Verdict
from archive.verify import verify
from tests.archive.dossiers import (
    FORGER,
    LOT,
    VERIFIERS,
    blamed,
    closed_anew,
    codes,
    failed,
    payload_of,
    sha256,
    spread,
)


class TestTheInsider:
    """Holds the log's key and closes whatever he likes: the steps must contradict him."""

    @pytest.fixture
    def judged(
        self, dossier_office: Office, files: dict[str, bytes], tmp_path: Path, trust: list[Verifier]
    ) -> Callable[..., Report]:
        def judge(
            changed: dict[str, bytes | None] | None = None,
            after: dict[str, bytes] | None = None,
            **contents: Any,
        ) -> Report:
            payload: dict[str, bytes | None] = {**payload_of(files), **(changed or {})}
            kept = {name: data for name, data in payload.items() if data is not None}
            made = {**closed_anew(kept, dossier_office.log, **contents), **(after or {})}
            shutil.rmtree(tmp_path / "x", ignore_errors=True)
            return verify(spread(made, tmp_path / "x"), trust, VERIFIERS)

        return judge

    @pytest.fixture
    def value(self, files: dict[str, bytes]) -> dict[str, Any]:
        return dict(json.loads(files[package.CONTENTS]))

    def test_unchanged_it_is_valid(self, judged: Callable[..., Report]) -> None:
        assert judged().verdict is Verdict.VALID

    def test_1_a_file_listed_that_the_contents_do_not_name(
        self, judged: Callable[..., Report]
    ) -> None:
        report = judged({"data/extra": b"x"})
        assert failed(report) == {1}
        assert blamed(report) == {"data/extra"}

    def test_2_a_signature_for_another_subject(
        self, judged: Callable[..., Report], dossier_office: Office, files: dict[str, bytes]
    ) -> None:
        closing = sha256(files[package.TAG_MANIFEST])
        text = package.signature_text(dossier_office.log.name, "lot/2", closing)
        report = judged(after={package.SIGNATURE: dossier_office.log.sign(text).encode()})
        assert codes(report) == {"verify.other_subject"}

    def test_3_another_bag_info(
        self, judged: Callable[..., Report], dossier_office: Office, files: dict[str, bytes]
    ) -> None:
        made = dict(files)
        made[package.BAG_INFO] += b"Contact-Name: somebody\n"
        tags = {name: sha256(made[name]) for name in package.TAG_FILES}
        made[package.TAG_MANIFEST] = manifest_text(tags)
        text = package.signature_text(
            dossier_office.log.name, LOT, sha256(made[package.TAG_MANIFEST])
        )
        made[package.SIGNATURE] = dossier_office.log.sign(text).encode()
        report = judged(after={k: v for k, v in made.items() if not k.startswith("data/")})
        assert failed(report) == {3}
        assert blamed(report) == {package.BAG_INFO}

    def test_5_an_entry_left_out(
        self, judged: Callable[..., Report], files: dict[str, bytes]
    ) -> None:
        name = "data/streams/lot~1.jsonl"
        lines = files[name].splitlines(keepends=True)
        report = judged({name: b"".join(lines[:1] + lines[2:])})
        assert 5 in failed(report)
        assert "journal.numbering" in codes(report)
        last = judged({name: b"".join(lines[:-1])})
        assert {5, 6} <= failed(last)
        assert name in blamed(last)

    def test_5_an_entry_changed_and_chained_anew(
        self, judged: Callable[..., Report], files: dict[str, bytes]
    ) -> None:
        name = "data/streams/lot~1.jsonl"
        old = [parse(line) for line in files[name].splitlines()]
        prev, made = NO_ENTRY, b""
        for entry in old:
            data = {**entry.data, "n": 9}
            pending = Pending(LOT, entry.action, entry.actor, data, entry.documents)
            new = seal_in(pending, entry.seq, prev, entry.at)
            prev = new.hash
            made += new.body + b"\n"
        report = judged({name: made})
        assert failed(report) == {6}
        assert blamed(report) == {name}

    @pytest.mark.parametrize(
        ("change", "code"),
        [
            (lambda data: data.replace(b"\n", b"\r\n"), "journal.not_canonical"),
            (lambda data: data[:-1], "verify.last_line"),
            (lambda data: data + b"\n", "journal.not_canonical"),
            (lambda data: data.replace(b'"n":1', b'"n": 1'), "journal.not_canonical"),
            (lambda data: data.replace(b'lot/1","v', b'lot/2","v'), "journal.other_stream"),
        ],
    )
    def test_5_lines_of_another_form(
        self,
        judged: Callable[..., Report],
        files: dict[str, bytes],
        change: Callable[[bytes], bytes],
        code: str,
    ) -> None:
        name = "data/streams/lot~1.jsonl"
        report = judged({name: change(files[name])})
        assert 5 in failed(report)
        assert code in codes(report)

    def test_5_contents_that_are_none(self, judged: Callable[..., Report]) -> None:
        for changes in ({"format": "x"}, {"streams": 1}, {"more": 1}):
            report = judged(**changes)
            assert 5 in failed(report)
            assert package.CONTENTS in blamed(report)

    def test_6_a_checkpoint_of_another_head(
        self, judged: Callable[..., Report], dossier_office: Office, value: dict[str, Any]
    ) -> None:
        name = "data/checkpoints/lot~1.note"
        head = value["streams"][0]
        root = bytes.fromhex(head["root"])
        for other in (
            Checkpoint("bigloop.example/lot/1", head["size"] + 1, root),
            Checkpoint("bigloop.example/lot/1", head["size"], b"x" * 32),
            Checkpoint("bigloop.example/lot/2", head["size"], root),
        ):
            report = judged({name: dossier_office.log.sign(other.text()).encode()})
            assert failed(report) == {6}
            assert blamed(report) == {name}
        report = judged({name: dossier_office.log.sign("no checkpoint\n").encode()})
        assert codes(report) == {"verify.checkpoint_form"}

    def test_6_a_checkpoint_that_another_signed(
        self, judged: Callable[..., Report], files: dict[str, bytes]
    ) -> None:
        name = "data/checkpoints/pool.note"
        text = Note.parse(files[name]).text
        report = judged({name: FORGER.sign(text).encode()})
        assert failed(report) == {6}

    def test_7_an_anchor_of_other_heads(
        self, judged: Callable[..., Report], dossier_office: Office, files: dict[str, bytes]
    ) -> None:
        size = Checkpoint.parse(Note.parse(files[package.ANCHOR]).text).size
        other = Checkpoint("bigloop.example/anchor", size, b"x" * 32).text()
        report = judged({package.ANCHOR: dossier_office.log.sign(other).encode()})
        assert failed(report) == {7}
        assert "verify.not_anchored" in codes(report)
        assert 7 in failed(judged({package.ANCHOR: files["data/checkpoints/pool.note"]}))

    def test_7_a_proof_of_another_place(
        self, judged: Callable[..., Report], value: dict[str, Any]
    ) -> None:
        changes: tuple[dict[str, Any], ...] = ({"index": 0}, {"proof": []})
        for change in changes:
            streams = [{**head, **change} for head in value["streams"]]
            report = judged(streams=streams)
            assert 7 in failed(report)

    def test_8_an_entry_that_is_not_in_its_stream(
        self, judged: Callable[..., Report], files: dict[str, bytes]
    ) -> None:
        name = "data/extracts/pool.jsonl"
        report = judged({name: files[name].replace(b'"n":0', b'"n":7')})
        assert 8 in failed(report)
        assert name in blamed(report)
        lines = files[name].splitlines(keepends=True)
        for changed in (lines[0], b"".join(lines[::-1]), lines[0] * 2, b"".join(lines) + lines[1]):
            report = judged({name: changed})
            assert 8 in failed(report)

    def test_8_a_proof_of_another_entry(
        self, judged: Callable[..., Report], value: dict[str, Any]
    ) -> None:
        pool = value["extracts"][1]
        one, other = pool["entries"]
        swapped = [{**one, "proof": other["proof"]}, {**other, "proof": one["proof"]}]
        report = judged(extracts=[value["extracts"][0], {**pool, "entries": swapped}])
        assert failed(report) == {8}
        assert codes(report) == {"verify.not_included"}

    def test_9_a_document_exchanged(self, judged: Callable[..., Report]) -> None:
        name = "data/documents/01-公告_1_2.pdf"
        for content in (b"%PDF another", b""):
            report = judged({name: content})
            assert failed(report) == {9}
            assert blamed(report) == {name}

    def test_9_a_document_left_out(
        self, judged: Callable[..., Report], value: dict[str, Any]
    ) -> None:
        report = judged(
            {"data/documents/02-draw.json": None}, documents=value["documents"][:1], required=[]
        )
        assert failed(report) == {9}
        assert "verify.document_left_out" in codes(report)
        missing = judged({"data/documents/02-draw.json": None})
        assert {1, 9} <= failed(missing)

    def test_9_a_document_that_nobody_named(
        self, judged: Callable[..., Report], value: dict[str, Any]
    ) -> None:
        file, content = "data/documents/03-more.txt", b"more"
        more = {
            "bytes": 4,
            "file": file,
            "name": "more.txt",
            "sha256": sha256(content),
            "type": "x",
        }
        report = judged({file: content}, documents=[*value["documents"], more])
        assert failed(report) == {9}
        assert "verify.document_unnamed" in codes(report)

    def test_10_what_was_never_delivered(
        self, judged: Callable[..., Report], value: dict[str, Any]
    ) -> None:
        more = {"action": "trading:contract:signed", "document": "contract.pdf"}
        report = judged(required=[*value["required"], more])
        assert failed(report) == {10}
        assert codes(report) == {"verify.not_delivered"}

    def test_11_an_artefact_that_does_not_hold(self, folder: Path, trust: list[Verifier]) -> None:
        def refuse(_: Any) -> list[Reason]:
            raise Refusal("archive.dossier.empty")

        def stumble(_: Any) -> list[Reason]:
            raise KeyError("terms")

        for verifier, code in (
            (lambda _: [Reason("archive.verify.root")], "verify.root"),
            (refuse, "dossier.empty"),
            (stumble, "verify.artefact_form"),
        ):
            report = verify(folder, trust, {"test.sum.v1": verifier})
            assert failed(report) == {11}
            assert blamed(report) == {"data/documents/02-draw.json"}
            assert codes(report) == {code}
        assert verify(folder, trust, {}).verdict is Verdict.VALID
