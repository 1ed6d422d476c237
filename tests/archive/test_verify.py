"""The verifier: whatever is changed anywhere is refused, by its step, with its file named.

Three adversaries: one who changes files, one who closes the changed dossier anew with a key of his
own, and an insider who holds the log's key and must still keep to the record's own logic.
"""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from archive import canonical, dossier, package
from archive.bagit import manifest_text
from archive.errors import Reason, Refusal
from archive.journal.entry import NO_ENTRY, Pending, parse, seal_in
from archive.note import Checkpoint, Note, Signer, Verifier
from archive.office import Office
from archive.verification.report import Report, Status, Verdict
from archive.verify import verify
from archive.words import Language
from tests.archive.conftest import make_tables
from tests.archive.dossiers import (
    LOT,
    VERIFIERS,
    assembled,
    closed_anew,
    fill,
    payload_of,
    sha256,
    spread,
)
from tests.builders import START, make_office

FORGER = Signer("bigloop.example", Ed25519PrivateKey.from_private_bytes(b"f" * 32))


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    folder = tmp_path_factory.mktemp("office")
    url = f"sqlite:///{folder}/bigloop.db"
    make_tables(url)
    made = make_office(folder, url)
    fill(made)
    yield made
    made.connections.dispose()


@pytest.fixture(scope="module")
def files(office: Office) -> dict[str, bytes]:
    return dict(assembled(office).files)


@pytest.fixture(scope="module")
def trust(office: Office) -> list[Verifier]:
    return [office.log.verifier]


@pytest.fixture
def folder(files: dict[str, bytes], tmp_path: Path) -> Path:
    return spread(files, tmp_path / "dossier")


def failed(report: Report) -> set[int]:
    return {step.number for step in report.failed}


def blamed(report: Report) -> set[str]:
    return {finding.file for step in report.failed for finding in step.findings}


def codes(report: Report) -> set[str]:
    return {f.reason.code.removeprefix("archive.") for step in report.failed for f in step.findings}


class TestVerdicts:
    def test_valid(self, folder: Path, trust: list[Verifier]) -> None:
        report = verify(folder, trust, VERIFIERS)
        assert report.verdict is Verdict.VALID
        assert int(report.verdict) == 0
        assert [step.number for step in report.steps] == list(range(1, 12))
        assert {step.status for step in report.steps} == {Status.OK}

    @pytest.mark.parametrize("nobody", [None, []])
    def test_indeterminate_without_a_key(self, folder: Path, nobody: list[Verifier] | None) -> None:
        report = verify(folder, nobody, VERIFIERS)
        assert report.verdict is Verdict.INDETERMINATE
        assert int(report.verdict) == 3
        not_run = [step.number for step in report.steps if step.status is Status.NOT_RUN]
        assert not_run == [2, 6, 7]

    def test_another_key_is_not_trusted(self, folder: Path) -> None:
        other = Verifier("bigloop.example", FORGER.verifier.public_key)
        report = verify(folder, [other], VERIFIERS)
        assert report.verdict is Verdict.INVALID
        assert int(report.verdict) == 1
        assert failed(report) == {2, 6, 7}
        assert codes(report) == {"verify.note_untrusted"}

    def test_one_trusted_key_among_others(self, folder: Path, trust: list[Verifier]) -> None:
        assert verify(folder, [FORGER.verifier, *trust], VERIFIERS).verdict is Verdict.VALID

    @pytest.mark.parametrize(
        ("make", "code"),
        [
            (lambda p: None, "nothing_there"),
            (lambda p: p.mkdir(), "no_dossier"),
            (lambda p: p.write_bytes(b""), "neither"),
            (lambda p: p.write_bytes(b"PK\x03\x04"), "neither"),
            (lambda p: p.write_bytes(b"{}"), "neither"),
            (lambda p: p.write_bytes(b"[" * 10**6), "neither"),
            (lambda p: p.write_bytes(b'{"format":"x.v1"}'), "format_unknown"),
            (lambda p: p.symlink_to(p.with_name("nowhere")), "nothing_there"),
        ],
    )
    def test_unreadable(
        self, tmp_path: Path, trust: list[Verifier], make: Callable[[Path], Any], code: str
    ) -> None:
        make(tmp_path / "given")
        report = verify(tmp_path / "given", trust, VERIFIERS)
        assert report.verdict is Verdict.UNREADABLE
        assert int(report.verdict) == 2
        assert codes(report) == {f"verify.{code}"}

    def test_the_report_speaks_both_languages(self, folder: Path, trust: list[Verifier]) -> None:
        (folder / "data/documents/02-draw.json").write_bytes(b"{}")
        report = verify(folder, trust, VERIFIERS)
        for language in Language:
            text = "\n".join(report.lines(language))
            assert "data/documents/02-draw.json" in text
            assert "[archive." not in text
            assert len(report.lines(language)) > 12
        value = report.to_json()
        assert (value["verdict"], value["exit_code"]) == ("INVALID", 1)
        assert canonical.decode(canonical.encode(value)) == value


