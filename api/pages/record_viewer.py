"""The page that goes with a session's recording: it shows and checks it in a browser, offline.

`index.html` (Chinese) and `index.en.html` hold words alone; `viewer.js` does the checking, from the log's
own files in `record.js`. No file of it asks for anything outside its folder.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from api.pages.templating import STATIC, render_alone
from archive.words import Language, catalogue, say
from evaluation.witness.alarms import Alarm, State
from evaluation.witness.sources import Wrong

PAGES = {Language.ZH: "index.html", Language.EN: "index.en.html"}
ASSETS = ("viewer.js", "viewer.css")
ORDERS = ("SILENCE", "SEPARATE", "ESCORT", "HAND_OVER_PHONE", "STOP", "EXPLAIN")


def viewer_files(lot: str, vkey: str, centres: Mapping[str, str]) -> dict[str, bytes]:
    """The page's files. `lot` is its heading, `vkey` the log's key, `centres` their names by id."""
    files = {name: (STATIC / "record" / name).read_bytes() for name in ASSETS}
    for language, name in PAGES.items():
        context = {
            "lot": lot,
            "vkey": vkey,
            "sentences": story_sentences(language),
            "values": [*centres.items(), *entry_values(language)],
        }
        files[name] = render_alone("record/index.html", context, language).encode()
    return files


def story_sentences(language: Language) -> dict[str, str]:
    """By action, the sentence that a session's entry is told by."""
    return {
        ":".join(code.split(".")[3:]): words
        for code, words in catalogue("api", language).items()
        if code.split(".")[2:4] == ["story", "evaluation"]
    }


def entry_values(language: Language) -> list[tuple[str, str]]:
    """(code, word) of what stands in entries as a code."""

    def words(group: str, codes: Iterable[str]) -> list[tuple[str, str]]:
        return [(str(code), say(f"api.page.{group}.{code}", {}, language)) for code in codes]

    return [
        *words("watch.alarm", Alarm),
        *words("watch.orders", ORDERS),
        *words("watch.alarm_state", State),
        *words("watch.rejected", Wrong),
        *words("watch.states", STATES),
    ]


STATES = ("ON", "OFF", "OPEN", "CLOSED", "UP", "DOWN", "MAINS", "BATTERY", "OUT", "BACK")
