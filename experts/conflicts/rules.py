"""The closed list of recusal rules (回避情形), each a function of an expert and the lot's context.

    id                    what binds the expert                              R of the list, article
    own_tenderer          employed by the tenderer or purchaser              R10 财政部令第87号 四十七
    own_agency            employed by the agency                             R11 财政部令第87号 四十七
    own_supervisor        employed by the supervising department             R2  条例 四十六;12号令 十二(二)
    own_bidder            employed by a bidder                               R5  政采条例 九(一);12号令 十二(三)
    own_named             employed by a unit named in the request            R9  政采条例 九(五)
    past_employer         was employed by a party within the window          R5  政采条例 九(一)
    board_seat            director or supervisor of a party                  R6  政采条例 九(二)
    declared_unit         declared a party for kinship or other interest     R8  政采条例 九(四);12号令 十二(一)
    control_group         employed by, on the board of, or declared, a body
                          that control binds to a party                      R7  政采条例 九(三);12号令 十二(三)
    drafted_file          took part in writing the tender file               R12 practice
    voided_committee      sat on the committee whose conclusions were void   R13 财政部令第87号 六十七
    penalised             penalised for acts in tendering                    R4  12号令 十二(四)

Each rule is tagged with the regimes whose text has it; with `strict_union` all hold in all regimes
(as the promise forms in service have it), and in regimes that have no list of their own they always
do. R1's close relatives and R3's other interests are known only as far as they were declared.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from archive.errors import Reason
from experts.conflicts.context import Context, Side, Tie
from experts.pool.columns import Columns
from experts.pool.expert import Expert
from trading.regime import Regime

Judge: TypeAlias = Callable[[Expert, Context], Reason | None]

ZTB = frozenset({Regime.ZTB})
ZFCG = frozenset({Regime.ZFCG})
BOTH = ZTB | ZFCG


@dataclass(frozen=True)
class ConflictRule:
    """One rule. `article` is the text of law that has it, `number` its R in the project's list."""

    id: str
    number: str
    regimes: frozenset[Regime]
    article: str
    judge: Judge

    def applies(self, context: Context) -> bool:
        listed = context.regime in BOTH
        return context.rules.strict_union or not listed or context.regime in self.regimes


def _party(uscc: str, context: Context) -> Iterator[Tie]:
    return (tie for tie in context.ties.get(uscc, ()) if tie.is_party)


def _reason(what: str, uscc: str, tie: Tie) -> Reason:
    return Reason(
        f"experts.conflict.{what}",
        {"unit": uscc, "side": tie.side.value, "party": tie.chain[0], "chain": tie.text},
    )


def _own(side: Side, what: str) -> Judge:
    def judge(expert: Expert, context: Context) -> Reason | None:
        for tie in _party(expert.employer_uscc, context):
            if tie.side is side:
                return _reason(what, expert.employer_uscc, tie)
        return None

    return judge


def past_employer(expert: Expert, context: Context) -> Reason | None:
    """An employment that ended within the window. `until` is the first day after it."""
    for uscc, until in expert.past_employers:
        if until > context.window_start:
            for tie in _party(uscc, context):
                return _reason("past_employer", uscc, tie)
    return None


def board_seat(expert: Expert, context: Context) -> Reason | None:
    """A seat on a party's board of directors or supervisors."""
    return _first(expert.board_seats, context, "board_seat")


def declared_unit(expert: Expert, context: Context) -> Reason | None:
    """A party that the expert declared himself."""
    return _first(expert.declared_units, context, "declared_unit")


def _first(units: Iterable[str], context: Context, what: str) -> Reason | None:
    for uscc in units:
        for tie in _party(uscc, context):
            return _reason(what, uscc, tie)
    return None


def control_group(expert: Expert, context: Context) -> Reason | None:
    """Bound to a body that control, through however many others, binds to a party."""
    for uscc in (expert.employer_uscc, *expert.board_seats, *expert.declared_units):
        for tie in context.ties.get(uscc, ()):
            if not tie.is_party:
                return _reason("control_group", uscc, tie)
    return None


def drafted_file(expert: Expert, context: Context) -> Reason | None:
    """Took part in writing or advising on the tender file."""
    return Reason("experts.conflict.drafted_file") if expert.id in context.drafters else None


def voided_committee(expert: Expert, context: Context) -> Reason | None:
    """Sat on the committee that this one replaces."""
    return Reason("experts.conflict.voided_committee") if expert.id in context.voided else None


def penalised(expert: Expert, context: Context) -> Reason | None:
    """Was ever penalised for acts in tendering or evaluation."""
    return Reason("experts.conflict.penalised") if expert.penalised else None


RULES: tuple[ConflictRule, ...] = (
    ConflictRule(
        "recusal.own_tenderer",
        "R10",
        ZFCG,
        "财政部令第87号 第四十七条",
        _own(Side.TENDERER, "own_tenderer"),
    ),
    ConflictRule(
        "recusal.own_agency",
        "R11",
        ZFCG,
        "财政部令第87号 第四十七条",
        _own(Side.AGENCY, "own_agency"),
    ),
    ConflictRule(
        "recusal.own_supervisor",
        "R2",
        ZTB,
        "招标投标法实施条例 第四十六条;12号令 第十二条(二)",
        _own(Side.SUPERVISOR, "own_supervisor"),
    ),
    ConflictRule(
        "recusal.own_bidder",
        "R5",
        BOTH,
        "政府采购法实施条例 第九条(一);12号令 第十二条(三)",
        _own(Side.BIDDER, "own_bidder"),
    ),
    ConflictRule(
        "recusal.own_named",
        "R9",
        BOTH,
        "政府采购法实施条例 第九条(五)",
        _own(Side.NAMED, "own_named"),
    ),
    ConflictRule(
        "recusal.past_employer", "R5", ZFCG, "政府采购法实施条例 第九条(一)", past_employer
    ),
    ConflictRule("recusal.board_seat", "R6", ZFCG, "政府采购法实施条例 第九条(二)", board_seat),
    ConflictRule(
        "recusal.declared_unit",
        "R8",
        BOTH,
        "政府采购法实施条例 第九条(四);12号令 第十二条(一)",
        declared_unit,
    ),
    ConflictRule(
        "recusal.control_group",
        "R7",
        BOTH,
        "政府采购法实施条例 第九条(三);招标投标法 第三十七条",
        control_group,
    ),
    ConflictRule("recusal.drafted_file", "R12", BOTH, "机电产品国际招标实践", drafted_file),
    ConflictRule(
        "recusal.voided_committee", "R13", ZFCG, "财政部令第87号 第六十七条", voided_committee
    ),
    ConflictRule("recusal.penalised", "R4", ZTB, "12号令 第十二条(四)", penalised),
)
"""Every rule there is; their order is the order of the reasons."""


def conflicts(expert: Expert, context: Context) -> tuple[Reason, ...]:
    """Every reason for which the expert must recuse himself; empty where there is none."""
    return tuple(
        reason
        for rule in RULES
        if rule.applies(context) and (reason := rule.judge(expert, context)) is not None
    )


def touched(columns: Columns, context: Context) -> npt.NDArray[np.bool_]:
    """Mask of the experts for whom any rule could speak. For all others `conflicts` is empty, so it
    need not be asked; a test holds that."""
    mask = columns.bound_to(context.ties) | columns.penalised
    for expert_id in context.drafters | context.voided:
        if expert_id in columns.row_of:
            mask[columns.row_of[expert_id]] = True
    return mask
