"""Broadcast: a plain AMQP consumer gets every event as a CloudEvent in binary mode; a broker that is away delays, never loses."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pika
import pytest

from services.workers.brokers import rabbitmq as brokers
from services.workers.herald import Herald
from shared.runtime import settings
from shared.storage import feed
from tests.actors.steps import complete_by_milestones
from tests.messaging.wire import Wire
from tests.news.house import PressOffice
from tests.places import eventually


@contextmanager
def a_herald(office: PressOffice, *, amqp_url: str, namespace: str, home: Path) -> Iterator[Herald]:
    """A running herald that publishes."""
    chosen = settings.read(
        {
            "LOOMLINE_HOME": str(home),
            "LOOMLINE_DATABASE_URL": office.bench.url,
            "LOOMLINE_AMQP_URL": amqp_url,
            "LOOMLINE_NAMESPACE": namespace,
            "LOOMLINE_PUBLIC_URL": "https://loom.test",
        }
    )
    with Herald(chosen) as herald:
        thread = threading.Thread(target=herald.run)
        thread.start()
        try:
            yield herald
        finally:
            herald.stop()
            thread.join()


class Listener:
    """Somebody else's queue at the exchange, read with plain pika."""

    def __init__(self, url: str, *, namespace: str, key: str = "#") -> None:
        brokers.declare_events_exchange(url, namespace)
        self.connection = pika.BlockingConnection(pika.URLParameters(url))
        self.channel = self.connection.channel()
        self.queue = self.channel.queue_declare("", exclusive=True).method.queue
        self.channel.queue_bind(self.queue, exchange=f"{namespace}.events", routing_key=key)
        self.heard: list[tuple[Any, pika.BasicProperties, Any]] = []

    def listen(self) -> list[tuple[Any, pika.BasicProperties, Any]]:
        while True:
            method, properties, body = self.channel.basic_get(self.queue, auto_ack=True)
            if method is None:
                return self.heard
            self.heard.append((method, properties, msgspec.json.decode(body)))

    def ids(self) -> list[str]:
        return [properties.headers["cloudEvents:id"] for _, properties, _ in self.listen()]


@contextmanager
def a_listener(url: str, *, namespace: str, key: str = "#") -> Iterator[Listener]:
    listener = Listener(url, namespace=namespace, key=key)
    try:
        yield listener
    finally:
        listener.connection.close()


def test_a_plain_consumer_gets_completed_with_its_headers(
    office: PressOffice, rabbitmq: str, namespace: str, tmp_path: Path
) -> None:
    with (
        a_listener(rabbitmq, namespace=namespace, key="production_run.completed") as listener,
        a_herald(office, amqp_url=rabbitmq, namespace=namespace, home=tmp_path),
    ):
        eventually(lambda: office.bench.value("SELECT count(*) FROM feed WHERE name = 'amqp'") == 1)
        run = office.bench.a_sent_run()
        complete_by_milestones(office.bench, run)
        of_the_run = eventually(
            lambda: [each for each in listener.listen() if each[2]["production_run_id"] == run] or False
        )

    ((method, properties, data),) = of_the_run
    number = office.bench.events(run).index("production_run.completed") + 1
    assert method.routing_key == "production_run.completed"
    assert method.exchange == f"{namespace}.events"
    assert properties.content_type == "application/json"
    assert properties.delivery_mode == 2
    headers = properties.headers
    assert headers["cloudEvents:specversion"] == "1.0"
    assert headers["cloudEvents:type"] == "com.loomline.production_run.completed.v1"
    assert headers["cloudEvents:source"] == "https://loom.test"
    assert headers["cloudEvents:subject"] == run
    assert headers["cloudEvents:id"] == properties.message_id == office.events_of(run)[number - 1]
    assert headers["cloudEvents:sequence"] == f"{number:010}"
    assert headers["cloudEvents:causationid"]
    assert headers["cloudEvents:time"].endswith("Z")
    assert data["production_run_id"] == run


