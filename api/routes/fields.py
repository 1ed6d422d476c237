"""Types of input fields that several routes share: bounded, and free of control characters, which
PostgreSQL's text does not take."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path
from pydantic import BaseModel, ConfigDict, Field

ID_PATTERN = r"^[0-9A-Za-z][0-9A-Za-z._-]{0,63}$"

Identifier = Annotated[str, Field(pattern=ID_PATTERN)]
"""An id of ours, an account's or a centre's."""
IdInPath = Annotated[str, Path(pattern=ID_PATTERN)]
Line = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]
"""One line of text."""


class Body(BaseModel):
    """A request's body: unknown members are refused, and types are not guessed (`true` is no
    number, `"5"` neither)."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Answer(BaseModel):
    """An answer's body, read from the fields of a domain value."""

    model_config = ConfigDict(from_attributes=True, frozen=True)
