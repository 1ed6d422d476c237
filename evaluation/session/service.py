"""Evaluation sessions: scheduled, moved by commands, read. One transaction an act.

Every event of the machine is an entry `evaluation:session:<event>` on `session/<id>`, with the stage
and the rule it happened under; the method, the body of the report and the signed report are
documents of those entries.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlmodel import Session as Db

from archive import canonical
from archive.actor import Actor, Role
from archive.clock import SHANGHAI
from archive.errors import Kind, Refusal
from archive.journal.entry import DocumentRef
from archive.office import Tx
from evaluation import report
from evaluation.criteria import parse_method
from evaluation.pricing import check_drawn_k
from evaluation.ranking import Result
from evaluation.session import commands as c
from evaluation.session import queries
from evaluation.session.machine import BY_COMMAND, apply
from evaluation.session.rules import price_share
from evaluation.session.session import Session, SessionPlan
from evaluation.session.state import Event, Facts, Stage, State
from evaluation.session.tables import SessionRow, state_text
from evaluation.sheets import service as sheets

METHOD_NAME = "evaluation-method.json"
BODY_NAME = "evaluation-report-body.json"
_SHEETS_MATTER = (c.LockSheet, c.WitnessUnseal, c.Resume, c.SubmitScores, c.FileReport)


def schedule(tx: Tx, actor: Actor, plan: SessionPlan) -> Session:
    """Schedule a session. Refuses INVALID for a plan or a method with faults, CONFLICT where the lot
    has a session that is not void."""
    actor.must_be(Role.STAFF, Role.SYSTEM)
    plan.check()
    region = plan.region or plan.centre_id
    today = tx.now.astimezone(SHANGHAI).date()
    share = price_share(today, plan.regime, region, plan.kind)
    method = parse_method(plan.criteria, plan.regime, share)
    live = [s for s in sessions(tx.db, lot_id=plan.lot_id) if s.stage is not Stage.VOID]
    if live:
        raise Refusal("evaluation.session.lot_has_one", {"session": live[0].id}, Kind.CONFLICT)
    if plan.id and queries.one(tx.db, plan.id) is not None:
        raise Refusal("evaluation.session.id_used", {"session": plan.id}, Kind.CONFLICT)
    state = State(
        session_id=plan.id or tx.new_id(),
        lot_id=plan.lot_id,
        host=plan.centre_id,
        regime=plan.regime,
        ruled_on=today,
        starts_at=plan.starts_at,
        is_overnight_planned=plan.overnight,
        members=plan.seats(),
    )
    row = SessionRow(
        id=state.session_id,
        centre_id=state.host,
        lot_id=state.lot_id,
        draw_id=plan.draw_id,
        regime=plan.regime.value,
        kind=plan.kind.value,
        region=region,
        starts_at=plan.starts_at,
        slots=plan.slots,
        created_at=tx.now,
        method=canonical.encode(method.to_json()).decode(),
        stage=state.stage.value,
        version=state.version,
        state=state_text(state),
    )
    queries.insert(tx.db, row, state)
    document = tx.keep(METHOD_NAME, method.to_json())
    scheduled = Event(
        "scheduled",
        {
            "draw": plan.draw_id,
            "host": state.host,
            "lot": state.lot_id,
            "members": len(state.members),
            "overnight": plan.overnight,
            "regime": plan.regime.value,
            "region": region,
            "slots": plan.slots,
        },
    )
    _record(tx, actor, state, scheduled, "session.venue", (document,))
    return queries.to_session(row)


def act(
    tx: Tx,
    actor: Actor,
    session_id: str,
    command: c.Command,
    *,
    version: int | None = None,
    documents: tuple[DocumentRef, ...] = (),
) -> Session:
    """Give a session a command. `version`: the state's that the giver saw, where he wants to be
    refused if it has moved on. `documents`: what the command's digests stand for, if it is kept."""
    row, session = queries.load_locked(tx.db, session_id)
    state = session.state
    if version is not None and version != state.version:
        raise Refusal(
            "evaluation.session.moved_on",
            {"command": type(command).__name__, "stage": state.stage.value},
            Kind.CONFLICT,
        )
    if isinstance(command, c.EnterBids):
        check_drawn_k(session.method, command.k_permille)
    facts, body = _facts(tx.db, session, command)
    new, events = apply(state, command, actor, tx.now, session.rules, facts)
    by_event: dict[str, tuple[DocumentRef, ...]] = {}
    if body is not None and new.report:
        by_event["report_filed"] = (tx.keep(BODY_NAME, body),)
    if new.stage is Stage.REPORTED and state.stage is not Stage.REPORTED:
        signed = tx.keep(queries.REPORT_NAME, _signed(tx, new))
        row.report_sha256, row.report_bytes = signed.sha256, signed.bytes
        by_event["reported"] = (signed,)
    elif state.stage is Stage.REPORTED and new.stage is Stage.REVIEWING:
        row.report_sha256, row.report_bytes = "", 0
    queries.store(tx.db, row, new, members_changed=_seats(new) != _seats(state))
    rule = BY_COMMAND[type(command)].rule
    for index, event in enumerate(events):
        own = by_event.get(event.name, ())
        _record(tx, actor, new, event, rule, (*own, *(documents if index == 0 else ())))
    return queries.to_session(row)


