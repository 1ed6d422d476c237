"""The witness desk of one session as its pages show it, and what is done there.

Whose session it is, `api.flows.watch.seen` judges for a supervisor and `may_see` for staff; what
may be done, the desk's own service.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session as Db

from api.flows.places import names as names_of_places
from archive.actor import Actor
from archive.clock import SHANGHAI
from archive.cosignature import Cosigner
from archive.errors import Refusal
from archive.vault import Vault
from evaluation.session import service as sessions
from evaluation.session.session import Session
from evaluation.session.state import FINAL
from evaluation.witness import bulletin
from evaluation.witness.alarms import SEVERITY, AlarmKey, Severity
from evaluation.witness.bulletin import CentreLine
from evaluation.witness.duty import Offer, Shift
from evaluation.witness.keeping.service import Watches
from evaluation.witness.nights import Night
from evaluation.witness.rules import limits_of, limits_on
from evaluation.witness.watch import OpenOrder, Raised, Watch
from trading.acting import watches
from trading.projects import service as projects
from trading.regime import Regime


@dataclass(frozen=True)
class Standing:
    """An alarm that stands."""

    key: AlarmKey
    raised: Raised
    severity: Severity


@dataclass(frozen=True)
class DeskView:
    """What the witness desk of a session shows to one actor. `my_key`: the public key, in base64,
    by which the actor's signatures are verified; "" before he is enrolled. `cosign_due_at`: when the
    next countersignature is due, in a night."""

    session_id: str
    me: str
    my_key: str
    is_over: bool
    is_night: bool
    on_duty: Mapping[str, datetime]
    enrolled: tuple[str, ...]
    offer: Offer | None
    shifts: tuple[Shift, ...]
    cosigned_at: datetime | None
    cosigned_size: int
    cosignatures: int
    cosign_due_at: datetime | None
    alarms: tuple[Standing, ...]
    orders: tuple[OpenOrder, ...]
    stations: int

    @property
    def is_on_duty(self) -> bool:
        return self.me in self.on_duty


def view(db: Db, actor: Actor, session: Session, watches: Watches) -> DeskView:
    """The desk as the record tells it."""
    watch = watches.of(db, session.id)
    known = watch.desk
    since = max(filter(None, [watch.sealed_at, known.cosigned_at]), default=None)
    due = since + limits_of(session).cosign if watch.is_night and since is not None else None
    return DeskView(
        session_id=session.id,
        me=actor.id,
        my_key=_key_of(known.keys.get(actor.id)),
        is_over=session.stage in FINAL,
        is_night=watch.is_night,
        on_duty=known.on_duty,
        enrolled=tuple(sorted(known.keys)),
        offer=known.offer_to(actor.id),
        shifts=tuple(sorted(known.shifts, key=lambda shift: shift.begins_at)),
        cosigned_at=known.cosigned_at,
        cosigned_size=known.cosigned_size,
        cosignatures=known.cosignatures,
        cosign_due_at=due,
        alarms=_alarms(watch),
        orders=tuple(order for order in watch.orders.values() if order.answer is None),
        stations=len(watch.stations),
    )


def order_words(vault: Vault, orders: Iterable[OpenOrder]) -> dict[int, str]:
    """What the supervisor said with each order, by its number; who is to answer has to read it."""
    found = {}
    for order in orders:
        try:
            if order.sha256:
                found[order.seq] = vault.get(order.sha256).decode()
        except Refusal:
            continue  # lost from the vault: the order stands all the same
    return found


def _key_of(vkey: str | None) -> str:
    return base64.b64encode(Cosigner.parse(vkey).public_key).decode() if vkey else ""


def _alarms(watch: Watch) -> tuple[Standing, ...]:
    found = (
        Standing(key, raised, SEVERITY.get(key.alarm, Severity.WARNING))
        for key, raised in watch.raised.items()
    )
    return tuple(sorted(found, key=lambda one: (bool(one.raised.acknowledged_by), one.raised.at)))


# --- The bulletin -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Bulletin:
    """A month's nights by centre; `names` of the centres by id."""

    month: str
    lines: tuple[CentreLine, ...]
    nights: tuple[Night, ...]
    names: Mapping[str, str]


def month_of(moment: datetime) -> str:
    """`2026-10`, in Shanghai."""
    return f"{moment.astimezone(SHANGHAI):%Y-%m}"


def nights_bulletin(db: Db, actor: Actor, month: str, known: Watches) -> Bulletin:
    """The bulletin of a month, of the lots that the actor watches."""
    lots = {lot.id for lot in projects.lots(db) if watches(actor, lot.supervisor_uscc)}
    nights: list[Night] = []
    for session in sessions.sessions(db):
        sealed = (night.sealed_at for night in session.state.nights)
        if session.lot_id in lots and any(at and month_of(at) == month for at in sealed):
            nights += known.of(db, session.id).nights.nights
    day = datetime.fromisoformat(f"{month}-01").date()
    limit = limits_on(day, Regime.ZTB, "CN").cosign
    lines = bulletin.by_centre(nights, month, limit)
    names = names_of_places(db)
    mine = tuple(night for night in nights if night.month == month)
    return Bulletin(month, tuple(lines), mine, names)
