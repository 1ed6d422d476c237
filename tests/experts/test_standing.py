"""The course through the pool: every step by its rule and person, and what holds on any past day."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive.actor import Actor, Role
from archive.clock import DrivenClock
from archive.errors import Kind, Refusal
from archive.journal import service as journal
from archive.office import Office
from experts.pool import service as pool
from experts.pool.expert import Status, Title
from experts.pool.standing import service as standing
from experts.pool.standing.history import (
    NOT_POOLED,
    Act,
    Cause,
    Line,
    Stage,
    eligible_on,
    enrolment_of,
    first_break,
    standing_on,
)
from experts.pool.standing.machine import (
    FROM,
    Amend,
    Apply,
    Assess,
    Certify,
    Command,
    Course,
    Enrol,
    Leave,
    Penalise,
    Return,
    Review,
    Suspend,
    Train,
    apply,
    course_of,
)
from tests.builders import POOL_OFFICE, START, SUPERVISOR, expert, make_office
from tests.experts.world import TODAY, employer, make_expert, make_pool
from trading.regime import Regime

SECOND = Actor("pool-2", frozenset({Role.POOL}))
RULES = standing.rules_on(TODAY)
PATH: tuple[tuple[Command, Actor], ...] = (
    (Apply(make_expert(1)), POOL_OFFICE),
    (Review(is_admitted=True), SECOND),
    (Train(8), POOL_OFFICE),
    (Certify("证-0001"), POOL_OFFICE),
    (Enrol(), POOL_OFFICE),
)


def walk(
    *steps: tuple[Command, Actor], on: date = TODAY, lines: list[Line] | None = None
) -> list[Line]:
    """The lines of these commands, all on one day."""
    told = list(lines or [])
    for command, actor in steps:
        at = datetime(on.year, on.month, on.day, 1, tzinfo=UTC) + timedelta(minutes=len(told))
        told.append(apply(course_of("E0001", told), command, actor, at, on, RULES))
    return told


def refused(
    *steps: tuple[Command, Actor], on: date = TODAY, lines: list[Line] | None = None
) -> Refusal:
    with pytest.raises(Refusal) as found:
        walk(*steps, on=on, lines=lines)
    return found.value


class TestCourse:
    """招标投标法实施条例 第四十五条;发改法规规〔2022〕1117号(十四)."""

    def test_from_application_to_enrolment(self) -> None:
        lines = walk(*PATH)
        assert [line.act for line in lines] == [
            Act.APPLIED, Act.ADMITTED, Act.TRAINED, Act.CERTIFIED, Act.ENROLLED,
        ]  # fmt: skip
        assert [line.rule for line in lines] == [
            "pool.application", "pool.review", "pool.training_hours_min", "expert.tenure_years",
            "pool.enrolment",
        ]  # fmt: skip
        held = standing_on(lines, TODAY).expert
        assert held is not None
        assert held.certified_until == date(2029, 10, 21)
        assert held.enrolled_on == TODAY
        assert first_break(lines) is None

    def test_whoever_files_does_not_review(self) -> None:
        found = refused(PATH[0], (Review(is_admitted=True), POOL_OFFICE))
        assert found.code == "archive.actor.two_persons"

    @pytest.mark.parametrize(
        ("changes", "codes"),
        [
            ({"field_years": 7, "title_level": Title.MIDDLE}, {"field_years"}),
            ({"title_level": Title.JUNIOR}, {"title"}),
            ({"born": date(1956, 10, 21)}, {"age"}),
            ({"field_years": 8, "title_level": Title.MIDDLE}, set()),
            ({"field_years": 2, "title_level": Title.SENIOR}, set()),
        ],
    )
    def test_conditions_of_entry(self, changes: dict[str, Any], codes: set[str]) -> None:
        """招标投标法 第三十七条; 财库〔2016〕198号 第六条 lets in whom the other would not."""
        steps = (
            (Apply(make_expert(1, **changes)), POOL_OFFICE),
            (Review(is_admitted=True), SECOND),
        )
        if not codes:
            assert walk(*steps)[-1].act is Act.ADMITTED
            return
        found = refused(*steps)
        assert {f.code.removeprefix("experts.eligibility.") for f in found.faults} == codes
        assert all(fault.rule for fault in found.faults)

    def test_a_refusal_states_grounds_and_may_be_appealed(self) -> None:
        assert refused(PATH[0], (Review(is_admitted=False), SECOND)).code.endswith("grounds")
        line = walk(PATH[0], (Review(False, "材料不实(示例)"), SECOND))[-1]
        assert line.appeal_until == TODAY + timedelta(days=60)
        assert walk(PATH[0], (Review(False, "材料不实"), SECOND), *PATH)[-1].act is Act.ENROLLED

    def test_too_few_hours(self) -> None:
        found = refused(*PATH[:2], (Train(7), POOL_OFFICE))
        assert (found.code, found.rule) == ("experts.standing.hours", "pool.training_hours_min")

    @pytest.mark.parametrize("command", list(FROM))
    def test_from_no_other_stage(self, command: type[Any]) -> None:
        """Every command, from every stage that the table does not name."""
        commands: dict[type[Any], Command] = {
            Apply: Apply(make_expert(1)), Review: Review(True), Train: Train(9),
            Certify: Certify("1"), Enrol: Enrol(), Assess: Assess(2026, True),
            Suspend: Suspend(Cause.HEALTH, "x"), Return: Return(), Leave: Leave(Cause.WISH),
            Amend: Amend({"years": 9}), Penalise: Penalise("x"),
        }  # fmt: skip
        for stage in {None, *Stage} - FROM[command]:
            course = Course("E0001", stage, facts=make_expert(1).facts())
            with pytest.raises(Refusal) as found:
                apply(course, commands[command], POOL_OFFICE, START, TODAY, RULES)
            assert (found.value.code, found.value.kind) == ("experts.standing.stage", Kind.CONFLICT)


class TestInThePool:
    LINES = walk(*PATH, on=date(2026, 1, 5))

    def test_suspension_and_return(self) -> None:
        lines = walk((Suspend(Cause.HEALTH, "手术(示例)"), POOL_OFFICE), lines=self.LINES)
        assert lines[-1].appeal_until is not None
        lines = walk((Return(), POOL_OFFICE), on=TODAY + timedelta(days=30), lines=lines)
        for on, stage in (
            (date(2026, 1, 4), None),
            (date(2026, 1, 5), Stage.ACTIVE),
            (TODAY, Stage.SUSPENDED),
            (TODAY + timedelta(days=30), Stage.ACTIVE),
        ):
            assert standing_on(lines, on).stage is stage

    def test_a_failed_assessment_suspends(self) -> None:
        lines = walk((Assess(2026, False, "两次迟到(示例)"), POOL_OFFICE), lines=self.LINES)
        assert (lines[-1].act, lines[-1].rule) == (Act.SUSPENDED, "pool.assessment_failed")
        found = refused((Assess(2026, True), POOL_OFFICE), lines=lines)
        assert found.code == "experts.standing.assessed"

    def test_a_failed_assessment_ends_it_elsewhere(self) -> None:
        """重庆市招标投标条例 第二十七条."""
        rules = standing.rules_on(TODAY, "500000")
        course = course_of("E0001", self.LINES)
        line = apply(course, Assess(2026, False, "x"), POOL_OFFICE, START, TODAY, rules)
        assert (line.act, line.cause) == (Act.LEFT, Cause.ASSESSMENT)

    def test_out_by_age_on_the_birthday_and_not_before(self) -> None:
        """重庆市招标投标条例 第二十七条(一)."""
        birthday = date(2040, 1, 2)
        old = (Leave(Cause.AGE), POOL_OFFICE)
        assert refused(old, on=birthday - timedelta(days=1), lines=self.LINES).code.endswith(
            "not_old"
        )
        lines = walk(old, on=birthday, lines=self.LINES)
        assert lines[-1].rule == "expert.age_max"
        assert refused((Return(), POOL_OFFICE), on=birthday, lines=lines).code.endswith("too_old")

    def test_removed_for_misconduct_is_for_good(self) -> None:
        """招标投标法实施条例 第七十二条."""
        lines = walk((Leave(Cause.DISCIPLINE, "收受财物(示例)"), SUPERVISOR), lines=self.LINES)
        for command in (Return(), Apply(make_expert(1))):
            found = refused((command, POOL_OFFICE), lines=lines)
            assert found.rule == "pool.return_after_discipline"

    def test_by_his_own_wish(self) -> None:
        own, other = expert("E0001"), expert("E0002")
        assert walk((Leave(Cause.WISH), own), lines=self.LINES)[-1].appeal_until is None
        assert refused((Leave(Cause.WISH), other), lines=self.LINES).kind is Kind.FORBIDDEN
        assert refused((Leave(Cause.DISCIPLINE, "x"), own), lines=self.LINES).kind is Kind.FORBIDDEN

    def test_he_says_what_excludes_him_and_no_more(self) -> None:
        own = expert("E0001")
        assert walk((Amend({"declared": [employer(9)]}), own), lines=self.LINES)[-1].changes
        for changes in ({"title": 4}, {"specialties": ["C1210"]}, {"years": 40}):
            assert refused((Amend(changes), own), lines=self.LINES).kind is Kind.FORBIDDEN
        found = refused((Amend({"born": "1990-01-01"}), POOL_OFFICE), lines=self.LINES)
        assert found.code == "experts.standing.facts"

    def test_a_penalty_is_the_supervisors(self) -> None:
        """招标投标法实施条例 第七十一条."""
        assert refused((Penalise("x"), POOL_OFFICE), lines=self.LINES).kind is Kind.FORBIDDEN
        lines = walk((Penalise("处罚决定(示例)"), SUPERVISOR), lines=self.LINES)
        rules = standing.eligibility_on(TODAY, Regime.ZTB)
        assert eligible_on(lines, TODAY, rules).reasons == ("experts.eligibility.penalised",)

    def test_not_before_the_present_state_began_nor_in_the_future(self) -> None:
        course = course_of("E0001", self.LINES)
        for on, code in (
            (date(2026, 1, 4), "experts.standing.order"),
            (TODAY + timedelta(days=1), "experts.standing.future"),
        ):
            with pytest.raises(Refusal) as found:
                apply(course, Suspend(Cause.HEALTH, "x"), POOL_OFFICE, START, TODAY, RULES, on)
            assert found.value.code == code


class TestTwoTimes:
    """What held on a day, as known then and as known now."""

    ENROLLED = enrolment_of(make_expert(1), datetime(2024, 5, 6, tzinfo=UTC), "pool-1", "r")
    RULES = standing.eligibility_on(TODAY, Regime.ZTB)
    LATE = datetime(2026, 10, 21, tzinfo=UTC)

    def told_late(self) -> list[Line]:
        """In October it becomes known that he has worked elsewhere since June."""
        course = course_of("E0001", self.ENROLLED)
        change = Amend({"employer": employer(77), "years": 3})
        line = apply(
            course, change, POOL_OFFICE, self.LATE, TODAY, RULES, effective_on=date(2026, 6, 1)
        )
        return [*self.ENROLLED, line]

    @pytest.mark.parametrize(
        ("on", "then", "now"),
        [
            (date(2026, 5, 31), True, True),
            (date(2026, 6, 1), True, False),
            (date(2026, 10, 20), True, False),
        ],
    )
    def test_the_same_day_twice(self, on: date, then: bool, now: bool) -> None:
        lines = self.told_late()
        end = datetime(on.year, on.month, on.day, 16, tzinfo=UTC)
        assert eligible_on(lines, on, self.RULES, end).is_eligible is then
        assert eligible_on(lines, on, self.RULES).is_eligible is now

    def test_before_he_was_there(self) -> None:
        found = eligible_on(self.ENROLLED, date(2024, 5, 5), self.RULES)
        assert found.reasons == (NOT_POOLED,)
        assert found.standing.because is None

    @given(st.lists(st.tuples(st.integers(0, 400), st.integers(0, 400)), max_size=12))
    def test_what_was_known_never_changes(self, times: list[tuple[int, int]]) -> None:
        """Property: adding lines later changes no answer `known_at` an earlier moment."""
        lines = list(self.ENROLLED)
        base = datetime(2025, 1, 1, tzinfo=UTC)
        for after, back in sorted(times):
            at = base + timedelta(days=after)
            on = max(at.date() - timedelta(days=back), date(2024, 5, 6))
            course = course_of("E0001", lines)
            change = Amend({"years": back % 20})
            before = [
                eligible_on(lines, day, self.RULES, at - timedelta(seconds=1))
                for day in (on, at.date())
            ]
            lines.append(apply(course, change, POOL_OFFICE, at, at.date(), RULES, on))
            again = [
                eligible_on(lines, day, self.RULES, at - timedelta(seconds=1))
                for day in (on, at.date())
            ]
            assert before == again
        assert first_break(lines) is None

    def test_a_line_that_was_altered_breaks_the_chain(self) -> None:
        lines = walk(
            (Suspend(Cause.HEALTH, "x"), POOL_OFFICE),
            (Return(), POOL_OFFICE),
            lines=TestInThePool.LINES,
        )
        assert first_break(lines) is None
        for number, line in enumerate(lines[:-1]):
            forged = [*lines[:number], replace(line, note="别的理由"), *lines[number + 1 :]]
            assert first_break(forged) == number + 2
        assert first_break([*lines[:2], *lines[3:]]) == 3


class TestService:
    @pytest.fixture
    def office(self, tmp_path: Path, database_url: str) -> Iterator[Office]:
        made = make_office(tmp_path, database_url)
        with made.write() as tx:
            pool.enrol_many(
                tx, POOL_OFFICE, [*make_pool(8), make_expert(50, status=Status.SUSPENDED)]
            )
        yield made
        made.connections.dispose()

    def test_an_application_becomes_an_expert(self, office: Office) -> None:
        applicant = make_expert(60, name="赵某0060")
        with office.write() as tx:
            standing.file(tx, POOL_OFFICE, applicant)
        with office.read() as db:
            (found,) = standing.applicants(db)
            assert (found.expert.name, found.stage) == ("赵某0060", Stage.APPLIED)
            assert pool.size(db) == 9
        for command, actor in PATH[1:]:
            with office.write() as tx:
                standing.act(tx, actor, "E0060", command)
        with office.read() as db:
            enrolled = pool.expert(db, "E0060")
            assert (enrolled.name, enrolled.enrolled_on) == ("赵某0060", TODAY)
            assert standing.applicants(db) == []
            assert "E0060" in pool.columns(db).row_of
            entries = [e for e in journal.entries(db, "pool") if e.data.get("expert") == "E0060"]
            told = standing.history(db, "E0060")
            assert [e.data["line"] for e in entries] == [line.digest for line in told]
            assert not any("赵某".encode() in entry.body for entry in entries)
            assert first_break(told) is None

    def test_the_row_says_what_the_lines_say(self, office: Office) -> None:
        steps: list[tuple[Command, Actor]] = [
            (Suspend(Cause.HEALTH, "手术(示例)"), POOL_OFFICE),
            (Amend({"declared": [employer(40)], "specialties": ["C1210"]}), POOL_OFFICE),
            (Return(), POOL_OFFICE),
            (Penalise("处罚决定(示例)"), SUPERVISOR),
        ]
        for command, actor in steps:
            with office.write() as tx:
                standing.act(tx, actor, "E0001", command)
            with office.read() as db:
                told = standing_on(standing.history(db, "E0001"), TODAY).expert
                row = pool.expert(db, "E0001")
                assert told is not None
                assert told.facts() == row.facts()
        with office.read() as db:
            assert pool.expert(db, "E0001").specialties == ("C1210",)

    def test_an_amendment_that_makes_no_expert(self, office: Office) -> None:
        with pytest.raises(Refusal) as found, office.write() as tx:
            standing.act(
                tx, POOL_OFFICE, "E0001", Amend({"specialties": ["A0801"], "employer": "91"})
            )
        assert {fault.pointer for fault in found.value.faults} == {"/specialties/0", "/units"}
        with office.read() as db:
            assert len(standing.history(db, "E0001")) == 1

    def test_taken_over_as_he_stood(self, office: Office) -> None:
        with office.read() as db:
            assert standing.course(db, "E0050").stage is Stage.SUSPENDED

    def test_the_whole_pool_on_a_past_day(self, office: Office) -> None:
        clock = office.clock
        assert isinstance(clock, DrivenClock)
        clock.move_to(START + timedelta(days=5))
        with office.write() as tx:
            standing.act(tx, POOL_OFFICE, "E0001", Suspend(Cause.HEALTH, "x"))
            standing.act(tx, POOL_OFFICE, "E0002", Amend({"years": 2}), date(2026, 10, 22))
        with office.read() as db:
            found = standing.pool_on(db, TODAY, Regime.ZTB)
            assert (found.held, len(found.eligible)) == (9, 7)  # too old, and suspended
            assert found.reasons == {"experts.eligibility.status": 1, "experts.eligibility.age": 1}
            late = TODAY + timedelta(days=5)
            then = standing.pool_on(db, late, Regime.ZTB, known_at=START + timedelta(days=1))
            now = standing.pool_on(db, late, Regime.ZTB)
            assert set(then.eligible) - set(now.eligible) == {"E0001", "E0002"}
            c1210 = standing.pool_on(db, TODAY, Regime.ZTB, specialty="C1210")
            assert set(c1210.eligible) == {e.id for e in make_pool(8) if "C1210" in e.specialties}
            one = standing.was_eligible(db, "E0001", late, Regime.ZTB)
            assert one.reasons == ("experts.eligibility.status",)
            assert one.standing.because is not None
            assert one.standing.because.cause is Cause.HEALTH
