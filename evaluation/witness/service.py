"""Witness events put on a session's stream, beside the session's own acts.

Who reports must be of the session: staff serve its host or one of its venues, and report of their own
venue alone; an account without a centre serves all. What an event names must be of the session too:
its venues, the seats of its members, the seal that a venue bears in the newest night. Which
supervisor watches which session is the caller's matter.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from archive.actor import Actor, Role
from archive.digests import sha256, sm3
from archive.errors import Faults, Kind, Refusal
from archive.journal.entry import DocumentRef
from archive.office import Tx
from evaluation.session import service as sessions
from evaluation.session.state import FINAL, State
from evaluation.witness import queries
from evaluation.witness.events import check_event
from evaluation.witness.rules import SIGNED_AT_SOURCE

WORDS_BYTES_MAX = 64 * 1024


def record_event(
    tx: Tx,
    actor: Actor,
    session_id: str,
    kind: str,
    data: Mapping[str, Any],
    words: bytes | None = None,
) -> None:
    """Record `evaluation:witness:<kind>`. `words`: the text that a note's or an order's `sha256`
    stands for; kept as a document.

    Refuses INVALID, with all faults, what is not in the list and what is not of this session;
    FORBIDDEN staff whose centre has no part in it; CONFLICT a session that is over.
    """
    check_event(kind, data, actor.roles)
    found = sessions.session(tx.db, session_id)
    _check_part(actor, found.state)
    if found.stage in FINAL:
        raise Refusal(
            "evaluation.witness.session_over",
            {"session": session_id, "stage": found.stage.value},
            Kind.CONFLICT,
        )
    _check_named(actor, found.state, kind, data)
    station = data.get("station", "")
    if station and queries.is_bound(tx.db, session_id, station):
        raise Refusal(
            "evaluation.witness.unsigned",
            {"station": station},
            Kind.FORBIDDEN,
            rule=SIGNED_AT_SOURCE,
        )
    documents: tuple[DocumentRef, ...] = ()
    said = dict(data)
    if words is not None:
        digests, documents = with_words(tx, kind, words, data.get("sha256", ""))
        said |= digests
    tx.record(f"session/{session_id}", f"evaluation:witness:{kind}", actor, said, documents)


def with_words(
    tx: Tx, kind: str, words: bytes, stated: str | None = None
) -> tuple[dict[str, str], tuple[DocumentRef, ...]]:
    """What was said with an event: its digests, and the document that is kept. `stated`: the SHA-256 that came with
    it, which is compared."""
    if len(words) > WORDS_BYTES_MAX:
        params = {"bytes": len(words), "most": WORDS_BYTES_MAX}
        raise Refusal("evaluation.witness.words_long", params)
    digest = sha256(words)
    if stated not in (None, digest):
        raise Refusal("evaluation.witness.words_differ", {"event": kind})
    kept = tx.vault.put(f"witness-{kind}-{digest[:12]}.txt", "text/plain", words)
    return {"sha256": digest, "sm3": sm3(words)}, (kept,)


def _bound_to(actor: Actor) -> str:
    """The centre beyond which this account sees nothing; empty for one that serves all."""
    return actor.centre_id if Role.STAFF in actor.roles else ""


def _check_part(actor: Actor, state: State) -> None:
    centre = _bound_to(actor)
    if centre and centre not in state.venues:
        raise Refusal(
            "evaluation.witness.other_centre",
            {"centre": centre, "session": state.session_id},
            Kind.FORBIDDEN,
        )


def _check_named(actor: Actor, state: State, kind: str, data: Mapping[str, Any]) -> None:
    """Refuse a venue, a seat or a seal that the session does not have."""
    faults = Faults("evaluation.witness.invalid")
    venue, centre = data.get("venue"), _bound_to(actor)
    if venue is not None and venue not in state.venues:
        venues = ", ".join(state.venues)
        faults.add("/venue", "evaluation.witness.venue_unknown", venue=venue, venues=venues)
    elif venue is not None and centre and venue != centre:
        faults.add("/venue", "evaluation.witness.venue_other", venue=venue, centre=centre)
    seats = sorted({member.seat_code for member in state.members})
    if "seat" in data and data["seat"] not in seats:
        known = ", ".join(seats)
        faults.add("/seat", "evaluation.witness.seat_unknown", seat=data["seat"], seats=known)
    if kind == "seal_check":
        seal = state.night.seal_of(data["venue"]) if state.nights else None
        if seal is None:
            faults.add("/number", "evaluation.witness.seal_none", venue=data["venue"])
        elif seal.number != data["number"]:
            faults.add(
                "/number",
                "evaluation.witness.seal_unknown",
                number=data["number"],
                venue=data["venue"],
            )
    faults.refuse()
