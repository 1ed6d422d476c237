"""The kit on one page, with invented values: for developers, and for the tests of the kit's looks.

Only where demonstrations run; elsewhere the page does not exist.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction

from fastapi import APIRouter, Request
from sqlmodel import Session
from starlette.exceptions import HTTPException
from starlette.responses import Response

from api.access import Public, Visitor
from api.flows.topics import BOARD, numbers
from api.pages.kit.forms import Form, Sent, submit
from api.pages.kit.listing import CODE, DAY, MOMENT, MONEY, NUMBER, Choice, Column, listing
from api.pages.kit.page import reader, show, words_of
from api.pages.svg.gantt import Bar, Row, gantt
from api.pages.svg.province import Load, province_map
from api.pages.svg.spark import Mark, sparkline, strip
from api.shell import shell_of
from api.transactions import ReadDb
from archive.actor import Actor
from archive.errors import Fault, Refusal
from archive.office import Tx
from archive.words import say
from trading.divisions import yunnan
from trading.money import Money
from trading.regime import ProjectKind

router = APIRouter(include_in_schema=False)
ROWS = 137
UNLUCKY = 13


@dataclass(frozen=True)
class Sample:
    number: int
    at: datetime

    @property
    def kind(self) -> str:
        return list(ProjectKind)[self.number % len(ProjectKind)].value


COLUMNS: tuple[Column[Sample], ...] = (
    Column("name", "gallery.name", lambda row: f"示例{row.number:04d}"),
    Column("kind", "gallery.kind", lambda row: row.kind, CODE, words="kind"),
    Column("count", "gallery.count", lambda row: row.number, NUMBER),
    Column("amount", "gallery.amount", lambda row: Money(row.number * 1_234_567), MONEY),
    Column("at", "gallery.at", lambda row: row.at if row.number % 9 else None, MOMENT),
    Column("day", "gallery.day", lambda row: row.at.date(), DAY),
)


@router.get("/kit")
def gallery(actor: Visitor, request: Request, db: ReadDb) -> Response:
    return _page(request, actor, db, Form({"count": "1", "amount": "1234567.00"}))


@router.get("/fragments/kit")
def moved(_: Public, request: Request, db: ReadDb) -> Response:
    """What the live part reads again."""
    return show(request, "_gallery.html", None, seq=numbers(db, [BOARD])[BOARD])


@router.post("/kit")
async def sent(actor: Visitor, request: Request, form: Sent) -> Response:
    """Reads the form and keeps nothing."""

    def read(form: Form) -> int:
        form.text("name")
        form.money("amount")
        form.moment("at")
        form.day("day")
        form.choice("kind", ProjectKind)
        form.several("kinds")
        form.text("notes", is_required=False, long=True)
        form.file("document", is_required=False)
        return form.whole("count", 1, 100)

    def call(_tx: Tx, count: int) -> None:
        if count == UNLUCKY:
            fault = Fault("/count", "api.gallery.count", rule="opening.bidders_min")
            raise Refusal("api.gallery.refused", faults=(fault,), rule="opening.bidders_min")

    return await submit(
        request,
        form,
        call,
        read=read,
        again=lambda db: _page(request, actor, db, form),
        to="/kit",
        said="gallery_sent",
    )


def _page(request: Request, actor: Actor | None, db: Session, form: Form) -> Response:
    settings, now = shell_of(request).settings, shell_of(request).office.clock.now()
    if not settings.is_demo:
        raise HTTPException(404)
    kinds = words_of(request, "kind", ProjectKind)
    rows = [Sample(number, now + timedelta(hours=7 * number)) for number in range(ROWS)]
    choice = Choice[Sample]("kind", "gallery.kind", lambda row: row.kind, kinds)
    table = listing(request, COLUMNS, rows, choices=[choice], sort="count")
    nothing = listing(request, COLUMNS, [], name="none")
    return table.answer(
        request,
        "gallery.html",
        actor,
        form=form,
        kinds=kinds,
        nothing=nothing,
        amount=Money.yuan("1234567.89"),
        later=now + timedelta(hours=26, minutes=5),
        seq=numbers(db, [BOARD])[BOARD],
        months=[f"2026-{month:02d}" for month in range(1, 13)],
        series=[
            (word, [(n * 7 + m * 5) % 31 for m in range(12)]) for n, (_, word) in enumerate(kinds)
        ],
        pictures=_pictures(request, now),
    )


def _pictures(request: Request, now: datetime) -> dict[str, str]:
    language = reader(request)

    def word(code: str) -> str:
        return say(f"api.page.gallery.{code}", {}, language)

    slots = [f"10-{day} {half}" for day in (21, 22, 23) for half in ("上午", "下午", "夜")]
    lines = [
        Row(
            "大理州公共资源交易中心",
            (Bar(0, 2, "示例标段甲"), Bar(1, 3, "示例标段乙", state="night")),
            "12/93",
        ),
        Row(
            "永平县公共资源交易中心(示例)",
            (Bar(2, 5, "示例标段丙", state="late", href="/kit"),),
            "4/8",
        ),
        Row("昆明市公共资源交易中心", (Bar(4, 9, "示例标段丁", state="done"),), "3/40"),
    ]
    prefectures = [place for place in yunnan().values() if place.level == 2]
    loads = [Load(p.code, n * 3 % 17, f"{p.name} {n * 3 % 17}") for n, p in enumerate(prefectures)]
    marks = [
        Mark(now + timedelta(hours=hour), text, text, is_alarm=hour == 7)
        for hour, text in ((1, "签到"), (2, "评审开始"), (7, "告警"), (9, "封存"))
    ]
    return {
        "gantt": gantt(word("gantt"), "", slots, lines, Fraction(7, 3)),
        "map": province_map(word("map"), "", loads),
        "spark": sparkline(word("spark"), "", [3, 5, 4, 8, 9, 7, 12]),
        "strip": strip(
            word("strip"), "", now, now + timedelta(hours=12), marks, now + timedelta(hours=3)
        ),
    }
