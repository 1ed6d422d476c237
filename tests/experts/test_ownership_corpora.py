"""Control groups in two real ownership graphs, read from the folder of reference data."""

import csv
from collections import Counter
from datetime import date

import pytest

from experts.conflicts.control import ControlGraph
from tests.support.shared import shared_dir
from trading.parties.party import Link, Relation

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
