"""The booth at check-in (现场随机分配工位号): drawn when the expert stands there, and not before.

The draw, with the booths that were free and the salt, stands on the stream of the session once the
expert has come. How it is drawn, and why a booth is always found: `evaluation.seating.labels`.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlmodel import Session

from archive import canonical
from archive.actor import Actor, Role
from archive.errors import Kind, Refusal
from archive.office import Tx
from evaluation.seating import queries
from evaluation.seating.booking import BookedSeat
from evaluation.seating.labels import Stay, draw_up_to
from evaluation.seating.problem import SeatKey
from evaluation.seating.tables import SeatRow
from evaluation.stations import service as stations
from evaluation.stations.slots import slot_at
from evaluation.stations.station import GroupKey

SALT_BYTES = 16


def assign_label(tx: Tx, actor: Actor, session_id: str, expert_id: str) -> BookedSeat:
    """Draw the booth of an expert who checks in; asked again, the same booth while it is open.

    Refuses NOT_FOUND without a seat, FORBIDDEN for another expert's, CONFLICT where closures have
    left no booth (the seat must be planned anew).
    """
    actor.must_be(Role.STAFF, Role.EXPERT, Role.SYSTEM)
    if actor.roles == {Role.EXPERT} and actor.party_id != expert_id:
        raise Refusal("evaluation.seat.not_yours", {"expert": expert_id}, Kind.FORBIDDEN)
    key = SeatKey(session_id, expert_id)
    group = _my_seat(tx.db, key).to_domain().group
    stations.lock(tx.db, [group])
    mine = _my_seat(tx.db, key)
    now_slot = min(slot_at(tx.now), mine.last_slot)
    left = tuple(range(max(now_slot, mine.first_slot), mine.last_slot + 1))
    if mine.label and mine.label not in stations.open_booths(tx.db, group, left):
        mine.label, mine.draw, mine.checked_in_at = "", "", None
    if not mine.label:
        _draw(tx, group, mine, now_slot)
    if mine.checked_in_at is None:
        mine.checked_in_at = tx.now
        tx.record(
            f"session/{session_id}",
            "evaluation:booth:taken",
            actor,
            {
                "seat": mine.id,
                "expert": expert_id,
                "centre": mine.centre_id,
                "label": mine.label,
                **canonical.decode(mine.draw.encode()),
            },
        )
    queries.save(tx.db, [mine])
    return mine.to_domain()


def _draw(tx: Tx, group: GroupKey, mine: SeatRow, now_slot: int) -> None:
    """Draw for `mine` and for those of the group whose turn is before."""
    first = min(now_slot, mine.first_slot)
    rows = queries.live_in_group(tx.db, group, first, mine.last_slot)
    drawn = draw_up_to(
        _key(mine),
        [Stay(_key(row), row.to_domain().slots, row.label) for row in rows],
        lambda slots: stations.open_booths(tx.db, group, slots),
        now_slot,
        lambda: tx.entropy.bytes(SALT_BYTES),
    )
    if drawn is None:
        raise Refusal(
            "evaluation.seat.no_booth",
            {"session": mine.session_id, "expert": mine.expert_id, "centre": mine.centre_id},
            Kind.CONFLICT,
        )
    row_of = {_key(row): row for row in rows}
    changed: Sequence[SeatRow] = [row_of[one.key] for one in drawn]
    for row, one in zip(changed, drawn, strict=True):
        row.label = one.label
        row.draw = canonical.encode({"free": list(one.free), "salt": one.salt}).decode()
    queries.save(tx.db, changed)


def _key(row: SeatRow) -> SeatKey:
    return SeatKey(row.session_id, row.expert_id)


def _my_seat(db: Session, key: SeatKey) -> SeatRow:
    for row in queries.live_of_session(db, key.session_id):
        if row.expert_id == key.expert_id:
            return row
    raise Refusal(
        "evaluation.seat.none",
        {"session": key.session_id, "expert": key.expert_id},
        Kind.NOT_FOUND,
    )
