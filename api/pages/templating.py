"""Pages are made here: Jinja2 with escaping, strict about unknown names, and words from catalogues.

In a template `t("board.title", n=3)` is the sentence `api.page.board.title` in the reader's
language, and `static("app.css")` the address of a file with a mark of its version.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import cache, partial
from pathlib import Path
from typing import Any

import jinja2
from starlette.requests import HTTPConnection
from starlette.responses import HTMLResponse

from api.shell import shell_of
from archive.clock import SHANGHAI
from archive.errors import Param
from archive.words import Language, say

FOLDER = Path(__file__).resolve().parent.parent
STATIC = FOLDER / "static"
HTML_LANG = {Language.ZH: "zh-CN", Language.EN: "en"}


def _words(language: Language, code: str, **params: Param) -> str:
    return say(f"api.page.{code}", params, language)


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
    made.filters["clock"] = clock_text
    return made


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
                "language": language,
                "other": Language.EN if language is Language.ZH else Language.ZH,
                "html_lang": HTML_LANG[language],
                "path": connection.url.path,
                "is_demo": shell_of(connection).settings.is_demo,
                "actor": None,
                **context,
            }
        )
    )


def page(
    connection: HTTPConnection,
    template: str,
    context: Mapping[str, Any],
    language: Language,
    *,
    status: int = 200,
) -> HTMLResponse:
    """The answer with a whole page or a fragment of one."""
    return HTMLResponse(
        render(connection, template, context, language),
        status,
        headers={"Content-Language": HTML_LANG[language], "Vary": "Accept-Language"},
    )
