"""The gateway that tests of the contract call."""

from collections.abc import Iterator

import pytest

from tests import places
from tests.contract.office import Office


@pytest.fixture
def office(database: str) -> Iterator[Office]:
    """A gateway on a fresh database, with an admin signed in."""
    office = Office(database)
    yield office
    office.close()


@pytest.fixture(scope="session")
def quiet_office(postgres: places.Server, template: str) -> Iterator[Office]:
    """One that many tests share; leave nothing in it."""
    with places.a_migrated_database(postgres, template=template) as url:
        office = Office(url)
        yield office
        office.close()
