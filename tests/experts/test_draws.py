"""The draw as a whole, on both databases: request, trustees, committee, answers, recheck, close."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from archive.actor import Actor
from archive.errors import Kind, Refusal
from archive.journal import service as journal
from archive.office import Office
from archive.tasks.service import Worker
from experts.draws import service as draws
from experts.draws.asking import service as asking
from experts.draws.request import PublicValue, Quota, State
from experts.draws.verify import is_valid, verify_transcript
from experts.invitations.course.service import candidates_of
from experts.invitations.process import Cause
from experts.pool.standing import service as standing
from experts.pool.standing.machine import Penalise
from experts.specialties import Widening
from experts.trustees import service as trustees
from experts.trustees.synthetic import SyntheticTrustee
from tests.builders import CENTRE, STAFF, STAFF_2, START
from tests.builders import expert as expert_actor
from tests.experts import world
from tests.experts.world import (
    BIDDERS,
    CODES,
    SUPERVISOR,
    SYSTEM,
    TENDERER,
    TRUSTEES,
    make_request,
)


def refused(call: Callable[[], object]) -> Refusal:
    with pytest.raises(Refusal) as caught:
        call()
    return caught.value


def candidates(office: Office, draw_id: str) -> dict[str, tuple[str, ...]]:
    """Expert → reasons, from the draw's own sheet."""
    with office.read() as db:
        found = candidates_of(db, draw_id)
    return {c.expert_id: tuple(code.split(".", 1)[1] for code in c.reasons) for c in found}


class TestRequest:
    """Everything is fixed and on the register before any randomness exists."""

    def test_registers_without_gaps(self, office: Office) -> None:
        first = world.request(office)
        refused(lambda: world.request(office, make_request("lot-2", representatives=9)))
        refused(lambda: world.request(office, make_request("lot-2", quotas=(Quota("C1299", 5),))))
        second = world.request(office, make_request("lot-2"))
        assert (first.number, second.number) == (1, 2)
        with office.read() as db:
            entries = list(journal.entries(db, f"draws/{CENTRE}"))
        assert [e.action for e in entries] == ["experts:draw:requested"] * 2
        assert entries[0].data["predecessor"] == "0" * 64
        assert entries[1].data["predecessor"] == first.request_hash
        assert entries[1].data["request"] == second.request_hash

    def test_the_same_inputs_give_the_same_hash(self, tmp_path: Path) -> None:
        hashes = set()
        for name in ("a", "b"):
            (tmp_path / name).mkdir()
            made = world.open_office(tmp_path / name)
            hashes.add(world.request(made).request_hash)
            made.connections.dispose()
        assert len(hashes) == 1

    def test_excludes_by_rule(self, office: Office) -> None:
        draw = world.request(office, make_request(drafters=("E0009",)))
        found = candidates(office, draw.id)
        assert found["E0003"] == ("eligibility.age",)
        assert found["E0004"] == ("conflict.own_tenderer",)
        assert found["E0009"] == ("conflict.drafted_file",)
        assert found["E0016"] == ("conflict.past_employer",)
        assert found["E0007"] == ()  # sits on a bidder's board, which nobody knows yet
        with office.read() as db:
            excluded = draws.transcript(db, draw.id)["request"]["candidates"]["excluded"]
        assert excluded["experts.conflict.own_tenderer"] == 1

    def test_nobody_of_the_projects_county(self, office: Office) -> None:
        home = world.make_expert(0).home_division
        draw = world.request(office, make_request(division_code=home))
        assert candidates(office, draw.id)["E0000"] == ("dispersal.tenderer_county",)

    def test_all_faults_at_once(self, office: Office) -> None:
        wrong = make_request(
            quotas=(Quota("A9999", 3), Quota("A08", 0)),
            division_code="110000",
            tenderer_uscc="91",
            evaluation_at=START,
        )
        found = refused(lambda: world.request(office, wrong))
        assert {f.code for f in found.faults} == {
            "experts.specialty.unknown",
            "experts.specialty.too_wide",
            "experts.request.seats",
            "experts.request.division",
            "experts.request.uscc",
            "experts.request.past",
        }

    @pytest.mark.parametrize("ahead", [timedelta(days=367), timedelta(days=365 * 7900)])
    def test_no_evaluation_beyond_a_year(self, office: Office, ahead: timedelta) -> None:
        """Asked for or only looked at: a day in the year 9900 is refused in words."""
        far = make_request(evaluation_at=START + ahead)
        found = refused(lambda: world.request(office, far))
        assert [f.code for f in found.faults] == ["experts.request.far"]
        with office.read() as db, pytest.raises(Refusal):
            draws.feasibility(db, office.clock.now(), far)

    def test_composition(self, office: Office) -> None:
        """招标投标法 第三十七条."""
        found = refused(lambda: world.request(office, make_request(quotas=(Quota(CODES[0], 4),))))
        assert {f.code for f in found.faults} == {
            "experts.composition.size",
            "experts.composition.odd",
        }
        assert {f.rule for f in found.faults} == {"committee.size_min", "committee.odd"}

    def test_a_pool_too_small_names_specialty_numbers_and_rule(self, office: Office) -> None:
        found = refused(
            lambda: world.request(
                office, make_request(quotas=(Quota(CODES[0], 2), Quota("A080205", 3)))
            )
        )
        assert found.code == "experts.draw.pool_too_small"
        assert found.rule == "draw.pool_multiple"
        assert (found.params["specialty"], found.params["eligible"]) == ("A080205", 0)
        assert found.params["needed"] == 9

    def test_widens_only_by_recorded_consent(self, office: Office) -> None:
        wide = Quota("A080205", 3, Widening("A08", STAFF_2.id, "pool short"))
        draw = world.request(office, make_request(quotas=(wide, Quota(CODES[0], 2))))
        with office.read() as db:
            quotas = draws.transcript(db, draw.id)["request"]["quotas"]
        assert quotas[0]["source"] == "A08"
        assert quotas[0]["consent"] == {"by": STAFF_2.id, "reason": "pool short"}

    def test_a_lot_has_one_draw(self, office: Office) -> None:
        draw = world.request(office)
        assert refused(lambda: world.request(office)).code == "experts.draw.already"
        again = make_request(replaces=draw.id)
        assert refused(lambda: world.request(office, again)).code == "experts.draw.already"
        with office.write() as tx:
            draws.abandon_draw(tx, SUPERVISOR, draw.id, "wrong lot")
        assert refused(lambda: world.request(office)).code == "experts.draw.already"
        assert world.request(office, again).number == 2
        with office.read() as db:
            assert len(draws.draws_of_lot(db, "lot-1")) == 2

    def test_not_for_another_centre(self, office: Office) -> None:
        other = make_request(centre_id="530100")
        assert refused(lambda: world.request(office, other)).kind is Kind.FORBIDDEN


