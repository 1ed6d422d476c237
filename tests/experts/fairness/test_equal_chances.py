"""A request for equal chances: weights in the request, a draw that keeps them, both verifiers, and the
fairness report from the transcript alone."""

import copy
import importlib.util
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from api.cli import main
from api.commands import fairness as command
from archive import canonical
from archive.errors import Refusal
from archive.office import Office
from experts.draws import service as draws
from experts.draws.verify import is_valid, verify_transcript
from experts.pool import service as pool
from tests.builders import POOL_OFFICE, STAFF
from tests.experts import world
from trading.divisions import yunnan

STANDALONE = Path(__file__).parents[3] / "api" / "static" / "verify_draw.py"
CAPITAL = "530100"
COUNTY = next(d.code for d in yunnan().values() if d.level == 3 and d.prefecture_code == CAPITAL)


Command: TypeAlias = Callable[..., tuple[int, str, str]]


@pytest.fixture
def bigloop(capsys: pytest.CaptureFixture[str]) -> Command:
    """Run `bigloop` with these words: exit code, output, complaints."""

    def run(*words: str) -> tuple[int, str, str]:
        code = main(words)
        out, err = capsys.readouterr()
        return code, out, err

    return run


def second_verdict(value: Any) -> Any:
    """What the file that is handed out says is wrong; None where nothing is."""
    spec = importlib.util.spec_from_file_location("verify_draw", STANDALONE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.verify(value)[0]


def enrol_in_the_capital(office: Office, count: int) -> None:
    with office.write() as tx:
        found = [world.make_expert(1000 + 2 * n, home_division=COUNTY) for n in range(count)]
        pool.enrol_many(tx, POOL_OFFICE, found)


def transcript(office: Office) -> Any:
    draw = world.answer_all(office, world.perform(office, world.make_request(equal_chances=True)))
    with office.write() as tx:
        document = draws.close_draw(tx, STAFF, draw.id)
    return json.loads(office.vault.get(document.sha256))


class TestEqualChances:
    """Integer weights, fitted before the draw and published in the request; nothing else is new."""

    def test_both_verifiers_accept_and_a_changed_weight_is_refused(self, office: Office) -> None:
        enrol_in_the_capital(office, 8)
        value = transcript(office)
        weights = [weight for _, weight in value["request"]["weights"]]
        assert len(weights) == 16
        assert max(weights) > 1.2 * min(weights)
        assert is_valid(verify_transcript(value))
        assert second_verdict(value) is None
        forged = copy.deepcopy(value)
        forged["request"]["weights"][0][1] += 1
        assert not is_valid(verify_transcript(forged))
        assert second_verdict(forged) is not None

    def test_without_the_wish_there_are_none(self, office: Office) -> None:
        draw = world.request(office)
        with office.read() as db:
            value = json.loads(canonical.encode(draws.transcript(db, draw.id)))
        assert value["request"]["weights"] == []

    def test_degenerate_weights_are_refused_before_any_randomness(self, office: Office) -> None:
        """More live in the capital than its one seat can give their share."""
        enrol_in_the_capital(office, 60)
        asked = world.make_request(equal_chances=True)
        with office.read() as db:
            said = draws.feasibility(db, office.clock.now(), asked).shortage
        assert said is not None
        with pytest.raises(Refusal) as refused:
            world.request(office, asked)
        for one in (said, refused.value):
            assert one.code == "experts.weights.cap"
            assert one.params["place"] == CAPITAL
        assert refused.value.rule == "draw.prefecture_share_max"


class TestCommand:
    """`bigloop fairness TRANSCRIPT`."""

    @pytest.fixture
    def file(self, office: Office, tmp_path: Path) -> Path:
        enrol_in_the_capital(office, 8)
        path = tmp_path / "draw.json"
        path.write_text(json.dumps(transcript(office)), "utf-8")
        return path

    def test_says_chances_bound_and_bits(self, file: Path, bigloop: Command) -> None:
        code, out, _ = bigloop("fairness", str(file), "--json", "--samples", "20000")
        assert code == 0
        said = json.loads(out)
        assert said["format"] == "bigloop.fairness.v1"
        assert said["weighted"]
        smallest, bound = said["smallest"], said["bound"]
        assert 0 < smallest["low"] < smallest["value"] <= bound["smallest"]
        assert said["bits"]["value"] > 10
        for group in said["groups"]:
            assert group["smallest"]["low"] <= group["share"] <= group["largest"]["high"]
        again = bigloop("fairness", str(file), "--json", "--samples", "20000")
        assert again[1] == out

    @pytest.mark.parametrize("language", ["zh", "en"])
    def test_in_words(self, file: Path, bigloop: Command, language: str) -> None:
        code, out, _ = bigloop("fairness", str(file), "--samples", "2000", "--lang", language)
        assert code == 0
        assert "LEXIMIN" in out
        assert "[experts." not in out

    def test_a_forged_transcript_has_no_report(self, file: Path, bigloop: Command) -> None:
        value = json.loads(file.read_text("utf-8"))
        value["result"]["members"].pop()
        file.write_text(json.dumps(value), "utf-8")
        code, out, err = bigloop("fairness", str(file))
        assert (code, out) == (command.INVALID, "")
        assert err

    def test_what_is_no_transcript(self, tmp_path: Path, bigloop: Command) -> None:
        missing = tmp_path / "none.json"
        assert bigloop("fairness", str(missing))[0] == command.UNREADABLE
        missing.write_text("{", "utf-8")
        assert bigloop("fairness", str(missing))[0] == command.UNREADABLE
        missing.write_text("[]", "utf-8")
        assert bigloop("fairness", str(missing))[0] == command.INVALID
        assert bigloop("fairness", str(missing), "--samples", "0")[0] == command.EX_USAGE
