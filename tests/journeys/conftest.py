"""A house at work on a running system, embedded and on RabbitMQ."""

from collections.abc import Iterator

import pytest

from tests.house import House
from tests.places import System


@pytest.fixture
def house(shared_system: System) -> Iterator[House]:
    made = House(shared_system)
    yield made
    made.close()
