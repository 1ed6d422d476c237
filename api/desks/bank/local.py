"""The bank's side of `deposits.cash.bank.Bank`: what is asked in the room's words becomes a command,
and the answer the room's values again. `send` carries the command: over HTTP (`api.desks.command_client`)
or, in tests, straight into the books."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from api.desks.bank.core import Books
from api.desks.command_client import Send
from api.desks.declined import Declined
from archive.errors import Kind, Refusal
from deposits.cash.bank import BankSilent, Order, Receipt
from deposits.cash.slip import Slip
from trading.money import Money


class BankAdapter:
    """`Bank` over any carrier."""

    def __init__(self, send: Send) -> None:
        self._send = send

    def open_account(self, centre_id: str, commitment: str, quiet_until: date) -> tuple[str, str]:
        answer = self._ask(
            {
                "do": "open",
                "centre": centre_id,
                "commitment": commitment,
                "quiet_until": quiet_until.isoformat(),
            }
        )
        return str(answer["account"]), str(answer["secret"])

    def pay(
        self,
        account: str,
        payer_account: str,
        payer_name: str,
        amount: Money,
        key: str,
        at: datetime,
    ) -> str:
        """What a payer's own bank does: money comes in on an account; its reference."""
        answer = self._ask(
            {
                "do": "pay",
                "at": at.isoformat(),
                "key": key,
                "account": account,
                "payer_account": payer_account,
                "payer_name": payer_name,
                "fen": amount.fen,
            }
        )
        return str(answer["reference"])

    def take_back(self, account: str, secret: str) -> Money:
        """Before the opening a payer takes his money back himself; how much."""
        answer = self._ask({"do": "return", "account": account, "secret": secret})
        return Money(int(answer["fen"]))

    def restore(self, slip: Slip, now: datetime) -> tuple[Receipt, ...]:
        answer = self._ask(
            {
                "do": "restore",
                "at": now.isoformat(),
                "account": slip.account,
                "salt": slip.salt,
                "lot": slip.lot_id,
                "bidder": slip.bidder,
            }
        )
        try:
            return tuple(
                Receipt(
                    reference=str(each["reference"]),
                    account=str(each["account"]),
                    payer_account=str(each["payer_account"]),
                    payer_name=str(each["payer_name"]),
                    amount=_amount(each["fen"]),
                    paid_at=_moment(each["paid_at"]),
                )
                for each in answer
            )
        except (ValueError, TypeError, KeyError) as error:
            raise BankSilent("the bank answers nonsense") from error

    def pay_out(self, order: Order) -> None:
        self._ask(
            {
                "do": "payout",
                "at": order.ordered_at.isoformat(),
                "key": order.key,
                "centre": order.centre_id,
                "to_account": order.to_account,
                "to_name": order.to_name,
                "fen": order.amount.fen,
                "interest": order.interest.fen,
                "carried": order.carried.fen,
            }
        )

    def statement(self, centre_id: str, number: int, now: datetime) -> bytes | None:
        command = {
            "do": "statement",
            "at": now.isoformat(),
            "centre": centre_id,
            "number": number,
        }
        answer = self._ask(command)
        return answer.encode() if isinstance(answer, str) else None

    def calls(self, after: int, now: datetime) -> tuple[bytes, ...]:
        answer = self._ask({"do": "calls", "at": now.isoformat(), "after": after})
        return tuple(str(call).encode() for call in answer)

    def _ask(self, command: Mapping[str, Any]) -> Any:
        try:
            return self._send(command)
        except Declined as declined:
            raise Refusal(
                "api.bank.declined", {"why": str(declined)[:60]}, Kind.CONFLICT
            ) from declined


def local(books: Books) -> BankAdapter:
    """A bank in the same process, for tests."""
    return BankAdapter(books.do)


def _amount(fen: Any) -> Money:
    if type(fen) is not int or fen <= 0:
        raise ValueError("not an amount")
    return Money(fen)


def _moment(text: Any) -> datetime:
    moment = datetime.fromisoformat(str(text))
    if moment.tzinfo is None:
        raise ValueError("naive")
    return moment
