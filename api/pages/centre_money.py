"""Deposits of a centre: the account at one look, ledger, statements, clearance, relief."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Request
from sqlmodel import Session
from starlette.responses import Response

from api.access import StaffActor
from api.flows import money as flow
from api.flows.relief import ReliefLine, relief
from api.flows.statement_lines import line_document, line_sheet
from api.pages.kit import text
from api.pages.kit.forms import Form, Sent, submit
from api.pages.kit.listing import CODE, DAY, MOMENT, MONEY, NUMBER, Choice, Column, listing
from api.pages.kit.page import attachment, reader, show, words_of
from api.routes.fields import IdInPath
from api.shell import shell_of
from api.transactions import ReadDb
from archive.actor import Actor
from archive.office import Tx
from archive.words import say
from deposits.clearance import service as clearance
from deposits.clearance.item import Item, Reason, Step
from deposits.clearance.item import State as ClearanceState
from deposits.refunds import service as refunds
from deposits.refunds.orders import service as orders
from deposits.relief import Share
from deposits.statements import service as statements
from deposits.statements.matching import Stated
from deposits.statements.resolving import service as resolving
from deposits.statements.resolving.service import Word
from deposits.statements.service import Format
from deposits.statements.undoing import service as undoing
from trading.calendar.legal import legal_day

router = APIRouter(include_in_schema=False)
HOME = "/centre/deposits"


class PayTo(StrEnum):
    """Who gets the money of an old deposit."""

    OWNER = "OWNER"
    TREASURY = "TREASURY"


Counted = Annotated[int, Path(ge=0, le=10**9)]


def _path(stated: Stated) -> str:
    """The page of a statement's line."""
    return f"{HOME}/statements/{stated.take}/{stated.position}"


ACCOUNTS: tuple[Column[flow.AccountLine], ...] = (
    Column("kind", "money.kind", lambda a: a.kind, CODE, words="money.account"),
    Column("lot", "money.lot", lambda a: a.lot),
    Column("bidder", "money.bidder", lambda a: a.bidder),
    Column("balance", "money.balance", lambda a: a.balance, MONEY),
    Column("available", "money.available", lambda a: a.available, MONEY),
    Column("in", "money.pending_in", lambda a: a.pending_in, MONEY),
    Column("out", "money.pending_out", lambda a: a.pending_out, MONEY),
)
POSTINGS: tuple[Column[flow.PostingLine], ...] = (
    Column("at", "money.at", lambda p: p.made_at, MOMENT),
    Column("debit", "money.debit", lambda p: p.debit),
    Column("credit", "money.credit", lambda p: p.credit),
    Column("amount", "money.amount", lambda p: p.amount, MONEY),
    Column("state", "money.state", lambda p: p.state, CODE, words="money.transfer"),
    Column("settled", "money.settled", lambda p: p.settled_at, MOMENT),
)
LINES: tuple[Column[Stated], ...] = (
    Column("number", "money.statement", lambda x: x.statement, NUMBER),
    Column("day", "money.day", lambda x: x.line.booked_on, DAY),
    Column("amount", "money.amount", lambda x: x.line.amount, MONEY),
    Column("kind", "money.line", lambda x: x.line.kind.value, CODE, words="money.line_kind"),
    Column("name", "money.counter", lambda x: x.line.counter_name),
    Column("reference", "money.reference", lambda x: x.line.reference, href=_path),
    Column(
        "why",
        "money.matched",
        lambda x: x.why.value if x.why else "MATCHED",
        CODE,
        words="money.why",
    ),
)
ITEMS: tuple[Column[Item], ...] = (
    Column(
        "payer",
        "money.payer",
        lambda i: i.old.payer or "—",
        href=lambda i: f"{HOME}/clearance/{i.id}",
    ),
    Column("project", "money.project", lambda i: i.old.project),
    Column("amount", "money.amount", lambda i: i.old.amount, MONEY),
    Column("received", "money.received_on", lambda i: i.old.received_on, DAY),
    Column("due", "money.due", lambda i: i.old.due_on, DAY),
    Column("reason", "money.reason", lambda i: i.old.reason.value, CODE, words="money.why_late"),
    Column("notices", "money.notices", lambda i: i.notices, NUMBER),
    Column("state", "money.state", lambda i: i.state.value, CODE, words="money.clearance_state"),
)


# --- At one look ----------------------------------------------------------------------------


def _home(request: Request, actor: Actor, db: Session, form: Form) -> Response:
    now = shell_of(request).office.clock.now()
    return show(
        request,
        "deposits/centre.html",
        actor,
        box=flow.cashbox(db, actor, now),
        reasons=words_of(request, "money.why_late", Reason),
        form=form,
        refusal=form,
    )


