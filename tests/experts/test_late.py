"""The pass that never ends: what becomes known after the session voids a member's conclusions."""

from dataclasses import replace
from datetime import date

import pytest

from archive.errors import Kind, Refusal
from archive.journal import service as journal
from archive.office import Office
from experts.draws import service as draws
from experts.draws.late import service as late
from experts.draws.request import State
from experts.draws.service import Draw
from experts.draws.verify import is_valid, verify_transcript
from experts.pool.standing import service as standing
from experts.pool.standing.machine import Amend
from tests.builders import POOL_OFFICE, STAFF
from tests.experts import world
from tests.experts.world import BIDDERS, SUPERVISOR, SYSTEM
from trading.parties import service as parties
from trading.parties.party import Link, Organisation, OrganisationKind, Relation

STRANGER = world.uscc(99)


class TestLateHits:
    """招标投标法实施条例 第四十八条、第七十条."""

    def closed(self, office: Office) -> tuple[Draw, str, str]:
        """A closed draw; the seat and the expert of its first member."""
        draw = world.answer_all(office, world.perform(office))
        with office.write() as tx:
            draws.close_draw(tx, STAFF, draw.id)
        with office.read() as db:
            first = draws.committee(db, draw.id)[0]
        world.forward(office, days=30)
        return draw, first.seat_code, first.expert_id

    def look(self, office: Office, draw: Draw, *bidders: str) -> dict[str, list[str]]:
        with office.write() as tx:
            found = late.look(tx, SUPERVISOR, draw.id, bidders)
        return {hit.seat_code: [reason.code for reason in hit.reasons] for hit in found}

    def told(self, office: Office, expert_id: str, on: date, **changes: object) -> None:
        with office.write() as tx:
            standing.act(tx, POOL_OFFICE, expert_id, Amend(changes), on)

    def test_nothing_new_finds_nobody(self, office: Office) -> None:
        draw, _, _ = self.closed(office)
        assert self.look(office, draw, STRANGER) == {}
        with office.read() as db:
            assert late.late_hits(db, draw.id) == ()

    def test_an_employment_that_was_told_late(self, office: Office) -> None:
        """He worked for a bidder on the day of the evaluation; the pool hears of it a month later."""
        draw, seat, expert_id = self.closed(office)
        self.told(office, expert_id, date(2026, 10, 1), employer=STRANGER)
        assert self.look(office, draw, STRANGER) == {seat: ["experts.conflict.own_bidder"]}
        assert self.look(office, draw, STRANGER) == {}
        with office.read() as db:
            (hit,) = late.late_hits(db, draw.id)
            entries = [
                e for e in journal.entries(db, f"draw/{draw.id}") if e.action.endswith("late_hit")
            ]
        assert (hit.seat_code, hit.reasons[0].params["chain"]) == (seat, STRANGER)
        assert [(e.data["seat"], e.data["void"]) for e in entries] == [(seat, True)]
        assert not any(expert_id.encode() in entry.body for entry in entries)

    def test_what_came_after_the_evaluation_counts_for_nothing(self, office: Office) -> None:
        """Negative control: he changed to the bidder a week after it."""
        draw, _, expert_id = self.closed(office)
        self.told(office, expert_id, date(2026, 10, 29), employer=STRANGER)
        assert self.look(office, draw, STRANGER) == {}

    def test_a_link_that_was_registered_late(self, office: Office) -> None:
        """The ownership of that day, not of today."""
        draw, _, expert_id = self.closed(office)
        with office.read() as db:
            expert = draws.committee(db, draw.id)[0]
            own = standing.course(db, expert.expert_id).facts["employer"]
        kind = OrganisationKind.COMPANY
        with office.write() as tx:
            for code in (STRANGER, own):
                made = Organisation(code, f"滇示例{code[-5:]}", kind, "532901")
                parties.register_organisation(tx, STAFF, made)
            begun, ended = date(2020, 1, 1), date(2026, 11, 1)
            parties.register_link(tx, STAFF, Link(STRANGER, own, Relation.CONTROL, 0, begun, ended))
        found = self.look(office, draw, STRANGER)
        assert ["experts.conflict.control_group"] in found.values()
        assert expert_id == expert.expert_id

    def test_only_of_a_closed_draw_and_by_a_supervisor(self, office: Office) -> None:
        draw = world.answer_all(office, world.perform(office))
        with pytest.raises(Refusal) as refused:
            self.look(office, draw, *BIDDERS)
        assert refused.value.kind is Kind.CONFLICT
        with office.write() as tx:
            draws.close_draw(tx, STAFF, draw.id)
        with pytest.raises(Refusal) as refused, office.write() as tx:
            late.look(tx, STAFF, draw.id, ())
        assert refused.value.kind is Kind.FORBIDDEN
        with office.write() as tx:
            late.look(tx, SYSTEM, draw.id, ())

    def test_the_bidders_who_were_known_in_time_are_no_late_hit(self, office: Office) -> None:
        draw = world.perform(office)
        with office.write() as tx:
            draws.recheck(tx, STAFF, draw.id, BIDDERS)
        draw = world.answer_all(office, draw)
        with office.write() as tx:
            draws.close_draw(tx, STAFF, draw.id)
        world.forward(office, days=1)
        assert self.look(office, draw, *BIDDERS) == {}


