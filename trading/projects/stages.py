"""The life of a lot (标段) as data: which event leads from which stage to which.

    REGISTERED → NOTICED → OPENING → OPENED → EVALUATED → CANDIDATES → AWARDED → CONTRACTED → ARCHIVED

FAILED (流标): too few bidders, or all bids rejected. TERMINATED (终止招标, 条例 第三十一条): the
tenderer gives up before the award. Nothing follows them, a new tender is a new lot; they too are
archived, and stay what they are: that the file is sealed stands beside the stage. Stages never go back; what was wrong is suspended or annulled by supervisors, outside.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from archive.errors import Kind, Refusal


class Stage(StrEnum):
    """Where a lot stands."""

    REGISTERED = "REGISTERED"  # 已受理
    NOTICED = "NOTICED"  # 已公告
    OPENING = "OPENING"  # 开标中
    OPENED = "OPENED"  # 已开标
    EVALUATED = "EVALUATED"  # 已评标
    CANDIDATES = "CANDIDATES"  # 候选人公示
    AWARDED = "AWARDED"  # 已定标
    CONTRACTED = "CONTRACTED"  # 已签约
    ARCHIVED = "ARCHIVED"  # 已归档
    FAILED = "FAILED"  # 流标
    TERMINATED = "TERMINATED"  # 终止


class Event(StrEnum):
    """What moves a lot on."""

    NOTICE = "NOTICE"
    BEGIN_OPENING = "BEGIN_OPENING"
    FINISH_OPENING = "FINISH_OPENING"
    EVALUATE = "EVALUATE"
    PUBLISH_CANDIDATES = "PUBLISH_CANDIDATES"
    AWARD = "AWARD"
    CONTRACT = "CONTRACT"
    ARCHIVE = "ARCHIVE"
    FAIL = "FAIL"
    TERMINATE = "TERMINATE"


_S, _E = Stage, Event
TRANSITIONS: Mapping[tuple[Stage, Event], Stage] = MappingProxyType(
    {
        (_S.REGISTERED, _E.NOTICE): _S.NOTICED,
        (_S.NOTICED, _E.BEGIN_OPENING): _S.OPENING,
        (_S.OPENING, _E.FINISH_OPENING): _S.OPENED,
        (_S.OPENED, _E.EVALUATE): _S.EVALUATED,
        (_S.EVALUATED, _E.PUBLISH_CANDIDATES): _S.CANDIDATES,
        (_S.CANDIDATES, _E.AWARD): _S.AWARDED,
        (_S.AWARDED, _E.CONTRACT): _S.CONTRACTED,
        (_S.CONTRACTED, _E.ARCHIVE): _S.ARCHIVED,
        (_S.FAILED, _E.ARCHIVE): _S.FAILED,
        (_S.TERMINATED, _E.ARCHIVE): _S.TERMINATED,
        (_S.NOTICED, _E.FAIL): _S.FAILED,
        (_S.OPENING, _E.FAIL): _S.FAILED,
        (_S.OPENED, _E.FAIL): _S.FAILED,
        (_S.EVALUATED, _E.FAIL): _S.FAILED,
        (_S.REGISTERED, _E.TERMINATE): _S.TERMINATED,
        (_S.NOTICED, _E.TERMINATE): _S.TERMINATED,
        (_S.OPENING, _E.TERMINATE): _S.TERMINATED,
        (_S.OPENED, _E.TERMINATE): _S.TERMINATED,
        (_S.EVALUATED, _E.TERMINATE): _S.TERMINATED,
        (_S.CANDIDATES, _E.TERMINATE): _S.TERMINATED,
    }
)

BEFORE_OPENING = frozenset({Stage.REGISTERED, Stage.NOTICED})
"""Stages in which nobody may know who bids."""
ENDED = frozenset({Stage.ARCHIVED, Stage.FAILED, Stage.TERMINATED})


def advance(stage: Stage, event: Event) -> Stage:
    """The stage that follows; CONFLICT where the event does not belong to this stage."""
    following = TRANSITIONS.get((stage, event))
    if following is None:
        raise Refusal("trading.lot.stage", {"stage": stage, "event": event}, Kind.CONFLICT)
    return following
