"""What shops publish to the broker: taken in once, or parked with the reason until a person decides. The bridge and the gateway lean on it."""

from enum import StrEnum

import msgspec
from sqlalchemy import Connection

from shared.intake import amqp, canonical
from shared.intake.amqp import Published
from shared.intake.pointers import Unreadable
from shared.storage import inbox
from shared.storage.inbox import TakenIn

KEPT_BYTES = amqp.LARGEST
"""Of a parked body; the parking queue has the whole."""


class ParkedState(StrEnum):
    """Where a parked message stands."""

    PARKED = "parked"
    TAKEN_IN = "taken_in"
    DISCARDED = "discarded"


class NotTaken(Exception):
    """A message that cannot be taken in; its words say why."""


def take(connection: Connection, told: Published) -> TakenIn:
    """Store what the message asks for, in the caller's transaction; a copy changes nothing. Raises NotTaken: roll back then."""
    try:
        event = amqp.read(told)
        command = canonical.command_of(event)
        return inbox.take_in(connection, command, source=event.source, event_id=event.id, message_id=event.message_id)
    except Unreadable as wrong:
        place = f" (at {wrong.pointer})" if wrong.pointer else ""
        raise NotTaken(f"{wrong.detail}{place}") from None
    except inbox.UnknownTask:
        raise NotTaken("There is no such task.") from None


def park(connection: Connection, told: Published, *, reason: str) -> str:
    """Keep a message that was not taken in, once however often it comes: a copy counts up. Returns its id."""
    parked_id = f"park_{told.fingerprint[:40]}"
    connection.exec_driver_sql(
        _PARK,
        {
            "id": parked_id,
            "routing_key": told.routing_key,
            "content_type": told.content_type,
            "headers": msgspec.json.encode(told.headers).decode(),
            "body": told.body[:KEPT_BYTES],
            "size": told.size,
            "reason": reason.replace("\0", "\N{SYMBOL FOR NULL}").encode(errors="replace").decode(),
        },
    )
    return parked_id


_PARK = """
INSERT INTO parked_message (id, routing_key, content_type, headers, body, size, reason)
VALUES (%(id)s, %(routing_key)s, %(content_type)s, %(headers)s::jsonb, %(body)s, %(size)s, %(reason)s)
ON CONFLICT (id) DO UPDATE
SET count = parked_message.count + 1, last_seen_at = clock_timestamp(), reason = excluded.reason, state = 'parked'
"""


def lock(connection: Connection, parked_id: str) -> Published | None:
    """A message that waits for a decision, locked; None when it does not, or not any more."""
    row = (
        connection.exec_driver_sql(
            """SELECT body, size, headers, content_type, routing_key FROM parked_message
           WHERE id = %(id)s AND state = 'parked' FOR UPDATE""",
            {"id": parked_id},
        )
        .mappings()
        .first()
    )
    if row is None:
        return None
    return Published(**{**row, "body": bytes(row["body"])})


def settle(connection: Connection, parked_id: str, state: ParkedState, *, message_id: str | None = None) -> None:
    """A person decided."""
    connection.exec_driver_sql(
        """UPDATE parked_message SET state = %(state)s, message_id = %(message)s, decided_at = clock_timestamp()
           WHERE id = %(id)s""",
        {"id": parked_id, "state": state.value, "message": message_id},
    )
