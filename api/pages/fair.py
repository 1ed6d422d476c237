"""How likely each candidate of a draw was, and how unpredictable the whole: the fairness report on demand."""

from __future__ import annotations

from fastapi import APIRouter, Request
from sqlmodel import Session
from starlette.responses import Response

from api.access import OfficialActor
from api.flows import fair as flow
from api.flows.topics import numbers
from api.pages.kit.forms import Form, Sent, submit
from api.pages.kit.page import attachment, show
from api.routes.fields import IdInPath
from api.shell import shell_of
from api.transactions import ReadDb
from archive.actor import Actor

router = APIRouter(include_in_schema=False)


def _page(
    request: Request, actor: Actor, db: Session, draw_id: str, form: Form, template: str
) -> Response:
    found = flow.report(db, shell_of(request).office.vault, actor, draw_id)
    topic = f"draw/{draw_id}"
    seq = numbers(db, [topic])[topic]
    return show(request, template, actor, found=found, form=form, topic=topic, seq=seq)


@router.get("/draws/{draw_id}/fairness")
def report(actor: OfficialActor, request: Request, db: ReadDb, draw_id: IdInPath) -> Response:
    """The report, or the button that asks for it."""
    return _page(request, actor, db, draw_id, Form(), "draws/fairness.html")


@router.get("/fragments/draws/{draw_id}/fairness")
def part(actor: OfficialActor, request: Request, db: ReadDb, draw_id: IdInPath) -> Response:
    """The same when the draw's record moved: the report is there by itself."""
    return _page(request, actor, db, draw_id, Form(), "draws/_fairness.html")


@router.post("/draws/{draw_id}/fairness")
async def ask(actor: OfficialActor, request: Request, draw_id: IdInPath, form: Sent) -> Response:
    """Ask for the report."""
    return await submit(
        request,
        form,
        lambda tx, _: flow.ask(tx, actor, draw_id),
        again=lambda db: _page(request, actor, db, draw_id, form, "draws/fairness.html"),
        to=f"/draws/{draw_id}/fairness",
        said="fairness_asked",
    )


@router.get("/draws/{draw_id}/fairness.json")
def document(actor: OfficialActor, request: Request, db: ReadDb, draw_id: IdInPath) -> Response:
    """The report for a machine."""
    content = flow.document(db, shell_of(request).office.vault, actor, draw_id)
    return attachment(f"fairness-{draw_id}.json", content)
