"""Who acts is told apart without a name (招标投标法 第三十七条: members' names are secret until the result)."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from api.flows.acting import Acting, acting
from api.identity import service as identity
from api.identity.accounts import Account
from archive.actor import SYSTEM, Role
from archive.office import Office
from evaluation.session.session import Session
from tests.builders import CENTRE
from tests.evaluation.course import bare_state
from trading.projects import service as projects

LOT = SimpleNamespace(tenderer_uscc="T", agency_uscc=None, supervisor_uscc="S")
ACCOUNTS = [
    Account("zhang-san", frozenset({Role.EXPERT}), party_id="E1"),
    Account("of-the-tenderer", frozenset({Role.TENDERER}), party_id="R1"),
    Account("b-staff", frozenset({Role.STAFF}), centre_id=CENTRE),
    Account("a-staff", frozenset({Role.STAFF}), centre_id=CENTRE),
    Account("watcher", frozenset({Role.SUPERVISOR})),
    Account("agent", frozenset({Role.TENDERER}), party_id="T"),
    Account("stranger", frozenset({Role.BIDDER}), party_id="B"),
]


@pytest.mark.parametrize("is_demo", [False, True])
def test_members_by_their_seats_and_others_by_their_office(
    office: Office, monkeypatch: pytest.MonkeyPatch, is_demo: bool
) -> None:
    monkeypatch.setattr(projects, "lot", lambda _db, _id: LOT)
    with office.write() as tx:
        for account in ACCOUNTS:
            identity.create_account(tx, SYSTEM, account, None)
    state = bare_state()
    first, second, *others = state.members
    members = (replace(first, expert_id="E1"), replace(second, expert_id="R1"), *others)
    found = cast("Session", _Sitting(CENTRE, replace(state, members=members)))
    with office.read() as db:
        people = acting(db, found, is_demo=is_demo)
    assert people["system"] == Acting(Role.SYSTEM)
    assert people["zhang-san"] == Acting(Role.EXPERT, seat=first.seat_code)
    assert people["of-the-tenderer"] == Acting(Role.EXPERT, seat=second.seat_code)
    assert [people[one].number for one in ("a-staff", "b-staff")] == [1, 2]
    assert people["a-staff"].centre == CENTRE
    assert people["watcher"].role is Role.SUPERVISOR
    assert people["agent"].role is Role.TENDERER
    assert "stranger" not in people
    assert ("expert-E1" in people) is is_demo
    if is_demo:
        assert people["expert-E1"] == people["zhang-san"]


class _Sitting(SimpleNamespace):
    def __init__(self, centre_id: str, state: Any) -> None:
        super().__init__(centre_id=centre_id, lot_id="lot-1", state=state)
