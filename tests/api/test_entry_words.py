"""What an entry of the watch says is said in words: no code is left over, and none says something else."""

from __future__ import annotations

import pytest

from api.pages.entry_words import story_sentences, worded
from archive.words import Language

VENUE = "530100"
TOLD = [
    ("door", {"venue": VENUE, "door": "d1", "state": "OPEN"}, "530100 门 d1 打开。"),
    ("power", {"venue": VENUE, "state": "OFF"}, "530100 供电:断电。"),
    ("network", {"venue": VENUE, "state": "UP"}, "530100 网络恢复。"),
    ("duty", {"witness": "w", "state": "OFF"}, "见证人 w 离岗。"),
    ("exit", {"seat": "A", "state": "OUT", "reason": "MEAL"}, "A 席离位(用餐)。"),
    (
        "alarm",
        {"venue": VENUE, "alarm": "POWER_CUT", "state": "CLEARED"},
        "530100 告警解除:供电中断。",
    ),
    ("order", {"order": "STOP"}, "现场指令:停止评审。"),
    ("incident", {"kind": "SEAL_DIFFERS", "detail": VENUE}, "发生异常:封签号不符。"),
]


@pytest.mark.parametrize(("kind", "data", "said"), TOLD)
def test_an_entry_is_told_in_words(kind: str, data: dict[str, str], said: str) -> None:
    room = "session" if kind == "incident" else "witness"
    action = f"evaluation:{room}:{kind}"
    sentence = story_sentences(Language.ZH)[action]
    assert sentence.format(**worded(action, data, Language.ZH)) == said
    english = story_sentences(Language.EN)[action].format(**worded(action, data, Language.EN))
    assert not {
        code for code in data.values() if code.isupper() and len(code) > 1 and code in english
    }


def test_other_entries_keep_their_codes() -> None:
    assert worded("trading:lot:x", {"state": "OPEN"}, Language.ZH) == {"state": "OPEN"}
