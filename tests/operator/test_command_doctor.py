"""`loomline doctor` on real parts that are really wrong: it names the thing, says what to do, and ends with 4."""

import base64
import socket
from collections.abc import Iterator
from typing import Any

import pika
import psycopg
import pytest

from services.operator import migrate
from services.operator.children import free_port
from services.workers.brokers import rabbitmq as transport
from shared import queues
from shared.domain import commands
from shared.storage import alarms, directory
from shared.storage import database as databases
from tests import places
from tests.operator.command import Commander, a_dead_letter
from tests.places import System
from tests.workshop import TestBench

SECRET = "whsec_" + base64.b64encode(b"s" * 32).decode()


@pytest.fixture(autouse=True)
def well(loomline: Commander) -> None:
    """Settings with which nothing is wrong."""
    loomline.environment |= {
        "LOOMLINE_PORT": str(free_port()),
        "LOOMLINE_EVENT_SECRET": SECRET,
        "LOOMLINE_LINK_SECRET": "l" * 40,
        "LOOMLINE_PUBLIC_URL": "https://loomline.example.org",
    }


@pytest.fixture
def unmigrated(postgres: places.Server) -> Iterator[str]:
    """A database without our schema."""
    url = postgres.create_database()
    yield url
    postgres.drop_database(url)


def findings(loomline: Commander, *, code: int) -> dict[str, dict[str, Any]]:
    """What the doctor found, by name. Whatever is not ok says what to do."""
    ended = loomline.run("doctor", "--json")
    assert ended.code == code, ended.stdout + ended.stderr
    assert ended.json["healthy"] is (code == 0)
    found = {finding["name"]: finding for finding in ended.json["findings"]}
    assert all(finding["fix"] for finding in found.values() if finding["standing"] != "ok")
    return found


def wrong(loomline: Commander, name: str) -> str:
    """The sentence and the fix of what is wrong, and nothing else is."""
    found = findings(loomline, code=4)
    assert [each["name"] for each in found.values() if each["standing"] == "wrong"] == [name]
    return f"{found[name]['detail']} → {found[name]['fix']}"


def test_all_is_well_in_a_house_at_work(shared_system: System) -> None:
    settings = shared_system.settings
    with places.a_directory() as home:
        loomline = Commander(
            home,
            DATABASE_URL=settings.database_url,
            AMQP_URL=settings.amqp_url,
            NAMESPACE=settings.namespace,
            PORT=str(settings.port),
            EVENT_SECRET=SECRET,
            LINK_SECRET="l" * 40,
            PUBLIC_URL="https://loomline.example.org",
        )

        ended = loomline.process("doctor", "--json")

    assert ended.code == 0, ended
    assert [each for each in ended.json["findings"] if each["standing"] != "ok"] == []
    told = {each["name"]: each["detail"] for each in ended.json["findings"]}
    assert "is ready" in told["port"]
    assert told["processes"] == f"A {'relay' if settings.amqp_url else 'worker'} and a sweeper are connected."
    assert ("queues" in told) == ("workers" in told) == bool(settings.amqp_url)


def test_people_read_a_line_each_and_the_sum(loomline: Commander) -> None:
    ended = loomline.process("doctor")

    assert ended.code == 0, ended
    assert "ok       schema: The schema is at" in ended.stdout
    assert "warning  processes: No worker and no sweeper is connected" in ended.stdout
    assert "→ Start Loomline by `loomline up`" in ended.stdout
    assert "0 wrong." in ended.stderr


def test_a_setting_that_cannot_be_read(loomline: Commander) -> None:
    loomline.environment["LOOMLINE_PROT"] = "1"

    assert "LOOMLINE_PROT is not a setting" in wrong(loomline, "settings")


def test_a_wrong_password_of_the_database(loomline: Commander, postgres: places.Server) -> None:
    role, _, rest = postgres.url.partition("://")[2].partition(":")
    loomline.environment["LOOMLINE_DATABASE_URL"] = f"postgresql://{role}:hunter2@{rest.rpartition('@')[2]}"

    said = wrong(loomline, "database")

    assert "refuses this user or password" in said
    assert "LOOMLINE_DATABASE_URL" in said
    assert "hunter2" not in said


def test_a_database_that_is_away(loomline: Commander) -> None:
    loomline.environment["LOOMLINE_DATABASE_URL"] = f"postgresql://me@127.0.0.1:{free_port()}/x"

    assert "no PostgreSQL answers" in wrong(loomline, "database")


def test_a_database_without_migrations(loomline: Commander, unmigrated: str) -> None:
    loomline.environment["LOOMLINE_DATABASE_URL"] = unmigrated

    said = wrong(loomline, "schema")
    listed = loomline.run("runs", "list", "--json")
    migrated = loomline.process("migrate", "--json")

    assert "loomline migrate" in said
    assert listed.code == 3
    assert "Run `loomline migrate`" in listed.json["problem"]["detail"]
    assert migrated.json == {"changed": True, "revision": migrate.head()}
    assert findings(loomline, code=0)["schema"]["standing"] == "ok"


