"""What is said to an issuers' desk and what it answers, as fields with their kinds: the commands of
`api.desks.issuer.local`, so that a partner who calls them otherwise can be mapped (`api.desks.issuer.mapping`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from deposits.forms import GUARANTEES
from deposits.grounds import Ground
from deposits.guarantees.states import GuaranteeState
from deposits.issuers.desk import IssuerWhy


class Kind(StrEnum):
    """How a value is written here: money in whole fen, a day and a moment by ISO 8601."""

    TEXT = "TEXT"
    WHOLE = "WHOLE"
    MONEY = "MONEY"
    DAY = "DAY"
    MOMENT = "MOMENT"
    CODE = "CODE"
    FLAG = "FLAG"
    PLAIN = "PLAIN"  # of no single form: carried as it is


@dataclass(frozen=True)
class Field:
    """One value. `codes` are all that a CODE may be, `listed` names their list."""

    kind: Kind
    codes: tuple[str, ...] = ()
    listed: str = ""


class Shape(StrEnum):
    """What an answer is as a whole."""

    ONE = "ONE"
    MANY = "MANY"  # a list of them
    MAYBE = "MAYBE"  # one, or nothing
    AS_IS = "AS_IS"  # carried as it is: what is signed, or nobody reads


@dataclass(frozen=True)
class Message:
    """One command and its answer."""

    asks: Mapping[str, Field]
    answers: Mapping[str, Field] = field(default_factory=dict)
    shape: Shape = Shape.ONE


TEXT, WHOLE, MONEY = Field(Kind.TEXT), Field(Kind.WHOLE), Field(Kind.MONEY)
DAY, MOMENT, FLAG, PLAIN = (
    Field(Kind.DAY),
    Field(Kind.MOMENT),
    Field(Kind.FLAG),
    Field(Kind.PLAIN),
)
STATE = Field(Kind.CODE, tuple(GuaranteeState), "state")
FORM = Field(Kind.CODE, GUARANTEES, "form")
GROUND = Field(Kind.CODE, tuple(Ground), "ground")
DECLINED = Field(Kind.CODE, tuple(IssuerWhy), "declined")
"""Why an issuer says no: not a field of an answer, but mapped like one."""
LISTS = (STATE, FORM, GROUND, DECLINED)
_OWN = {"at": MOMENT, "order": TEXT, "secret": TEXT}
_NUMBERED = {"at": MOMENT, "issuer": TEXT, "number": TEXT, "code": TEXT}
_PRICE = {"fen": MONEY}
_RESTORED = {
    "document": TEXT,
    "file": TEXT,
    "media_type": TEXT,
    "digests": PLAIN,
    "code": TEXT,
    "crls": PLAIN,
}

MESSAGES: Mapping[str, Message] = {
    "offers": Message(
        {"at": MOMENT},
        {
            "issuer": TEXT,
            "name": TEXT,
            "form": FORM,
            "permyriad": WHOLE,
            "premium_min": MONEY,
            "minutes": WHOLE,
            "extension_permyriad": WHOLE,
        },
        Shape.MANY,
    ),
    "apply": Message(
        {
            "at": MOMENT,
            "issuer": TEXT,
            "commitment": TEXT,
            "principal": TEXT,
            "name": TEXT,
            "fen": MONEY,
            "valid_from": DAY,
            "valid_to": DAY,
        },
        {"order": TEXT, "secret": TEXT, "premium": MONEY},
    ),
    "pay": Message({**_OWN, "account": TEXT}, {"state": STATE}),
    "collect": Message(
        _OWN, {"state": STATE, "document": TEXT, "reason": TEXT, "is_amending": FLAG}
    ),
    "amend": Message({**_OWN, "fen": MONEY, "valid_to": DAY}, _PRICE),
    "surrender": Message(_OWN, _PRICE),
    "restore": Message(
        {
            "at": MOMENT,
            "issuer": TEXT,
            "number": TEXT,
            "lot": TEXT,
            "beneficiary": TEXT,
            "bidder": TEXT,
            "salt": TEXT,
            "fen": MONEY,
            "valid_to": DAY,
        },
        _RESTORED,
    ),
    "verify": Message(
        _NUMBERED,
        {"state": STATE, "fen": MONEY, "valid_to": DAY, "sha256": TEXT},
        Shape.MAYBE,
    ),
    "price_extension": Message({**_NUMBERED, "until": DAY}, _PRICE),
    "extend": Message({**_NUMBERED, "until": DAY, "fen": MONEY, "account": TEXT}, _RESTORED),
    "release": Message(_NUMBERED, shape=Shape.AS_IS),
    "demand": Message(
        {
            **_NUMBERED,
            "key": TEXT,
            "fen": MONEY,
            "ground": GROUND,
            "statement": TEXT,
            "proof": TEXT,
            "to_account": TEXT,
        },
        shape=Shape.AS_IS,
    ),
    "calls": Message({"at": MOMENT, "issuer": TEXT, "after": WHOLE}, shape=Shape.AS_IS),
    "orders": Message(
        {"at": MOMENT, "issuer": TEXT},
        {
            "order": TEXT,
            "state": STATE,
            "principal": TEXT,
            "name": TEXT,
            "fen": MONEY,
            "premium": MONEY,
            "valid_to": DAY,
            "applied_at": MOMENT,
            "number": TEXT,
            "asked": PLAIN,
        },
        Shape.MANY,
    ),
}
"""By command."""
