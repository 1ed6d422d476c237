"""Deposits as pages show them: a centre's account, refunds due, the overdue list, a bidder's own
money, a lot's deposits before its tenderer, and what the supervisor watches.

Reads only; what is done about a deposit are the services of `deposits`. Nothing is shown of a lot
before its opening, for nothing is known.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlmodel import Session

from archive.actor import Actor
from archive.errors import Kind, Refusal
from archive.office import Tx
from archive.vault import Vault
from deposits.cash import service as cash
from deposits.cash.holding import OWED, Holding, HoldingState, Lead
from deposits.clearance import service as clearance
from deposits.clearance.service import Overdue
from deposits.guarantees import service as guarantees
from deposits.honesty import service as honesty
from deposits.honesty.register import Appeal
from deposits.ledger import service as books
from deposits.ledger.ledger import Account, AccountKind
from deposits.refunds import service as refunds
from deposits.refunds.ends import AWARDED, Extension, Forfeiture
from deposits.refunds.extensions import service as extensions
from deposits.refunds.orders import service as orders
from deposits.refunds.payout import FAILED, Payout
from deposits.refunds.withheld import service as withheld
from deposits.statements import service as statements
from deposits.statements.service import Reconciliation
from trading.acting import must_act_for, watches
from trading.calendar.legal import legal_day
from trading.money import Money
from trading.parties import service as parties
from trading.parties.party import DishonestyRecord
from trading.projects import service as projects
from trading.projects.project import Lot
from trading.projects.stages import BEFORE_OPENING

WEEK = timedelta(days=7)


@dataclass(frozen=True)
class DueLine:
    """A deposit whose clock runs: cash or guarantee. `amount` is None for a guarantee."""

    subject: str
    lot_id: str
    lot: str
    bidder: str
    is_cash: bool
    amount: Money | None
    cause: str
    due_on: date
    state: str


@dataclass(frozen=True)
class OverdueLine:
    """One line of the overdue list; `reason` is empty where nobody knows why."""

    subject: str
    lot: str
    bidder: str
    amount: Money | None
    due_on: date
    days: int
    reason: str
    item_id: str


@dataclass(frozen=True)
class ForfeitedLine:
    """A deposit that is not given back and was not paid to the tenderer yet."""

    holding_id: str
    lot: str
    bidder: str
    tenderer: str
    amount: Money


@dataclass(frozen=True)
class AccountLine:
    """One account of the ledger."""

    id: str
    kind: str
    lot: str
    bidder: str
    balance: Money
    available: Money
    pending_in: Money
    pending_out: Money


@dataclass(frozen=True)
class PostingLine:
    """One transfer of the ledger."""

    key: str
    made_at: datetime
    debit: str
    credit: str
    amount: Money
    state: str
    settled_at: datetime | None


@dataclass(frozen=True)
class Cashbox:
    """A centre's deposits at one look; `held` is what lies there for bidders."""

    reconciliation: Reconciliation | None
    held: Money
    pending: int
    due: tuple[DueLine, ...]
    overdue: tuple[OverdueLine, ...]
    forfeited: tuple[ForfeitedLine, ...]

    @property
    def unexplained(self) -> int:
        return sum(not line.reason for line in self.overdue)


def centre_of(actor: Actor) -> str:
    """The centre whose money staff look after. Refuses FORBIDDEN an account of no centre."""
    if not actor.centre_id:
        raise Refusal("api.money.no_centre", {}, Kind.FORBIDDEN)
    return actor.centre_id


def cashbox(db: Session, actor: Actor, now: datetime) -> Cashbox:
    """What is due within a week, what is overdue, and the account."""
    centre_id, today = centre_of(actor), legal_day(now)
    accounts = books.balances(db, centre_id, AccountKind.HELD)
    return Cashbox(
        reconciliation=statements.reconciliation(db, centre_id),
        held=Money(sum(account.balance.fen for account in accounts)),
        pending=len(books.pending(db, centre_id)),
        due=due_lines(db, centre_id, today, today + WEEK),
        overdue=overdue_lines(db, centre_id, today),
        forfeited=forfeited_lines(db, centre_id),
    )


