"""The private RabbitMQ node: quorum queues work, a kill keeps what was confirmed, and it leaves nothing behind."""

from collections.abc import Iterator

import pika
import pytest

from services.operator.rabbitmq import PrivateRabbitMQ
from tests import places

QUORUM = {"x-queue-type": "quorum", "x-delivery-limit": -1}


@pytest.fixture
def node() -> Iterator[PrivateRabbitMQ]:
    """A node of this test's own."""
    node = PrivateRabbitMQ()
    yield node
    node.stop()


def put(url: str, queue: str, body: bytes) -> None:
    with pika.BlockingConnection(pika.URLParameters(url)) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        channel.queue_declare(queue, durable=True, arguments=QUORUM)
        channel.basic_publish("", queue, body, pika.BasicProperties(delivery_mode=2))


def take(url: str, queue: str) -> bytes:
    with pika.BlockingConnection(pika.URLParameters(url)) as connection:
        _, _, body = connection.channel().basic_get(queue, auto_ack=True)
    return bytes(body)


def test_what_a_namespace_made_is_gone_afterwards(rabbitmq: str) -> None:
    namespace = places.a_namespace()
    put(rabbitmq, f"{namespace}.orders.v1", b"x")

    places.forget(namespace, amqp_url=rabbitmq)

    with pytest.raises(pika.exceptions.ChannelClosedByBroker, match="no queue"):
        take(rabbitmq, f"{namespace}.orders.v1")


@pytest.mark.slow
def test_a_stopped_node_comes_back_with_what_it_confirmed_and_leaves_nothing(node: PrivateRabbitMQ) -> None:
    put(node.start(), "kept", b"x")

    url = node.restart()

    assert take(url, "kept") == b"x"
    assert node.stop()
    assert not node.directory.exists()
