"""Every code that the product can say has its sentence in Chinese and in English.

Codes are read from the syntax trees of the six packages: whatever text of the form
`<package>.<subject>.<what>` is handed to `Refusal`, `Reason`, `Fault`, `Faults` or to a method that
collects faults or findings. A code made at run time is not found, so there should be none.
"""

import ast
import string
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import pytest

from api.flows.naming import KINDS
from archive.actor import Role
from archive.errors import Fault, Param, Reason, Refusal
from archive.words import Language, catalogue, names_wanted, render, say
from deposits.cash.holding import HoldingState
from deposits.forms import DepositForm
from deposits.guarantees.demands.demand import DemandState
from deposits.guarantees.extending.endorsement import EndorsementState
from deposits.guarantees.states import Event as GuaranteeEvent
from deposits.guarantees.states import GuaranteeState
from deposits.issuers.desk import IssuerWhy
from deposits.issuers.issuer import KeyAlgorithm
from evaluation.session.commands import Command
from evaluation.session.state import IncidentKind, SealFinding
from evaluation.session.state import Stage as SessionStage
from evaluation.stations.slots import Part
from evaluation.stations.station import Equipment
from experts.draws.request import State as DrawState
from experts.pool.standing.history import Stage as PoolStage
from experts.pool.standing.machine import FROM
from trading.objections.objection import ObjectionStage, ObjectionState
from trading.parties.party import OrganisationKind, Relation
from trading.projects.stages import Event, Stage
from trading.regime import Regime

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("archive", "trading", "experts", "deposits", "evaluation", "api")
MAKERS = {"Refusal", "Reason", "Fault", "Faults"}
COLLECTORS = {"add", "not_run", "_add", "refuse", "fault"}
ADDED = {"Faults": {"count"}}
"""Parameters that a maker adds by itself."""


@dataclass(frozen=True)
class Use:
    """A code in the source, with the parameters given beside it where they can be read there."""

    where: str
    code: str
    params: frozenset[str] | None


def is_code(text: object) -> bool:
    if not isinstance(text, str):
        return False
    parts = text.split(".")
    return (
        len(parts) >= 3
        and parts[0] in PACKAGES
        and all(part.replace("_", "a").isalnum() and part.islower() for part in parts)
    )


def uses_in(source: str, where: str) -> Iterator[Use]:
    for node in ast.walk(ast.parse(source, filename=where)):
        if not isinstance(node, ast.Call):
            continue
        name = getattr(node.func, "attr", getattr(node.func, "id", ""))
        if name not in MAKERS | COLLECTORS:
            continue
        given = [*node.args, *(keyword.value for keyword in node.keywords)]
        for value in given:
            if isinstance(value, ast.Constant) and is_code(value.value):
                params = _params(node, name)
                yield Use(f"{where}:{node.lineno}", str(value.value), params)


def _params(node: ast.Call, name: str) -> frozenset[str] | None:
    """The names of the parameters; None where they are computed elsewhere."""
    if name in COLLECTORS:
        names = [keyword.arg for keyword in node.keywords]
        if None in names or len(node.args) != 2:
            return None
        return frozenset(str(n) for n in names)
    position = {"Fault": 2}.get(name, 1)
    value: ast.expr | None = node.args[position] if len(node.args) > position else None
    for keyword in node.keywords:
        if keyword.arg == "params":
            value = keyword.value
    if value is None:
        return frozenset(ADDED.get(name, set()))
    if not isinstance(value, ast.Dict) or not all(isinstance(k, ast.Constant) for k in value.keys):
        return None
    return frozenset(str(k.value) for k in value.keys if isinstance(k, ast.Constant))


def uses() -> list[Use]:
    return [
        use
        for package in PACKAGES
        for path in sorted((ROOT / package).rglob("*.py"))
        for use in uses_in(path.read_text(), path.relative_to(ROOT).as_posix())
    ]


