"""The places of the bridge's tests."""

import contextlib
import threading
from collections.abc import Callable, Iterator

import pytest

from services.workers.bridge import Bridge
from tests.bridge.shop import Books, Shop
from tests.messaging.wire import Wire

Opens = Callable[..., contextlib.AbstractContextManager[Bridge]]


@pytest.fixture
def shop(rabbitmq: str, namespace: str) -> Iterator[Shop]:
    """A shop that publishes to RabbitMQ."""
    opened = Shop(rabbitmq, namespace)
    yield opened
    opened.close()


@pytest.fixture
def books(database: str) -> Iterator[Books]:
    """An empty database to look into."""
    opened = Books(database)
    yield opened
    opened.close()


@pytest.fixture
def bridging(rabbitmq: str, namespace: str, database: str) -> Opens:
    """Opens a bridge between the two."""

    @contextlib.contextmanager
    def open_(*, amqp_url: str = rabbitmq, database_url: str = database) -> Iterator[Bridge]:
        bridge = Bridge(database_url=database_url, amqp_url=amqp_url, namespace=namespace)
        thread = threading.Thread(target=bridge.run, name="bridge")
        thread.start()
        try:
            yield bridge
        finally:
            bridge.stop()
            thread.join(15)
            assert not thread.is_alive(), "the bridge does not stop"

    return open_


@pytest.fixture
def wire(rabbitmq: str) -> Iterator[Wire]:
    """A wire to RabbitMQ that the test may cut."""
    led = Wire(rabbitmq)
    yield led
    led.cut()


@pytest.fixture
def database_wire(database: str) -> Iterator[Wire]:
    """A wire to PostgreSQL that the test may cut."""
    led = Wire(database)
    yield led
    led.cut()
