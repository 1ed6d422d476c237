"""The books of the bank that stands in for a real one: pure, one command after another.

A synthetic bank for demonstrations and tests, never for money. It does what a deposit bank does for
trading centres: opens sub-accounts, takes payments, keeps silent about them until it is shown the
salt, pays out, adds interest, writes statements in camt.053, calls back. And it fails like one:
answers get lost, payments bounce, a receipt is told wrongly, a payment is made twice, calls come
twice or in the wrong order (`fault`).

Time is what each command says, for the desk has no legal clock of its own. The same commands in the
same order give the same books, so the desk keeps the commands and nothing else.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from api.desks.declined import Declined
from archive import canonical
from archive.clock import SHANGHAI
from deposits.cash.slip import commitment
from deposits.statements.camt import write
from deposits.statements.statement import Line, LineKind, Statement
from trading.money import Money

SETTLES_AFTER = timedelta(hours=2)
BOUNCES_AFTER = timedelta(days=1)
STRANGERS_QUIET = timedelta(days=30)
"""How long the bank keeps silent about money that came without a sub-account."""


def centre_account(centre_id: str) -> str:
    """The number of a centre's account for deposits."""
    return f"62{centre_id}0000000001"


@dataclass
class SubAccount:
    number: str
    centre_id: str
    commitment: str
    secret: str
    """Whoever shows it may have the money back while nobody has shown the salt."""
    quiet_until: date
    is_restored: bool = False


@dataclass
class Incoming:
    reference: str
    account: str
    centre_id: str
    payer_account: str
    payer_name: str
    amount: int
    paid_at: datetime
    quiet_until: date
    is_stated: bool = False
    """Whether it stands (or will stand) on a statement."""
    is_returned: bool = False


@dataclass
class Outgoing:
    key: str
    centre_id: str
    to_account: str
    to_name: str
    amount: int
    interest: int
    added: int
    """What the bank adds: the interest that is not in the account already."""
    settles_at: datetime
    state: str = "ACCEPTED"
    bounces_at: datetime | None = None
    times: int = 1


