"""Events from outside, taken in once for ever: the event's name and the message it becomes are written together."""

from collections.abc import Mapping

import msgspec
from sqlalchemy import Connection

from shared.domain.commands import Command, OfTask
from shared.messages import Actor, ActorKind, opening
from shared.routing import addresses_of_command
from shared.runtime import clock
from shared.storage import mail


class UnknownTask(Exception):
    """The event is about a task that does not exist."""


class TakenIn(msgspec.Struct, frozen=True):
    """What became of an event."""

    message_id: str
    is_duplicate: bool


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """What came, as it is kept to be read again. headers: without secrets. order_id: of an order whose lines are wanted."""

    body: bytes
    headers: Mapping[str, str] = {}
    topic: str | None = None
    reason: str | None = None
    order_id: str | None = None


def take_in(
    connection: Connection,
    command: Command,
    *,
    source: str,
    event_id: str,
    message_id: str,
    kept: Kept | None = None,
) -> TakenIn:
    """Store the event's command, in the caller's transaction; a copy of an event changes nothing. Raises UnknownTask.

    Copies at the same instant wait here for the first one's commit. What was refused before may be taken in now.
    """
    wanted = bool(kept and kept.order_id)
    row = _row(kept, outcome="wanted" if wanted else "taken", source=source, event_id=event_id, message_id=message_id)
    if not connection.exec_driver_sql(_KEEP, row).rowcount:
        return TakenIn(message_id, is_duplicate=True)
    run_id = _run_of(connection, command)
    shop = Actor(ActorKind.SHOP, source, source)
    message = opening(command, message_id=message_id, actor=shop, at=clock.now(), run_id=run_id)
    mail.post(connection, message, addresses_of_command(message.kind, run_id=run_id), awaited=False)
    return TakenIn(message_id, is_duplicate=False)


def keep_refused(connection: Connection, kept: Kept, *, source: str, event_id: str) -> None:
    """Keep an event that cannot be taken in, with the reason, in the caller's transaction; sent again it is judged anew."""
    connection.exec_driver_sql(_KEEP, _row(kept, outcome="refused", source=source, event_id=event_id, message_id=None))


def _row(
    kept: Kept | None, *, outcome: str, source: str, event_id: str, message_id: str | None
) -> dict[str, str | bytes | None]:
    return {
        "source": source,
        "event": event_id,
        "message": message_id,
        "topic": kept.topic if kept else None,
        "body": kept.body if kept else None,
        "headers": msgspec.json.encode(kept.headers).decode() if kept else None,
        "outcome": outcome,
        "reason": kept.reason if kept else None,
        "order": kept.order_id if kept else None,
    }


_KEEP = """
INSERT INTO inbound_event (source, delivery_id, message_id, topic, body, headers, outcome, reason, order_id, fetch_at)
VALUES (%(source)s, %(event)s, %(message)s, %(topic)s, %(body)s, %(headers)s::jsonb, %(outcome)s, %(reason)s,
        %(order)s, CASE WHEN %(order)s::text IS NOT NULL THEN clock_timestamp() END)
ON CONFLICT (source, delivery_id) DO UPDATE
SET message_id = excluded.message_id, topic = excluded.topic, body = excluded.body, headers = excluded.headers,
    outcome = excluded.outcome, reason = excluded.reason, order_id = excluded.order_id, fetch_at = excluded.fetch_at
WHERE inbound_event.outcome = 'refused'
"""


def _run_of(connection: Connection, command: Command) -> str | None:
    """The run whose lane the command keeps; a stand-alone task has none."""
    if not isinstance(command, OfTask):
        return None
    found = connection.exec_driver_sql("SELECT run_id FROM task WHERE id = %(id)s", {"id": command.task_id}).first()
    if found is None:
        raise UnknownTask
    run_id: str | None = found[0]
    return run_id


# Lines that are wanted ----------------------------------------------------------------------------------------------


class Wanted(msgspec.Struct, frozen=True):
    """An event whose order is to be fetched."""

    source: str
    event_id: str
    order_id: str
    attempts: int


def claim_wanted(connection: Connection, *, source: str, limit: int) -> list[Wanted]:
    """Events of a shop whose orders are due to be fetched. Each pauses longer with every attempt, whatever becomes of this one."""
    rows = connection.exec_driver_sql(
        _CLAIM_WANTED,
        {"source": source, "limit": limit, "first": FIRST_PAUSE_SECONDS, "longest": LONGEST_PAUSE_SECONDS},
    )
    return [Wanted(*row) for row in rows]


def record_fetched(connection: Connection, wanted: Wanted, command: Command, *, message_id: str, body: bytes) -> None:
    """The order came: its command is stored like an event's, once for each state of the order."""
    kept = Kept(body=body, topic="fetched")
    event_id = f"fetched:{message_id}"
    take_in(connection, command, source=wanted.source, event_id=event_id, message_id=message_id, kept=kept)
    _settle(connection, wanted, outcome="fetched", reason=None)


def record_not_fetched(connection: Connection, wanted: Wanted, *, reason: str) -> bool:
    """Say why; after the last attempt the order is given up, and True is returned."""
    is_over = wanted.attempts >= MOST_ATTEMPTS
    _settle(connection, wanted, outcome="given_up" if is_over else "wanted", reason=reason)
    return is_over


FIRST_PAUSE_SECONDS = 5
LONGEST_PAUSE_SECONDS = 3600
MOST_ATTEMPTS = 30
"""Somewhat more than a day."""


def _settle(connection: Connection, wanted: Wanted, *, outcome: str, reason: str | None) -> None:
    connection.exec_driver_sql(
        """UPDATE inbound_event SET outcome = %(outcome)s, reason = %(reason)s,
               fetch_at = CASE WHEN %(outcome)s = 'wanted' THEN fetch_at END
           WHERE source = %(source)s AND delivery_id = %(event)s""",
        {"outcome": outcome, "reason": reason, "source": wanted.source, "event": wanted.event_id},
    )


_CLAIM_WANTED = """
WITH due AS MATERIALIZED (
    SELECT source, delivery_id FROM inbound_event
    WHERE fetch_at <= clock_timestamp() AND source = %(source)s
    ORDER BY fetch_at LIMIT %(limit)s FOR NO KEY UPDATE SKIP LOCKED)
UPDATE inbound_event e
SET fetch_attempts = e.fetch_attempts + 1,
    fetch_at = clock_timestamp()
        + least(%(first)s * power(2, least(e.fetch_attempts, 20)), %(longest)s) * interval '1 second'
FROM due WHERE e.source = due.source AND e.delivery_id = due.delivery_id
RETURNING e.source, e.delivery_id, e.order_id, e.fetch_attempts
"""
