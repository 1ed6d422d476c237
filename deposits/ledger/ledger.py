"""The ledger of cash deposits: double entry in two phases, in whole fen.

A *transfer* moves one amount from one account to another: it debits one and credits the other, so
the two sides of the book are equal whatever happens, and there is no entry that could be half a
one. It comes to be PENDING (the bank has said so, or a payment was ordered) and is then POSTED (the
statement shows it) or VOIDED. What is pending on the credit side of an account cannot be spent yet;
what is pending on its debit side is spent already. This is the two-phase transfer of TigerBeetle's
documentation, in plain rows.

    BANK         asset      money in the centre's account at the bank
    HELD         liability  the deposit of one bidder in one lot; all HELD of a lot are its
                            sub-account (标段子账户)
    UNMATCHED    liability  received, and nobody knows from whom or for what
    LEGACY       liability  one old deposit that was found unreturned (历史沉淀)
    FORFEITED    liability  not given back; owed to the tenderer
    PERFORMANCE  liability  became a performance bond
    INTEREST     clearing   what the bank added, on its way to the bidder

Invariants, for every account at every moment:

    0 ≤ each of the four sums ≤ BALANCE_FEN_MAX, and no balance beyond what Money holds
    BANK                     credits pending + credits posted ≤ debits posted
    every other              debits pending + debits posted ≤ credits posted

and over the whole book Σ debits = Σ credits, pending and posted each. Moves carry a key: the same
key with the same content is the same move and changes nothing when it comes again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TypeAlias

from archive.errors import Kind, Refusal
from trading.money import FEN_MAX, Money

BALANCE_FEN_MAX = 10**18
"""Below 2⁶³: beyond it SQLite would silently go over to floats."""


class AccountKind(StrEnum):
    """What an account stands for."""

    BANK = "BANK"  # 银行存款
    HELD = "HELD"  # 标段子账户中一家投标人的保证金
    UNMATCHED = "UNMATCHED"  # 待核销款项
    LEGACY = "LEGACY"  # 历史沉淀保证金
    FORFEITED = "FORFEITED"  # 不予退还,应付招标人
    PERFORMANCE = "PERFORMANCE"  # 转为履约保证金
    INTEREST = "INTEREST"  # 利息


class TransferState(StrEnum):
    PENDING = "PENDING"
    POSTED = "POSTED"
    VOIDED = "VOIDED"


@dataclass(frozen=True)
class Account:
    """`holder` says whose: a holding, an item of clearance, else empty. The four sums are fen."""

    id: str
    centre_id: str
    kind: AccountKind
    lot_id: str = ""
    holder: str = ""
    debits_pending: int = 0
    debits_posted: int = 0
    credits_pending: int = 0
    credits_posted: int = 0

    @property
    def balance(self) -> Money:
        """What is in it for sure: posted sums, on the account's own side."""
        difference = self.debits_posted - self.credits_posted
        return Money(difference if self.kind is AccountKind.BANK else -difference)

    @property
    def available(self) -> Money:
        """The balance without what is promised to somebody already."""
        if self.kind is AccountKind.BANK:
            return Money(self.debits_posted - self.credits_posted - self.credits_pending)
        return Money(self.credits_posted - self.debits_posted - self.debits_pending)


@dataclass(frozen=True)
class Transfer:
    """`key` names it for good; `subject` says what it is about, e.g. a holding or a bank's line."""

    key: str
    debit: str
    credit: str
    amount: Money
    subject: str
    state: TransferState


@dataclass(frozen=True)
class Reserve:
    """Make a transfer, pending."""

    key: str
    debit: str
    credit: str
    amount: Money
    subject: str = ""


@dataclass(frozen=True)
class Book:
    """Make a transfer and post it at once."""

    key: str
    debit: str
    credit: str
    amount: Money
    subject: str = ""


@dataclass(frozen=True)
class Post:
    """Post a pending transfer."""

    key: str


@dataclass(frozen=True)
class Void:
    """Take a pending transfer back."""

    key: str


Move: TypeAlias = Reserve | Book | Post | Void


@dataclass
class Ledger:
    """Accounts by id and transfers by key: the whole book, or the part of it that moves concern."""

    accounts: dict[str, Account]
    transfers: dict[str, Transfer]

    def apply(self, moves: Iterable[Move]) -> None:
        """Make all moves or none. Refuses as `applied` says."""
        accounts, transfers = applied(self.accounts, self.transfers, moves)
        self.accounts.update(accounts)
        self.transfers.update(transfers)


