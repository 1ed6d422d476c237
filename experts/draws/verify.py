"""`bigloop verify` of a draw: what a transcript says, done again with the drawing code and compared.

    1. form        format, scope, fields, and their types
    2. chain       steps numbered from 0, each holding the hash of the one before
    3. order       request, public value, trustees' outputs, the draw, then rounds, in that order
    4. request     its hash is the one that was recorded first
    5. pool        the opened leaves are in the pool's tree, in ascending order
    6. candidates  digest, numbers and counts by reason are those of the request; each answers a quota
    7. outputs     each asked trustee's proof is his key's for what was asked, or he is named silent
    8. seed        made of what was asked and the outputs
    9. lottery     the first attempt that meets the coupling rules, and its committee
    10. course     every round invites, seats and removes whom the rules say
    11. result     state and members are what the course leads to
    12. filter     audit only: facts fit the leaves, and with all links between companies each exclusion and
                   admission follows from them, at the request and at the opening

Verification stops at the first step that fails. It shares its rules with the drawing side, so it
finds changed transcripts and not mistakes of ours; those are found by the second implementation,
`api/static/verify_draw.py`, one file that imports nothing of this package. Neither can say whether the
pool was complete or the facts true. Whoever holds the record should compare the last hash of the
chain with the stream `draw/<id>`, and the trustees' keys with their register.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import pairwise
from typing import Any, NamedTuple, TypeAlias

from archive import canonical
from archive.errors import Reason
from archive.journal.entry import moment_of
from experts.committee import Card, Coupling, Group, restored, select
from experts.conflicts.affiliations import lines_digest
from experts.conflicts.rules import conflicts
from experts.draws.candidates import COUNTY, unit_labels
from experts.draws.grounds import affiliations_of, context_of
from experts.draws.leaves import leaf_hash, record_hash, root_of_opening
from experts.draws.request import FORMAT as REQUEST_FORMAT
from experts.draws.request import NO_PREDECESSOR, State, candidates_digest, reasons_digest
from experts.draws.seed import alpha_of, seed_of, value_digest
from experts.draws.transcript import (
    AUDIT,
    FIRST_PREV,
    FORMAT,
    LETTERS,
    ORDER,
    PUBLIC,
    seat_json,
    step_json,
)
from experts.invitations.process import Board, Cause, Process
from experts.pool.columns import codes_of, record_of
from experts.pool.eligibility import EligibilityRules, ineligible
from experts.pool.expert import Expert, of_facts
from experts.suite import ALGORITHMS, Hash
from experts.vrf.verify import InvalidProof, verified_output
from trading.calendar.legal import legal_day

Json: TypeAlias = Any
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
    "filter",
)
ATTEMPTS_MAX = 1_000_000
BEFORE_DRAW = {
    "r": State.REQUESTED,
    "v": State.REQUESTED,
    "a": State.ASKING,
    "o": State.ASKING,
    "u": State.UNSEEDED,
    "z": State.ABANDONED,
    "x": State.ABORTED,
}


class Wrong(Exception):
    """A step does not hold: `what` is wrong, a word of `experts.flaw`, and where."""

    def __init__(self, what: str, where: object = "") -> None:
        super().__init__(what)
        self.what, self.where = what, str(where)[:80]


@dataclass(frozen=True)
class Step:
    """One numbered step of the verification; `reason` says what is wrong where it failed. Where the draw
    has not come so far there was nothing to check: the step holds, and is not `is_reached`."""

    number: int
    name: str
    ok: bool
    reason: Reason | None = None
    is_reached: bool = True


class Rechecked(NamedTuple):
    """A second check: its step, and the leaves that nobody could call any more before it."""

    seq: int
    data: Json
    barred: frozenset[str]


@dataclass
class Run:
    """What the steps hand on to each other."""

    value: Json
    leaves: list[bytes] = field(default_factory=list)
    alpha: bytes = b""
    outputs: list[bytes] = field(default_factory=list)
    seed: bytes = b""
    state: State = State.REQUESTED
    board: Board | None = None
    process: Process = field(default_factory=Process.start)
    rechecks: list[Rechecked] = field(default_factory=list)

    @property
    def request(self) -> Json:
        return self.value["request"]

    @property
    def steps(self) -> list[Json]:
        found: list[Json] = self.value["steps"]
        return found

    @property
    def h(self) -> Hash:
        return ALGORITHMS[self.request["algorithm"]]

    def after_draw(self) -> list[Json]:
        kinds = [step["kind"] for step in self.steps]
        return self.steps[kinds.index("DRAWN") + 1 :] if "DRAWN" in kinds else []

    def drawn(self) -> Json | None:
        return next((s["data"] for s in self.steps if s["kind"] in ("DRAWN", "ABORTED")), None)


def need(holds: bool, what: str, where: object = "") -> None:
    if not holds:
        raise Wrong(what, where)


def only(value: Json, keys: str, where: object) -> None:
    need(isinstance(value, dict) and set(value) == set(keys.split()), "fields", where)


def _bytes(text: Json, count: int, where: object) -> bytes:
    """The bytes of lower-case hex; there is one spelling."""
    need(isinstance(text, str) and len(text) == 2 * count, "length", where)
    found = bytes.fromhex(text)
    need(found.hex() == text, "spelling", where)
    return found


def verify_transcript(value: Json) -> list[Step]:
    """Every step that was taken; the transcript is valid when all of its scope are there and ok."""
    run = Run(value)
    done: list[Step] = []
    for number, (name, check) in enumerate(zip(NAMES, CHECKS, strict=True), start=1):
        if check is _filter and value["scope"] == PUBLIC:
            break
        what, where = "", ""
        try:
            check(run)
        except Wrong as wrong:
            what, where = wrong.what, wrong.where
        except (KeyError, TypeError, ValueError, IndexError, AttributeError):
            what = "malformed"
        except (AssertionError, RecursionError, OverflowError):
            what = "malformed"
        if what:
            params: dict[str, str | int] = {"step": number, "what": what, "where": where}
            done.append(Step(number, name, False, Reason(f"experts.verify.{name}", params)))
            return done
        reached = REACHED.get(check)
        done.append(Step(number, name, True, is_reached=reached is None or reached(run)))
    return done


def is_valid(steps: Sequence[Step]) -> bool:
    return len(steps) >= len(NAMES) - 1 and all(step.ok for step in steps)


def _form(run: Run) -> None:
    value = run.value
    need(isinstance(value, dict), "fields")
    scope = value.get("scope")
    need(scope in (PUBLIC, AUDIT), "scope")
    more = " audit" if scope == AUDIT else ""
    only(value, f"format scope request candidates proof steps result{more}", "")
    need(value["format"] == FORMAT, "format", value["format"])
    canonical.encode(value)
    more = " person facts reasons" if scope == AUDIT else ""
    for candidate in value["candidates"]:
        only(candidate, f"unit area specialties record place in{more}", "candidates")
        need(type(candidate["in"]) is bool, "in", "candidates")
    for step in value["steps"]:
        only(step, "seq kind data prev hash", "steps")
    only(value["result"], "state members", "result")
    need(run.request["format"] == REQUEST_FORMAT, "format", "request")
    need(run.request["algorithm"] in ALGORITHMS, "algorithm", "request")


def _chain(run: Run) -> None:
    prev = FIRST_PREV
    for number, step in enumerate(run.steps):
        need(type(step["seq"]) is int, "number", number)
        need(step == step_json(number, step["kind"], step["data"], prev), "hash", number)
        prev = step["hash"]


def _order(run: Run) -> None:
    text = "".join(LETTERS.get(step["kind"], "?") for step in run.steps)
    need(ORDER.fullmatch(text) is not None, "order", text)
    need("z" not in text or "o" not in text, "given_up_after_an_output")
    has_value = run.request["public_value"] is not None
    need("v" in text if has_value and "a" in text else has_value or "v" not in text, "value", text)
    run.state = BEFORE_DRAW.get(text[-1], State.INVITING)


def _request(run: Run) -> None:
    only(run.steps[0]["data"], "request", "steps/0")
    request = run.request
    need(run.steps[0]["data"]["request"] == canonical.digest(request), "hash")
    need(request["number"] > 1 or request["predecessor"] == NO_PREDECESSOR, "predecessor")
    need(request["coupling"]["prefecture_max"] >= 1, "coupling")
    need(0 < request["attempts_max"] <= ATTEMPTS_MAX, "attempts")
    weights = request["weights"]
    need(all(a[0] < b[0] for a, b in pairwise(weights)), "weights")
    need(all(type(weight) is int and weight >= 1 for _, weight in weights), "weights")
    for quota in request["quotas"]:
        widened = quota["source"] != quota["specialty"]
        need(quota["specialty"].startswith(quota["source"]), "source", quota["specialty"])
        need(widened == (quota["consent"] is not None), "consent", quota["specialty"])


def _pool(run: Run) -> None:
    opened: dict[int, bytes] = {}
    for candidate in run.value["candidates"]:
        parts = [_bytes(candidate[name], 32, name) for name in ("unit", "area", "record")]
        codes = codes_of(tuple(candidate["specialties"]))
        leaf = leaf_hash(parts[0], parts[1], codes, parts[2], run.h)
        need(type(candidate["place"]) is int, "place")
        opened[candidate["place"]] = leaf
        run.leaves.append(leaf)
    need(all(a < b for a, b in pairwise(run.leaves)), "order")
    need(all(a < b for a, b in pairwise(opened)), "places")
    proof = [_bytes(item, 32, "proof") for item in run.value["proof"]]
    root = root_of_opening(opened, run.request["pool"]["size"], proof, run.h)
    need(root is not None and root.hex() == run.request["pool"]["root"], "root")


def _candidates(run: Run) -> None:
    fixed, found = run.request["candidates"], run.value["candidates"]
    sources = [quota["source"] for quota in run.request["quotas"]]
    for candidate in found:
        answers = any(c.startswith(s) for c in candidate["specialties"] for s in sources)
        need(answers, "no_quota", candidate["place"])
    need(len(found) == fixed["count"], "count")
    flags = zip((leaf.hex() for leaf in run.leaves), (c["in"] for c in found), strict=True)
    need(candidates_digest(flags, run.h) == fixed["hash"], "digest")
    out = sum(not candidate["in"] for candidate in found)
    counts = fixed["excluded"].values()
    need(max(counts, default=0) <= out <= sum(counts), "excluded")


def _outputs(run: Run) -> None:
    panel = run.request["trustees"]
    members = {member["id"]: _bytes(member["key"], 32, "key") for member in panel["members"]}
    need([member["id"] for member in panel["members"]] == sorted(members), "members")
    request_hash, value, number = run.steps[0]["data"]["request"], value_digest(""), 0
    asked, given = list(members), dict[str, bytes]()
    for step in run.steps[1:]:
        kind, data, where = step["kind"], step["data"], step["seq"]
        if kind == "VALUE":
            only(data, "value", where)
            need(data["value"] != "", "value", where)
            value = value_digest(data["value"])
        elif kind == "ASKED":
            only(data, "asking trustees from until", where)
            number, given = number + 1, {}
            need(data["asking"] == number and data["trustees"] == asked, "asked", where)
            need(1 <= panel["min"] <= len(asked), "too_few_trustees", where)
            _hours(run.request, data, where)
            run.alpha = alpha_of(request_hash, number, value)
        elif kind == "OUTPUT":
            only(data, "trustee proof", where)
            who = data["trustee"]
            need(who in asked and who not in given, "trustee", who)
            proof = _bytes(data["proof"], 80, who)
            try:
                given[who] = verified_output(members[who], run.alpha, proof)
            except InvalidProof:
                raise Wrong("proof", who) from None
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
            need(len(given) == len(asked), "output_missing", where)
            break
    run.outputs = [given[who] for who in asked if who in given]


def _hours(request: Json, data: Json, where: object) -> None:
    """Outputs are taken from the earliest hour on, for as long as the request says."""
    start, end = moment_of(data["from"]), moment_of(data["until"])
    earliest = moment_of(request["evaluation_at"]) - timedelta(hours=request["earliest_hours"])
    need(start >= earliest, "too_early", where)
    need(end - start == timedelta(minutes=request["trustees"]["minutes"]), "until", where)


def _seed(run: Run) -> None:
    drawn = run.drawn()
    if drawn is not None:
        run.seed = seed_of(run.alpha, run.outputs, run.h)
        need(drawn["seed"] == run.seed.hex(), "seed")


def _lottery(run: Run) -> None:
    drawn, request = run.drawn(), run.request
    if drawn is None:
        return
    listed = list(zip(run.leaves, run.value["candidates"], strict=True))
    cards = {
        leaf.hex(): Card(leaf.hex(), candidate["unit"], candidate["area"])
        for leaf, candidate in listed
        if candidate["in"]
    }
    groups = tuple(
        Group(
            quota["specialty"],
            quota["count"],
            tuple(
                leaf.hex()
                for leaf, candidate in listed
                if candidate["in"]
                and any(code.startswith(quota["source"]) for code in candidate["specialties"])
            ),
        )
        for quota in request["quotas"]
    )
    coupling = Coupling(request["coupling"]["one_per_unit"], request["coupling"]["prefecture_max"])
    attempts_max, weights = request["attempts_max"], dict(request["weights"])
    found = select(run.seed, groups, cards, coupling, attempts_max, run.h, weights)
    if found is None:
        need(drawn == {"seed": run.seed.hex(), "attempts": attempts_max}, "aborted")
        return
    committee = [
        [group.specialty, list(leaves)] for group, leaves in zip(groups, found.drawn(), strict=True)
    ]
    said = {"seed": run.seed.hex(), "attempt": found.attempt, "fallback": found.is_fallback}
    need(drawn == {**said, "committee": committee}, "committee", found.attempt)
    made = restored(run.seed, groups, cards, coupling, found.attempt, attempts_max, run.h)
    run.board = Board(made, cards, coupling, request["batch_multiple"])


def _course(run: Run) -> None:
    board = run.board
    if board is None:
        return
    process = Process.start()
    state = State.INVITING
    for step in run.after_draw():
        kind, data, where = step["kind"], step["data"], step["seq"]
        need(state is not State.EXHAUSTED, "after_the_end", where)
        if kind in ("INVITED", "EXHAUSTED"):
            need(not process.invited and not board.is_complete(process), "round", where)
            process, empty = board.open_round(process)
            if kind == "EXHAUSTED":
                need(bool(empty) and data == {"groups": list(empty)}, "groups", where)
                state = State.EXHAUSTED
                continue
            only(data, "round until invitations", where)
            moment_of(data["until"])
            due = [[item.group, item.rank, item.leaf] for item in process.invited]
            need(not empty and data["round"] == process.round, "round", where)
            need(data["invitations"] == due, "invitations", where)
        elif kind == "EXTENDED":
            only(data, "round until", where)
            moment_of(data["until"])
            need(bool(process.invited) and data["round"] == process.round, "round", where)
        elif kind == "SETTLED":
            process = _settled(board, process, data, where)
        elif kind == "RECHECKED":
            only(data, "bidders grounds affiliations excluded reasons removed", where)
            for name in ("bidders", "grounds", "affiliations"):
                _bytes(data[name], 32, where)
            run.rechecks.append(Rechecked(where, data, frozenset(process.barred)))
            out = data["excluded"]
            need(out == sorted(set(out)) and set(out) <= set(board.cards), "excluded", where)
            need(not process.barred & set(out), "excluded", where)
            counts = data["reasons"].values()
            need(max(counts, default=0) <= len(out) <= sum(counts), "reasons", where)
            process, gone = board.exclude(process, out)
            need(data["removed"] == [seat.code for seat in gone], "removed", where)
        else:
            only(data, "seat leaf cause", where)
            need(data["cause"] in set(Cause), "cause", where)
            need(process.seated[data["seat"]].leaf == data["leaf"], "leaf", where)
            process, _ = board.exclude(process, [data["leaf"]])
    if state is not State.EXHAUSTED:
        state = State.INVITING if process.invited else State.SEATED
        need(bool(process.invited) or board.is_complete(process), "unfinished")
    run.state, run.process = state, process


def _settled(board: Board, process: Process, data: Json, where: object) -> Process:
    only(data, "round accepted declined silent seated", where)
    need(bool(process.invited) and data["round"] == process.round, "round", where)
    answers = dict.fromkeys(data["accepted"], True) | dict.fromkeys(data["declined"], False)
    settled, found = board.settle(process, answers)
    for name in ("accepted", "declined", "silent"):
        need(data[name] == list(getattr(found, name)), "answers", where)
    need(data["seated"] == [seat_json(seat) for seat in found.seated], "seats", where)
    return settled


def _result(run: Run) -> None:
    said = run.value["result"]
    need(said["state"] == run.state, "state", said["state"])
    seats = [run.process.seated[code] for code in sorted(run.process.seated)]
    need(said["members"] == [seat_json(seat) for seat in seats], "members")


def _filter(run: Run) -> None:
    """The candidates' facts, who hangs together with whom, every exclusion and every admission."""
    audit, request = run.value["audit"], run.request
    only(audit, "salt context rechecks affiliations", "audit")
    salt, said = _bytes(audit["salt"], 32, "salt"), audit["context"]
    need(run.h(salt + canonical.encode(said)).hex() == request["context"]["hash"], "context")
    _of_the_lot(said, request)
    named = {request["context"]["affiliations"], *(r.data["affiliations"] for r in run.rechecks)}
    need(set(audit["affiliations"]) == named, "affiliations")
    for digest, lines in audit["affiliations"].items():
        need(lines_digest(lines) == digest, "affiliations", digest)
    affiliated = affiliations_of(said, audit["affiliations"][request["context"]["affiliations"]])
    known, numbers = context_of(said, affiliated), EligibilityRules(**said["eligibility"])
    counts = Counter[str]()
    lines = []
    experts: dict[str, Expert] = {}
    for leaf, candidate in zip(run.leaves, run.value["candidates"], strict=True):
        where = candidate["place"]
        person = _bytes(candidate["person"], 32, where)
        expert = of_facts(candidate["facts"])
        need(expert.facts() == candidate["facts"], "facts", where)
        record = record_hash(person, record_of(expert), run.h)
        need(record.hex() == candidate["record"], "record", where)
        need(list(expert.specialties_on(known.on)) == candidate["specialties"], "terms", where)
        reasons = [
            *ineligible(expert, known.on, numbers),
            *(reason.code for reason in conflicts(expert, known)),
            *([COUNTY] if expert.home_division == said["county"] else []),
        ]
        need(candidate["reasons"] == reasons, "reasons", where)
        need(candidate["in"] == (not reasons), "in", where)
        counts.update(reasons)
        lines.append((leaf.hex(), reasons))
        experts[leaf.hex()] = expert
    need(dict(counts) == request["candidates"]["excluded"], "excluded")
    need(reasons_digest(lines, salt, run.h) == request["candidates"]["reasons"], "digest")
    need(len({expert.id for expert in experts.values()}) == len(experts), "one_expert_twice")
    candidates = run.value["candidates"]
    labels = unit_labels(experts.values(), affiliated.control, request["coupling"]["one_per"])
    _alike("unit", labels, [candidate["unit"] for candidate in candidates])
    homes = [expert.prefecture for expert in experts.values()]
    _alike("area", homes, [candidate["area"] for candidate in candidates])
    need(len(audit["rechecks"]) == len(run.rechecks), "rechecks")
    for recheck, grounds in zip(run.rechecks, audit["rechecks"], strict=True):
        _rechecked(run, recheck, grounds, salt, experts)


