"""`bigloop witness follow URL`: follow a session's record in a terminal, and check it as it comes.

    bigloop witness follow https://platform/supervisor/sessions/ID --account NAME [--log VKEY] [--state FILE]

Prints every entry, and every checkpoint under which the entries' tree root was found. The chain, the numbering
and the root are checked here; with `--log` (the log's vkey, got from elsewhere) its signature too. With `--state` the
next call goes on where this one ended, and a record that does not continue it is refused. Cuts are survived.
The password comes from BIGLOOP_PASSWORD or is asked for. No database, no settings.

Exit codes: 0 ended (`--once`, Ctrl-C); 1 the record broke its promise, or the server refuses; 2 unreadable.
"""

from __future__ import annotations

import argparse
import getpass
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

from api.commands.terminal import complain, say
from archive.words import Language

if TYPE_CHECKING:
    from collections.abc import Mapping

    from archive.journal.entry import Entry
    from archive.note import Verifier
    from evaluation.witness.follower import Follower, State

PASSWORD = "BIGLOOP_PASSWORD"  # noqa: S105 - the variable's name


def add_arguments(parser: argparse.ArgumentParser) -> None:
    acts = parser.add_subparsers(dest="act", required=True, metavar="ACT")
    follow = acts.add_parser("follow", help="print a session's record as it grows, and check it")
    follow.add_argument("url", help="the address of any page of the session")
    follow.add_argument("--account", required=True)
    follow.add_argument("--log", help="the log's vkey, to check whose checkpoints these are")
    follow.add_argument(
        "--state", type=Path, help="a file to go on from, written at each checkpoint"
    )
    follow.add_argument("--once", action="store_true", help="end when all that there is was seen")
    follow.add_argument("--json", action="store_true", help="print the entries' canonical bytes")
    follow.add_argument("--lang", type=Language, choices=list(Language), default=Language.ZH)


def run(arguments: argparse.Namespace) -> int:
    from api.witness_client import NotFollowed, WitnessClient, address_of, sign_in
    from archive.errors import Refusal
    from archive.note import MalformedNote, Verifier
    from archive.words import render

    try:
        address = address_of(arguments.url)
        log = Verifier.parse(arguments.log) if arguments.log else None
        follower = _follower(address.session, log, arguments.state)
    except (OSError, ValueError, MalformedNote) as error:
        complain(str(error))
        return 2
    password = os.environ.get(PASSWORD) or getpass.getpass(f"{arguments.account}: ")
    client = WitnessClient(
        address, follower, lambda: sign_in(address.site, arguments.account, password)
    )
    try:
        _follow(client, arguments)
    except Refusal as refusal:
        complain(render(refusal, arguments.lang))
        return 1
    except NotFollowed as error:
        complain(str(error))
        return 1
    except KeyboardInterrupt:
        pass
    return 0


def _follow(client: object, arguments: argparse.Namespace) -> None:
    from api.witness_client import Cut, WitnessClient
    from evaluation.witness.protocol import Mark

    assert isinstance(client, WitnessClient)
    names: dict[str, str] | None = None
    for found in client.frames():
        if isinstance(found, Cut):
            complain(f"… {found.why}; {found.pause:.1f} s")
        elif isinstance(found, Mark):
            state = client.follower.state
            if not arguments.json:
                say(f"✓ {state.size} {state.root}")
            _keep(state, arguments.state)
            if arguments.once and state.size >= client.head:
                return
        elif arguments.json:
            say(found.body.decode())
        else:
            names = client.places() if names is None else names
            say(_line(found, arguments.lang, names))


def _line(entry: Entry, language: Language, names: Mapping[str, str]) -> str:
    """`12  2026-10-21 09:00:00  host-1  门禁打开`: number, Shanghai time, whose act, what."""
    from api.pages.entry_words import told
    from archive.clock import SHANGHAI

    words = told(entry.action, entry.data, language, names) or entry.action
    moment = f"{entry.at.astimezone(SHANGHAI):%Y-%m-%d %H:%M:%S}"
    return f"{entry.seq:>6}  {moment}  {entry.actor}  {words}"


def _follower(session: str, log: Verifier | None, file: Path | None) -> Follower:
    from evaluation.witness.follower import Follower, State

    if file is None or not file.exists():
        return Follower(session, log)
    state = State.of_json(json.loads(file.read_text("utf-8")))
    if state.session != session:
        raise ValueError(f"{file}: is of session {state.session}")
    return Follower.resuming(state, log)


def _keep(state: State, file: Path | None) -> None:
    """Write the state so that a cut at any moment leaves the old one or the new one."""
    if file is None:
        return
    fresh = file.with_name(f"{file.name}.new")
    fresh.write_text(json.dumps(state.to_json(), indent=1), "utf-8")
    fresh.replace(file)
