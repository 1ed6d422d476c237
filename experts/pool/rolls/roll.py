"""A list of experts as a table (名册): one row an expert, read with every fault by row, and written.

Headings are Chinese; each row says what an enrolment must say (`experts.pool.expert.check`). Several
values of a cell are parted by blanks, commas or semicolons; what is past reads `code:day`, a specialty
that is limited in time `code(first day~last day)`. A resident identity number, where the table has
one, is checked against birthday and sex and for doubles, and then forgotten: the pool keeps none.

Identity comes first: a row that may be somebody who is in the pool, or in an earlier row, is a fault
until the table itself says that it is somebody else; so is an employer whose name and code belong to
two different companies.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from archive.errors import Fault, Faults, Param, Refusal
from experts.identities.companies import name_key
from experts.identities.persons import alike, person_key
from experts.pool.expert import Expert, Term, Title, check
from experts.specialties import Catalogue
from trading.divisions import yunnan
from trading.identifiers import resident_id_fault

ROWS_MAX = 20_000
CELL_CHARACTERS_MAX = 2_000

TITLES: Mapping[str, Title] = {
    "无": Title.NONE,
    "初级": Title.JUNIOR,
    "中级": Title.MIDDLE,
    "副高级": Title.SENIOR,
    "正高级": Title.FULL,
}
HEADINGS: Mapping[str, str] = {
    "id": "编号",
    "name": "姓名",
    "gender": "性别",
    "born": "出生日期",
    "resident_id": "身份证号",
    "employer_name": "工作单位",
    "employer_uscc": "单位代码",
    "past_employers": "曾任职单位",
    "board_seats": "任董事监事单位",
    "past_board_seats": "曾任董事监事单位",
    "controlled_units": "本人控股单位",
    "declared_units": "申报回避单位",
    "specialties": "评标专业",
    "home_division": "常住地",
    "title_level": "职称",
    "field_years": "从业年限",
    "enrolled_on": "入库日期",
    "certified_until": "聘期至",
    "pool": "所属专家库",
    "distinct": "确认非重复",
}
"""Columns by the name of the field, in the order in which they are written."""
OPTIONAL = frozenset(
    {
        "resident_id", "employer_name", "past_employers", "board_seats", "past_board_seats",
        "controlled_units", "declared_units", "certified_until", "pool", "distinct",
    }
)  # fmt: skip
YES = "是"
_PARTS = re.compile(r"[\s,\uff0c;\uff1b、]+")
_TERM = re.compile(r"([A-Z0-9]{3,7})(?:[(\uff08]([0-9-]*)[~\uff5e]([0-9-]*)[)\uff09])?")
_COLUMN_OF: Mapping[str, str] = {"specialty_terms": "specialties", "units": "employer_uscc"}


@dataclass(frozen=True)
class RowFault:
    """One fault: the row as a reader counts them (the heading is row 1), the column's heading, and
    what is wrong. Row 1 stands for the table itself."""

    row: int
    column: str
    code: str
    params: Mapping[str, Param] = field(default_factory=dict)


@dataclass(frozen=True)
class Known:
    """What the pool knows already: experts, and names of organisations by code."""

    experts: Sequence[Expert]
    names: Mapping[str, str]


@dataclass(frozen=True)
class Roll:
    """A table as it was understood: the experts of all rows without faults, and all faults."""

    rows: int
    experts: tuple[Expert, ...]
    faults: tuple[RowFault, ...]


@dataclass
class _Row:
    """A row that is being read."""

    number: int
    cells: Mapping[str, str]
    faults: list[RowFault]

    def fault(self, column: str, code: str, **params: Param) -> None:
        self.faults.append(RowFault(self.number, HEADINGS[column], code, params))

    def text(self, column: str) -> str:
        found = self.cells.get(column, "").strip()[:CELL_CHARACTERS_MAX]
        if not found and column not in OPTIONAL:
            self.fault(column, "experts.roll.missing", heading=HEADINGS[column])
        return found

    def parts(self, column: str) -> list[str]:
        return [part for part in _PARTS.split(self.text(column)) if part]

    def day(self, column: str) -> date | None:
        text = self.text(column)
        return self._day(column, text) if text else None

    def _day(self, column: str, text: str) -> date | None:
        try:
            return date.fromisoformat(text.replace("/", "-").replace(".", "-")[:10])
        except ValueError:
            self.fault(column, "experts.roll.date", value=text[:20])
            return None

    def whole(self, column: str) -> int:
        text = self.text(column)
        if text and not (text.isascii() and text.isdigit() and len(text) < 4):
            self.fault(column, "experts.roll.whole", value=text[:20])
            return 0
        return int(text or 0)

    def pairs(self, column: str) -> tuple[tuple[str, date], ...]:
        found = []
        for part in self.parts(column):
            uscc, colon, text = part.replace("\uff1a", ":").partition(":")
            until = self._day(column, text) if colon else None
            if not colon:
                self.fault(column, "experts.roll.pair", value=part[:40])
            elif until is not None:
                found.append((uscc, until))
        return tuple(found)

    def specialties(self) -> tuple[tuple[str, ...], tuple[Term, ...]]:
        codes, terms = set(), []
        for part in self.parts("specialties"):
            matched = _TERM.fullmatch(part)
            if matched is None:
                self.fault("specialties", "experts.roll.term", value=part[:40])
                continue
            code, since, last = matched.groups()
            codes.add(code)
            begins = self._day("specialties", since) if since else None
            ends = self._day("specialties", last) if last else None
            if begins or ends:
                terms.append(Term(code, begins, ends + timedelta(days=1) if ends else None))
        return tuple(sorted(codes)), tuple(sorted(terms, key=lambda term: term.code))


def parse(table: Sequence[Sequence[str]], known: Known, within: Catalogue, today: date) -> Roll:
    """The experts of a table and all its faults. Nothing is decided here about taking them in."""
    if not 1 < len(table) <= ROWS_MAX + 1:
        params = {"count": max(0, len(table) - 1), "count_max": ROWS_MAX}
        return Roll(max(0, len(table) - 1), (), (RowFault(1, "", "experts.roll.rows", params),))
    columns, faults = _columns(table[0])
    rows = [
        (number, dict(zip(columns, cells, strict=False)))
        for number, cells in enumerate(table[1:], start=2)
        if any(cell.strip() for cell in cells)
    ]
    if any(fault.code == "experts.roll.heading" for fault in faults):
        return Roll(len(rows), (), tuple(faults))
    experts: list[Expert] = []
    seen = _Seen.of(known)
    for number, cells in rows:
        row = _Row(number, cells, [])
        expert = _expert(row, within, today)
        _check_resident(row, expert, seen)
        _check_identity(row, expert, seen)
        if not row.faults:
            experts.append(expert)
        faults += row.faults
    return Roll(len(rows), tuple(experts), tuple(faults))


def _columns(heading: Sequence[str]) -> tuple[list[str], list[RowFault]]:
    field_of = {word: name for name, word in HEADINGS.items()}
    faults, columns = [], []
    for word in (cell.strip() for cell in heading):
        name = field_of.get(word, "")
        if word and not name:
            faults.append(
                RowFault(1, word[:20], "experts.roll.heading_unknown", {"column": word[:20]})
            )
        if name and name in columns:
            faults.append(RowFault(1, word, "experts.roll.heading_twice", {"column": word}))
        columns.append(name)
    for name, word in HEADINGS.items():
        if name not in columns and name not in OPTIONAL:
            faults.append(RowFault(1, word, "experts.roll.heading", {"column": word}))
    return columns, faults


def _expert(row: _Row, within: Catalogue, today: date) -> Expert:
    """The expert of a row; where something is wrong, with a value that stands for it."""
    specialties, terms = row.specialties()
    gender, title = row.text("gender"), row.text("title_level")
    if gender and gender not in ("男", "女"):
        row.fault("gender", "experts.roll.gender", value=gender[:4])
    if title and title not in TITLES:
        row.fault("title_level", "experts.roll.title", value=title[:10])
    home = row.text("home_division")
    division = yunnan().get(home)
    made = Expert(
        id=row.text("id"),
        name=row.text("name"),
        gender=gender,
        born=row.day("born") or date(1900, 1, 1),
        employer_uscc=row.text("employer_uscc"),
        past_employers=row.pairs("past_employers"),
        board_seats=tuple(row.parts("board_seats")),
        declared_units=tuple(row.parts("declared_units")),
        specialties=specialties,
        home_division=home,
        lon=division.lon if division else 0,
        lat=division.lat if division else 0,
        title_level=TITLES.get(title, Title.NONE),
        field_years=row.whole("field_years"),
        enrolled_on=row.day("enrolled_on") or date(1900, 1, 1),
        past_board_seats=row.pairs("past_board_seats"),
        controlled_units=tuple(row.parts("controlled_units")),
        specialty_terms=terms,
        certified_until=row.day("certified_until"),
        pool=row.text("pool") or "530000",
    )
    said = {fault.column for fault in row.faults}
    for fault in _checked(made, within, today):
        name = fault.pointer.strip("/").partition("/")[0]
        column = _COLUMN_OF.get(name, name if name in HEADINGS else "id")
        if HEADINGS[column] not in said:
            row.fault(column, fault.code, **fault.params)
    return made


def _checked(expert: Expert, within: Catalogue, today: date) -> tuple[Fault, ...]:
    faults = Faults("experts.pool.invalid")
    check(expert, within, today, faults, "")
    try:
        faults.refuse()
    except Refusal as refusal:
        return refusal.faults
    return ()


@dataclass
class _Seen:
    """Whom the pool or an earlier row has: rows by id and identity number, experts by name."""

    rows: dict[str, int]
    residents: dict[str, int]
    by_name: dict[str, list[Expert]]
    names: Mapping[str, str]
    by_key: Mapping[str, str]

    @classmethod
    def of(cls, known: Known) -> _Seen:
        seen = cls({}, {}, {}, known.names, {name_key(n): c for c, n in known.names.items()})
        for expert in known.experts:
            seen.by_name.setdefault(person_key(expert.name), []).append(expert)
            seen.rows[expert.id] = 0
        return seen


def _check_resident(row: _Row, expert: Expert, seen: _Seen) -> None:
    number = row.text("resident_id").upper()
    if not number:
        return
    if resident_id_fault(number) is not None:
        row.fault("resident_id", "experts.roll.resident_id")
        return
    if number[6:14] != f"{expert.born:%Y%m%d}":
        row.fault("born", "experts.roll.resident_born")
    if expert.gender in ("男", "女") and (int(number[16]) % 2 == 1) != (expert.gender == "男"):
        row.fault("gender", "experts.roll.resident_gender")
    if number in seen.residents:
        row.fault("resident_id", "experts.roll.resident_twice", row=seen.residents[number])
    seen.residents.setdefault(number, row.number)


def _check_identity(row: _Row, expert: Expert, seen: _Seen) -> None:
    if expert.id in seen.rows:
        earlier = seen.rows[expert.id]
        if earlier:
            row.fault("id", "experts.roll.id_twice", expert=expert.id[:40], row=earlier)
        else:
            row.fault("id", "experts.expert.taken", expert=expert.id[:40])
    seen.rows.setdefault(expert.id, row.number)
    namesakes = seen.by_name.setdefault(person_key(expert.name), [])
    if row.text("distinct") != YES:
        for other in namesakes:
            if other.id != expert.id and alike(other, expert):
                row.fault("name", "experts.roll.alike", other=other.id)
                break
    namesakes.append(expert)
    _check_employer(row, expert, seen)


def _check_employer(row: _Row, expert: Expert, seen: _Seen) -> None:
    name = row.text("employer_name")
    if not name:
        return
    registered = seen.names.get(expert.employer_uscc)
    if registered is not None:
        if name_key(registered) != name_key(name):
            row.fault(
                "employer_name",
                "experts.roll.employer_name",
                uscc=expert.employer_uscc,
                name=registered,
            )
        return
    other = seen.by_key.get(name_key(name))
    if other is not None:
        row.fault("employer_uscc", "experts.roll.employer_code", name=seen.names[other], uscc=other)


# --- Writing ----------------------------------------------------------------------------------


def table_of(experts: Iterable[Expert], names: Mapping[str, str]) -> list[list[str]]:
    """The table that `parse` reads, of these experts; without identity numbers."""
    shown = [name for name in HEADINGS if name not in ("resident_id", "distinct")]
    title_of = {level: word for word, level in TITLES.items()}
    values: Mapping[str, Callable[[Expert], str]] = {
        "employer_name": lambda e: names.get(e.employer_uscc, ""),
        "past_employers": lambda e: _pairs_text(e.past_employers),
        "board_seats": lambda e: " ".join(e.board_seats),
        "past_board_seats": lambda e: _pairs_text(e.past_board_seats),
        "controlled_units": lambda e: " ".join(e.controlled_units),
        "declared_units": lambda e: " ".join(e.declared_units),
        "specialties": _specialties_text,
        "title_level": lambda e: title_of[e.title_level],
    }
    cells = [values.get(name, _plainly(name)) for name in shown]
    rows = [[cell(each) for cell in cells] for each in experts]
    return [[HEADINGS[name] for name in shown], *rows]


def _plainly(name: str) -> Callable[[Expert], str]:
    def plain(expert: Expert) -> str:
        found = getattr(expert, name)
        return "" if found is None else str(found)

    return plain


def _pairs_text(pairs: tuple[tuple[str, date], ...]) -> str:
    return " ".join(f"{uscc}:{until}" for uscc, until in pairs)


def _specialties_text(expert: Expert) -> str:
    terms = {term.code: term for term in expert.specialty_terms}
    texts = []
    for code in expert.specialties:
        term = terms.get(code)
        if term is None:
            texts.append(code)
        else:
            last = term.until - timedelta(days=1) if term.until else None
            texts.append(f"{code}({term.since or ''}~{last or ''})")
    return " ".join(texts)
