"""Transcripts of all kinds of draws, each accepted by both verifiers: other hash, public value,
silent trustees, fallback, weights, and every way in which a draw can end."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from archive import canonical
from archive.office import Office
from experts.draws import service as draws
from experts.draws.asking import service as asking
from experts.draws.request import PublicValue, request_json
from experts.draws.verify import verify_transcript
from experts.rules import DrawRules, rules_for
from tests.builders import STAFF, START
from tests.experts import world
from tests.experts.test_verify import SECOND, failed, leaf_paths, rechained, remembered, sweep
from tests.experts.world import TRUSTEES, make_request

__all__ = ["remembered"]
USUAL = {"REQUESTED", "ASKED", "OUTPUT", "DRAWN", "INVITED", "SETTLED", "RECHECKED", "SUBSTITUTED"}
"""Kinds of steps whose every field `test_verify` turns already."""
SWEPT_MAX = 12


@pytest.fixture
def rules(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Change rules of the draw for one test."""

    def change(**changes: Any) -> None:
        def changed(*args: Any, **named: Any) -> DrawRules:
            return replace(rules_for(*args, **named), **changes)

        monkeypatch.setattr("experts.draws.basis.service.rules_for", changed)

    return change


def both(office: Office, draw: draws.Draw) -> tuple[Any, Any]:
    with office.read() as db:
        return (
            json.loads(canonical.encode(draws.transcript(db, draw.id))),
            json.loads(canonical.encode(draws.audit_transcript(db, draw.id))),
        )


def accepted(office: Office, draw: draws.Draw) -> Any:
    """Both transcripts are accepted, and no field that this kind of draw has can be another."""
    public, audit = both(office, draw)
    assert failed(public) == failed(audit) == ""
    kinds = [step["kind"] for step in public["steps"]]
    own = [
        path
        for path in leaf_paths(public)
        if (path[0] == "steps" and kinds[path[1]] not in USUAL)
        or path[:2] in (("request", "weights"), ("request", "public_value"))
    ]
    sweep(public, own[:SWEPT_MAX])
    return public


def drawn(value: Any) -> Any:
    return next(step["data"] for step in value["steps"] if step["kind"] == "DRAWN")


def test_with_sm3(office: Office, rules: Callable[..., None]) -> None:
    """GB/T 32905-2016 by configuration; the second verifier has its own."""
    rules(hash_name="sm3")
    value = accepted(office, world.answer_all(office, world.perform(office)))
    assert value["request"]["algorithm"] == "bigloop.draw.sm3.v1"
    value["request"]["algorithm"] = "bigloop.draw.sha256.v1"
    assert failed(rechained(value, with_request=True)) == "pool"


def test_with_a_public_value(office: Office) -> None:
    value = PublicValue("示例彩票", START + timedelta(hours=1))
    draw = world.request(office, make_request(public_value=value))
    accepted(office, draw)
    world.forward(office, hours=1)
    with office.write() as tx:
        draws.give_public_value(tx, STAFF, draw.id, "01 02 03")
    shown = accepted(office, world.give_outputs(office, draw))
    other = json.loads(json.dumps(shown))
    next(s["data"] for s in other["steps"] if s["kind"] == "VALUE")["value"] = "01 02 04"
    assert failed(rechained(other)) == "outputs"


def test_with_silent_trustees_and_without_a_seed(office: Office) -> None:
    draw = world.request(office)
    for left in (TRUSTEES[1:], TRUSTEES[2:]):
        world.give_outputs(office, draw, left)
        accepted(office, draw)
        world.forward(office, minutes=60)
        with office.write() as tx:
            draws.ask_again(tx, STAFF, draw.id)
        accepted(office, draw)
    shown = accepted(office, world.give_outputs(office, draw, TRUSTEES[2:]))
    assert [step["kind"] for step in shown["steps"]].count("WITHHELD") == 2
    spared = json.loads(json.dumps(shown))
    spared["request"]["trustees"]["min"] = 4
    assert failed(rechained(spared, with_request=True)) == "outputs"


def test_what_a_draw_has_not_come_to_is_not_said_to_be_checked(office: Office) -> None:
    def missing(draw: draws.Draw) -> list[str]:
        public, _ = both(office, draw)
        steps = verify_transcript(public)
        assert all(step.ok for step in steps)
        return [step.name for step in steps if not step.is_reached]

    draw = world.request(office)
    assert missing(draw) == ["outputs", "seed", "lottery", "course"]
    world.give_outputs(office, draw, TRUSTEES[1:])
    assert missing(draw) == ["seed", "lottery", "course"]
    assert missing(world.give_outputs(office, draw, TRUSTEES[:1])) == []


def test_given_up_or_unseeded(office: Office) -> None:
    first = world.request(office)
    with office.write() as tx:
        draws.abandon_draw(tx, STAFF, first.id, "wrong lot")
    accepted(office, first)
    second = world.request(office, make_request("lot-2"))
    world.forward(office, minutes=60)
    with office.write() as tx:
        asking.outputs_task(office, {"draw": second.id, "asking": 1})(tx)
    assert accepted(office, second)["result"]["state"] == "UNSEEDED"


def test_in_an_open_round_and_exhausted(office: Office) -> None:
    draw = world.perform(office)
    assert accepted(office, draw)["result"]["state"] == "INVITING"
    draw = world.answer_all(office, draw, lambda _: False)
    assert accepted(office, draw)["result"]["state"] == "EXHAUSTED"


def test_with_the_fallback(office: Office, rules: Callable[..., None]) -> None:
    rules(attempts_max=1)
    for number in range(30):
        draw = world.perform(office, make_request(f"lot-{number}"))
        value = accepted(office, draw)
        if drawn(value)["fallback"]:
            break
    else:
        raise AssertionError("the first attempt was always taken")
    assert drawn(value)["attempt"] == 1
    denied = json.loads(json.dumps(value))
    drawn(denied)["fallback"] = False
    assert failed(rechained(denied)) == "lottery"
    free = make_request("again", evaluation_at=office.clock.now() + timedelta(hours=20))
    assert world.answer_all(office, world.perform(office, free)).state.value == "SEATED"


def test_with_weights(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    def weighted(
        request: Any, fixed: Any, candidates: Any, rules: Any, coupling: Any, _: Any
    ) -> Any:
        areas = sorted({candidate.area for candidate in candidates})
        weights = {area: 1 + n % 3 for n, area in enumerate(areas)}
        return request_json(request, fixed, candidates, rules, coupling, weights)

    monkeypatch.setattr("experts.draws.service.request_json", weighted)
    attempts, value = 0, None
    for number in range(6):
        draw = world.perform(office, make_request(f"lot-{number}"))
        value = accepted(office, draw)
        attempts += drawn(value)["attempt"]
    assert attempts > 0
    assert value is not None
    value["request"]["weights"][0][1] += 1
    assert failed(rechained(value, with_request=True)) == "outputs"
    assert SECOND.verify(value)[0] is not None
