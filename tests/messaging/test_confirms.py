"""Publishing in batches: what is confirmed is stored, and what is not confirmed is said to be not."""

import threading

from services.workers.brokers.confirms import Publisher
from services.workers.brokers.rabbitmq import queue_name
from tests.messaging.wire import Wire
from tests.places import eventually


def test_a_batch_is_confirmed_and_stored_in_order(rabbitmq, queues, channel):
    orders = queue_name(queues, "orders")

    with Publisher(rabbitmq) as publisher:
        eventually(lambda: publisher.is_ready)
        confirmed = publisher.publish([(orders, str(n).encode()) for n in range(250)])

    assert confirmed == set(range(250))
    bodies = [channel.basic_get(orders, auto_ack=True)[2] for _ in range(250)]
    assert bodies == [str(n).encode() for n in range(250)]


def test_messages_survive_a_restart_of_the_broker(rabbitmq, queues, channel):
    with Publisher(rabbitmq) as publisher:
        eventually(lambda: publisher.is_ready)
        publisher.publish([(queue_name(queues, "orders"), b"kept")])

    properties = channel.basic_get(queue_name(queues, "orders"), auto_ack=True)[1]
    assert properties.delivery_mode == 2


def test_what_cannot_be_routed_is_not_confirmed(rabbitmq, queues):
    orders = queue_name(queues, "orders")

    with Publisher(rabbitmq) as publisher:
        eventually(lambda: publisher.is_ready)
        confirmed = publisher.publish([(orders, b"a"), ("nowhere-at-all", b"b"), (orders, b"c")])

    assert confirmed == {0, 2}


def test_an_empty_batch_confirms_nothing(rabbitmq):
    with Publisher(rabbitmq) as publisher:
        eventually(lambda: publisher.is_ready)

        assert publisher.publish([]) == set()


def test_while_the_broker_is_away_nothing_is_confirmed_and_nobody_waits(wire):
    wire.cut()

    with Publisher(wire.url) as publisher:
        assert not publisher.is_ready
        assert publisher.publish([("anywhere", b"a")]) == set()


def test_a_cut_connection_is_opened_again_and_counted(wire, queues):
    orders = queue_name(queues, "orders")
    changes = []

    with Publisher(wire.url, on_change=lambda: changes.append(1)) as publisher:
        eventually(lambda: publisher.epoch == 1)
        wire.cut()
        eventually(lambda: not publisher.is_ready)
        wire.mend()
        eventually(lambda: publisher.epoch == 2)
        confirmed = publisher.publish([(orders, b"a")])

    assert confirmed == {0}
    assert len(changes) >= 3


def test_a_connection_cut_in_mid_batch_ends_the_wait_with_what_was_confirmed(wire, queues, channel):
    orders = queue_name(queues, "orders")
    batch = [(orders, b"x" * 10_000)] * 20_000

    with Publisher(wire.url) as publisher:
        eventually(lambda: publisher.is_ready)
        threading.Timer(0.2, wire.cut).start()
        confirmed = publisher.publish(batch, timeout=60)

    stored = channel.queue_declare(orders, passive=True).method.message_count
    assert len(confirmed) < len(batch)
    assert len(confirmed) <= stored


def test_a_publisher_stops_while_it_waits_for_a_broker(wire: Wire):
    wire.cut()
    publisher = Publisher(wire.url)
    publisher.__enter__()

    publisher.close()

    assert not any(thread.name == "publisher" for thread in threading.enumerate())
