"""Both verifiers of a draw: every flipped field and every planted fraud is refused, by step."""

import ast
import copy
import hashlib
import importlib.util
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from archive import canonical, merkle
from archive.words import Language, say
from experts.draws import service as draws
from experts.draws.leaves import leaves, tree_levels
from experts.draws.verify import NAMES, is_valid, verify_transcript
from experts.pool.columns import build
from experts.suite import sm3
from experts.vrf.verify import verified_output
from tests.builders import STAFF
from tests.experts import world
from tests.vectors.ecvrf import VECTORS

STANDALONE = Path(__file__).parents[2] / "api" / "static" / "verify_draw.py"


def second_verifier() -> Any:
    """The one file, loaded as it is: it stands in no package."""
    spec = importlib.util.spec_from_file_location("verify_draw", STANDALONE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


SECOND = second_verifier()


@pytest.fixture(scope="module", autouse=True)
def remembered() -> Iterator[None]:
    """Proofs are checked thousands of times here; both checks are pure, so each is done once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SECOND, "vrf_output", cache(SECOND.vrf_output))
        patch.setattr("experts.draws.verify.verified_output", cache(verified_output))
        yield


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Any]:
    """A draw's two transcripts, with declines, silence, a recheck and a substitution in it."""
    folder: Path = tmp_path_factory.mktemp("verify")
    office = world.open_office(folder)
    draw = world.perform(office, world.make_request(drafters=("E0009",)))
    draw = world.answer_all(
        office, draw, lambda who: {0: True, 1: False, 2: None, 3: True}[int(who[1:]) % 4]
    )
    with office.write() as tx:
        draw = draws.recheck(tx, STAFF, draw.id, world.BIDDERS).draw
    draw = world.answer_all(office, draw)
    with office.read() as db:
        member = draws.committee(db, draw.id)[1]
    with office.write() as tx:
        draw = draws.substitute(tx, STAFF, draw.id, member.expert_id, draws.Cause.ABSENT)
    draw = world.answer_all(office, draw)
    with office.write() as tx:
        document = draws.close_draw(tx, STAFF, draw.id)
    value = json.loads(office.vault.get(document.sha256))
    with office.read() as db:
        audit = json.loads(canonical.encode(draws.audit_transcript(db, draw.id)))
    office.connections.dispose()
    return value, audit


@pytest.fixture(scope="module")
def valid(both: tuple[Any, Any]) -> Any:
    return both[0]


@pytest.fixture(scope="module")
def audit(both: tuple[Any, Any]) -> Any:
    return both[1]


def failed(value: Any) -> str:
    """The name of the step that refuses, by both verifiers; empty where both find it valid."""
    steps = verify_transcript(value)
    assert [step.number for step in steps] == list(range(1, len(steps) + 1))
    one = "" if is_valid(steps) else steps[-1].name
    two, _ = SECOND.verify(value)
    assert bool(two) == bool(one), (one, two)
    assert not two or two[1] == one, (one, two)
    return one


def leaf_paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, item in items:
        if isinstance(item, dict | list) and item:
            yield from leaf_paths(item, (*path, key))
        else:
            yield (*path, key)


def keys_of(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to each key of each object."""
    for key, item in value.items() if isinstance(value, dict) else enumerate(value):
        if isinstance(value, dict):
            yield (*path, key)
        if isinstance(item, dict | list):
            yield from keys_of(item, (*path, key))


def sweep(value: Any, paths: Iterable[tuple[Any, ...]]) -> int:
    """Flip a bit in each field by itself: both refuse, and name the same step. How many there were."""
    before, count = canonical.encode(value), 0
    for number, path in enumerate(paths):
        *route, last = path
        target = value
        for key in route:
            target = target[key]
        kept = target[last]
        target[last] = flipped(kept, number)
        assert failed(value), path
        target[last] = kept
        count += 1
    assert canonical.encode(value) == before
    return count


def flipped(item: Any, at: int) -> Any:
    """One bit of it changed: of a number the lowest, of a text the lowest of one character."""
    if isinstance(item, bool):
        return not item
    if isinstance(item, int):
        return item ^ 1
    if isinstance(item, str) and item:
        place = at % len(item)
        return item[:place] + chr(ord(item[place]) ^ 1) + item[place + 1 :]
    return "x"


def rechained(value: Any, with_request: bool = False) -> Any:
    """What a dishonest machine would hand out: all hashes made anew."""
    if with_request:
        value["steps"][0]["data"]["request"] = canonical.digest(value["request"])
    prev = "0" * 64
    for number, step in enumerate(value["steps"]):
        step["seq"], step["prev"] = number, prev
        step["hash"] = prev = canonical.digest(
            {k: step[k] for k in ("seq", "kind", "data", "prev")}
        )
    return value


def step_of(value: Any, kind: str) -> Any:
    return next(step["data"] for step in value["steps"] if step["kind"] == kind)


class TestValid:
    def test_all_steps(self, valid: Any, audit: Any) -> None:
        assert [step.name for step in verify_transcript(valid)] == list(NAMES[:-1])
        assert [step.name for step in verify_transcript(audit)] == list(NAMES)
        assert failed(valid) == failed(audit) == ""
        kinds = {step["kind"] for step in valid["steps"]}
        assert {"INVITED", "SETTLED", "RECHECKED", "SUBSTITUTED"} <= kinds
        assert step_of(valid, "SETTLED")["declined"]
        assert step_of(valid, "SETTLED")["silent"]
        reasons = {code for candidate in audit["candidates"] for code in candidate["reasons"]}
        assert {"own_tenderer", "age", "drafted_file"} <= {code.split(".")[-1] for code in reasons}

    def test_rechaining_a_true_transcript_changes_nothing(self, valid: Any) -> None:
        assert rechained(copy.deepcopy(valid), with_request=True) == valid

    def test_the_public_one_opens_nobody(self, valid: Any, audit: Any) -> None:
        """No id, no employer, no home, and of reasons only how many each excluded."""
        text = canonical.encode(valid).decode()
        for candidate in audit["candidates"]:
            assert candidate["person"] not in text
            assert candidate["facts"]["employer"] not in text
            assert f'"{candidate["facts"]["id"]}"' not in text
        assert audit["audit"]["salt"] not in text
        assert {key for c in valid["candidates"] for key in c} == {
            "unit", "area", "specialties", "record", "place", "in"
        }  # fmt: skip

    def test_both_tell_one_story(self, valid: Any, audit: Any) -> None:
        for part in ("request", "proof", "steps", "result"):
            assert valid[part] == audit[part]


class TestSecondVerifier:
    """One file, the standard library, nothing of ours; run as a citizen runs it."""

    def test_it_imports_nothing_of_ours(self) -> None:
        tree = ast.parse(STANDALONE.read_text("utf-8"))
        roots = {
            name.split(".")[0]
            for node in ast.walk(tree)
            for name in (
                [alias.name for alias in node.names]
                if isinstance(node, ast.Import)
                else [node.module or ""]
                if isinstance(node, ast.ImportFrom)
                else []
            )
        }
        assert roots <= set(sys.stdlib_module_names)

    def run(self, *words: str | Path) -> tuple[int, str]:
        done = subprocess.run(
            [sys.executable, "-I", STANDALONE, *words], capture_output=True, text=True, timeout=60
        )
        return done.returncode, done.stdout

    def test_as_a_command(self, valid: Any, audit: Any, tmp_path: Path) -> None:
        path = tmp_path / "draw.json"
        path.write_text(json.dumps(audit))
        head = audit["steps"][-1]["hash"]
        members = audit["request"]["trustees"]["members"]
        known = tmp_path / "trustees.txt"
        known.write_text("".join(f"{one['id']} {one['key']}\n" for one in members))
        code, said = self.run(path, "--head", head, "--trustees", known)
        assert (code, said.count(": holds")) == (0, 12), said
        assert self.run(path, "--head", "0" * 64)[0] == 1
        known.write_text("".join(f"{one['id']} {one['key']}\n" for one in members[1:]))
        assert self.run(path, "--trustees", known)[0] == 1
        other = copy.deepcopy(valid)
        other["result"]["members"].pop()
        path.write_text(json.dumps(other))
        code, said = self.run(path)
        assert (code, "step 11 (result)" in said) == (1, True)

    @pytest.mark.parametrize(
        ("text", "code"),
        [("{", 2), ('{"a": 1, "a": 1}', 1), ('{"a": 1.5}', 1), ("[" * 100_000, 2), ("null", 1)],
    )
    def test_what_is_no_transcript(self, tmp_path: Path, text: str, code: int) -> None:
        path = tmp_path / "draw.json"
        path.write_text(text)
        assert self.run(path)[0] == code

    @pytest.mark.parametrize("vector", VECTORS)
    def test_rfc_9381(self, vector: dict[str, str]) -> None:
        key, alpha, proof, output = (
            bytes.fromhex(vector[name]) for name in ("key", "alpha", "proof", "output")
        )
        assert SECOND.vrf_output(key, alpha, proof) == output
        with pytest.raises(SECOND.Refused):
            SECOND.vrf_output(key, alpha + b"x", proof)

    @pytest.mark.parametrize("size", [0, 1, 3, 54, 55, 56, 63, 64, 65, 119, 120, 200])
    def test_sm3_is_the_librarys(self, size: int) -> None:
        assert SECOND.sm3(bytes(range(size))) == sm3(bytes(range(size)))


class TestFlips:
    def test_every_flipped_field_is_refused(self, valid: Any) -> None:
        assert sweep(valid, list(leaf_paths(valid))) > 500

    def test_every_flipped_field_of_the_audit_is_refused(self, audit: Any) -> None:
        """What the audit opens: its grounds, and every field of candidates of all kinds."""
        known: dict[tuple[str, ...], int] = {}
        for place, candidate in enumerate(audit["candidates"]):
            known.setdefault(tuple(candidate["reasons"]), place)
        chosen = {0, 1, len(audit["candidates"]) - 1, *known.values()}
        paths = [
            path
            for path in leaf_paths(audit)
            if path[0] == "audit"
            or (
                path[0] == "candidates"
                and path[1] in chosen
                and path[2] in ("person", "facts", "reasons")
            )
        ]
        assert sweep(audit, paths) > 100

    def test_every_renamed_key_is_refused(self, valid: Any) -> None:
        for *route, last in list(keys_of({**valid, "candidates": valid["candidates"][:1]})):
            value = copy.deepcopy(valid)
            target = value
            for key in route:
                target = target[key]
            target[f"{last}x"] = target.pop(last)
            assert failed(value), (*route, last)

    def test_with_all_hashes_made_anew(self, valid: Any) -> None:
        """What steps say is bound by more than their hashes, but for words of the record that the stream
        `draw/<id>` holds alone: until when a round is open, and, until the audit opens them, the digests
        of the bidders and of what they were judged by."""
        free = set()
        for *route, last in leaf_paths(valid["steps"], ("steps",)):
            value = copy.deepcopy(valid)
            target = value
            for key in route:
                target = target[key]
            target[last] = flipped(target[last], 0)
            if "data" in route and not failed(rechained(value)):
                free.add((valid["steps"][route[1]]["kind"], (*route, last)[3]))
        digests = {("RECHECKED", name) for name in ("bidders", "grounds", "affiliations")}
        assert free == {("INVITED", "until")} | digests

    @pytest.mark.parametrize("name", ["bidders", "grounds", "affiliations"])
    def test_the_audit_binds_the_digests_of_the_second_check(self, audit: Any, name: str) -> None:
        value = copy.deepcopy(audit)
        said = step_of(value, "RECHECKED")
        said[name] = flipped(said[name], 0)
        assert failed(rechained(value)) == "filter"

    def test_every_missing_part_is_refused(self, valid: Any, audit: Any) -> None:
        for whole in (valid, audit):
            for part in whole:
                value = {key: item for key, item in whole.items() if key != part}
                assert failed(value) == "form"
            for part in whole["request"]:
                value = copy.deepcopy(whole)
                del value["request"][part]
                assert not is_valid(verify_transcript(value))
                assert SECOND.verify(value)[0] is not None

    def test_one_is_not_taken_for_the_other(self, valid: Any, audit: Any) -> None:
        assert failed({**valid, "scope": "audit"}) == "form"
        assert failed({**audit, "scope": "public"}) == "form"
        assert failed({**valid, "scope": "secret"}) == "form"

    @pytest.mark.parametrize("value", [None, [], {}, "x", 3, {"format": "bigloop.draw.v1"}])
    def test_nonsense_is_refused(self, value: Any) -> None:
        assert failed(value) == "form"

    def test_floats_are_refused(self, valid: Any) -> None:
        value = copy.deepcopy(valid)
        value["candidates"][0]["place"] = float(value["candidates"][0]["place"])
        assert not is_valid(verify_transcript(value))
        assert SECOND.verify(value)[0] is not None


def second_seed(value: Any) -> None:
    step_of(value, "DRAWN")["seed"] = hashlib.sha256(b"a better one").hexdigest()


def later_attempt(value: Any) -> None:
    step_of(value, "DRAWN")["attempt"] += 1


def other_committee(value: Any) -> None:
    step_of(value, "DRAWN")["committee"][0][1].reverse()


def trustee_dropped(value: Any) -> None:
    """An output that was not liked is left away."""
    del value["steps"][4]


def output_of_another(value: Any) -> None:
    """Another trustee's proof in this one's place."""
    steps = value["steps"]
    steps[2]["data"]["proof"] = steps[3]["data"]["proof"]


def silenced(value: Any) -> None:
    """Who answered is named as silent, to be asked for something better."""
    value["steps"][4] = {
        "kind": "WITHHELD",
        "data": {"asking": 1, "trustees": [value["steps"][4]["data"]["trustee"]]},
    }


def asked_late(value: Any) -> None:
    value["steps"][1]["data"]["from"] = value["steps"][1]["data"]["from"].replace("2026", "2025")


def friend_invited(value: Any) -> None:
    step_of(value, "INVITED")["invitations"].pop()


def fast_replier(value: Any) -> None:
    """Give the first seat to an acceptor of a higher rank."""
    seated = step_of(value, "SETTLED")["seated"]
    seated[0][2:], seated[-1][2:] = seated[-1][2:], seated[0][2:]


def answer_turned(value: Any) -> None:
    said = step_of(value, "SETTLED")
    seated = said["seated"][0][3]
    said["accepted"].remove(seated)
    said["declined"] = sorted([*said["declined"], seated])


def answer_lost(value: Any) -> None:
    step_of(value, "SETTLED")["silent"].pop()


def removal_dropped(value: Any) -> None:
    data = step_of(value, "RECHECKED")
    seats = step_of(value, "SETTLED")["seated"]
    data["excluded"] = sorted([*data["excluded"], seats[0][3]])
    data["reasons"]["experts.conflict.own_bidder"] = len(data["excluded"])


def wish_of_the_tenderer(value: Any) -> None:
    step_of(value, "SUBSTITUTED")["cause"] = "TENDERER_WISHES"


def rounds_dropped(value: Any) -> None:
    del value["steps"][-2:]


def drawn_twice(value: Any) -> None:
    at = [step["kind"] for step in value["steps"]].index("DRAWN")
    value["steps"].insert(at, copy.deepcopy(value["steps"][at]))


class TestFrauds:
    """The machine lies consistently: every hash is made anew."""

    @pytest.mark.parametrize(
        ("fraud", "step"),
        [
            (second_seed, "seed"),
            (later_attempt, "lottery"),
            (other_committee, "lottery"),
            (trustee_dropped, "outputs"),
            (output_of_another, "outputs"),
            (silenced, "order"),
            (asked_late, "outputs"),
            (friend_invited, "course"),
            (fast_replier, "course"),
            (answer_turned, "course"),
            (answer_lost, "course"),
            (removal_dropped, "course"),
            (wish_of_the_tenderer, "course"),
            (rounds_dropped, "course"),
            (drawn_twice, "order"),
        ],
    )
    def test_of_the_course(self, valid: Any, fraud: Callable[[Any], None], step: str) -> None:
        value = copy.deepcopy(valid)
        fraud(value)
        assert failed(rechained(value)) == step

    def test_a_candidate_left_out(self, valid: Any) -> None:
        value = copy.deepcopy(valid)
        del value["candidates"][3]
        assert failed(value) == "pool"

    def test_a_candidate_excluded_after_the_request(self, valid: Any) -> None:
        value = copy.deepcopy(valid)
        next(c for c in value["candidates"] if c["in"])["in"] = False
        assert failed(value) == "candidates"

    def test_a_specialty_given_to_an_expert(self, valid: Any) -> None:
        value = copy.deepcopy(valid)
        value["candidates"][0]["specialties"] = ["A080104", "C1210"]
        assert failed(value) == "pool"

    def test_an_employer_hidden(self, valid: Any) -> None:
        value = copy.deepcopy(valid)
        value["candidates"][0]["unit"] = value["candidates"][1]["unit"]
        assert failed(value) == "pool"

    def test_another_request_with_the_same_outputs(self, valid: Any) -> None:
        """Outputs are bound to the request: a quota changed afterwards breaks the proofs."""
        value = copy.deepcopy(valid)
        value["request"]["coupling"]["prefecture_max"] = 5
        assert failed(rechained(value, with_request=True)) == "outputs"

    def test_widening_without_consent(self, valid: Any) -> None:
        value = copy.deepcopy(valid)
        value["request"]["quotas"][0]["source"] = "A08"
        assert failed(rechained(value, with_request=True)) == "request"


def excluded_by_wish(value: Any) -> None:
    """Somebody is excluded whom no rule excludes."""
    free = next(c for c in value["candidates"] if c["in"])
    free["in"], free["reasons"] = False, ["experts.conflict.own_named"]


def admitted_by_wish(value: Any) -> None:
    """Somebody is admitted whom a rule excludes."""
    out = next(c for c in value["candidates"] if not c["in"])
    out["in"], out["reasons"] = True, []


def wrong_ground(value: Any) -> None:
    out = next(c for c in value["candidates"] if not c["in"])
    out["reasons"] = ["experts.conflict.penalised"]


class TestAudit:
    """A request that was filtered wrongly, with every hash in order: only the audit shows it."""

    @pytest.mark.parametrize("fraud", [excluded_by_wish, admitted_by_wish, wrong_ground])
    def test_the_filter_is_checked(self, audit: Any, fraud: Callable[[Any], None]) -> None:
        value = copy.deepcopy(audit)
        fraud(value)
        steps = filtered(value)
        assert steps == "filter"

    def test_grounds_cannot_be_exchanged(self, audit: Any) -> None:
        value = copy.deepcopy(audit)
        value["audit"]["context"]["drafters"] = []
        assert failed(value) == "filter"

    def test_facts_cannot_be_exchanged(self, audit: Any) -> None:
        value = copy.deepcopy(audit)
        value["candidates"][0]["facts"]["title"] = 4
        assert failed(value) == "filter"


def filtered(value: Any) -> str:
    """Which step refuses when the request is made to fit the false filter, and nothing is drawn yet:
    what a dishonest operator would have fixed from the start."""
    h = hashlib.sha256
    fixed, counts = value["request"]["candidates"], Counter[str]()
    flags, lines = "", ""
    for candidate in value["candidates"]:
        parts = [bytes.fromhex(candidate[name]) for name in ("unit", "area", "record")]
        codes = h(canonical.encode(candidate["specialties"])).digest()
        leaf = h(b"\0" + parts[0] + parts[1] + codes + parts[2]).hexdigest()
        flags += f"{leaf} {int(candidate['in'])}\n"
        lines += f"{leaf} {','.join(candidate['reasons'])}\n"
        counts.update(candidate["reasons"])
    fixed["hash"] = h(flags.encode()).hexdigest()
    fixed["reasons"] = h(bytes.fromhex(value["audit"]["salt"]) + lines.encode()).hexdigest()
    fixed["excluded"] = dict(counts)
    context, opened = value["request"]["context"], value["audit"]
    grounds = bytes.fromhex(opened["salt"]) + canonical.encode(opened["context"])
    context["hash"] = h(grounds).hexdigest()
    opened["rechecks"] = []
    opened["affiliations"] = {
        name: lines
        for name, lines in opened["affiliations"].items()
        if name == context["affiliations"]
    }
    value["steps"] = value["steps"][:2]
    value["result"] = {"state": "ASKING", "members": []}
    return failed(rechained(value, with_request=True))


class TestWords:
    """What is wrong is said in both languages, never as a bare code."""

    def test_in_a_sentence(self, valid: Any) -> None:
        value = copy.deepcopy(valid)
        value["result"]["members"].pop()
        reason = verify_transcript(value)[-1].reason
        assert reason is not None
        assert say(reason.code, reason.params, Language.ZH) == "第 11 步 结果:成员名单不对 "
        assert "the members are wrong" in say(reason.code, reason.params, Language.EN)


class TestTheTree:
    """The tree level by level is RFC 6962's, and one proof opens many leaves."""

    @pytest.mark.parametrize("size", [1, 2, 3, 5, 8, 13, 31, 64, 97])
    def test_same_root(self, size: int) -> None:
        hashes = [hashlib.sha256(bytes([n])).digest() for n in range(size)]
        assert tree_levels(hashes)[-1][0] == merkle.root_of(hashes)

    def test_places_say_nothing_of_ids(self) -> None:
        columns = build("v", world.make_pool())
        assert columns.records == tuple(
            bytes.fromhex(expert.record_sha256) for expert in columns.experts
        )
        labels = [e.employer_uscc for e in columns.experts]
        one = leaves(columns, bytes(32), labels)
        two = leaves(columns, bytes([1]) * 32, labels)
        assert one.place != two.place
        assert not set(one.leaves) & set(two.leaves)
        assert list(one.levels[0]) == sorted(one.leaves)
