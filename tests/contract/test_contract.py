"""The contract is drawn from the routes, is valid, and every problem has a page."""

import re
from pathlib import Path

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from services.api import app, openapi
from services.api.resources.contract import EXPLANATIONS
from services.api.routes import Route
from shared.domain.events import EVENTS
from tests.contract.office import Office


@pytest.fixture(scope="module")
def contract() -> dict[str, object]:
    return openapi.document(app.routes())


def test_the_contract_is_valid_openapi(contract: dict[str, object]) -> None:
    assert list(OpenAPIV31SpecValidator(contract).iter_errors()) == []


@pytest.mark.parametrize("route", app.routes(), ids=lambda route: f"{route.method} {route.path}")
def test_every_route_is_in_the_contract(route: Route, contract: dict[str, dict[str, dict[str, object]]]) -> None:
    operation = contract["paths"][route.path][route.method.lower()]

    assert isinstance(operation, dict)
    assert operation["summary"]
    assert ("security" in operation) is (route.who != "anybody")
    assert ("requestBody" in operation) is (route.body is not None)


def test_every_event_is_a_webhook(contract: dict[str, dict[str, object]]) -> None:
    assert set(contract["webhooks"]) == set(EVENTS)


def test_operations_have_names_of_their_own(contract: dict[str, dict[str, dict[str, dict[str, str]]]]) -> None:
    names = [each["operationId"] for path in contract["paths"].values() for each in path.values()]

    assert len(names) == len(set(names))
    assert all(re.fullmatch(r"\w+", name) for name in names)


def test_the_contract_is_served(quiet_office: Office) -> None:
    answer = quiet_office.client.simulate_get("/openapi.json")

    assert answer.status_code == 200
    assert answer.json["openapi"] == "3.1.0"


@pytest.mark.parametrize("code", sorted(EXPLANATIONS))
def test_every_code_has_a_page(quiet_office: Office, code: str) -> None:
    answer = quiet_office.client.simulate_get(f"/problems/{code}")

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert code in answer.text


def test_every_code_in_the_source_is_explained() -> None:
    sources = [file.read_text() for file in Path(app.__file__).parent.rglob("*.py")]
    told = {code for text in sources for code in re.findall(r'code="([a-z_]+)"|Problem\(\s*\d+,\s*"([a-z_]+)"', text)}

    assert {one or other for one, other in told} <= set(EXPLANATIONS)


def test_an_unknown_code_has_none_and_is_not_echoed_as_html(quiet_office: Office) -> None:
    answer = quiet_office.client.simulate_get("/problems/<script>")

    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith("application/problem+json")
