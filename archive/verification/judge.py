"""Who knows what the entries of a kind of stream say; the verifier itself knows none."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from archive.errors import Reason
from archive.journal.entry import Entry
from archive.recording import Medium

Deletions: TypeAlias = Iterable[tuple[str, Reason | None]]
"""Digests that were deleted, each with what is wrong with that; None for what was deleted by the rule."""


def _nothing_named(entry: Entry) -> Medium | None:
    return None


def _nothing_deleted(
    entries: Sequence[Entry], keeping: Iterable[Entry], document: Callable[[str], bytes]
) -> Deletions:
    return ()


@dataclass(frozen=True)
class Judged:
    """What is wrong with what entries say, and what whoever relies on them should know."""

    faults: Sequence[Reason] = ()
    notes: Sequence[Reason] = ()


@dataclass(frozen=True)
class StreamJudge:
    """`judge(origin, entries)`: what is wrong with what they say; `medium(entry)`: what an entry names by digest beside
    its documents; `deletions(entries, keeping, document)`: which of it was deleted, by the entries of the keeping stream
    and the documents that they name."""

    judge: Callable[[str, Sequence[Entry]], Judged]
    medium: Callable[[Entry], Medium | None] = _nothing_named
    deletions: Callable[[Sequence[Entry], Iterable[Entry], Callable[[str], bytes]], Deletions] = (
        _nothing_deleted
    )
