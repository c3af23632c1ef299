"""Where tests happen: a PostgreSQL server, a namespace on RabbitMQ, a whole running Loomline. Fixtures in conftest.py open them."""

import base64
import contextlib
import os
import secrets
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

import httpx
import pika
import psycopg
from psycopg import sql

from services.operator import migrate
from services.operator.children import PATIENCE, free_port
from services.operator.postgres import EmbeddedPostgres
from services.operator.processes import ProcessSet
from services.operator.rabbitmq import PrivateRabbitMQ
from services.workers.brokers import commerce, rabbitmq
from shared.routing import Room
from shared.runtime import settings
from shared.storage import database
from shared.storage.tables import metadata

T = TypeVar("T")

ADMIN_EMAIL = "admin@loomline.localhost"
ADMIN_PASSWORD = "a long password for tests"


def eventually(check: Callable[[], T], *, within: float = 10.0, every: float = 0.05) -> T:
    """Ask again and again until the check neither raises nor says False. Returns its answer; raises its last failure."""
    deadline = time.monotonic() + within
    while True:
        try:
            answer = check()
            assert answer is not False, "the check still says False"
        except Exception:
            if time.monotonic() > deadline:
                raise
        else:
            return answer
        threading.Event().wait(every)


class Server:
    """A PostgreSQL server where scratch databases are made. `embedded` is None for one that the environment names."""

    def __init__(self, *, url: str, superuser_url: str, embedded: EmbeddedPostgres | None) -> None:
        self.url = url
        self.embedded = embedded
        self._superuser_url = superuser_url
        self._owner = urlsplit(url).username or "postgres"

    def create_database(self, *, template: str | None = None) -> str:
        """A new database, empty or a copy of the template (given by URL); returns its URL for the plain role."""
        name = f"loomline_test_{secrets.token_hex(6)}"
        source = sql.Identifier(_database_of(template) if template else "template1")
        self._execute(
            sql.SQL("create database {} owner {} template {}").format(
                sql.Identifier(name), sql.Identifier(self._owner), source
            )
        )
        return urlsplit(self.url)._replace(path=f"/{name}").geturl()

    def drop_database(self, url: str) -> None:
        """Drop it, whoever is still connected."""
        self._execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(_database_of(url))))

    def disconnect_all(self, url: str) -> None:
        """End every session of a database, as a drop with force would."""
        self._execute(
            sql.SQL("select pg_terminate_backend(pid) from pg_stat_activity where datname = {}").format(
                sql.Literal(_database_of(url))
            )
        )

    def superuser_url_of(self, url: str) -> str:
        """The same database as the server's superuser, for tests of what the plain role may not."""
        return urlsplit(self._superuser_url)._replace(path=urlsplit(url).path).geturl()

    def _execute(self, statement: sql.Composed) -> None:
        with psycopg.connect(self._superuser_url, autocommit=True) as connection:
            connection.execute(statement)


@contextlib.contextmanager
def a_postgres_server() -> Iterator[Server]:
    """The server that LOOMLINE_DATABASE_URL names (its role must be allowed to create databases), else an embedded one."""
    given = os.environ.get("LOOMLINE_DATABASE_URL")
    if given:
        yield Server(url=given, superuser_url=given, embedded=None)
        return
    with a_directory() as home:
        embedded = EmbeddedPostgres(home)
        try:
            url = embedded.start()
            yield Server(url=url, superuser_url=embedded.superuser_url, embedded=embedded)
        finally:
            embedded.stop()
            embedded.remove()


@contextlib.contextmanager
def a_migrated_database(server: Server, *, template: str | None = None) -> Iterator[str]:
    """A scratch database with our schema, made from the template or by migration."""
    url = server.create_database(template=template)
    try:
        if template is None:
            migrate.upgrade(url)
        yield url
    finally:
        server.drop_database(url)


class Scratchpads:
    """Migrated databases that are lent to one test after another: emptying one takes a tenth of the time of making one.

    Only for tests that leave the schema alone; others make a database of their own.
    """

    def __init__(self, server: Server, *, template: str) -> None:
        self._server = server
        self._template = template
        self._idle: list[str] = []
        self._all: list[str] = []

    @contextlib.contextmanager
    def lend(self) -> Iterator[str]:
        """The URL of an empty database with our schema."""
        url = self._idle.pop() if self._idle else self._make()
        try:
            yield url
        finally:
            self._server.disconnect_all(url)
            _empty(url)
            self._idle.append(url)

    def close(self) -> None:
        """Drop them all."""
        for url in self._all:
            self._server.drop_database(url)

    def _make(self) -> str:
        url = self._server.create_database(template=self._template)
        self._all.append(url)
        return url


def _empty(url: str) -> None:
    """Delete every row, what refers to others first; the database is at its newest revision again."""
    tables = [sql.Identifier(table.name) for table in reversed(metadata.sorted_tables)]
    statement = sql.SQL("; ").join(sql.SQL("delete from {}").format(table) for table in tables)
    with psycopg.connect(url) as connection:
        connection.execute(statement)
        connection.execute("delete from alembic_version")
        connection.execute("insert into alembic_version values (%s)", [migrate.head()])


