"""`bigloop serve`: the HTTP application, with the worker beside it unless told otherwise.

An empty database is migrated; an older one is not touched (`bigloop migrate` does that, after a
backup). `serve` is also what the demonstration ends in.
"""

from __future__ import annotations

import argparse
import socket
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

from api.commands.terminal import complain, log_to_stderr, read_settings, say

if TYPE_CHECKING:
    from api.settings import Settings
    from archive.office import Office

SOCKET_BYTES_MAX = 256 * 1024
"""The largest frame of a socket that is read."""
KEEP_ALIVE_SECONDS = 75


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--host", help="instead of BIGLOOP_HOST")
    parser.add_argument("--port", type=int, help="instead of BIGLOOP_PORT")
    parser.add_argument("--database-url", help="instead of BIGLOOP_DATABASE_URL")


def run(arguments: argparse.Namespace) -> int:
    from api.migrations import is_newest, upgrade, version
    from api.office import open_office

    settings = read_settings(
        host=arguments.host, port=arguments.port, database_url=arguments.database_url
    )
    log_to_stderr()
    settings.data.mkdir(parents=True, exist_ok=True)
    if version(settings.url) is None:
        upgrade(settings.url)
    elif not is_newest(settings.url):
        complain("the database is not at the newest version: run `bigloop migrate`")
        return 1
    serve(open_office(settings), settings)
    return 0


def serve(
    office: Office,
    settings: Settings,
    *,
    also: Callable[[], AbstractContextManager[Any]] = nullcontext,
) -> None:
    """Serve an open office on a migrated database until SIGINT or SIGTERM. `also` is entered at
    the start and left at the end (a demonstration's own thread)."""
    from contextlib import ExitStack, contextmanager

    import uvicorn

    from api.app import create_app
    from api.gathering import GatheringProtocol
    from api.handlers import handlers
    from api.office import open_custodian
    from api.worker import Hands, in_a_thread

    custodian = open_custodian(settings, office)

    @contextmanager
    def beside() -> Any:
        with ExitStack() as stack:
            if settings.embedded_worker:
                hands = Hands(
                    office,
                    handlers(custodian, settings.dossiers),
                    settings.task_poll_seconds,
                    settings.anchor_seconds,
                )
                stack.enter_context(in_a_thread(hands))
            stack.enter_context(also())
            yield

    app = create_app(office, settings, custodian, beside=beside)

    class Server(uvicorn.Server):
        async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
            app.state.shell.lodgings.hurry()  # before it waits for those who wait for a tick
            await super().shutdown(sockets)

    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,  # ours names routes, never paths: api.middleware
        server_header=False,
        ws=GatheringProtocol,
        ws_max_size=SOCKET_BYTES_MAX,
        ws_per_message_deflate=False,  # gigabytes for thousands of sockets
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=settings.shutdown_seconds,
    )
    say(f"bigloop: http://{settings.host}:{settings.port}/ ({settings.environment})")
    try:
        Server(config).run()
    except KeyboardInterrupt:
        say("bigloop: stopped")
    finally:
        office.connections.dispose()
