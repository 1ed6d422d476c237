"""`bigloop`: the command line.

Exit codes: 0 done or valid; 1 refused or invalid; 2 unreadable; 3 indeterminate; 64 wrong usage
(EX_USAGE); 78 wrong settings (EX_CONFIG). Each command stands in a module of `api.commands` (the
demonstration in `api.demo`) that is imported only when it is called, so that `bigloop verify`
starts without a web server and a database.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence
from typing import NoReturn

EX_USAGE = 64
EX_CONFIG = 78

COMMANDS = {
    "serve": ("api.commands.serve", "serve pages, the JSON interface and the witness socket"),
    "worker": ("api.commands.worker", "take tasks and anchor the journal"),
    "migrate": ("api.commands.migrate", "bring the database to the newest version"),
    "account": ("api.commands.account", "make, list and disable accounts"),
    "register": (
        "api.commands.register",
        "take in organisations, centres, issuers and other registers from files",
    ),
    "verify": ("api.commands.verify", "verify a dossier, recording, transcript or note offline"),
    "fairness": (
        "api.commands.fairness",
        "how likely each candidate of a draw was, from its transcript",
    ),
    "trustee": ("api.commands.trustee", "a trustee's key, and his answers to draws"),
    "record": ("api.commands.record", "take a session's record out, to be verified anywhere"),
    "witness": ("api.commands.witness", "follow a session's record from a terminal, checking it"),
    "check": ("api.commands.check", "re-read every stream of the journal"),
    "desk": ("api.commands.desk", "run a synthetic outside desk: a bank, a calling service"),
    "mapping": (
        "api.commands.mapping",
        "check and try the file by which a partner's interface for guarantees calls things",
    ),
    "demo": ("api.demo.command", "play a demonstration with invented data"),
}
"""Name → (module, what it is for). The module has `add_arguments(parser)` and `run(arguments)`."""


class Parser(argparse.ArgumentParser):
    """argparse, with the exit code that sysexits.h has for wrong usage."""

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(EX_USAGE, f"{self.prog}: {message}\n")


def parser_for(words: Sequence[str]) -> Parser:
    """The parser; only the command that is called brings its own arguments."""
    parser = Parser(prog="bigloop", description="Remote dispersed bid evaluation.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    called = next((word for word in words if not word.startswith("-")), "")
    for name, (module, purpose) in COMMANDS.items():
        command = commands.add_parser(name, help=purpose, description=purpose)
        if name == called:
            importlib.import_module(module).add_arguments(command)
    return parser


def main(words: Sequence[str] | None = None) -> int:
    """Run one command; the exit code is the program's."""
    given = list(sys.argv[1:] if words is None else words)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="replace")
    arguments = parser_for(given).parse_args(given)
    module = importlib.import_module(COMMANDS[arguments.command][0])
    code = module.run(arguments)
    assert isinstance(code, int), f"{arguments.command} gave no exit code"
    return code


if __name__ == "__main__":
    sys.exit(main())
