"""Pages of a committee's member: invitations, place and statements, the sheet, the report.

Invitations are the drawn expert's; in a session a representative of the tenderer has the same pages.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Request
from pydantic import Field
from sqlmodel import Session
from starlette.responses import JSONResponse, Response

from api.access import ExpertActor, MemberActor
from api.flows import member as flow
from api.flows.topics import numbers
from api.pages.kit.forms import Form, Sent, submit
from api.pages.kit.listing import CODE, MOMENT, Choice, Column, listing
from api.pages.kit.page import attachment, reader, show, words_of
from api.routes.fields import Body, Identifier, IdInPath, Whole
from api.shell import shell_of
from api.transactions import ReadDb, WriteTx
from archive.actor import Actor
from archive.errors import Refusal
from archive.office import Tx
from archive.words import Language, say
from evaluation.session import commands as c
from experts.draws import service as draws

router = APIRouter(include_in_schema=False)
HOME = "/expert/sessions"
ANSWERS = ("OPEN", "YES", "SEATED", "SPARE", "LEFT", "NO", "SILENT", "LAPSED")
CALL_COLUMNS: tuple[Column[flow.Call], ...] = (
    Column("evaluation", "expert.evaluation", lambda call: call.evaluation_at, MOMENT),
    Column("area", "expert.area", lambda call: call.area),
    Column("answer", "expert.answer", lambda call: call.answer, CODE, words="expert.answered"),
    Column("until", "expert.until", lambda call: call.until, MOMENT),
)
DESK_COLUMNS: tuple[Column[flow.Desk], ...] = (
    Column("at", "expert.at", lambda d: d.at, MOMENT, href=lambda d: f"{HOME}/{d.id}"),
    Column("centre", "expert.centre", lambda d: d.centre),
    Column("booth", "expert.booth", lambda d: d.booth),
    Column("stage", "expert.stage", lambda d: d.stage, CODE, words="expert.stages"),
)


# --- Invitations ------------------------------------------------------------------------------


def _calls(request: Request, actor: Actor, db: Session, form: Form) -> Response:
    now = shell_of(request).office.clock.now()
    found = flow.calls(db, actor, now)
    answers = Choice[flow.Call](
        "answer",
        "expert.answer",
        lambda call: call.answer,
        words_of(request, "expert.answered", ANSWERS),
    )
    table = listing(request, CALL_COLUMNS, found, choices=[answers], sort="-evaluation")
    waiting = [call for call in found if call.answer == "OPEN"]
    return table.answer(request, "expert/invitations.html", actor, waiting=waiting, form=form)


@router.get("/expert/invitations")
def invitations(actor: ExpertActor, request: Request, db: ReadDb) -> Response:
    """The expert's own invitations: a time and an area."""
    return _calls(request, actor, db, Form())


@router.post("/expert/invitations/{draw_id}")
async def answer(actor: ExpertActor, request: Request, draw_id: IdInPath, form: Sent) -> Response:
    """Accept or decline; the answer stands."""
    accepted = form.value("accepted") == "yes"
    return await submit(
        request,
        form,
        lambda tx, _: draws.answer(tx, actor, draw_id, actor.party_id, accepted),
        again=lambda db: _calls(request, actor, db, form),
        to="/expert/invitations",
        said="invitation_accepted" if accepted else "invitation_declined",
    )


# --- Where and when, statements ---------------------------------------------------------------


@router.get(HOME)
def desks(actor: MemberActor, request: Request, db: ReadDb) -> Response:
    """Where the member sits or will sit."""
    table = listing(request, DESK_COLUMNS, flow.desks(db, actor), sort="-at")
    return table.answer(request, "expert/sessions.html", actor)


def _desk(
    request: Request, db: Session, actor: Actor, session_id: str, form: Form, template: str
) -> Response:
    found = flow.desk(db, actor, session_id)
    language = reader(request)
    texts = {
        name: (text, flow.text_digest(text))
        for name in ("discipline", "recusal", "conflict")
        if (text := statement(found, name, language))
    }
    topic = f"session/{session_id}"
    seq = numbers(db, [topic]).get(topic, 0)
    return show(request, template, actor, desk=found, texts=texts, form=form, seq=seq)


