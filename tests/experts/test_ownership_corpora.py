"""Control groups in two real ownership graphs, read from the folder of reference data."""

import csv
from collections import Counter
from datetime import date

import pytest

from experts.conflicts.context import Party, RecusalRules, Side, context
from experts.conflicts.control import ControlGraph, control_edges, interest_edges, steps_of
from experts.conflicts.rules import conflicts
from tests.experts.world import make_expert
from tests.support.shared import shared_dir
from trading.parties.party import Link, Relation
from trading.regime import Regime

pytestmark = pytest.mark.shared
ON = date(2026, 10, 22)


def rows(name: str) -> list[dict[str, str]]:
    path = shared_dir("data", "corpora", "ownership", name)
    return list(csv.DictReader(path.read_text("utf-8").splitlines()))


def link(owner: str, owned: str, relation: Relation, share: int = 0) -> Link:
    return Link(owner, owned, relation, share, date(2000, 1, 1))


def largest(links: list[Link]) -> int:
    labels = ControlGraph.of(links, ON, 500).labels()
    return max(Counter(labels.values()).values())


class TestListedCompanies:
    """Persons and companies of the A-share market: 24,775 roles in 3,188 companies."""

    def test_directors_would_make_one_group_of_nearly_all(self) -> None:
        """Negative control: the closure over all roles is useless."""
        links = [
            link(row["person_id"], row["stock_code"], Relation.CONTROL)
            for row in rows("cn_listed_person_company.csv")
        ]
        nodes = len({end for x in links for end in (x.owner_uscc, x.owned_uscc)})
        assert largest(links) > nodes // 2

    def test_heads_alone_make_small_groups(self) -> None:
        """Who is chairman (董事长) of two companies makes them one; groups stay small."""
        links = [
            link(row["person_id"], row["stock_code"], Relation.SAME_HEAD)
            for row in rows("cn_listed_person_company.csv")
            if "董事长" in row["roles"].split("/")
        ]
        assert len(links) > 2000
        assert largest(links) < 40


class TestOneGroup:
    """A multinational group of 2014: 1,163 companies with shares."""

    def test_minority_holdings_leave_the_group(self) -> None:
        found = [
            link(row["parent"], row["company"], Relation.SHARE, round(10 * float(share)))
            for row in rows("bp_group_ownership_2014.csv")
            if (share := row["immediate_pct"].strip("%> <"))
            and share.replace(".", "", 1).isdigit()
            and row["parent"] != row["company"]
        ]
        assert len(found) > 500
        controlling = [x for x in found if x.share_permille > 500]
        assert 0 < len(controlling) < len(found)
        graph = ControlGraph.of(found, ON, 500)
        assert len(graph.codes) < len({e for x in found for e in (x.owner_uscc, x.owned_uscc)})
        top = Counter(x.owner_uscc for x in controlling).most_common(1)[0][0]
        for code, chain in graph.reach(top, 16).items():
            assert chain[0] == top
            assert chain[-1] == code


def share_excluded(links: list[Link], bidders: list[str], boards: dict[str, list[str]]) -> float:
    """The share of directors whom the rules keep out of a lot with these bidders."""
    known = context(
        Regime.ZTB,
        ON,
        [Party(Side.BIDDER, code) for code in bidders],
        ControlGraph.of(links, ON, 500),
        RecusalRules(window_years=3, strict_union=True, depth_max=6),
    )
    out = sum(
        bool(conflicts(make_expert(0, employer_uscc="-", board_seats=tuple(seats)), known))
        for seats in boards.values()
    )
    return out / len(boards)


