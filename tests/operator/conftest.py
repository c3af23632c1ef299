"""Places of the operator's tests."""

from collections.abc import Iterator

import pytest

from tests import places
from tests.operator.command import Commander
from tests.workshop import TestBench


@pytest.fixture
def bench(database: str) -> Iterator[TestBench]:
    """An empty house without a gateway."""
    bench = TestBench(database, threads=4)
    yield bench
    bench.close()


@pytest.fixture
def loomline(database: str) -> Iterator[Commander]:
    """The command, on the house of `bench`."""
    with places.a_directory() as home:
        yield Commander(home, database_url=database)
