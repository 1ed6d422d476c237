"""Sending checkpoints to outside witnesses over HTTP (C2SP tlog-witness), and taking in their lines.

Which parties those are: `api.outsiders`. Each is asked in a thread of its own, so that one that does not answer holds
up neither the watch of a night nor another witness.
"""

from __future__ import annotations

import contextlib
import http.client
import logging
import socket
import threading
from urllib.parse import urlsplit

from api.outsiders import Outside
from archive import add_checkpoint, merkle
from archive.add_checkpoint import Behind, Cosigned, Declined
from archive.cosignature import moment_of
from archive.errors import Reason
from archive.journal import service as journal
from archive.office import Office
from archive.words import Language, say
from evaluation.witness.outside import service as outside

ASK_SECONDS_MAX = 5.0
"""For the whole answer, however slowly it comes."""
TRIES_MAX = 3
"""A witness that says where it stands is asked again from there."""
READ_AT_ONCE = 1000
ALARMING = frozenset(
    {"archive.witness.root_differs", "archive.witness.proof_refused", "archive.witness.ahead"}
)
"""The witness holds something against us: not a fault of the line."""
_log = logging.getLogger("bigloop.outside")


def post(url: str, body: bytes) -> tuple[int, str, bytes]:
    """(status, content type, body) of the answer; OSError or HTTPException where there is none in time."""
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=ASK_SECONDS_MAX)
    # The time limit of a socket begins anew with each byte.
    limit = threading.Timer(ASK_SECONDS_MAX, _cut, [connection])
    limit.daemon = True
    limit.start()
    try:
        connection.request("POST", f"{parts.path}/add-checkpoint", body)
        answer = connection.getresponse()
        content = answer.read(add_checkpoint.ANSWER_BYTES_MAX + 1)
        return answer.status, answer.getheader("Content-Type", ""), content
    finally:
        limit.cancel()
        connection.close()


def _cut(connection: http.client.HTTPConnection) -> None:
    """End a connection that another thread reads."""
    if connection.sock is not None:
        with contextlib.suppress(OSError):
            # Not the method of a TLS socket, which would take the object from under its reader.
            socket.socket.shutdown(connection.sock, socket.SHUT_RDWR)


class Asker:
    """Asks one witness for cosignatures, session after session, in a thread that runs while there is something to ask."""

    def __init__(self, office: Office, one: Outside) -> None:
        self.name = one.witness.name
        self._office = office
        self._one = one
        self._wanted: dict[str, None] = {}
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._said: dict[str, str] = {}

    def wish(self, session_id: str) -> None:
        """Have the witness asked about a session's log, unless it is being asked."""
        with self._lock:
            self._wanted[session_id] = None
            if self._thread is None:
                name = f"bigloop-outside-{self.name}"
                self._thread = threading.Thread(target=self._run, name=name, daemon=True)
                self._thread.start()

    def wait(self, seconds: float) -> None:
        """Returns when everything was asked, or after so long."""
        with self._lock:
            thread = self._thread
        if thread is not None:
            thread.join(seconds)

    def _run(self) -> None:
        while True:
            with self._lock:
                if not self._wanted:
                    self._thread = None
                    return
                session_id = next(iter(self._wanted))
            try:
                self._tell(session_id, ask(self._office, session_id, self._one))
            except Exception:
                _log.exception("asking %s about session/%s failed", self.name, session_id)
            with self._lock:
                del self._wanted[session_id]

    def _tell(self, session_id: str, answer: Cosigned | Declined) -> None:
        """Log what became of a session where it is not what it was the last time."""
        code = answer.reason.code if isinstance(answer, Declined) else ""
        if code == self._said.get(session_id, ""):
            return
        self._said[session_id] = code
        if isinstance(answer, Cosigned):
            _log.info("%s cosigns session/%s again", self.name, session_id)
            return
        level = logging.ERROR if code in ALARMING else logging.WARNING
        words = say(code, answer.reason.params, Language.EN)
        _log.log(level, "%s does not cosign session/%s: %s: %s", self.name, session_id, code, words)


def ask(office: Office, session_id: str, one: Outside) -> Cosigned | Declined:
    """Ask one witness to cosign the session's log as it stands; keep its lines.

    Reads on one snapshot, asks without a transaction, and writes what came.
    """
    stream = f"session/{session_id}"
    with office.read() as db:
        note = journal.checkpoint(db, stream, office.log)
        assert note is not None, "asked for a session that has a log"
        size = int(note.split("\n")[1])
        old = min(outside.size_of(db, session_id, one.witness.name), size)
        leaves = [
            merkle.leaf_hash(body)
            for start in range(0, size, READ_AT_ONCE)
            for body in journal.bodies(db, stream, start, min(start + READ_AT_ONCE, size))
        ]
    answer = _converse(one, note, merkle.Tree(leaves), old)
    if isinstance(answer, Cosigned):
        at = moment_of(answer.at)  # the line keeps what the witness said
        with office.write() as tx:
            outside.keep(tx, session_id, one.witness, size, answer.lines[-1], at)
    return answer


def _converse(one: Outside, note: str, tree: merkle.Tree, old: int) -> Cosigned | Declined:
    status = 0
    for _ in range(TRIES_MAX):
        proof = tree.consistency_proof(old) if old else ()
        try:
            got = post(one.url, add_checkpoint.request(old, proof, note))
        except (OSError, http.client.HTTPException):
            return Declined(Reason("archive.witness.failed"), 0)
        status = got[0]
        answer = add_checkpoint.read_answer(*got, note, one.witness)
        if not isinstance(answer, Behind):
            return answer
        if answer.size > tree.size:
            return Declined.ahead(answer.size, tree.size, status)
        old = answer.size
    return Declined(Reason("archive.witness.failed"), status)
