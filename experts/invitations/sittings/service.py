"""Who sat how often, for the rules that ask: read from sealed rows, told by expert, kept nowhere."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime

from sqlmodel import Session

from archive.office import keeper_of
from experts.invitations import names, queries
from experts.invitations.process import Cause
from experts.invitations.tables import DrawMemberRow


def seated_between(
    db: Session, start: datetime, end: datetime, tenderer_uscc: str | None = None
) -> dict[str, int]:
    """How often each expert sits in a committee whose evaluation begins from `start` to before
    `end`, of one tenderer where it is given; those who left their seat are not counted."""
    return dict(Counter(_experts(db, queries.seated_between(db, start, end, tenderer_uscc))))


def recused_of_lot(db: Session, lot_id: str) -> list[str]:
    """The experts who gave up a seat of the lot by their own recusal."""
    return sorted(set(_experts(db, queries.left_of_lot(db, lot_id, Cause.RECUSAL.value))))


def _experts(db: Session, rows: Iterable[DrawMemberRow]) -> list[str]:
    keeper = keeper_of(db)
    return [names.open_name(keeper, row.draw_id, row.leaf, row.name) for row in rows]
