"""The closed list of witness events: what is not in it is refused, by name."""

from __future__ import annotations

from typing import Any

import pytest

from archive.actor import Role
from archive.errors import Kind, Refusal
from evaluation.witness.events import KINDS, check_event
from tests.evaluation.course import assert_said, sha

STAFF = frozenset({Role.STAFF})
GOOD: dict[str, dict[str, Any]] = {
    "heartbeat": {"station": "cam-1", "n": 0},
    "door": {"venue": "532901", "door": "D1", "state": "OPEN"},
    "seal_check": {"venue": "532901", "number": "YN-0001", "intact": True, "photo": sha("p")},
    "power": {"venue": "532901", "state": "BATTERY"},
    "network": {"venue": "532901", "state": "DOWN", "loss_permille": 1000},
    "presence": {"seat": "S1", "place": "REST", "present": True},
    "call": {"what": "OUTSIDE_CONTACT", "venue": "532901", "seat": "S1"},
    "exit": {"seat": "S1", "reason": "MEDICAL", "state": "OUT"},
    "snapshot": {
        "station": "cam-1",
        "track": "t1",
        "sha256": sha("p"),
        "sm3": sha("q"),
        "bytes": 4096,
        "luma": 100,
    },
    "note": {"sha256": sha("n")},
    "order": {"order": "SEPARATE", "seat": "S1"},
    "media_digest": {
        "track": "corridor-2",
        "n": 3,
        "sha256": sha("m"),
        "bytes": 65536,
        "begins_at": "2026-10-21T14:00:00.000Z",
        "duration_ms": 2000,
    },
}


_COSIGNED = {"size": 10, "root": sha("r"), "time": 1_790_000_000, "sig": "A" * 86 + "=="}
ACTS: dict[str, dict[str, Any]] = {
    "station_bound": {
        "venue": "532901",
        "station": "cam-1",
        "algorithm": "P-256",
        "key": "A" * 87 + "=",
        "every": 5,
    },
    "station_asked": {
        "venue": "532901",
        "station": "cam-1",
        "algorithm": "P-256",
        "key": "A" * 87 + "=",
        "every": 5,
        "use": "EVALUATION",
    },
    "station_declined": {
        "venue": "532901",
        "station": "cam-1",
        "key": "A" * 87 + "=",
        "sha256": sha("n"),
        "sm3": sha("m"),
    },
    "station_withdrawn": {"venue": "532901", "station": "cam-1", "key": "A" * 87 + "="},
    "station_released": {"venue": "532901", "station": "cam-1"},
    "unkept": {"venue": "532901", "seconds": 300},
    "station_rejected": {
        "venue": "532901",
        "station": "cam-1",
        "reason": "FORGED",
        "n": 3,
        "expected": 2,
    },
    "station_gap": {"venue": "532901", "station": "cam-1", "n": 3, "missing": 2},
    "clock_step": {"venue": "532901", "station": "cam-1", "step_ms": -5000},
    "alarm": {
        "venue": "532901",
        "alarm": "CAMERA_LOST",
        "state": "RAISED",
        "severity": "GRAVE",
        "station": "cam-1",
        "to": "witness-a",
        "fence": 1,
    },
    "acknowledged": {"alarm_seq": 7, "sha256": sha("n"), "sm3": sha("m")},
    "answer": {"order_seq": 7, "sha256": sha("n"), "sm3": sha("m")},
    "witness_enrolled": {"witness": "a", "name": "log.example/witness/a", "key": "A" * 43 + "="},
    "duty": {"witness": "a", "state": "ON"},
    "shift": {
        "witness": "a",
        "begins_at": "2026-10-21T14:00:00.000Z",
        "ends_at": "2026-10-21T18:00:00.000Z",
    },
    "shift_cancelled": {"shift_seq": 4},
    "handover_offered": {"outgoing": "a", "incoming": "b", **_COSIGNED},
    "handover": {"outgoing": "a", "incoming": "b", "offer_seq": 4, **_COSIGNED},
    "countersigned": {"witness": "a", **_COSIGNED},
}


