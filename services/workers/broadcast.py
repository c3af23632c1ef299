"""Broadcast: publishes every event of the ledger to RabbitMQ, as a CloudEvent in binary mode. The herald leans on it.

The feed moves on only when RabbitMQ confirmed, so an event may be published twice and none is left out; copies have one id.
"""

from typing import Any, Self

import msgspec
from sqlalchemy import Engine

from services.workers.brokers import confirms, rabbitmq
from services.workers.brokers.confirms import Letter
from shared.domain import news
from shared.domain.news import Happened
from shared.storage import feed

BATCH = 200
_OWN_PROPERTIES = {"data", "datacontenttype"}
"""Members of an event that are not headers: the body, and its content type."""


class Broadcast:
    """One publisher. Nothing is published while RabbitMQ is away; the feed waits."""

    def __init__(self, engine: Engine, *, amqp_url: str, namespace: str, source: str, on_change: Any) -> None:
        self._engine = engine
        self._amqp_url = amqp_url
        self._namespace = namespace
        self._source = source
        self._publisher = confirms.Publisher(amqp_url, on_change=on_change)
        self._declared: int | None = None

    def __enter__(self) -> Self:
        self._publisher.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._publisher.close()

    def turn(self) -> bool:
        """Publish one batch. True when more may be waiting. Raises AMQPError when RabbitMQ went away."""
        if not self._publisher.is_ready:
            return False
        self._declare()
        with self._engine.begin() as connection:
            place = feed.take(connection, feed.AMQP)
            batch = feed.read(connection, place, limit=BATCH) if place else feed.Batch([], None)
            if batch.behind is None or not self._publish(batch.events):
                return False
            feed.advance(connection, feed.AMQP, batch.behind)
        return len(batch.events) == BATCH

    def _publish(self, events: list[Happened]) -> bool:
        letters = [
            letter(event, exchange=rabbitmq.events_exchange(self._namespace), source=self._source) for event in events
        ]
        is_confirmed = len(self._publisher.publish(letters)) == len(letters)
        if not is_confirmed:
            self._declared = None  # perhaps the exchange was deleted
        return is_confirmed

    def _declare(self) -> None:
        """Once per connection, so that an exchange that an operator deleted comes back."""
        epoch = self._publisher.epoch
        if self._declared != epoch:
            rabbitmq.declare_events_exchange(self._amqp_url, self._namespace)
            self._declared = epoch


def letter(event: Happened, *, exchange: str, source: str) -> Letter:
    """An event in binary mode: its data is the body, everything else a header."""
    told = msgspec.to_builtins(news.told(event, source=source))
    headers = {f"cloudEvents:{name}": value for name, value in told.items() if name not in _OWN_PROPERTIES}
    return Letter(
        exchange=exchange,
        key=event.kind,
        body=msgspec.json.encode(told["data"]),
        properties={
            "content_type": told["datacontenttype"],
            "message_id": event.id,
            "type": told["type"],
            "app_id": "loomline",
            "headers": headers,
        },
    )
