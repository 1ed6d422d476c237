"""Every code that sessions, scoring, witnessing and reports can say has a sentence in both
languages, with the same parameters; and no sentence stands there for nobody."""

import re
import string
from pathlib import Path

import pytest

from archive.words import Language, catalogue

ROOT = Path(__file__).resolve().parents[2] / "evaluation"
CODE = re.compile(r'"(evaluation\.(?:session|score|witness|report)\.[a-z_]+)"')


def codes() -> set[str]:
    found: set[str] = set()
    for path in ROOT.rglob("*.py"):
        found |= set(CODE.findall(path.read_text("utf-8")))
    return found


def ours(language: Language) -> dict[str, str]:
    sentences = catalogue("evaluation", language)
    return {code: text for code, text in sentences.items() if CODE.fullmatch(f'"{code}"')}


def fields(sentence: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(sentence) if name}


@pytest.mark.parametrize("language", list(Language))
def test_codes_and_sentences_are_the_same_set(language: Language) -> None:
    assert len(codes()) > 120
    assert set(ours(language)) == codes()


def test_both_languages_fill_in_the_same_parameters() -> None:
    zh, en = ours(Language.ZH), ours(Language.EN)
    assert {code for code in zh if fields(zh[code]) != fields(en[code])} == set()
