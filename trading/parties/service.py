"""Parties at work: register organisations, links, centres and answers of the credit registers.

The stream `parties` records each act by code and digest; of a bulk load it records the number and
one document with everything that was loaded.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from sqlmodel import Session

from archive.actor import Actor, Role
from archive.errors import Faults, Kind, Refusal
from archive.office import Tx
from trading.calendar.legal import legal_day
from trading.parties import party, queries
from trading.parties.ownership import Ownership
from trading.parties.party import (
    Centre,
    DishonestyRecord,
    Link,
    Organisation,
    OrganisationKind,
    Relation,
    Standing,
)
from trading.parties.tables import CentreRow, DishonestyRow, LinkRow, OrganisationRow
from trading.rules.book import book

Names = queries.Names
"""For lists of other rooms that are searched and ordered by names."""

STREAM = "parties"
BULK_ROWS_MAX = 200_000
_KEEPERS = (Role.STAFF, Role.OPERATOR, Role.SYSTEM)
_UNTOLD = "basic_account"
"""Of an organisation the record tells everything but this."""


def register_organisation(tx: Tx, actor: Actor, organisation: Organisation) -> Organisation:
    """Register one organisation. INVALID with all faults; CONFLICT where the code is taken."""
    register_organisations(tx, actor, [organisation])
    return organisation


def register_organisations(tx: Tx, actor: Actor, organisations: Sequence[Organisation]) -> int:
    """Register many at once, all or none; how many there were."""
    actor.must_be(*_KEEPERS)
    faults = Faults("trading.organisation.invalid")
    _check_bulk(organisations)
    for index, organisation in enumerate(organisations):
        party.check_organisation(organisation, faults, _place(index, organisations))
    faults.refuse()
    usccs = [organisation.uscc for organisation in organisations]
    taken = queries.known_usccs(tx.db, usccs) or _twice(usccs)
    if taken:
        raise Refusal("trading.organisation.taken", {"uscc": min(taken)}, Kind.CONFLICT)
    rows = [_row(organisation) for organisation in organisations]
    queries.insert(tx.db, OrganisationRow, rows)
    _record(tx, actor, "organisation", usccs, rows)
    return len(organisations)


def change_organisations(
    tx: Tx, actor: Actor, changes: Sequence[tuple[Organisation, Organisation]]
) -> int:
    """Put organisations right, each (as it is, as it will be): another name, seat, kind or account. The
    code stays. INVALID with all faults; CONFLICT where one is no longer as it was said to be."""
    actor.must_be(*_KEEPERS)
    faults = Faults("trading.organisation.invalid")
    for index, (_, after) in enumerate(changes):
        party.check_organisation(after, faults, _place(index, changes))
    faults.refuse()
    for before, after in changes:
        assert before.uscc == after.uscc, "a code stays"
        row = queries.organisation(tx.db, before.uscc, lock=True)
        if row is None or row.to_domain() != before:
            raise Refusal("trading.organisation.moved", {"uscc": before.uscc}, Kind.CONFLICT)
        queries.change(tx.db, row, _row(after))
    _record_changes(tx, actor, "organisation", "uscc", changes)
    return len(changes)


def register_link(tx: Tx, actor: Actor, link: Link) -> Link:
    """Register one link of ownership or control."""
    register_links(tx, actor, [link])
    return link


def register_links(tx: Tx, actor: Actor, links: Sequence[Link]) -> int:
    """Register many at once, all or none. Both ends must be known organisations."""
    actor.must_be(*_KEEPERS)
    faults = Faults("trading.link.invalid")
    _check_bulk(links)
    ends = sorted({uscc for link in links for uscc in (link.owner_uscc, link.owned_uscc)})
    known = queries.known_usccs(tx.db, ends)
    for index, link in enumerate(links):
        place = _place(index, links)
        party.check_link(link, faults, place)
        for field, uscc in (("owner_uscc", link.owner_uscc), ("owned_uscc", link.owned_uscc)):
            if uscc not in known:
                faults.add(f"{place}/{field}", "trading.organisation.unknown", uscc=uscc[:40])
    faults.refuse()
    rows = [_row(link) for link in links]
    keys = [f"{x.owner_uscc}/{x.owned_uscc}/{x.relation}/{x.since}" for x in links]
    taken = _twice(keys)
    if len(links) == 1:
        x = links[0]
        if queries.link(tx.db, x.owner_uscc, x.owned_uscc, x.relation, x.since) is not None:
            taken = {keys[0]}
    if taken:
        raise Refusal("trading.link.taken", {"link": min(taken)}, Kind.CONFLICT)
    queries.insert(tx.db, LinkRow, rows)
    _record(tx, actor, "link", keys, rows)
    return len(links)


def end_link(
    tx: Tx,
    actor: Actor,
    owner_uscc: str,
    owned_uscc: str,
    relation: Relation,
    since: date,
    until: date,
) -> Link:
    """Say that a link holds no more from `until` on. It stays answerable for the days before."""
    actor.must_be(*_KEEPERS)
    row = queries.link(tx.db, owner_uscc, owned_uscc, relation, since)
    if row is None:
        raise Refusal("trading.link.unknown", {"owner": owner_uscc}, Kind.NOT_FOUND)
    if until <= row.since:
        raise Refusal("trading.link.interval", {})
    row.until = until
    tx.db.add(row)
    tx.db.flush()
    data = {"owner": owner_uscc, "owned": owned_uscc, "relation": relation, "until": str(until)}
    tx.record(STREAM, "trading:link:ended", actor, data)
    return row.to_domain()


def register_centres(tx: Tx, actor: Actor, centres: Sequence[Centre]) -> int:
    """Register trading centres; their operators must be known organisations."""
    actor.must_be(*_KEEPERS)
    _check_bulk(centres)
    faults = Faults("trading.centre.invalid")
    known = queries.known_usccs(tx.db, [centre.operator_uscc for centre in centres])
    for index, centre in enumerate(centres):
        _check_centre(centre, known, faults, _place(index, centres))
    faults.refuse()
    ids = [centre.id for centre in centres]
    taken = {row.id for row in queries.centres(tx.db)} & set(ids) or _twice(ids)
    if taken:
        raise Refusal("trading.centre.taken", {"centre": min(taken)}, Kind.CONFLICT)
    queries.insert(tx.db, CentreRow, [_row(centre) for centre in centres])
    tx.record(STREAM, "trading:centre:registered", actor, {"centres": sorted(ids)})
    return len(centres)


def change_centres(tx: Tx, actor: Actor, changes: Sequence[tuple[Centre, Centre]]) -> int:
    """Put centres right, each (as it is, as it will be): another name, operator or place. CONFLICT where
    one is no longer as it was said to be."""
    actor.must_be(*_KEEPERS)
    faults = Faults("trading.centre.invalid")
    known = queries.known_usccs(tx.db, [after.operator_uscc for _, after in changes])
    for index, (_, after) in enumerate(changes):
        _check_centre(after, known, faults, _place(index, changes))
    faults.refuse()
    for before, after in changes:
        assert before.id == after.id, "a centre's id stays"
        row = queries.centre(tx.db, before.id, lock=True)
        if row is None or row.to_domain() != before:
            raise Refusal("trading.centre.moved", {"centre": before.id}, Kind.CONFLICT)
        queries.change(tx.db, row, _row(after))
    _record_changes(tx, actor, "centre", "id", changes)
    return len(changes)


def record_dishonesty(tx: Tx, actor: Actor, record: DishonestyRecord) -> DishonestyRecord:
    """Keep what a register answered about one organisation."""
    record_dishonesties(tx, actor, [record])
    return record


def record_dishonesties(tx: Tx, actor: Actor, records: Sequence[DishonestyRecord]) -> int:
    """Keep many answers at once. INVALID where the source is missing, the day has not come, or
    the organisation is not known; CONFLICT where this answer is held already."""
    actor.must_be(*_KEEPERS, Role.SUPERVISOR)
    _check_bulk(records)
    faults = Faults("trading.dishonesty.invalid")
    usccs = sorted({record.uscc for record in records})
    known = queries.known_usccs(tx.db, usccs)
    today = legal_day(tx.now)
    for index, record in enumerate(records):
        place = _place(index, records)
        if record.uscc not in known:
            faults.add(f"{place}/uscc", "trading.organisation.unknown", uscc=record.uscc[:40])
        party.check_answer(record, today, faults, place)
    faults.refuse()
    held = {_answer_key(row.to_domain()) for row in queries.dishonesty(tx.db, usccs, today)}
    keys = [_answer_key(record) for record in records]
    taken = held & set(keys) or _twice(keys)
    if taken:
        raise Refusal("trading.dishonesty.taken", {"answer": min(taken)}, Kind.CONFLICT)
    rows = [_row(record) for record in records]
    queries.insert(tx.db, DishonestyRow, rows)
    _record(tx, actor, "dishonesty", keys, rows)
    return len(records)


def organisation(db: Session, uscc: str) -> Organisation:
    """One organisation; NOT_FOUND where it is not registered."""
    row = queries.organisation(db, uscc)
    if row is None:
        raise Refusal("trading.organisation.unknown", {"uscc": uscc[:40]}, Kind.NOT_FOUND)
    return row.to_domain()


def organisations(
    db: Session, usccs: Iterable[str] | None = None, kind: OrganisationKind | None = None
) -> Mapping[str, Organisation]:
    """Organisations by code, in order of code: those among `usccs` that are known, or all; of one
    kind where `kind` is given."""
    if usccs is None:
        rows = queries.organisations_of_kind(db, kind)
    else:
        rows = queries.organisations(db, sorted(set(usccs)))
    found = (row.to_domain() for row in sorted(rows, key=lambda row: row.uscc))
    return {o.uscc: o for o in found if kind is None or o.kind is kind}


def ownership_links(db: Session, on: date) -> list[Link]:
    """All links that hold on a day, ordered by owner, owned, relation, first day."""
    links = [row.to_domain() for row in queries.links_on(db, on)]
    return sorted(links, key=lambda x: (x.owner_uscc, x.owned_uscc, x.relation, x.since))


def all_links(db: Session) -> list[Link]:
    """Every link that was ever registered."""
    return [row.to_domain() for row in queries.all_links(db)]


def ownership(db: Session, on: date) -> Ownership:
    """The graph of ownership on a day, with the threshold of control in force on it."""
    permille = book().rule("ownership.control_permille", on).number
    depth_max = book().rule("ownership.depth_max", on).number
    return Ownership(ownership_links(db, on), on, permille, depth_max)


def dishonesty_on(db: Session, uscc: str, on: date) -> Standing:
    """What is known of an organisation's honesty on a day."""
    return standings_on(db, [uscc], on)[uscc]


