"""Recompute an evaluation report offline, from itself alone.

`verify_report` runs these steps over a decoded `bigloop.report.v1`:

 1  the form: exactly the fields of the format, and readable
 2  the method is one that the tender file could state (`evaluation.criteria`)
 3  the sheets: one a member, with the digest stated, complete for the valid bids, within range
 4  objective items are scored alike by all members
 5  the rejections follow from the ceiling price, the votes and the requirements
 6  the price scores follow from the valid prices
 7  the means and the totals follow from the sheets
 8  the ranking follows from the totals; too few valid bids were argued
 9  the nights: every one sealed and resumed, in order
10  the answers: every member's, to this very body; a dissent has its reasons

Not judged here: whether the sheets are the ones that members locked and signed at the time (their
digests stand in the session's stream: `archive.verify` of the dossier), and whether the rules that
the report states were in force.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from archive import canonical
from archive.errors import Reason, Refusal
from archive.journal.entry import moment_of
from archive.verification.report import Findings, Status, Step
from evaluation.criteria import Method, PriceShare, parse_method
from evaluation.pricing import Bid, check_drawn_k
from evaluation.ranking import Ground, Result, Vote, evaluate
from evaluation.report import ANSWER_FIELDS, REPORT_FORMAT, body_of, result_json
from evaluation.scoring import Sheet, check_cells, disagreements, missing_cells, sheet_of
from evaluation.session.rules import CHAIR
from trading.money import Money
from trading.regime import Regime

FILE = "evaluation-report.json"
_FIELDS = ANSWER_FIELDS | {
    "argument",
    "bids",
    "ceiling_fen",
    "chair",
    "draw",
    "format",
    "host",
    "incidents",
    "k_permille",
    "lot",
    "members",
    "method",
    "nights",
    "regime",
    "result",
    "rules",
    "session",
    "sheets",
    "void",
    "votes",
}
_STEPS = (
    "evaluation.report.step_form",
    "evaluation.report.step_method",
    "evaluation.report.step_sheets",
    "evaluation.report.step_objective",
    "evaluation.report.step_rejections",
    "evaluation.report.step_price",
    "evaluation.report.step_sums",
    "evaluation.report.step_ranking",
    "evaluation.report.step_nights",
    "evaluation.report.step_answers",
)


@dataclass(frozen=True)
class _Read:
    """What a report says, read into the values that the figures are computed from."""

    regime: Regime
    bids: tuple[Bid, ...]
    ceiling: Money
    k_permille: int | None
    seats: tuple[str, ...]
    may_chair: tuple[str, ...]
    sheets: tuple[tuple[Sheet, str], ...]
    votes: tuple[Vote, ...]
    majority: Fraction
    valid_bids_min: int
    price_share: PriceShare | None


def verify_report(value: Any) -> list[Step]:
    """The ten steps; a step that needs one that failed is not run. Never raises for content."""
    return _Check(value).steps()


def report_faults(value: Any) -> list[Reason]:
    """What is wrong with a report, or nothing: the shape that `archive.verify` asks for."""
    return [
        finding.reason
        for step in verify_report(value)
        if step.status is Status.FAILED
        for finding in step.findings
    ]


class _Check:
    def __init__(self, value: Any) -> None:
        self.value = value
        self.found = [Findings(number, Reason(name)) for number, name in enumerate(_STEPS, start=1)]

    def steps(self) -> list[Step]:
        read = self._read()
        if read is None:
            return self._end(1)
        method = self._method(read)
        if method is None:
            return self._end(2)
        if not self._sheets_fit(read, method):
            return self._end(3)
        result = self._recompute(read, method)
        if result is None:
            return self._end(4)
        self._compare(read, result)
        self._nights()
        self._answers(read)
        return self._end(len(_STEPS))

    def _end(self, done: int) -> list[Step]:
        for findings in self.found[done:]:
            findings.not_run(FILE, "evaluation.report.needs_step", step=done)
        return [findings.step() for findings in self.found]

    def _fault(self, number: int, code: str, **params: str | int) -> None:
        self.found[number - 1].add(FILE, code, **params)

    # 1
    def _read(self) -> _Read | None:
        value = self.value
        if not isinstance(value, Mapping) or value.get("format") != REPORT_FORMAT:
            self._fault(1, "evaluation.report.format", wanted=REPORT_FORMAT)
            return None
        for name in sorted(map(str, _FIELDS ^ set(value))):
            self._fault(1, "evaluation.report.field", field=name)
        if set(value) != _FIELDS:
            return None
        try:
            return _read(value)
        except (AttributeError, KeyError, TypeError, ValueError, ZeroDivisionError) as error:
            self._fault(1, "evaluation.report.unreadable", cause=repr(error)[:200])
            return None

    # 2
    def _method(self, read: _Read) -> Method | None:
        try:
            method = parse_method(self.value["method"], read.regime, read.price_share)
            check_drawn_k(method, read.k_permille)
        except Refusal as refusal:
            self.found[1].extend(FILE, [refusal.reason, *_reasons(refusal)])
            return None
        return method

    # 3
    def _sheets_fit(self, read: _Read, method: Method) -> bool:
        before = True
        chair = self.value["chair"]
        if chair and chair not in read.may_chair:
            self._fault(3, "evaluation.report.chair", seat=str(chair)[:20])
            before = False
        if sorted(sheet.seat for sheet, _ in read.sheets) != sorted(read.seats):
            self._fault(3, "evaluation.report.sheets_members")
            before = False
        bidders = [bid.bidder for bid in read.bids]
        if len(set(bidders)) < len(bidders) or any(bid.price.fen <= 0 for bid in read.bids):
            self._fault(3, "evaluation.report.bids")
            before = False
        out = {entry["bidder"] for entry in self.value["result"]["rejections"]}
        valid = [bidder for bidder in bidders if bidder not in out]
        for sheet, stated in read.sheets:
            if sheet.session_id != self.value["session"] or sheet.digest != stated:
                self._fault(3, "evaluation.report.sheet_digest", seat=sheet.seat)
                before = False
            try:
                check_cells(method, bidders, sheet.cells)
            except Refusal as refusal:
                self.found[2].extend(FILE, _reasons(refusal))
                before = False
            missing = missing_cells(method, valid, sheet.cells)
            if missing:
                self._fault(
                    3, "evaluation.report.sheet_incomplete", seat=sheet.seat, missing=len(missing)
                )
                before = False
        return before

    # 4
    def _recompute(self, read: _Read, method: Method) -> Result | None:
        out = {entry["bidder"] for entry in self.value["result"]["rejections"]}
        valid = [bid.bidder for bid in read.bids if bid.bidder not in out]
        for bidder, item in disagreements(method, valid, [s.cells for s, _ in read.sheets]):
            self._fault(4, "evaluation.report.objective_differs", bidder=bidder, item=item)
        try:
            return evaluate(
                method,
                read.bids,
                read.ceiling,
                read.k_permille,
                read.votes,
                [sheet for sheet, _ in read.sheets],
                read.majority,
                read.valid_bids_min,
            )
        except (AssertionError, KeyError, Refusal):
            # Bids that were rejected without a ground leave sheets with holes.
            self._fault(4, "evaluation.report.not_computable")
            return None

    # 5 to 8
    def _compare(self, read: _Read, result: Result) -> None:
        said, due = self.value["result"], result_json(result)
        for number, name in ((5, "rejections"), (6, "price"), (7, "scores"), (8, "ranking")):
            if said.get(name) != due[name]:
                self._fault(number, "evaluation.report.differs", part=name)
        if said.get("short") != due["short"] or set(said) != set(due):
            self._fault(8, "evaluation.report.differs", part="short")
        if result.is_short and not self.value["argument"]:
            self._fault(8, "evaluation.report.not_argued", least=read.valid_bids_min)

    # 9
    def _nights(self) -> None:
        last = ""
        for number, night in enumerate(self.value["nights"], start=1):
            try:
                sealed, resumed = night["sealed_at"], night["resumed_at"]
                in_order = moment_of(sealed) < moment_of(resumed) and last < sealed
                sound = in_order and bool(night["seals"]) and bool(night["drafts"])
            except (KeyError, TypeError, ValueError):
                sound, resumed = False, last
            if not sound:
                self._fault(9, "evaluation.report.night", night=number)
            last = resumed

    # 10
    def _answers(self, read: _Read) -> None:
        if canonical.digest(body_of(self.value)) != self.value["body_sha256"]:
            self._fault(10, "evaluation.report.body_digest")
        answers = self.value["answers"]
        try:
            if sorted(answer["seat"] for answer in answers) != sorted(read.seats):
                self._fault(10, "evaluation.report.answers_members")
            for answer in answers:
                is_dissent = answer["answer"] == "DISSENT"
                known = answer["answer"] in {"SIGNED", "DISSENT", "SILENT"}
                if not known or is_dissent != bool(answer["statement"]):
                    self._fault(10, "evaluation.report.answer", seat=answer["seat"])
        except (KeyError, TypeError):
            self._fault(10, "evaluation.report.answers_members")


def _reasons(refusal: Refusal) -> list[Reason]:
    return [Reason(fault.code, fault.params) for fault in refusal.faults]


def _read(value: Mapping[str, Any]) -> _Read:
    canonical.encode(value)  # no floats, no strange types anywhere
    rules = {rule["id"]: rule["value"] for rule in value["rules"]}
    if not isinstance(value["result"]["rejections"], list) or not isinstance(value["nights"], list):
        raise TypeError("not a list")
    for entry in value["result"]["rejections"]:
        entry["bidder"]
    shares = [
        PriceShare(rules[rule_id], rule_id)
        for rule_id in sorted(rules)
        if rule_id.startswith("score.price_share_min.")
    ]
    return _Read(
        regime=Regime(value["regime"]),
        bids=tuple(Bid(bid["bidder"], Money(bid["price_fen"])) for bid in value["bids"]),
        ceiling=Money(value["ceiling_fen"]),
        k_permille=value["k_permille"],
        seats=tuple(member["seat"] for member in value["members"]),
        may_chair=tuple(
            member["seat"]
            for member in value["members"]
            if not member["representative"] or rules[CHAIR]
        ),
        sheets=tuple(_sheet(entry) for entry in value["sheets"]),
        votes=tuple(
            Vote(vote["seat"], vote["bidder"], Ground(vote["ground"])) for vote in value["votes"]
        ),
        majority=Fraction(rules["session.majority_share"]),
        valid_bids_min=int(rules["score.valid_bids_min"]),
        price_share=shares[0] if shares else None,
    )


def _sheet(entry: Mapping[str, Any]) -> tuple[Sheet, str]:
    fields = dict(entry)
    stated = fields.pop("sha256")
    return sheet_of(fields), stated
