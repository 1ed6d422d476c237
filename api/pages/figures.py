"""The figures that centres publish, as charts with their tables, by month and centre."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal

from fastapi import APIRouter, Request
from starlette.responses import Response

from api.access import Visitor
from api.flows.statistics import Line, Statistics, statistics
from api.pages.kit.listing import NUMBER, Column, listing
from api.pages.kit.page import reader, show
from api.pages.kit.text import DASH
from api.pages.public import regions
from api.transactions import ReadDb
from archive.words import say
from deposits.relief import Share

router = APIRouter(include_in_schema=False)
CENTRES_SHOWN = 12
MONTH = re.compile(r"20[0-9]{2}-(0[1-9]|1[0-2])")


def _share(name: str, share: Callable[[Line], Share | None]) -> Column[Line]:
    return Column(name, f"figures.{name}", lambda line: text(share(line)), is_sorted=False)


COUNTS: tuple[Column[Line], ...] = (
    Column("hosted", "figures.hosted", lambda line: line.hosted, NUMBER),
    Column("given", "figures.given", lambda line: line.given, NUMBER),
    Column("received", "figures.received", lambda line: line.received, NUMBER),
    Column("nights", "figures.nights", lambda line: line.nights, NUMBER),
    Column("relieved", "figures.relieved", lambda line: line.relieved, NUMBER),
    _share("relief_projects", lambda line: line.relief_projects),
    _share("relief_amount", lambda line: line.relief_amount),
    Column("guarantees", "figures.guarantees", lambda line: line.guarantees, NUMBER),
    Column("archives", "figures.archives", lambda line: line.archives, NUMBER),
)
MONTHS: tuple[Column[Line], ...] = (
    Column("month", "figures.month", lambda line: line.key),
    *COUNTS,
)
CENTRES: tuple[Column[Line], ...] = (
    Column("centre", "lot.centre", lambda line: line.name),
    *COUNTS,
)


@router.get("/figures")
def figures(actor: Visitor, request: Request, db: ReadDb) -> Response:
    """Charts and tables; `?months.format=csv` and `?centres.format=csv` give the files."""
    asked = request.query_params
    region = asked.get("region", "")
    region = region if region in dict(regions()) else ""
    since, until = (
        month if MONTH.fullmatch(month) else ""
        for month in (asked.get("since", ""), asked.get("until", ""))
    )
    found = statistics(db, region, since, until)
    months = listing(request, MONTHS, found.months, sort="month", name="months")
    centres = listing(request, CENTRES, found.centres, sort="-given", name="centres")
    for table in (months, centres):
        if table.state.get("format") == "csv":
            return table.csv()
    return show(
        request,
        "figures/figures.html",
        actor,
        regions=regions(),
        region=region,
        since=since,
        until=until,
        months=months,
        centres=centres,
        charts=_charts(request, found),
    )


def text(share: Share | None) -> str | None:
    """A share in percent: `81.22 %`; nothing for a share of nothing."""
    return None if share is None else f"{share.percent()} %"


def _charts(
    request: Request, found: Statistics
) -> list[tuple[str, str, str, list[str], list[tuple[str, list[int | Decimal | str]]]]]:
    """(kind, title, head of the first column, labels, series) of each chart."""
    months = [line.key for line in found.months]
    busy = sorted(found.centres, key=lambda line: (-line.given, line.key))[:CENTRES_SHOWN]

    def word(name: str) -> str:
        return say(f"api.page.figures.{name}", {}, reader(request))

    def counts(*names: str) -> list[tuple[str, list[int | Decimal | str]]]:
        return [(word(name), [getattr(line, name) for line in found.months]) for name in names]

    def shares(*names: str) -> list[tuple[str, list[int | Decimal | str]]]:
        found_shares = [(name, [getattr(line, name) for line in found.months]) for name in names]
        return [(word(n), [s.percent() if s else DASH for s in all_]) for n, all_ in found_shares]

    month = "figures.month"
    return [
        ("bar", "figures.chart_hosted", month, months, counts("hosted", "nights")),
        ("bar", "figures.chart_seats", month, months, counts("given", "received")),
        ("bar", "figures.chart_relief", month, months, shares("relief_projects", "relief_amount")),
        ("bar", "figures.chart_papers", month, months, counts("guarantees", "archives")),
        (
            "bar",
            "figures.chart_centres",
            "lot.centre",
            [line.name.removesuffix("(示例)").removesuffix("公共资源交易中心") for line in busy],
            [
                (word("given"), [line.given for line in busy]),
                (word("received"), [line.received for line in busy]),
            ],
        ),
    ]
