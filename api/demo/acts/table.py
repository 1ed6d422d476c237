"""All acts by name, and those with which a cohort begins."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from api.demo.acts import conclusion, drawing, intake, night, pool, review, trouble
from api.demo.play import Act, Play
from api.demo.script import TENDERS

ACTS: Mapping[str, Act] = {
    **intake.ACTS,
    **drawing.ACTS,
    **review.ACTS,
    **night.ACTS,
    **conclusion.ACTS,
    **pool.ACTS,
    **trouble.ACTS,
}


def first_acts(play: Play) -> Iterator[tuple[str, Mapping[str, Any], datetime]]:
    """What stands on the calendar when the province is set up; everything else follows from it."""
    yield "keep_pool", {}, play.starts_at
    for key in sorted(play.projects):
        yield "register", {"project": key}, play.when({"project": key}).registration
    for cohort in ("", TENDERS) if play.has_tenders else ("",):
        args = {"cohort": cohort}
        when = play.when(args)
        yield "ask_registers", args, when.registers
        for tick, moment in enumerate(when.lodgings):
            yield "buy", {**args, "tick": tick}, moment - intake.UNDERWRITING
            yield "lodge", {**args, "tick": tick}, moment
        yield "plan", args, when.plan
    for kind, moment in trouble.moments(play):
        yield "go_wrong", {"kind": kind}, moment
