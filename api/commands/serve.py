"""`bigloop serve`: the HTTP application, with the worker beside it unless told otherwise.

An empty database is migrated; an older one is not touched (`bigloop migrate` does that, after a
backup). `serve` is also what the demonstration ends in.
"""

from __future__ import annotations

import argparse
import errno
import gc
import socket
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

from api.commands.terminal import complain, is_migrated, log_to_stderr, read_settings, say

if TYPE_CHECKING:
    from fastapi import FastAPI

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
    from api.migrations import upgrade, version
    from api.office import open_office

    settings = read_settings(
        host=arguments.host, port=arguments.port, database_url=arguments.database_url
    )
    log_to_stderr()
    settings.data.mkdir(parents=True, exist_ok=True)
    if version(settings.url) is None:
        upgrade(settings.url)
    elif not is_migrated(settings):
        return 1
    listener = listen(settings.host, settings.port)
    if listener is None:
        return 1
    serve(open_office(settings), settings, listener)
    return 0


def listen(host: str, port: int) -> socket.socket | None:
    """The socket to serve on, bound before anything is made or said; None, and why, where the
    address cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        # Of two that bind at one moment the second fails here, not when it begins to serve.
        listener.listen()
    except OSError as error:
        listener.close()
        taken = "端口已被占用 / the port is taken"
        cause = taken if error.errno == errno.EADDRINUSE else error.strerror or str(error)
        complain(f"{host}:{port}: {cause}; BIGLOOP_PORT, --port: 另选端口 / choose another")
        return None
    return listener


def address_of(listener: socket.socket) -> str:
    """Where a browser finds what is served on it, without the slash at the end."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def serve(
    office: Office,
    settings: Settings,
    listener: socket.socket,
    *,
    also: Callable[[FastAPI], AbstractContextManager[Any]] = nullcontext,
) -> None:
    """Serve an open office on a migrated database until SIGINT or SIGTERM, on the address of
    `listener`. `also` is given the application, entered at the start and left at the end (a demonstration's
    own thread)."""
    from contextlib import ExitStack, contextmanager

    import uvicorn

    from api.app import create_app
    from api.fanout import FanoutProtocol
    from api.handlers import handlers
    from api.office import open_bank, open_custodian, open_gateway, open_issuers
    from api.outsiders import cosigners_of
    from api.watchkeeper import keeper_of, keeping_in_a_thread
    from api.worker import Hands, in_a_thread

    custodian = open_custodian(settings, office)

    @contextmanager
    def beside() -> Any:
        with ExitStack() as stack:
            if settings.embedded_worker:
                hands = Hands(
                    office,
                    handlers(
                        custodian,
                        settings.dossiers,
                        open_bank(settings),
                        open_gateway(settings, office),
                        open_issuers(settings),
                        cosigners_of(settings.outside_witnesses),
                    ),
                    settings.task_poll_seconds,
                    settings.anchor_seconds,
                )
                stack.enter_context(in_a_thread(hands))
                stack.enter_context(keeping_in_a_thread(keeper_of(office, settings)))
            stack.enter_context(also(app))
            yield

    app = create_app(office, settings, custodian, beside=beside)

    class Server(uvicorn.Server):
        async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
            app.state.shell.lodgings.hurry()  # before it waits for those who wait for a tick
            await super().shutdown(sockets)

    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,  # ours names routes, never paths: api.middleware
        server_header=False,
        ws=FanoutProtocol,
        ws_max_size=SOCKET_BYTES_MAX,
        ws_per_message_deflate=False,  # gigabytes for thousands of sockets
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=settings.shutdown_seconds,
    )
    say(f"bigloop: {address_of(listener)}/ ({settings.environment})")
    try:
        Server(config).run([listener])
    except KeyboardInterrupt:
        say("bigloop: stopped")
    finally:
        office.connections.dispose()
        # The interpreter would look at every object of a province once more before it ends: seconds
        # in which whoever pressed Ctrl-C waits for nothing.
        gc.freeze()
