"""Which changes break others: asked of a small contract, one change after the other."""

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from services.api import breaking, published

RUN = {
    "type": "object",
    "required": ["id", "status"],
    "properties": {
        "id": {"type": "string"},
        "status": {"type": "string", "enum": ["approved", "completed"]},
        "quantity": {"type": "string"},
        "part_of": {"$ref": "#/components/schemas/Run"},
    },
}
BODY = {
    "type": "object",
    "required": ["reason"],
    "properties": {
        "reason": {"type": "string", "maxLength": 200},
        "kind": {"type": "string", "enum": ["a", "b"]},
        "quantity": {"type": ["string", "number"]},
        "note": {"anyOf": [{"type": "string"}, {"type": "null"}]},
    },
}


def a_contract() -> Any:
    """One route, one webhook."""
    answer = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Run"}}}}
    post = {
        "parameters": [{"in": "query", "name": "limit", "schema": {"type": "integer"}}],
        "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Body"}}}},
        "responses": {"200": answer, "default": {}},
    }
    hook = {"post": {"requestBody": answer}}
    return copy.deepcopy(
        {
            "openapi": "3.1.0",
            "paths": {"/runs": {"post": post, "get": {"responses": {"200": answer}}}},
            "webhooks": {"run.done": hook},
            "components": {"schemas": {"Run": RUN, "Body": BODY}},
        }
    )


Change = Callable[[Any], Any]


def of_run(contract: Any) -> Any:
    return contract["components"]["schemas"]["Run"]


def of_body(contract: Any) -> Any:
    return contract["components"]["schemas"]["Body"]


def of_post(contract: Any) -> Any:
    return contract["paths"]["/runs"]["post"]


BREAKING: dict[str, tuple[Change, str]] = {
    "a path is gone": (lambda c: c["paths"].pop("/runs"), "POST /runs is gone."),
    "a method is gone": (lambda c: c["paths"]["/runs"].pop("get"), "GET /runs is gone."),
    "a webhook is gone": (lambda c: c["webhooks"].pop("run.done"), "The webhook run.done is gone."),
    "a parameter is gone": (lambda c: of_post(c)["parameters"].clear(), "POST /runs does not take the query parameter limit any more."),
    "a parameter is wanted": (lambda c: of_post(c)["parameters"][0].update(required=True), "POST /runs cannot do without the query parameter limit any more."),
    "a parameter is narrower": (lambda c: of_post(c)["parameters"][0]["schema"].update(maximum=5), "The query parameter limit of POST /runs has a maximum of 5 now."),
    "a body is wanted": (lambda c: of_post(c)["requestBody"].update(required=True), "POST /runs cannot do without a body any more."),
    "a body is not taken": (lambda c: of_post(c).pop("requestBody"), "POST /runs does not take a body any more."),
    "a token is asked for": (lambda c: of_post(c).update(security=[{"bearer": []}]), "POST /runs asks for a token now."),
    "a success is gone": (lambda c: of_post(c)["responses"].pop("200"), "POST /runs does not answer 200 any more."),
    "an answered field is gone": (lambda c: of_run(c)["properties"].pop("quantity"), "has no field quantity any more."),
    "an answered field may be absent": (lambda c: of_run(c)["required"].remove("id"), "may be without the field id now."),
    "an answered field is wider": (lambda c: of_run(c)["properties"]["id"].update(type=["string", "null"]), "at /id may be null now."),
    "an answered field is anything": (lambda c: of_run(c)["properties"]["id"].pop("type"), "at /id may be anything now."),
    "an answered value is gone": (lambda c: of_run(c)["properties"]["status"].update(enum=["approved"]), "at /status may not be 'completed' any more."),
    "a taken field is gone": (lambda c: of_body(c)["properties"].pop("kind"), "The body of POST /runs does not take the field kind any more."),
    "a taken field is wanted": (lambda c: of_body(c)["required"].append("kind"), "The body of POST /runs cannot do without the field kind any more."),
    "a new field is wanted": (lambda c: (of_body(c)["properties"].update(new={}), of_body(c)["required"].append("new")), "cannot do without the field new any more."),
    "a taken field is narrower": (lambda c: of_body(c)["properties"]["quantity"].update(type="string"), "The body of POST /runs at /quantity may not be number any more."),
    "a taken field is shorter": (lambda c: of_body(c)["properties"]["reason"].update(maxLength=10), "at /reason has a maxLength of 10 now."),
    "a taken field has a form": (lambda c: of_body(c)["properties"]["reason"].update(pattern="^x"), "at /reason has another pattern"),
    "a taken value is gone": (lambda c: of_body(c)["properties"]["kind"].update(enum=["a"]), "at /kind may not be 'b' any more."),
    "a taken field is one of few": (lambda c: of_body(c)["properties"]["reason"].update(enum=["x"]), "at /reason must be one of 'x' now."),
    "a taken null is refused": (lambda c: of_body(c)["properties"]["note"]["anyOf"].pop(), "at /note may not be null any more."),
}  # fmt: skip

