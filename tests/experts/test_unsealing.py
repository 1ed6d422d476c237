"""The committee's list: sealed to the evaluation day, opened by two, each look kept (招标投标法 第三十七条)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import sqlalchemy as sa

from archive.actor import Actor
from archive.custody import DemoCustodian
from archive.errors import Kind, Refusal
from archive.journal import service as journal
from archive.office import Office
from archive.sealing import open_inner, open_outer
from experts.draws import service as draws
from experts.draws.late import service as late
from experts.draws.service import Draw
from experts.invitations.process import Cause
from experts.invitations.unsealing import service as unsealing
from tests.builders import STAFF
from tests.experts import world
from tests.experts.world import SUPERVISOR

CUSTODIAN = DemoCustodian(b"a custodian's secret for tests only")
OTHER_STAFF = replace(STAFF, id="staff-9", centre_id="530100")
OTHER_SUPERVISOR = replace(SUPERVISOR, id="supervisor-9", party_id=world.TENDERER)


def refused(call: Callable[[], object]) -> Refusal:
    with pytest.raises(Refusal) as caught:
        call()
    return caught.value


@pytest.fixture
def draw(office: Office) -> Draw:
    made = world.answer_all(office, world.perform(office))
    with office.write() as tx:
        unsealing.seal_list(tx, made.id, CUSTODIAN)
    return made


def ask(office: Office, draw: Draw, actor: Actor = STAFF) -> unsealing.Standing:
    with office.write() as tx:
        return unsealing.ask(tx, actor, draw.id)


def consent(office: Office, draw: Draw, actor: Actor = SUPERVISOR) -> unsealing.Standing:
    with office.write() as tx:
        return unsealing.consent(tx, actor, draw.id, CUSTODIAN)


def view(office: Office, draw: Draw, actor: Actor = STAFF) -> tuple[unsealing.Named, ...]:
    with office.write() as tx:
        return unsealing.view(tx, actor, draw.id)


def to_the_hour(office: Office, draw: Draw) -> None:
    """To the beginning of the evaluation."""
    world.forward(office, seconds=(draw.evaluation_at - office.clock.now()).total_seconds())


class TestUnsealing:
    """Rule names.opened_minutes_before."""

    def test_two_persons_open_it_and_each_look_is_kept(self, office: Office, draw: Draw) -> None:
        assert refused(lambda: ask(office, draw)).kind is Kind.TOO_EARLY
        to_the_hour(office, draw)
        assert refused(lambda: consent(office, draw)).code == "experts.names.not_asked"
        assert refused(lambda: view(office, draw)).code == "experts.names.sealed"
        assert ask(office, draw).asked_by == STAFF.id
        assert not ask(office, draw).is_open
        assert consent(office, draw).is_open
        with office.read() as db:
            sitting = {m.seat_code: m.expert_id for m in draws.committee(db, draw.id)}
        for actor in (STAFF, SUPERVISOR):
            named = view(office, draw, actor)
            assert {one.seat_code: one.expert_id for one in named} == sitting
            assert all(one.name.startswith("王某") for one in named)
        with office.read() as db:
            entries = list(journal.entries(db, f"draw/{draw.id}"))
        looks = [entry for entry in entries if entry.action == "experts:names:viewed"]
        assert [entry.actor for entry in looks] == [STAFF.id, SUPERVISOR.id]
        assert not any(e in str([x.data for x in entries]) for e in sitting.values())

    def test_not_by_one_nor_by_others(self, office: Office, draw: Draw) -> None:
        to_the_hour(office, draw)
        assert refused(lambda: ask(office, draw, SUPERVISOR)).kind is Kind.FORBIDDEN
        assert refused(lambda: ask(office, draw, OTHER_STAFF)).kind is Kind.FORBIDDEN
        both = replace(SUPERVISOR, roles=STAFF.roles | SUPERVISOR.roles, centre_id=STAFF.centre_id)
        ask(office, draw, both)
        assert refused(lambda: consent(office, draw, both)).code == "archive.actor.two_persons"
        assert refused(lambda: consent(office, draw, OTHER_SUPERVISOR)).kind is Kind.FORBIDDEN
        assert refused(lambda: consent(office, draw, STAFF)).kind is Kind.FORBIDDEN
        other = replace(SUPERVISOR, id="supervisor-2")
        consent(office, draw, other)
        assert refused(lambda: view(office, draw, OTHER_STAFF)).kind is Kind.FORBIDDEN
        assert refused(lambda: view(office, draw, OTHER_SUPERVISOR)).kind is Kind.FORBIDDEN

    def test_no_sooner_than_the_rule_says(self, office: Office, draw: Draw) -> None:
        with office.read() as db:
            from_at = unsealing.standing(db, draw.id).from_at
        assert (draw.evaluation_at - from_at).total_seconds() == 3600
        world.forward(office, seconds=(from_at - office.clock.now()).total_seconds() - 1)
        found = refused(lambda: ask(office, draw))
        assert (found.kind, found.rule) == (Kind.TOO_EARLY, unsealing.RULE)
        world.forward(office, seconds=1)
        ask(office, draw)
        assert consent(office, draw).is_open

    def test_neither_key_opens_it_alone(self, office: Office, draw: Draw) -> None:
        """The custodian's key shows the outside; without the half, which is sealed, nothing more."""
        with office.read() as db:
            row = db.execute(sa.text("SELECT cell, half FROM draw_names")).one()
        cell, half = bytes(row[0]), bytes(row[1])
        subject = f"names/{draw.id}"
        key = CUSTODIAN.private_key(subject, draw.evaluation_at, draw.evaluation_at)
        outer = open_outer(key, subject, cell)
        assert outer is not None
        assert refused(lambda: open_inner(outer, half[:32])).code == "archive.sealing.wrong_half"
        opened = open_inner(outer, office.keeper.unseal(f"{subject}/1", half))
        assert "王某".encode() in opened
        assert (
            open_outer(
                CUSTODIAN.private_key("x", draw.evaluation_at, draw.evaluation_at), subject, cell
            )
            is None
        )

    def test_a_committee_that_changes_is_sealed_anew(self, office: Office, draw: Draw) -> None:
        with office.read() as db:
            leaver = draws.committee(db, draw.id)[0]
        to_the_hour(office, draw)
        with office.write() as tx:
            draws.substitute(tx, STAFF, draw.id, leaver.expert_id, Cause.HEALTH)
        assert refused(lambda: ask(office, draw)).code == "experts.names.incomplete"
        with office.read() as db:
            again = draws.draw(db, draw.id)
        world.answer_all(office, again)
        with office.write() as tx:
            unsealing.seal_list(tx, draw.id, CUSTODIAN)
        ask(office, draw)
        consent(office, draw)
        assert leaver.expert_id not in {one.expert_id for one in view(office, draw)}

    def test_a_list_of_another_committee_is_not_opened(self, office: Office, draw: Draw) -> None:
        """What was sealed must be what is: until the new list is sealed there is none to open."""
        with office.read() as db:
            leaver = draws.committee(db, draw.id)[0]
        with office.write() as tx:
            draws.substitute(tx, STAFF, draw.id, leaver.expert_id, Cause.HEALTH)
        with office.read() as db:
            again = draws.draw(db, draw.id)
        world.answer_all(office, again)
        to_the_hour(office, draw)
        ask(office, draw)
        with pytest.raises(Refusal, match=r"experts\.names\.other_list"):
            consent(office, draw)


def test_late_hits_are_found_without_changing_anything(office: Office) -> None:
    """条例 第四十八条: whom avoidance finds later must not have judged."""
    wanted = {"E0007", "E0010", "E0013"}  # bound to bidders; of the specialty all others decline

    def accepts(expert_id: str) -> bool:
        number = int(expert_id[1:])
        return expert_id in wanted or (number % 3 == 0 and number % 5 != 0)

    draw = world.answer_all(office, world.perform(office), accepts)
    with office.read() as db:
        sitting = {m.expert_id: m.seat_code for m in draws.committee(db, draw.id)}
    assert wanted & set(sitting)
    with office.read() as db:
        assert late.found(db, draw.id, ()) == ()
        found = late.found(db, draw.id, world.BIDDERS)
    assert {hit.seat_code for hit in found} == {sitting[e] for e in wanted & set(sitting)}
    assert all(hit.reasons[0].code.startswith("experts.conflict.") for hit in found)
