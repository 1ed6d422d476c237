"""The witness desk at work: enrolment, duty, shifts, hand-over, countersignature, answers.

A witness cosigns by his own client, which has followed the log and holds the checkpoint against what
it saw before; here the cosignature is verified against the root that the stored entries give, so
that a client that was shown another history finds its signature refused.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import Session as Db

from archive import merkle
from archive.actor import Actor, Role
from archive.cosignature import Cosigner, moment_of
from archive.errors import Faults, Kind, Refusal
from archive.journal import service as journal
from archive.journal.entry import DocumentRef, moment_text, origin_of
from archive.note import Checkpoint, Note
from archive.office import Tx
from evaluation.session import service as sessions
from evaluation.session.session import Session
from evaluation.session.state import FINAL, State
from evaluation.witness import queries
from evaluation.witness.duty import DUTY_KINDS, Desk
from evaluation.witness.events import check_event
from evaluation.witness.rules import COSIGN, TWO_SIGN
from evaluation.witness.service import with_words
from evaluation.witness.sources import decode64
from evaluation.witness.tables import CosignatureRow, WitnessKeyRow
from evaluation.witness.watch import OpenOrder, Raised, Watch

SHIFT_MAX = timedelta(hours=24)
CLOCKS_APART_MAX = timedelta(minutes=10)
"""Between the cosigner's time and ours."""
_WITNESSES = frozenset({Role.STAFF, Role.SUPERVISOR})


@dataclass(frozen=True)
class Cosigning:
    """A cosignature as a client made it: over which checkpoint, at which POSIX time, and the 64
    bytes in base64."""

    size: int
    root: str
    time: int
    sig: str

    def data(self) -> dict[str, Any]:
        return {"size": self.size, "root": self.root, "time": self.time, "sig": self.sig}


def desk_of(db: Db, session_id: str) -> Desk:
    """The desk as the record tells it; reads its own kinds of entries alone."""
    desk = Desk()
    actions = [f"evaluation:witness:{kind}" for kind in DUTY_KINDS]
    for entry in journal.entries_of(db, f"session/{session_id}", actions):
        desk = desk.after(entry.action.rpartition(":")[2], entry)
    return desk


def witness_name(log_name: str, witness: str) -> str:
    """The key name of a witness: every log of this house knows him by it."""
    return f"{log_name}/witness/{witness}"


def enrol(tx: Tx, actor: Actor, session_id: str, key: str) -> Cosigner:
    """The actor will cosign this session's checkpoints with `key` (base64 of an Ed25519 key).

    A key belongs to one witness for good. Enrolling the same key again changes nothing.
    """
    name = witness_name(tx.log.name, actor.id)
    data = {"witness": actor.id, "name": name, "key": key}
    _begin(tx.db, actor, session_id, "witness_enrolled", data)
    public = decode64(key)
    if public is None or len(public) != 32:
        raise Refusal("evaluation.witness.key_form", {"algorithm": "ED25519"})
    cosigner = Cosigner(name, public)
    if desk_of(tx.db, session_id).keys.get(actor.id) == cosigner.vkey:
        return cosigner
    row = WitnessKeyRow(public_key=key, witness=actor.id, name=name)
    queries.put_key(tx.db, row)
    known = queries.key(tx.db, key)
    if known is None or known.witness != actor.id:
        raise Refusal("evaluation.witness.key_other", {}, Kind.CONFLICT)
    _record(tx, actor, session_id, "witness_enrolled", data)
    return cosigner


def _with_key(tx: Tx, actor: Actor, session_id: str, key: str) -> Desk:
    """The desk, with a key that the actor enrols in the same act: its entry is not written yet."""
    desk = desk_of(tx.db, session_id)
    if not key:
        return desk
    cosigner = enrol(tx, actor, session_id, key)
    return replace(desk, keys={**desk.keys, actor.id: cosigner.vkey})