ADDITIVE: dict[str, Change] = {
    "nothing": lambda c: None,
    "a path": lambda c: c["paths"].update({"/new": {"get": {"responses": {}}}}),
    "a parameter": lambda c: of_post(c)["parameters"].append({"in": "query", "name": "sort", "schema": {}}),
    "an answered field": lambda c: of_run(c)["properties"].update(new={"type": "string"}),
    "an answered value": lambda c: of_run(c)["properties"]["status"]["enum"].append("held"),
    "a field that is always answered": lambda c: of_run(c)["required"].append("quantity"),
    "a taken field": lambda c: of_body(c)["properties"].update(new={"type": "string"}),
    "a taken value": lambda c: of_body(c)["properties"]["kind"]["enum"].append("c"),
    "a field that is not wanted any more": lambda c: of_body(c)["required"].remove("reason"),
    "a longer text": lambda c: of_body(c)["properties"]["reason"].update(maxLength=400),
    "a wider field": lambda c: of_body(c)["properties"]["kind"].update(type=["string", "null"]),
    "other words": lambda c: of_post(c).update(summary="Other words."),
}


@pytest.mark.parametrize("name", BREAKING)
def test_a_change_that_breaks_somebody_is_told_in_a_sentence(name: str) -> None:
    change, sentence = BREAKING[name]
    after = a_contract()
    change(after)

    told = breaking.breaks(a_contract(), after)

    assert any(sentence in each for each in told), told


@pytest.mark.parametrize("name", ADDITIVE)
def test_what_is_added_breaks_nobody(name: str) -> None:
    after = a_contract()
    ADDITIVE[name](after)

    assert breaking.breaks(a_contract(), after) == []


CHANNELS: dict[str, tuple[Change, str]] = {
    "a message is gone": (
        lambda c: c["channels"]["commerce"]["messages"].pop("order_placed"),
        "The message order_placed of commerce is gone.",
    ),
    "an exchange is another": (
        lambda c: c["channels"]["events"].update(address="elsewhere"),
        "The channel loomline.events is elsewhere now.",
    ),
    "an operation is gone": (lambda c: c["operations"].pop("sendEvents"), "The operation sendEvents is gone."),
    "a told field is gone": (
        lambda c: c["components"]["schemas"]["EventData"]["properties"].pop("reason"),
        "of loomline.events has no field reason any more.",
    ),
    "a taken field is wanted": (
        lambda c: c["components"]["schemas"]["Order"]["required"].append("status"),
        "of commerce cannot do without the field status any more.",
    ),
}


@pytest.mark.parametrize("name", CHANNELS)
def test_the_same_holds_for_the_broker(name: str) -> None:
    before = json.loads(published.drawn("asyncapi.json"))
    after = copy.deepcopy(before)
    change, sentence = CHANNELS[name]
    change(after)

    assert breaking.breaks(before, before) == []
    assert any(sentence in each for each in breaking.breaks(before, after))
