"""RabbitMQ: the queues as we declare them, and Dramatiq's broker on top of them. The relay declares the same by the same code."""

import contextlib
import logging
import threading
from collections.abc import Iterator
from typing import Any

import dramatiq
import pika
from dramatiq.brokers.rabbitmq import RabbitmqBroker, _RabbitmqConsumer
from dramatiq.errors import ConnectionClosed, QueueNotFound
from pika.exceptions import AMQPError, ChannelClosedByBroker

from services.workers import brokers
from services.workers.listening import Reachability
from shared import queues
from shared.runtime import logs

HEARTBEAT_SECONDS = 30
BLOCKED_SECONDS = 30
CONNECT_SECONDS = 5


queue_name, dead_letter_queue = queues.queue_name, queues.dead_letter_queue
ANY_NUMBER_OF_RETURNS = queues.ANY_NUMBER_OF_RETURNS


class QueueMismatch(Exception):
    """A queue of ours is there with other arguments. Delete it, or choose another LOOMLINE_NAMESPACE; the ledger loses nothing."""


def parameters_of(url: str) -> pika.URLParameters:
    """How we connect: a silent peer and a blocked connection are given up after half a minute."""
    parameters = pika.URLParameters(url)
    parameters.heartbeat = HEARTBEAT_SECONDS
    parameters.blocked_connection_timeout = BLOCKED_SECONDS
    parameters.socket_timeout = CONNECT_SECONDS
    parameters.stack_timeout = 2 * CONNECT_SECONDS
    return parameters


def declare_queues(url: str, namespace: str) -> None:
    """Declare all queues of a namespace. Raises AMQPError when RabbitMQ is away, QueueMismatch when they are not ours."""
    with _a_channel(url) as channel:
        try:
            for name, arguments in queues.all_queues(namespace).items():
                channel.queue_declare(name, durable=True, arguments=arguments)
        except ChannelClosedByBroker as error:
            if error.reply_code != PRECONDITION_FAILED:
                raise
            raise QueueMismatch(f"{QueueMismatch.__doc__} RabbitMQ says: {error.reply_text}") from error


def events_exchange(namespace: str) -> str:
    """Where every event of ours is published; the routing key is its kind."""
    return f"{namespace}.events"


def declare_events_exchange(url: str, namespace: str) -> None:
    """Declare the exchange of events. Raises AMQPError when RabbitMQ is away, or one of another kind has its name."""
    with _a_channel(url) as channel:
        channel.exchange_declare(events_exchange(namespace), exchange_type="topic", durable=True)


def silence_pika() -> None:
    """Pika logs a failed connection as up to nine errors; `Reachability` says it once."""
    logging.getLogger("pika").setLevel(logging.CRITICAL)


class Broker(RabbitmqBroker):
    """Dramatiq's RabbitMQ broker on our quorum queues. Dramatiq knows rooms; only here they become queue names.

    No delay queue is declared or consumed: we never delay, the ledger does.
    """

    def __init__(self, url: str, *, namespace: str) -> None:
        super().__init__(url=[url], middleware=[brokers.Redelivered(), _Stopping()], confirm_delivery=True)
        self.parameters = [parameters_of(url)]
        self.namespace = namespace
        self.stopping = threading.Event()
        self._url = url
        self._reachability = Reachability("RabbitMQ")

    def declare_queue(self, queue_name: str, *, ensure: bool = False) -> None:
        """Remember the room. The queue itself is declared by whoever consumes it."""
        if queue_name not in self.queues:
            self.emit_before("declare_queue", queue_name)
            self.queues.add(queue_name)
            self.emit_after("declare_queue", queue_name)

    def consume(self, queue_name: str, prefetch: int = 1, timeout: int = 5000) -> dramatiq.Consumer:
        """Consume a room's queue. While RabbitMQ is away it waits here, so that starting without it is no crash."""
        if queue_name not in self.queues:
            raise QueueNotFound(queue_name)
        while True:
            try:
                # Each time anew: a queue that an operator deleted comes back with its consumer.
                declare_queues(self._url, self.namespace)
                consumer = _RoomConsumer(self, room=queue_name, prefetch=prefetch, timeout=timeout)
            except (AMQPError, OSError, ConnectionClosed, QueueMismatch) as error:
                if self.stopping.wait(self._reachability.lost(error)):
                    raise ConnectionClosed(error) from None
            else:
                self._reachability.back()
                return consumer

    def enqueue(self, message: Any, *, delay: int | None = None) -> Any:
        """Only the relay rings: a message that is not in the ledger would be lost with the broker."""
        raise NotImplementedError("Post to the ledger (shared.storage.mail); the relay rings RabbitMQ.")

    def close(self) -> None:
        self.stopping.set()
        super().close()


class _RoomConsumer(_RabbitmqConsumer):
    """Lets through only what this process can carry out: one strange body must not kill a worker thread."""

    broker: Broker

    def __init__(self, broker: Broker, *, room: str, prefetch: int, timeout: int) -> None:
        super().__init__(broker, queue_name(broker.namespace, room), prefetch, timeout)  # type: ignore[no-untyped-call]
        self._room = room
        self._log = logs.get(__name__)

    def __next__(self) -> Any:
        message = super().__next__()  # type: ignore[no-untyped-call]
        if message is None:
            return None
        if not is_ring(message, room=self._room):
            self._log.error("strange_message", room=self._room, message_id=str(message.message_id)[:100])
            self.nack(message)  # type: ignore[no-untyped-call]
            return None
        if message.actor_name not in self.broker.actors:
            # A newer sender: the ledger rings again after the lease, perhaps at a newer worker. It is no dead letter.
            self._log.warning("unknown_actor", room=self._room, actor=message.actor_name)
            self.ack(message)  # type: ignore[no-untyped-call]
            return None
        return message


class _Stopping(dramatiq.Middleware):
    """Ends the waiting for an absent RabbitMQ as soon as the worker stops."""

    def before_worker_shutdown(self, broker: Any, worker: dramatiq.Worker) -> None:
        broker.stopping.set()


def is_ring(message: Any, *, room: str) -> bool:
    """Whether a decoded body is what the relay sends: one delivery id for an actor in this room."""
    return (
        message.queue_name == room
        and isinstance(message.actor_name, str)
        and len(message.args) == 1
        and type(message.args[0]) is int
        and message.kwargs == {}
        and message.options == {}
    )


@contextlib.contextmanager
def _a_channel(url: str) -> Iterator[Any]:
    connection = pika.BlockingConnection(parameters_of(url))
    try:
        yield connection.channel()
    finally:
        with contextlib.suppress(AMQPError):
            connection.close()


PRECONDITION_FAILED = 406
