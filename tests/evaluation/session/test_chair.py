"""The chair: elected by more than half, never the buyer's man, gone with him who leaves."""

from dataclasses import replace

from archive.errors import Kind
from evaluation.session import commands as c
from evaluation.session.state import Cause, Stage
from tests.evaluation.course import HOST, SEATS, Bare, bare_at, member, refused

EXPERTS = [expert_id for _, expert_id, _ in SEATS]


def vote(d: Bare, voter: str, seat: str) -> None:
    d.do(member(voter), c.VoteChair(voter, seat))


def represented(seat: str) -> Bare:
    """A review in which the tenderer's representative has this seat."""
    d = bare_at(Stage.REVIEWING)
    members = tuple(replace(m, is_representative=m.seat_code == seat) for m in d.state.members)
    d.state = replace(d.state, members=members)
    return d


class TestChair:
    """评标委员会和评标方法暂行规定 第九条; 财政部令第87号 第四十五条(四)."""

    def test_more_than_half_elect(self) -> None:
        d = bare_at(Stage.REVIEWING)
        vote(d, EXPERTS[0], "S2")
        vote(d, EXPERTS[1], "S3")
        vote(d, EXPERTS[2], "S2")
        assert (d.state.chair, len(d.state.chair_votes)) == ("", 3)
        vote(d, EXPERTS[1], "S2")  # he thinks again
        assert d.state.chair == "S2"
        assert d.events[-1].data == {"seat": "S2", "votes": 3}
        again = refused(d, member(EXPERTS[3]), c.VoteChair(EXPERTS[3], "S4"))
        assert again.code == "evaluation.session.has_chair"

    def test_never_the_representative_who_may_vote(self) -> None:
        d = represented("S1")
        vote(d, EXPERTS[0], "S2")
        found = refused(d, member(EXPERTS[1]), c.VoteChair(EXPERTS[1], "S1"))
        assert (found.code, found.kind) == ("evaluation.session.chair_represents", Kind.FORBIDDEN)
        assert found.rule == "committee.chair_may_represent"

    def test_nobody_votes_for_another_or_for_an_empty_seat(self) -> None:
        d = bare_at(Stage.REVIEWING)
        by = refused(d, member(EXPERTS[1]), c.VoteChair(EXPERTS[0], "S2"))
        assert by.code == "evaluation.session.not_own_seat"
        d.do(HOST, c.RemoveMember(EXPERTS[1], Cause.HEALTH))
        for seat in ("S2", "S9"):
            found = refused(d, member(EXPERTS[0]), c.VoteChair(EXPERTS[0], seat))
            assert found.code == "evaluation.session.no_seat"

    def test_a_chair_who_leaves_is_chair_no_more(self) -> None:
        d = bare_at(Stage.REVIEWING)
        for voter in EXPERTS[:3]:
            vote(d, voter, "S2")
        d.do(HOST, c.RemoveMember(EXPERTS[1], Cause.HEALTH))
        assert (d.state.chair, d.state.chair_votes) == ("", ())
        vote(d, EXPERTS[0], "S3")
        vote(d, EXPERTS[2], "S4")
        d.do(HOST, c.RemoveMember(EXPERTS[2], Cause.HEALTH))
        assert d.state.chair_votes == ()