class TestTrustees:
    """Nobody chooses the seed, and nobody decides whether to go on once it is known."""

    def give(self, office: Office, draw: draws.Draw, trustee: str, proof: bytes) -> draws.Draw:
        with office.write() as tx:
            return draws.give_output(tx, draw.id, trustee, proof)

    def again(self, office: Office, draw: draws.Draw, actor: Actor = SYSTEM) -> draws.Draw:
        with office.write() as tx:
            return draws.ask_again(tx, actor, draw.id)

    def test_the_last_output_draws(self, office: Office) -> None:
        draw = world.request(office)
        assert draw.state is State.ASKING
        draw = world.give_outputs(office, draw, TRUSTEES[:-1])
        assert draw.state is State.ASKING
        draw = world.give_outputs(office, draw, TRUSTEES[-1:])
        assert draw.state is State.INVITING
        with office.read() as db:
            kinds = [step["kind"] for step in draws.steps(db, draw.id)]
        assert kinds == ["REQUESTED", "ASKED", *["OUTPUT"] * 5, "DRAWN", "INVITED"]

    def test_the_order_of_answers_plays_no_part(self, tmp_path: Path) -> None:
        seeds = set()
        for name, holders in (("a", TRUSTEES), ("b", TRUSTEES[::-1])):
            (tmp_path / name).mkdir()
            made = world.open_office(tmp_path / name)
            draw = world.give_outputs(made, world.request(made), holders)
            with made.read() as db:
                step = draws.steps(db, draw.id)[-2]
            seeds.add(step["data"]["seed"])
            made.connections.dispose()
        assert len(seeds) == 1

    def test_a_proof_must_be_the_keys_for_what_was_asked(self, office: Office) -> None:
        draw = world.request(office)
        own, other = TRUSTEES[0], TRUSTEES[1]
        wrong = (
            other.answer(draw.request_hash, 1),
            own.answer(draw.request_hash, 2),
            own.answer("0" * 64, 1),
            own.answer(draw.request_hash, 1, "a value"),
            own.answer(draw.request_hash, 1)[:-1],
            own.possession,
        )
        for proof in wrong:
            found = refused(lambda p=proof: self.give(office, draw, own.id, p))  # type: ignore[misc]
            assert found.code == "experts.output.invalid"
        with office.read() as db:
            assert not any(one.has_answered for one in draws.asking_of(db, draw.id).trustees)

    def test_answered_once_and_by_those_asked(self, office: Office) -> None:
        draw = world.request(office)
        own = TRUSTEES[0]
        proof = own.answer(draw.request_hash, 1)
        self.give(office, draw, own.id, proof)
        assert (
            refused(lambda: self.give(office, draw, own.id, proof)).code == "experts.output.twice"
        )
        found = refused(lambda: self.give(office, draw, "somebody", proof))
        assert found.code == "experts.output.not_asked"

    def test_not_earlier_than_the_rule_says(self, office: Office) -> None:
        """draw.earliest_hours_before_evaluation."""
        late = make_request(evaluation_at=START + timedelta(hours=24, minutes=1))
        draw = world.request(office, late)
        found = refused(lambda: world.give_outputs(office, draw))
        assert found.kind is Kind.TOO_EARLY
        assert found.rule == "draw.earliest_hours_before_evaluation"
        world.forward(office, minutes=1)
        assert world.give_outputs(office, draw).state is State.INVITING

    def test_who_withholds_is_named_and_the_others_asked_anew(self, office: Office) -> None:
        draw = world.request(office)
        world.give_outputs(office, draw, TRUSTEES[1:])
        assert refused(lambda: self.again(office, draw)).kind is Kind.TOO_EARLY
        world.forward(office, minutes=60)
        found = refused(lambda: world.give_outputs(office, draw, TRUSTEES[:1]))
        assert found.kind is Kind.TOO_LATE
        self.again(office, draw)
        with office.read() as db:
            asked = draws.asking_of(db, draw.id)
            register = [e for e in journal.entries(db, f"draws/{CENTRE}") if "withheld" in e.action]
            (missing,) = asking.withheld(db)
        assert (asked.number, asked.withheld) == (2, (TRUSTEES[0].id,))
        assert (missing.trustee_id, missing.register_number, missing.asking) == (
            TRUSTEES[0].id,
            1,
            1,
        )
        assert [one.id for one in asked.trustees] == [holder.id for holder in TRUSTEES[1:]]
        assert register[0].data["trustees"] == [TRUSTEES[0].id]
        old = TRUSTEES[1].answer(draw.request_hash, 1)
        assert refused(lambda: self.give(office, draw, TRUSTEES[1].id, old)).code.endswith(
            "invalid"
        )
        draw = world.give_outputs(office, draw, TRUSTEES[1:])
        assert draw.state is State.INVITING
        with office.read() as db:
            assert is_valid(verify_transcript(draws.transcript(db, draw.id)))

    def test_below_the_least_number_there_is_no_draw(self, office: Office) -> None:
        """draw.trustees_min: five are asked, three must answer."""
        draw = world.request(office)
        for holder in TRUSTEES[:3]:
            left = [one for one in TRUSTEES if one.id > holder.id]
            world.give_outputs(office, draw, left)
            world.forward(office, minutes=60)
            draw = self.again(office, draw)
        assert draw.state is State.UNSEEDED
        with office.read() as db:
            missing = {one.trustee_id for one in asking.withheld(db)}
            assert missing == {holder.id for holder in TRUSTEES[:3]}
            assert is_valid(verify_transcript(draws.transcript(db, draw.id)))
            actions = [entry.action for entry in journal.entries(db, f"draws/{CENTRE}")]
        assert actions[-1] == "experts:draw:unseeded"
        assert world.request(office, make_request(replaces=draw.id)).number == 2

    def test_the_task_asks_again_once(self, office: Office) -> None:
        draw = world.request(office)
        world.forward(office, minutes=60)
        worker = Worker(office, asking.HANDLERS, "test")
        worker.run_all_due()
        with office.read() as db:
            found = draws.draw(db, draw.id)
        assert found.state is State.UNSEEDED, "nobody answered"
        with office.write() as tx:
            asking.outputs_task(office, {"draw": draw.id, "asking": 1})(tx)
        with office.read() as db:
            assert draws.draw(db, draw.id) == found

    def test_too_few_serve(self, office: Office) -> None:
        for holder in TRUSTEES[:3]:
            with office.write() as tx:
                trustees.revoke_trustee(tx, world.PROVINCE_SUPERVISOR, holder.id, "closed")
        with office.read() as db:
            dry = draws.feasibility(db, START, make_request()).shortage
        found = refused(lambda: world.request(office))
        assert dry is not None
        assert (found.code, found.rule) == (dry.code, "draw.trustees_min")
        assert found.params == {"count": 2, "needed": 3, "rule": "draw.trustees_min"}

    def test_a_request_keeps_its_trustees(self, office: Office) -> None:
        """Who is revoked afterwards is asked all the same: the panel is fixed with the request."""
        draw = world.request(office)
        with office.write() as tx:
            trustees.revoke_trustee(tx, world.PROVINCE_STAFF, TRUSTEES[0].id, "we do not like it")
        with office.read() as db:
            assert len(draws.asking_of(db, draw.id).trustees) == 5
        assert world.give_outputs(office, draw).state is State.INVITING

    def test_given_up_by_the_parties_and_only_before_the_first_output(self, office: Office) -> None:
        draw = world.request(office)
        strangers = (
            replace(STAFF, centre_id="530100"),
            replace(SUPERVISOR, party_id=TENDERER),
            replace(SUPERVISOR, party_id=""),
        )

        def abandon(actor: Actor) -> draws.Draw:
            with office.write() as tx:
                return draws.abandon_draw(tx, actor, draw.id, "wrong lot")

        for actor in strangers:
            found = refused(lambda a=actor: abandon(a))  # type: ignore[misc]
            assert (found.code, found.kind) == ("experts.draw.other_party", Kind.FORBIDDEN)
        world.give_outputs(office, draw, TRUSTEES[:1])
        assert refused(lambda: abandon(SUPERVISOR)).code == "experts.draw.answered"
        second = world.request(office, make_request("lot-2"))
        with office.write() as tx:
            second = draws.abandon_draw(tx, SUPERVISOR, second.id, "wrong lot")
        assert second.state is State.ABANDONED
        with office.read() as db:
            assert is_valid(verify_transcript(draws.transcript(db, second.id)))


