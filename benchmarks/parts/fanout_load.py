"""The viewers of `benchmarks/witness.py`: thousands of sockets read by one process through epoll.

Frames are of one size within a run, so reading is counting bytes; every byte of every connection (of segments
the head of each) is compared with what must come there, so a lost, doubled, exchanged or changed frame ends the run. A round counts as
delivered when all its frames came. Whether the reader itself is the limit is told by `waited`: the share of the
time in which it had nothing to read.
"""

from __future__ import annotations

import contextlib
import os
import select
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.parts.fanout_servers import HEAD_BYTES

ROOT = Path(__file__).resolve().parent.parent.parent
SERVER_CORE, LOAD_CORE = 0, 1
READ_BYTES, PACED_BYTES = 1 << 20, 1 << 13
WHOLE_BYTES_MAX = 4096
START_SECONDS = 60
SILENT_SECONDS = 20.0
KEY = "dGhlIHNhbXBsZSBub25jZQ=="


def frame_head(size: int) -> bytes:
    """The head of an unmasked text frame of so many bytes (RFC 6455, 5.2)."""
    if size < 126:
        return bytes([0x81, size])
    return (
        b"\x81\x7e" + size.to_bytes(2, "big")
        if size < 65536
        else b"\x81\x7f" + size.to_bytes(8, "big")
    )


def stream_of(first: int, count: int, size: int) -> bytes:
    """The bytes of frames `first` to `first + count` without stamps."""
    head = frame_head(size)
    return b"".join(
        head + f"{number:012d}{0:020d}".ljust(size, "x").encode()
        for number in range(first, first + count)
    )


