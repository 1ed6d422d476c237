"""Every code of this room has its sentence in both languages, with the parameters it is given."""

from __future__ import annotations

import re
import string
from pathlib import Path

from archive.words import Language, catalogue
from trading.rules.book import book

ROOM = Path(__file__).resolve().parents[2] / "deposits"
_CODE = re.compile(r'"(deposits\.[a-z]+\.[a-z_]+)"')


def codes_in_the_source() -> set[str]:
    text = "".join(path.read_text("utf-8") for path in ROOM.rglob("*.py"))
    return set(_CODE.findall(text))


def names(sentence: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(sentence) if name}


def test_every_code_has_words_and_every_word_a_code() -> None:
    zh, en = catalogue("deposits", Language.ZH), catalogue("deposits", Language.EN)
    assert set(zh) == set(en)
    said = {code for code in zh if not code.startswith("deposits.step.")}
    assert said == codes_in_the_source()


def test_both_languages_say_the_same_things() -> None:
    zh, en = catalogue("deposits", Language.ZH), catalogue("deposits", Language.EN)
    for code in zh:
        assert names(zh[code]) >= names(en[code]) - {"count"}, code
        assert names(en[code]) >= names(zh[code]) - {"count"}, code


def test_every_rule_that_the_room_names_is_in_the_book() -> None:
    text = "".join(path.read_text("utf-8") for path in ROOM.rglob("*.py"))
    named = set(re.findall(r'"((?:deposit|guarantee)\.[a-z_]+)"', text))
    held = {rule for rule in book().ids if rule.startswith(("deposit.", "guarantee."))}
    assert named == held
