"""The trustees' register as everybody may read it: whose key, since when, by whom entered and confirmed,
and every output that its holder withheld."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlmodel import Session

from experts.draws.asking import service as asking
from experts.draws.asking.service import Withheld
from experts.trustees import service as trustees
from experts.trustees.trustee import Trustee


class Standing(StrEnum):
    """What an entry is good for now."""

    SERVING = "SERVING"
    UNCONFIRMED = "UNCONFIRMED"
    EARLY = "EARLY"
    ENDED = "ENDED"
    REVOKED = "REVOKED"


@dataclass(frozen=True)
class Line:
    """One entry, with how many outputs its holder withheld."""

    trustee: Trustee
    standing: Standing
    withheld: int


def register(db: Session, now: datetime) -> tuple[list[Line], tuple[Withheld, ...]]:
    """The whole register by id, past entries too; and the withheld outputs, the newest first."""
    missing = asking.withheld(db)
    count = Counter(each.trustee_id for each in missing)
    lines = [Line(one, _standing(one, now), count[one.id]) for one in trustees.trustees(db)]
    return lines, missing


def _standing(trustee: Trustee, now: datetime) -> Standing:
    if trustee.revoked_at is not None:
        return Standing.REVOKED
    if now >= trustee.valid_until:
        return Standing.ENDED
    if not trustee.confirmed_by:
        return Standing.UNCONFIRMED
    return Standing.SERVING if now >= trustee.valid_from else Standing.EARLY
