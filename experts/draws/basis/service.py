"""What a draw rests on, read from the pool, the parties and the rule book in one snapshot.

`fix` gathers everything that a request fixes and refuses what cannot be drawn, before any
randomness is spent. `grounds_at` is what recusal is judged by anew, with the bidders, at and after the
opening. The affiliations of either are kept, for the audit, once for each digest.
"""

from __future__ import annotations

import json
import zlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlmodel import Session

from archive import canonical
from archive.errors import Faults, Kind, Reason, Refusal
from archive.office import Tx
from experts.committee import Coupling, Group
from experts.composition import composition_faults
from experts.conflicts.affiliations import Affiliations, lines_digest
from experts.conflicts.context import Context, Party, RecusalRules, Served, Side, context
from experts.conflicts.service import affiliations
from experts.draws import queries
from experts.draws.candidates import (
    Prepared,
    cards_of,
    groups_of,
    parties_of,
    prepare,
    unit_labels,
)
from experts.draws.grounds import context_json, recusal_json
from experts.draws.leaves import KEY_BYTES, leaves, salt_of
from experts.draws.request import Candidate, DrawRequest, form_faults
from experts.fairness.weights import fit as fit_weights
from experts.feasibility import shortage
from experts.invitations.sittings import service as sittings
from experts.pool import service as pool
from experts.pool.columns import Columns
from experts.rules import DrawRules, rules_for
from experts.specialties import catalogue
from experts.suite import SUITES
from experts.trustees import service as trustees
from experts.trustees.trustee import Trustee
from trading.calendar.legal import legal_day
from trading.money import Money
from trading.regime import ProjectKind, Regime
from trading.rules.book import book

AHEAD_MAX = timedelta(days=366)
"""No evaluation is planned further ahead: who may be drawn on such a day nobody knows."""
WEEK_SIDE = timedelta(days=3, hours=12)
"""So far on both sides of an evaluation the week reaches that a cap speaks of."""


@dataclass(frozen=True)
class Basis:
    """What a request fixes, before it has its number."""

    key: bytes
    rules: DrawRules
    coupling: Coupling
    prepared: Prepared
    proof: bytes
    pool_root: str
    pool_size: int
    pool_version: str
    context: bytes
    context_hash: str
    salt: bytes
    records: bytes
    affiliations: str
    weights: Mapping[str, int]
    trustees: tuple[Trustee, ...]


@dataclass(frozen=True)
class Supply:
    """How many experts a quota asks for, and how many may be drawn for it; `homes`: how many of those
    live in which county."""

    specialty: str
    needed: int
    eligible: int
    homes: Mapping[str, int]


@dataclass(frozen=True)
class Feasibility:
    """Whether a draw could be made now, by specialty; `shortage` is why it could not."""

    supplies: tuple[Supply, ...]
    shortage: Reason | None


def check_request(tx: Tx, request: DrawRequest) -> DrawRules:
    """Refuse INVALID with every fault of form and composition; the rules that hold."""
    return _checked(tx.now, request)


def _checked(now: datetime, request: DrawRequest) -> DrawRules:
    faults = Faults("experts.request.invalid")
    faults.extend(form_faults(request, catalogue()))
    if request.evaluation_at <= now:
        faults.add("/evaluation_at", "experts.request.past")
    if request.evaluation_at > now + AHEAD_MAX:
        faults.add("/evaluation_at", "experts.request.far", days=AHEAD_MAX.days)
    if request.public_value is not None and request.public_value.at <= now:
        faults.add("/public_value/at", "experts.request.value_known")
    faults.refuse()
    rules = rules_for(
        book(),
        legal_day(now),
        request.regime,
        request.division_code,
        request.kind,
        request.estimate,
        request.complex_or_public,
    )
    faults.extend(composition_faults(request.experts, request.representatives, rules.committee))
    faults.refuse()
    return rules


