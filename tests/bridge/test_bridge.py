"""Shops on the broker: whatever they publish is stored once before RabbitMQ may forget it, or parked with the reason."""

import json
from typing import Any

import pika
import pytest

from services.workers.brokers import commerce
from shared.intake.amqp import LARGEST
from tests.bridge.conftest import Opens
from tests.bridge.shop import Books, Shop, an_event, an_order
from tests.messaging.test_processes import a_process
from tests.messaging.wire import Wire
from tests.places import eventually


def test_a_structured_event_becomes_its_command(shop: Shop, books: Books, bridging: Opens) -> None:
    shop.structured(an_event(an_order("order_7")))

    with bridging():
        eventually(lambda: len(books.commands()) == 1)

    (command,) = books.commands()
    assert command["kind"] == "order.placed"
    assert command["body"]["order"]["id"] == "order_7"
    assert command["actor"] == {"kind": "shop", "id": "shop.example", "name": "shop.example"}
    assert shop.waiting() == 0


@pytest.mark.parametrize("prefix", ["cloudEvents:", "cloudEvents_"])
def test_a_binary_event_becomes_its_command(shop: Shop, books: Books, bridging: Opens, prefix: str) -> None:
    shop.binary(an_order("naïve 7 %41"), prefix=prefix, id="evt %41")

    with bridging():
        eventually(lambda: len(books.commands()) == 1)

    assert books.commands()[0]["body"]["order"]["id"] == "naïve 7 %41"


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("order.placed", an_order()),
        ("order.updated", an_order(updated_at="2026-01-01T00:00:00Z")),
        ("order.cancelled", {"id": "order_1"}),
    ],
)
def test_every_type_that_is_taken_over_http_is_taken_here(
    shop: Shop, books: Books, bridging: Opens, kind: str, data: Any
) -> None:
    shop.binary(data, type=kind)

    with bridging():
        eventually(lambda: [command["kind"] for command in books.commands()] == [kind])


def test_a_copy_changes_nothing_whichever_mode_it_comes_in(shop: Shop, books: Books, bridging: Opens) -> None:
    shop.structured(an_event())
    shop.binary(an_order())
    shop.structured(an_event())
    shop.structured(an_event(id="evt_2"))

    with bridging():
        eventually(lambda: len(books.commands()) == 2)
        eventually(lambda: shop.waiting() == 0)

    assert len(books.commands()) == 2


GARBAGE: dict[str, tuple[bytes, dict[str, Any], str]] = {
    "no JSON": (b"\x00\xff<xml/>", {}, "not valid JSON"),
    "no envelope": (json.dumps(an_order()).encode(), {"content_type": "application/json"}, "missing"),
    "an unknown type": (json.dumps(an_event(type="order.loved")).encode(), {}, "order.loved"),
    "no id": (json.dumps({**an_event(), "id": ""}).encode(), {}, "id"),
    "a batch": (b"[]", {"content_type": "application/cloudevents-batch+json"}, "one event at a time"),
    "a wrong field": (json.dumps(an_event({"id": "o", "items": [{"id": "l", "quantity": "many"}]})).encode(), {}, "/data/items/0/quantity"),
    "an unknown task": (json.dumps(an_event({"task_id": "task_no", "status": "accepted"}, type="task.updated")).encode(), {}, "no such task"),
    "too many bytes": (b" " * LARGEST + json.dumps(an_event()).encode(), {}, "1,048,576"),
    "headers of all kinds": (b"?", {"headers": {"n": None, "b": b"\xff", "l": [1, {"x": "\0"}], "big": -(2**63)}}, "JSON"),
}  # fmt: skip


@pytest.mark.parametrize("name", GARBAGE)
def test_garbage_is_parked_in_both_places_with_the_reason_and_stops_nobody(
    shop: Shop, books: Books, bridging: Opens, name: str
) -> None:
    body, properties, reason = GARBAGE[name]
    shop.publish(body, key="order.placed", **properties)
    shop.structured(an_event())

    with bridging():
        eventually(lambda: len(books.commands()) == 1)
        headers, whole = eventually(shop.parked) or ({}, b"")

    (parked,) = books.parked()
    assert reason in parked["reason"]
    assert headers["x-parked-reason"] == parked["reason"]
    assert headers["x-parked-id"] == parked["id"]
    assert whole == body
    assert parked["size"] == len(body)
    assert bytes(parked["body"]) == body[:LARGEST]
    assert shop.waiting() == 0


def test_a_copy_of_garbage_counts_up_and_makes_no_second_row(shop: Shop, books: Books, bridging: Opens) -> None:
    for _ in range(3):
        shop.publish(b"garbage")

    with bridging():
        eventually(lambda: [parked["count"] for parked in books.parked()] == [3])

    assert len(books.parked()) == 1


