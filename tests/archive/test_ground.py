"""Clocks, entropy, identifiers, actors, refusals: small things that everything stands on."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive import ids
from archive.actor import SYSTEM, Actor, Role
from archive.clock import SHANGHAI, DrivenClock, SystemClock
from archive.database import UtcDateTime
from archive.entropy import SeededEntropy, SystemEntropy
from archive.errors import Faults, Kind, Refusal
from tests.builders import START


class TestClock:
    def test_a_naive_start_is_refused(self) -> None:
        with pytest.raises(ValueError, match="aware"):
            DrivenClock(datetime(2026, 1, 1))  # noqa: DTZ001

    def test_a_naive_moment_is_not_stored(self) -> None:
        with pytest.raises(ValueError, match="naive"):
            UtcDateTime().process_bind_param(datetime(2026, 1, 1), None)  # type: ignore[arg-type] # noqa: DTZ001

    def test_it_stands_still_until_moved(self) -> None:
        clock = DrivenClock(START)
        assert clock.now() == START == clock.now()
        clock.move_to(START + timedelta(hours=1))
        assert clock.now() == START + timedelta(hours=1)

    @given(st.lists(st.integers(-100_000, 100_000), max_size=20))
    def test_it_never_goes_back(self, jumps: list[int]) -> None:
        clock = DrivenClock(START)
        last = clock.now()
        for seconds in jumps:
            clock.move_to(START + timedelta(seconds=seconds))
            assert clock.now() >= last
            last = clock.now()

    def test_another_rate_does_not_set_it_back(self) -> None:
        clock = DrivenClock(START, rate=1_000_000)
        threading.Event().wait(0.002)
        reached = clock.now()
        assert reached > START + timedelta(minutes=10)
        clock.set_rate(0)
        assert reached <= clock.now() == clock.now()

    def test_whole_milliseconds_in_utc(self) -> None:
        for clock in (SystemClock(), DrivenClock(START.astimezone(SHANGHAI), rate=7)):
            now = clock.now()
            assert now.tzinfo is UTC
            assert now.microsecond % 1000 == 0
            assert clock.monotonic() <= clock.monotonic()


class TestEntropy:
    def test_the_same_seed_repeats(self) -> None:
        first, second = SeededEntropy(b"s"), SeededEntropy(b"s")
        assert [first.bytes(n) for n in (1, 32, 100)] == [second.bytes(n) for n in (1, 32, 100)]
        assert SeededEntropy(b"t").bytes(32) != SeededEntropy(b"s").bytes(32)

    def test_it_never_repeats_within(self) -> None:
        source = SeededEntropy(b"s")
        assert len({source.bytes(16) for _ in range(1000)}) == 1000

    def test_a_child_does_not_care_how_much_its_parent_gave(self) -> None:
        early, late = SeededEntropy(b"s"), SeededEntropy(b"s")
        late.bytes(99)
        assert early.child("keys").bytes(32) == late.child("keys").bytes(32)
        assert early.child("keys").bytes(32) != early.child("ids").bytes(32)

    def test_two_threads_never_get_the_same(self) -> None:
        source = SeededEntropy(b"s")
        got: list[bytes] = []

        def ask() -> None:
            got.extend(source.bytes(16) for _ in range(500))

        threads = [threading.Thread(target=ask) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(set(got)) == 2000

    def test_the_system_s(self) -> None:
        source = SystemEntropy()
        assert source.child("x") is source
        assert len(source.bytes(32)) == 32
        assert source.bytes(32) != source.bytes(32)


class TestIds:
    @given(st.integers(0, 10**10), st.integers(1, 10**10), st.binary(max_size=4))
    def test_later_ids_are_larger(self, first: int, more: int, seed: bytes) -> None:
        entropy = SeededEntropy(seed)
        early = START + timedelta(milliseconds=first)
        ordered = [
            ids.new_id(moment, entropy) for moment in (early, early + timedelta(milliseconds=more))
        ]
        assert ordered == sorted(ordered)
        assert all(map(ids.is_id, ordered))

    def test_they_hold_legal_time_and_entropy_and_nothing_else(self) -> None:
        assert ids.new_id(START, SeededEntropy(b"1")) == ids.new_id(START, SeededEntropy(b"1"))
        shanghai = START.astimezone(SHANGHAI)
        assert ids.new_id(shanghai, SeededEntropy(b"1")) == ids.new_id(START, SeededEntropy(b"1"))

    @pytest.mark.parametrize(
        "text", ["", "x", "8" * 26, "I" * 26, "0" * 25, "0" * 27, "0" * 25 + "u"]
    )
    def test_no_ids(self, text: str) -> None:
        assert not ids.is_id(text)


class TestActor:
    def test_roles(self) -> None:
        staff = Actor("a", frozenset({Role.STAFF, Role.SUPERVISOR}))
        staff.must_be(Role.STAFF)
        staff.must_be(Role.EXPERT, Role.SUPERVISOR)
        with pytest.raises(Refusal) as refused:
            staff.must_be(Role.EXPERT, Role.BIDDER)
        assert refused.value.kind is Kind.FORBIDDEN
        assert refused.value.params["needed"] == "bidder, expert"
        with pytest.raises(Refusal):
            SYSTEM.must_be(Role.STAFF)

    def test_two_persons(self) -> None:
        Actor("a", frozenset()).must_not_be("b")
        with pytest.raises(Refusal) as refused:
            Actor("a", frozenset()).must_not_be("a")
        assert refused.value.code == "archive.actor.two_persons"


class TestFaults:
    def test_all_at_once(self) -> None:
        faults = Faults("archive.dossier.incomplete")
        faults.refuse()
        assert not faults
        faults.add("/a", "archive.dossier.empty", rule="x.y")
        faults.add("/b", "archive.dossier.twice", stream="s")
        with pytest.raises(Refusal) as refused:
            faults.refuse()
        assert refused.value.params == {"count": 2}
        assert [f.pointer for f in refused.value.faults] == ["/a", "/b"]
        assert refused.value.faults[0].rule == "x.y"
