"""Several frames of a socket in one write to the network.

A burst of entries goes to every viewer, and the system call of each write is what a frame costs.
uvicorn writes every message by itself; here what one socket is given within one turn of the event
loop leaves in one write. Order is kept, and nothing waits longer than that turn. Frames stay
messages of their own: a client cannot tell the difference.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

GATHERED_BYTES_MAX = 64 * 1024
"""Beyond it we write at once, so that the transport can say that the other side does not read."""


class Gathering:
    """A transport that writes at the end of the loop's turn; everything else is the inner one's."""

    def __init__(self, inner: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._inner = inner
        self._loop = loop
        self._parts: list[bytes] = []
        self._bytes = 0

    def write(self, data: bytes) -> None:
        if not self._parts:
            self._loop.call_soon(self.flush)
        self._parts.append(data)
        self._bytes += len(data)
        if self._bytes >= GATHERED_BYTES_MAX:
            self.flush()

    def flush(self) -> None:
        """Write what was gathered."""
        parts, self._parts, self._bytes = self._parts, [], 0
        if parts:
            self._inner.write(b"".join(parts))

    def close(self) -> None:
        """What was written before leaves before."""
        self.flush()
        self._inner.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


class GatheringProtocol(WebSocketsSansIOProtocol):
    """uvicorn's protocol over a gathering transport."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(Gathering(transport, self.loop))  # type: ignore[arg-type]
