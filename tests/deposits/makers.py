"""Issuers for the tests of this room."""

from __future__ import annotations

from deposits.synthetic import make_issuers
from trading.parties.party import Organisation, OrganisationKind
from trading.synthetic import synthetic_uscc

_NAMES = ("滇示例银行{:04d}", "滇示例财产保险公司{:04d}", "滇示例融资担保公司{:04d}")


def organisations(count: int) -> list[Organisation]:
    """Banks, insurers and guarantee companies in turn."""
    return [
        Organisation(
            synthetic_uscc(6_000_000 + n, "530102"),
            _NAMES[n % 3].format(n),
            OrganisationKind.ISSUER,
            "530102",
        )
        for n in range(count)
    ]


ISSUERS = make_issuers(b"deposits", organisations(6))