def test_a_broker_that_is_away_delays_and_loses_nothing(
    office: PressOffice, rabbitmq: str, namespace: str, tmp_path: Path
) -> None:
    wire = Wire(rabbitmq)
    with (
        a_listener(rabbitmq, namespace=namespace) as listener,
        a_herald(office, amqp_url=wire.url, namespace=namespace, home=tmp_path),
    ):
        eventually(lambda: office.bench.value("SELECT count(*) FROM feed WHERE name = 'amqp'") == 1)
        run = office.bench.a_sent_run()
        for number in range(30):
            if number % 10 == 3:
                wire.cut()
            if number % 10 == 7:
                wire.mend()
            office.a_note(run, f"note {number}")
        eventually(lambda: set(office.events_of(run)) <= set(listener.ids()), within=30)
    wire.cut()


def test_what_is_not_confirmed_is_published_again(
    office: PressOffice, rabbitmq: str, namespace: str, tmp_path: Path
) -> None:
    with (
        a_listener(rabbitmq, namespace=namespace) as listener,
        a_herald(office, amqp_url=rabbitmq, namespace=namespace, home=tmp_path),
    ):
        eventually(lambda: office.bench.value("SELECT count(*) FROM feed WHERE name = 'amqp'") == 1)
        full = listener.channel.queue_declare(
            "", exclusive=True, arguments={"x-max-length": 1, "x-overflow": "reject-publish"}
        ).method.queue
        listener.channel.queue_bind(full, exchange=f"{namespace}.events", routing_key="#")
        listener.channel.queue_unbind(listener.queue, exchange=f"{namespace}.events", routing_key="#")
        run = office.bench.a_sent_run()
        eventually(lambda: listener.channel.queue_declare(full, passive=True).method.message_count == 1)
        for _ in range(5):
            office.a_note(run)
        assert not _is_up_to_date(office)

        listener.channel.queue_bind(listener.queue, exchange=f"{namespace}.events", routing_key="#")
        listener.channel.queue_delete(full)

        eventually(lambda: set(office.events_of(run)) <= set(listener.ids()))
        eventually(lambda: _is_up_to_date(office))


def test_an_exchange_that_was_deleted_comes_back(
    office: PressOffice, rabbitmq: str, namespace: str, tmp_path: Path
) -> None:
    with a_herald(office, amqp_url=rabbitmq, namespace=namespace, home=tmp_path):
        eventually(lambda: office.bench.value("SELECT count(*) FROM feed WHERE name = 'amqp'") == 1)
        with a_listener(rabbitmq, namespace=namespace) as first:
            run = office.bench.a_sent_run()
            eventually(lambda: set(office.events_of(run)) <= set(first.ids()))
            first.channel.exchange_delete(f"{namespace}.events")
        office.a_note(run, "while it was away")
        with a_listener(rabbitmq, namespace=namespace) as second:

            def is_heard() -> bool:
                office.a_note(run, "again")
                return office.events_of(run)[-2] in second.ids()

            eventually(is_heard, within=30, every=0.5)


def test_what_is_published_while_nobody_listens_holds_nothing_up(
    office: PressOffice, rabbitmq: str, namespace: str, tmp_path: Path
) -> None:
    with a_herald(office, amqp_url=rabbitmq, namespace=namespace, home=tmp_path):
        eventually(lambda: office.bench.value("SELECT count(*) FROM feed WHERE name = 'amqp'") == 1)
        run = office.bench.a_sent_run()
        eventually(lambda: _is_up_to_date(office))
        with a_listener(rabbitmq, namespace=namespace) as listener:
            office.a_note(run)
            eventually(lambda: listener.ids() == office.events_of(run)[-1:])


def _is_up_to_date(office: PressOffice) -> bool:
    with office.bench.engine.connect() as connection:
        return feed.lags(connection)[feed.AMQP] == 0.0


@pytest.mark.slow
def test_ten_thousand_events_are_published_in_batches(
    office: PressOffice, rabbitmq: str, namespace: str, tmp_path: Path
) -> None:
    with a_herald(office, amqp_url=rabbitmq, namespace=namespace, home=tmp_path):
        eventually(lambda: office.bench.value("SELECT count(*) FROM feed WHERE name = 'amqp'") == 1)
        with a_listener(rabbitmq, namespace=namespace) as listener:
            office.bench.change(
                """INSERT INTO message (id, kind, version, body, actor, correlation)
                   SELECT 'm' || n, 'order.received', 1, '{}', '{"kind": "system"}', 'm' || n FROM generate_series(1, 10000) n"""
            )
            eventually(lambda: len(listener.ids()) >= 10_000, within=60)
            assert len(set(listener.ids())) == 10_000