def go_on_duty(tx: Tx, actor: Actor, session_id: str, key: str = "") -> None:
    """The actor begins to watch; he is enrolled, or enrols `key` with it."""
    data = {"witness": actor.id, "state": "ON"}
    session = _begin(tx.db, actor, session_id, "duty", data)
    _check_impartial(actor, session)
    desk = _with_key(tx, actor, session_id, key)
    _key_of(desk, actor)
    if actor.id in desk.on_duty:
        raise Refusal("evaluation.witness.on_duty", {"witness": actor.id}, Kind.CONFLICT)
    _record(tx, actor, session_id, "duty", data)


def go_off_duty(tx: Tx, actor: Actor, session_id: str) -> None:
    """The actor ends his watch while others watch on; the last one hands over instead, except when
    the night is over."""
    data = {"witness": actor.id, "state": "OFF"}
    session = _begin(tx.db, actor, session_id, "duty", data)
    desk = desk_of(tx.db, session_id)
    if actor.id not in desk.on_duty:
        raise Refusal("evaluation.witness.off_duty", {"witness": actor.id}, Kind.CONFLICT)
    if len(desk.on_duty) == 1 and session.state.nights and session.state.night.resumed_at is None:
        raise Refusal("evaluation.witness.hand_over", {}, Kind.CONFLICT, rule=TWO_SIGN)
    _record(tx, actor, session_id, "duty", data)


def plan_shift(
    tx: Tx, actor: Actor, session_id: str, witness: str, begins_at: datetime, ends_at: datetime
) -> None:
    """Put a shift on the roster."""
    data = {
        "witness": witness,
        "begins_at": moment_text(begins_at),
        "ends_at": moment_text(ends_at),
    }
    _begin(tx.db, actor, session_id, "shift", data)
    faults = Faults("evaluation.witness.invalid")
    if not timedelta() < ends_at - begins_at <= SHIFT_MAX:
        hours = int(SHIFT_MAX.total_seconds()) // 3600
        faults.add("/ends_at", "evaluation.witness.shift_length", hours=hours)
    for other in desk_of(tx.db, session_id).shifts:
        is_same = other.witness == witness
        if is_same and begins_at < other.ends_at and other.begins_at < ends_at:
            faults.add("/begins_at", "evaluation.witness.shift_overlaps", witness=witness)
    faults.refuse()
    _record(tx, actor, session_id, "shift", data)


def cancel_shift(tx: Tx, actor: Actor, session_id: str, shift_seq: int) -> None:
    """Take a shift off the roster."""
    data = {"shift_seq": shift_seq}
    _begin(tx.db, actor, session_id, "shift_cancelled", data)
    if all(shift.seq != shift_seq for shift in desk_of(tx.db, session_id).shifts):
        raise Refusal("evaluation.witness.shift_unknown", {"seq": shift_seq}, Kind.NOT_FOUND)
    _record(tx, actor, session_id, "shift_cancelled", data)


def offer_handover(tx: Tx, actor: Actor, session_id: str, incoming: str, signed: Cosigning) -> None:
    """The witness on duty offers his watch to the next: he cosigns up to where he watched."""
    data = {"outgoing": actor.id, "incoming": incoming, **signed.data()}
    _begin(tx.db, actor, session_id, "handover_offered", data)
    desk = desk_of(tx.db, session_id)
    if actor.id not in desk.on_duty:
        raise Refusal("evaluation.witness.not_on_duty", {"outgoing": actor.id}, Kind.FORBIDDEN)
    if incoming == actor.id:
        raise Refusal(
            "evaluation.session.two_persons",
            {"command": "Handover", "stage": "", "actor": actor.id},
            Kind.FORBIDDEN,
            rule=TWO_SIGN,
        )
    _take_cosignature(tx, actor, session_id, desk, signed)
    _record(tx, actor, session_id, "handover_offered", data)