@router.get(HOME)
def home(actor: StaffActor, request: Request, db: ReadDb) -> Response:
    """The account, what is due within a week, and the overdue list."""
    return _home(request, actor, db, Form())


@router.post(HOME + "/holdings/{holding_id}/refund")
async def refund(actor: StaffActor, request: Request, holding_id: IdInPath, form: Sent) -> Response:
    """Order a refund before its last day, or again after a bounce."""
    return await submit(
        request,
        form,
        lambda tx, _: refunds.refund(tx, actor, holding_id),
        again=lambda db: _home(request, actor, db, form),
        to=HOME,
        said="refund_ordered",
    )


@router.post(HOME + "/holdings/{holding_id}/reason")
async def explain(
    actor: StaffActor, request: Request, holding_id: IdInPath, form: Sent
) -> Response:
    """Say why an overdue deposit is not back."""
    return await submit(
        request,
        form,
        lambda tx, said: clearance.explain(tx, actor, holding_id, *said),
        read=lambda form: (form.choice("reason", Reason), form.text("note")),
        again=lambda db: _home(request, actor, db, form),
        to=HOME,
        said="overdue_explained",
    )


@router.post(HOME + "/holdings/{holding_id}/forfeited")
async def pay_forfeited(
    actor: StaffActor, request: Request, holding_id: IdInPath, form: Sent
) -> Response:
    """Pay what is not given back to the tenderer."""
    return await submit(
        request,
        form,
        lambda tx, account: flow.pay_forfeited(tx, actor, holding_id, account),
        read=lambda form: form.text("account"),
        again=lambda db: _home(request, actor, db, form),
        to=HOME,
        said="forfeited_paid",
    )


# --- Ledger ---------------------------------------------------------------------------------


@router.get(HOME + "/ledger")
def ledger(actor: StaffActor, request: Request, db: ReadDb) -> Response:
    """Accounts and transfers."""
    accounts = listing(request, ACCOUNTS, flow.account_lines(db, actor), name="accounts")
    postings = listing(
        request, POSTINGS, flow.posting_lines(db, actor), sort="-at", name="postings"
    )
    for table in (accounts, postings):
        if request.query_params.get(table.parameter("format")) == "csv":
            return table.answer(request, "deposits/ledger.html", actor)
    return show(request, "deposits/ledger.html", actor, accounts=accounts, postings=postings)


# --- Statements -----------------------------------------------------------------------------


def _statements(request: Request, actor: Actor, db: Session, form: Form) -> Response:
    centre_id = flow.centre_of(actor)
    whys = Choice[Stated](
        "why",
        "money.matched",
        lambda x: "OPEN" if x.is_open else "DONE",
        words_of(request, "money.openness", ("OPEN", "DONE")),
    )
    table = listing(
        request,
        LINES,
        statements.lines_of(db, centre_id),
        choices=[whys],
        sort="-number",
    )
    return table.answer(
        request,
        "deposits/statements.html",
        actor,
        found=statements.reconciliation(db, centre_id),
        taken=statements.statements_of(db, centre_id)[:12],
        formats=words_of(request, "money.format", Format),
        path=_path,
        form=form,
    )


@router.get(HOME + "/statements")
def statements_page(actor: StaffActor, request: Request, db: ReadDb) -> Response:
    """What the bank states, matched with the book."""
    return _statements(request, actor, db, Form())


@router.post(HOME + "/statements")
async def take(actor: StaffActor, request: Request, form: Sent) -> Response:
    """Take a statement in from a file."""
    return await submit(
        request,
        form,
        lambda tx, said: statements.take_statement(tx, actor, flow.centre_of(actor), *said),
        read=lambda form: (form.choice("format", Format), form.file("document")),
        again=lambda db: _statements(request, actor, db, form),
        to=f"{HOME}/statements",
        said="statement_taken",
    )


@router.post(HOME + "/lines/back")
async def send_back(actor: StaffActor, request: Request, form: Sent) -> Response:
    """Pay money that is nobody's back to where it came from."""
    return await submit(
        request,
        form,
        lambda tx, ref: resolving.send_back(tx, actor, flow.centre_of(actor), ref),
        read=lambda form: form.text("reference"),
        again=lambda db: _statements(request, actor, db, form),
        to=f"{HOME}/statements",
        said="line_sent_back",
    )


# --- One statement --------------------------------------------------------------------------


