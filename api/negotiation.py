"""What the other side prefers: language (RFC 9110, Accept-Language) and HTML or JSON (Accept)."""

from __future__ import annotations

from collections.abc import Iterator

from starlette.requests import HTTPConnection

from archive.words import Language

LANGUAGE_COOKIE = "bigloop_language"
"""What a reader once chose by `?lang=` (set by `api.pages.templating`)."""
RANGES_MAX = 32
"""So many ranges of a header are read; the rest is ignored."""


def preferences(header: str) -> Iterator[tuple[str, float]]:
    """The ranges of an Accept header with their weights, as written."""
    for part in header.split(",")[:RANGES_MAX]:
        value, *parameters = (piece.strip() for piece in part.split(";"))
        weight = 1.0
        for parameter in parameters:
            name, _, text = parameter.partition("=")
            if name.strip().lower() == "q":
                weight = _weight(text)
        if value:
            yield value.lower(), weight


def _weight(text: str) -> float:
    try:
        weight = float(text)
    except ValueError:
        return 0.0
    return weight if 0.0 <= weight <= 1.0 else 0.0


def language_of(connection: HTTPConnection, default: Language) -> Language:
    """`?lang=` wins, then what was chosen before, then Accept-Language, then the installation's
    language."""
    for asked in (
        connection.query_params.get("lang", ""),
        connection.cookies.get(LANGUAGE_COOKIE, ""),
    ):
        if asked in tuple(Language):
            return Language(asked)
    best, best_weight = default, 0.0
    for value, weight in preferences(connection.headers.get("accept-language", "")):
        primary = value.partition("-")[0]
        if primary in tuple(Language) and weight > best_weight:
            best, best_weight = Language(primary), weight
    return best


def prefers_html(connection: HTTPConnection) -> bool:
    """Whether a page is wanted: by htmx always, else where Accept names HTML above JSON.

    `*/*` alone is a program's way of not caring, and gets JSON.
    """
    if connection.headers.get("hx-request") == "true":
        return True
    html, json = 0.0, 0.0
    for value, weight in preferences(connection.headers.get("accept", "")):
        if value in ("text/html", "application/xhtml+xml"):
            html = max(html, weight)
        elif value in ("application/json", "application/problem+json"):
            json = max(json, weight)
    return html > json