def session(db: Db, session_id: str) -> Session:
    """The session; refuses NOT_FOUND."""
    return queries.load(db, session_id)


def hold(db: Db, session_id: str) -> None:
    """Nobody else acts on the session until the commit; NOT_FOUND."""
    queries.load_locked(db, session_id)


def session_of_draw(db: Db, draw_id: str) -> Session | None:
    """The session of a draw's committee, which has its id; None before it is scheduled."""
    row = queries.one(db, draw_id)
    return None if row is None else queries.to_session(row)


def sessions(
    db: Db,
    *,
    centre_id: str | None = None,
    lot_id: str | None = None,
    expert_id: str | None = None,
    venue_id: str | None = None,
    stages: Sequence[Stage] = (),
) -> list[Session]:
    """Sessions in order of their ids (time of scheduling): of a host, a lot, an expert, or a venue
    at which somebody sits; in any of `stages`, or in all."""
    names = [stage.value for stage in stages]
    rows = queries.many(db, centre_id, lot_id, expert_id, venue_id, names)
    return [queries.to_session(row) for row in rows]


def session_of_lot(db: Db, lot_id: str) -> Session | None:
    """The lot's session that counts: the one that is not void."""
    live = [s for s in sessions(db, lot_id=lot_id) if s.stage is not Stage.VOID]
    return live[0] if live else None


def result(db: Db, session_id: str) -> Result:
    """The result, recomputed from the sheets; refuses CONFLICT before all scores are in."""
    found = queries.load(db, session_id)
    if found.stage not in (Stage.SCORED, Stage.REPORTED, Stage.CLOSED):
        raise Refusal("evaluation.session.no_result", {"stage": found.stage.value}, Kind.TOO_EARLY)
    stored = sheets.sheets_of(db, found)
    return report.result_of(found.state, found.method, stored, found.rules)


def report_of(db: Db, session_id: str) -> DocumentRef:
    """The signed report in the vault; refuses TOO_EARLY before everybody answered."""
    found = queries.load(db, session_id)
    if found.report is None:
        raise Refusal("evaluation.session.no_result", {"stage": found.stage.value}, Kind.TOO_EARLY)
    return found.report


def _facts(db: Db, found: Session, command: c.Command) -> tuple[Facts, dict[str, Any] | None]:
    """What the machine must know about the sheets, and the report's body when one is filed."""
    if not isinstance(command, _SHEETS_MATTER):
        return Facts(), None
    stored = sheets.sheets_of(db, found)
    facts = sheets.facts_of(found, stored)
    if not isinstance(command, c.FileReport) or found.stage is not Stage.SCORED:
        return Facts(facts), None
    outcome = report.result_of(found.state, found.method, stored, found.rules)
    body = report.report_body(found, stored, outcome, command.statement)
    return Facts(facts, canonical.digest(body), outcome.is_short), body


def _signed(tx: Tx, new: State) -> dict[str, Any]:
    """The body that was signed, read back by its digest, with the answers to it."""
    return report.signed_report(canonical.decode(tx.vault.get(new.report)), new)


def _seats(state: State) -> list[tuple[str, str, str, str]]:
    return [(m.expert_id, m.seat_code, m.centre_id, m.standing.value) for m in state.members]


def _record(
    tx: Tx,
    actor: Actor,
    state: State,
    event: Event,
    rule: str,
    documents: tuple[DocumentRef, ...] = (),
) -> None:
    data = {**event.data, "rule": rule, "stage": state.stage.value, "version": state.version}
    action = f"evaluation:session:{event.name}"
    tx.record(f"session/{state.session_id}", action, actor, data, documents)