def files(package: str, language: Language) -> list[dict[str, str]]:
    paths = [ROOT / package / f"words.{language}.toml"]
    paths += sorted((ROOT / package / "words").glob(f"*.{language}.toml"))
    return [tomllib.loads(path.read_text()) for path in paths if path.exists()]


def read(package: str, language: Language) -> dict[str, str]:
    return {code: text for table in files(package, language) for code, text in table.items()}


def placeholders(sentence: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(sentence) if name is not None}


USES = uses()


class TestTheCatalogues:
    @pytest.mark.parametrize("package", PACKAGES)
    def test_both_languages_say_the_same_things(self, package: str) -> None:
        zh, en = read(package, Language.ZH), read(package, Language.EN)
        assert sorted(zh.keys() ^ en.keys()) == []
        differing = [code for code in zh if placeholders(zh[code]) != placeholders(en[code])]
        assert differing == []
        assert [code for code in zh if code.partition(".")[0] != package] == []

    @pytest.mark.parametrize("package", PACKAGES)
    def test_no_code_stands_in_two_files(self, package: str) -> None:
        """Of two sentences one would win by the name of its file."""
        for language in Language:
            codes = Counter(code for table in files(package, language) for code in table)
            assert [code for code, count in codes.items() if count > 1] == []
            assert dict(catalogue(package, language)) == read(package, language)

    # The switch to the other language names it as its readers do.
    FOREIGN = frozenset({"api.page.language"})

    @pytest.mark.parametrize("package", PACKAGES)
    def test_each_is_in_its_own_language(self, package: str) -> None:
        def is_chinese(text: str) -> bool:
            return any("\u4e00" <= character <= "\u9fff" for character in text)

        assert [
            code
            for code, text in read(package, Language.ZH).items()
            if not is_chinese(text) and code not in self.FOREIGN
        ] == []
        # An English sentence may quote a Chinese term or article, but has words of its own.
        assert [
            code
            for code, text in read(package, Language.EN).items()
            if sum("a" <= c.lower() <= "z" for c in text) < 2 and code not in self.FOREIGN
        ] == []

    @pytest.mark.parametrize("package", PACKAGES)
    def test_every_code_has_its_sentence(self, package: str) -> None:
        zh = read(package, Language.ZH)
        own = [use for use in USES if use.code.partition(".")[0] == package]
        assert sorted({f"{use.where} {use.code}" for use in own if use.code not in zh}) == []

    @pytest.mark.parametrize("package", PACKAGES)
    def test_every_placeholder_is_filled(self, package: str) -> None:
        en = read(package, Language.EN)
        unfilled = [
            f"{use.where} {use.code}: {sorted(missing)}"
            for use in USES
            if use.code.partition(".")[0] == package and use.params is not None
            if (missing := placeholders(en.get(use.code, "")) - use.params)
        ]
        assert unfilled == []

    @pytest.mark.parametrize("package", ["archive", "trading"])
    def test_nothing_is_said_that_nobody_says(self, package: str) -> None:
        """For those whose codes all stand whole in their own source."""
        text = "".join(path.read_text() for path in (ROOT / package).rglob("*.py"))
        words = tuple(f"{vocabulary}." for vocabulary in VOCABULARIES)
        own = [code for code in read(package, Language.EN) if not code.startswith(words)]
        assert [code for code in own if f'"{code}"' not in text] == []


def flaws() -> set[str]:
    """What the verifier of draws may find wrong: the second argument of its `need`, and the pseudonyms
    that it compares."""
    tree = ast.parse((ROOT / "experts" / "draws" / "verify.py").read_text("utf-8"))
    found = {"malformed", "proof", "unit", "area"}
    for call in ast.walk(tree):
        if isinstance(call, ast.Call) and ast.unparse(call.func) == "need":
            what = call.args[1]
            found |= {str(what.value)} if isinstance(what, ast.Constant) else set()
    return found


