"""How values read on a page: amounts, moments, days, periods, lengths of time, short digests.

Filters of the templates; each takes the value, those with words also the reader's language.
Times are read in Asia/Shanghai. None reads as a dash.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta

from archive.clock import SHANGHAI
from archive.words import Language, say
from trading.money import Money

DASH = "—"
PACKAGES = frozenset({"archive", "trading", "experts", "deposits", "evaluation"})
"""Those whose own words pages say, as `trading.stage.FAILED`."""
_AMOUNT_SIGNS = str.maketrans("", "", ",，¥￥元 \u3000")


def page_code(code: str) -> str:
    """The catalogue's code of what a page calls `code`: its own words stand below `api.page`."""
    return code if code.partition(".")[0] in PACKAGES else f"api.page.{code}"


def money(amount: Money | None) -> str:
    """`¥1,234,567.00`."""
    if amount is None:
        return DASH
    whole, _, fen = amount.in_yuan().lstrip("-").partition(".")
    return f"{'-' if amount.fen < 0 else ''}¥{int(whole):,}.{fen}"


def yuan(typed: str) -> Money | None:
    """The amount that a person typed in yuan, signs of groups and of the currency left out; None
    where it is none."""
    try:
        return Money.yuan(typed.strip().translate(_AMOUNT_SIGNS))
    except ValueError:
        return None


def in_words(amount: Money | None) -> str:
    """大写: `壹佰贰拾叁元肆角`, in both languages the Chinese words, for they are what counts."""
    return DASH if amount is None else amount.in_words()


def moment(at: datetime | None) -> str:
    """`2026-10-21 09:00`."""
    return DASH if at is None else f"{at.astimezone(SHANGHAI):%Y-%m-%d %H:%M}"


def second(at: datetime | None) -> str:
    """`2026-10-21 09:00:00`."""
    return DASH if at is None else f"{at.astimezone(SHANGHAI):%Y-%m-%d %H:%M:%S}"


def iso(at: datetime) -> str:
    """`2026-10-21T09:00:00+08:00`, for the attribute of a `<time>`."""
    return at.astimezone(SHANGHAI).isoformat(timespec="seconds")


def day(on: date | datetime | None, language: Language) -> str:
    """`2026-10-21 周三`, `2026-10-21 Wed`."""
    if on is None:
        return DASH
    legal = on.astimezone(SHANGHAI).date() if isinstance(on, datetime) else on
    return f"{legal.isoformat()} {say(f'api.page.weekday.{legal.isoweekday()}', {}, language)}"


def day_and_hour(at: datetime | None, language: Language) -> str:
    """`2026-10-21 周三 09:00`."""
    return DASH if at is None else f"{day(at, language)} {at.astimezone(SHANGHAI):%H:%M}"


def duration(length: timedelta | None, language: Language) -> str:
    """The two largest units: `3 天 4 小时`, `2 h 5 min`; below a minute `不足 1 分钟`."""
    if length is None:
        return DASH
    minutes = int(abs(length).total_seconds() // 60)
    units = (("days", minutes // 1440), ("hours", minutes // 60 % 24), ("minutes", minutes % 60))
    said = [say(f"api.page.length.{unit}", {"n": n}, language) for unit, n in units if n]
    return " ".join(said[:2]) if said else say("api.page.length.none", {}, language)


def short(digest: str) -> str:
    """The first twelve of a digest's 64 digits; the whole stands in the title beside it."""
    return digest[:12]


def size(count: int) -> str:
    """Bytes as people read them: `512 B`, `3.4 kB`, `1.2 MB`."""
    if count < 1000:
        return f"{count} B"
    unit, tenths = ("kB", count // 100) if count < 1_000_000 else ("MB", count // 100_000)
    return f"{tenths // 10}.{tenths % 10} {unit}"
