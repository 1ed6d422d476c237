"""What avoidance rests on, read from the parties, the confirmed identities and the draws so far."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from sqlmodel import Session

from experts.conflicts.affiliations import Affiliations
from experts.conflicts.control import control_edges, interest_edges, steps_of
from experts.identities import service as identities
from experts.rules import DrawRules
from trading.parties import service as parties
from trading.parties.party import Link, OrganisationKind


def affiliations(db: Session, on: date, rules: DrawRules) -> Affiliations:
    """The affiliations of a day by these rules."""
    stops = {
        uscc
        for kind in rules.control_stops
        for uscc in parties.organisations(db, kind=OrganisationKind(kind))
    }
    return Affiliations(
        on,
        tuple(parties.ownership_links(db, on)),
        frozenset(stops),
        identities.companies(db),
        rules.control_permille,
        rules.recusal.interest_permille,
    )


def evidence(chain: Sequence[str], found: Affiliations, rules: DrawRules) -> list[Link]:
    """The links along a chain of companies, with their relations and shares."""
    control = control_edges(rules.control_permille)
    walked = steps_of(chain, found.links, found.on, control)
    if walked:
        return walked
    return steps_of(chain, found.links, found.on, interest_edges(rules.recusal.interest_permille))
