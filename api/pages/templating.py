"""Pages are made here: Jinja2 with escaping, strict about unknown names, and words from catalogues.

In a template `t("board.title", n=3)` is the sentence `api.page.board.title` in the reader's
language (`t("trading.stage.FAILED")` a word of that package), and `static("app.css")` the address of a file with a mark of its version.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cache, partial
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import jinja2
from jinja2.runtime import Context
from starlette.requests import HTTPConnection
from starlette.responses import HTMLResponse

from api.negotiation import LANGUAGE_COOKIE
from api.pages.around import page_around
from api.pages.entry_words import told
from api.pages.kit import text
from api.shell import shell_of
from archive.clock import SHANGHAI
from archive.errors import Param
from archive.words import Language, say

FOLDER = Path(__file__).resolve().parent.parent
STATIC = FOLDER / "static"
LANGUAGE_SECONDS = 180 * 24 * 3600
HTML_LANG = {Language.ZH: "zh-CN", Language.EN: "en"}


def _words(language: Language, code: str, **params: Param) -> str:
    return say(text.page_code(code), params, language)


@cache
def _version(name: str) -> str:
    path = STATIC / name
    return f"{path.stat().st_mtime_ns:x}" if path.exists() else "0"


def static(name: str) -> str:
    """The address of a static file; it changes when the file does."""
    return f"/static/{name}?v={_version(name)}"


def clock_text(moment: datetime) -> str:
    """Legal time as people read it: Beijing time to the second."""
    return moment.astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M:%S")


@cache
def _environment() -> jinja2.Environment:
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(FOLDER / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals["static"] = static
    made.globals["amount_in_words"] = _typed_in_words
    made.filters |= {
        "clock": clock_text,
        "money": text.money,
        "in_words": text.in_words,
        "moment": text.moment,
        "iso": text.iso,
        "short": text.short,
        "size": text.size,
        "day": jinja2.pass_context(_in_language(text.day)),
        "day_and_hour": jinja2.pass_context(_in_language(text.day_and_hour)),
        "duration": jinja2.pass_context(_in_language(text.duration)),
    }
    return made


def _typed_in_words(typed: str) -> str:
    """大写 of what stands in a field for yuan; nothing where it is no amount."""
    found = text.yuan(typed)
    return found.in_words() if found else ""


def _in_language(read: Callable[[Any, Language], str]) -> Callable[[Context, Any], str]:
    """A filter that also takes the reader's language."""

    def filtered(context: Context, value: Any) -> str:
        return read(value, context["language"])

    return filtered


def render(
    connection: HTTPConnection, template: str, context: Mapping[str, Any], language: Language
) -> str:
    """The text of a template with what every page knows."""
    return (
        _environment()
        .get_template(template)
        .render(
            {
                "t": partial(_words, language),
                "say": say,
                "told": told,
                "language": language,
                "other": (other := Language.EN if language is Language.ZH else Language.ZH),
                "other_href": switched(connection, other),
                "html_lang": HTML_LANG[language],
                "path": page_around(connection)[0],
                "sent_from": sent_from(connection),
                "is_demo": shell_of(connection).settings.is_demo,
                "actor": None,
                "places": (),
                "now": None,
                "done": "",
                "warned": "",
                "refusal": None,
                **context,
            }
        )
    )


def render_alone(template: str, context: Mapping[str, Any], language: Language) -> str:
    """The text of a template that stands outside the server: a file that is handed out."""
    known = {"t": partial(_words, language), "say": say, "language": language}
    return _environment().get_template(template).render({**known, **context})


def page(
    connection: HTTPConnection,
    template: str,
    context: Mapping[str, Any],
    language: Language,
    *,
    status: int = 200,
) -> HTMLResponse:
    """The answer with a whole page or a fragment of one. A language asked for in the address is
    remembered by the browser."""
    response = HTMLResponse(
        render(connection, template, context, language),
        status,
        headers={"Content-Language": HTML_LANG[language], "Vary": "Accept-Language, Cookie"},
    )
    if connection.query_params.get("lang") == language:
        response.set_cookie(
            LANGUAGE_COOKIE,
            language,
            max_age=LANGUAGE_SECONDS,
            path="/",
            httponly=True,
            samesite="lax",
            secure=connection.url.scheme == "https",
        )
    return response


def switched(connection: HTTPConnection, language: Language) -> str:
    """The address of this page in another language, the rest of the query as it is."""
    path, query = page_around(connection)
    kept = [(k, v) for k, v in query.multi_items() if k != "lang"]
    return f"{path}?{urlencode([*kept, ('lang', language)])}"


def sent_from(connection: HTTPConnection) -> str:
    """The address of the page whose form is shown again, "" for every other page: the browser stands there
    from now on, so that what is sent, loaded or turned next is that page's again."""
    if connection.scope.get("method") != "POST":
        return ""
    path, query = page_around(connection)
    return f"{path}?{query}" if query else path