def standings_on(db: Session, usccs: Iterable[str], on: date) -> Mapping[str, Standing]:
    """The same for many at once."""
    wanted = sorted(set(usccs))
    days_max = book().rule("dishonesty.query_days_max", on).number
    records: dict[str, list[DishonestyRecord]] = defaultdict(list)
    for row in queries.dishonesty(db, wanted, on):
        records[row.uscc].append(row.to_domain())
    return {uscc: party.standing(records[uscc], on, days_max) for uscc in wanted}


def answers_about(db: Session, uscc: str, on: date) -> tuple[DishonestyRecord, ...]:
    """All answers of registers about one organisation up to a day, the newest first."""
    records = [row.to_domain() for row in queries.dishonesty(db, [uscc], on)]
    return tuple(sorted(records, key=lambda r: (r.queried_on, r.source), reverse=True))


def answers(db: Session, usccs: Iterable[str] | None = None) -> list[DishonestyRecord]:
    """All answers of registers about these organisations, or about all, whenever they were given."""
    named = organisations(db) if usccs is None else usccs
    rows = queries.dishonesty(db, sorted(set(named)), date.max)
    return [row.to_domain() for row in rows]


def centres(db: Session) -> list[Centre]:
    """All centres in order of id."""
    return sorted((row.to_domain() for row in queries.centres(db)), key=lambda c: c.id)


