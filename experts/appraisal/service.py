"""Assessments and appeals at work, and the counts behind odd patterns.

The stream `appraisals` records each by session, seat and points: an expert's id would tell who sat in
a committee whose members are secret (招标投标法 第三十七条). Grounds go there by their digest.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta

from sqlmodel import Session

from archive.actor import Actor, Role
from archive.errors import Kind, Refusal
from archive.office import Tx, keeper_of
from experts.appraisal import queries
from experts.appraisal.assessment import (
    MAY_DEDUCT,
    NOTE_CHARACTERS_MAX,
    ROLE_OF,
    Appeal,
    Appealed,
    AppraisalRules,
    Assessment,
    Deduction,
    Outcome,
    Side,
    State,
    Subject,
    appraisal_rules,
    mean_hundredths,
    points_after,
    rule_of,
)
from experts.appraisal.patterns import Tally
from experts.appraisal.tables import ExpertAppealRow, ExpertAssessmentRow
from experts.invitations.course.service import candidates_of
from experts.invitations.names import open_name
from experts.pool.standing import service as standing
from experts.pool.standing.history import Act, Line
from experts.pool.standing.machine import Return
from trading.acting import must_act_for, must_serve, must_watch
from trading.calendar.legal import calendar, legal_day
from trading.rules.book import book

STREAM = "appraisals"
GROUNDS_CHARACTERS_MAX = 4000
_ENDING = frozenset({Act.SUSPENDED, Act.LEFT, Act.RETURNED})


def rules_on(on: date) -> AppraisalRules:
    """The rules of a day."""
    return appraisal_rules(lambda rule_id: book().rule(rule_id, on, region="530000"))


def due_on(subject: Subject) -> date:
    """The last day on which the session may be assessed."""
    days = rules_on(subject.closed_on).assess_workdays
    return calendar().workdays_after(subject.closed_on, days).day


def assess(
    tx: Tx,
    actor: Actor,
    subject: Subject,
    side: Side,
    seat_code: str,
    deductions: Sequence[Deduction],
    note: str = "",
) -> Assessment:
    """Keep what one side says of the member on a seat. FORBIDDEN for somebody of another side or for
    an act that this side cannot have seen; INVALID without grounds for a deduction; TOO_LATE after
    the days of the rule; CONFLICT a second time."""
    check_side(actor, subject, side)
    today = legal_day(tx.now)
    last = due_on(subject)
    if today > last:
        raise Refusal(
            "experts.appraisal.late",
            {"until": last.isoformat()},
            Kind.TOO_LATE,
            rule="appraisal.assess_workdays",
        )
    expert_id = subject.members.get(seat_code)
    if expert_id is None:
        raise Refusal("experts.appraisal.seat", {"seat": seat_code[:40]}, Kind.NOT_FOUND)
    given = tuple(each for each in Deduction if each in set(deductions))
    for each in given:
        if each not in MAY_DEDUCT[side]:
            params = {"side": side.value, "deduction": each.value}
            raise Refusal("experts.appraisal.not_seen", params, Kind.FORBIDDEN, rule=rule_of(each))
    note = note.strip()
    if given and not note:
        raise Refusal("experts.appraisal.grounds", {})
    if len(note) > NOTE_CHARACTERS_MAX:
        raise Refusal("experts.standing.note", {"length_max": NOTE_CHARACTERS_MAX})
    given_before = queries.of_session(tx.db, subject.session_id)
    if any(row.seat_code == seat_code and row.side == side for row in given_before):
        params = {"seat": seat_code, "side": side.value}
        raise Refusal("experts.appraisal.twice", params, Kind.CONFLICT)
    rules = rules_on(today)
    row = ExpertAssessmentRow(
        id=tx.new_id(),
        session_id=subject.session_id,
        lot_id=subject.lot_id,
        seat_code=seat_code,
        expert_id=expert_id,
        side=side.value,
        deductions=" ".join(given),
        points=points_after(given, rules),
        note=note,
        actor_id=actor.id,
        at=tx.now,
        appeal_until=today + timedelta(days=rules.appeal_days),
        state=State.STANDS.value,
    )
    tx.db.add(row)
    tx.db.flush()
    data = {
        "assessment": row.id,
        "session": row.session_id,
        "seat": seat_code,
        "side": row.side,
        "points": row.points,
        "rules": [rule_of(each) for each in given],
        "grounds": _digest(note),
    }
    tx.record(STREAM, "experts:assessment:given", actor, data)
    return row.to_domain()


def check_side(actor: Actor, subject: Subject, side: Side) -> None:
    """Refuse FORBIDDEN whoever does not stand for this side of this session."""
    actor.must_be(ROLE_OF[side])
    if side is Side.CENTRE:
        must_serve(actor, subject.centre_id)
    elif side is Side.TENDERER:
        must_act_for(actor, *subject.tenderers)
    else:
        must_watch(actor, subject.supervisor_uscc)


def appeal_assessment(tx: Tx, actor: Actor, assessment_id: str, grounds: str) -> Appeal:
    """The assessed expert appeals; only against what was deducted, once, and in time."""
    row = queries.assessment(tx.db, assessment_id)
    if row is None or row.expert_id != actor.party_id:
        raise _unknown(assessment_id)
    if not row.to_domain().is_adverse:
        raise Refusal("experts.appraisal.nothing", {}, Kind.CONFLICT)
    made = _file(tx, actor, Appealed.ASSESSMENT, row.id, row.actor_id, row.appeal_until, grounds)
    row.state = State.APPEALED.value
    tx.db.add(row)
    tx.db.flush()
    return made


def appeal_line(tx: Tx, actor: Actor, seq: int, grounds: str) -> Appeal:
    """The expert appeals against a decision on his standing in the pool."""
    line = _line(tx.db, actor.party_id, seq)
    if line.appeal_until is None:
        raise Refusal("experts.appraisal.nothing", {}, Kind.CONFLICT)
    subject = f"{line.expert_id}/{line.seq}"
    return _file(tx, actor, Appealed.LINE, subject, line.actor_id, line.appeal_until, grounds)


def decide(tx: Tx, actor: Actor, appeal_id: str, *, is_upheld: bool, reasons: str) -> Appeal:
    """Decide an appeal: the pool's office or, on an assessment, a supervisor; never the person whose
    decision it is against. Upheld, the deductions fall, or the expert returns to the pool."""
    row = queries.appeal(tx.db, appeal_id)
    if row is None:
        raise _unknown(appeal_id)
    is_line = row.kind == Appealed.LINE.value
    actor.must_be(*((Role.POOL,) if is_line else (Role.POOL, Role.SUPERVISOR)))
    actor.must_not_be(row.against)
    if row.outcome != Outcome.OPEN.value:
        raise Refusal("experts.appraisal.decided", {"outcome": row.outcome}, Kind.CONFLICT)
    reasons = reasons.strip()
    if not 0 < len(reasons) <= GROUNDS_CHARACTERS_MAX:
        raise Refusal("experts.appraisal.reasons", {"length_max": GROUNDS_CHARACTERS_MAX})
    row.outcome = (Outcome.UPHELD if is_upheld else Outcome.REJECTED).value
    row.decided_by, row.decided_at, row.reasons = actor.id, tx.now, reasons
    tx.db.add(row)
    tx.db.flush()
    if is_line:
        if is_upheld:
            _restore(tx, actor, row)
    else:
        judged = queries.assessment(tx.db, row.subject)
        assert judged is not None, "an appeal is against what there is"
        judged.state = (State.ANNULLED if is_upheld else State.CONFIRMED).value
        if is_upheld:
            judged.points = rules_on(legal_day(judged.at)).base_points
        tx.db.add(judged)
        tx.db.flush()
    data = {"appeal": row.id, "kind": row.kind, "outcome": row.outcome, "grounds": _digest(reasons)}
    tx.record(STREAM, "experts:appeal:decided", actor, data)
    return row.to_domain()


def _restore(tx: Tx, actor: Actor, row: ExpertAppealRow) -> None:
    """Take back a suspension or a removal that is still in force."""
    line = _line(tx.db, row.expert_id, int(row.subject.rpartition("/")[2]))
    newest = [x for x in standing.history(tx.db, row.expert_id) if x.act in _ENDING][-1]
    if line.act in (Act.SUSPENDED, Act.LEFT) and newest.seq == line.seq:
        standing.act(tx, actor, row.expert_id, Return(f"申诉成立 {row.id}"))


def _file(
    tx: Tx, actor: Actor, kind: Appealed, subject: str, against: str, until: date, grounds: str
) -> Appeal:
    actor.must_be(Role.EXPERT)
    if legal_day(tx.now) > until:
        raise Refusal("experts.appraisal.appeal_late", {"until": until.isoformat()}, Kind.TOO_LATE)
    grounds = grounds.strip()
    if not 0 < len(grounds) <= GROUNDS_CHARACTERS_MAX:
        raise Refusal("experts.appraisal.reasons", {"length_max": GROUNDS_CHARACTERS_MAX})
    if queries.appeal_of(tx.db, kind.value, subject) is not None:
        raise Refusal("experts.appraisal.appealed", {}, Kind.CONFLICT)
    row = ExpertAppealRow(
        id=tx.new_id(),
        kind=kind.value,
        subject=subject,
        expert_id=actor.party_id,
        against=against,
        grounds=grounds,
        filed_at=tx.now,
        outcome=Outcome.OPEN.value,
    )
    tx.db.add(row)
    tx.db.flush()
    # Under no account: an expert's would tell whose seat it is.
    pseudonym = Actor(f"appellant-{row.id[-8:]}", actor.roles)
    data = {"appeal": row.id, "kind": row.kind, "grounds": _digest(grounds)}
    tx.record(STREAM, "experts:appeal:filed", pseudonym, data)
    return row.to_domain()


def _line(db: Session, expert_id: str, seq: int) -> Line:
    found = [line for line in standing.history(db, expert_id) if line.seq == seq]
    if not found:
        raise _unknown(f"{expert_id}/{seq}")
    return found[0]


def _unknown(subject: str) -> Refusal:
    return Refusal("experts.appraisal.unknown", {"subject": subject[:40]}, Kind.NOT_FOUND)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest() if text else ""


def year_hundredths(assessments: Sequence[Assessment], year: int) -> int | None:
    """The mean of a year's assessments in hundredths of a point; None without any."""
    return mean_hundredths([each.points for each in assessments if legal_day(each.at).year == year])


