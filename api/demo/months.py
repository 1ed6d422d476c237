"""`bigloop demo --months N`: the volumes of N months, and what one prefecture publishes beside them.

For each working day from January 2024 the cohort's size, hosts and committees are those of the script;
who sits where is decided by the real planner alone, day by day and without a database, for experts at
synthetic homes. What is held over night is still held the next morning. Volumes only: no bids, no
sessions. The published figures are Dali's for January to October 2024.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from api.commands.terminal import say
from api.demo.progress import progress
from api.demo.province import Province
from api.demo.script import DALI, LotScript, ProjectScript, cohort
from api.flows.seating import NEEDS
from deposits.relief import ProjectRelief, relief_ratio_amount, relief_ratio_projects
from deposits.terms import TermsFacts, terms
from evaluation.accounts.account import Account, Use, accounts, loop_permille
from evaluation.seating import build
from evaluation.seating.booking import BookedSeat
from evaluation.seating.numbers import numbers_of
from evaluation.seating.plan import Plan
from evaluation.seating.problem import Problem, SeatRequest
from evaluation.seating.service import PROVINCE
from evaluation.seating.solve import solve
from evaluation.stations.service import RULE_RESERVE, RULE_STAY_DAYS
from evaluation.stations.slots import Part, slot_of, slots_on, stay
from evaluation.stations.station import Capacity, Equipment, StationGroup, capacity_of, groups_of
from trading.calendar.legal import calendar
from trading.money import Money
from trading.parties.party import Centre, Standing
from trading.regime import ProjectKind, Regime
from trading.rules.book import book
from trading.synthetic import Dice

FIRST = date(2024, 1, 1)
MONTHS_MAX = 12
PUBLISHED: Mapping[str, str] = {
    "hosted_projects": "400",
    "loop_share_percent": "100",
    "seats_given": "4533",
    "overnight_sessions": "73",
    "relieved_projects_percent": "81.22",
}
"""Dali, January to October 2024. What it received is not published."""
BID_VALIDITY_DAYS = 90
DAYS_TOUCHED = 2
"""A night's review goes on the next morning."""


def months(count: int, seed: int) -> int:
    """Play `count` months and print one line a figure, then all of them as JSON."""
    if not 1 <= count <= MONTHS_MAX:
        say(f"--months: 1..{MONTHS_MAX}")
        return 64
    figures = volumes(count, seed)
    say(f"大理州 / Dali, {count} months from {FIRST:%Y-%m}, seed {seed}; published: 2024-01..10")
    for name, value in figures.items():
        say(f"  {name:<28}{value:>10}   {PUBLISHED.get(name, '-'):>10}")
    say(
        "  减免项目占比取决于虚构的招标文件,未按公布值标定 / the share of relieved projects follows"
    )
    say("  from invented tender files and is not calibrated; by amount it would be another figure.")
    say(json.dumps(figures))
    return 0


@dataclass
class _Counted:
    """What has come together so far."""

    total: Counter[str] = field(default_factory=Counter)
    uses: list[Use] = field(default_factory=list)
    relief: list[ProjectRelief] = field(default_factory=list)


def volumes(
    count: int, seed: int, province: Province | None = None, days_max: int | None = None
) -> dict[str, int | str]:
    """The figures of Dali over `count` months, and the province's totals for scale; of the first
    `days_max` working days only where that is given."""
    days = [day for day in _days(count) if calendar().is_workday(day)][:days_max]
    province = province or Province(seed, FIRST - timedelta(days=1))
    groups = groups_of(province.venues)
    held: list[BookedSeat] = []
    counted = _Counted()
    with progress() as shown:
        for done, day in enumerate(days):
            shown.at(datetime.combine(day, datetime.min.time(), UTC), done, len(days) - done)
            projects = cohort(seed, day, province.cast)
            busy = {seat.expert_id for seat in held}
            requests = _requests(province, seed, day, projects, busy)
            problem = problem_of(seed, day, requests, groups, province.parties.centres, held)
            plan = solve(problem)
            held = _held(problem, plan)
            _count_seats(counted, problem, plan)
            _count_projects(counted, projects, day)
    total, dali = counted.total, _dali(counted.uses)
    return {
        "working_days": len(days),
        "hosted_projects": total["hosted"],
        "loop_share_percent": (loop_permille(total["in_loop"], total["hosted"]) or 0) // 10,
        "seats_given": dali.given,
        "seats_received": dali.received,
        "seats_within_dali": dali.inside,
        "overnight_sessions": total["nights"],
        "relieved_projects_percent": str(relief_ratio_projects(counted.relief).percent()),
        "relieved_amount_percent": str(relief_ratio_amount(counted.relief).percent()),
        "province_sessions": total["sessions"],
        "province_seats": len(counted.uses),
        "province_unseated": total["unseated"],
        "plans_proven_best": total["proven"],
    }


