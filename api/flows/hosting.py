"""Hosting a session: whose act is waited for, and what staff of one venue may do now. The session's
own machine judges every act; this says beforehand what it would ask for."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from archive.actor import Actor, Role
from evaluation.session.machine import commands_for
from evaluation.session.session import Session
from evaluation.session.state import Answer, Member, Recusal, Stage, Standing, State


@dataclass(frozen=True)
class Wait:
    """An act that is waited for: its code, and the seat or the venue whose it is."""

    code: str
    whose: str


def waits(state: State) -> tuple[Wait, ...]:
    """Everything that must still be done before the session can go on."""
    stage = state.stage
    if stage is Stage.CHECK_IN:
        return tuple(wait for member in state.sitting for wait in _arrival(member))
    if stage is Stage.PAUSE_REQUESTED:
        return (Wait("approve", ""),)
    if stage is Stage.INCIDENT:
        return (Wait("decide", state.incidents[-1].kind.value),)
    if stage is Stage.PAUSE_APPROVED:
        locked = dict(state.night.locked)
        return _of("lock", (m.seat_code for m in state.sitting if m.expert_id not in locked))
    if stage is Stage.SEALING:
        seals = {seal.centre_id: seal for seal in state.night.seals}
        unsealed = _of("seal", (venue for venue in state.night.venues if venue not in seals))
        alone = (venue for venue, seal in seals.items() if not seal.witnessed_by)
        return unsealed + _of("witness_seal", sorted(alone))
    if stage in (Stage.SEALED_OVERNIGHT, Stage.UNSEALING):
        return _morning(state)
    if stage is Stage.REVIEWING:
        sitting = [m for m in state.sitting if m.standing is Standing.SITTING]
        entering = tuple(w for m in state.sitting if not m.is_admitted for w in _arrival(m))
        return entering + _of(
            "submit", (m.seat_code for m in sitting if m.is_admitted and not m.submitted)
        )
    if stage is Stage.SCORED:
        if not state.report:
            return (Wait("file", state.host),)
        return _of("sign", (m.seat_code for m in state.sitting if m.answer is Answer.OPEN))
    return ()


def _morning(state: State) -> tuple[Wait, ...]:
    closed = (s.centre_id for s in state.night.seals if not s.unsealed_by)
    alone = (s.centre_id for s in state.night.seals if s.unsealed_by and not s.unseal_witnessed_by)
    found = _of("unseal", closed) + _of("witness_unseal", alone)
    if state.stage is Stage.UNSEALING:
        entering = (w for m in state.sitting if not m.is_admitted for w in _arrival(m))
        again = (m.seat_code for m in state.sitting if m.is_admitted and not m.is_rechecked)
        found += (*entering, *_of("recheck", again))
    return found


def _arrival(member: Member) -> tuple[Wait, ...]:
    if member.standing is Standing.BLOCKED:
        return (Wait("replace", member.seat_code),)
    found = []
    if not member.discipline:
        found.append(Wait("discipline", member.seat_code))
    if not member.identity:
        found.append(Wait("identity", member.seat_code))
    if member.recusal is Recusal.UNSIGNED:
        found.append(Wait("recusal", member.seat_code))
    return tuple(found)


def _of(code: str, whose: Iterable[str]) -> tuple[Wait, ...]:
    return tuple(Wait(code, one) for one in whose)


@dataclass(frozen=True)
class Room:
    """What staff of one venue see to act on: commands that the table allows in this stage, the
    members at their venue, and whether they are the host's."""

    commands: frozenset[str]
    here: tuple[Member, ...]
    arriving: tuple[Member, ...]
    """Of these, who was not identified yet: at the beginning, or a substitute at any time."""
    returning: tuple[Member, ...]
    """Of these, who must be identified anew before the review resumes."""
    is_host: bool
    seal: str
    """Of their venue in this night: `NONE`, `APPLIED`, `WITNESSED`, `READ`, `OPEN`."""


def room(session: Session, actor: Actor) -> Room:
    """The session as staff of the actor's venue may act on it."""
    state = session.state
    here = tuple(m for m in state.sitting if m.centre_id == actor.centre_id)
    sitting = [member for member in here if member.standing is not Standing.BLOCKED]
    return Room(
        commands=frozenset(commands_for(state.stage, frozenset({Role.STAFF}))),
        here=here,
        arriving=tuple(member for member in sitting if not member.identity),
        returning=tuple(m for m in sitting if m.identity and not m.is_rechecked),
        is_host=actor.centre_id in ("", session.centre_id),
        seal=_seal(state, actor.centre_id),
    )


def _seal(state: State, centre_id: str) -> str:
    found = state.night.seal_of(centre_id) if state.nights else None
    if found is None:
        return "NONE"
    if found.unseal_witnessed_by:
        return "OPEN"
    if found.unsealed_by:
        return "READ"
    return "WITNESSED" if found.witnessed_by else "APPLIED"


def identity_of(session_id: str, code: str) -> str:
    """What stands in the record for a person whom a door device identified by `code`: the same for
    the same person in one session, and of no use elsewhere."""
    text = f"bigloop.identity.v1\x00{session_id}\x00{code}"
    return hashlib.sha256(text.encode()).hexdigest()
