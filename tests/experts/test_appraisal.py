"""One bid, one assessment: who may deduct for what, appeals decided by another, and odd patterns."""

import itertools
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from archive.actor import Actor, Role
from archive.clock import DrivenClock
from archive.errors import Kind, Refusal
from archive.journal import service as journal
from archive.office import Office
from experts.appraisal import service as appraisal
from experts.appraisal.assessment import (
    MAY_DEDUCT,
    Appealed,
    Assessment,
    Deduction,
    Outcome,
    Side,
    State,
    Subject,
    mean_hundredths,
    points_after,
    rule_of,
)
from experts.appraisal.patterns import (
    Measure,
    Tally,
    binomial,
    distribution,
    far_scores,
    interval,
    patterns,
    two_sided,
)
from experts.draws import service as draws
from experts.pool import service as pool
from experts.pool.expert import Status
from experts.pool.standing import service as standing
from experts.pool.standing.history import Cause
from experts.pool.standing.machine import Suspend
from tests.builders import CENTRE, POOL_OFFICE, STAFF, START, expert, make_office
from tests.experts import world
from tests.experts.world import AGENCY, AUTHORITY, SUPERVISOR, TENDERER, TODAY, make_pool
from trading.rules.book import book

AGENT = Actor("agency-1", frozenset({Role.TENDERER}), party_id=AGENCY)
BUYER = Actor("tenderer-1", frozenset({Role.TENDERER}), party_id=TENDERER)
SECOND = Actor("pool-2", frozenset({Role.POOL}))
SUBJECT = Subject(
    "S1", "lot-1", CENTRE, (TENDERER, AGENCY), AUTHORITY, TODAY, {"A-1": "E0001", "A-2": "E0002"}
)
RULES = appraisal.rules_on(TODAY)


class TestPoints:
    """国办发〔2024〕21号: one bid, one assessment; the points are proposals of the rule book."""

    def test_the_base_less_each_deduction_once(self) -> None:
        assert points_after((), RULES) == 100
        assert points_after([Deduction.LATE, Deduction.LATE, Deduction.PHONE], RULES) == 85
        assert points_after(Deduction, RULES) == 0

    def test_every_deduction_is_published_with_its_article(self) -> None:
        for each in Deduction:
            (version,) = book().versions(rule_of(each))
            assert version.number > 0
            assert version.article

    @given(st.lists(st.integers(0, 100), min_size=1, max_size=9))
    def test_means_are_rounded_half_up(self, points: list[int]) -> None:
        found = mean_hundredths(points)
        assert found is not None
        assert abs(found * len(points) - 100 * sum(points)) * 2 <= len(points)
        assert mean_hundredths([99, 100, 100, 100, 100, 100, 100, 100]) == 9988


