"""Every code that trading can say has a sentence in both languages, with the same parameters."""

import re
import string
from pathlib import Path

import pytest

from archive.words import Language, catalogue

ROOT = Path(__file__).resolve().parents[2] / "trading"
CODE = re.compile(r'"(trading\.[a-z_]+\.[a-z_]+)"')
MODULES = {"trading.rules.packs", "trading.reference"}


def codes() -> set[str]:
    found: set[str] = set()
    for path in ROOT.rglob("*.py"):
        found |= set(CODE.findall(path.read_text("utf-8")))
    return found - MODULES


def fields(sentence: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(sentence) if name}


@pytest.mark.parametrize("language", list(Language))
def test_codes_and_sentences_are_the_same_set(language: Language) -> None:
    assert len(codes()) > 90
    assert set(catalogue("trading", language)) == codes()


def test_both_languages_fill_in_the_same_parameters() -> None:
    zh, en = catalogue("trading", Language.ZH), catalogue("trading", Language.EN)
    assert {c for c in zh if fields(zh[c]) != fields(en[c])} == set()
