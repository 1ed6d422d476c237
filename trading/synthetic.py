"""Synthetic parties: centres, organisations and who owns whom, for demo, tests and benchmarks.

Everything follows from a seed by SHA-256 alone, so that a day repeats itself on every machine and
with every version of Python. All names say that they are made up (示例), and the organisation codes
begin with XN, which no register gives out. The numbers are of the size of one province; how they
are spread is invented.

Which counties have no centre of their own is invented too, so that Dali has the twelve centres and
Yunnan about the hundred and forty of the published reports.
"""

from __future__ import annotations

import hashlib
from collections.abc import MutableSequence, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TypeVar

from trading.divisions import Division, yunnan
from trading.identifiers import make_uscc
from trading.parties.party import (
    Centre,
    DishonestyRecord,
    Link,
    Organisation,
    OrganisationKind,
    Relation,
)

T = TypeVar("T")

SEATS = {
    "530100": "530114",
    "530300": "530302",
    "530400": "530402",
    "530500": "530502",
    "530600": "530602",
    "530700": "530702",
    "530800": "530802",
    "530900": "530902",
    "532300": "532301",
    "532500": "532503",
    "532600": "532601",
    "532800": "532801",
    "532900": "532901",
    "533100": "533103",
    "533300": "533301",
    "533400": "533401",
}
"""The county in which each prefecture's government, and so its centre, has its seat."""

_WITHOUT_CENTRE = frozenset({"530103", "530111", "530112", "532932"})
_TRADES = ("建设", "路桥", "水利", "市政", "装饰", "机电", "园林", "信息", "咨询", "设备")
_UNITS = ("设计研究院", "勘察研究院", "大学", "职业学院", "医院", "造价事务所", "质量检测中心")
_GROUP_DEPTH_MAX = 4
_FIRST_DAY = date(2012, 1, 1)


class Dice:
    """A seeded source for synthetic data: SHA-256(seed ‖ counter), nothing else."""

    def __init__(self, seed: bytes) -> None:
        self._seed = hashlib.sha256(b"bigloop dice\0" + seed).digest()
        self._counter = 0
        self._left = b""

    def child(self, label: str) -> Dice:
        """Dice of its own for one purpose; the other purposes do not disturb it."""
        return Dice(self._seed + label.encode())

    def below(self, n: int) -> int:
        """A whole number in 0 … n − 1. The bias for n < 2^32 is below 2^−32."""
        if len(self._left) < 8:
            block = self._seed + self._counter.to_bytes(8, "big")
            self._left += hashlib.sha512(block).digest()
            self._counter += 1
        word, self._left = self._left[:8], self._left[8:]
        return int.from_bytes(word, "big") % n

    def between(self, low: int, high: int) -> int:
        """A whole number in low … high, both included."""
        return low + self.below(high - low + 1)

    def chance(self, permille: int) -> bool:
        """True in `permille` of a thousand cases."""
        return self.below(1000) < permille

    def choice(self, items: Sequence[T]) -> T:
        return items[self.below(len(items))]

    def shuffle(self, items: MutableSequence[T]) -> None:
        """Fisher–Yates, in place."""
        for last in range(len(items) - 1, 0, -1):
            other = self.below(last + 1)
            items[last], items[other] = items[other], items[last]

    def sample(self, items: Sequence[T], count: int) -> list[T]:
        """`count` different items, in random order."""
        pool = list(items)
        for place in range(count):
            other = place + self.below(len(pool) - place)
            pool[place], pool[other] = pool[other], pool[place]
        return pool[:count]

    def day(self, first: date, last: date) -> date:
        return first + timedelta(days=self.below((last - first).days + 1))


@dataclass(frozen=True)
class Parties:
    """A province of parties. `employers` are the codes of the units where experts work: all of
    kind EMPLOYER and some of the companies, so that conflicts of interest arise."""

    centres: tuple[Centre, ...]
    organisations: tuple[Organisation, ...]
    links: tuple[Link, ...]
    dishonesty: tuple[DishonestyRecord, ...]
    employers: tuple[str, ...]

    def of_kind(self, kind: OrganisationKind) -> tuple[Organisation, ...]:
        return tuple(o for o in self.organisations if o.kind is kind)


