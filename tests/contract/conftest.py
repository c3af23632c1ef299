"""The gateway that tests of the contract call."""

from collections.abc import Iterator

import pytest

from tests.contract.office import Office


@pytest.fixture
def office(database: str) -> Iterator[Office]:
    """A gateway on a fresh database, with an admin signed in."""
    office = Office(database)
    yield office
    office.close()
