"""The places of the transport's tests."""

from collections.abc import Iterator

import pika
import pytest

from services.workers.brokers import rabbitmq as transport
from tests.messaging.notes import Notebook
from tests.messaging.wire import Wire


@pytest.fixture
def notebook(database: str) -> Iterator[Notebook]:
    """A fresh ledger with the trade of notes."""
    opened = Notebook(database)
    yield opened
    opened.close()


@pytest.fixture
def queues(rabbitmq: str, namespace: str) -> str:
    """The namespace with its queues declared."""
    transport.declare_queues(rabbitmq, namespace)
    return namespace


@pytest.fixture
def channel(rabbitmq: str) -> Iterator[pika.adapters.blocking_connection.BlockingChannel]:
    """An operator's hand on RabbitMQ."""
    connection = pika.BlockingConnection(pika.URLParameters(rabbitmq))
    yield connection.channel()
    connection.close()


@pytest.fixture
def wire(rabbitmq: str) -> Iterator[Wire]:
    """A wire to RabbitMQ that the test may cut."""
    led = Wire(rabbitmq)
    yield led
    led.cut()
