"""Slots, capacity and why a booth is always found; stations at work."""

from __future__ import annotations

from datetime import UTC, date, datetime
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archive.errors import Kind, Refusal
from archive.journal import service as journal
from archive.office import Office
from evaluation.seating.labels import Stay, draw_up_to
from evaluation.seating.problem import SeatKey
from evaluation.stations import service
from evaluation.stations.slots import (
    SLOTS_A_DAY,
    Part,
    day_of,
    days_touched,
    holds_night,
    is_run,
    part_of,
    slot_at,
    slot_of,
    slots_on,
    stay,
)
from evaluation.stations.station import (
    Closure,
    Equipment,
    GroupKey,
    Room,
    StationGroup,
    Venue,
    capacity_of,
    closed_labels,
    open_labels,
    reach,
    reserve_of,
)
from tests.builders import STAFF, SUPERVISOR, make_office

DAY = date(2026, 10, 21)
AM, PM, NIGHT = (slot_of(DAY, part) for part in Part)
GROUP = StationGroup("532901", Equipment.BASIC, False, ("A-01", "A-02"))
NIGHT_GROUP = StationGroup("532901", Equipment.BASIC, True, ("A-01", "A-02", "A-03"))


class TestSlots:
    def test_three_half_days_a_day_in_order(self) -> None:
        assert slots_on([DAY]) == (AM, PM, NIGHT)
        assert [day_of(AM), part_of(NIGHT)] == [DAY, Part.NIGHT]
        assert slot_of(date(2026, 10, 22), Part.AM) == NIGHT + 1

    @pytest.mark.parametrize(
        ("hour", "part"), [(1, Part.AM), (4, Part.AM), (5, Part.PM), (9, Part.PM), (10, Part.NIGHT)]
    )
    def test_a_moment_is_read_in_shanghai(self, hour: int, part: Part) -> None:
        assert slot_at(datetime(2026, 10, 21, hour, tzinfo=UTC)) == slot_of(DAY, part)

    def test_a_stay_of_three_half_days_holds_the_night_between(self) -> None:
        slots = stay(AM, 3)
        assert slots == (AM, PM, NIGHT, NIGHT + 1)
        assert holds_night(slots)
        assert days_touched(slots) == 2
        assert not holds_night(stay(AM, 2))

    def test_a_stay_without_work_is_refused(self) -> None:
        with pytest.raises(ValueError, match="at least one"):
            stay(AM, 0)

    def test_a_gap_is_no_run(self) -> None:
        assert is_run((AM, PM))
        assert not is_run((AM, NIGHT))
        assert not is_run(())
        assert not is_run((PM, AM))