def test_a_database_that_forgets_what_it_committed(
    loomline: Commander, postgres: places.Server, unmigrated: str
) -> None:
    migrate.upgrade(unmigrated)
    name = unmigrated.rpartition("/")[2]
    with psycopg.connect(postgres.superuser_url_of(unmigrated), autocommit=True) as connection:
        connection.execute(f"alter database {name} set synchronous_commit to off")
    loomline.environment["LOOMLINE_DATABASE_URL"] = unmigrated

    assert "synchronous_commit is off" in wrong(loomline, "durability")


def test_a_role_that_may_not_write(loomline: Commander, postgres: places.Server, unmigrated: str) -> None:
    migrate.upgrade(unmigrated)
    with psycopg.connect(unmigrated) as connection:
        connection.execute("revoke insert on message from current_user")
        connection.execute("revoke select on delivery from current_user")
    loomline.environment["LOOMLINE_DATABASE_URL"] = unmigrated

    said = wrong(loomline, "rights")

    assert "delivery, message" in said
    assert "GRANT" in said


def test_a_broker_that_is_away(loomline: Commander) -> None:
    loomline.environment["LOOMLINE_AMQP_URL"] = f"amqp://me:hunter2@127.0.0.1:{free_port()}/"

    said = wrong(loomline, "broker")

    assert "no RabbitMQ answers" in said
    assert "hunter2" not in said


def test_queues_are_ours_missing_or_strange(loomline: Commander, rabbitmq: str, namespace: str) -> None:
    loomline.environment |= {"LOOMLINE_AMQP_URL": rabbitmq, "LOOMLINE_NAMESPACE": namespace}
    missing = findings(loomline, code=0)["queues"]
    transport.declare_queues(rabbitmq, namespace)
    declared = findings(loomline, code=0)
    ours = declared["queues"]
    connection = pika.BlockingConnection(pika.URLParameters(rabbitmq))
    name = queues.queue_name(namespace, "orders")
    connection.channel().queue_delete(name)
    connection.channel().queue_declare(name, durable=True)
    connection.close()

    said = wrong(loomline, "queues")

    assert (missing["standing"], ours["standing"]) == ("warning", "ok")
    assert "not there yet" in missing["detail"]
    assert "Nobody consumes the queues of orders" in declared["workers"]["detail"]
    assert said.startswith(f"{name} has other arguments")


@pytest.mark.parametrize("where", ["file:///proc/loomline", "file:///dev/null/files"])
def test_a_file_store_that_nobody_may_write(loomline: Commander, where: str) -> None:
    loomline.environment["LOOMLINE_FILES_URL"] = where

    said = wrong(loomline, "files")

    assert where in said
    assert "LOOMLINE_FILES_URL" in said


def test_a_secret_that_cannot_be_used(loomline: Commander) -> None:
    loomline.environment["LOOMLINE_EVENT_SECRET"] = "whsec_tooshort"

    said = wrong(loomline, "event secret")

    assert "16 bytes" in said
    assert "tooshort" not in said


def test_a_port_that_somebody_else_has(loomline: Commander) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        loomline.environment["LOOMLINE_PORT"] = str(other.getsockname()[1])
        other.close()
        with socket.create_server(other_address := ("127.0.0.1", int(loomline.environment["LOOMLINE_PORT"]))) as taken:
            taken.listen(1)
            said = wrong(loomline, "port")

    assert str(other_address[1]) in said
    assert "LOOMLINE_PORT" in said


def test_an_address_that_nobody_can_open(loomline: Commander) -> None:
    loomline.environment["LOOMLINE_PUBLIC_URL"] = "http://0.0.0.0:8080"

    assert "LOOMLINE_PUBLIC_URL" in wrong(loomline, "public URL")


def test_a_dead_letter(loomline: Commander, bench: TestBench) -> None:
    a_dead_letter(bench, bench.post(commands.RetryLine(line_id="x")))

    assert "loomline dead-letters list" in wrong(loomline, "dead letters")


def test_something_due_that_nobody_hands_out(loomline: Commander, bench: TestBench) -> None:
    bench.post(commands.RetryLine(line_id="x"))
    bench.change("UPDATE delivery SET next_at = now() - interval '2 minutes'")

    assert "Start workers" in wrong(loomline, "ledger")


def test_a_stopped_sweep_until_it_is_released(loomline: Commander, bench: TestBench) -> None:
    bench.change("INSERT INTO alarm (name, detail) VALUES (:name, 'it would end 40 waits')", name=alarms.MASS_LAPSE)

    said = wrong(loomline, "alarm mass_lapse")
    loomline.done("release-sweep", "--minutes", "5")

    assert "loomline release-sweep" in said
    findings(loomline, code=0)


def test_a_broken_promise_names_its_offenders(loomline: Commander, bench: TestBench) -> None:
    run_id = bench.a_sent_run()
    bench.change("DELETE FROM timer WHERE run_id = :id", id=run_id)

    assert run_id in wrong(loomline, "invariant waits_without_a_timer")


def test_nobody_who_can_sign_in(loomline: Commander, database: str) -> None:
    before = findings(loomline, code=0)["admin"]
    engine = databases.connect(database)
    directory.ensure_admin(engine, email="boss@house.example", password="a long password")
    engine.dispose()

    assert before["standing"] == "warning"
    assert findings(loomline, code=0)["admin"]["standing"] == "ok"
