"""A workshop that many threads work in at once."""

from collections.abc import Iterator

import pytest

from tests.workshop import TestBench


@pytest.fixture
def workshop(database: str) -> Iterator[TestBench]:
    bench = TestBench(database, threads=24)
    yield bench
    bench.close()
