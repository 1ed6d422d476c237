"""Both languages are complete, and every code the code uses has words."""

from __future__ import annotations

import re
import string
from pathlib import Path

from archive.words import Language, catalogue

API = Path(__file__).resolve().parents[2] / "api"
CODE = re.compile(r'"(api\.[a-z_]+\.[a-z0-9_.]+)"')
SPOKEN = re.compile(r'\bt\("([a-z_]+(?:\.[a-z_]+)*)"')
MODULES = ("api.migrations.", "api.commands.", "api.demo.", "api.flows.")


def names(sentence: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(sentence) if name is not None}


def test_the_same_codes_with_the_same_parameters() -> None:
    zh, en = (catalogue("api", language) for language in Language)
    assert set(zh) == set(en)
    for code in zh:
        assert names(zh[code]) == names(en[code]), code


def test_no_code_of_ours_is_without_words() -> None:
    known = catalogue("api", Language.ZH)
    used = {
        code
        for path in API.rglob("*.py")
        if "demo" not in path.parts
        for code in CODE.findall(path.read_text("utf-8"))
        if not code.startswith(MODULES)
    }
    assert len(used) > 15
    groups = {code.rpartition(".")[0] for code in known}  # a code is made of one and a value
    assert used - set(known) - groups == set()


def test_templates_speak_known_words_only() -> None:
    known = catalogue("api", Language.ZH)
    texts = [path.read_text("utf-8") for path in (API / "templates").rglob("*.html")]
    used = {f"api.page.{code}" for text in texts for code in SPOKEN.findall(text)}
    assert len(used) > 15
    assert used - set(known) == set()


def test_templates_load_nothing_from_elsewhere() -> None:
    for path in (API / "templates").rglob("*.html"):
        text = path.read_text("utf-8")
        assert not re.search(r'(?:src|href|action)="(?:https?:)?//', text), path
        assert not re.search(r"\sstyle=|\son[a-z]+=|<style|<script(?! src)", text), path
