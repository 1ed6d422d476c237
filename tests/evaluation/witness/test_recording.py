"""A night taken out as a recording: verified by ours, by an outsider's program, and broken on purpose."""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from api.commands.verify import judges
from api.flows.recording import write_folder
from api.pages.record_viewer import viewer_files
from archive import canonical, recording
from archive.journal.entry import Entry, Pending, parse, seal_in
from archive.note import Verifier
from archive.tlog_policy import Policy, parse_policy
from archive.verification.report import Report, Status, Verdict
from archive.verify import verify
from archive.words import Language
from evaluation.session import commands as c
from evaluation.witness import service as witness
from evaluation.witness.desk import service as desk
from evaluation.witness.keeping import service as keeping
from evaluation.witness.record_check import judge_recording
from evaluation.witness.recording import service as recordings
from evaluation.witness.stations import service as stations
from tests.builders import SUPERVISOR
from tests.evaluation.course import HOST, staff
from tests.evaluation.witness.night import VENUE, WITNESS_A, WITNESS_B, Device, Night
from tests.support import outsider

JUDGES = judges()


def spend(night: Night) -> None:
    """A night in which something happens, and both witnesses cosign its end."""
    device = night.device()
    night.on_duty(WITNESS_A)
    night.seal()
    night.enrol(WITNESS_B)
    night.run(device, seconds=20)
    night.round()
    night.pass_time(seconds=30)
    assert night.round() == ["RAISED STATION_SILENT cam-1"]
    device.up += 30_000
    night.beat(device)
    night.round()
    device.report(night.now)
    night.beat(device)
    assert night.round() == ["RAISED SEQUENCE_GAP cam-1"]
    night.do(desk.acknowledge, WITNESS_A, night.entries("alarm")[-1].seq, "设备重启")
    night.round()
    words = "请说明 <断线> 原因".encode()
    told = {"order": "EXPLAIN", "sha256": hashlib.sha256(words).hexdigest()}
    night.do(witness.record_event, SUPERVISOR, "order", told, words)
    night.do(desk.answer, HOST, night.entries("order")[-1].seq, "网线松动,已恢复")
    offered = night.cosigning(WITNESS_A)
    night.do(desk.offer_handover, WITNESS_A, WITNESS_B.id, offered)
    night.do(desk.accept_handover, WITNESS_B, night.cosigning(WITNESS_B, offered.size))
    night.countersign(WITNESS_B)
    night.round()
    asked = stations.Wanted(VENUE, "cam-2", "P-256", Device("cam-2", night.id).public, 5)
    night.do(stations.ask_station, staff(VENUE), asked)
    night.do(stations.decline_station, SUPERVISOR, "cam-2", asked.key, "指纹不符")
    night.served.do(SUPERVISOR, c.VoidSession("test"))
    for one in (WITNESS_A, WITNESS_B):
        night.countersign(one)


def take_out(night: Night, folder: Path) -> Path:
    page = viewer_files("示例标段", night.office.log.verifier.vkey, {VENUE: "大理(示例)"})
    write_folder(folder, recordings.files_of(night.office, night.id, page))
    return folder


@pytest.fixture(scope="module")
def made(
    tmp_path_factory: pytest.TempPathFactory, locked_office: tuple[Path, str]
) -> tuple[Path, Verifier]:
    """A recording's folder and the key of the house that made it."""
    from tests.builders import make_office
    from tests.evaluation.course import Served

    home = tmp_path_factory.mktemp("night")
    shutil.copytree(locked_office[0], home / "office")
    office = make_office(home / "office", f"sqlite:///{home}/office/bigloop.db")
    night = Night(Served(office, locked_office[1]))
    spend(night)
    folder = take_out(night, home / "record")
    office.connections.dispose()
    return folder, office.log.verifier


def judged(folder: Path, trust: list[Verifier], policy: Policy | None = None) -> Report:
    report = verify(folder, trust, {}, JUDGES, policy)
    for language in Language:
        assert not [line for line in report.lines(language) if "[archive." in line]
    return report


def failed(report: Report) -> set[int]:
    return {step.number for step in report.failed}


