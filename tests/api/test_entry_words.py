"""What an entry of the watch says is said in words: every field that a person needs, no code left over, and none
that says something else.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from api.pages.entry_words import TECHNICAL, story_sentences, told
from archive.words import Language
from evaluation.witness.events import KINDS, SWITCH, EventKind

VENUE = "530100"
NAMES = {VENUE: "昆明中心(示例)", "w-1": "甲(示例)"}
TOLD = [
    ("door", {"venue": VENUE, "door": "d1", "state": "OPEN"}, "530100 门 d1 打开。"),
    ("power", {"venue": VENUE, "state": "OFF"}, "530100 供电:断电。"),
    ("network", {"venue": VENUE, "state": "UP"}, "530100 网络恢复。"),
    (
        "network",
        {"venue": VENUE, "state": "DOWN", "station": "c1", "loss_permille": 0},
        "530100 工位 c1 网络中断,丢包率 0‰。",
    ),
    ("duty", {"witness": "w", "state": "OFF"}, "见证人 w 离岗。"),
    ("exit", {"seat": "A", "state": "OUT", "reason": "MEAL"}, "A 席离位(用餐)。"),
    ("presence", {"seat": "A", "place": "REST", "present": False}, "A 席不在位(休息区)。"),
    (
        "seal_check",
        {"venue": VENUE, "number": "X1", "intact": False},
        "530100 巡查封签 X1:破损。",
    ),
    (
        "alarm",
        {"venue": VENUE, "alarm": "POWER_CUT", "state": "CLEARED"},
        "530100 告警解除:供电中断。",
    ),
    (
        "alarm",
        {"venue": VENUE, "alarm": "CAMERA_LOST", "state": "RAISED", "station": "c1", "to": "HOST"},
        "530100(c1) 告警提出:摄像中断,由主场处置。",
    ),
    ("order", {"order": "STOP"}, "现场指令:停止评审。"),
    ("order", {"order": "STOP", "seat": "A"}, "现场指令(致 A 席):停止评审。"),
    ("clock_step", {"venue": VENUE, "step_ms": -7}, "530100 服务器时钟跳变 -7 毫秒。"),
    (
        "media_digest",
        {"track": "t1", "n": 0, "begins_at": "2026-10-21T01:00:00.000Z", "duration_ms": 2000,
         "what": "CAMERA", "ends": False},
        "登记录制片段(摄像头):轨道 t1 第 0 段,自 2026-10-21 09:00 起 2000 毫秒。",
    ),
    ("incident", {"kind": "SEAL_DIFFERS", "detail": VENUE}, "发生异常:封签号不符(530100)。"),
    ("resumed", {"presence_kept": False}, "复会,继续评审;夜间在位核查曾逾期。"),
]  # fmt: skip
SESSION = ("incident", "resumed")


@pytest.mark.parametrize(("kind", "data", "said"), TOLD)
def test_an_entry_is_told_in_words(kind: str, data: dict[str, Any], said: str) -> None:
    room = "session" if kind in SESSION else "witness"
    action = f"evaluation:{room}:{kind}"
    assert told(action, data, Language.ZH) == said
    english = told(action, data, Language.EN)
    codes = {str(code) for code in data.values() if str(code).isupper() and len(str(code)) > 2}
    assert not {code for code in codes if code in english}


def examples(kind: EventKind) -> Iterator[dict[str, Any]]:
    """Entries of a kind: with all fields and with the needed ones alone, each choice once."""
    forms = {name: _values(name, field.form) for name, field in kind.fields.items()}
    for n in range(max(map(len, forms.values()))):
        whole = {name: values[n % len(values)] for name, values in forms.items()}
        yield whole
        yield {name: value for name, value in whole.items() if name not in kind.optional}


def _values(name: str, form: str) -> list[Any]:
    if form == SWITCH.form:
        return [True, False]
    if " | " in form:
        return form.split(" | ")
    match name:
        case "venue":
            return [VENUE]
        case "witness" | "incoming" | "outgoing":
            return ["w-1"]
        case "to":
            return ["WITNESS", "HOST", "SUPERVISOR", "w-1"]
        case "begins_at" | "ends_at":
            return ["2026-10-21T01:00:00.000Z", "2026-10-21T01:02:03.000Z"]
        case "what":
            return [form]
    return [7] if ".." in form and form[0] in "-0123456789" else [f"x-{name}"]


@pytest.mark.parametrize("language", list(Language))
@pytest.mark.parametrize("kind", KINDS.values(), ids=list(KINDS))
def test_every_kind_tells_what_a_person_needs(kind: EventKind, language: Language) -> None:
    """Whoever adds a field says what it means, or that nobody has to read it."""
    action = f"evaluation:witness:{kind.name}"
    sentence = story_sentences(language)[action]
    needed = kind.fields.keys() - TECHNICAL
    assert needed <= set(re.findall(r"\{([a-z_0-9]+)\}", sentence))
    for data in examples(kind):
        said = told(action, data, language, NAMES)
        assert VENUE not in said, "a place has a name"
        assert not re.search(r"[A-Z]{2}|true|false|[\[\]{}|]|\(\)|  | [,.。]", said), said
        for name in needed & data.keys():
            if str(data[name]).startswith("x-") or data[name] == 7:
                assert str(data[name]) in said


def test_every_act_of_a_session_has_its_sentence() -> None:
    """What the machine records by name, a person can read."""
    from pathlib import Path

    folder = Path(__file__).resolve().parents[2] / "evaluation" / "session"
    named = {
        name
        for path in folder.glob("*.py")
        for name in re.findall(r"\bevent\(\s*\"([a-z_]+)\"", path.read_text("utf-8"))
    }
    assert len(named) > 30
    known = story_sentences(Language.ZH)
    assert {name for name in named if f"evaluation:session:{name}" not in known} == set()


def test_other_entries_keep_their_codes() -> None:
    data = {"bidder": "OPEN"}
    assert told("deposits:guarantee:closed", data, Language.ZH) == "OPEN 的保函已结清。"
    assert told("no:such:action", data, Language.ZH) == ""
