"""Parked messages wait for a person: shown with the reason, taken in after a fix, or given up."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from shared.intake import amqp
from shared.storage import parking
from tests.bridge.shop import an_event
from tests.contract.office import Office
from tests.workshop import TestBench

LIST = "/admin/operations/parked-messages"


@pytest.fixture
def office(database: str) -> Iterator[Office]:
    """A gateway on a fresh database, with an admin signed in."""
    opened = Office(database)
    yield opened
    opened.close()


def park(office: Office, body: bytes, reason: str = "It was too early.") -> str:
    told = amqp.published(body, headers={"shop": "north"}, content_type="text/x", routing_key="order.placed")
    with office.desk.engine.begin() as connection:
        return parking.park(connection, told, reason=reason)


def test_a_parked_message_is_shown_and_counted(office: Office) -> None:
    parked_id = park(office, b"gar\xffbage" + b"x" * 5_000)

    (shown,) = office.ask("GET", LIST).json["parked_messages"]

    assert office.ask("GET", "/admin/operations").json["parked_messages"] == 1
    assert (shown["id"], shown["reason"], shown["headers"]) == (parked_id, "It was too early.", {"shop": "north"})
    assert (shown["size"], shown["count"]) == (5_008, 1)
    assert shown["body"].startswith("gar�bagexxx")
    assert len(shown["body"]) == 2_000


def test_after_a_fix_it_is_taken_in_once(office: Office) -> None:
    parked_id = park(office, json.dumps(an_event()).encode())

    taken = office.ask("POST", f"{LIST}/{parked_id}/retry").json["parked_message"]
    again = office.ask("POST", f"{LIST}/{parked_id}/retry")

    assert taken["state"] == "taken_in"
    assert office.rows("SELECT id, kind FROM message") == [(taken["message_id"], "order.placed")]
    assert (again.status_code, again.json["code"]) == (409, "not_parked")
    assert office.ask("GET", LIST).json["parked_messages"] == []
    assert len(office.ask("GET", f"{LIST}?state=taken_in").json["parked_messages"]) == 1


def test_what_was_fixed_may_be_a_task_that_is_there_now(office: Office, database: str) -> None:
    bench = TestBench(database)
    run = bench.a_sent_run(partner="weavers", templates=1)
    task_id = bench.tasks(run)[0]["id"]
    bench.close()
    data = {"task_id": task_id, "status": "accepted"}
    parked_id = park(office, json.dumps(an_event(data, type="task.updated")).encode())

    assert office.ask("POST", f"{LIST}/{parked_id}/retry").json["parked_message"]["state"] == "taken_in"


@pytest.mark.parametrize(
    "event", [b"garbage", json.dumps(an_event({"task_id": "no", "status": "accepted"}, type="task.updated")).encode()]
)
def test_what_still_cannot_be_read_stays_parked_and_leaves_nothing(office: Office, event: bytes) -> None:
    parked_id = park(office, event)

    answer = office.ask("POST", f"{LIST}/{parked_id}/retry")

    assert (answer.status_code, answer.json["code"]) == (409, "still_unreadable")
    assert office.rows("SELECT * FROM inbound_event") == []
    assert office.ask("GET", LIST).json["parked_messages"][0]["state"] == "parked"


def test_a_message_that_was_given_up_is_parked_again_when_it_comes_again(office: Office) -> None:
    parked_id = park(office, b"garbage")

    given_up: dict[str, Any] = office.ask("POST", f"{LIST}/{parked_id}/discard").json["parked_message"]
    assert given_up["state"] == "discarded"
    assert office.ask("GET", "/admin/operations").json["parked_messages"] == 0

    assert park(office, b"garbage") == parked_id
    assert office.ask("GET", LIST).json["parked_messages"][0]["count"] == 2


def test_a_message_that_was_never_parked_is_not_there(office: Office) -> None:
    assert office.ask("POST", f"{LIST}/park_no/retry").status_code == 404
