"""The places of the tests on a bucket."""

from collections.abc import Iterator

import pytest

from tests import places
from tests.bucket.server import Bucket
from tests.gateway.house import House
from tests.workshop import TestBench


@pytest.fixture(scope="session")
def bucket_server() -> Iterator[Bucket]:
    """A server that speaks S3."""
    with places.a_directory() as home:
        server = Bucket(home)
        try:
            server.start()
            yield server
        finally:
            server.stop()


@pytest.fixture
def bucket(bucket_server: Bucket, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    """An empty bucket; the environment says how to reach it."""
    for name, value in bucket_server.environment.items():
        monkeypatch.setenv(name, value)
    bucket_server.empty()
    yield bucket_server
    bucket_server.go_on()


@pytest.fixture
def house(database: str, bucket: Bucket) -> Iterator[House]:
    """A gateway that keeps its files in the bucket."""
    bench = TestBench(database)
    opened = House(bench, files_url=bucket.files_url)
    yield opened
    opened.close()
    bench.close()
