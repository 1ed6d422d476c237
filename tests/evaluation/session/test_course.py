"""The normal course, and each rule of it with its refusal, on the bare machine."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from archive.actor import Actor, Role
from archive.errors import Kind
from evaluation.ranking import Ground
from evaluation.session import commands as c
from evaluation.session.machine import TRANSITIONS, commands_for
from evaluation.session.state import (
    Answer,
    Cause,
    IncidentKind,
    PauseKind,
    SealFinding,
    SheetFacts,
    Stage,
    Standing,
)
from tests.builders import START, SUPERVISOR
from tests.evaluation.course import (
    BIDDERS,
    BIDS,
    CEILING,
    HOST,
    HOST_2,
    SEATS,
    Bare,
    arrive_one,
    bare_at,
    bare_state,
    member,
    normal_night,
    refused,
    sha,
    spend_night,
    staff,
    submit_all,
)


class TestTheNormalNight:
    def test_goes_through_every_stage_in_order(self) -> None:
        d = Bare(bare_state())
        normal_night(d)
        assert d.state.stage is Stage.CLOSED
        names = [event.name for event in d.events]
        milestones = [
            "check_in_opened",
            "review_began",
            "pause_requested",
            "pause_approved",
            "sealing_began",
            "sealed_overnight",
            "resumed",
            "scored",
            "report_filed",
            "reported",
            "closed",
        ]
        assert [name for name in names if name in milestones] == milestones

    def test_several_nights_are_one_session(self) -> None:
        d = bare_at(Stage.REVIEWING)
        spend_night(d)
        spend_night(d)
        submit_all(d)
        assert d.state.stage is Stage.SCORED
        assert len(d.state.nights) == 2

    def test_says_how_long_nobody_looked(self) -> None:
        d = bare_at(Stage.REVIEWING)
        spend_night(d)
        resumed = next(event for event in d.events if event.name == "resumed")
        assert resumed.data["presence_gap_minutes"] == 210
        assert resumed.data["presence_kept"] is True

    def test_no_event_holds_a_person(self) -> None:
        d = Bare(bare_state())
        normal_night(d)
        values = {str(value) for event in d.events for value in event.data.values()}
        assert not any("expert-" in value or "account-" in value for value in values)


class TestTheTable:
    """Who may do what and when is data; anything else is refused with code, stage and rule."""

    def test_every_command_has_one_line(self) -> None:
        assert {line.command for line in TRANSITIONS} == set(c.COMMANDS.values())
        assert len(TRANSITIONS) == len(c.COMMANDS)

    @pytest.mark.parametrize("stage", list(Stage))
    def test_a_command_out_of_its_stage_is_refused(self, stage: Stage) -> None:
        d = bare_at(stage)
        for line in TRANSITIONS:
            if stage not in line.stages:
                by = replace(HOST, roles=line.roles)
                refusal = refused(d, by, sample(line.command))
                assert refusal.code == "evaluation.session.stage"
                assert refusal.kind is Kind.CONFLICT
                assert refusal.params["stage"] == stage
                assert refusal.rule == line.rule

    def test_a_command_by_another_role_is_refused(self) -> None:
        for line in TRANSITIONS:
            d = bare_at(min(line.stages))
            for role in set(Role) - line.roles:
                by = Actor("stranger", frozenset({role}), "532901", "expert-1")
                refusal = refused(d, by, sample(line.command))
                assert refusal.code == "evaluation.session.role"
                assert refusal.kind is Kind.FORBIDDEN

    def test_every_rule_that_is_cited_stands_in_the_book(self) -> None:
        from trading.rules.book import book

        assert {line.rule for line in TRANSITIONS} <= set(book().ids)

    def test_the_menu_is_read_from_the_table(self) -> None:
        assert "ApprovePause" in commands_for(Stage.PAUSE_REQUESTED, SUPERVISOR.roles)
        assert "ApprovePause" not in commands_for(Stage.PAUSE_REQUESTED, HOST.roles)
        assert commands_for(Stage.CLOSED, frozenset(Role)) == ("VoidSession",)
        assert commands_for(Stage.VOID, frozenset(Role)) == ()

    def test_forms_are_judged_all_at_once(self) -> None:
        d = bare_at(Stage.SEALING)
        refusal = refused(d, staff("532901"), c.Seal("532901", "!", "no digest"))
        assert [fault.pointer for fault in refusal.faults] == ["/number", "/photo"]


def sample(command: type[Any]) -> c.Command:
    """A well-formed command of the type; most of them make no sense where they are given."""
    digest = sha("sample")
    texts: dict[str, Any] = {"number": "YN-1", "kind": PauseKind.PLANNED, "cause": Cause.HEALTH}
    texts |= {"ground": Ground.NOT_QUALIFIED, "bids": BIDS, "ceiling": CEILING}
    texts |= {"expert_id": "expert-1", "centre_id": "532901", "round": 1, "reason": "test"}
    texts |= {
        "finding": SealFinding.INTACT,
        "is_present": True,
        "has_conflict": False,
        "k_permille": None,
    }
    texts |= {"substitute_id": "expert-9", "substitute_seat": "S9", "substitute_centre": "532901"}
    texts |= {"bidder": BIDDERS[0]}
    names = command.__dataclass_fields__
    values = {name: texts.get(name, digest) for name in names}
    if command is c.ReportIncident:
        values["kind"] = IncidentKind.FAULT
    made: c.Command = command(**values)
    return made


class TestArrival:
    """电子招标投标办法 第三十三条; 招标投标法 第三十七条; 条例 第四十六条、第四十八条."""

    def test_doors_open_an_hour_before_the_start(self) -> None:
        d = Bare(bare_state(starts_at=START + timedelta(minutes=61)))
        refusal = refused(d, HOST, c.OpenCheckIn())
        assert (refusal.code, refusal.kind) == ("evaluation.session.doors_closed", Kind.TOO_EARLY)
        d.pass_time(timedelta(minutes=1))
        d.do(HOST, c.OpenCheckIn())

    def test_the_review_waits_for_everybody(self) -> None:
        d = bare_at(Stage.CHECK_IN)
        d.do(HOST, c.EnterBids(BIDS, CEILING))
        for _, expert_id, centre_id in SEATS[:-1]:
            arrive_one(d, expert_id, centre_id)
        assert refused(d, HOST, c.BeginReview()).params["seat"] == "S5"
        arrive_one(d, "expert-5", "532300")
        d.do(HOST, c.BeginReview())

    def test_each_of_the_three_steps_is_needed(self) -> None:
        steps: list[tuple[Actor, c.Command]] = [
            (member("expert-5"), c.ReadDiscipline("expert-5", sha("discipline"))),
            (staff("532300"), c.CheckIn("expert-5", sha("5"))),
            (member("expert-5"), c.SignRecusal("expert-5", False, sha("5"))),
        ]
        for left_out in steps[0], steps[2]:
            d = bare_at(Stage.CHECK_IN)
            d.do(HOST, c.EnterBids(BIDS, CEILING))
            for _, expert_id, centre_id in SEATS[:-1]:
                arrive_one(d, expert_id, centre_id)
            for step in steps:
                if step is not left_out:
                    d.do(*step)
            assert refused(d, HOST, c.BeginReview()).code == "evaluation.session.not_admitted"

    def test_nobody_declares_before_he_was_identified(self) -> None:
        d = bare_at(Stage.CHECK_IN)
        refusal = refused(d, member("expert-1"), c.SignRecusal("expert-1", False, sha("x")))
        assert refusal.code == "evaluation.session.not_identified"

    def test_only_the_venue_of_the_seat_identifies(self) -> None:
        d = bare_at(Stage.CHECK_IN)
        refusal = refused(d, staff("530100"), c.CheckIn("expert-1", sha("x")))
        assert refusal.code == "evaluation.session.other_venue"

    def test_one_person_cannot_take_two_seats(self) -> None:
        d = bare_at(Stage.CHECK_IN)
        d.do(staff("532922"), c.CheckIn("expert-2", sha("the same face")))
        refusal = refused(d, staff("532922"), c.CheckIn("expert-3", sha("the same face")))
        assert refusal.code == "evaluation.session.identity_taken"

    def test_no_member_acts_for_another(self) -> None:
        d = bare_at(Stage.CHECK_IN)
        refusal = refused(d, member("expert-2"), c.ReadDiscipline("expert-1", sha("x")))
        assert (refusal.code, refusal.kind) == (
            "evaluation.session.not_own_seat",
            Kind.FORBIDDEN,
        )

    def test_a_conflict_blocks_and_asks_for_a_substitute(self) -> None:
        d = bare_at(Stage.CHECK_IN)
        d.do(HOST, c.EnterBids(BIDS, CEILING))
        for _, expert_id, centre_id in SEATS[1:]:
            arrive_one(d, expert_id, centre_id)
        d.do(member("expert-1"), c.ReadDiscipline("expert-1", sha("x")))
        d.do(staff("532901"), c.CheckIn("expert-1", sha("x")))
        d.do(member("expert-1"), c.SignRecusal("expert-1", True, sha("x")))
        assert d.events[-1].name == "substitution_asked"
        assert d.state.sitting[0].standing is Standing.BLOCKED
        refused(d, HOST, c.BeginReview())
        wrong = c.ReplaceMember("expert-1", Cause.HEALTH, "expert-6", "S1", "532301")
        assert refused(d, HOST, wrong).code == "evaluation.session.other_cause"
        d.do(HOST, c.ReplaceMember("expert-1", Cause.RECUSAL, "expert-6", "S1", "532301"))
        refused(d, HOST, c.BeginReview())
        arrive_one(d, "expert-6", "532301")
        d.do(HOST, c.BeginReview())

    def test_a_leaver_cannot_come_back_nor_act(self) -> None:
        d = bare_at(Stage.REVIEWING)
        d.do(HOST, c.ReplaceMember("expert-1", Cause.HEALTH, "expert-6", "S6", "532901"))
        again = c.ReplaceMember("expert-2", Cause.HEALTH, "expert-1", "S7", "532901")
        assert refused(d, HOST, again).code == "evaluation.session.was_member"
        assert refused(d, member("expert-1"), c.AskForTime("expert-1")).kind is Kind.NOT_FOUND
        taken = c.ReplaceMember("expert-2", Cause.HEALTH, "expert-7", "S3", "532901")
        assert refused(d, HOST, taken).code == "evaluation.session.seat_taken"

    def test_what_a_leaver_concluded_is_void(self) -> None:
        d = bare_at(Stage.REVIEWING)
        for expert_id in ("expert-1", "expert-2", "expert-3"):
            vote = c.VoteRejection(expert_id, BIDDERS[0], Ground.NOT_QUALIFIED)
            d.do(member(expert_id), vote)
        assert d.events[-1].name == "bid_rejected"
        d.do(member("expert-1"), c.SubmitScores("expert-1", d.draft("expert-1")))
        d.do(HOST, c.ReplaceMember("expert-1", Cause.ABSENT, "expert-6", "S1", "532901"))
        assert [vote.expert_id for vote in d.state.votes] == ["expert-2", "expert-3"]
        # Bid 1 counts again: a sheet submitted without it must be completed before the scores close.
        short = {**d.facts.sheets, "expert-2": SheetFacts(d.draft("expert-2"))}
        d.facts = replace(d.facts, sheets=short)
        d.do(member("expert-2"), c.SubmitScores("expert-2", d.draft("expert-2")))
        short["expert-2"] = SheetFacts(d.draft("expert-2"), missing=5)
        last = c.SubmitScores("expert-3", d.draft("expert-3"))
        refusal = refused(d, member("expert-3"), last)
        assert refusal.code == "evaluation.session.other_sheet"


class TestConclusion:
    """87号令 第六十四条: checked before anybody signs. 条例 第五十三条: dissent in writing."""

    @pytest.mark.parametrize(
        ("sheet", "code"),
        [
            (SheetFacts(sha("sheet expert-1"), missing=1), "evaluation.session.sheet_incomplete"),
            (SheetFacts(sha("sheet expert-1"), differs=1), "evaluation.session.objective_differs"),
            (SheetFacts(sha("other")), "evaluation.session.other_draft"),
        ],
    )
    def test_no_sheet_is_submitted_with_a_fault(self, sheet: SheetFacts, code: str) -> None:
        d = bare_at(Stage.REVIEWING)
        d.facts = replace(d.facts, sheets={**d.facts.sheets, "expert-1": sheet})
        submit = c.SubmitScores("expert-1", sha("sheet expert-1"))
        assert refused(d, member("expert-1"), submit).code == code

    def test_a_member_may_reopen_until_somebody_answered(self) -> None:
        d = bare_at(Stage.SCORED)
        d.do(HOST, c.FileReport())
        d.do(member("expert-1"), c.ReopenScores("expert-1", "objective"))
        assert (d.state.stage, d.state.report) == (Stage.REVIEWING, "")
        d.do(member("expert-1"), c.SubmitScores("expert-1", d.draft("expert-1")))
        d.do(HOST, c.FileReport())
        d.do(member("expert-2"), c.SignReport("expert-2", d.state.report))
        late = refused(d, member("expert-1"), c.ReopenScores("expert-1", "objective"))
        assert late.code == "evaluation.session.report_answered"

    def test_only_the_report_that_was_filed_is_signed(self) -> None:
        d = bare_at(Stage.SCORED)
        early = refused(d, member("expert-1"), c.SignReport("expert-1", sha("report")))
        assert early.code == "evaluation.session.no_report"
        d.do(HOST, c.FileReport())
        other = refused(d, member("expert-1"), c.SignReport("expert-1", sha("draft")))
        assert other.code == "evaluation.session.other_report"

    def test_too_few_valid_bids_must_be_argued(self) -> None:
        d = bare_at(Stage.SCORED)
        d.facts = replace(d.facts, is_short=True)
        refusal = refused(d, HOST, c.FileReport())
        assert (refusal.code, refusal.params["least"]) == ("evaluation.session.argument_needed", 3)
        d.do(HOST, c.FileReport(sha("argument")))
        assert d.state.argument == sha("argument")

    def test_everybody_answers_and_silence_is_consent(self) -> None:
        d = bare_at(Stage.REPORTED)
        answers = [m.answer for m in d.state.sitting]
        assert answers == [Answer.SIGNED] * 3 + [Answer.SILENT, Answer.DISSENT]
        assert d.events[-1].data["dissents"] == 1

    def test_silence_is_recorded_by_somebody_else(self) -> None:
        d = bare_at(Stage.SCORED)
        d.do(HOST, c.FileReport())
        member_on_staff = Actor("y", frozenset({Role.STAFF}), "532901", party_id="expert-1")
        refusal = refused(d, member_on_staff, c.RecordSilence("expert-2"))
        assert refusal.code == "evaluation.session.member_of_committee"

    def test_the_price_ceiling_is_not_voted_on(self) -> None:
        d = bare_at(Stage.REVIEWING)
        vote = c.VoteRejection("expert-1", BIDDERS[0], Ground.OVER_CEILING)
        assert refused(d, member("expert-1"), vote).code == "evaluation.session.not_voted"
        unknown = c.VoteRejection("expert-1", "nobody", Ground.COLLUSION)
        assert refused(d, member("expert-1"), unknown).kind is Kind.NOT_FOUND

    def test_more_than_half_reject(self) -> None:
        d = bare_at(Stage.REVIEWING)
        for expert_id in ("expert-1", "expert-2"):
            d.do(member(expert_id), c.VoteRejection(expert_id, BIDDERS[1], Ground.NOT_RESPONSIVE))
        d.do(member("expert-3"), c.VoteRejection("expert-3", BIDDERS[1], Ground.COLLUSION))
        assert "bid_rejected" not in [event.name for event in d.events]
        d.do(member("expert-3"), c.VoteRejection("expert-3", BIDDERS[1], Ground.NOT_RESPONSIVE))
        assert d.events[-1].data == {"bidder": BIDDERS[1], "ground": "NOT_RESPONSIVE"}

    def test_bids_are_entered_once_and_sound(self) -> None:
        d = bare_at(Stage.CHECK_IN)
        twice = refused(d, HOST, c.EnterBids((BIDS[0], BIDS[0]), CEILING))
        assert [fault.code for fault in twice.faults] == ["evaluation.session.bidder_twice"]
        d.do(HOST_2, c.EnterBids(BIDS, CEILING))
        assert refused(d, HOST, c.EnterBids(BIDS, CEILING)).code.endswith("already_entered")
