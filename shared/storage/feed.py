"""The feed: the ledger's events in an order in which nothing is skipped, read once by each reader, whoever of its copies reads.

A transaction that began early may commit late, so neither the id nor the time of the newest row that was seen says what is
still to come. The feed goes by (transaction, seq) and ends before the oldest transaction that is still under way.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection

from shared.domain.events import EVENTS
from shared.domain.news import Happened

WEBHOOKS = "webhooks"
AMQP = "amqp"

OF_EVENTS = "m.kind NOT LIKE 'run.%%' AND m.kind = ANY(%(kinds)s)"
"""What the feed is made of. The first half says the same as its index; no event has such a kind."""

KINDS = list(EVENTS)


class Place(NamedTuple):
    """Where a reader is: behind this row of this transaction. xid: as text, it is longer than our integers may be."""

    xid: str
    seq: int


class Batch(NamedTuple):
    """Events in the order of a run's own, and where the reader is behind them."""

    events: list[Happened]
    behind: Place | None


def begin(connection: Connection, name: str) -> None:
    """A reader that is not known yet begins now: behind all that has ended, before all that is still under way."""
    connection.exec_driver_sql(
        """INSERT INTO feed (name, xid, seq) SELECT %(name)s, pg_snapshot_xmin(pg_current_snapshot()), 0
           WHERE NOT EXISTS (SELECT 1 FROM feed WHERE name = %(name)s) ON CONFLICT (name) DO NOTHING""",
        {"name": name},
    )


def settle_in(connection: Connection) -> bool:
    """Transactions count from elsewhere when a dump was restored into another server: begin anew there, and leave out nothing.

    What no reader had told, and all that was written since, is told; what all had told is not told again. False when nothing
    was amiss. It may take a while: every message is looked at.
    """
    if not connection.exec_driver_sql(_IS_FOREIGN).scalar():
        return False
    connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
    connection.exec_driver_sql("SET LOCAL lock_timeout = 0")
    connection.exec_driver_sql("SELECT pg_advisory_xact_lock(hashtextextended('feed:settle_in', 0))")
    oldest, next_ = connection.exec_driver_sql(
        "SELECT pg_snapshot_xmin(s)::text, pg_snapshot_xmax(s)::text FROM pg_current_snapshot() s"
    ).one()
    for statement in _SETTLE_IN:
        connection.exec_driver_sql(statement, {"oldest": oldest, "next": next_})
    return True


_IS_FOREIGN = """
SELECT EXISTS (SELECT 1 FROM feed WHERE xid > pg_snapshot_xmax(pg_current_snapshot()))
    OR EXISTS (SELECT 1 FROM message WHERE xid > pg_snapshot_xmax(pg_current_snapshot()) AND kind NOT LIKE 'run.%%')
"""
_SETTLE_IN = (
    """WITH old AS MATERIALIZED (SELECT max(seq) AS seq FROM message WHERE xid > %(next)s::xid8)
       UPDATE message m SET xid = CASE WHEN m.seq > old.seq OR (m.xid, m.seq) > (
           SELECT xid, seq FROM feed WHERE xid > %(next)s::xid8 ORDER BY xid, seq LIMIT 1) THEN pg_current_xact_id() END
       FROM old WHERE m.xid > %(next)s::xid8 OR m.seq > old.seq""",
    "UPDATE webhook_endpoint SET begins_xid = '0' WHERE begins_xid > %(next)s::xid8",
    "UPDATE feed SET xid = %(oldest)s::xid8, seq = 0 WHERE xid > %(next)s::xid8",
)


def take(connection: Connection, name: str) -> Place | None:
    """Take the reader's turn until the transaction ends. None while another copy has it, or nobody has begun.

    A lock on the row would give us a number of our own, and every feed would wait for us while we speak to the outside.
    """
    taken = connection.exec_driver_sql(
        "SELECT pg_try_advisory_xact_lock(hashtextextended('feed:' || %(name)s, 0))", {"name": name}
    ).scalar()
    if not taken:
        return None
    row = connection.exec_driver_sql("SELECT xid::text, seq FROM feed WHERE name = %(name)s", {"name": name}).first()
    return Place(*row) if row else None


