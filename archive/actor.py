"""Who acts: a value that every service takes, made by `api` after authentication.

Which role may do what is decided by `api.access`; which persons may not be one and the same
(separation of duties) by pure functions beside the act that they guard.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from archive.errors import Kind, Refusal


class Role(StrEnum):
    """The parts that a person or a machine plays (角色)."""

    STAFF = "staff"  # 交易中心工作人员
    POOL = "pool"  # 专家库管理机构: whoever fills the pool asks for no draw
    EXPERT = "expert"  # 评标专家
    SUPERVISOR = "supervisor"  # 行政监督
    BIDDER = "bidder"  # 投标人
    TENDERER = "tenderer"  # 招标人或其代理机构
    ISSUER = "issuer"  # 保函开立机构
    OPERATOR = (
        "operator"  # 平台运行管理员: keeps the registers of the installation, acts in no project
    )
    SYSTEM = "system"  # a task that acts on the clock, never a person


@dataclass(frozen=True)
class Actor:
    """`id` is an account, or `system`; `centre_id` is the trading centre of staff, else empty;
    `party_id` is the organisation or the expert for whom the account acts, else empty."""

    id: str
    roles: frozenset[Role]
    centre_id: str = ""
    party_id: str = ""

    def must_be(self, *roles: Role) -> None:
        """Refuse FORBIDDEN unless the actor plays one of the roles."""
        if self.roles.isdisjoint(roles):
            raise Refusal(
                "archive.actor.role",
                {"needed": ", ".join(sorted(roles)), "actor": self.id},
                Kind.FORBIDDEN,
            )

    def must_not_be(self, other_id: str) -> None:
        """Separation of duties: refuse FORBIDDEN when the same person did the other half."""
        if self.id == other_id:
            raise Refusal("archive.actor.two_persons", {"actor": self.id}, Kind.FORBIDDEN)


SYSTEM = Actor("system", frozenset({Role.SYSTEM}))