class TestPublicValue:
    """What nobody could foresee when the request was made goes into what the trustees are asked."""

    AT = START + timedelta(hours=2)

    def request(self, office: Office) -> draws.Draw:
        value = PublicValue("示例彩票第20261021期开奖号码", self.AT)
        return world.request(office, make_request(public_value=value))

    def give(self, office: Office, draw: draws.Draw, actor: Actor = STAFF) -> draws.Draw:
        with office.write() as tx:
            return draws.give_public_value(tx, actor, draw.id, "03 08 17 22 30 + 06 11")

    def test_it_comes_after_the_request_and_before_the_trustees(self, office: Office) -> None:
        draw = self.request(office)
        assert draw.state is State.REQUESTED
        proof = TRUSTEES[0].answer(draw.request_hash, 1)

        def early() -> None:
            with office.write() as tx:
                draws.give_output(tx, draw.id, TRUSTEES[0].id, proof)

        assert refused(early).code == "experts.draw.state"
        assert refused(lambda: self.give(office, draw)).kind is Kind.TOO_EARLY
        world.forward(office, hours=2)
        stranger = replace(STAFF, centre_id="530100")
        assert refused(lambda: self.give(office, draw, stranger)).kind is Kind.FORBIDDEN
        self.give(office, draw)
        assert refused(lambda: self.give(office, draw)).code == "experts.draw.state"
        found = refused(lambda: world.give_outputs(office, draw, [_Deaf(**vars(TRUSTEES[0]))]))
        assert found.code == "experts.output.invalid", "who ignores the value proves nothing"
        assert world.give_outputs(office, draw).state is State.INVITING
        with office.read() as db:
            assert is_valid(verify_transcript(draws.transcript(db, draw.id)))

    def test_it_must_not_be_known_yet(self, office: Office) -> None:
        value = PublicValue(" ", START)
        found = refused(lambda: world.request(office, make_request(public_value=value)))
        assert {f.code for f in found.faults} == {
            "experts.request.source",
            "experts.request.value_known",
        }


