"""Offline verification of a seat plan (`bigloop.plan.v1`): no solver, no database, no network.

 1  the document is a plan with its problem, and the problem has the digest that the plan names
 2  the plan keeps every rule (`evaluation.seating.check`, own loops)
 3  the objective is what the seats cost
 4  the certificate proves the bound (`evaluation.seating.audit`, whole numbers)
 5  the bound is not above the objective; a gap is stated, it is no fault
 6  where the plan says that its certificates prove it the only one as good, they do

What it does not show: that the requests, the stations and the rule numbers in the problem are the
true ones. For that the problem's digest stands on the record before anything else.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from archive.errors import Faults, Param, Reason, Refusal
from archive.verification.report import Finding, Status, Step
from evaluation.seating import check
from evaluation.seating.audit import audit
from evaluation.seating.plan import Plan, Uniqueness, from_document
from evaluation.seating.problem import Problem
from evaluation.seating.sound import check_problem

FILE = "plan.json"
NAMES = ("document", "rules", "objective", "certificate", "gap", "unique")


def verify_plan(value: Mapping[str, Any]) -> list[Step]:
    """The steps for a decoded document; later steps are not run where an earlier one leaves
    nothing to judge."""
    try:
        problem, plan = from_document(value)
        digest = problem.digest
    except (ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
        return _steps([[Reason("evaluation.seat.verify_form", {"what": str(error)[:200]})]])
    if digest != plan.problem_digest:
        return _steps([[Reason("evaluation.seat.other_problem")]])
    faults = Faults("evaluation.seat.invalid")
    try:
        check_problem(problem, faults)
    except (ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
        return _steps([[Reason("evaluation.seat.verify_form", {"what": str(error)[:200]})]])
    try:
        faults.refuse()
    except Refusal as refusal:
        return _steps([[Reason(fault.code, fault.params) for fault in refusal.faults]])
    try:
        broken = check.violations(problem, plan)
    except (ValueError, KeyError, IndexError, TypeError) as error:
        return _steps([[Reason("evaluation.seat.verify_form", {"what": str(error)[:200]})]])
    if broken:
        return _steps([[], broken])
    return _steps([[], [], _objective(problem, plan), *_bound(problem, plan)])


def plan_faults(value: Any) -> list[Reason]:
    """The reasons why a document is not valid, for verification inside a dossier."""
    return [finding.reason for step in verify_plan(value) for finding in step.findings]


def proven(value: Mapping[str, Any]) -> tuple[Reason, Reason]:
    """What a document that holds proves: its cost, the bound, and the gap between them; and what it
    says of other plans as good."""
    _, plan = from_document(value)
    numbers: dict[str, Param] = {
        "objective": plan.objective,
        "bound": plan.bound,
        "gap": plan.gap_ppm,
        "unseated": len(plan.unseated),
    }
    return (
        Reason("evaluation.seat.verify_proven", numbers),
        Reason(f"evaluation.seat.verify_others.{plan.standing}"),
    )


def _objective(problem: Problem, plan: Plan) -> list[Reason]:
    cost = check.objective(problem, plan)
    if cost == plan.objective:
        return []
    return [Reason("evaluation.seat.verify_objective", {"said": plan.objective, "found": cost})]


def _bound(problem: Problem, plan: Plan) -> list[list[Reason]]:
    try:
        found = audit(problem, plan)
    except (ValueError, KeyError, TypeError, IndexError) as error:
        return [[Reason("evaluation.seat.verify_form", {"what": str(error)[:200]})]]
    if found.bound != plan.bound:
        params: dict[str, Param] = {"said": plan.bound, "found": found.bound}
        return [[Reason("evaluation.seat.verify_bound", params)]]
    if plan.bound > plan.objective:
        params = {"bound": plan.bound, "objective": plan.objective}
        return [[], [Reason("evaluation.seat.verify_above", params)]]
    if plan.uniqueness is Uniqueness.CERTIFIED and not found.is_unique:
        return [[], [], [Reason("evaluation.seat.verify_not_unique")]]
    return [[], [], []]


def _steps(run: list[list[Reason]]) -> list[Step]:
    steps = []
    for index, name in enumerate(NAMES):
        found = run[index] if index < len(run) else []
        status = Status.NOT_RUN
        if index < len(run):
            status = Status.FAILED if found else Status.OK
        findings = tuple(Finding(FILE, reason) for reason in found)
        label = Reason(f"evaluation.seat.verify_step_{name}")
        steps.append(Step(index + 1, label, status, findings))
    return steps
