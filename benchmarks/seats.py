"""The seat planner: how near the best, how soon, against what else could be done with the same tools.

Every plan of ours is checked (`check.violations`, `audit`) before a line is printed; what peers find
is checked by the same rules. The instances are seeded (`evaluation.seating.synthetic`).

    province day   time to a plan within 1 % of the certified bound, against
                   CP-SAT with one optional interval for each (seat, station) and no-overlap,
                   CP-SAT on the planner's own programme over groups; both with two workers.
                   A peer that does not get there within its limit counts with its limit: "≥".
                   Beside them, without a goal: greedy, and min-cost flow in phases.
    tight day, nation, week      the gap; the nation's memory, and the auditor's arithmetic
    re-plan        one event on a confirmed day, with the stay tax and freely planned with a new seed
    families       the same plan from GLOP's vertex, SCIP and HIGHS (CP-SAT on the centre)
    price          what the seed's amplitude adds to the cost (no goal)
    why            the sign of "dearer there" against solving anew

Times are CPU seconds of the process, divided by the peer's number of workers: on an idle machine
that is the time on the wall, on a busy one it is what the wall would have shown.

    python benchmarks/seats.py [--quick] [--only NAME]     one line of JSON a case
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402 - the path comes first
from ortools.graph.python import min_cost_flow  # noqa: E402
from ortools.sat.python import cp_model  # noqa: E402

from archive.errors import Reason  # noqa: E402
from evaluation.seating import audit, check, model, replan, search, synthetic  # noqa: E402
from evaluation.seating.arcs import Arcs, arcs_of  # noqa: E402
from evaluation.seating.plan import PPM, Assignment, Method, Plan, Uniqueness, Unseated  # noqa: E402
from evaluation.seating.problem import MILLI, Problem, SeatKey, load_pieces, with_amplitude  # noqa: E402
from evaluation.seating.replan import anew, difference  # noqa: E402
from evaluation.seating.solve import solve  # noqa: E402
from evaluation.seating.solver import Family, Watch  # noqa: E402
from evaluation.seating.why import Prices  # noqa: E402
from evaluation.stations.slots import Part  # noqa: E402

SEED = 1
WORKERS = 2
NEAR_PERMILLE = 10
WALL_FACTOR = 4
"""On a busy machine a peer is stopped on the wall after so many times its limit."""


def line(
    case: str,
    ours: float,
    unit: str,
    goal: float,
    sense: str,
    *,
    peer: float | None = None,
    peer_name: str | None = None,
    at_least: bool = False,
    ratio: float | None = None,
) -> dict[str, object]:
    """`sense` is how the figure (the ratio where there is a peer) must stand to the goal."""
    figure = ours if ratio is None else ratio
    return {
        "bench": "seats",
        "case": case,
        "ours": round(ours, 6),
        "peer": None if peer is None else round(peer, 4),
        "unit": unit,
        "peer_name": peer_name,
        "ratio": None if ratio is None else round(ratio, 4),
        "at_least": at_least,
        "goal": f"{sense} {goal:g}",
        "holds": figure <= goal if sense == "<=" else figure >= goal,
    }


def told(case: str, value: float, unit: str, name: str) -> dict[str, object]:
    """A figure that stands beside the others and has no goal."""
    return {"bench": "seats", "case": case, "ours": None, "peer": value, "unit": unit,
            "peer_name": name, "ratio": None, "goal": None, "holds": True}  # fmt: skip


def proven(problem: Problem, watch: Watch | None = None) -> Plan:
    """Our plan, checked by those who do not know how it was made."""
    plan = solve(problem, watch=watch)
    assert check.violations(problem, plan) == []
    found = audit.audit(problem, plan)
    assert found.bound == plan.bound <= plan.objective == check.objective(problem, plan)
    assert found.is_unique or plan.uniqueness is not Uniqueness.CERTIFIED
    return plan


def staged(at: dict[str, float], began: float) -> Callable[[str], None]:
    """Notes in `at` when each stage of a solve began."""

    def note(stage: str) -> None:
        at[stage] = time.process_time() - began

    return note


# --- Province day -----------------------------------------------------------------------


def province_day(limit: float) -> Iterator[dict[str, object]]:
    day = synthetic.problem("day", SEED)
    solve(synthetic.problem("centre", SEED))  # the libraries are loaded, for all
    took: list[float] = []
    for _ in range(3):
        fresh = synthetic.problem("day", SEED)
        watch, began = Watch(), time.process_time()
        at: dict[str, float] = {}
        watch.on_stage = staged(at, began)
        plan = solve(fresh, watch=watch)
        took.append(at["ties"])
    plan = proven(day)
    yield line("day: gap, ppm", plan.gap_ppm, "ppm", 0, "<=")
    ours = sorted(took)[1]
    yield line("day: seconds to the proof", ours, "seconds", 1, "<=")
    enough = plan.bound * (1000 + NEAR_PERMILLE) // 1000
    goal = 100 if limit >= 60 else 30
    for name, build, wanted in (
        ("CP-SAT, no-overlap for each station", with_intervals, goal),
        ("CP-SAT, the same groups", with_groups, 10),
    ):
        seconds, best, reached = raced(day, build, enough, limit)
        said = f"{name}: " + ("reached 1 %" if reached else f"best {best}, bound {plan.bound}")
        yield line(
            "day: time to 1 %", ours, "seconds", wanted, ">=",
            peer=seconds, peer_name=said, at_least=not reached, ratio=seconds / ours,
        )  # fmt: skip
    for name, other in (
        ("greedy and local search", search.plan(day)),
        ("min-cost flow in phases", flow(day)),
    ):
        assert check.violations(day, other) == []
        more = (other.objective - plan.objective) * 100 / plan.objective
        said = f"{name}: {len(other.unseated)} unseated (ours {len(plan.unseated)})"
        yield told("day: dearer than ours", round(more, 2), "percent", said)


def raced(
    problem: Problem, build: Callable[[Problem], tuple[Any, Any]], enough: int, limit: float
) -> tuple[float, int | None, bool]:
    """CP-SAT's seconds to `enough`, its model's building included, or to its limit; its best."""
    began = time.process_time()
    made, cost = build(problem)
    made.minimize(cost)
    built = time.process_time() - began
    solver: Any = cp_model.CpSolver()
    solver.parameters.num_workers = WORKERS
    solver.parameters.max_time_in_seconds = limit * WALL_FACTOR

    def busy() -> float:
        return built + (time.process_time() - began - built) / WORKERS

    class Seen(cp_model.CpSolverSolutionCallback):
        best: int | None = None
        at: float | None = None

        def on_solution_callback(self) -> None:
            self.best = round(self.objective_value)
            if self.best <= enough and self.at is None:
                self.at = busy()
                self.stop_search()

    seen = Seen()
    timer = threading_timer(lambda: busy() >= built + limit, solver.stop_search)
    solver.solve(made, seen)
    timer()
    return (seen.at if seen.at is not None else max(limit, busy()), seen.best, seen.at is not None)


def threading_timer(is_over: Callable[[], bool], stop: Callable[[], object]) -> Callable[[], None]:
    """Ask five times a second whether the limit is reached; returns what ends the asking."""
    import threading

    done = threading.Event()

    def look() -> None:
        while not done.wait(0.2):
            if is_over():
                stop()
                return

    thread = threading.Thread(target=look, daemon=True)
    thread.start()

    def end() -> None:
        done.set()
        thread.join()

    return end


def with_groups(problem: Problem) -> tuple[Any, Any]:
    """The planner's programme, row by row, for CP-SAT."""
    built = model.model_of(problem)
    rows = built.rows()
    made: Any = cp_model.CpModel()
    variables = [made.new_int_var(0, int(most), "") for most in rows.most]
    matrix = rows.matrix.tocsr()
    for row in range(len(rows.rhs)):
        part = slice(matrix.indptr[row], matrix.indptr[row + 1])
        terms = cp_model.LinearExpr.weighted_sum(
            [variables[c] for c in matrix.indices[part]], matrix.data[part].tolist()
        )
        made.add(terms == int(rows.rhs[row]) if rows.equal[row] else terms <= int(rows.rhs[row]))
    return made, cp_model.LinearExpr.weighted_sum(variables, rows.cost.tolist())