class _Deaf(SyntheticTrustee):
    def answer(self, request_hash: str, asking: int, public_value: str = "") -> bytes:
        return super().answer(request_hash, asking)


class TestFeasibility:
    """What may be known before a request, and leaves no trace."""

    def test_it_says_what_the_request_will_find(self, office: Office) -> None:
        asked = make_request()
        with office.read() as db:
            before = journal.size_of_all(db, ("",))
            found = draws.feasibility(db, START, asked)
        assert found.shortage is None
        assert [(s.specialty, s.needed) for s in found.supplies] == [
            (quota.specialty, quota.count) for quota in asked.quotas
        ]
        draw = world.request(office, asked)
        may_be_drawn = [e for e, reasons in candidates(office, draw.id).items() if not reasons]
        assert 0 < max(s.eligible for s in found.supplies) <= len(may_be_drawn)
        assert all(sum(s.homes.values()) == s.eligible for s in found.supplies)
        with office.read() as db:
            assert journal.size_of_all(db, ("",)) == before + 3  # the request's own entries

    def test_a_shortage_is_the_refusal_of_the_request(self, office: Office) -> None:
        asked = make_request(quotas=(Quota(CODES[2], 25),), representatives=0)
        with office.read() as db:
            found = draws.feasibility(db, START, asked)
        refusal = refused(lambda: world.request(office, asked))
        assert found.shortage is not None
        assert (found.shortage.code, found.shortage.params) == (refusal.code, refusal.params)

    def test_what_is_no_request_is_refused_alike(self, office: Office) -> None:
        asked = make_request(representatives=9)
        with office.read() as db:
            dry = refused(lambda: draws.feasibility(db, START, asked))
        assert dry.faults == refused(lambda: world.request(office, asked)).faults


