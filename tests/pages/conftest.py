"""The gateway of a test: in process, on a real database, with browsers at its door."""

from collections.abc import Iterator

import pytest

from tests.gateway.house import House
from tests.workshop import TestBench


@pytest.fixture
def house(database: str) -> Iterator[House]:
    bench = TestBench(database)
    opened = House(bench)
    yield opened
    opened.close()
    bench.close()
