"""The recusal rules, each with two or three objects; control groups; the pre-filter."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from experts.conflicts.context import (
    Context,
    Party,
    RecusalRules,
    Served,
    Side,
    Tie,
    context,
)
from experts.conflicts.control import ControlGraph, interest_edges
from experts.conflicts.law import recusal_rules, switch_of
from experts.conflicts.rules import RULE_OF_REASON, RULES, conflicts, touched
from experts.identities.companies import Same
from experts.pool.columns import build
from tests.experts.world import make_expert, make_pool, uscc
from trading.parties.party import Link, Relation
from trading.regime import Regime
from trading.rules.book import book

ON = date(2026, 10, 22)
A, B, C, D, E = (uscc(number) for number in range(501, 506))
UNION = RecusalRules(window_years=3, strict_union=True, depth_max=6)


def link(owner: str, owned: str, relation: Relation = Relation.CONTROL, share: int = 0) -> Link:
    return Link(owner, owned, relation, share, date(2020, 1, 1))


def graph(*links: Link, stops: Iterable[str] = (), on: date = ON) -> ControlGraph:
    return ControlGraph.of(links, on, 500, frozenset(stops))


def about(
    *parties: tuple[Side, str],
    links: Iterable[Link] = (),
    regime: Regime = Regime.ZTB,
    rules: RecusalRules = UNION,
    **named: Any,
) -> Context:
    return context(
        regime, ON, [Party(side, code) for side, code in parties], graph(*links), rules, **named
    )


def codes(known: Context, **changes: Any) -> list[str]:
    found = conflicts(make_expert(1, **changes), known)
    return [reason.code.removeprefix("experts.conflict.") for reason in found]


class TestOwnUnit:
    """财政部令第87号 第四十七条;招标投标法实施条例 第四十六条;政府采购法实施条例 第九条."""

    @pytest.mark.parametrize(
        ("side", "code"),
        [
            (Side.TENDERER, "own_tenderer"),
            (Side.AGENCY, "own_agency"),
            (Side.SUPERVISOR, "own_supervisor"),
            (Side.BIDDER, "own_bidder"),
            (Side.NAMED, "own_named"),
        ],
    )
    def test_is_a_party(self, side: Side, code: str) -> None:
        assert codes(about((side, A)), employer_uscc=A) == [code]
        assert codes(about((side, A)), employer_uscc=B) == []


class TestPastEmployers:
    """政府采购法实施条例 第九条(一): within three years before."""

    @pytest.mark.parametrize(
        ("until", "recuses"),
        [
            (date(2023, 10, 22), False),
            (date(2023, 10, 23), True),
            (date(2026, 1, 1), True),
            (date(2020, 1, 1), False),
        ],
    )
    def test_within_the_window(self, until: date, recuses: bool) -> None:
        found = codes(about((Side.BIDDER, A)), past_employers=((A, until),))
        assert found == (["past_employer"] if recuses else [])

    def test_elsewhere(self) -> None:
        assert codes(about((Side.BIDDER, A)), past_employers=((B, date(2026, 1, 1)),)) == []

    def test_window_over_a_leap_day(self) -> None:
        known = replace(about((Side.BIDDER, A)), on=date(2028, 2, 29))
        assert known.window_start == date(2025, 2, 28)


class TestOtherTies:
    def test_board_seat(self) -> None:
        """政府采购法实施条例 第九条(二)."""
        assert codes(about((Side.BIDDER, A)), board_seats=(B, A)) == ["board_seat"]
        assert codes(about((Side.BIDDER, A)), board_seats=(B,)) == []

    def test_declared_unit(self) -> None:
        """政府采购法实施条例 第九条(四)."""
        assert codes(about((Side.BIDDER, A)), declared_units=(A,)) == ["declared_unit"]

    @pytest.mark.parametrize(
        ("until", "recuses"), [(date(2023, 10, 22), False), (date(2023, 10, 23), True)]
    )
    def test_past_board_seat(self, until: date, recuses: bool) -> None:
        """政府采购法实施条例 第九条(二): within three years before."""
        found = codes(about((Side.BIDDER, A)), past_board_seats=((A, until), (B, ON)))
        assert found == (["past_board_seat"] if recuses else [])

    def test_controls_a_party(self) -> None:
        """政府采购法实施条例 第九条(三)."""
        assert codes(about((Side.BIDDER, A)), controlled_units=(A,)) == ["controls_party"]
        assert codes(about((Side.BIDDER, A)), controlled_units=(B,)) == []

    def test_drafted_the_tender_file(self) -> None:
        assert codes(about(drafters=["E0001"])) == ["drafted_file"]
        assert codes(about(drafters=["E0002"])) == []

    def test_sat_on_the_voided_committee(self) -> None:
        """财政部令第87号 第六十七条."""
        assert codes(about(voided=["E0001"])) == ["voided_committee"]

    def test_penalised(self) -> None:
        """12号令 第十二条(四)."""
        assert codes(about(), penalised=True) == ["penalised"]

    def test_all_reasons_are_given(self) -> None:
        known = about((Side.BIDDER, A), (Side.TENDERER, B), drafters=["E0001"])
        assert codes(known, employer_uscc=A, board_seats=(B,), penalised=True) == [
            "own_bidder",
            "board_seat",
            "drafted_file",
            "penalised",
        ]


class TestControlGroup:
    """政府采购法实施条例 第九条(三); the chain of companies is the evidence."""

    def reason(self, links: Iterable[Link], employer: str, **changes: Any) -> str:
        known = about((Side.BIDDER, A), links=links)
        found = conflicts(make_expert(1, employer_uscc=employer, **changes), known)
        return str(found[0].params["chain"]) if found else ""

    def test_parent_sister_and_daughter(self) -> None:
        links = [link(B, A), link(B, C), link(A, D, Relation.SHARE, 501)]
        assert self.reason(links, B) == f"{A} – {B}"
        assert self.reason(links, C) == f"{A} – {B} – {C}"
        assert self.reason(links, D) == f"{A} – {D}"

    def test_same_head(self) -> None:
        assert self.reason([link(B, A, Relation.SAME_HEAD)], B) == f"{A} – {B}"

    def test_a_minority_share_passes_nothing_on(self) -> None:
        links = [link(B, A, Relation.SHARE, 500), link(C, B)]
        assert self.reason(links, B) == ""
        assert self.reason(links, C) == ""
        assert self.reason([link(B, A), link(C, B, Relation.SHARE, 300)], C) == ""

    def test_directorship_is_never_passed_on(self) -> None:
        """X is director of B and C; that makes B and C no group: who works for C may judge B."""
        known = about((Side.BIDDER, B))
        director = make_expert(1, board_seats=(B, C))
        colleague = make_expert(2, employer_uscc=C)
        assert [r.code for r in conflicts(director, known)] == ["experts.conflict.board_seat"]
        assert conflicts(colleague, known) == ()

    def test_board_seat_in_the_group_counts(self) -> None:
        known = about((Side.BIDDER, A), links=[link(B, A)])
        assert codes(known, board_seats=(B,)) == ["control_group"]

    def test_stops_at_state_asset_bodies(self) -> None:
        links = [link(D, A), link(D, B)]
        reached = graph(*links, stops=[D]).reach(A, 6)
        assert set(reached) == {A, D}
        assert set(graph(*links).reach(A, 6)) == {A, B, D}

    def test_depth(self) -> None:
        links = [link(A, B), link(B, C), link(C, D), link(D, E)]
        assert set(graph(*links).reach(A, 2)) == {A, B, C}
        assert set(graph(*links).reach(A, 0)) == {A}

    def test_links_that_do_not_hold(self) -> None:
        ended = replace(link(A, B), until=ON)
        future = replace(link(A, C), since=date(2027, 1, 1))
        assert set(graph(ended, future).reach(A, 6)) == {A}

    def test_a_supervisor_has_no_group(self) -> None:
        known = about((Side.SUPERVISOR, A), links=[link(A, B)])
        assert codes(known, employer_uscc=B) == []

    def test_loops_are_harmless(self) -> None:
        links = [link(A, B), link(B, C), link(C, A)]
        assert set(graph(*links).reach(A, 16)) == {A, B, C}
        assert set(graph(*links).labels().values()) == {min(A, B, C)}

    @given(
        st.lists(st.tuples(st.integers(0, 14), st.integers(0, 14)), max_size=20),
        st.sets(st.integers(0, 14), max_size=3),
    )
    def test_labels_are_the_components(
        self, pairs: list[tuple[int, int]], stopping: set[int]
    ) -> None:
        names = [uscc(600 + n) for n in range(15)]
        stops = {names[n] for n in stopping}
        links = [link(names[a], names[b]) for a, b in pairs if a != b]
        made = graph(*links, stops=stops)
        labels = made.labels()
        for code in labels:
            group = {c for c in made.reach(code, 99) if c not in stops} | {code}
            if code in stops:
                group = {code}
            assert labels[code] == min(group)


class TestGroupsInBulk:
    """Labels that spread in bulk are the components that a library finds."""

    @pytest.mark.parametrize("kind", ["sparse", "dense", "one long line"])
    def test_large_graphs(self, kind: str) -> None:
        rng, count = np.random.default_rng(5), 3000
        line = rng.permutation(count)
        pairs = {
            "sparse": rng.integers(count, size=(2, count // 2)),
            "dense": rng.integers(count, size=(2, 3 * count)),
            "one long line": np.stack([line[1:], line[:-1]]),
        }[kind]
        stops = rng.random(count) < 0.01
        names = tuple(f"{n:018d}" for n in range(count))
        groups = ControlGraph.of_numbers(names, pairs[0], pairs[1], stops).groups()
        free = ~(stops[pairs[0]] | stops[pairs[1]])
        kept = (np.ones(int(free.sum())), (pairs[0][free], pairs[1][free]))
        number, label = connected_components(csr_array(kept, shape=(count, count)), directed=False)
        assert len(np.unique(groups)) == number
        for own in range(number):
            members = np.flatnonzero(label == own)
            assert (groups[members] == members[0]).all()


class TestInterest:
    """12号令 第十二条(三): a share that is an interest, one step far and no further."""

    def known(self, *links: Link) -> Context:
        return context(
            Regime.ZTB,
            ON,
            [Party(Side.BIDDER, A)],
            graph(*links),
            UNION,
            interest=ControlGraph.of(links, ON, interest_edges(250)),
        )

    @pytest.mark.parametrize(
        ("share", "found"), [(249, []), (250, ["interest"]), (500, ["interest"])]
    )
    def test_from_the_threshold_on(self, share: int, found: list[str]) -> None:
        assert codes(self.known(link(A, B, Relation.SHARE, share)), employer_uscc=B) == found
        assert codes(self.known(link(B, A, Relation.SHARE, share)), employer_uscc=B) == found

    def test_control_says_more(self) -> None:
        known = self.known(link(A, B, Relation.SHARE, 501))
        assert codes(known, employer_uscc=B) == ["control_group"]

    def test_is_not_passed_on(self) -> None:
        known = self.known(link(A, B, Relation.SHARE, 300), link(B, C, Relation.SHARE, 300))
        assert codes(known, employer_uscc=C) == []

    def test_of_a_board_is_none(self) -> None:
        assert codes(self.known(link(A, B, Relation.SHARE, 300)), board_seats=(B,)) == []


class TestOneCompanyUnderTwoCodes:
    """Confirmed identities hold wherever avoidance looks; unconfirmed ones nowhere."""

    SAME = Same.of([(A, B)])

    def known(self, *links: Link, same: Same = SAME) -> Context:
        graphs = ControlGraph.of(links, ON, 500, same=same)
        return context(Regime.ZTB, ON, [Party(Side.BIDDER, B)], graphs, UNION, same=same)

    def test_the_other_code_is_the_party(self) -> None:
        found = conflicts(make_expert(1, employer_uscc=A), self.known())
        assert [r.code for r in found] == ["experts.conflict.own_bidder"]
        assert found[0].params["chain"] == f"{B} – {A}"
        assert codes(self.known(same=Same()), employer_uscc=A) == []

    def test_control_goes_through_it(self) -> None:
        found = conflicts(make_expert(1, employer_uscc=C), self.known(link(C, A)))
        assert [r.params["chain"] for r in found] == [f"{B} – {A} – {C}"]
        assert conflicts(make_expert(1, employer_uscc=C), self.known(link(C, A), same=Same())) == ()


class TestCaps:
    """How often is too often are parameters; nobody else is touched."""

    def known(self, **counts: int) -> Context:
        return context(Regime.ZTB, ON, [], graph(), UNION, served={"E0001": Served(**counts)})

    def test_a_week(self) -> None:
        assert codes(self.known(week=2)) == []
        assert codes(self.known(week=3)) == ["frequent"]

    def test_one_tenderer(self) -> None:
        assert codes(self.known(tenderer=1)) == []
        assert codes(self.known(tenderer=2)) == ["same_tenderer"]

    def test_of_others(self) -> None:
        assert conflicts(make_expert(2), self.known(week=9, tenderer=9)) == ()


class TestSelfDeclared:
    """招标投标法实施条例 第七十一条(一): who must recuse and says so."""

    def test_holds_for_this_lot(self) -> None:
        known = context(Regime.ZTB, ON, [], graph(), UNION, recused=["E0001"])
        assert codes(known) == ["self_declared"]
        assert conflicts(make_expert(2), known) == ()


class TestRegimes:
    """Which rules hold is data: by regime, by day, and by the strict union."""

    def active(self, regime: Regime, on: date = ON, region: str = "530000") -> set[str]:
        found = recusal_rules(book(), on, regime, region, {}).active
        assert found is not None
        return {rule.removeprefix("recusal.") for rule in found}

    def alone(self, regime: Regime, on: date = ON) -> set[str]:
        """Without the union: what the regime's own list has."""
        return {
            rule.id.removeprefix("recusal.")
            for rule in RULES
            if switch_of(book(), rule.id, on, regime, "530000") is not None
        }

    def test_the_strict_union_holds_in_every_regime(self) -> None:
        everything = {rule.id.removeprefix("recusal.") for rule in RULES}
        assert self.active(Regime.ZTB) == self.active(Regime.ZFCG) == everything
        assert self.active(Regime.LAND) == everything

    def test_each_list_alone(self) -> None:
        ztb, zfcg = self.alone(Regime.ZTB), self.alone(Regime.ZFCG)
        assert zfcg - ztb == {
            "own_tenderer",
            "own_agency",
            "past_employer",
            "board_seat",
            "past_board_seat",
            "controls_party",
            "voided_committee",
        }
        assert ztb - zfcg == {"own_supervisor", "penalised"}

    @pytest.mark.parametrize(
        ("on", "holds"), [(date(2015, 2, 28), False), (date(2015, 3, 1), True)]
    )
    def test_from_the_day_of_the_article(self, on: date, holds: bool) -> None:
        """政府采购法实施条例 is in force from 1 March 2015."""
        assert ("board_seat" in self.alone(Regime.ZFCG, on)) is holds

    def test_a_rule_that_does_not_hold_says_nothing(self) -> None:
        off = replace(UNION, active=frozenset({"recusal.own_bidder"}))
        known = about((Side.BIDDER, A), (Side.AGENCY, B), rules=off)
        assert codes(known, employer_uscc=A, board_seats=(A,)) == ["own_bidder"]
        assert codes(known, employer_uscc=B) == []

    def test_every_rule_says_its_article(self) -> None:
        assert len({rule.id for rule in RULES}) == len(RULES) == len(RULE_OF_REASON)
        for rule in RULES:
            versions = book().versions(rule.id)
            assert versions, rule.id
            assert all(version.article for version in versions)

    def test_every_rule_has_its_own_reason(self) -> None:
        """Each rule alone, on an expert whom all of them could bind: one reason each, its own."""
        expert = make_expert(
            1,
            employer_uscc=A,
            past_employers=((A, ON),),
            board_seats=(A,),
            past_board_seats=((A, ON),),
            controlled_units=(A,),
            declared_units=(A, B),
            penalised=True,
        )
        sides = [Party(side, A) for side in Side]
        links = [link(A, B)]
        seen = set()
        for rule in RULES:
            known = context(
                Regime.ZTB,
                ON,
                sides,
                graph(*links),
                replace(UNION, active=frozenset({rule.id})),
                drafters=["E0001"],
                voided=["E0001"],
                recused=["E0001"],
                served={"E0001": Served(9, 9)},
            )
            if rule.id == "recusal.interest":
                known = replace(known, interests={A: (Tie(Side.BIDDER, (C, A), False),)})
            (reason,) = conflicts(expert, known)
            assert RULE_OF_REASON[reason.code] == rule.id
            seen.add(reason.code)
            if "chain" in reason.params:
                assert str(reason.params["chain"]).split(" – ")[0] == reason.params["party"]
        assert len(seen) == len(RULES)


class TestPreFilter:
    def test_whoever_is_not_touched_has_no_conflict(self) -> None:
        experts = make_pool()
        columns = build("v", experts)
        units = sorted({unit for expert in experts for unit in expert.units})
        for start in range(0, len(units), 7):
            known = about(
                *((Side.BIDDER, unit) for unit in units[start : start + 3]),
                links=[link(units[start], units[start - 1])],
                drafters=["E0005"],
                recused=["E0006"],
                served={"E0008": Served(week=3)},
                interest=ControlGraph.of(
                    [link(units[start], units[start - 2], Relation.SHARE, 300)],
                    ON,
                    interest_edges(250),
                ),
            )
            mask = touched(columns, known)
            judged = np.array([bool(conflicts(e, known)) for e in columns.experts])
            assert not (judged & ~mask).any()
            assert judged.any()
