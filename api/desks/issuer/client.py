"""The issuers over HTTP: what `deposits` asks, carried to the desk and back.

Anything but a clear answer is silence (`IssuerSilent`): a refused connection, a time-out, a status
that says neither yes nor no. Whoever asked tries again with the same key.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import httpx2

from api.desks.issuer.core import Declined
from api.desks.issuer.local import IssuersAdapter
from deposits.forms import DepositForm
from deposits.issuers.desk import IssuerSilent
from deposits.issuers.issuer import Issuer, IssuerKey, KeyAlgorithm

ANSWER_SECONDS_MAX = 10.0
ANSWER_BYTES_MAX = 64 * 1024 * 1024


def over_http(address: Callable[[], str], token: Callable[[], str]) -> IssuersAdapter:
    """The desk at `address()`, asked with `token()`; both are read anew each time, because a desk
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
                raise IssuerSilent("the issuer answers too much")
            said = answer.json()
        except (httpx2.HTTPError, ValueError, OSError) as error:
            raise IssuerSilent(f"the issuer is silent: {type(error).__name__}") from error
        if answer.status_code == 409 and isinstance(said, dict):
            raise Declined(str(said.get("declined", "")))
        if answer.status_code != 200 or not isinstance(said, dict) or "answer" not in said:
            raise IssuerSilent(f"the issuer answers {answer.status_code}")
        return said["answer"]

    return IssuersAdapter(send)


def of_folder(folder: Path) -> IssuersAdapter:
    """The desk whose folder this is, on the same machine: address and token stand there."""
    return over_http(
        lambda: (folder / "address").read_text().strip(),
        lambda: (folder / "token").read_text().strip(),
    )


def identity_of(folder: Path) -> tuple[tuple[Issuer, ...], str]:
    """(houses as a registry enters them, roots of their certificates in PEM), as the desk says."""
    address = (folder / "address").read_text().strip()
    said = httpx2.get(
        f"{address.rstrip('/')}/identity", timeout=ANSWER_SECONDS_MAX, trust_env=False
    ).json()
    return tuple(_issuer(house) for house in said["houses"]), str(said["roots"])


def _issuer(said: Mapping[str, Any]) -> Issuer:
    since, until = (date.fromisoformat(said[name]) for name in ("licensed_from", "licensed_to"))
    key = IssuerKey(
        bytes.fromhex(said["public_key"]), since, until, KeyAlgorithm(said["algorithm"])
    )
    forms = tuple(DepositForm(form) for form in said["forms"])
    return Issuer(said["uscc"], said["name"], forms, said["licence"], since, until, (key,))
