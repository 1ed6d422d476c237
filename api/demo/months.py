"""`bigloop demo --months N`: the volumes of N months, and what one prefecture publishes beside them.

For each working day from January 2024 the cohort's size, hosts and committees are those of the script;
who sits where is decided by the real planner, day by day, for experts at synthetic homes. Volumes
only: no bids, no sessions, and a night's stations are not carried over to the next morning. The
published figures are Dali's for January to October 2024.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from api.commands.terminal import say
from api.demo.once import opened, settings_of
from api.demo.progress import progress
from api.demo.province import Province
from api.demo.script import DALI, LotScript, ProjectScript, at, cohort
from api.flows.seating import NEEDS
from archive.clock import DrivenClock
from deposits.relief import ProjectRelief, relief_ratio_amount, relief_ratio_projects
from deposits.terms import TermsFacts, terms
from evaluation.seating import service as seating
from evaluation.seating.problem import SeatRequest
from evaluation.seating.solve import solve
from evaluation.stations.slots import Part, slot_of, stay
from evaluation.stations.station import Equipment
from trading.calendar.legal import calendar
from trading.money import Money
from trading.parties.party import Standing
from trading.regime import ProjectKind, Regime
from trading.synthetic import Dice

FIRST = date(2024, 1, 1)
MONTHS_MAX = 12
PUBLISHED: Mapping[str, str] = {
    "hosted_projects": "400",
    "seats_given": "4533",
    "overnight_sessions": "73",
    "relieved_projects_percent": "81.22",
}
"""Dali, January to October 2024."""
BID_VALIDITY_DAYS = 90


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


def volumes(count: int, seed: int) -> dict[str, int | str]:
    """The figures of Dali over `count` months, and the province's totals for scale."""
    days = [day for day in _days(count) if calendar().is_workday(day)]
    province = Province(seed, FIRST - timedelta(days=1))
    total: Counter[str] = Counter()
    relief: list[ProjectRelief] = []
    with tempfile.TemporaryDirectory() as folder, progress() as shown:
        clock = DrivenClock(at(province.today, 12))
        with opened(settings_of(Path(folder), ""), clock, seed) as office:
            with office.write() as tx:
                province.install(tx)
            for done, day in enumerate(days):
                clock.move_to(at(day, 8))
                shown.at(datetime.combine(day, datetime.min.time(), UTC), done, len(days) - done)
                projects = cohort(seed, day, province.cast)
                requests = _requests(province, seed, day, projects)
                digest = hashlib.sha256(f"{seed} {day}".encode()).digest()
                with office.read() as db:
                    horizon = [day, day + timedelta(days=1)]
                    problem = seating.problem_for(db, requests, on_days=horizon, seed=digest)
                plan = solve(problem)
                total["seats"] += len(plan.assignments)
                total["unseated"] += len(plan.unseated)
                total["seats_given"] += sum(
                    seat.centre_id.startswith(DALI) for seat in plan.assignments
                )
                _count(projects, total, relief, day)
    return {
        "working_days": len(days),
        "hosted_projects": total["hosted"],
        "seats_given": total["seats_given"],
        "overnight_sessions": total["nights"],
        "relieved_projects_percent": str(relief_ratio_projects(relief).percent()),
        "relieved_amount_percent": str(relief_ratio_amount(relief).percent()),
        "province_sessions": total["sessions"],
        "province_seats": total["seats"],
        "province_unseated": total["unseated"],
    }


def _days(count: int) -> list[date]:
    year, month = divmod(FIRST.month - 1 + count, 12)
    end = FIRST.replace(year=FIRST.year + year, month=month + 1)
    return [FIRST + timedelta(days=n) for n in range((end - FIRST).days)]


def _requests(
    province: Province, seed: int, day: date, projects: tuple[ProjectScript, ...]
) -> list[SeatRequest]:
    """A seat for each expert of each lot; the experts are drawn from the pool without its rules."""
    dice = Dice(f"months {seed} {day}".encode())
    lots = [(project, lot) for project in projects for lot in project.lots]
    drawn = iter(dice.sample(province.experts, sum(lot.experts for _, lot in lots)))
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


def _count(
    projects: tuple[ProjectScript, ...], total: Counter[str], relief: list[ProjectRelief], day: date
) -> None:
    for project in projects:
        total["sessions"] += len(project.lots)
        if not project.centre_id.startswith(DALI):
            continue
        total["hosted"] += len(project.lots)
        total["nights"] += sum(lot.overnight for lot in project.lots)
        relief += [_relief(project, lot, day) for lot in project.lots]


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
