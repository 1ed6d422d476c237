"""The closed list of recusal rules (回避情形), each one function of an expert and the lot's context.

    id                what binds the expert                                R of the list, article
    own_tenderer      employed by the tenderer or purchaser                R10 财政部令第87号 四十七
    own_agency        employed by the agency                               R11 财政部令第87号 四十七
    own_supervisor    employed by the supervising department               R2  条例 四十六;12号令 十二(二)
    own_bidder        employed by a bidder                                 R5  政采条例 九(一);12号令 十二(三)
    own_named         employed by a unit named in the request              R9  政采条例 九(五)
    past_employer     was employed by a party within the window            R5  政采条例 九(一)
    board_seat        is director or supervisor of a party                 R6  政采条例 九(二)
    past_board_seat   was so within the window                             R6  政采条例 九(二)
    controls_party    owns or controls a party himself                     R7  政采条例 九(三)
    declared_unit     declared a party for kinship or other interest       R1, R8  政采条例 九(四);12号令 十二(一)
    control_group     employed by, on the board of, in control of, or
                      declared, a body that control binds to a party       R3, R7  法 三十七;政采条例 九(三)
    interest          employed by a body that holds, or is held by, a
                      party with a share that is an economic interest      R3  12号令 十二(三)
    drafted_file      took part in writing the tender file                 R12 practice
    voided_committee  sat on the committee whose conclusions were void     R13 财政部令第87号 六十七
    penalised         penalised for acts in tendering                      R4  12号令 十二(四)
    self_declared     said himself that he must recuse                     条例 四十六、七十一
    frequent          was seated as often as a week allows                 practice
    same_tenderer     was seated as often for this tenderer as allowed     practice

One employer, one member (同一单位) binds members to each other and is judged with the committee
(`experts.committee.Coupling`). Which rules hold on a day, in which regime and with which article, is
in the rule pack (`experts.conflicts.law`). A directorship concerns that expert alone: no rule takes
it from one company to another through him, or to his colleagues. R1's relatives and R3's other
interests are known only as far as they were declared.

Every reason carries its evidence: the unit, the party and the chain of companies between them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from archive.errors import Reason
from experts.conflicts.context import Context, Side, Tie
from experts.pool.columns import Columns
from experts.pool.expert import Expert

Judge: TypeAlias = Callable[[Expert, Context], Reason | None]


@dataclass(frozen=True)
class ConflictRule:
    """One rule; `number` is its R in the list of the product's law brief, empty for our own."""

    id: str
    number: str
    judge: Judge

    def applies(self, context: Context) -> bool:
        return context.rules.active is None or self.id in context.rules.active


def own_tenderer(expert: Expert, context: Context) -> Reason | None:
    """The expert's own unit tenders or purchases."""
    return _own(expert, context, Side.TENDERER, "own_tenderer")


def own_agency(expert: Expert, context: Context) -> Reason | None:
    """The expert's own unit is the agency."""
    return _own(expert, context, Side.AGENCY, "own_agency")


def own_supervisor(expert: Expert, context: Context) -> Reason | None:
    """The expert serves in the department that supervises the lot."""
    return _own(expert, context, Side.SUPERVISOR, "own_supervisor")


def own_bidder(expert: Expert, context: Context) -> Reason | None:
    """The expert's own unit bids."""
    return _own(expert, context, Side.BIDDER, "own_bidder")


def own_named(expert: Expert, context: Context) -> Reason | None:
    """The expert's own unit was named as one to avoid."""
    return _own(expert, context, Side.NAMED, "own_named")


def past_employer(expert: Expert, context: Context) -> Reason | None:
    """An employment that ended within the window. `until` is the first day after it."""
    return _past(expert.past_employers, context, "past_employer")


def board_seat(expert: Expert, context: Context) -> Reason | None:
    """A seat on a party's board of directors or supervisors."""
    return _first(expert.board_seats, context, "board_seat")


def past_board_seat(expert: Expert, context: Context) -> Reason | None:
    """A seat that was left within the window."""
    return _past(expert.past_board_seats, context, "past_board_seat")


def controls_party(expert: Expert, context: Context) -> Reason | None:
    """The expert is the party's controlling shareholder or actual controller."""
    return _first(expert.controlled_units, context, "controls_party")


def declared_unit(expert: Expert, context: Context) -> Reason | None:
    """A party that the expert declared himself: kinship, or another interest."""
    return _first(expert.declared_units, context, "declared_unit")


def control_group(expert: Expert, context: Context) -> Reason | None:
    """Bound to a body that control, through however many others, binds to a party."""
    near = (*expert.board_seats, *expert.controlled_units, *expert.declared_units)
    for uscc in (expert.employer_uscc, *near):
        for tie in context.ties.get(uscc, ()):
            if not tie.is_party:
                return _reason("control_group", uscc, tie)
    return None


def interest(expert: Expert, context: Context) -> Reason | None:
    """The expert's unit holds a share of a party, or a party one of his unit, that is an interest."""
    for tie in context.interests.get(expert.employer_uscc, ()):
        return _reason("interest", expert.employer_uscc, tie)
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


def self_declared(expert: Expert, context: Context) -> Reason | None:
    """Said in a signed statement on this lot that he must recuse."""
    return Reason("experts.conflict.self_declared") if expert.id in context.recused else None


def frequent(expert: Expert, context: Context) -> Reason | None:
    """Was seated so often in the week around the evaluation."""
    served, most = context.served.get(expert.id), context.rules.week_max
    if served is None or served.week < most:
        return None
    return Reason("experts.conflict.frequent", {"count": served.week, "count_max": most})