def statement(desk: flow.Desk, name: str, language: Language) -> str:
    """The text that a member signs, as it stands on his page."""
    seat = desk.member.seat_code if desk.member else ""
    params = {
        "lot": desk.lot,
        "tenderer": desk.tenderer,
        "bidders": "、".join(desk.bidders),
        "seat": seat,
        "session": desk.id,
    }
    return say(f"api.page.expert.text.{name}", params, language)


@router.get(HOME + "/{session_id}")
def desk(actor: MemberActor, request: Request, db: ReadDb, session_id: IdInPath) -> Response:
    """One session: where, when, and what the member has to do there."""
    return _desk(request, db, actor, session_id, Form(), "expert/session.html")


@router.get("/fragments" + HOME + "/{session_id}")
def desk_part(actor: MemberActor, request: Request, db: ReadDb, session_id: IdInPath) -> Response:
    return _desk(request, db, actor, session_id, Form(), "expert/_session.html")


async def _do(
    request: Request,
    actor: Actor,
    session_id: str,
    form: Form,
    call: Callable[[Tx], Any],
    said: str,
    at: str = "",
) -> Response:
    """One act of the member, and back to the page it was done on: the desk, or the sheet."""

    def again(db: Session) -> Response:
        if at:
            return _sheet(request, db, actor, session_id, form, "expert/sheet.html")
        return _desk(request, db, actor, session_id, form, "expert/session.html")

    to = f"{HOME}/{session_id}{at}"
    return await submit(request, form, lambda tx, _: call(tx), again=again, to=to, said=said)


@router.post(HOME + "/{session_id}/discipline")
async def discipline(
    actor: MemberActor, request: Request, session_id: IdInPath, form: Sent
) -> Response:
    """Sign that the discipline notice was read: by the digest of the text shown."""
    language = reader(request)

    def sign(tx: Tx) -> None:
        text = statement(flow.desk(tx.db, actor, session_id), "discipline", language)
        shown = form.value("digest")
        flow.sign_text(tx, actor, session_id, "discipline", text, shown, c.ReadDiscipline)

    return await _do(request, actor, session_id, form, sign, "discipline_read")


@router.post(HOME + "/{session_id}/recusal")
async def recusal(
    actor: MemberActor, request: Request, session_id: IdInPath, form: Sent
) -> Response:
    """Sign whether anything demands recusal."""
    language, name = reader(request), form.value("statement")
    has_conflict = name == "conflict"

    def sign(tx: Tx) -> None:
        found = flow.desk(tx.db, actor, session_id)
        text = statement(found, "conflict" if has_conflict else "recusal", language)
        flow.sign_text(
            tx,
            actor,
            session_id,
            "recusal",
            text,
            form.value("digest"),
            lambda expert, digest: c.SignRecusal(expert, has_conflict, digest),
        )

    return await _do(request, actor, session_id, form, sign, "recusal_signed")


@router.post(HOME + "/{session_id}/presence")
async def presence(
    actor: MemberActor, request: Request, session_id: IdInPath, form: Sent
) -> Response:
    """Say at night that one is where one should be."""
    call = lambda tx: flow.act(tx, actor, session_id, c.ConfirmPresence)  # noqa: E731
    return await _do(request, actor, session_id, form, call, "presence_confirmed")


@router.post(HOME + "/{session_id}/chair")
async def chair(actor: MemberActor, request: Request, session_id: IdInPath, form: Sent) -> Response:
    """Vote for a chair."""

    def vote(tx: Tx) -> None:
        seat = form.text("seat")
        form.refuse()
        flow.act(tx, actor, session_id, lambda me: c.VoteChair(me, seat))

    return await _do(request, actor, session_id, form, vote, "chair_voted")


@router.post(HOME + "/{session_id}/booth")
async def booth(actor: MemberActor, request: Request, session_id: IdInPath, form: Sent) -> Response:
    """Draw the booth."""
    call = lambda tx: flow.take_booth(tx, actor, session_id)  # noqa: E731
    return await _do(request, actor, session_id, form, call, "booth_taken")


# --- The sheet --------------------------------------------------------------------------------