class TestAssessing:
    @pytest.fixture
    def office(self, tmp_path: Path, database_url: str) -> Iterator[Office]:
        made = make_office(tmp_path, database_url)
        with made.write() as tx:
            pool.enrol_many(tx, POOL_OFFICE, make_pool(8))
        yield made
        made.connections.dispose()

    def assess(
        self, office: Office, actor: Actor, side: Side, *deductions: Deduction, seat: str = "A-1"
    ) -> Assessment:
        with office.write() as tx:
            note = "事实与理由(示例)" if deductions else ""
            return appraisal.assess(tx, actor, SUBJECT, side, seat, deductions, note)

    def test_each_side_once(self, office: Office) -> None:
        assert self.assess(office, STAFF, Side.CENTRE, Deduction.LATE).points == 95
        assert self.assess(office, AGENT, Side.TENDERER).points == 100
        assert self.assess(office, SUPERVISOR, Side.SUPERVISOR).points == 100
        with office.read() as db:
            given_ = appraisal.of_expert(db, "E0001")
            assert {each.side for each in given_} == set(Side)
            assert appraisal.year_hundredths(given_, 2026) == 9833
            assert appraisal.year_hundredths(given_, 2025) is None
        with pytest.raises(Refusal) as refused:
            self.assess(office, BUYER, Side.TENDERER)
        assert refused.value.code == "experts.appraisal.twice"

    @pytest.mark.parametrize(
        ("actor", "side"),
        [
            (STAFF, Side.TENDERER),
            (BUYER, Side.CENTRE),
            (POOL_OFFICE, Side.SUPERVISOR),
            (expert("E0001"), Side.CENTRE),
            (Actor("s", frozenset({Role.STAFF}), centre_id="530102"), Side.CENTRE),
            (Actor("t", frozenset({Role.TENDERER}), party_id=AUTHORITY), Side.TENDERER),
            (Actor("v", frozenset({Role.SUPERVISOR}), party_id=AGENCY), Side.SUPERVISOR),
        ],
    )
    def test_by_nobody_else(self, office: Office, actor: Actor, side: Side) -> None:
        with pytest.raises(Refusal) as refused:
            self.assess(office, actor, side)
        assert refused.value.kind is Kind.FORBIDDEN

    def test_only_for_what_a_side_can_have_seen(self, office: Office) -> None:
        actors = {Side.CENTRE: STAFF, Side.TENDERER: BUYER, Side.SUPERVISOR: SUPERVISOR}
        for side, actor in actors.items():
            for each in set(Deduction) - set(MAY_DEDUCT[side]):
                with pytest.raises(Refusal) as refused:
                    self.assess(office, actor, side, each)
                assert refused.value.rule == rule_of(each)

    def test_a_deduction_states_its_grounds(self, office: Office) -> None:
        with pytest.raises(Refusal) as refused, office.write() as tx:
            appraisal.assess(tx, STAFF, SUBJECT, Side.CENTRE, "A-1", [Deduction.LATE], " ")
        assert refused.value.code == "experts.appraisal.grounds"

    def test_within_five_working_days(self, office: Office) -> None:
        """财库〔2016〕198号 第二十一条; 21 October 2026 is a Wednesday."""
        clock = office.clock
        assert isinstance(clock, DrivenClock)
        assert appraisal.due_on(SUBJECT) == date(2026, 10, 28)
        clock.move_to(START + timedelta(days=7))
        self.assess(office, STAFF, Side.CENTRE)
        clock.move_to(START + timedelta(days=8))
        with pytest.raises(Refusal) as refused:
            self.assess(office, BUYER, Side.TENDERER)
        assert refused.value.rule == "appraisal.assess_workdays"

    def test_the_record_names_the_seat_and_not_the_expert(self, office: Office) -> None:
        made = self.assess(office, STAFF, Side.CENTRE, Deduction.LATE)
        with office.write() as tx:
            appraisal.appeal_assessment(tx, expert("E0001"), made.id, "我准时到达(示例)")
        with office.read() as db:
            entries = list(journal.entries(db, "appraisals"))
        assert entries[0].data["seat"] == "A-1"
        assert not any(b"E0001" in entry.body for entry in entries)

    def test_an_appeal_is_decided_by_somebody_else(self, office: Office) -> None:
        made = self.assess(office, SUPERVISOR, Side.SUPERVISOR, Deduction.METHOD)
        own = expert("E0001")
        with office.write() as tx:
            appeal = appraisal.appeal_assessment(tx, own, made.id, "按文件评审(示例)")
        for actor, kind in (
            (SUPERVISOR, "archive.actor.two_persons"),
            (own, "archive.actor.role"),
            (STAFF, "archive.actor.role"),
        ):
            with pytest.raises(Refusal) as refused, office.write() as tx:
                appraisal.decide(tx, actor, appeal.id, is_upheld=True, reasons="x")
            assert refused.value.code == kind
        with office.write() as tx:
            done = appraisal.decide(tx, POOL_OFFICE, appeal.id, is_upheld=True, reasons="属实")
        assert done.outcome is Outcome.UPHELD
        with office.read() as db:
            (after,) = appraisal.of_expert(db, "E0001")
            assert (after.state, after.points) == (State.ANNULLED, 100)
        with pytest.raises(Refusal) as refused, office.write() as tx:
            appraisal.decide(tx, SECOND, appeal.id, is_upheld=False, reasons="x")
        assert refused.value.code == "experts.appraisal.decided"

    def test_a_rejected_appeal_leaves_it_as_it_was(self, office: Office) -> None:
        made = self.assess(office, STAFF, Side.CENTRE, Deduction.LATE)
        with office.write() as tx:
            appeal = appraisal.appeal_assessment(tx, expert("E0001"), made.id, "x")
            appraisal.decide(tx, SUPERVISOR, appeal.id, is_upheld=False, reasons="签到记录为证")
        with office.read() as db:
            (after,) = appraisal.of_expert(db, "E0001")
            assert (after.state, after.points) == (State.CONFIRMED, 95)

    def test_whose_when_and_what_is_appealed(self, office: Office) -> None:
        made = self.assess(office, STAFF, Side.CENTRE, Deduction.LATE)
        full = self.assess(office, STAFF, Side.CENTRE, seat="A-2")
        for who, what, code in (
            ("E0002", made.id, "experts.appraisal.unknown"),
            ("E0002", full.id, "experts.appraisal.nothing"),
        ):
            with pytest.raises(Refusal) as refused, office.write() as tx:
                appraisal.appeal_assessment(tx, expert(who), what, "x")
            assert refused.value.code == code
        clock = office.clock
        assert isinstance(clock, DrivenClock)
        clock.move_to(START + timedelta(days=RULES.appeal_days + 1))
        with pytest.raises(Refusal) as refused, office.write() as tx:
            appraisal.appeal_assessment(tx, expert("E0001"), made.id, "x")
        assert refused.value.kind is Kind.TOO_LATE

    def test_an_upheld_appeal_against_a_suspension_brings_him_back(self, office: Office) -> None:
        with office.write() as tx:
            line = standing.act(tx, POOL_OFFICE, "E0001", Suspend(Cause.DISCIPLINE, "x"))
            appeal = appraisal.appeal_line(tx, expert("E0001"), line.seq, "未违规(示例)")
        assert appeal.kind is Appealed.LINE
        with pytest.raises(Refusal) as refused, office.write() as tx:
            appraisal.decide(tx, POOL_OFFICE, appeal.id, is_upheld=True, reasons="x")
        assert refused.value.code == "archive.actor.two_persons"
        with office.write() as tx:
            appraisal.decide(tx, SECOND, appeal.id, is_upheld=True, reasons="证据不足")
            assert pool.expert(tx.db, "E0001").status is Status.ACTIVE
        with pytest.raises(Refusal), office.write() as tx:
            appraisal.appeal_line(tx, expert("E0001"), 1, "x")


