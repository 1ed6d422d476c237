"""Who hangs together with whom on one day (关联关系), as one text that a draw's request fixes. Pure.

One line each, ascending within its kind, words with one blank between:

    link owner owned relation share-in-permille first-day first-day-after     ("-": still holds)
    same code code-that-the-company-is-known-by                               a confirmed identity
    stop code                                            a body that control never passes through

The digest of the text stands in the request, the audit transcript shows it whole, so whoever reads it
works out every tie again (`experts.conflicts.context`), and sees that none was left out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import cached_property

from experts.conflicts.control import ControlGraph, control_edges, interest_edges
from experts.identities.companies import Same
from trading.parties.party import Link, Relation

STILL = "-"


@dataclass(frozen=True)
class Affiliations:
    """The links of a day with the codes that are one company and the bodies that stop control; and the
    graphs that these thresholds make of them."""

    on: date
    links: tuple[Link, ...]
    stops: frozenset[str]
    same: Same
    control_permille: int
    interest_permille: int

    @cached_property
    def control(self) -> ControlGraph:
        return ControlGraph.of(
            self.links, self.on, control_edges(self.control_permille), self.stops, self.same
        )

    @cached_property
    def interest(self) -> ControlGraph:
        return ControlGraph.of(
            self.links, self.on, interest_edges(self.interest_permille), self.stops, self.same
        )

    def lines(self) -> list[str]:
        """The text, line by line."""
        links = sorted(
            f"link {x.owner_uscc} {x.owned_uscc} {x.relation} {x.share_permille} {x.since} "
            f"{x.until or STILL}"
            for x in self.links
        )
        same = sorted(f"same {code} {known_by}" for code, known_by in self.same.canonical.items())
        return [*links, *same, *(f"stop {code}" for code in sorted(self.stops))]


def lines_digest(lines: Iterable[str]) -> str:
    """SHA-256 of the text, each line ended by a line feed."""
    return hashlib.sha256("".join(f"{line}\n" for line in lines).encode("ascii")).hexdigest()


def read_lines(
    lines: Iterable[str], on: date, control_permille: int, interest_permille: int
) -> Affiliations:
    """The affiliations that `lines` wrote; ValueError for what no such text holds."""
    links, same, stops = [], {}, set()
    for line in lines:
        match line.split(" "):
            case ["link", owner, owned, relation, share, since, until]:
                end = None if until == STILL else date.fromisoformat(until)
                start = date.fromisoformat(since)
                links.append(Link(owner, owned, Relation(relation), int(share), start, end))
            case ["same", code, known_by]:
                same[code] = known_by
            case ["stop", code]:
                stops.add(code)
            case _:
                raise ValueError(line[:80])
    return Affiliations(
        on, tuple(links), frozenset(stops), Same(same), control_permille, interest_permille
    )
