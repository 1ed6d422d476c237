"""Lists of experts: every fault by row, identity first, there and back, all or none."""

import csv
import io
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive.errors import Kind, Refusal
from archive.office import Office
from experts.pool import service as pool
from experts.pool.expert import Expert, Term
from experts.pool.rolls import service as rolls
from experts.pool.rolls.roll import HEADINGS, ROWS_MAX, Known, Roll, parse, table_of
from experts.specialties import catalogue
from tests.builders import POOL_OFFICE, STAFF, make_office
from tests.experts.world import (
    AGENCY,
    TENDERER,
    TODAY,
    employer,
    make_expert,
    make_pool,
    organisations,
)
from trading.parties import service as parties

NAMES = {each.uscc: each.name for each in organisations()}
FULL = replace(
    make_expert(1, specialties=("A060101", "C1210")),
    past_employers=((employer(8), date(2024, 2, 3)),),
    past_board_seats=((employer(9), date(2025, 2, 3)),),
    board_seats=(employer(10), employer(11)),
    controlled_units=(employer(12),),
    specialty_terms=(Term("C1210", date(2025, 1, 1), date(2027, 1, 1)),),
    certified_until=date(2027, 5, 6),
    pool="520000",
)


def read(table: list[list[str]], experts: list[Expert] | None = None) -> Roll:
    return parse(table, Known(experts or [], NAMES), catalogue(), TODAY)


def changed(**cells: str) -> list[list[str]]:
    """The table of one sound expert with some cells changed."""
    table = table_of([make_expert(1)], NAMES)
    heading = [*table[0], HEADINGS["resident_id"], HEADINGS["distinct"]]
    row = [*table[1], "", ""]
    for name, text in cells.items():
        row[heading.index(HEADINGS[name])] = text
    return [heading, row]


def faults(
    table: list[list[str]], experts: list[Expert] | None = None
) -> set[tuple[int, str, str]]:
    found = read(table, experts)
    return {(f.row, f.column, f.code.removeprefix("experts.")) for f in found.faults}


