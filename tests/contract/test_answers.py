"""What is answered is what the contract says: every route is asked, and its answer held against its schema, which may leave nothing out."""

import json
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest

from services.api import app, bodies, examples, openapi, schemas, uploads
from services.api.routes import Route, Who
from shared.domain import news
from shared.domain.events import EVENTS
from tests import places
from tests.access.house import Caller, Premises

ROUTES = {f"{route.method} {route.path}": route for route in app.routes()}
CONTRACT = openapi.document(app.routes())
BODILESS = {
    "POST /auth/logout",
    "DELETE /auth/tokens/{id}",
    "GET /metrics",
    "GET /problems",
    "GET /problems/{code}",
    "GET /media/{id}",
    "GET /media/{id}/thumbnail",
    "GET /media/{id}/message",
}
"""Those that answer in something else than JSON, or with nothing."""

CALLERS = {Who.ADMIN: Caller.ADMIN, Who.PARTNER: Caller.OWNER, Who.SIGNED_IN: Caller.OWNER, Who.ANYBODY: Caller.NOBODY}


@pytest.fixture(scope="module")
def premises(postgres: places.Server, template: str) -> Iterator[Premises]:
    with places.a_migrated_database(postgres, template=template) as url:
        opened = Premises(url)
        with opened.house.open_workshop():
            yield opened
        opened.close()


def closed(schema: Any) -> Any:
    """The same schema, in which an object has no member that it does not name."""
    if isinstance(schema, list):
        return [closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    told = {name: closed(below) for name, below in schema.items()}
    is_object = isinstance(told.get("properties"), dict) and told.get("type") == "object"
    return {**told, "additionalProperties": False} if is_object else told


COMPONENTS = closed(CONTRACT["components"]["schemas"])


def check(answer: Any, schema: Any) -> None:
    """Raise where the answer is not what the schema says, or has more than it says."""
    whole = {**closed(schema), "components": {"schemas": COMPONENTS}}
    jsonschema_rs.Draft202012Validator(whole, validate_formats=True).validate(answer)


def schema_of(name: str, status: int) -> Any:
    method, _, path = name.partition(" ")
    answers = CONTRACT["paths"][path][method.lower()]["responses"]
    content = answers.get(str(status), answers["default"]).get(
        "content", CONTRACT["components"]["responses"]["Problem"]["content"]
    )
    return next(iter(content.values()))["schema"]


def test_every_route_says_what_it_answers() -> None:
    assert ROUTES.keys() - BODILESS == schemas.ANSWERS.keys()


@pytest.mark.parametrize("name", [name for name in schemas.ANSWERS if not name.endswith("api.json")])
def test_what_is_answered_is_what_the_contract_says(premises: Premises, name: str) -> None:
    route = ROUTES[name]

    body = premises.body(route) if route.method != "GET" or route.body is not None else None
    answer = premises.house.ask(route.method, premises.address(route), body, by=premises.token_of(CALLERS[route.who]))

    method, path = name.split(" ")
    assert answer.status_code < 500 or answer.json["code"] == "not_configured"
    assert answer.status_code >= 400 or str(answer.status_code) in CONTRACT["paths"][path][method.lower()]["responses"]
    check(answer.json, schema_of(name, answer.status_code))


@pytest.mark.parametrize("name", list(schemas.ANSWERS))
def test_an_example_is_an_answer(name: str) -> None:
    for status, shape in schemas.ANSWERS[name].items():
        check(json.loads(json.dumps(examples.of_shape(shape))), schema_of(name, status))


@pytest.mark.parametrize(
    "name", [name for name, route in ROUTES.items() if route.body not in (None, bytes, uploads.Files)]
)
def test_an_example_of_a_body_is_read_by_its_own_type(name: str) -> None:
    route: Route = ROUTES[name]

    assert bodies.parse(json.dumps(examples.of(route.body)).encode(), route.body) is not None


@pytest.mark.parametrize("kind", EVENTS)
@pytest.mark.parametrize("partner_id", [None, "ptnr_1"])
def test_an_event_is_told_as_the_contract_says(kind: str, partner_id: str | None) -> None:
    happened = news.Happened(
        id="msg_1", kind=kind, version=1, body={"reason": "capacity", "after": {"status": "approved"}}, number=1, run_id="run_1",
        actor_kind="partner", created_at="2026-03-02T08:00:00Z", correlation="msg_0", cause="msg_0", tenant="ptnr_1",
    )  # type: ignore[arg-type]  # fmt: skip
    schema = CONTRACT["webhooks"][kind]["post"]["requestBody"]["content"]["application/cloudevents+json"]["schema"]

    told = json.loads(json.dumps(news.told(happened, source="https://loomline.example", partner_id=partner_id)))

    check(told, {"$ref": schema["allOf"][0]["$ref"]})
    jsonschema_rs.Draft202012Validator({"properties": schema["properties"]}).validate(told)
