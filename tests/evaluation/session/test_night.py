"""The night: time, seals, presence, resumption and faults, on the bare machine."""

from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest

from archive.actor import Actor, Role
from archive.clock import SHANGHAI
from archive.digests import sm3
from archive.errors import Kind, Refusal
from evaluation.session import commands as c
from evaluation.session.machine import apply, check_may_read, check_may_write
from evaluation.session.rules import rules_on
from evaluation.session.state import (
    Cause,
    IncidentKind,
    PauseKind,
    SealFinding,
    SheetFacts,
    Stage,
)
from tests.builders import SUPERVISOR
from tests.evaluation.course import (
    DAY,
    HOST,
    RULES,
    TENDERER,
    WITNESS,
    Bare,
    arrive,
    arrive_one,
    assert_said,
    bare_at,
    bare_state,
    member,
    refused,
    resume,
    seal_all,
    sha,
    sleep,
    spend_night,
    staff,
    unseal_all,
)
from trading.regime import Regime


class TestTime:
    """条例 第四十八条: more than a third of the members."""

    def test_two_of_five_are_more_than_a_third_and_one_is_not(self) -> None:
        d = bare_at(Stage.REVIEWING)
        d.do(member("expert-1"), c.AskForTime("expert-1"))
        refusal = refused(d, TENDERER, c.RequestPause(PauseKind.AD_HOC, "long"))
        assert refusal.rule == "session.extend_share"
        d.do(member("expert-2"), c.AskForTime("expert-2"))
        d.do(TENDERER, c.RequestPause(PauseKind.AD_HOC, "long"))

    def test_exactly_a_third_is_not_more(self) -> None:
        state = bare_state()
        d = Bare(replace(state, members=state.members[:3], stage=Stage.REVIEWING))
        admitted = replace(d.state.members[0], asks_for_time=True)
        d.state = replace(d.state, members=(admitted, *d.state.members[1:]))
        refusal = refused(d, TENDERER, c.RequestPause(PauseKind.AD_HOC, "long"))
        assert (refusal.params["asking"], refusal.params["members"]) == (1, 3)

    def test_nobody_asks_twice(self) -> None:
        d = bare_at(Stage.REVIEWING)
        d.do(member("expert-1"), c.AskForTime("expert-1"))
        code = refused(d, member("expert-1"), c.AskForTime("expert-1")).code
        assert code == "evaluation.session.already"

    def test_a_night_that_was_not_planned_needs_the_members(self) -> None:
        d = Bare(bare_state(overnight=False))
        arrive(d)
        refusal = refused(d, TENDERER, c.RequestPause(PauseKind.PLANNED, "evening"))
        assert refusal.code == "evaluation.session.not_planned"

    @pytest.mark.parametrize(("after", "allowed"), [(6, False), (7, True), (8, True)])
    def test_a_planned_night_is_asked_for_in_time(self, after: int, allowed: bool) -> None:
        """Five working days where the rule asks for them: a Monday to the next one."""
        rules = rules_on(DAY, Regime.ZTB, "310000")
        assert (rules.night_notice, RULES.night_notice) == (5, 0)
        d = bare_at(Stage.REVIEWING)
        monday = date(2026, 10, 19)
        d.state = replace(d.state, ruled_on=monday)
        now = datetime(2026, 10, 19, 10, tzinfo=SHANGHAI) + timedelta(days=after)
        command = c.RequestPause(PauseKind.PLANNED, "evening")
        if allowed:
            state, _ = apply(d.state, command, TENDERER, now, rules, d.facts)
            assert state.stage is Stage.PAUSE_REQUESTED
            return
        with pytest.raises(Refusal) as caught:
            apply(d.state, command, TENDERER, now, rules, d.facts)
        assert caught.value.rule == "session.night_notice"
        assert caught.value.params["first"] == "2026-10-26"

    def test_the_supervisor_may_say_no(self) -> None:
        d = bare_at(Stage.PAUSE_REQUESTED)
        d.do(SUPERVISOR, c.RefusePause("enough-time"))
        assert d.state.stage is Stage.REVIEWING
        assert d.state.nights == ()