class CellBody(Body):
    """One cell as it was filled; `version` is the one that the writer saw, 0 for an empty cell."""

    bidder: Identifier
    item: Annotated[str, Field(max_length=16)]
    hundredths: Whole
    version: Whole


def _sheet(
    request: Request, db: Session, actor: Actor, session_id: str, form: Form, template: str
) -> Response:
    found = flow.paper(db, actor, session_id)
    topic = f"session/{session_id}"
    seq = numbers(db, [topic])[topic]
    return show(request, template, actor, paper=found, form=form, seq=seq)


@router.get(HOME + "/{session_id}/sheet")
def sheet(actor: MemberActor, request: Request, db: ReadDb, session_id: IdInPath) -> Response:
    """The member's own sheet."""
    return _sheet(request, db, actor, session_id, Form(), "expert/sheet.html")


@router.get("/fragments" + HOME + "/{session_id}/sheet")
def sheet_part(actor: MemberActor, request: Request, db: ReadDb, session_id: IdInPath) -> Response:
    """What may be done with the sheet now."""
    return _sheet(request, db, actor, session_id, Form(), "expert/_sheet.html")


@router.get(HOME + "/{session_id}/sheet/cells")
def cells(actor: MemberActor, db: ReadDb, session_id: IdInPath) -> Response:
    """What is stored, for the script that found a cell moved on."""
    found = flow.paper(db, actor, session_id)
    stored = [[*cell, found.cells[cell], found.versions[cell]] for cell in sorted(found.cells)]
    return JSONResponse({"cells": stored, "missing": found.missing, "digest": found.digest})


@router.post(HOME + "/{session_id}/sheet/cells")
def save(actor: MemberActor, tx: WriteTx, session_id: IdInPath, body: CellBody) -> Response:
    """Save one cell."""
    cell = (body.bidder, body.item)
    saved = flow.save(tx, actor, session_id, cell, body.hundredths, body.version)
    return JSONResponse(
        {
            "version": saved.versions[cell],
            "missing": len(saved.missing),
            "digest": saved.sheet.digest,
        }
    )


ACTS: dict[str, tuple[Callable[[str, Form], c.Command], str]] = {
    "time": (lambda me, form: c.AskForTime(me), "time_asked"),
    "lock": (lambda me, form: c.LockSheet(me, form.value("digest")), "sheet_locked"),
    "submit": (lambda me, form: c.SubmitScores(me, form.value("digest")), "scores_submitted"),
    "reopen": (lambda me, form: c.ReopenScores(me, "correction"), "scores_reopened"),
    "sign": (lambda me, form: c.SignReport(me, form.value("report")), "report_signed"),
}
"""What a member does with his sheet by one button, and what is said afterwards."""


@router.post(HOME + "/{session_id}/sheet/{act}")
async def act(
    actor: MemberActor, request: Request, session_id: IdInPath, act: IdInPath, form: Sent
) -> Response:
    """Ask for time, lock for the night, submit, take back, sign the report."""
    if act not in ACTS:
        raise Refusal("api.member.no_act", {"act": act})
    make, said = ACTS[act]
    call = lambda tx: flow.act(tx, actor, session_id, lambda me: make(me, form))  # noqa: E731
    return await _do(request, actor, session_id, form, call, said, "/sheet")


@router.post(HOME + "/{session_id}/dissent")
async def dissent(
    actor: MemberActor, request: Request, session_id: IdInPath, form: Sent
) -> Response:
    """Dissent from the report in writing, with reasons (条例 第五十三条)."""

    def state(tx: Tx) -> None:
        reasons = form.text("reasons", long=True)
        form.refuse()
        flow.sign_text(
            tx,
            actor,
            session_id,
            "dissent",
            reasons,
            flow.text_digest(reasons),
            lambda me, digest: c.DissentReport(me, form.value("report"), digest),
        )

    return await _do(request, actor, session_id, form, state, "dissented", "/sheet")


@router.get(HOME + "/{session_id}/report")
def report(actor: MemberActor, request: Request, db: ReadDb, session_id: IdInPath) -> Response:
    """The report that is to be signed, as a file."""
    vault = shell_of(request).office.vault
    return attachment("report.json", flow.report_body(db, vault, actor, session_id))