def with_intervals(problem: Problem) -> tuple[Any, Any]:
    """One optional interval for each (seat, station), no two of a station at once. A station that is
    not free in a slot has a fixed interval there. The other rules as in the planner's programme."""
    made: Any = cp_model.CpModel()
    listed = arcs_of(problem)
    present, machines = _intervals(made, problem, listed)
    for intervals in machines.values():
        if len(intervals) > 1:
            made.add_no_overlap(intervals)
    costs = [
        (here, int(cost))
        for chosen, cost in zip(present, listed.cost, strict=True)
        for here in chosen
    ]
    of_seat: dict[int, list[Any]] = defaultdict(list)
    for chosen, seat in zip(present, listed.seat.tolist(), strict=True):
        of_seat[seat] += chosen
    for index in range(len(problem.seats)):
        missing = made.new_bool_var("")
        made.add_exactly_one([*of_seat[index], missing])
        costs.append((missing, problem.weights.unseated))
    costs += _softly(made, problem, listed, present)
    held: dict[tuple[str, int], list[int]] = defaultdict(list)
    for number, one in enumerate(problem.seats):
        for slot in one.slots:
            held[one.expert_id, slot].append(number)
    for numbers in held.values():
        if len(numbers) > 1:
            made.add(sum(here for number in numbers for here in of_seat[number]) <= 1)
    return made, cp_model.LinearExpr.weighted_sum([v for v, _ in costs], [c for _, c in costs])