class TestTheSeals:
    """Two persons at every venue, evening and morning; what differs is an incident."""

    def test_who_sealed_does_not_witness(self) -> None:
        d = bare_at(Stage.SEALING)
        d.do(staff("532901"), c.Seal("532901", "YN-0001", sha("photo")))
        refusal = refused(d, staff("532901"), c.WitnessSeal("532901", "YN-0001"))
        assert (refusal.code, refusal.rule) == (
            "evaluation.session.two_persons",
            "session.two_persons",
        )

    def test_a_member_neither_seals_nor_witnesses(self) -> None:
        d = bare_at(Stage.SEALING)
        both = Actor("x", frozenset({Role.EXPERT, Role.STAFF}), "532901", party_id="expert-1")
        refusal = refused(d, both, c.Seal("532901", "YN-0001", sha("photo")))
        assert refusal.code == "evaluation.session.member_of_committee"

    def test_a_seal_is_used_once(self) -> None:
        d = bare_at(Stage.SEALING)
        d.do(staff("532901"), c.Seal("532901", "YN-0001", sha("photo")))
        refusal = refused(d, staff("532922"), c.Seal("532922", "YN-0001", sha("photo")))
        assert refusal.code == "evaluation.session.seal_used"

    def test_not_even_in_another_night(self) -> None:
        d = bare_at(Stage.REVIEWING)
        spend_night(d)
        d.do(TENDERER, c.RequestPause(PauseKind.PLANNED, "evening"))
        d.do(SUPERVISOR, c.ApprovePause())
        for m in d.state.sitting:
            d.do(member(m.expert_id), c.LockSheet(m.expert_id, d.draft(m.expert_id)))
        old = d.state.nights[0].seals[0].number
        refusal = refused(d, staff("532901"), c.Seal("532901", old, sha("photo")))
        assert refusal.code == "evaluation.session.seal_used"

    def test_the_night_begins_when_every_venue_is_sealed(self) -> None:
        d = bare_at(Stage.SEALING)
        assert d.state.night.venues == ("530100", "532300", "532901", "532922")
        for venue in d.state.night.venues:
            assert d.state.stage is Stage.SEALING
            d.do(staff(venue), c.Seal(venue, f"YN-{venue}", sha(venue)))
            d.do(WITNESS, c.WitnessSeal(venue, f"YN-{venue}"))
        assert d.state.stage is Stage.SEALED_OVERNIGHT

    def test_the_witness_reads_the_number_himself(self) -> None:
        d = bare_at(Stage.SEALING)
        d.do(staff("532901"), c.Seal("532901", "YN-0001", sha("photo")))
        refusal = refused(d, WITNESS, c.WitnessSeal("532901", "YN-0007"))
        assert refusal.code == "evaluation.session.other_number"

    @pytest.mark.parametrize(
        ("number", "finding", "kind"),
        [
            ("YN-1-530100", SealFinding.BROKEN, IncidentKind.SEAL_BROKEN),
            ("YN-1-530199", SealFinding.OTHER_NUMBER, IncidentKind.SEAL_DIFFERS),
        ],
    )
    def test_a_seal_that_is_not_as_it_was_is_an_incident(
        self, number: str, finding: SealFinding, kind: IncidentKind
    ) -> None:
        d = bare_at(Stage.SEALED_OVERNIGHT)
        d.do(staff("530100"), c.Unseal("530100", number, sha("morning"), finding))
        assert d.state.stage is Stage.INCIDENT
        assert d.state.incidents[-1].kind is kind
        refusal = refused(d, SUPERVISOR, c.ResolveFault())
        assert refusal.code == "evaluation.session.not_mendable"
        d.do(SUPERVISOR, c.VoidSession("seal"))
        assert d.events[-1].name == "voided"

    @pytest.mark.parametrize(
        ("number", "finding", "code"),
        [
            ("YN-1-530190", SealFinding.INTACT, "read_again"),
            ("YN-1-530190", SealFinding.BROKEN, "read_again"),
            ("YN-1-530100", SealFinding.OTHER_NUMBER, "same_number"),
        ],
    )
    def test_a_slip_ends_no_review(self, number: str, finding: SealFinding, code: str) -> None:
        d = bare_at(Stage.SEALED_OVERNIGHT)
        refusal = refused(d, staff("530100"), c.Unseal("530100", number, sha("morning"), finding))
        assert refusal.code == f"evaluation.session.{code}"
        assert not d.state.incidents
        d.do(staff("530100"), c.Unseal("530100", "YN-1-530100", sha("photo"), SealFinding.INTACT))
        refusal = refused(d, WITNESS, c.WitnessUnseal("530100", number, finding))
        assert refusal.code == f"evaluation.session.{code}"
        assert not d.state.incidents

    def test_the_record_says_a_number_only_after_both_have_read_it(self) -> None:
        """Whoever follows the record could otherwise witness a seal that he has not seen."""
        d = bare_at(Stage.SEALING)
        before = len(d.events)
        d.do(staff("530100"), c.Seal("530100", "YN-9-530100", sha("evening")))
        assert "YN-9-530100" not in str(d.events[before:])
        d.do(WITNESS, c.WitnessSeal("530100", "YN-9-530100"))
        assert "YN-9-530100" in str(d.events[before:])

    def test_what_the_second_person_sees_counts_too(self) -> None:
        d = bare_at(Stage.SEALED_OVERNIGHT)
        d.do(staff("530100"), c.Unseal("530100", "YN-1-530100", sha("morning"), SealFinding.INTACT))
        same = refused(
            d, staff("530100"), c.WitnessUnseal("530100", "YN-1-530100", SealFinding.INTACT)
        )
        assert same.code == "evaluation.session.two_persons"
        d.do(WITNESS, c.WitnessUnseal("530100", "YN-1-530100", SealFinding.BROKEN))
        assert d.state.stage is Stage.INCIDENT

    def test_a_draft_that_changed_at_night_is_an_incident(self) -> None:
        d = bare_at(Stage.SEALED_OVERNIGHT)
        d.facts = replace(d.facts, sheets={**d.facts.sheets, "expert-4": SheetFacts(sha("forged"))})
        d.do(staff("530100"), c.Unseal("530100", "YN-1-530100", sha("morning"), SealFinding.INTACT))
        d.do(WITNESS, c.WitnessUnseal("530100", "YN-1-530100", SealFinding.INTACT))
        assert d.state.stage is Stage.INCIDENT
        assert d.state.incidents[-1].detail == "S4"

    def test_and_so_is_one_that_changes_between_unsealing_and_resuming(self) -> None:
        d = bare_at(Stage.UNSEALING)
        d.facts = replace(d.facts, sheets={**d.facts.sheets, "expert-1": SheetFacts(sha("forged"))})
        resume(d)
        assert d.state.stage is Stage.INCIDENT
        assert d.state.incidents[-1].kind is IncidentKind.SHEET_DIFFERS

    def test_only_the_draft_that_is_stored_can_be_locked(self) -> None:
        d = bare_at(Stage.PAUSE_APPROVED)
        refusal = refused(d, member("expert-1"), c.LockSheet("expert-1", sha("another window")))
        assert refusal.code == "evaluation.session.other_draft"


