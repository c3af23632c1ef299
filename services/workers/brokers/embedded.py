"""Dramatiq over the ledger itself: workers without RabbitMQ, without a relay, with the same promises.

One thread per process claims due deliveries for all rooms, never more than its actor threads will soon get to.
A worker that is killed leaves leases behind; whoever takes its seat resets them, else they run out by themselves.
"""

import queue
import threading
import time
from collections.abc import Iterable
from typing import Any

import dramatiq
from dramatiq.common import q_name
from dramatiq.errors import QueueNotFound
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from services.workers import brokers
from services.workers.listening import Listener, Reachability, Session, take_seat
from shared.runtime import logs
from shared.storage import database, mail

POLL_SECONDS = 1.0
SLOTS_PER_THREAD = 2
"""How many deliveries a process holds for each actor thread: one being carried out, one at hand."""

STOP_SECONDS = 10.0
DATABASE_AWAY = (DBAPIError, PoolTimeout)

Message = dramatiq.Message[None]
Box = queue.SimpleQueue[Message]


class Broker(dramatiq.Broker):
    """A broker whose queues are the ledger's rooms. It claims from the worker's boot until its shutdown."""

    def __init__(self, database_url: str) -> None:
        super().__init__(middleware=[brokers.Redelivered(), _Claiming()])
        self._database_url = database_url
        self._engine = database.connect(database_url, pool_size=2, application="loomline worker").execution_options(
            isolation_level="AUTOCOMMIT"  # every step is one statement
        )
        self._claimer: _Claimer | None = None
        self._log = logs.get(__name__)

    def declare_queue(self, queue_name: str) -> None:
        """A room gets its box. There are no delay queues: we never delay, the ledger does."""
        if queue_name not in self.queues:
            self.emit_before("declare_queue", queue_name)
            self.queues[queue_name] = Box()
            self.emit_after("declare_queue", queue_name)

    def consume(self, queue_name: str, prefetch: int = 1, timeout: int = 30000) -> dramatiq.Consumer:
        """The deliveries claimed for a room. A delay queue of Dramatiq's is always empty."""
        if q_name(queue_name) not in self.queues:
            raise QueueNotFound(queue_name)
        return _RoomConsumer(self, box=self.queues.get(queue_name, Box()), timeout=timeout)

    def enqueue(self, message: Any, *, delay: int | None = None) -> Any:
        """The ledger is the queue."""
        raise NotImplementedError("Post to the ledger (shared.storage.mail); this broker reads it.")

    def close(self) -> None:
        """Stop claiming, if it was not stopped by the worker's shutdown, and hang up."""
        self.stop_claiming()
        self._engine.dispose()

    def start_claiming(self, *, threads: int) -> None:
        """Claim for that many actor threads."""
        self._claimer = _Claimer(self, self._engine, url=self._database_url, threads=threads)
        self._claimer.start()

    def stop_claiming(self) -> None:
        """Claim no more. What is at hand stays there until it is carried out or given back."""
        if self._claimer:
            self._claimer.stop()

    def free(self, delivery_id: int) -> None:
        """Its actor has ended, one way or the other: the ledger knows which."""
        if self._claimer:
            self._claimer.free([delivery_id])

    def give_back(self, delivery_ids: Iterable[int]) -> None:
        """End the leases of deliveries that nobody has begun."""
        ids = list(delivery_ids)
        if not ids:
            return
        try:
            with self._engine.connect() as connection:
                mail.give_back(connection, ids)
        except DATABASE_AWAY as error:
            self._log.warning("leases_not_given_back", count=len(ids), error=str(error)[:500])
        if self._claimer:
            self._claimer.free(ids)


