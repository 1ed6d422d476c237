"""What a committee must be made of, by regime and kind."""

from fractions import Fraction

import pytest

from experts.composition import CommitteeRules, composition_faults
from experts.rules import rules_for
from tests.experts.world import TODAY
from trading.money import Money
from trading.regime import ProjectKind, Regime
from trading.rules.book import book

RULES = CommitteeRules(5, "size", True, "odd", Fraction(2, 3), "share")


class TestComposition:
    """招标投标法 第三十七条;财政部令第87号 第四十七条."""

    @pytest.mark.parametrize(
        ("experts", "representatives", "codes"),
        [
            (5, 0, []),
            (4, 1, []),
            (3, 2, ["expert_share"]),
            (5, 2, []),
            (4, 3, ["expert_share"]),
            (6, 3, []),
            (3, 0, ["size"]),
            (6, 0, ["odd"]),
            (2, 2, ["size", "odd", "expert_share"]),
            (0, 5, ["counts", "expert_share"]),
        ],
    )
    def test_every_fault_is_named(
        self, experts: int, representatives: int, codes: list[str]
    ) -> None:
        found = composition_faults(experts, representatives, RULES)
        assert [fault.code for fault in found] == [f"experts.composition.{c}" for c in codes]

    @pytest.mark.parametrize(
        ("regime", "kind", "yuan", "is_complex", "size"),
        [
            (Regime.ZTB, ProjectKind.WORKS, "5000000", False, 5),
            (Regime.ZTB, ProjectKind.WORKS, "50000000", True, 5),
            (Regime.ZTB, ProjectKind.WATER_WORKS, "5000000", False, 7),
            (Regime.ZFCG, ProjectKind.GOODS, "9999999.99", False, 5),
            (Regime.ZFCG, ProjectKind.GOODS, "10000000", False, 7),
            (Regime.ZFCG, ProjectKind.GOODS, "100000", True, 7),
        ],
    )
    def test_the_least_size(
        self, regime: Regime, kind: ProjectKind, yuan: str, is_complex: bool, size: int
    ) -> None:
        rules = rules_for(book(), TODAY, regime, "532901", kind, Money.yuan(yuan), is_complex)
        assert rules.committee.size_min == size
        assert any(version.startswith("committee.size_min") for version in rules.used)

    @pytest.mark.parametrize(("size", "most"), [(5, 1), (6, 2), (7, 2), (9, 3), (3, 1), (2, 1)])
    def test_of_one_prefecture_at_most_a_third(self, size: int, most: int) -> None:
        rules = rules_for(book(), TODAY, Regime.ZTB, "532901", ProjectKind.WORKS, Money(0), False)
        assert rules.prefecture_max(size) == most
