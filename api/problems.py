"""Problems: the only place that knows which HTTP status a refusal has (RFC 9457).

    Refusal             by kind, see STATUS; every fault with its JSON pointer (RFC 6901)
    NotSignedIn         401
    Throttled           429 with Retry-After
    HTTPException       what Starlette and FastAPI raise: 400, 404, 405 with Allow, 413, 415
    validation          422, one fault for each place; the values sent are not repeated
    anything else       500 with an incident id; what went wrong is in the log under that id only

The answer is `application/problem+json`, or a page where Accept prefers HTML. `type` is
`/problems/<code>`, a page that exists. `detail` speaks the reader's language; `detail_zh` and
`detail_en` both.
"""

from __future__ import annotations

import errno
import json
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError, WebSocketRequestValidationError
from sqlalchemy.exc import InternalError, OperationalError, StatementError
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection
from starlette.responses import Response
from starlette.routing import BaseRoute, Match
from starlette.websockets import WebSocket

from api.flows.naming import names_for
from api.identity.service import Throttled
from api.negotiation import language_of, prefers_html
from api.pages.templating import page
from api.shell import shell_of
from archive.entropy import SystemEntropy
from archive.errors import Fault, Kind, Param, Reason, Refusal
from archive.words import NAMELESS, Language, Names, names_wanted, say

MEDIA_TYPE = "application/problem+json"

STATUS: Mapping[Kind, int] = {
    Kind.INVALID: 422,
    Kind.FORBIDDEN: 403,
    Kind.NOT_FOUND: 404,
    Kind.CONFLICT: 409,
    # 425 means something else (RFC 8470); the moment is a state of the matter like any other.
    Kind.TOO_EARLY: 409,
    Kind.TOO_LATE: 409,
    Kind.GONE: 410,
    Kind.UNAVAILABLE: 503,
}
RETRY_SECONDS = 30
FAULTS_MAX = 100
DISK_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
OUT_OF_REACH = (OperationalError, InternalError)
"""What the database says when it is away, full or broken; not what it says of a wrong statement."""
Named = Mapping[Language, Names]
NOTHING_NAMED: Named = {}
_log = logging.getLogger("bigloop.incident")


class NotSignedIn(Exception):
    """Nobody is signed in, and this needs somebody."""


@dataclass(frozen=True)
class Problem:
    """One answer that says no. `parameter` names of faults stand beside the pointer where the
    fault is not in the body."""

    status: int
    code: str
    params: Mapping[str, Param] = field(default_factory=dict)
    kind: str = ""
    rule: str = ""
    faults: Sequence[tuple[str, Fault]] = ()
    """(where: body, query, path, header or cookie; the fault)."""
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def said(self) -> list[Reason | Fault]:
        """What has a sentence."""
        return [Reason(self.code, self.params), *(fault for _, fault in self.faults)]

    def document(self, language: Language, names: Named = NOTHING_NAMED) -> dict[str, Any]:
        """The members of the problem document: codes among the parameters, names in the sentences."""
        found: dict[str, Any] = {
            "type": f"/problems/{self.code}",
            "title": title(self.status, language),
            "status": self.status,
            "code": self.code,
            "params": dict(self.params),
            **_details(self.code, self.params, language, names),
        }
        if self.kind:
            found["kind"] = self.kind
        if self.rule:
            found["rule"] = self.rule
        if self.faults:
            found["faults"] = [
                _fault(where, fault, language, names) for where, fault in self.faults
            ]
        return found


def title(status: int, language: Language) -> str:
    return say(f"api.status.{status}", {}, language)


def _details(
    code: str, params: Mapping[str, Param], language: Language, names: Named
) -> dict[str, str]:
    said = {each: say(code, params, each, names.get(each, NAMELESS)) for each in Language}
    return {
        "detail": said[language],
        "detail_zh": said[Language.ZH],
        "detail_en": said[Language.EN],
    }


def _fault(where: str, fault: Fault, language: Language, names: Named) -> dict[str, Any]:
    found: dict[str, Any] = {
        "in": where,
        "pointer": fault.pointer,
        "code": fault.code,
        "params": dict(fault.params),
        **_details(fault.code, fault.params, language, names),
    }
    if fault.rule:
        found["rule"] = fault.rule
    return found


# --- From exceptions ------------------------------------------------------------------------