def due_lines(db: Session, centre_id: str, today: date, until: date) -> tuple[DueLine, ...]:
    """Deposits whose last day lies between today and `until`, the next one first."""
    lots, names = _Lots(db), _Names(db)
    found = [
        DueLine(
            subject=held.id,
            lot_id=held.lot_id,
            lot=lots.name(held.lot_id),
            bidder=names(held.bidder_uscc),
            is_cash=True,
            amount=held.rest,
            cause=str(held.release_cause),
            due_on=held.release_due_on,
            state=held.state.value,
        )
        for held in refunds.due_by(db, until)
        if held.centre_id == centre_id and held.release_due_on and held.release_due_on >= today
    ]
    found += [
        DueLine(
            subject=each.guarantee_id,
            lot_id=each.lot_id,
            lot=lots.name(each.lot_id),
            bidder=names(each.bidder_uscc),
            is_cash=False,
            amount=None,
            cause=each.cause.value,
            due_on=each.due_on,
            state="GUARANTEE",
        )
        for each in guarantees.unreleased(db, until)
        if each.due_on >= today and lots.centre(each.lot_id) == centre_id
    ]
    return tuple(sorted(found, key=lambda line: (line.due_on, line.lot, line.bidder)))


def overdue_lines(db: Session, centre_id: str, today: date) -> tuple[OverdueLine, ...]:
    """The overdue list; empty, or explained, or in red."""
    lots, names = _Lots(db), _Names(db)

    def line(each: Overdue) -> OverdueLine:
        return OverdueLine(
            subject=each.subject,
            lot=lots.name(each.lot_id),
            bidder=names(each.bidder_uscc),
            amount=each.amount,
            due_on=each.due_on,
            days=each.days,
            reason=each.reason.value if each.reason else "",
            item_id=each.item_id,
        )

    return tuple(line(each) for each in clearance.overdue(db, today, centre_id))


def forfeited_lines(db: Session, centre_id: str) -> tuple[ForfeitedLine, ...]:
    """What a centre still owes to tenderers out of deposits that are not given back."""
    lots, names = _Lots(db), _Names(db)
    rows = [row for row in withheld.forfeitures(db) if lots.centre(row.lot_id) == centre_id]
    orders_of = orders.payouts_of(db, [row.holding_id for row in rows])
    paid = {order.subject for order in orders_of if order.state not in FAILED}
    return tuple(
        ForfeitedLine(
            holding_id=row.holding_id,
            lot=lots.name(row.lot_id),
            bidder=names(row.bidder_uscc),
            tenderer=names(lots(row.lot_id).tenderer_uscc),
            amount=row.amount,
        )
        for row in rows
        if row.holding_id not in paid
    )


def pay_forfeited(tx: Tx, actor: Actor, holding_id: str, account: str) -> Payout:
    """Pay a deposit that is not given back to the lot's tenderer, by his registered name."""
    lot = projects.lot(tx.db, cash.holding(tx.db, holding_id).lot_id)
    tenderer = parties.organisation(tx.db, lot.tenderer_uscc)
    return withheld.pay_forfeited(tx, actor, holding_id, account, tenderer.name)


def account_lines(db: Session, actor: Actor) -> list[AccountLine]:
    """A centre's accounts, the bank first, then the sub-accounts by lot."""
    centre_id = centre_of(actor)
    lots, names = _Lots(db), _Names(db)
    bidders = {h.id: h.bidder_uscc for h in cash.holdings_of_centre(db, centre_id)}

    def line(account: Account) -> AccountLine:
        is_bank = account.kind is AccountKind.BANK
        pending_in = account.debits_pending if is_bank else account.credits_pending
        pending_out = account.credits_pending if is_bank else account.debits_pending
        bidder = bidders.get(account.holder, "")
        return AccountLine(
            id=account.id,
            kind=account.kind.value,
            lot=lots.name(account.lot_id) if account.lot_id else "",
            bidder=names(bidder) if bidder else "",
            balance=account.balance,
            available=account.available,
            pending_in=Money(pending_in),
            pending_out=Money(pending_out),
        )

    return [line(account) for account in books.balances(db, centre_id)]


