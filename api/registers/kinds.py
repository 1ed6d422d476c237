"""The registers of an installation, one declaration each: what stands in a row, what is known, what is
wrong, who does it. How a file is read and compared is `api.registers.register`.

The order is the one in which an empty installation takes them in: each names only what stands before it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

from sqlmodel import Session

from api.flows import avoidance
from api.registers import column as read
from api.registers.column import Column, Reference
from api.registers.register import Effect, Line, Plan, Register, Table, Values
from api.registers.roots import ROOTS
from api.registers.venues import ROOMS, VENUES
from archive.actor import Actor
from archive.errors import Fault, Faults, Refusal
from archive.office import Tx
from deposits.cash import service as cash
from deposits.cash.bank import CentreAccount, check_account
from deposits.forms import DepositForm
from deposits.issuers import service as issuers
from deposits.issuers.issuer import Issuer, IssuerKey, KeyAlgorithm, check_issuer, check_keys
from trading.divisions import yunnan
from trading.parties import party
from trading.parties import service as parties
from trading.parties.party import (
    Centre,
    DishonestyRecord,
    Link,
    Organisation,
    OrganisationKind,
    Relation,
)
from trading.spreadsheet import RowFault


def _organisations(db: Session, usccs: Collection[str]) -> Collection[str]:
    return parties.organisations(db, usccs).keys()


def _codes(rows: Sequence[Values] | None) -> set[str] | None:
    return None if rows is None else {row["uscc"] for row in rows}


ORGANISATION = Reference(_organisations, "trading.organisation.unknown", "uscc")


# --- Organisations, and how they own and control each other -------------------------------


def _look_where_kinds_change(tx: Tx, plan: Plan) -> None:
    """Whether a holding decides follows from the holder's kind, too."""
    if any(change.column.name == "kind" for line in plan.lines for change in line.changes):
        avoidance.look_everywhere(tx)


ORGANISATIONS = Table[Organisation](
    "organisations",
    (
        Column("uscc", read.code, is_key=True),
        Column("name", read.text),
        Column(
            "kind",
            read.one_of(
                OrganisationKind, "trading.organisation_kind", "api.register.no_organisation_kind"
            ),
            vocabulary="trading.organisation_kind",
        ),
        Column("division_code", read.code),
        Column("basic_account", read.code, is_optional=True, is_secret=True, empty=""),
    ),
    make=lambda values, _: Organisation(**values),
    known=lambda db, rows: parties.organisations(db, _codes(rows)).values(),
    check=lambda one, _, __, faults: party.check_organisation(one, faults),
    enter=parties.register_organisations,
    change=parties.change_organisations,
    sequel=_look_where_kinds_change,
)


def _check_link(link: Link, before: Link | None, _: date, faults: Faults) -> None:
    party.check_link(link, faults)
    if link.relation is not Relation.SHARE and link.share_permille:
        faults.add("/share_permille", "api.register.no_share")


def _overlaps(lines: Sequence[Line], known: Iterable[Link]) -> Iterable[RowFault]:
    """Rows of one relation of two organisations whose days overlap with another's, or with a known one's:
    the former has to be ended."""

    def ends(link: Link) -> tuple[str, str, Relation]:
        return link.owner_uscc, link.owned_uscc, link.relation

    links: dict[tuple[str, str, Relation], dict[date, tuple[Link, int]]] = defaultdict(dict)
    touched = {ends(line.after) for line in lines if line.effect is not Effect.SAME}
    stated: list[tuple[Link, int]] = [(line.after, line.row) for line in lines]
    for link, row in [*((link, 0) for link in known), *stated]:
        if ends(link) in touched:
            links[ends(link)][link.since] = link, row
    for own in links.values():
        for (one, row), (other, other_row) in pairwise(own[since] for since in sorted(own)):
            is_apart = one.until is not None and one.until <= other.since
            if not is_apart and (row or other_row):
                since = str((one if other_row else other).since)
                fault = Fault("/since", "api.register.overlap", {"since": since})
                yield RowFault(other_row or row, "since", fault)


