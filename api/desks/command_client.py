"""A desk's commands over HTTP, carried there and back.

Anything but a clear answer is silence: a refused connection, a time-out, a status that says neither yes
nor no. Whoever asked tries again with the same key.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import httpx2

from api.desks.declined import Declined

ANSWER_SECONDS_MAX = 10.0
ANSWER_BYTES_MAX = 64 * 1024 * 1024

Send = Callable[[Mapping[str, Any]], Any]
"""Carries one command. Raises Declined where the desk says no, its silence where nobody knows."""


@cache
def client() -> httpx2.Client:
    """The connections to desks, kept open between commands; for all threads of a process."""
    return httpx2.Client(timeout=ANSWER_SECONDS_MAX, trust_env=False)


def address_of(folder: Path) -> str:
    """Where the desk answers whose folder this is."""
    return (folder / "address").read_text().strip().rstrip("/")


def of_folder(folder: Path, silent: Callable[[str], Exception]) -> Send:
    """The desk whose folder this is, on the same machine. Address and token are read anew each time,
    because a desk that was started again may answer elsewhere. `silent` makes the exception."""

    def send(command: Mapping[str, Any]) -> Any:
        try:
            token = (folder / "token").read_text().strip()
            answer = client().post(
                f"{address_of(folder)}/commands",
                json=dict(command),
                headers={"Authorization": f"Bearer {token}"},
            )
            if len(answer.content) > ANSWER_BYTES_MAX:
                raise silent("the desk answers too much")
            said = answer.json()
        except (httpx2.HTTPError, ValueError, OSError) as error:
            raise silent(f"the desk is silent: {type(error).__name__}") from error
        if answer.status_code == 409 and isinstance(said, dict):
            raise Declined(str(said.get("declined", "")))
        if answer.status_code != 200 or not isinstance(said, dict) or "answer" not in said:
            raise silent(f"the desk answers {answer.status_code}")
        return said["answer"]

    return send