class TestAnswers:
    def test_calls_have_ranks_and_answers_but_no_names(self, office: Office) -> None:
        draw = world.perform(office)
        with office.read() as db:
            asked = draws.invited(db, draw.id)
            calls = draws.calls(db, draw.id)
        assert len(calls) >= len(asked) > 0  # who is asked for two specialties is asked once
        assert {call.answer for call in calls} == {""}
        assert {call.specialty for call in calls} <= set(CODES)
        assert "expert_id" not in vars(calls[0])
        with office.write() as tx:
            draws.answer(tx, SYSTEM, draw.id, asked[0].expert_id, accepted=False)
        with office.read() as db:
            assert [call.answer for call in draws.calls(db, draw.id)].count("NO") >= 1

    def test_an_invitation_says_time_and_area_only(self, office: Office) -> None:
        draw = world.perform(office)
        with office.read() as db:
            asked = draws.invited(db, draw.id)
            mine = draws.invitations_of(db, asked[0].expert_id)
        assert mine == (asked[0],)
        assert asked[0].evaluation_at == START + timedelta(hours=20)
        assert asked[0].area == "530000"
        assert not {"lot_id", "tenderer", "number"} & set(vars(asked[0]))

    def test_answers_by_the_expert_or_the_calling_service(self, office: Office) -> None:
        draw = world.perform(office)
        with office.read() as db:
            first, second, *_ = [item.expert_id for item in draws.invited(db, draw.id)]

        def answer(actor: Any, expert_id: str, accepted: bool = True) -> None:
            with office.write() as tx:
                draws.answer(tx, actor, draw.id, expert_id, accepted)

        assert refused(lambda: answer(expert_actor(first), second)).kind is Kind.FORBIDDEN
        assert refused(lambda: answer(STAFF, first)).kind is Kind.FORBIDDEN
        assert refused(lambda: answer(SYSTEM, "E9999")).kind is Kind.NOT_FOUND
        answer(expert_actor(first), first, False)
        assert refused(lambda: answer(SYSTEM, first)).code == "experts.invitation.answered"
        world.forward(office, minutes=30)
        assert refused(lambda: answer(SYSTEM, second)).kind is Kind.TOO_LATE
        with office.read() as db:
            entries = list(journal.entries(db, f"draw/{draw.id}"))
        assert first not in str([(e.actor, e.data) for e in entries])

    def test_not_settled_while_answers_may_come(self, office: Office) -> None:
        draw = world.perform(office)

        def settle() -> draws.Draw:
            with office.write() as tx:
                return draws.settle(tx, STAFF, draw.id)

        assert refused(settle).kind is Kind.TOO_EARLY
        world.forward(office, minutes=30)
        assert settle().round == 2  # all were silent: a further batch

    def test_settled_at_once_when_all_have_answered(self, office: Office) -> None:
        draw = world.perform(office)
        with office.read() as db:
            asked = draws.invited(db, draw.id)
        for item in asked:
            with office.write() as tx:
                draws.answer(tx, SYSTEM, draw.id, item.expert_id, True)
        with office.write() as tx:
            assert draws.settle(tx, STAFF, draw.id).state is State.SEATED

    def test_when_nobody_is_left_the_draw_ends_on_the_record(self, office: Office) -> None:
        draw = world.answer_all(office, world.perform(office), lambda _: False)
        assert draw.state is State.EXHAUSTED
        with office.write() as tx:
            draws.close_draw(tx, STAFF, draw.id)
        with office.read() as db:
            assert is_valid(verify_transcript(draws.transcript(db, draw.id)))
        assert world.request(office, make_request(replaces=draw.id)).number == 2