class TestTheNight:
    def test_presence_rounds_cannot_be_replayed(self) -> None:
        d = bare_at(Stage.SEALED_OVERNIGHT)
        d.do(staff("532901"), c.CheckPresence("expert-1", 1, True))
        refusal = refused(d, staff("532901"), c.CheckPresence("expert-1", 1, True))
        assert refusal.params["round"] == 2

    def test_who_is_missing_must_be_found_or_replaced(self) -> None:
        d = bare_at(Stage.SEALED_OVERNIGHT)
        d.do(staff("532901"), c.CheckPresence("expert-1", 1, False))
        unseal_all(d)
        again = c.RecheckIdentity("expert-1", sha("identity expert-1"))
        assert refused(d, staff("532901"), again).code == "evaluation.session.missing"
        d.do(staff("532901"), c.CheckPresence("expert-1", 2, True))
        resume(d)
        assert d.state.stage is Stage.REVIEWING

    def test_another_person_in_the_morning_is_sent_away(self) -> None:
        d = bare_at(Stage.UNSEALING)
        d.do(staff("532901"), c.RecheckIdentity("expert-1", sha("twin brother")))
        assert d.state.sitting[0].cause is Cause.IDENTITY
        assert d.events[-1].name == "substitution_asked"
        d.do(HOST, c.ReplaceMember("expert-1", Cause.IDENTITY, "expert-6", "S1", "532901"))
        assert refused(d, HOST, c.Resume()).code == "evaluation.session.not_admitted"
        arrive_one(d, "expert-6", "532901")
        resume(d)
        assert d.state.stage is Stage.REVIEWING

    def test_nobody_resumes_unidentified_or_under_seal(self) -> None:
        d = bare_at(Stage.UNSEALING)
        assert refused(d, HOST, c.Resume()).code == "evaluation.session.not_rechecked"
        d = bare_at(Stage.SEALED_OVERNIGHT)
        d.do(staff("530100"), c.Unseal("530100", "YN-1-530100", sha("morning"), SealFinding.INTACT))
        assert refused(d, HOST, c.Resume()).code == "evaluation.session.still_sealed"

    def test_yesterdays_identity_check_does_not_count(self) -> None:
        d = bare_at(Stage.REVIEWING)
        spend_night(d)
        assert all(m.is_rechecked for m in d.state.sitting)
        d.facts = replace(d.facts)
        d.do(TENDERER, c.RequestPause(PauseKind.PLANNED, "evening"))
        d.do(SUPERVISOR, c.ApprovePause())
        for m in d.state.sitting:
            d.do(member(m.expert_id), c.LockSheet(m.expert_id, d.draft(m.expert_id)))
        seal_all(d)
        sleep(d)
        unseal_all(d)
        assert refused(d, HOST, c.Resume()).code == "evaluation.session.not_rechecked"

    @pytest.mark.parametrize("stage", list(Stage))
    def test_sheets_are_writable_while_the_review_goes_on_and_never_at_night(
        self, stage: Stage
    ) -> None:
        d = bare_at(stage)
        writable = {Stage.REVIEWING, Stage.PAUSE_REQUESTED, Stage.PAUSE_APPROVED}
        if stage in writable:
            check_may_write(d.state, "expert-1", member("expert-1"), d.now, RULES)
        else:
            with pytest.raises(Refusal):
                check_may_write(d.state, "expert-1", member("expert-1"), d.now, RULES)

    def test_a_locked_sheet_is_closed_before_the_seal(self) -> None:
        d = bare_at(Stage.PAUSE_APPROVED)
        d.do(member("expert-1"), c.LockSheet("expert-1", d.draft("expert-1")))
        with pytest.raises(Refusal) as caught:
            check_may_write(d.state, "expert-1", member("expert-1"), d.now, RULES)
        assert caught.value.code == "evaluation.session.sheet_locked"


