"""The page that goes with a session's recording: it shows and checks it in a browser, offline.

`index.html` (Chinese) and `index.en.html` hold words alone; `viewer.js` does the checking, from the log's
own files in `record.js`; `pictures.js` shows the pictures of the folder that the reader chooses. No file of it asks for anything outside its folder.
"""

from __future__ import annotations

from collections.abc import Mapping

from api.pages.entry_words import entry_values, story_sentences
from api.pages.templating import STATIC, render_alone
from archive.words import Language

PAGES = {Language.ZH: "index.html", Language.EN: "index.en.html"}
ASSETS = ("record/viewer.js", "record/pictures.js", "record/viewer.css", "telling.js")


def viewer_files(lot: str, vkey: str, centres: Mapping[str, str]) -> dict[str, bytes]:
    """The page's files. `lot` is its heading, `vkey` the log's key, `centres` their names by id."""
    files = {(STATIC / name).name: (STATIC / name).read_bytes() for name in ASSETS}
    for language, name in PAGES.items():
        context = {
            "lot": lot,
            "vkey": vkey,
            "sentences": story_sentences(language),
            "values": [*centres.items(), *entry_values(language)],
        }
        files[name] = render_alone("record/index.html", context, language).encode()
    return files