def _intervals(
    made: Any, problem: Problem, listed: Arcs
) -> tuple[list[list[Any]], dict[tuple[int, int], list[Any]]]:
    """For each arc the presence on every station of its group, and the intervals of each station."""
    machines: dict[tuple[int, int], list[Any]] = defaultdict(list)
    most = [max(group.free) for group in problem.groups]
    for index, group in enumerate(problem.groups):
        for slot, free in enumerate(group.free):
            for station in range(free, most[index]):
                machines[index, station].append(made.new_fixed_size_interval_var(slot, 1, ""))
    present = []
    for where, first, last in zip(
        listed.group.tolist(), listed.first.tolist(), listed.last.tolist(), strict=True
    ):
        chosen = []
        for station in range(most[where]):
            here = made.new_bool_var("")
            interval = made.new_optional_fixed_size_interval_var(first, last - first + 1, here, "")
            machines[where, station].append(interval)
            chosen.append(here)
        present.append(chosen)
    return present, machines


def _softly(
    made: Any, problem: Problem, listed: Arcs, present: list[list[Any]]
) -> list[tuple[Any, int]]:
    """Dispersal over centres and prefectures, and shared load, with their prices."""
    limits, weights = problem.limits, problem.weights
    centre: dict[tuple[int, int], list[Any]] = defaultdict(list)
    area: dict[tuple[int, str], list[Any]] = defaultdict(list)
    load: dict[int, list[Any]] = defaultdict(list)
    for chosen, session, place in zip(
        present, listed.session.tolist(), listed.place.tolist(), strict=True
    ):
        centre[session, place] += chosen
        area[session, problem.places[place].prefecture] += chosen
        load[place] += chosen
    costs: list[tuple[Any, int]] = []
    for chosen in centre.values():
        over = made.new_int_var(0, limits.centre_max - limits.centre_free, "")
        made.add(sum(chosen) <= limits.centre_free + over)
        costs.append((over, weights.second_member))
    for (session, _), chosen in area.items():
        members = problem.committees[session].members
        free = limits.prefecture_free_of(members)
        over = made.new_int_var(0, max(0, limits.prefecture_max_of(members) - free), "")
        made.add(sum(chosen) <= free + over)
        costs.append((over, weights.same_prefecture))
    for place, chosen in load.items():
        total = []
        for count, price in load_pieces(problem, problem.places[place], len(problem.seats)):
            piece = made.new_int_var(0, count, "")
            total.append(piece)
            costs.append((piece, price))
        made.add(sum(chosen) <= sum(total))
    return costs