def problem_of(error: Exception, connection: HTTPConnection) -> Problem:
    """The answer to an exception. What is not foreseen becomes an incident and is logged."""
    if isinstance(error, Refusal):
        return of_refusal(error)
    if isinstance(error, NotSignedIn):
        challenge = {"WWW-Authenticate": 'Bigloop realm="bigloop"'}
        return Problem(401, "api.http.not_signed_in", headers=challenge)
    if isinstance(error, Throttled):
        minutes = -(-error.retry_seconds // 60)
        headers = {"Retry-After": str(error.retry_seconds)}
        return Problem(429, "api.sign_in.throttled", {"minutes": minutes}, headers=headers)
    if isinstance(error, RequestValidationError | WebSocketRequestValidationError):
        return _of_validation(error.errors())
    if isinstance(error, HTTPException):
        return _of_http(error, connection)
    return incident(error)


def of_refusal(refusal: Refusal) -> Problem:
    headers = {"Retry-After": str(RETRY_SECONDS)} if refusal.kind is Kind.UNAVAILABLE else {}
    return Problem(
        STATUS[refusal.kind],
        refusal.code,
        refusal.params,
        refusal.kind,
        refusal.rule,
        [("body", fault) for fault in refusal.faults[:FAULTS_MAX]],
        headers,
    )


_HTTP_CODES = {
    400: "api.http.unparsable",
    403: "api.http.forbidden",
    404: "api.http.not_found",
    405: "api.http.method",
    413: "api.http.too_large",
    415: "api.http.media_type",
}


def _of_http(error: HTTPException, connection: HTTPConnection) -> Problem:
    headers = dict(error.headers or {})
    params: dict[str, Param] = {}
    if error.status_code == 405:
        # Starlette names the methods of the first route only, and a path may have several.
        headers["Allow"] = ", ".join(allowed_methods(connection))
        params = {"allowed": headers["Allow"]}
    if error.status_code == 413:
        params = {"bytes_max": shell_of(connection).settings.request_bytes_max}
    code = _HTTP_CODES.get(error.status_code, "api.http.other")
    if code == "api.http.other":
        params = {"status": error.status_code}
    return Problem(error.status_code, code, params, headers=headers)


def allowed_methods(connection: HTTPConnection) -> list[str]:
    """All methods that this path answers, sorted."""
    found: set[str] = set()
    _collect(connection.app.routes, dict(connection.scope), found)
    return sorted(found)


def _collect(routes: Sequence[BaseRoute], scope: dict[str, Any], found: set[str]) -> None:
    for route in routes:
        inner = getattr(route, "original_router", None)
        if inner is not None:
            _collect(inner.routes, scope, found)
        elif (methods := getattr(route, "methods", None)) and route.matches(scope)[0] != Match.NONE:
            found |= set(methods)


def _of_validation(errors: Sequence[Any]) -> Problem:
    if any(error["type"] == "json_invalid" for error in errors):
        return Problem(400, "api.http.unparsable")
    faults = []
    for error in errors[:FAULTS_MAX]:
        where, *path = error["loc"] or ["body"]
        code, params = input_code(error)
        faults.append((str(where), Fault(pointer_of(path), code, params)))
    return Problem(422, "api.http.invalid", {"count": len(errors)}, Kind.INVALID, faults=faults)


def pointer_of(path: Iterable[object]) -> str:
    """The JSON pointer (RFC 6901) of a place."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)


# Pydantic's types of error whose sentence needs one number or text of its context.
_LIMITS = {
    "string_too_short": "min_length",
    "string_too_long": "max_length",
    "too_short": "min_length",
    "too_long": "max_length",
    "greater_than": "gt",
    "greater_than_equal": "ge",
    "less_than": "lt",
    "less_than_equal": "le",
    "enum": "expected",
    "literal_error": "expected",
    "string_pattern_mismatch": "pattern",
}
_SAME = {"missing", "extra_forbidden"}
# What is no type for whoever writes JSON.
_IN_JSON = {
    "model_attributes": "object",
    "dict": "object",
    "list": "array",
    "int": "integer",
    "bool": "boolean",
}


def input_code(error: Mapping[str, Any]) -> tuple[str, dict[str, Param]]:
    """What is said of one of pydantic's errors: code and parameters."""
    kind = str(error["type"])
    if kind in _SAME:
        return f"api.input.{kind}", {}
    if kind in _LIMITS:
        limit = (error.get("ctx") or {}).get(_LIMITS[kind], "")
        return f"api.input.{kind}", {"limit": limit if isinstance(limit, int) else str(limit)}
    if kind.endswith(("_type", "_parsing", "_format")) or kind in ("value_error", "json_type"):
        wanted = kind.rpartition("_")[0]
        return "api.input.form", {"expected": _IN_JSON.get(wanted, wanted)}
    return "api.input.other", {"type": kind}


def incident(error: Exception) -> Problem:
    """A defect of ours, or a disk or database that takes nothing: the reader gets an id, the log gets the rest."""
    number = SystemEntropy().bytes(8).hex()
    cause: BaseException | None = error
    is_out_of_reach = False
    while cause is not None:
        if isinstance(cause, StatementError):
            cause.hide_parameters = True  # what was to be stored is not for the log
        is_full = isinstance(cause, OSError) and cause.errno in DISK_FULL
        is_out_of_reach |= is_full or isinstance(cause, OUT_OF_REACH)
        cause = cause.__cause__ or cause.__context__
    _log.error("incident %s", number, exc_info=error)
    if is_out_of_reach:
        headers = {"Retry-After": str(RETRY_SECONDS)}
        return Problem(503, "api.http.storage", {"incident": number}, headers=headers)
    return Problem(500, "api.http.incident", {"incident": number})


# --- To answers -----------------------------------------------------------------------------


def json_text(value: Mapping[str, Any]) -> str:
    """An answer that may repeat what was sent: text of JSON that has no UTF-8 (a lone surrogate) is escaped again."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.encode("utf-8", "backslashreplace").decode()


async def _named(problem: Problem, connection: HTTPConnection) -> Named:
    """What its sentences call by name; nothing where the database is out of reach."""
    if not any(names_wanted(one.code, one.params) for one in problem.said):
        return NOTHING_NAMED
    shell = shell_of(connection)

    def look() -> Named:
        with shell.office.read() as db:
            return {language: names_for(db, problem.said, language) for language in Language}

    try:
        async with shell.readers():
            return await run_in_threadpool(look)
    except (*OUT_OF_REACH, OSError):
        return NOTHING_NAMED


def answer(problem: Problem, connection: HTTPConnection, names: Named = NOTHING_NAMED) -> Response:
    """The problem as a page or as a document."""
    language = language_of(connection, shell_of(connection).settings.language)
    headers = {**problem.headers, "Vary": "Accept, Accept-Language, HX-Request"}
    document = problem.document(language, names)
    response: Response
    if prefers_html(connection):
        response = page(
            connection, "problem.html", {"problem": document}, language, status=problem.status
        )
    else:
        response = Response(json_text(document), problem.status, media_type=MEDIA_TYPE)
        response.headers["Content-Language"] = language
    response.headers["Cache-Control"] = "no-store"
    for name, value in headers.items():
        response.headers[name] = value
    return response


async def _handle(connection: HTTPConnection, error: Exception) -> Response | None:
    problem = problem_of(error, connection)
    names = await _named(problem, connection)
    if not isinstance(connection, WebSocket):
        return answer(problem, connection, names)
    if "websocket.http.response" in connection.scope.get("extensions", {}):
        await connection.send_denial_response(answer(problem, connection, names))
    else:
        await connection.close(1008, problem.code)
    return None


def install(app: FastAPI) -> None:
    """Let the application answer every exception with a problem (see also `api.middleware`)."""
    for kind in (
        Refusal,
        NotSignedIn,
        Throttled,
        HTTPException,
        RequestValidationError,
        WebSocketRequestValidationError,
    ):
        app.add_exception_handler(kind, _handle)  # type: ignore[arg-type]


RESPONSES: dict[int | str, dict[str, Any]] = {
    status: {
        "description": HTTPStatus(status).phrase,
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    for status in (400, 401, 403, 404, 405, 409, 410, 413, 415, 422, 429, 500, 503)
}
"""What every operation may also answer, for the OpenAPI description."""

_TEXT = {"type": "string"}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "description": "RFC 9457 problem; detail_zh and detail_en say the same as detail",
    "required": ["type", "title", "status", "detail", "code", "params", "detail_zh", "detail_en"],
    "properties": {
        "type": {"type": "string", "format": "uri-reference"},
        "title": _TEXT,
        "status": {"type": "integer"},
        "detail": _TEXT,
        "detail_zh": _TEXT,
        "detail_en": _TEXT,
        "code": _TEXT,
        "params": {"type": "object"},
        "kind": {"enum": [str(kind) for kind in Kind]},
        "rule": _TEXT,
        "faults": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["in", "pointer", "code", "detail", "detail_zh", "detail_en"],
                "properties": {
                    "in": {"enum": ["body", "query", "path", "header", "cookie"]},
                    "pointer": {"type": "string", "format": "json-pointer"},
                    "code": _TEXT,
                    "detail": _TEXT,
                    "detail_zh": _TEXT,
                    "detail_en": _TEXT,
                    "params": {"type": "object"},
                    "rule": _TEXT,
                },
            },
        },
    },
}