def _statement(request: Request, actor: Actor, db: Session, take: int, form: Form) -> Response:
    centre_id = flow.centre_of(actor)
    taken = statements.statement_of(db, centre_id, take)
    found = statements.reconciliation(db, centre_id)
    is_last = found is not None and taken.undone is None and found.statements == taken.number
    table = listing(request, LINES, list(statements.lines_of_take(db, centre_id, take)))
    return table.answer(
        request,
        "deposits/statement.html",
        actor,
        taken=taken,
        is_last=is_last,
        in_the_way=undoing.in_the_way(db, centre_id, take) if is_last else (),
        form=form,
    )


@router.get(HOME + "/statements/{take}")
def statement(actor: StaffActor, request: Request, db: ReadDb, take: Counted) -> Response:
    """A statement with its lines; the last one can be undone."""
    return _statement(request, actor, db, take, Form())


@router.post(HOME + "/statements/{take}/undo")
async def undo(actor: StaffActor, request: Request, take: Counted, form: Sent) -> Response:
    """Undo a statement that was taken in by mistake."""
    return await submit(
        request,
        form,
        lambda tx, why: undoing.undo(tx, actor, flow.centre_of(actor), take, why),
        read=lambda form: form.text("why", long=True),
        again=lambda db: _statement(request, actor, db, take, form),
        to=f"{HOME}/statements/{take}",
        said="statement_undone",
    )


# --- One line of a statement ----------------------------------------------------------------


def _line(
    request: Request, actor: Actor, db: Session, take: int, position: int, form: Form
) -> Response:
    sheet = line_sheet(db, actor, take, position)
    return show(
        request,
        "deposits/statement_line.html",
        actor,
        sheet=sheet,
        base=_path(sheet.stated),
        is_first=sheet.stated.proposal is not None and sheet.stated.proposal.by == actor.id,
        waiting=[(c.holding.id, f"{c.lot} · {c.bidder}") for c in sheet.candidates],
        form=form,
    )


@router.get(HOME + "/statements/{take}/{position}")
def line(
    actor: StaffActor, request: Request, db: ReadDb, take: Counted, position: Counted
) -> Response:
    """A line, and the deposits to which its money could belong."""
    return _line(request, actor, db, take, position, Form())


@router.get(HOME + "/statements/{take}/{position}/document")
def line_evidence(
    actor: StaffActor, request: Request, db: ReadDb, take: Counted, position: Counted
) -> Response:
    """What shows whose money it is, as a download."""
    vault = shell_of(request).office.vault
    return attachment(*line_document(db, vault, actor, take, position))


@router.post(HOME + "/statements/{take}/{position}/{act}")
async def on_line(
    actor: StaffActor,
    request: Request,
    take: Counted,
    position: Counted,
    act: Literal["assign", "confirm", "drop"],
    form: Sent,
) -> Response:
    """Assign its money to a deposit; as the second person confirm that; or drop it."""

    def call(tx: Tx, _: None) -> object:
        centre_id = flow.centre_of(actor)
        reference = statements.line_of(tx.db, centre_id, take, position).line.reference
        if act == "assign":
            holding_id = form.text("holding")
            word = Word(form.text("why", long=True), form.moment("came_at"), form.file("document"))
            form.refuse()
            return resolving.assign(tx, actor, centre_id, reference, holding_id, word)
        return (resolving.confirm if act == "confirm" else resolving.drop)(
            tx, actor, centre_id, reference
        )

    return await submit(
        request,
        form,
        call,
        again=lambda db: _line(request, actor, db, take, position, form),
        to=f"{HOME}/statements/{take}/{position}",
        said=f"line_{act}",
    )


# --- Clearance ------------------------------------------------------------------------------


def _clearance(request: Request, actor: Actor, db: Session, form: Form) -> Response:
    states = Choice[Item](
        "state",
        "money.state",
        lambda i: i.state.value,
        words_of(request, "money.clearance_state", ClearanceState),
    )
    rows = clearance.items(db, flow.centre_of(actor))
    table = listing(request, ITEMS, rows, choices=[states], sort="due")
    return table.answer(
        request,
        "deposits/clearance.html",
        actor,
        reasons=words_of(request, "money.why_late", Reason),
        form=form,
    )


@router.get(HOME + "/clearance")
def clearance_page(actor: StaffActor, request: Request, db: ReadDb) -> Response:
    """Old deposits, one by one."""
    return _clearance(request, actor, db, Form())


