"""`bigloop witness follow URL`: follow a session's record in a terminal, and check it as it comes.

    bigloop witness follow https://platform/supervisor/sessions/ID --account NAME [--log VKEY] [--state FILE]

Prints every entry, and every checkpoint under which the entries' tree root was found. The chain, the numbering
and the root are checked here; with `--log` (the log's vkey, got from elsewhere) its signature too. With `--state` the
next call goes on where this one ended, and a record that does not continue it is refused. Cuts are survived.
The password comes from BIGLOOP_PASSWORD or is asked for. No database, no settings.

Exit codes: 0 ended (`--once`, Ctrl-C); 1 the record broke its promise; 2 the address, the key or the state
cannot be read; 3 the server does not let us follow (account, rights), or does not prove who it is (certificate);
4 what was seen cannot be written here (a full disk).
"""

from __future__ import annotations

import argparse
import getpass
import json
import os
from contextlib import suppress
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


class Unwritable(Exception):
    """What was seen cannot be put down here."""

    def __init__(self, where: object, error: OSError) -> None:
        super().__init__(str(error))
        self.params = {"where": str(where), "detail": error.strerror or str(error)}


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
    from archive.words import say as words

    unreadable = ("api.follow.no_address", arguments.url)
    try:
        address = address_of(arguments.url)
        unreadable = ("api.follow.no_vkey", arguments.log)
        log = Verifier.parse(arguments.log) if arguments.log else None
        unreadable = ("api.follow.no_state", str(arguments.state))
        follower = _follower(address.session, log, arguments.state)
    except (OSError, ValueError, MalformedNote) as error:
        code, what = unreadable
        complain(words(code, {"what": what, "detail": str(error)}, arguments.lang))
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
        complain(error.said[arguments.lang])
        return 3
    except Unwritable as error:
        complain(words("api.follow.unwritable", error.params, arguments.lang))
        return 4
    except KeyboardInterrupt:
        state = client.follower.state
        told = {"size": state.size, "next": state.frontier.size}
        complain(words("api.follow.ended", told, arguments.lang))
    return 0


def _follow(client: object, arguments: argparse.Namespace) -> None:
    from api.witness_client import Cut, WitnessClient
    from archive.words import render
    from archive.words import say as words
    from evaluation.witness.protocol import Kept, Mark

    assert isinstance(client, WitnessClient)
    names: dict[str, str] | None = None
    unkept = 0
    for found in client.frames():
        if isinstance(found, Cut):
            again = {"seconds": f"{found.pause:.1f}"}
            why = render(found.why, arguments.lang)
            complain(f"{why} {words('api.follow.again', again, arguments.lang)}")
        elif isinstance(found, Mark):
            state = client.follower.state
            if not arguments.json:
                _print(f"✓ {state.size} {state.root}")
            _keep(state, arguments.state)
            if arguments.once and state.size >= client.head:
                return
        elif isinstance(found, Kept):
            if 0 < found.unkept < 2 * unkept:
                continue  # it was said, and not long ago
            unkept = found.unkept
            code = "api.page.watch.unkept_for" if found.unkept else "api.follow.kept"
            complain(words(code, {"seconds": found.unkept}, arguments.lang))
        elif arguments.json:
            _print(found.body.decode())
        else:
            names = client.places() if names is None else names
            _print(_line(found, arguments.lang, names))


def _print(text: str) -> None:
    try:
        say(text)
    except OSError as error:
        raise Unwritable("stdout", error) from None


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
    """Write the state so that a cut at any moment, of power too, leaves the old one or the new one."""
    if file is None:
        return
    fresh = file.with_name(f"{file.name}.new")
    try:
        with fresh.open("w", encoding="utf-8") as out:
            json.dump(state.to_json(), out, indent=1)
            out.flush()
            os.fsync(out.fileno())
        fresh.replace(file)
    except OSError as error:
        with suppress(OSError):
            fresh.unlink()
        raise Unwritable(file, error) from None
