"""An expert of the comprehensive pool (综合评标专家库) and what an enrolment must say.

招标投标法实施条例 第四十五条 asks provinces for one comprehensive pool with one national list of
specialties. The name is here and in the row, nowhere else: no entry, request or transcript has it.
Whether an expert may be drawn on a day is decided in `experts.pool.eligibility`; against whom he
must recuse himself in `experts.conflicts`. Face, identity number and telephone are not kept.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import IntEnum, StrEnum
from functools import cached_property
from typing import Any, NamedTuple

from archive import canonical
from archive.errors import Faults
from experts.specialties import Catalogue
from trading.divisions import yunnan
from trading.identifiers import uscc_fault

SPECIALTIES_MAX = 12
UNITS_MAX = 50
HOME_POOL = "530000"
"""The provincial pool itself; other codes are pools that it shares experts with."""
ID_LENGTH_MAX = 40
_POOL = re.compile(r"[1-9][0-9]0000")


class Status(StrEnum):
    """Where an expert stands in the pool."""

    ACTIVE = "ACTIVE"  # 在库
    SUSPENDED = "SUSPENDED"  # 暂停
    LEFT = "LEFT"  # 出库


class Title(IntEnum):
    """Level of the professional title (职称)."""

    NONE = 0
    JUNIOR = 1  # 初级
    MIDDLE = 2  # 中级
    SENIOR = 3  # 副高级 or an equal professional level
    FULL = 4  # 正高级


class Term(NamedTuple):
    """When a specialty holds: from `since` to the day before `until`; None is open on that side."""

    code: str
    since: date | None
    until: date | None

    def holds(self, on: date) -> bool:
        return (self.since is None or self.since <= on) and (self.until is None or on < self.until)


@dataclass(frozen=True)
class Expert:
    """One expert as enrolled.

    `past_employers` and `past_board_seats` are pairs of a USCC and the first day on which he was no
    more there; `board_seats` the companies where he is director or supervisor (董事、监事);
    `controlled_units` those that he owns or controls himself (控股股东、实际控制人); `declared_units`
    those that he declared for kinship or other interest. `home_division` is a county (six digits),
    `lon`, `lat` degrees, used for travel only. `penalised`: an administrative or criminal penalty
    for acts in tendering or evaluation was ever imposed. `specialty_terms` limits specialties in
    time; what has no term there holds always. `certified_until`: the first day on which his
    certificate (聘期) is over. `pool`: the pool that keeps him, a province's code.
    """

    id: str
    name: str
    gender: str
    born: date
    employer_uscc: str
    past_employers: tuple[tuple[str, date], ...]
    board_seats: tuple[str, ...]
    declared_units: tuple[str, ...]
    specialties: tuple[str, ...]
    home_division: str
    lon: float
    lat: float
    title_level: Title
    field_years: int
    enrolled_on: date
    status: Status = Status.ACTIVE
    penalised: bool = False
    past_board_seats: tuple[tuple[str, date], ...] = ()
    controlled_units: tuple[str, ...] = ()
    specialty_terms: tuple[Term, ...] = ()
    certified_until: date | None = None
    pool: str = HOME_POOL

    @property
    def prefecture(self) -> str:
        """The six-digit code of the home prefecture."""
        return self.home_division[:4] + "00"

    def specialties_on(self, on: date) -> tuple[str, ...]:
        """The specialties that hold on a day."""
        if not self.specialty_terms:
            return self.specialties
        over = {term.code for term in self.specialty_terms if not term.holds(on)}
        return tuple(code for code in self.specialties if code not in over)

    @cached_property
    def record_sha256(self) -> str:
        """The digest of what decides about draws: all but name, gender and place on the map."""
        return canonical.digest(self.facts())

    def facts(self) -> dict[str, Any]:
        """What decides about draws, in plain JSON values: no name, gender or place on the map."""
        return {
            "id": self.id,
            "born": self.born.isoformat(),
            "employer": self.employer_uscc,
            "past": _pairs(self.past_employers),
            "boards": list(self.board_seats),
            "past_boards": _pairs(self.past_board_seats),
            "controls": list(self.controlled_units),
            "declared": list(self.declared_units),
            "specialties": list(self.specialties),
            "terms": [
                [term.code, _day(term.since), _day(term.until)] for term in self.specialty_terms
            ],
            "home": self.home_division,
            "title": int(self.title_level),
            "years": self.field_years,
            "enrolled": self.enrolled_on.isoformat(),
            "certified": _day(self.certified_until),
            "pool": self.pool,
            "status": self.status.value,
            "penalised": self.penalised,
        }

    @property
    def units(self) -> tuple[str, ...]:
        """Every organisation that he is or was bound to, by any relation."""
        past = (uscc for uscc, _ in (*self.past_employers, *self.past_board_seats))
        return (*self.present_units, *past)

    @property
    def present_units(self) -> tuple[str, ...]:
        """Those of them to which he is bound now."""
        now = (*self.board_seats, *self.controlled_units, *self.declared_units)
        return (self.employer_uscc, *now)


def of_facts(
    facts: Mapping[str, Any], *, name: str = "", gender: str = "", lon: float = 0, lat: float = 0
) -> Expert:
    """The expert whose `facts()` these are; what facts do not hold is handed in."""
    return Expert(
        id=facts["id"],
        name=name,
        gender=gender,
        born=date.fromisoformat(facts["born"]),
        employer_uscc=facts["employer"],
        past_employers=_of_pairs(facts["past"]),
        board_seats=tuple(facts["boards"]),
        declared_units=tuple(facts["declared"]),
        specialties=tuple(facts["specialties"]),
        home_division=facts["home"],
        lon=lon,
        lat=lat,
        title_level=Title(facts["title"]),
        field_years=facts["years"],
        enrolled_on=date.fromisoformat(facts["enrolled"]),
        status=Status(facts["status"]),
        penalised=facts["penalised"],
        past_board_seats=_of_pairs(facts["past_boards"]),
        controlled_units=tuple(facts["controls"]),
        specialty_terms=tuple(
            Term(code, _of_day(since), _of_day(until)) for code, since, until in facts["terms"]
        ),
        certified_until=_of_day(facts["certified"]),
        pool=facts["pool"],
    )


def _day(day: date | None) -> str:
    return day.isoformat() if day else ""


def _of_day(text: str) -> date | None:
    return date.fromisoformat(text) if text else None


def _pairs(pairs: tuple[tuple[str, date], ...]) -> list[list[str]]:
    return [[uscc, until.isoformat()] for uscc, until in pairs]


def _of_pairs(pairs: list[list[str]]) -> tuple[tuple[str, date], ...]:
    return tuple((uscc, date.fromisoformat(until)) for uscc, until in pairs)


def check(expert: Expert, within: Catalogue, on: date, faults: Faults, pointer: str) -> None:
    """Add every fault of one enrolment."""
    plain = expert.id.isascii() and expert.id.replace("-", "").isalnum()
    if not (plain and 0 < len(expert.id) <= ID_LENGTH_MAX):
        faults.add(f"{pointer}/id", "experts.expert.id", value=expert.id[:ID_LENGTH_MAX])
    if not expert.name.strip():
        faults.add(f"{pointer}/name", "experts.expert.name")
    if expert.born >= on:
        faults.add(f"{pointer}/born", "experts.expert.born")
    if expert.enrolled_on > on:
        faults.add(f"{pointer}/enrolled_on", "experts.expert.enrolled_on")
    if expert.field_years < 0:
        faults.add(f"{pointer}/field_years", "experts.expert.field_years")
    if expert.home_division not in yunnan() or yunnan()[expert.home_division].level != 3:
        faults.add(f"{pointer}/home_division", "experts.expert.home", value=expert.home_division)
    if not 0 < len(expert.specialties) <= SPECIALTIES_MAX:
        faults.add(
            f"{pointer}/specialties",
            "experts.expert.specialties",
            count=len(expert.specialties),
            count_max=SPECIALTIES_MAX,
        )
    if tuple(sorted(set(expert.specialties))) != expert.specialties:
        faults.add(f"{pointer}/specialties", "experts.expert.specialties_order")
    for index, code in enumerate(expert.specialties):
        if not within.is_leaf(code):
            faults.add(
                f"{pointer}/specialties/{index}", "experts.specialty.not_leaf", specialty=code
            )
    _check_terms(expert, faults, pointer)
    if len(expert.units) > UNITS_MAX:
        faults.add(pointer, "experts.expert.units", count_max=UNITS_MAX)
    for uscc in expert.units:
        wrong = uscc_fault(uscc)
        if wrong is not None:
            faults.add(f"{pointer}/units", "experts.expert.uscc", value=uscc[:18])


def _check_terms(expert: Expert, faults: Faults, pointer: str) -> None:
    for index, term in enumerate(expert.specialty_terms):
        place = f"{pointer}/specialty_terms/{index}"
        if term.code not in expert.specialties:
            faults.add(place, "experts.expert.term_code", specialty=term.code[:7])
        if term.since is not None and term.until is not None and term.until <= term.since:
            faults.add(place, "experts.expert.term_order", specialty=term.code[:7])
    if not _POOL.fullmatch(expert.pool):
        faults.add(f"{pointer}/pool", "experts.expert.pool", value=expert.pool[:6])
