"""Score sheets as they are filled: saved cell by cell, every version kept, locked at night.

A save goes on the session's stream with the sheet's digest and no score. Two windows of one member
cannot overwrite each other: a cell is saved with the version that the writer saw.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlmodel import Session as Db

from archive.actor import Actor
from archive.errors import Kind, Refusal
from archive.office import Tx
from evaluation.criteria import Method
from evaluation.ranking import voted_out
from evaluation.scoring import Cell, Sheet, check_cells, disagreements, missing_cells
from evaluation.session.conclusion import votes_by_seat
from evaluation.session.machine import check_may_write
from evaluation.session.queries import load, load_locked
from evaluation.session.rules import SessionRules
from evaluation.session.session import Session
from evaluation.session.state import Member, SheetFacts, State
from evaluation.sheets import queries
from evaluation.sheets.tables import SheetRow

SALT_BYTES = 16


@dataclass(frozen=True)
class StoredSheet:
    """A member's sheet with the versions of its cells. `missing`: cells a complete sheet needs."""

    expert_id: str
    sheet: Sheet
    versions: Mapping[Cell, int] = field(default_factory=dict)
    missing: tuple[Cell, ...] = ()


def save_cell(
    tx: Tx,
    actor: Actor,
    session_id: str,
    expert_id: str,
    bidder: str,
    item: str,
    hundredths: int,
    version: int | None = None,
) -> StoredSheet:
    """Save one score. `version` is the one the writer saw (0 for an empty cell); None skips the
    check. Refuses CONFLICT when the cell has moved on, or the sheet is closed."""
    versions = None if version is None else {(bidder, item): version}
    return save_cells(tx, actor, session_id, expert_id, {(bidder, item): hundredths}, versions)


def save_cells(
    tx: Tx,
    actor: Actor,
    session_id: str,
    expert_id: str,
    scores: Mapping[Cell, int],
    versions: Mapping[Cell, int] | None = None,
) -> StoredSheet:
    """Save several scores at once: cell → hundredths; all or none."""
    _, session = load_locked(tx.db, session_id)
    state = session.state
    check_may_write(state, expert_id, actor, tx.now, session.rules)
    member = state.member(expert_id)
    assert member is not None, "checked"
    check_cells(session.method, [bid.bidder for bid in state.bids], scores)
    row = queries.sheets(tx.db, session_id).get(expert_id)
    if row is None:
        salt = tx.entropy.bytes(SALT_BYTES).hex()
        row = SheetRow(
            session_id=session_id, expert_id=expert_id, seat_code=member.seat_code, salt=salt
        )
        queries.insert(tx.db, row)
    stored = queries.cells(tx.db, session_id, expert_id).get(expert_id, {})
    new: dict[Cell, tuple[int, int]] = {}
    for cell, score in scores.items():
        now = stored.get(cell, (None, 0))[1]
        if versions is not None and versions.get(cell, now) != now:
            raise Refusal(
                "evaluation.score.cell_moved_on",
                {"item": cell[1], "bidder": cell[0], "version": now},
                Kind.CONFLICT,
            )
        new[cell] = (score, now + 1)
    if new:
        queries.insert_cells(tx.db, session_id, expert_id, new, tx.now)
    queries.count_save(tx.db, row)
    saved = _stored(session, row, stored | new)
    tx.record(
        f"session/{session_id}",
        "evaluation:sheet:saved",
        actor,
        {
            "cells": len(new),
            "digest": saved.sheet.digest,
            "seat": member.seat_code,
            "version": row.version,
        },
    )
    return saved


def sheet(db: Db, session_id: str, expert_id: str) -> StoredSheet:
    """A member's sheet as it stands; refuses NOT_FOUND before its first save."""
    session = load(db, session_id)
    row = queries.sheets(db, session_id).get(expert_id)
    if row is None:
        raise Refusal("evaluation.score.no_sheet", {"expert": expert_id}, Kind.NOT_FOUND)
    return _stored(session, row, queries.cells(db, session_id, expert_id).get(expert_id, {}))


def versions_of(db: Db, session_id: str, expert_id: str) -> tuple[tuple[str, str, int, int], ...]:
    """Every save: (bidder, item, version, hundredths)."""
    rows = queries.history(db, session_id, expert_id)
    return tuple((row.bidder, row.item, row.version, row.hundredths) for row in rows)


def sheets_of(db: Db, session: Session) -> dict[str, Sheet]:
    """All stored sheets of a session by expert, those of replaced members included."""
    cells = queries.cells(db, session.state.session_id)
    return {
        expert_id: _stored(session, row, cells.get(expert_id, {})).sheet
        for expert_id, row in queries.sheets(db, session.state.session_id).items()
    }


def facts_of(session: Session, sheets: Mapping[str, Sheet]) -> dict[str, SheetFacts]:
    """What the machine needs to know about the sheets of the sitting members."""
    state, method = session.state, session.method
    bidders = valid_bidders(state, session.rules)
    facts = {}
    for member in state.sitting:
        own = sheets.get(member.expert_id)
        if own is None:
            continue
        others = [
            sheets[other.expert_id].cells
            for other in state.sitting
            if other.submitted and other.expert_id != member.expert_id
        ]
        facts[member.expert_id] = SheetFacts(
            digest=own.digest,
            sm3=own.sm3,
            missing=len(missing_cells(method, bidders, own.cells)),
            differs=_differing(method, bidders, own, others),
        )
    return facts


def _differing(
    method: Method, bidders: list[str], own: Sheet, others: list[Mapping[Cell, int]]
) -> int:
    return len(disagreements(method, bidders, [own.cells, *others]))


def valid_bidders(state: State, rules: SessionRules) -> list[str]:
    """Bidders not rejected so far by the ceiling price or by votes, sorted."""
    out = {
        bidder
        for bidder, _, _ in voted_out(
            votes_by_seat(state), len(state.sitting), rules.majority_share
        )
    }
    return sorted(
        bid.bidder
        for bid in state.bids
        if bid.bidder not in out and (state.ceiling is None or bid.price <= state.ceiling)
    )


def _stored(session: Session, row: SheetRow, cells: Mapping[Cell, tuple[int, int]]) -> StoredSheet:
    scores = {cell: score for cell, (score, _) in cells.items()}
    member: Member | None = session.state.member(row.expert_id)
    assert member is not None, "a sheet belongs to a member"
    return StoredSheet(
        expert_id=row.expert_id,
        sheet=Sheet(session.state.session_id, row.seat_code, row.salt, scores),
        versions={cell: version for cell, (_, version) in cells.items()},
        missing=tuple(
            missing_cells(session.method, valid_bidders(session.state, session.rules), scores)
        ),
    )
