"""The viewer's end of `witness.v1`: takes frames, and refuses whatever breaks the promise.

A follower holds the server to its word and the record to its checkpoints: numbers without gap or
double, each entry with the hash of the one before, and at every mark the RFC 6962 root over all
entries that came, which must be the one the checkpoint states, signed by the log's key where that is
known (C2SP tlog-checkpoint, signed-note). What it must keep to go on after a cut, or on another day,
is `State`: a few hashes, however long the log.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from archive import merkle
from archive.errors import Kind, Refusal
from archive.journal.entry import NO_ENTRY, Entry, parse
from archive.note import Checkpoint, MalformedNote, Note, Verifier
from evaluation.witness.protocol import (
    EventFrame,
    Frame,
    Hello,
    Kept,
    Mark,
    RefusalFrame,
    Welcome,
    encode_frame,
    parse_frame,
)

FORMAT = "bigloop.witness-state.v1"
RESUME = re.compile(r"resume=(\d{1,15})")
"""What the reason of a close frame says: the first number that was not sent."""
RETRY = re.compile(r"retry=(\d{1,5}(?:\.\d{1,3})?)")
"""And where too many came at once: in how many seconds this viewer is expected."""


@dataclass(frozen=True)
class State:
    """How far a follower has come. `size`, `root`: of the newest checkpoint that held."""

    session: str
    epoch: str = ""
    frontier: merkle.Frontier = field(default_factory=merkle.Frontier)
    last: str = NO_ENTRY
    size: int = 0
    root: str = ""

    def to_json(self) -> dict[str, Any]:
        """For a file; `of_json` reads it."""
        return {
            "format": FORMAT,
            "session": self.session,
            "epoch": self.epoch,
            "next": self.frontier.size,
            "hashes": [one.hex() for one in self.frontier.hashes],
            "last": self.last,
            "size": self.size,
            "root": self.root,
        }

    @classmethod
    def of_json(cls, value: Any) -> State:
        """ValueError where it is not a state."""
        try:
            hashes = b"".join(bytes.fromhex(one) for one in value["hashes"])
            frontier = merkle.Frontier.from_bytes(value["next"], hashes)
            texts = [value[name] for name in ("format", "session", "epoch", "last", "root")]
            is_text = all(isinstance(text, str) for text in texts)
            if not is_text or value["format"] != FORMAT or type(value["size"]) is not int:
                raise ValueError("not a follower's state")
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError("not a follower's state") from error
        _, session, epoch, last, root = texts
        return cls(session, epoch, frontier, last, value["size"], root)


class Follower:
    """One viewer, over any number of connections. `log`: the log's key, if it is known."""

    def __init__(self, session: str, log: Verifier | None = None) -> None:
        self.state = State(session)
        self.log = log

    @classmethod
    def resuming(cls, state: State, log: Verifier | None = None) -> Follower:
        follower = cls(state.session, log)
        follower.state = state
        return follower

    @property
    def next(self) -> int:
        """The number of the entry that is due."""
        return self.state.frontier.size

    def hello(self) -> str:
        """What to say on every connection."""
        state = self.state
        return encode_frame(Hello(state.session, self.next, state.epoch))

    def take(self, text: str) -> Entry | Mark | Kept | None:
        """The entry or mark of a frame, or whether the watch is kept; None for a welcome. Refuses a gap, a double, an entry that
        does not hold the hash of the one before, a checkpoint over another tree or by another key,
        another epoch, a log that has become shorter, and a refusal."""
        frame = parse_frame(text)
        match frame:
            case RefusalFrame():
                raise Refusal(frame.code)
            case Welcome():
                self._welcome(frame)
                return None
            case Mark():
                self._mark(frame)
                return frame
            case Kept():
                return frame
        return self._event(frame)

    def _welcome(self, frame: Welcome) -> None:
        if self.state.epoch not in ("", frame.epoch):
            raise Refusal("evaluation.witness.other_epoch")
        if frame.head < self.next:
            raise Refusal("evaluation.witness.gap", {"next": self.next, "seq": frame.head})
        self._go_on(epoch=frame.epoch)

    def _event(self, frame: Frame) -> Entry:
        if not isinstance(frame, EventFrame) or frame.seq != self.next:
            seq = frame.seq if isinstance(frame, EventFrame) else 0
            raise Refusal("evaluation.witness.gap", {"next": self.next, "seq": seq})
        try:
            entry = parse(frame.body.encode())
        except ValueError:
            raise Refusal("evaluation.witness.frame", {"what": "event.body"}) from None
        is_ours = entry.stream == f"session/{self.state.session}" and entry.seq == frame.seq
        if not is_ours or entry.prev != self.state.last:
            raise Refusal("evaluation.witness.chain", {"seq": frame.seq})
        leaf = entry.leaf
        self._go_on(frontier=self.state.frontier.append(leaf), last=leaf.hex())
        return entry

    def _mark(self, frame: Mark) -> None:
        if frame.size != self.next:
            raise Refusal("evaluation.witness.gap", {"next": self.next, "seq": frame.size})
        root = self.state.frontier.root()
        try:
            note = Note.parse(frame.checkpoint.encode())
            stated = Checkpoint.parse(note.text)
            is_signed = self.log is None or bool(note.verified_by([self.log.named(stated.origin)]))
        except MalformedNote:
            raise Refusal("evaluation.witness.frame", {"what": "mark.checkpoint"}) from None
        is_ours = stated.origin.endswith(f"/session/{self.state.session}")
        if not is_ours or (stated.size, stated.root) != (frame.size, root):
            raise Refusal("evaluation.witness.other_root", {"size": frame.size}, Kind.CONFLICT)
        if not is_signed:
            raise Refusal("evaluation.witness.other_log", {"size": frame.size}, Kind.CONFLICT)
        self._go_on(size=frame.size, root=root.hex())

    def _go_on(self, **changes: Any) -> None:
        self.state = State(**{**vars(self.state), **changes})


def resume_of(reason: str) -> int | None:
    """The resume position in the reason of a close frame."""
    found = RESUME.search(reason)
    return int(found[1]) if found else None


def retry_of(reason: str) -> float | None:
    """In how many seconds to come again, from the reason of a close frame; None where it says nothing."""
    found = RETRY.search(reason)
    return float(found[1]) if found else None
