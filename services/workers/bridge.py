"""The bridge: what shops publish to the exchange `commerce` is stored in the ledger, and only then confirmed to RabbitMQ.

Run it with `python -m services.workers.bridge`, any number of times; only systems on RabbitMQ need one. A message that
cannot be read is parked with the reason; an absent database is waited for. What comes twice is stored once.
"""

import contextlib
import signal
import sys
import threading
from collections.abc import Iterator
from typing import Any

import msgspec
import pika
from pika.exceptions import AMQPError
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from services.workers.brokers import commerce, confirms, rabbitmq
from services.workers.listening import Reachability
from shared.intake import amqp
from shared.intake.amqp import Published
from shared.runtime import logs, settings
from shared.storage import database, parking

PREFETCH = 8
"""Messages at hand. A broker may let through far longer ones than we take, and each is whole in our memory."""

LOOK_SECONDS = 0.5
"""How often an idle bridge looks whether it shall stop."""

DATABASE_AWAY = (DBAPIError, PoolTimeout)
REASON_HEADER = "x-parked-reason"
ID_HEADER = "x-parked-id"
KEY_HEADER = "x-parked-routing-key"
LONGEST_REASON = 1_000
MOST_HEADERS = 64 * 1024
"""Bytes of headers that are parked beside the body: all must fit one frame. The table has them all."""
PROGRAM_LIMIT = "54"
"""SQLSTATE's class of values that are too long for an index."""


class Bridge:
    """One bridge. `run` returns after `stop`."""

    def __init__(self, *, database_url: str, amqp_url: str, namespace: str) -> None:
        self._amqp_url = amqp_url
        self._namespace = namespace
        self._engine = database.connect(database_url, pool_size=1, application="loomline bridge")
        self._database = Reachability("PostgreSQL")
        self._rabbitmq = Reachability("RabbitMQ")
        self._stopping = threading.Event()
        self._log = logs.get(__name__)
        commerce.read_any_header()

    def run(self) -> None:
        """Take in until `stop`. Servers that are away are waited for; what was not stored comes again."""
        while not self._stopping.is_set():
            try:
                with self._connected() as connection:
                    self._consume(connection)
            except (AMQPError, OSError, rabbitmq.QueueMismatch) as error:
                self._stopping.wait(self._rabbitmq.lost(error))
        self._engine.dispose()

    def stop(self) -> None:
        """End after the message in hand. Safe in a signal handler."""
        self._stopping.set()

    @contextlib.contextmanager
    def _connected(self) -> Iterator[Any]:
        connection = pika.BlockingConnection(rabbitmq.parameters_of(self._amqp_url))
        try:
            yield connection
        finally:
            with contextlib.suppress(AMQPError, OSError):
                connection.close()

    def _consume(self, connection: Any) -> None:
        intake, parked = connection.channel(), connection.channel()
        commerce.declare(intake, self._namespace)
        intake.basic_qos(prefetch_count=PREFETCH)
        parked.confirm_delivery()
        self._rabbitmq.back()
        self._log.info("bridge_ready", exchange=commerce.exchange_name(self._namespace))
        queue = commerce.queue_name(self._namespace)
        for method, properties, body in intake.consume(queue, inactivity_timeout=LOOK_SECONDS):
            if self._stopping.is_set():
                return
            if method is None:
                continue
            if self._settle(connection, parked, _told(method, properties, body), properties):
                intake.basic_ack(method.delivery_tag)

    def _settle(self, connection: Any, parked: Any, told: Published, properties: Any) -> bool:
        """Store it, or keep it parked in both places. False when we are to stop before the database is back."""
        while not self._stopping.is_set():
            try:
                reason = self._take(told)
                parked_id = self._park(told, reason) if reason else None
            except DATABASE_AWAY as error:
                connection.sleep(self._database.lost(error))
                continue
            self._database.back()
            if reason and parked_id:
                self._publish(parked, told, properties, reason=reason, parked_id=parked_id)
            return True
        return False

    def _take(self, told: Published) -> str | None:
        """Store what it asks for; the reason when that can never be."""
        try:
            with self._engine.begin() as connection:
                taken = parking.take(connection, told)
        except parking.NotTaken as why:
            return str(why)
        except DATABASE_AWAY as error:
            if not _is_of_its_value(error):
                raise
            return "The database cannot hold a value in it."
        except Exception as fault:  # one message must not stop the others, whatever it found in us
            self._log.exception("bridge_fault", routing_key=told.routing_key)
            return f"A fault of ours, {type(fault).__name__}; it was written down."
        self._log.info("taken_in", message_id=taken.message_id, duplicate=taken.is_duplicate)
        return None

    def _park(self, told: Published, reason: str) -> str:
        with self._engine.begin() as connection:
            parked_id = parking.park(connection, told, reason=reason)
        self._log.warning("message_parked", parked=parked_id, reason=reason[:200], routing_key=told.routing_key)
        return parked_id

    def _publish(self, channel: Any, told: Published, properties: Any, *, reason: str, parked_id: str) -> None:
        """Into the parking queue, whole and confirmed. Raises AMQPError."""
        given = told.headers if len(msgspec.json.encode(told.headers)) <= MOST_HEADERS else {}
        ours = {REASON_HEADER: reason[:LONGEST_REASON], ID_HEADER: parked_id, KEY_HEADER: told.routing_key}
        channel.basic_publish(
            "",
            commerce.parking_queue(self._namespace),
            told.body,
            pika.BasicProperties(
                content_type=properties.content_type, headers={**given, **ours}, delivery_mode=confirms.PERSISTENT
            ),
            mandatory=True,
        )


def _told(method: Any, properties: Any, body: bytes) -> Published:
    return amqp.published(
        body, headers=properties.headers, content_type=properties.content_type, routing_key=method.routing_key
    )


def _is_of_its_value(error: Exception) -> bool:
    """The message's own fault: it would fail again however well the database is. Anything else passes."""
    state = getattr(getattr(error, "orig", None), "sqlstate", None) or ""
    return isinstance(error, (DataError, IntegrityError)) or state.startswith(PROGRAM_LIMIT)


def main() -> int:
    """Bridge until SIGTERM or SIGINT."""
    chosen = settings.read()
    logs.start(chosen, process="bridge")
    rabbitmq.silence_pika()
    if not chosen.amqp_url:
        logs.get(__name__).error("nothing_to_bridge", hint="Without LOOMLINE_AMQP_URL shops send to POST /events.")
        return 2
    bridge = Bridge(database_url=chosen.database_url, amqp_url=chosen.amqp_url, namespace=chosen.namespace)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: bridge.stop())
    bridge.run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
