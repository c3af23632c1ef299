"""Events in: signed or not at all, taken in once for ever, exact to the last digit."""

import base64
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from shared.intake.canonical import NOT_TAKEN
from tests.contract.office import EVENT_KEY, Office, signed
from tests.workshop import TestBench

ORDER = {"id": "order_1", "items": [{"id": "line_1", "product_id": "prod_1", "quantity": 2}]}


def an_event(data: Any = ORDER, **given: Any) -> bytes:
    """A structured CloudEvent."""
    event = {"specversion": "1.0", "id": "evt_1", "source": "shop", "type": "order.placed", "data": data}
    return json.dumps({**event, **given}).encode()


def send(office: Office, raw: bytes, headers: dict[str, str] | None = None) -> Any:
    return office.client.simulate_post("/events", body=raw, headers=headers or signed(raw))


def messages(office: Office) -> list[tuple[Any, ...]]:
    return office.rows("SELECT id, kind, body, actor, tenant, run_id FROM message")


def test_a_signed_order_becomes_one_message_from_its_shop(office: Office) -> None:
    answer = send(office, an_event())

    assert answer.status_code == 202, answer.text
    assert answer.json["accepted"] is True
    assert answer.json["duplicate"] is False
    [(message_id, kind, body, actor, tenant, run_id)] = messages(office)
    assert (message_id, kind) == (answer.json["message_id"], "order.placed")
    assert body["source"] == "shop"
    assert actor == {"kind": "shop", "id": "shop", "name": "shop"}
    assert (tenant, run_id) == (None, None)
    assert office.rows("SELECT actor, room FROM delivery") == [("place_order", "orders")]


def test_ten_copies_at_once_make_one_message(office: Office) -> None:
    raw = an_event()

    with ThreadPoolExecutor(10) as hands:
        answers = list(hands.map(lambda _: send(office, raw), range(10)))

    assert [answer.status_code for answer in answers] == [202] * 10
    assert sorted(answer.json["duplicate"] for answer in answers) == [False, *[True] * 9]
    assert len({answer.json["message_id"] for answer in answers}) == 1
    assert len(messages(office)) == 1
    assert office.rows("SELECT count(*) FROM delivery") == [(1,)]


def test_the_same_id_from_another_shop_is_another_event(office: Office) -> None:
    for source in ("shop", "other shop"):
        assert send(office, an_event(source=source)).json["duplicate"] is False

    assert len(messages(office)) == 2


def test_quantities_and_ids_arrive_exactly_as_they_were_written(office: Office) -> None:
    raw = b"""{"specversion": "1.0", "id": "e", "source": "shop", "type": "order.placed", "data":
        {"id": 9007199254740993, "display_id": 12, "currency": "EUR", "items": [
            {"id": 123456789012345678901234567890, "product_id": 7, "quantity": 1.5, "price": {"amount": 3.10}},
            {"id": "0007", "quantity": "2", "properties": {"width": 0.1, "cut": 1.00000000000000000001}},
            {"id": "c", "quantity": 1234567890.123456}]}}"""

    assert send(office, raw).status_code == 202

    [(_, _, body, *_)] = messages(office)
    order = body["order"]
    assert order["id"] == "9007199254740993"
    assert [line["id"] for line in order["items"]] == ["123456789012345678901234567890", "0007", "c"]
    assert [line["quantity"] for line in order["items"]] == ["1.5", "2", "1234567890.123456"]
    assert order["items"][0]["product_id"] == "7"
    assert order["items"][1]["properties"] == {"width": 0.1, "cut": "1.00000000000000000001"}


def test_binary_mode_is_the_same_event(office: Office) -> None:
    raw = json.dumps(ORDER).encode()
    attributes = {"ce-specversion": "1.0", "ce-id": "evt_1", "ce-source": "shop%20one", "ce-type": "order.placed"}

    answer = send(office, raw, {**signed(raw), **attributes, "Content-Type": "application/json"})

    assert answer.status_code == 202, answer.text
    [(_, _, body, actor, *_)] = messages(office)
    assert body["source"] == actor["id"] == "shop one"


RAW = an_event()


UNSIGNED: dict[str, Callable[[], dict[str, str]]] = {
    "none": dict,
    "another key": lambda: signed(RAW, key=b"another key of another office"),
    "old": lambda: signed(RAW, seconds_ago=301),
    "from the future": lambda: signed(RAW, seconds_ago=-302),
    "another body": lambda: signed(RAW + b" "),
    "another version": lambda: signed(RAW, version="v1a"),
    "another id": lambda: {**signed(RAW), "webhook-id": "another"},
    "no time": lambda: {**signed(RAW), "webhook-timestamp": "now"},
    "empty": lambda: {**signed(RAW), "webhook-signature": "v1,"},
    "garbage": lambda: {**signed(RAW), "webhook-signature": "v1,\xfc\xfc"},
}


@pytest.mark.parametrize("headers", UNSIGNED.values(), ids=UNSIGNED)
def test_what_is_not_signed_by_us_just_now_is_refused_unread(
    quiet_office: Office, headers: Callable[[], dict[str, str]]
) -> None:
    answer = send(quiet_office, RAW, {"Content-Type": "application/cloudevents+json", **headers()})

    assert answer.status_code == 401
    assert answer.json["code"] == "bad_signature"
    assert messages(quiet_office) == []


def test_a_bad_signature_is_told_before_a_bad_body(quiet_office: Office) -> None:
    assert send(quiet_office, b"{", signed(b"other")).status_code == 401
    assert send(quiet_office, b"{", signed(b"{")).status_code == 400


