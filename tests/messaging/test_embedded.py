"""The broker over the ledger: the same promises without RabbitMQ."""

import threading

import dramatiq
import psycopg
import pytest
from dramatiq.errors import QueueNotFound

from services.workers.brokers import embedded
from tests.messaging.notes import at_work
from tests.places import eventually


def test_what_is_posted_is_carried_out_once(notebook):
    notebook.post(30)

    with at_work(embedded.Broker(notebook.url), notebook):
        notebook.post(70)
        eventually(lambda: len(notebook.notes()) == 100)

    assert sorted(notebook.notes()) == notebook.posted()


def test_a_note_is_written_within_moments_of_its_posting(notebook):
    with at_work(embedded.Broker(notebook.url), notebook):
        notebook.post()
        eventually(lambda: len(notebook.notes()) == 1)
        for n in range(2, 6):
            notebook.post()
            eventually(lambda n=n: len(notebook.notes()) == n, within=0.4, every=0.01)


def test_a_process_holds_no_more_than_its_threads_soon_get_to(notebook):
    notebook.post(50)
    go_on = threading.Event()
    notebook.hold = lambda _: go_on.wait(10)

    with at_work(embedded.Broker(notebook.url), notebook, threads=2):
        eventually(lambda: len(notebook.leased()) == 2 * embedded.SLOTS_PER_THREAD)
        go_on.set()
        eventually(lambda: len(notebook.notes()) == 50)

    assert sorted(notebook.notes()) == notebook.posted()


def test_a_stopped_worker_gives_back_what_it_has_not_begun(notebook):
    notebook.post(20)
    go_on, begun = threading.Event(), threading.Event()
    notebook.hold = lambda _: begun.set() or go_on.wait(10)

    with at_work(embedded.Broker(notebook.url), notebook, threads=1):
        assert begun.wait(5)
        eventually(lambda: len(notebook.leased()) == embedded.SLOTS_PER_THREAD)
        threading.Timer(0.3, go_on.set).start()

    done = len(notebook.notes())
    assert done >= 1
    assert notebook.leased() == []
    assert len(notebook.due()) == 20 - done


def test_an_actor_that_nobody_knows_yet_waits(notebook):
    with at_work(embedded.Broker(notebook.url), notebook):
        notebook.post(actor="write_tomorrow")
        notebook.post()
        eventually(lambda: len(notebook.notes()) == 1)

    assert notebook.due() == notebook.posted()[:1]


def test_two_workers_never_carry_out_one_lane_at_the_same_time(notebook):
    lanes = [f"run_{n}" for n in range(5)]
    for _ in range(8):
        for lane in lanes:
            notebook.post(lane=lane)
    lane_of = {delivery_id: lanes[n % 5] for n, delivery_id in enumerate(notebook.posted())}
    busy, clashes, lock = set(), [], threading.Lock()

    def hold(delivery_id):
        with lock:
            clashes.extend([delivery_id] if lane_of[delivery_id] in busy else [])
            busy.add(lane_of[delivery_id])
        threading.Event().wait(0.005)
        with lock:
            busy.discard(lane_of[delivery_id])

    notebook.hold = hold
    with at_work(embedded.Broker(notebook.url), notebook), at_work(embedded.Broker(notebook.url), notebook):
        eventually(lambda: len(notebook.notes()) == 40)

    assert clashes == []
    for lane in lanes:
        written = [n for n in notebook.notes() if lane_of[n] == lane]
        assert written == sorted(written)


def test_who_takes_a_dead_workers_seat_carries_out_what_it_held(notebook):
    notebook.post(4)
    assert notebook.hand_out(sender="embedded:0") == 4

    with at_work(embedded.Broker(notebook.url), notebook):
        eventually(lambda: len(notebook.notes()) == 4, within=5)


def test_a_living_worker_keeps_its_seat_and_its_leases(notebook):
    go_on = threading.Event()
    notebook.hold = lambda _: go_on.wait(10)
    notebook.post(2)

    with at_work(embedded.Broker(notebook.url), notebook):
        eventually(lambda: len(notebook.leased()) == 2)
        with at_work(embedded.Broker(notebook.url), notebook), psycopg.connect(notebook.url) as connection:
            eventually(
                lambda: (
                    connection.execute(
                        "SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database WHERE l.locktype = 'advisory' AND d.datname = current_database()"
                    ).fetchone()
                    == (2,)
                )
            )
            assert len(notebook.leased()) == 2
            go_on.set()
        eventually(lambda: len(notebook.notes()) == 2)

    assert len(notebook.redelivered) == 2


def test_broken_database_sessions_are_opened_again(notebook):
    with at_work(embedded.Broker(notebook.url), notebook):
        notebook.post()
        eventually(lambda: len(notebook.notes()) == 1)
        notebook.break_sessions()
        notebook.post(5)
        eventually(lambda: sorted(notebook.notes()) == notebook.posted())


def test_an_absent_database_is_waited_for_and_the_worker_may_be_stopped(notebook):
    nobody = "postgresql://postgres@127.0.0.1:1/nothing"

    with at_work(embedded.Broker(nobody), notebook):
        pass


def test_delay_queues_are_empty_and_unknown_ones_are_unknown(notebook):
    broker = embedded.Broker(notebook.url)
    broker.declare_queue("effects")

    assert next(broker.consume("effects.DQ", timeout=1)) is None
    with pytest.raises(QueueNotFound):
        broker.consume("elsewhere", timeout=1)
    broker.close()


def test_the_ledger_is_the_queue(notebook):
    broker = embedded.Broker(notebook.url)

    with pytest.raises(NotImplementedError, match="ledger"):
        broker.enqueue(dramatiq.Message("effects", "write_note", (1,), {}, {}))
    broker.close()
