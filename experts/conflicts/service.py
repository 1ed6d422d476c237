"""What avoidance rests on, read from the parties, the confirmed identities and the draws so far."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlmodel import Session

from experts.conflicts.control import ControlGraph, control_edges, interest_edges, steps_of
from experts.identities import service as identities
from experts.identities.companies import Same
from experts.rules import DrawRules
from trading.parties import service as parties
from trading.parties.party import Link, OrganisationKind


@dataclass(frozen=True)
class Affiliations:
    """Who hangs together with whom on one day: the links, the graphs of control and of interest,
    and the companies that are one under several codes."""

    on: date
    links: tuple[Link, ...]
    control: ControlGraph
    interest: ControlGraph
    same: Same


def affiliations(db: Session, on: date, rules: DrawRules) -> Affiliations:
    """The affiliations of a day by these rules."""
    links = tuple(parties.ownership_links(db, on))
    same = identities.companies(db)
    stops = {
        uscc
        for kind in rules.control_stops
        for uscc in parties.organisations(db, kind=OrganisationKind(kind))
    }
    return Affiliations(
        on,
        links,
        ControlGraph.of(links, on, control_edges(rules.control_permille), stops, same),
        ControlGraph.of(links, on, interest_edges(rules.recusal.interest_permille), stops, same),
        same,
    )


def evidence(chain: Sequence[str], found: Affiliations, rules: DrawRules) -> list[Link]:
    """The links along a chain of companies, with their relations and shares."""
    control = control_edges(rules.control_permille)
    walked = steps_of(chain, found.links, found.on, control)
    if walked:
        return walked
    return steps_of(chain, found.links, found.on, interest_edges(rules.recusal.interest_permille))