def read(connection: Connection, place: Place, *, limit: int) -> Batch:
    """The next events behind a place. Within a batch the order is that of writing, which is a run's own."""
    rows = connection.exec_driver_sql(_READ, {"xid": place.xid, "seq": place.seq, "kinds": KINDS, "limit": limit}).all()
    if not rows:
        return Batch([], None)
    last = max(rows, key=lambda row: (int(row[0]), row[1]))
    ordered = sorted(rows, key=lambda row: row[1])
    return Batch([happened(row[2:]) for row in ordered], Place(last[0], last[1]))


def advance(connection: Connection, name: str, place: Place) -> None:
    """All before this place was handed on; it counts when the transaction commits."""
    connection.exec_driver_sql(
        "UPDATE feed SET xid = %(xid)s::xid8, seq = %(seq)s, updated_at = clock_timestamp() WHERE name = %(name)s",
        {"name": name, **place._asdict()},
    )


def skip(connection: Connection, name: str) -> None:
    """Nobody is to be told: go on behind all that has ended."""
    connection.exec_driver_sql(
        f"""UPDATE feed f SET xid = pg_snapshot_xmin(pg_current_snapshot()), seq = 0, updated_at = clock_timestamp()
            WHERE f.name = %(name)s AND EXISTS (
                SELECT 1 FROM message m WHERE (m.xid, m.seq) > (f.xid, f.seq)
                AND m.xid < pg_snapshot_xmin(pg_current_snapshot()) AND {OF_EVENTS})""",
        {"name": name, "kinds": KINDS},
    )


def lags(connection: Connection) -> dict[str, float]:
    """For how many seconds the oldest event that a reader has not handed on has waited, by reader."""
    rows = connection.exec_driver_sql(
        f"""SELECT f.name, coalesce(extract(epoch FROM clock_timestamp() - (
                SELECT m.created_at FROM message m WHERE (m.xid, m.seq) > (f.xid, f.seq) AND {OF_EVENTS}
                ORDER BY m.xid, m.seq LIMIT 1)), 0)::float
            FROM feed f ORDER BY f.name""",
        {"kinds": KINDS},
    )
    return {row[0]: max(0.0, round(row[1], 3)) for row in rows}


# The order of a run's events is that of writing, because whoever writes one holds the run's lock; so its number never changes.
TOLD = """m.id, m.kind, m.version, m.body, coalesce(m.actor->>'kind', 'system'), m.created_at, m.correlation, m.cause, m.run_id, m.tenant,
       (SELECT count(*) FROM message o WHERE o.run_id = m.run_id AND o.seq <= m.seq AND o.kind = ANY(%(kinds)s)),
       r.design_id, r.order_id, r.order_line_item_id, r.parent_run_id, r.partner_id, coalesce(r.child_count > 0, false), m.xid::text"""
"""An event with what it is told with; beside it stand `message m` and `production_run r`."""

_READ = f"""
SELECT m.xid::text, m.seq, {TOLD}
FROM message m LEFT JOIN production_run r ON r.id = m.run_id
WHERE (m.xid, m.seq) > (%(xid)s::xid8, %(seq)s::bigint) AND m.xid < pg_snapshot_xmin(pg_current_snapshot()) AND {OF_EVENTS}
ORDER BY m.xid, m.seq LIMIT %(limit)s
"""


def happened(row: Sequence[Any]) -> Happened:
    """The event of a row of TOLD. One without a run has no number."""
    values = dict(zip(Happened.__struct_fields__, row, strict=True))
    return Happened(**{**values, "number": values["number"] if values["run_id"] else None})
