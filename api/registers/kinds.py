"""The registers of an installation, one declaration each: what stands in a row, what is known, what is
wrong, who does it. How a file is read and compared is `api.registers.register`.

The order is the one in which an empty installation takes them in: each names only what stands before it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date
from itertools import pairwise

from sqlmodel import Session

from api.registers import column as read
from api.registers.column import Column, Reference
from api.registers.register import Effect, Line, Register, Table, Values
from archive.actor import Actor
from archive.errors import Fault, Faults
from archive.office import Tx
from evaluation.spreadsheet import RowFault
from trading.divisions import yunnan
from trading.parties import party
from trading.parties import service as parties
from trading.parties.party import (
    Centre,
    Link,
    Organisation,
    OrganisationKind,
    Relation,
)


def _organisations(db: Session, usccs: Collection[str]) -> Collection[str]:
    return parties.organisations(db, usccs).keys()


ORGANISATION = Reference(_organisations, "trading.organisation.unknown", "uscc")


# --- Organisations, and how they own and control each other -------------------------------


ORGANISATIONS = Table[Organisation](
    "organisations",
    (
        Column("uscc", read.code, is_key=True),
        Column("name", read.text),
        Column(
            "kind",
            read.one_of(OrganisationKind, "trading.organisation_kind"),
            vocabulary="trading.organisation_kind",
        ),
        Column("division_code", read.code),
        Column("basic_account", read.code, is_optional=True, is_secret=True, empty=""),
    ),
    make=lambda values, _: Organisation(**values),
    known=lambda db, rows: parties.organisations(db, {row["uscc"] for row in rows}).values(),
    check=lambda one, _, __, faults: party.check_organisation(one, faults),
    enter=parties.register_organisations,
    change=parties.change_organisations,
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
            read.one_of(Relation, "trading.relation"),
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


REGISTERS: Mapping[str, Register] = {
    register.name: register for register in (ORGANISATIONS, LINKS, CENTRES)
}
