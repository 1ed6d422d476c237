"""A trustee's side of a draw: what he is asked, what he must not answer, what he remembers.

A trustee is more than a source of chance: he is a second register. He keeps a line of everything he
answered, and answers no second request under a number of a centre, nor a second public value. So an
operator who prepares two requests and keeps the one whose committee he likes needs every trustee's
silence, and whoever compares the trustees' lines with the public register finds a draw that is
missing there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from archive.errors import Reason
from experts.draws.seed import ASKING_FORMAT, VALUE_CHARACTERS_MAX, alpha_of, value_digest

TRUSTEES_MAX = 100
_HASH = re.compile("[0-9a-f]{64}")
_ID = re.compile("[0-9A-Za-z][0-9A-Za-z._-]{0,63}")


@dataclass(frozen=True)
class Question:
    """What one draw asks of its trustees; `keys` by trustee."""

    draw_id: str
    centre_id: str
    register_number: int
    predecessor: str
    request_hash: str
    number: int
    public_value: str
    keys: Mapping[str, str]

    @property
    def alpha(self) -> bytes:
        return alpha_of(self.request_hash, self.number, value_digest(self.public_value))


def question_of(value: Any) -> Question:
    """The question in JSON; ValueError where it is none."""
    if not isinstance(value, dict) or value.get("format") != ASKING_FORMAT:
        raise ValueError(f"not a {ASKING_FORMAT}")
    try:
        trustees = value["trustees"]
        keys = {trustee["id"]: trustee["key"] for trustee in trustees[:TRUSTEES_MAX]}
        made = Question(
            **{name: value[name] for name in Question.__dataclass_fields__ if name != "keys"},
            keys=keys,
        )
        plain = (
            _ID.fullmatch(made.draw_id)
            and _ID.fullmatch(made.centre_id)
            and _HASH.fullmatch(made.predecessor)
            and _HASH.fullmatch(made.request_hash)
            and all(_ID.fullmatch(name) and _HASH.fullmatch(key) for name, key in keys.items())
            and type(made.register_number) is int
            and type(made.number) is int
            and 1 <= made.number < 2**32
            and made.register_number >= 1
            and len(made.public_value) <= VALUE_CHARACTERS_MAX
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"malformed: {error}") from error
    if not plain:
        raise ValueError("malformed")
    return made


def line_of(question: Question, proof: bytes) -> dict[str, Any]:
    """What the trustee remembers of an answer."""
    return {
        "centre": question.centre_id,
        "number": question.register_number,
        "predecessor": question.predecessor,
        "request": question.request_hash,
        "asking": question.number,
        "value": question.public_value,
        "proof": proof.hex(),
    }


def objection(
    question: Question, trustee_id: str, key: str, lines: Iterable[Mapping[str, Any]]
) -> Reason | None:
    """Why the trustee must not answer, or None. `lines` are all that he answered before."""
    if question.keys.get(trustee_id) != key:
        return Reason("experts.trustee.not_asked", {"trustee": trustee_id})
    for line in lines:
        if line["centre"] != question.centre_id:
            continue
        number = question.register_number
        if line["number"] == number and line["request"] != question.request_hash:
            params: dict[str, str | int] = {"number": number, "request": line["request"]}
            return Reason("experts.trustee.second_request", params)
        same = line["request"] == question.request_hash and line["asking"] == question.number
        if same and line["value"] != question.public_value:
            return Reason("experts.trustee.second_value", {"value": line["value"]})
        if line["number"] == number - 1 and line["request"] != question.predecessor:
            params = {"number": number - 1, "request": line["request"]}
            return Reason("experts.trustee.other_predecessor", params)
    return None
