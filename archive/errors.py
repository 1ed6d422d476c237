"""Refusals: how every package says no, and the words-free reasons it gives.

A refusal is a decision about somebody's input, never a defect of ours (those are assertions).
It carries a code and parameters; the sentence is rendered later, in the reader's language, from
the catalogue that stands beside the code (`archive.words`).

    Refusal                 one exception for the whole product, told apart by `kind`
      Kind.INVALID          the input breaks a rule; `faults` lists every place, each with a pointer
      Kind.FORBIDDEN        this actor may not
      Kind.NOT_FOUND        there is no such thing, or none that this actor may know of
      Kind.CONFLICT         the state of the matter does not allow it (any more)
      Kind.TOO_EARLY        the legal moment has not come
      Kind.TOO_LATE         the legal moment has passed
      Kind.GONE             it was here and is no more
      Kind.UNAVAILABLE      something outside does not answer; nothing was done

HTTP knows nothing of this module; `api.problems` alone maps it to RFC 9457.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias

Param: TypeAlias = str | int
"""What a sentence may be filled with: text and whole numbers, never floats."""


class Kind(StrEnum):
    INVALID = "INVALID"
    FORBIDDEN = "FORBIDDEN"
    NOT_FOUND = "NOT_FOUND"
    CONFLICT = "CONFLICT"
    TOO_EARLY = "TOO_EARLY"
    TOO_LATE = "TOO_LATE"
    GONE = "GONE"
    UNAVAILABLE = "UNAVAILABLE"


@dataclass(frozen=True)
class Reason:
    """A statement by code, e.g. `experts.conflict.employer`; the first part names the package
    whose catalogue has the words."""

    code: str
    params: Mapping[str, Param] = field(default_factory=dict)


@dataclass(frozen=True)
class Fault:
    """One fault of an input: where (JSON pointer, RFC 6901), what, and by which rule.

    `rule` is an id of a rule pack, or empty where the fault is one of form.
    """

    pointer: str
    code: str
    params: Mapping[str, Param] = field(default_factory=dict)
    rule: str = ""


class Refusal(Exception):
    """A clear no. `faults` is empty unless the kind is INVALID."""

    def __init__(
        self,
        code: str,
        params: Mapping[str, Param] | None = None,
        kind: Kind = Kind.INVALID,
        *,
        rule: str = "",
        faults: tuple[Fault, ...] = (),
    ) -> None:
        super().__init__(code, dict(params or {}), kind, faults)
        self.code = code
        self.params: Mapping[str, Param] = dict(params or {})
        self.kind = kind
        self.rule = rule
        self.faults = faults

    @property
    def reason(self) -> Reason:
        return Reason(self.code, self.params)


class Faults:
    """Collects all faults of an input before refusing once.

    >>> faults = Faults("trading.registration.invalid")
    >>> faults.add("/uscc", "trading.uscc.check_digit", value="…")
    >>> faults.refuse()          # raises one Refusal that lists them all; silent when there is none
    """

    def __init__(self, code: str) -> None:
        self._code = code
        self._found: list[Fault] = []

    def add(self, pointer: str, code: str, *, rule: str = "", **params: Param) -> None:
        self._found.append(Fault(pointer, code, params, rule))

    def extend(self, faults: tuple[Fault, ...]) -> None:
        self._found.extend(faults)

    def __bool__(self) -> bool:
        return bool(self._found)

    def refuse(self) -> None:
        if self._found:
            raise Refusal(self._code, {"count": len(self._found)}, faults=tuple(self._found))
