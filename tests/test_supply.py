"""What the project is made of: locks with hashes and without addresses, reasons, no strays."""

import json
import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
LOCKS = sorted((ROOT / "locks").glob("*.txt"))
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PACKAGE = json.loads((ROOT / "package.json").read_text())
NAME = re.compile(r"^[A-Za-z0-9._-]+")


def names(requirements: list[str]) -> set[str]:
    return {match.group() for line in requirements if (match := NAME.match(line))}


def declared() -> dict[str, set[str]]:
    groups: dict[str, Any] = PYPROJECT["dependency-groups"]
    return {
        "run": names(PYPROJECT["project"]["dependencies"]),
        **{name: names(lines) for name, lines in groups.items()},
        "npm": set(PACKAGE["dependencies"]),
        "npm-dev": set(PACKAGE["devDependencies"]),
    }


def explained() -> dict[str, str]:
    text = (ROOT / "docs" / "dependencies.md").read_text()
    rows = re.findall(r"^\| ([^|]+?) \| ([^|]+?) \|$", text, re.MULTILINE)
    return {name: reason for name, reason in rows if name != "library"}


def pins(path: Path) -> dict[str, list[str]]:
    """Return each pinned requirement of a lock with its hashes."""
    found: dict[str, list[str]] = {}
    current = ""
    for line in path.read_text().splitlines():
        if line and not line.startswith((" ", "#")):
            current = line.rstrip(" \\")
            found[current] = []
        found[current] += re.findall(r"--hash=sha256:([0-9a-f]{64})", line)
    return found


def test_every_dependency_has_its_reason_and_no_reason_stands_alone() -> None:
    reasons = explained()
    assert set(reasons) == set().union(*declared().values())
    assert [name for name, reason in reasons.items() if len(reason) < 15] == []


def test_no_lock_names_an_address() -> None:
    for path in (*LOCKS, ROOT / "package-lock.json"):
        lines = [line for line in path.read_text().splitlines() if "://" in line]
        assert lines == [], path.name


@pytest.mark.parametrize("path", LOCKS, ids=lambda p: p.stem)
def test_every_line_of_a_lock_is_pinned_and_hashed(path: Path) -> None:
    for requirement, hashes in pins(path).items():
        assert "==" in requirement
        assert hashes, requirement


def test_the_locks_hold_what_is_declared() -> None:
    locked = {path.stem: names(list(pins(path))) for path in LOCKS}
    wanted = declared()
    assert wanted["run"] | wanted["build"] <= locked["run"] <= locked["dev"]
    assert wanted["dev"] <= locked["dev"]
    assert wanted["node"] <= locked["node"]
    assert wanted["uv"] <= locked["uv"]


def test_what_runs_is_what_was_tested() -> None:
    run, dev = (pins(ROOT / "locks" / f"{name}.txt") for name in ("run", "dev"))
    assert set(run) <= set(dev)


def test_browser_libraries_are_pinned_to_one_version_and_locked() -> None:
    lock = json.loads((ROOT / "package-lock.json").read_text())["packages"]
    wanted = PACKAGE["dependencies"] | PACKAGE["devDependencies"]
    for name, version in wanted.items():
        assert re.fullmatch(r"\d+\.\d+\.\d+", version), name
        assert lock[f"node_modules/{name}"]["version"] == version
    for name, package in lock.items():
        assert not name or package["integrity"].startswith("sha512-"), name


def test_nothing_built_or_fetched_is_committed() -> None:
    try:
        listed = subprocess.run(
            ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
        ).stdout.split("\n")
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("needs a git checkout")
    ignored = ("api/static/vendor/", "node_modules/", ".tools/", ".venv/")
    assert [name for name in listed if name.startswith(ignored)] == []
    fetched = (".min.js", ".min.css", ".woff2", ".whl", ".tar.gz", ".zip", ".so", ".jar")
    assert [name for name in listed if name.endswith(fetched)] == []
