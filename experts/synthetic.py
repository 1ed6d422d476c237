"""Synthetic experts: a pool of the size of a province, for demo, tests and benchmarks.

Everything follows from the seed. Names are a surname, 某 and a number (王某0421); nobody is meant.
How specialties, titles and ages are spread is invented, but so that common quotas can be filled:
three of ten live in the capital's prefecture, works and cost make up the bulk, and three of ten work
for one of a few dozen large companies, which bid themselves: why conflicts turn up at openings.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

from experts.pool.expert import Expert, Status, Title
from experts.specialties import catalogue
from trading.divisions import Division, yunnan
from trading.synthetic import Dice

SURNAMES = "王张李刘陈杨黄赵周吴徐孙朱马胡林郭何高罗郑梁谢宋唐许邓冯韩曹曾彭萧蔡潘田董袁于余叶蒋杜苏魏程吕丁沈任姚卢"

FIELDS: tuple[tuple[str, int, int], ...] = (
    ("A0801", 170, 800),
    ("A0802", 110, 800),
    ("A0803", 100, 800),
    ("A0808", 90, 800),
    ("A0601", 90, 900),
    ("A0501", 60, 800),
    ("A0502", 30, 800),
    ("A04", 50, 300),
    ("A03", 30, 300),
    ("A0832", 40, 800),
    ("B0132", 40, 800),
    ("B0148", 50, 800),
    ("B01", 30, 200),
    ("B07", 20, 200),
    ("B08", 20, 200),
    ("C0201", 25, 800),
    ("C0403", 15, 800),
    ("C04", 15, 300),
    ("C1210", 25, 800),
    ("C12", 20, 300),
    ("C06", 10, 300),
)
"""Fields of work: prefix of the specialties, weight, and how far (permille) the second and third
specialty stay below the same prefix."""

LARGE_EMPLOYERS = 40
LARGE_PERMILLE = 300

CAPITAL = "530100"
CAPITAL_PERMILLE = 300


def experts(
    seed: bytes,
    employers: Sequence[str],
    count: int = 20_000,
    companies: Sequence[str] = (),
    today: date = date(2026, 10, 21),
) -> tuple[Expert, ...]:
    """`count` experts in order of id. `employers` are the units where they work (USCC);
    `companies` those on whose boards a few of them sit."""
    dice = Dice(seed).child("experts")
    bidding = set(companies)
    large = [uscc for uscc in employers if uscc in bidding][:LARGE_EMPLOYERS]
    counties = [d for d in yunnan().values() if d.level == 3]
    capital = [d for d in counties if d.prefecture_code == CAPITAL]
    elsewhere = [d for d in counties if d.prefecture_code != CAPITAL]
    leaves = {prefix: catalogue().leaves(prefix) for prefix, _, _ in FIELDS}
    return tuple(
        _expert(dice, number, capital, elsewhere, leaves, employers, large, companies, today)
        for number in range(count)
    )


def _expert(
    dice: Dice,
    number: int,
    capital: Sequence[Division],
    elsewhere: Sequence[Division],
    leaves: dict[str, tuple[str, ...]],
    employers: Sequence[str],
    large: Sequence[str],
    companies: Sequence[str],
    today: date,
) -> Expert:
    home = dice.choice(capital if dice.chance(CAPITAL_PERMILLE) else elsewhere)
    age_days = dice.between(30 * 365, 72 * 365)
    years = max(3, (age_days // 365) - 24 - dice.below(8))
    past: tuple[tuple[str, date], ...] = ()
    if dice.chance(350):
        past = ((dice.choice(employers), today - timedelta(days=dice.between(30, 3650))),)
    boards = (dice.choice(companies),) if companies and dice.chance(25) else ()
    declared = (dice.choice(companies),) if companies and dice.chance(20) else ()
    level = _title(dice, years)
    return Expert(
        id=f"E{number:06d}",
        name=f"{dice.choice(SURNAMES)}某{number:04d}",
        gender="女" if dice.chance(340) else "男",
        born=today - timedelta(days=age_days),
        employer_uscc=dice.choice(large if large and dice.chance(LARGE_PERMILLE) else employers),
        past_employers=past,
        board_seats=boards,
        declared_units=declared,
        specialties=_specialties(dice, leaves),
        home_division=home.code,
        lon=home.lon,
        lat=home.lat,
        title_level=level,
        field_years=years,
        enrolled_on=dice.day(today - timedelta(days=2500), today - timedelta(days=1)),
        status=Status.SUSPENDED if dice.chance(15) else Status.ACTIVE,
        penalised=dice.chance(5),
    )


def _title(dice: Dice, years: int) -> Title:
    if years >= 18 and dice.chance(250):
        return Title.FULL
    return Title.SENIOR if years >= 8 and dice.chance(930) else Title.MIDDLE


def _specialties(dice: Dice, leaves: dict[str, tuple[str, ...]]) -> tuple[str, ...]:
    prefix, stay = _field(dice)
    found = {_weighted(dice, leaves[prefix])}
    for permille in (650, 300):
        if dice.chance(permille):
            own = prefix if dice.chance(stay) else _field(dice)[0]
            found.add(_weighted(dice, leaves[own]))
    return tuple(sorted(found))


def _field(dice: Dice) -> tuple[str, int]:
    left = dice.below(sum(weight for _, weight, _ in FIELDS))
    for prefix, weight, stay in FIELDS:
        left -= weight
        if left < 0:
            return prefix, stay
    raise AssertionError("weights do not add up")


def _weighted(dice: Dice, codes: Sequence[str]) -> str:
    """One of the codes, the earlier ones more likely: the less of two throws."""
    return codes[min(dice.below(len(codes)), dice.below(len(codes)))]
