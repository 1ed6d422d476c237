"""The pass that never ends: those who sit are judged again when data have changed.

Judged is the day of the evaluation, by what is known now: the members' facts as they were on it
(`experts.pool.standing`), the links and the rules of that day, the bidders of the opening. A member who
should have recused himself is a *late hit*: what he concluded is void (招标投标法实施条例 第四十八条),
which stands on the stream of the draw from then on; what follows for the award is the supervisor's to
order (第七十、七十一条). Caps on how often somebody sits are no ground: the draw itself kept them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple

from sqlmodel import Session

from archive import canonical
from archive.actor import Actor, Role
from archive.errors import Reason
from archive.office import Tx, keeper_of
from experts.conflicts.context import Context, Party, Side, context
from experts.conflicts.rules import conflicts
from experts.conflicts.service import affiliations
from experts.draws import queries as draw_queries
from experts.draws.late import queries as hits
from experts.draws.late.tables import DrawLateHitRow
from experts.draws.request import State
from experts.draws.tables import DrawRow
from experts.invitations import queries
from experts.invitations.course import service as course
from experts.invitations.names import open_name
from experts.pool.standing import service as standing
from experts.pool.standing.history import standing_on
from experts.rules import rules_for
from trading.money import Money
from trading.regime import ProjectKind, Regime
from trading.rules.book import book


class Found(NamedTuple):
    """Who sits, and why he should not."""

    seat_code: str
    expert_id: str
    reasons: tuple[Reason, ...]


@dataclass(frozen=True)
class LateHit:
    """A member of a closed draw who should have recused himself."""

    draw_id: str
    seat_code: str
    expert_id: str
    reasons: tuple[Reason, ...]
    found_at: datetime
    found_by: str


def found(db: Session, draw_id: str, bidders: Sequence[str]) -> tuple[Found, ...]:
    """Who of those who sit should have recused himself, by what is known now; by seat. Changes
    nothing."""
    row = course.known(draw_queries.draw(db, draw_id), draw_id)
    known = _context(db, row, bidders)
    keeper = keeper_of(db)
    hit = []
    for member in queries.members(db, draw_id):
        if member.left_for:
            continue
        expert_id = open_name(keeper, draw_id, member.leaf, member.name)
        expert = standing_on(standing.history(db, expert_id), known.on).expert
        reasons = conflicts(expert, known) if expert is not None else ()
        if reasons:
            hit.append(Found(member.seat_code, expert_id, reasons))
    return tuple(hit)


def look(tx: Tx, actor: Actor, draw_id: str, bidders: Sequence[str]) -> tuple[LateHit, ...]:
    """Judge the members of a closed draw again, and record who is found newly. CONFLICT for a draw
    that is not closed: there `draws.recheck` replaces whom it finds."""
    actor.must_be(Role.SUPERVISOR, Role.SYSTEM)
    course.locked(tx, draw_id, State.CLOSED)
    held = {(hit.seat_code, hit.expert_id) for hit in hits.of_draw(tx.db, draw_id)}
    new = []
    for seat_code, expert_id, reasons in found(tx.db, draw_id, bidders):
        if (seat_code, expert_id) in held:
            continue
        hit = LateHit(draw_id, seat_code, expert_id, reasons, tx.now, actor.id)
        new.append(hit)
        tx.db.add(
            DrawLateHitRow(
                draw_id=draw_id,
                seat_code=hit.seat_code,
                expert_id=hit.expert_id,
                reasons=canonical.encode([[r.code, dict(r.params)] for r in reasons]),
                found_at=tx.now,
                found_by=actor.id,
            )
        )
        data = {"seat": hit.seat_code, "reasons": [r.code for r in reasons], "void": True}
        document = tx.keep("draw-late-hit.json", course.evidence_json({hit.expert_id: reasons}))
        tx.record(f"draw/{draw_id}", "experts:draw:late_hit", actor, data, (document,))
    tx.db.flush()
    return tuple(new)


def late_hits(db: Session, draw_id: str) -> tuple[LateHit, ...]:
    """What was found of a draw after it was closed."""
    return tuple(
        LateHit(
            row.draw_id,
            row.seat_code,
            row.expert_id,
            tuple(Reason(code, params) for code, params in canonical.decode(row.reasons)),
            row.found_at,
            row.found_by,
        )
        for row in hits.of_draw(db, draw_id)
    )


def _context(db: Session, row: DrawRow, bidders: Sequence[str]) -> Context:
    """The parties of the lot, and who hung together with them on the day of the evaluation."""
    request, said = canonical.decode(row.request), canonical.decode(row.context)
    regime, on = Regime(request["regime"]), date.fromisoformat(said["on"])
    kind = ProjectKind(request["kind"])
    rules = rules_for(
        book(), on, regime, request["division"], kind, Money(0), complex_or_public=False
    )
    found = affiliations(db, on, rules)
    listed = [Party(Side(side), uscc) for side, uscc in said["parties"]]
    listed += [Party(Side.BIDDER, uscc) for uscc in sorted(set(bidders))]
    return context(
        regime,
        on,
        listed,
        found.control,
        rules.recusal,
        said["drafters"],
        said["voided"],
        interest=found.interest,
        same=found.same,
    )