@contextlib.contextmanager
def a_rabbitmq() -> Iterator[str]:
    """The broker that LOOMLINE_AMQP_URL names, else a private node."""
    given = os.environ.get("LOOMLINE_AMQP_URL")
    if given:
        yield given
        return
    node = PrivateRabbitMQ()
    try:
        yield node.start()
    finally:
        node.stop()


def forget(namespace: str, *, amqp_url: str) -> None:
    """Delete the namespace's queues and exchanges. To delete what is not there is no error for RabbitMQ."""
    connection = pika.BlockingConnection(pika.URLParameters(amqp_url))
    try:
        channel = connection.channel()
        for name in _names_of(namespace):
            channel.queue_delete(name)
            channel.exchange_delete(name)
    finally:
        connection.close()


@contextlib.contextmanager
def a_directory() -> Iterator[Path]:
    """A scratch directory that the plain user of an embedded PostgreSQL may enter, unlike pytest's own."""
    directory = Path(tempfile.mkdtemp(prefix="loomline-test-"))
    directory.chmod(0o755)
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def a_namespace() -> str:
    """A prefix that no other test uses."""
    return f"test-{secrets.token_hex(5)}"


class System:
    """A running Loomline: the processes that `up` starts, on a database of its own. Processes are called by kind or name."""

    def __init__(
        self,
        *,
        kind: str,
        database_url: str,
        home: Path,
        amqp_url: str = "",
        files_url: str = "",
        namespace: str | None = None,
    ) -> None:
        self.kind = kind
        self.database_url = database_url
        self.event_secret = "whsec_" + base64.b64encode(secrets.token_bytes(24)).decode()
        self.settings = settings.read(
            {
                "LOOMLINE_HOME": str(home),
                "LOOMLINE_PORT": str(free_port()),
                "LOOMLINE_DATABASE_URL": database_url,
                "LOOMLINE_AMQP_URL": amqp_url,
                "LOOMLINE_FILES_URL": files_url,
                "LOOMLINE_NAMESPACE": namespace or a_namespace(),
                "LOOMLINE_ADMIN_EMAIL": ADMIN_EMAIL,
                "LOOMLINE_EVENT_SECRET": self.event_secret,
                "LOOMLINE_WORKER_PROCESSES": "1",
            }
        )
        self.processes = ProcessSet(self.settings)
        self.url = self.processes.url
        self.client = httpx.Client(base_url=self.url, timeout=30)
        self.admin = httpx.Client(base_url=self.url, timeout=30)

    def start(self) -> None:
        """Start all processes and log the admin in."""
        self._make_admin()
        self.processes.start()
        if not self.processes.await_readiness(within=60):
            raise AssertionError(f"the system is not ready:\n{self.report()}")
        self.admin.headers["Authorization"] = f"Bearer {self.log_in(ADMIN_EMAIL, password=ADMIN_PASSWORD)}"

    def log_in(self, email: str, *, password: str) -> str:
        """The bearer token of an account."""
        answer = self.client.post("/auth/login", json={"email": email, "password": password})
        assert answer.status_code == 200, answer.text
        return str(answer.json()["token"])

    def stop(self) -> None:
        """Stop everything, and complain about a process that had to be killed."""
        self.client.close()
        self.admin.close()
        report, refused = self.report(), self.processes.stop()
        assert not refused, f"{', '.join(refused)} did not stop within {PATIENCE:.0f} s:\n{report}"

    def kill(self, name: str) -> None:
        """Kill -9 a process and its group. It stays down until `restart`."""
        self.processes.kill(name)

    def restart(self, name: str) -> None:
        """Start a process again; a running one is stopped cleanly first."""
        self.processes.restart(name)
        if name == "gateway":
            eventually(self.processes.is_ready, within=30)

    def report(self) -> str:
        """The ends of all logs."""
        return self.processes.report()

    def _make_admin(self) -> None:
        from shared.storage import directory

        engine = database.connect(self.database_url)
        try:
            directory.ensure_admin(engine, email=ADMIN_EMAIL, password=ADMIN_PASSWORD)
        finally:
            engine.dispose()


@contextlib.contextmanager
def a_system(kind: str, *, database_url: str, amqp_url: str, files_url: str = "") -> Iterator[System]:
    """A system on the embedded broker (no AMQP URL) or on RabbitMQ."""
    with a_directory() as home:
        system = System(kind=kind, database_url=database_url, home=home, amqp_url=amqp_url, files_url=files_url)
        try:
            system.start()
            yield system
        finally:
            system.stop()
            if amqp_url:
                forget(system.settings.namespace, amqp_url=amqp_url)


def _names_of(namespace: str) -> list[str]:
    rooms = [rabbitmq.queue_name(namespace, room) for room in (*Room, "dead")]
    return [
        *rooms,
        rabbitmq.events_exchange(namespace),
        commerce.exchange_name(namespace),
        *commerce.queue_names(namespace),
    ]


def _database_of(url: str) -> str:
    return urlsplit(url).path.removeprefix("/")