class _Claimer(threading.Thread):
    """Fills the boxes: woken by NOTIFY and by slots that became free; polls as the guarantee."""

    def __init__(self, broker: Broker, engine: Any, *, url: str, threads: int) -> None:
        super().__init__(name="claimer", daemon=True)
        self._broker = broker
        self._engine = engine
        self._threads = threads
        self._slots = threads * SLOTS_PER_THREAD
        self._held: set[int] = set()
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._listener = Listener(url, channel=mail.LEDGER_CHANNEL, on_session=self._take_seat)
        self._database = Reachability("PostgreSQL")
        self._sender: str | None = None
        self._log = logs.get(__name__)

    def run(self) -> None:
        is_due = True
        with self._listener:
            while not self._stopping.is_set():
                try:
                    is_due |= self._wait(is_due)
                    is_due = self._claim() if self._has_hands() else is_due
                    self._database.back()
                except DATABASE_AWAY as error:
                    self._stopping.wait(self._database.lost(error))

    def stop(self) -> None:
        """End after the claim in hand."""
        self._stopping.set()
        self._listener.wake()
        self.join(STOP_SECONDS)

    def free(self, delivery_ids: Iterable[int]) -> None:
        """Free the slots, and look for more as soon as an actor thread may become idle."""
        with self._lock:
            had_hands = len(self._held) < self._threads
            self._held.difference_update(delivery_ids)
            has_hands = len(self._held) < self._threads
        if has_hands and not had_hands:
            self._listener.wake()

    def _wait(self, is_due: bool) -> bool:
        """True when there is reason to look. With nobody to work, only freed slots matter, and they wake us."""
        before = time.monotonic()
        patience = 0.0 if is_due and self._has_hands() else POLL_SECONDS
        return self._listener.wait(patience) or time.monotonic() - before >= POLL_SECONDS / 2

    def _has_hands(self) -> bool:
        # Claiming for each freed slot would cost a statement per delivery; so we wait until half of them are free.
        with self._lock:
            is_at_work = self._sender is not None and not self._stopping.is_set()
            return is_at_work and len(self._held) < self._threads

    def _claim(self) -> bool:
        """Claim up to the free slots. True when more may be due."""
        with self._lock:
            limit = self._slots - len(self._held)
        with self._engine.connect() as connection:
            rings = mail.claim_due(connection, actors=self._broker.actors, limit=limit, sender=self._sender or "")
        for ring in rings:
            self._put(ring)
        return len(rings) == limit

    def _put(self, ring: mail.Ring) -> None:
        with self._lock:
            # Its lease ran out while it waited here; it has a new one now and is still at hand.
            if ring.delivery_id in self._held:
                return
            self._held.add(ring.delivery_id)
        # The actor's room of today: the ledger's row may be older than a move.
        room = self._broker.actors[ring.actor].queue_name
        self._broker.queues[room].put(_message(ring, room=room))

    def _take_seat(self, session: Session) -> None:
        """A new seat may be that of a dead worker: what it held is due again at once."""
        seat = take_seat(session, "embedded")
        if seat == self._sender:
            return
        with self._engine.connect() as connection:
            count = mail.reset_leases(connection, sender=seat)
        self._sender = seat
        self._log.info("worker_ready", sender=seat, leases_reset=count)


class _RoomConsumer(dramatiq.Consumer):
    """Hands the claimed deliveries of one room to Dramatiq. The ledger needs no acknowledgement: the actor did that."""

    def __init__(self, broker: Broker, *, box: Box, timeout: int) -> None:
        self._broker = broker
        self._box = box
        self._timeout = timeout / 1000

    def __next__(self) -> dramatiq.MessageProxy | None:
        try:
            return dramatiq.MessageProxy(self._box.get(timeout=self._timeout))
        except queue.Empty:
            return None

    def ack(self, message: dramatiq.MessageProxy) -> None:
        self._broker.free(message.args[0])

    nack = ack

    def requeue(self, messages: Iterable[dramatiq.MessageProxy]) -> None:
        self._broker.give_back(message.args[0] for message in messages)

    def close(self) -> None:
        self._broker.give_back(self._rest())

    def _rest(self) -> Iterable[int]:
        while True:
            try:
                yield self._box.get_nowait().args[0]
            except queue.Empty:
                return


class _Claiming(dramatiq.Middleware):
    """Claims while a worker is there to carry out."""

    def before_worker_boot(self, broker: Any, worker: dramatiq.Worker) -> None:
        broker.start_claiming(threads=worker.worker_threads)

    def before_worker_shutdown(self, broker: Any, worker: dramatiq.Worker) -> None:
        broker.stop_claiming()


def _message(ring: mail.Ring, *, room: str) -> Message:
    return Message(
        queue_name=room,
        actor_name=ring.actor,
        args=(ring.delivery_id,),
        kwargs={},
        options={},
        message_id=str(ring.delivery_id),
    )
