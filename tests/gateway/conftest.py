"""The gateway of a test: in process, on a real database."""

from collections.abc import Iterator

import pytest

from tests import places
from tests.gateway.house import House
from tests.gateway.shop_street import Street
from tests.workshop import TestBench


@pytest.fixture(scope="session")
def open_house(postgres: places.Server, template: str) -> Iterator[House]:
    """A gateway that many tests share: they read, or write what nobody counts."""
    with places.a_migrated_database(postgres, template=template) as url:
        bench = TestBench(url)
        opened = House(bench)
        yield opened
        opened.close()
        bench.close()


@pytest.fixture
def house(database: str) -> Iterator[House]:
    bench = TestBench(database)
    opened = House(bench)
    yield opened
    opened.close()
    bench.close()


@pytest.fixture
def street(database: str) -> Iterator[Street]:
    """A gateway that shops call, and the workers behind it."""
    opened = Street(database)
    yield opened
    opened.close()
