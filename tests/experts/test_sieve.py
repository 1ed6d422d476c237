"""The filter in arrays says of everybody what the rules say of him alone."""

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest

from experts.conflicts.context import Party, RecusalRules, Served, Side, context
from experts.conflicts.control import ControlGraph, interest_edges
from experts.conflicts.rules import RULES, conflicts
from experts.draws.sieve import sieve, together
from experts.pool.columns import build
from experts.pool.eligibility import EligibilityRules, ineligible
from experts.pool.expert import Expert
from tests.experts.world import TODAY, make_pool, uscc
from trading.parties.party import Link, Relation
from trading.regime import Regime

COMPANIES = [uscc(5000 + n) for n in range(12)]
RULES_OF_ELIGIBILITY = EligibilityRules(70, 8, 2, senior_title_suffices=True)


def entangled(seed: int) -> tuple[list[Expert], ControlGraph, ControlGraph]:
    """Experts with every kind of bond to a few companies, which hang together at random."""
    rng = np.random.default_rng(seed)

    def some(share: float) -> tuple[str, ...]:
        return tuple(str(rng.choice(COMPANIES)) for _ in range(int(rng.random() < share)))

    def past(share: float) -> tuple[tuple[str, date], ...]:
        days = int(rng.integers(1, 2000))
        return tuple((code, TODAY - timedelta(days=days)) for code in some(share))

    experts = [
        replace(
            expert,
            employer_uscc=some(1)[0] if rng.random() < 0.2 else expert.employer_uscc,
            past_employers=past(0.3),
            board_seats=some(0.1),
            past_board_seats=past(0.1),
            controlled_units=some(0.1),
            declared_units=some(0.1),
            penalised=bool(rng.random() < 0.1),
        )
        if rng.random() < 0.8
        else expert
        for expert in make_pool()
    ]
    links = [
        Link(owner, owned, kind, 300, date(2015, 1, 1))
        for owner, owned, kind in (
            (
                str(rng.choice(COMPANIES)),
                str(rng.choice(COMPANIES)),
                rng.choice([Relation.CONTROL, Relation.SHARE]),
            )
            for _ in range(9)
        )
        if owner != owned
    ]
    control = ControlGraph.of(links, TODAY, 500, COMPANIES[:1])
    return experts, control, ControlGraph.of(links, TODAY, interest_edges(250))


class TestSieve:
    @pytest.mark.parametrize("seed", range(12))
    def test_everybody_as_alone(self, seed: int) -> None:
        """Also where some rules of the list do not hold."""
        rng = np.random.default_rng(100 + seed)
        experts, control, interest = entangled(seed)
        active = {rule.id for rule in RULES if rng.random() < 0.8} if seed % 2 else None
        rules = RecusalRules(
            window_years=3,
            strict_union=False,
            depth_max=int(rng.integers(0, 4)),
            active=frozenset(active) if active is not None else None,
        )
        sides = [Side.TENDERER, Side.AGENCY, Side.SUPERVISOR, Side.BIDDER, Side.NAMED]
        parties = [Party(side, str(rng.choice(COMPANIES))) for side in sides]
        known = context(
            Regime.ZTB,
            TODAY,
            parties,
            control,
            rules,
            drafters=["E0001"],
            voided=["E0002"],
            interest=interest,
            recused=["E0005"],
            served={"E0006": Served(week=3)},
        )
        columns = build("v", experts)
        for rows in (None, np.arange(0, len(experts), 2)):
            found = sieve(columns, rows, TODAY, RULES_OF_ELIGIBILITY, known)
            passing = set(found.passing.tolist())
            recused = 0
            for place, row in enumerate(found.rows.tolist()):
                expert = columns.experts[row]
                reasons = conflicts(expert, known)
                codes = ineligible(expert, TODAY, RULES_OF_ELIGIBILITY)
                assert found.recused[place] == bool(reasons)
                assert found.evidence.get(row, ()) == reasons
                assert [c for c, mask in found.ineligible.items() if mask[place]] == list(codes)
                assert (row in passing) == (not reasons and not codes)
                recused += bool(reasons)
            assert 0 < recused < len(found.rows)

    def test_together(self) -> None:
        columns = build("v", make_pool())
        one, other = columns.matching("A06"), columns.matching("A0801")
        both = together(columns, [one, other])
        assert both.tolist() == sorted({*one.tolist(), *other.tolist()})
        assert len(both) < len(one) + len(other)