class TestVoided:
    """条例 第八十一条: what was wrong is evaluated anew, and what there was stands on the record."""

    def void(self, office: Office, draw: Draw) -> Draw:
        with office.write() as tx:
            return draws.void_draw(tx, SUPERVISOR, draw.id, "LATE_HIT")

    def test_another_draw_names_it_and_knows_who_sat(self, office: Office) -> None:
        draw = world.answer_all(office, world.perform(office))
        with office.read() as db:
            sat = {member.expert_id for member in draws.committee(db, draw.id)}
            assert set(draws.who_sat(db, draw.id)) == sat
        again = world.make_request(replaces=draw.id, voided=tuple(sorted(sat)))
        with pytest.raises(Refusal, match=r"experts\.draw\.already"):
            world.request(office, again)
        assert self.void(office, draw).state is State.VOIDED
        asked = world.request(office, again)
        with office.read() as db:
            known = draws.audit_transcript(db, asked.id)["audit"]["context"]
            register = [e.action for e in journal.entries(db, f"draws/{draw.centre_id}")]
        assert set(known["voided"]) == sat
        assert register[-2:] == ["experts:draw:voided", "experts:draw:requested"]

    @pytest.mark.parametrize("is_calling", [False, True])
    def test_its_transcript_stands_and_is_valid(self, office: Office, is_calling: bool) -> None:
        """Also where a substitute was still being called."""
        draw = world.answer_all(office, world.perform(office))
        if is_calling:
            with office.write() as tx:
                left = draws.committee(tx.db, draw.id)[0]
                draws.substitute(tx, SYSTEM, draw.id, left.expert_id, draws.Cause.HEALTH)
        void = self.void(office, draw)
        assert void.transcript_sha256
        with office.read() as db:
            told = draws.transcript(db, draw.id)
        assert told["result"]["state"] == ("INVITING" if is_calling else "SEATED")
        assert is_valid(verify_transcript(told))
        with pytest.raises(Refusal) as refused, office.write() as tx:
            draws.settle(tx, SYSTEM, draw.id)
        assert refused.value.kind is Kind.CONFLICT

    def test_staff_do_not_void_and_bidders_of_an_opened_lot_are_avoided(
        self, office: Office
    ) -> None:
        draw = world.answer_all(office, world.perform(office))
        with pytest.raises(Refusal) as refused, office.write() as tx:
            draws.void_draw(tx, STAFF, draw.id, "x")
        assert refused.value.kind is Kind.FORBIDDEN
        self.void(office, draw)
        plain = world.make_request(replaces=draw.id)
        with office.read() as db:
            before = draws.feasibility(db, office.clock.now(), plain)
            known = replace(plain, bidders=tuple(BIDDERS))
            after = draws.feasibility(db, office.clock.now(), known)
        assert sum(s.eligible for s in after.supplies) < sum(s.eligible for s in before.supplies)