BROKEN_HEADERS = {
    "milliseconds as seconds": b"\x04whenT" + (1_900_000_000_000).to_bytes(8, "big"),
    "no bottom": None,
}


def nested(depth: int) -> bytes:
    """A table in a table in a table."""
    inner = b""
    for _ in range(depth):
        inner = b"\x01aF" + len(inner).to_bytes(4, "big") + inner
    return inner


@pytest.mark.parametrize("name", BROKEN_HEADERS)
def test_headers_that_a_client_stumbles_over_do_not_stop_the_queue(
    shop: Shop, books: Books, bridging: Opens, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = BROKEN_HEADERS[name] or nested(3_000)

    def write_raw(pieces: list[bytes], _: object) -> int:
        pieces.append(len(table).to_bytes(4, "big") + table)
        return len(table) + 4

    with monkeypatch.context() as patched:
        patched.setattr("pika.data.encode_table", write_raw)
        shop.publish(b"garbage", headers={"any": 1})
    shop.structured(an_event())

    with bridging():
        eventually(lambda: len(books.commands()) == 1 and len(books.parked()) == 1)


def test_while_the_database_is_away_nothing_is_confirmed_and_all_is_stored_when_it_is_back(
    shop: Shop, books: Books, bridging: Opens, database_wire: Wire
) -> None:
    with bridging(database_url=database_wire.url):
        shop.structured(an_event())
        eventually(lambda: len(books.commands()) == 1)
        database_wire.cut()
        for number in range(20):
            shop.structured(an_event(id=f"late_{number}"))
        eventually(lambda: shop.waiting() == 12)
        assert len(books.commands()) == 1
        database_wire.mend()
        eventually(lambda: len(books.commands()) == 21, within=20)

    assert books.parked() == []
    assert shop.waiting() == 0


def test_a_cut_connection_to_the_broker_is_opened_again(shop: Shop, books: Books, bridging: Opens, wire: Wire) -> None:
    with bridging(amqp_url=wire.url):
        shop.structured(an_event())
        eventually(lambda: len(books.commands()) == 1)
        wire.cut()
        shop.structured(an_event(id="evt_2"))
        wire.mend()
        eventually(lambda: len(books.commands()) == 2, within=20)


def test_a_deleted_parking_queue_comes_back(shop: Shop, books: Books, bridging: Opens) -> None:
    with bridging():
        shop.publish(b"first")
        eventually(shop.parked)
        shop.channel.queue_delete(commerce.parking_queue(shop.namespace))
        shop.publish(b"second")
        eventually(lambda: len(books.parked()) == 2 and shop.waiting() == 0, within=20)

        _, body = eventually(shop.parked, within=20) or ({}, b"")

    assert body == b"second"


def test_a_bridge_that_is_killed_between_commit_and_confirmation_takes_nothing_in_twice(
    tmp_path, shop: Shop, books: Books, wire: Wire, rabbitmq: str, namespace: str
) -> None:
    with a_process(
        "bridge", directory=tmp_path, database_url=books.url, amqp_url=wire.url, namespace=namespace
    ) as running:
        eventually(lambda: running.has_said("bridge_ready"))
        wire.hush()
        shop.structured(an_event())
        shop.publish(b"garbage")
        eventually(lambda: len(books.commands()) == 1 and len(books.parked()) == 1)
        running.process.kill()
        running.process.wait()
    wire.cut()

    with a_process(
        "bridge", directory=tmp_path, database_url=books.url, amqp_url=rabbitmq, namespace=namespace
    ) as running:
        eventually(lambda: '"duplicate": true' in running.log())
        eventually(lambda: books.parked()[0]["count"] == 2)
        assert running.stop() == 0

    assert len(books.commands()) == 1
    assert len(books.parked()) == 1
    assert shop.waiting() == 0


def test_a_bridge_without_a_broker_says_what_to_do(tmp_path, database: str) -> None:
    with a_process("bridge", directory=tmp_path, database_url=database) as running:
        assert running.process.wait(10) == 2
    assert "LOOMLINE_AMQP_URL" in running.log()


def test_a_queue_of_that_name_that_is_not_ours_is_no_crash(
    rabbitmq: str, namespace: str, tmp_path, database: str
) -> None:
    connection = pika.BlockingConnection(pika.URLParameters(rabbitmq))
    connection.channel().queue_declare(commerce.queue_name(namespace), durable=True)
    connection.close()

    with a_process(
        "bridge", directory=tmp_path, database_url=database, amqp_url=rabbitmq, namespace=namespace
    ) as running:
        eventually(lambda: "is there with other arguments" in running.log())
        assert running.stop() == 0
