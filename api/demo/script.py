"""The script of one evaluation-day cohort: who tenders what, who bids, what goes wrong. Pure.

A cohort is the set of lots of the whole province that are evaluated on one day: about 50 sessions,
about 280 guest seats, 18 % of the sessions overnight. The numbers are calibrated so that ten such
months give Dali the order of magnitude that it publishes (400 hosted projects, 4,533 seats given,
73 nights in 2024-01..10); everything else is invented and says so in its names.

The script fixes what people *want*; what happens is decided by the engine. The same seed and date
give the same script.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, TypeVar

from archive.clock import SHANGHAI
from trading.calendar.legal import LegalCalendar
from trading.money import Money
from trading.regime import Regime
from trading.synthetic import Dice

T = TypeVar("T")

SESSIONS_MEAN = 50
OVERNIGHT_PERMILLE = 180
TENDERS = "T"
TENDERS_MEAN = 3
DALI = "5329"
DALI_HOST_PERMILLE = 38
"""400 hosted projects in 210 working days are 1.9 of the province's 50 sessions a day."""


@dataclass(frozen=True)
class Line:
    """A line of business: what is tendered, and the specialties that judge it."""

    key: str
    regime: Regime
    kind: str
    title: str
    specialties: tuple[tuple[str, int], ...]
    """(code, share): the committee's seats are dealt out by these shares, the first one most."""
    estimate_wan: tuple[int, int]
    weight: int


LINES = (
    Line(
        "building",
        Regime.ZTB,
        "WORKS",
        "教学楼建设工程",
        (("A0801", 3), ("A0601", 1)),
        (600, 9000),
        14,
    ),
    Line(
        "municipal",
        Regime.ZTB,
        "WORKS",
        "市政道路改造工程",
        (("A0802", 3), ("A0601", 1)),
        (500, 8000),
        14,
    ),
    Line(
        "road",
        Regime.ZTB,
        "WORKS",
        "农村公路改建工程",
        (("A0803", 3), ("A0601", 1)),
        (800, 12000),
        12,
    ),
    Line(
        "water",
        Regime.ZTB,
        "WATER_WORKS",
        "灌区节水改造工程",
        (("A0808", 4), ("A0601", 1)),
        (900, 9000),
        8,
    ),
    Line(
        "supervision",
        Regime.ZTB,
        "SERVICES",
        "工程监理服务",
        (("A0501", 3), ("A0601", 1)),
        (60, 400),
        8,
    ),
    Line(
        "network",
        Regime.ZFCG,
        "GOODS",
        "信息化设备采购",
        (("B0132", 3), ("A0832", 1)),
        (80, 1600),
        12,
    ),
    Line(
        "medical",
        Regime.ZFCG,
        "GOODS",
        "医疗设备采购",
        (("B0148", 3), ("B0132", 1)),
        (100, 2400),
        10,
    ),
    Line(
        "property",
        Regime.ZFCG,
        "SERVICES",
        "物业管理服务采购",
        (("C1210", 3), ("C0201", 1)),
        (50, 600),
        10,
    ),
    Line(
        "consulting",
        Regime.ZFCG,
        "SERVICES",
        "咨询服务采购",
        (("C0201", 3), ("C0403", 1)),
        (40, 300),
        6,
    ),
)

# Experts per committee (representatives of the tenderer come on top) and how often, in permille.
COMMITTEES = ((5, 0, 230), (4, 1, 220), (6, 1, 280), (7, 0, 90), (5, 2, 80), (8, 1, 60), (7, 2, 40))
LARGE_COMMITTEES = tuple(c for c in COMMITTEES if c[0] + c[1] >= 7)

FAMILIES = ("A", "B", "C")


@dataclass(frozen=True)
class BidScript:
    bidder: str
    price: Money
    period_days: int
    quality: str
    gives_guarantee: bool
    """Whether he covers a deposit that is due with a guarantee; else see `pays_cash`."""
    loses_half: bool = False
    """The bidder's half of the key never comes: the bid is deemed revoked."""


