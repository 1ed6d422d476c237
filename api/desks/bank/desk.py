"""The bank's desk as a process (`api.desks.command_desk`): the books, and nothing else that is stored.

Open to all are commands that anybody's own bank may give: `open`, `pay`, `return`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from starlette.applications import Starlette

from api.desks.bank.core import Books
from api.desks.command_desk import CommandDesk, serve

OPEN_TO_ALL = frozenset({"open", "pay", "return"})


class Desk(CommandDesk):
    """The books with their file."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, "bank")
        self.books = Books()
        for command in self.kept():
            self.books.do(command)

    def do(self, command: dict[str, Any]) -> Any:
        with self.lock:
            if command.get("do") == "open":
                command = self.with_entropy(command)
            answer = self.books.do(command)
            self.keep(command)
        return answer


def make_app(desk: Desk) -> Starlette:
    """The bank behind HTTP."""
    return serve(desk, OPEN_TO_ALL)
