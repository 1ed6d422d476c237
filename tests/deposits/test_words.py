"""Every code of this room has its sentence in both languages, with the parameters it is given."""

from __future__ import annotations

import re
from pathlib import Path

from archive.words import Language, catalogue
from trading.rules.book import book

ROOM = Path(__file__).resolve().parents[2] / "deposits"
_CODE = re.compile(r'"(deposits\.[a-z]+\.[a-z_]+)"')


def codes_in_the_source() -> set[str]:
    text = "".join(path.read_text("utf-8") for path in ROOM.rglob("*.py"))
    return set(_CODE.findall(text))


def test_every_code_has_words_and_every_word_a_code() -> None:
    # Of a rule's id, and the words of vocabularies.
    made_up = (
        "deposits.step.",
        "deposits.form.",
        "deposits.guarantee_state.",
        "deposits.guarantee_event.",
        "deposits.demand_state.",
        "deposits.endorsement_state.",
        "deposits.holding_state.",
        "deposits.key_algorithm.",
        "deposits.issuer_why.",
    )
    said = {code for code in catalogue("deposits", Language.ZH) if not code.startswith(made_up)}
    assert said == codes_in_the_source()


def test_every_rule_that_the_room_names_is_in_the_book() -> None:
    text = "".join(path.read_text("utf-8") for path in ROOM.rglob("*.py"))
    named = set(re.findall(r'"((?:deposit|guarantee)\.[a-z_]+)"', text))
    held = {rule for rule in book().ids if rule.startswith(("deposit.", "guarantee."))}
    assert named == held