@dataclass(frozen=True)
class LotScript:
    key: str
    name: str
    line: Line
    estimate: Money
    ceiling: Money
    deposit_charged: Money
    quotas: Mapping[str, int]
    representatives: int
    first_part: int
    """0: the review begins in the morning, 1: in the afternoon."""
    slots: int
    overnight: bool
    bids: tuple[BidScript, ...]
    late_bidder: str
    """A company that comes after the deadline and is refused; empty for none."""
    objection: str
    """"" | "FILE" | "RESULT"."""
    illness: bool = False
    """Whether a member falls ill during the review and the next rank comes."""

    @property
    def experts(self) -> int:
        return sum(self.quotas.values())


@dataclass(frozen=True)
class ProjectScript:
    key: str
    name: str
    regime: Regime
    kind: str
    division: str
    centre_id: str
    tenderer: str
    agency: str
    supervisor: str
    government_invested: bool
    lots: tuple[LotScript, ...]


@dataclass(frozen=True)
class Moments:
    """When things happen, all in legal time (Asia/Shanghai, given in UTC)."""

    registration: datetime
    notice: datetime
    file_objection: datetime
    file_answer: datetime
    registers: datetime
    """The registers of dishonest acts are asked again, shortly before bidders read what they owe."""
    lodgings: tuple[datetime, ...]
    draw: datetime
    plan: datetime
    opening: datetime
    halves: datetime
    opening_end: datetime
    morning: datetime
    afternoon: datetime
    seal: datetime
    night: tuple[datetime, ...]
    unseal: datetime
    candidates: datetime
    result_objection: datetime
    result_answer: datetime
    award: datetime
    contract: datetime
    release: datetime
    archive: datetime

    def start(self, first_part: int) -> datetime:
        return self.morning if first_part == 0 else self.afternoon


def _dice(seed: int, label: str) -> Dice:
    return Dice(f"demo {seed}".encode()).child(label)


def _weighted(dice: Dice, items: Sequence[T], weights: Sequence[int]) -> T:
    mark = dice.below(sum(weights))
    for item, weight in zip(items, weights, strict=True):
        if mark < weight:
            return item
        mark -= weight
    raise AssertionError("weights sum to nothing")


def at(day: date, hour: int, minute: int = 0) -> datetime:
    return datetime.combine(day, time(hour, minute), SHANGHAI).astimezone(UTC)


def moments(day: date, calendar: LegalCalendar) -> Moments:
    """The waiting times of the law around evaluation day `day`, which must be a working day.

    The notice stands at least 20 days before the opening (and, like every act of an office, falls
    on a working day); candidates are published on the working day after the longest review ends and
    stay for more than three days; the contract follows within 30 days of the award.
    """

    def workday(base: date, step: int) -> date:
        found = base
        while not calendar.is_workday(found):
            found += timedelta(days=1 if step > 0 else -1)
        return found

    eve = day - timedelta(days=1)  # drawn within 24 hours before the review, day off or not
    last = workday(eve, -1)
    notice = workday(day - timedelta(days=26), -1)
    registration = workday(notice - timedelta(days=2), -1)
    file_objection = workday(notice + timedelta(days=5), -1)
    if file_objection <= notice:
        file_objection = notice + timedelta(days=1)
    lodging_days = [workday(last - timedelta(days=back), -1) for back in (4, 2, 0)]
    morrow = day + timedelta(days=1)
    candidates = workday(morrow + timedelta(days=1), 1)
    result_objection = candidates + timedelta(days=1)
    result_answer = candidates + timedelta(days=3)
    award = workday(candidates + timedelta(days=7), 1)
    contract = workday(award + timedelta(days=8), 1)
    release = workday(contract + timedelta(days=2), 1)
    if release > contract + timedelta(days=5):
        release = contract + timedelta(days=1)
    archive = workday(release + timedelta(days=5), 1)
    return Moments(
        registration=at(registration, 9),
        notice=at(notice, 9),
        file_objection=at(file_objection, 10),
        file_answer=at(file_objection + timedelta(days=2), 15),
        lodgings=tuple(at(d, h) for d in sorted(set(lodging_days)) for h in (10, 16)),
        registers=at(min(lodging_days), 8, 30),
        draw=at(eve, 14, 30),
        plan=at(eve, 17),
        opening=at(day, 9),
        halves=at(day, 9, 5),
        opening_end=at(day, 9, 31),
        morning=at(day, 10),
        afternoon=at(day, 14),
        seal=at(day, 18),
        night=tuple(at(day, 18) + timedelta(hours=h) for h in range(2, 14, 2)),
        unseal=at(morrow, 8, 30),
        candidates=at(candidates, 9),
        result_objection=at(result_objection, 10),
        result_answer=at(result_answer, 15),
        award=at(award, 10),
        contract=at(contract, 10),
        release=at(release, 10),
        archive=at(archive, 10),
    )