VOCABULARIES: dict[str, Iterable[str]] = {
    "archive.role": Role,
    "trading.stage": Stage,
    "trading.event": Event,
    "trading.regime": Regime,
    "trading.organisation_kind": OrganisationKind,
    "trading.relation": Relation,
    "trading.objection_stage": ObjectionStage,
    "trading.objection_state": ObjectionState,
    "experts.stage": [*PoolStage, "NONE"],
    "experts.command": [command.__name__ for command in FROM],
    "experts.draw_state": DrawState,
    "experts.flaw": flaws(),
    "deposits.form": DepositForm,
    "deposits.guarantee_state": GuaranteeState,
    "deposits.guarantee_event": GuaranteeEvent,
    "deposits.demand_state": DemandState,
    "deposits.endorsement_state": EndorsementState,
    "deposits.holding_state": HoldingState,
    "deposits.issuer_why": IssuerWhy,
    "deposits.key_algorithm": KeyAlgorithm,
    "evaluation.stage": SessionStage,
    "evaluation.incident": IncidentKind,
    "evaluation.seal_finding": SealFinding,
    "evaluation.equipment": Equipment.__members__,
    "evaluation.part": Part.__members__,
    "evaluation.command": [one.__name__ for one in get_args(Command)],
}


class TestVocabularies:
    """A sentence shows no code where there is a word for it."""

    @pytest.mark.parametrize("vocabulary", list(VOCABULARIES))
    def test_every_code_has_its_word(self, vocabulary: str) -> None:
        words = catalogue(vocabulary.partition(".")[0], Language.ZH)
        codes = [str(code) for code in VOCABULARIES[vocabulary]]
        assert codes
        assert [code for code in codes if f"{vocabulary}.{code}" not in words] == []

    @pytest.mark.parametrize("package", PACKAGES)
    def test_sentences_name_vocabularies_of_their_floor_or_below(self, package: str) -> None:
        named = {
            vocabulary
            for language in Language
            for sentence in read(package, language).values()
            for _, _, vocabulary, _ in string.Formatter().parse(sentence)
            if vocabulary and not vocabulary.startswith("@")
        }
        assert named <= VOCABULARIES.keys()
        floors = list(PACKAGES)
        assert all(floors.index(name.partition(".")[0]) <= floors.index(package) for name in named)

    @pytest.mark.parametrize("package", PACKAGES)
    def test_what_has_a_name_is_called_by_it_in_both_languages(self, package: str) -> None:
        """A sentence that asks for a name says of what kind, and the other one asks for the same."""
        zh, en = (
            {
                (code, param, kind)
                for code, sentence in read(package, language).items()
                for _, param, kind, _ in string.Formatter().parse(sentence)
                if kind and kind.startswith("@")
            }
            for language in Language
        )
        assert zh == en
        # What somebody may not know of is not called by its name to him.
        hidden = [code for code, _, kind in zh if code.endswith(".unknown") and kind != "@place"]
        assert hidden == []
        assert {kind[1:] for _, _, kind in zh} <= set(KINDS)

    def test_names_stand_for_codes_where_somebody_knows_them(self) -> None:
        params: dict[str, Param] = {"venue": "532901", "venues": "532902, 532903"}
        code = "evaluation.witness.venue_unknown"
        wanted = names_wanted(code, params)
        assert wanted == {("place", f"53290{n}") for n in (1, 2, 3)}
        names = {("place", "532901"): "大理中心(示例)", ("place", "532903"): "祥云{x}(示例)"}
        said = say(code, params, Language.ZH, names)
        assert "大理中心(示例)" in said
        assert "532902、祥云{x}(示例)" in said
        assert "532901" in say(code, params, Language.ZH), "nobody looked it up"
        assert names_wanted("no.such", {}) == names_wanted("archive.dossier.empty", {}) == set()

    def test_a_list_of_codes_is_said_in_words(self) -> None:
        params: dict[str, Param] = {"stage": "REVIEWING", "command": "Seal", "needed": "A, CLOSED"}
        said = say("evaluation.session.stage", params, Language.ZH)
        assert "REVIEWING" not in said
        assert "“封存”" in said
        assert "A、" in said, "an unknown code is shown itself"


