"""Where shops publish on RabbitMQ: the exchange, its queue, and the parking queue for what could not be read. The bridge leans on it."""

import struct
from collections.abc import Sequence
from typing import Any

import pika.data
from pika.exceptions import ChannelClosedByBroker

from services.workers.brokers import rabbitmq
from services.workers.brokers.rabbitmq import QueueMismatch

MOST_PARKED_BYTES = 1024**3
"""When the parking queue holds more, its oldest messages fall out; the table of parked messages still has them."""

PLAIN_NAMESPACE = "loomline"


def exchange_name(namespace: str) -> str:
    """Where shops publish: `commerce`, unless a namespace of its own asks for more."""
    return "commerce" if namespace == PLAIN_NAMESPACE else f"{namespace}.commerce"


def queue_name(namespace: str) -> str:
    """What shops published and we have not stored yet."""
    return rabbitmq.queue_name(namespace, "commerce")


def parking_queue(namespace: str) -> str:
    """What nobody could read, whole, with the reason in the header `x-parked-reason`."""
    return rabbitmq.queue_name(namespace, "commerce.parked")


def queue_names(namespace: str) -> Sequence[str]:
    """Both queues."""
    return queue_name(namespace), parking_queue(namespace)


def declare(channel: Any, namespace: str) -> None:
    """Declare exchange and queues. Raises AMQPError, or QueueMismatch when they are there and not ours."""
    exchange, queue = exchange_name(namespace), queue_name(namespace)
    try:
        channel.exchange_declare(exchange, exchange_type="topic", durable=True)
        channel.queue_declare(queue, durable=True, arguments=_ARGUMENTS)
        channel.queue_declare(parking_queue(namespace), durable=True, arguments=_PARKING_ARGUMENTS)
        channel.queue_bind(queue, exchange, routing_key="#")
    except ChannelClosedByBroker as error:
        if error.reply_code != rabbitmq.PRECONDITION_FAILED:
            raise
        raise QueueMismatch(f"{QueueMismatch.__doc__} RabbitMQ says: {error.reply_text}") from error


# No limit of deliveries: whatever breaks the connection, an order is never thrown away for having been unlucky.
_ARGUMENTS = {"x-queue-type": "quorum", "x-delivery-limit": rabbitmq.ANY_NUMBER_OF_RETURNS}
_PARKING_ARGUMENTS = {"x-queue-type": "quorum", "x-max-length-bytes": MOST_PARKED_BYTES}


def read_any_header() -> None:
    """Let pika read headers that it would stumble over, at each delivery anew: one such message would stop the queue.

    They are instants beyond the year 9999 (milliseconds where seconds belong) and tables without a bottom.
    """
    pika.data.decode_value = _Headers()


class _Headers:
    """Reads one value of a header. Connections belong to one thread, so the depth is counted here."""

    def __init__(self) -> None:
        self._depth = 0

    def __call__(self, encoded: bytes, offset: int) -> tuple[Any, int]:
        kind = encoded[offset : offset + 1]
        if kind == b"T":
            return _instant(encoded, offset)
        return self._nested(encoded, offset) if kind in (b"F", b"A") else _decode(encoded, offset)

    def _nested(self, encoded: bytes, offset: int) -> tuple[Any, int]:
        if self._depth >= DEEPEST:
            return "(nested too deeply)", offset + 5 + struct.unpack_from(">I", encoded, offset + 1)[0]
        self._depth += 1
        try:
            return _decode(encoded, offset)
        finally:
            self._depth -= 1


def _instant(encoded: bytes, offset: int) -> tuple[Any, int]:
    """A time, or the bare number when no calendar has such a day."""
    seconds = struct.unpack_from(">Q", encoded, offset + 1)[0]
    return _decode(encoded, offset) if seconds <= _LAST_SECOND else (seconds, offset + 9)


DEEPEST = 20
_decode = pika.data.decode_value
_LAST_SECOND = 253_402_300_799
