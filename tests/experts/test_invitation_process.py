"""Invitations, answers, seats and replacements: one random order, the lowest ranks that accept."""

import hashlib
import itertools
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare

from experts.committee import Card, Coupling, Group, select
from experts.invitations.process import Board, Process

P_MIN = 0.001
LEAVES = tuple(f"{n:02d}" for n in range(24))
CARDS = {leaf: Card(leaf, f"u{n % 9}", f"53{n % 7 + 1:02d}00") for n, leaf in enumerate(LEAVES)}
FREE = {leaf: Card(leaf, leaf, leaf) for leaf in LEAVES}
GROUPS = (Group("A0801", 3, LEAVES[:16]), Group("A0601", 2, LEAVES[10:]))


def seed(number: int) -> bytes:
    return hashlib.sha256(b"process" + number.to_bytes(4, "big")).digest()


def board(number: int = 1, coupled: bool = True, groups: tuple[Group, ...] = GROUPS) -> Board:
    coupling = Coupling(coupled, 2 if coupled else 99)
    cards = CARDS if coupled else FREE
    selection = select(seed(number), groups, cards, coupling, 10_000)
    assert selection is not None
    return Board(selection, cards, coupling, 2)


def opened(made: Board, process: Process | None = None) -> Process:
    following, exhausted = made.open_round(process or Process.start())
    assert exhausted == ()
    return following


def seats(process: Process) -> dict[str, str]:
    return {code: seat.leaf for code, seat in process.seated.items()}


class TestFirstRound:
    def test_invites_twice_the_vacancies_from_the_top(self) -> None:
        made = board()
        process = opened(made)
        for g, group in enumerate(GROUPS):
            mine = [i for i in process.invited if i.group == g]
            assert [i.rank for i in mine] == list(range(1, 2 * group.count + 1))
            assert [i.leaf for i in mine] == [made.selection.leaf(g, i.rank - 1) for i in mine]

    def test_is_bounded_by_the_permutation(self) -> None:
        groups = (Group("A0801", 2, LEAVES[:3]),)
        assert len(opened(board(coupled=False, groups=groups)).invited) == 3

    @pytest.mark.parametrize("number", range(20))
    def test_when_all_accept_the_committee_is_the_drawn_one(self, number: int) -> None:
        made = board(number)
        process = opened(made)
        process, settled = made.settle(process, {i.leaf: True for i in process.invited})
        drawn = [leaf for group in made.selection.drawn() for leaf in group]
        assert sorted(seats(process).values()) == sorted(drawn)
        assert made.is_complete(process)
        assert settled.declined == settled.silent == ()


