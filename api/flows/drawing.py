"""The committee's draw for a lot: what trading knows of the lot becomes the draw's request, and what
the opening reveals becomes the second check of recusal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlmodel import Session

from archive.actor import Actor
from archive.errors import Kind, Refusal
from archive.office import Tx
from experts.draws import service as draws
from experts.draws.request import ENDED_WITHOUT, DrawRequest, PublicValue, Quota, State
from experts.draws.service import Draw, Recheck
from experts.invitations.process import Cause
from trading.opening import service as opening
from trading.projects import service as projects
from trading.projects.stages import Stage

AGAIN = frozenset({Stage.OPENED, Stage.EVALUATED})
"""The stages of a lot in which another committee may have to judge what was opened."""


@dataclass(frozen=True)
class Wish:
    """What staff may add to what the lot says. `evaluation_at`: when a lot that was opened already is
    to be judged by another committee; its notice's hour is past."""

    equal_chances: bool = False
    public_value: PublicValue | None = None
    evaluation_at: datetime | None = None


PLAIN = Wish()


def request_of(db: Session, lot_id: str, replaces: str = "", wish: Wish = PLAIN) -> DrawRequest:
    """The request for a noticed lot; refuses TOO_EARLY before the notice fixed the hour.

    Another committee for a lot that was opened avoids its bidders from the beginning, and, where the
    rule says so, those who sat in the committee whose work is void (财政部令第87号 第六十七条).
    """
    lot = projects.lot(db, lot_id)
    if lot.notice is None:
        raise Refusal("api.flows.no_notice", {"lot": lot_id}, Kind.TOO_EARLY)
    void = [d.id for d in draws.draws_of_lot(db, lot_id) if d.state is State.VOIDED]
    return DrawRequest(
        centre_id=lot.centre_id,
        lot_id=lot.id,
        regime=lot.regime,
        kind=lot.kind,
        division_code=lot.division_code,
        tenderer_uscc=lot.tenderer_uscc,
        agency_uscc=lot.agency_uscc,
        supervisor_uscc=lot.supervisor_uscc,
        estimate=lot.estimate,
        evaluation_at=wish.evaluation_at or lot.notice.evaluation_at,
        quotas=tuple(Quota(code, count) for code, count in sorted(lot.committee.quotas.items())),
        representatives=lot.committee.representatives,
        replaces=replaces,
        bidders=opening.proven_bidders(db, lot_id) if lot.stage in AGAIN else (),
        voided=tuple(sorted({one for draw_id in void for one in draws.who_sat(db, draw_id)})),
        public_value=wish.public_value,
        equal_chances=wish.equal_chances,
    )


def request(tx: Tx, actor: Actor, lot_id: str, replaces: str = "", wish: Wish = PLAIN) -> Draw:
    """Fix the draw of a lot and put it on its centre's register."""
    if wish.evaluation_at is not None:
        projects.move_evaluation(tx, actor, lot_id, wish.evaluation_at)
    return draws.request_draw(tx, actor, request_of(tx.db, lot_id, replaces, wish))


def current(db: Session, lot_id: str) -> Draw:
    """The draw that counts for a lot: the newest that did not end without a committee."""
    alive = [d for d in draws.draws_of_lot(db, lot_id) if d.state not in ENDED_WITHOUT]
    if not alive:
        raise Refusal("api.flows.no_draw", {"lot": lot_id}, Kind.NOT_FOUND)
    return alive[-1]


def published_transcript(db: Session, draw_id: str) -> Mapping[str, Any]:
    """The public transcript of a closed draw; TOO_EARLY while committee and calls are secret."""
    if not draws.draw(db, draw_id).transcript_sha256:
        raise Refusal("api.flows.draw_open", {"draw": draw_id[:40]}, Kind.TOO_EARLY)
    return draws.transcript(db, draw_id)


def recheck(tx: Tx, actor: Actor, lot_id: str) -> Recheck:
    """Judge recusal against the bidders now known; who is conflicted leaves, the next ranks come.
    Only bidders proven by their halves: else a cell forged in some employer's name would remove
    whom the forger likes."""
    bidders = opening.proven_bidders(tx.db, lot_id)
    return draws.recheck(tx, actor, current(tx.db, lot_id).id, bidders)


def substitute_absent(tx: Tx, actor: Actor, lot_id: str, expert_ids: Iterable[str]) -> None:
    """Replace members who cannot come to any station by the next ranks (条例 第四十八条)."""
    draw = current(tx.db, lot_id)
    for expert_id in expert_ids:
        draws.substitute(tx, actor, draw.id, expert_id, Cause.ABSENT)
