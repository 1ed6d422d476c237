"""All viewers of a session come at the same moment, as after the death of a node: how long until each has a mark, and how
long others wait for a page meanwhile."""

from __future__ import annotations

import asyncio
import random
import resource
import time
from dataclasses import dataclass
from pathlib import Path

from evaluation.witness.follower import Follower, retry_of
from tests.builders import make_office
from tests.scenarios.streaming import SESSION, Nodes, prepare, sign_in
from tests.support.servers import Servers

PROBE_SECONDS = 0.2
AGAIN_SECONDS = 2.0


@dataclass
class Storm:
    """What happened."""

    count: int
    seconds: float
    """Until the last one had a mark."""
    busy: int
    """How often somebody was given an appointment."""
    cut: int
    slowest: float
    """Seconds that somebody else waited for an answer, at most and at the median."""
    usual: float

    def line(self) -> str:
        return (
            f"{self.count} came at once: all served in {self.seconds:.1f} s, {self.busy} appointments, {self.cut} "
            f"cut; another request took {self.usual * 1000:.0f} ms, at most {self.slowest * 1000:.0f} ms"
        )


class Crowd:
    """Bare sockets: thousands of them in one process must cost less than the server."""

    def __init__(self, port: int, cookie: str) -> None:
        self._port = port
        self._request = (
            f"GET /live/sessions/{SESSION} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\n"
            "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
            f"Sec-WebSocket-Version: 13\r\nCookie: {cookie}\r\n\r\n"
        ).encode()
        hello = Follower(SESSION).hello().encode()
        self._hello = bytes([0x81, 0x80 | len(hello)]) + bytes(4) + hello  # masked with zeros
        self.served = self.busy = self.cut = 0
        self.chance = random.Random(1)

    async def viewer(self) -> asyncio.StreamWriter:
        """Come until served; the socket, which stays open."""
        tries = 0
        while True:
            retry = None
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
                writer.write(self._request)
                head = await reader.readuntil(b"\r\n\r\n")
                assert b" 101 " in head.splitlines()[0], head
                writer.write(self._hello)
                said = b""
                while b'"frame":"mark"' not in said:
                    more = await reader.read(65536)
                    if not more:
                        break
                    said += more
                else:
                    self.served += 1
                    return writer
                retry = retry_of(said.decode("latin-1"))
                writer.close()
            except (OSError, asyncio.IncompleteReadError):
                pass
            if retry is None:
                self.cut += 1
                await asyncio.sleep(self.chance.random() * AGAIN_SECONDS * 2 ** min(tries, 4))
                tries += 1
            else:
                self.busy += 1
                await asyncio.sleep(retry * (1 + 0.1 * self.chance.random()))

    async def probe(self, waits: list[float]) -> None:
        """Somebody else asks for a page now and then."""
        request = self._request.replace(b"/live/", b"/api/", 1).replace(
            b"Upgrade: websocket\r\n", b""
        )
        request = request.replace(b"Connection: Upgrade", b"Connection: close")
        while True:
            began = time.monotonic()
            reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
            writer.write(request)
            head = await reader.readuntil(b"\r\n")
            assert b" 200 " in head, head
            writer.close()
            waits.append(time.monotonic() - began)
            await asyncio.sleep(PROBE_SECONDS)


async def _come(port: int, cookie: str, count: int) -> Storm:
    crowd, waits = Crowd(port, cookie), list[float]()
    began = time.monotonic()
    probing = asyncio.create_task(crowd.probe(waits))
    writers = await asyncio.gather(*(crowd.viewer() for _ in range(count)))
    seconds = time.monotonic() - began
    probing.cancel()
    for writer in writers:
        writer.close()
    assert crowd.served == count
    waits.sort()
    return Storm(count, seconds, crowd.busy, crowd.cut, waits[-1], waits[len(waits) // 2])


def storm(folder: Path, url: str, servers: Servers, count: int) -> Storm:
    """`count` viewers at once on a server of their own."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    office = make_office(folder, url)
    nodes = Nodes(servers, folder, url, 1)
    prepare(office)
    found = asyncio.run(_come(nodes.ports[0], sign_in(nodes.urls()[0], "watcher"), count))
    office.connections.dispose()
    return found
