"""How long it takes to call a committee together; part of `benchmarks/draw.py`. Simulated time.

Five seats, 30 % of those who are called decline, nobody is silent, a call takes 75 seconds. Ours is the
product's own course (`experts.invitations.process`): committed batches of twice the vacancies, all of a
batch called at once, seats to the lowest ranks that accepted. The peer calls one expert after another in
the order of the same permutations until each seat is taken; he decides the same answers for the same
experts. Both seat the same kind of committee, neither favours who is quick.

The goal: at least five times as fast on the mean of all trials. What is not simulated: the lines of a
calling service (ten calls at once are few), people who do not answer, and the deadline of a batch, which
does not matter while everybody answers.
"""

from __future__ import annotations

import hashlib
import statistics
from collections.abc import Iterator
from typing import Any

from experts.committee import Card, Coupling, Group, Selection, permutations
from experts.invitations.process import Board, Process
from trading.synthetic import Dice

CALL_SECONDS = 75
DECLINING_PERMILLE = 300
BATCH_MULTIPLE = 2
GROUPS = (("A080104", 3), ("A060101", 2))
POOL = 60
"""Candidates of each specialty."""
TRIALS, QUICK_TRIALS = 4000, 500
GOAL = 5


def trial(number: int) -> tuple[int, int]:
    """Seconds of one committee: (ours, one after another)."""
    seed = hashlib.sha256(b"calls" + number.to_bytes(4, "big")).digest()
    groups = tuple(
        Group(code, count, tuple(f"{code}/{n:03d}" for n in range(POOL))) for code, count in GROUPS
    )
    selection = permutations(seed, groups, 0)
    dice = {leaf: Dice(seed).child(leaf) for group in groups for leaf in group.leaves}
    accepts = {leaf: not own.chance(DECLINING_PERMILLE) for leaf, own in dice.items()}
    return in_batches(selection, accepts), one_by_one(selection, accepts)


def in_batches(selection: Selection, accepts: dict[str, bool]) -> int:
    cards = {leaf: Card(leaf, leaf, leaf) for leaf in accepts}
    board = Board(selection, cards, Coupling(False, len(cards)), BATCH_MULTIPLE)
    process, seconds = Process.start(), 0
    while not board.is_complete(process):
        process, exhausted = board.open_round(process)
        assert not exhausted, "enough candidates"
        process, _ = board.settle(process, {i.leaf: accepts[i.leaf] for i in process.invited})
        seconds += CALL_SECONDS
    return seconds


def one_by_one(selection: Selection, accepts: dict[str, bool]) -> int:
    calls = 0
    for number, group in enumerate(selection.groups):
        taken = 0
        for index in range(len(group.leaves)):
            calls += 1
            taken += accepts[selection.leaf(number, index)]
            if taken == group.count:
                break
        assert taken == group.count, "enough candidates"
    return calls * CALL_SECONDS


def cases(quick: bool) -> Iterator[dict[str, Any]]:
    """The case, as `benchmarks/draw.py` prints it."""
    found = [trial(number) for number in range(QUICK_TRIALS if quick else TRIALS)]
    ours, peer = (statistics.fmean(column) for column in zip(*found, strict=True))
    ratio = peer / ours
    yield {
        "bench": "draw",
        "case": "calls, five seats, 30 % decline",
        "ours": round(ours, 1),
        "peer": round(peer, 1),
        "unit": "simulated seconds",
        "peer_name": "one call after another",
        "ratio": round(ratio, 2),
        "goal": f">= {GOAL}",
        "holds": ratio >= GOAL,
    }
