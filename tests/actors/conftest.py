"""The workshop: real actors on a real ledger, without a broker."""

from collections.abc import Iterator

import pytest

from tests.workshop import TestBench


@pytest.fixture
def workshop(database: str) -> Iterator[TestBench]:
    bench = TestBench(database)
    yield bench
    bench.close()
