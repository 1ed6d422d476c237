"""A WebM stream as a browser's MediaRecorder makes it, cut where a late viewer may begin.

    scanner.feed(bytes) -> (Part, …)        complete elements, in order; joined they are what was fed

WebM is EBML (RFC 8794, RFC 9559): an element is an id, a size and a content; a live recording's Segment and its
Clusters have no size and end where the next one begins. What stands before the first Cluster (header, Info,
Tracks) is the *initialisation*: every viewer gets it first (W3C, WebM Byte Stream Format for Media Source
Extensions). A picture can be decoded from a *keyframe* on, which is a flag of the SimpleBlock. Clusters do not tell:
VP8 begins one with each keyframe, VP9 more often than that. So the flag is read, of the video track if there is
one; and a viewer who begins in the middle of a Cluster gets a head of one with the same time before it (`lead`).

Not read: what is in the blocks, BlockGroups (MediaRecorder writes none for live), lacing, cues.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

EBML, SEGMENT, CLUSTER = 0x1A45DFA3, 0x18538067, 0x1F43B675
TRACKS, TRACK_ENTRY, TRACK_NUMBER, TRACK_TYPE = 0x1654AE6B, 0xAE, 0xD7, 0x83
TIMESTAMP, SIMPLE_BLOCK = 0xE7, 0xA3
VIDEO = 1
KEYFRAME = 0x80
UNKNOWN = -1
ELEMENT_BYTES_MAX = 8 * 1024 * 1024
INIT_BYTES_MAX = 64 * 1024
CLUSTER_HEAD = bytes.fromhex("1F43B67501FFFFFFFFFFFFFF")


class MalformedWebm(ValueError):
    """The bytes are not a WebM stream of the kind that is relayed."""


@dataclass(frozen=True)
class Part:
    """Complete elements. `is_key`: a picture can be decoded from here on; then `lead` stands before it for
    those who begin with it."""

    data: bytes
    is_key: bool = False
    lead: bytes = b""


def vint(data: bytes, at: int, *, is_id: bool) -> tuple[int, int] | None:
    """(value, where it ends) of a variable-size integer; None where it is not all there. An id keeps its
    marker; a size of all ones is UNKNOWN."""
    if at >= len(data):
        return None
    length = 9 - data[at].bit_length()
    if length > (4 if is_id else 8):
        raise MalformedWebm(f"no {'id' if is_id else 'size'} begins with {data[at]:#04x}")
    if at + length > len(data):
        return None
    value = int.from_bytes(data[at : at + length], "big")
    if not is_id:
        value &= (1 << 7 * length) - 1
        if value == (1 << 7 * length) - 1:
            value = UNKNOWN
    return value, at + length


def elements(data: bytes) -> Iterator[tuple[int, bytes]]:
    """(id, content) of the elements of complete `data`."""
    at = 0
    while at < len(data):
        head = vint(data, at, is_id=True)
        size = head and vint(data, head[1], is_id=False)
        if not head or not size or size[0] == UNKNOWN or size[1] + size[0] > len(data):
            raise MalformedWebm("an element is not all there")
        yield head[0], data[size[1] : size[1] + size[0]]
        at = size[1] + size[0]


def video_track(tracks: bytes) -> int | None:
    """The number of the first video track; None where there is sound alone."""
    for kind, entry in elements(tracks):
        if kind == TRACK_ENTRY:
            told = {
                name: int.from_bytes(content, "big")
                for name, content in elements(entry)
                if name in (TRACK_NUMBER, TRACK_TYPE)
            }
            if told.get(TRACK_TYPE) == VIDEO:
                return told.get(TRACK_NUMBER)
    return None


@dataclass
class Scanner:
    """Reads a stream as it comes. `init` is None until the first Cluster begins."""

    init: bytes | None = None
    _rest: bytes = b""
    _head: bytes = b""
    _video: int | None = None
    _lead: bytes = b""
    _is_begun: bool = False
    _opening: bytes = b""

    def feed(self, data: bytes) -> list[Part]:
        """The elements that are complete now. MalformedWebm ends the stream."""
        self._rest += data
        out: list[Part] = []
        at = 0
        while (found := self._next(at)) is not None:
            kind, end, content = found
            part = self._take(kind, self._rest[at:end], content)
            if part is not None:
                out.append(part)
            at = end
        self._rest = self._rest[at:]
        return out

    @property
    def pending(self) -> bytes:
        """The beginning of an element, or of a Cluster, whose rest has not come yet."""
        return self._opening + self._rest

    def _next(self, at: int) -> tuple[int, int, bytes] | None:
        """(id, where it ends, content) of the next element; of Segment and Cluster the head alone."""
        head = vint(self._rest, at, is_id=True)
        size = head and vint(self._rest, head[1], is_id=False)
        if not head or not size:
            return None
        kind, length = head[0], size[0]
        if not self._is_begun and kind != EBML:
            raise MalformedWebm("it does not begin with an EBML header")
        self._is_begun = True
        if kind in (SEGMENT, CLUSTER):
            return kind, size[1], b""
        if length == UNKNOWN or length > ELEMENT_BYTES_MAX:
            raise MalformedWebm(f"element {kind:x} is too large")
        end = size[1] + length
        return (kind, end, self._rest[size[1] : end]) if end <= len(self._rest) else None

    def _take(self, kind: int, whole: bytes, content: bytes) -> Part | None:
        if self.init is None and kind != CLUSTER:
            if kind == TRACKS:
                self._video = video_track(content)
            self._head += whole
            if len(self._head) > INIT_BYTES_MAX:
                raise MalformedWebm("no Cluster begins")
            return None
        if kind == CLUSTER:
            if self.init is None:
                self.init, self._head = self._head, b""
            # Kept until its first block tells whether one may begin here.
            self._opening, self._lead = whole, CLUSTER_HEAD
            return None
        if kind == TIMESTAMP:
            self._lead = CLUSTER_HEAD + whole
        if kind != SIMPLE_BLOCK:
            self._opening += whole
            return None
        lead, opening = self._lead, self._opening
        self._opening = b""
        is_key = self._is_key(content)
        if opening.startswith(CLUSTER.to_bytes(4, "big")):
            return Part(opening + whole, is_key)
        return Part(opening + whole, is_key, lead if is_key else b"")

    def _is_key(self, block: bytes) -> bool:
        """Whether a SimpleBlock (RFC 9559, 10.2) is a keyframe of the picture, or sound that has none."""
        track = vint(block, 0, is_id=False)
        if track is None or len(block) < track[1] + 3:
            raise MalformedWebm("a block without its head")
        is_ours = self._video is None or track[0] == self._video
        return is_ours and bool(block[track[1] + 2] & KEYFRAME)


@dataclass
class Relay:
    """One live track: what those who come late begin with. At most `kept_bytes_max` are kept; with a longer
    stretch without a keyframe they begin with the next one."""

    kept_bytes_max: int = 8 * 1024 * 1024
    scanner: Scanner = field(default_factory=Scanner)
    _kept: list[Part] = field(default_factory=list)
    _bytes: int = 0

    def feed(self, data: bytes) -> list[Part]:
        parts = self.scanner.feed(data)
        for part in parts:
            if part.is_key:
                self._kept, self._bytes = [part], len(part.data)
            elif self._kept:
                self._kept.append(part)
                self._bytes += len(part.data)
                if self._bytes > self.kept_bytes_max:
                    self._kept, self._bytes = [], 0
        return parts

    def opening(self) -> bytes:
        """What a viewer who comes now is given first; empty before the first Cluster."""
        init = self.scanner.init
        if init is None:
            return b""
        if not self._kept:
            return init
        kept = b"".join(part.data for part in self._kept)
        return init + self._kept[0].lead + kept + self.scanner.pending

    def seat(self) -> Seat:
        """The place of a viewer who was given `opening()`."""
        return Seat(has_init=self.scanner.init is not None, is_live=bool(self._kept))


@dataclass
class Seat:
    """One viewer of a relay: pictures may be dropped, but only up to a keyframe."""

    has_init: bool
    is_live: bool
    dropped: int = 0
    """Bytes that were not sent."""

    def take(self, data: bytes, parts: list[Part], scanner: Scanner) -> bytes:
        """What goes out of `data`, which the scanner has just found these parts in: to who is live, all of
        it as it is."""
        if self.is_live:
            return data
        out = b""
        for part in parts:
            if part.is_key and not self.is_live:
                out = part.lead if self.has_init else (scanner.init or b"") + part.lead
                self.is_live = self.has_init = True
            if self.is_live:
                out += part.data
            else:
                self.dropped += len(part.data)
        return out + scanner.pending if self.is_live else out

    def stalled(self) -> None:
        """The viewer does not read: nothing goes out until the next keyframe. He begins anew there, for what
        he got may have ended within an element."""
        self.is_live = self.has_init = False