class TestDistributions:
    @given(st.lists(st.floats(0, 1), max_size=9))
    def test_against_all_outcomes(self, chances: list[float]) -> None:
        """The convolution is the sum over all 2ⁿ outcomes."""
        expected = np.zeros(len(chances) + 1)
        for outcome in itertools.product((0, 1), repeat=len(chances)):
            mass = 1.0
            for hit, chance in zip(outcome, chances, strict=True):
                mass *= chance if hit else 1 - chance
            expected[sum(outcome)] += mass
        assert np.allclose(distribution(chances), expected)

    # Below 1e-9 scipy itself overflows.
    @given(st.integers(0, 200), st.just(0.0) | st.floats(1e-9, 1))
    def test_against_scipy(self, trials: int, chance: float) -> None:
        expected = stats.binom.pmf(np.arange(trials + 1), trials, chance)
        assert np.allclose(binomial(trials, chance), expected, atol=1e-9)

    def test_intervals_hold_their_mass(self) -> None:
        mass = binomial(50, 0.3)
        low, high = interval(mass, 0.01)
        assert mass[:low].sum() <= 0.005 < mass[: low + 1].sum()
        assert mass[high + 1 :].sum() <= 0.005 < mass[high:].sum()
        assert two_sided(mass, 15) == 1.0
        assert two_sided(mass, 40) < 1e-6


class TestPatterns:
    ALPHA = 0.01

    def honest(self, seed: int, experts: int = 300, draws: int = 60) -> dict[str, Tally]:
        """A pool without a pattern: everybody is called with his chance and says yes at 78 %."""
        random = np.random.default_rng(seed)
        chances = random.uniform(0.02, 0.2, draws)
        found = {}
        for number in range(experts):
            called = int((random.random(draws) < chances).sum())
            accepted = int(random.binomial(called, 0.78))
            far = int(random.binomial(40, 0.05))
            found[f"E{number}"] = Tally(
                tuple(chances), called, accepted, called - accepted, 0, accepted,
                int(random.binomial(accepted, 0.04)), 40, far,
            )  # fmt: skip
        return found

    def test_honest_pools_are_seldom_suspected(self) -> None:
        """Bonferroni: four measures at α each, so at most about 4 % of pools show anybody."""
        suspected = [any(p.is_odd for p in patterns(self.honest(n), self.ALPHA)) for n in range(20)]
        assert sum(suspected) <= 4

    @pytest.mark.parametrize(
        ("changes", "measure"),
        [
            ({"called": 30}, Measure.CALLED),
            ({"called": 40, "accepted": 4}, Measure.ACCEPTED),
            ({"sessions": 20, "late": 12}, Measure.LATE),
            ({"scores": 80, "deviating": 40}, Measure.DEVIATING),
        ],
    )
    def test_a_planted_pattern_comes_first(self, changes: dict[str, int], measure: Measure) -> None:
        """Negative control: one rigged expert among three hundred honest ones."""
        tallies = self.honest(1)
        chances = tallies["E7"].chances * (1 if "accepted" not in changes else 2)
        tallies["E7"] = Tally(**{**vars(tallies["E7"]), **changes, "chances": chances})
        first = patterns(tallies, self.ALPHA)[0]
        assert first.expert_id == "E7"
        assert measure in {each.measure for each in first.compared if each.is_odd}
        odd = next(each for each in first.compared if each.measure is measure)
        assert not odd.low <= odd.observed <= odd.high

    def test_far_scores(self) -> None:
        assert far_scores([800, 820, 790, 300], 1000, 300) == [False, False, False, True]
        assert far_scores([800, 500], 1000, 300) == [False, False]
        assert far_scores([800, 499], 1000, 300) == [True, True]
        assert far_scores([800], 1000, 300) == [False]


class TestCounts:
    def test_what_is_counted_of_a_draw(self, office: Office) -> None:
        """The chances of all candidates add up to the number of people who were called."""
        draw = world.answer_all(office, world.perform(office))
        with office.read() as db:
            assert appraisal.tallies(db, {}) == {}  # the committee sits: nothing is told
        with office.write() as tx:
            draws.close_draw(tx, STAFF, draw.id)
        with office.read() as db:
            found = appraisal.tallies(db, {"E0001": (3, 40)})
        called = sum(tally.called for tally in found.values())
        assert called == sum(t.accepted + t.declined + t.silent for t in found.values()) > 5
        assert abs(sum(sum(t.chances) for t in found.values()) - called) < 1.5
        assert (found["E0001"].deviating, found["E0001"].scores) == (3, 40)
