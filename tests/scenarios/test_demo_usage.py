"""What `bigloop demo` refuses before it makes anything."""

from __future__ import annotations

import fcntl
from pathlib import Path

import pytest

from api.cli import main
from tests.scenarios.conftest import command
from tests.support.servers import free_port


class TestWrongUsage:
    """Wrong usage is said in both languages, before anything is made."""

    @pytest.mark.parametrize(
        ("words", "zh", "en"),
        [
            (["--once"], "需要 --out", "is needed"),
            (["--once", "--out", "full"], "目录不为空", "not empty"),
            (["--once", "--out", "new", "--date", "2026-10-24"], "不是工作日", "not a working day"),
            (["--once", "--out", "new", "--date", "2026-10-01"], "不是工作日", "not a working day"),
            (["--once", "--out", "file"], "不是目录", "not a folder"),
            (["--serve", "--date", "2026-10-25"], "不是工作日", "not a working day"),
            (["--serve", "--date", "2026-02-29"], "不是日期", "not a day"),
            (["--serve", "--date", "2019-12-31"], "2020-01-01..", "2099-12-31"),
            (["--once", "--out", "new", "--date", "9999-12-30"], "2020-01-01..", "2099-12-31"),
            (["--serve", "--data", "file"], "不是目录", "not a folder"),
        ],
    )
    def test_with_a_reason(
        self,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
        words: list[str],
        zh: str,
        en: str,
    ) -> None:
        full = tmp_path / "full"
        full.mkdir()
        (full / "letter.txt").write_text("keep")
        (tmp_path / "file").write_text("keep")
        before = sorted(path.name for path in tmp_path.rglob("*"))
        monkeypatch.chdir(tmp_path)
        try:
            code = main(["demo", *words])
        except SystemExit as ended:
            code = int(str(ended.code))
        assert code == 64
        said = capsys.readouterr()
        assert zh in said.err
        assert en in said.err
        assert not said.out
        assert sorted(path.name for path in tmp_path.rglob("*")) == before

    def test_a_folder_that_is_played_in(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        with (tmp_path / "demo.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            words = ["demo", "--serve", "--data", str(tmp_path), "--port", str(free_port())]
            assert main(words) == 1
        said = capsys.readouterr()
        assert "另一演示正在使用该目录" in said.err
        assert "another demonstration runs on this folder" in said.err
        assert [path.name for path in tmp_path.iterdir()] == ["demo.lock"]

    def test_as_a_program(self, tmp_path: Path) -> None:
        done = command("demo", "--once", folder=tmp_path)
        assert (done.returncode, done.stdout) == (64, "")
        assert "--out DIR" in done.stderr

    @pytest.mark.parametrize(
        "words",
        [
            [],
            ["--once", "--serve"],
            ["--serve", "--rate", "0"],
            ["--serve", "--rate", "-5"],
            ["--serve", "--port", "65536"],
            ["--once", "--seed", "x"],
        ],
    )
    def test_wrong_words(
        self, words: list[str], capsys: pytest.CaptureFixture[str], tmp_path: Path
    ) -> None:
        with pytest.raises(SystemExit) as caught:
            main(["demo", *words])
        assert caught.value.code == 64
        assert "usage: bigloop demo" in capsys.readouterr().err
