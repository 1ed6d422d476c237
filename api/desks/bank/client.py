"""The bank over HTTP: what `deposits` asks, carried to the desk and back.

Anything but a clear answer is silence (`BankSilent`): a refused connection, a time-out, a status
that says neither yes nor no. Whoever asked tries again with the same key.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import httpx2

from api.desks.bank.core import Declined
from api.desks.bank.local import BankAdapter
from deposits.cash.bank import BankSilent

ANSWER_SECONDS_MAX = 10.0
ANSWER_BYTES_MAX = 64 * 1024 * 1024


def over_http(address: Callable[[], str], token: Callable[[], str]) -> BankAdapter:
    """The bank at `address()`, asked with `token()`; both are read anew each time, because a desk
    that was started again may answer elsewhere."""

    def send(command: Mapping[str, Any]) -> Any:
        try:
            answer = httpx2.post(
                f"{address().rstrip('/')}/commands",
                json=dict(command),
                headers={"Authorization": f"Bearer {token()}"},
                timeout=ANSWER_SECONDS_MAX,
                trust_env=False,
            )
            if len(answer.content) > ANSWER_BYTES_MAX:
                raise BankSilent("the bank answers too much")
            said = answer.json()
        except (httpx2.HTTPError, ValueError, OSError) as error:
            raise BankSilent(f"the bank is silent: {type(error).__name__}") from error
        if answer.status_code == 409 and isinstance(said, dict):
            raise Declined(str(said.get("declined", "")))
        if answer.status_code != 200 or not isinstance(said, dict) or "answer" not in said:
            raise BankSilent(f"the bank answers {answer.status_code}")
        return said["answer"]

    return BankAdapter(send)


def of_folder(folder: Path) -> BankAdapter:
    """The desk whose folder this is, on the same machine: address and token stand there."""
    return over_http(
        lambda: (folder / "address").read_text().strip(),
        lambda: (folder / "token").read_text().strip(),
    )
