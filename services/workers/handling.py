"""Carrying one delivery out: one transaction in which the delivery is locked, the actor decides, and all of it is written or nothing.

Leans on nothing of Dramatiq but being called in its threads. A refusal is an answer; a fault is tried again by the ledger.
"""

import threading
import traceback

import psycopg.errors
import structlog
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError, OperationalError, SQLAlchemyError

from services.workers import actors
from shared.domain.refusals import Refusal
from shared.runtime import logs, metrics
from shared.storage import database, mail
from shared.storage.mail import Claimed, DeliveryState
from shared.storage.work import Work

IMMEDIATE_RETRIES = 3
"""Deadlocks, serialization failures and lock timeouts are tried again at once so many times; then the ledger waits longer."""

LOOKS = 6
LOOK_SECONDS = 0.02

_WORTH_RETRYING = (
    psycopg.errors.DeadlockDetected,
    psycopg.errors.SerializationFailure,
    psycopg.errors.LockNotAvailable,
)


class Workshop:
    """Where deliveries are carried out: one per process, one database connection per actor thread."""

    def __init__(self, database_url: str, *, threads: int = 8) -> None:
        self._engine = database.connect(database_url, pool_size=threads + 2, application="loomline-worker")
        self._bench = threading.local()
        self._kept: list[Connection] = []
        self._patience = threading.Event()
        self._log = logs.get("handling")

    def carry_out(self, delivery_id: int, *, redelivered: bool = False) -> None:
        """Carry a delivery out once, whoever else was handed the same one. Returns also when it could not be: the ledger knows.

        redelivered: the broker handed it out before and never heard the end, so it may have killed a worker.
        """
        for _ in range(IMMEDIATE_RETRIES + 1):
            try:
                self._try(delivery_id, suspicious=redelivered)
            except SQLAlchemyError as fault:
                if self._is_lost(fault):
                    return
                if isinstance(getattr(fault, "orig", None), _WORTH_RETRYING):
                    continue
                self._record_fault(delivery_id, fault)
            except Exception as fault:  # a bug in an actor must not be lost with its thread
                self._record_fault(delivery_id, fault)
            return
        self._record_fault(delivery_id, TimeoutError("its rows stayed locked by others"))

    def close(self) -> None:
        """Close every connection; no thread may carry out any more."""
        for connection in self._kept:
            connection.close()
        self._kept.clear()
        self._engine.dispose()

    def _try(self, delivery_id: int, *, suspicious: bool) -> None:
        """suspicious: it was handed out before without an end, so its beginning is counted before its actor runs.

        Not to get the lock means that another copy is being carried out, or that a claimer holds the row for a moment
        it will not use; so a delivery that stays pending is looked at again before it is left to its lease.
        """
        is_counted = False
        for _ in range(LOOKS):
            connection = self._connection()
            if suspicious and not is_counted:
                is_counted = self._count_start(connection, delivery_id)
            if is_counted or not suspicious:
                with connection.begin():
                    claimed = mail.lock(connection, delivery_id)
                    if claimed and (is_counted or claimed.sends <= 1):
                        self._act(connection, claimed)
                        return
                if claimed:
                    suspicious = True
                    continue
            if self._is_over(connection, delivery_id):
                return
            self._patience.wait(LOOK_SECONDS)

    def _is_over(self, connection: Connection, delivery_id: int) -> bool:
        with connection.begin():
            return not mail.is_pending(connection, delivery_id)

    def _act(self, connection: Connection, claimed: Claimed) -> None:
        work = Work(connection, claimed)
        with (
            metrics.ACTOR_SECONDS.labels(actor=claimed.actor).time(),
            structlog.contextvars.bound_contextvars(
                actor=claimed.actor, delivery=claimed.delivery_id, correlation=claimed.message.correlation
            ),
        ):
            try:
                actors.HANDLERS[claimed.actor](claimed.message.content(), work)
            except Refusal as refusal:
                work.refuse(refusal)
                self._count(claimed.actor, DeliveryState.REFUSED)
            else:
                work.commit()
                self._count(claimed.actor, DeliveryState.DONE)

    def _count_start(self, connection: Connection, delivery_id: int) -> bool:
        with connection.begin():
            starts = mail.mark_start(connection, delivery_id)
        if starts is not None and starts > mail.STARTS_UNTIL_DEAD:
            self._log.error("delivery_dead", delivery=delivery_id, why="begun too often without an end")
            self._count("?", DeliveryState.DEAD)
            return False
        return starts is not None

    def _record_fault(self, delivery_id: int, fault: Exception) -> None:
        error = logs.scrub("".join(traceback.format_exception(fault))).replace("\x00", "\\0")
        try:
            connection = self._connection()
            with connection.begin():
                state = mail.record_fault(connection, delivery_id, error=error[-8000:])
        except SQLAlchemyError as gone:
            self._is_lost(gone)
            return
        self._count("?", state or DeliveryState.DONE)
        self._log.error("delivery_fault", delivery=delivery_id, state=state, error=error[-2000:])

    def _connection(self) -> Connection:
        """This thread's own connection, kept between deliveries."""
        kept: Connection | None = getattr(self._bench, "connection", None)
        if kept is not None and (kept.closed or kept.invalidated):
            self._give_up_connection()
            kept = None
        if kept is None:
            kept = self._bench.connection = self._engine.connect()
            self._kept.append(kept)
        return kept

    def _give_up_connection(self) -> None:
        kept: Connection | None = getattr(self._bench, "connection", None)
        if kept is not None:
            self._bench.connection = None
            self._kept.remove(kept)
            kept.close()

    def _is_lost(self, fault: SQLAlchemyError) -> bool:
        """The database went away: the thread's connection is given up; the delivery's lease will bring it back."""
        if not (isinstance(fault, DBAPIError) and (fault.connection_invalidated or _cannot_connect(fault))):
            return False
        self._give_up_connection()
        self._log.warning("database_away", why=logs.scrub(str(fault.orig)))
        return True

    def _count(self, actor: str, state: DeliveryState) -> None:
        metrics.DELIVERIES.labels(actor=actor, state=state.value).inc()


def _cannot_connect(fault: DBAPIError) -> bool:
    return (
        isinstance(fault, OperationalError)
        and isinstance(fault.orig, psycopg.OperationalError)
        and fault.orig.sqlstate is None
    )
