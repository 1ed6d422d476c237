"""The synthetic pool can fill common quotas, and words exist for every code."""

import re
from collections import Counter
from pathlib import Path

from archive.errors import Faults
from archive.words import Language, catalogue
from experts.pool.expert import check
from experts.specialties import catalogue as specialties
from experts.synthetic import CAPITAL, experts
from tests.experts.world import TODAY, employer, uscc

ROOT = Path(__file__).resolve().parents[2]


class TestSyntheticExperts:
    POOL = experts(b"test", [employer(n) for n in range(200)], 2000, [uscc(n) for n in range(9)])

    def test_follow_from_the_seed(self) -> None:
        again = experts(
            b"test", [employer(n) for n in range(200)], 200, [uscc(n) for n in range(9)]
        )
        assert again == self.POOL[:200]
        assert experts(b"other", [employer(1)], 5) != experts(b"test", [employer(1)], 5)

    def test_are_sound(self) -> None:
        faults = Faults("x")
        for expert in self.POOL:
            check(expert, specialties(), TODAY, faults, "")
        assert not faults

    def test_are_visibly_nobody(self) -> None:
        assert all(re.fullmatch(r".某\d{4,}", expert.name) for expert in self.POOL)

    def test_are_spread(self) -> None:
        places = Counter(expert.prefecture for expert in self.POOL)
        assert len(places) == 16
        assert places.most_common(1)[0][0] == CAPITAL
        for code in ("A0801", "A0802", "A0803", "A0808", "A0601", "B0148", "A0832"):
            assert sum(any(s.startswith(code) for s in e.specialties) for e in self.POOL) > 30


class TestWords:
    def test_every_code_has_a_sentence_in_both_languages(self) -> None:
        text = "".join(path.read_text("utf-8") for path in (ROOT / "experts").rglob("*.py"))
        said = set(re.findall(r'"(experts\.[a-z_]+\.[a-z_]+)"', text))
        said |= {
            f"experts.verify.{n}" for n in re.findall(r'^    "([a-z]+)",$', text, re.MULTILINE)
        }
        known = set(catalogue("experts", Language.ZH))
        assert {c for c in said if not c.startswith(("experts.draws", "experts.verify."))} <= known
        assert known == set(catalogue("experts", Language.EN))

    def test_sentences_take_the_same_parameters(self) -> None:
        for code, sentence in catalogue("experts", Language.ZH).items():
            other = catalogue("experts", Language.EN)[code]
            assert set(re.findall(r"{(\w+)}", sentence)) == set(re.findall(r"{(\w+)}", other)), code