class TestSettling:
    @given(st.integers(0, 40), st.data())
    def test_the_order_of_the_answers_plays_no_part(self, number: int, data: st.DataObject) -> None:
        made = board(number)
        process = opened(made)
        persons = sorted({i.leaf for i in process.invited})
        said = {leaf: data.draw(st.booleans()) for leaf in persons}
        expected = made.settle(process, said)
        shuffled = data.draw(st.permutations(list(said.items())))
        assert made.settle(process, dict(shuffled)) == expected

    @given(st.integers(0, 40), st.sets(st.sampled_from(LEAVES), max_size=12))
    def test_seats_meet_the_rules_and_belong_to_the_willing(
        self, number: int, refusing: set[str]
    ) -> None:
        made = board(number)
        process = opened(made)
        persons = {i.leaf for i in process.invited}
        process, settled = made.settle(process, {x: x not in refusing for x in persons})
        taken = list(seats(process).values())
        assert made.coupling.meets([CARDS[leaf] for leaf in taken])
        assert set(taken) <= persons - refusing
        assert set(settled.declined) == persons & refusing == process.barred

    @given(st.sets(st.sampled_from(LEAVES), max_size=10), st.integers(0, 30))
    def test_without_coupling_the_lowest_willing_ranks_sit(
        self, refusing: set[str], number: int
    ) -> None:
        groups = (Group("A0801", 3, LEAVES[:16]),)
        made = board(number, coupled=False, groups=groups)
        process = opened(made)
        for _ in range(20):
            persons = {i.leaf for i in process.invited}
            process, _ = made.settle(process, {x: x not in refusing for x in persons})
            if made.is_complete(process):
                break
            process = opened(made, process)
        order = [made.selection.leaf(0, n) for n in range(16)]
        assert set(seats(process).values()) == set([x for x in order if x not in refusing][:3])

    def test_reply_speed_would_be_caught(self) -> None:
        """Negative control: seats in order of reply (slow repliers: those with high numbers)."""
        groups = (Group("A0801", 2, LEAVES[:6]),)
        fast, ranked = Counter[str](), Counter[str]()
        for number in range(3000):
            made = board(number, coupled=False, groups=groups)
            process = opened(made)
            fast.update(sorted(i.leaf for i in process.invited)[:2])
            ranked.update(seats(made.settle(process, dict.fromkeys(LEAVES, True))[0]).values())
        assert chisquare([ranked[leaf] for leaf in LEAVES[:6]]).pvalue > P_MIN
        assert chisquare([fast[leaf] for leaf in LEAVES[:6]]).pvalue < P_MIN

    def test_acceptors_are_a_uniform_subset(self) -> None:
        """With declines, and no coupling, every pair of the willing is equally likely."""
        groups = (Group("A0801", 2, LEAVES[:7]),)
        willing = set(LEAVES[2:7])
        pairs = Counter[frozenset[str]]()
        for number in range(4000):
            made = board(number, coupled=False, groups=groups)
            process = opened(made)
            while not made.is_complete(process):
                if not process.invited:
                    process = opened(made, process)
                said = {i.leaf: i.leaf in willing for i in process.invited}
                process, _ = made.settle(process, said)
            pairs[frozenset(seats(process).values())] += 1
        everyone = [frozenset(pair) for pair in itertools.combinations(sorted(willing), 2)]
        assert set(pairs) == set(everyone)
        assert chisquare([pairs[pair] for pair in everyone]).pvalue > P_MIN

    def test_silence_bars(self) -> None:
        made = board()
        process = opened(made)
        process, settled = made.settle(process, {})
        assert settled.silent == tuple(sorted(process.barred))
        assert not process.seated
        again = opened(made, process)
        assert again.round == 2
        assert not {i.leaf for i in again.invited} & process.barred


class TestReplacement:
    def seated(self, number: int = 3) -> tuple[Board, Process]:
        made = board(number)
        process = opened(made)
        return made, made.settle(process, {i.leaf: True for i in process.invited})[0]

    def test_the_next_rank_that_fits_is_invited(self) -> None:
        made, process = self.seated()
        gone = process.seated["A0601-1"].leaf
        process, removed = made.exclude(process, [gone])
        assert [seat.code for seat in removed] == ["A0601-1"]
        again = opened(made, process)
        rest = [CARDS[leaf] for leaf in process.leaves_seated()]
        order = [made.selection.leaf(1, n) for n in range(len(GROUPS[1].leaves))]
        fitting = [x for x in order if x != gone and made.coupling.fits(CARDS[x], rest)]
        assert [i.leaf for i in again.invited] == fitting[:2]
        process, _ = made.settle(again, {i.leaf: True for i in again.invited})
        assert process.seated["A0601-1"].leaf == fitting[0]

    def test_whoever_was_excluded_never_comes_back(self) -> None:
        made, process = self.seated()
        out = [made.selection.leaf(0, n) for n in range(6)]
        process, _ = made.exclude(process, out)
        again = opened(made, process)
        assert not {i.leaf for i in again.invited} & set(out)

    def test_nobody_left(self) -> None:
        made, process = self.seated()
        process, _ = made.exclude(process, LEAVES)
        assert made.open_round(process) == (process, (0, 1))
