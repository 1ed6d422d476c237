"""The evaluation report (评标报告), format `bigloop.report.v1`: every figure with what it came from.

The report holds the method of the tender file, the bids with their prices, every member's sheet by
seat code, the votes, the result, the nights with their seals and locked drafts, and the rules with
their articles; so anybody can recompute it to the last digit without us (`report_check`). Experts'
names and ids are not in it: before the award their list is secret (招标投标法 第三十七条). Bidders
stand by their unified social credit code; they are public since the opening.

Members sign or dissent from the *body*, which is the report without `answers` and `body_sha256` and has a
format of its own, `bigloop.report_body.v1`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from archive import canonical
from archive.journal.entry import moment_text
from evaluation.criteria import Method
from evaluation.pricing import PriceResult
from evaluation.ranking import Result, evaluate
from evaluation.scoring import Sheet
from evaluation.session.conclusion import votes_by_seat
from evaluation.session.rules import SessionRules, rules_json
from evaluation.session.session import Session
from evaluation.session.state import Night, Standing, State

REPORT_FORMAT = "bigloop.report.v1"
BODY_FORMAT = "bigloop.report_body.v1"
ANSWER_FIELDS = frozenset({"answers", "body_sha256"})


def result_of(
    state: State, method: Method, sheets: Mapping[str, Sheet], rules: SessionRules
) -> Result:
    """The result from the sheets of the sitting members (by expert)."""
    assert state.ceiling is not None, "entered with the bids"
    return evaluate(
        method,
        state.bids,
        state.ceiling,
        state.k_permille,
        votes_by_seat(state),
        [sheets[member.expert_id] for member in state.sitting],
        rules.majority_share,
        rules.valid_bids_min,
    )


def report_body(
    session: Session, sheets: Mapping[str, Sheet], result: Result, argument: str
) -> dict[str, Any]:
    """The body that members sign. `argument`: digest of the committee's argument on whether too few
    valid bids still make a competition, or empty."""
    state = session.state
    assert state.ceiling is not None, "entered with the bids"
    return {
        "argument": argument,
        "bids": [{"bidder": b.bidder, "price_fen": b.price.fen} for b in state.bids],
        "ceiling_fen": state.ceiling.fen,
        "chair": state.chair,
        "draw": session.draw_id,
        "format": BODY_FORMAT,
        "host": state.host,
        "incidents": [
            {
                "at": moment_text(incident.at),
                "kind": incident.kind.value,
                "mended": incident.resolved_at is not None,
            }
            for incident in state.incidents
        ],
        "k_permille": state.k_permille,
        "lot": state.lot_id,
        "members": [
            {"representative": m.is_representative, "seat": m.seat_code} for m in state.sitting
        ],
        "method": session.method.to_json(),
        "nights": [_night_json(state, night) for night in state.nights],
        "regime": state.regime.value,
        "result": result_json(result),
        "rules": rules_json(state.ruled_on, state.regime, session.region, session.kind),
        "session": state.session_id,
        "sheets": [
            {**sheets[m.expert_id].to_json(), "sha256": sheets[m.expert_id].digest}
            for m in state.sitting
        ],
        "void": [
            {
                "cause": "" if member.cause is None else member.cause.value,
                "seat": member.seat_code,
                "sha256": sheets[member.expert_id].digest if member.expert_id in sheets else "",
            }
            for member in state.members
            if member.standing is Standing.REPLACED
        ],
        "votes": [
            {"bidder": vote.bidder, "ground": vote.ground.value, "seat": vote.seat}
            for vote in votes_by_seat(state)
        ],
    }


def signed_report(body: Mapping[str, Any], state: State) -> dict[str, Any]:
    """The report with every member's answer; the document that is published and archived."""
    return {
        **body,
        "answers": [
            {"answer": m.answer.value, "seat": m.seat_code, "statement": m.statement}
            for m in state.sitting
        ],
        "body_sha256": canonical.digest(body),
        "format": REPORT_FORMAT,
    }


def body_of(report: Mapping[str, Any]) -> dict[str, Any]:
    """The body that the members of a signed report answered."""
    body = {name: value for name, value in report.items() if name not in ANSWER_FIELDS}
    return {**body, "format": BODY_FORMAT}


def result_json(result: Result) -> dict[str, Any]:
    """Every figure of a result: hundredths, fen, and exact fractions as text (`a/b`)."""
    return {
        "price": _price_json(result.prices),
        "ranking": [
            {"bidder": r.bidder, "price_fen": r.price.fen, "rank": r.rank, "total": r.total}
            for r in result.ranking
        ],
        "rejections": [
            {"bidder": r.bidder, "ground": r.ground.value, "item": r.item, "votes": r.votes}
            for r in result.rejections
        ],
        "scores": [
            {
                "bidder": score.bidder,
                "items": [[code, mean] for code, mean in score.items],
                "price": score.price,
                "technical": score.technical,
                "total": score.total,
            }
            for score in result.scores
        ],
        "short": result.is_short,
    }


def _price_json(prices: PriceResult | None) -> dict[str, Any] | None:
    if prices is None:
        return None
    return {
        "base_yuan": str(prices.base),
        "mean_yuan": None if prices.mean is None else str(prices.mean),
        "scores": [
            {
                "bidder": score.bidder,
                "deviation": None if score.deviation is None else str(score.deviation),
                "score": score.score,
            }
            for score in prices.scores
        ],
        "trimmed": list(prices.trimmed),
    }


def _night_json(state: State, night: Night) -> dict[str, Any]:
    seats = {member.expert_id: member.seat_code for member in state.members}
    return {
        "drafts": sorted([seats[expert], digest] for expert, digest in night.locked),
        "kind": night.kind.value,
        "missing": _count(night, present=False),
        "presence_checks": _count(night, present=True),
        "resumed_at": "" if night.resumed_at is None else moment_text(night.resumed_at),
        "sealed_at": "" if night.sealed_at is None else moment_text(night.sealed_at),
        "seals": [
            {"centre": s.centre_id, "number": s.number, "photo": s.photo} for s in night.seals
        ],
    }


def _count(night: Night, *, present: bool) -> int:
    return sum(check.is_present is present for check in night.presence)
