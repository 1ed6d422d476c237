"""A second implementation of the draw, for whoever distrusts the first (抽取程序与验证程序分离).

It shares no code with the drawing side: hashing and JSON from the standard library, everything else
written again from the published description. It needs the transcript and nothing more.

    1. form        format, fields, and their types
    2. chain       steps numbered from 0, each holding the hash of the one before
    3. order       request, two commitments, two shares, the draw, then rounds, in that order
    4. request     its hash is the one that was recorded first
    5. pool        the opened leaves are in the pool's tree, in ascending order
    6. candidates  digest, number and counts by reason are those of the request; each answers a quota
    7. shares      each opens its party's commitment; two parties, two persons
    8. seed        made of the request's hash and both shares
    9. lottery     every attempt before the accepted one fails the coupling rules, this one meets them
    10. course     every round invites, seats and removes whom the rules say
    11. result     state and members are what the course leads to

Verification stops at the first step that fails. What it cannot say: whether the pool was complete,
and whether the excluded were rightly excluded; it says by which rules they were. Whoever holds the
record should compare the last hash of the chain with the stream `draw/<id>`.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from archive.errors import Reason

Json: TypeAlias = Any
NAMES = (
    "form",
    "chain",
    "order",
    "request",
    "pool",
    "candidates",
    "shares",
    "seed",
    "lottery",
    "course",
    "result",
)
ZEROS = "0" * 64
ATTEMPTS_MAX = 1_000_000
BEFORE_DRAW = ["REQUESTED", "COMMITTED", "COMMITTED", "REVEALED", "REVEALED"]
STATE_AFTER = ["REQUESTED", "REQUESTED", "COMMITTED", "COMMITTED", "REVEALED"]


@dataclass(frozen=True)
class Step:
    """One numbered step of the verification; `reason` says what is wrong where it failed."""

    number: int
    name: str
    ok: bool
    reason: Reason | None = None


class _Wrong(Exception):
    def __init__(self, what: str, where: str = "") -> None:
        super().__init__(what)
        self.what, self.where = what, where


def verify_transcript(value: Json) -> list[Step]:
    """Every step that was taken; the transcript is valid when all eleven are there and ok."""
    checks: tuple[Callable[[_Run], None], ...] = (
        _form,
        _chain,
        _order,
        _request,
        _pool,
        _candidates,
        _shares,
        _seed,
        _lottery,
        _course,
        _result,
    )
    run = _Run(value)
    done: list[Step] = []
    for number, (name, check) in enumerate(zip(NAMES, checks, strict=True), start=1):
        try:
            check(run)
        except _Wrong as wrong:
            params = {"step": number, "what": wrong.what, "where": wrong.where}
            done.append(Step(number, name, False, Reason(f"experts.verify.{name}", params)))
            return done
        except (KeyError, TypeError, ValueError, IndexError, AttributeError, RecursionError):
            params = {"step": number, "what": "malformed", "where": ""}
            done.append(Step(number, name, False, Reason(f"experts.verify.{name}", params)))
            return done
        done.append(Step(number, name, True))
    return done


def is_valid(steps: list[Step]) -> bool:
    return len(steps) == len(NAMES) and all(step.ok for step in steps)


@dataclass
class _Run:
    """What the steps hand on to each other."""

    value: Json
    leaves: list[str] = field(default_factory=list)
    seed: bytes = b""
    attempt: int = -1
    state: str = "REQUESTED"
    seats: dict[str, tuple[str, int, str]] = field(default_factory=dict)

    @property
    def request(self) -> Json:
        return self.value["request"]

    @property
    def steps(self) -> list[Json]:
        found = self.value["steps"]
        assert isinstance(found, list)
        return found

    def kinds(self, kind: str) -> list[Json]:
        return [step["data"] for step in self.steps if step["kind"] == kind]


def _need(holds: bool, what: str, where: object = "") -> None:
    if not holds:
        raise _Wrong(what, str(where)[:80])


def _canonical(value: Json) -> bytes:
    text = json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )
    return text.encode("utf-8")


def _digest(value: Json) -> str:
    return hashlib.sha256(_canonical(value)).hexdigest()


def _sha(*parts: bytes) -> bytes:
    return hashlib.sha256(b"".join(parts)).digest()


def _only(value: Json, keys: str, where: str) -> None:
    _need(isinstance(value, dict) and set(value) == set(keys.split()), "fields", where)


def _no_floats(value: Json) -> None:
    if isinstance(value, dict):
        for key, item in value.items():
            _need(isinstance(key, str), "key")
            _no_floats(item)
    elif isinstance(value, list):
        for item in value:
            _no_floats(item)
    else:
        _need(value is None or isinstance(value, str | int), "type", type(value).__name__)


# 1
def _form(run: _Run) -> None:
    value = run.value
    _only(value, "format request candidates proof steps result", "")
    _need(value["format"] == "bigloop.draw.v1", "format", value["format"])
    _no_floats(value)
    for candidate in value["candidates"]:
        _only(candidate, "person unit home place specialties reasons", "candidates")
    for step in value["steps"]:
        _only(step, "seq kind data prev hash", "steps")
    _only(value["result"], "state members", "result")
    _need(run.request["format"] == "bigloop.draw-request.v1", "format", "request")
    _need(run.request["algorithm"] == "bigloop.draw.sha256.v1", "algorithm", "request")


# 2
def _chain(run: _Run) -> None:
    prev = ZEROS
    for number, step in enumerate(run.steps):
        said = {key: step[key] for key in ("seq", "kind", "data", "prev")}
        _need(type(step["seq"]) is int and step["seq"] == number, "number", number)
        _need(step["prev"] == prev, "predecessor", number)
        _need(step["hash"] == _digest(said), "hash", number)
        prev = step["hash"]


# 3
def _order(run: _Run) -> None:
    kinds = [step["kind"] for step in run.steps]
    _need(bool(kinds), "empty")
    if kinds[-1] == "ABANDONED":
        before = kinds[:-1]
        _need(before == BEFORE_DRAW[: len(before)] and len(before) < 5, "order", len(before))
        run.state = "ABANDONED"
        return
    head = kinds[:5]
    _need(head == BEFORE_DRAW[: len(head)], "order", len(head))
    run.state = STATE_AFTER[len(head) - 1]
    if len(kinds) > 5:
        _need(kinds[5] in ("DRAWN", "ABORTED"), "order", 5)
        _need(kinds[5] == "DRAWN" or len(kinds) == 6, "order", 6)
        rest = {"INVITED", "SETTLED", "RECHECKED", "SUBSTITUTED", "EXHAUSTED"}
        _need(set(kinds[6:]) <= rest, "order", 6)


# 4
def _request(run: _Run) -> None:
    _only(run.steps[0]["data"], "request", "steps/0")
    _need(run.steps[0]["data"]["request"] == _digest(run.request), "hash")
    request = run.request
    _need(request["number"] > 1 or request["predecessor"] == ZEROS, "predecessor")
    _need(request["coupling"]["prefecture_max"] >= 1, "coupling")
    _need(0 < request["attempts_max"] <= ATTEMPTS_MAX, "attempts")
    for quota in request["quotas"]:
        widened = quota["source"] != quota["specialty"]
        _need(quota["specialty"].startswith(quota["source"]), "source", quota["specialty"])
        _need(widened == (quota["consent"] is not None), "consent", quota["specialty"])


# 5
def _pool(run: _Run) -> None:
    found = []
    for candidate in run.value["candidates"]:
        facts = _sha(
            _canonical({"home": candidate["home"], "specialties": candidate["specialties"]})
        )
        person, unit = bytes.fromhex(candidate["person"]), bytes.fromhex(candidate["unit"])
        _need(len(person) == len(unit) == 32, "length")
        _need(candidate["person"] == person.hex() and candidate["unit"] == unit.hex(), "case")
        found.append(_sha(b"\x00", person, unit, facts))
    _need(all(a < b for a, b in zip(found, found[1:], strict=False)), "order")
    places = [candidate["place"] for candidate in run.value["candidates"]]
    _need(all(type(place) is int for place in places), "place")
    _need(all(a < b for a, b in zip(places, places[1:], strict=False)), "places")
    size = run.request["pool"]["size"]
    _need(not places or (places[0] >= 0 and places[-1] < size), "places")
    proof = iter([bytes.fromhex(item) for item in run.value["proof"]])
    _need([item.lower() for item in run.value["proof"]] == run.value["proof"], "case")
    root = _root(dict(zip(places, found, strict=True)), sorted(places), 0, size, proof)
    _need(next(proof, None) is None, "proof")
    _need(root.hex() == run.request["pool"]["root"], "root")
    run.leaves = [leaf.hex() for leaf in found]


def _root(
    opened: Mapping[int, bytes], places: list[int], start: int, stop: int, proof: Iterator[bytes]
) -> bytes:
    """The RFC 6962 hash of leaves `start` … `stop` − 1, of which `places` are opened."""
    if stop == start:
        return _sha()
    if not places:
        node = next(proof, None)
        if node is None or len(node) != 32:
            raise _Wrong("proof")
        return node
    if stop - start == 1:
        return opened[start]
    middle = start + (1 << ((stop - start - 1).bit_length() - 1))
    left = [place for place in places if place < middle]
    right = [place for place in places if place >= middle]
    first = _root(opened, left, start, middle, proof)
    return _sha(b"\x01", first, _root(opened, right, middle, stop, proof))


# 6
def _candidates(run: _Run) -> None:
    fixed = run.request["candidates"]
    lines, counts = [], Counter[str]()
    sources = [quota["source"] for quota in run.request["quotas"]]
    for leaf, candidate in zip(run.leaves, run.value["candidates"], strict=True):
        lines.append(f"{leaf} {','.join(candidate['reasons'])}\n")
        counts.update(candidate["reasons"])
        answers = any(c.startswith(s) for c in candidate["specialties"] for s in sources)
        _need(answers, "no quota", leaf)
    _need(len(lines) == fixed["count"], "count")
    _need(hashlib.sha256("".join(lines).encode()).hexdigest() == fixed["sha256"], "digest")
    _need(dict(counts) == fixed["excluded"], "excluded")


# 7
def _shares(run: _Run) -> None:
    committed = {data["party"]: data for data in run.kinds("COMMITTED")}
    revealed = {data["party"]: data for data in run.kinds("REVEALED")}
    for data in run.kinds("COMMITTED"):
        _only(data, "party actor commitment", "COMMITTED")
    _need(len(committed) == len(run.kinds("COMMITTED")), "party twice")
    _need(len(revealed) == len(run.kinds("REVEALED")), "party twice")
    _need(set(committed) <= {"centre", "supervisor"}, "party")
    actors = [data["actor"] for data in committed.values()]
    _need(len(set(actors)) == len(actors), "one person twice")
    request_hash = bytes.fromhex(run.steps[0]["data"]["request"])
    for party, data in revealed.items():
        _only(data, "party actor share", "REVEALED")
        _need(data["actor"] == committed[party]["actor"], "other person", party)
        share = bytes.fromhex(data["share"])
        _need(len(share) == 32, "length", party)
        opened = _sha(b"bigloop.draw.share.v1\0", request_hash, party.encode(), b"\0", share)
        _need(opened.hex() == committed[party]["commitment"], "commitment", party)


# 8
def _seed(run: _Run) -> None:
    for data in run.kinds("DRAWN") + run.kinds("ABORTED"):
        shares = {item["party"]: bytes.fromhex(item["share"]) for item in run.kinds("REVEALED")}
        request_hash = bytes.fromhex(run.steps[0]["data"]["request"])
        run.seed = _sha(
            b"bigloop.draw.seed.v1\0", request_hash, shares["centre"], shares["supervisor"]
        )
        _need(data["seed"] == run.seed.hex(), "seed")


def _order_of(seed: bytes, label: str, attempt: int, size: int) -> Iterator[int]:
    """The lottery's permutation, in the order of the ranks."""
    name = label.encode()
    key = _sha(
        b"bigloop.draw.lottery.v1\0", seed, attempt.to_bytes(4, "big"), bytes([len(name)]), name
    )
    items: dict[int, int] = {}
    counter = 0
    for i in range(size):
        n = size - i
        while True:
            block = int.from_bytes(_sha(key, counter.to_bytes(8, "big")), "big")
            counter += 1
            if block < 2**256 - 2**256 % n:
                break
        j = i + block % n
        items[i], items[j] = items.get(j, j), items.get(i, i)
        yield items[i]