def _of_the_lot(said: Json, request: Json) -> None:
    """A context speaks of the request's day, regime and county."""
    need(said["on"] == legal_day(moment_of(request["evaluation_at"])).isoformat(), "day")
    need(said["regime"] == request["regime"], "regime")
    need(said["county"] in ("", request["division"]), "county")


def _alike(what: str, true: Sequence[str], shown: Sequence[str]) -> None:
    """Pseudonyms tell apart exactly what is apart."""
    pairs = set(zip(true, shown, strict=True))
    need(len(pairs) == len({a for a, _ in pairs}) == len({b for _, b in pairs}), what)


def _rechecked(
    run: Run, recheck: Rechecked, grounds: Json, salt: bytes, experts: Mapping[str, Expert]
) -> None:
    """The second check excluded whom the bidders' ties exclude, of all who might still be called."""
    audit, base, where = run.value["audit"], run.value["audit"]["context"], recheck.seq
    only(grounds, "bidders context facts", where)
    said, bidders, data = grounds["context"], grounds["bidders"], recheck.data
    need(run.h(salt + canonical.encode(grounds)).hex() == data["grounds"], "grounds", where)
    need(canonical.digest(bidders) == data["bidders"], "bidders", where)
    parties = {(side, uscc) for side, uscc in base["parties"]} | {("BIDDER", b) for b in bidders}
    need(said["parties"] == [list(party) for party in sorted(parties)], "parties", where)
    need(all(said[name] == base[name] for name in ("on", "regime", "drafters", "voided")), "lot")
    known = context_of(said, affiliations_of(said, audit["affiliations"][data["affiliations"]]))
    changed = {name: of_facts(facts) for name, facts in grounds["facts"].items()}
    need(all(expert.id == name for name, expert in changed.items()), "facts", where)
    found: list[str] = []
    counts = Counter[str]()
    for (leaf, expert), candidate in zip(experts.items(), run.value["candidates"], strict=True):
        if candidate["in"] and leaf not in recheck.barred:
            reasons = conflicts(changed.get(expert.id, expert), known)
            found += [leaf] if reasons else []
            counts.update(reason.code for reason in reasons)
    need(data["excluded"] == found, "excluded", where)
    need(data["reasons"] == dict(counts), "reasons", where)


CHECKS: tuple[Callable[[Run], None], ...] = (
    _form,
    _chain,
    _order,
    _request,
    _pool,
    _candidates,
    _outputs,
    _seed,
    _lottery,
    _course,
    _result,
    _filter,
)
REACHED: dict[Callable[[Run], None], Callable[[Run], bool]] = {
    _outputs: lambda run: bool(run.outputs),
    _seed: lambda run: run.drawn() is not None,
    _lottery: lambda run: run.drawn() is not None,
    _course: lambda run: run.board is not None,
}
"""Of the steps that a draw comes to only later: whether it has."""
