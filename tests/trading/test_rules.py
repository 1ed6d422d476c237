"""The rule book: which version of a rule applies, and what a pack must be."""

from datetime import date

import pytest

from trading.regime import Regime
from trading.rules.book import MalformedPack, RuleBook, Status, book, read_pack

ENTRY = """
[[rule]]
id = "x.days"
regime = "{regime}"
region = "{region}"
value = {value}
unit = "day"
article = "示例法 第一条"
effective_from = {start}
status = "proposal"
"""


def entry(value: object, regime: str = "*", region: str = "CN", start: str = "2000-01-01") -> str:
    return ENTRY.format(value=value, regime=regime, region=region, start=start)


def made(*entries: str) -> RuleBook:
    return RuleBook(rule for text in entries for rule in read_pack("test", text))


class TestChoice:
    def test_place_goes_before_regime_goes_before_all(self) -> None:
        rules = made(entry(1), entry(2, "ZTB"), entry(3, region="53"), entry(4, "ZTB", "5329"))
        day = date(2026, 1, 1)
        assert rules.rule("x.days", day, Regime.ZFCG, "110101").number == 1
        assert rules.rule("x.days", day, Regime.ZTB, "110101").number == 2
        assert rules.rule("x.days", day, Regime.ZTB, "530102").number == 3
        assert rules.rule("x.days", day, Regime.ZTB, "532901").number == 4
        assert rules.rule("x.days", day).number == 1

    def test_the_first_day_counts_and_the_last_does_not(self) -> None:
        old = entry(1) + "effective_to = 2024-05-01\n"
        rules = made(old, entry(2, start="2024-05-01"))
        assert rules.rule("x.days", date(2024, 4, 30)).number == 1
        assert rules.rule("x.days", date(2024, 5, 1)).number == 2

    def test_what_no_pack_says_is_our_mistake(self) -> None:
        with pytest.raises(AssertionError):
            made(entry(1)).rule("x.hours", date(2026, 1, 1))
        with pytest.raises(AssertionError):
            made(entry(1)).rule("x.days", date(1999, 12, 31))
        with pytest.raises(AssertionError):
            made(entry("true")).rule("x.days", date(2026, 1, 1)).number  # noqa: B018


class TestPacks:
    @pytest.mark.parametrize(
        "text",
        [
            entry("1.5"),
            entry(1) + 'colour = "red"\n',
            entry(1, "LAW"),
            entry(1, region="Dali"),
            entry(1).replace("proposal", "rumour"),
            entry(1).replace('article = "示例法 第一条"\n', ""),
            entry(1) + "effective_to = 1999-01-01\n",
            "rule = 1\n[other]\n",
            "not toml",
        ],
    )
    def test_malformed_packs_are_refused_whole(self, text: str) -> None:
        with pytest.raises(MalformedPack):
            read_pack("test", text)

    def test_two_versions_may_not_hold_at_once(self) -> None:
        with pytest.raises(MalformedPack):
            made(entry(1), entry(2, start="2024-01-01"))

    def test_every_published_rule_names_an_article(self) -> None:
        for name in book().ids:
            for rule in book().versions(name):
                assert rule.article.strip(), name
                if rule.status is Status.LAW:
                    assert "建议" not in rule.article, name


class TestNumbers:
    """The numbers of domain law that trading uses, once more and by hand."""

    @pytest.mark.parametrize(
        ("name", "regime", "value", "unit", "article"),
        [
            ("bid.preparation_days", Regime.ZTB, 20, "day", "招标投标法 第二十四条"),
            ("bid.preparation_days", Regime.ZFCG, 20, "day", "政府采购法 第三十五条"),
            ("notice.availability", Regime.ZTB, 5, "day", "第十六条"),
            ("notice.availability", Regime.ZFCG, 5, "workday", "87号"),
            ("opening.bidders_min", Regime.ZTB, 3, "count", "第四十四条"),
            ("objection.file.before_deadline", Regime.ZTB, 10, "day", "第二十二条"),
            ("objection.file.answer", Regime.ZTB, 3, "day", "第二十二条"),
            ("objection.file.answer", Regime.ZFCG, 7, "workday", "第五十三条"),
            ("objection.result.answer", Regime.ZTB, 3, "day", "第五十四条"),
            ("candidates.count_max", Regime.ZTB, 3, "count", "第五十三条"),
            ("candidates.publish_within", Regime.ZTB, 3, "day", "第五十四条"),
            ("candidates.publicity", Regime.ZTB, 3, "day", "第五十四条"),
            ("award.within", Regime.ZFCG, 5, "workday", "第四十三条"),
            ("contract.within", Regime.ZTB, 30, "day", "招标投标法 第四十六条"),
            ("contract.within", Regime.ZFCG, 30, "day", "政府采购法 第四十六条"),
            ("contract.publish_within", Regime.ZFCG, 2, "workday", "第五十条"),
        ],
    )
    def test_law(self, name: str, regime: Regime, value: int, unit: str, article: str) -> None:
        rule = book().rule(name, date(2026, 10, 21), regime, "532901")
        assert (rule.number, rule.unit, rule.status) == (value, unit, Status.LAW)
        assert article in rule.article

    @pytest.mark.parametrize(
        ("region", "on", "required"),
        [
            ("532901", date(2024, 4, 30), False),
            ("532901", date(2024, 5, 1), True),
            ("530102", date(2026, 1, 1), False),
        ],
    )
    def test_dali_asks_for_the_review_from_may_2024(
        self, region: str, on: date, required: bool
    ) -> None:
        rule = book().rule("registration.fair_review_required", on, Regime.ZTB, region)
        assert rule.is_on is required
