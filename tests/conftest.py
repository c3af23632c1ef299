"""The places that tests ask for. A missing service fails; nothing is skipped."""

from collections.abc import Iterator

import pytest

from tests import places


@pytest.fixture(scope="session")
def postgres() -> Iterator[places.Server]:
    """A real PostgreSQL server."""
    with places.a_postgres_server() as server:
        yield server


@pytest.fixture(scope="session")
def template(postgres: places.Server) -> Iterator[str]:
    """A database that was migrated once; nobody may connect to it, so that it can be copied."""
    with places.a_migrated_database(postgres) as url:
        yield url


@pytest.fixture(scope="session")
def scratchpads(postgres: places.Server, template: str) -> Iterator[places.Scratchpads]:
    """Databases that are emptied between tests."""
    pads = places.Scratchpads(postgres, template=template)
    yield pads
    pads.close()


@pytest.fixture
def database(scratchpads: places.Scratchpads) -> Iterator[str]:
    """The URL of an empty database with our schema."""
    with scratchpads.lend() as url:
        yield url


@pytest.fixture(scope="session")
def rabbitmq() -> Iterator[str]:
    """The URL of a real RabbitMQ."""
    with places.a_rabbitmq() as url:
        yield url


@pytest.fixture
def namespace(rabbitmq: str) -> Iterator[str]:
    """A prefix for queues and exchanges; what was made under it goes afterwards."""
    prefix = places.a_namespace()
    yield prefix
    places.forget(prefix, amqp_url=rabbitmq)


@pytest.fixture(params=["embedded", "rabbitmq"])
def system(request: pytest.FixtureRequest, database: str) -> Iterator[places.System]:
    """A running Loomline of the test's own, to be killed and restarted at will."""
    amqp_url = request.getfixturevalue("rabbitmq") if request.param == "rabbitmq" else ""
    with places.a_system(request.param, database_url=database, amqp_url=amqp_url) as running:
        yield running


@pytest.fixture(scope="session", params=["embedded", "rabbitmq"])
def shared_system(request: pytest.FixtureRequest, postgres: places.Server, template: str) -> Iterator[places.System]:
    """A running Loomline that many tests share: make things of your own in it, count only those, and kill nothing."""
    amqp_url = request.getfixturevalue("rabbitmq") if request.param == "rabbitmq" else ""
    with (
        places.a_migrated_database(postgres, template=template) as url,
        places.a_system(request.param, database_url=url, amqp_url=amqp_url) as running,
    ):
        yield running


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Show the processes' logs beside a test that failed in a running system."""
    report = yield
    arguments = getattr(item, "funcargs", {})
    system = arguments.get("system") or arguments.get("shared_system")
    if report.failed and isinstance(system, places.System):
        report.sections.append(("processes of the system", system.report()))
    return report