def same_tenderer(expert: Expert, context: Context) -> Reason | None:
    """Was seated so often for this tenderer lately."""
    served, rules = context.served.get(expert.id), context.rules
    if served is None or served.tenderer < rules.tenderer_max:
        return None
    params = {
        "count": served.tenderer,
        "count_max": rules.tenderer_max,
        "days": rules.tenderer_days,
    }
    return Reason("experts.conflict.same_tenderer", params)


def _own(expert: Expert, context: Context, side: Side, what: str) -> Reason | None:
    for tie in context.ties.get(expert.employer_uscc, ()):
        if tie.is_party and tie.side is side:
            return _reason(what, expert.employer_uscc, tie)
    return None


def _past(pairs: Iterable[tuple[str, date]], context: Context, what: str) -> Reason | None:
    within = (uscc for uscc, until in pairs if until > context.window_start)
    return _first(within, context, what)


def _first(units: Iterable[str], context: Context, what: str) -> Reason | None:
    for uscc in units:
        for tie in context.ties.get(uscc, ()):
            if tie.is_party:
                return _reason(what, uscc, tie)
    return None


def _reason(what: str, uscc: str, tie: Tie) -> Reason:
    return Reason(
        f"experts.conflict.{what}",
        {"unit": uscc, "side": tie.side.value, "party": tie.chain[0], "chain": tie.text},
    )


RULES: tuple[ConflictRule, ...] = (
    ConflictRule("recusal.own_tenderer", "R10", own_tenderer),
    ConflictRule("recusal.own_agency", "R11", own_agency),
    ConflictRule("recusal.own_supervisor", "R2", own_supervisor),
    ConflictRule("recusal.own_bidder", "R5", own_bidder),
    ConflictRule("recusal.own_named", "R9", own_named),
    ConflictRule("recusal.past_employer", "R5", past_employer),
    ConflictRule("recusal.board_seat", "R6", board_seat),
    ConflictRule("recusal.past_board_seat", "R6", past_board_seat),
    ConflictRule("recusal.controls_party", "R7", controls_party),
    ConflictRule("recusal.declared_unit", "R8", declared_unit),
    ConflictRule("recusal.control_group", "R7", control_group),
    ConflictRule("recusal.interest", "R3", interest),
    ConflictRule("recusal.drafted_file", "R12", drafted_file),
    ConflictRule("recusal.voided_committee", "R13", voided_committee),
    ConflictRule("recusal.penalised", "R4", penalised),
    ConflictRule("recusal.self_declared", "R9", self_declared),
    ConflictRule("recusal.frequent", "", frequent),
    ConflictRule("recusal.same_tenderer", "", same_tenderer),
)
"""Every rule there is; their order is the order of the reasons."""

RULE_OF_REASON: Mapping[str, str] = {
    f"experts.conflict.{rule.id.removeprefix('recusal.')}": rule.id for rule in RULES
}
"""From the code of a reason to the id of its rule."""


def conflicts(expert: Expert, context: Context) -> tuple[Reason, ...]:
    """Every reason for which the expert must recuse himself; empty where there is none."""
    return reasons_by(in_force(context), expert, context)


def in_force(context: Context) -> tuple[ConflictRule, ...]:
    """The rules that hold for a lot: looked up once where many experts are judged."""
    return tuple(rule for rule in RULES if rule.applies(context))


def reasons_by(
    rules: Iterable[ConflictRule], expert: Expert, context: Context
) -> tuple[Reason, ...]:
    """The same as `conflicts`, the rules in force given."""
    found = []
    for rule in rules:  # a plain loop: this is where filtering a large pool spends its time
        reason = rule.judge(expert, context)
        if reason is not None:
            found.append(reason)
    return tuple(found)


def touched(columns: Columns, context: Context) -> npt.NDArray[np.bool_]:
    """Mask of the experts for whom any rule could speak. For all others `conflicts` is empty, so it
    need not be asked; a test holds that."""
    bound = columns.bound_to([*context.ties, *context.interests])
    return bound | listed(columns, context) | columns.penalised


def listed(columns: Columns, context: Context) -> npt.NDArray[np.bool_]:
    """Mask of the experts whom some list of the lot names."""
    mask = np.zeros(len(columns), dtype=np.bool_)
    for expert_id in (*context.drafters, *context.voided, *context.recused, *context.served):
        if expert_id in columns.row_of:
            mask[columns.row_of[expert_id]] = True
    return mask


def certain(columns: Columns, context: Context) -> npt.NDArray[np.bool_]:
    """Mask of experts who are in conflict for sure: control binds a unit of theirs to a party, or
    they were penalised. Their reasons need not be known to know that."""
    mask = np.zeros(len(columns), dtype=np.bool_)
    if rule_of(control_group).applies(context):
        far = (code for code, ties in context.ties.items() if not all(t.is_party for t in ties))
        mask |= columns.presently_bound_to(far)
    if rule_of(penalised).applies(context):
        mask |= columns.penalised
    return mask


def doubtful(columns: Columns, context: Context) -> npt.NDArray[np.bool_]:
    """Mask of the experts for whom a rule could speak that looks closer: at the party itself, at days,
    shares, or lists. For those who are neither here nor `certain`, `conflicts` is empty."""
    near = (code for code, ties in context.ties.items() if ties[0].is_party)
    return columns.bound_to([*near, *context.interests]) | listed(columns, context)


def rule_of(judge: Judge) -> ConflictRule:
    return next(rule for rule in RULES if rule.judge is judge)