class _Board:
    """Groups, candidates and coupling of the request, as this side understands them."""

    def __init__(self, run: _Run) -> None:
        request = run.request
        self.quotas = [(quota["specialty"], quota["count"]) for quota in request["quotas"]]
        self.one_per_unit = request["coupling"]["one_per_unit"]
        self.prefecture_max = request["coupling"]["prefecture_max"]
        self.multiple = request["batch_multiple"]
        self.who = {
            leaf: (candidate["unit"], candidate["home"][:4])
            for leaf, candidate in zip(run.leaves, run.value["candidates"], strict=True)
            if not candidate["reasons"]
        }
        self.listed = [
            [
                leaf
                for leaf, candidate in zip(run.leaves, run.value["candidates"], strict=True)
                if not candidate["reasons"]
                and any(code.startswith(quota["source"]) for code in candidate["specialties"])
            ]
            for quota in request["quotas"]
        ]
        self.ranked: list[list[str]] = []

    def together(self, leaves: list[str]) -> bool:
        units = [self.who[leaf][0] for leaf in leaves]
        places = Counter(self.who[leaf][1] for leaf in leaves)
        return (
            len(set(leaves)) == len(leaves)
            and (not self.one_per_unit or len(set(units)) == len(units))
            and all(count <= self.prefecture_max for count in places.values())
        )

    def drawn(self, seed: bytes, attempt: int) -> list[list[str]]:
        committee = []
        for (specialty, count), listed in zip(self.quotas, self.listed, strict=True):
            _need(len(listed) >= count, "too few candidates", specialty)
            order = _order_of(seed, specialty, attempt, len(listed))
            committee.append([listed[next(order)] for _ in range(count)])
        return committee

    def rank_all(self, seed: bytes, attempt: int) -> None:
        self.ranked = [
            [listed[item] for item in _order_of(seed, specialty, attempt, len(listed))]
            for (specialty, _), listed in zip(self.quotas, self.listed, strict=True)
        ]

    def seat_codes(self, g: int) -> list[str]:
        specialty, count = self.quotas[g]
        return [f"{specialty}-{number}" for number in range(1, count + 1)]


