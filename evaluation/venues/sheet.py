"""The directory as a table (CSV, UTF-8, with a heading), as office programs write it: read with every
fault of every row, written so that reading gives the same."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import TypeVar

from archive.errors import Fault, Faults, Refusal
from evaluation.stations.opening import read_opening
from evaluation.venues.venue import Coverage, Venue, Zone, check
from trading.money import Money

COLUMNS = (
    "id",
    "name",
    "province",
    "stations",
    "opening",
    "overnight",
    "fee",
    "meals",
    "lodging",
    "way",
    "zones",
    "coverages",
    "agreement",
    "agreement_from",
    "agreement_until",
)
ROWS_MAX = 5_000
BYTES_MAX = 5_000_000
YES, NO = "yes", "no"
Code = TypeVar("Code", bound=StrEnum)


@dataclass(frozen=True)
class RowFault:
    """A fault with the row it is in: the heading is row 1, as a spreadsheet counts."""

    row: int
    column: str
    fault: Fault


@dataclass(frozen=True)
class Dry:
    """What an import would do."""

    venues: tuple[Venue, ...]
    faults: tuple[RowFault, ...]


def read(content: bytes, own_province: str) -> Dry:
    """All rows, with all faults; nothing is stored. A file that is no such table is one fault."""
    try:
        if len(content) > BYTES_MAX:
            raise ValueError
        text = content.decode("utf-8-sig")
        rows = list(csv.DictReader(text.splitlines(keepends=True), strict=True))
    except (ValueError, csv.Error):
        return Dry((), (_whole("evaluation.venue.file"),))
    if not rows or tuple(rows[0]) != COLUMNS or len(rows) > ROWS_MAX:
        return Dry((), (_whole("evaluation.venue.heading"),))
    venues: list[Venue] = []
    faults: list[RowFault] = []
    seen: set[str] = set()
    for number, row in enumerate(rows, start=2):
        found = Faults("evaluation.venue.invalid")
        venue = _venue({k: v or "" for k, v in row.items() if isinstance(v, str | None)}, found)
        if None in row or any(value is None for value in row.values()):
            found.add("/", "evaluation.venue.cells")
        if venue is not None:
            check(venue, own_province, found)
            if venue.id in seen:
                found.add("/id", "evaluation.venue.twice", venue=venue.id)
            seen.add(venue.id)
        try:
            found.refuse()
        except Refusal as refusal:
            faults += [RowFault(number, f.pointer.strip("/"), f) for f in refusal.faults]
        else:
            assert venue is not None, "without a fault there is an entry"
            venues.append(venue)
    return Dry(tuple(venues), tuple(faults))


def _whole(code: str) -> RowFault:
    return RowFault(1, "", Fault("/", code, {"columns": ",".join(COLUMNS), "rows_max": ROWS_MAX}))


def _venue(row: dict[str, str], faults: Faults) -> Venue | None:
    """The entry of a row; None where a cell cannot even be read."""
    stations = _whole_number(row["stations"], faults)
    opening = None
    try:
        opening = read_opening(row["opening"])
    except ValueError:
        faults.add("/opening", "evaluation.venue.opening", text=row["opening"][:40])
    try:
        fee = Money.yuan(row["fee"].strip() or "0")
    except ValueError:
        faults.add("/fee", "evaluation.venue.number", text=row["fee"][:40])
        fee = Money(0)
    if row["overnight"].strip() not in (YES, NO):
        faults.add("/overnight", "evaluation.venue.yes_no", text=row["overnight"][:40])
    zones = _codes(row, "zones", Zone, faults)
    coverages = _codes(row, "coverages", Coverage, faults)
    first, last = (_day(row, name, faults) for name in ("agreement_from", "agreement_until"))
    if faults or opening is None:
        return None
    return Venue(
        id=row["id"].strip(),
        name=row["name"].strip(),
        province=row["province"].strip(),
        stations=stations,
        opening=opening,
        overnight=row["overnight"].strip() == YES,
        fee=fee,
        meals=row["meals"].strip(),
        lodging=row["lodging"].strip(),
        way=row["way"].strip(),
        zones=zones,
        coverages=coverages,
        agreement=row["agreement"].strip(),
        agreement_from=first,
        agreement_until=last,
    )


def _whole_number(typed: str, faults: Faults) -> int:
    typed = typed.strip()
    if typed.isascii() and typed.isdigit() and len(typed) < 10:
        return int(typed)
    faults.add("/stations", "evaluation.venue.number", text=typed[:40])
    return 0


def _codes(row: dict[str, str], name: str, kind: type[Code], faults: Faults) -> frozenset[Code]:
    known = {each.value: each for each in kind}
    typed = row[name].split()
    for code in typed:
        if code not in known:
            faults.add(f"/{name}", "evaluation.venue.code", text=code[:40])
    return frozenset(known[code] for code in typed if code in known)


def _day(row: dict[str, str], name: str, faults: Faults) -> date | None:
    typed = row[name].strip()
    if not typed:
        return None
    try:
        return date.fromisoformat(typed)
    except ValueError:
        faults.add(f"/{name}", "evaluation.venue.day", text=typed[:40])
        return None


def write(venues: Iterable[Venue]) -> bytes:
    """The same table, one row a venue."""
    lines = _Lines()
    table = csv.writer(lines, lineterminator="\r\n")
    table.writerow(COLUMNS)
    table.writerows(_row(venue) for venue in venues)
    return "".join(lines.written).encode("utf-8-sig")


class _Lines:
    """What `csv` writes to."""

    def __init__(self) -> None:
        self.written: list[str] = []

    def write(self, line: str) -> int:
        self.written.append(line)
        return len(line)


def _row(venue: Venue) -> Sequence[str]:
    return (
        venue.id,
        venue.name,
        venue.province,
        str(venue.stations),
        venue.opening.text,
        YES if venue.overnight else NO,
        venue.fee.in_yuan(),
        venue.meals,
        venue.lodging,
        venue.way,
        " ".join(zone.value for zone in Zone if zone in venue.zones),
        " ".join(each.value for each in Coverage if each in venue.coverages),
        venue.agreement,
        venue.agreement_from.isoformat() if venue.agreement_from else "",
        venue.agreement_until.isoformat() if venue.agreement_until else "",
    )
