"""Words beside codes: sentences for reasons, in Chinese and English.

Each package keeps `words.zh.toml` and `words.en.toml`: flat tables from code to sentence, with
`{parameters}`. The first part of a code names the package, so this module needs to know none of
them. Both languages are complete by test.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from importlib import resources

from archive.errors import Fault, Param, Reason, Refusal


class Language(StrEnum):
    ZH = "zh"
    EN = "en"


@cache
def catalogue(package: str, language: Language) -> Mapping[str, str]:
    """All sentences of one package."""
    text = (resources.files(package) / f"words.{language}.toml").read_text("utf-8")
    return tomllib.loads(text)


def say(code: str, params: Mapping[str, Param], language: Language) -> str:
    """The sentence of a code. A code without words is a defect of ours, but an answer must not
    fail over it: the code itself is shown then."""
    package = code.partition(".")[0]
    try:
        return catalogue(package, language)[code].format_map(dict(params))
    except (KeyError, ModuleNotFoundError, FileNotFoundError, IndexError, ValueError):
        return f"[{code}] " + ", ".join(f"{k}={v}" for k, v in params.items())


def render(said: Reason | Refusal | Fault, language: Language) -> str:
    return say(said.code, said.params, language)