class TestReading:
    def test_there_and_back(self) -> None:
        listed = [FULL, *make_pool(20)[2:]]
        found = read(table_of(listed, NAMES))
        assert found.faults == ()
        assert [
            replace(e, gender=x.gender) for e, x in zip(found.experts, listed, strict=True)
        ] == listed

    @pytest.mark.parametrize(
        ("cells", "column", "code"),
        [
            ({"id": "X 1"}, "id", "expert.id"),
            ({"id": ""}, "id", "roll.missing"),
            ({"name": ""}, "name", "roll.missing"),
            ({"gender": "M"}, "gender", "roll.gender"),
            ({"born": "1970-02-30"}, "born", "roll.date"),
            ({"born": "2030-01-01"}, "born", "expert.born"),
            ({"employer_uscc": "91532901XN00000019"}, "employer_uscc", "expert.uscc"),
            ({"past_employers": employer(3)}, "past_employers", "roll.pair"),
            ({"past_employers": f"{employer(3)}:昨天"}, "past_employers", "roll.date"),
            ({"specialties": "A0801"}, "specialties", "specialty.not_leaf"),
            ({"specialties": "土建"}, "specialties", "roll.term"),
            ({"specialties": "C1210(2027-01-01~2026-01-01)"}, "specialties", "expert.term_order"),
            ({"home_division": "530100"}, "home_division", "expert.home"),
            ({"title_level": "教授"}, "title_level", "roll.title"),
            ({"field_years": "十二"}, "field_years", "roll.whole"),
            ({"enrolled_on": "2027-01-01"}, "enrolled_on", "expert.enrolled_on"),
            ({"pool": "5301"}, "pool", "expert.pool"),
            ({"resident_id": "530102197001020012"}, "resident_id", "roll.resident_id"),
            ({"employer_uscc": TENDERER, "employer_name": "别家示例公司"}, "employer_name", "roll.employer_name"),
            ({"employer_name": NAMES[AGENCY]}, "employer_uscc", "roll.employer_code"),
        ],
    )  # fmt: skip
    def test_a_planted_fault_is_found_where_it_is(
        self, cells: dict[str, str], column: str, code: str
    ) -> None:
        found = faults(changed(**cells))
        assert (2, HEADINGS[column], code) in found
        assert {row for row, _, _ in found} == {2}

    def test_all_faults_of_all_rows(self) -> None:
        table = changed(name="", born="x", field_years="y")
        table.append([*changed(id="E0009", title_level="z")[1]])
        assert {(row, column) for row, column, _ in faults(table)} >= {
            (2, "姓名"), (2, "出生日期"), (2, "从业年限"), (3, "职称"),
        }  # fmt: skip

    def test_headings(self) -> None:
        table = table_of([make_expert(1)], NAMES)
        table[0][0] = "序号"
        assert faults(table) == {(1, "序号", "roll.heading_unknown"), (1, "编号", "roll.heading")}

    def test_identity_numbers_are_checked_and_forgotten(self) -> None:
        """GB 11643; the number itself appears in no fault."""
        number = "53010219700102001X"
        from stdnum.cn import ric

        number = number[:17] + ric.calc_check_digit(number)
        sound = changed(resident_id=number, born="1970-01-02", gender="男")
        assert faults(sound) == set()
        wrong = changed(resident_id=number, born="1970-01-03", gender="女")
        found = read(wrong)
        assert {f.code for f in found.faults} == {
            "experts.roll.resident_born",
            "experts.roll.resident_gender",
        }
        twice = [*sound, [*sound[1]]]
        twice[2][0] = "E0077"
        found = read(twice)
        assert (3, "experts.roll.resident_twice") in {(f.row, f.code) for f in found.faults}
        assert number not in repr(found.faults)

    def test_identity_comes_first(self) -> None:
        """In the pool already, or in an earlier row, under another id; and said to be another."""
        held = make_expert(30, name=make_expert(1).name, born=make_expert(1).born)
        assert faults(changed(), [held]) == {(2, "姓名", "roll.alike")}
        assert faults(changed(distinct="是"), [held]) == set()
        twice = [*changed(), [*changed(id="E0077")[1]]]
        assert faults(twice) == {(3, "姓名", "roll.alike")}
        assert faults(changed(), [make_expert(1)]) == {(2, "编号", "expert.taken")}

    def test_too_many_rows(self) -> None:
        table = [*changed()] + [[""]] * ROWS_MAX
        assert faults(table) == {(1, "", "roll.rows")}

    @given(st.lists(st.lists(st.text(max_size=6), max_size=22), min_size=1, max_size=4))
    def test_no_table_makes_it_fall(self, rows: list[list[str]]) -> None:
        found = read([list(HEADINGS.values()), *rows])
        assert len(found.experts) <= found.rows
        assert all(1 <= f.row <= len(rows) + 1 for f in found.faults)


def sheet_of(table: list[list[str]]) -> bytes:
    book = openpyxl.Workbook()
    for row in table:
        book.active.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def csv_of(table: list[list[str]], encoding: str = "utf-8-sig") -> bytes:
    out = io.StringIO(newline="")
    csv.writer(out).writerows(table)
    return out.getvalue().encode(encoding)


class TestFiles:
    TABLE = table_of([FULL, make_expert(3)], NAMES)

    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
    def test_csv(self, encoding: str) -> None:
        assert rolls.read_table(csv_of(self.TABLE, encoding)) == self.TABLE

    def test_xlsx(self) -> None:
        assert rolls.read_table(sheet_of(self.TABLE)) == self.TABLE

    def test_xlsx_with_dates_and_numbers(self) -> None:
        book = openpyxl.Workbook()
        book.active.append(["出生日期", "从业年限"])
        book.active.append([date(1970, 1, 2), 12])
        out = io.BytesIO()
        book.save(out)
        assert rolls.read_table(out.getvalue())[1] == ["1970-01-02", "12"]

    @pytest.mark.parametrize("content", [b"", b"PK\x03\x04 broken", b"\xff\xfe\x00", b"\x00\x01"])
    def test_what_is_no_table(self, content: bytes) -> None:
        with pytest.raises(Refusal) as refused:
            rolls.read_table(content)
        assert refused.value.code == "experts.roll.file"

    def test_too_big(self) -> None:
        with pytest.raises(Refusal) as refused:
            rolls.read_table(b"x" * (rolls.CONTENT_BYTES_MAX + 1))
        assert refused.value.code == "experts.roll.big"


