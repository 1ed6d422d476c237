"""The notice: is there time enough, and which days were counted?

* from the first issue of the file to the deadline at least the days of `bid.preparation_days`
  (招标投标法 第二十四条; 政府采购法 第三十五条): the day of issue is not counted;
* the file on offer at least the period of `notice.availability` (条例 第十六条; 87号令 第十八条);
* the opening is the deadline (招标投标法 第三十四条), the evaluation not before it;
* bids are valid from the deadline for the days that the file says (条例 第二十五条).

Extensions after a clarification (条例 第二十一条) are a new notice and not made here.
"""

from __future__ import annotations

from datetime import date, datetime

from archive.errors import Faults
from archive.journal.entry import DocumentRef
from trading.calendar.legal import LegalCalendar, legal_day
from trading.projects.project import Notice, NoticeTerms
from trading.regime import Regime
from trading.rules.book import RuleBook


def weigh(
    terms: NoticeTerms,
    document: DocumentRef,
    bid_validity_days: int,
    regime: Regime,
    region: str,
    book: RuleBook,
    days: LegalCalendar,
) -> Notice:
    """The notice with its periods, counted by the rules in force on the day of issue."""
    issued_on = legal_day(terms.issued_at)
    preparation = book.rule("bid.preparation_days", issued_on, regime, region)
    availability = book.rule("notice.availability", issued_on, regime, region)
    return Notice(
        issued_at=terms.issued_at,
        opening_at=terms.opening_at,
        evaluation_at=terms.evaluation_at,
        available_until=terms.available_until,
        document=document,
        preparation=days.period(issued_on, preparation.number, preparation.unit),
        availability=days.period(issued_on, availability.number, availability.unit),
        validity=days.days_after(legal_day(terms.opening_at), bid_validity_days),
        rules=(preparation.id, availability.id),
    )


def check(notice: Notice, registered_at: datetime, now: datetime) -> Faults:
    """All faults of a notice that is to be published at `now`."""
    faults = Faults("trading.notice.invalid")
    preparation_id, availability_id = notice.rules
    if legal_day(notice.issued_at) < legal_day(now) or notice.issued_at < registered_at:
        faults.add("/issued_at", "trading.notice.backdated", day=str(legal_day(notice.issued_at)))
    opening_on = legal_day(notice.opening_at)
    if opening_on < notice.preparation.day or notice.opening_at <= notice.issued_at:
        faults.add(
            "/opening_at",
            "trading.notice.preparation",
            rule=preparation_id,
            opening_on=str(opening_on),
            earliest=str(notice.preparation.day),
            days=len(notice.preparation.counted),
        )
    offered: date = notice.available_until or opening_on
    if offered < notice.availability.day:
        faults.add(
            "/available_until" if notice.available_until else "/opening_at",
            "trading.notice.availability",
            rule=availability_id,
            offered=str(offered),
            earliest=str(notice.availability.day),
        )
    if notice.evaluation_at < notice.opening_at:
        faults.add("/evaluation_at", "trading.notice.evaluation")
    if not notice.document.bytes:
        faults.add("/document", "trading.notice.document")
    return faults
