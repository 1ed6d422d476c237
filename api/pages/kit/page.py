"""Whole pages: what every handler of a page calls at its end, and the word said once after an act.

    return show(request, "centre/lots.html", actor, lots=found)     # a page
    return done(request, f"/lots/{lot_id}", "notice_published")      # 303, and one notice there

The notice is a code below `api.page.done.` (or `api.page.warned.`: the act is done, and something is wrong) in a cookie that the next whole page takes away again;
nothing but a sentence of our own catalogue can be shown by it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse

from api.middleware import POLICY
from api.negotiation import language_of
from api.pages.around import page_around
from api.pages.kit import text
from api.pages.navigation import places
from api.pages.templating import page
from api.shell import shell_of
from archive.actor import Actor
from archive.words import Language, catalogue, say

PIECE_BYTES = 256 * 1024

DONE_COOKIE = "bigloop_done"
DONE_SECONDS_MAX = 60
_CODE = re.compile(r"[a-z][a-z_]{0,63}")


def reader(request: Request) -> Language:
    """The language of whoever reads."""
    return language_of(request, shell_of(request).settings.language)


def is_fragment(request: Request) -> bool:
    """Whether htmx asks for a part of the page that is already there."""
    return request.headers.get("hx-request") == "true"


def show(
    request: Request, template: str, actor: Actor | None, *, status: int = 200, **context: Any
) -> Response:
    """The page of a template. `context` is what the template knows beside `t`, `say`, `actor`,
    `now` (legal time), `language`, `path`."""
    language = reader(request)
    told, warned = ("", "") if is_fragment(request) else _told(request, language)
    known = {
        "actor": actor,
        "places": places(actor, page_around(request)[0]),
        "now": shell_of(request).office.clock.now(),
        "done": told,
        "warned": warned,
        **context,
    }
    response = page(request, template, known, language, status=status)
    if told or warned:
        response.delete_cookie(DONE_COOKIE, path="/")
    return response


def done(request: Request, to: str, code: str = "") -> Response:
    """Lead on to `to` (a path of ours) after an act, where `api.page.done.<code>` is said once."""
    response = RedirectResponse(to, 303)
    if code:
        response.set_cookie(
            DONE_COOKIE,
            code,
            max_age=DONE_SECONDS_MAX,
            path="/",
            httponly=True,
            samesite="lax",
            secure=request.url.scheme == "https",
        )
    return response


def words_of(request: Request, group: str, codes: Iterable[str]) -> list[tuple[str, str]]:
    """(code, word) for a choice: the words `<group>.<code>` in the reader's language, the group a
    page's (below `api.page`) or a package's (`trading.stage`)."""
    language, base = reader(request), text.page_code(group)
    return [(str(code), say(f"{base}.{code}", {}, language)) for code in codes]


def playing(response: Response) -> Response:
    """Let a page play what its script hands to MediaSource; no other page may."""
    response.headers["Content-Security-Policy"] = f"{POLICY}; media-src blob:"
    return response


def attachment(name: str, content: bytes | Iterator[bytes]) -> Response:
    """A file to keep, as a whole or in pieces as they are made. Its type is told to nobody: a browser must not run
    what somebody uploaded."""
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip(".-") or "document"
    disposition = f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
    headers, kind = {"Content-Disposition": disposition}, "application/octet-stream"
    if isinstance(content, bytes):
        return Response(content, media_type=kind, headers=headers)
    return StreamingResponse(content, media_type=kind, headers=headers)


def _told(request: Request, language: Language) -> tuple[str, str]:
    """What is said of the last act, and what it is warned of; one of them, or neither."""
    code = request.cookies.get(DONE_COOKIE, "")
    if not _CODE.fullmatch(code):
        return "", ""
    words = catalogue("api", language)
    return words.get(f"api.page.done.{code}", ""), words.get(f"api.page.warned.{code}", "")
