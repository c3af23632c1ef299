"""The gateway that tests call."""

from collections.abc import Iterator

import pytest

from tests.gateway.house import House


@pytest.fixture
def house(database: str) -> Iterator[House]:
    """A gateway on a fresh database, with an admin signed in."""
    house = House(database)
    yield house
    house.close()