class TestWhoChangesFiles:
    @pytest.mark.parametrize(
        "stride",
        [pytest.param(13, marks=pytest.mark.slow), pytest.param(1, marks=pytest.mark.soak)],
    )
    def test_every_byte_of_every_file(
        self, folder: Path, files: dict[str, bytes], trust: list[Verifier], stride: int
    ) -> None:
        """One bit of each byte in turn; the bit changes from place to place, so that the case of
        hex digits and letters, white space and line ends are all among them. The files that no
        digest covers are always tried whole, long ones at every thirteenth byte; `soak` tries all."""
        accepted, unnamed, count = [], [], 0
        for name, data in files.items():
            path = folder / name
            is_whole = name in (package.SIGNATURE, package.BAGIT)
            for place in range(0, len(data), 1 if is_whole else stride):
                changed = bytearray(data)
                changed[place] ^= 1 << (5 * place % 8)
                path.write_bytes(changed)
                report = verify(folder, trust, VERIFIERS)
                count += 1
                if report.verdict is not Verdict.INVALID:
                    accepted.append((name, place))
                elif name not in blamed(report):
                    unnamed.append((name, place, blamed(report)))
            path.write_bytes(data)
        assert accepted == []
        assert unnamed == []
        assert count >= sum(map(len, files.values())) // stride
        assert verify(folder, trust, VERIFIERS).verdict is Verdict.VALID

    def test_every_file_truncated_lengthened_emptied(
        self, folder: Path, files: dict[str, bytes], trust: list[Verifier]
    ) -> None:
        for name, data in files.items():
            for changed in (
                data[:-1],
                data[1:],
                data[: len(data) // 2],
                b"",
                data + b"\n",
                data + b"\x00",
                b"\xef\xbb\xbf" + data,
                data * 2,
                data.replace(b"\n", b"\r\n") + b" ",
                data + b" ",
            ):
                (folder / name).write_bytes(changed)
                report = verify(folder, trust, VERIFIERS)
                assert report.verdict is Verdict.INVALID, (name, changed[:40])
                assert name in blamed(report), (name, changed[:40])
            (folder / name).write_bytes(data)

    def test_every_file_removed_or_renamed(
        self, folder: Path, files: dict[str, bytes], trust: list[Verifier]
    ) -> None:
        """A folder is recognised as a dossier by any of its files, whichever is missing."""
        for name, data in files.items():
            path = folder / name
            for new in (None, path.with_name(path.name + "x"), path.with_name(path.name.upper())):
                if new is None:
                    path.unlink()
                elif new == path:
                    continue
                else:
                    path.rename(new)
                report = verify(folder, trust, VERIFIERS)
                assert report.verdict is Verdict.INVALID, name
                assert 1 in failed(report) or name in blamed(report)
                assert name in blamed(report)
                if new is not None:
                    assert new.relative_to(folder).as_posix() in blamed(report)
                    new.unlink()
                path.write_bytes(data)

    @pytest.mark.parametrize(
        "name",
        [
            "extra",
            "data/extra",
            "data/documents/00-x",
            ".hidden",
            "data/.DS_Store",
            "data/documents/03-draw.json",
            "manifest-sha512.txt",
            "tagmanifest-md5.txt",
            "fetch.txt",
            "data/streams/lot~2.jsonl",
            "data/deep/er/file",
            "data/documents/01-公告_1_2.PDF",
        ],
    )
    def test_a_file_too_many(self, folder: Path, trust: list[Verifier], name: str) -> None:
        spread({name: b""}, folder)
        report = verify(folder, trust, VERIFIERS)
        assert report.verdict is Verdict.INVALID
        assert 1 in failed(report)
        assert name in blamed(report)

    @pytest.mark.parametrize("name", ["empty", "data/empty", "data/documents/empty/er"])
    def test_a_folder_too_many(self, folder: Path, trust: list[Verifier], name: str) -> None:
        (folder / name).mkdir(parents=True)
        report = verify(folder, trust, VERIFIERS)
        assert failed(report) == {1}
        assert name in blamed(report)

    def test_links_pipes_and_names_that_are_no_text(
        self, folder: Path, files: dict[str, bytes], trust: list[Verifier], tmp_path: Path
    ) -> None:
        for name, data in files.items():
            outside = tmp_path / "outside"
            outside.write_bytes(data)
            (folder / name).unlink()
            (folder / name).symlink_to(outside)
            report = verify(folder, trust, VERIFIERS)
            assert 1 in failed(report)
            assert name in blamed(report)
            (folder / name).unlink()
            (folder / name).write_bytes(data)
        os.mkfifo(folder / "pipe")
        (folder / "data" / "loop").symlink_to(folder)
        Path(os.fsdecode(os.fsencode(folder) + b"/\xff\xfe")).write_bytes(b"")
        report = verify(folder, trust, VERIFIERS)
        assert blamed(report) == {"pipe", "data/loop", "\\udcff\\udcfe"}
        canonical.encode(report.to_json())

    def test_a_name_in_another_normalisation(self, folder: Path, trust: list[Verifier]) -> None:
        """é in one code point and in two look the same and are two names."""
        one, two = "data/documents/01-\u00e9", "data/documents/01-e\u0301"
        spread({one: b"", two: b""}, folder)
        assert {one, two} <= blamed(verify(folder, trust, VERIFIERS))

    def test_two_files_exchanged(
        self, folder: Path, files: dict[str, bytes], trust: list[Verifier]
    ) -> None:
        first, second = "data/checkpoints/pool.note", "data/checkpoints/lodging.note"
        spread({first: files[second], second: files[first]}, folder)
        report = verify(folder, trust, VERIFIERS)
        assert {4, 6} <= failed(report)
        assert {first, second} <= blamed(report)

    def test_manifests_in_another_spelling(
        self, folder: Path, files: dict[str, bytes], trust: list[Verifier]
    ) -> None:
        for name in (package.MANIFEST, package.TAG_MANIFEST):
            data = files[name]
            lines = data.splitlines(keepends=True)
            for changed in (
                data + lines[0],
                b"".join(lines[::-1]),
                data.replace(b"\n", b"\r\n"),
                data.upper(),
                data.replace(b"  ", b" *"),
                data.replace(b"  ", b"  ./"),
                data + b"0" * 64 + b"  /etc/passwd\n",
                data + b"0" * 64 + b"  data/../../x\n",
            ):
                (folder / name).write_bytes(changed)
                report = verify(folder, trust, VERIFIERS)
                assert name in blamed(report)
                assert "verify.manifest_form" in codes(report)
            (folder / name).write_bytes(data)

    def test_the_signature_in_another_spelling(
        self, folder: Path, files: dict[str, bytes], trust: list[Verifier]
    ) -> None:
        """Base64 with other last bits, white space, other key names, further lines."""
        data = files[package.SIGNATURE]
        text, line = data.decode().split("\n\n")
        _, name, encoded = line.split()
        assert encoded.endswith("=")
        last = encoded[-2]
        following = chr(ord(last) + 1)
        foreign = FORGER.sign("x\n").split("\n\n")[1]
        for changed in (
            f"{text}\n\n— {name} {encoded[:-2]}{following}=\n",
            f"{text}\n\n— {name} {encoded.rstrip('=')}\n",
            f"{text}\n\n— {name}  {encoded}\n",
            f"{text}\n\n— {name} {encoded} \n",
            f"{text}\n\n—  {name} {encoded}\n",
            f"{text}\n\n— {name}x {encoded}\n",
            f"{text}\n\n— Bigloop.example {encoded}\n",
            f"{text}\n\n- {name} {encoded}\n",
            f"{text}\n\n— {name} {encoded}\n— {name} {encoded}\n",
            f"{text}\n\n— {name} {encoded}\n{foreign}",
            f"{text}\n\n{foreign}— {name} {encoded}\n",
            f"{text}\n\n— {name} {encoded}\n\n",
            f"{text}\n\n\n— {name} {encoded}\n",
            f"{text} \n\n— {name} {encoded}\n",
            f"\n{text}\n\n— {name} {encoded}\n",
        ):
            (folder / package.SIGNATURE).write_text(changed)
            report = verify(folder, trust, VERIFIERS)
            assert failed(report) == {2}, changed
            assert blamed(report) == {package.SIGNATURE}


class TestWhoClosesAnew:
    def test_with_a_key_of_his_own(
        self, files: dict[str, bytes], tmp_path: Path, trust: list[Verifier]
    ) -> None:
        folder = spread(closed_anew(payload_of(files), FORGER), tmp_path / "x")
        report = verify(folder, trust, VERIFIERS)
        assert report.verdict is Verdict.INVALID
        assert failed(report) == {2}
        assert verify(folder, None, VERIFIERS).verdict is Verdict.INDETERMINATE
        assert verify(folder, [FORGER.verifier], VERIFIERS).verdict is Verdict.INVALID

    def test_a_whole_platform_forged(self, tmp_path: Path, trust: list[Verifier]) -> None:
        """Everything holds together; only the key is not the trusted one, though of its name."""
        url = f"sqlite:///{tmp_path}/forged.db"
        make_tables(url)
        forged = make_office(tmp_path, url, START)
        forged.log = FORGER
        fill(forged)
        dossier.write(assembled(forged), tmp_path / "x")
        forged.connections.dispose()
        assert verify(tmp_path / "x", trust, VERIFIERS).verdict is Verdict.INVALID
        assert verify(tmp_path / "x", None, VERIFIERS).verdict is Verdict.INDETERMINATE
        assert verify(tmp_path / "x", [FORGER.verifier], VERIFIERS).verdict is Verdict.VALID

    def test_another_dossier_under_this_signature(
        self, office: Office, files: dict[str, bytes], tmp_path: Path, trust: list[Verifier]
    ) -> None:
        other = dict(assembled(office, subject="lot/2").files)
        other[package.SIGNATURE] = files[package.SIGNATURE]
        report = verify(spread(other, tmp_path / "x"), trust, VERIFIERS)
        assert failed(report) == {2}
        assert codes(report) == {"verify.not_what_was_signed"}


class TestTheInsider:
    """Holds the log's key and closes whatever he likes: the steps must contradict him."""

    @pytest.fixture
    def judged(
        self, office: Office, files: dict[str, bytes], tmp_path: Path, trust: list[Verifier]
    ) -> Callable[..., Report]:
        def judge(
            changed: dict[str, bytes | None] | None = None,
            after: dict[str, bytes] | None = None,
            **contents: Any,
        ) -> Report:
            payload: dict[str, bytes | None] = {**payload_of(files), **(changed or {})}
            kept = {name: data for name, data in payload.items() if data is not None}
            made = {**closed_anew(kept, office.log, **contents), **(after or {})}
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
        self, judged: Callable[..., Report], office: Office, files: dict[str, bytes]
    ) -> None:
        closing = sha256(files[package.TAG_MANIFEST])
        text = package.signature_text(office.log.name, "lot/2", closing)
        report = judged(after={package.SIGNATURE: office.log.sign(text).encode()})
        assert codes(report) == {"verify.other_subject"}

    def test_3_another_bag_info(
        self, judged: Callable[..., Report], office: Office, files: dict[str, bytes]
    ) -> None:
        made = dict(files)
        made[package.BAG_INFO] += b"Contact-Name: somebody\n"
        tags = {name: sha256(made[name]) for name in package.TAG_FILES}
        made[package.TAG_MANIFEST] = manifest_text(tags)
        text = package.signature_text(office.log.name, LOT, sha256(made[package.TAG_MANIFEST]))
        made[package.SIGNATURE] = office.log.sign(text).encode()
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
        self, judged: Callable[..., Report], office: Office, value: dict[str, Any]
    ) -> None:
        name = "data/checkpoints/lot~1.note"
        head = value["streams"][0]
        root = bytes.fromhex(head["root"])
        for other in (
            Checkpoint("bigloop.example/lot/1", head["size"] + 1, root),
            Checkpoint("bigloop.example/lot/1", head["size"], b"x" * 32),
            Checkpoint("bigloop.example/lot/2", head["size"], root),
        ):
            report = judged({name: office.log.sign(other.text()).encode()})
            assert failed(report) == {6}
            assert blamed(report) == {name}
        report = judged({name: office.log.sign("no checkpoint\n").encode()})
        assert codes(report) == {"verify.checkpoint_form"}

    def test_6_a_checkpoint_that_another_signed(
        self, judged: Callable[..., Report], files: dict[str, bytes]
    ) -> None:
        name = "data/checkpoints/pool.note"
        text = Note.parse(files[name]).text
        report = judged({name: FORGER.sign(text).encode()})
        assert failed(report) == {6}

    def test_7_an_anchor_of_other_heads(
        self, judged: Callable[..., Report], office: Office, files: dict[str, bytes]
    ) -> None:
        size = Checkpoint.parse(Note.parse(files[package.ANCHOR]).text).size
        other = Checkpoint("bigloop.example/anchor", size, b"x" * 32).text()
        report = judged({package.ANCHOR: office.log.sign(other).encode()})
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


