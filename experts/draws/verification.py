"""What the verifier's steps share: the run, hashing and JSON from the standard library alone."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any, TypeAlias

Json: TypeAlias = Any


class Wrong(Exception):
    def __init__(self, what: str, where: str = "") -> None:
        super().__init__(what)
        self.what, self.where = what, where


@dataclass
class Run:
    """What the steps hand on to each other."""

    value: Json
    leaves: list[str] = field(default_factory=list)
    seed: bytes = b""
    alpha: bytes = b""
    outputs: list[bytes] = field(default_factory=list)
    attempt: int = -1
    state: str = "REQUESTED"
    seats: dict[str, tuple[str, int, str]] = field(default_factory=dict)

    @property
    def request(self) -> Json:
        return self.value["request"]

    @property
    def steps(self) -> list[Json]:
        found: list[Json] = self.value["steps"]
        need(isinstance(found, list), "fields", "steps")
        return found

    def kinds(self, kind: str) -> list[Json]:
        return [step["data"] for step in self.steps if step["kind"] == kind]


def need(holds: bool, what: str, where: object = "") -> None:
    if not holds:
        raise Wrong(what, str(where)[:80])


def canonical_bytes(value: Json) -> bytes:
    text = json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )
    return text.encode("utf-8")


def digest(value: Json) -> str:
    return hashlib.sha256(canonical_bytes(value)).hexdigest()


def sha(*parts: bytes) -> bytes:
    return hashlib.sha256(b"".join(parts)).digest()


def only(value: Json, keys: str, where: object) -> None:
    need(isinstance(value, dict) and set(value) == set(keys.split()), "fields", where)
