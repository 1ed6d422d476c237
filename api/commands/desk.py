"""`bigloop desk bank | telephony`: synthetic outside desks, each a process of its own, for
demonstrations and tests.

A desk stands in for another house: own database, own keys, nothing shared with the platform but HTTP on
loopback. The bank writes where it answers into its folder (`address`); the calling service
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

from api.commands.terminal import log_to_stderr, say

HOST = "127.0.0.1"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    desks = parser.add_subparsers(dest="kind", required=True, metavar="DESK")
    bank = desks.add_parser("bank", help="keeps deposits in cash")
    bank.add_argument("--port", type=int, default=0, help="0: any free port")
    telephony = desks.add_parser("telephony", help="calls experts")
    telephony.add_argument("--key", type=Path, required=True, help="file of the shared secret")
    telephony.add_argument("--replies", required=True, metavar="URL", help="where replies are sent")
    telephony.add_argument("--port", type=int, default=8030)
    telephony.add_argument("--fd", type=int, help="an open, listening socket instead of a port")
    telephony.add_argument("--seed", default="1", help="decides how people answer")
    telephony.add_argument(
        "--driven", action="store_true", help="legal time is told (POST /clock), not read"
    )
    for desk in (bank, telephony):
        desk.add_argument("--data", type=Path, required=True, help="folder of its database")
        desk.add_argument(
            "--leashed", action="store_true", help="end when standard input is closed (by a parent)"
        )


def run(arguments: argparse.Namespace) -> int:
    log_to_stderr()
    if arguments.leashed:
        threading.Thread(target=_until_closed, daemon=True).start()
    with suppress(KeyboardInterrupt):  # Ctrl-C of a terminal reaches the desk as well
        (_bank if arguments.kind == "bank" else _telephony)(arguments)
    return 0


def _bank(arguments: argparse.Namespace) -> None:
    import uvicorn

    from api.desks.bank.desk import Desk, make_app, put_address

    desk = Desk(arguments.data)
    listener = socket.create_server((HOST, arguments.port))
    url = f"http://{HOST}:{listener.getsockname()[1]}"
    put_address(arguments.data, url)
    say(f"bank: {url}")
    config = uvicorn.Config(make_app(desk), log_level="warning", access_log=False)
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


def _until_closed() -> None:
    """End the process when whoever started it has gone: nothing is lost, for what was answered is
    on disk."""
    # Not through sys.stdin: its lock, held by this thread, would stop the interpreter's end.
    while os.read(sys.stdin.fileno(), 4096):
        pass
    os._exit(0)
