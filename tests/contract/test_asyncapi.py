"""The contract of the broker is valid AsyncAPI 3, and says what is really taken and told."""

import gzip
import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from services.api import asyncapi
from services.workers.brokers import commerce, rabbitmq
from shared.domain import news
from shared.domain.events import EVENTS
from shared.intake import amqp, canonical
from tests.contract.office import Office

CONTRACT = asyncapi.document()
DEFINITION = Path(__file__).with_name("asyncapi-3.0.0.json.gz")
"""AsyncAPI's own JSON schema of 3.0.0, from its package of specifications (Apache License 2.0)."""


def test_the_contract_is_valid_asyncapi() -> None:
    definition = json.loads(gzip.decompress(DEFINITION.read_bytes()))

    assert [error.message for error in jsonschema_rs.Draft7Validator(definition).iter_errors(CONTRACT)] == []


def test_the_addresses_are_those_of_the_plain_namespace() -> None:
    assert CONTRACT["channels"]["commerce"]["address"] == commerce.exchange_name("loomline")
    assert CONTRACT["channels"]["events"]["address"] == rabbitmq.events_exchange("loomline")


def test_every_event_and_every_type_that_is_taken_is_a_message() -> None:
    assert canonical.DATA.keys() == set(canonical.TYPES)
    assert set(CONTRACT["components"]["messages"]) == {kind.replace(".", "_") for kind in (*canonical.TYPES, *EVENTS)}
    assert CONTRACT["components"]["messages"]["production_run_completed"]["name"] == news.type_of(
        "production_run.completed"
    )


@pytest.mark.parametrize("kind", canonical.TYPES)
def test_an_example_is_taken_in(kind: str) -> None:
    (example,) = CONTRACT["components"]["messages"][kind.replace(".", "_")]["examples"]
    body = json.dumps(example["payload"]).encode()

    told = amqp.published(body, headers=example["headers"], content_type="application/json", routing_key=kind)

    assert canonical.command_of(amqp.read(told)).kind == kind


@pytest.mark.parametrize("name", CONTRACT["components"]["messages"])
def test_an_example_fits_its_own_schema(name: str) -> None:
    message: dict[str, Any] = CONTRACT["components"]["messages"][name]
    whole = {"components": CONTRACT["components"]}
    (example,) = message["examples"]

    jsonschema_rs.Draft202012Validator({**whole, **message["payload"]}).validate(example["payload"])
    jsonschema_rs.Draft202012Validator({**whole, **message["headers"]}).validate(example["headers"])


def test_the_contract_is_served(quiet_office: Office) -> None:
    answer = quiet_office.client.simulate_get("/asyncapi.json")

    assert answer.status_code == 200
    assert answer.json == CONTRACT
