"""What an entry of a session's record is told by: a sentence for its action, and words for the codes in it.

Pages, the page that goes with a recording and the terminal all say the same (`api/static/telling.js` is the other
implementation). A code that means something else in another kind of entry stands under `<kind>.<code>`. What may be
missing from an entry stands in a sentence in brackets: `[a|b]` is the first part of which every field is there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache
from types import MappingProxyType
from typing import Any

from archive.errors import Param
from archive.words import Language, catalogue, fill, say
from evaluation.session.state import Cause, IncidentKind
from evaluation.witness.alarms import LEVELS, Alarm, Severity, State
from evaluation.witness.media.kinds import Use, What
from evaluation.witness.sources import Wrong

ORDERS = ("SILENCE", "SEPARATE", "ESCORT", "HAND_OVER_PHONE", "STOP", "EXPLAIN")
STATES = ("ON", "OFF", "OPEN", "CLOSED", "UP", "DOWN", "MAINS", "BATTERY", "OUT", "BACK")
EXITS = ("MEAL", "MEDICAL", "REST", "OTHER")
PLACES = ("BOOTH", "REST", "ESCORTED")
VOID_FOR = ("LATE_HIT", "TAMPERED", "EXHAUSTED", "PROCEDURE")
SWITCHES = ("true", "false")
TECHNICAL = frozenset(
    [
        "algorithm",
        "bytes",
        "fence",
        "key",
        "luma",
        "name",
        "offer_seq",
        "photo",
        "root",
        "sha256",
        "sig",
        "sm3",
        "time",
    ]
)
"""Fields of witness events that nobody has to read to understand what happened: digests, keys, signatures, and
what a program counts by."""
_TOLD = ("evaluation:witness:", "evaluation:session:")
_OPTIONAL = re.compile(r"\[([^\[\]]*)\]")
_FIELD = re.compile(r"\{([a-z_0-9]+)\}")


def story_sentences(language: Language) -> dict[str, str]:
    """By action, the sentence that a session's entry is told by."""
    return {
        ":".join(code.split(".")[3:]): words
        for code, words in catalogue("api", language).items()
        if code.split(".")[2:4] == ["story", "evaluation"]
    }


def entry_values(language: Language) -> list[tuple[str, str]]:
    """(code, word) of what stands in entries as a code, and of switches."""

    def words(group: str, codes: Iterable[str], kind: str = "") -> list[tuple[str, str]]:
        said = ((str(code), say(f"api.page.{group}.{code}", {}, language)) for code in codes)
        return [(f"{kind}.{code}" if kind else code, word) for code, word in said]

    return [
        *words("watch.alarm", Alarm),
        *words("watch.orders", ORDERS),
        *words("watch.alarm_state", State),
        *words("watch.severity", Severity),
        *words("watch.level", LEVELS, "alarm"),
        *words("watch.rejected", Wrong),
        *words("watch.states", STATES),
        *words("watch.power", ["OFF"], "power"),
        *words("watch.exits", EXITS, "exit"),
        *words("watch.place", PLACES, "presence"),
        *words("watch.present", SWITCHES, "presence"),
        *words("watch.intact", SWITCHES, "seal_check"),
        *words("watch.kept", SWITCHES, "resumed"),
        *words("watch.conflict", SWITCHES, "recusal_signed"),
        *words("watch.use", Use, "station_asked"),
        *words("watch.use", Use, "station_bound"),
        *words("recording.what", What),
        *words("watch.ends", ["true"], "media_digest"),
        ("media_digest.false", ""),
        *words("leave.causes", Cause),
        *words("reevaluation.causes", VOID_FOR, "voided"),
        *(
            (f"incident.{kind}", say(f"evaluation.incident.{kind}", {}, language))
            for kind in IncidentKind
        ),
    ]


@cache
def _values(language: Language) -> dict[str, str]:
    return dict(entry_values(language))


@cache
def _sentences(language: Language) -> dict[str, str]:
    return story_sentences(language)


def told(
    action: str,
    data: Mapping[str, Any],
    language: Language,
    names: Mapping[str, str] = MappingProxyType({}),
) -> str:
    """The sentence of an entry, "" where there is none. `names`: of centres and accounts, by id."""
    sentence = _sentences(language).get(action)
    if sentence is None:
        code = f"api.page.story.{action.replace(':', '.')}"
        sentence = catalogue("api", language).get(code, "")
    params = _worded(action, data, language, names)

    def first_whole(found: re.Match[str]) -> str:
        parts = found[1].split("|")
        return next((p for p in parts if all(params.get(n) for n in _FIELD.findall(p))), "")

    whole = _OPTIONAL.sub(first_whole, sentence)
    blank = dict.fromkeys(_FIELD.findall(whole), "")
    return fill(whole, blank | params, language)


def _worded(
    action: str, data: Mapping[str, Any], language: Language, names: Mapping[str, str]
) -> dict[str, Param]:
    """Texts and numbers of an entry, with words for its codes where it is of a session."""
    known = _values(language) if action.startswith(_TOLD) else {}
    kind = action.rpartition(":")[2]
    said: dict[str, Param] = {}
    for name, value in data.items():
        if isinstance(value, bool | str):
            text = value if isinstance(value, str) else str(value).lower()
            said[name] = known.get(f"{kind}.{text}", known.get(text, names.get(text, text)))
        elif isinstance(value, int):
            said[name] = str(value)
    return said
