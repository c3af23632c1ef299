"""The ledger: messages and their deliveries. Posting, claiming, locking, answering; the broker is only a doorbell beside it."""

from collections.abc import Collection, Sequence
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from typing import Any

import msgspec
from sqlalchemy import Connection

from shared.domain.policy import Policy, effective
from shared.domain.refusals import Refusal
from shared.domain.runs import Run
from shared.messages import Message
from shared.routing import Address
from shared.storage.run_store import RUN_LIST, as_run
from shared.storage.writes import Writes

LEDGER_CHANNEL = "loomline_ledger"
"""NOTIFY: deliveries are due; whoever hands them out looks."""

ANSWER_CHANNEL = "loomline_answer"
"""NOTIFY with an Answer as JSON, or with a message id alone when the answer is too long to be carried."""

LONGEST_NOTICE = 7_500
"""PostgreSQL carries less than 8,000 bytes in a notice."""

LEASE_SECONDS = 15
"""How long a handed-out delivery may stay undone before it is handed out again; it doubles with every sending."""

LONGEST_LEASE_SECONDS = 600
FAULTS_UNTIL_DEAD = 10
STARTS_UNTIL_DEAD = 5
LONGEST_BACKOFF_SECONDS = 300


class DeliveryState(StrEnum):
    """Where a delivery stands. A dead one stays for ever, until a person replays or discards it."""

    PENDING = "pending"
    DONE = "done"
    REFUSED = "refused"
    DEAD = "dead"
    DISCARDED = "discarded"


class Ring(msgspec.Struct, frozen=True):
    """A claimed delivery as the broker carries it: nothing but its id and where to ring."""

    delivery_id: int
    actor: str
    room: str


class Claimed(msgspec.Struct):
    """A locked delivery with all that its actor needs, read in one round trip."""

    delivery_id: int
    actor: str
    lane_run_id: str | None
    sends: int
    starts: int
    awaited: bool
    message: Message
    run: Run | None
    policy: Policy
    now: datetime


class Answer(msgspec.Struct, frozen=True):
    """What became of a command."""

    message_id: str
    kind: str
    state: DeliveryState
    run_id: str | None
    tenant: str | None
    asked_by: str | None
    result: dict[str, Any] | None
    refusal: dict[str, Any] | None


def add_messages(writes: Writes, posts: Sequence[tuple[Message, Sequence[Address]]], *, awaited: bool = False) -> bool:
    """Put messages and their deliveries among the writes. True when somebody must be rung for them."""
    writes.insert("message", [_message_row(message) for message, _ in posts], on_conflict="(id) DO NOTHING")
    deliveries = [
        {
            "message_id": message.id,
            "actor": address.actor,
            "room": address.room.value,
            "run_id": address.lane_run_id,
            "awaited": awaited,
        }
        for message, addresses in posts
        for address in addresses
    ]
    writes.insert("delivery", deliveries, on_conflict="(message_id, actor) DO NOTHING")
    return bool(deliveries)


def post(connection: Connection, message: Message, addresses: Sequence[Address], *, awaited: bool) -> None:
    """Store one message with its deliveries and ring, in the caller's transaction."""
    writes = Writes()
    add_messages(writes, [(message, addresses)], awaited=awaited)
    writes.send(connection, finally_=f"SELECT pg_notify('{LEDGER_CHANNEL}', '')")


_CLAIM_DUE = f"""
WITH due AS MATERIALIZED (
    SELECT d.id FROM delivery d
    WHERE d.state = 'pending' AND d.next_at <= clock_timestamp()
      AND d.actor = ANY(%(actors)s) AND d.room <> ALL(%(full_rooms)s)
      AND (d.run_id IS NULL OR NOT EXISTS (
          SELECT 1 FROM delivery o WHERE o.run_id = d.run_id AND o.state = 'pending' AND o.id < d.id))
    ORDER BY d.next_at
    LIMIT %(limit)s
    FOR NO KEY UPDATE OF d SKIP LOCKED)
UPDATE delivery d
SET sends = d.sends + 1, sender = %(sender)s,
    next_at = clock_timestamp()
        + least({LEASE_SECONDS} * power(2, least(d.sends, 10)), {LONGEST_LEASE_SECONDS}) * interval '1 second'
FROM due WHERE d.id = due.id
RETURNING d.id, d.actor, d.room
"""


