"""The platform's side of `deposits.issuers.desk.IssuersDesk`: what is asked in the room's words becomes
a command, and the answer the room's values again. `send` carries the command: over HTTP
(`api.desks.command_client`) or, in tests, straight into a desk."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from datetime import date, datetime
from typing import Any, TypeVar

from api.desks.command_client import Send
from api.desks.declined import Declined
from archive.errors import Kind, Refusal
from deposits.forms import DepositForm
from deposits.guarantees.slip import GuaranteeSlip
from deposits.guarantees.states import GuaranteeState
from deposits.issuers.desk import (
    Application,
    Collected,
    Confirmed,
    DemandOrder,
    IssuerSilent,
    Offer,
    OrderLine,
    Quote,
    Restored,
)
from trading.money import Money

T = TypeVar("T")


class IssuersAdapter:
    """`IssuersDesk` over any carrier."""

    def __init__(self, send: Send) -> None:
        self._send = send

    def offers(self, now: datetime) -> tuple[Offer, ...]:
        def read(answer: Any) -> tuple[Offer, ...]:
            return tuple(
                Offer(
                    issuer_uscc=str(each["issuer"]),
                    name=str(each["name"])[:200],
                    form=DepositForm(each["form"]),
                    permyriad=_whole(each["permyriad"]),
                    premium_min=Money(_whole(each["premium_min"])),
                    minutes=_whole(each["minutes"]),
                    extension_permyriad=_whole(each["extension_permyriad"]),
                )
                for each in answer
            )

        return self._ask(read, do="offers", at=now.isoformat())

    def apply(self, application: Application, now: datetime) -> Quote:
        return self._ask(
            lambda a: Quote(_token(a["order"]), _token(a["secret"]), Money(_whole(a["premium"]))),
            do="apply",
            at=now.isoformat(),
            issuer=application.issuer_uscc,
            commitment=application.commitment,
            principal=application.principal_uscc,
            name=application.principal_name,
            fen=application.amount.fen,
            valid_from=application.valid_from.isoformat(),
            valid_to=application.valid_to.isoformat(),
        )

    def pay(self, order: str, secret: str, account: str, now: datetime) -> None:
        self._ask(
            lambda _: None,
            do="pay",
            at=now.isoformat(),
            order=order,
            secret=secret,
            account=account,
        )

    def collect(self, order: str, secret: str, now: datetime) -> Collected:
        return self._ask(
            lambda a: Collected(
                state=GuaranteeState(a["state"]),
                document=str(a["document"]).encode(),
                reason=str(a["reason"])[:60],
                is_amending=bool(a["is_amending"]),
            ),
            do="collect",
            at=now.isoformat(),
            order=order,
            secret=secret,
        )

    def amend(self, order: str, secret: str, amount: Money, valid_to: date, now: datetime) -> Money:
        return self._ask(
            lambda a: Money(_whole(a["fen"])),
            do="amend",
            at=now.isoformat(),
            order=order,
            secret=secret,
            fen=amount.fen,
            valid_to=valid_to.isoformat(),
        )

    def surrender(self, order: str, secret: str, now: datetime) -> Money:
        return self._ask(
            lambda a: Money(_whole(a["fen"])),
            do="surrender",
            at=now.isoformat(),
            order=order,
            secret=secret,
        )

    def restore(self, slip: GuaranteeSlip, now: datetime) -> Restored:
        cipher = slip.signed.cipher
        return self._ask(
            _restored,
            do="restore",
            at=now.isoformat(),
            issuer=cipher.issuer_uscc,
            number=cipher.number,
            lot=slip.lot_id,
            beneficiary=slip.beneficiary_uscc,
            bidder=slip.bidder_uscc,
            salt=slip.salt,
            fen=cipher.amount.fen,
            valid_to=cipher.valid_to.isoformat(),
        )

    def verify(self, issuer_uscc: str, number: str, code: str, now: datetime) -> Confirmed | None:
        def read(answer: Any) -> Confirmed | None:
            if answer is None:
                return None
            return Confirmed(
                GuaranteeState(answer["state"]),
                Money(_whole(answer["fen"])),
                date.fromisoformat(answer["valid_to"]),
                str(answer["sha256"])[:64],
            )

        return self._ask(
            read, do="verify", at=now.isoformat(), issuer=issuer_uscc, number=number, code=code
        )

    def price_extension(
        self, issuer_uscc: str, number: str, code: str, until: date, now: datetime
    ) -> Money:
        return self._ask(
            lambda a: Money(_whole(a["fen"])),
            do="price_extension",
            at=now.isoformat(),
            issuer=issuer_uscc,
            number=number,
            code=code,
            until=until.isoformat(),
        )

    def extend(
        self,
        issuer_uscc: str,
        number: str,
        code: str,
        until: date,
        price: Money,
        account: str,
        now: datetime,
    ) -> Restored:
        return self._ask(
            _restored,
            do="extend",
            at=now.isoformat(),
            issuer=issuer_uscc,
            number=number,
            code=code,
            until=until.isoformat(),
            fen=price.fen,
            account=account,
        )

    def release(self, issuer_uscc: str, number: str, code: str, now: datetime) -> None:
        self._ask(
            lambda _: None,
            do="release",
            at=now.isoformat(),
            issuer=issuer_uscc,
            number=number,
            code=code,
        )

    def demand(self, order: DemandOrder) -> None:
        self._ask(
            lambda _: None,
            do="demand",
            at=order.at.isoformat(),
            key=order.key,
            issuer=order.issuer_uscc,
            number=order.number,
            code=order.code,
            fen=order.amount.fen,
            ground=order.ground,
            statement=order.statement,
            proof=order.proof_sha256,
            to_account=order.to_account,
        )

    def calls(self, issuer_uscc: str, after: int, now: datetime) -> tuple[bytes, ...]:
        return self._ask(
            lambda a: tuple(str(call).encode() for call in a),
            do="calls",
            at=now.isoformat(),
            issuer=issuer_uscc,
            after=after,
        )

    def orders(self, issuer_uscc: str, now: datetime) -> tuple[OrderLine, ...]:
        def read(answer: Any) -> tuple[OrderLine, ...]:
            return tuple(
                OrderLine(
                    order=str(each["order"]),
                    state=GuaranteeState(each["state"]),
                    principal_uscc=str(each["principal"]),
                    principal_name=str(each["name"])[:200],
                    amount=Money(_whole(each["fen"])),
                    premium=Money(_whole(each["premium"])),
                    valid_to=date.fromisoformat(each["valid_to"]),
                    applied_at=_moment(each["applied_at"]),
                    number=str(each["number"])[:64],
                    asked=_terms(each["asked"]) if each["asked"] else None,
                )
                for each in answer
            )

        return self._ask(read, do="orders", at=now.isoformat(), issuer=issuer_uscc)

    def _ask(self, read: Callable[[Any], T], **command: Any) -> T:
        try:
            answer = self._send(command)
        except Declined as declined:
            raise Refusal(
                "api.issuer.declined", {"why": str(declined)[:60]}, Kind.CONFLICT
            ) from declined
        try:
            return read(answer)
        except (ValueError, TypeError, KeyError, binascii.Error) as error:
            raise IssuerSilent("the issuer answers nonsense") from error


def _restored(answer: Any) -> Restored:
    return Restored(
        document=str(answer["document"]).encode(),
        file=base64.b64decode(answer["file"], validate=True),
        media_type=str(answer["media_type"])[:60],
        digests={str(k)[:20]: str(v)[:128] for k, v in dict(answer["digests"]).items()},
        code=_token(answer["code"]),
        crls=tuple(bytes.fromhex(crl) for crl in answer["crls"]),
    )


def _terms(said: Any) -> tuple[Money, date]:
    amount, valid_to = said
    return Money(_whole(amount)), date.fromisoformat(valid_to)


def _whole(value: Any) -> int:
    if type(value) is not int or not 0 <= value < 2**53:
        raise ValueError("not a whole number in range")
    return value


def _token(value: Any) -> str:
    text = str(value)
    if not text.isascii() or not text.isalnum() or len(text) > 64:
        raise ValueError("not a token")
    return text


def _moment(text: Any) -> datetime:
    moment = datetime.fromisoformat(str(text))
    if moment.tzinfo is None:
        raise ValueError("naive")
    return moment
