"""Divisions of Yunnan and the distances between them."""

import csv
import os
from pathlib import Path

import pytest

from trading.divisions import EARTH_RADIUS_KM, Division, kilometres, whole_kilometres, yunnan

SHARED = Path(os.environ.get("BIGLOOP_SHARED") or Path(__file__).resolve().parents[3] / "shared")


def test_one_province_16_prefectures_129_counties() -> None:
    levels = [division.level for division in yunnan().values()]
    assert [levels.count(level) for level in (1, 2, 3)] == [1, 16, 129]
    assert list(yunnan()) == sorted(yunnan())


def test_every_county_belongs_to_a_prefecture_of_its_first_four_digits() -> None:
    for division in yunnan().values():
        if division.level > 1:
            assert division.prefecture_code == division.code[:4] + "00"
            assert yunnan()[division.prefecture_code].level == 2


def test_a_quarter_of_a_meridian() -> None:
    pole, equator = Division("", "", 3, "", 0.0, 90.0), Division("", "", 3, "", 77.0, 0.0)
    assert kilometres(pole, equator) == pytest.approx(EARTH_RADIUS_KM * 1.5707963268, abs=1e-5)
    assert kilometres(pole, pole) == 0


def test_dali_to_kunming() -> None:
    assert whole_kilometres(yunnan()["532901"], yunnan()["530102"]) == pytest.approx(256, abs=5)
    assert 97 < yunnan()["533102"].lon < 99


@pytest.mark.shared
def test_all_distances_agree_with_the_published_matrix() -> None:
    path = SHARED / "data" / "distance" / "yunnan_gc_km_matrix.csv"
    if not path.exists():
        pytest.skip(f"the folder of reference data is not there: {path}")
    with path.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 129
    for row in rows:
        here = yunnan()[row["code"]]
        for code, km in row.items():
            if code != "code":
                assert kilometres(here, yunnan()[code]) == pytest.approx(float(km), abs=0.06)
