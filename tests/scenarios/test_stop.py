"""Ctrl-C in the middle of the demo's day, and the same folder again; and what `--once` refuses."""

from __future__ import annotations

import json
import os
import signal
import time
from contextlib import suppress
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from api.cli import main
from evaluation.witness.protocol import Hello, Welcome, encode_frame, parse_frame
from tests.scenarios.conftest import command
from tests.scenarios.crashes import Stage
from tests.support.servers import Servers

RESTARTING = 1012
STOP_SECONDS_MAX = 3.0
"""One second for requests that are under way, and what the process needs on a busy machine."""


@pytest.mark.slow
def test_ctrl_c_stops_the_day_and_it_goes_on(run_server: Servers, tmp_path: Path) -> None:
    stage = Stage(run_server, tmp_path / "data", "")
    stage.start()
    assert stage.server is not None
    assert stage.people is not None
    stage.run_on_to("OPENED", 60)
    stage.wait(lambda: bool(stage.people and stage.people.get("supervisor", "/api/sessions")), 30)
    session = stage.people.get("supervisor", "/api/sessions")[0]["id"]
    seen = stage.people.now()
    url = f"{stage.server.url.replace('http', 'ws')}/live/sessions/{session}"
    head = {"Cookie": stage.facts.cookies["supervisor"]}
    with connect(url, additional_headers=head, proxy=None) as socket:
        socket.send(encode_frame(Hello(session)))
        assert isinstance(parse_frame(str(socket.recv(timeout=10))), Welcome)
        began = time.monotonic()
        os.killpg(stage.server.process.pid, signal.SIGINT)  # as a terminal does it
        assert stage.server.process.wait(10) == 0
        assert time.monotonic() - began < STOP_SECONDS_MAX
        with suppress(ConnectionClosed):
            while socket.recv(timeout=10):  # what was on its way; then the close frame
                pass
        assert socket.close_code == RESTARTING
    assert "Traceback" not in stage.server.log(), stage.server.log()
    stage.people.end()
    stage.check_record()
    before = json.loads((tmp_path / "data" / "demo.json").read_text())

    stage.start()
    assert stage.people.now() >= seen
    after = json.loads((tmp_path / "data" / "demo.json").read_text())
    assert after == {**before, "runs": 2}
    done = stage.tasks_done()
    stage.wait(lambda: stage.tasks_done() >= done + 5, 60)
    stage.check_facts()
    stage.check_acts()
    stage.stop()
    stage.check_record()


class TestWhatOnceRefuses:
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