# --- Reading ----------------------------------------------------------------------------------


def of_session(db: Session, session_id: str) -> list[Assessment]:
    """All assessments of a session, by seat and side."""
    return [row.to_domain() for row in queries.of_session(db, session_id)]


def of_expert(db: Session, expert_id: str) -> list[Assessment]:
    """All assessments of one expert, the newest first."""
    return [row.to_domain() for row in queries.of_expert(db, expert_id)]


def appeals(db: Session, expert_id: str | None = None) -> list[Appeal]:
    """All appeals, or one expert's; those that wait first."""
    return [row.to_domain() for row in queries.appeals(db, expert_id)]


def tallies(db: Session, scores: Mapping[str, tuple[int, int]]) -> dict[str, Tally]:
    """What is counted of each expert who was a candidate or called, in draws that are closed: while
    a committee sits, a count would tell who was called to it. `scores` are (far, all) scores by
    expert, from whoever knows the sheets."""
    invited: dict[str, Counter[int]] = defaultdict(Counter)
    answers: dict[str, dict[str, str]] = defaultdict(dict)
    keeper = keeper_of(db)
    for item in queries.calls(db):
        expert_id = open_name(keeper, item.draw_id, item.leaf, item.name)
        invited[item.draw_id][item.group_number] += 1
        answers[expert_id][item.draw_id] = item.answer
    chances: dict[str, list[float]] = defaultdict(list)
    for draw_id in queries.draws(db):
        if not invited[draw_id]:
            continue
        candidates = [each for each in candidates_of(db, draw_id) if not each.reasons]
        sizes = Counter(group for each in candidates for group in each.groups)
        for each in candidates:
            missed = 1.0
            for group in each.groups:
                missed *= 1 - min(1.0, invited[draw_id][group] / sizes[group])
            chances[each.expert_id].append(1 - missed)
    late: Counter[str] = Counter()
    seated: dict[str, set[str]] = defaultdict(set)
    for row in queries.everything(db):
        told = row.to_domain()
        seated[told.expert_id].add(told.session_id)
        if told.side is Side.CENTRE and told.is_adverse and Deduction.LATE in told.deductions:
            late[told.expert_id] += 1
    found = {}
    for expert_id in chances.keys() | answers.keys() | scores.keys():
        said = Counter(answers[expert_id].values())
        far, all_scores = scores.get(expert_id, (0, 0))
        found[expert_id] = replace(
            Tally(tuple(chances[expert_id])),
            called=sum(said.values()) - said[""],
            accepted=said["YES"],
            declined=said["NO"],
            silent=said["SILENT"],
            sessions=len(seated[expert_id]),
            late=late[expert_id],
            scores=all_scores,
            deviating=far,
        )
    return found