@dataclass
class Books:
    """Everything that the bank knows."""

    accounts: dict[str, SubAccount] = field(default_factory=dict)
    incoming: list[Incoming] = field(default_factory=list)
    by_key: dict[str, str] = field(default_factory=dict)
    """Payments by the payer's own key, so that one sent twice is one."""
    outgoing: dict[str, Outgoing] = field(default_factory=dict)
    waiting: dict[str, list[Line]] = field(default_factory=dict)
    """Lines that stand on no statement yet, by centre."""
    statements: dict[str, list[Statement]] = field(default_factory=dict)
    calls: list[dict[str, Any]] = field(default_factory=list)
    closed: set[str] = field(default_factory=set)
    lies: dict[str, int] = field(default_factory=dict)
    doubled: set[str] = field(default_factory=set)
    lines: int = 0
    now: datetime = datetime(2000, 1, 1, tzinfo=UTC)

    def do(self, command: Mapping[str, Any]) -> Any:
        """Do one command; its answer in plain values. Declined where the bank says no; nothing is
        changed then."""
        if "at" in command:
            self.now = max(self.now, datetime.fromisoformat(command["at"]))
        at = self.now
        self._tick(at)
        acts = {
            "open": self._open,
            "pay": self._pay,
            "return": self._return,
            "restore": self._restore,
            "payout": self._payout,
            "statement": self._statement,
            "calls": self._calls,
            "fault": self._fault,
            "totals": self._totals,
        }
        act = acts.get(command["do"])
        if act is None:
            raise Declined("unknown_command")
        return act(command, at)

    # --- Accounts and payments ------------------------------------------------------------

    def _open(self, command: Mapping[str, Any], _: datetime) -> dict[str, str]:
        promise, centre_id = str(command["commitment"]), str(command["centre"])
        if not re.fullmatch("[0-9a-f]{64}", promise) or not re.fullmatch("[0-9]{6}", centre_id):
            raise Declined("commitment")
        digits = int(promise[:32], 16) % 10**14
        number = f"62{centre_id}{digits:014d}"
        known = self.accounts.get(number)
        if known is None:
            secret = hashlib.sha256(f"{number} {command.get('entropy', '')}".encode()).hexdigest()
            known = self.accounts[number] = SubAccount(
                number, centre_id, promise, secret, date.fromisoformat(command["quiet_until"])
            )
        elif known.commitment != promise:
            raise Declined("number_taken")
        return {"account": number, "secret": known.secret}

    def _pay(self, command: Mapping[str, Any], at: datetime) -> dict[str, str]:
        key, account = str(command["key"]), str(command["account"])
        if key in self.by_key:
            return {"reference": self.by_key[key]}
        fen = int(command["fen"])
        if fen <= 0:
            raise Declined("amount")
        sub = self.accounts.get(account)
        if sub is not None:
            centre_id, quiet = sub.centre_id, sub.quiet_until
        elif account == centre_account(account[2:8]):
            centre_id, quiet = account[2:8], _day(at + STRANGERS_QUIET)
        else:
            raise Declined("no_account")
        reference = f"R{len(self.incoming) + 1:08d}"
        self.by_key[key] = reference
        self.incoming.append(
            Incoming(
                reference,
                account,
                centre_id,
                str(command["payer_account"]),
                str(command["payer_name"]),
                fen,
                at,
                quiet,
            )
        )
        return {"reference": reference}

    def _return(self, command: Mapping[str, Any], _: datetime) -> dict[str, int]:
        """Before the opening the payer takes his money back himself, and nobody else learns of it."""
        sub = self.accounts.get(str(command["account"]))
        if sub is None or sub.secret != command["secret"]:
            raise Declined("secret")
        if sub.is_restored:
            raise Declined("restored")
        returned = 0
        for each in self.incoming:
            if each.account == sub.number and not each.is_stated and not each.is_returned:
                each.is_returned = True
                returned += each.amount
        return {"fen": returned}

    def _restore(self, command: Mapping[str, Any], at: datetime) -> list[dict[str, Any]]:
        sub = self.accounts.get(str(command["account"]))
        told = commitment(str(command["lot"]), str(command["bidder"]), str(command["salt"]))
        if sub is None or sub.commitment != told:
            raise Declined("salt")
        sub.is_restored = True
        receipts = []
        for each in self.incoming:
            if each.account != sub.number or each.is_returned:
                continue
            self._state(each, at)
            receipts.append(
                {
                    "reference": each.reference,
                    "account": each.account,
                    "payer_account": each.payer_account,
                    "payer_name": each.payer_name,
                    "fen": each.amount + self.lies.get(each.account, 0),
                    "paid_at": each.paid_at.isoformat(),
                }
            )
        return receipts

    # --- Paying out -----------------------------------------------------------------------

    def _payout(self, command: Mapping[str, Any], at: datetime) -> dict[str, str]:
        key = str(command["key"])
        known = self.outgoing.get(key)
        if known is None:
            amount, interest = int(command["fen"]), int(command["interest"])
            added = interest - int(command["carried"])
            if amount <= 0 or min(interest, added) < 0:
                raise Declined("amount")
            centre_id = str(command["centre"])
            promised = sum(
                o.amount + o.interest - o.added
                for o in self.outgoing.values()
                if o.centre_id == centre_id and o.state == "ACCEPTED"
            )
            if amount + interest - added + promised > self._stated(centre_id):
                raise Declined("cover")
            known = self.outgoing[key] = Outgoing(
                key,
                centre_id,
                str(command["to_account"]),
                str(command["to_name"]),
                amount,
                interest,
                added,
                at + SETTLES_AFTER,
                times=2 if key in self.doubled else 1,
            )
        return {"state": known.state}

    def _stated(self, centre_id: str) -> int:
        """What the centre's account shows (or will show on its next statement)."""
        done = self.statements.get(centre_id, [])
        closing = done[-1].closing.fen if done else 0
        return closing + sum(line.amount.fen for line in self.waiting.get(centre_id, []))

    def _tick(self, now: datetime) -> None:
        """Everything that falls due up to now, in order."""
        due: list[tuple[datetime, str, str]] = []
        for order in self.outgoing.values():
            if order.state == "ACCEPTED" and order.settles_at <= now:
                due.append((order.settles_at, order.key, "settle"))
            if order.state == "SETTLED" and order.bounces_at and order.bounces_at <= now:
                due.append((order.bounces_at, order.key, "bounce"))
        for at, key, what in sorted(due):
            order = self.outgoing[key]
            if what == "settle":
                self._settle(order, at)
            else:
                self._bounce(order, at)
        for order in list(self.outgoing.values()):
            if order.state == "SETTLED" and order.bounces_at and order.bounces_at <= now:
                self._bounce(order, order.bounces_at)
        for each in self.incoming:
            if not each.is_stated and not each.is_returned and _day(now) > each.quiet_until:
                self._state(each, now)

    def _settle(self, order: Outgoing, at: datetime) -> None:
        if order.added:
            self._line(order, at, order.added, LineKind.INTEREST, party=False)
        for _ in range(order.times):
            self._line(order, at, -order.amount - order.interest, LineKind.PAYOUT)
        order.state = "SETTLED"
        if order.to_account in self.closed:
            order.bounces_at = at + BOUNCES_AFTER
        self._call("SETTLED", order, at)

    def _bounce(self, order: Outgoing, at: datetime) -> None:
        self._line(order, at, order.amount + order.interest, LineKind.REVERSAL)
        order.state, order.bounces_at = "BOUNCED", None
        self._call("BOUNCED", order, at)

    def _line(
        self, order: Outgoing, at: datetime, fen: int, kind: LineKind, *, party: bool = True
    ) -> None:
        self.lines += 1
        self.waiting.setdefault(order.centre_id, []).append(
            Line(
                reference=f"P{self.lines:08d}",
                booked_on=_day(at),
                amount=Money(fen),
                kind=kind,
                counter_account=order.to_account if party else "",
                counter_name=order.to_name if party else "",
                key=order.key,
            )
        )

    def _state(self, each: Incoming, at: datetime) -> None:
        """Put what came in on the next statement."""
        if each.is_stated:
            return
        each.is_stated = True
        self.waiting.setdefault(each.centre_id, []).append(
            Line(
                reference=each.reference,
                booked_on=_day(at),
                amount=Money(each.amount),
                kind=LineKind.RECEIPT,
                account=each.account,
                counter_account=each.payer_account,
                counter_name=each.payer_name,
            )
        )

    # --- Telling --------------------------------------------------------------------------

    def _call(self, kind: str, order: Outgoing, at: datetime) -> None:
        self.calls.append(
            {
                "at": at.isoformat(),
                "format": "bigloop.bank-notice.v1",
                "key": order.key,
                "kind": kind,
                "number": len(self.calls) + 1,
            }
        )

    def _calls(self, command: Mapping[str, Any], _: datetime) -> list[str]:
        after = int(command["after"])
        return [canonical.encode(call).decode() for call in self.calls[after:]]

    def _statement(self, command: Mapping[str, Any], at: datetime) -> str | None:
        centre_id, number = str(command["centre"]), int(command["number"])
        done = self.statements.setdefault(centre_id, [])
        if number == len(done) + 1 and self.waiting.get(centre_id):
            lines = tuple(self.waiting.pop(centre_id))
            opening = done[-1].closing if done else Money(0)
            closing = Money(opening.fen + sum(line.amount.fen for line in lines))
            done.append(
                Statement(centre_account(centre_id), number, _day(at), opening, closing, lines)
            )
        if not 1 <= number <= len(done):
            return None
        return write(done[number - 1]).decode()

    def _fault(self, command: Mapping[str, Any], _: datetime) -> dict[str, str]:
        """Fail on purpose from now on: `close` an account, `lie` about an account by so many fen,
        `double` the payment of an order."""
        if "close" in command:
            self.closed.add(str(command["close"]))
        if "reopen" in command:
            self.closed.discard(str(command["reopen"]))
        if "lie" in command:
            self.lies[str(command["lie"])] = int(command["fen"])
        if "double" in command:
            self.doubled.add(str(command["double"]))
        return {}

    def _totals(self, _: Mapping[str, Any], __: datetime) -> dict[str, int]:
        """For auditors of a test: everything that came, went out, was added and is there."""
        came = sum(each.amount for each in self.incoming)
        back = sum(each.amount for each in self.incoming if each.is_returned)
        settled = [o for o in self.outgoing.values() if o.state == "SETTLED"]
        ever = [o for o in self.outgoing.values() if o.state in ("SETTLED", "BOUNCED")]
        paid = sum((o.amount + o.interest) * o.times for o in settled)
        paid += sum((o.amount + o.interest) * (o.times - 1) for o in ever if o.state == "BOUNCED")
        added = sum(o.added for o in ever)
        silent = sum(e.amount for e in self.incoming if not e.is_stated and not e.is_returned)
        return {
            "came": came,
            "returned": back,
            "paid": paid,
            "added": added,
            "silent": silent,
            "there": came - back - paid + added,
            "payments": sum(o.times for o in ever),
        }


def _day(moment: datetime) -> date:
    return moment.astimezone(SHANGHAI).date()