class TestExclusionInTheListedCompanies:
    """Directors as experts: what the rules exclude, beside the closure over all roles."""

    ROLES = "cn_listed_person_company.csv"

    def test_the_rules_exclude_few_and_the_closure_nearly_all(self) -> None:
        boards: dict[str, list[str]] = {}
        for row in rows(self.ROLES):
            boards.setdefault(row["person_id"], []).append(row["stock_code"])
        heads = [
            link(row["person_id"], row["stock_code"], Relation.SAME_HEAD)
            for row in rows(self.ROLES)
            if "董事长" in row["roles"].split("/")
        ]
        everything = [
            link(row["person_id"], row["stock_code"], Relation.CONTROL) for row in rows(self.ROLES)
        ]
        companies = sorted({row["stock_code"] for row in rows(self.ROLES)})
        bidders = companies[:: len(companies) // 8][:8]
        assert share_excluded(heads, bidders, boards) < 0.02
        control = ControlGraph.of(everything, ON, 500).labels()
        group, members = Counter(control.values()).most_common(1)[0]
        assert members / len(control) > 0.8
        assert sum(control[code] == group for code in bidders) >= 4

    def test_colleagues_of_a_director_are_not_excluded(self) -> None:
        """He is, at both his companies; who works beside him at the other is not."""
        seats: dict[str, list[str]] = {}
        for row in rows(self.ROLES):
            seats.setdefault(row["person_id"], []).append(row["stock_code"])
        one, other = next(codes for codes in seats.values() if len(set(codes)) > 1)[:2]
        known = context(
            Regime.ZFCG, ON, [Party(Side.BIDDER, one)], ControlGraph.of([], ON, 500),
            RecusalRules(3, True, 6),
        )  # fmt: skip
        assert conflicts(make_expert(1, employer_uscc="-", board_seats=(one, other)), known)
        assert not conflicts(make_expert(2, employer_uscc=other), known)


class TestChainsInOneGroup:
    """The published percentages give the chains: each step a share above the threshold."""

    def links(self) -> list[Link]:
        found = []
        for row in rows("bp_group_ownership_2014.csv"):
            share = row["immediate_pct"].strip("%> <")
            if share.replace(".", "", 1).isdigit() and row["parent"] != row["company"]:
                permille = round(10 * float(share))
                if 0 < permille <= 1000:
                    found.append(link(row["parent"], row["company"], Relation.SHARE, permille))
        return found

    def test_every_step_of_every_chain_controls(self) -> None:
        links = self.links()
        graph = ControlGraph.of(links, ON, 500)
        edges = control_edges(500)
        top = Counter(x.owner_uscc for x in links if edges.has(x)).most_common(1)[0][0]
        chains = graph.reach(top, 6)
        assert len(chains) > 50
        longest = max(len(chain) for chain in chains.values())
        assert longest >= 4
        for chain in chains.values():
            walked = steps_of(chain, links, ON, edges)
            assert len(walked) == len(chain) - 1
            assert all(step.share_permille > 500 for step in walked)

    def test_half_is_not_control(self) -> None:
        """A company held at exactly 50 % (a joint venture) is in no group by that share."""
        halves = [x for x in self.links() if x.share_permille == 500]
        assert halves
        graph = ControlGraph.of(self.links(), ON, 500)
        alone = [x for x in halves if x.owned_uscc not in graph.codes]
        assert alone
        for x in alone:
            assert x.owned_uscc not in graph.reach(x.owner_uscc, 16)
        reached = ControlGraph.of(self.links(), ON, interest_edges(500)).reach(
            alone[0].owner_uscc, 1
        )
        assert alone[0].owned_uscc in reached

    def test_employees_of_the_group_are_out_with_their_chain(self) -> None:
        links = self.links()
        top = Counter(x.owner_uscc for x in links if x.share_permille > 500).most_common(1)[0][0]
        graph = ControlGraph.of(links, ON, 500)
        far = max(graph.reach(top, 6).values(), key=len)
        known = context(Regime.ZTB, ON, [Party(Side.BIDDER, top)], graph, RecusalRules(3, True, 6))
        (reason,) = conflicts(make_expert(1, employer_uscc=far[-1]), known)
        assert reason.code == "experts.conflict.control_group"
        assert reason.params["chain"] == " – ".join(far)