class TestSingleFiles:
    def test_a_checkpoint(self, folder: Path, trust: list[Verifier]) -> None:
        path = folder / "data/checkpoints/pool.note"
        assert verify(path, trust, {}).verdict is Verdict.VALID
        assert verify(path, None, {}).verdict is Verdict.INDETERMINATE
        report = verify(path, [FORGER.verifier], {})
        assert report.verdict is Verdict.INVALID
        assert blamed(report) == {"pool.note"}
        data = path.read_bytes()
        for place in range(len(data)):
            changed = bytearray(data)
            changed[place] ^= 1
            path.write_bytes(changed)
            verdict = verify(path, trust, {}).verdict
            assert verdict in (Verdict.INVALID, Verdict.UNREADABLE), place

    def test_cosignatures_may_stand_beside_ours(
        self, folder: Path, trust: list[Verifier], tmp_path: Path
    ) -> None:
        data = (folder / "data/checkpoints/pool.note").read_bytes()
        text = Note.parse(data).text
        cosigned = data + FORGER.sign(text).split("\n\n")[1].encode()
        (tmp_path / "cosigned.note").write_bytes(cosigned)
        assert verify(tmp_path / "cosigned.note", trust, {}).verdict is Verdict.VALID

    def test_an_artefact(self, tmp_path: Path) -> None:
        path = tmp_path / "sum.json"
        value = {"format": "test.sum.v1", "sum": 3, "terms": [1, 2]}
        for text, verdict in (
            (canonical.encode(value), Verdict.VALID),
            (canonical.encode({**value, "sum": 4}), Verdict.INVALID),
            (canonical.encode({"format": "test.sum.v1"}), Verdict.INVALID),
            (json.dumps(value).encode(), Verdict.INVALID),
            (canonical.encode({**value, "format": "test.sum.v2"}), Verdict.UNREADABLE),
        ):
            path.write_bytes(text)
            assert verify(path, None, VERIFIERS).verdict is verdict
