"""How an expert stands in the rows of a draw: never by id, sealed for the calling service. Pure.

    name   his id, sealed by the keeper for this draw and this pseudonym
    tag    a keyed hash of his id and one day of evaluation: by it the service finds his invitations,
           and whether another evaluation of that day holds him; another day has another tag, so what
           becomes known of one day says nothing of the next
    seat   a keyed hash of the same, for seat plans, which are made before names may be known

Without the keeper's key none of them can be made or opened. The pseudonyms (`leaf`) hide likewise:
the key under which they were made is sealed too.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta

from archive.keeping import Keeper
from trading.calendar.legal import legal_day

SEAT_CHARACTERS = 32


def key_place(draw_id: str) -> str:
    return f"draw/{draw_id}/key"


def sheet_place(draw_id: str) -> str:
    return f"draw/{draw_id}/sheet"


def records_place(draw_id: str) -> str:
    return f"draw/{draw_id}/records"


def recheck_place(draw_id: str, seq: int) -> str:
    return f"draw/{draw_id}/recheck/{seq}"


def record_place(draw_id: str, round_number: int, leaf: str) -> str:
    return f"draw/{draw_id}/answer/{round_number}/{leaf}"


def seal_name(keeper: Keeper, draw_id: str, leaf: str, expert_id: str) -> bytes:
    return keeper.seal_short(f"draw/{draw_id}/name/{leaf}", expert_id)


def open_name(keeper: Keeper, draw_id: str, leaf: str, sealed: bytes) -> str:
    return keeper.unseal_short(f"draw/{draw_id}/name/{leaf}", sealed)


def tag_of(keeper: Keeper, expert_id: str, day: date) -> str:
    return keeper.tag("expert on a day", f"{day.isoformat()} {expert_id}")


def tags_of(keeper: Keeper, expert_id: str, moments: Iterable[datetime]) -> set[str]:
    """His tags on the legal days of these moments."""
    return {tag_of(keeper, expert_id, day) for day in {legal_day(moment) for moment in moments}}


def tags_around(keeper: Keeper, expert_id: str, at: datetime, apart: timedelta) -> set[str]:
    """His tags on all days that lie no further from `at` than `apart`."""
    first, last = legal_day(at - apart), legal_day(at + apart)
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    return {tag_of(keeper, expert_id, day) for day in days}


def seat_of(keeper: Keeper, expert_id: str, at: datetime) -> str:
    """Under what name a seat is planned for him on the day of `at`."""
    found = keeper.tag("seat on a day", f"{legal_day(at).isoformat()} {expert_id}")
    return found[:SEAT_CHARACTERS]
