"""All acts by name, and those with which a cohort begins."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from api.demo.acts import conclusion, drawing, intake, review
from api.demo.play import Act, Play

ACTS: Mapping[str, Act] = {**intake.ACTS, **drawing.ACTS, **review.ACTS, **conclusion.ACTS}


def first_acts(play: Play) -> Iterator[tuple[str, Mapping[str, Any], datetime]]:
    """What stands on the calendar when the province is set up; everything else follows from it."""
    for key in sorted(play.projects):
        yield "register", {"project": key}, play.moments.registration
    yield "ask_registers", {}, play.moments.registers
    for tick, moment in enumerate(play.moments.lodgings):
        yield "lodge", {"tick": tick}, moment
    yield "plan", {}, play.moments.plan
