"""The relay: takes due deliveries from the ledger and rings RabbitMQ for them, in batches with publisher confirms.

Run it with `python -m services.workers.relay`, any number of times; only systems on RabbitMQ need one.
Its weakness is meant: what it rings twice is carried out once, because the actor looks into the ledger.
"""

import signal
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Self

import dramatiq
from pika.exceptions import AMQPError
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from services.workers.brokers import confirms, rabbitmq
from services.workers.listening import Listener, Reachability, Session, take_seat
from shared.routing import ROOM_OF, Room
from shared.runtime import logs, settings
from shared.storage import database, mail

BATCH = 200
CREDIT = 300
"""Handed out and not done yet, per room; above it the ledger keeps the rest. It may be overshot by a batch."""

POLL_SECONDS = 0.5
CREDIT_LOOK_SECONDS = 1.0
FULL_ROOM_LOOK_SECONDS = 0.05
"""Nobody rings when a full room empties, so we look often; the look costs a millisecond."""

DATABASE_AWAY = (DBAPIError, PoolTimeout)


class Relay:
    """One relay. `run` returns after `stop`."""

    def __init__(
        self, *, database_url: str, amqp_url: str, namespace: str, rooms: Mapping[str, Room] = ROOM_OF
    ) -> None:
        self._amqp_url = amqp_url
        self._namespace = namespace
        self._rooms = rooms
        self._engine = database.connect(database_url, pool_size=1, application="loomline relay").execution_options(
            isolation_level="AUTOCOMMIT"  # every step is one statement
        )
        self._listener = Listener(database_url, channel=mail.LEDGER_CHANNEL, on_session=self._take_seat)
        self._publisher = confirms.Publisher(amqp_url, on_change=self._listener.wake)
        self._database = Reachability("PostgreSQL")
        self._rabbitmq = Reachability("RabbitMQ queues")
        self._stopping = False
        self._sender: str | None = None
        self._introduced: tuple[str, int] | None = None
        self._has_queues = False
        self._full_rooms: list[str] = []
        self._looked_at_credit = 0.0
        self._is_more_due = self._was_full = False
        self._log = logs.get(__name__)

    def __enter__(self) -> Self:
        self._publisher.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._publisher.close()
        self._listener.close()
        self._engine.dispose()

    def run(self) -> None:
        """Hand out until `stop`. Servers that are away are waited for."""
        while not self._stopping:
            self._listener.wait(self._patience())
            try:
                self._turn()
                self._database.back()
            except DATABASE_AWAY as error:
                self._pause(self._database.lost(error))
            except (AMQPError, OSError, rabbitmq.QueueMismatch) as error:
                self._pause(self._rabbitmq.lost(error))

    def stop(self) -> None:
        """End after the batch in hand. Safe in a signal handler."""
        self._stopping = True
        self._listener.wake()

    def _turn(self) -> None:
        """Hand out one batch, if there is anybody to hand it to."""
        sender, self._was_full, self._is_more_due = self._sender, self._is_more_due, False
        if self._stopping or sender is None or not self._publisher.is_ready:
            return
        self._introduce(sender)
        self._look_at_credit()
        rings = self._claim(sender)
        if rings:
            self._ring(rings)
            self._is_more_due = len(rings) == BATCH

    def _introduce(self, sender: str) -> None:
        """Once per seat and connection: what was sent before, by us or by whom we follow, may be lost and is due again."""
        here = (sender, self._publisher.epoch)
        if not self._has_queues or self._introduced != here:
            rabbitmq.declare_queues(self._amqp_url, self._namespace)
            self._rabbitmq.back()
            self._has_queues = True
        if self._introduced != here:
            with self._engine.connect() as connection:
                count = mail.reset_leases(connection, sender=sender)
            self._introduced = here
            self._log.info("relay_ready", sender=sender, leases_reset=count)

    def _look_at_credit(self) -> None:
        """Ask how many are under way, but only when it may matter: a batch was full, a room was, or a second has passed."""
        now = time.monotonic()
        is_due = now - self._looked_at_credit >= CREDIT_LOOK_SECONDS
        if not (is_due or self._full_rooms or self._was_full):
            return
        self._looked_at_credit = now
        with self._engine.connect() as connection:
            under_way = mail.in_flight(connection)
        self._full_rooms = [room for room, count in under_way.items() if count >= CREDIT]

    def _claim(self, sender: str) -> list[mail.Ring]:
        with self._engine.connect() as connection:
            return mail.claim_due(
                connection, actors=self._rooms, limit=BATCH, sender=sender, full_rooms=self._full_rooms
            )

    def _ring(self, rings: Sequence[mail.Ring]) -> None:
        confirmed = self._publisher.publish([self._letter(ring) for ring in rings])
        unheard = [ring.delivery_id for position, ring in enumerate(rings) if position not in confirmed]
        if not unheard:
            return
        self._has_queues = False  # perhaps one was deleted
        self._log.warning("not_confirmed", count=len(unheard), of=len(rings))
        with self._engine.connect() as connection:
            mail.give_back(connection, unheard)
        self._pause(POLL_SECONDS)

    def _letter(self, ring: mail.Ring) -> tuple[str, bytes]:
        # The actor's room of today: the ledger's row may be older than a move.
        room = self._rooms[ring.actor]
        message: dramatiq.Message[None] = dramatiq.Message(
            queue_name=room,
            actor_name=ring.actor,
            args=(ring.delivery_id,),
            kwargs={},
            options={},
            message_id=str(ring.delivery_id),
        )
        return rabbitmq.queue_name(self._namespace, room), message.encode()

    def _take_seat(self, session: Session) -> None:
        self._sender = take_seat(session, f"relay:{self._namespace}")

    def _patience(self) -> float:
        if self._is_more_due:
            return 0.0
        return FULL_ROOM_LOOK_SECONDS if self._full_rooms else POLL_SECONDS

    def _pause(self, seconds: float) -> None:
        """Wait, whoever rings meanwhile, but not when we are asked to stop."""
        until = time.monotonic() + seconds
        while not self._stopping and (left := until - time.monotonic()) > 0:
            self._listener.wait(left)


def main() -> int:
    """Relay until SIGTERM or SIGINT."""
    chosen = settings.read()
    logs.start(chosen, process="relay")
    rabbitmq.silence_pika()
    if not chosen.amqp_url:
        logs.get(__name__).error("nothing_to_relay", hint="Without LOOMLINE_AMQP_URL the workers read the ledger.")
        return 2
    relay = Relay(database_url=chosen.database_url, amqp_url=chosen.amqp_url, namespace=chosen.namespace)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: relay.stop())
    with relay:
        relay.run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
