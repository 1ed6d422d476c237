"""What nobody would send: Schemathesis asks every operation of the OpenAPI description.

Few examples each: this looks for defects of the wire (500s, undocumented statuses, wrong media
types, answers that do not fit their schema), not of the rules.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import positive_data_acceptance
from starlette.testclient import TestClient

from api.access import COOKIE
from archive.actor import Role

EXAMPLES_MAX = 3


def test_no_operation_breaks(app: FastAPI, signed_in: Callable[[Role], TestClient]) -> None:
    schema = schemathesis.openapi.from_asgi("/openapi.json", app)
    cookies = {role: signed_in(role).cookies[COOKIE] for role in (Role.STAFF, Role.BIDDER)}
    operations = [found.ok() for found in schema.get_all_operations() if isinstance(found, Ok)]
    assert len(operations) > 25
    for operation in operations:
        for token in cookies.values():
            _ask(operation, token)


def _ask(operation: Any, token: str) -> None:
    @settings(
        max_examples=EXAMPLES_MAX,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy())
    def ask(case: Any) -> None:
        # The person stays signed in, whatever is sent.
        if case.path == "/api/sign-out":
            return
        response = case.call(headers={"Cookie": f"{COOKIE}={token}"})
        # That a well-formed body is refused by a rule is no defect; nor that a desk outside, which
        # does not run here, is said to be silent.
        excluded = [positive_data_acceptance]
        if response.status_code == 503 and response.json()["code"] == "api.bank.silent":
            excluded.append(not_a_server_error)
        case.validate_response(response, excluded_checks=excluded)

    ask()
