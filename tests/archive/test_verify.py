"""The verifier: its verdicts, its report, and what it makes of single files."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from archive import canonical
from archive.note import Note, Verifier
from archive.verification.report import Status, Verdict
from archive.verify import verify
from archive.words import Language
from tests.archive.dossiers import (
    FORGER,
    VERIFIERS,
    blamed,
    codes,
    failed,
)


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
