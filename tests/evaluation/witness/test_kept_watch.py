"""What a watch has come to is kept beside the record, so that a reader takes in what is new and no more.

It is a shortcut and nothing else: from the record alone everybody comes to the same state (RFC 6962's log is the
only truth), and what another version of the code kept is not used.
"""

from __future__ import annotations

import pytest

from archive.journal.entry import Entry
from evaluation.witness import queries
from evaluation.witness import service as witness
from evaluation.witness.keeping import service as keeping
from evaluation.witness.nights import nights_of
from evaluation.witness.tables import WatchRow, watch_of
from evaluation.witness.watch import Watch
from tests.builders import STAFF
from tests.evaluation.course import sha, staff
from tests.evaluation.witness.night import VENUE, Night
from tests.evaluation.witness.test_recording import spend

LIFE = keeping.KEPT_ENTRIES


def of_record(night: Night) -> Watch:
    watch = Watch(night.id)
    for entry in night.entries():
        watch.take(entry)
    return watch


def live_on(night: Night, entries: int) -> None:
    """Signs of life, as a station sends them all night."""
    with night.office.write() as tx:
        for n in range(entries):
            data = {"station": "cam-9", "n": n}
            tx.record(f"session/{night.id}", "evaluation:witness:heartbeat", STAFF, data)


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The numbers of the entries that any watch takes in."""
    found: list[int] = []
    take = Watch.take

    def counted(watch: Watch, entry: Entry) -> None:
        found.append(entry.seq)
        take(watch, entry)

    monkeypatch.setattr(Watch, "take", counted)
    return found


def test_a_watch_of_any_length_is_the_same_after_it_was_kept(sealing: Night) -> None:
    night = sealing
    device = night.device("cam-2")
    shown = {"track": "t1", "bytes": 9, "sha256": sha("x"), "luma": 1, "what": "CAMERA"}
    night.beat(device, "snapshot", **shown)
    night.beat(device, "door", venue=VENUE, door="d1", state="OPEN")
    night.beat(device, "network", venue=VENUE, state="DOWN")
    spend(night)
    watch = Watch(night.id)
    for entry in night.entries():
        watch.take(entry)
        assert watch_of(WatchRow.of(watch).state) == watch
    assert watch.doors
    assert watch.network
    assert watch.orders
    assert watch.nights.nights == nights_of(night.entries())


def test_the_keeper_keeps_it_and_the_next_reader_reads_on(
    any_sealing: Night, read: list[int]
) -> None:
    night = any_sealing
    night.device()
    night.seal()
    live_on(night, 2 * LIFE)
    night.round()
    size = len(night.entries())
    with night.office.read() as db:
        assert queries.kept_size(db, night.id) == size
    live_on(night, LIFE - 1)
    night.round()
    with night.office.read() as db:
        assert queries.kept_size(db, night.id) == size, "nothing was told, and it is not much"
        read.clear()
        anew = keeping.begin(db, night.id)
    assert read == list(range(size, size + LIFE - 1))
    assert anew == of_record(night)


def test_what_tells_something_is_kept_at_once(sealing: Night, read: list[int]) -> None:
    night = sealing
    night.round()
    data = {"venue": VENUE, "state": "BATTERY"}
    night.do(witness.record_event, staff(VENUE), "power", data)
    night.round()
    told = night.entries("power")[-1].seq
    with night.office.read() as db:
        assert queries.kept_size(db, night.id) > told
        read.clear()
        assert keeping.Watches().of(db, night.id).power == {VENUE: "BATTERY"}
    assert told not in read


def test_what_another_version_came_to_is_not_used(sealing: Night, read: list[int]) -> None:
    night = sealing
    night.round()
    with night.office.write() as tx:
        row = tx.db.get_one(WatchRow, night.id)
        row.fold, row.state = "0123456789abcdef", "{}"
        tx.db.add(row)
    with night.office.read() as db:
        read.clear()
        anew = keeping.begin(db, night.id)
        assert read == list(range(anew.size))
    night.round()
    with night.office.read() as db:
        assert queries.kept_size(db, night.id) == anew.size
