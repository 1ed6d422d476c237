"""`bigloop desk bank | issuer | telephony`: synthetic outside desks, each a process of its own, for
demonstrations and tests.

A desk stands in for another house: own database, own keys, nothing shared with the platform but HTTP on
loopback. Bank and issuers write where they answer into their folders (`address`); the calling service
(`api.desks.telephony`) is told where its replies go.
"""

from __future__ import annotations

import argparse
import os
import socket
import sys
import threading
from contextlib import suppress
from pathlib import Path

from starlette.applications import Starlette

from api.commands.terminal import log_to_stderr, say

HOST = "127.0.0.1"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    desks = parser.add_subparsers(dest="kind", required=True, metavar="DESK")
    bank = desks.add_parser("bank", help="keeps deposits in cash")
    bank.add_argument("--port", type=int, default=0, help="0: any free port")
    issuer = desks.add_parser("issuer", help="sells and restores electronic guarantees")
    issuer.add_argument("--port", type=int, default=0, help="0: any free port")
    issuer.add_argument(
        "--minutes", type=int, default=30, help="legal minutes from payment to the guarantee"
    )
    telephony = desks.add_parser("telephony", help="calls experts")
    telephony.add_argument("--key", type=Path, required=True, help="file of the shared secret")
    telephony.add_argument("--replies", required=True, metavar="URL", help="where replies are sent")
    telephony.add_argument("--port", type=int, default=8030)
    telephony.add_argument("--fd", type=int, help="an open, listening socket instead of a port")
    telephony.add_argument("--seed", default="1", help="decides how people answer")
    telephony.add_argument(
        "--driven", action="store_true", help="legal time is told (POST /clock), not read"
    )
    for desk in (bank, issuer, telephony):
        desk.add_argument("--data", type=Path, required=True, help="folder of its database")
        desk.add_argument(
            "--leashed", action="store_true", help="end when standard input is closed (by a parent)"
        )


def run(arguments: argparse.Namespace) -> int:
    log_to_stderr()
    if arguments.leashed:
        threading.Thread(target=_until_closed, daemon=True).start()
    with suppress(KeyboardInterrupt):  # Ctrl-C of a terminal reaches the desk as well
        _DESKS[arguments.kind](arguments)
    return 0


def _bank(arguments: argparse.Namespace) -> None:
    from api.desks.bank.desk import Desk, make_app

    _serve("bank", make_app(Desk(arguments.data)), arguments)


def _issuer(arguments: argparse.Namespace) -> None:
    from api.desks.issuer.desk import Desk, make_app

    _serve("issuer", make_app(Desk(arguments.data, arguments.minutes)), arguments)


def _serve(kind: str, app: Starlette, arguments: argparse.Namespace) -> None:
    """Serve a desk that says in its folder where it answers."""
    import uvicorn

    from api.desks.command_desk import put_address

    listener = socket.create_server((HOST, arguments.port))
    url = f"http://{HOST}:{listener.getsockname()[1]}"
    put_address(arguments.data, url)
    say(f"{kind}: {url}")
    config = uvicorn.Config(app, log_level="warning", access_log=False)
    uvicorn.Server(config).run(sockets=[listener])


def _telephony(arguments: argparse.Namespace) -> None:
    import uvicorn

    from api.desks.telephony.desk import Desk
    from api.desks.telephony.server import application

    secret = arguments.key.read_bytes()
    desk = Desk(arguments.data, secret, arguments.replies, arguments.seed, arguments.driven)
    if not desk.driven:
        threading.Thread(target=desk.run, name="reports", daemon=True).start()
    if arguments.fd is None:
        say(f"telephony: http://{HOST}:{arguments.port}")
    uvicorn.run(
        application(desk), host=HOST, port=arguments.port, fd=arguments.fd, log_level="warning"
    )
    desk.stop()


_DESKS = {"bank": _bank, "issuer": _issuer, "telephony": _telephony}


def _until_closed() -> None:
    """End the process when whoever started it has gone: nothing is lost, for what was answered is
    on disk."""
    # Not through sys.stdin: its lock, held by this thread, would stop the interpreter's end.
    while os.read(sys.stdin.fileno(), 4096):
        pass
    os._exit(0)