def test_during_a_rotation_both_secrets_are_good(database: str) -> None:
    plain = "a plain secret of many letters"
    office = Office(database, LOOMLINE_EVENT_SECRET=f"whsec_{base64.b64encode(EVENT_KEY).decode()}, {plain}")
    both = signed(RAW, key=b"retired")["webhook-signature"] + " " + signed(RAW)["webhook-signature"]

    assert send(office, RAW, signed(RAW)).status_code == 202
    assert send(office, RAW, signed(RAW, key=plain.encode())).status_code == 202
    assert send(office, RAW, {**signed(RAW), "webhook-signature": both}).status_code == 202
    office.close()


@pytest.mark.parametrize("secret", ["", "too short", "whsec_not base64"])
def test_without_a_usable_secret_nothing_is_taken_and_the_setting_is_named(database: str, secret: str) -> None:
    office = Office(database, LOOMLINE_EVENT_SECRET=secret)

    answer = send(office, RAW)

    assert answer.status_code == 503
    assert "LOOMLINE_EVENT_SECRET" in answer.json["detail"]
    assert not secret or secret not in answer.json["detail"]
    office.close()


@pytest.mark.parametrize(
    ("raw", "pointer"),
    [
        (an_event({"items": []}), "/data/id"),
        (an_event({"id": "o", "items": [{"id": "a", "quantity": 0}]}), "/data/items/0/quantity"),
        (an_event({"id": "o", "items": [{"id": "a"}, {"id": "a"}]}), "/data/items"),
        (an_event({"id": "o", "items": [{"id": "a", "quantity": "two"}]}), "/data/items/0/quantity"),
        (an_event({"id": "o", "items": [{"id": "a", "quantity": "NaN"}]}), "/data/items/0/quantity"),
        (an_event({"id": True}), "/data/id"),
        (an_event({"id": 1.5}), "/data/id"),
        (an_event({"id": "o\0"}), "/data"),
        (an_event({"id": "x" * 201}), "/data/id"),
        (an_event([ORDER]), "/data"),
        (an_event(specversion="0.3"), "/specversion"),
        (an_event(id=""), "/id"),
        (an_event(source="s" * 201), "/source"),
        (an_event({"task_id": "task_no", "status": "completed"}, type="task.updated"), "/data/task_id"),
        (an_event({"task_id": "task_no", "status": "lost"}, type="task.updated"), "/data/status"),
        (an_event({"status": "completed"}, type="task.updated"), "/data/task_id"),
    ],
)
def test_a_wrong_event_is_refused_with_the_place(quiet_office: Office, raw: bytes, pointer: str) -> None:
    answer = send(quiet_office, raw)

    assert answer.status_code == 422, answer.text
    assert answer.json["errors"][0]["pointer"] == pointer
    assert messages(quiet_office) == []
    assert quiet_office.rows("SELECT * FROM inbound_event") == []


@pytest.mark.parametrize("kind", ["order.fulfilled", "customer.created"])
def test_a_type_that_makes_nothing_is_refused_with_those_that_do(quiet_office: Office, kind: str) -> None:
    answer = send(quiet_office, an_event(type=kind))

    assert answer.status_code == 422
    assert answer.json["code"] == NOT_TAKEN
    assert "order.placed" in answer.json["detail"]


def test_a_task_event_keeps_the_lane_of_its_run(office: Office) -> None:
    office.rows("INSERT INTO design (id, name) VALUES ('dsgn_1', 'K')")
    office.rows(
        """INSERT INTO production_run (id, status, run_type, quantity, design_id)
           VALUES ('run_1', 'approved', 'production', 1, 'dsgn_1')"""
    )
    office.rows(
        """INSERT INTO task (id, title, status, kind, run_id, priority)
           VALUES ('task_1', 'Cut', 'assigned', 'work', 'run_1', 'medium')"""
    )

    answer = send(office, an_event({"id": "task_1", "status": "completed", "by": "erp"}, type="task.updated"))

    assert answer.status_code == 202, answer.text
    assert office.rows("SELECT m.run_id, d.run_id, m.body FROM message m JOIN delivery d ON d.message_id = m.id") == [
        ("run_1", "run_1", {"task_id": "task_1", "status": "completed"})
    ]


def test_an_order_taken_in_becomes_runs_and_reasons_and_keeps_every_promise(office: Office, database: str) -> None:
    design = office.add("/admin/designs", {"name": "Kurta"})["id"]
    office.add("/admin/products", {"product_id": 9007199254740993, "design_id": design})
    lines = [{"id": 1, "product_id": 9007199254740993, "quantity": "1.5"}, {"id": 2, "product_id": "other"}]
    bench = TestBench(database)

    assert send(office, an_event({"id": "o", "items": lines})).status_code == 202
    bench.pump()
    bench.close()

    found = office.ask("GET", "/admin/order-lines?order_id=o&sort=created_at").json["order_lines"]
    assert {(line["order_line_item_id"], line["outcome"]) for line in found} == {("1", "run"), ("2", "unmapped")}
    assert office.rows("SELECT quantity::text FROM production_run") == [("1.500000",)]
    office.rows("UPDATE message SET created_at = created_at - interval '1 hour'")
    assert all(row["count"] == 0 for row in office.ask("GET", "/admin/operations").json["invariants"])
    assert office.ask("DELETE", f"/admin/designs/{design}").status_code == 409