def posting_lines(db: Session, actor: Actor) -> list[PostingLine]:
    """A centre's transfers."""
    centre_id = centre_of(actor)
    ids = [account.id for account in books.balances(db, centre_id)]
    return [
        PostingLine(
            key=posting.transfer.key,
            made_at=posting.made_at,
            debit=posting.transfer.debit.removeprefix(f"{centre_id}/"),
            credit=posting.transfer.credit.removeprefix(f"{centre_id}/"),
            amount=posting.transfer.amount,
            state=posting.transfer.state.value,
            settled_at=posting.settled_at,
        )
        for posting in books.postings(db, ids)
    ]


# --- A bidder's own -----------------------------------------------------------------------


@dataclass(frozen=True)
class OwnDeposit:
    """One deposit in cash of the asking bidder, with its payments and an extension he was asked
    for (None where none)."""

    holding: Holding
    lot: Lot
    orders: tuple[Payout, ...]
    extension: tuple[Extension, bool | None] | None
    may_readdress: bool


def own_deposits(db: Session, actor: Actor) -> tuple[OwnDeposit, ...]:
    """The bidder's own money, the newest first."""
    if not actor.party_id:
        raise Refusal("trading.actor.party", {"actor": actor.id}, Kind.FORBIDDEN)
    found = []
    for held in cash.holdings_of_bidder(db, actor.party_id):
        lot = projects.lot(db, held.lot_id)
        found.append(
            OwnDeposit(
                holding=held,
                lot=lot,
                orders=orders.payouts_of(db, [held.id]),
                extension=extensions.extension_of(db, held.lot_id, actor.party_id),
                may_readdress=held.state in OWED and lot.stage not in AWARDED,
            )
        )
    return tuple(sorted(found, key=lambda each: each.holding.id, reverse=True))


def own_appeals(db: Session, actor: Actor) -> tuple[Appeal, ...]:
    return honesty.appeals(db, actor.party_id) if actor.party_id else ()


def own_listings(db: Session, actor: Actor, now: datetime) -> tuple[DishonestyRecord, ...]:
    """The answers by which the bidder is listed now, the newest first; against these he may appeal."""
    today = legal_day(now)
    found = parties.answers_about(db, actor.party_id, today) if actor.party_id else ()
    listed = [a for a in found if a.is_listed and (a.listed_until or today) >= today]
    return tuple(sorted(listed, key=lambda a: (a.queried_on, a.source), reverse=True))


# --- A lot before its tenderer ------------------------------------------------------------


@dataclass(frozen=True)
class LotDeposits:
    """The deposits in cash of one lot."""

    lot: Lot
    holdings: tuple[Holding, ...]
    names: Mapping[str, str]
    forfeitures: tuple[Forfeiture, ...]
    is_open: bool
    """Whether the opening is behind us; before it there is nothing to show."""


def lot_deposits(db: Session, actor: Actor, lot_id: str) -> LotDeposits:
    """Refuses FORBIDDEN for somebody else than the tenderer and his agency."""
    lot = projects.lot(db, lot_id)
    must_act_for(actor, lot.tenderer_uscc, lot.agency_uscc)
    held = cash.holdings(db, lot_id)
    return LotDeposits(
        lot=lot,
        holdings=held,
        names=_names(db, (h.bidder_uscc for h in held)),
        forfeitures=withheld.forfeitures(db, lot_id),
        is_open=lot.stage not in BEFORE_OPENING,
    )


# --- What the supervisor watches ----------------------------------------------------------


@dataclass(frozen=True)
class ForfeitureLine:
    holding_id: str
    lot: str
    bidder: str
    amount: Money
    ground: str
    article: str
    clause: str
    decided_at: datetime


@dataclass(frozen=True)
class LeadLine:
    lot: str
    tail: str
    bidders: str
    raised_at: datetime


