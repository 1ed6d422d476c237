"""An application of the test's own behind HTTP, in a thread of this process."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn

from api.fanout import FanoutProtocol

READY_SECONDS = 60.0
END_SECONDS = 10.0


@contextmanager
def served(app: Any, port: int = 0) -> Iterator[str]:
    """The address of `app` while it is served, on `port` of this machine or on any free one."""
    config = uvicorn.Config(
        app,
        host="127.0.0.1",
        port=port,
        log_config=None,
        ws=FanoutProtocol,
        ws_max_size=256 * 1024,
        ws_per_message_deflate=False,
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    until = time.monotonic() + READY_SECONDS
    while not server.started:
        assert thread.is_alive(), "the server ended at its start"
        assert time.monotonic() < until, "the server does not start"
        thread.join(0.01)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(END_SECONDS)


def serving(app: Any) -> Iterator[str]:
    """The same as the body of a fixture."""
    with served(app) as url:
        yield url