def feasibility(db: Session, now: datetime, request: DrawRequest) -> Feasibility:
    """What `fix` would find, without fixing anything: numbers only, no expert. Refuses like
    `check_request`. It promises nothing: the pool may change until the request is made."""
    rules = _checked(now, request)
    on = legal_day(request.evaluation_at)
    columns = pool.columns(db, on)
    found = affiliations(db, legal_day(now), rules)
    known = _context(db, request, rules, found)
    # The order of the leaves matters to no number here, so any key will do.
    tree = leaves(
        columns, bytes(KEY_BYTES), unit_labels(columns.experts, found.control, rules.one_per)
    )
    prepared = prepare(columns, tree, request, rules, known, on)
    coupling = Coupling(rules.one_per != "none", rules.prefecture_max(request.size))
    groups = groups_of([(q.specialty, q.count) for q in request.quotas], prepared.candidates)
    lacking = _trustees_shortage(db, now, rules) or shortage(
        groups, cards_of(prepared.candidates), coupling, rules.limits
    )
    if lacking is None:
        _, lacking = _weights(request, groups, prepared, columns, coupling, rules)
    homes = {
        c.leaf: columns.experts[columns.row_of[c.expert_id]].home_division
        for c in prepared.candidates
    }
    return Feasibility(
        tuple(
            Supply(
                group.specialty,
                group.count,
                len(group.leaves),
                Counter(homes[leaf] for leaf in group.leaves),
            )
            for group in groups
        ),
        lacking,
    )


def _context(db: Session, request: DrawRequest, rules: DrawRules, found: Affiliations) -> Context:
    """What recusal is judged by before the opening; how often experts served lately as well, which
    later passes leave alone: a member does not lose his seat for sitting on it."""
    return context(
        request.regime,
        legal_day(request.evaluation_at),
        parties_of(request),
        found.control,
        rules.recusal,
        request.drafters,
        request.voided,
        interest=found.interest,
        same=found.same,
        recused=sittings.recused_of_lot(db, request.lot_id),
        served=_served(db, request, rules.recusal),
    )


def _served(db: Session, request: DrawRequest, rules: RecusalRules) -> dict[str, Served]:
    at = request.evaluation_at
    week = sittings.seated_between(db, at - WEEK_SIDE, at + WEEK_SIDE)
    start = at - timedelta(days=rules.tenderer_days)
    tenderer = sittings.seated_between(db, start, at + WEEK_SIDE, request.tenderer_uscc)
    return {
        expert_id: Served(week.get(expert_id, 0), tenderer.get(expert_id, 0))
        for expert_id in sorted(week.keys() | tenderer.keys())
        if week.get(expert_id, 0) >= rules.week_max
        or tenderer.get(expert_id, 0) >= rules.tenderer_max
    }


def fix(tx: Tx, request: DrawRequest, rules: DrawRules) -> Basis:
    """Gather pool, parties and candidates. CONFLICT where a quota cannot be met, with specialty,
    eligible and needed number and the rule."""
    on = legal_day(request.evaluation_at)
    _refuse(_trustees_shortage(tx.db, tx.now, rules))
    columns = pool.columns(tx.db, on)
    found = affiliations(tx.db, legal_day(tx.now), rules)
    known = _context(tx.db, request, rules, found)
    key = tx.entropy.bytes(KEY_BYTES)
    h = SUITES[rules.hash_name]
    tree = leaves(columns, key, unit_labels(columns.experts, found.control, rules.one_per), h)
    prepared = prepare(columns, tree, request, rules, known, on)
    coupling = Coupling(rules.one_per != "none", rules.prefecture_max(request.size))
    groups = groups_of([(q.specialty, q.count) for q in request.quotas], prepared.candidates)
    _refuse(shortage(groups, cards_of(prepared.candidates), coupling, rules.limits))
    weights, lacking = _weights(request, groups, prepared, columns, coupling, rules)
    _refuse(lacking)
    county = request.division_code if rules.tenderer_county_excluded else ""
    private = canonical.encode(
        context_json(known, parties_of(request), found, rules.eligibility, county)
    )
    salt = salt_of(key, h)
    return Basis(
        key=key,
        rules=rules,
        coupling=coupling,
        prepared=prepared,
        proof=b"".join(tree.opening([c.place for c in prepared.candidates])),
        pool_root=tree.root.hex(),
        pool_size=len(columns),
        pool_version=columns.version,
        context=private,
        context_hash=h(salt + private).hex(),
        salt=salt,
        records=records_of(columns, prepared.candidates),
        affiliations=_keep_affiliations(tx.db, found),
        weights=weights,
        trustees=trustees.serving(tx.db, tx.now),
    )