@dataclass(frozen=True)
class RefusalLine:
    lot: str
    bidder: str
    answered_at: datetime


@dataclass(frozen=True)
class Watch:
    """Forfeitures, refusals and leads of the lots that a supervisor watches; what came back from
    the bank and waits for his word; open appeals."""

    forfeitures: tuple[ForfeitureLine, ...]
    refusals: tuple[RefusalLine, ...]
    rejected: tuple[tuple[Holding, str, str], ...]
    leads: tuple[LeadLine, ...]
    bounced: tuple[tuple[Holding, str, str], ...]
    appeals: tuple[tuple[Appeal, str], ...]


def watch(db: Session, actor: Actor) -> Watch:
    lots, names = _Lots(db), _Names(db)

    def mine(lot_id: str) -> bool:
        return watches(actor, lots(lot_id).supervisor_uscc)

    held = [h for h in cash.holdings_of_centre(db, "") if mine(h.lot_id)]
    named = [(h, lots.name(h.lot_id), names(h.bidder_uscc)) for h in held]
    return Watch(
        forfeitures=tuple(
            ForfeitureLine(
                row.holding_id,
                lots.name(row.lot_id),
                names(row.bidder_uscc),
                row.amount,
                row.ground.value,
                row.article,
                row.clause,
                row.decided_at,
            )
            for row in withheld.forfeitures(db)
            if mine(row.lot_id)
        ),
        refusals=tuple(
            RefusalLine(lots.name(row.lot_id), names(row.bidder_uscc), row.answered_at)
            for row in extensions.refused_extensions(db)
            if mine(row.lot_id)
        ),
        rejected=tuple(line for line in named if line[0].reasons),
        leads=tuple(_lead(row, lots, names) for row in cash.leads(db) if mine(row.lot_id)),
        bounced=tuple(line for line in named if line[0].state is HoldingState.BOUNCED),
        appeals=tuple((a, names(a.uscc)) for a in honesty.appeals(db, only_open=True)),
    )


def _lead(row: Lead, lots: _Lots, names: _Names) -> LeadLine:
    bidders = "、".join(names(uscc) for uscc in row.bidders)
    return LeadLine(lots.name(row.lot_id), row.payer_account[-4:], bidders, row.raised_at)


def forfeiture_document(
    db: Session, vault: Vault, actor: Actor, holding_id: str
) -> tuple[str, bytes]:
    """(name, content) of the document that proves a forfeiture, for the supervisor of its lot."""
    for row in withheld.forfeitures(db):
        if row.holding_id == holding_id:
            if not watches(actor, projects.lot(db, row.lot_id).supervisor_uscc):
                raise Refusal("trading.actor.supervisor", {"actor": actor.id}, Kind.FORBIDDEN)
            return row.document_name, vault.get(row.document_sha256)
    raise Refusal("deposits.cash.unknown", {"holding": holding_id[:40]}, Kind.NOT_FOUND)


# --- Names, looked up once ----------------------------------------------------------------


class _Lots:
    """Lots by id, each read once."""

    def __init__(self, db: Session) -> None:
        self._db = db
        self._known: dict[str, Lot] = {}

    def __call__(self, lot_id: str) -> Lot:
        if lot_id not in self._known:
            self._known[lot_id] = projects.lot(self._db, lot_id)
        return self._known[lot_id]

    def name(self, lot_id: str) -> str:
        return self(lot_id).name

    def centre(self, lot_id: str) -> str:
        return self(lot_id).centre_id


class _Names:
    """Names of organisations by code, each read once."""

    def __init__(self, db: Session) -> None:
        self._db = db
        self._known: dict[str, str] = {}

    def __call__(self, uscc: str) -> str:
        if uscc not in self._known:
            self._known |= _names(self._db, [uscc])
        return self._known.get(uscc, uscc)


def _names(db: Session, usccs: Iterable[str]) -> dict[str, str]:
    return {uscc: found.name for uscc, found in parties.organisations(db, set(usccs)).items()}