class TestWhole:
    def test_valid_by_ours(self, made: tuple[Path, Verifier]) -> None:
        folder, key = made
        report = judged(folder, [key])
        assert [(f.reason, f.file) for s in report.steps for f in s.findings] == []
        assert report.verdict is Verdict.VALID
        assert len(report.steps) == 11

    def test_valid_by_what_the_specifications_alone_let_an_outsider_write(
        self, made: tuple[Path, Verifier]
    ) -> None:
        """C2SP tlog-tiles, tlog-checkpoint, tlog-cosignature, tlog-policy, tlog-proof."""
        folder, _ = made
        entries = outsider.read_log(folder)
        note = (folder / "checkpoint").read_text("utf-8")
        policy = (folder / "policy").read_text("utf-8")
        assert outsider.has_quorum(policy, note)
        for earlier in (folder / "checkpoints").iterdir():
            text = earlier.read_text("utf-8")
            _, size, root = outsider.checkpoint(text)
            assert outsider.mth([outsider.h(b"\0", entry) for entry in entries[:size]]) == root
            assert outsider.has_quorum(policy.replace("group quorum 2", "group quorum 1"), text)
        proofs = sorted(folder.glob("exhibits/*.tlog-proof"))
        assert proofs
        for path in proofs:
            named = hashlib.sha256(path.with_suffix("").read_bytes()).hexdigest()
            extra = path.read_text("utf-8").split("\n")[1].removeprefix("extra ")
            entry = base64.b64decode(extra)
            assert named in {document["sha256"] for document in json.loads(entry)["documents"]}
            assert outsider.has_quorum(policy, outsider.proves(path.read_text("utf-8"), entry))

    def test_without_a_key_it_is_indeterminate(self, made: tuple[Path, Verifier]) -> None:
        report = judged(made[0], [])
        assert report.verdict is Verdict.INDETERMINATE
        assert {s.number for s in report.steps if s.status is Status.NOT_RUN} == {2, 5}

    def test_another_houses_key(self, made: tuple[Path, Verifier]) -> None:
        folder, key = made
        assert failed(judged(folder, [key.named("other.example")])) == {2, 5}
        assert failed(judged(folder, [Verifier(key.name, b"\1" * 32)])) == {2, 5}

    def test_a_trusted_policy_is_held_against_it(self, made: tuple[Path, Verifier]) -> None:
        folder, key = made
        own = parse_policy((folder / "policy").read_bytes())
        assert judged(folder, [key], own).verdict is Verdict.VALID
        stranger = replace(next(iter(own.witnesses.values())), name="strict", public_key=b"\2" * 32)
        strict = Policy.k_of(own.logs, (*own.witnesses.values(), stranger), 3)
        assert failed(judged(folder, [key], strict)) == {6}


