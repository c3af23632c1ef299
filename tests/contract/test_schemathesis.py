"""Schemathesis makes requests of the contract itself, good and bad ones, as admin, as partner and as a stranger: no 5xx, no answer beside its schema.

LOOMLINE_CONTRACT_EXAMPLES raises the number of examples per operation.
"""

import functools
import itertools
import os
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from services.api import app, openapi
from shared.runtime.settings import read as read_settings
from tests import places
from tests.access.house import Caller, Premises

EXAMPLES = int(os.environ.get("LOOMLINE_CONTRACT_EXAMPLES", "1"))
CHECKS = [not_a_server_error, response_schema_conformance, status_code_conformance, content_type_conformance]
CALLERS = (Caller.ADMIN, Caller.OWNER, Caller.NOBODY)
TURNS = itertools.cycle(CALLERS)
"""Requests go around: the next one is somebody else's."""

SECRETS = {"LOOMLINE_EVENT_SECRET": "whsec_" + "c2VjcmV0" * 4} | {
    f"LOOMLINE_{shop}_SECRET": "c2VjcmV0" * 4 for shop in ("SHOPIFY", "WOOCOMMERCE", "SALEOR")
}


SERVED: list[Any] = []
"""The application of today's house; operations are collected before there is one."""


def gateway(environ: Any, start_response: Any) -> Any:
    return SERVED[-1](environ, start_response)


schema = schemathesis.openapi.from_dict(openapi.document(app.routes()))
schema.app = gateway


@pytest.fixture(scope="module")
def premises(postgres: places.Server, template: str) -> Iterator[Premises]:
    """The house that is asked, while its workers carry commands out and its shops' secrets are set."""
    with places.a_migrated_database(postgres, template=template) as url, places.a_directory() as home:
        opened = Premises(url)
        desk = app.desk_of(read_settings({"LOOMLINE_DATABASE_URL": url, "LOOMLINE_HOME": str(home), **SECRETS}))
        SERVED.append(app.build(desk, app.routes()))
        with opened.house.open_workshop():
            yield opened
        desk.gate.close()
        desk.engine.dispose()
        opened.close()


@schema.parametrize()
@settings(
    max_examples=EXAMPLES,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.generate],
)
def test_nobody_gets_a_fault_or_an_answer_beside_its_schema(case: Any, premises: Premises) -> None:
    aim(case, premises)
    token = token_of(next(TURNS), premises, operation=case.operation.label)
    headers = {"Authorization": f"Bearer {token}"} if token else {}

    response = case.call(headers={**(case.headers or {}), **headers})

    case.validate_response(response, checks=CHECKS)


@functools.cache
def token_of(caller: Caller, premises: Premises, *, operation: str) -> str | None:
    """One for each operation: some of them end a session."""
    return premises.token_of(caller)


def aim(case: Any, premises: Premises) -> None:
    """Made-up ids lead nowhere: every other request is about something that is there."""
    told = case.path_parameters or {}
    known = {name: value for name, value in premises.named(case.path).items() if name in told}
    if known and len(str(told)) % 2:
        case.path_parameters = {**told, **known}
