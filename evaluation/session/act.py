"""What every step of the machine shares: the act in hand, its refusals, and small changes of state."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NoReturn

from archive.actor import Actor, Role
from archive.errors import Kind, Refusal
from evaluation.session.rules import SessionRules
from evaluation.session.state import Event, Facts, Member, Night, Stage, Standing, State

Outcome = tuple[State, tuple[Event, ...]]


@dataclass(frozen=True)
class Act:
    """A command in hand: who gives it, when, in which state, under which rules and facts."""

    name: str
    rule: str
    state: State
    by: Actor
    now: datetime
    rules: SessionRules
    facts: Facts

    def refuse(
        self, code: str, kind: Kind = Kind.CONFLICT, rule: str = "", **params: str | int
    ) -> NoReturn:
        """Refuse with the code, the state, and the rule: this one, or that of the command."""
        said = {"command": self.name, "stage": self.state.stage.value, **params}
        raise Refusal(code, said, kind, rule=rule or self.rule)

    def member(self, expert_id: str) -> Member:
        """The sitting member of that id; refuses for anybody else, a replaced member included."""
        member = self.state.member(expert_id)
        if member is None or member.standing is Standing.REPLACED:
            self.refuse("evaluation.session.no_member", Kind.NOT_FOUND, expert=expert_id)
        return member

    def own_seat(self, expert_id: str) -> Member:
        """The member, provided that he acts himself."""
        member = self.member(expert_id)
        if expert_id not in (self.by.party_id, self.by.id):
            self.refuse(
                "evaluation.session.not_own_seat",
                Kind.FORBIDDEN,
                seat=member.seat_code,
                actor=self.by.id,
            )
        return member

    def admitted_seat(self, expert_id: str) -> Member:
        """The member himself, admitted to the review."""
        member = self.own_seat(expert_id)
        if not member.is_admitted:
            self.refuse(
                "evaluation.session.not_admitted", seat=member.seat_code, rule="session.identity"
            )
        return member

    def must_be_staff_of(self, centre_id: str) -> None:
        """Staff of one venue act there and nowhere else; the system may act anywhere."""
        if Role.SYSTEM not in self.by.roles and self.by.centre_id != centre_id:
            self.refuse(
                "evaluation.session.other_venue", Kind.FORBIDDEN, venue=centre_id, actor=self.by.id
            )

    def must_be_impartial(self) -> None:
        """Nobody who sits in the committee seals, witnesses or supervises it."""
        if any(m.expert_id in (self.by.party_id, self.by.id) for m in self.state.members):
            self.refuse("evaluation.session.member_of_committee", Kind.FORBIDDEN, actor=self.by.id)

    def must_differ(self, other: str) -> None:
        """Two steps that two persons must take."""
        if self.by.id == other:
            self.refuse(
                "evaluation.session.two_persons",
                Kind.FORBIDDEN,
                rule="session.two_persons",
                actor=self.by.id,
            )


Handler = Callable[[Act, Any], Outcome]


def with_member(state: State, member: Member, **changes: Any) -> State:
    """The state in which this member has changed."""
    changed = replace(member, **changes)
    members = tuple(changed if m.expert_id == member.expert_id else m for m in state.members)
    return replace(state, members=members)


def with_night(state: State, **changes: Any) -> State:
    """The state in which the newest night has changed."""
    night: Night = replace(state.night, **changes)
    return replace(state, nights=(*state.nights[:-1], night))


def at(state: State, stage: Stage) -> State:
    return replace(state, stage=stage)


def event(name: str, **data: str | int | bool) -> Event:
    return Event(name, data)
