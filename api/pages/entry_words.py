"""What an entry of a session's record is told by: a sentence for its action, and words for the codes in it.

Pages, the page that goes with a recording and the terminal all say the same. A code that means something else in
another kind of entry stands under `<kind>.<code>`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache

from archive.errors import Param
from archive.words import Language, catalogue, say
from evaluation.session.state import IncidentKind
from evaluation.witness.alarms import Alarm, State
from evaluation.witness.sources import Wrong

ORDERS = ("SILENCE", "SEPARATE", "ESCORT", "HAND_OVER_PHONE", "STOP", "EXPLAIN")
STATES = ("ON", "OFF", "OPEN", "CLOSED", "UP", "DOWN", "MAINS", "BATTERY", "OUT", "BACK")
EXITS = ("MEAL", "MEDICAL", "REST", "OTHER")
_TOLD = ("evaluation:witness:", "evaluation:session:incident")


def story_sentences(language: Language) -> dict[str, str]:
    """By action, the sentence that a session's entry is told by."""
    return {
        ":".join(code.split(".")[3:]): words
        for code, words in catalogue("api", language).items()
        if code.split(".")[2:4] == ["story", "evaluation"]
    }


def entry_values(language: Language) -> list[tuple[str, str]]:
    """(code, word) of what stands in entries as a code."""

    def words(group: str, codes: Iterable[str], kind: str = "") -> list[tuple[str, str]]:
        said = ((str(code), say(f"api.page.{group}.{code}", {}, language)) for code in codes)
        return [(f"{kind}.{code}" if kind else code, word) for code, word in said]

    return [
        *words("watch.alarm", Alarm),
        *words("watch.orders", ORDERS),
        *words("watch.alarm_state", State),
        *words("watch.rejected", Wrong),
        *words("watch.states", STATES),
        *words("watch.power", ["OFF"], "power"),
        *words("watch.exits", EXITS, "exit"),
        *(
            (f"incident.{kind}", say(f"evaluation.incident.{kind}", {}, language))
            for kind in IncidentKind
        ),
    ]


@cache
def _values(language: Language) -> dict[str, str]:
    return dict(entry_values(language))


def worded(action: str, params: Mapping[str, Param], language: Language) -> dict[str, Param]:
    """`params` with words for the codes of an entry of the watch; as they are for any other."""
    if not action.startswith(_TOLD):
        return dict(params)
    known, kind = _values(language), action.rpartition(":")[2]
    return {
        name: known.get(f"{kind}.{value}", known.get(str(value), value))
        for name, value in params.items()
    }
