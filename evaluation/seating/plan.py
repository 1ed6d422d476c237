"""A seat plan: who sits in which station group, who could not be seated and why, what it costs, and
the proof of how much better any plan could be.

The document `bigloop.plan.v1` holds the plan together with its problem, so that anybody can check it
offline without a solver (`evaluation.seating.verify`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from archive import canonical
from archive.errors import Reason
from evaluation.seating import problem as problems
from evaluation.seating.problem import Problem, SeatKey
from evaluation.stations.station import Equipment, GroupKey

FORMAT = "bigloop.plan.v1"
PPM = 1_000_000


class Method(StrEnum):
    """How a plan was found: LINEAR when the relaxation was whole by itself; MIXED when a few seats
    needed branching; SEARCH by greedy and local search, where the solver gave nothing in time."""

    LINEAR = "LINEAR"
    MIXED = "MIXED"
    SEARCH = "SEARCH"


class Uniqueness(StrEnum):
    """What is known of other plans with the same cost and the same sum of ties: CERTIFIED when the
    certificates together prove that there is none; SOLVED when a solver searched the few arcs that
    they leave open and found none; OPEN when that was not proven."""

    CERTIFIED = "CERTIFIED"
    SOLVED = "SOLVED"
    OPEN = "OPEN"


GAP = "GAP"
"""Said in the place of OPEN where the plan costs more than its bound: there may even be a better one."""


@dataclass(frozen=True)
class Assignment:
    session_id: str
    expert_id: str
    centre_id: str
    equipment: Equipment
    stay: int = 0
    """The number of its stay (start), the same for all members of a session."""

    @property
    def key(self) -> SeatKey:
        return SeatKey(self.session_id, self.expert_id)

    @property
    def group(self) -> GroupKey:
        return GroupKey(self.centre_id, self.equipment)


@dataclass(frozen=True)
class Unseated:
    """A seat that could not be given, and which rule bites."""

    session_id: str
    expert_id: str
    reason: Reason

    @property
    def key(self) -> SeatKey:
        return SeatKey(self.session_id, self.expert_id)


@dataclass(frozen=True)
class Plan:
    """Who sits where. `objective` and `bound` in milli: no plan costs less than `bound`, which the
    `certificate` proves: one whole number for each named row of the linear model (zeros left
    out). `ties` does the same for the second criterion, on the face of the plans of least cost, and
    `alone` for the number of arcs that another plan as good could use: none. `prices` is the sum of
    `price_count` certificates of the same bound: more telling than any one of them when somebody asks
    why (`evaluation.seating.why`)."""

    problem_digest: str
    assignments: tuple[Assignment, ...]
    unseated: tuple[Unseated, ...]
    objective: int
    bound: int
    certificate: tuple[tuple[str, int], ...]
    method: Method
    uniqueness: Uniqueness = Uniqueness.OPEN
    ties: tuple[tuple[str, int], ...] = ()
    alone: tuple[tuple[str, int], ...] = ()
    prices: tuple[tuple[str, int], ...] = ()
    price_count: int = 0

    @property
    def is_fallback(self) -> bool:
        return self.method is Method.SEARCH

    @property
    def digest(self) -> str:
        """SHA-256 of who sits where; the same for the same plan, however it was found."""
        return canonical.digest(
            [
                [*seat.key, seat.centre_id, int(seat.equipment), seat.stay]
                for seat in self.assignments
            ]
        )

    @property
    def is_proven(self) -> bool:
        """Whether the certificate proves that there is no better plan."""
        return self.objective == self.bound

    @property
    def standing(self) -> str:
        """What may be said of other plans as good (docs/seats.md): a `Uniqueness`, or GAP."""
        is_open = self.uniqueness is Uniqueness.OPEN
        return GAP if is_open and not self.is_proven else str(self.uniqueness)

    @property
    def gap_ppm(self) -> int:
        """How much dearer than the bound it is at most, in millionths, rounded up."""
        return -(-(self.objective - self.bound) * PPM // max(1, self.bound))


def document(problem: Problem, plan: Plan) -> dict[str, Any]:
    """The `bigloop.plan.v1` document; its problem is the one the plan was made for."""
    return {
        "format": FORMAT,
        "problem": problems.to_json(problem),
        "problem_sha256": plan.problem_digest,
        "method": str(plan.method),
        "seats": [
            [seat.session_id, seat.expert_id, seat.centre_id, int(seat.equipment), seat.stay]
            for seat in plan.assignments
        ],
        "unseated": [
            {
                "session": seat.session_id,
                "expert": seat.expert_id,
                "code": seat.reason.code,
                "params": dict(seat.reason.params),
            }
            for seat in plan.unseated
        ],
        "objective": plan.objective,
        "bound": plan.bound,
        "certificate": dict(plan.certificate),
        "uniqueness": str(plan.uniqueness),
        "ties": dict(plan.ties),
        "alone": dict(plan.alone),
        "prices": dict(plan.prices),
        "price_count": plan.price_count,
        "rules": list(problem.rules),
    }


def from_document(value: Mapping[str, Any]) -> tuple[Problem, Plan]:
    """Problem and plan of a document; ValueError, KeyError or TypeError where it is not one."""
    if value["format"] != FORMAT:
        raise ValueError(f"not a {FORMAT}")
    plan = Plan(
        problem_digest=value["problem_sha256"],
        assignments=tuple(
            Assignment(row[0], row[1], row[2], Equipment(row[3]), row[4]) for row in value["seats"]
        ),
        unseated=tuple(
            Unseated(row["session"], row["expert"], Reason(row["code"], row["params"]))
            for row in value["unseated"]
        ),
        objective=value["objective"],
        bound=value["bound"],
        certificate=tuple(sorted(value["certificate"].items())),
        method=Method(value["method"]),
        uniqueness=Uniqueness(value["uniqueness"]),
        ties=tuple(sorted(value["ties"].items())),
        alone=tuple(sorted(value["alone"].items())),
        prices=tuple(sorted(value["prices"].items())),
        price_count=value["price_count"],
    )
    return problems.from_json(value["problem"]), plan
