"""Witness events put on a session's stream, beside the session's own acts."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from archive.actor import Actor
from archive.errors import Kind, Refusal
from archive.journal.entry import DocumentRef
from archive.office import Tx
from evaluation.session import service as sessions
from evaluation.session.state import FINAL
from evaluation.witness.events import check_event

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
    stands for; kept as a document. Refuses what is not in the list, and a session that is over."""
    check_event(kind, data, actor.roles)
    found = sessions.session(tx.db, session_id)
    if found.stage in FINAL:
        raise Refusal(
            "evaluation.witness.session_over",
            {"session": session_id, "stage": found.stage.value},
            Kind.CONFLICT,
        )
    if kind == "handover" and actor.id != data["outgoing"]:
        raise Refusal(
            "evaluation.witness.not_on_duty", {"outgoing": data["outgoing"]}, Kind.FORBIDDEN
        )
    documents: tuple[DocumentRef, ...] = ()
    if words is not None:
        if len(words) > WORDS_BYTES_MAX:
            raise Refusal(
                "evaluation.witness.words_long", {"bytes": len(words), "most": WORDS_BYTES_MAX}
            )
        sha256 = hashlib.sha256(words).hexdigest()
        if data.get("sha256") != sha256:
            raise Refusal("evaluation.witness.words_differ", {"event": kind})
        documents = (tx.vault.put(f"witness-{kind}-{sha256[:12]}.txt", "text/plain", words),)
    tx.record(f"session/{session_id}", f"evaluation:witness:{kind}", actor, dict(data), documents)
