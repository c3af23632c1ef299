"""The relay on a real RabbitMQ: every posted delivery is carried out once, whatever becomes of the queues in between."""

import pytest

from services.workers.brokers import rabbitmq as transport
from shared.routing import Room
from tests.messaging.notes import at_work, relaying
from tests.places import eventually


def test_what_is_posted_is_carried_out_once(notebook, rabbitmq, namespace):
    broker = transport.Broker(rabbitmq, namespace=namespace)

    with relaying(notebook, amqp_url=rabbitmq, namespace=namespace), at_work(broker, notebook):
        notebook.post(100)
        eventually(lambda: len(notebook.notes()) == 100)

    assert sorted(notebook.notes()) == notebook.posted()
    assert not any(notebook.redelivered)


def test_a_note_is_written_within_moments_of_its_posting(notebook, rabbitmq, namespace):
    broker = transport.Broker(rabbitmq, namespace=namespace)

    with relaying(notebook, amqp_url=rabbitmq, namespace=namespace), at_work(broker, notebook):
        notebook.post()
        eventually(lambda: len(notebook.notes()) == 1)
        for n in range(2, 6):
            notebook.post()
            eventually(lambda n=n: len(notebook.notes()) == n, within=0.4, every=0.01)


def test_two_relays_ring_once_for_each(notebook, rabbitmq, queues, channel):
    with (
        relaying(notebook, amqp_url=rabbitmq, namespace=queues),
        relaying(notebook, amqp_url=rabbitmq, namespace=queues),
    ):
        notebook.post(200)
        eventually(lambda: len(notebook.leased()) == 200)

    bodies = [channel.basic_get(transport.queue_name(queues, "effects"), auto_ack=True)[2] for _ in range(200)]
    assert len(set(bodies)) == 200
    assert channel.basic_get(transport.queue_name(queues, "effects"))[0] is None


def test_deliveries_of_one_lane_are_carried_out_in_their_order(notebook, rabbitmq, namespace):
    broker = transport.Broker(rabbitmq, namespace=namespace)
    for _ in range(10):
        notebook.post(lane="run_a")
        notebook.post(lane="run_b", actor="write_order")

    with relaying(notebook, amqp_url=rabbitmq, namespace=namespace), at_work(broker, notebook):
        eventually(lambda: len(notebook.notes()) == 20)

    odd, even = [n for n in notebook.notes() if n % 2], [n for n in notebook.notes() if n % 2 == 0]
    assert odd == sorted(odd)
    assert even == sorted(even)


def test_a_purged_queue_is_rung_again_when_the_leases_end(notebook, rabbitmq, queues, channel):
    with relaying(notebook, amqp_url=rabbitmq, namespace=queues):
        notebook.post(50)
        eventually(lambda: len(notebook.leased()) == 50)
        channel.queue_purge(transport.queue_name(queues, "effects"))
        notebook.end_leases()

        with at_work(transport.Broker(rabbitmq, namespace=queues), notebook):
            eventually(lambda: len(notebook.notes()) == 50)

    assert sorted(notebook.notes()) == notebook.posted()


def test_what_a_wiped_broker_forgot_is_rung_again_as_soon_as_it_is_back(notebook, wire, queues, channel):
    with relaying(notebook, amqp_url=wire.url, namespace=queues):
        notebook.post(50)
        eventually(lambda: len(notebook.leased()) == 50)
        wire.cut()
        for room in Room:
            channel.queue_delete(transport.queue_name(queues, room))
        wire.mend()

        with at_work(transport.Broker(wire.url, namespace=queues), notebook):
            eventually(lambda: len(notebook.notes()) == 50)

    assert sorted(notebook.notes()) == notebook.posted()


def test_a_deleted_queue_comes_back_and_what_it_could_not_take_is_rung_again_at_once(
    notebook, rabbitmq, queues, channel
):
    with relaying(notebook, amqp_url=rabbitmq, namespace=queues):
        notebook.post()
        eventually(lambda: len(notebook.leased()) == 1)
        channel.queue_delete(transport.queue_name(queues, "effects"))
        notebook.post(5)

        with at_work(transport.Broker(rabbitmq, namespace=queues), notebook):
            eventually(lambda: sorted(notebook.notes()) == notebook.posted()[1:])
            notebook.end_leases()
            eventually(lambda: sorted(notebook.notes()) == notebook.posted())


def test_while_the_broker_is_away_posting_goes_on_and_no_lease_is_taken(notebook, wire, namespace):
    with (
        relaying(notebook, amqp_url=wire.url, namespace=namespace),
        at_work(transport.Broker(wire.url, namespace=namespace), notebook),
    ):
        notebook.post()
        eventually(lambda: len(notebook.notes()) == 1)
        wire.cut()
        eventually(lambda: notebook.post() or len(notebook.due()) >= 20)
        assert notebook.leased() == []
        wire.mend()
        eventually(lambda: sorted(notebook.notes()) == notebook.posted(), within=20)


def test_broken_database_sessions_are_opened_again(notebook, rabbitmq, namespace):
    with (
        relaying(notebook, amqp_url=rabbitmq, namespace=namespace),
        at_work(transport.Broker(rabbitmq, namespace=namespace), notebook),
    ):
        notebook.post()
        eventually(lambda: len(notebook.notes()) == 1)
        notebook.break_sessions()
        notebook.post(5)
        eventually(lambda: sorted(notebook.notes()) == notebook.posted())


def test_the_next_relay_rings_again_for_what_the_last_one_left_undone(notebook, rabbitmq, queues, channel):
    with relaying(notebook, amqp_url=rabbitmq, namespace=queues):
        notebook.post(5)
        eventually(lambda: len(notebook.leased()) == 5)
    channel.queue_purge(transport.queue_name(queues, "effects"))

    with (
        relaying(notebook, amqp_url=rabbitmq, namespace=queues),
        at_work(transport.Broker(rabbitmq, namespace=queues), notebook),
    ):
        eventually(lambda: sorted(notebook.notes()) == notebook.posted())


def test_an_actor_that_the_relay_does_not_know_waits(notebook, rabbitmq, namespace):
    with (
        relaying(notebook, amqp_url=rabbitmq, namespace=namespace),
        at_work(transport.Broker(rabbitmq, namespace=namespace), notebook),
    ):
        notebook.post(actor="write_tomorrow")
        notebook.post()
        eventually(lambda: len(notebook.notes()) == 1)

    assert notebook.due() == notebook.posted()[:1]


def test_a_room_that_is_full_gets_no_more_than_its_credit(notebook, rabbitmq, queues, monkeypatch):
    monkeypatch.setattr("services.workers.relay.CREDIT", 20)
    monkeypatch.setattr("services.workers.relay.BATCH", 10)
    notebook.post(60)

    with relaying(notebook, amqp_url=rabbitmq, namespace=queues):
        eventually(lambda: len(notebook.leased()) >= 20)
        notebook.post(actor="write_order")
        eventually(lambda: notebook.posted()[-1] in notebook.leased())
        assert len(notebook.leased()) <= 31

        with at_work(transport.Broker(rabbitmq, namespace=queues), notebook):
            eventually(lambda: len(notebook.notes()) == 61)


@pytest.mark.parametrize("stops", [True, False])
def test_a_worker_without_a_broker_waits_for_it_and_may_be_stopped(notebook, wire, namespace, stops):
    wire.cut()

    with at_work(transport.Broker(wire.url, namespace=namespace), notebook):
        if stops:
            return
        wire.mend()
        with relaying(notebook, amqp_url=wire.url, namespace=namespace):
            notebook.post()
            eventually(lambda: len(notebook.notes()) == 1, within=20)
