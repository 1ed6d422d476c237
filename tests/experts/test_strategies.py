"""What an operator who wants a certain committee can try, and what comes of it: it fails, or it leaves
a public record. The adversary runs the platform, its database and its staff's accounts; the trustees'
machines and one honest trustee are not his.

The model is the draw of a Czech office in 2013: a laptop read a pre-set file of company ids, could run
honest demonstrations, and deleted the file afterwards.
"""

import copy
import itertools
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from scipy.stats import chisquare

from archive import canonical
from archive.errors import Kind, Refusal
from archive.journal import service as journal
from archive.keeping import Unreadable
from archive.office import Office, keeper_of
from experts.committee import select
from experts.draws import queries
from experts.draws import service as draws
from experts.draws.request import State
from experts.draws.seed import NO_VALUE, alpha_of, seed_of
from experts.invitations import names
from experts.invitations.course import service as course
from experts.suite import sha256
from experts.trustees.answering import line_of, objection, question_of
from experts.vrf.verify import output_of
from tests.builders import CENTRE, STAFF
from tests.experts import world
from tests.experts.test_committee import CARDS, GROUPS, STRICT, feasible
from tests.experts.test_verify import failed, rechained
from tests.experts.world import SUPERVISOR, TRUSTEES, make_request


def refused(call: Callable[[], object]) -> Refusal:
    with pytest.raises(Refusal) as caught:
        call()
    return caught.value


def question(office: Office, draw: draws.Draw) -> Any:
    """What the platform shows a trustee."""
    with office.read() as db:
        asked = draws.asking_of(db, draw.id)
    fields = {name: getattr(asked, name) for name in (
        "draw_id", "centre_id", "register_number", "predecessor", "request_hash", "number",
        "public_value",
    )}  # fmt: skip
    trustees = [{"id": one.id, "key": one.key} for one in asked.trustees]
    return {"format": "bigloop.draw-asking.v1", **fields, "trustees": trustees}


def register(office: Office) -> list[tuple[str, int]]:
    """The centre's public register: what happened to which number."""
    with office.read() as db:
        entries = journal.entries(db, f"draws/{CENTRE}")
        return [(entry.action.split(":")[-1], entry.data["number"]) for entry in entries]


class TestGrinding:
    """Trying requests until the committee is liked."""

    def test_without_the_last_output_every_committee_is_still_open(self) -> None:
        """All outputs but one are known; over the missing one the committees are uniform."""
        alpha = alpha_of("ab" * 32, 1, NO_VALUE)
        known = [output_of(holder.answer("ab" * 32, 1)) for holder in TRUSTEES[:-1]]
        counts: Counter[Any] = Counter()
        for number in range(1500):
            missing = sha256(b"%d" % number) + sha256(b"x%d" % number)
            seed = seed_of(alpha, [*known, missing], sha256)
            selection = select(seed, GROUPS, CARDS, STRICT, 1000)
            assert selection is not None
            counts[tuple(frozenset(group) for group in selection.drawn())] += 1
        assert chisquare([counts[one] for one in feasible(STRICT)]).pvalue > 1e-4

    def test_a_second_request_under_the_number_is_not_answered(self, office: Office) -> None:
        """The database is put back and another request made: the trustees remember the first."""
        draw = world.request(office)
        asked = question_of(question(office, draw))
        lines = [line_of(asked, TRUSTEES[0].answer(draw.request_hash, 1))]
        second = replace(asked, request_hash="c" * 64)
        found = objection(second, TRUSTEES[0].id, TRUSTEES[0].key, lines)
        assert found is not None
        assert found.code == "experts.trustee.second_request"

    def test_every_request_takes_a_public_number(self, office: Office) -> None:
        for lot in ("lot-1", "lot-2", "lot-3"):
            world.request(office, make_request(lot))
        assert register(office) == [("requested", 1), ("requested", 2), ("requested", 3)]

    def test_the_salt_cannot_be_tried_after_the_fact(self, office: Office) -> None:
        """Leaves, and so the order of candidates, follow from a key that the root fixes."""
        draw = world.perform(office)
        with office.read() as db:
            value = json.loads(canonical.encode(draws.transcript(db, draw.id)))
        value["candidates"][0]["record"] = "ab" * 32
        assert failed(value) == "pool"