class TestImport:
    @pytest.fixture
    def office(self, tmp_path: Path, database_url: str) -> Iterator[Office]:
        made = make_office(tmp_path, database_url)
        with made.write() as tx:
            parties.register_organisations(tx, STAFF, organisations())
            pool.enrol_many(tx, POOL_OFFICE, make_pool(4))
        yield made
        made.connections.dispose()

    def send(self, office: Office, content: bytes) -> str:
        with office.write() as tx:
            return rolls.dry_run(tx, POOL_OFFICE, "名册.xlsx", content)

    def test_a_dry_run_changes_nothing(self, office: Office) -> None:
        with office.read() as db:
            version = pool.columns(db).version
        roll_id = self.send(office, csv_of(table_of([make_expert(3), make_expert(9)], NAMES)))
        with office.read() as db:
            found = rolls.waiting(db, roll_id, TODAY)
            assert [(f.row, f.code) for f in found.roll.faults] == [(2, "experts.expert.taken")]
            assert (pool.size(db), pool.columns(db).version) == (4, version)
        with pytest.raises(Refusal) as refused, office.write() as tx:
            rolls.take_in(tx, POOL_OFFICE, roll_id)
        assert refused.value.kind is Kind.CONFLICT
        with office.read() as db:
            assert pool.size(db) == 4

    def test_a_sound_file_is_taken_in_whole_and_forgotten(self, office: Office) -> None:
        listed = [make_expert(n) for n in range(20, 40)]
        roll_id = self.send(office, sheet_of(table_of(listed, NAMES)))
        with office.write() as tx:
            assert rolls.take_in(tx, POOL_OFFICE, roll_id) == 20
        with office.read() as db:
            assert pool.expert(db, "E0025") == make_expert(25)
            with pytest.raises(Refusal):
                rolls.waiting(db, roll_id, TODAY)

    def test_judged_against_the_pool_as_it_then_is(self, office: Office) -> None:
        roll_id = self.send(office, csv_of(table_of([make_expert(9)], NAMES)))
        with office.write() as tx:
            pool.enrol_many(tx, POOL_OFFICE, [make_expert(9)])
        with pytest.raises(Refusal) as refused, office.write() as tx:
            rolls.take_in(tx, POOL_OFFICE, roll_id)
        assert refused.value.code == "experts.roll.invalid"

    def test_exports_are_imports(self, office: Office) -> None:
        with office.read() as db:
            experts = pool.columns(db).experts
            for content in (rolls.export_csv(db, experts), rolls.export_xlsx(db, experts)):
                again = read(rolls.read_table(content))
                assert again.experts == experts

    def test_nothing_exported_is_a_formula(self, office: Office) -> None:
        evil = make_expert(1, name="=cmd()")
        with office.read() as db:
            assert b"'=cmd()" in rolls.export_csv(db, [evil])
            book = openpyxl.load_workbook(io.BytesIO(rolls.export_xlsx(db, [evil])))
            cell = book.active.cell(2, 2)
            assert (cell.value, cell.data_type) == ("=cmd()", "s")

    def test_not_by_a_centres_staff(self, office: Office) -> None:
        with pytest.raises(Refusal) as refused, office.write() as tx:
            rolls.dry_run(tx, STAFF, "x", csv_of(changed()))
        assert refused.value.kind is Kind.FORBIDDEN
