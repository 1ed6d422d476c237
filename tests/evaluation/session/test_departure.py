"""A member leaves in whatever stage: his conclusions are void, and nothing is concluded without his seat."""

from datetime import timedelta

import pytest

from archive.actor import Actor, Role
from archive.errors import Kind
from evaluation.ranking import Ground
from evaluation.session import commands as c
from evaluation.session.state import Answer, Cause, IncidentKind, PauseKind, Stage, Standing
from tests.builders import SUPERVISOR
from tests.evaluation.course import (
    BIDDERS,
    HOST,
    SEATS,
    TENDERER,
    Bare,
    arrive_one,
    bare_at,
    member,
    refused,
    sha,
    staff,
)

LEAVER = "expert-2"
GONE = c.RemoveMember(LEAVER, Cause.HEALTH)
COMES = c.ReplaceMember(LEAVER, Cause.HEALTH, "expert-6", "S2", "532922")


def stage_of(d: Bare) -> Stage:
    return d.state.stage


def scored() -> Bare:
    d = bare_at(Stage.SCORED)
    d.do(HOST, c.FileReport())
    return d


class TestDeparture:
    """招标投标法实施条例 第四十八条: a changed member's conclusions are void; his substitute judges anew."""

    def test_what_he_concluded_is_void_at_once(self) -> None:
        d = bare_at(Stage.REVIEWING)
        d.do(member(LEAVER), c.VoteRejection(LEAVER, BIDDERS[0], Ground.NOT_QUALIFIED))
        d.do(member(LEAVER), c.SubmitScores(LEAVER, d.draft(LEAVER)))
        d.do(HOST, GONE)
        left = d.state.member(LEAVER)
        assert left is not None
        assert (left.standing, left.submitted, d.state.votes) == (Standing.BLOCKED, "", ())
        assert [e.name for e in d.events[-2:]] == ["member_removed", "substitution_asked"]

    def test_nothing_is_concluded_until_the_substitute_has_judged(self) -> None:
        d = bare_at(Stage.REVIEWING)
        d.do(HOST, GONE)
        again = refused(d, member(LEAVER), c.SubmitScores(LEAVER, d.draft(LEAVER)))
        assert again.code == "evaluation.session.not_admitted"
        for _, expert_id, _ in SEATS:
            if expert_id != LEAVER:
                d.do(member(expert_id), c.SubmitScores(expert_id, d.draft(expert_id)))
        assert stage_of(d) is Stage.REVIEWING
        assert refused(d, HOST, c.FileReport()).code == "evaluation.session.stage"
        d.do(HOST, COMES)
        arrive_one(d, "expert-6", "532922")
        d.fill()
        d.do(member("expert-6"), c.SubmitScores("expert-6", d.draft("expert-6")))
        assert stage_of(d) is Stage.SCORED

    def test_a_filed_report_falls_with_the_answers_to_it(self) -> None:
        d = scored()
        d.do(member("expert-1"), c.SignReport("expert-1", d.state.report))
        d.do(member("expert-3"), c.DissentReport("expert-3", d.state.report, sha("reasons")))
        d.do(HOST, GONE)
        assert stage_of(d) is Stage.REVIEWING
        assert d.state.report == ""
        assert {m.answer for m in d.state.members} == {Answer.OPEN}
        assert {m.statement for m in d.state.members} == {""}
        assert d.events[-1].name == "report_void"

    def test_a_signed_report_falls_too_but_a_closed_session_is_not_mended(self) -> None:
        d = scored()
        for _, expert_id, _ in SEATS:
            d.do(member(expert_id), c.SignReport(expert_id, d.state.report))
        closed = Bare(d.state, d.now, d.facts)
        closed.do(HOST, c.Close())
        assert refused(closed, HOST, GONE).code == "evaluation.session.stage"
        d.do(HOST, GONE)
        assert (d.state.stage, d.state.report) == (Stage.REVIEWING, "")

    def test_a_closed_session_may_still_be_declared_void(self) -> None:
        """条例 第八十一条: another committee begins afresh; the supervisor alone says so."""
        d = scored()
        for _, expert_id, _ in SEATS:
            d.do(member(expert_id), c.SignReport(expert_id, d.state.report))
        d.do(HOST, c.Close())
        assert refused(d, HOST, c.VoidSession("late-hit")).kind is Kind.FORBIDDEN
        d.do(SUPERVISOR, c.VoidSession("late-hit"))
        assert stage_of(d) is Stage.VOID
        assert refused(d, SUPERVISOR, c.VoidSession("late-hit")).kind is Kind.CONFLICT

    def test_during_an_incident_the_scores_do_not_come_back(self) -> None:
        d = scored()
        d.do(HOST, c.ReportIncident(IncidentKind.FAULT, "power"))
        d.do(HOST, GONE)
        assert (d.state.stage, d.state.report) == (Stage.INCIDENT, "")
        d.pass_time(timedelta(minutes=5))
        d.do(SUPERVISOR, c.ResolveFault())
        assert stage_of(d) is Stage.REVIEWING

    def test_the_last_whose_lock_was_awaited(self) -> None:
        """Else nobody would ever seal."""
        d = bare_at(Stage.REVIEWING)
        d.do(TENDERER, c.RequestPause(PauseKind.PLANNED, "evening"))
        d.do(SUPERVISOR, c.ApprovePause())
        for _, expert_id, _ in SEATS:
            if expert_id != LEAVER:
                d.do(member(expert_id), c.LockSheet(expert_id, d.draft(expert_id)))
        assert stage_of(d) is Stage.PAUSE_APPROVED
        d.do(HOST, GONE)
        assert stage_of(d) is Stage.SEALING
        assert refused(d, HOST, COMES).code == "evaluation.session.stage"

    @pytest.mark.parametrize("stage", [Stage.SCHEDULED, Stage.CHECK_IN, Stage.SEALED_OVERNIGHT])
    def test_before_the_review_and_at_night(self, stage: Stage) -> None:
        d = bare_at(stage)
        d.do(HOST, GONE)
        assert stage_of(d) is stage
        d.do(HOST, COMES)
        assert d.state.sitting[1].expert_id == "expert-6"

    def test_who_may_and_only_once(self) -> None:
        d = bare_at(Stage.REVIEWING)
        both = Actor("both", frozenset({Role.STAFF, Role.EXPERT}), "532901", "expert-1")
        for by in (staff("530100"), both, member(LEAVER)):
            assert refused(d, by, GONE).kind is Kind.FORBIDDEN
        d.do(SUPERVISOR, GONE)
        assert refused(d, HOST, GONE).code == "evaluation.session.blocked"
        wrong = c.ReplaceMember(LEAVER, Cause.ABSENT, "expert-6", "S2", "532922")
        assert refused(d, HOST, wrong).code == "evaluation.session.other_cause"