@dataclass(frozen=True)
class Cast:
    """Who there is in the synthetic province; all sorted, all by code."""

    centres: tuple[tuple[str, str, int], ...]
    """(centre id, division code, weight as host)."""
    tenderers: Mapping[str, tuple[str, ...]]
    """By prefecture (4 digits)."""
    agencies: tuple[str, ...]
    supervisors: Mapping[str, tuple[str, ...]]
    companies: tuple[str, ...]
    institutes: tuple[str, ...]
    """Large employers of experts that also bid: why conflicts turn up at the opening."""


def cohort(
    seed: int, day: date, cast: Cast, sessions_mean: int = SESSIONS_MEAN
) -> tuple[ProjectScript, ...]:
    """All projects whose lots are evaluated on `day`."""
    dice = _dice(seed, f"cohort {day.isoformat()}")
    sessions = max(3, sessions_mean + dice.between(-3, 3))
    overnight_left = (sessions * OVERNIGHT_PERMILLE + 500) // 1000
    nights = set(dice.sample(range(sessions), overnight_left))
    result_objector, file_objector, late = dice.sample(range(sessions), 3)
    projects: list[ProjectScript] = []
    made = 0
    while made < sessions:
        number = len(projects) + 1
        lots_here = 2 if sessions - made >= 2 and dice.chance(120) else 1
        line = _weighted(dice, LINES, [entry.weight for entry in LINES])
        centre_id, division, _ = _weighted(
            dice, cast.centres, [weight for _, _, weight in cast.centres]
        )
        prefecture = division[:4]
        name = f"示例{day:%Y%m%d}-{number:03d} {line.title}"
        government_invested = line.regime is Regime.ZFCG or dice.chance(850)
        lots = []
        for lot_number in range(1, lots_here + 1):
            lot_name = name if lots_here == 1 else f"{name}({lot_number}标段)"
            lots.append(
                _lot(
                    dice,
                    f"{number:03d}-{lot_number}",
                    lot_name,
                    line,
                    cast,
                    halved=government_invested and line.regime is Regime.ZTB,
                    overnight=made in nights,
                    objection={result_objector: "RESULT", file_objector: "FILE"}.get(made, ""),
                    late=made == late,
                )
            )
            made += 1
        projects.append(
            ProjectScript(
                key=f"{number:03d}",
                name=name,
                regime=line.regime,
                kind=line.kind,
                division=division,
                centre_id=centre_id,
                tenderer=dice.choice(cast.tenderers[prefecture]),
                agency=dice.choice(cast.agencies),
                supervisor=dice.choice(cast.supervisors[prefecture]),
                government_invested=government_invested,
                lots=tuple(lots),
            )
        )
    return _with_illness(projects, _dice(seed, f"illness {day.isoformat()}"))


def _with_illness(projects: Sequence[ProjectScript], dice: Dice) -> tuple[ProjectScript, ...]:
    """In one session of the morning that ends on its day somebody falls ill, if there is one."""
    able = [
        lot.key
        for project in projects
        for lot in project.lots
        if not lot.overnight and lot.first_part == 0
    ]
    ill = dice.choice(able) if able else ""
    return tuple(
        replace(project, lots=tuple(replace(lot, illness=lot.key == ill) for lot in project.lots))
        for project in projects
    )


def host_of(projects: Sequence[ProjectScript]) -> ProjectScript:
    """The project whose centre, supervisor and tenderer a demonstration's guests belong to: of Dali, where
    Dali hosts."""
    return min(
        projects, key=lambda each: (not each.centre_id.startswith(DALI), each.centre_id, each.key)
    )


def tenders(seed: int, day: date, cast: Cast, host: ProjectScript) -> tuple[ProjectScript, ...]:
    """A small cohort of a later day, all of it at one host's centre. Its keys begin with `TENDERS`."""
    return tuple(
        replace(
            project,
            key=TENDERS + project.key,
            centre_id=host.centre_id,
            division=host.division,
            tenderer=host.tenderer,
            supervisor=host.supervisor,
            lots=tuple(replace(lot, key=TENDERS + lot.key) for lot in project.lots),
        )
        for project in cohort(seed, day, cast, TENDERS_MEAN)
    )


