"""A shop with plain pika: it knows CloudEvents and one exchange, and nothing of how Loomline is made."""

import json
from typing import Any

import pika
from sqlalchemy import text

from services.workers.brokers import commerce
from shared.storage import database


class Shop:
    """Publishes with confirms to the exchange of a namespace."""

    def __init__(self, amqp_url: str, namespace: str) -> None:
        self.connection = pika.BlockingConnection(pika.URLParameters(amqp_url))
        self.channel = self.connection.channel()
        self.channel.confirm_delivery()
        commerce.declare(self.channel, namespace)
        self.namespace = namespace

    def close(self) -> None:
        self.connection.close()

    def publish(self, body: bytes, *, key: str = "order.placed", **properties: Any) -> None:
        told = pika.BasicProperties(delivery_mode=2, **properties)
        self.channel.basic_publish(commerce.exchange_name(self.namespace), key, body, told, mandatory=True)

    def structured(self, event: dict[str, Any]) -> None:
        self.publish(json.dumps(event).encode(), content_type="application/cloudevents+json")

    def binary(self, data: Any, *, prefix: str = "cloudEvents:", **attributes: Any) -> None:
        told = {"specversion": "1.0", "id": "evt_1", "source": "shop.example", "type": "order.placed", **attributes}
        headers = {f"{prefix}{name}": value for name, value in told.items()}
        self.publish(json.dumps(data).encode(), content_type="application/json", headers=headers)

    def parked(self) -> tuple[dict[str, Any], bytes] | None:
        """The next message of the parking queue: its headers and its body."""
        method, properties, body = self.channel.basic_get(commerce.parking_queue(self.namespace), auto_ack=True)
        return None if method is None else (properties.headers, body)

    def waiting(self) -> int:
        """Messages that are ready in the queue: neither stored nor in a bridge's hands."""
        queue = self.channel.queue_declare(commerce.queue_name(self.namespace), passive=True)
        return int(queue.method.message_count)


class Books:
    """What the database says."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.engine = database.connect(url, pool_size=2)

    def close(self) -> None:
        self.engine.dispose()

    def commands(self) -> list[dict[str, Any]]:
        """The commands that came from shops, the oldest first."""
        return self._rows("SELECT kind, body, actor FROM message ORDER BY created_at")

    def parked(self) -> list[dict[str, Any]]:
        return self._rows("SELECT * FROM parked_message ORDER BY first_seen_at")

    def _rows(self, statement: str) -> list[dict[str, Any]]:
        with self.engine.connect() as connection:
            return [dict(row) for row in connection.execute(text(statement)).mappings()]


def an_order(order_id: str = "order_1", **more: Any) -> dict[str, Any]:
    return {"id": order_id, "items": [{"id": "line_1", "product_id": "prod_1", "quantity": 2}], **more}


def an_event(data: Any = None, **more: Any) -> dict[str, Any]:
    told = {"specversion": "1.0", "id": "evt_1", "source": "shop.example", "type": "order.placed"}
    return {**told, "data": an_order() if data is None else data, **more}