def synthetic_uscc(number: int, division_code: str, head: str = "91") -> str:
    """The code of synthetic organisation `number` (below ten million). `head` 91 is a company, 11
    an authority, 12 a public institution."""
    return make_uscc(f"{head}{division_code}XN{number:07d}")


def centres() -> tuple[Centre, ...]:
    """All centres in order of id: one in each prefecture, at its seat, and in most counties."""
    divisions = yunnan()
    found = []
    for code, division in divisions.items():
        if division.level == 1 or code in _WITHOUT_CENTRE:
            continue
        point = divisions[SEATS[code]] if division.level == 2 else division
        found.append(
            Centre(
                id=code,
                name=f"{division.name}公共资源交易中心(示例)",
                division_code=code,
                operator_uscc=synthetic_uscc(int(code), code, "12"),
                lon=point.lon,
                lat=point.lat,
            )
        )
    return tuple(found)


def parties(
    seed: bytes = b"bigloop",
    companies: int = 2000,
    employers: int = 1500,
    tenderers: int = 300,
    agencies: int = 60,
    issuers: int = 24,
    today: date = date(2026, 10, 21),
) -> Parties:
    """The parties of a province by `seed`. `today` is the day on which the dishonesty registers
    were last asked."""
    dice = Dice(seed)
    counties = [d for d in yunnan().values() if d.level == 3]
    houses = centres()
    organisations = [
        Organisation(c.operator_uscc, c.name, OrganisationKind.OPERATOR, c.division_code)
        for c in houses
    ]
    organisations += _supervisors()
    firms = _companies(dice.child("companies"), counties, companies)
    units = _employers(dice.child("employers"), counties, employers)
    organisations += firms + units
    organisations += _tenderers(dice.child("tenderers"), counties, tenderers)
    organisations += _agencies(dice.child("agencies"), counties, agencies)
    organisations += _issuers(issuers)
    links = _links(dice.child("links"), firms, units)
    records = _dishonesty(dice.child("dishonesty"), firms, today)
    employing = [u.uscc for u in units]
    employing += [f.uscc for f in dice.child("employing").sample(firms, len(firms) // 6)]
    return Parties(houses, tuple(organisations), links, records, tuple(employing))


def _supervisors() -> list[Organisation]:
    """One authority a prefecture and county (行政监督部门)."""
    return [
        Organisation(
            synthetic_uscc(1_000_000 + int(d.code), d.code, "11"),
            f"{d.name}行政监督局(示例)",
            OrganisationKind.SUPERVISOR,
            d.code,
        )
        for d in yunnan().values()
        if d.level > 1
    ]


def supervisor_of(division_code: str) -> str:
    """The code of the synthetic supervisor of a prefecture or county."""
    return synthetic_uscc(1_000_000 + int(division_code), division_code, "11")


def _companies(dice: Dice, counties: Sequence[Division], count: int) -> list[Organisation]:
    found = []
    for number in range(count):
        code = dice.choice(counties).code
        found.append(
            Organisation(
                synthetic_uscc(2_000_000 + number, code),
                f"滇示例{dice.choice(_TRADES)}{number:04d}有限公司",
                OrganisationKind.COMPANY,
                code,
                basic_account=f"9999{dice.below(10**12):012d}{number:04d}",
            )
        )
    return found


def _employers(dice: Dice, counties: Sequence[Division], count: int) -> list[Organisation]:
    found = []
    for number in range(count):
        code = dice.choice(counties).code
        found.append(
            Organisation(
                synthetic_uscc(3_000_000 + number, code, "12"),
                f"滇示例{dice.choice(_UNITS)}{number:04d}",
                OrganisationKind.EMPLOYER,
                code,
            )
        )
    return found


def _tenderers(dice: Dice, counties: Sequence[Division], count: int) -> list[Organisation]:
    found = []
    for number in range(count):
        county = dice.choice(counties)
        found.append(
            Organisation(
                synthetic_uscc(4_000_000 + number, county.code, "12"),
                f"{county.name}示例建设单位{number:04d}",
                OrganisationKind.TENDERER,
                county.code,
            )
        )
    return found


def _agencies(dice: Dice, counties: Sequence[Division], count: int) -> list[Organisation]:
    found = []
    for number in range(count):
        code = dice.choice(counties).code
        found.append(
            Organisation(
                synthetic_uscc(5_000_000 + number, code),
                f"滇示例招标代理{number:04d}有限公司",
                OrganisationKind.AGENCY,
                code,
            )
        )
    return found


def _issuers(count: int) -> list[Organisation]:
    kinds = ("银行", "财产保险公司", "融资担保公司")
    return [
        Organisation(
            synthetic_uscc(6_000_000 + number, "530102"),
            f"滇示例{kinds[number % len(kinds)]}{number:04d}",
            OrganisationKind.ISSUER,
            "530102",
        )
        for number in range(count)
    ]


def _links(
    dice: Dice, firms: Sequence[Organisation], units: Sequence[Organisation]
) -> tuple[Link, ...]:
    """Groups as trees of control of depth ≤ 4 over about a third of the companies, minority
    shares, a few common heads and management relations, and units that own companies."""
    order = [firm.uscc for firm in firms]
    dice.shuffle(order)
    found: dict[tuple[str, str, Relation], Link] = {}

    def add(owner: str, owned: str, relation: Relation, share: int) -> None:
        since = dice.day(_FIRST_DAY, date(2025, 12, 31))
        until = since + timedelta(days=dice.between(200, 3000)) if dice.chance(80) else None
        found.setdefault(
            (owner, owned, relation), Link(owner, owned, relation, share, since, until)
        )

    grouped = len(order) // 3
    place = 0
    while place < grouped:
        size = min(dice.between(2, 6), grouped - place)
        members = order[place : place + size]
        depth = {members[0]: 0}
        for member in members[1:]:
            parent = dice.choice([m for m in depth if depth[m] < _GROUP_DEPTH_MAX])
            depth[member] = depth[parent] + 1
            if dice.chance(600):
                add(parent, member, Relation.SHARE, dice.between(501, 1000))
            else:
                add(parent, member, Relation.CONTROL, dice.between(0, 500))
        place += size
    for _ in range(len(order) // 5):
        owner, owned = dice.sample(order, 2) if len(order) < 50 else _two(dice, order)
        add(owner, owned, Relation.SHARE, dice.between(10, 300))
    for relation, count in ((Relation.SAME_HEAD, 60), (Relation.MANAGEMENT, 80)):
        for _ in range(len(order) // count):
            owner, owned = _two(dice, order)
            add(owner, owned, relation, 0)
    for _ in range(len(units) // 15 if order else 0):
        add(dice.choice(units).uscc, dice.choice(order), Relation.CONTROL, dice.between(0, 1000))
    return tuple(found[key] for key in sorted(found))


def _two(dice: Dice, items: Sequence[str]) -> tuple[str, str]:
    first = dice.below(len(items))
    other = (first + 1 + dice.below(len(items) - 1)) % len(items)
    return items[first], items[other]


def _dishonesty(
    dice: Dice, firms: Sequence[Organisation], today: date
) -> tuple[DishonestyRecord, ...]:
    """Nine of ten companies were asked about; two of a hundred are listed."""
    found = []
    for number, firm in enumerate(firms):
        if dice.chance(100):
            continue
        queried_on = today - timedelta(days=dice.below(20))
        listed = dice.chance(20)
        until = queried_on + timedelta(days=dice.between(30, 700)) if listed else None
        reference = f"示例{number:06d}" if listed else ""
        found.append(
            DishonestyRecord(firm.uscc, "示例信用平台", queried_on, listed, until, reference)
        )
    return tuple(found)
