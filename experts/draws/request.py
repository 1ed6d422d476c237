"""The request for a draw (抽取申请): what is asked, what is wrong with it, and what it fixes.

A request is fixed and on the record before any randomness exists. Its hash is the SHA-256 of its
canonical JSON (`request_json`): centre and gap-free number, the request before it, lot, quotas with
recorded widenings, the root of the pool, the candidates with every exclusion, the algorithm and the
rules. It holds legal time only, and no ciphertext, so the same inputs give the same hash.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any, NamedTuple

from archive.errors import Fault
from archive.journal.entry import moment_text
from experts.committee import Coupling
from experts.feasibility import GROUPS_MAX
from experts.rules import DrawRules
from experts.specialties import Catalogue, Widening, request_faults
from experts.suite import SUITES, Hash, algorithm_of
from experts.trustees.trustee import Trustee
from trading.divisions import yunnan
from trading.identifiers import uscc_fault
from trading.money import Money
from trading.regime import ProjectKind, Regime

FORMAT = "bigloop.draw-request.v1"
NO_PREDECESSOR = "0" * 64
SEATS_MAX = 99
NAMED_MAX = 200
SOURCE_CHARACTERS_MAX = 200


class State(StrEnum):
    """Where a draw stands."""

    REQUESTED = "REQUESTED"  # the public value is not known yet
    ASKING = "ASKING"  # the trustees are asked for their outputs
    INVITING = "INVITING"  # a batch of invitations is open
    SEATED = "SEATED"  # every seat is taken
    CLOSED = "CLOSED"  # the transcript is made
    VOIDED = "VOIDED"  # the committee's work was declared void
    ABANDONED = "ABANDONED"  # given up before any trustee had answered
    UNSEEDED = "UNSEEDED"  # too many trustees withheld their outputs
    ABORTED = "ABORTED"  # no attempt met the coupling rules
    EXHAUSTED = "EXHAUSTED"  # nobody is left to invite for some seat


ENDED_WITHOUT = frozenset(
    {State.ABANDONED, State.UNSEEDED, State.ABORTED, State.EXHAUSTED, State.VOIDED}
)
"""The states after which another draw for the lot may be requested; it names the one it replaces."""


@dataclass(frozen=True)
class Quota:
    """So many experts of a specialty; drawn from a wider code only with recorded consent."""

    specialty: str
    count: int
    widening: Widening | None = None

    @property
    def source(self) -> str:
        """The code whose experts are candidates."""
        return self.widening.code if self.widening else self.specialty


@dataclass(frozen=True)
class PublicValue:
    """Something that everybody can look up and nobody can foresee, to be mixed into the seed: where
    it will stand, in words, and from when. E.g. a lottery's numbers, an index at its close, a round of
    a public beacon."""

    source: str
    at: datetime


@dataclass(frozen=True)
class DrawRequest:
    """What somebody asks for.

    `division_code` is the county of the project; `area` the division that invitations may name;
    `named_units` the units to avoid (回避单位); `bidders` the bidders, where the lot was opened already and
    everybody knows them; `drafters` and `voided` expert ids; `replaces` the id
    of an earlier draw of the lot that ended without a committee; `equal_chances` asks for weights of home
    prefectures that give back what the cap on them takes (`experts.fairness.weights`).
    """

    centre_id: str
    lot_id: str
    regime: Regime
    kind: ProjectKind
    division_code: str
    tenderer_uscc: str
    agency_uscc: str | None
    supervisor_uscc: str
    estimate: Money
    evaluation_at: datetime
    quotas: tuple[Quota, ...]
    representatives: int = 0
    complex_or_public: bool = False
    area: str = "530000"
    named_units: tuple[str, ...] = ()
    bidders: tuple[str, ...] = ()
    drafters: tuple[str, ...] = ()
    voided: tuple[str, ...] = ()
    replaces: str = ""
    public_value: PublicValue | None = None
    equal_chances: bool = False

    @property
    def experts(self) -> int:
        return sum(quota.count for quota in self.quotas)

    @property
    def size(self) -> int:
        return self.experts + self.representatives


def form_faults(request: DrawRequest, within: Catalogue) -> tuple[Fault, ...]:
    """Everything that is wrong with the form of a request; composition is judged elsewhere."""
    faults: list[Fault] = []

    def add(pointer: str, code: str, **params: str | int) -> None:
        faults.append(Fault(pointer, code, params))

    if not 0 < len(request.quotas) <= GROUPS_MAX:
        add("/quotas", "experts.request.groups", count=len(request.quotas), count_max=GROUPS_MAX)
    for code, times in Counter(quota.specialty for quota in request.quotas).items():
        if times > 1:
            add("/quotas", "experts.request.twice", specialty=code)
    for index, quota in enumerate(request.quotas):
        if not 0 < quota.count <= SEATS_MAX:
            add(f"/quotas/{index}/count", "experts.request.seats", count=quota.count)
        faults += request_faults(f"/quotas/{index}", quota.specialty, quota.widening, within)
    for pointer, code in (("/division_code", request.division_code), ("/area", request.area)):
        if code not in yunnan():
            add(pointer, "experts.request.division", value=code[:20])
    said = request.public_value
    if said is not None and not 0 < len(said.source.strip()) <= SOURCE_CHARACTERS_MAX:
        add("/public_value/source", "experts.request.source", characters_max=SOURCE_CHARACTERS_MAX)
    if said is not None and said.at >= request.evaluation_at:
        add("/public_value/at", "experts.request.value_late")
    for pointer, uscc in _organisations(request):
        wrong = uscc_fault(uscc)
        if wrong is not None:
            add(pointer, "experts.request.uscc", value=uscc[:18])
    for name, listed in (
        ("named_units", request.named_units),
        ("drafters", request.drafters),
        ("voided", request.voided),
    ):
        if len(listed) > NAMED_MAX:
            add(f"/{name}", "experts.request.named", count=len(listed), count_max=NAMED_MAX)
    return tuple(faults)


def _organisations(request: DrawRequest) -> Iterable[tuple[str, str]]:
    yield "/tenderer_uscc", request.tenderer_uscc
    yield "/supervisor_uscc", request.supervisor_uscc
    if request.agency_uscc is not None:
        yield "/agency_uscc", request.agency_uscc
    for name, listed in (("named_units", request.named_units), ("bidders", request.bidders)):
        for index, uscc in enumerate(listed):
            yield f"/{name}/{index}", uscc


class Candidate(NamedTuple):
    """An expert of a requested specialty as the draw knows him: pseudonyms, and why he is out.
    A tuple, because a draw makes thousands.

    `groups` are the numbers of the quotas that he answers; `reasons` the codes that exclude him.
    """

    leaf: str
    person: str
    unit: str
    area: str
    record: str
    expert_id: str
    place: int
    groups: tuple[int, ...]
    specialties: tuple[str, ...]
    reasons: tuple[str, ...]


def candidates_digest(candidates: Iterable[tuple[str, bool]], h: Hash) -> str:
    """Over one line `leaf 1` (may be drawn) or `leaf 0` (excluded) for each, ascending by leaf."""
    lines = (f"{leaf} {int(is_in)}\n" for leaf, is_in in candidates)
    return h("".join(lines).encode("ascii")).hex()


def reasons_digest(candidates: Iterable[tuple[str, Sequence[str]]], salt: bytes, h: Hash) -> str:
    """Over the salt and one line `leaf code,code` for each, ascending by leaf."""
    lines = (f"{leaf} {','.join(reasons)}\n" for leaf, reasons in candidates)
    return h(salt + "".join(lines).encode("ascii")).hex()


@dataclass(frozen=True)
class Fixed:
    """What the request fixes beside what was asked."""

    draw_id: str
    number: int
    predecessor: str
    pool_root: str
    pool_size: int
    pool_version: str
    context_hash: str
    affiliations: str
    salt: bytes
    trustees: tuple[Trustee, ...]


def request_json(
    request: DrawRequest,
    fixed: Fixed,
    candidates: Sequence[Candidate],
    rules: DrawRules,
    coupling: Coupling,
    weights: Mapping[str, int] = MappingProxyType({}),
) -> dict[str, Any]:
    """The request in JSON, as hashed and as the transcript shows it. `weights` by pseudonym of the
    home prefecture (`experts.committee`); none means that all weigh the same."""
    h = SUITES[rules.hash_name]
    excluded = Counter(code for candidate in candidates for code in candidate.reasons)
    return {
        "format": FORMAT,
        "algorithm": algorithm_of(rules.hash_name),
        "draw": fixed.draw_id,
        "centre": request.centre_id,
        "number": fixed.number,
        "predecessor": fixed.predecessor,
        "replaces": request.replaces,
        "lot": request.lot_id,
        "regime": request.regime.value,
        "kind": request.kind.value,
        "division": request.division_code,
        "area": request.area,
        "evaluation_at": moment_text(request.evaluation_at),
        "representatives": request.representatives,
        "chair": "any" if rules.committee.chair_may_represent else "experts",
        "quotas": [_quota_json(quota) for quota in request.quotas],
        "pool": {
            "root": fixed.pool_root,
            "size": fixed.pool_size,
            "version": fixed.pool_version,
        },
        "context": {"hash": fixed.context_hash, "affiliations": fixed.affiliations},
        "candidates": {
            "count": len(candidates),
            "hash": candidates_digest(((c.leaf, not c.reasons) for c in candidates), h),
            "excluded": dict(sorted(excluded.items())),
            "reasons": reasons_digest(((c.leaf, c.reasons) for c in candidates), fixed.salt, h),
        },
        "weights": [[area, weight] for area, weight in sorted(weights.items())],
        "coupling": {
            "one_per": rules.one_per,
            "one_per_unit": coupling.one_per_unit,
            "prefecture_max": coupling.prefecture_max,
        },
        "trustees": {
            "members": [{"id": trustee.id, "key": trustee.key} for trustee in fixed.trustees],
            "min": rules.trustees_min,
            "minutes": rules.trustee_minutes,
        },
        "public_value": _value_json(request.public_value),
        "attempts_max": rules.attempts_max,
        "batch_multiple": rules.batch_multiple,
        "answer_minutes": rules.answer_minutes,
        "earliest_hours": rules.earliest_hours,
        "rules": list(rules.used),
    }


def _value_json(value: PublicValue | None) -> Mapping[str, Any] | None:
    return {"source": value.source, "at": moment_text(value.at)} if value else None


def _quota_json(quota: Quota) -> Mapping[str, Any]:
    consent = None
    if quota.widening is not None:
        consent = {"by": quota.widening.consented_by, "reason": quota.widening.reason}
    return {
        "specialty": quota.specialty,
        "count": quota.count,
        "source": quota.source,
        "consent": consent,
    }
