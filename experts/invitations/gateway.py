"""How invitations leave the house and answers come back: the protocol of a calling service. Pure.

What is handed over is an order: a telephone number, a text with a time and an area, and a number of the
order from which nothing follows (a keyed hash). What comes back is a message with replies, signed as
Standard Webhooks 1.0 has it, with a secret that the two sides share:

    webhook-id         names the message; the same message may come again
    webhook-timestamp  seconds since 1970, their clock
    webhook-signature  "v1," ‖ base64( HMAC-SHA-256( secret, id ‖ "." ‖ timestamp ‖ "." ‖ body ) );
                       several, separated by blanks, while a secret is being changed

Their clock decides nothing: whether a reply is in time is judged when it arrives, by ours; so an old
timestamp is no fault, and a message that is sent again, late or out of order changes nothing that
stands (`experts.invitations.calls`). The same signature goes on what we send.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

from archive import canonical
from archive.errors import Kind, Refusal
from archive.journal.entry import moment_text

REPLIES_MAX = 100
"""Replies in one message."""
BODY_BYTES_MAX = 64 * 1024
_CHARACTERS_MAX = 64


class OrderKind(StrEnum):
    """What is asked of the calling service."""

    CALL = "CALL"  # a voice call that asks for an answer by key
    MESSAGE = "MESSAGE"  # a short message, no answer wanted


@dataclass(frozen=True)
class Order:
    """One call or message. `at` is our time of the order, `until` when an answer comes too late."""

    id: str
    kind: OrderKind
    line: str
    text: str
    at: datetime
    until: datetime


class Said(StrEnum):
    """What a calling service may report of a call."""

    ACCEPT = "ACCEPT"
    DECLINE = "DECLINE"
    NO_ANSWER = "NO_ANSWER"  # nobody took the call; he may still answer by other ways


@dataclass(frozen=True)
class Reply:
    """What came of an order; `at` is their time, kept and not believed."""

    order: str
    said: Said
    at: str


class Gateway(Protocol):
    """A calling service."""

    def place(self, orders: Sequence[Order]) -> None:
        """Hand orders over, all or none. An order that was handed over before is the same order.
        Refuses UNAVAILABLE where the service does not take them."""


def orders_body(orders: Sequence[Order]) -> bytes:
    """The message that hands orders over."""
    return canonical.encode(
        {
            "format": "bigloop.call-orders.v1",
            "orders": [
                {
                    "id": order.id,
                    "kind": order.kind.value,
                    "line": order.line,
                    "text": order.text,
                    "at": moment_text(order.at),
                    "until": moment_text(order.until),
                }
                for order in orders
            ],
        }
    )


def signature(secret: bytes, message_id: str, timestamp: str, body: bytes) -> str:
    """The signature of a message under one secret."""
    said = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(secret, said, hashlib.sha256)).decode()


def is_signed(secret: bytes, message_id: str, timestamp: str, body: bytes, given: str) -> bool:
    """Whether one of the given signatures is ours."""
    wanted = signature(secret, message_id, timestamp, body).encode()
    return any(hmac.compare_digest(wanted, one.encode()) for one in given.split(" "))


def read_replies(body: bytes) -> tuple[Reply, ...]:
    """The replies of a message whose signature holds. Refuses INVALID what is not of the form."""
    try:
        said = canonical.decode(body)
        if set(said) != {"format", "replies"} or said["format"] != "bigloop.call-replies.v1":
            raise ValueError("format")
        if not 0 < len(said["replies"]) <= REPLIES_MAX:
            raise ValueError("count")
        return tuple(_reply(item) for item in said["replies"])
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise Refusal("experts.reply.form", {"count_max": REPLIES_MAX}, Kind.INVALID) from None


def _reply(item: dict[str, Any]) -> Reply:
    if set(item) != {"order", "said", "at"}:
        raise ValueError("fields")
    order, at = item["order"], item["at"]
    if not (isinstance(order, str) and isinstance(at, str)):
        raise TypeError("text")
    if max(len(order), len(at)) > _CHARACTERS_MAX:
        raise ValueError("length")
    return Reply(order, Said(item["said"]), at)