def applied(
    accounts: Mapping[str, Account], transfers: Mapping[str, Transfer], moves: Iterable[Move]
) -> tuple[dict[str, Account], dict[str, Transfer]]:
    """The accounts and transfers that the moves change or make, each as it is afterwards.

    Refuses NOT_FOUND for an account or transfer that is not there; INVALID for an amount that is
    not above zero, an account against itself, or of two centres; CONFLICT where a key stands for
    something else, where a transfer was settled the other way, where an account would be overdrawn
    or a sum would leave its range. Nothing is changed by a refusal.
    """
    changed: dict[str, Account] = {}
    made: dict[str, Transfer] = {}

    def account(account_id: str) -> Account:
        found = changed.get(account_id) or accounts.get(account_id)
        if found is None:
            raise Refusal("deposits.ledger.no_account", {"account": account_id}, Kind.NOT_FOUND)
        return found

    for move in moves:
        known = made.get(move.key) or transfers.get(move.key)
        if isinstance(move, Reserve | Book):
            wanted = TransferState.PENDING if isinstance(move, Reserve) else TransferState.POSTED
            if known is not None:
                _must_be_same(known, move)
                continue
            debit, credit = account(move.debit), account(move.credit)
            _check_new(move, debit, credit)
            made[move.key] = Transfer(
                move.key, move.debit, move.credit, move.amount, move.subject, wanted
            )
            fen = move.amount.fen
            if wanted is TransferState.PENDING:
                debit = replace(debit, debits_pending=debit.debits_pending + fen)
                credit = replace(credit, credits_pending=credit.credits_pending + fen)
            else:
                debit = replace(debit, debits_posted=debit.debits_posted + fen)
                credit = replace(credit, credits_posted=credit.credits_posted + fen)
        else:
            wanted = TransferState.POSTED if isinstance(move, Post) else TransferState.VOIDED
            if known is None:
                raise Refusal("deposits.ledger.no_transfer", {"key": move.key}, Kind.NOT_FOUND)
            if known.state is wanted:
                continue
            if known.state is not TransferState.PENDING:
                params = {"key": move.key, "state": known.state, "wanted": wanted}
                raise Refusal("deposits.ledger.settled", params, Kind.CONFLICT)
            made[move.key] = replace(known, state=wanted)
            debit, credit, fen = account(known.debit), account(known.credit), known.amount.fen
            posted = fen if wanted is TransferState.POSTED else 0
            debit = replace(
                debit,
                debits_pending=debit.debits_pending - fen,
                debits_posted=debit.debits_posted + posted,
            )
            credit = replace(
                credit,
                credits_pending=credit.credits_pending - fen,
                credits_posted=credit.credits_posted + posted,
            )
        for after in (debit, credit):
            _check_limits(after)
            changed[after.id] = after
    return changed, made


def _must_be_same(known: Transfer, move: Reserve | Book) -> None:
    if (known.debit, known.credit, known.amount) != (move.debit, move.credit, move.amount):
        raise Refusal("deposits.ledger.key_taken", {"key": move.key}, Kind.CONFLICT)


def _check_new(move: Reserve | Book, debit: Account, credit: Account) -> None:
    if move.amount.fen <= 0:
        params = {"key": move.key, "amount": move.amount.in_yuan()}
        raise Refusal("deposits.ledger.amount", params)
    if debit.id == credit.id or debit.centre_id != credit.centre_id:
        raise Refusal(
            "deposits.ledger.accounts", {"key": move.key, "debit": debit.id, "credit": credit.id}
        )


def _check_limits(account: Account) -> None:
    sums = (
        account.debits_pending,
        account.debits_posted,
        account.credits_pending,
        account.credits_posted,
    )
    if account.kind is AccountKind.BANK:
        coming = account.debits_pending
        balance = account.debits_posted - account.credits_posted
        over = account.credits_pending - balance
    else:
        coming = account.credits_pending
        balance = account.credits_posted - account.debits_posted
        over = account.debits_pending - balance
    if max(sums) > BALANCE_FEN_MAX or balance + coming > FEN_MAX:
        raise Refusal("deposits.ledger.overflow", {"account": account.id}, Kind.CONFLICT)
    assert min(sums) >= 0, account
    if over > 0:
        raise Refusal(
            "deposits.ledger.overdrawn",
            {"account": account.id, "short": Money(over).in_yuan()},
            Kind.CONFLICT,
        )


def broken(accounts: Sequence[Account], transfers: Iterable[Transfer]) -> list[str]:
    """The invariants that a whole book breaks, in words for us; empty when it holds. The sums of
    the accounts are worked out anew from the transfers."""
    faults: list[str] = []
    again: dict[str, list[int]] = {account.id: [0, 0, 0, 0] for account in accounts}
    for transfer in transfers:
        if transfer.state is TransferState.VOIDED:
            continue
        posted = transfer.state is TransferState.POSTED
        again[transfer.debit][1 if posted else 0] += transfer.amount.fen
        again[transfer.credit][3 if posted else 2] += transfer.amount.fen
    for account in accounts:
        sums = [
            account.debits_pending,
            account.debits_posted,
            account.credits_pending,
            account.credits_posted,
        ]
        if sums != again[account.id]:
            faults.append(f"{account.id}: {sums} in the account, {again[account.id]} in transfers")
        try:
            _check_limits(account)
        except (Refusal, AssertionError) as error:
            faults.append(f"{account.id}: {error!r}")
    for phase in ("pending", "posted"):
        left = sum(getattr(account, f"debits_{phase}") for account in accounts)
        right = sum(getattr(account, f"credits_{phase}") for account in accounts)
        if left != right:
            faults.append(f"{phase}: debits {left}, credits {right}")
    return faults


# --- The names of accounts ----------------------------------------------------------------


def bank(centre_id: str) -> Account:
    return Account(f"{centre_id}/bank", centre_id, AccountKind.BANK)


def unmatched(centre_id: str) -> Account:
    return Account(f"{centre_id}/unmatched", centre_id, AccountKind.UNMATCHED)


def interest(centre_id: str) -> Account:
    return Account(f"{centre_id}/interest", centre_id, AccountKind.INTEREST)


def held(centre_id: str, lot_id: str, holding_id: str) -> Account:
    name = f"{centre_id}/lot/{lot_id}/{holding_id}"
    return Account(name, centre_id, AccountKind.HELD, lot_id, holding_id)


def forfeited(centre_id: str, lot_id: str) -> Account:
    return Account(f"{centre_id}/forfeited/{lot_id}", centre_id, AccountKind.FORFEITED, lot_id)


def performance(centre_id: str, lot_id: str) -> Account:
    return Account(f"{centre_id}/performance/{lot_id}", centre_id, AccountKind.PERFORMANCE, lot_id)


def legacy(centre_id: str, item_id: str) -> Account:
    return Account(f"{centre_id}/legacy/{item_id}", centre_id, AccountKind.LEGACY, "", item_id)