def _end_links(tx: Tx, actor: Actor, changes: Sequence[tuple[Link, Link]]) -> None:
    for before, after in changes:
        assert after.until is not None, "only the end may change"
        parties.end_link(
            tx,
            actor,
            before.owner_uscc,
            before.owned_uscc,
            before.relation,
            before.since,
            after.until,
        )


LINKS = Table[Link](
    "links",
    (
        Column("owner_uscc", read.code, is_key=True, refers=ORGANISATION),
        Column("owned_uscc", read.code, is_key=True, refers=ORGANISATION),
        Column(
            "relation",
            read.one_of(Relation, "trading.relation", "api.register.no_relation"),
            is_key=True,
            vocabulary="trading.relation",
        ),
        Column("share_permille", read.permille, is_optional=True, may_change=False, empty=0),
        Column("since", read.day, is_key=True),
        Column("until", read.day, is_optional=True),
    ),
    make=lambda values, _: Link(**values),
    known=lambda db, _: parties.all_links(db),
    check=_check_link,
    check_all=_overlaps,
    enter=parties.register_links,
    change=_end_links,
    sequel=lambda tx, _: avoidance.look_everywhere(tx),
)


# --- Centres ------------------------------------------------------------------------------


def _centre(values: Values, _: Centre | None) -> Centre:
    """The point of a centre is that of its division, where the row gives none."""
    code = values["division_code"]
    place = yunnan().get(code)
    point = {
        name: values[name] if values[name] is not None else getattr(place, name, 0.0)
        for name in ("lon", "lat")
    }
    return Centre(code, values["name"], code, values["operator_uscc"], **point)


CENTRES = Table[Centre](
    "centres",
    (
        Column("division_code", read.code, is_key=True),
        Column("name", read.text),
        Column("operator_uscc", read.code, refers=ORGANISATION),
        Column("lon", read.degrees, is_optional=True),
        Column("lat", read.degrees, is_optional=True),
    ),
    make=_centre,
    known=lambda db, _: parties.centres(db),
    check=lambda one, _, __, faults: party.check_centre(one, faults),
    enter=parties.register_centres,
    change=parties.change_centres,
)


CENTRE = Reference(
    lambda db, _: {each.id for each in parties.centres(db)}, "trading.centre.unknown", "centre"
)


def _enter_accounts(tx: Tx, actor: Actor, accounts: Sequence[CentreAccount]) -> None:
    for each in accounts:
        cash.register_account(tx, actor, each.centre_id, each.number, each.bank_name)


def _change_accounts(
    tx: Tx, actor: Actor, changes: Sequence[tuple[CentreAccount, CentreAccount]]
) -> None:
    for before, after in changes:
        cash.change_account(tx, actor, before, after)


ACCOUNTS = Table[CentreAccount](
    "accounts",
    (
        Column("centre_id", read.code, is_key=True, refers=CENTRE),
        Column("number", read.code, is_optional=True, is_secret=True, empty=""),
        Column("bank_name", read.text),
    ),
    make=lambda values, before: CentreAccount(
        **values, statements=before.statements if before else 0
    ),
    known=lambda db, _: cash.centre_accounts(db),
    check=lambda one, before, _, faults: check_account(one, before, faults),
    enter=_enter_accounts,
    change=_change_accounts,
)


# --- What registers of credit answered ----------------------------------------------------


DISHONESTY = Table[DishonestyRecord](
    "dishonesty",
    (
        Column("uscc", read.code, is_key=True, refers=ORGANISATION),
        Column("source", read.text, is_key=True),
        Column("queried_on", read.day, is_key=True),
        Column("is_listed", read.switch, is_key=True),
        Column("listed_until", read.day, is_optional=True, may_change=False),
        Column("reference", read.text, is_optional=True, may_change=False, empty=""),
    ),
    make=lambda values, _: DishonestyRecord(**values),
    known=lambda db, rows: parties.answers(db, _codes(rows)),
    check=lambda one, _, today, faults: party.check_answer(one, today, faults),
    enter=parties.record_dishonesties,
)


# --- Issuers of guarantees ----------------------------------------------------------------


def _issuer(values: Values, before: Issuer | None) -> Issuer:
    return Issuer(**values, keys=before.keys if before else ())


