"""What stands still in the ledger, and a person's word about it: replayed or discarded, and noted on the runs' timelines."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

import msgspec
from sqlalchemy import Connection

from shared import messages
from shared.domain import events
from shared.messages import Actor, Message
from shared.runtime import clock, ids
from shared.storage import mail
from shared.storage.impossible import Impossible
from shared.storage.mail import LEASE_SECONDS, DeliveryState


class UnknownDelivery(Impossible):
    """There is no delivery {delivery}."""

    code = "unknown_delivery"


class NotDead(Impossible):
    """Delivery {delivery} is not dead; it is {state}."""

    code = "not_dead"


class Scope(msgspec.Struct, frozen=True, kw_only=True):
    """What is replayed: all that stands still of an order, of a run, or one message. Exactly one is said."""

    order_id: str | None = None
    production_run_id: str | None = None
    message_id: str | None = None


ORDERS_OWN = """m.kind IN ('order.placed', 'order.updated', 'order.cancelled')
    AND coalesce((m.body -> 'order') ->> 'id', m.body ->> 'order_id') = %(order)s"""

# Undone deliveries are few beside those that are done, so they are gone through whole.
_STANDING_STILL = f"""
SELECT d.id, d.message_id, m.kind, d.actor, d.room, d.state, d.error, d.attempts, m.run_id AS production_run_id, d.created_at
FROM delivery d JOIN message m ON m.id = d.message_id
WHERE (d.state = 'dead'
       OR (d.state = 'pending' AND d.next_at > clock_timestamp() + interval '{LEASE_SECONDS} seconds'))
  AND CASE
        WHEN %(message)s::text IS NOT NULL THEN m.id = %(message)s
        WHEN %(run)s::text IS NOT NULL THEN m.run_id = %(run)s OR d.run_id = %(run)s
        ELSE coalesce(m.run_id, d.run_id) IN (SELECT r.id FROM production_run r WHERE r.order_id = %(order)s)
             OR ({ORDERS_OWN})
             OR m.body ->> 'line_id' IN (SELECT l.id FROM order_line l WHERE l.order_id = %(order)s)
      END
ORDER BY d.id
"""


def standing_still(connection: Connection, scope: Scope) -> list[dict[str, Any]]:
    """The deliveries of a scope that are dead, or pending with a pause longer than a lease, in their order."""
    told = {"message": scope.message_id, "run": scope.production_run_id, "order": scope.order_id}
    return [dict(row) for row in connection.exec_driver_sql(_STANDING_STILL, told).mappings()]


def replay(connection: Connection, scope: Scope, *, actor: Actor) -> list[dict[str, Any]]:
    """Make all of a scope that stands still due again, in the caller's transaction. Returns what was."""
    found = standing_still(connection, scope)
    hastened = set(mail.hasten(connection, [row["id"] for row in found])) if found else set()
    replayed = [{**row, "state": DeliveryState.PENDING.value} for row in found if row["id"] in hastened]
    note(connection, replayed, done="replayed", actor=actor)
    return replayed


# Dead letters -------------------------------------------------------------------------------------------------------

_LETTERS = """
SELECT d.id, d.message_id, m.kind, d.actor, d.room, d.state, d.error, d.attempts, d.sends, m.run_id AS production_run_id,
       m.actor AS asked_by, m.body, d.created_at, d.done_at AS died_at
FROM delivery d JOIN message m ON m.id = d.message_id
"""


def dead_letters(connection: Connection, *, room: str | None, limit: int) -> list[dict[str, Any]]:
    """Deliveries that failed too often, the newest first."""
    rows = connection.exec_driver_sql(
        f"{_LETTERS} WHERE d.state = 'dead' AND d.room = coalesce(%(room)s, d.room) ORDER BY d.id DESC LIMIT %(limit)s",
        {"room": room, "limit": limit},
    )
    return [dict(row) for row in rows.mappings()]


def letter(connection: Connection, delivery_id: int) -> dict[str, Any]:
    """A delivery, dead or not any more. Raises UnknownDelivery."""
    row = connection.exec_driver_sql(f"{_LETTERS} WHERE d.id = %(id)s", {"id": delivery_id}).mappings().first()
    if row is None:
        raise UnknownDelivery(delivery=delivery_id)
    return dict(row)


def dead_letter(connection: Connection, delivery_id: int) -> dict[str, Any]:
    """A delivery that is dead. Raises UnknownDelivery, NotDead."""
    found = letter(connection, delivery_id)
    if found["state"] != DeliveryState.DEAD:
        raise NotDead(delivery=delivery_id, state=found["state"])
    return found


def replay_letter(connection: Connection, delivery_id: int, *, actor: Actor) -> dict[str, Any]:
    """Carry a dead letter out again. Raises UnknownDelivery, NotDead."""
    found = dead_letter(connection, delivery_id)
    if mail.replay(connection, delivery_id):
        note(connection, [found], done="replayed", actor=actor)
    return letter(connection, delivery_id)


def discard_letter(connection: Connection, delivery_id: int, *, actor: Actor) -> dict[str, Any]:
    """Give a dead letter up for good; it stays readable. Raises UnknownDelivery, NotDead."""
    found = dead_letter(connection, delivery_id)
    if mail.discard(connection, delivery_id):
        note(connection, [found], done="discarded", actor=actor)
    return letter(connection, delivery_id)


def note(connection: Connection, acted_on: Iterable[Mapping[str, Any]], *, done: str, actor: Actor) -> None:
    """On the timeline of every run concerned: who looked after which of its messages."""
    kinds_of: dict[str, set[str]] = {}
    for row in acted_on:
        if row["production_run_id"]:
            kinds_of.setdefault(row["production_run_id"], set()).add(row["kind"])
    for run_id, kinds in kinds_of.items():
        mail.post(connection, _told(run_id, kinds, done=done, actor=actor), [], awaited=False)


def _told(run_id: str, kinds: Collection[str], *, done: str, actor: Actor) -> Message:
    event, message_id = events.OperatorActed(reason=done, after={"messages": sorted(kinds)}), ids.fresh("msg")
    return Message(
        id=message_id,
        kind=event.kind,
        body=messages.pack(event),
        actor=actor,
        correlation=message_id,
        created_at=clock.now(),
        run_id=run_id,
    )