class TestCapacity:
    """发改办法规〔2025〕807号: the shared directory of stations says what can be given out."""

    def count(self, group: StationGroup, *closures: Closure, reserve: int = 0) -> list[int]:
        free = capacity_of(
            group, closures, {}, (AM, PM, NIGHT), reserve_permille=reserve, stay_days_max=2
        )
        return [free[AM], free[PM], free[NIGHT]]

    def test_no_night_where_none_can_be_held(self) -> None:
        assert self.count(GROUP) == [2, 2, 0]
        assert self.count(NIGHT_GROUP) == [3, 3, 3]

    def test_the_reserve_is_rounded_down(self) -> None:
        assert reserve_of(10, 50) == 0
        assert reserve_of(20, 50) == 1
        assert self.count(NIGHT_GROUP, reserve=400) == [2, 2, 2]

    def test_a_booth_counts_only_as_far_as_a_stay_may_reach(self) -> None:
        """One open at each time and none all day: counting slot by slot would promise a seat for
        the day that no booth can hold."""
        morning = Closure("1", "532901", "A-01", AM, PM, "")
        afternoon = Closure("2", "532901", "A-02", PM, NIGHT, "")
        assert self.count(GROUP, morning, afternoon) == [0, 1, 0]
        assert open_labels(GROUP, [morning, afternoon], {}, [AM]) == ("A-02",)
        assert open_labels(GROUP, [morning, afternoon], {}, [AM, PM]) == ()

    def test_an_overnight_venue_looks_to_the_next_day(self) -> None:
        tomorrow = Closure("1", "532901", "A-01", AM + 4, AM + 5, "")
        assert self.count(NIGHT_GROUP, tomorrow) == [2, 2, 2]
        assert list(reach(PM, True, 2)) == [PM, NIGHT, *range(NIGHT + 1, NIGHT + 4)]
        assert list(reach(AM, False, 2)) == [AM, PM]

    def test_home_use_takes_the_first_open_booths(self) -> None:
        closure = Closure("1", "532901", "A-01", AM, PM, "")
        assert closed_labels(NIGHT_GROUP, [closure], 1, AM) == {"A-01", "A-02"}
        assert closed_labels(NIGHT_GROUP, [closure], 1, PM) == {"A-01"}

    def test_a_closure_elsewhere_does_not_count(self) -> None:
        assert self.count(GROUP, Closure("1", "530102", "A-01", AM, NIGHT, "")) == [2, 2, 0]

    @settings(max_examples=120)
    @given(st.data())
    def test_whoever_is_promised_a_station_finds_a_booth(self, data: st.DataObject) -> None:
        """The theorem behind the group model, with closures: fill the capacity with any stays, let
        experts come in any order, and everybody gets a booth that is open for the whole stay."""
        days = 2
        group = StationGroup("532901", Equipment.BASIC, True, ("A-01", "A-02", "A-03", "A-04"))
        window = range(AM, AM + 3 * SLOTS_A_DAY)
        closures = [
            Closure(
                str(n), "532901", data.draw(st.sampled_from(group.labels)), first, first + size, ""
            )
            for n, (first, size) in enumerate(
                data.draw(
                    st.lists(st.tuples(st.sampled_from(window), st.integers(1, 4)), max_size=4)
                )
            )
        ]
        home = data.draw(st.dictionaries(st.sampled_from(window), st.integers(0, 2), max_size=3))
        free = capacity_of(group, closures, home, window, reserve_permille=0, stay_days_max=days)
        stays: list[Stay] = []
        for number in range(12):
            first = data.draw(st.sampled_from(range(AM, AM + 2 * SLOTS_A_DAY)))
            last_of_stay = (first // SLOTS_A_DAY + days) * SLOTS_A_DAY
            size = data.draw(st.integers(1, last_of_stay - first))
            slots = tuple(range(first, first + size))
            if all(free.get(slot, 0) > 0 for slot in slots):
                for slot in slots:
                    free[slot] -= 1
                stays.append(Stay(SeatKey("S", f"E{number:02d}"), slots, ""))
        arriving = data.draw(st.permutations(stays))
        salts = iter(range(10_000))
        for one in arriving:
            now = min(s.slots[0] for s in stays)
            if next(s for s in stays if s.key == one.key).label:
                continue
            drawn = draw_up_to(
                one.key,
                stays,
                lambda slots: open_labels(group, closures, home, slots),
                now,
                lambda: next(salts).to_bytes(4, "big"),
            )
            assert drawn is not None
            found = {d.key: d.label for d in drawn}
            stays = [Stay(s.key, s.slots, found.get(s.key, s.label)) for s in stays]
        assert all(s.label for s in stays)
        for label in group.labels:
            held = sorted(s.slots for s in stays if s.label == label)
            assert all(a[-1] < b[0] for a, b in pairwise(held))
            for slots in held:
                assert label in open_labels(group, closures, home, slots)


VENUES = (
    Venue("532901", True, (Room("A", Equipment.BASIC, 3), Room("B", Equipment.CAD, 1))),
    Venue("530102", False, (Room("A", Equipment.BASIC, 2),)),
)
KEY = GroupKey("532901", Equipment.BASIC)


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return make_office(tmp_path)


class TestService:
    def test_install_in_bulk_and_read_back(self, office: Office) -> None:
        with office.write() as tx:
            done = service.install(tx, STAFF, VENUES)
        assert (done.venues, done.groups, done.stations) == (2, 3, 6)
        with office.read() as db:
            groups = service.groups(db)
            assert [str(group.key) for group in groups] == [
                "530102/BASIC",
                "532901/BASIC",
                "532901/CAD",
            ]
            assert service.labels(db, KEY) == ("A-01", "A-02", "A-03")
            free = service.capacity(db, [DAY])
            assert free.of(KEY, NIGHT) == 3
            assert free.of(GroupKey("530102", Equipment.BASIC), NIGHT) == 0
            actions = [entry.action for entry in journal.entries(db, "stations")]
            assert actions == ["evaluation:stations:installed"]

    def test_every_fault_is_told(self, office: Office) -> None:
        wrong = [
            Venue("532901", True, (Room("A", Equipment.BASIC, 0), Room("A", Equipment.CAD, 1))),
            Venue("532901", True, ()),
            Venue("530102", False, (Room("A-1", Equipment.BASIC, 2),)),
        ]
        with pytest.raises(Refusal) as refused, office.write() as tx:
            service.install(tx, STAFF, wrong)
        found = {(fault.pointer, fault.code.rpartition(".")[2]) for fault in refused.value.faults}
        assert found == {
            ("/0/centre_id", "venue_twice"),
            ("/1/centre_id", "venue_twice"),
            ("/0/rooms/0/name", "room_twice"),
            ("/0/rooms/1/name", "room_twice"),
            ("/0/rooms/0/stations", "room_size"),
            ("/1/rooms", "no_room"),
            ("/2/rooms/0/name", "room_name"),
        }

    def test_a_centre_is_set_up_once(self, office: Office) -> None:
        with office.write() as tx:
            service.install(tx, STAFF, VENUES)
        with pytest.raises(Refusal) as refused, office.write() as tx:
            service.install(tx, STAFF, VENUES[:1])
        assert refused.value.kind is Kind.CONFLICT

    def test_only_staff_sets_up(self, office: Office) -> None:
        with pytest.raises(Refusal) as refused, office.write() as tx:
            service.install(tx, SUPERVISOR, VENUES)
        assert refused.value.kind is Kind.FORBIDDEN

    def test_close_and_reopen(self, office: Office) -> None:
        with office.write() as tx:
            service.install(tx, STAFF, VENUES)
            closure = service.close_station(tx, STAFF, "532901", "A-02", AM, AM + 30, "摄像头故障")
        with office.read() as db:
            assert service.capacity(db, [DAY]).of(KEY, AM) == 2
            assert service.open_booths(db, KEY, [AM]) == ("A-01", "A-03")
        with office.write() as tx:
            service.reopen_station(tx, STAFF, closure.id, PM)
        with office.read() as db:
            assert service.capacity(db, [DAY]).of(KEY, AM) == 2
            assert service.capacity(db, [DAY]).of(KEY, PM) == 3
            actions = [entry.action for entry in journal.entries(db, "stations")][1:]
            assert actions == ["evaluation:stations:closed", "evaluation:stations:reopened"]
        with pytest.raises(Refusal) as refused, office.write() as tx:
            service.reopen_station(tx, STAFF, closure.id, PM)
        assert refused.value.code == "evaluation.station.open_already"

    def test_a_closure_that_never_began_disappears(self, office: Office) -> None:
        with office.write() as tx:
            service.install(tx, STAFF, VENUES)
            closure = service.close_station(tx, STAFF, "532901", "A-02", PM, NIGHT, "维护")
            service.reopen_station(tx, STAFF, closure.id, AM)
        with office.read() as db:
            assert service.open_booths(db, KEY, [AM, PM]) == ("A-01", "A-02", "A-03")

    @pytest.mark.parametrize(
        ("centre", "label", "until", "reason", "code"),
        [
            ("532901", "Z-01", NIGHT, "x", "unknown"),
            ("532901", "A-01", AM, "x", "closure_invalid"),
            ("532901", "A-01", NIGHT, "", "closure_invalid"),
        ],
    )
    def test_what_cannot_be_closed(
        self, office: Office, centre: str, label: str, until: int, reason: str, code: str
    ) -> None:
        with office.write() as tx:
            service.install(tx, STAFF, VENUES)
        with pytest.raises(Refusal) as refused, office.write() as tx:
            service.close_station(tx, STAFF, centre, label, AM, until, reason)
        assert refused.value.code == f"evaluation.station.{code}"

    def test_the_home_side_holds_stations_and_gives_them_back(self, office: Office) -> None:
        with office.write() as tx:
            service.install(tx, STAFF, VENUES)
            first = service.hold(tx, STAFF, KEY, AM, NIGHT, 1)
            service.hold(tx, STAFF, KEY, AM, PM, 1, "42-0001", "示例外省场次")
        with office.read() as db:
            assert service.capacity(db, [DAY]).of(KEY, AM) == 1
            assert service.open_in(db, (AM, PM, NIGHT)).free == {
                **service.open_in(db, (AM, PM, NIGHT)).free,
                (KEY, AM): 1,
                (KEY, PM): 2,
                (KEY, NIGHT): 3,
            }
            assert [one.partner for one in service.holdings(db, AM, NIGHT, "532901")] == [
                "",
                "42-0001",
            ]
        with office.write() as tx:
            service.give_back(tx, STAFF, "532901", first.id, PM)
        with office.read() as db:
            assert service.open_in(db, (AM, PM)).of(KEY, AM) == 1
            assert service.open_in(db, (AM, PM)).of(KEY, PM) == 3
            actions = [entry.action for entry in journal.entries(db, "stations")][1:]
            assert actions == [
                "evaluation:stations:held",
                "evaluation:stations:held",
                "evaluation:stations:given_back",
            ]

    @pytest.mark.parametrize(
        ("until", "stations", "partner", "reference", "pointer"),
        [
            (AM, 1, "", "", "/until"),
            (PM, 0, "", "", "/stations"),
            (PM, 3, "", "", "/stations"),
            (PM, 1, "42-0001", "", "/reference"),
            (PM, 1, "", "长" * 121, "/reference"),
        ],
    )
    def test_what_cannot_be_held(
        self,
        office: Office,
        until: int,
        stations: int,
        partner: str,
        reference: str,
        pointer: str,
    ) -> None:
        with office.write() as tx:
            service.install(tx, STAFF, VENUES)
            service.hold(tx, STAFF, KEY, AM, PM, 1)
        with pytest.raises(Refusal) as refused, office.write() as tx:
            service.hold(tx, STAFF, KEY, AM, until, stations, partner, reference)
        assert [fault.pointer for fault in refused.value.faults] == [pointer]

    def test_a_holding_ends_once_and_at_its_own_centre(self, office: Office) -> None:
        with office.write() as tx:
            service.install(tx, STAFF, VENUES)
            one = service.hold(tx, STAFF, KEY, AM, PM, 1)
        for centre, at, code in (
            ("530102", AM, "holding_unknown"),
            ("532901", PM, "holding_over"),
        ):
            with pytest.raises(Refusal) as refused, office.write() as tx:
                service.give_back(tx, STAFF, centre, one.id, at)
            assert refused.value.code == f"evaluation.station.{code}"