class TestRecheck:
    """At the opening the bidders are known (招标投标法 第二十二条 before it)."""

    def seat(self, office: Office, wanted: set[str]) -> draws.Draw:
        """A draw in which one of the wanted sits; lots are tried until one does."""
        for number in range(40):
            at = office.clock.now() + timedelta(hours=20)
            draw = world.perform(office, make_request(f"lot-{number}", evaluation_at=at))
            draw = world.answer_all(office, draw)
            with office.read() as db:
                sitting = {member.expert_id for member in draws.committee(db, draw.id)}
            if sitting & wanted:
                return draw
            world.forward(office, days=2)  # who sits in one evaluation is not free for another
        raise AssertionError("nobody of the wanted was drawn")

    def test_conflicted_members_are_replaced_by_the_next_rank(self, office: Office) -> None:
        draw = self.seat(office, {"E0007", "E0010", "E0013"})
        with office.read() as db:
            before = draws.committee(db, draw.id)
        with office.write() as tx:
            found = draws.recheck(tx, STAFF, draw.id, BIDDERS)
        removed = dict(found.removed)
        assert removed
        assert set(removed) <= {"E0007", "E0010", "E0013"}
        for expert_id, code in (
            ("E0007", "board_seat"),
            ("E0010", "declared_unit"),
            ("E0013", "control_group"),
        ):
            if expert_id in removed:
                assert removed[expert_id].code == f"experts.conflict.{code}"
        assert found.draw.state is State.INVITING
        draw = world.answer_all(office, found.draw)
        with office.read() as db:
            after = draws.committee(db, draw.id)
            value = draws.transcript(db, draw.id)
        kept = [m for m in before if m.expert_id not in removed]
        assert [m for m in after if m in before] == kept
        replaced = {m.seat_code: m.rank for m in after if m not in before}
        assert set(replaced) == {m.seat_code for m in before if m.expert_id in removed}
        assert is_valid(verify_transcript(value))

    def test_without_conflict_nothing_changes(self, office: Office) -> None:
        draw = world.answer_all(office, world.perform(office))
        with office.write() as tx:
            found = draws.recheck(tx, STAFF, draw.id, (world.uscc(99),))
        assert found.removed == ()
        assert found.draw.state is State.SEATED

    def test_those_excluded_are_not_invited_later(self, office: Office) -> None:
        draw = world.perform(office)
        with office.write() as tx:
            draws.recheck(tx, STAFF, draw.id, BIDDERS)
        draw = world.answer_all(office, draw)
        with office.read() as db:
            sitting = {member.expert_id for member in draws.committee(db, draw.id)}
            assert is_valid(verify_transcript(draws.transcript(db, draw.id)))
        assert not sitting & {"E0007", "E0010", "E0013"}

    def test_new_data_count_too(self, office: Office) -> None:
        """The third pass: a penalty imposed after the draw."""
        draw = world.answer_all(office, world.perform(office))
        with office.read() as db:
            first = draws.committee(db, draw.id)[0].expert_id
        with office.write() as tx:
            standing.act(tx, SUPERVISOR, first, Penalise("处罚决定(示例)"))
        with office.write() as tx:
            found = draws.recheck(tx, STAFF, draw.id, ())
        assert [(who, reason.code) for who, reason in found.removed] == [
            (first, "experts.conflict.penalised")
        ]