def records_of(columns: Columns, candidates: Iterable[Candidate]) -> bytes:
    """The facts of all candidates as they stood, for the audit: JSON, packed."""
    facts = [columns.experts[columns.row_of[c.expert_id]].facts() for c in candidates]
    return zlib.compress(json.dumps(facts, separators=(",", ":")).encode(), 1)


def _weights(
    request: DrawRequest,
    groups: Sequence[Group],
    prepared: Prepared,
    columns: Columns,
    coupling: Coupling,
    rules: DrawRules,
) -> tuple[Mapping[str, int], Reason | None]:
    """Weights by the pseudonym of the home prefecture where the request asks for equal chances, none
    where it does not; or why there are none, naming the prefecture itself."""
    if not request.equal_chances:
        return {}, None
    cards = cards_of(prepared.candidates)
    found = fit_weights(groups, cards, coupling, rules.attempts_max, rules.weights)
    if not isinstance(found, Reason):
        return found.weights, None
    place = {
        c.area: columns.experts[columns.row_of[c.expert_id]].prefecture for c in prepared.candidates
    }
    named = str(found.params["place"])
    return {}, Reason(found.code, {**found.params, "place": place.get(named, named)})


def _refuse(lacking: Reason | None) -> None:
    if lacking is not None:
        raise Refusal(lacking.code, lacking.params, Kind.CONFLICT, rule=str(lacking.params["rule"]))


def _trustees_shortage(db: Session, now: datetime, rules: DrawRules) -> Reason | None:
    """Why no seed could be made, where fewer trustees serve than the rule wants."""
    count = len(trustees.serving(db, now))
    if count >= rules.trustees_min:
        return None
    params: dict[str, str | int] = {
        "count": count,
        "needed": rules.trustees_min,
        "rule": "draw.trustees_min",
    }
    return Reason("experts.draw.trustees_too_few", params)


@dataclass(frozen=True)
class Grounds:
    """What a second check judges by: the context as the rules read it, the same in JSON
    (`experts.draws.grounds.recusal_json`), and the digest of the affiliations."""

    known: Context
    said: Mapping[str, Any]
    affiliations: str


def grounds_at(tx: Tx, request: Mapping[str, Any], kept: bytes, bidders: Sequence[str]) -> Grounds:
    """The context that a draw kept, with the bidders, by today's ownership and rules. `request` is
    the request in JSON."""
    said = canonical.decode(kept)
    regime = Regime(request["regime"])
    rules = rules_for(
        book(),
        legal_day(tx.now),
        regime,
        request["division"],
        ProjectKind(request["kind"]),
        Money(0),
        complex_or_public=False,
    )
    found = affiliations(tx.db, legal_day(tx.now), rules)
    listed = [Party(Side(side), uscc) for side, uscc in said["parties"]]
    listed += [Party(Side.BIDDER, uscc) for uscc in bidders]
    known = context(
        regime,
        date.fromisoformat(said["on"]),
        listed,
        found.control,
        rules.recusal,
        said["drafters"],
        said["voided"],
        interest=found.interest,
        same=found.same,
        recused=sittings.recused_of_lot(tx.db, request["lot"]),
    )
    return Grounds(known, recusal_json(known, listed, found), _keep_affiliations(tx.db, found))


def _keep_affiliations(db: Session, found: Affiliations) -> str:
    """Keep the text of the affiliations where it is not kept yet; its digest."""
    lines = found.lines()
    digest = lines_digest(lines)
    if not queries.has_affiliations(db, digest):
        queries.keep_affiliations(db, digest, zlib.compress("\n".join(lines).encode("ascii"), 1))
    return digest
