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
    "alarm": {
        "venue": "532901",
        "alarm": "CAMERA_LOST",
        "state": "RAISED",
        "severity": "GRAVE",
        "station": "cam-1",
    },
    "note": {"sha256": sha("n")},
    "order": {"order": "SEPARATE", "seat": "S1"},
    "handover": {"outgoing": "a", "incoming": "b", "size": 10, "root": sha("r")},
    "media_digest": {
        "track": "corridor-2",
        "n": 3,
        "sha256": sha("m"),
        "bytes": 65536,
        "begins_at": "2026-10-21T14:00:00.000Z",
        "duration_ms": 2000,
    },
}


def no(kind: str, data: dict[str, Any], roles: frozenset[Role] = STAFF) -> Refusal:
    with pytest.raises(Refusal) as caught:
        check_event(kind, data, roles)
    assert_said(caught.value)
    return caught.value


def test_the_list_is_the_one_that_is_tested() -> None:
    assert set(GOOD) == set(KINDS)


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


def test_an_unknown_kind_is_named_with_the_list() -> None:
    refusal = no("gossip", {})
    assert refusal.params["event"] == "gossip"
    assert "heartbeat" in str(refusal.params["allowed"])


def test_a_machine_beats_but_gives_no_orders() -> None:
    machine = frozenset({Role.SYSTEM})
    check_event("heartbeat", GOOD["heartbeat"], machine)
    assert no("order", GOOD["order"], machine).kind is Kind.FORBIDDEN
