"""The figures of what is on the record: projects, seats, nights, guarantees; for the demo's last line
and for dashboards. Guest seats are seats outside the host centre; a tenderer's representative sits
at the host and has none."""

from __future__ import annotations

from sqlmodel import Session

from deposits.guarantees import service as guarantees
from evaluation.seating import service as seating
from evaluation.session import service as sessions
from evaluation.session.state import Stage as SessionStage
from experts.draws import service as draws
from trading.projects import service as projects
from trading.projects.stages import BEFORE_OPENING


def figures(db: Session) -> dict[str, int]:
    """Counts over everything in the database."""
    lots = projects.lots(db)
    held = [s for s in sessions.sessions(db) if s.stage is not SessionStage.VOID]
    guest_seats = seated = 0
    for session in held:
        seats = [s for s in seating.seats_of(db, session.id) if s.centre_id != session.centre_id]
        guest_seats += len(seats)
        seated += sum(not member.is_representative for member in session.state.sitting)
    steps = [
        step
        for lot in lots
        for draw in draws.draws_of_lot(db, lot.id)
        for step in draws.steps(db, draw.id)
    ]
    opened = [lot for lot in lots if lot.stage not in BEFORE_OPENING]
    return {
        "projects": len({lot.project_id for lot in lots}),
        "lots": len(lots),
        "sessions": len(held),
        "seats": guest_seats,
        "experts_drawn": seated,
        "declined": sum(
            len(step["data"]["declined"]) for step in steps if step["kind"] == "SETTLED"
        ),
        "conflicts_at_opening": sum(
            len(step["data"]["removed"]) for step in steps if step["kind"] == "RECHECKED"
        ),
        "overnight_sessions": sum(bool(session.state.nights) for session in held),
        "guarantees": sum(len(guarantees.guarantees(db, lot.id)) for lot in opened),
    }
