"""`bigloop verify` as somebody uses it who trusts nobody: a dossier, a file of keys, no network.

The dossiers are those of a played cohort. They are judged by processes that stand in an empty folder
and cannot open a socket. Every file is changed, taken away, renamed and joined by others; each time
the verdict is "invalid" and the report names the file.
"""

from __future__ import annotations

import json
import random
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.scenarios.conftest import Played, command

JUDGE = """
import contextlib, io, json, socket, sys

def forbidden(*_, **__):
    raise AssertionError("the verifier opened a socket")

class Forbidden(socket.socket):  # a class still, for the libraries that only define one upon it
    __init__ = forbidden

socket.socket = Forbidden
socket.create_connection = socket.getaddrinfo = forbidden
from api.cli import main

for line in sys.stdin:
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        code = main(json.loads(line))
    print(json.dumps([code, said.getvalue()]), flush=True)
"""
"""The command line again and again in one process that cannot reach any other."""


@dataclass(frozen=True)
class Judged:
    code: int
    text: str

    @property
    def report(self) -> Any:
        return json.loads(self.text)

    @property
    def places(self) -> set[str]:
        """The files and streams that the findings name."""
        return {finding["file"] for step in self.report["steps"] for finding in step["findings"]}


Judge = Callable[..., Judged]


@pytest.fixture(scope="module")
def judge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Judge]:
    """`judge("verify", path, …)` in an offline process that stands in an empty folder."""
    empty = tmp_path_factory.mktemp("empty")
    process = subprocess.Popen(
        [sys.executable, "-c", JUDGE],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=empty,
    )
    assert process.stdin is not None
    assert process.stdout is not None

    def ask(*words: str | Path) -> Judged:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps([str(word) for word in words]) + "\n")
        process.stdin.flush()
        code, text = json.loads(process.stdout.readline())
        return Judged(code, text)

    yield ask
    process.stdin.close()
    assert process.wait(10) == 0
    assert not list(empty.iterdir()), "the verifier leaves nothing behind"


@pytest.fixture
def dossier(played: Played, tmp_path: Path) -> Path:
    """A copy of the smallest dossier, to be spoilt."""
    smallest = by_size(played)[0]
    return Path(shutil.copytree(smallest, tmp_path / smallest.name))


def by_size(played: Played) -> list[Path]:
    return sorted(played.dossiers, key=lambda d: sum(f.stat().st_size for f in files(d)))


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


class TestTheProcess:
    """Exit codes and words of the program itself."""

    def test_every_dossier_of_the_demo_is_valid(self, played: Played, tmp_path: Path) -> None:
        for dossier in played.dossiers:
            done = command("verify", dossier, "--trust", played.trust, folder=tmp_path)
            assert (done.returncode, done.stderr) == (0, "")
        assert played.figures["dossiers"] == played.figures["verified"] == len(played.dossiers)

    def test_the_second_verifier_accepts_every_draw_of_the_demo(
        self, played: Played, tmp_path: Path
    ) -> None:
        """`verify_draw.py` alone, as a citizen runs it; and no draw with a changed digit."""
        found = [file for dossier in played.dossiers for file in dossier.rglob("*-draw-5*.json")]
        assert len(found) >= len(played.dossiers)
        for number, file in enumerate(found):
            said = self.second(file)
            assert said.returncode == 0, said.stdout
            text = file.read_text("utf-8")
            digits = [m.start() for m in re.finditer(r'[0-9a-f](?=[0-9a-f]{0,62}")', text)]
            at = digits[number * 7919 % len(digits)]
            changed = tmp_path / "changed.json"
            changed.write_text(f"{text[:at]}{'1' if text[at] == '0' else '0'}{text[at + 1 :]}")
            said = self.second(changed)
            assert said.returncode == 1, (file.name, at)
            assert "refused at step" in said.stdout

    def second(self, path: Path) -> subprocess.CompletedProcess[str]:
        program = Path(__file__).parents[2] / "api" / "static" / "verify_draw.py"
        words: list[str | Path] = [sys.executable, "-I", program, path]
        return subprocess.run(words, capture_output=True, text=True, timeout=120)

    def test_without_a_key_it_does_not_know(self, played: Played, tmp_path: Path) -> None:
        assert command("verify", played.dossiers[0], folder=tmp_path).returncode == 3

    def test_what_is_no_dossier_is_unreadable(self, played: Played, tmp_path: Path) -> None:
        nothing = tmp_path / "nothing"
        nothing.mkdir()
        garbage = tmp_path / "garbage"
        garbage.write_bytes(bytes(range(256)))
        for path in (nothing, garbage, tmp_path / "absent"):
            done = command("verify", path, "--trust", played.trust, folder=tmp_path)
            assert done.returncode == 2, path
            assert "Traceback" not in done.stderr

    def test_wrong_words_are_wrong_usage(self, played: Played, tmp_path: Path) -> None:
        dossier = played.dossiers[0]
        wrong: list[list[str | Path]] = [
            ["verify"],
            ["verify", dossier, "--trust", tmp_path / "absent"],
            ["verify", dossier, "--unknown"],
        ]
        for words in wrong:
            assert command(*words, folder=tmp_path).returncode == 64, words

    def test_a_changed_byte_and_its_file(self, dossier: Path, played: Played) -> None:
        contract = next(path for path in files(dossier) if path.name.endswith("-contract"))
        content = bytearray(contract.read_bytes())
        content[0] ^= 1
        contract.write_bytes(content)
        for language in ("zh", "en"):
            trust = ["--trust", str(played.trust)]
            done = command("verify", dossier, *trust, "--lang", language, folder=dossier.parent)
            assert done.returncode == 1
            assert contract.name in done.stdout