def accept_handover(
    tx: Tx, actor: Actor, session_id: str, signed: Cosigning, key: str = ""
) -> None:
    """The next witness takes over: he cosigns the same checkpoint. He is enrolled, or enrols `key`
    with it."""
    session = _session(tx.db, actor, session_id)
    _check_impartial(actor, session)
    desk = _with_key(tx, actor, session_id, key)
    offer = desk.offer_to(actor.id)
    if offer is None:
        raise Refusal("evaluation.witness.no_offer", {"incoming": actor.id}, Kind.NOT_FOUND)
    data = {
        "outgoing": offer.outgoing,
        "incoming": actor.id,
        "offer_seq": offer.seq,
        **signed.data(),
    }
    check_event("handover", data, actor.roles, is_act=True)
    if (signed.size, signed.root) != (offer.size, offer.root):
        params = {"size": offer.size}
        raise Refusal("evaluation.witness.other_checkpoint", params, Kind.CONFLICT, rule=TWO_SIGN)
    _take_cosignature(tx, actor, session_id, desk, signed)
    _record(tx, actor, session_id, "handover", data)


def countersign(tx: Tx, actor: Actor, session_id: str, signed: Cosigning) -> None:
    """A witness cosigns a checkpoint. In a session that is over the cosignature is kept beside the
    record, which does not grow any more: so the last checkpoint can be cosigned."""
    data = {"witness": actor.id, **signed.data()}
    check_event("countersigned", data, actor.roles, is_act=True)
    session = sessions.session(tx.db, session_id)
    _check_part(actor, session)
    _take_cosignature(tx, actor, session_id, desk_of(tx.db, session_id), signed)
    if session.stage not in FINAL:
        _record(tx, actor, session_id, "countersigned", data)


def _take_cosignature(tx: Tx, actor: Actor, session_id: str, desk: Desk, signed: Cosigning) -> None:
    """Verify and keep the cosignature; CONFLICT where its root is not ours."""
    cosigner = _key_of(desk, actor)
    root = root_at(tx.db, session_id, signed.size)
    if root is None:
        raise Refusal("evaluation.witness.ahead", {}, Kind.CONFLICT)
    if root.hex() != signed.root:
        # The witness was shown another history than we hold: the gravest thing that can be found.
        raise Refusal(
            "evaluation.witness.other_root", {"size": signed.size}, Kind.CONFLICT, rule=COSIGN
        )
    text = Checkpoint(origin_of(tx.log.name, f"session/{session_id}"), signed.size, root).text()
    signature = decode64(signed.sig) or b""
    if cosigner.time_of(text, signed.time.to_bytes(8, "big") + signature) is None:
        raise Refusal("evaluation.witness.cosignature_wrong", {"witness": actor.id})
    at = moment_of(signed.time)
    if abs(at - tx.now) > CLOCKS_APART_MAX:
        minutes = int(CLOCKS_APART_MAX.total_seconds()) // 60
        raise Refusal("evaluation.witness.cosignature_time", {"minutes": minutes})
    line = cosigner.line(signed.time, signature)
    row = CosignatureRow(
        session_id=session_id, size=signed.size, name=cosigner.name, line=line, at=at
    )
    queries.put_cosignature(tx.db, row)


def root_at(db: Db, session_id: str, size: int) -> bytes | None:
    """The root over the first `size` entries; None where there are not so many."""
    stored = queries.checkpoint(db, session_id, size)
    if stored is not None:
        return Checkpoint.parse(Note.parse(stored.note.encode()).text).root
    frontier = merkle.Frontier()
    for entry in journal.entries(db, f"session/{session_id}", 0, size):
        frontier = frontier.append(entry.leaf)
    return frontier.root() if 0 < size == frontier.size else None


def acknowledge(tx: Tx, actor: Actor, session_id: str, alarm_seq: int, words: str = "") -> None:
    """A person takes an alarm on himself, with words or without."""
    watch = _watch(tx.db, session_id)
    standing: list[Raised] = [one for one in watch.raised.values() if one.seq == alarm_seq]
    data, documents = _with_words(tx, "acknowledged", words)
    data["alarm_seq"] = alarm_seq
    _begin(tx.db, actor, session_id, "acknowledged", data)
    if not standing:
        raise Refusal("evaluation.witness.alarm_unknown", {"seq": alarm_seq}, Kind.NOT_FOUND)
    if standing[0].acknowledged_by:
        params = {"by": standing[0].acknowledged_by}
        raise Refusal("evaluation.witness.acknowledged", params, Kind.CONFLICT)
    _record(tx, actor, session_id, "acknowledged", data, documents)


