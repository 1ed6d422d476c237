"""The offline verifier: every flipped field and every planted fraud is refused, by step."""

import copy
import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from archive import canonical, merkle
from experts.draws import service as draws
from experts.draws.leaves import leaves, tree_levels
from experts.draws.verify import NAMES, is_valid, verify_transcript
from experts.pool.columns import build
from tests.builders import STAFF
from tests.experts import world


@pytest.fixture(scope="module")
def valid(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A transcript with declines, silence, a recheck and a substitution in it."""
    folder: Path = tmp_path_factory.mktemp("verify")
    office = world.open_office(folder)
    draw = world.perform(office)
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
    office.connections.dispose()
    return value


def failed(value: Any) -> str:
    """The name of the step that refuses; empty where the transcript is valid."""
    steps = verify_transcript(value)
    assert [step.number for step in steps] == list(range(1, len(steps) + 1))
    return "" if is_valid(steps) else steps[-1].name


def leaf_paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, item in items:
        if isinstance(item, dict | list) and item:
            yield from leaf_paths(item, (*path, key))
        else:
            yield (*path, key)


def flipped(item: Any) -> Any:
    if isinstance(item, bool):
        return not item
    if isinstance(item, int):
        return item + 1
    if isinstance(item, str):
        return ("1" if item[:1] != "1" else "2") + item[1:]
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
    def test_all_eleven_steps(self, valid: Any) -> None:
        steps = verify_transcript(valid)
        assert [step.name for step in steps] == list(NAMES)
        assert is_valid(steps)
        kinds = {step["kind"] for step in valid["steps"]}
        assert {"INVITED", "SETTLED", "RECHECKED", "SUBSTITUTED"} <= kinds
        assert step_of(valid, "SETTLED")["declined"]
        assert step_of(valid, "SETTLED")["silent"]

    def test_rechaining_a_true_transcript_changes_nothing(self, valid: Any) -> None:
        assert rechained(copy.deepcopy(valid), with_request=True) == valid


class TestFlips:
    def test_every_flipped_field_is_refused(self, valid: Any) -> None:
        value = copy.deepcopy(valid)
        paths = list(leaf_paths(value))
        assert len(paths) > 500
        for path in paths:
            *route, last = path
            target = value
            for key in route:
                target = target[key]
            before = target[last]
            target[last] = flipped(before)
            assert failed(value), path
            target[last] = before
        assert value == valid

    def test_every_missing_part_is_refused(self, valid: Any) -> None:
        for path in [
            ("request",),
            ("proof",),
            ("steps",),
            ("result", "state"),
            ("request", "pool"),
        ]:
            value = copy.deepcopy(valid)
            target = value
            for key in path[:-1]:
                target = target[key]
            del target[path[-1]]
            assert failed(value) in ("form", "request", "pool")

    @pytest.mark.parametrize("value", [None, [], {}, "x", 3, {"format": "bigloop.draw.v1"}])
    def test_nonsense_is_refused(self, value: Any) -> None:
        assert failed(value) == "form"

    def test_floats_are_refused(self, valid: Any) -> None:
        value = copy.deepcopy(valid)
        value["candidates"][0]["place"] = float(value["candidates"][0]["place"])
        assert failed(value) == "form"


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
    data["excluded"] = sorted([*data["excluded"], [seats[0][3], ["experts.conflict.own_bidder"]]])


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
        free = next(c for c in value["candidates"] if not c["reasons"])
        free["reasons"] = ["experts.conflict.own_tenderer"]
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


class TestTheTree:
    """The tree level by level is RFC 6962's, and one proof opens many leaves."""

    @pytest.mark.parametrize("size", [1, 2, 3, 5, 8, 13, 31, 64, 97])
    def test_same_root(self, size: int) -> None:
        hashes = [hashlib.sha256(bytes([n])).digest() for n in range(size)]
        assert tree_levels(hashes)[-1][0] == merkle.root_of(hashes)

    def test_places_say_nothing_of_ids(self) -> None:
        columns = build("v", world.make_pool())
        labels = [e.employer_uscc for e in columns.experts]
        one = leaves(columns, bytes(32), labels)
        two = leaves(columns, bytes([1]) * 32, labels)
        assert one.place != two.place
        assert not set(one.leaves) & set(two.leaves)
        assert list(one.levels[0]) == sorted(one.leaves)
