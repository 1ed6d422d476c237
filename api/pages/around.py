"""The page that a request is about: where its links lead back to, and whose lists it shows."""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.datastructures import QueryParams
from starlette.requests import HTTPConnection

FRAGMENTS = "/fragments/"


def page_around(connection: HTTPConnection) -> tuple[str, QueryParams]:
    """Path and query: for a fragment's route those of the page which htmx says it is part of; for a form,
    which is sent where there need be no page and shown there again when it is refused, those of the
    page that sent it; else the request's own."""
    sender = ""
    if connection.url.path.startswith(FRAGMENTS):
        sender = connection.headers.get("hx-current-url", "")
    elif connection.scope.get("method") == "POST":
        sender = connection.headers.get("referer", "")
    shown = urlsplit(sender)
    if shown.path.startswith("/") and not shown.path.startswith("//"):
        return shown.path, QueryParams(shown.query)
    return connection.url.path, connection.query_params
