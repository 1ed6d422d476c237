"""LEXIMIN on types beside the maximin of PyPI's `sortition-algorithms` (GPL).

The peer lives in an environment of its own under `.tools/`, made here where it is missing, and is only
ever started as a program: it is neither imported nor locked. It answers the easier question (maximin
is LEXIMIN's first round) about persons one by one. Only the searches are timed, not the starts: the
peer's begins when it says that it is ready, ours after a first one, which loads the solver. After
`SECONDS` it is killed from outside; then its time is that and the ratio a lower bound.

Instances are those published with LEXIMIN (Flanigan et al., Nature 596, 2021), from the folder of
reference data; without the folder, or where the peer cannot be installed, there is no line.
"""

from __future__ import annotations

import csv
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from experts.fairness.leximin import Quota, Types, leximin

ROOT = Path(__file__).resolve().parent.parent.parent
PLACE = ROOT / ".tools" / "peers" / "sortition"
PEER = "sortition-algorithms==0.12.15"
SECONDS, QUICK_SECONDS, INSTALL_SECONDS = 120, 6, 300
GOAL = 50.0
PROGRAM = """
import csv, sys, time
from pathlib import Path
from sortition_algorithms.committee_generation.maximin import find_distribution_maximin
from sortition_algorithms.features import read_in_features
from sortition_algorithms.people import read_in_people
from sortition_algorithms.settings import Settings

folder, seats = Path(sys.argv[1]), int(sys.argv[2])
with (folder / "categories.csv").open() as file:
    rows = [{"feature": r["category"], "value": r["feature"], "min": r["min"], "max": r["max"]}
            for r in csv.DictReader(file)]
with (folder / "respondents.csv").open() as file:
    people = [{"id": str(n), **r} for n, r in enumerate(csv.DictReader(file))]
features = read_in_features(["feature", "value", "min", "max"], rows)[0]
settings = Settings(id_column="id", columns_to_keep=[])
pool = read_in_people(list(people[0]), people, features, settings)[0]
print("ready", flush=True)
found, chances, _ = find_distribution_maximin(features, pool, seats, [])
print("done", flush=True)
"""


def instance(folder: Path, seats: int) -> Types:
    """People with the same features are one type."""
    people = list(csv.DictReader((folder / "respondents.csv").read_text().splitlines()))
    names = list(people[0])
    kinds = Counter(tuple(person.values()) for person in people)
    known = sorted(kinds)
    quotas = [Quota(tuple(range(len(known))), seats, seats)]
    for row in csv.DictReader((folder / "categories.csv").read_text().splitlines()):
        at = names.index(row["category"])
        within = tuple(t for t, kind in enumerate(known) if kind[at] == row["feature"])
        quotas.append(Quota(within, int(row["min"]), int(row["max"])))
    return Types(tuple(kinds[k] for k in known), tuple(range(len(known))), tuple(quotas))


def python() -> Path | None:
    """The peer's interpreter; None where it cannot be had."""
    found = PLACE / "bin" / "python"
    if (PLACE / "ok").exists():
        return found
    try:
        PLACE.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run([sys.executable, "-m", "venv", str(PLACE)], check=True, timeout=60)
        install = [str(found), "-m", "pip", "install", "--quiet", PEER]
        subprocess.run(install, check=True, timeout=INSTALL_SECONDS, stderr=subprocess.DEVNULL)
    except (subprocess.SubprocessError, OSError):
        return None
    (PLACE / "ok").touch()
    return found


def peer_seconds(peer: Path, folder: Path, seats: int, most: float) -> tuple[float, bool]:
    """How long its search took, and whether it was killed."""
    program = [str(peer), "-c", PROGRAM, str(folder), str(seats)]
    with subprocess.Popen(
        program, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as started:
        assert started.stdout is not None
        assert started.stdout.readline() == "ready\n"
        began = time.perf_counter()
        try:
            started.wait(most)
        except subprocess.TimeoutExpired:
            started.kill()
            return time.perf_counter() - began, True
        assert started.returncode == 0
        return time.perf_counter() - began, False


def cases(quick: bool) -> Iterator[dict[str, object]]:
    shared = Path(os.environ.get("BIGLOOP_SHARED") or ROOT.parent / "shared")
    folder = shared / "vectors" / "draw" / "instances"
    peer = python() if folder.is_dir() else None
    if peer is None:
        return
    cases = [("example_small_20", 20)] + ([] if quick else [("example_large_200", 200)])
    for name, seats in cases:
        types = instance(folder / name, seats)
        leximin(types)
        began = time.perf_counter()
        found = leximin(types)
        mine = time.perf_counter() - began
        assert abs(found.smallest - seats / sum(types.sizes)) < 1e-6
        other, killed = peer_seconds(
            peer, folder / name, seats, QUICK_SECONDS if quick else SECONDS
        )
        yield {
            "bench": "draw",
            "case": f"LEXIMIN on types, {name}" + (", peer killed" if killed else ""),
            "ours": round(mine, 4),
            "peer": round(other, 2),
            "unit": "s",
            "peer_name": PEER,
            "ratio": round(other / mine, 1),
            "goal": f">= {GOAL:g}",
            "holds": other / mine >= GOAL,
        }
