"""The herald: tells the outside what happened. Fans events out to webhook endpoints, sends what is due, publishes to RabbitMQ.

Run it with `python -m services.workers.herald`, any number of times: of each feed one copy at a time reads, all of them send.
"""

import signal
import sys
import time
from contextlib import ExitStack
from typing import Self

from pika.exceptions import AMQPError
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from services.workers.broadcast import Broadcast
from services.workers.brokers import rabbitmq
from services.workers.listening import Listener, Reachability
from services.workers.webhooks import Sender
from shared.runtime import logs, settings
from shared.runtime.settings import Settings
from shared.storage import database, feed, mail, webhook_store

BATCH = 500
POLL_SECONDS = 1.0
"""An event that nobody acts on rings nobody, and a feed waits for the oldest transaction: so we look often."""

GATHERING_SECONDS = 0.05
"""Between a ring and the look: in a busy hour one look finds what many rang for."""

RECORDING = 3
"""Connections beside one for the loop, for the hands: recording how a send ended is over in a moment."""

DATABASE_AWAY = (DBAPIError, PoolTimeout)


class Herald:
    """One herald. `run` returns after `stop`."""

    def __init__(self, chosen: Settings) -> None:
        self._source = chosen.public_url
        self._engine = database.connect(chosen.database_url, pool_size=1 + RECORDING, application="loomline herald")
        self._listener = Listener(chosen.database_url, channel=mail.LEDGER_CHANNEL)
        self._sender = Sender(
            self._engine, allow_private=chosen.webhooks_allow_private == "yes", on_free=self._listener.wake
        )
        self._broadcast = _broadcast(chosen, self._engine, self._listener)
        self._has_begun = False
        self._database = Reachability("PostgreSQL")
        self._rabbitmq = Reachability("RabbitMQ events")
        self._stopping = False
        self._log = logs.get("herald")
        self._open = ExitStack()

    def __enter__(self) -> Self:
        if self._broadcast:
            self._open.enter_context(self._broadcast)
        return self

    def __exit__(self, *_: object) -> None:
        self._sender.close()
        self._open.close()
        self._listener.close()
        self._engine.dispose()

    def run(self) -> None:
        """Tell until `stop`. Servers that are away are waited for."""
        is_more = False
        while not self._stopping:
            if not is_more and self._listener.wait(POLL_SECONDS):
                self._pause(GATHERING_SECONDS)
            is_more = self._turn()

    def stop(self) -> None:
        """End after the batch in hand. Safe in a signal handler."""
        self._stopping = True
        self._listener.wake()

    def _turn(self) -> bool:
        """One look at everything. True when more is waiting than was taken up."""
        if not self._listener.is_connected:
            return False
        try:
            self._begin()
            is_more = fan_out(self._engine, source=self._source)
            self._sender.begin()
            self._database.back()
            return self._publish() or is_more
        except DATABASE_AWAY as error:
            self._pause(self._database.lost(error))
            return False

    def _pause(self, seconds: float) -> None:
        """Wait, whoever rings meanwhile, but not when we are asked to stop."""
        until = time.monotonic() + seconds
        while not self._stopping and (left := until - time.monotonic()) > 0:
            self._listener.wait(left)

    def _publish(self) -> bool:
        """A RabbitMQ that is away keeps no webhook waiting."""
        if self._broadcast is None:
            return False
        try:
            is_more = self._broadcast.turn()
            self._rabbitmq.back()
            return is_more
        except (AMQPError, OSError) as error:
            self._rabbitmq.lost(error)
            return False

    def _begin(self) -> None:
        """From the first turn on nothing is left out."""
        if self._has_begun:
            return
        with self._engine.begin() as connection:
            if feed.settle_in(connection):
                self._log.warning("feed_settled_in", why="the ledger was restored from another server's dump")
            for name in (feed.WEBHOOKS, *([feed.AMQP] if self._broadcast else [])):
                feed.begin(connection, name)
        self._has_begun = True


def fan_out(engine: Engine, *, source: str) -> bool:
    """Write the deliveries of one batch of events. True when more may be waiting."""
    with engine.begin() as connection:
        place = feed.take(connection, feed.WEBHOOKS)
        if place and not webhook_store.has_readers(connection):
            feed.skip(connection, feed.WEBHOOKS)
            return False
        batch = feed.read(connection, place, limit=BATCH) if place else feed.Batch([], None)
        if batch.behind is None:
            return False
        webhook_store.spread(connection, batch.events, source=source)
        feed.advance(connection, feed.WEBHOOKS, batch.behind)
    return len(batch.events) == BATCH


def _broadcast(chosen: Settings, engine: Engine, listener: Listener) -> Broadcast | None:
    if not chosen.amqp_url:
        return None
    return Broadcast(
        engine,
        amqp_url=chosen.amqp_url,
        namespace=chosen.namespace,
        source=chosen.public_url,
        on_change=listener.wake,
    )


def main() -> int:
    """Tell until SIGTERM or SIGINT."""
    chosen = settings.read()
    logs.start(chosen, process="herald")
    rabbitmq.silence_pika()
    herald = Herald(chosen)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: herald.stop())
    with herald:
        herald.run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