@router.post(HOME + "/clearance")
async def import_items(actor: StaffActor, request: Request, form: Sent) -> Response:
    """Enter old deposits from a file."""
    return await submit(
        request,
        form,
        lambda tx, content: clearance.import_items(tx, actor, flow.centre_of(actor), content),
        read=lambda form: form.file("document"),
        again=lambda db: _clearance(request, actor, db, form),
        to=f"{HOME}/clearance",
        said="clearance_imported",
    )


def _item(request: Request, actor: Actor, db: Session, item_id: str, form: Form) -> Response:
    item, steps = clearance.item(db, actor, item_id)
    return show(
        request,
        "deposits/clearance_item.html",
        actor,
        item=item,
        steps=steps,
        orders=orders.payouts_of(db, [item_id]),
        kinds=words_of(request, "money.step", (Step.NOTICE, Step.INQUIRY)),
        payees=words_of(request, "money.pay_to", PayTo),
        form=form,
    )


@router.get(HOME + "/clearance/{item_id}")
def item(actor: StaffActor, request: Request, db: ReadDb, item_id: IdInPath) -> Response:
    return _item(request, actor, db, item_id, Form())


@router.post(HOME + "/clearance/{item_id}/{act}")
async def act(
    actor: StaffActor,
    request: Request,
    item_id: IdInPath,
    act: Literal["note", "close", "pay"],
    form: Sent,
) -> Response:
    """Note a step, pay to the owner or the treasury, or close."""

    def call(tx: Tx, _: None) -> object:
        if act == "note":
            step, note = form.choice("step", Step), form.text("note", long=True)
            document = form.file("document", is_required=False)
            form.refuse()
            return clearance.note(tx, actor, item_id, step, note, document)
        if act == "close":
            return clearance.settle(tx, actor, item_id)
        to, account, name = form.choice("to", PayTo), form.text("account"), form.text("name")
        document = form.file("document")
        form.refuse()
        pay = clearance.hand_over if to is PayTo.TREASURY else clearance.give_back
        return pay(tx, actor, item_id, account, name, document)

    return await submit(
        request,
        form,
        call,
        again=lambda db: _item(request, actor, db, item_id, form),
        to=f"{HOME}/clearance/{item_id}",
        said="clearance_done",
    )


# --- Relief ---------------------------------------------------------------------------------


def _share(share: Share | None) -> str:
    return f"{share.percent()} % ({share.part}/{share.whole})" if share else text.DASH


RELIEF: tuple[Column[ReliefLine], ...] = (
    Column("month", "money.month", lambda r: r.month),
    Column("projects", "money.projects", lambda r: r.projects, NUMBER),
    Column("relieved", "money.relieved", lambda r: r.relieved, NUMBER),
    Column(
        "by_projects", "money.relief_projects", lambda r: _share(r.by_projects), is_sorted=False
    ),
    Column("base", "money.base", lambda r: r.base, MONEY),
    Column("saved", "money.saved", lambda r: r.saved, MONEY),
    Column(
        "by_amount",
        "money.relief_amount",
        lambda r: f"{r.by_amount.percent()} %" if r.by_amount else text.DASH,
        is_sorted=False,
    ),
    Column("instances", "money.instances", lambda r: r.instances, NUMBER),
    Column("guaranteed", "money.guaranteed", lambda r: r.guaranteed, NUMBER),
    Column("by_guarantee", "money.freed_share", lambda r: _share(r.by_guarantee), is_sorted=False),
    Column("freed", "money.freed", lambda r: r.freed, MONEY),
)


@router.get(HOME + "/relief")
def relief_page(actor: StaffActor, request: Request, db: ReadDb) -> Response:
    """Relief by month, as charts and as the table of the monthly report."""
    today = legal_day(shell_of(request).office.clock.now())
    rows = relief(db, flow.centre_of(actor), today)
    table = listing(request, RELIEF, rows, sort="-month")
    months = sorted(rows, key=lambda r: r.month)[-12:]

    def word(code: str) -> str:
        return say(f"api.page.money.{code}", {}, reader(request))

    charts = (
        (
            "bar",
            "money.chart_amount",
            [r.month for r in months],
            [
                (word("base_wan"), [r.base.fen // 1_000_000 for r in months]),
                (word("saved_wan"), [r.saved.fen // 1_000_000 for r in months]),
            ],
        ),
        (
            "bar",
            "money.chart_instances",
            [r.month for r in months],
            [
                (word("instances"), [r.instances for r in months]),
                (word("guaranteed"), [r.guaranteed for r in months]),
            ],
        ),
    )
    return table.answer(request, "deposits/relief.html", actor, charts=charts, has=bool(rows))
