"""A second implementation of the draw, for whoever distrusts the first (抽取程序与验证程序分离).

It shares no code with the drawing side: hashing and JSON from the standard library, everything else
written again from the published description. It needs the transcript and nothing more.

    1. form        format, fields, and their types
    2. chain       steps numbered from 0, each holding the hash of the one before
    3. order       request, public value, trustees' outputs, the draw, then rounds, in that order
    4. request     its hash is the one that was recorded first
    5. pool        the opened leaves are in the pool's tree, in ascending order
    6. candidates  digest, number and counts by reason are those of the request; each answers a quota
    7. outputs     each asked trustee's proof is his key's for what was asked, or he is named silent
    8. seed        made of what was asked and the outputs
    9. lottery     every attempt before the accepted one fails the coupling rules, this one meets them
    10. course     every round invites, seats and removes whom the rules say
    11. result     state and members are what the course leads to

Verification stops at the first step that fails. What it cannot say: whether the pool was complete,
and whether the excluded were rightly excluded; it says by which rules they were. Whoever holds the
record should compare the last hash of the chain with the stream `draw/<id>`.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from archive.errors import Reason
from experts.draws.replay import check_course, check_lottery
from experts.draws.verification import Json, Run, Wrong, canonical_bytes, digest, need, only, sha
from experts.vrf.verify import InvalidProof, verified_output

NAMES = (
    "form",
    "chain",
    "order",
    "request",
    "pool",
    "candidates",
    "outputs",
    "seed",
    "lottery",
    "course",
    "result",
)
ZEROS = "0" * 64
ATTEMPTS_MAX = 1_000_000
LETTERS = {
    "REQUESTED": "r",
    "VALUE": "v",
    "ASKED": "a",
    "OUTPUT": "o",
    "WITHHELD": "w",
    "UNSEEDED": "u",
    "ABANDONED": "z",
    "ABORTED": "x",
    "DRAWN": "d",
    "INVITED": "i",
    "SETTLED": "s",
    "RECHECKED": "c",
    "SUBSTITUTED": "b",
    "EXHAUSTED": "e",
}
GRAMMAR = re.compile("rv?(z|a(o*wa)*(z|o*(wu|d[iscbe]*|x)?))?")
STATE_AFTER = {
    "r": "REQUESTED",
    "v": "REQUESTED",
    "a": "ASKING",
    "o": "ASKING",
    "u": "UNSEEDED",
    "z": "ABANDONED",
}


@dataclass(frozen=True)
class Step:
    """One numbered step of the verification; `reason` says what is wrong where it failed."""

    number: int
    name: str
    ok: bool
    reason: Reason | None = None


def verify_transcript(value: Json) -> list[Step]:
    """Every step that was taken; the transcript is valid when all eleven are there and ok."""
    checks: tuple[Callable[[Run], None], ...] = (
        _form,
        _chain,
        _order,
        _request,
        _pool,
        _candidates,
        _outputs,
        _seed,
        check_lottery,
        check_course,
        _result,
    )
    run = Run(value)
    done: list[Step] = []
    for number, (name, check) in enumerate(zip(NAMES, checks, strict=True), start=1):
        what, where = "", ""
        try:
            check(run)
        except Wrong as wrong:
            what, where = wrong.what, wrong.where
        except (KeyError, TypeError, ValueError, IndexError, AttributeError, RecursionError):
            what = "malformed"
        if what:
            params: dict[str, str | int] = {"step": number, "what": what, "where": where}
            done.append(Step(number, name, False, Reason(f"experts.verify.{name}", params)))
            return done
        done.append(Step(number, name, True))
    return done


def is_valid(steps: list[Step]) -> bool:
    return len(steps) == len(NAMES) and all(step.ok for step in steps)


def _no_floats(value: Json) -> None:
    if isinstance(value, dict):
        for key, item in value.items():
            need(isinstance(key, str), "key")
            _no_floats(item)
    elif isinstance(value, list):
        for item in value:
            _no_floats(item)
    else:
        need(value is None or isinstance(value, str | int), "type", type(value).__name__)


# 1
def _form(run: Run) -> None:
    value = run.value
    only(value, "format request candidates proof steps result", "")
    need(value["format"] == "bigloop.draw.v1", "format", value["format"])
    _no_floats(value)
    for candidate in value["candidates"]:
        only(candidate, "person unit home place specialties reasons", "candidates")
    for step in value["steps"]:
        only(step, "seq kind data prev hash", "steps")
    only(value["result"], "state members", "result")
    need(run.request["format"] == "bigloop.draw-request.v1", "format", "request")
    need(run.request["algorithm"] == "bigloop.draw.sha256.v1", "algorithm", "request")


# 2
def _chain(run: Run) -> None:
    prev = ZEROS
    for number, step in enumerate(run.steps):
        said = {key: step[key] for key in ("seq", "kind", "data", "prev")}
        need(type(step["seq"]) is int and step["seq"] == number, "number", number)
        need(step["prev"] == prev, "predecessor", number)
        need(step["hash"] == digest(said), "hash", number)
        prev = step["hash"]


# 3
def _order(run: Run) -> None:
    text = "".join(LETTERS.get(step["kind"], "?") for step in run.steps)
    need(GRAMMAR.fullmatch(text) is not None, "order", text)
    need("z" not in text or "o" not in text, "given up after an output")
    need("v" in text or "a" not in text or run.request["public_value"] is None, "no public value")
    need("v" not in text or run.request["public_value"] is not None, "public value")
    run.state = STATE_AFTER.get(text[-1], "")


# 4
def _request(run: Run) -> None:
    only(run.steps[0]["data"], "request", "steps/0")
    need(run.steps[0]["data"]["request"] == digest(run.request), "hash")
    request = run.request
    need(request["number"] > 1 or request["predecessor"] == ZEROS, "predecessor")
    need(request["coupling"]["prefecture_max"] >= 1, "coupling")
    need(0 < request["attempts_max"] <= ATTEMPTS_MAX, "attempts")
    for quota in request["quotas"]:
        widened = quota["source"] != quota["specialty"]
        need(quota["specialty"].startswith(quota["source"]), "source", quota["specialty"])
        need(widened == (quota["consent"] is not None), "consent", quota["specialty"])


# 5
def _pool(run: Run) -> None:
    found = []
    for candidate in run.value["candidates"]:
        facts = sha(
            canonical_bytes({"home": candidate["home"], "specialties": candidate["specialties"]})
        )
        person, unit = bytes.fromhex(candidate["person"]), bytes.fromhex(candidate["unit"])
        need(len(person) == len(unit) == 32, "length")
        need(candidate["person"] == person.hex() and candidate["unit"] == unit.hex(), "case")
        found.append(sha(b"\x00", person, unit, facts))
    need(all(a < b for a, b in pairwise(found)), "order")
    places = [candidate["place"] for candidate in run.value["candidates"]]
    need(all(type(place) is int for place in places), "place")
    need(all(a < b for a, b in pairwise(places)), "places")
    size = run.request["pool"]["size"]
    need(not places or (places[0] >= 0 and places[-1] < size), "places")
    proof = iter([bytes.fromhex(item) for item in run.value["proof"]])
    need([item.lower() for item in run.value["proof"]] == run.value["proof"], "case")
    root = _root(dict(zip(places, found, strict=True)), sorted(places), 0, size, proof)
    need(next(proof, None) is None, "proof")
    need(root.hex() == run.request["pool"]["root"], "root")
    run.leaves = [leaf.hex() for leaf in found]


def _root(
    opened: Mapping[int, bytes], places: list[int], start: int, stop: int, proof: Iterator[bytes]
) -> bytes:
    """The RFC 6962 hash of leaves `start` … `stop` − 1, of which `places` are opened."""
    if stop == start:
        return sha()
    if not places:
        node = next(proof, None)
        if node is None or len(node) != 32:
            raise Wrong("proof")
        return node
    if stop - start == 1:
        return opened[start]
    middle = start + (1 << ((stop - start - 1).bit_length() - 1))
    left = [place for place in places if place < middle]
    right = [place for place in places if place >= middle]
    first = _root(opened, left, start, middle, proof)
    return sha(b"\x01", first, _root(opened, right, middle, stop, proof))


# 6
def _candidates(run: Run) -> None:
    fixed = run.request["candidates"]
    lines, counts = [], Counter[str]()
    sources = [quota["source"] for quota in run.request["quotas"]]
    for leaf, candidate in zip(run.leaves, run.value["candidates"], strict=True):
        lines.append(f"{leaf} {','.join(candidate['reasons'])}\n")
        counts.update(candidate["reasons"])
        answers = any(c.startswith(s) for c in candidate["specialties"] for s in sources)
        need(answers, "no quota", leaf)
    need(len(lines) == fixed["count"], "count")
    need(hashlib.sha256("".join(lines).encode()).hexdigest() == fixed["sha256"], "digest")
    need(dict(counts) == fixed["excluded"], "excluded")


# 7
def _outputs(run: Run) -> None:
    panel = run.request["trustees"]
    members = {member["id"]: bytes.fromhex(member["key"]) for member in panel["members"]}
    ids = [member["id"] for member in panel["members"]]
    need(ids == sorted(set(ids)), "members")
    need(1 <= panel["min"] <= len(ids), "too few trustees")
    request_hash = bytes.fromhex(run.steps[0]["data"]["request"])
    value, number, asked = bytes(32), 0, ids
    given: dict[str, bytes] = {}
    for step in run.steps[1:]:
        kind, data, where = step["kind"], step["data"], step["seq"]
        if kind == "VALUE":
            only(data, "value", where)
            need(isinstance(data["value"], str) and data["value"] != "", "value", where)
            value = sha(data["value"].encode())
        elif kind == "ASKED":
            only(data, "asking trustees from until", where)
            number, given = number + 1, {}
            need(data["asking"] == number and data["trustees"] == asked, "asked", where)
            _hours(run.request, data, where)
            run.alpha = (
                b"bigloop.draw.alpha.v1\0" + request_hash + number.to_bytes(4, "big") + value
            )
        elif kind == "OUTPUT":
            only(data, "trustee proof", where)
            who = data["trustee"]
            need(who in asked and who not in given, "trustee", who)
            given[who] = _output(members[who], run.alpha, data["proof"], who)
        elif kind == "WITHHELD":
            only(data, "asking trustees", where)
            silent = [who for who in asked if who not in given]
            need(data["asking"] == number and data["trustees"] == silent != [], "withheld", where)
            asked = [who for who in asked if who in given]
        elif kind == "UNSEEDED":
            only(data, "left", where)
            need(data["left"] == len(asked) < panel["min"], "left", where)
        elif kind == "ABANDONED":
            only(data, "cause", where)
        else:
            need(len(given) == len(asked), "output missing", where)
            run.outputs = [given[who] for who in asked]
            break
        need(kind != "ASKED" or len(asked) >= panel["min"], "too few trustees", where)


def _hours(request: Json, data: Json, where: object) -> None:
    """Outputs are taken from the earliest hour on, for as long as the request says."""
    start, end = (datetime.fromisoformat(data[name]) for name in ("from", "until"))
    evaluation = datetime.fromisoformat(request["evaluation_at"])
    need(start >= evaluation - timedelta(hours=request["earliest_hours"]), "too early", where)
    need(end - start == timedelta(minutes=request["trustees"]["minutes"]), "until", where)


def _output(key: bytes, alpha: bytes, proof: str, who: str) -> bytes:
    need(proof == proof.lower(), "case", who)
    try:
        return verified_output(key, alpha, bytes.fromhex(proof))
    except InvalidProof as invalid:
        raise Wrong(str(invalid), who) from None


# 8
def _seed(run: Run) -> None:
    for data in run.kinds("DRAWN") + run.kinds("ABORTED"):
        run.seed = sha(b"bigloop.draw.seed.v1\0", run.alpha, *run.outputs)
        need(data["seed"] == run.seed.hex(), "seed")


# 11
def _result(run: Run) -> None:
    said = run.value["result"]
    need(said["state"] == run.state, "state", said["state"])
    members = [[seat, *run.seats[seat]] for seat in sorted(run.seats)]
    need(said["members"] == members, "members")