def claim_due(
    connection: Connection, *, actors: Collection[str], limit: int, sender: str, full_rooms: Collection[str] = ()
) -> list[Ring]:
    """Take the lease of due deliveries, the oldest of each lane only. Commit before ringing.

    actors: the handlers known here; deliveries for others wait for somebody who knows them.
    """
    rows = connection.exec_driver_sql(
        _CLAIM_DUE, {"actors": list(actors), "limit": limit, "sender": sender, "full_rooms": list(full_rooms)}
    )
    return sorted((Ring(*row) for row in rows), key=lambda ring: ring.delivery_id)


def give_back(connection: Connection, delivery_ids: Collection[int]) -> None:
    """End the leases of deliveries that could not be handed out; they are due again at once."""
    connection.exec_driver_sql(
        """UPDATE delivery SET next_at = clock_timestamp(), sends = greatest(sends - 1, 0), sender = NULL
           WHERE id = ANY(%(ids)s) AND state = 'pending'""",
        {"ids": list(delivery_ids)},
    )


def reset_leases(connection: Connection, *, sender: str) -> int:
    """After a (re)connection: what this sender handed out and is not done may be lost, so it is due again. Returns how many."""
    return connection.exec_driver_sql(
        """UPDATE delivery SET next_at = clock_timestamp()
           WHERE state = 'pending' AND sender = %(sender)s AND next_at > clock_timestamp()""",
        {"sender": sender},
    ).rowcount


def in_flight(connection: Connection) -> dict[str, int]:
    """Deliveries handed out and not done yet, by room."""
    rows = connection.exec_driver_sql(
        "SELECT room, count(*) FROM delivery WHERE state = 'pending' AND next_at > clock_timestamp() AND sender IS NOT NULL GROUP BY room"
    )
    return {row[0]: row[1] for row in rows}


_LOCK = f"""
WITH d AS MATERIALIZED (
    SELECT id, message_id, actor, run_id, sends, starts, awaited FROM delivery
    WHERE id = %(id)s AND state = 'pending' FOR NO KEY UPDATE SKIP LOCKED),
r AS MATERIALIZED (
    SELECT {RUN_LIST} FROM production_run WHERE id = (SELECT run_id FROM d) FOR NO KEY UPDATE)
SELECT d.id, d.actor, d.run_id, d.sends, d.starts, d.awaited,
       row_to_json(m)::text, coalesce(p.config::text, '{{}}'), clock_timestamp(), row_to_json(r)::text
FROM d JOIN message m ON m.id = d.message_id LEFT JOIN policy p ON p.id = 1 LEFT JOIN r ON true
"""
_as_message = msgspec.json.Decoder(Message).decode


def lock(connection: Connection, delivery_id: int) -> Claimed | None:
    """Lock a pending delivery and the run of its lane. None when it is done, or another copy of it is being carried out."""
    row = connection.exec_driver_sql(_LOCK, {"id": delivery_id}).first()
    if row is None:
        return None
    return Claimed(
        delivery_id=row[0],
        actor=row[1],
        lane_run_id=row[2],
        sends=row[3],
        starts=row[4],
        awaited=row[5],
        message=_as_message(row[6]),
        policy=_policy(row[7]),
        now=row[8],
        run=as_run(row[9]) if row[9] else None,
    )


def is_pending(connection: Connection, delivery_id: int) -> bool:
    """The delivery is not done in any way yet."""
    return bool(
        connection.exec_driver_sql(
            "SELECT 1 FROM delivery WHERE id = %(id)s AND state = 'pending'", {"id": delivery_id}
        ).scalar()
    )


