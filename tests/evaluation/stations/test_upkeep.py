"""Rooms and calibrations by table, with a dry run; what a lapsed calibration means; the history of a
booth (工位共享目录, 发改办法规〔2025〕807号; the numbers are proposals of the pack)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive.actor import Actor, Role
from archive.clock import SHANGHAI
from archive.errors import Kind, Refusal
from archive.office import Office
from evaluation.stations import service as stations
from evaluation.stations.inventory import rooms
from evaluation.stations.inventory import service as inventory
from evaluation.stations.inventory.rooms import Needed
from evaluation.stations.slots import Part, day_of, slot_at, slot_of
from evaluation.stations.station import Cause, Equipment, GroupKey, Room, Venue
from evaluation.stations.upkeep import service as upkeep
from evaluation.stations.upkeep.calibrations import Calibration
from tests.builders import STAFF_2, START, make_office

HERE, THERE = "532901", "530102"
SYSTEM = Actor("system", frozenset({Role.SYSTEM}))
STAFF = Actor("staff", frozenset({Role.STAFF}), centre_id=HERE)
VENUE = Venue(HERE, False, (Room("A", Equipment.BASIC, 2), Room("B", Equipment.CAD, 1)))
BASIC = GroupKey(HERE, Equipment.BASIC)
TODAY = START.astimezone(SHANGHAI).date()
CENTRES = {HERE, THERE}


def table(*rows: str) -> bytes:
    return "\r\n".join((",".join(rooms.COLUMNS), *rows)).encode()


def calibrations(*rows: str) -> bytes:
    return "\r\n".join(("centre,station,done_on,valid_until,certificate", *rows)).encode()


venues = st.builds(
    Venue,
    st.just(HERE),
    st.booleans(),
    st.lists(
        st.builds(
            Room,
            st.from_regex(r"[A-Z]{1,3}[0-9]?", fullmatch=True),
            st.sampled_from(Equipment),
            st.integers(1, 99),
        ),
        min_size=1,
        max_size=5,
        unique_by=lambda room: room.name,
    ).map(tuple),
)


class TestRoomsTable:
    """One row a room; what stands already is not taken away."""

    @given(venues)
    def test_what_is_written_is_read_and_adds_nothing(self, venue: Venue) -> None:
        dry, addition = rooms.read(rooms.write([venue]), {HERE: venue}, CENTRES, {})
        assert not dry.faults
        assert (addition.venues, addition.stations) == ((), 0)
        dry, addition = rooms.read(rooms.write([venue]), {}, CENTRES, {})
        assert addition.venues == (venue,)
        assert addition.stations == sum(room.stations for room in venue.rooms)

    def test_every_fault_stands_at_its_row_and_column(self) -> None:
        content = table(
            f"{HERE},no,A,BASIC,1",
            f"{HERE},yes,B,DUAL,2",
            f"{THERE},maybe,C,HUGE,many",
            "999999,no,D-1,BASIC,100",
            f"{HERE},no,E,BASIC,3",
            f"{HERE},no,E,BASIC,3",
        )
        dry, addition = rooms.read(
            content, {HERE: VENUE}, CENTRES, {BASIC: Needed(2, frozenset({"A-02"}))}
        )
        found = {(one.row, one.column): one.fault.code.rpartition(".")[2] for one in dry.faults}
        assert found == {
            (2, "stations"): "booth_held",
            (3, "equipment"): "class_stays",
            (3, "overnight"): "overnight_differs",
            (4, "equipment"): "code",
            (4, "overnight"): "yes_no",
            (4, "stations"): "number",
            (5, "centre"): "centre_unknown",
            (5, "room"): "room_name",
            (5, "stations"): "room_size",
            (6, "room"): "room_twice",
            (7, "room"): "room_twice",
        }
        assert (dry.rows, addition.venues) == ((), ())

    def test_nights_are_not_taken_away(self) -> None:
        known = Venue(HERE, True, VENUE.rooms)
        dry, _ = rooms.read(table(f"{HERE},no,A,BASIC,2"), {HERE: known}, CENTRES, {})
        assert [one.fault.code for one in dry.faults] == ["evaluation.station.overnight_stays"]


def promise(needed: Needed) -> inventory.Promises:
    """What has been promised of the basic booths."""
    return lambda _: {BASIC: needed}


def nobody(_: object) -> dict[GroupKey, Needed]:
    """No seat has been promised."""
    return {}


@pytest.fixture
def office(tmp_path: Path, database_url: str) -> Iterator[Office]:
    made = make_office(tmp_path, database_url)
    with made.write() as tx:
        stations.install(tx, SYSTEM, [VENUE])
    yield made
    made.connections.dispose()


class TestInventory:
    def test_rooms_are_added_and_enlarged(self, office: Office) -> None:
        content = table(f"{HERE},yes,A,BASIC,3", f"{HERE},yes,B,CAD,1", f"{HERE},yes,C,DUAL,4")
        with office.read() as db:
            _, addition = inventory.dry_run(db, STAFF, content, CENTRES, nobody)
            assert (addition.stations, addition.unchanged) == (5, 1)
            assert stations.installed(db) == (VENUE,)
        with office.write() as tx:
            inventory.import_rooms(tx, STAFF, content, CENTRES, nobody)
            inventory.import_rooms(tx, SYSTEM, table(f"{THERE},no,Z,BASIC,2"), CENTRES, nobody)
        with office.read() as db:
            assert stations.labels(db, BASIC) == ("A-01", "A-02", "A-03")
            assert inventory.export_rooms(db, HERE) == rooms.write(
                [
                    Venue(
                        HERE,
                        True,
                        (
                            Room("A", Equipment.BASIC, 3),
                            Room("B", Equipment.CAD, 1),
                            Room("C", Equipment.DUAL, 4),
                        ),
                    )
                ]
            )
            night = slot_of(TODAY, Part.NIGHT)
            assert stations.capacity_in(db, [night]).of(BASIC, night) == 3
        with pytest.raises(Refusal) as refused, office.write() as tx:
            inventory.import_rooms(tx, STAFF, content, CENTRES, nobody)
        assert refused.value.code == "evaluation.station.nothing_new"

    def test_a_faulty_table_and_a_strangers_change_nothing(self, office: Office) -> None:
        faulty = table(f"{HERE},no,C,BASIC,3", f"{HERE},no,A,BASIC,0")
        with pytest.raises(Refusal) as refused, office.write() as tx:
            inventory.import_rooms(tx, STAFF, faulty, CENTRES, nobody)
        assert [fault.pointer for fault in refused.value.faults] == ["/rows/3/stations"]
        with pytest.raises(Refusal) as refused, office.write() as tx:
            inventory.import_rooms(tx, STAFF_2, table(f"{THERE},no,C,BASIC,3"), CENTRES, nobody)
        assert refused.value.kind is Kind.FORBIDDEN
        with office.read() as db:
            assert stations.installed(db) == (VENUE,)

    def test_a_room_gets_smaller_where_nobody_was_promised_its_booths(self, office: Office) -> None:
        """The booths with the highest numbers go; their history stays, and they may come back."""
        smaller = table(f"{HERE},no,A,BASIC,1")
        with office.write() as tx:
            stations.close_station(tx, STAFF, HERE, "A-02", slot_of(TODAY, Part.AM), 10**7, "坏")
        for needed, code in (
            (Needed(2), "room_booked"),
            (Needed(1, frozenset({"A-02"})), "booth_held"),
        ):
            with pytest.raises(Refusal) as refused, office.write() as tx:
                inventory.import_rooms(tx, STAFF, smaller, CENTRES, promise(needed))
            assert [f.code for f in refused.value.faults] == [f"evaluation.station.{code}"]
        with office.write() as tx:
            held = promise(Needed(1, frozenset({"A-01"})))
            done = inventory.import_rooms(tx, STAFF, smaller, CENTRES, held)
            assert (done.stations, done.removed) == (0, 1)
        with office.read() as db:
            assert stations.labels(db, BASIC) == ("A-01",)
            assert inventory.export_rooms(db, HERE).count(b"A,BASIC,1") == 1
            assert len(upkeep.outages(db, HERE, "A-02")) == 1
        with pytest.raises(Refusal), office.write() as tx:
            stations.close_station(tx, STAFF, HERE, "A-02", 1, 2, "坏")
        with office.write() as tx:
            inventory.import_rooms(tx, STAFF, table(f"{HERE},no,A,BASIC,3"), CENTRES, nobody)
        with office.read() as db:
            assert stations.labels(db, BASIC) == ("A-01", "A-02", "A-03")


class TestCalibrations:
    def test_a_lapsed_booth_is_given_to_nobody(self, office: Office) -> None:
        """Rule `stations.calibration_closes`: up to the last good day, and from the next on not."""
        last = TODAY + timedelta(days=1)
        with office.write() as tx:
            one = Calibration(HERE, "A-01", TODAY, last, "JZ-1")
            upkeep.calibrate(tx, STAFF, one)
        good, bad = slot_of(last, Part.PM), slot_of(last, Part.NIGHT) + 1
        with office.read() as db:
            assert stations.open_booths(db, BASIC, [good]) == ("A-01", "A-02")
            assert stations.open_booths(db, BASIC, [bad]) == ("A-02",)
            free = stations.capacity_in(db, [good, bad])
            assert (free.of(BASIC, good), free.of(BASIC, bad)) == (2, 1)
        with office.write() as tx:
            again = Calibration(HERE, "A-01", TODAY - timedelta(days=1), day_of(bad), "JZ-0")
            upkeep.calibrate(tx, STAFF, again)
        with office.read() as db:
            assert stations.open_booths(db, BASIC, [bad]) == ("A-01", "A-02")
            assert [c.certificate for c in upkeep.calibrations(db, HERE, "A-01")] == [
                "JZ-1",
                "JZ-0",
            ]
            assert upkeep.conditions(db, START) == {HERE: upkeep.Condition(1, 1, 0)}

    def test_by_table_all_faults_or_all_rows(self, office: Office) -> None:
        good = f"{HERE},A-01,{TODAY - timedelta(days=9)},{TODAY},JZ-7"
        bad = (
            f"{HERE},Z-01,{TODAY},{TODAY},JZ-8",
            f"{HERE},A-02,{TODAY},{TODAY - timedelta(days=1)},",
            f"{HERE},A-02,{TODAY + timedelta(days=1)},2026-02-30,JZ-9",
            f"{HERE},A-01,{TODAY - timedelta(days=9)},{TODAY},=1+1",
        )
        with office.read() as db:
            dry = upkeep.dry_run(db, STAFF, calibrations(good, *bad), START)
            found = {(one.row, one.column): one.fault.code.rpartition(".")[2] for one in dry.faults}
            assert found == {
                (3, "station"): "unknown",
                (4, "valid_until"): "calibration_order",
                (4, "certificate"): "certificate",
                (5, "valid_until"): "day",
                (6, "certificate"): "formula",
                (6, "done_on"): "calibrated_twice",
            }
        with pytest.raises(Refusal), office.write() as tx:
            upkeep.import_calibrations(tx, STAFF, calibrations(good, *bad))
        with office.write() as tx:
            assert upkeep.import_calibrations(tx, STAFF, calibrations(good)) == 1
        with office.read() as db:
            assert upkeep.export_calibrations(db, HERE).decode("utf-8-sig").splitlines()[1] == good

    @pytest.mark.parametrize(
        ("label", "done", "until", "kind"),
        [
            ("A-01", TODAY + timedelta(days=1), TODAY + timedelta(days=2), Kind.INVALID),
            ("A-01", TODAY, date(9999, 12, 31), Kind.INVALID),
            ("Z-01", TODAY, TODAY, Kind.NOT_FOUND),
        ],
    )
    def test_what_cannot_be(
        self, office: Office, label: str, done: date, until: date, kind: Kind
    ) -> None:
        with pytest.raises(Refusal) as refused, office.write() as tx:
            upkeep.calibrate(tx, STAFF, Calibration(HERE, label, done, until, "JZ"))
        assert refused.value.kind is kind


class TestHistory:
    def test_faults_and_maintenance_stay_on_file(self, office: Office) -> None:
        """One that was mended within its half-day counts as well."""
        now = slot_at(START)
        with office.write() as tx:
            broken = stations.close_station(tx, STAFF, HERE, "A-01", now, now + 3, "断电")
            stations.close_station(
                tx, STAFF, HERE, "A-01", now + 6, now + 7, "保养", Cause.MAINTENANCE
            )
        with office.write() as tx:
            stations.reopen_station(tx, STAFF, broken.id, now)
        with office.read() as db:
            assert stations.open_booths(db, BASIC, [now]) == ("A-01", "A-02")
            found = {one.reason: one for one in upkeep.outages(db, HERE, "A-01")}
            assert found["断电"].reopened_by == STAFF.id
            assert found["保养"].reopened_at is None
            assert upkeep.faults(db, START) == {(HERE, "A-01"): 1}
            assert upkeep.faults(db, START + timedelta(days=400)) == {}
