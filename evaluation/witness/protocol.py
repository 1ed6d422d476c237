"""`witness.v1`: how a viewer follows a session's stream over a socket, without the socket.

One frame is one text message, a canonical JSON object:

    viewer → {"frame": "hello", "protocol": "witness.v1", "session": …, "next": n, "epoch": ""}
    server → {"frame": "welcome", "epoch": …, "head": n}
    server → {"frame": "event", "seq": n, "body": "<canonical entry>"}      n = next, next + 1, …
    server → {"frame": "mark", "size": n, "checkpoint": "<signed note>"}    all below n were sent
    server → {"frame": "watch", "unkept": n}    for n seconds nobody has written down alarms; 0: it is kept again
    server → {"frame": "refusal", "code": …, "zh": …, "en": …, "pointer": …, "rule": …}

A refusal says in both languages what is wrong, and where (JSON pointer, RFC 6901, into the frame that
was refused) and by which rule, each empty where there is none.

The epoch names the log (its origin and key): a viewer that comes back with another one is refused
rather than given entries that do not continue what it has. The server keeps for each viewer the
number of the next entry and nothing else; `Viewer` is CATCHING_UP, when it is fed pages of the log,
or LIVE, when new entries go straight out. An entry leaves only if its number is the next one, in
either state, so nothing is lost, doubled or out of order however long the viewer was away: the log
itself is the buffer. `evaluation.witness.follower` is the other end and holds the server to it.

The rules are about numbers alone, so that one frame, made once, serves all who are sent it. Not here:
reading the log, writing to sockets, back-pressure, rights. The shell calls `stalled()` when what the
viewer was sent waits too long to be read, and `relieved()` when he reads again.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from archive import canonical
from archive.errors import Fault, Refusal
from archive.words import Language, render

PROTOCOL = "witness.v1"
FRAME_BYTES_MAX = 256 * 1024
PAGE_ENTRIES_MAX = 500
_CODE = re.compile(r"[a-z0-9_.]{1,100}")


@dataclass(frozen=True)
class Hello:
    """`next`: the number of the first entry wanted; `epoch` empty on the first visit."""

    session: str
    next: int = 0
    epoch: str = ""
    protocol: str = PROTOCOL


@dataclass(frozen=True)
class Welcome:
    epoch: str
    head: int


@dataclass(frozen=True)
class EventFrame:
    """`body`: the canonical bytes of the journal's entry as text, so that it can be hashed."""

    seq: int
    body: str


@dataclass(frozen=True)
class Mark:
    """A signed checkpoint over the first `size` entries, all of which were sent."""

    size: int
    checkpoint: str


@dataclass(frozen=True)
class Kept:
    """Whether somebody keeps the session's watch. `unkept`: for so many seconds nobody has: what happens is
    perhaps not on the record, and no alarm is raised."""

    unkept: int


@dataclass(frozen=True)
class RefusalFrame:
    code: str
    zh: str = ""
    en: str = ""
    pointer: str = ""
    rule: str = ""

    @classmethod
    def of(cls, refusal: Refusal) -> RefusalFrame:
        """What a refusal says, with the place and the rule of its first fault."""
        first = refusal.faults[0] if refusal.faults else Fault("", refusal.code)
        return cls(
            refusal.code,
            render(refusal, Language.ZH),
            render(refusal, Language.EN),
            first.pointer,
            refusal.rule or first.rule,
        )


Frame = Hello | Welcome | EventFrame | Mark | Kept | RefusalFrame

_FRAMES: dict[str, type[Any]] = {
    "hello": Hello,
    "welcome": Welcome,
    "event": EventFrame,
    "mark": Mark,
    "watch": Kept,
    "refusal": RefusalFrame,
}
_NAMES = {shape: name for name, shape in _FRAMES.items()}


def encode_frame(frame: Frame) -> str:
    """The text of a frame."""
    return canonical.encode({"frame": _NAMES[type(frame)], **vars(frame)}).decode()


def event_text(seq: int, body: bytes) -> str:
    """The frame of an entry."""
    return encode_frame(EventFrame(seq, body.decode()))


