"""What is known about one lot when recusal is judged: the parties, and who hangs together with them.

Three passes (招标投标法 第二十二条 keeps the bidders secret until the opening, the committee is
fixed before it): before the opening tenderer, agency, supervisor and the units named in the request
(回避单位); at the opening the bidders as well; afterwards again whenever data change. A blind match
against sealed bids is not made: whoever may enumerate codes would read the bidders from it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from experts.conflicts.control import ControlGraph
from trading.regime import Regime


class Side(StrEnum):
    """The part that an organisation plays in the lot."""

    TENDERER = "TENDERER"  # 招标人、采购人
    AGENCY = "AGENCY"  # 代理机构
    SUPERVISOR = "SUPERVISOR"  # 行政监督部门、主管部门
    NAMED = "NAMED"  # 申请中列明的回避单位
    BIDDER = "BIDDER"  # 投标人、供应商


@dataclass(frozen=True)
class Party:
    side: Side
    uscc: str


@dataclass(frozen=True)
class Tie:
    """How an organisation is bound to a party: the chain of control from the party to it."""

    side: Side
    chain: tuple[str, ...]

    @property
    def is_party(self) -> bool:
        return len(self.chain) == 1

    @property
    def text(self) -> str:
        return " – ".join(self.chain)


@dataclass(frozen=True)
class RecusalRules:
    """The numbers that hold for one draw."""

    window_years: int
    strict_union: bool
    depth_max: int


@dataclass(frozen=True)
class Context:
    """`ties` knows every organisation of interest; `drafters` and `voided` are expert ids: who took
    part in writing the tender file, who sat on the committee whose conclusions were void."""

    regime: Regime
    on: date
    rules: RecusalRules
    ties: Mapping[str, tuple[Tie, ...]]
    drafters: frozenset[str]
    voided: frozenset[str]

    @property
    def window_start(self) -> date:
        """The first day of the years looked back upon."""
        try:
            return self.on.replace(year=self.on.year - self.rules.window_years)
        except ValueError:
            return date(self.on.year - self.rules.window_years, 2, 28)


def context(
    regime: Regime,
    on: date,
    parties: Iterable[Party],
    graph: ControlGraph,
    rules: RecusalRules,
    drafters: Iterable[str] = (),
    voided: Iterable[str] = (),
) -> Context:
    """Work out all ties. A supervisor has no control group here: whom a government department
    supervises is not thereby one with it."""
    ties: dict[str, list[Tie]] = {}
    for party in sorted(set(parties), key=lambda p: (p.side, p.uscc)):
        depth = 0 if party.side is Side.SUPERVISOR else rules.depth_max
        for code, chain in graph.reach(party.uscc, depth).items():
            ties.setdefault(code, []).append(Tie(party.side, chain))
    return Context(
        regime,
        on,
        rules,
        {
            code: tuple(sorted(found, key=lambda tie: (len(tie.chain), tie.side, tie.chain)))
            for code, found in ties.items()
        },
        frozenset(drafters),
        frozenset(voided),
    )