class TestMoments:
    """A refusal tells a person when, not how the record spells it."""

    @pytest.mark.parametrize(
        ("until", "said"),
        [
            ("2026-10-20T07:31:00.000Z", "2026-10-20 15:31,"),
            ("2026-10-20T16:30:07.120Z", "2026-10-21 00:30:07,"),
            ("2026-13-20T07:31:00.000Z", "2026-13-20T07:31:00.000Z,"),
        ],
    )
    def test_a_moment_is_said_in_beijing_time(self, until: str, said: str) -> None:
        params: dict[str, Param] = {"until": until}
        assert f"本轮答复时限至 {said}" in say("experts.round.open", params, Language.ZH)
        assert said[:-1] in say("experts.round.open", params, Language.EN)


class TestTheSearch:
    """What the test above relies on finds what it should."""

    @pytest.mark.parametrize(
        ("source", "params"),
        [
            ('Refusal("trading.a.b")', set()),
            ('raise Refusal("trading.a.b", {"x": 1}, Kind.CONFLICT)', {"x"}),
            ('errors.Reason(code="trading.a.b", params={"x": 1, "y": 2})', {"x", "y"}),
            ('Fault("/x", "trading.a.b", {"x": 1}, "rule")', {"x"}),
            ('faults.add("/x", "trading.a.b", x=1)', {"x"}),
            ('Faults("trading.a.b")', {"count"}),
            ('faults.add("/x", "trading.a.b", **more)', None),
            ('Refusal("trading.a.b", more)', None),
        ],
    )
    def test_found(self, source: str, params: set[str] | None) -> None:
        wanted = None if params is None else frozenset(params)
        assert list(uses_in(source, "x")) == [Use("x:1", "trading.a.b", wanted)]

    @pytest.mark.parametrize(
        "source", ['getLogger("trading.a.b")', 'Refusal("x")', 'seen.add("trading.py")']
    )
    def test_not_found(self, source: str) -> None:
        assert list(uses_in(source, "x")) == []

    def test_there_is_much_to_find(self) -> None:
        assert len({use.code for use in USES if use.code.startswith("archive.")}) > 80


class TestRendering:
    def test_a_sentence_in_each_language(self) -> None:
        refusal = Refusal("archive.custody.too_early", {"subject": "lot/1", "not_before": "9:00"})
        assert render(refusal, Language.EN) == (
            "The opening key of lot/1 is not handed out before 9:00."
        )
        assert render(refusal.reason, Language.ZH) == "lot/1 的开启密钥在 9:00 之前不予交付。"
        fault = Fault("/x", "archive.dossier.empty")
        assert "至少" in render(fault, Language.ZH)

    @pytest.mark.parametrize("code", ["archive.no.such", "nobody.no.such", "", "tests.a.b"])
    def test_a_code_without_words_is_shown_itself(self, code: str) -> None:
        assert say(code, {"a": 1}, Language.EN) == f"[{code}] a=1"

    def test_missing_parameters_do_not_fail_an_answer(self) -> None:
        reason = Reason("archive.custody.too_early", {"subject": "lot/1"})
        assert render(reason, Language.EN) == "[archive.custody.too_early] subject=lot/1"

    def test_braces_in_a_parameter_are_not_read(self) -> None:
        reason = Reason("archive.vault.missing", {"sha256": "{x.__class__}"})
        assert "{x.__class__}" in render(reason, Language.EN)

    def test_the_catalogue_is_read_once(self) -> None:
        assert catalogue("archive", Language.ZH) is catalogue("archive", Language.ZH)
