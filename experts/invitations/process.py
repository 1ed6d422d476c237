"""From a drawn committee to a seated one: invitations, answers, seats, replacements (抽取—通知—补抽).

A state machine without input or output. The accepted attempt's permutations go on for as long as
the draw lives, so there is one random order and nothing to shop for:

*   A **round** invites, for each group with v vacancies, the first `batch_multiple · v` persons of
    its permutation who are not barred, not seated, and fit (coupling) with those seated.
*   An answer belongs to a person and holds for every group that invited him in the round. Silence
    until the round ends counts as a no, and bars like one.
*   **Settling** seats, among those who accepted, first the members of the committee as drawn, who
    fit together by construction, then the others by (rank, group), each if he fits with those
    already seated. The order of the answers plays no part.
*   Whoever accepted and got no seat is free again and may be invited anew by a later round.
*   **Excluding** (recusal found at the opening) and **substituting** (statutory causes) bar a person
    and empty his seat; what he concluded is void (招标投标法实施条例 第四十八条). Further rounds
    fill the seat by the same rules.

Barred for good: declined, silent, excluded, substituted.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from experts.committee import Card, Coupling, Selection


class Cause(StrEnum):
    """The causes for which a seated expert may be replaced (条例 第四十八条); no others."""

    RECUSAL = "RECUSAL"  # 回避事由
    LEFT_POST = "LEFT_POST"  # 擅离职守
    HEALTH = "HEALTH"  # 因健康等原因不能继续评标
    ABSENT = "ABSENT"  # 逾时未到


@dataclass(frozen=True, order=True)
class Invitation:
    """An invited person: group number, rank (from 1) in its permutation, leaf."""

    group: int
    rank: int
    leaf: str


@dataclass(frozen=True)
class Seat:
    """A taken seat."""

    code: str
    specialty: str
    rank: int
    leaf: str


@dataclass(frozen=True)
class Process:
    """The state: seats by code, who is barred, the number of the round and whom it invites (empty
    when no round is open)."""

    seated: Mapping[str, Seat]
    barred: frozenset[str]
    round: int
    invited: tuple[Invitation, ...]

    @classmethod
    def start(cls) -> Process:
        return cls({}, frozenset(), 0, ())

    def leaves_seated(self) -> list[str]:
        return [seat.leaf for seat in self.seated.values()]


@dataclass(frozen=True)
class Settlement:
    """What a round came to. Leaves, each list ascending; `seated` the seats newly taken."""

    accepted: tuple[str, ...]
    declined: tuple[str, ...]
    silent: tuple[str, ...]
    seated: tuple[Seat, ...]


@dataclass(frozen=True)
class Board:
    """What does not change while a draw lives."""

    selection: Selection
    cards: Mapping[str, Card]
    coupling: Coupling
    batch_multiple: int

    def vacancies(self, process: Process) -> tuple[tuple[str, ...], ...]:
        """The codes of the empty seats, by group."""
        return tuple(
            tuple(
                group.seat(index)
                for index in range(group.count)
                if group.seat(index) not in process.seated
            )
            for group in self.selection.groups
        )

    def is_complete(self, process: Process) -> bool:
        return not any(self.vacancies(process))

    def open_round(self, process: Process) -> tuple[Process, tuple[int, ...]]:
        """Invite for every vacancy. Also the groups for which nobody is left; where there are any,
        no round is opened."""
        assert not process.invited
        seated = [self.cards[leaf] for leaf in process.leaves_seated()]
        invited: list[Invitation] = []
        exhausted = []
        for g, vacant in enumerate(self.vacancies(process)):
            if not vacant:
                continue
            found = self._next(g, self.batch_multiple * len(vacant), seated, process.barred)
            invited += found
            if not found:
                exhausted.append(g)
        if exhausted:
            return process, tuple(exhausted)
        return replace(process, round=process.round + 1, invited=tuple(invited)), ()

    def _next(
        self, g: int, wanted: int, seated: Collection[Card], barred: Collection[str]
    ) -> list[Invitation]:
        found: list[Invitation] = []
        for index in range(len(self.selection.groups[g].leaves)):
            if len(found) == wanted:
                break
            leaf = self.selection.leaf(g, index)
            if leaf not in barred and self.coupling.fits(self.cards[leaf], seated):
                found.append(Invitation(g, index + 1, leaf))
        return found

    def settle(self, process: Process, answers: Mapping[str, bool]) -> tuple[Process, Settlement]:
        """End the round. `answers` by leaf; who is not in it was silent."""
        persons = sorted({invitation.leaf for invitation in process.invited})
        accepted = [leaf for leaf in persons if answers.get(leaf) is True]
        declined = [leaf for leaf in persons if answers.get(leaf) is False]
        silent = [leaf for leaf in persons if leaf not in answers]
        willing = [
            i
            for i in process.invited
            if answers.get(i.leaf) is True and i.leaf not in process.barred
        ]
        seats = dict(process.seated)
        taken: list[Seat] = []
        for invitation in sorted(willing, key=self._turn):
            group = self.selection.groups[invitation.group]
            vacant = [group.seat(i) for i in range(group.count) if group.seat(i) not in seats]
            present = [self.cards[seat.leaf] for seat in seats.values()]
            if vacant and self.coupling.fits(self.cards[invitation.leaf], present):
                seat = Seat(vacant[0], group.specialty, invitation.rank, invitation.leaf)
                seats[seat.code] = seat
                taken.append(seat)
        settled = replace(
            process,
            seated=seats,
            barred=process.barred.union(declined, silent),
            invited=(),
        )
        return settled, Settlement(tuple(accepted), tuple(declined), tuple(silent), tuple(taken))

    def _turn(self, invitation: Invitation) -> tuple[bool, int, int]:
        count = self.selection.groups[invitation.group].count
        return invitation.rank > count, invitation.rank, invitation.group

    def exclude(self, process: Process, leaves: Iterable[str]) -> tuple[Process, tuple[Seat, ...]]:
        """Bar these persons; the seats that become empty, by code."""
        barred = process.barred.union(leaves)
        removed = tuple(seat for _, seat in sorted(process.seated.items()) if seat.leaf in barred)
        seated = {code: seat for code, seat in process.seated.items() if seat.leaf not in barred}
        return replace(process, seated=seated, barred=barred), removed
