"""A page for every problem type: `/problems/<code>` is the `type` of a problem document."""

from __future__ import annotations

import re
from importlib import resources

from fastapi import APIRouter, Request
from starlette.responses import Response

from api.access import Public
from api.negotiation import language_of
from api.pages.templating import page
from api.routes.fields import IdInPath
from api.shell import shell_of
from archive.errors import Kind, Refusal
from archive.words import Language, catalogue

router = APIRouter(include_in_schema=False)

PACKAGES = ("archive", "trading", "experts", "deposits", "evaluation", "api")
_KIND = re.compile(r":[@.\w]+\}")
"""By which words or names a parameter is said."""
HIDDEN = ("api.page.", "api.status.")
"""Words of pages are no problems."""


def sentences(code: str) -> dict[Language, str] | None:
    """What a code says in both languages, its parameters as `{names}`; None for no code of ours."""
    package = code.partition(".")[0]
    if package not in PACKAGES or code.startswith(HIDDEN):
        return None
    if not (resources.files(package) / "words.zh.toml").is_file():
        return None
    found = {language: catalogue(package, language).get(code, "") for language in Language}
    return {k: _KIND.sub("}", v) for k, v in found.items()} if all(found.values()) else None


@router.get("/problems/{code}")
def problem(_: Public, request: Request, code: IdInPath) -> Response:
    language = language_of(request, shell_of(request).settings.language)
    said = sentences(code)
    if said is None:
        raise Refusal("api.problem.unknown", {"code": code}, Kind.NOT_FOUND)
    return page(request, "problem_type.html", {"code": code, "said": said}, language)
