"""Types of fields that several routes share.

Input is bounded, free of control characters (which PostgreSQL's text does not take), and not
guessed: `true` is no number, a number is no date. Documents travel as base64 in JSON.
"""

from __future__ import annotations

import base64
import binascii
from datetime import date, datetime
from typing import Annotated, Any

from fastapi import Path, Query
from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StrictInt,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError

from trading.money import FEN_MAX, Money

ID_PATTERN = r"^[0-9A-Za-z][0-9A-Za-z._-]{0,63}$"
DOCUMENT_CHARACTERS_MAX = 28 * 1024 * 1024
"""Base64 of 21 MB, within the default limit of a request."""

Identifier = Annotated[str, Field(pattern=ID_PATTERN)]
"""An id of ours, an account's or a centre's."""
IdInPath = Annotated[str, Path(pattern=ID_PATTERN)]
Chosen = Annotated[str, Query(pattern=r"^[0-9a-z]{0,40}$")]
"""Which of the things on a page gets its form; none where it is empty."""
Digest64 = Annotated[str, Path(pattern=r"^[0-9a-f]{64}$")]
"""A document's digest in a path."""
NumberInPath = Annotated[int, Path(ge=0, le=2**53 - 1)]
"""An entry's number in its stream."""
Line = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]
"""One line of text."""
MaybeLine = Annotated[str, Field(max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Whole = Annotated[StrictInt, Field(ge=0, le=2**53 - 1)]
Switch = StrictBool


def _text(value: Any) -> Any:
    if not isinstance(value, str):
        raise PydanticCustomError("date_type", "not text")
    return value


def _bytes(value: Any) -> Any:
    if not isinstance(value, str) or len(value) > DOCUMENT_CHARACTERS_MAX:
        raise PydanticCustomError("base64_type", "not base64")
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        raise PydanticCustomError("base64_type", "not base64") from None


def _fen(value: Any) -> Any:
    return value.fen if isinstance(value, Money) else value


Moment = Annotated[AwareDatetime, BeforeValidator(_text)]
"""RFC 3339 with its zone."""
Day = Annotated[date, BeforeValidator(_text)]
Content = Annotated[
    bytes,
    BeforeValidator(_bytes),
    WithJsonSchema(
        {"type": "string", "contentEncoding": "base64", "maxLength": DOCUMENT_CHARACTERS_MAX}
    ),
]
Fen = Annotated[StrictInt, Field(ge=0, le=FEN_MAX), BeforeValidator(_fen)]
"""An amount in fen."""


class Body(BaseModel):
    """A request's body; unknown members are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Answer(BaseModel):
    """An answer's body, read from the attributes of a domain value."""

    model_config = ConfigDict(from_attributes=True, frozen=True)


class Document(Answer):
    """A document of the vault: name in the dossier, digest, size, media type."""

    name: str
    sha256: str
    bytes: int
    type: str


class Period(Answer):
    """A period with the days that were counted to it; provisional where a year's holidays are not
    announced yet."""

    day: date
    counted: tuple[date, ...]
    provisional: bool
    ends_at: datetime
