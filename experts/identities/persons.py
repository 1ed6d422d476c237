"""One person under two records (同一人识别): what is compared. Pure.

Identity numbers are not kept, so likeness is by name and birthday: the same name (full-width signs as
half-width, no blanks or dots) and the same birthday; or the same name and employer with a birthday
that differs in one digit, as a slip of the hand does. Twins, and two of a name born on one day, are
rare and real: a person confirms.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from experts.pool.expert import Expert

_SIGNS = re.compile(r"[\s·•・.]+")


def person_key(name: str) -> str:
    """A person's name for comparison."""
    return _SIGNS.sub("", unicodedata.normalize("NFKC", name)).casefold()


def is_near(one: date, other: date) -> bool:
    """Whether two days differ in exactly one digit."""
    pairs = zip(one.isoformat(), other.isoformat(), strict=True)
    return sum(a != b for a, b in pairs) == 1


@dataclass(frozen=True)
class Likeness:
    """Two records that may be one person; `one` is the earlier enrolled."""

    one: str
    other: str
    by: tuple[str, ...]


def alike(one: Expert, other: Expert) -> tuple[str, ...]:
    """What two records of one name have in common; empty where it does not suffice."""
    employer = ("employer",) if one.employer_uscc == other.employer_uscc else ()
    if one.born == other.born:
        return ("name", "birth", *employer)
    if employer and is_near(one.born, other.born):
        return ("name", "birth_near", "employer")
    return ()


def likenesses(experts: Iterable[Expert]) -> tuple[Likeness, ...]:
    """All pairs that look like one person, in order of their ids."""
    by_name: dict[str, list[Expert]] = defaultdict(list)
    for expert in experts:
        by_name[person_key(expert.name)].append(expert)
    found = []
    for namesakes in by_name.values():
        ordered = sorted(namesakes, key=lambda expert: (expert.enrolled_on, expert.id))
        for index, one in enumerate(ordered):
            for other in ordered[index + 1 :]:
                by = alike(one, other)
                if by:
                    found.append(Likeness(one.id, other.id, by))
    return tuple(sorted(found, key=lambda likeness: (likeness.one, likeness.other)))
