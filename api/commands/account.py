"""`bigloop account`: make, list and disable accounts. The password is read from standard input,
never from the command line, which others can see."""

from __future__ import annotations

import argparse
import getpass
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

from api.commands.terminal import complain, complain_of, is_migrated, read_settings, say
from archive import words
from archive.actor import SYSTEM, Role
from archive.errors import Refusal

if TYPE_CHECKING:
    from sqlmodel import Session

    from api.identity.accounts import Account

ROLES = tuple(role.value for role in Role if role is not Role.SYSTEM)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    acts = parser.add_subparsers(dest="act", required=True, metavar="ACT")
    create = acts.add_parser("create", help="make an account; the password comes from stdin")
    create.add_argument("id")
    create.add_argument("--role", action="append", required=True, choices=ROLES)
    create.add_argument("--centre", default="", help="trading centre of staff")
    create.add_argument("--party", default="", help="organisation or expert acted for")
    disable = acts.add_parser("disable", help="end an account and all its sign-ins")
    disable.add_argument("id")
    acts.add_parser("list", help="all accounts")


def run(arguments: argparse.Namespace) -> int:
    from api.identity import service
    from api.identity.accounts import Account
    from api.office import open_office

    settings = read_settings()
    if not is_migrated(settings):
        return 1
    office = open_office(settings)
    try:
        if arguments.act == "list":
            with office.read() as db:
                for account in service.accounts(db):
                    names = ",".join(sorted(account.roles))
                    mark = " disabled" if account.disabled else ""
                    say(
                        f"{account.id} {names} {account.centre_id} {account.party_id}{mark}".rstrip()
                    )
        elif arguments.act == "disable":
            with office.write() as tx:
                service.disable_account(tx, SYSTEM, arguments.id)
        else:
            roles = frozenset(Role(name) for name in arguments.role)
            made = Account(arguments.id, roles, arguments.centre, arguments.party)
            password = _password()
            with office.write() as tx:
                service.create_account(tx, SYSTEM, made, password)
            with office.read() as db:
                for code in _unregistered(db, made):
                    params = {"centre": made.centre_id, "party": made.party_id}
                    complain(words.say(code, params, settings.language))
    except Refusal as refusal:
        complain_of(refusal, settings.language)
        return 1
    finally:
        office.connections.dispose()
    return 0


def _unregistered(db: Session, account: Account) -> Iterator[str]:
    """What the account names that no register has: it may be entered later, or be a slip of the pen."""
    from trading.parties import service as parties

    if account.centre_id and account.centre_id not in {each.id for each in parties.centres(db)}:
        yield "api.account.no_centre"
    is_expert = Role.EXPERT in account.roles
    if account.party_id and not is_expert and not parties.organisations(db, [account.party_id]):
        yield "api.account.no_party"


def _password() -> str:
    if sys.stdin.isatty():
        return getpass.getpass("password: ")
    return sys.stdin.readline().rstrip("\n")