class TestFaults:
    """Mended within four hours the review goes on; otherwise a new committee."""

    def test_mended_in_time(self) -> None:
        d = bare_at(Stage.SEALED_OVERNIGHT)
        d.do(HOST, c.ReportIncident(IncidentKind.FAULT, "power"))
        d.pass_time(timedelta(hours=4))
        d.do(SUPERVISOR, c.ResolveFault())
        assert d.state.stage is Stage.SEALED_OVERNIGHT

    def test_too_late(self) -> None:
        d = bare_at(Stage.REVIEWING)
        d.do(HOST, c.ReportIncident(IncidentKind.FAULT, "power"))
        d.pass_time(timedelta(hours=4, milliseconds=1))
        refusal = refused(d, SUPERVISOR, c.ResolveFault())
        assert (refusal.kind, refusal.rule) == (Kind.TOO_LATE, "session.fault_hours")

    def test_a_broken_seal_is_reported_at_night_only(self) -> None:
        d = bare_at(Stage.REVIEWING)
        broken = c.ReportIncident(IncidentKind.SEAL_BROKEN, "patrol")
        assert refused(d, HOST, broken).code == "evaluation.session.incident_kind"
        d = bare_at(Stage.SEALED_OVERNIGHT)
        d.do(HOST, broken)
        assert d.state.stage is Stage.INCIDENT


class TestTheLogicalSeal:
    """`session.two_persons`, `session.lock`: what is sealed is kept by a named person, and nobody of
    the committee reads or writes until it resumes."""

    def test_custody(self) -> None:
        d = bare_at(Stage.SEALING)
        venue = d.state.night.venues[0]
        refusal = refused(d, staff(venue), c.Seal(venue, "YN-9", sha("photo"), "expert-1"))
        assert refusal.code == "evaluation.session.custodian"
        d.do(staff(venue), c.Seal(venue, "YN-9-1", sha("photo"), "keeper-7"))
        seal = d.state.night.seal_of(venue)
        assert seal is not None
        assert seal.custodian == "keeper-7"
        assert d.events[-1].data["custodian"] == "keeper-7"

    def test_rights_are_revoked_and_restored(self) -> None:
        d = bare_at(Stage.SEALED_OVERNIGHT)
        assert d.events[-1].name == "rights_revoked"
        with pytest.raises(Refusal, match="rights_revoked"):
            check_may_read(d.state, "expert-1")
        check_may_read(d.state, "somebody else")
        d = bare_at(Stage.UNSEALING)
        with pytest.raises(Refusal) as caught:
            check_may_read(d.state, "expert-1")
        assert_said(caught.value)
        resume(d)
        assert d.events[-1].name == "rights_restored"
        check_may_read(d.state, "expert-1")

    def test_an_incident_of_the_night_lifts_nothing(self) -> None:
        d = bare_at(Stage.SEALED_OVERNIGHT)
        d.do(HOST, c.ReportIncident(IncidentKind.FAULT, "power"))
        with pytest.raises(Refusal, match="rights_revoked"):
            check_may_read(d.state, "expert-1")
        d = bare_at(Stage.REVIEWING)
        d.do(HOST, c.ReportIncident(IncidentKind.FAULT, "power"))
        check_may_read(d.state, "expert-1")

    def test_a_members_own_word_does_not_replace_the_escorts_check(self) -> None:
        d = bare_at(Stage.SEALED_OVERNIGHT)
        d.do(member("expert-1"), c.ConfirmPresence("expert-1"))
        assert d.events[-1].name == "presence_confirmed"
        assert d.state.night.presence == ()
        refused(d, member("expert-2"), c.ConfirmPresence("expert-1"))


def test_sm3_is_that_of_the_standard() -> None:
    """GB/T 32905-2016, appendix A.1: the digest of "abc"."""
    assert sm3(b"abc") == "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"