class Phase:
    """One flow: the seats of one run of slots, over what earlier phases left."""

    def __init__(self, problem: Problem, left: Any) -> None:
        self.problem, self.left = problem, left
        self.solver: Any = min_cost_flow.SimpleMinCostFlow()
        self.nodes: dict[tuple[Any, ...], int] = {}
        self.links: set[tuple[int, int]] = set()
        self.ways: dict[int, tuple[int, int]] = {}

    def node(self, *name: Any) -> int:
        return self.nodes.setdefault(name, len(self.nodes))

    def link(self, tail: int, head: int, most: int, cost: int = 0) -> int | None:
        if (tail, head) in self.links:
            return None
        self.links.add((tail, head))
        number: int = self.solver.add_arc_with_capacity_and_unit_cost(tail, head, most, cost)
        return number

    def add_seat(self, seat: int) -> None:
        here = self.node("seat", seat)
        self.link(self.node("source"), here, 1)
        self.link(here, self.node("sink"), 1, self.problem.weights.unseated)

    def add_way(self, seat: int, session: int, place: int, group: int) -> None:
        problem, room = self.problem, int(self.left[group])
        inside, through = self.node("in", session, place), self.node("out", session, place)
        minutes = problem.seats[seat].minutes_to(place) or 0
        way = self.link(self.node("seat", seat), inside, 1, minutes * MILLI)
        if way is not None:
            self.ways[way] = (seat, place)
        self.link(inside, through, problem.limits.centre_free)
        self.link(through, self.node("group", group), room)
        self.link(self.node("group", group), self.node("sink"), room)

    def solve(self, seats: int) -> list[tuple[int, int]]:
        """(seat, place) of everybody who goes somewhere."""
        self.solver.set_node_supply(self.node("source"), seats)
        self.solver.set_node_supply(self.node("sink"), -seats)
        if self.solver.solve() != self.solver.OPTIMAL:
            return []
        return [pair for way, pair in self.ways.items() if self.solver.flow(way)]


def flow(problem: Problem) -> Plan:
    """Min-cost flow in phases, the longest stays first: a flow cannot hold a stay of several slots
    together, nor count prefectures, so each phase has one run of slots and what is left of them."""
    listed = arcs_of(problem)
    free = np.array([group.free for group in problem.groups])
    runs: dict[tuple[int, int], list[int]] = defaultdict(list)
    for arc, run in enumerate(zip(listed.first.tolist(), listed.last.tolist(), strict=True)):
        runs[run].append(arc)
    given: dict[int, Assignment] = {}
    held: set[tuple[str, int]] = set()
    for (first, last), arcs in sorted(runs.items(), key=lambda run: run[0][0] - run[0][1]):
        span = range(first, last + 1)
        asked = sorted(set(listed.seat[arcs].tolist()))
        names = {seat: problem.seats[seat].expert_id for seat in asked}
        idle = [seat for seat in asked if all((names[seat], t) not in held for t in span)]
        seats = set({names[seat]: seat for seat in idle}.values())
        phase = Phase(problem, free[:, first : last + 1].min(axis=1))
        for seat in sorted(seats):
            phase.add_seat(seat)
        for arc in arcs:
            seat = int(listed.seat[arc])
            if seat in seats:
                where = int(listed.session[arc]), int(listed.place[arc]), int(listed.group[arc])
                phase.add_way(seat, *where)
        for seat, place in phase.solve(len(seats)):
            taken = _take(problem, free, seat, place, span)
            if taken is not None:
                given[seat] = taken
                held.update((names[seat], t) for t in span)
    missing = tuple(
        Unseated(one.session_id, one.expert_id, Reason("evaluation.seat.none_free"))
        for index, one in enumerate(problem.seats)
        if index not in given
    )
    plan = Plan(problem.digest, tuple(given.values()), missing, 0, 0, (), Method.SEARCH)
    return replace(plan, objective=check.objective(problem, plan))


def _take(problem: Problem, free: Any, seat: int, place: int, span: range) -> Assignment | None:
    """The lowest class of a centre that suits and is still free."""
    one = problem.seats[seat]
    for index in problem.groups_in[problem.places[place].centre_id]:
        group = problem.groups[index]
        if group.equipment >= one.needs and free[index, span.start : span.stop].min() > 0:
            free[index, span.start : span.stop] -= 1
            return Assignment(*one.key, group.centre_id, group.equipment)
    return None


# --- Larger ones ------------------------------------------------------------------------


def tight_day() -> Iterator[dict[str, object]]:
    plan = proven(synthetic.problem("day_tight", SEED))
    yield line("day_tight: gap, ppm", plan.gap_ppm, "ppm", 500, "<=")


def nation() -> Iterator[dict[str, object]]:
    """In a process of its own, so that the memory is the nation's."""
    code = "from benchmarks import seats; seats.nation_here()"
    done = subprocess.check_output([sys.executable, "-c", code], cwd=ROOT, text=True)
    found = json.loads(done.splitlines()[-1])
    yield line("nation: gap, ppm", found["gap_ppm"], "ppm", 100, "<=")
    yield line("nation: memory", found["mebibytes"], "MiB", 2048, "<=")
    yield line("nation: seconds to the proof", found["seconds"], "seconds", 60, "<=")
    yield line(
        "nation: the auditor's arithmetic", found["arithmetic"], "seconds", 0.01, "<=",
        peer=found["seconds"], peer_name="the solve", ratio=found["arithmetic"] / found["seconds"],
    )  # fmt: skip
    yield told(
        "nation: the whole audit, listing included", found["audit"], "seconds", found["about"]
    )


