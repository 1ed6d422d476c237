"""The calling service that the settings name, over HTTP."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field

from api.desks.telephony.http import post
from experts.invitations.gateway import Order, orders_body

ORDERS_MAX = 500
"""In one message; more go in several."""


@dataclass(frozen=True)
class HttpGateway:
    """`url` is where orders are taken."""

    url: str
    secret: bytes = field(repr=False)

    def place(self, orders: Sequence[Order]) -> None:
        for start in range(0, len(orders), ORDERS_MAX):
            body = orders_body(orders[start : start + ORDERS_MAX])
            post(self.url, self.secret, hashlib.sha256(body).hexdigest()[:32], body)
