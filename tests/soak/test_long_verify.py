"""Every file of every dossier of a larger cohort, changed in many places."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

from tests.scenarios.conftest import Played, play_once
from tests.scenarios.test_verify import Judge, files, spoil_bytes, spoil_names

FLIPS = 8


def test_no_byte_of_any_dossier_is_free(played: Played, judge: Judge, tmp_path: Path) -> None:
    for number, source in enumerate(played.dossiers):
        dossier = shutil.copytree(source, tmp_path / source.name)
        judged = spoil_bytes(dossier, played.trust, judge, random.Random(number), FLIPS)
        assert judged == FLIPS * len(files(dossier))
        spoil_names(dossier, played.trust, judge)


def test_a_full_cohort_is_valid_to_the_last_dossier(tmp_path: Path) -> None:
    day = play_once(tmp_path / "day", sessions=50, pool=20_000)
    assert day.figures["verified"] == day.figures["dossiers"] == day.figures["lots"]
    assert day.figures["overnight_sessions"] > 0