def nation_here() -> None:
    problem = synthetic.problem("nation", SEED)
    began = time.process_time()
    at: dict[str, float] = {}
    watch = Watch()
    watch.on_stage = staged(at, began)
    plan = solve(problem, watch=watch)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    began = time.process_time()
    assert check.violations(problem, plan) == []
    assert check.objective(problem, plan) == plan.objective
    tables = audit.Tables(problem)
    duals = audit.rows_of(tables, dict(plan.certificate))
    listed = time.process_time()
    assert audit.audit(problem, replace(plan, objective=-1), tables, [duals]).bound == plan.bound
    arithmetic = time.process_time() - listed
    assert audit.audit(problem, plan, tables).bound == plan.bound
    about = f"{len(problem.seats)} seats, {len(tables.arcs)} arcs, {plan.method}, {plan.uniqueness}"
    print(
        json.dumps(
            {
                "gap_ppm": plan.gap_ppm,
                "seconds": at["ties"],
                "mebibytes": round(memory),
                "arithmetic": arithmetic,
                "audit": round(time.process_time() - began, 2),
                "about": f"{about}, {len(plan.unseated)} unseated",
            }
        )
    )


def week() -> Iterator[dict[str, object]]:
    problem = synthetic.problem("week", SEED)
    began = time.process_time()
    plan = proven(problem)
    seconds = time.process_time() - began
    yield line("week: gap, percent", plan.gap_ppm * 100 / PPM, "percent", 1.4, "<=")
    yield line("week: gap, percent, aim", plan.gap_ppm * 100 / PPM, "percent", 0.5, "<=")
    travel = plan.bound - problem.weights.unseated * len(plan.unseated)
    gap = (plan.objective - plan.bound) * 100 / travel
    said = f"{len(problem.seats)} seats, {len(plan.unseated)} unseated, {seconds:.0f} s"
    yield told("week: gap without the price of the unseated", round(gap, 3), "percent", said)


# --- Events, families, prices, reasons ----------------------------------------------------


def events() -> Iterator[dict[str, object]]:
    """Others: confirmed seats that the event itself does not touch."""
    day = synthetic.problem("day", SEED)
    plan = proven(day)
    base = anew(day, plan)
    for name, case, touched in troubles(day, plan, base):
        taxed = proven(case)
        free_case = replace(case, weights=replace(case.weights, move=0), seed=b"a new seed")
        free = proven(free_case)
        moved = sum(m.key not in touched for m in difference(case, taxed, {}).moved)
        freely = sum(m.key not in touched for m in difference(free_case, free, {}).moved)
        tax = check.move_cost(case, taxed)
        dearer = (taxed.objective - tax - free.objective) * 100 / free.objective
        lost_centre = name == "largest centre lost"
        goal = 1.0 if lost_centre else 0.2
        yield line(
            f"re-plan, {name}: others moved", moved, "seats", goal, "<=",
            peer=freely, peer_name="planned freely, with a new seed", ratio=moved / max(1, freely),
        )  # fmt: skip
        yield line(f"re-plan, {name}: dearer", dearer, "percent", 100 if lost_centre else 2.5, "<=")


def troubles(
    day: Problem, plan: Plan, base: Problem
) -> Iterator[tuple[str, Problem, set[SeatKey]]]:
    used = Counter(given.group for given in plan.assignments)
    group = min(used, key=lambda key: (-used[key], key))
    centre = group.centre_id
    dice = np.random.Generator(np.random.PCG64(SEED))
    free = next(g for g in base.groups if g.key == group).free
    count = max(1, max(free) - max_used(day, plan, group) + 1)
    yield "stations fail", replan.stations_fail(base, group, count, day.slots), set()
    there = {a.key for a in plan.assignments if a.centre_id == centre}
    yield "largest centre lost", replan.centre_lost(base, centre, day.slots), there
    case, gone = base, set()
    for index in dice.choice(len(plan.assignments), 10, replace=False).tolist():
        key = plan.assignments[index].key
        old = day.seat_of[key]
        other = day.seats[int(dice.integers(len(day.seats)))]
        new = replace(
            other, session_id=key.session_id, expert_id=f"N{index:05d}", stays=old.stays,
            needs=old.needs, overnight=old.overnight, current="", busy=(),
        )  # fmt: skip
        case = replan.expert_replaced(case, key, new)
        gone.add(key)
    yield "ten experts replaced", case, gone
    case, touched = base, set()
    short = [c.session_id for c in day.committees if _ends_in(day, c.session_id) is Part.AM]
    for session in short[:5]:
        stay = next(s.slots for s in base.seats if s.session_id == session)
        case = replan.session_overruns(case, session, (*stay, stay[-1] + 1))
        touched |= {s.key for s in base.seats if s.session_id == session}
    yield "five sessions overrun", case, touched


