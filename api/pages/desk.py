"""The witness desk of a supervisor's session page: duty, roster, hand-over, countersignature, alarms;
the record to take along; and the monthly bulletin of nights.

Cosignatures are made by the page's own script with a key that never leaves the browser; here they
come in as form fields like anything else.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, Request
from sqlmodel import Session
from starlette.responses import Response

from api.access import SupervisorActor
from api.flows import recording, watch, witnessing
from api.flows.topics import numbers
from api.identity import service as identity
from api.identity.accounts import Account
from api.outsiders import cosigners_of
from api.pages.entry_words import entry_values, story_sentences
from api.pages.kit.forms import Form, Sent, submit
from api.pages.kit.listing import NUMBER, Column, listing
from api.pages.kit.page import attachment, reader, show
from api.pages.record_viewer import viewer_files
from api.pages.supervisor import HOME, people_of
from api.routes.fields import IdInPath
from api.shell import shell_of
from api.transactions import ReadDb
from archive import canonical
from archive.actor import Actor, Role
from archive.errors import Refusal
from archive.office import Tx
from evaluation.witness import bulletin
from evaluation.witness.bulletin import CentreLine
from evaluation.witness.desk import service as desk
from evaluation.witness.desk.service import Cosigning
from evaluation.witness.outside import service as outside

router = APIRouter(include_in_schema=False)
_MONTH = re.compile(r"20[0-9]{2}-(0[1-9]|1[0-2])")
NIGHTS = "/supervisor/nights"


def _outside(request: Request, db: Session, session_id: str) -> tuple[outside.Standing, ...]:
    known = cosigners_of(shell_of(request).settings.outside_witnesses)
    return outside.standing(db, session_id, [one.name for one in known])


def _desk(request: Request, db: Session, actor: Actor, session_id: str, form: Form) -> Response:
    session = watch.seen(db, actor, session_id)
    seen = witnessing.view(db, actor, session, shell_of(request).watches)
    focus = watch.focus(db, actor, session_id, shell_of(request).watches)
    return show(
        request, "supervisor/_desk.html", actor, desk=seen, centres=focus.centres, form=form,
        people=people_of(request, db, focus.session, focus.centres, is_desk=True),
        outside=_outside(request, db, session_id),
    )  # fmt: skip


@router.get("/fragments" + HOME + "/{session_id}/desk")
def desk_part(
    actor: SupervisorActor, request: Request, db: ReadDb, session_id: IdInPath
) -> Response:
    return _desk(request, db, actor, session_id, Form())


@router.get(HOME + "/{session_id}/desk")
def desk_page(
    actor: SupervisorActor, request: Request, db: ReadDb, session_id: IdInPath
) -> Response:
    """The desk on a page of its own: for one who only watches."""
    return _page(request, db, actor, session_id, Form())


def _page(request: Request, db: Session, actor: Actor, session_id: str, form: Form) -> Response:
    focus = watch.focus(db, actor, session_id, shell_of(request).watches)
    seen = witnessing.view(db, actor, focus.session, shell_of(request).watches)
    topic = f"session/{session_id}"
    seq = numbers(db, [topic])[topic]
    return show(
        request, "supervisor/desk.html", actor,
        desk=seen, focus=focus, centres=focus.centres, form=form, seq=seq,
        people=people_of(request, db, focus.session, focus.centres, is_desk=True),
        outside=_outside(request, db, session_id),
        sentences=story_sentences(reader(request)),
        values=[*focus.centres.items(), *entry_values(reader(request))],
    )  # fmt: skip


def _signed(form: Form) -> Cosigning:
    """What the page's script has signed."""
    return Cosigning(
        form.whole("size"), form.text("root"), form.whole("time"), form.text("sig", long=True)
    )


def _may_come(db: Session, account: Account | None, session_id: str) -> bool:
    """Whether somebody can stand at this desk: a supervisor who may see the session."""
    if account is None or account.disabled or Role.SUPERVISOR not in account.roles:
        return False
    try:
        watch.seen(db, account.actor, session_id)
    except Refusal:
        return False
    return True


def _colleague(tx: Tx, session_id: str, form: Form, name: str) -> str:
    """The account of a field, a fault where nobody has it who could come: nobody waits for him then."""
    named = form.text(name)
    if named and not _may_come(tx.db, identity.account(tx.db, named), session_id):
        form.fault(name, "api.desk.no_witness", account=named[:40])
    return named


def _shift(tx: Tx, actor: Actor, session_id: str, form: Form) -> None:
    witness = _colleague(tx, session_id, form, "witness")
    begins, ends = form.moment("begins_at"), form.moment("ends_at")
    form.refuse()
    desk.plan_shift(tx, actor, session_id, witness, begins, ends)


def _countersign(tx: Tx, actor: Actor, session_id: str, form: Form) -> None:
    signed = _signed(form)
    form.refuse()
    desk.countersign(tx, actor, session_id, signed)


def _offer(tx: Tx, actor: Actor, session_id: str, form: Form) -> None:
    signed, incoming = _signed(form), _colleague(tx, session_id, form, "incoming")
    form.refuse()
    desk.offer_handover(tx, actor, session_id, incoming, signed)


def _accept(tx: Tx, actor: Actor, session_id: str, form: Form) -> None:
    key, signed = form.text("key", long=True), _signed(form)
    form.refuse()
    desk.accept_handover(tx, actor, session_id, signed, key)


def _on(tx: Tx, actor: Actor, session_id: str, form: Form) -> None:
    key = form.text("key", long=True)
    form.refuse()
    desk.go_on_duty(tx, actor, session_id, key)


