"""The catalogue of specialties, as packaged and with planted faults."""

from collections import Counter

import pytest

from experts import specialties
from experts.specialties import Catalogue, Widening, catalogue, covers, parse, request_faults

ROWS = [
    {"code": "A", "level": "1", "name": "工程", "parent_code": ""},
    {"code": "A08", "level": "2", "name": "工程施工", "parent_code": "A"},
    {"code": "A0801", "level": "3", "name": "建筑工程", "parent_code": "A08"},
    {"code": "A080104", "level": "4", "name": "土建工程", "parent_code": "A0801"},
]


class TestThePackagedCatalogue:
    """公共资源交易评标专家专业分类标准 (发改法规〔2018〕316号)."""

    def test_has_the_published_numbers_of_groups(self) -> None:
        levels = Counter(entry.level for entry in catalogue().entries.values())
        assert levels == {1: 3, 2: 31, 3: 313, 4: 1793}
        counts = Counter(e.code[0] for e in catalogue().entries.values() if e.level == 3)
        assert counts == {"A": 112, "B": 98, "C": 103}

    def test_a_leaf_may_sit_on_the_third_level(self) -> None:
        assert catalogue().is_leaf("C1210")
        assert catalogue().is_leaf("A080104")
        assert not catalogue().is_leaf("A0801")
        assert not catalogue().is_leaf("A9999")

    @pytest.mark.parametrize(
        ("code", "name"), [("A0801", "建筑工程"), ("A080104", "土建工程"), ("C1210", "物业服务")]
    )
    def test_knows_the_samples(self, code: str, name: str) -> None:
        assert catalogue()[code].name == name


class TestPlantedFaults:
    """Each is found, at its row."""

    def test_sound_rows_have_none(self) -> None:
        assert parse(ROWS)[1] == ()

    @pytest.mark.parametrize(
        ("row", "code"),
        [
            ({"code": "A0516", "level": "3", "name": "x", "parent_code": "A08"}, "parent"),
            ({"code": "A080511", "level": "4", "name": "x", "parent_code": "A0801"}, "parent"),
            ({"code": "A080105", "level": "4", "name": "x", "parent_code": "A08"}, "parent"),
            ({"code": "A080105", "level": "3", "name": "x", "parent_code": "A0801"}, "level"),
            ({"code": "A08010", "level": "4", "name": "x", "parent_code": "A0801"}, "level"),
            (
                {"code": "A080204", "level": "4", "name": "x", "parent_code": "A0802"},
                "parent_unknown",
            ),
            ({"code": "A080105", "level": "4", "name": " ", "parent_code": "A0801"}, "name"),
            ({"code": "A080104", "level": "4", "name": "x", "parent_code": "A0801"}, "twice"),
            ({"code": "B", "level": "1", "name": "x", "parent_code": "A"}, "parent"),
        ],
    )
    def test_is_found(self, row: dict[str, str], code: str) -> None:
        faults = parse([*ROWS, row])[1]
        assert ("/4", f"experts.catalogue.{code}") in [(f.pointer, f.code) for f in faults]


class TestMatching:
    def test_an_expert_answers_his_leaf_and_what_is_above(self) -> None:
        for requested in ("A080104", "A0801", "A08"):
            assert covers(requested, ["A080104"])
        assert not covers("A080105", ["A080104"])
        assert not covers("A080104", ["A0801"])

    def test_widening_needs_consent_and_goes_upwards(self) -> None:
        def codes(code: str, widening: Widening | None) -> list[str]:
            return [f.code for f in request_faults("/q", code, widening, small())]

        assert codes("A080104", None) == []
        assert codes("A080104", Widening("A0801", "staff-2", "pool short")) == []
        assert codes("A080104", Widening("A08", "staff-2", "pool short")) == []
        assert codes("A080104", Widening("A", "s", "r")) == ["experts.specialty.too_wide"]
        assert codes("A0801", Widening("A080104", "s", "r")) == ["experts.specialty.not_wider"]
        assert codes("A080104", Widening("A0801", "", "r")) == ["experts.specialty.no_consent"]
        assert codes("A08", None) == ["experts.specialty.too_wide"]
        assert codes("A0899", None) == ["experts.specialty.unknown"]


def small() -> Catalogue:
    return specialties.parse(ROWS)[0]
