"""Asking an outside witness to cosign (C2SP tlog-witness, `add-checkpoint`): the client's texts.

    POST <submission prefix>/add-checkpoint

    old <size>
    <base64 hash>…            consistency proof from that size
                              (an empty line)
    <checkpoint>

Pure: what to send and what an answer means. Who sends it is the caller's matter.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass

from archive.cosignature import Cosigner, cosigned_by
from archive.errors import Reason
from archive.note import MalformedNote, Note

SIZE_TYPE = "text/x.tlog.size"
HASHES_MAX = 63
ANSWER_BYTES_MAX = 64 * 1024
_SIZE = re.compile(r"(0|[1-9][0-9]{0,18})\n")


@dataclass(frozen=True)
class Cosigned:
    """The witness cosigned: its lines, of the known key alone, each verified."""

    lines: tuple[str, ...]
    at: int


@dataclass(frozen=True)
class Behind:
    """409 with a size: the witness knows another size; ask again from there."""

    size: int


@dataclass(frozen=True)
class Declined:
    """Anything else; `status` is what HTTP said."""

    reason: Reason
    status: int

    @classmethod
    def ahead(cls, size: int, ours: int, status: int) -> Declined:
        """The witness has cosigned more entries than we have: no proof leads there."""
        return cls(Reason("archive.witness.ahead", {"size": size, "ours": ours}), status)


REASONS = {
    400: Reason("archive.witness.bad_request"),
    403: Reason("archive.witness.signature_unknown"),
    404: Reason("archive.witness.log_unknown"),
    409: Reason("archive.witness.root_differs"),
    422: Reason("archive.witness.proof_refused"),
}
Answer = Cosigned | Behind | Declined


def request(old_size: int, proof: Sequence[bytes], checkpoint: str) -> bytes:
    """The body; ValueError for a proof that may not be sent (none from size 0, at most 63)."""
    if len(proof) > HASHES_MAX or (old_size == 0 and proof):
        raise ValueError(f"{len(proof)} hashes from size {old_size}")
    lines = [f"old {old_size}", *(base64.b64encode(node).decode() for node in proof)]
    return ("\n".join(lines) + "\n\n" + checkpoint).encode()


def read_answer(
    status: int, content_type: str, body: bytes, checkpoint: str, witness: Cosigner
) -> Answer:
    """What the witness's answer to a checkpoint means. Lines of unknown keys are ignored; without a
    good line of `witness` a 200 is a refusal too."""
    if len(body) > ANSWER_BYTES_MAX:
        return Declined(Reason("archive.witness.answer_form"), status)
    if status == 409 and content_type.partition(";")[0].strip() == SIZE_TYPE:
        found = _SIZE.fullmatch(body.decode("ascii", "replace"))
        return (
            Behind(int(found[1]))
            if found
            else Declined(Reason("archive.witness.answer_form"), status)
        )
    if status != 200:
        return Declined(REASONS.get(status, Reason("archive.witness.failed")), status)
    text = Note.parse(checkpoint.encode()).text
    try:
        note = Note.parse(text.encode() + b"\n" + body)
        found_at = cosigned_by(note, [witness])
    except MalformedNote:
        return Declined(Reason("archive.witness.answer_form"), status)
    if witness not in found_at:
        return Declined(Reason("archive.witness.not_cosigned"), status)
    lines = [f"{line}\n" for line in body.decode().split("\n")[:-1]]
    own = [
        line
        for line, (name, identity, _) in zip(lines, note.signatures, strict=True)
        if (name, identity) == (witness.name, witness.id)
    ]
    return Cosigned(tuple(own), found_at[witness])
