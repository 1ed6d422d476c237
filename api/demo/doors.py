"""The doors of a demonstration: the accounts that a visitor may try, and the page on which each begins."""

from __future__ import annotations

from dataclasses import dataclass

PASSWORD = "demo-demo-demo"  # noqa: S105 - printed on purpose


@dataclass(frozen=True)
class Door:
    """`account` is also the code of its name, `api.page.door.<account>`."""

    account: str
    home: str

    @property
    def path(self) -> str:
        return f"/sign-in?account={self.account}&next={self.home}"


DOORS = (
    Door("staff", "/centre/day"),
    Door("expert", "/expert/sessions"),
    Door("supervisor", "/supervisor/wall"),
    Door("bidder", "/bidder/tenders"),
)
"""The four roles of the day."""
MORE_DOORS = (
    Door("department", "/supervisor/wall"),
    Door("tenderer", "/tenderer/lots"),
    Door("issuer", "/issuer/guarantees"),
    Door("colleague", "/centre/deposits/statements"),
    Door("pool", "/pool/experts"),
    Door("operator", "/operator/registers"),
)


ALL = (*DOORS, *MORE_DOORS)


def door(account: str) -> Door | None:
    return next((door for door in ALL if door.account == account), None)
