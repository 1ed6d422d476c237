"""The life of a guarantee as a machine: what may follow what, and nothing else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive.errors import Kind, Refusal
from archive.words import Language, render
from deposits.guarantees.states import (
    COUNTING,
    IN_FORCE,
    KNOWN_HERE,
    NEEDS_DOCUMENT,
    TRANSITIONS,
    WAITING,
    Event,
    GuaranteeState,
    Life,
    born,
    following,
    lived,
)

NOW = datetime(2026, 10, 21, 1, tzinfo=UTC)
S, E = GuaranteeState, Event
DOC = "d" * 64


def walked(*events: Event) -> Life:
    life = born(NOW)
    for number, event in enumerate(events, 1):
        life = lived(life, event, NOW + timedelta(hours=number), DOC)
    return life


class TestMachine:
    """保函: 申请、缴费、核保、开立、递交、还原、核验、生效、展期、解除、索赔、赔付、拒赔、退保、到期、结清."""

    def test_the_way_of_one_that_is_given_back(self) -> None:
        life = walked(
            E.PAY, E.UNDERWRITE, E.ISSUE, E.LODGE, E.RESTORE, E.VERIFY, E.CONFIRM, E.EXTEND,
            E.RELEASE, E.CLOSE,
        )  # fmt: skip
        assert [step.state for step in life.steps] == [
            S.APPLIED, S.PAID, S.UNDERWRITTEN, S.ISSUED, S.LODGED, S.RESTORED, S.VERIFIED,
            S.ACTIVE, S.EXTENDED, S.RELEASED, S.CLOSED,
        ]  # fmt: skip
        assert all(step.document == DOC for step in life.steps[1:])

    def test_the_way_of_one_that_is_paid_after_a_refusal(self) -> None:
        life = walked(
            E.PAY, E.UNDERWRITE, E.ISSUE, E.LODGE, E.RESTORE, E.VERIFY, E.DEMAND, E.REFUSE,
            E.DEMAND, E.PAY_OUT, E.CLOSE,
        )  # fmt: skip
        assert life.state is S.CLOSED

    @pytest.mark.parametrize("state", S)
    @pytest.mark.parametrize("event", E)
    def test_what_is_not_in_the_table_is_refused(self, state: GuaranteeState, event: Event) -> None:
        if (state, event) in TRANSITIONS:
            assert following(state, event) is TRANSITIONS[state, event]
            return
        with pytest.raises(Refusal) as refused:
            following(state, event)
        assert refused.value.kind is Kind.CONFLICT
        for language in Language:
            assert not render(refused.value, language).startswith("[")

    def test_ends_are_ends(self) -> None:
        with_followers = {state for state, _ in TRANSITIONS}
        assert set(S) - with_followers == {S.CLOSED, S.INVALID}

    def test_money_is_paid_only_after_a_demand(self) -> None:
        assert {state for state, event in TRANSITIONS if event is E.PAY_OUT} == {S.DEMANDED}
        demanded = {state for state, event in TRANSITIONS if event is E.DEMAND}
        assert demanded == {*IN_FORCE, S.REFUSED}

    def test_every_state_is_reached_from_the_application(self) -> None:
        reached = {S.APPLIED}
        for _ in S:
            reached |= {to for (state, _), to in TRANSITIONS.items() if state in reached}
        assert reached == set(S)

    def test_what_this_room_knows_is_waiting_counting_or_invalid(self) -> None:
        assert not WAITING & COUNTING
        assert {*WAITING, *COUNTING, S.INVALID} == KNOWN_HERE
        for (state, _), to in TRANSITIONS.items():
            if state in KNOWN_HERE:
                assert to in KNOWN_HERE

    @pytest.mark.parametrize("event", sorted(NEEDS_DOCUMENT))
    def test_no_claim_without_its_document(self, event: Event) -> None:
        state = next(state for state, known in TRANSITIONS if known is event)
        path = {
            S.UNDERWRITTEN: (E.PAY, E.UNDERWRITE),
            S.LODGED: (E.PAY, E.UNDERWRITE, E.ISSUE, E.LODGE),
            S.ISSUED: (E.PAY, E.UNDERWRITE, E.ISSUE),
            S.DEMANDED: (
                E.PAY, E.UNDERWRITE, E.ISSUE, E.LODGE, E.RESTORE, E.VERIFY, E.DEMAND,
            ),
        }.get(state, (E.PAY, E.UNDERWRITE, E.ISSUE, E.LODGE, E.RESTORE, E.VERIFY))  # fmt: skip
        life = walked(*path)
        if (life.state, event) not in TRANSITIONS:
            life = walked(*path, E.CONFIRM)
        with pytest.raises(Refusal) as refused:
            lived(life, event, NOW + timedelta(days=1))
        assert refused.value.code == "deposits.guarantee.document"

    def test_time_does_not_go_back(self) -> None:
        life = walked(E.PAY)
        with pytest.raises(Refusal) as refused:
            lived(life, E.UNDERWRITE, NOW)
        assert refused.value.code == "deposits.guarantee.time"

    def test_a_life_begins_in_three_ways(self) -> None:
        assert born(NOW).state is S.APPLIED
        assert born(NOW, E.LODGE, DOC).state is S.LODGED
        assert born(NOW, E.RESTORE, DOC).state is S.RESTORED
        with pytest.raises(Refusal):
            born(NOW, E.PAY)

    @given(st.lists(st.sampled_from(E), max_size=60), st.integers(0, 2))
    def test_any_order_of_events(self, events: list[Event], start: int) -> None:
        """Whatever happens, in whatever order: the steps are a path of the table, in order of time,
        each with the document it needs; a refusal changes nothing."""
        life = born(NOW, (E.APPLY, E.LODGE, E.RESTORE)[start], DOC)
        for number, event in enumerate(events, 1):
            before = life
            try:
                life = lived(life, event, NOW + timedelta(minutes=number), DOC)
            except Refusal:
                assert (before.state, event) not in TRANSITIONS
                assert life is before
            else:
                assert life.steps[:-1] == before.steps
        for one, two in zip(life.steps, life.steps[1:], strict=False):
            assert TRANSITIONS[one.state, two.event] is two.state
            assert one.at <= two.at
        paid = [step for step in life.steps if step.event is E.PAY_OUT]
        assert len(paid) <= 1
        ends = {S.CLOSED, S.INVALID}
        assert not any(step.state in ends for step in life.steps[:-1])