def centre(db: Session, centre_id: str) -> Centre:
    """One centre; NOT_FOUND where there is none."""
    row = queries.centre(db, centre_id)
    if row is None:
        raise Refusal("trading.centre.unknown", {"centre": centre_id[:20]}, Kind.NOT_FOUND)
    return row.to_domain()


def _check_centre(centre: Centre, known: Collection[str], faults: Faults, pointer: str) -> None:
    if centre.operator_uscc not in known:
        faults.add(
            f"{pointer}/operator_uscc",
            "trading.organisation.unknown",
            uscc=centre.operator_uscc[:40],
        )
    party.check_centre(centre, faults, pointer)


def _check_bulk(items: Sequence[object]) -> None:
    if len(items) > BULK_ROWS_MAX:
        raise Refusal("trading.bulk.too_many", {"count": len(items), "count_max": BULK_ROWS_MAX})


def _place(index: int, items: Sequence[object]) -> str:
    """The JSON pointer of one of many; the single one is the document itself."""
    return f"/{index}" if len(items) > 1 else ""


def _twice(keys: Sequence[str]) -> set[str]:
    seen: set[str] = set()
    return {key for key in keys if key in seen or seen.add(key)}  # type: ignore[func-returns-value]


def _answer_key(record: DishonestyRecord) -> str:
    return f"{record.uscc}/{record.source}/{record.queried_on}/{int(record.is_listed)}"


def _row(item: object) -> dict[str, Any]:
    """The fields of a flat dataclass; `dataclasses.asdict` copies each value, ten times slower."""
    return dict(vars(item))


def _record(
    tx: Tx, actor: Actor, subject: str, keys: Sequence[str], rows: Sequence[Mapping[str, Any]]
) -> None:
    if not rows:
        return
    plain = [_told(row) for row in rows]
    document = tx.keep(f"{subject}s.json", plain)
    data: dict[str, Any] = {"count": len(rows)}
    if len(rows) == 1:
        data["key"] = keys[0]
    tx.record(STREAM, f"trading:{subject}:registered", actor, data, (document,))


def _told(row: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a row as the record tells them."""
    return {k: str(v) if isinstance(v, date | float) else v for k, v in row.items() if k != _UNTOLD}


def _record_changes(
    tx: Tx, actor: Actor, subject: str, key: str, changes: Sequence[tuple[object, object]]
) -> None:
    """Each with the fields that changed, what stood there and what stands there now; of an account only
    that it changed."""
    told = []
    for before, after in ((_row(one), _row(other)) for one, other in changes):
        changed = sorted(name for name in after if before[name] != after[name])
        told.append(
            {
                "key": after[key],
                "changed": changed,
                "before": _told({name: before[name] for name in changed}),
                "after": _told({name: after[name] for name in changed}),
            }
        )
    if told:
        document = tx.keep(f"{subject}s-changed.json", told)
        tx.record(STREAM, f"trading:{subject}:changed", actor, {"count": len(told)}, (document,))
