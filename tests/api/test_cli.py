"""The command line: exit codes, and nothing heavy for the offline verifier."""

from __future__ import annotations

import subprocess
import sys
from io import StringIO
from pathlib import Path

import pytest
import sqlalchemy as sa

from api.cli import COMMANDS, main
from api.commands.terminal import read_settings
from archive.entropy import SeededEntropy
from archive.keys import note_signer
from archive.note import Checkpoint
from tests.builders import STAFF, make_office


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BIGLOOP_DATA", str(tmp_path / "data"))


class TestUsage:
    @pytest.mark.parametrize(
        "words",
        [
            [],
            ["no-such-command"],
            ["verify"],
            ["verify", "a", "b"],
            ["verify", "a", "--lang", "fr"],
            ["serve", "--port", "x"],
            ["account"],
            ["account", "create", "a"],
            ["account", "create", "a", "--role", "system"],
        ],
    )
    def test_wrong_usage_is_64(self, words: list[str]) -> None:
        with pytest.raises(SystemExit) as caught:
            main(words)
        assert caught.value.code == 64

    def test_a_wrong_setting_is_78(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setenv("BIGLOOP_PORT", "many")
        with pytest.raises(SystemExit) as caught:
            main(["migrate"])
        assert caught.value.code == 78
        assert "BIGLOOP_PORT" in capsys.readouterr().err

    def test_a_log_keeps_the_name_that_it_was_made_with(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """C2SP tlog-checkpoint: another origin is another log, which no witness has cosigned."""
        signer = note_signer(tmp_path / "log.key", "log.example", SeededEntropy(b"k"))
        (tmp_path / "keys").mkdir()
        (tmp_path / "keys" / "log.vkey").write_text(signer.verifier.vkey + "\n")
        assert read_settings(data=tmp_path).log_name == "log.example"
        monkeypatch.setenv("BIGLOOP_LOG_NAME", "log.example")
        assert read_settings(data=tmp_path).log_name == "log.example"
        monkeypatch.setenv("BIGLOOP_LOG_NAME", "bigloop.local")
        with pytest.raises(SystemExit) as caught:
            read_settings(data=tmp_path)
        assert caught.value.code == 78
        assert "log.example" in capsys.readouterr().err

    def test_help_lists_every_command(self, capsys: pytest.CaptureFixture[str]) -> None:
        with pytest.raises(SystemExit) as caught:
            main(["--help"])
        assert caught.value.code == 0
        said = capsys.readouterr().out
        assert all(name in said for name in COMMANDS)


class TestVerify:
    @pytest.fixture
    def note(self, tmp_path: Path) -> Path:
        signer = note_signer(tmp_path / "log.key", "bigloop.example", SeededEntropy(b"k"))
        (tmp_path / "keys.txt").write_text(f"# ours\n\n{signer.verifier.vkey}\n")
        path = tmp_path / "note"
        path.write_text(signer.sign(Checkpoint("bigloop.example/lot/a", 1, bytes(32)).text()))
        return path

    def test_valid_invalid_unreadable_indeterminate(self, note: Path) -> None:
        trust = ["--trust", str(note.with_name("keys.txt"))]
        assert main(["verify", str(note), *trust]) == 0
        assert main(["verify", str(note)]) == 3
        assert main(["verify", str(note.with_name("nowhere")), *trust]) == 2
        note.write_text(note.read_text().replace("lot/a", "lot/b"))
        assert main(["verify", str(note), *trust]) == 1

    def test_unreadable_keys_are_wrong_usage(self, note: Path) -> None:
        keys = note.with_name("keys.txt")
        assert main(["verify", str(note), "--trust", str(keys.with_name("none"))]) == 64
        keys.write_text("not a key\n")
        assert main(["verify", str(note), "--trust", str(keys)]) == 64

    def test_the_report_for_a_machine(self, note: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["verify", str(note), "--json"]) == 3
        assert '"verdict": "INDETERMINATE"' in capsys.readouterr().out

    def test_it_starts_without_server_and_database(self, note: Path) -> None:
        code = (
            "import sys\nfrom api.cli import main\n"
            f"main(['verify', {str(note)!r}])\n"
            "heavy = {'fastapi', 'starlette', 'sqlalchemy', 'sqlmodel', 'alembic', 'uvicorn', "
            "'ortools', 'pandas'}\n"
            "sys.exit(', '.join(sorted(heavy & set(sys.modules))) or 0)\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            cwd=Path(__file__).resolve().parents[2],
        )
        assert done.returncode == 0, done.stderr


@pytest.mark.db
class TestTheDatabase:
    def test_migrate_check_and_a_tampered_journal(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main(["check"]) == 1
        assert main(["migrate"]) == 0
        assert main(["migrate"]) == 0
        assert main(["check"]) == 0
        url = f"sqlite:///{tmp_path}/data/bigloop.db"
        office = make_office(tmp_path, url)
        with office.write() as tx:
            tx.record("lot/a", "api:test:done", STAFF, {})
        with office.connections.engine.begin() as connection:
            connection.execute(sa.text("DROP TRIGGER journal_entry_no_update"))
            connection.execute(sa.text("UPDATE journal_entry SET body = x'00'"))
        office.connections.dispose()
        capsys.readouterr()
        assert main(["check"]) == 1
        said = capsys.readouterr().err
        assert "journal_entry_no_update" in said
        assert "lot/a[0]" in said

    def test_accounts(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        main(["migrate"])
        create = ["account", "create", "anna", "--role", "staff", "--centre", "532901"]
        monkeypatch.setattr(sys, "stdin", StringIO("short\n"))
        assert main(create) == 1
        assert "/password" in capsys.readouterr().err
        monkeypatch.setattr(sys, "stdin", StringIO("correct horse battery\n"))
        assert main(create) == 0
        assert main(["account", "disable", "anna"]) == 0
        assert main(["account", "disable", "berta"]) == 1
        capsys.readouterr()
        assert main(["account", "list"]) == 0
        assert capsys.readouterr().out == "anna staff 532901  disabled\n"
