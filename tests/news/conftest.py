"""A press office on a real ledger, and a receiver that listens."""

from collections.abc import Iterator

import pytest

from tests.news.house import PressOffice
from tests.news.receivers import Receiver, a_receiver
from tests.workshop import TestBench


@pytest.fixture
def workshop(database: str) -> Iterator[TestBench]:
    bench = TestBench(database)
    yield bench
    bench.close()


@pytest.fixture
def office(workshop: TestBench) -> PressOffice:
    return PressOffice(workshop)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with a_receiver() as server:
        yield server
