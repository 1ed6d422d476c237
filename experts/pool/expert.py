"""An expert of the comprehensive pool (综合评标专家库) and what an enrolment must say.

招标投标法实施条例 第四十五条 asks provinces for one comprehensive pool with one national list of
specialties. The name is here and in the row, nowhere else: no entry, request or transcript has it.
Whether an expert may be drawn on a day is decided in `experts.pool.eligibility`; against whom he
must recuse himself in `experts.conflicts`. Face, identity number and telephone are not kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import IntEnum, StrEnum
from functools import cached_property
from typing import Any

from archive import canonical
from archive.errors import Faults
from experts.specialties import Catalogue
from trading.divisions import yunnan
from trading.identifiers import uscc_fault

SPECIALTIES_MAX = 12
UNITS_MAX = 50
ID_LENGTH_MAX = 40


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


@dataclass(frozen=True)
class Expert:
    """One expert as enrolled.

    `past_employers` are pairs of a USCC and the first day on which he was no more employed there;
    `board_seats` the companies where he is director or supervisor (董事、监事); `declared_units` those
    that he declared for kinship or other interest. `home_division` is a county (six digits),
    `lon`, `lat` degrees, used for travel only. `penalised`: an administrative or criminal penalty
    for acts in tendering or evaluation was ever imposed.
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

    @property
    def prefecture(self) -> str:
        """The six-digit code of the home prefecture."""
        return self.home_division[:4] + "00"

    @cached_property
    def record_sha256(self) -> str:
        """The digest of what decides about draws: all but name, gender and place on the map."""
        return canonical.digest(self._record())

    def _record(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "born": self.born.isoformat(),
            "employer": self.employer_uscc,
            "past": [[uscc, until.isoformat()] for uscc, until in self.past_employers],
            "boards": self.board_seats,
            "declared": self.declared_units,
            "specialties": self.specialties,
            "home": self.home_division,
            "title": int(self.title_level),
            "years": self.field_years,
            "enrolled": self.enrolled_on.isoformat(),
            "status": self.status.value,
            "penalised": self.penalised,
        }

    @property
    def units(self) -> tuple[str, ...]:
        """Every organisation that he is or was bound to, by any relation."""
        past = tuple(uscc for uscc, _ in self.past_employers)
        return (self.employer_uscc, *past, *self.board_seats, *self.declared_units)


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
    if len(expert.units) > UNITS_MAX:
        faults.add(pointer, "experts.expert.units", count_max=UNITS_MAX)
    for uscc in expert.units:
        wrong = uscc_fault(uscc)
        if wrong is not None:
            faults.add(f"{pointer}/units", "experts.expert.uscc", value=uscc[:18])