def mark_start(connection: Connection, delivery_id: int) -> int | None:
    """Count the beginning of a suspicious delivery, before its actor runs. None when it is not pending any more.

    One that was begun too often, and never ended in anything, kills its worker: it is dead from here.
    """
    return connection.exec_driver_sql(
        """UPDATE delivery SET starts = starts + 1,
               state = CASE WHEN starts >= %(limit)s THEN 'dead' ELSE state END,
               done_at = CASE WHEN starts >= %(limit)s THEN clock_timestamp() END,
               error = CASE WHEN starts >= %(limit)s
                   THEN 'it was begun ' || starts || ' times and never ended: it kills its worker' ELSE error END
           WHERE id = (SELECT id FROM delivery WHERE id = %(id)s AND state = 'pending' FOR NO KEY UPDATE SKIP LOCKED)
           RETURNING starts""",
        {"id": delivery_id, "limit": STARTS_UNTIL_DEAD},
    ).scalar()


_DONE = f"""
, done AS (
    UPDATE delivery SET state = %(state)s, done_at = clock_timestamp(), result = %(result)s::jsonb, refusal = %(refusal)s::jsonb
    WHERE id = %(delivery)s RETURNING id)
SELECT pg_notify('{LEDGER_CHANNEL}', '') FROM done
WHERE %(ring)s OR EXISTS (
    SELECT 1 FROM delivery o WHERE o.run_id = %(lane)s AND o.state = 'pending' AND o.id <> %(delivery)s)
"""
_DONE_AND_ANSWER = f"{_DONE} UNION ALL SELECT pg_notify('{ANSWER_CHANNEL}', %(notice)s) FROM done"


def finish(
    connection: Connection,
    claimed: Claimed,
    writes: Writes,
    *,
    result: dict[str, Any] | None = None,
    refusal: Refusal | None = None,
    ring: bool = False,
) -> None:
    """Write everything and mark the delivery done or refused, in one statement; then the caller commits."""
    finally_ = _DONE_AND_ANSWER if claimed.awaited else _DONE
    writes.send(
        connection,
        finally_=finally_ if writes.is_open else finally_.replace(",", "WITH", 1),
        state=(DeliveryState.REFUSED if refusal else DeliveryState.DONE).value,
        result=None if result is None else msgspec.json.encode(result).decode(),
        refusal=None if refusal is None else msgspec.json.encode(refusal.record()).decode(),
        delivery=claimed.delivery_id,
        ring=ring,
        lane=claimed.lane_run_id,
        notice=_notice(claimed, result, refusal) if claimed.awaited else None,
    )


def _notice(claimed: Claimed, result: dict[str, Any] | None, refusal: Refusal | None) -> str:
    """The answer as those who wait for it hear it."""
    message = claimed.message
    answer = Answer(
        message_id=message.id,
        kind=message.kind,
        state=DeliveryState.REFUSED if refusal else DeliveryState.DONE,
        run_id=message.run_id,
        tenant=message.tenant,
        asked_by=message.actor.id,
        result=result,
        refusal=refusal.record() if refusal else None,
    )
    text = msgspec.json.encode(answer)
    return text.decode() if len(text) <= LONGEST_NOTICE else message.id


def record_fault(connection: Connection, delivery_id: int, *, error: str) -> DeliveryState | None:
    """A bug or an outage: try again later, each time later, until it is dead. None when it was done meanwhile."""
    row = connection.exec_driver_sql(
        f"""WITH d AS (
            UPDATE delivery SET attempts = attempts + 1, starts = 0, sender = NULL, error = %(error)s,
                next_at = clock_timestamp() + least(power(2, attempts), {LONGEST_BACKOFF_SECONDS}) * interval '1 second',
                state = CASE WHEN attempts + 1 >= {FAULTS_UNTIL_DEAD} THEN 'dead' ELSE state END,
                done_at = CASE WHEN attempts + 1 >= {FAULTS_UNTIL_DEAD} THEN clock_timestamp() END
            WHERE id = %(id)s AND state = 'pending' RETURNING state, message_id, awaited)
        SELECT d.state, CASE WHEN d.awaited AND d.state = 'dead' THEN pg_notify('{ANSWER_CHANNEL}', d.message_id) END FROM d""",
        {"id": delivery_id, "error": error[:8000]},
    ).first()
    return DeliveryState(row[0]) if row else None


