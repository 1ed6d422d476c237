"""What is known about one lot when recusal is judged: the parties, and who hangs together with them.

Three passes (招标投标法 第二十二条 keeps the bidders secret until the opening, the committee is
fixed before it): before the opening tenderer, agency, supervisor and the units named in the request
(回避单位); at the opening the bidders as well; afterwards again whenever data change. A blind match
against sealed bids is not made: whoever may enumerate codes would read the bidders from it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from functools import cached_property
from types import MappingProxyType
from typing import NamedTuple

from experts.conflicts.control import ControlGraph
from experts.identities.companies import Same
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


class Tie(NamedTuple):
    """How an organisation is bound to a party: the chain from the party to it. `is_party`: it is the
    party itself, perhaps under another of its codes; the chain then shows both."""

    side: Side
    chain: tuple[str, ...]
    is_party: bool

    @property
    def text(self) -> str:
        return " – ".join(self.chain)


@dataclass(frozen=True)
class RecusalRules:
    """The numbers that hold for one draw, and which rules of the list do (`active`, by id; None: all
    of them). A share of at least `interest_permille` is an economic interest."""

    window_years: int
    strict_union: bool
    depth_max: int
    interest_permille: int = 250
    week_max: int = 3
    tenderer_max: int = 2
    tenderer_days: int = 90
    active: frozenset[str] | None = None


@dataclass(frozen=True)
class Served:
    """How often an expert was seated lately: in the week around the evaluation, and for the same
    tenderer in the days before it."""

    week: int = 0
    tenderer: int = 0


NOBODY: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Context:
    """`ties` knows every organisation that control binds to a party, `interests` those that hold, or
    are held by, a party with a share that is an interest. `drafters`, `voided` and `recused` are
    expert ids: who took part in writing the tender file, who sat on the committee whose conclusions
    were void, who said of himself that he must recuse."""

    regime: Regime
    on: date
    rules: RecusalRules
    ties: Mapping[str, tuple[Tie, ...]]
    drafters: frozenset[str]
    voided: frozenset[str]
    interests: Mapping[str, tuple[Tie, ...]] = field(default_factory=lambda: MappingProxyType({}))
    recused: frozenset[str] = NOBODY
    served: Mapping[str, Served] = field(default_factory=lambda: MappingProxyType({}))

    @cached_property
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
    *,
    interest: ControlGraph | None = None,
    same: Same | None = None,
    recused: Iterable[str] = (),
    served: Mapping[str, Served] | None = None,
) -> Context:
    """Work out all ties. A supervisor has no control group here: whom a government department
    supervises is not thereby one with it. `interest` is the graph of shares that are an interest,
    looked at one step far; `same` are confirmed identities, and the graphs know canonical codes."""
    known = same or Same()
    ties: dict[str, list[Tie]] = {}
    interests: dict[str, list[Tie]] = {}
    for party in sorted(set(parties), key=lambda p: (p.side, p.uscc)):
        start = known.of_code(party.uscc)
        depth = 0 if party.side is Side.SUPERVISOR else rules.depth_max
        _spread(ties, party, known, graph.reach(start, depth))
        if interest is not None and party.side is not Side.SUPERVISOR:
            _spread(interests, party, known, interest.reach(start, 1))
    return Context(
        regime,
        on,
        rules,
        _sorted(ties),
        frozenset(drafters),
        frozenset(voided),
        _sorted({code: found for code, found in interests.items() if code not in ties}),
        frozenset(recused),
        dict(served or {}),
    )


def _spread(
    into: dict[str, list[Tie]], party: Party, same: Same, reached: Mapping[str, tuple[str, ...]]
) -> None:
    """Add a tie for each code of each body that was reached. Chains begin with the party's code."""
    for code, found in reached.items():
        chain = found if found[0] == party.uscc else (party.uscc, *found)
        for alias in same.codes_of(code):
            whole = chain if alias in (chain[-1], party.uscc) else (*chain, alias)
            if alias == party.uscc:
                whole = (party.uscc,)
            into.setdefault(alias, []).append(Tie(party.side, whole, len(found) == 1))


def _sorted(ties: Mapping[str, list[Tie]]) -> dict[str, tuple[Tie, ...]]:
    def first(tie: Tie) -> tuple[object, ...]:
        return (not tie.is_party, len(tie.chain), tie.side, tie.chain)

    return {
        code: tuple(sorted(found, key=first) if len(found) > 1 else found)
        for code, found in ties.items()
    }