def parse_frame(text: str) -> Frame:
    """The frame of a text; refuses INVALID for anything that `encode_frame` does not write."""
    if len(text.encode("utf-8", "surrogatepass")) > FRAME_BYTES_MAX:
        raise _malformed("too long")
    try:
        value = canonical.decode(text.encode())
    except (ValueError, RecursionError):
        raise _malformed("not canonical JSON") from None
    if not isinstance(value, dict):
        raise _malformed("not an object")
    name = value.pop("frame", None)
    shape = _FRAMES.get(name) if isinstance(name, str) else None
    if shape is None:
        raise _malformed("no such frame: " + ", ".join(sorted(_FRAMES)), "/frame")
    fields = shape.__dataclass_fields__
    if set(value) != set(fields):
        raise _malformed(f"fields of {name}: " + ", ".join(sorted(fields)))
    for field, content in value.items():
        # Annotations are text in this module.
        wanted = int if fields[field].type == "int" else str
        if type(content) is not wanted or (isinstance(content, int) and content < 0):
            raise _malformed(f"{name}.{field}", f"/{field}")
    frame: Frame = shape(**value)
    if isinstance(frame, Hello) and frame.protocol != PROTOCOL:
        at = Fault("/protocol", "evaluation.witness.protocol", {"wanted": PROTOCOL})
        raise Refusal(at.code, at.params, faults=(at,))
    if isinstance(frame, RefusalFrame) and not _CODE.fullmatch(frame.code):
        raise _malformed("refusal.code", "/code")
    return frame


def _malformed(what: str, pointer: str = "") -> Refusal:
    at = Fault(pointer, "evaluation.witness.frame", {"what": what})
    return Refusal(at.code, at.params, faults=(at,))


class Mode(StrEnum):
    WAITING = "WAITING"  # no hello yet
    CATCHING_UP = "CATCHING_UP"
    LIVE = "LIVE"
    REFUSED = "REFUSED"


_LIVE = Mode.LIVE
"""Looking up a member takes longer on Python 3.11 than all the rest of `Viewer.live`."""


class Viewer:
    """The server's side of one viewer: which numbers go out, and when.

    `head` is the size of the stream as far as the shell knows it. The shell offers what is new by
    `live`, and pages of the log by `page` as long as the viewer is CATCHING_UP.
    """

    __slots__ = ("epoch", "head", "mode", "next", "session")

    def __init__(self, session: str, epoch: str, head: int) -> None:
        self.session = session
        self.epoch = epoch
        self.head = head
        self.next = 0
        self.mode = Mode.WAITING

    def hello(self, frame: Frame) -> str:
        """Answer the first frame: a welcome, or a refusal after which the viewer is gone."""
        if self.mode is not Mode.WAITING or not isinstance(frame, Hello):
            return self._refuse(Fault("/frame", "evaluation.witness.hello_first"))
        if frame.session != self.session:
            return self._refuse(Fault("/session", "evaluation.witness.other_session"))
        if frame.epoch not in ("", self.epoch) or (frame.next and not frame.epoch):
            return self._refuse(Fault("/epoch", "evaluation.witness.other_epoch"))
        if frame.next > self.head:
            return self._refuse(Fault("/next", "evaluation.witness.ahead"))
        self.next = frame.next
        self._settle()
        return encode_frame(Welcome(self.epoch, self.head))

    def _refuse(self, at: Fault) -> str:
        self.mode = Mode.REFUSED
        return encode_frame(RefusalFrame.of(Refusal(at.code, faults=(at,))))

    def _settle(self) -> None:
        self.mode = Mode.LIVE if self.next == self.head else Mode.CATCHING_UP

    @property
    def is_welcome(self) -> bool:
        return self.mode in (Mode.LIVE, Mode.CATCHING_UP)

    @property
    def wanted(self) -> tuple[int, int]:
        """The entries (from, up to) to read from the log next; none where both are the same."""
        return self.next, min(self.head, self.next + PAGE_ENTRIES_MAX)

    def live(self, start: int, stop: int) -> bool:
        """Entries `start` to `stop` are new: whether they go out to this viewer now, which they do
        if he is live and the first is his next one. Otherwise he catches up from the log."""
        if self.next == start and self.mode is _LIVE and self.head <= stop:
            self.next = self.head = stop
            return True
        self.head = max(self.head, stop)
        if self.mode is Mode.LIVE:
            self._settle()
        return False

    def page(self, start: int, stop: int) -> range:
        """Entries `start` to `stop` were read from the log: those that go out now, which are those
        from his next one on; none of a page that leaves a gap."""
        if not self.is_welcome or not start <= self.next <= stop:
            return range(0)
        out = range(self.next, stop)
        self.next = stop
        self.head = max(self.head, stop)
        self._settle()
        return out

    def stalled(self) -> None:
        """The viewer does not read: nothing goes out live."""
        if self.mode is Mode.LIVE:
            self.mode = Mode.CATCHING_UP

    def relieved(self) -> None:
        """The viewer has read what he was sent."""
        if self.is_welcome:
            self._settle()

    def marks(self, size: int) -> bool:
        """Whether a checkpoint over `size` entries may go out: he was sent these, and no more."""
        return self.is_welcome and self.next == size