def _check_issuer(issuer: Issuer, before: Issuer | None, _: date, faults: Faults) -> None:
    try:
        check_issuer(issuer)
    except Refusal as refusal:
        faults.extend(refusal.faults)
    if before is not None and issuer.licensed_from > before.licensed_from:
        since = str(before.licensed_from)
        faults.add("/licensed_from", "deposits.issuer.begins", since=since)


def _enter_issuers(tx: Tx, actor: Actor, found: Sequence[Issuer]) -> None:
    for each in found:
        issuers.register_issuer(tx, actor, each)


def _change_issuers(tx: Tx, actor: Actor, changes: Sequence[tuple[Issuer, Issuer]]) -> None:
    for before, after in changes:
        issuers.change_issuer(tx, actor, before, after)


ISSUERS = Table[Issuer](
    "issuers",
    (
        Column("uscc", read.code, is_key=True, refers=ORGANISATION),
        Column("name", read.text),
        Column(
            "forms",
            read.some_of(DepositForm, "deposits.form", "api.register.no_form"),
            vocabulary="deposits.form",
        ),
        Column("licence", read.text),
        Column("licensed_from", read.day),
        Column("licensed_to", read.day),
    ),
    make=_issuer,
    known=lambda db, _: issuers.issuers(db),
    check=_check_issuer,
    enter=_enter_issuers,
    change=_change_issuers,
)


@dataclass(frozen=True)
class KeyOf:
    """A key with the institution that it is of."""

    issuer_uscc: str
    algorithm: KeyAlgorithm
    public_key: bytes
    valid_from: date
    valid_to: date

    @property
    def key(self) -> IssuerKey:
        return IssuerKey(self.public_key, self.valid_from, self.valid_to, self.algorithm)


def _check_key(key: KeyOf, before: KeyOf | None, today: date, faults: Faults) -> None:
    found = Faults("deposits.issuer.invalid")
    check_keys(found, [key.key])
    try:
        found.refuse()
    except Refusal as refusal:
        for one in refusal.faults:
            place = one.pointer.removeprefix("/keys/0")
            faults.extend((Fault(place, one.code, one.params, one.rule),))
    is_moved = before is not None and key.valid_to != before.valid_to
    if before is not None and is_moved and not today <= key.valid_to < before.valid_to:
        faults.add("/valid_to", "deposits.issuer.key_end", until=str(before.valid_to))


def _add_keys(tx: Tx, actor: Actor, keys: Sequence[KeyOf]) -> None:
    for each in keys:
        issuers.add_key(tx, actor, each.issuer_uscc, each.key)


def _end_keys(tx: Tx, actor: Actor, changes: Sequence[tuple[KeyOf, KeyOf]]) -> None:
    for _, after in changes:
        issuers.end_key(tx, actor, after.issuer_uscc, after.public_key, after.valid_to)


KEYS = Table[KeyOf](
    "keys",
    (
        Column(
            "issuer_uscc",
            read.code,
            is_key=True,
            refers=Reference(
                lambda db, usccs: issuers.issuers_by_code(db, usccs).keys(),
                "deposits.issuer.unknown",
                "uscc",
            ),
        ),
        Column(
            "algorithm",
            read.one_of(KeyAlgorithm, "deposits.key_algorithm", "api.register.no_algorithm"),
            may_change=False,
            vocabulary="deposits.key_algorithm",
        ),
        Column("public_key", read.hexadecimal, is_key=True),
        Column("valid_from", read.day, may_change=False),
        Column("valid_to", read.day),
    ),
    make=lambda values, _: KeyOf(**values),
    known=lambda db, _: (
        KeyOf(each.uscc, key.algorithm, key.public_key, key.valid_from, key.valid_to)
        for each in issuers.issuers(db)
        for key in each.keys
    ),
    check=_check_key,
    enter=_add_keys,
    change=_end_keys,
)


REGISTERS: Mapping[str, Register] = {
    register.name: register
    for register in (
        ORGANISATIONS,
        LINKS,
        CENTRES,
        VENUES,
        ROOMS,
        ACCOUNTS,
        DISHONESTY,
        ISSUERS,
        KEYS,
        ROOTS,
    )
}