def comes_next(got: memoryview, expected: memoryview, place: int, frame: int) -> bool:
    """Whether these bytes are those that are due from `place` on: every byte, or of large frames the
    first ones, with the number, so that comparing does not take longer than serving."""
    if frame <= WHOLE_BYTES_MAX:
        return got == expected[place : place + len(got)]
    for start in range(place // frame * frame, place + len(got), frame):
        first, last = max(start, place), min(start + 4 + HEAD_BYTES, place + len(got))
        if first < last and got[first - place : last - place] != expected[first:last]:
            return False
    return True


@dataclass
class Measured:
    """`delivered`: frames a second over all viewers; `waited`: share of the time without anything to
    read; `delays`: seconds from the making of an event to its reading."""

    delivered: float
    waited: float
    delays: list[float] = field(default_factory=list)

    def quantile(self, share: float) -> float:
        ordered = sorted(self.delays)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


@dataclass
class Serving:
    """One server process with its viewers."""

    kind: str
    process: subprocess.Popen[str]
    port: int
    sockets: list[socket.socket] = field(default_factory=list)
    stalled: list[socket.socket] = field(default_factory=list)

    def memory(self) -> int:
        """Resident bytes of the server."""
        pages = Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGESIZE")

    def say(self, text: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{text}\n")
        self.process.stdin.flush()

    def connect(self, count: int, *, is_stalled: bool = False) -> None:
        """Open so many viewers."""
        for _ in range(count):
            one = socket.create_connection(("127.0.0.1", self.port), timeout=START_SECONDS)
            one.sendall(
                f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\nUpgrade: websocket\r\n"
                f"Connection: Upgrade\r\nSec-WebSocket-Key: {KEY}\r\n"
                "Sec-WebSocket-Version: 13\r\n\r\n".encode()
            )
            answer = b""
            while b"\r\n\r\n" not in answer:
                answer += one.recv(4096)
            assert answer.startswith(b"HTTP/1.1 101"), answer
            assert answer.endswith(b"\r\n\r\n"), "a frame before its time"
            one.setblocking(False)
            (self.stalled if is_stalled else self.sockets).append(one)

    def closed_loop(self, rounds: int, size: int, window: int, mode: str) -> Measured:
        """Publish `rounds` events, at most `window` of them not yet with everybody."""
        expected = memoryview(stream_of(0, rounds, size))
        whole, frame = len(expected), len(expected) // rounds
        at = {one.fileno(): 0 for one in self.sockets}
        by_number = {one.fileno(): one for one in self.sockets}
        poll = select.epoll()
        for number in by_number:
            poll.register(number, select.EPOLLIN)
        buffer = memoryview(bytearray(READ_BYTES))
        total, published, waited = 0, 0, 0.0
        of_round = frame * len(at)
        self.say("reset")
        began = time.perf_counter()
        while total < whole * len(at):
            want = min(rounds, total // of_round + window)
            if want > published:
                self.say(f"publish {want - published} {size} {mode}")
                published = want
            before = time.perf_counter()
            ready = poll.poll(SILENT_SECONDS)
            waited += time.perf_counter() - before
            assert ready, (
                f"{self.kind}: nothing comes, {total // frame} of {rounds * len(at)} frames did"
            )
            for number, _ in ready:
                got = by_number[number].recv_into(buffer)
                assert got, f"{self.kind}: cut"
                place = at[number]
                if not comes_next(buffer[:got], expected, place, frame):
                    raise AssertionError(f"{self.kind}: out of order")
                at[number] = place + got
                total += got
        seconds = time.perf_counter() - began
        poll.close()
        assert set(at.values()) == {whole}
        return Measured(rounds * len(at) / seconds, waited / seconds)

    def paced(self, rounds: int, size: int, per_second: float) -> Measured:
        """Publish at a steady pace; when does it arrive? What came is looked at afterwards: reading must
        take less than serving."""
        frame = len(frame_head(size)) + size
        skip = frame - size
        by_number = {one.fileno(): one for one in self.sockets}
        poll = select.epoll()
        for number in by_number:
            poll.register(number, select.EPOLLIN)
        came: list[tuple[int, int, bytes]] = []
        total, published, waited = 0, 0, 0.0
        self.say("reset")
        began = time.perf_counter()
        while total < rounds * len(by_number) * frame:
            now = time.perf_counter() - began
            if published < rounds and now * per_second >= published:
                self.say(f"publish 1 {size} stamped")
                published += 1
            until = published / per_second - now if published < rounds else SILENT_SECONDS
            before = time.perf_counter()
            ready = poll.poll(max(0.0, until))
            waited += time.perf_counter() - before
            assert ready or published < rounds, (
                f"{self.kind}: only {total // frame} of {rounds * len(by_number)} came"
            )
            for number, _ in ready:
                got = by_number[number].recv(PACED_BYTES)
                came.append((number, time.monotonic_ns(), got))
                total += len(got)
                assert got, f"{self.kind}: cut"
        seconds = time.perf_counter() - began
        poll.close()
        delays: list[float] = []
        kept = {number: bytearray() for number in by_number}
        next_of = dict.fromkeys(by_number, 0)
        for number, arrived, got in came:
            data = kept[number]
            data += got
            while len(data) >= frame:
                seq = int(data[skip : skip + 12])
                assert seq == next_of[number], f"{self.kind}: {seq} for {next_of[number]}"
                delays.append((arrived - int(data[skip + 12 : skip + HEAD_BYTES])) / 1e9)
                next_of[number] += 1
                del data[:frame]
        assert set(next_of.values()) == {rounds}
        return Measured(len(delays) / seconds, waited / seconds, delays)

    def drain(self) -> None:
        """Throw away what comes, for the rows in which only memory counts."""
        for one in self.sockets:
            with contextlib.suppress(BlockingIOError):
                while one.recv(READ_BYTES):
                    pass

    def end(self) -> None:
        for one in [*self.sockets, *self.stalled]:
            one.close()
        self.sockets, self.stalled = [], []
        self.process.kill()
        self.process.wait()


@contextlib.contextmanager
def serving(kinds: Sequence[str], viewers: int) -> Iterator[dict[str, Serving]]:
    """These servers, each with so many viewers."""
    processes: dict[str, subprocess.Popen[str]] = {}
    started: dict[str, Serving] = {}
    try:
        for kind in kinds:
            processes[kind] = subprocess.Popen(
                [sys.executable, "-m", "benchmarks.parts.fanout_servers", kind, str(SERVER_CORE)],
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
        for kind, process in processes.items():
            assert process.stdout is not None
            line = process.stdout.readline().split()
            started[kind] = Serving(kind, process, int(line[1]))
        for one in started.values():
            one.connect(viewers)
        time.sleep(0.3)
        yield started
    finally:
        for one in started.values():
            one.end()
        for process in processes.values():
            process.kill()
