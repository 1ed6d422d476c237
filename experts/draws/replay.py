"""The verifier's steps 9 and 10: the lottery, and the course that follows from it, played again.

Written from the descriptions in `experts.lottery`, `experts.committee` and `experts.draws.process`,
and sharing no code with them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from experts.draws.verification import Run, need, only, sha

CAUSES = ("RECUSAL", "LEFT_POST", "HEALTH", "ABSENT")


def order_of(seed: bytes, label: str, attempt: int, size: int) -> Iterator[int]:
    """The lottery's permutation, in the order of the ranks."""
    name = label.encode()
    key = sha(
        b"bigloop.draw.lottery.v1\0", seed, attempt.to_bytes(4, "big"), bytes([len(name)]), name
    )
    items: dict[int, int] = {}
    counter = 0
    for i in range(size):
        n = size - i
        while True:
            block = int.from_bytes(sha(key, counter.to_bytes(8, "big")), "big")
            counter += 1
            if block < 2**256 - 2**256 % n:
                break
        j = i + block % n
        items[i], items[j] = items.get(j, j), items.get(i, i)
        yield items[i]


class Board:
    """Groups, candidates and coupling of the request, as this side understands them."""

    def __init__(self, run: Run) -> None:
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
            need(len(listed) >= count, "too few candidates", specialty)
            order = order_of(seed, specialty, attempt, len(listed))
            committee.append([listed[next(order)] for _ in range(count)])
        return committee

    def rank_all(self, seed: bytes, attempt: int) -> None:
        self.ranked = [
            [listed[item] for item in order_of(seed, specialty, attempt, len(listed))]
            for (specialty, _), listed in zip(self.quotas, self.listed, strict=True)
        ]

    def seat_codes(self, g: int) -> list[str]:
        specialty, count = self.quotas[g]
        return [f"{specialty}-{number}" for number in range(1, count + 1)]


def check_lottery(run: Run) -> None:
    board = Board(run)
    for data in run.kinds("ABORTED"):
        need(data["attempts"] == run.request["attempts_max"], "attempts")
        for attempt in range(data["attempts"]):
            committee = board.drawn(run.seed, attempt)
            need(
                not board.together([leaf for group in committee for leaf in group]),
                "attempt",
                attempt,
            )
        run.state = "ABORTED"
    for data in run.kinds("DRAWN"):
        only(data, "seed attempt committee", "DRAWN")
        attempt = data["attempt"]
        need(type(attempt) is int and 0 <= attempt < run.request["attempts_max"], "attempt")
        for earlier in range(attempt):
            committee = board.drawn(run.seed, earlier)
            need(
                not board.together([leaf for group in committee for leaf in group]),
                "attempt",
                earlier,
            )
        committee = board.drawn(run.seed, attempt)
        need(board.together([leaf for group in committee for leaf in group]), "coupling", attempt)
        said = [
            [quota[0], list(leaves)] for quota, leaves in zip(board.quotas, committee, strict=True)
        ]
        need(data["committee"] == said, "committee")
        run.attempt = attempt


def check_course(run: Run) -> None:
    if run.attempt < 0:
        return
    board = Board(run)
    board.rank_all(run.seed, run.attempt)
    barred: set[str] = set()
    opened: list[list[Any]] | None = None
    round_number = 0
    ended = False
    kinds = [step["kind"] for step in run.steps]
    for step in run.steps[kinds.index("DRAWN") + 1 :]:
        kind, data, where = step["kind"], step["data"], step["seq"]
        need(not ended, "after the end", where)
        complete = len(run.seats) == sum(count for _, count in board.quotas)
        if kind == "INVITED":
            only(data, "round until invitations", str(where))
            need(opened is None and not complete, "round", where)
            round_number += 1
            due, empty = _invitations(board, run, barred)
            need(data["round"] == round_number and not empty, "round", where)
            need(data["invitations"] == due, "invitations", where)
            opened = due
        elif kind == "SETTLED":
            only(data, "round accepted declined silent seated", str(where))
            need(opened is not None and data["round"] == round_number, "round", where)
            answered = data["accepted"] + data["declined"] + data["silent"]
            asked = {leaf for _, _, leaf in opened or []}
            need(sorted(answered) == sorted(asked), "answers", where)
            for name in ("accepted", "declined", "silent"):
                need(data[name] == sorted(data[name]), "answers", where)
            barred |= set(data["declined"]) | set(data["silent"])
            willing = set(data["accepted"]) - barred
            need(data["seated"] == _seat(board, run, opened or [], willing), "seats", where)
            opened = None
        elif kind == "RECHECKED":
            only(data, "bidders excluded removed", str(where))
            out = [leaf for leaf, _ in data["excluded"]]
            need(out == sorted(set(out)) and set(out) <= set(board.who), "excluded", where)
            need(not barred & set(out), "excluded", where)
            for _, codes in data["excluded"]:
                need(bool(codes), "no reason", where)
            barred |= set(out)
            gone = [seat for seat in sorted(run.seats) if run.seats[seat][2] in out]
            need(data["removed"] == gone, "removed", where)
            for seat in gone:
                del run.seats[seat]
        elif kind == "SUBSTITUTED":
            only(data, "seat leaf cause", str(where))
            need(data["cause"] in CAUSES, "cause", where)
            need(run.seats[data["seat"]][2] == data["leaf"], "leaf", where)
            barred.add(data["leaf"])
            del run.seats[data["seat"]]
        else:
            only(data, "groups", str(where))
            need(opened is None and kind == "EXHAUSTED", "exhausted", where)
            need(_invitations(board, run, barred)[1] == data["groups"] != [], "groups", where)
            ended = True
    complete = len(run.seats) == sum(count for _, count in board.quotas)
    if ended:
        run.state = "EXHAUSTED"
    elif opened is not None:
        run.state = "INVITING"
    else:
        need(complete, "unfinished")
        run.state = "SEATED"


def _invitations(board: Board, run: Run, barred: set[str]) -> tuple[list[list[Any]], list[int]]:
    """Whom a round must invite, and the groups for which nobody is left."""
    seated = [leaf for _, _, leaf in run.seats.values()]
    due: list[list[Any]] = []
    empty = []
    for g, ranked in enumerate(board.ranked):
        vacant = sum(code not in run.seats for code in board.seat_codes(g))
        mine: list[list[Any]] = []
        for rank, leaf in enumerate(ranked, start=1):
            if len(mine) == vacant * board.multiple:
                break
            if leaf not in barred and board.together([*seated, leaf]):
                mine.append([g, rank, leaf])
        if vacant and not mine:
            empty.append(g)
        due += mine
    return due, empty


def _seat(board: Board, run: Run, opened: list[list[Any]], willing: set[str]) -> list[list[Any]]:
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
