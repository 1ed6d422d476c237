"""A search through the pool's list, for its office: which words, which status, in which order. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple, Protocol


class Names(Protocol):
    """The names of organisations as parts of a statement in SQL: they stand with the parties, whose
    tables the pool does not know."""

    @staticmethod
    def of(code: Any) -> Any:
        """The name of the organisation of a code."""

    @staticmethod
    def like(text: str) -> Any:
        """The codes of those whose name has a text."""


@dataclass(frozen=True)
class Word:
    """A word that an expert's line must have: in a text of his, or as the place, the title or the status
    that it stands for."""

    text: str
    homes: frozenset[str]
    titles: frozenset[int]
    statuses: frozenset[str]


@dataclass(frozen=True)
class Find:
    """`sort` names a column of `Line`."""

    words: tuple[Word, ...]
    status: str
    sort: str
    is_descending: bool
    names: Names


class Line(NamedTuple):
    """One expert in the list."""

    id: str
    name: str
    employer: str
    specialties: str
    home: str
    title: int
    status: str
    enrolled_on: date
    certified_until: date | None
    pool: str