def no(kind: str, data: dict[str, Any], roles: frozenset[Role] = STAFF) -> Refusal:
    with pytest.raises(Refusal) as caught:
        check_event(kind, data, roles, is_act=kind in ACTS)
    assert_said(caught.value)
    return caught.value


def test_the_list_is_the_one_that_is_tested() -> None:
    assert set(GOOD) | set(ACTS) == set(KINDS)
    assert set(ACTS) == {kind.name for kind in KINDS.values() if kind.is_act}


@pytest.mark.parametrize("kind", sorted(ACTS))
class TestEachAct:
    def test_it_is_written_by_its_own_act_alone(self, kind: str) -> None:
        roles = KINDS[kind].roles
        check_event(kind, ACTS[kind], roles, is_act=True)
        with pytest.raises(Refusal, match="kind"):
            check_event(kind, ACTS[kind], roles)

    def test_nothing_can_be_said_in_words(self, kind: str) -> None:
        roles = KINDS[kind].roles
        for name in ACTS[kind]:
            for wrong in ("投标报价 一千万元", "x" * 300, 1.5, None, ["a"]):
                refusal = no(kind, {**ACTS[kind], name: wrong}, roles)
                assert refusal.faults[0].pointer == f"/{name}"

    def test_bidders_and_experts_do_none(self, kind: str) -> None:
        roles = frozenset({Role.EXPERT, Role.BIDDER, Role.TENDERER})
        assert no(kind, ACTS[kind], roles).kind is Kind.FORBIDDEN


@pytest.mark.parametrize("kind", sorted(GOOD))
class TestEachKind:
    def test_a_good_one_is_accepted(self, kind: str) -> None:
        check_event(kind, GOOD[kind], STAFF)

    def test_an_unknown_field_is_named_with_those_allowed(self, kind: str) -> None:
        refusal = no(kind, {**GOOD[kind], "text": "the bid of A is the best"})
        fault = refusal.faults[0]
        assert (fault.code, fault.params["field"]) == ("evaluation.witness.field_unknown", "text")
        assert all(name in str(fault.params["allowed"]) for name in GOOD[kind])

    def test_nothing_can_be_said_in_words(self, kind: str) -> None:
        for name in GOOD[kind]:
            for wrong in ("投标报价 一千万元", "x" * 65, 1.5, None, ["a"], -1):
                assert no(kind, {**GOOD[kind], name: wrong}).faults[0].pointer == f"/{name}"

    def test_what_is_needed_is_needed(self, kind: str) -> None:
        needed = set(KINDS[kind].fields) - KINDS[kind].optional
        assert {f.pointer[1:] for f in no(kind, {}).faults} == needed

    def test_bidders_and_experts_report_nothing(self, kind: str) -> None:
        roles = frozenset({Role.EXPERT, Role.BIDDER, Role.TENDERER})
        assert no(kind, GOOD[kind], roles).kind is Kind.FORBIDDEN


def test_who_declines_and_who_withdraws() -> None:
    """The supervisor answers what staff ask for; staff alone take it back."""
    declined, withdrawn = ACTS["station_declined"], ACTS["station_withdrawn"]
    assert no("station_declined", declined, STAFF).kind is Kind.FORBIDDEN
    supervisor = frozenset({Role.SUPERVISOR})
    assert no("station_withdrawn", withdrawn, supervisor).kind is Kind.FORBIDDEN


def test_an_unknown_kind_is_named_with_the_list() -> None:
    refusal = no("gossip", {})
    assert refusal.params["event"] == "gossip"
    assert "heartbeat" in str(refusal.params["allowed"])


def test_a_machine_beats_but_gives_no_orders() -> None:
    machine = frozenset({Role.SYSTEM})
    check_event("heartbeat", GOOD["heartbeat"], machine)
    assert no("order", GOOD["order"], machine).kind is Kind.FORBIDDEN