# 9
def _lottery(run: _Run) -> None:
    board = _Board(run)
    for data in run.kinds("ABORTED"):
        _need(data["attempts"] == run.request["attempts_max"], "attempts")
        for attempt in range(data["attempts"]):
            committee = board.drawn(run.seed, attempt)
            _need(not board.together(sum(committee, [])), "attempt", attempt)
        run.state = "ABORTED"
    for data in run.kinds("DRAWN"):
        _only(data, "seed attempt committee", "DRAWN")
        attempt = data["attempt"]
        _need(type(attempt) is int and 0 <= attempt < run.request["attempts_max"], "attempt")
        for earlier in range(attempt):
            committee = board.drawn(run.seed, earlier)
            _need(not board.together(sum(committee, [])), "attempt", earlier)
        committee = board.drawn(run.seed, attempt)
        _need(board.together(sum(committee, [])), "coupling", attempt)
        said = [
            [quota[0], list(leaves)] for quota, leaves in zip(board.quotas, committee, strict=True)
        ]
        _need(data["committee"] == said, "committee")
        run.attempt = attempt


# 10
def _course(run: _Run) -> None:
    if run.attempt < 0:
        return
    board = _Board(run)
    board.rank_all(run.seed, run.attempt)
    barred: set[str] = set()
    opened: list[list[Any]] | None = None
    round_number = 0
    ended = False
    for step in run.steps[6:]:
        kind, data, where = step["kind"], step["data"], step["seq"]
        _need(not ended, "after the end", where)
        complete = len(run.seats) == sum(count for _, count in board.quotas)
        if kind == "INVITED":
            _only(data, "round until invitations", str(where))
            _need(opened is None and not complete, "round", where)
            round_number += 1
            due, empty = _invitations(board, run, barred)
            _need(data["round"] == round_number and not empty, "round", where)
            _need(data["invitations"] == due, "invitations", where)
            opened = due
        elif kind == "SETTLED":
            _only(data, "round accepted declined silent seated", str(where))
            _need(opened is not None and data["round"] == round_number, "round", where)
            answered = data["accepted"] + data["declined"] + data["silent"]
            asked = {leaf for _, _, leaf in opened or []}
            _need(sorted(answered) == sorted(asked), "answers", where)
            for name in ("accepted", "declined", "silent"):
                _need(data[name] == sorted(data[name]), "answers", where)
            barred |= set(data["declined"]) | set(data["silent"])
            willing = set(data["accepted"]) - barred
            _need(data["seated"] == _seat(board, run, opened or [], willing), "seats", where)
            opened = None
        elif kind == "RECHECKED":
            _only(data, "bidders excluded removed", str(where))
            out = [leaf for leaf, _ in data["excluded"]]
            _need(out == sorted(set(out)) and set(out) <= set(board.who), "excluded", where)
            _need(not barred & set(out), "excluded", where)
            for _, codes in data["excluded"]:
                _need(bool(codes), "no reason", where)
            barred |= set(out)
            gone = [seat for seat in sorted(run.seats) if run.seats[seat][2] in out]
            _need(data["removed"] == gone, "removed", where)
            for seat in gone:
                del run.seats[seat]
        elif kind == "SUBSTITUTED":
            _only(data, "seat leaf cause", str(where))
            causes = ("RECUSAL", "LEFT_POST", "HEALTH", "ABSENT")
            _need(data["cause"] in causes, "cause", where)
            _need(run.seats[data["seat"]][2] == data["leaf"], "leaf", where)
            barred.add(data["leaf"])
            del run.seats[data["seat"]]
        else:
            _only(data, "groups", str(where))
            _need(opened is None and kind == "EXHAUSTED", "exhausted", where)
            _need(_invitations(board, run, barred)[1] == data["groups"] != [], "groups", where)
            ended = True
    complete = len(run.seats) == sum(count for _, count in board.quotas)
    if ended:
        run.state = "EXHAUSTED"
    elif opened is not None:
        run.state = "INVITING"
    else:
        _need(complete, "unfinished")
        run.state = "SEATED"


