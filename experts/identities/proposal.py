"""A proposal that two records are one (合并建议), and what may become of it. Pure.

    OPEN → CONFIRMED → UNDONE        OPEN → REJECTED

A person decides; what was rejected or undone is not proposed again, so nobody is asked twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType


class Kind(StrEnum):
    PERSON = "PERSON"
    COMPANY = "COMPANY"


class State(StrEnum):
    OPEN = "OPEN"
    CONFIRMED = "CONFIRMED"
    REJECTED = "REJECTED"
    UNDONE = "UNDONE"


NEXT: Mapping[State, frozenset[State]] = MappingProxyType(
    {
        State.OPEN: frozenset({State.CONFIRMED, State.REJECTED}),
        State.CONFIRMED: frozenset({State.UNDONE}),
        State.REJECTED: frozenset(),
        State.UNDONE: frozenset(),
    }
)


@dataclass(frozen=True)
class Proposal:
    """`by`: what is alike, codes `code`, `name`, `birth`, `employer`, `birth_near`."""

    id: str
    kind: Kind
    one: str
    other: str
    by: tuple[str, ...]
    state: State
    proposed_by: str
    proposed_at: datetime
    decided_by: str
    decided_at: datetime | None