class TestAsAgain:
    """Re-requesting and aborting."""

    def test_a_lot_has_one_draw_until_it_ended_without_a_committee(self, office: Office) -> None:
        draw = world.perform(office)
        for again in (make_request(), make_request(replaces=draw.id)):
            assert refused(lambda a=again: world.request(office, a)).code == "experts.draw.already"  # type: ignore[misc]

    def test_nobody_gives_up_a_draw_whose_result_may_be_known(self, office: Office) -> None:
        draw = world.give_outputs(office, world.request(office), TRUSTEES[:4])
        for actor in (STAFF, SUPERVISOR):

            def abandon(by: Any = actor) -> None:
                with office.write() as tx:
                    draws.abandon_draw(tx, by, draw.id, "we do not like it")

            assert refused(abandon).code == "experts.draw.answered"

    def test_giving_up_early_is_public(self, office: Office) -> None:
        draw = world.request(office)
        with office.write() as tx:
            draws.abandon_draw(tx, STAFF, draw.id, "wrong lot")
        assert register(office) == [("requested", 1), ("abandoned", 1)]

    def test_silence_is_blind_and_named(self, office: Office) -> None:
        """A trustee in league, who sees all other outputs, keeps silent: he is named, and what the
        others said counts for nothing in the next asking."""
        draw = world.give_outputs(office, world.request(office), TRUSTEES[1:])
        world.forward(office, minutes=61)
        with office.write() as tx:
            draws.ask_again(tx, STAFF, draw.id)
        assert register(office)[-1] == ("withheld", 1)
        for holder in TRUSTEES[1:]:
            stale = holder.answer(draw.request_hash, 1)

            def give(who: str = holder.id, proof: bytes = stale) -> None:
                with office.write() as tx:
                    draws.give_output(tx, draw.id, who, proof)

            assert refused(give).code == "experts.output.invalid"

    def test_a_silence_that_was_none_stands_in_the_trustees_book(self, office: Office) -> None:
        """The platform holds an output back; the trustee's line proves that he answered in time."""
        draw = world.request(office)
        asked = question_of(question(office, draw))
        line = line_of(asked, TRUSTEES[0].answer(draw.request_hash, 1))
        output = output_of(bytes.fromhex(line["proof"]))
        assert line["request"] == draw.request_hash
        assert len(output) == 64


class TestThePool:
    def test_changes_after_the_request_change_nothing(self, office: Office) -> None:
        draw = world.request(office)
        with office.read() as db:
            before = draws.transcript(db, draw.id)
        from experts.pool import service as pool
        from tests.builders import POOL_OFFICE

        with office.write() as tx:
            pool.enrol_many(tx, POOL_OFFICE, [world.make_expert(900 + n) for n in range(5)])
        world.give_outputs(office, draw)
        with office.read() as db:
            after = draws.transcript(db, draw.id)
        assert after["candidates"] == before["candidates"]
        assert failed(json.loads(canonical.encode(after))) == ""

    def test_candidates_exchanged_without_the_key_are_noticed_at_once(self, office: Office) -> None:
        draw = world.request(office)
        with office.write() as tx:
            row = queries.sheet(tx.db, draw.id)
            row.candidates = row.candidates[:-1] + bytes([row.candidates[-1] ^ 1])
            tx.db.add(row)
        with pytest.raises(Unreadable):
            world.give_outputs(office, draw)

    def test_candidates_exchanged_with_the_key_do_not_verify(self, office: Office) -> None:
        """Whoever holds the server's keys can seal a sheet anew; the pool's root is on the record."""
        draw = world.request(office)
        with office.write() as tx:
            row = queries.sheet(tx.db, draw.id)
            lines = course.sheet_text(tx.db, draw.id).split(b"\n")
            place = names.sheet_place(draw.id)
            row.candidates = keeper_of(tx.db).seal(place, b"\n".join(lines[1:]))
            tx.db.add(row)
        draw = world.give_outputs(office, draw)
        with office.read() as db:
            value = json.loads(canonical.encode(draws.transcript(db, draw.id)))
        assert failed(value) == "pool"


class TestDeclines:
    def test_staff_cannot_decline_for_an_expert(self, office: Office) -> None:
        draw = world.perform(office)
        with office.read() as db:
            asked = draws.invited(db, draw.id)[0]

        def decline() -> None:
            with office.write() as tx:
                draws.answer(tx, STAFF, draw.id, asked.expert_id, accepted=False)

        assert refused(decline).kind is Kind.FORBIDDEN

    def test_an_invented_decline_has_no_answer_on_the_record(self, office: Office) -> None:
        """Each answer is an entry of its own, made when it came; the settlement cannot name more."""
        draw = world.perform(office)
        draw = world.answer_all(office, draw, lambda who: int(who[1:]) % 2 == 0)
        with office.read() as db:
            steps = draws.steps(db, draw.id)
            entries = list(journal.entries(db, f"draw/{draw.id}"))
        said = sum(
            len(step["data"]["accepted"]) + len(step["data"]["declined"])
            for step in steps
            if step["kind"] == "SETTLED"
        )
        assert said == sum(entry.action == "experts:invitation:answered" for entry in entries)

    def test_a_seat_for_a_friend_further_down(self, office: Office) -> None:
        draw = world.answer_all(office, world.perform(office))
        with office.read() as db:
            value = json.loads(canonical.encode(draws.transcript(db, draw.id)))
        settled = next(step["data"] for step in value["steps"] if step["kind"] == "SETTLED")
        seats = {leaf for *_, leaf in settled["seated"]}
        spare = next(leaf for leaf in settled["accepted"] if leaf not in seats)
        settled["seated"][0][3] = spare
        assert failed(rechained(value)) == "course"


