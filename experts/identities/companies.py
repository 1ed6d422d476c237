"""One company under several codes or names (同一单位识别): what is compared, and what was confirmed.

A unified social credit code (GB 32100-2015) holds the organisation code (GB 11714) at its places 9
to 17. It stays when the registering department changes, so two codes with one organisation code are
one body. Names are compared by a key: full-width signs as half-width ones (NFKC), no blanks, quotes
or brackets, and without the legal form, which changes when a works becomes a company, a limited
company, a joint-stock company or a group (改制). What tells two companies of one house apart stays:
ordinals (第一、二), places, and whether it is a branch (分公司).

A likeness is never acted on: it becomes a proposal that a person confirms (`experts.identities`).
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType

KEY_CHARACTERS_MIN = 3
SHARED_MAX = 6
_FORMS = re.compile(
    r"(集团)?(股份有限责任公司|股份有限公司|有限责任公司|有限公司|集团公司|总公司|集团|总厂|公司|厂)$"
)
_SIGNS = re.compile(r"[\s()\[\]{}<>《》“”\"'·.,，、\-]+")
_DIGITS = str.maketrans("0123456789", "〇一二三四五六七八九")


def name_key(name: str) -> str:
    """What two names of one company have in common. Empty where only a legal form is left."""
    plain = _SIGNS.sub("", unicodedata.normalize("NFKC", name)).casefold().translate(_DIGITS)
    if plain.endswith("分公司"):
        return plain
    return _FORMS.sub("", plain)


def organisation_code(uscc: str) -> str:
    """Places 9 to 17 of a unified social credit code."""
    return uscc[8:17]


@dataclass(frozen=True)
class Same:
    """Confirmed identities: each code of a group stands for its canonical one, the smallest."""

    canonical: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    @classmethod
    def of(cls, pairs: Iterable[tuple[str, str]]) -> Same:
        """The groups that these confirmed pairs make."""
        parent: dict[str, str] = {}

        def root(code: str) -> str:
            while parent.setdefault(code, code) != code:
                code = parent[code]
            return code

        for one, other in pairs:
            low, high = sorted((root(one), root(other)))
            parent[high] = low
        return cls({code: root(code) for code in sorted(parent)})

    def of_code(self, code: str) -> str:
        """The code that the company is known by."""
        return self.canonical.get(code, code)

    def codes_of(self, code: str) -> tuple[str, ...]:
        """All codes of the same company, ascending."""
        return self._groups.get(self.of_code(code), (code,))

    @cached_property
    def _groups(self) -> Mapping[str, tuple[str, ...]]:
        found: dict[str, list[str]] = defaultdict(list)
        for code, known_by in self.canonical.items():
            found[known_by].append(code)
        return {known_by: tuple(codes) for known_by, codes in found.items()}


@dataclass(frozen=True)
class Likeness:
    """Two codes that may be one company, and by what: `code`, `name`."""

    one: str
    other: str
    by: tuple[str, ...]


def likenesses(names: Mapping[str, str]) -> tuple[Likeness, ...]:
    """All pairs among these companies (code → name) that look like one, in order. A name that more
    than `SHARED_MAX` companies share says nothing."""
    by_key: dict[tuple[str, str], list[str]] = defaultdict(list)
    for uscc in sorted(names):
        by_key["code", organisation_code(uscc)].append(uscc)
        key = name_key(names[uscc])
        if len(key) >= KEY_CHARACTERS_MIN:
            by_key["name", key].append(uscc)
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    for (by, _), usccs in by_key.items():
        if 1 < len(usccs) <= SHARED_MAX:
            for index, one in enumerate(usccs):
                for other in usccs[index + 1 :]:
                    found[one, other].append(by)
    return tuple(
        Likeness(one, other, tuple(sorted(by))) for (one, other), by in sorted(found.items())
    )