class TestSubstitution:
    """招标投标法实施条例 第四十八条: for statutory causes only, and by lot."""

    def test_the_next_rank_takes_the_seat(self, office: Office) -> None:
        draw = world.answer_all(office, world.perform(office))
        with office.read() as db:
            member = draws.committee(db, draw.id)[0]
        with office.write() as tx:
            again = draws.substitute(tx, STAFF, draw.id, member.expert_id, Cause.HEALTH)
        assert again.state is State.INVITING
        draw = world.answer_all(office, again)
        with office.read() as db:
            new = draws.committee(db, draw.id)[0]
            assert is_valid(verify_transcript(draws.transcript(db, draw.id)))
        assert new.seat_code == member.seat_code
        assert new.expert_id != member.expert_id

    def test_no_other_cause_and_no_stranger(self, office: Office) -> None:
        draw = world.answer_all(office, world.perform(office))

        def substitute(expert_id: str, cause: Any) -> None:
            with office.write() as tx:
                draws.substitute(tx, STAFF, draw.id, expert_id, cause)

        assert refused(lambda: substitute("E9999", Cause.HEALTH)).kind is Kind.NOT_FOUND
        with office.read() as db:
            member = draws.committee(db, draw.id)[0]
        with pytest.raises(ValueError):
            substitute(member.expert_id, "TENDERER_WISHES")


class TestClosing:
    def test_nothing_changes_afterwards(self, office: Office) -> None:
        draw = world.answer_all(office, world.perform(office))
        with office.write() as tx:
            document = draws.close_draw(tx, STAFF, draw.id)
        with office.read() as db:
            assert draws.draw(db, draw.id).state is State.CLOSED
            assert draws.draw(db, draw.id).transcript_sha256 == document.sha256
            entries = list(journal.entries(db, f"draw/{draw.id}"))
        assert entries[-1].documents[0] == document
        assert entries[-1].documents[1].name == "draw-answers-000001.json"
        content = office.vault.get(document.sha256).decode()
        assert "某" not in content
        assert '"E0' not in content

        def later(call: Callable[[Any], object]) -> Refusal:
            def run() -> None:
                with office.write() as tx:
                    call(tx)

            return refused(run)

        assert later(lambda tx: draws.close_draw(tx, STAFF, draw.id)).kind is Kind.CONFLICT
        assert later(lambda tx: draws.recheck(tx, STAFF, draw.id, ())).kind is Kind.CONFLICT

    def test_every_step_is_on_the_stream(self, office: Office) -> None:
        draw = world.answer_all(office, world.perform(office))
        with office.read() as db:
            steps = draws.transcript(db, draw.id)["steps"]
            entries = list(journal.entries(db, f"draw/{draw.id}"))
        recorded = [e.data["hash"] for e in entries if "hash" in e.data]
        assert recorded == [step["hash"] for step in steps]

    def test_unknown(self, office: Office) -> None:
        with office.read() as db:
            assert refused(lambda: draws.draw(db, "none")).kind is Kind.NOT_FOUND


def test_both_databases_seat_the_same_committee(
    tmp_path: Path, migrated_sqlite_url: str, migrated_postgres_url: str
) -> None:
    found: list[tuple[tuple[draws.Member, ...], str]] = []
    for url in (migrated_sqlite_url, migrated_postgres_url):
        folder = tmp_path / str(len(found))
        folder.mkdir()
        office = world.open_office(folder, url)
        draw = world.answer_all(
            office, world.perform(office), lambda who: int(who[1:]) % 3 != 0 or None
        )
        with office.write() as tx:
            again = draws.recheck(tx, STAFF, draw.id, BIDDERS)
        draw = world.answer_all(office, again.draw)
        with office.write() as tx:
            document = draws.close_draw(tx, STAFF, draw.id)
        with office.read() as db:
            found.append((draws.committee(db, draw.id), document.sha256))
        office.connections.dispose()
    assert found[0] == found[1]
    assert len(found[0][0]) == 5
