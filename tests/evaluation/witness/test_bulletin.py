"""The bulletin of nights: what the records say, by centre and month."""

from __future__ import annotations

from datetime import timedelta

from archive import canonical
from evaluation.session import commands as c
from evaluation.witness import bulletin
from evaluation.witness.nights import nights_of
from tests.builders import SUPERVISOR
from tests.evaluation.course import resume, sleep, unseal_all
from tests.evaluation.witness.night import WITNESS_A, Night
from tests.evaluation.witness.test_recording import spend

LIMIT = timedelta(minutes=20)


def test_a_night_that_ended_in_a_void(sealing: Night) -> None:
    spend(sealing)
    (night,) = nights_of(sealing.entries())
    assert (night.number, night.resumed, night.handovers) == (1, False, 1)
    assert dict(night.alarms) == {"SEQUENCE_GAP": 1, "STATION_SILENT": 1}
    assert (night.acknowledged, night.orders, night.answers) == (1, 1, 1)
    assert night.ended_at is not None
    (line,) = bulletin.by_centre([night], "2026-10", LIMIT)
    assert (line.nights, line.alarms, line.unanswered, line.unfinished) == (1, 2, 1, 1)
    assert bulletin.by_centre([night], "2026-11", LIMIT) == []
    document = bulletin.to_json("2026-10", [line], [night])
    assert canonical.decode(canonical.encode(document))["centres"][0]["by_kind"] == {
        "SEQUENCE_GAP": 1,
        "STATION_SILENT": 1,
    }


def test_a_night_that_went_on_in_the_morning(sealing: Night) -> None:
    """Sealed on the last evening of a month, it belongs to that month in Shanghai."""
    night = sealing
    night.on_duty(WITNESS_A)
    moved = night.now.replace(day=31, hour=15, minute=30)
    night.pass_time(seconds=int((moved - night.now).total_seconds()))
    night.seal()
    night.countersign(WITNESS_A)
    sleep(night.served)
    unseal_all(night.served)
    resume(night.served)
    night.served.do(SUPERVISOR, c.VoidSession("test"))
    (found,) = nights_of(night.entries())
    assert found.month == "2026-10"
    assert found.resumed
    assert found.checks == 15
    (line,) = bulletin.by_centre([found], "2026-10", LIMIT)
    assert (line.hours, line.cosigned_late, line.presence_late) == (13, 1, 0)