def _lot(
    dice: Dice,
    key: str,
    name: str,
    line: Line,
    cast: Cast,
    *,
    halved: bool,
    overnight: bool,
    objection: str,
    late: bool,
) -> LotScript:
    estimate = Money(dice.between(*line.estimate_wan) * 10_000 * 100)
    # 87号令 §47 and the water works' order ask for seven members; the engine checks it, the script
    # only wants what a tenderer would want.
    large = line.kind == "WATER_WORKS" or (
        line.regime is Regime.ZFCG and estimate.fen >= 1000 * 10_000 * 100
    )
    kinds = LARGE_COMMITTEES if large or overnight else COMMITTEES
    experts, representatives, _ = _weighted(dice, kinds, [weight for _, _, weight in kinds])
    ceiling = Money(estimate.fen * dice.between(970, 1000) // 1000 // 100 * 100)
    bids = _bids(dice, ceiling, cast, guaranteed_permille=850)
    return LotScript(
        key=key,
        name=name,
        line=line,
        estimate=estimate,
        ceiling=ceiling,
        deposit_charged=_charge(estimate, halved),
        quotas=_quotas(line, experts),
        representatives=representatives,
        first_part=0 if overnight or dice.chance(600) else 1,
        slots=3 if overnight else 1,
        overnight=overnight,
        bids=bids,
        late_bidder=dice.choice(cast.companies) if late else "",
        objection=objection,
    )


def _charge(estimate: Money, halved: bool) -> Money:
    """What the tender file asks: the ceiling of 2 % and 80万, or half of it where the investor is the
    government (云发改交易管理〔2023〕397号), in full hundreds of yuan."""
    ceiling = min(estimate.fen // 50, 80 * 10_000 * 100)
    return Money((ceiling // 2 if halved else ceiling) // 10_000 * 10_000)


def _quotas(line: Line, experts: int) -> dict[str, int]:
    """Deal `experts` seats to the line's specialties by their shares, at least one each."""
    total = sum(share for _, share in line.specialties)
    quotas = {code: max(1, experts * share // total) for code, share in line.specialties}
    first = line.specialties[0][0]
    quotas[first] += experts - sum(quotas.values())
    return quotas


def _bids(
    dice: Dice, ceiling: Money, cast: Cast, *, guaranteed_permille: int
) -> tuple[BidScript, ...]:
    count = _weighted(dice, (3, 4, 5, 6, 8), (20, 28, 26, 16, 10))
    bidders = dice.sample(cast.companies, count)
    if dice.chance(800):
        bidders[0] = dice.choice(cast.institutes)
    bids = []
    for index, bidder in enumerate(sorted(set(bidders))):
        permille = dice.between(860, 1010 if dice.chance(60) else 995)
        bids.append(
            BidScript(
                bidder=bidder,
                price=Money(ceiling.fen * permille // 1000 // 100 * 100),
                period_days=dice.between(6, 24) * 15,
                quality="合格",
                gives_guarantee=dice.chance(guaranteed_permille),
                loses_half=count > 4 and index == 2 and dice.chance(120),
            )
        )
    return tuple(bids)


def bid_content(lot_id: str, bid: BidScript) -> dict[str, Any]:
    """What the bidder writes (format `bigloop.bid.v1`)."""
    return {
        "format": "bigloop.bid.v1",
        "lot": lot_id,
        "bidder": bid.bidder,
        "price_fen": bid.price.fen,
        "period_days": bid.period_days,
        "quality": bid.quality,
        "attachments": [],
    }


def is_withheld(seed: int, lot_key: str, trustee_id: str) -> bool:
    """Whether a trustee does not answer for this lot's draw when he is first asked."""
    return _dice(seed, f"withheld {lot_key} {trustee_id}").chance(8)


def pays_cash(seed: int, lot_name: str, bidder: str, permille: int = 700) -> bool:
    """Whether a bidder who gives no guarantee pays his deposit in cash; the others come without."""
    return _dice(seed, f"cash {lot_name} {bidder}").chance(permille)


def lodging_place(seed: int, lot_name: str, bidder: str, ticks: Sequence[datetime]) -> int:
    """At which of the lodging ticks this bidder sends its envelopes."""
    return _dice(seed, f"lodging {lot_name} {bidder}").below(len(ticks))
