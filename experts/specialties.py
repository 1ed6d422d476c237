"""The catalogue of specialties (评标专家专业分类) and how a request finds experts in it.

Source: 公共资源交易评标专家专业分类标准 (发改法规〔2018〕316号), as kept in `experts/reference`. Four
levels, told apart by the length of the code: A (1), A08 (3), A0801 (5), A080104 (7). Every code
begins with its parent's. A leaf may sit on level 3: many groups have no items. `99` means "other".

An expert is enrolled under leaves. A request names a code of level 3 or 4 and finds every expert
with a leaf below it. A wider code (level 3 for 4, 2 for 3) is used only where the request records
who consented to the widening; nothing is widened silently.

Not here: the catalogue of procurement items (品目) that ZFCG uses beside it.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

from archive.errors import Fault

LEVEL_OF_LENGTH: Mapping[int, int] = {1: 1, 3: 2, 5: 3, 7: 4}
REQUEST_LEVEL_MIN = 3
WIDENING_LEVEL_MIN = 2


@dataclass(frozen=True)
class Specialty:
    """One entry; `parent_code` is empty on level 1."""

    code: str
    level: int
    name: str
    parent_code: str


@dataclass(frozen=True)
class Widening:
    """Recorded consent to draw from a wider code than the one requested.

    `consented_by` is an account id, `reason` a code or short text without names.
    """

    code: str
    consented_by: str
    reason: str


@dataclass(frozen=True)
class Catalogue:
    """The specialties by code."""

    entries: Mapping[str, Specialty]
    parents: frozenset[str]

    def __contains__(self, code: object) -> bool:
        return code in self.entries

    def __getitem__(self, code: str) -> Specialty:
        return self.entries[code]

    def is_leaf(self, code: str) -> bool:
        """Whether nothing stands below the code; such a code may be on level 3."""
        return code in self.entries and code not in self.parents

    def leaves(self, under: str = "") -> tuple[str, ...]:
        """The leaf codes that begin with `under`, in order."""
        return tuple(
            code for code in sorted(self.entries) if code.startswith(under) and self.is_leaf(code)
        )


def parse(rows: Iterable[Mapping[str, str]]) -> tuple[Catalogue, tuple[Fault, ...]]:
    """A catalogue of rows `code, level, name, parent_code`, and every fault found in them.

    Faults: a length that is no level's, a level that is not the length's, an empty name, a code
    twice, an unknown parent, a child that does not begin with its parent or skips a level. The
    pointer names the row, counted from 0.
    """
    listed = list(rows)
    faults: list[Fault] = []
    times = Counter(row["code"] for row in listed)
    for number, row in enumerate(listed):
        code, parent = row["code"], row["parent_code"]

        def found(what: str, *, at: int = number, code: str = code, parent: str = parent) -> None:
            faults.append(
                Fault(f"/{at}", f"experts.catalogue.{what}", {"code": code, "parent": parent})
            )

        level = LEVEL_OF_LENGTH.get(len(code))
        if level is None or str(level) != row["level"]:
            found("level")
        if not row["name"].strip():
            found("name")
        if times[code] > 1:
            found("twice")
        if level == 1:
            if parent:
                found("parent")
        elif parent not in times:
            found("parent_unknown")
        elif not code.startswith(parent) or len(parent) != max(1, len(code) - 2):
            found("parent")
    entries = {
        row["code"]: Specialty(
            row["code"], LEVEL_OF_LENGTH.get(len(row["code"]), 0), row["name"], row["parent_code"]
        )
        for row in listed
    }
    parents = frozenset(entry.parent_code for entry in entries.values() if entry.parent_code)
    return Catalogue(entries, parents), tuple(faults)


@cache
def catalogue() -> Catalogue:
    """The catalogue of 2018. A fault in the packaged file is our own mistake."""
    text = (resources.files("experts") / "reference" / "expert_specialty_2018.csv").read_text(
        "utf-8"
    )
    found, faults = parse(csv.DictReader(text.splitlines()))
    assert not faults, faults[:3]
    return found


def covers(requested: str, enrolled: Iterable[str]) -> bool:
    """Whether an expert enrolled under these leaves answers a request for the code."""
    return any(code.startswith(requested) for code in enrolled)


def request_faults(
    pointer: str, code: str, widening: Widening | None, within: Catalogue
) -> tuple[Fault, ...]:
    """What is wrong with a requested code and its widening, if there is one."""
    if code not in within:
        return (Fault(pointer, "experts.specialty.unknown", {"specialty": code}),)
    if within[code].level < REQUEST_LEVEL_MIN:
        return (Fault(pointer, "experts.specialty.too_wide", {"specialty": code}),)
    if widening is None:
        return ()
    faults = []
    wide = widening.code
    if wide not in within or not code.startswith(wide) or wide == code:
        faults.append(
            Fault(
                f"{pointer}/widening",
                "experts.specialty.not_wider",
                {"specialty": code, "to": wide},
            )
        )
    elif within[wide].level < WIDENING_LEVEL_MIN:
        faults.append(
            Fault(f"{pointer}/widening", "experts.specialty.too_wide", {"specialty": wide})
        )
    if not widening.consented_by or not widening.reason:
        faults.append(
            Fault(f"{pointer}/widening", "experts.specialty.no_consent", {"specialty": code})
        )
    return tuple(faults)