def problem_of(
    seed: int,
    day: date,
    requests: Sequence[SeatRequest],
    groups: Sequence[StationGroup],
    centres: Sequence[Centre],
    held: Sequence[BookedSeat] = (),
) -> Problem:
    """The problem of a day as the service makes it, from values: all stations open, the reserve kept,
    `held` from the day before."""
    rules, slots = book(), slots_on([day + timedelta(days=n) for n in range(DAYS_TOUCHED)])
    stay_days, reserve = rules.rule(RULE_STAY_DAYS, day), rules.rule(RULE_RESERVE, day)
    free = {
        (group.key, slot): count
        for group in groups
        for slot, count in capacity_of(
            group,
            (),
            {},
            slots,
            reserve_permille=reserve.number,
            stay_days_max=stay_days.number,
        ).items()
    }
    return build.build(
        requests,
        groups=groups,
        capacity=Capacity(free),
        centres=centres,
        booked=held,
        moved=(),
        numbers=numbers_of(rules, day, PROVINCE),
        seed=hashlib.sha256(f"{seed} {day}".encode()).digest(),
    )


def _held(problem: Problem, plan: Plan) -> list[BookedSeat]:
    """The seats of a plan that hold a night, and so the next morning."""
    found = []
    for given in plan.assignments:
        slots = problem.seat_of[given.key].stays[given.stay]
        if len(slots) > Part.NIGHT:
            found.append(
                BookedSeat(
                    str(given.key),
                    "",
                    given.session_id,
                    given.expert_id,
                    given.centre_id,
                    given.equipment,
                    slots,
                )
            )
    return found


def _count_seats(counted: _Counted, problem: Problem, plan: Plan) -> None:
    host = {committee.session_id: committee.host_centre_id for committee in problem.committees}
    counted.uses += [
        Use(
            host[given.session_id],
            given.centre_id,
            problem.seat_of[given.key].stays[given.stay],
        )
        for given in plan.assignments
    ]
    in_loop = {given.session_id for given in plan.assignments}
    counted.total["in_loop"] += sum(host[session].startswith(DALI) for session in in_loop)
    counted.total["unseated"] += len(plan.unseated)
    counted.total["proven"] += plan.is_proven


def _dali(uses: Iterable[Use]) -> Account:
    """Dali's account over all months."""
    months = [
        account
        for account in accounts(uses, {}, lambda centre_id: centre_id[: len(DALI)])
        if account.area == DALI
    ]
    return Account(
        DALI,
        "",
        sum(month.given for month in months),
        sum(month.received for month in months),
        sum(month.inside for month in months),
    )


def _days(count: int) -> list[date]:
    year, month = divmod(FIRST.month - 1 + count, 12)
    end = FIRST.replace(year=FIRST.year + year, month=month + 1)
    return [FIRST + timedelta(days=n) for n in range((end - FIRST).days)]


def _requests(
    province: Province,
    seed: int,
    day: date,
    projects: tuple[ProjectScript, ...],
    busy: Iterable[str] = (),
) -> list[SeatRequest]:
    """A seat for each expert of each lot; the experts are drawn from the pool without its rules, but
    not from those who still sit where they stayed over night."""
    dice = Dice(f"months {seed} {day}".encode())
    lots = [(project, lot) for project in projects for lot in project.lots]
    gone = set(busy)
    sample = dice.sample(province.experts, sum(lot.experts for _, lot in lots) + len(gone))
    drawn = (expert for expert in sample if expert.id not in gone)
    found = []
    for project, lot in lots:
        first = slot_of(day, Part.AM if lot.first_part == 0 else Part.PM)
        for _ in range(lot.experts):
            expert = next(drawn)
            found.append(
                SeatRequest(
                    session_id=f"{day:%Y%m%d}-{lot.key}",
                    expert_id=expert.id,
                    lon=expert.lon,
                    lat=expert.lat,
                    employer_uscc=expert.employer_uscc,
                    slots=stay(first, lot.slots),
                    members=lot.experts + lot.representatives,
                    host_centre_id=project.centre_id,
                    tenderer_uscc=project.tenderer,
                    tenderer_division=project.division,
                    needs=NEEDS.get(ProjectKind(project.kind), Equipment.BASIC),
                    overnight=lot.overnight,
                )
            )
    return found


def _count_projects(counted: _Counted, projects: Iterable[ProjectScript], day: date) -> None:
    for project in projects:
        counted.total["sessions"] += len(project.lots)
        if not project.centre_id.startswith(DALI):
            continue
        counted.total["hosted"] += len(project.lots)
        counted.total["nights"] += sum(lot.overnight for lot in project.lots)
        counted.relief += [_relief(project, lot, day) for lot in project.lots]


def _relief(project: ProjectScript, lot: LotScript, day: date) -> ProjectRelief:
    """What the rules take off for a bidder without a record of dishonesty."""
    facts = TermsFacts(
        regime=Regime(project.regime),
        kind=ProjectKind(project.kind),
        region=project.division,
        estimate=lot.estimate,
        tender_amount=Money(sum(other.estimate.fen for other in project.lots)),
        charged=lot.deposit_charged,
        government_invested=project.government_invested,
        honesty=Standing.CLEAN,
        opening_on=day,
        bid_validity_days=BID_VALIDITY_DAYS,
    )
    found = terms(facts, day)
    return ProjectRelief(f"{day}-{lot.key}", found.ceiling, found.due)
