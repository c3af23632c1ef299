"""A shop that knows RabbitMQ and CloudEvents, and nothing of how Loomline is made: an order goes in, finished goods come out."""

import json
from collections.abc import Iterator
from typing import Any

import pika
import pytest

from services.workers.brokers import commerce
from services.workers.brokers import rabbitmq as transport
from tests import places
from tests.house import House, unique, work_through
from tests.places import eventually


@pytest.fixture
def house(database: str, rabbitmq: str) -> Iterator[House]:
    """A house on RabbitMQ."""
    with places.a_system("rabbitmq", database_url=database, amqp_url=rabbitmq) as system:
        made = House(system)
        yield made
        made.close()


@pytest.fixture
def broker(rabbitmq: str) -> Iterator[Any]:
    """A shop's own connection."""
    connection = pika.BlockingConnection(pika.URLParameters(rabbitmq))
    yield connection.channel()
    connection.close()


def place(broker: Any, exchange: str, order: dict[str, Any]) -> None:
    """All that a shop has to write."""
    event = {"specversion": "1.0", "id": order["id"], "source": "north-shop", "type": "order.placed", "data": order}
    properties = pika.BasicProperties(content_type="application/cloudevents+json", delivery_mode=2)
    broker.confirm_delivery()
    broker.basic_publish(exchange, event["type"], json.dumps(event), properties, mandatory=True)


def test_a_shop_on_the_broker_places_an_order_and_hears_that_it_was_completed(house: House, broker: Any) -> None:
    namespace = house.system.settings.namespace
    product = house.a_product(house.a_design())
    partner, phone = house.a_partner()
    template = house.a_template()
    eventually(lambda: is_there(house.system.settings.amqp_url, transport.events_exchange(namespace)), within=20)
    inbox = broker.queue_declare("", exclusive=True).method.queue
    broker.queue_bind(inbox, transport.events_exchange(namespace), "production_run.completed")
    order = {"id": unique("order"), "items": [{"id": unique("line"), "product_id": product, "quantity": 4}]}

    place(broker, commerce.exchange_name(namespace), order)

    (line,) = eventually(lambda: house.lines_of(order) or False)
    run = line["production_run_id"]
    (child,) = house.approve(run, {"partner_id": partner, "template_names": [template]})["dispatch"]["dispatched"]
    work_through(phone, child)
    heard = eventually(lambda: next_event(broker, inbox), within=20)
    assert heard["cloudEvents:type"] == "com.loomline.production_run.completed.v1"
    assert heard["cloudEvents:specversion"] == "1.0"
    assert heard["cloudEvents:subject"] in (child, run)


def is_there(amqp_url: str, exchange: str) -> bool:
    connection = pika.BlockingConnection(pika.URLParameters(amqp_url))
    try:
        connection.channel().exchange_declare(exchange, passive=True)
    except pika.exceptions.ChannelClosedByBroker:
        return False
    finally:
        connection.close()
    return True


def next_event(broker: Any, queue: str) -> Any:
    """The headers of the next event in a queue."""
    method, properties, _ = broker.basic_get(queue, auto_ack=True)
    return properties.headers if method else False