def _enrol(tx: Tx, actor: Actor, session_id: str, form: Form) -> None:
    key = form.text("key", long=True)
    form.refuse()
    desk.enrol(tx, actor, session_id, key)


def _acknowledge(tx: Tx, actor: Actor, session_id: str, form: Form) -> None:
    seq, words = form.whole("alarm_seq"), form.text("said", is_required=False, long=True)
    form.refuse()
    desk.acknowledge(tx, actor, session_id, seq, words)


def _cancel(tx: Tx, actor: Actor, session_id: str, form: Form) -> None:
    seq = form.whole("shift_seq")
    form.refuse()
    desk.cancel_shift(tx, actor, session_id, seq)


Act = Callable[[Tx, Actor, str, Form], Any]
ACTS: dict[str, tuple[Act, str]] = {
    "on": (_on, "witness_on_duty"),
    "enrol": (_enrol, "witness_enrolled"),
    "off": (lambda tx, actor, at, form: desk.go_off_duty(tx, actor, at), "witness_off_duty"),
    "countersign": (_countersign, "countersigned"),
    "offer": (_offer, "handover_offered"),
    "accept": (_accept, "handover_accepted"),
    "shift": (_shift, "shift_planned"),
    "cancel": (_cancel, "shift_cancelled"),
    "acknowledge": (_acknowledge, "alarm_acknowledged"),
}
"""What a witness does at the desk by one button, and what is said afterwards."""


@router.post(HOME + "/{session_id}/desk/{act}")
async def act(
    actor: SupervisorActor, request: Request, session_id: IdInPath, act: IdInPath, form: Sent
) -> Response:
    """One act at the desk, and back to it."""
    if act not in ACTS:
        raise Refusal("api.watch.no_act", {"act": act})
    do, said = ACTS[act]

    def write(tx: Tx, _: object) -> None:
        watch.seen(tx.db, actor, session_id)
        do(tx, actor, session_id, form)

    return await submit(
        request,
        form,
        write,
        again=lambda db: _page(request, db, actor, session_id, form),
        to=f"{HOME}/{session_id}/desk",
        said=said,
    )


@router.get(HOME + "/{session_id}/record.zip")
def record(
    actor: SupervisorActor,
    request: Request,
    db: ReadDb,
    session_id: IdInPath,
    pictures: bool = True,
) -> Response:
    """The session's record to take along: verifiable anywhere, with a page that checks itself."""
    watch.seen(db, actor, session_id)
    shell = shell_of(request)
    outsiders = cosigners_of(shell.settings.outside_witnesses)
    scope = recording.supervisors_scope(shell.office, session_id, with_pictures=pictures)
    files = recording.files(shell.office, session_id, viewer_files, outsiders, scope)
    return attachment(f"record-{session_id}.zip", recording.archive_of(session_id, files))


# --- The bulletin -----------------------------------------------------------------------------


def _columns(names: dict[str, str]) -> tuple[Column[CentreLine], ...]:
    return (
        Column("centre", "nights.centre", lambda line: names.get(line.centre, line.centre)),
        Column("nights", "nights.nights", lambda line: line.nights, NUMBER),
        Column("sessions", "nights.sessions", lambda line: line.sessions, NUMBER),
        Column("hours", "nights.hours", lambda line: line.hours, NUMBER),
        Column("alarms", "nights.alarms", lambda line: line.alarms, NUMBER),
        Column("unanswered", "nights.unanswered", lambda line: line.unanswered, NUMBER),
        Column("cosigned", "nights.cosigned", lambda line: line.cosigned, NUMBER),
        Column("late", "nights.cosigned_late", lambda line: line.cosigned_late, NUMBER),
        Column("presence", "nights.presence_late", lambda line: line.presence_late, NUMBER),
        Column("handovers", "nights.handovers", lambda line: line.handovers, NUMBER),
        Column("orders", "nights.orders", lambda line: line.orders, NUMBER),
        Column("incidents", "nights.incidents", lambda line: line.incidents, NUMBER),
        Column("unfinished", "nights.unfinished", lambda line: line.unfinished, NUMBER),
    )


@router.get(NIGHTS)
def nights(actor: SupervisorActor, request: Request, db: ReadDb) -> Response:
    """The bulletin of a month (`?month=2026-10`), the running one without."""
    month = request.query_params.get("month", "")
    if not _MONTH.fullmatch(month):
        month = witnessing.month_of(shell_of(request).office.clock.now())
    found = witnessing.nights_bulletin(db, actor, month, shell_of(request).watches)
    columns = _columns(dict(found.names))
    table = listing(request, columns, list(found.lines), sort="centre")
    kinds: dict[str, int] = {}
    for line in found.lines:
        for kind, count in line.by_kind.items():
            kinds[kind] = kinds.get(kind, 0) + count
    order = sorted(kinds.items(), key=lambda item: (-item[1], item[0]))
    return table.answer(request, "supervisor/nights.html", actor, bulletin=found, kinds=order)


@router.get(NIGHTS + "/{month}/file")
def nights_file(actor: SupervisorActor, request: Request, db: ReadDb, month: IdInPath) -> Response:
    """The bulletin as a document."""
    if not _MONTH.fullmatch(month):
        raise Refusal("api.watch.month", {"month": month})
    found = witnessing.nights_bulletin(db, actor, month, shell_of(request).watches)
    value = bulletin.to_json(month, found.lines, found.nights)
    return attachment(f"nights-{month}.json", canonical.encode(value))
