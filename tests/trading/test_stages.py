"""The stages of a lot: what leads where, and that nothing leads back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive.errors import Kind
from tests.trading.world import refused
from trading.projects.stages import ENDED, TRANSITIONS, Event, Stage, advance

MAIN = [
    Stage.REGISTERED,
    Stage.NOTICED,
    Stage.OPENING,
    Stage.OPENED,
    Stage.EVALUATED,
    Stage.CANDIDATES,
    Stage.AWARDED,
    Stage.CONTRACTED,
    Stage.ARCHIVED,
]


def test_the_main_way_visits_every_stage_in_order() -> None:
    events = [
        Event.NOTICE,
        Event.BEGIN_OPENING,
        Event.FINISH_OPENING,
        Event.EVALUATE,
        Event.PUBLISH_CANDIDATES,
        Event.AWARD,
        Event.CONTRACT,
        Event.ARCHIVE,
    ]
    stage, visited = Stage.REGISTERED, [Stage.REGISTERED]
    for event in events:
        stage = advance(stage, event)
        visited.append(stage)
    assert visited == MAIN


@given(st.lists(st.sampled_from(Event), max_size=30))
def test_no_sequence_of_events_leads_back(events: list[Event]) -> None:
    rank = {stage: n for n, stage in enumerate(MAIN)}
    rank |= {Stage.FAILED: 7.5, Stage.TERMINATED: 7.5}  # type: ignore[dict-item]
    stage = Stage.REGISTERED
    for event in events:
        following = TRANSITIONS.get((stage, event))
        if following is None:
            with refused("trading.lot.stage", Kind.CONFLICT):
                advance(stage, event)
            continue
        is_kept = event is Event.ARCHIVE and stage in (Stage.FAILED, Stage.TERMINATED)
        assert following is stage if is_kept else rank[following] > rank[stage]
        stage = following


def test_every_stage_can_be_reached_and_every_event_used() -> None:
    assert set(TRANSITIONS.values()) | {Stage.REGISTERED} == set(Stage)
    assert {event for _, event in TRANSITIONS} == set(Event)


@pytest.mark.parametrize("stage", sorted(ENDED))
def test_what_has_ended_can_only_be_archived(stage: Stage) -> None:
    following = {event for (at, event) in TRANSITIONS if at is stage}
    assert following <= {Event.ARCHIVE}


def test_after_the_award_nobody_gives_the_tender_up() -> None:
    """招标投标法实施条例 第三十一条 speaks of a tender that runs; 招标投标法 第四十五条 binds."""
    for stage in (Stage.AWARDED, Stage.CONTRACTED):
        with refused("trading.lot.stage", Kind.CONFLICT):
            advance(stage, Event.TERMINATE)
