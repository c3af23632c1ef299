"""The worker process: one Dramatiq actor per entry of ROOM_OF, on RabbitMQ or on the ledger itself.

Run it with `python -m services.workers.main`; every copy has its own threads and connections.
"""

import os
import signal
import sys
import threading
from collections.abc import Callable, Mapping
from typing import Any

import dramatiq
import prometheus_client

from services.workers import brokers, handling
from services.workers.brokers import embedded, rabbitmq
from shared.routing import ROOM_OF, Room
from shared.runtime import logs, settings

IDLE_MS = 200
"""How often an idle thread looks whether it should stop; work wakes it at once."""

STOP_MS = 25_000

CarryOut = Callable[..., None]


def broker_of(chosen: settings.Settings) -> dramatiq.Broker:
    """The transport that the settings name."""
    if chosen.amqp_url:
        return rabbitmq.Broker(chosen.amqp_url, namespace=chosen.namespace)
    return embedded.Broker(chosen.database_url)


def declare_actors(broker: dramatiq.Broker, carry_out: CarryOut, *, rooms: Mapping[str, Room] = ROOM_OF) -> None:
    """One Dramatiq actor per actor of ours, with no retries of Dramatiq's: the ledger tries again."""

    def ring(delivery_id: int) -> None:
        carry_out(delivery_id, redelivered=brokers.redelivered())

    for actor, room in rooms.items():
        dramatiq.actor(actor_name=actor, queue_name=room.value, broker=broker)(ring)


def work(chosen: settings.Settings, *, until: threading.Event) -> None:
    """Carry deliveries out until the event, then end what was begun and give back the rest."""
    workshop = handling.Workshop(chosen.database_url, threads=chosen.worker_threads)
    broker = broker_of(chosen)
    declare_actors(broker, workshop.carry_out)
    worker = dramatiq.Worker(broker, worker_threads=chosen.worker_threads, worker_timeout=IDLE_MS)
    worker.start()
    until.wait()
    worker.stop(timeout=STOP_MS)
    broker.close()
    workshop.close()


def main() -> int:
    """Work until SIGTERM or SIGINT; a second one ends at once."""
    chosen = settings.read()
    logs.start(chosen, process="worker")
    rabbitmq.silence_pika()
    asked_to_stop = threading.Event()

    def stop(_number: int, _frame: Any) -> None:
        if asked_to_stop.is_set():
            os._exit(1)
        asked_to_stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    if chosen.worker_metrics_port:
        prometheus_client.start_http_server(chosen.worker_metrics_port, addr="127.0.0.1")
    work(chosen, until=asked_to_stop)
    return 0


if __name__ == "__main__":
    sys.exit(main())