class TestThePresetFile:
    """The Czech case: the committee stands in a file, the program is for show."""

    def preset(self, office: Office) -> Any:
        """A draw whose machine put in its own committee, with every hash in order."""
        draw = world.perform(office)
        with office.read() as db:
            value = json.loads(canonical.encode(draws.transcript(db, draw.id)))
        drawn = next(step["data"] for step in value["steps"] if step["kind"] == "DRAWN")
        taken = {leaf for _, leaves in drawn["committee"] for leaf in leaves}
        leaves = self.leaves(office, draw)
        drawn["committee"][0][1][0] = next(leaf for leaf in leaves if leaf not in taken)
        value["steps"] = value["steps"][: [s["kind"] for s in value["steps"]].index("DRAWN") + 1]
        return rechained(value)

    def leaves(self, office: Office, draw: draws.Draw) -> list[str]:
        with office.read() as db:
            return [c.leaf for c in course.candidates_of(db, draw.id) if not c.reasons]

    def test_both_verifiers_refuse_it(self, office: Office) -> None:
        assert failed(self.preset(office)) == "lottery"

    def test_a_seed_made_to_fit_is_no_output_of_the_keys(self, office: Office) -> None:
        value = self.preset(office)
        next(s["data"] for s in value["steps"] if s["kind"] == "DRAWN")["seed"] = "ab" * 32
        assert failed(rechained(value)) == "seed"

    def test_the_honest_demonstration_is_a_draw_of_its_own(self, office: Office) -> None:
        """A show with the same trustees takes a number, and its outputs serve no other request."""
        show = world.perform(office, make_request("show"))
        real = world.request(office, make_request("real"))

        def replay() -> None:
            with office.write() as tx:
                proof = TRUSTEES[0].answer(show.request_hash, 1)
                draws.give_output(tx, real.id, TRUSTEES[0].id, proof)

        assert refused(replay).code == "experts.output.invalid"
        assert register(office) == [("requested", 1), ("requested", 2)]

    def test_what_is_deleted_leaves_a_gap(self, office: Office) -> None:
        """Of three draws the second is kept back: the third names a predecessor that is not there,
        and a trustee's next answer is refused as well."""
        made = [world.request(office, make_request(f"lot-{n}")) for n in range(3)]
        questions = [question_of(question(office, draw)) for draw in made]
        shown = [questions[0], questions[2]]
        chained = [
            b.register_number == a.register_number + 1 and b.predecessor == a.request_hash
            for a, b in itertools.pairwise(shown)
        ]
        assert chained == [False]
        lines = [line_of(questions[1], b"")]
        forged = replace(questions[2], predecessor=questions[0].request_hash)
        found = objection(forged, TRUSTEES[0].id, TRUSTEES[0].key, lines)
        assert found is not None
        assert found.code == "experts.trustee.other_predecessor"


class TestParallelDraws:
    def test_two_for_one_lot(self, office: Office) -> None:
        world.request(office)
        assert refused(lambda: world.request(office)).kind is Kind.CONFLICT
        assert register(office) == [("requested", 1)]

    def test_each_has_its_own_outputs(self, office: Office) -> None:
        """Two lots drawn at one time: neither seed says anything of the other."""
        one, two = (world.request(office, make_request(f"lot-{n}")) for n in range(2))
        first = [output_of(holder.answer(one.request_hash, 1)) for holder in TRUSTEES]
        second = [output_of(holder.answer(two.request_hash, 1)) for holder in TRUSTEES]
        assert not set(first) & set(second)
        assert world.give_outputs(office, one).state is State.INVITING
        with office.read() as db:
            assert draws.draw(db, two.id).state is State.ASKING

    def test_a_transcript_is_of_one_draw(self, office: Office) -> None:
        one, two = (world.perform(office, make_request(f"lot-{n}")) for n in range(2))
        with office.read() as db:
            values = [json.loads(canonical.encode(draws.transcript(db, d.id))) for d in (one, two)]
        mixed = copy.deepcopy(values[0])
        mixed["request"] = values[1]["request"]
        assert failed(mixed) == "request"