def max_used(day: Problem, plan: Plan, group: Any) -> int:
    taken: Counter[int] = Counter()
    for given in plan.assignments:
        if given.group == group:
            taken.update(day.seat_of[given.key].slots)
    return max(taken.values(), default=0)


def _ends_in(day: Problem, session: str) -> Part:
    slots = next(seat.slots for seat in day.seats if seat.session_id == session)
    return Part(slots[-1] % 3)


def families() -> Iterator[dict[str, object]]:
    for name, more in (
        ("centre", (Family.SCIP, Family.HIGHS, Family.CP_SAT)),
        ("day", (Family.SCIP, Family.HIGHS)),
    ):
        problem = synthetic.problem(name, SEED)
        plan = proven(problem)
        same = [solve(problem, family=family).digest == plan.digest for family in more]
        said = f"{', '.join(more)}; {plan.uniqueness}"
        yield line(
            f"families on the {name}: the same plan", sum(same) + 1, "solvers", len(more) + 1, ">=",
            peer=len(more) + 1, peer_name=said,
        )  # fmt: skip


def unpredictability() -> Iterator[dict[str, object]]:
    day = synthetic.problem("day", SEED)
    plain = proven(day)
    for minutes in (2, 5, 10):
        plan = proven(with_amplitude(day, minutes))
        true = check.objective(day, replace(plan, problem_digest=day.digest))
        more = (true - plain.objective) * 100 / plain.objective
        yield told(
            f"price of an amplitude of {minutes} min", round(more, 3), "percent", "no amplitude"
        )


def why(pairs: int) -> Iterator[dict[str, object]]:
    day = synthetic.problem("day", SEED)
    plan = proven(day)
    prices = Prices(day, plan)
    dice = np.random.Generator(np.random.PCG64(SEED))
    right = asked = 0
    while asked < pairs:
        given = plan.assignments[int(dice.integers(len(plan.assignments)))]
        seat = day.seat_of[given.key]
        place = int(dice.choice(seat.near))
        answer = prices.why(seat.key, day.places[place].centre_id)
        if answer.dearer is None or answer.is_here:
            continue
        alone = replace(seat, near=(place,), minutes=(seat.minutes_to(place) or 0,))
        forced = solve(
            replace(day, seats=tuple(alone if s.key == seat.key else s for s in day.seats))
        )
        seated = seat.key in {a.key for a in forced.assignments}
        is_dearer = not seated or forced.objective > plan.objective
        assert not seated or answer.dearer <= forced.objective - plan.objective
        asked += 1
        right += (answer.dearer > 0) == is_dearer
    yield line(
        "why: sign right",
        right / asked,
        "of pairs",
        0.95,
        ">=",
        peer=asked,
        peer_name="solved anew",
    )


CASES: dict[str, Callable[[], Iterator[dict[str, object]]]] = {
    "day": lambda: province_day(60.0),
    "tight": tight_day,
    "events": events,
    "families": families,
    "price": unpredictability,
    "why": lambda: why(40),
    "nation": nation,
    "week": week,
}


def quickly() -> Iterator[dict[str, object]]:
    """The province day with a short limit."""
    return province_day(10.0)


def main() -> None:
    parser = argparse.ArgumentParser(description="the seat planner")
    parser.add_argument(
        "--quick", action="store_true", help="the province day with a limit of 10 s"
    )
    parser.add_argument("--only", choices=sorted(CASES), help="one case")
    arguments = parser.parse_args()
    if arguments.quick:
        cases: list[Callable[[], Iterator[dict[str, object]]]] = [quickly]
    else:
        cases = [CASES[arguments.only]] if arguments.only else list(CASES.values())
    for case in cases:
        for found in case():
            print(json.dumps(found, ensure_ascii=False), flush=True)


if __name__ == "__main__":
    main()
