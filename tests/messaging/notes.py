"""A small trade for the transports to carry: notes are posted to the real ledger, and written down once each by the actor."""

import contextlib
import threading
from collections.abc import Callable, Iterator

import dramatiq
from sqlalchemy import Connection, text

from services.workers import main
from services.workers.relay import Relay
from shared.messages import SYSTEM, Message
from shared.routing import Address, Room
from shared.runtime import clock, ids
from shared.storage import database, mail
from shared.storage.writes import Writes

ACTORS = {"write_note": Room.EFFECTS, "write_order": Room.ORDERS}
"""The actors of this trade. `write_tomorrow` is one that nobody knows yet."""


class Notebook:
    """The ledger, and what was carried out of it in the order it was."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.hold: Callable[[int], None] = lambda _delivery_id: None
        """What an actor does before it writes, with its delivery locked."""
        self.redelivered: list[bool] = []
        self._engine = database.connect(url, pool_size=10)
        self._execute("CREATE TABLE note (place bigint GENERATED ALWAYS AS IDENTITY, delivery_id bigint)")

    def close(self) -> None:
        """The database goes on to other tests without our table."""
        self._engine.dispose()
        self._execute("DROP TABLE note")
        self._engine.dispose()

    def post(self, count: int = 1, *, lane: str | None = None, actor: str = "write_note") -> None:
        """Post notes as the gateway does: each in a transaction of its own."""
        for _ in range(count):
            message = _a_message()
            with self._engine.begin() as connection:
                address = Address(actor, ACTORS.get(actor, Room.EFFECTS), lane)
                mail.post(connection, message, [address], awaited=False)

    def carry_out(self, delivery_id: int, *, redelivered: bool) -> None:
        """The only actor: write the delivery down and mark it done, in one transaction."""
        self.redelivered.append(redelivered)
        with self._engine.begin() as connection:
            claimed = _lock(connection, delivery_id)
            if claimed is None:
                return
            self.hold(delivery_id)
            connection.exec_driver_sql("INSERT INTO note (delivery_id) VALUES (%(id)s)", {"id": delivery_id})
            mail.finish(connection, claimed, Writes())

    def notes(self) -> list[int]:
        """What was written, in order."""
        return self._column("SELECT delivery_id FROM note ORDER BY place")

    def posted(self) -> list[int]:
        """What was asked for, in order."""
        return self._column("SELECT id FROM delivery ORDER BY id")

    def due(self) -> list[int]:
        """Pending deliveries without a lease."""
        return self._column(
            "SELECT id FROM delivery WHERE state = 'pending' AND next_at <= clock_timestamp() ORDER BY id"
        )

    def leased(self) -> list[int]:
        """Pending deliveries that somebody was handed."""
        return self._column(
            "SELECT id FROM delivery WHERE state = 'pending' AND next_at > clock_timestamp() ORDER BY id"
        )

    def attempts(self) -> int:
        """How often deliveries ended in a fault: these notes are none that the real actors can read."""
        return self._column("SELECT sum(attempts) FROM delivery")[0]

    def hand_out(self, *, sender: str, actor: str = "write_note") -> int:
        """Take the leases of all due deliveries in that sender's name; returns how many. As if it were killed thereafter."""
        self._execute("UPDATE delivery SET attempts = 0, next_at = clock_timestamp() WHERE state = 'pending'")
        with self._engine.begin() as connection:
            return len(mail.claim_due(connection, actors=[actor], limit=1_000, sender=sender))

    def end_leases(self) -> None:
        """As if their time had passed."""
        self._execute("UPDATE delivery SET next_at = clock_timestamp() WHERE state = 'pending'")

    def break_sessions(self) -> None:
        """Terminate every other session of this database, as a restart would."""
        self._execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        self._engine.dispose()

    def _column(self, statement: str) -> list[int]:
        with self._engine.connect() as connection:
            return list(connection.execute(text(statement)).scalars())

    def _execute(self, statement: str) -> None:
        with self._engine.begin() as connection:
            connection.execute(text(statement))


@contextlib.contextmanager
def at_work(broker: dramatiq.Broker, notebook: Notebook, *, threads: int = 4) -> Iterator[dramatiq.Worker]:
    """A worker that carries the notebook's deliveries out until the block ends."""
    main.declare_actors(broker, notebook.carry_out, rooms=ACTORS)
    worker = dramatiq.Worker(broker, worker_threads=threads, worker_timeout=50)
    worker.start()
    try:
        yield worker
    finally:
        worker.stop(timeout=5_000)
        broker.close()


@contextlib.contextmanager
def relaying(notebook: Notebook, *, amqp_url: str, namespace: str) -> Iterator[Relay]:
    """A relay at work until the block ends."""
    relay = Relay(database_url=notebook.url, amqp_url=amqp_url, namespace=namespace, rooms=ACTORS)
    thread = threading.Thread(target=relay.run, name="relay")
    with relay:
        thread.start()
        try:
            yield relay
        finally:
            relay.stop()
            thread.join(10)
            assert not thread.is_alive(), "the relay does not stop"


def _lock(connection: Connection, delivery_id: int) -> mail.Claimed | None:
    """Look more than once, as the workshop does: a claimer that just missed this row holds it until its own look ends."""
    for _ in range(5):
        claimed = mail.lock(connection, delivery_id)
        if claimed:
            return claimed
        threading.Event().wait(0.02)
    return None


def _a_message() -> Message:
    message_id = ids.fresh("msg")
    return Message(
        id=message_id,
        kind="note.write",
        body={},
        actor=SYSTEM,
        correlation=message_id,
        created_at=clock.now(),
    )
