"""The shared directory: entries, tables, hours and agreements."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive.actor import Actor, Role
from archive.errors import Kind, Refusal
from archive.office import Office
from evaluation.stations import service as stations
from evaluation.stations.opening import ALWAYS, Opening, read_opening
from evaluation.stations.slots import Part, slot_of, slots_on
from evaluation.stations.station import Equipment, GroupKey, Room
from evaluation.stations.station import Venue as Installed
from evaluation.venues import service, sheet
from evaluation.venues.venue import Coverage, Venue, Zone, offered
from tests.builders import make_office
from trading.money import Money
from trading.spreadsheet import Dry

OWN = "53"
SATURDAY, MONDAY = date(2026, 10, 24), date(2026, 10, 26)
OFFICE_HOURS = read_opening("1-5:AM PM")
HERE = Venue(
    id="532901",
    name="大理州公共资源交易中心(示例)",
    province=OWN,
    stations=20,
    opening=OFFICE_HOURS,
    overnight=False,
    fee=Money.yuan("120.50"),
    meals="餐费每餐30元",
    lodging="",
    way="示例路1号",
    zones=frozenset(Zone),
    coverages=frozenset(Coverage),
)
THERE = replace(
    HERE,
    id="42-0001",
    province="42",
    name="示例外省中心",
    agreement="示例协议",
    agreement_from=date(2026, 1, 1),
    agreement_until=date(2026, 10, 25),
    division="420100",
    lon=114.3,
    lat=30.6,
)

openings = st.lists(st.frozensets(st.sampled_from(Part)), min_size=7, max_size=7).map(
    lambda parts: Opening(tuple(parts))
)


class TestOpening:
    """Hours by weekday and part of the day."""

    @given(openings.filter(lambda opening: any(opening.parts)))
    def test_what_is_written_is_read(self, opening: Opening) -> None:
        assert read_opening(opening.text) == opening

    @pytest.mark.parametrize("text", ["", "1-5", "1:", "8:AM", "5-1:AM", "1:AM; 1:PM", "1:DAWN"])
    def test_what_is_none_is_refused(self, text: str) -> None:
        with pytest.raises(ValueError):
            read_opening(text)

    def test_a_closed_slot_is_closed(self) -> None:
        assert not OFFICE_HOURS.holds(slot_of(SATURDAY, Part.AM))
        assert OFFICE_HOURS.holds(slot_of(MONDAY, Part.PM))
        assert not OFFICE_HOURS.holds(slot_of(MONDAY, Part.NIGHT))
        assert ALWAYS.holds(slot_of(SATURDAY, Part.NIGHT))


class TestAgreements:
    """Seats of another province need an agreement in force (发改办法规〔2025〕807号)."""

    def test_until_the_last_day(self) -> None:
        assert offered([THERE, HERE], date(2026, 10, 25), OWN) == [HERE, THERE]
        assert offered([THERE, HERE], date(2026, 10, 26), OWN) == [HERE]
        assert offered([THERE, HERE], date(2025, 12, 31), OWN) == [HERE]


class TestTables:
    """Import with a dry run: all faults by row, and nothing half done."""

    def test_what_is_written_is_read(self) -> None:
        dry = sheet.read(sheet.write([HERE, THERE]), OWN)
        assert dry == Dry((HERE, THERE), ())

    def test_every_fault_stands_at_its_row_and_column(self) -> None:
        bad = replace(HERE, id="532901", province="99", stations=2000)
        rows = sheet.write([HERE, replace(THERE, agreement=""), bad]).decode("utf-8-sig")
        rows += "x,y,53,viele,9:AM,perhaps,1.234,,,,CELLAR,,,,2026-02-30,,,\r\n"
        found = {(f.row, f.column): f.fault.code for f in sheet.read(rows.encode(), OWN).faults}
        assert found == {
            (3, "agreement"): "evaluation.venue.agreement_needed",
            (4, "province"): "evaluation.venue.province",
            (4, "stations"): "evaluation.venue.stations",
            (4, "agreement"): "evaluation.venue.agreement_needed",
            (4, "division"): "evaluation.venue.division",
            (4, "lon"): "evaluation.venue.point",
            (4, "id"): "evaluation.venue.twice",
            (5, "stations"): "trading.table.number",
            (5, "opening"): "evaluation.venue.opening",
            (5, "overnight"): "trading.table.yes_no",
            (5, "fee"): "trading.table.number",
            (5, "zones"): "trading.table.code",
            (5, "agreement_until"): "trading.table.day",
        }

    def test_no_cell_begins_a_formula(self) -> None:
        dry = sheet.read(sheet.write([replace(HERE, meals="=1+1")]), OWN)
        assert [(f.column, f.fault.code) for f in dry.faults] == [
            ("meals", "trading.table.formula")
        ]

    @pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"a,b\r\n1,2\r\n", b"id\x00"])
    def test_what_is_no_such_table_is_one_fault(self, content: bytes) -> None:
        dry = sheet.read(content, OWN)
        assert not dry.rows
        assert [fault.row for fault in dry.faults] == [1]


class TestStandard:
    """五大功能区、三个全覆盖, a checklist."""

    def test_what_is_missing_is_named(self) -> None:
        assert HERE.meets_standard
        less = replace(HERE, zones=HERE.zones - {Zone.WAITING}, coverages=frozenset())
        assert less.missing == (Zone.WAITING, *Coverage)


@pytest.fixture
def office(tmp_path: Path, database_url: str) -> Iterator[Office]:
    made = make_office(tmp_path, database_url)
    yield made
    made.connections.dispose()


class TestPublished:
    """Entries are the centres' own, and their hours hold for the planner."""

    def test_hours_hold_and_strangers_are_refused(self, office: Office) -> None:
        staff = Actor("staff", frozenset({Role.STAFF}), centre_id=HERE.id)
        system = Actor("system", frozenset({Role.SYSTEM}))
        with office.write() as tx:
            venue = Installed(HERE.id, True, (Room("A", Equipment.BASIC, 2),))
            stations.install(tx, system, [venue])
            service.publish(tx, staff, [HERE])
        with pytest.raises(Refusal) as refused, office.write() as tx:
            service.publish(tx, staff, [THERE])
        assert refused.value.kind is Kind.FORBIDDEN
        assert service.try_sheet(staff, sheet.write([HERE])).rows == (HERE,)
        with pytest.raises(Refusal) as refused:  # a trial promises nothing that is refused later
            service.try_sheet(staff, sheet.write([THERE]))
        assert refused.value.kind is Kind.FORBIDDEN
        with office.read() as db:
            assert service.directory(db) == (HERE,)
            assert service.fees(db) == {HERE.id: HERE.fee}
            free = stations.capacity_in(db, slots_on([SATURDAY, MONDAY]))
        group = GroupKey(HERE.id, Equipment.BASIC)
        assert [free.of(group, slot) for slot in slots_on([SATURDAY, MONDAY])] == [0, 0, 0, 2, 2, 0]

    def test_a_faulty_table_changes_nothing(self, office: Office) -> None:
        system = Actor("system", frozenset({Role.SYSTEM}))
        content = sheet.write([HERE, replace(THERE, agreement_until=date(2020, 1, 1))])
        with pytest.raises(Refusal) as refused, office.write() as tx:
            service.publish_sheet(tx, system, content)
        assert [f.pointer for f in refused.value.faults] == ["/rows/3/agreement_until"]
        with office.read() as db:
            assert service.directory(db) == ()