class TestOffline:
    def test_the_report_for_a_machine(self, played: Played, judge: Judge) -> None:
        judged = judge("verify", played.dossiers[0], "--trust", played.trust, "--json")
        assert judged.code == 0
        assert judged.report["verdict"] == "VALID"
        assert [step["number"] for step in judged.report["steps"]] == list(range(1, 12))
        assert not judged.places

    def test_the_keys_of_another_log_do_not_help(
        self, played: Played, judge: Judge, tmp_path: Path
    ) -> None:
        from archive.entropy import SeededEntropy
        from archive.keys import note_signer

        name = played.trust.read_text().partition("+")[0]
        other = note_signer(tmp_path / "key", name, SeededEntropy(b"another"))
        trust = tmp_path / "trust.txt"
        trust.write_text(f"{other.verifier.vkey}\n")
        assert judge("verify", played.dossiers[0], "--trust", trust).code == 1

    @pytest.mark.parametrize(("place", "flips"), [(0, 2), (-1, 1)], ids=["smallest", "largest"])
    def test_every_file_is_held(
        self, played: Played, judge: Judge, tmp_path: Path, place: int, flips: int
    ) -> None:
        dossier = shutil.copytree(by_size(played)[place], tmp_path / "copy")
        judged = spoil_bytes(dossier, played.trust, judge, random.Random(place), flips)
        assert judged == flips * len(files(dossier))

    def test_no_file_comes_or_goes(self, dossier: Path, played: Played, judge: Judge) -> None:
        spoil_names(dossier, played.trust, judge)


def spoil_bytes(dossier: Path, trust: Path, judge: Judge, dice: random.Random, flips: int) -> int:
    """Flip one bit of each file, at an end of it and in other places; how many were judged."""
    judged = 0
    for path in files(dossier):
        content = path.read_bytes()
        ends = [0, len(content) - 1]
        for number in range(flips):
            place = dice.choice(ends) if number == 0 else dice.randrange(len(content))
            spoilt = bytearray(content)
            spoilt[place] ^= 1 << dice.randrange(8)
            path.write_bytes(spoilt)
            found = judge("verify", dossier, "--trust", trust, "--json")
            name = path.relative_to(dossier).as_posix()
            assert found.code == 1, (name, place)
            assert name in found.places, (name, place, found.places)
            judged += 1
        path.write_bytes(content)
    assert judge("verify", dossier, "--trust", trust).code == 0, "put together again"
    return judged


def spoil_names(dossier: Path, trust: Path, judge: Judge) -> None:
    """Rename each file, take it away, and put one more into each folder."""

    def refused(*paths: Path) -> None:
        found = judge("verify", dossier, "--trust", trust, "--json")
        for name in (path.relative_to(dossier).as_posix() for path in paths):
            assert found.code == 1, name
            assert name in found.places, (name, found.places)

    for path in files(dossier):
        other = path.with_name(f"{path.name}.other")
        path.rename(other)
        refused(path, other)
        aside = dossier.parent / "aside"
        other.rename(aside)
        refused(path)
        aside.rename(path)
    for folder in sorted({path.parent for path in files(dossier)}):
        more = folder / "more.json"
        more.write_text("{}")
        refused(more)
        more.unlink()
    assert judge("verify", dossier, "--trust", trust).code == 0, "put together again"
