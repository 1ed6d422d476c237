"""What nobody would send: Schemathesis asks every operation of the OpenAPI description.

Few examples each: this looks for defects of the wire (500s, undocumented statuses, wrong media
types, answers that do not fit their schema), not of the rules.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import positive_data_acceptance
from starlette.testclient import TestClient

from api.access import COOKIE
from api.desks.bank import desk as bank
from api.desks.command_desk import put_address
from api.desks.issuer import desk as issuer
from api.settings import Settings
from archive.actor import Role
from tests.support.serving import served

EXAMPLES_MAX = 3


@pytest.fixture(name="settings")
def with_its_desks(settings: Settings, tmp_path: Path) -> Iterator[Settings]:
    """With a bank and issuers that answer: where they are silent, a 503 is right."""
    desks = {"bank_desk": tmp_path / "bank", "issuers_desk": tmp_path / "issuers"}
    with (
        served(bank.make_app(bank.Desk(desks["bank_desk"]))) as at_the_bank,
        served(issuer.make_app(issuer.Desk(desks["issuers_desk"]))) as at_the_issuers,
    ):
        put_address(desks["bank_desk"], at_the_bank)
        put_address(desks["issuers_desk"], at_the_issuers)
        yield settings.model_copy(update=desks)


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
        # That a well-formed body is refused by a rule is no defect.
        case.validate_response(response, excluded_checks=[positive_data_acceptance])

    ask()