def answer(connection: Connection, message_id: str) -> Answer | None:
    """What became of a command so far. None when there is no such message."""
    row = connection.exec_driver_sql(
        """SELECT m.id, m.kind, d.state, m.run_id, m.tenant, m.actor->>'id', d.result, d.refusal
           FROM message m JOIN delivery d ON d.message_id = m.id WHERE m.id = %(id)s ORDER BY d.id LIMIT 1""",
        {"id": message_id},
    ).first()
    return Answer(row[0], row[1], DeliveryState(row[2]), *row[3:]) if row else None


def replay(connection: Connection, delivery_id: int) -> bool:
    """Make a dead delivery due again. False when it is not dead."""
    return bool(
        connection.exec_driver_sql(
            f"""WITH d AS (UPDATE delivery SET state = 'pending', attempts = 0, starts = 0, sends = 0, done_at = NULL,
                next_at = clock_timestamp() WHERE id = %(id)s AND state = 'dead' RETURNING id)
            SELECT pg_notify('{LEDGER_CHANNEL}', ''), id FROM d""",
            {"id": delivery_id},
        ).first()
    )


def hasten(connection: Connection, delivery_ids: Collection[int]) -> list[int]:
    """Make dead deliveries and those that pause due now; whoever carries one out already goes on alone. Returns which were.

    In the order of their ids, as everybody locks several rows.
    """
    rows = connection.exec_driver_sql(
        f"""WITH those AS MATERIALIZED (
                SELECT id FROM delivery WHERE id = ANY(%(ids)s) AND state IN ('dead', 'pending')
                ORDER BY id FOR NO KEY UPDATE SKIP LOCKED),
            d AS (UPDATE delivery SET state = 'pending', done_at = NULL, next_at = clock_timestamp(),
                attempts = CASE WHEN state = 'dead' THEN 0 ELSE attempts END,
                starts = CASE WHEN state = 'dead' THEN 0 ELSE starts END,
                sends = CASE WHEN state = 'dead' THEN 0 ELSE sends END
                WHERE id IN (SELECT id FROM those) RETURNING id),
            rung AS (SELECT pg_notify('{LEDGER_CHANNEL}', '') WHERE EXISTS (SELECT 1 FROM d))
            SELECT d.id FROM d LEFT JOIN rung ON true ORDER BY d.id""",
        {"ids": list(delivery_ids)},
    )
    return list(rows.scalars())


def discard(connection: Connection, delivery_id: int) -> bool:
    """Give a dead delivery up for good; it stays readable. False when it is not dead."""
    return bool(
        connection.exec_driver_sql(
            "UPDATE delivery SET state = 'discarded' WHERE id = %(id)s AND state = 'dead'", {"id": delivery_id}
        ).rowcount
    )


def _message_row(message: Message) -> dict[str, Any]:
    return {name: getattr(message, name) for name in _MESSAGE_COLUMNS}


_MESSAGE_COLUMNS = (
    "id",
    "kind",
    "version",
    "body",
    "run_id",
    "tenant",
    "actor",
    "correlation",
    "cause",
    "created_at",
)


def policy(connection: Connection) -> Policy:
    """The effective policy now."""
    stored = connection.exec_driver_sql("SELECT config::text FROM policy WHERE id = 1").scalar()
    return _policy(stored or "{}")


@lru_cache(maxsize=4)
def _policy(config: str) -> Policy:
    """The effective policy; the same stored document is read once."""
    return effective(msgspec.json.decode(config))
