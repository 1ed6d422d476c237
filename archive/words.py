"""Words beside codes: sentences for reasons, in Chinese and English.

Each package keeps `words.zh.toml` and `words.en.toml`: flat tables from code to sentence, with
`{parameters}`. A parameter that is a code, or several with commas between, names its vocabulary:
`{stage:trading.stage}` says the word `trading.stage.NOTICED` for NOTICED. One that is the code of a
thing with a name says of what kind it is: `{venue:@place}`. Whoever can look names up hands them over
(`Names`); otherwise the code is shown. Where one file would grow too long, more stand in the package's
folder `words` (`words/<subject>.zh.toml`). The first part of a code names the package, so this module
needs to know none of them. A moment is handed over as the record spells it, and said in Beijing time.
Both languages are complete by test, and no code stands in two files.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from functools import cache
from importlib import resources
from types import MappingProxyType

from archive.clock import SHANGHAI
from archive.errors import Fault, Param, Reason, Refusal


class Language(StrEnum):
    ZH = "zh"
    EN = "en"


@cache
def catalogue(package: str, language: Language) -> Mapping[str, str]:
    """All sentences of one package."""
    found: dict[str, str] = {}
    for sentences in tables(package, language).values():
        found |= sentences
    return found


def tables(package: str, language: Language) -> Mapping[str, Mapping[str, str]]:
    """The files of a package's catalogue by name: the one beside its code, and those of `words`."""
    root = resources.files(package)
    ending = f".{language}.toml"
    files = [root / f"words{ending}"]
    if (folder := root / "words").is_dir():
        more = (item for item in folder.iterdir() if item.name.endswith(ending))
        files += sorted(more, key=lambda item: item.name)
    return {file.name: tomllib.loads(file.read_text("utf-8")) for file in files}


Names = Mapping[tuple[str, str], str]
"""What a thing is called, by its kind and code."""
NAMELESS: Names = MappingProxyType({})
LIST_MARK = {Language.ZH: "、", Language.EN: ", "}
_NAMED = re.compile(r"\{(\w+):@(\w+)\}")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", re.ASCII)


def _in_beijing(found: re.Match[str]) -> str:
    """A moment as pages show it; with its second where it is not a full minute."""
    try:
        at = datetime.fromisoformat(found[0]).astimezone(SHANGHAI)
    except (ValueError, OverflowError):  # looks like a moment and is none
        return found[0]
    return f"{at:%Y-%m-%d %H:%M:%S}".removesuffix(":00")


class _Param:
    """A parameter in a sentence of a language."""

    def __init__(self, value: Param, language: Language, names: Names) -> None:
        self._value, self._language, self._names = value, language, names

    def __format__(self, vocabulary: str) -> str:
        if not vocabulary:
            return _MOMENT.sub(_in_beijing, str(self._value))
        codes = str(self._value).split(", ")
        if vocabulary.startswith("@"):
            said = [self._names.get((vocabulary[1:], code), code) for code in codes]
        else:
            words = catalogue(vocabulary.partition(".")[0], self._language)
            said = [words.get(f"{vocabulary}.{code}", code) for code in codes]
        return LIST_MARK[self._language].join(said)


def names_wanted(code: str, params: Mapping[str, Param]) -> set[tuple[str, str]]:
    """The kinds and codes of what the sentence of a code calls by its name."""
    try:
        sentence = catalogue(code.partition(".")[0], Language.ZH).get(code, "")
    except (ModuleNotFoundError, FileNotFoundError, ValueError):
        return set()
    named = ((kind, str(params.get(param, ""))) for param, kind in _NAMED.findall(sentence))
    return {(kind, one) for kind, codes in named for one in codes.split(", ")}


def say(code: str, params: Mapping[str, Param], language: Language, names: Names = NAMELESS) -> str:
    """The sentence of a code. A code without words is a defect of ours, but an answer must not
    fail over it: the code itself is shown then."""
    package = code.partition(".")[0]
    try:
        return fill(catalogue(package, language)[code], params, language, names)
    except (KeyError, ModuleNotFoundError, FileNotFoundError, IndexError, ValueError):
        return f"[{code}] " + ", ".join(f"{k}={v}" for k, v in params.items())


def fill(
    sentence: str, params: Mapping[str, Param], language: Language, names: Names = NAMELESS
) -> str:
    """A sentence with its parameters; KeyError where one is missing."""
    worded = {name: _Param(value, language, names) for name, value in params.items()}
    return sentence.format_map(worded)


def render(said: Reason | Refusal | Fault, language: Language) -> str:
    return say(said.code, said.params, language)
