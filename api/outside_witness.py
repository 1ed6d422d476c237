"""Sending checkpoints to outside witnesses over HTTP (C2SP tlog-witness), and taking in their lines.

Which parties those are: `api.outsiders`.
"""

from __future__ import annotations

import http.client
from collections.abc import Sequence
from datetime import UTC, datetime
from urllib.parse import urlsplit

from api.outsiders import Outside
from archive import add_checkpoint, merkle
from archive.add_checkpoint import Answer, Behind, Cosigned, Declined
from archive.errors import Reason
from archive.journal import service as journal
from archive.office import Office
from evaluation.witness.outside import service as outside

ASK_SECONDS_MAX = 5.0
TRIES_MAX = 3
"""A witness that says where it stands is asked again from there."""


def post(url: str, body: bytes) -> tuple[int, str, bytes]:
    """(status, content type, body) of the answer; OSError or HTTPException where there is none."""
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=ASK_SECONDS_MAX)
    try:
        connection.request("POST", f"{parts.path}/add-checkpoint", body)
        answer = connection.getresponse()
        content = answer.read(add_checkpoint.ANSWER_BYTES_MAX + 1)
        return answer.status, answer.getheader("Content-Type", ""), content
    finally:
        connection.close()


def ask(office: Office, session_id: str, one: Outside) -> Answer:
    """Ask one witness to cosign the session's log as it stands; keep its lines.

    Reads on one snapshot, asks without a transaction, and writes what came.
    """
    stream = f"session/{session_id}"
    with office.read() as db:
        note = journal.checkpoint(db, stream, office.log)
        assert note is not None, "asked for a session that has a log"
        size = int(note.split("\n")[1])
        old = min(outside.size_of(db, session_id, one.witness.name), size)
        leaves = [entry.leaf for entry in journal.entries(db, stream, 0, size)]
    answer = _converse(one, note, merkle.Tree(leaves), old)
    if isinstance(answer, Cosigned):
        at = datetime.fromtimestamp(min(answer.at, 2**40), UTC)
        with office.write() as tx:
            outside.keep(tx, session_id, one.witness, size, answer.lines[-1], at)
    return answer


def _converse(one: Outside, note: str, tree: merkle.Tree, old: int) -> Answer:
    answer: Answer = Declined(Reason("archive.witness.failed"), 0)
    for _ in range(TRIES_MAX):
        proof: Sequence[bytes] = tree.consistency_proof(old) if old else ()
        try:
            got = post(one.url, add_checkpoint.request(old, proof, note))
        except (OSError, http.client.HTTPException):
            return Declined(Reason("archive.witness.failed"), 0)
        answer = add_checkpoint.read_answer(*got, note, one.witness)
        if not isinstance(answer, Behind) or answer.size > tree.size:
            return answer
        old = answer.size
    return answer
