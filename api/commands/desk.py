"""`bigloop desk bank`: a synthetic bank in a process of its own, for demonstrations and tests.

It stands in for another house: own database, own keys, nothing shared with the platform but HTTP. It
listens to loopback only and writes where it answers into its folder (`address`).
"""

from __future__ import annotations

import argparse
import os
import socket
import sys
import threading
from pathlib import Path

from api.commands.terminal import log_to_stderr, say

HOST = "127.0.0.1"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("kind", choices=["bank"], help="which desk")
    parser.add_argument("--data", type=Path, required=True, help="folder of its database and keys")
    parser.add_argument(
        "--leashed", action="store_true", help="end when standard input is closed (by a parent)"
    )
    parser.add_argument("--port", type=int, default=0, help="0: any free port")


def run(arguments: argparse.Namespace) -> int:
    import uvicorn

    from api.desks.bank.desk import Desk, make_app, put_address

    log_to_stderr()
    desk = Desk(arguments.data)
    listener = socket.create_server((HOST, arguments.port))
    url = f"http://{HOST}:{listener.getsockname()[1]}"
    put_address(arguments.data, url)
    say(f"bank: {url}")
    if arguments.leashed:
        threading.Thread(target=_until_closed, daemon=True).start()
    config = uvicorn.Config(make_app(desk), log_level="warning", access_log=False)
    uvicorn.Server(config).run(sockets=[listener])
    return 0


def _until_closed() -> None:
    """End the process when whoever started it has gone: nothing is lost, for what was answered is
    on disk."""
    while sys.stdin.buffer.read(4096):
        pass
    os._exit(0)
