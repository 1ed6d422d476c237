"""From the opened bids to the signed report.

Members vote on rejections (majority, 87号令 第六十一条), submit complete sheets whose objective items
agree (第六十四条: checked before anybody signs), and answer the report. Who differs says so in
writing, with reasons; who neither signs nor does that is taken to agree (条例 第五十三条).
"""

from __future__ import annotations

from dataclasses import replace

from archive import canonical
from archive.errors import Faults, Kind
from evaluation.ranking import Ground, Vote, voted_out
from evaluation.session import commands as c
from evaluation.session.act import Act, Outcome, at, event, with_member
from evaluation.session.state import Answer, CastVote, Stage, State

BIDS_MAX = 1000


def enter_bids(act: Act, command: c.EnterBids) -> Outcome:
    act.must_be_staff_of(act.state.host)
    if act.state.bids:
        act.refuse("evaluation.session.already_entered")
    faults = Faults("evaluation.session.command_invalid")
    if not 0 < len(command.bids) <= BIDS_MAX:
        faults.add("/bids", "evaluation.session.bids_count", most=BIDS_MAX)
    if len({bid.bidder for bid in command.bids}) < len(command.bids):
        faults.add("/bids", "evaluation.session.bidder_twice")
    for index, bid in enumerate(command.bids):
        if bid.price.fen <= 0:
            faults.add(f"/bids/{index}/price", "evaluation.session.price", bidder=bid.bidder)
    if command.ceiling.fen <= 0:
        faults.add("/ceiling", "evaluation.session.ceiling")
    faults.refuse()
    bids = tuple(sorted(command.bids, key=lambda bid: bid.bidder))
    state = replace(act.state, bids=bids, ceiling=command.ceiling, k_permille=command.k_permille)
    figures = canonical.digest([[bid.bidder, bid.price.fen] for bid in bids])
    return state, (event("bids_entered", bids=len(bids), digest=figures),)


def begin_review(act: Act, command: c.BeginReview) -> Outcome:
    act.must_be_staff_of(act.state.host)
    if not act.state.bids:
        act.refuse("evaluation.session.no_bids")
    waiting = [member.seat_code for member in act.state.sitting if not member.is_admitted]
    if waiting:
        act.refuse(
            "evaluation.session.not_admitted", rule="session.identity", seat=", ".join(waiting)
        )
    state = at(act.state, Stage.REVIEWING)
    return state, (event("review_began", members=len(state.sitting), bids=len(state.bids)),)


def votes_by_seat(state: State) -> tuple[Vote, ...]:
    """The votes of the sitting members, by seat code."""
    seats = {member.expert_id: member.seat_code for member in state.sitting}
    votes = [Vote(seats[v.expert_id], v.bidder, v.ground) for v in state.votes]
    return tuple(sorted(votes, key=lambda vote: (vote.bidder, vote.ground, vote.seat)))


def vote_rejection(act: Act, command: c.VoteRejection) -> Outcome:
    member = act.admitted_seat(command.expert_id)
    state = act.state
    if all(bid.bidder != command.bidder for bid in state.bids):
        act.refuse("evaluation.session.no_bid", Kind.NOT_FOUND, bidder=command.bidder)
    if command.ground is Ground.OVER_CEILING:
        act.refuse("evaluation.session.not_voted", Kind.INVALID, ground=command.ground.value)
    vote = CastVote(member.expert_id, command.bidder, command.ground)
    if vote in state.votes:
        act.refuse("evaluation.session.already", seat=member.seat_code)
    before = dict(_rejected(act, state))
    state = replace(state, votes=(*state.votes, vote))
    # What a member finds is secret until the report; what the committee decided is on the record.
    events = [event("rejection_voted", seat=member.seat_code)]
    ground = dict(_rejected(act, state)).get(command.bidder)
    if ground is not None and command.bidder not in before:
        events.append(event("bid_rejected", bidder=command.bidder, ground=ground.value))
    return state, tuple(events)


def _rejected(act: Act, state: State) -> list[tuple[str, Ground]]:
    out = voted_out(votes_by_seat(state), len(state.sitting), act.rules.majority_share)
    return [(bidder, ground) for bidder, ground, _ in out]


