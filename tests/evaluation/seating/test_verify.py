"""Anybody can check a plan offline: a document, no solver, no database."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from archive import canonical
from archive.verification.report import Status
from archive.words import Language, render
from evaluation.seating import audit, search
from evaluation.seating.plan import document, from_document
from evaluation.seating.solve import solve
from evaluation.seating.verify import plan_faults, proven, verify_plan
from tests.evaluation.seating.cases import AM, FAR, NEAR, PM, committee, problem, seat

CASE = problem(
    [seat("E1", slots=(AM, PM)), seat("E2"), seat("E3"), seat("E1", "S2", slots=(AM,))],
    [committee("S1"), committee("S2")],
)
PLAN = solve(CASE)
DOCUMENT = canonical.encode(document(CASE, PLAN))


def spoilt(path: str, value: Any) -> dict[str, Any]:
    """The document with one place changed; `path` with slashes."""
    whole: Any = canonical.decode(DOCUMENT)
    place = whole
    *steps, last = path.split("/")
    for step in steps:
        place = place[int(step) if isinstance(place, list) else step]
    place[int(last) if isinstance(place, list) else last] = value
    found: dict[str, Any] = whole
    return found


def failed(value: dict[str, Any]) -> int | None:
    """The number of the first step that failed; later ones did not run."""
    steps = verify_plan(value)
    assert [step.number for step in steps] == [1, 2, 3, 4, 5, 6]
    bad = [step.number for step in steps if step.status is Status.FAILED]
    return bad[0] if bad else None


def test_a_true_plan_passes_every_step() -> None:
    value = canonical.decode(DOCUMENT)
    assert [step.status for step in verify_plan(value)] == [Status.OK] * 6
    assert plan_faults(value) == []


def test_the_document_goes_there_and_back() -> None:
    read_problem, read_plan = from_document(canonical.decode(DOCUMENT))
    assert (read_problem, read_plan) == (CASE, PLAN)


def test_a_searched_plan_passes_with_its_gap() -> None:
    plan = search.plan(CASE)
    assert plan_faults(canonical.decode(canonical.encode(document(CASE, plan)))) == []
    assert plan.gap_ppm >= 0
    assert PLAN.gap_ppm == 0


@pytest.mark.parametrize(
    ("path", "value", "step"),
    [
        ("format", "bigloop.draw.v1", 1),
        ("seats", None, 1),
        ("method", "MAGIC", 1),
        ("problem/seats/0/minutes/2", 1, 1),
        ("problem/seed", "00", 1),
        ("problem_sha256", "0" * 64, 1),
        ("seats/0/2", "530102", 2),
        ("seats/0/2", "999999", 2),
        ("seats/0/1", "E9", 2),
        ("seats", [], 2),
        ("objective", PLAN.objective - 1_000, 3),
        ("bound", PLAN.bound - 1, 4),
        ("certificate", {}, 4),
        ("ties", {}, 6),
        ("certificate", {"clash:nobody:1": -5}, 4),
        ("certificate", {"seat:S1/E1:0": 10**16}, 4),
    ],
)
def test_what_was_tampered_with_is_found_in_its_step(path: str, value: Any, step: int) -> None:
    assert failed(spoilt(path, value)) == step


def test_a_wrong_problem_with_its_own_digest_still_has_to_be_kept() -> None:
    """Whoever forges the minutes and the digest too is caught by the objective."""
    near = next(given.key for given in PLAN.assignments if given.centre_id == NEAR)
    index = [one.key for one in CASE.seats].index(near)
    value = spoilt(f"problem/seats/{index}/minutes/2", 150)
    value["problem_sha256"] = canonical.digest(value["problem"])
    assert failed(value) == 3


def test_a_cheaper_looking_capacity_is_caught() -> None:
    value = deepcopy(canonical.decode(DOCUMENT))
    value["problem"]["groups"] = [
        [centre, equipment, [0] * len(free)] if centre in {NEAR, FAR} else [centre, equipment, free]
        for centre, equipment, free in value["problem"]["groups"]
    ]
    value["problem_sha256"] = canonical.digest(value["problem"])
    assert failed(value) == 2


def test_every_sentence_can_be_said() -> None:
    for value in (spoilt("objective", 1), spoilt("seats/0/2", "530102"), {"format": "x"}):
        for step in verify_plan(value):
            for reason in (step.name, *(finding.reason for finding in step.findings)):
                for language in Language:
                    assert not render(reason, language).startswith("[")


def test_no_solver_is_loaded() -> None:
    code = (
        "import sys; from evaluation.seating import verify, service; "
        "sys.exit(any(name.split('.')[0] in {'ortools', 'highspy'} for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_the_auditor_fits_on_a_few_pages() -> None:
    """Fewer than 200 lines of code beside its words: one sitting."""
    source = Path(audit.__file__).read_text("utf-8")
    words = {
        line
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)
    }
    lines = [
        line
        for number, line in enumerate(source.splitlines(), start=1)
        if number not in words and line.strip() and not line.strip().startswith("#")
    ]
    assert len(lines) < 200


def test_the_command_judges_a_plan_and_one_moved_by_hand(tmp_path: Path) -> None:
    """`bigloop verify PLAN`: a seat is moved to any other centre, with or without the sum mended."""
    files = [tmp_path / "plan.json"]
    files[0].write_bytes(DOCUMENT)
    for mended in (False, True):
        for centre in ("530102", FAR, "530900", "532901"):
            value = canonical.decode(DOCUMENT)
            if value["seats"][0][2] == centre:
                continue
            value["seats"][0][2] = centre
            if mended:
                value["objective"] = value["bound"]
            files.append(tmp_path / f"{centre}-{mended}.json")
            files[-1].write_bytes(canonical.encode(value))
    codes, said = verified(files)
    assert codes == [0, *[1] * (len(files) - 1)]
    assert said.count("百万分之 0") == 1  # the gap of the one that holds


def verified(files: Sequence[Path]) -> tuple[list[int], str]:
    """The exit codes of the command and what it said; it loads no solver."""
    code = (
        "import sys; from api.cli import main; codes = []\n"
        "for path in sys.argv[1:]:\n"
        "    sys.argv = ['bigloop', 'verify', path]; codes.append(main())\n"
        "assert not any(name.split('.')[0] in {'ortools', 'highspy'} for name in sys.modules)\n"
        "print(codes)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, files)], capture_output=True, text=True, check=True
    )
    *said, codes = done.stdout.splitlines()
    return json.loads(codes), "\n".join(said)


@pytest.mark.parametrize(
    ("uniqueness", "dearer", "said"),
    [
        ("CERTIFIED", 0, "CERTIFIED"),
        ("SOLVED", 0, "SOLVED"),
        ("OPEN", 0, "OPEN"),
        ("OPEN", 1, "GAP"),
    ],
)
def test_what_is_said_of_other_plans_as_good(uniqueness: str, dearer: int, said: str) -> None:
    """A plan above its bound may have a better one beside it, and says so."""
    value = spoilt("uniqueness", uniqueness)
    value["objective"] += dearer
    numbers, others = proven(value)
    assert others.code == f"evaluation.seat.verify_others.{said}"
    assert numbers.params["objective"] == PLAN.objective + dearer
    for language in Language:
        assert not render(others, language).startswith("[")
