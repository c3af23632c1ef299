"""The queues as RabbitMQ has them, and bodies that are none of ours."""

import contextlib
import threading

import dramatiq
import pika
import pytest

from services.workers.brokers import rabbitmq as transport
from shared.routing import Room
from tests.messaging.notes import at_work
from tests.places import eventually


def a_body(*, room="effects", actor="write_note", args=(1,), **options):
    return dramatiq.Message(queue_name=room, actor_name=actor, args=args, kwargs={}, options=options).encode()


STRANGE = {
    "no JSON": b"\x00garbage",
    "JSON of another kind": b'["a"]',
    "another room": a_body(room="elsewhere"),
    "no delivery id": a_body(args=("one",)),
    "too many arguments": a_body(args=(1, 2)),
    "an actor that is no name": b'{"queue_name":"effects","actor_name":["a"],"args":[1],"kwargs":{},"options":{}}',
    "a wish to be delayed": a_body(eta=99_999_999_999_999),
}


@pytest.mark.parametrize("body", STRANGE.values(), ids=STRANGE.keys())
def test_a_strange_body_ends_in_the_dead_letter_queue(notebook, rabbitmq, queues, channel, body):
    notebook.post()
    effects = transport.queue_name(queues, "effects")
    channel.basic_publish("", effects, body)
    channel.basic_publish("", effects, a_body(args=(notebook.posted()[0],)))

    with at_work(transport.Broker(rabbitmq, namespace=queues), notebook, threads=1):
        eventually(lambda: len(notebook.notes()) == 1)
        _, _, dead = eventually(lambda: _get(channel, transport.dead_letter_queue(queues)))

    assert dead == body


def test_a_ring_for_an_unknown_actor_is_no_dead_letter(notebook, rabbitmq, queues, channel):
    effects = transport.queue_name(queues, "effects")
    channel.basic_publish("", effects, a_body(actor="write_tomorrow"))

    with at_work(transport.Broker(rabbitmq, namespace=queues), notebook):
        eventually(lambda: channel.queue_declare(effects, passive=True).method.message_count == 0)

    assert channel.basic_get(effects)[0] is None
    assert channel.basic_get(transport.dead_letter_queue(queues))[0] is None


def test_a_ring_that_comes_back_many_times_is_not_given_up(rabbitmq, queues, channel):
    """RabbitMQ 4 dead-letters after 20 returns by default, and 3.10 takes -1 for "at the first"."""
    effects = transport.queue_name(queues, "effects")
    channel.basic_publish("", effects, b"ring")

    for _ in range(25):
        method, _, _ = eventually(lambda: _get(channel, effects, auto_ack=False))
        channel.basic_nack(method.delivery_tag, requeue=True)

    assert eventually(lambda: _get(channel, effects))[2] == b"ring"


def test_the_actor_hears_that_a_ring_was_handed_out_before(notebook, rabbitmq, queues, channel):
    notebook.post(2)
    effects = transport.queue_name(queues, "effects")
    first, second = notebook.posted()
    channel.basic_publish("", effects, a_body(args=(first,)))
    method, _, _ = eventually(lambda: _get(channel, effects, auto_ack=False))
    channel.basic_nack(method.delivery_tag, requeue=True)

    with at_work(transport.Broker(rabbitmq, namespace=queues), notebook, threads=1):
        eventually(lambda: notebook.notes() == [first])
        channel.basic_publish("", effects, a_body(args=(second,)))
        eventually(lambda: notebook.notes() == [first, second])

    assert notebook.redelivered == [True, False]


def test_a_stopped_worker_leaves_what_it_has_not_begun(notebook, rabbitmq, queues, channel):
    notebook.post(6)
    go_on, begun = threading.Event(), threading.Event()
    notebook.hold = lambda _: begun.set() or go_on.wait(10)
    effects = transport.queue_name(queues, "effects")
    for delivery_id in notebook.posted():
        channel.basic_publish("", effects, a_body(args=(delivery_id,)))

    with at_work(transport.Broker(rabbitmq, namespace=queues), notebook, threads=1):
        assert begun.wait(5)
        threading.Timer(0.3, go_on.set).start()

    assert len(notebook.notes()) == 1
    eventually(lambda: channel.queue_declare(effects, passive=True).method.message_count == 5)


def test_there_are_only_the_rooms_and_one_dead_letter_queue(notebook, rabbitmq, namespace, channel):
    with at_work(transport.Broker(rabbitmq, namespace=namespace), notebook):
        for name in [*Room, "dead"]:
            eventually(lambda name=name: _exists(rabbitmq, transport.queue_name(namespace, name)))

    assert not _exists(rabbitmq, transport.queue_name(namespace, "effects") + ".DQ")
    assert not _exists(rabbitmq, transport.queue_name(namespace, "effects") + ".XQ")


def test_queues_that_are_not_ours_are_refused_with_a_sentence(rabbitmq, namespace, channel):
    channel.queue_declare(transport.queue_name(namespace, "orders"), durable=True)

    with pytest.raises(transport.QueueMismatch, match="LOOMLINE_NAMESPACE"):
        transport.declare_queues(rabbitmq, namespace)


def test_ringing_is_the_relays_business(rabbitmq, namespace):
    broker = transport.Broker(rabbitmq, namespace=namespace)

    with pytest.raises(NotImplementedError, match="ledger"):
        broker.enqueue(dramatiq.Message("effects", "write_note", (1,), {}, {}))


def _get(channel, queue, *, auto_ack=True):
    method, properties, body = channel.basic_get(queue, auto_ack=auto_ack)
    return (method, properties, body) if method else False


def _exists(url, queue):
    connection = pika.BlockingConnection(pika.URLParameters(url))
    with contextlib.closing(connection):
        try:
            connection.channel().queue_declare(queue, passive=True)
        except pika.exceptions.ChannelClosedByBroker:
            return False
    return True