def answer(tx: Tx, actor: Actor, session_id: str, order_seq: int, words: str) -> None:
    """Staff answer an order of the supervisor's, in words."""
    order: OpenOrder | None = _watch(tx.db, session_id).orders.get(order_seq)
    data, documents = _with_words(tx, "answer", words)
    data["order_seq"] = order_seq
    session = _begin(tx.db, actor, session_id, "answer", data)
    if order is None:
        raise Refusal("evaluation.witness.order_unknown", {"seq": order_seq}, Kind.NOT_FOUND)
    if not may_answer(actor, order, session.state):
        params = {"venue": ", ".join(_answers_at(order, session.state)), "centre": actor.centre_id}
        raise Refusal("evaluation.witness.order_other", params, Kind.FORBIDDEN)
    if order.answer is not None:
        raise Refusal("evaluation.witness.answered", {"seq": order_seq}, Kind.CONFLICT)
    _record(tx, actor, session_id, "answer", data, documents)


def may_answer(actor: Actor, order: OpenOrder, state: State) -> bool:
    """Whether an order is for the actor's venue to answer."""
    return not actor.centre_id or actor.centre_id in _answers_at(order, state)


def _answers_at(order: OpenOrder, state: State) -> tuple[str, ...]:
    """An order to a seat is its venue's alone, and the host's where nobody sits there any more; one to a venue that
    venue's or the host's; one to all is anybody's."""
    if order.seat:
        here = tuple(m.centre_id for m in state.sitting if m.seat_code == order.seat)
        return here or (state.host,)
    return (order.venue, state.host) if order.venue else state.venues


def _watch(db: Db, session_id: str) -> Watch:
    watch = Watch(session_id)
    for entry in journal.entries(db, f"session/{session_id}"):
        watch.take(entry)
    return watch


def _with_words(tx: Tx, kind: str, words: str) -> tuple[dict[str, Any], tuple[DocumentRef, ...]]:
    """The digests of what was said, and the document that is kept; nothing where nothing was said."""
    return with_words(tx, kind, words.encode()) if words else ({}, ())


def _begin(db: Db, actor: Actor, session_id: str, kind: str, data: dict[str, Any]) -> Session:
    check_event(kind, data, actor.roles, is_act=True)
    return _session(db, actor, session_id)


def _session(db: Db, actor: Actor, session_id: str) -> Session:
    """The session that is not over, of which the actor is."""
    session = sessions.session(db, session_id)
    _check_part(actor, session)
    if session.stage in FINAL:
        params = {"session": session_id, "stage": session.stage.value}
        raise Refusal("evaluation.witness.session_over", params, Kind.CONFLICT)
    return session


def _check_part(actor: Actor, session: Session) -> None:
    if not _WITNESSES & actor.roles:
        params = {"event": "witness", "needed": ", ".join(sorted(_WITNESSES))}
        raise Refusal("evaluation.witness.role", params, Kind.FORBIDDEN)
    centre = actor.centre_id if Role.STAFF in actor.roles else ""
    if centre and centre not in session.state.venues:
        params = {"centre": centre, "session": session.id}
        raise Refusal("evaluation.witness.other_centre", params, Kind.FORBIDDEN)


def _check_impartial(actor: Actor, session: Session) -> None:
    if any(m.expert_id in (actor.party_id, actor.id) for m in session.state.members):
        params = {"command": "Watch", "stage": session.stage.value, "actor": actor.id}
        raise Refusal("evaluation.session.member_of_committee", params, Kind.FORBIDDEN)


def _key_of(desk: Desk, actor: Actor) -> Cosigner:
    vkey = desk.keys.get(actor.id)
    if vkey is None:
        params = {"witness": actor.id}
        raise Refusal("evaluation.witness.not_enrolled", params, Kind.CONFLICT)
    return Cosigner.parse(vkey)


def _record(
    tx: Tx,
    actor: Actor,
    session_id: str,
    kind: str,
    data: dict[str, Any],
    documents: tuple[DocumentRef, ...] = (),
) -> None:
    tx.record(f"session/{session_id}", f"evaluation:witness:{kind}", actor, data, documents)