def _flip(name: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        (path,) = folder.glob(name)
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        path.write_bytes(bytes(data))

    return change


class TestBroken:
    """One byte anywhere shows, and the step says where."""

    @pytest.mark.parametrize(
        ("change", "steps"),
        [
            (_flip("tile/entries/*.p/*"), {1, 3, 10}),
            (_flip("tile/0/*.p/*"), {1, 4}),
            (_flip("record.js"), {1, 10}),
            (_flip("viewer.js"), {1}),
            (_flip("exhibits/*witness-answer*.txt"), {1, 8, 10}),
            (lambda folder: (folder / "more.txt").write_text("x"), {1}),
            (lambda folder: (folder / "viewer.css").unlink(), {1}),
            (lambda folder: (folder / "record.note").unlink(), {1, 2}),
            (_flip("record.json"), {1}),
        ],
    )
    def test_one_byte(
        self,
        made: tuple[Path, Verifier],
        tmp_path: Path,
        change: Callable[[Path], None],
        steps: set[int],
    ) -> None:
        folder = tmp_path / "copy"
        shutil.copytree(made[0], folder)
        change(folder)
        report = judged(folder, [made[1]])
        assert report.verdict is Verdict.INVALID
        assert failed(report) >= steps

    def test_a_house_that_rewrites_its_own_record(
        self, made: tuple[Path, Verifier], tmp_path: Path
    ) -> None:
        """The operator has the log's key and makes everything anew without one alarm: the witnesses'
        cosignatures do not fit what he made, and he cannot make others."""
        from tests.builders import make_office

        folder, key = made
        (tmp_path / "again").mkdir()
        office = make_office(tmp_path / "again", seed=b"1")
        assert office.log.verifier == key
        bodies = outsider.read_log(folder)
        contents = recording.contents_of((folder / "record.json").read_bytes())
        rewritten: list[Entry] = []
        for entry in map(parse, bodies):
            if entry.action == "evaluation:witness:alarm" and entry.data["state"] == "RAISED":
                continue
            prev = rewritten[-1].hash if rewritten else "0" * 64
            pending = Pending(entry.stream, entry.action, entry.actor, entry.data, entry.documents)
            rewritten.append(seal_in(pending, len(rewritten), prev, entry.at))
        own = parse_policy((folder / "policy").read_bytes())
        signer = office.log.named(contents.origin)
        source = recording.Source(
            contents.stream,
            len(rewritten),
            lambda start, stop: [entry.body for entry in rewritten[start:stop]],
            lambda _: None,
        )
        made_anew = recording.assemble(source, signer, own, {}, {})
        write_folder(tmp_path / "forged", made_anew)
        office.connections.dispose()
        report = judged(tmp_path / "forged", [key])
        # Closed, signed and hanging together; yet nobody cosigned it and its story does not hold.
        assert failed(report) == {9}
        assert report.steps[5].status is Status.NOT_RUN
        assert failed(judged(tmp_path / "forged", [key], own)) == {6, 9}


def _codes(entries: list[Entry]) -> set[str]:
    origin = f"bigloop.example/{entries[0].stream}"
    return {reason.code.rpartition(".")[2] for reason in judge_recording(origin, entries).faults}


class TestWhatTheEntriesSay:
    """The judge of sessions alone, on entries that hang together but lie."""

    @pytest.fixture
    def entries(self, made: tuple[Path, Verifier]) -> list[Entry]:
        return [parse(body) for body in outsider.read_log(made[0])]

    def _changed(
        self, entries: list[Entry], kind: str, **data: object
    ) -> tuple[list[Entry], Entry]:
        at = next(n for n, e in enumerate(entries) if e.action == f"evaluation:witness:{kind}")
        entry = entries[at]
        value = json.loads(entry.body)
        value["data"] |= data
        entries[at] = parse(canonical.encode(value))
        return entries, entries[at]

    def test_the_truth(self, entries: list[Entry]) -> None:
        assert _codes(entries) == set()

    @pytest.mark.parametrize(
        ("kind", "data", "code"),
        [
            ("heartbeat", {"n": 7}, "report"),
            ("station_bound", {"key": base64.b64encode(b"\4" + b"\1" * 64).decode()}, "key"),
            ("station_gap", {"missing": 2}, "gap"),
            ("countersigned", {"root": "0" * 64}, "cosignature"),
            ("handover", {"sig": "A" * 86 + "=="}, "cosignature"),
            ("handover", {"offer_seq": 1}, "handover"),
            ("alarm", {"alarm": "POWER_CUT"}, "alarm"),
        ],
    )
    def test_one_lie(
        self, entries: list[Entry], kind: str, data: dict[str, object], code: str
    ) -> None:
        assert code in _codes(self._changed(entries, kind, **data)[0])

    def test_a_stale_keepers_alarm(self, entries: list[Entry]) -> None:
        changed, _ = self._changed(entries, "alarm", fence=9)
        assert "fence" in _codes(changed)

    def test_a_withheld_alarm(self, sealing: Night) -> None:
        """The operator lets no keeper write: the silence of a station shows all the same."""
        night = sealing
        night.device()
        night.seal()
        night.pass_time(seconds=20)
        night.do(witness.record_event, staff(VENUE), "power", {"venue": VENUE, "state": "MAINS"})
        night.pass_time(seconds=50)
        assert _codes(night.entries()) == set()
        night.do(witness.record_event, staff(VENUE), "power", {"venue": VENUE, "state": "MAINS"})
        assert _codes(night.entries()) == set()
        night.pass_time(seconds=11)
        night.do(witness.record_event, staff(VENUE), "power", {"venue": VENUE, "state": "MAINS"})
        assert _codes(night.entries()) == {"withheld"}

    def test_a_watch_that_nobody_kept(self, sealing: Night) -> None:
        """A cut is no lie where the record says it; what it hides is told to whoever relies on the record."""
        night = sealing
        night.device()
        night.seal()
        night.pass_time(seconds=200)
        night.do(witness.record_event, staff(VENUE), "power", {"venue": VENUE, "state": "MAINS"})
        before = judge_recording(f"bigloop.example/session/{night.id}", night.entries())
        assert [(n.code.rpartition(".")[2], n.params["count"]) for n in before.notes] == [
            ("silence", 1)
        ]
        assert before.notes[0].params["seconds"] == 200
        night.pass_time(seconds=100)
        night.do(witness.record_event, staff(VENUE), "power", {"venue": VENUE, "state": "MAINS"})
        assert _codes(night.entries()) == {"withheld"}
        with night.office.write() as tx:
            data = {"venue": VENUE, "seconds": 300}
            tx.record(f"session/{night.id}", "evaluation:witness:unkept", keeping.KEEPER, data)
        after = judge_recording(f"bigloop.example/session/{night.id}", night.entries())
        assert after.faults == []
        assert [(n.code.rpartition(".")[2], dict(n.params)) for n in after.notes] == [
            ("watch_unkept", {"count": 1, "seconds": 300})
        ]
        night.pass_time(seconds=62)
        night.do(witness.record_event, staff(VENUE), "power", {"venue": VENUE, "state": "MAINS"})
        assert _codes(night.entries()) == {"withheld"}, "he is back, and has had his minute"
        with (
            night.office.write() as tx
        ):  # the same cut once more excuses nothing that came after it
            data = {"venue": VENUE, "seconds": 62}
            tx.record(f"session/{night.id}", "evaluation:witness:unkept", keeping.KEEPER, data)
        assert _codes(night.entries()) == set()
        night.pass_time(seconds=70)
        with night.office.write() as tx:
            data = {"venue": VENUE, "seconds": 1}
            tx.record(f"session/{night.id}", "evaluation:witness:unkept", keeping.KEEPER, data)
            data = {"venue": VENUE, "seconds": 300}
            tx.record(f"session/{night.id}", "evaluation:witness:unkept", keeping.KEEPER, data)
        assert _codes(night.entries()) == {"withheld"}, "one cut told twice hides no other"
