"""Give and take (工位互换账): what a centre gives to sessions of others, and what it takes from them.

A *use* is one guest seat: the host's session sat in the guest's station. Seats are counted once, in
the month in which they begin; half-days are those that somebody works, for a fee is paid by the
half-day and a night holds the station without a fee of its own. Fees are the guest centre's published
ones (工位共享目录, 发改办法规〔2025〕807号 三); without one nothing is owed.

Accounts may be kept by centre or by any larger area: what moves inside an area is given and taken by
it at once, and is told beside them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from evaluation.stations.slots import Part, day_of, part_of
from trading.money import Money

PERMILLE = 1000
NOTHING = Money(0)


@dataclass(frozen=True)
class Use:
    """One guest seat: who hosted the session, who gave the station, and its slots."""

    host_id: str
    guest_id: str
    slots: tuple[int, ...]

    @property
    def day(self) -> date:
        return day_of(self.slots[0])

    @property
    def half_days(self) -> int:
        return sum(part_of(slot) is not Part.NIGHT for slot in self.slots) or 1


@dataclass(frozen=True)
class Account:
    """One area in one month (`2024-01`). `earned`, `owed`: fees for seats given and received;
    `inside`: seats that were both, between centres of the area."""

    area: str
    month: str
    given: int = 0
    received: int = 0
    inside: int = 0
    earned: Money = NOTHING
    owed: Money = NOTHING

    @property
    def balance(self) -> int:
        """Seats given beyond those received."""
        return self.given - self.received

    @property
    def net(self) -> Money:
        return self.earned - self.owed


def accounts(
    uses: Iterable[Use],
    fees: Mapping[str, Money],
    area_of: Callable[[str], str] = str,
) -> tuple[Account, ...]:
    """The accounts of all areas that gave or took anything, by month and area. `fees`: what a guest
    centre asks for half a day of one seat."""
    given: dict[tuple[str, str], list[Use]] = defaultdict(list)
    taken: dict[tuple[str, str], list[Use]] = defaultdict(list)
    for use in uses:
        month = f"{use.day:%Y-%m}"
        given[month, area_of(use.guest_id)].append(use)
        taken[month, area_of(use.host_id)].append(use)
    return tuple(
        _account(month, area, given[month, area], taken[month, area], fees, area_of)
        for month, area in sorted({*given, *taken})
    )


def _account(
    month: str,
    area: str,
    given: list[Use],
    taken: list[Use],
    fees: Mapping[str, Money],
    area_of: Callable[[str], str],
) -> Account:
    return Account(
        area=area,
        month=month,
        given=len(given),
        received=len(taken),
        inside=sum(area_of(use.host_id) == area for use in given),
        earned=_fees(given, fees),
        owed=_fees(taken, fees),
    )


def _fees(uses: list[Use], fees: Mapping[str, Money]) -> Money:
    return Money(sum(fees.get(use.guest_id, NOTHING).fen * use.half_days for use in uses))


def loop_permille(in_loop: int, sessions: int) -> int | None:
    """Of all sessions, in thousandths, those with at least one guest seat (“大循环”使用率); rounded
    down, so that 1000 means every one. None without a session."""
    return in_loop * PERMILLE // sessions if sessions else None