def submit_scores(act: Act, command: c.SubmitScores) -> Outcome:
    member = act.admitted_seat(command.expert_id)
    if member.submitted:
        act.refuse("evaluation.session.already", seat=member.seat_code)
    sheet = act.facts.sheets.get(member.expert_id)
    if sheet is None or sheet.digest != command.digest:
        act.refuse("evaluation.session.other_draft", seat=member.seat_code)
    if sheet.missing:
        act.refuse(
            "evaluation.session.sheet_incomplete", seat=member.seat_code, missing=sheet.missing
        )
    if sheet.differs:
        act.refuse(
            "evaluation.session.objective_differs",
            rule="score.result_check",
            seat=member.seat_code,
            differs=sheet.differs,
        )
    for other in act.state.sitting:
        # A substitute's arrival voids votes: a bid may count again that a sheet has left out.
        found = act.facts.sheets.get(other.expert_id)
        if other.submitted and (found is None or found.missing or found.differs):
            act.refuse(
                "evaluation.session.other_sheet", rule="score.result_check", seat=other.seat_code
            )
    state = with_member(act.state, member, submitted=command.digest)
    events = [event("scores_submitted", seat=member.seat_code, digest=command.digest)]
    if all(m.submitted for m in state.sitting):
        state = at(state, Stage.SCORED)
        events.append(event("scored", members=len(state.sitting)))
    return state, tuple(events)


def reopen_scores(act: Act, command: c.ReopenScores) -> Outcome:
    member = act.admitted_seat(command.expert_id)
    if not member.submitted:
        act.refuse("evaluation.session.not_submitted", seat=member.seat_code)
    if any(m.answer is not Answer.OPEN for m in act.state.sitting):
        act.refuse(
            "evaluation.session.report_answered", rule="score.result_check", seat=member.seat_code
        )
    state = with_member(at(act.state, Stage.REVIEWING), member, submitted="")
    state = replace(state, report="", argument="")
    return state, (
        event(
            "scores_reopened",
            seat=member.seat_code,
            reason=command.reason,
            digest=member.submitted,
        ),
    )


def file_report(act: Act, command: c.FileReport) -> Outcome:
    act.must_be_staff_of(act.state.host)
    if act.state.report:
        act.refuse("evaluation.session.already_filed")
    if act.facts.is_short and not command.statement:
        act.refuse(
            "evaluation.session.argument_needed",
            rule="score.valid_bids_min",
            least=act.rules.valid_bids_min,
        )
    assert act.facts.report, "the shell draws up the report before it is filed"
    state = replace(act.state, report=act.facts.report, argument=command.statement)
    return state, (event("report_filed", report=state.report, short=act.facts.is_short),)


def sign_report(act: Act, command: c.SignReport) -> Outcome:
    return _answer(act, command.expert_id, command.report, Answer.SIGNED, "")


def dissent_report(act: Act, command: c.DissentReport) -> Outcome:
    return _answer(act, command.expert_id, command.report, Answer.DISSENT, command.statement)


def _answer(act: Act, expert_id: str, report: str, answer: Answer, statement: str) -> Outcome:
    act.own_seat(expert_id)
    if not act.state.report:
        act.refuse("evaluation.session.no_report")
    if report != act.state.report:
        act.refuse("evaluation.session.other_report")
    return _answered(act, expert_id, answer, statement)


def record_silence(act: Act, command: c.RecordSilence) -> Outcome:
    act.must_be_impartial()
    if not act.state.report:
        act.refuse("evaluation.session.no_report")
    return _answered(act, command.expert_id, Answer.SILENT, "")


_ANSWERED = {
    Answer.SIGNED: "report_signed",
    Answer.DISSENT: "report_dissented",
    Answer.SILENT: "silence_recorded",
}


def _answered(act: Act, expert_id: str, answer: Answer, statement: str) -> Outcome:
    member = act.member(expert_id)
    if member.answer is not Answer.OPEN:
        act.refuse("evaluation.session.already", seat=member.seat_code)
    state = with_member(act.state, member, answer=answer, statement=statement)
    said: dict[str, str | int | bool] = {"seat": member.seat_code, "report": state.report}
    if statement:
        said["statement"] = statement
    events = [event(_ANSWERED[answer], **said)]
    if all(m.answer is not Answer.OPEN for m in state.sitting):
        dissents = sum(m.answer is Answer.DISSENT for m in state.sitting)
        state = at(state, Stage.REPORTED)
        events.append(event("reported", report=state.report, dissents=dissents))
    return state, tuple(events)


def close(act: Act, command: c.Close) -> Outcome:
    act.must_be_staff_of(act.state.host)
    return at(act.state, Stage.CLOSED), (event("closed", nights=len(act.state.nights)),)
