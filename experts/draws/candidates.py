"""Candidates of a request: who answers which quota, and by which rule who is out. Pure.

An expert is out for every reason that holds: not eligible (`experts.pool.eligibility`), in conflict
(`experts.conflicts.rules`), or at home in the county of the project (dispersal of persons, rule
`draw.tenderer_county_excluded`). The order in which the filters run changes nothing: each looks at
the expert alone, and all reasons are kept.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from archive.errors import Reason
from experts.committee import Card, Group
from experts.conflicts.context import Context, Party, Side
from experts.conflicts.control import ControlGraph
from experts.draws.leaves import Leaves
from experts.draws.request import Candidate, DrawRequest
from experts.draws.sieve import sieve, together
from experts.pool.columns import Columns
from experts.pool.expert import Expert
from experts.rules import DrawRules

COUNTY = "experts.dispersal.tenderer_county"


@dataclass(frozen=True)
class Prepared:
    """The candidates by ascending leaf, and the evidence for conflicts by expert id."""

    candidates: tuple[Candidate, ...]
    evidence: Mapping[str, tuple[Reason, ...]]


def parties_of(request: DrawRequest) -> tuple[Party, ...]:
    """The parties that are known when the draw is asked for: before the opening all but the bidders."""
    found = [
        Party(Side.TENDERER, request.tenderer_uscc),
        Party(Side.SUPERVISOR, request.supervisor_uscc),
    ]
    if request.agency_uscc is not None:
        found.append(Party(Side.AGENCY, request.agency_uscc))
    found += [Party(Side.NAMED, uscc) for uscc in request.named_units]
    found += [Party(Side.BIDDER, uscc) for uscc in sorted(request.bidders)]
    return tuple(found)


def unit_labels(experts: Iterable[Expert], graph: ControlGraph, one_per: str) -> list[str]:
    """For each expert the unit of which a committee may have one member only."""
    known = [graph.same.of_code(expert.employer_uscc) for expert in experts]
    if one_per == "control_group":
        labels = graph.labels()
        return [labels.get(uscc, uscc) for uscc in known]
    return known


def prepare(
    columns: Columns,
    leaves: Leaves,
    request: DrawRequest,
    rules: DrawRules,
    context: Context,
    on: date,
) -> Prepared:
    """All candidates of the request on the day of the evaluation."""
    answers = [columns.matching(quota.source) for quota in request.quotas]
    rows = together(columns, answers)
    groups_of: dict[int, list[int]] = {row: [] for row in rows.tolist()}
    for g, answering in enumerate(answers):
        for row in answering.tolist():
            groups_of[row].append(g)
    found = sieve(columns, rows, on, rules.eligibility, context)
    reasons: dict[int, list[str]] = defaultdict(list)
    for code, mask in found.ineligible.items():
        for row in rows[mask].tolist():
            reasons[row].append(code)
    for row, spoken in found.evidence.items():
        reasons[row] += [reason.code for reason in spoken]
    evidence = {columns.experts[row].id: spoken for row, spoken in found.evidence.items()}
    hexed = {known: known.hex() for known in {*leaves.units, *leaves.areas}}
    made = []
    for row, groups in groups_of.items():
        expert = columns.experts[row]
        if rules.tenderer_county_excluded and expert.home_division == request.division_code:
            reasons[row].append(COUNTY)
        made.append(
            Candidate(
                leaf=leaves.leaves[row].hex(),
                person=leaves.persons[row].hex(),
                unit=hexed[leaves.units[row]],
                area=hexed[leaves.areas[row]],
                record=leaves.records[row].hex(),
                expert_id=expert.id,
                place=leaves.place[row],
                groups=tuple(groups),
                specialties=expert.specialties,
                reasons=tuple(reasons[row]) if row in reasons else (),
            )
        )
    return Prepared(tuple(sorted(made, key=lambda candidate: candidate.leaf)), evidence)


def groups_of(
    quotas: Sequence[tuple[str, int]], candidates: Iterable[Candidate]
) -> tuple[Group, ...]:
    """The seat groups with their eligible candidates; `quotas` are (specialty, seats)."""
    leaves: list[list[str]] = [[] for _ in quotas]
    for candidate in candidates:
        if not candidate.reasons:
            for g in candidate.groups:
                leaves[g].append(candidate.leaf)
    return tuple(
        Group(specialty, count, tuple(leaves[g])) for g, (specialty, count) in enumerate(quotas)
    )


def cards_of(candidates: Iterable[Candidate]) -> dict[str, Card]:
    """The eligible candidates as the coupling rules see them."""
    return {c.leaf: Card(c.leaf, c.unit, c.area) for c in candidates if not c.reasons}


def sheet_of(candidates: Sequence[Candidate]) -> bytes:
    """The candidates as lines of comma-separated fields: what a draw keeps for itself."""
    lines = (
        ",".join(
            (
                c.leaf,
                c.person,
                c.unit,
                c.area,
                c.record,
                c.expert_id,
                str(c.place),
                " ".join(map(str, c.groups)),
                " ".join(c.specialties),
                " ".join(c.reasons),
            )
        )
        for c in candidates
    )
    return "\n".join(lines).encode("ascii")


def read_sheet(sheet: bytes) -> tuple[Candidate, ...]:
    """The candidates of `sheet_of`."""
    found = []
    for line in sheet.decode("ascii").split("\n"):
        leaf, person, unit, area, record, expert_id, *rest = line.split(",")
        place, groups, specialties, reasons = rest
        found.append(
            Candidate(
                leaf,
                person,
                unit,
                area,
                record,
                expert_id,
                int(place),
                tuple(map(int, groups.split())),
                tuple(specialties.split()),
                tuple(reasons.split()),
            )
        )
    return tuple(found)


def exclusions_in(sheet: bytes) -> tuple[int, Counter[str]]:
    """How many candidates a sheet has, and how many of them are out for each set of reasons (codes with
    blanks between, as they stand there). Reads nothing else of it: a wall of draws asks for many."""
    ends = [line.rpartition(b",")[2] for line in sheet.split(b"\n")]
    return len(ends), Counter(end.decode("ascii") for end in ends if end)
