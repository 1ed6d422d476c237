"""The pictures of a session's record: taken along byte by byte, or listed with the reason, and held against the log.

财政部令第87号 第三十九条, 第七十六条 (recordings of an evaluation are kept with its file); rule `media.security_days`.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from api.commands.verify import judges
from api.flows.recording import draft_of, write_folder
from archive import canonical, recording
from archive.actor import SYSTEM
from archive.journal import service as journal
from archive.journal.entry import Entry, Pending, seal_in
from archive.note import Verifier
from archive.office import Office
from archive.recording import Absence, Content
from archive.verification.report import Report, Verdict
from archive.verify import verify
from archive.words import Language
from evaluation.session import commands as c
from evaluation.witness.media import service as media
from evaluation.witness.media.kinds import Form, Use, What
from evaluation.witness.recording import service as recordings
from evaluation.witness.recording.service import EVERYTHING, Scope
from evaluation.witness.retention import service as retention
from evaluation.witness.retention.check import deletions
from evaluation.witness.retention.service import discard_task
from tests.builders import SUPERVISOR, make_office
from tests.evaluation.course import Served
from tests.evaluation.witness.night import Night
from tests.evaluation.witness.test_retention import DAYS, bind, film

STILL = b"\xff\xd8\xff" + b"still"
BOOTH = [b"booth-0", b"booth-1", b"booth-2"]


def _sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@dataclass(frozen=True)
class Filmed:
    """A session with pictures of every fate. `made`: its record, with all there is."""

    home: Path
    session: str
    made: Path
    key: Verifier

    def take_out(self, folder: Path, scope: Scope) -> Path:
        office = make_office(self.home / "office", f"sqlite:///{self.home}/office/bigloop.db")
        write_folder(folder, recordings.files_of(office, self.session, {}, (), scope))
        office.connections.dispose()
        return folder


def _tell(night: Night, device: Any, kind: str, content: bytes, **more: Any) -> str:
    digest = _sha(content)
    night.beat(device, kind, track="cam", sha256=digest, bytes=len(content), **more)
    return digest


def _spend(night: Night) -> None:
    corridor, booth = bind(night, "corridor", Use.SECURITY), bind(night, "booth", Use.EVALUATION)
    for n in range(3):
        film(night, corridor, f"corridor-{n}".encode())
    for content in [*BOOTH, BOOTH[0]]:  # a picture that stands still is one file
        film(night, booth, content)
    _tell(night, booth, "snapshot", STILL, luma=90)
    media.keep(night.office, media.Name(night.id, "booth", "cam"), Form.SNAPSHOT, STILL)
    begins = {"n": 9, "duration_ms": 2000, "begins_at": "2026-10-21T01:00:00.000Z"}
    _tell(night, booth, "media_digest", b"never came", what=What.CAMERA.value, **begins)
    told = {**begins, "track": "voice", "sha256": _sha(b"voice"), "bytes": 5, "what": "VOICE"}
    night.beat(booth, "media_digest", **told)
    media.keep(night.office, media.Name(night.id, "booth", "voice"), Form.SEGMENT, b"voice")
    night.served.do(SUPERVISOR, c.VoidSession("test"))
    night.pass_time(days=DAYS)
    write = discard_task(lambda db, lot: False)(night.office, {"session": night.id})
    with night.office.write() as tx:
        write(tx)


@pytest.fixture(scope="module")
def filmed(tmp_path_factory: pytest.TempPathFactory, locked_office: tuple[Path, str]) -> Filmed:
    home = tmp_path_factory.mktemp("filmed")
    shutil.copytree(locked_office[0], home / "office")
    office = make_office(home / "office", f"sqlite:///{home}/office/bigloop.db")
    night = Night(Served(office, locked_office[1]))
    _spend(night)
    made = Filmed(home, night.id, home / "record", office.log.verifier)
    office.connections.dispose()
    made.take_out(made.made, EVERYTHING)
    return made


@pytest.fixture
def folder(filmed: Filmed, tmp_path: Path) -> Path:
    """A copy of the record, to be broken."""
    return shutil.copytree(filmed.made, tmp_path / "record")


def judged(filmed: Filmed, folder: Path) -> Report:
    report = verify(folder, [filmed.key], {}, judges())
    for language in Language:
        said = report.lines(language)
        assert not [line for line in said if "[archive." in line or "[evaluation." in line]
    return report


def counts(report: Report) -> dict[str, object]:
    return {n.code.rpartition(".media_")[2]: n.params["count"] for n in report.steps[10].notes}


def found(report: Report) -> list[tuple[str, str]]:
    return [(f.file, f.reason.code.rpartition(".")[2]) for f in report.steps[10].findings]


def failed(report: Report) -> set[int]:
    return {step.number for step in report.failed}


class TestTakenAlong:
    def test_every_fate_is_told(self, filmed: Filmed) -> None:
        report = judged(filmed, filmed.made)
        assert (failed(report), found(report)) == (set(), [])
        assert counts(report) == {"held": 5, "deleted": 3, "not_received": 1}
        held = [path for path in filmed.made.glob("media/*/*") if path.is_file()]
        assert {path.stem for path in held} == {_sha(b) for b in [*BOOTH, STILL, b"voice"]}
        assert all(_sha(path.read_bytes()) == path.stem for path in held)
        assert {path.suffix for path in held} == {".jpg", ".webm"}
        # Whoever has only the name of the log that the page shows can check the deletions as well.
        contents = recording.contents_of((filmed.made / recording.CONTENTS).read_bytes())
        report = verify(filmed.made, [filmed.key.named(contents.origin)], {}, judges())
        assert failed(report) == set()

    @pytest.mark.parametrize(
        ("scope", "told"),
        [
            (Scope(pictures=False), {"left_out": 5}),
            (Scope(voices=False), {"held": 4, "withheld": 1}),
            (Scope(security=False), {"held": 5}),
        ],
    )
    def test_what_a_copy_leaves_out_is_told(
        self, filmed: Filmed, tmp_path: Path, scope: Scope, told: dict[str, int]
    ) -> None:
        report = judged(filmed, filmed.take_out(tmp_path / "copy", scope))
        assert failed(report) == set()
        assert counts(report) == {**told, "deleted": 3, "not_received": 1}

    def test_security_video_that_is_still_kept(self, any_sealing: Night, tmp_path: Path) -> None:
        sealing = any_sealing
        film(sealing, bind(sealing, "corridor", Use.SECURITY), b"corridor")
        for scope, told in ((EVERYTHING, "held"), (Scope(security=False), "left_out")):
            files = recordings.files_of(sealing.office, sealing.id, {}, (), scope)
            write_folder(tmp_path / told, files)
            report = verify(tmp_path / told, [sealing.office.log.verifier], {}, judges())
            assert counts(report) == {told: 1}

    def test_what_the_house_has_lost_is_told_and_is_a_fault(
        self, filmed: Filmed, tmp_path: Path
    ) -> None:
        shutil.copytree(filmed.home / "office", tmp_path / "office")
        mine = replace(filmed, home=tmp_path)
        for content, lose in ((BOOTH[0], Path.unlink), (BOOTH[1], lambda p: p.write_bytes(b"x"))):
            digest = _sha(content)
            (place,) = tmp_path.glob(f"office/**/media/*/{digest[:2]}/{digest[2:]}")
            lose(place)
        report = judged(mine, mine.take_out(tmp_path / "record", EVERYTHING))
        assert counts(report) == {"held": 3, "lost": 2, "deleted": 3, "not_received": 1}
        assert failed(report) == {11}


def _held(folder: Path) -> list[Path]:
    return sorted(folder.glob("media/*/*"))


def _flip(folder: Path) -> None:
    data = bytearray(_held(folder)[0].read_bytes())
    data[-1] ^= 1
    _held(folder)[0].write_bytes(bytes(data))


def _swap(folder: Path) -> None:
    first, second = _held(folder)[:2]
    one, other = first.read_bytes(), second.read_bytes()
    first.write_bytes(other)
    second.write_bytes(one)


def _foreign(folder: Path) -> None:
    (_held(folder)[0].parent / f"{'0' * 64}.webm").write_bytes(b"foreign")


def _beside(folder: Path) -> None:
    (folder / "media" / "note.txt").write_bytes(b"foreign")


def _link(folder: Path) -> None:
    first, second = _held(folder)[:2]
    first.unlink()
    first.symlink_to(second)


def _brought_back(folder: Path) -> None:
    """What is listed as absent has no business there, whoever brings it."""
    file = recording.Medium(_sha(b"never came"), "webm").file
    (folder / file).parent.mkdir(parents=True, exist_ok=True)
    (folder / file).write_bytes(b"never came")


class TestBroken:
    """Each is found, and named."""

    @pytest.mark.parametrize(
        ("change", "kinds"),
        [
            (_flip, {"altered": 1}),
            (_swap, {"altered": 2}),
            (lambda folder: _held(folder)[0].unlink(), {"missing": 1}),
            (lambda folder: shutil.rmtree(folder / "media"), {"missing": 5}),
            (_foreign, {"foreign": 1}),
            (_beside, {"foreign": 1}),
            (_link, {"foreign": 1}),
            (_brought_back, {"foreign": 1}),
        ],
    )
    def test_one_change(
        self, filmed: Filmed, folder: Path, change: Callable[[Path], None], kinds: dict[str, int]
    ) -> None:
        change(folder)
        report = judged(filmed, folder)
        assert report.verdict is Verdict.INVALID
        assert failed(report) == {11}
        told = counts(report)
        assert {kind: told[kind] for kind in kinds} == kinds
        assert len(found(report)) == sum(kinds.values())

    def test_all_are_counted_and_a_hundred_named(self, filmed: Filmed, folder: Path) -> None:
        for n in range(150):
            (_held(folder)[0].parent / f"{n:064}.webm").write_bytes(b"")
        report = judged(filmed, folder)
        assert (counts(report)["foreign"], len(found(report))) == (150, 100)


def _resigned(filmed: Filmed, folder: Path, absent: dict[Absence, list[str]], keeping: str) -> None:
    """The house itself rewrites `media.json`, and closes the record anew."""
    office = make_office(filmed.home / "office", f"sqlite:///{filmed.home}/office/bigloop.db")
    told = recording.Absences(absent, keeping).encode()
    (folder / recording.ABSENCES).write_bytes(told)
    held = {
        path.relative_to(folder).as_posix(): path.read_bytes
        for path in folder.rglob("*")
        if path.is_file() and path.relative_to(folder).parts[0] != "media"
    }
    (folder / recording.DATA).write_bytes(b"".join(recording.data_script(held)))
    old = recording.contents_of((folder / recording.CONTENTS).read_bytes())
    files = {path: _sha((folder / path).read_bytes()) for path in old.files}
    closing = canonical.encode(replace(old, files=files).to_json())
    (folder / recording.CONTENTS).write_bytes(closing)
    signer = office.log.named(old.origin)
    note = signer.sign(recording.closing_text(old.origin, closing))
    (folder / recording.CLOSING).write_text(note, "utf-8")
    office.connections.dispose()


class TestAHouseThatLies:
    """It has the log's key, and can close the record again; what was deleted must stand on the stream that says so."""

    def _absent(self, folder: Path) -> dict[Absence, list[str]]:
        told = recording.absences_of((folder / recording.ABSENCES).read_bytes()).absent
        return {reason: list(digests) for reason, digests in told.items()}

    def test_deleted_by_nobodys_word(self, filmed: Filmed, folder: Path) -> None:
        absent = self._absent(folder)
        absent[Absence.DELETED].append(_sha(BOOTH[0]))
        file = recording.Medium(_sha(BOOTH[0]), "webm").file
        (folder / file).unlink()
        _resigned(filmed, folder, absent, retention.stream_of(filmed.session))
        assert found(judged(filmed, folder)) == [(file, "recording_not_deleted")]

    def test_another_sessions_deletions(self, filmed: Filmed, folder: Path) -> None:
        _resigned(filmed, folder, self._absent(folder), "media/other")
        assert {code for _, code in found(judged(filmed, folder))} == {
            "recording_keeping",
            "recording_not_deleted",
        }

    @pytest.mark.parametrize("name", ["keeping/entries", "keeping/checkpoint"])
    def test_a_changed_stream_of_deletions(self, filmed: Filmed, folder: Path, name: str) -> None:
        data = bytearray((folder / name).read_bytes())
        data[len(data) // 3] ^= 1
        (folder / name).write_bytes(bytes(data))
        assert failed(judged(filmed, folder)) >= {1, 11}

    def test_a_changed_list_of_what_was_deleted(self, filmed: Filmed, folder: Path) -> None:
        (place,) = [p for p in folder.glob("keeping/*") if len(p.name) == 64]
        place.write_bytes(place.read_bytes().replace(_sha(b"corridor-0").encode(), b"0" * 64))
        assert failed(judged(filmed, folder)) >= {1, 11}

    def test_a_digest_that_the_record_does_not_name(self, filmed: Filmed, folder: Path) -> None:
        absent = self._absent(folder) | {Absence.LEFT_OUT: ["0" * 64]}
        _resigned(filmed, folder, absent, retention.stream_of(filmed.session))
        assert found(judged(filmed, folder)) == [("media.json", "recording_not_named")]


class TestDeletions:
    """Only security video ends, after its days, and while nobody forbids it."""

    def _told(self, office: Office, session: str, keeping: list[Entry]) -> dict[str, str]:
        with office.read() as db:
            entries = list(journal.entries(db, f"session/{session}"))
        verdicts = deletions(entries, keeping, office.vault.get)
        return {
            digest: wrong.code.rpartition(".")[2] if wrong else "" for digest, wrong in verdicts
        }

    def test_by_the_rule_and_against_it(self, sealing: Night) -> None:
        corridor = bind(sealing, "corridor", Use.SECURITY)
        booth = bind(sealing, "booth", Use.EVALUATION)
        old, kept = film(sealing, corridor, b"corridor"), film(sealing, booth, b"booth")
        sealing.pass_time(days=DAYS - 1)
        early = sealing.now
        named = [{"sha256": old}, {"sha256": kept}]
        value = {"format": "bigloop.discarded-media.v1", "media": named}
        with sealing.office.write() as tx:
            document = tx.keep("list.json", value)

        def keeping(at: Any, *acts: str) -> list[Entry]:
            stream = retention.stream_of(sealing.id)
            made: list[Entry] = []
            for act in acts:
                pending = Pending(stream, f"evaluation:media:{act}", SYSTEM.id, {}, (document,))
                prev = made[-1].hash if made else "0" * 64
                made.append(seal_in(pending, len(made), prev, at))
            return made

        def told(at: Any, *acts: str) -> dict[str, str]:
            return self._told(sealing.office, sealing.id, keeping(at, *acts))

        wrong = "deleted_evaluation"
        assert told(early, "discarded") == {old: "deleted_early", kept: wrong}
        sealing.pass_time(days=1)
        assert told(sealing.now, "discarded") == {old: "", kept: wrong}
        assert told(sealing.now, "held", "discarded") == {old: "deleted_held", kept: wrong}
        assert told(sealing.now, "held", "released", "discarded")[old] == ""
        assert told(sealing.now, "held", "released") == {}


Pieces = Iterator[tuple[str, Content]]


class TestKilled:
    """kill -9 at any moment: no folder of the name, or a whole one."""

    def _killed(self, files: Pieces, after: int) -> Pieces:
        """The files, and the end of the process within one of them."""
        for number, (path, content) in enumerate(files):
            if number < after:
                yield path, content
                continue

            def half(content: Content = content) -> Iterator[bytes]:
                for piece in content:
                    yield piece[: len(piece) // 2]
                    os.kill(os.getpid(), signal.SIGKILL)

            yield path, half()

    def test_it_goes_on_and_comes_to_the_same(self, filmed: Filmed, tmp_path: Path) -> None:
        target = tmp_path / "record"
        whole = sorted(p.relative_to(filmed.made) for p in filmed.made.rglob("*") if p.is_file())
        first = len(whole) - len(_held(filmed.made)) - 8
        for after in (0, first, first + 3, len(whole) - 1):
            child = os.fork()
            if child == 0:
                office = make_office(
                    filmed.home / "office", f"sqlite:///{filmed.home}/office/bigloop.db"
                )
                files = recordings.files_of(office, filmed.session, {})
                write_folder(target, self._killed(files, after))
                os._exit(0)
            _, status = os.waitpid(child, 0)
            assert os.waitstatus_to_exitcode(status) == -signal.SIGKILL
            assert not target.exists()
            for path in _held(draft_of(target)):
                if not path.name.startswith("."):
                    assert _sha(path.read_bytes()) == path.stem
        (draft_of(target) / "media" / "00").mkdir(exist_ok=True)
        (draft_of(target) / "media" / "00" / "stale.webm").write_bytes(b"deleted since")
        filmed.take_out(target, EVERYTHING)
        assert not draft_of(target).exists()
        assert sorted(p.relative_to(target) for p in target.rglob("*") if p.is_file()) == whole
        for path in whole:
            assert (target / path).read_bytes() == (filmed.made / path).read_bytes()
        with pytest.raises(FileExistsError):
            filmed.take_out(target, EVERYTHING)

    def test_two_at_once_do_not_mix(self, filmed: Filmed, tmp_path: Path) -> None:
        target = tmp_path / "record"

        def files() -> Pieces:
            with pytest.raises(BlockingIOError):
                write_folder(target, iter(()))
            yield "a", (b"a",)

        assert write_folder(target, files()) == 1
