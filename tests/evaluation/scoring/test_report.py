"""The report recomputes from itself, and every single figure in it is held."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest

from archive import canonical
from archive.verification.report import Status
from archive.words import Language, render
from evaluation.report import body_of, report_body, result_of, signed_report
from evaluation.report_check import report_faults, verify_report
from evaluation.scoring import Sheet
from evaluation.session import synthetic
from evaluation.session.session import Session
from tests.builders import CENTRE, START
from tests.evaluation.course import (
    BIDS,
    RULES,
    Bare,
    arrive,
    bare_state,
    method,
    sign_all,
    spend_night,
    submit_all,
)
from trading.regime import ProjectKind


def made() -> dict[str, Any]:
    """A report of a night, made without a database."""
    d = Bare(bare_state())
    arrive(d)
    d.fill()
    spend_night(d)
    submit_all(d)
    sign_all(d)
    sheets = {
        m.expert_id: Sheet(
            "session-1",
            m.seat_code,
            "00" * 16,
            synthetic.scores(b"1", method(), [b.bidder for b in BIDS], m.seat_code),
        )
        for m in d.state.sitting
    }
    session = Session(d.state, "draw-1", ProjectKind.WORKS, CENTRE, 2, method(), START)
    body = report_body(session, sheets, result_of(d.state, method(), sheets, RULES), "")
    return signed_report(body, d.state)


REPORT = made()


def failed(value: Any) -> list[int]:
    steps = verify_report(value)
    assert [step.number for step in steps] == list(range(1, 11))
    for step in steps:
        for language in Language:
            assert not render(step.name, language).startswith("[")
            for finding in step.findings:
                assert not render(finding.reason, language).startswith("["), finding
    return [step.number for step in steps if step.status is Status.FAILED]


def resigned(value: dict[str, Any]) -> dict[str, Any]:
    """The forger also replaces the digest of the body."""
    return {**value, "body_sha256": canonical.digest(body_of(value))}


def test_a_sound_report_passes_every_step() -> None:
    assert failed(REPORT) == []
    assert report_faults(REPORT) == []
    assert canonical.decode(canonical.encode(REPORT)) == REPORT


def test_it_names_no_expert() -> None:
    text = canonical.encode(REPORT).decode()
    assert "expert-" not in text
    assert "account-" not in text


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place of the report that holds a plain value."""
    if isinstance(value, dict):
        for key in sorted(value):
            yield from places(value[key], (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from places(item, (*path, index))
    else:
        yield path


def changed(path: tuple[Any, ...]) -> dict[str, Any]:
    forged = copy.deepcopy(REPORT)
    place = forged
    for step in path[:-1]:
        place = place[step]
    old = place[path[-1]]
    if isinstance(old, bool):
        new: Any = not old
    elif isinstance(old, int):
        new = old + 1
    else:
        new = "0" if old is None else f"{old}1"
    place[path[-1]] = new
    return forged


def test_no_value_can_be_changed_unnoticed() -> None:
    """Whatever single value is changed, the signatures are of another body; and wherever a figure is
    concerned, it is noticed even if the digest of the body is made anew."""
    figures = ("bids", "sheets", "result", "votes")
    paths = [p for n, p in enumerate(places(REPORT)) if p[0] != "sheets" or n % 9 == 0]
    for path in paths:
        forged = changed(path)
        if path[-1] != "statement":
            assert failed(forged), path
        if path[0] in figures:
            assert failed(resigned(forged)), path
    assert len(paths) > 150


class TestEachStep:
    def forged(self, **changes: Any) -> dict[str, Any]:
        return resigned({**copy.deepcopy(REPORT), **changes})

    def test_1_form(self) -> None:
        assert failed([]) == [1]
        assert failed({**REPORT, "extra": 1}) == [1]
        assert failed({k: v for k, v in REPORT.items() if k != "votes"}) == [1]
        assert failed(self.forged(regime="ROMAN")) == [1]
        assert failed({**REPORT, "ceiling_fen": 1.5}) == [1]
        assert failed({**REPORT, "sheets": None}) == [1]
        assert failed({**REPORT, "rules": []}) == [1]

    def test_a_chair_who_may_not_lead(self) -> None:
        """财政部令第87号 第四十五条(四)."""
        first = REPORT["members"][0]
        assert failed({**REPORT, "chair": "S99"}) == [3]
        buyer = [{**first, "representative": True}, *REPORT["members"][1:]]
        assert failed({**REPORT, "chair": first["seat"], "members": buyer}) == [3]
        assert 3 not in failed({**REPORT, "chair": first["seat"]})

    def test_2_method(self) -> None:
        forged = copy.deepcopy(REPORT["method"])
        forged["items"][0]["max"] += 1
        assert failed(self.forged(method=forged)) == [2]

    def test_3_a_score_moved_from_one_member_to_another(self) -> None:
        sheets = copy.deepcopy(REPORT["sheets"])
        for sheet, by in ((sheets[0], 10), (sheets[1], -10)):
            sheet["cells"][2][2] += by  # the mean does not change
        assert failed(self.forged(sheets=sheets)) == [3]
        assert failed(self.forged(sheets=REPORT["sheets"][:-1])) == [3]

    def test_4_objective_items(self) -> None:
        sheets = copy.deepcopy(REPORT["sheets"])
        cell = next(cell for cell in sheets[0]["cells"] if cell[1] == "C1")
        cell[2] -= 1
        sheets[0]["sha256"] = Sheet(
            "session-1", "S1", "00" * 16, {(b, i): s for b, i, s in sheets[0]["cells"]}
        ).digest
        assert failed(self.forged(sheets=sheets)) == [4]

    def test_5_a_bid_thrown_out_without_a_vote(self) -> None:
        result = copy.deepcopy(REPORT["result"])
        out = result["ranking"][0]["bidder"]
        result["rejections"] = [{"bidder": out, "ground": "NOT_QUALIFIED", "item": "", "votes": 3}]
        assert 5 in failed(self.forged(result=result))

    @pytest.mark.parametrize(
        ("number", "part"), [(6, "price"), (7, "scores"), (8, "ranking"), (8, "short")]
    )
    def test_6_to_8_figures(self, number: int, part: str) -> None:
        result = copy.deepcopy(REPORT["result"])
        if part == "price":
            result["price"]["base_yuan"] += "1"
        elif part == "scores":
            result["scores"][0]["technical"] += 1
        elif part == "ranking":
            result["ranking"].reverse()
        else:
            result["short"] = True
        assert failed(self.forged(result=result)) == [number]

    def test_9_a_night_without_seals(self) -> None:
        night = {**REPORT["nights"][0], "seals": []}
        assert failed(self.forged(nights=[night])) == [9]
        assert failed(self.forged(nights=[REPORT["nights"][0]] * 2)) == [9]
        assert failed(self.forged(nights=[{}])) == [9]

    def test_10_answers(self) -> None:
        answers = copy.deepcopy(REPORT["answers"])
        assert failed({**REPORT, "answers": answers[:-1]}) == [10]
        answers[0]["answer"] = "OPEN"
        assert failed({**REPORT, "answers": answers}) == [10]
        no_reasons = copy.deepcopy(REPORT["answers"])
        no_reasons[-1]["statement"] = ""
        assert failed({**REPORT, "answers": no_reasons}) == [10]
        assert failed({**REPORT, "body_sha256": "0" * 64}) == [10]
