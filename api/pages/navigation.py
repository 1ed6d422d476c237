"""What stands in the navigation: each role's pages, in the order in which its day needs them.

A page is added by one line here. The label is a code below `api.page.nav.`; the path has no
parameters. Who may open a page is declared at its route (`api.access`), never here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from archive.actor import Actor, Role

BOARD = ("board", "/")
FIGURES = ("figures", "/figures")
VERIFY = ("public_verify", "/public/verify")
NOTICES = ("public_lots", "/public/lots")
MARKET = ("public_guarantees", "/public/guarantees")

PAGES: Mapping[Role, tuple[tuple[str, str], ...]] = MappingProxyType(
    {
        Role.STAFF: (
            BOARD,
            ("centre_day", "/centre/day"),
            ("centre_lots", "/centre/lots"),
            ("centre_money", "/centre/deposits"),
            ("centre_seats", "/centre/seats"),
            ("centre_stations", "/centre/stations"),
            ("assessments", "/assessments"),
            ("centre_accounts", "/centre/accounts"),
            FIGURES,
            VERIFY,
        ),
        Role.POOL: (
            BOARD,
            ("pool_experts", "/pool/experts"),
            ("pool_applications", "/pool/applications"),
            ("pool_import", "/pool/import"),
            ("pool_merges", "/pool/merges"),
            ("pool_appeals", "/pool/appeals"),
            ("public_trustees", "/public/trustees"),
        ),
        Role.EXPERT: (
            BOARD,
            ("expert_calls", "/expert/invitations"),
            ("expert_places", "/expert/sessions"),
            ("expert_standing", "/expert/standing"),
            ("expert_assessments", "/expert/assessments"),
        ),
        Role.SUPERVISOR: (
            BOARD,
            ("watch_wall", "/supervisor/wall"),
            ("watch_draws", "/supervisor/draws"),
            ("public_trustees", "/public/trustees"),
            ("watch_avoidance", "/supervisor/avoidance"),
            ("watch_patterns", "/supervisor/patterns"),
            ("assessments", "/assessments"),
            ("watch_appeals", "/supervisor/appeals"),
            ("watch_nights", "/supervisor/nights"),
            ("watch_money", "/supervisor/deposits"),
            ("watch_plans", "/supervisor/plans"),
            FIGURES,
            VERIFY,
        ),
        Role.BIDDER: (
            BOARD,
            ("bidder_tenders", "/bidder/tenders"),
            ("bidder_lodgings", "/bidder/lodgings"),
            ("bidder_money", "/bidder/deposits"),
            MARKET,
            NOTICES,
        ),
        Role.TENDERER: (
            BOARD,
            ("tenderer_lots", "/tenderer/lots"),
            ("assessments", "/assessments"),
            NOTICES,
        ),
        Role.OPERATOR: (BOARD, ("operator_registers", "/operator/registers"), FIGURES, VERIFY),
        Role.ISSUER: (BOARD, ("issuer_guarantees", "/issuer/guarantees"), MARKET),
    }
)
PUBLIC: tuple[tuple[str, str], ...] = (
    BOARD,
    NOTICES,
    ("public_draws", "/public/draws"),
    ("public_trustees", "/public/trustees"),
    ("public_draw", "/public/draw"),
    MARKET,
    VERIFY,
    FIGURES,
)
"""For whoever is not signed in."""
PROVINCES = frozenset({"/supervisor/patterns"})
"""For the province's supervisor, not for a department of his."""


@dataclass(frozen=True)
class Place:
    """One entry as a page shows it."""

    code: str
    path: str
    is_here: bool


def places(actor: Actor | None, path: str) -> tuple[Place, ...]:
    """The navigation of a person on the page `path`: the pages of all his roles, each once. Here
    is the entry whose path the page's path begins with, the longest of them."""
    found = list(PUBLIC)
    if actor is not None:
        found = [entry for role in Role if role in actor.roles for entry in PAGES.get(role, ())]
        found = [entry for entry in found if not (actor.party_id and entry[1] in PROVINCES)]
    here = max((entry[1] for entry in found if _is_below(path, entry[1])), key=len, default="")
    return tuple(Place(code, to, to == here) for code, to in dict.fromkeys(found))


def _is_below(path: str, entry: str) -> bool:
    return path == entry or (entry != "/" and path.startswith(entry + "/"))