def _invitations(board: _Board, run: _Run, barred: set[str]) -> tuple[list[list[Any]], list[int]]:
    """Whom a round must invite, and the groups for which nobody is left."""
    seated = [leaf for _, _, leaf in run.seats.values()]
    due: list[list[Any]] = []
    empty = []
    for g, ranked in enumerate(board.ranked):
        vacant = sum(code not in run.seats for code in board.seat_codes(g))
        mine = []
        for rank, leaf in enumerate(ranked, start=1):
            if len(mine) == vacant * board.multiple:
                break
            if leaf not in barred and board.together([*seated, leaf]):
                mine.append([g, rank, leaf])
        if vacant and not mine:
            empty.append(g)
        due += mine
    return due, empty


def _seat(board: _Board, run: _Run, opened: list[list[Any]], willing: set[str]) -> list[list[Any]]:
    """Seat the willing; the seats newly taken, in the order in which they were given."""
    drawn_first = sorted(
        (rank > board.quotas[g][1], rank, g, leaf) for g, rank, leaf in opened if leaf in willing
    )
    taken = []
    for _, rank, g, leaf in drawn_first:
        vacant = [code for code in board.seat_codes(g) if code not in run.seats]
        seated = [other for _, _, other in run.seats.values()]
        if vacant and board.together([*seated, leaf]):
            run.seats[vacant[0]] = (board.quotas[g][0], rank, leaf)
            taken.append([vacant[0], board.quotas[g][0], rank, leaf])
    return taken


# 11
def _result(run: _Run) -> None:
    said = run.value["result"]
    _need(said["state"] == run.state, "state", said["state"])
    members = [[seat, *run.seats[seat]] for seat in sorted(run.seats)]
    _need(said["members"] == members, "members")
