"""Signed messages over HTTP, as both sides of a calling service send them (Standard Webhooks 1.0)."""

from __future__ import annotations

import time
import urllib.error
import urllib.request

from archive.errors import Kind, Refusal
from experts.invitations.gateway import signature

SECONDS_MAX = 20
ANSWER_BYTES_MAX = 64 * 1024
HEADERS = ("webhook-id", "webhook-timestamp", "webhook-signature")


def post(url: str, secret: bytes, message_id: str, body: bytes) -> bytes:
    """Send a signed message; the answer. Refuses UNAVAILABLE unless the other side said 2xx."""
    stamp = str(int(time.time()))
    request = urllib.request.Request(  # noqa: S310 - an address of our own settings
        url,
        data=body,
        headers={
            "Content-Type": "application/json",
            "webhook-id": message_id,
            "webhook-timestamp": stamp,
            "webhook-signature": signature(secret, message_id, stamp, body),
        },
    )
    try:
        with urllib.request.urlopen(request, timeout=SECONDS_MAX) as answer:  # noqa: S310
            found: bytes = answer.read(ANSWER_BYTES_MAX)
            return found
    except (urllib.error.URLError, OSError, ValueError) as error:
        raise Refusal("experts.gateway.unavailable", {}, Kind.UNAVAILABLE) from error
