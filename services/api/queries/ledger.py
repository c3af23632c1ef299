"""The ledger as operators read it: what belongs to an order, a run or a message, how much gets done, and what waits. All bounded."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from services.api.queries import runs
from services.api.queries.operations import UNDONE
from services.api.queries.runs import View
from shared.storage.standing import ORDERS_OWN

MOST_MESSAGES = 200
MOST_RUNS = 100
MOST_READ = 20_000
"""Deliveries that the picture of the last hour is drawn from, the newest."""


def run_called(connection: Connection, text: str) -> str | None:
    """The one run that is meant by an id, or by the end of one as people read it to each other."""
    found = connection.exec_driver_sql(
        "SELECT id FROM production_run WHERE id = %(id)s OR right(id, 6) = %(end)s LIMIT 2",
        {"id": text, "end": text.lower().removeprefix("run ")},
    ).scalars()
    ids = list(found)
    return ids[0] if len(ids) == 1 else None


# Looking up an order ------------------------------------------------------------------------------------------------


def orders_called(connection: Connection, number: str) -> list[dict[str, Any]]:
    """The orders with this id or display number, of whichever shop; one that is known by its lines or runs only too."""
    told = {"number": number, "bare": number.removeprefix("#")}
    rows = connection.exec_driver_sql(
        """SELECT source, order_id, display_id, off_reason, created_at FROM shop_order
           WHERE order_id = %(number)s OR display_id IN (%(number)s, %(bare)s)
           ORDER BY created_at DESC LIMIT 20""",
        told,
    )
    found = [dict(row) for row in rows.mappings()]
    return found or [dict(row) for row in connection.exec_driver_sql(_KNOWN_OTHERWISE, told).mappings()]


_KNOWN_OTHERWISE = """
SELECT DISTINCT ON (order_id) source, order_id, NULL AS display_id, NULL AS off_reason, created_at FROM (
    (SELECT source, order_id, created_at FROM production_run WHERE order_id = %(number)s LIMIT 1)
    UNION ALL (SELECT m.body ->> 'source', %(number)s, m.created_at FROM message m
        WHERE m.kind IN ('order.placed', 'order.updated', 'order.cancelled')
          AND coalesce((m.body -> 'order') ->> 'id', m.body ->> 'order_id') = %(number)s LIMIT 1)) found
"""


def lines_of(connection: Connection, order_id: str, source: str | None) -> list[dict[str, Any]]:
    """An order's lines, and what became of each."""
    rows = connection.exec_driver_sql(
        """SELECT id, order_line_item_id, outcome, reason, production_run_id, product_id, variant_id, left_at, created_at
           FROM order_line WHERE order_id = %(order)s AND source = coalesce(%(source)s, source) ORDER BY id LIMIT 200""",
        {"order": order_id, "source": source},
    )
    return [dict(row) for row in rows.mappings()]


def runs_of(connection: Connection, order_id: str) -> list[View]:
    """An order's runs, containers before their parts."""
    ids = connection.exec_driver_sql(
        f"SELECT id FROM production_run WHERE order_id = %(order)s ORDER BY id LIMIT {MOST_RUNS}", {"order": order_id}
    )
    return runs.several(connection, list(ids.scalars()))


_MESSAGES = f"""
WITH those AS MATERIALIZED (
    (SELECT m.id, m.seq FROM message m WHERE {ORDERS_OWN})
    UNION (SELECT m.id, m.seq FROM message m WHERE m.run_id = ANY(%(runs)s::text[]) ORDER BY m.seq DESC LIMIT {MOST_MESSAGES}))
SELECT m.id, m.kind, m.run_id, m.actor, m.created_at,
       d.id AS delivery_id, d.actor AS hearer, d.state, d.error, d.refusal, d.done_at
FROM (SELECT id, seq FROM those ORDER BY seq DESC LIMIT {MOST_MESSAGES}) t
JOIN message m ON m.id = t.id LEFT JOIN delivery d ON d.message_id = m.id
ORDER BY m.seq, d.id
"""


def messages_of(connection: Connection, order_id: str, run_ids: Sequence[str]) -> list[dict[str, Any]]:
    """The newest messages of an order and its runs in their order, each with every delivery's end."""
    rows = connection.exec_driver_sql(_MESSAGES, {"order": order_id, "runs": list(run_ids)})
    return [dict(row) for row in rows.mappings()]


# What gets done -----------------------------------------------------------------------------------------------------


def done_by_minute(connection: Connection, *, at: datetime, minutes: int) -> list[dict[str, Any]]:
    """How many deliveries of each room were done in every minute until `at`, among the newest MOST_READ."""
    rows = connection.exec_driver_sql(
        f"""SELECT room, date_trunc('minute', done_at) AS minute, count(*) AS done
            FROM (SELECT room, state, done_at FROM delivery ORDER BY id DESC LIMIT {MOST_READ}) newest
            WHERE state IN ('done', 'refused') AND done_at > %(since)s GROUP BY 1, 2""",
        {"since": at - timedelta(minutes=minutes)},
    )
    return [dict(row) for row in rows.mappings()]


def waiting_by_state(connection: Connection) -> list[dict[str, Any]]:
    """Undone deliveries by how they stand: how many, and since when the oldest."""
    rows = connection.exec_driver_sql(
        f"""SELECT CASE WHEN state = 'dead' THEN 'dead' WHEN attempts > 0 THEN 'put_off'
                       WHEN next_at <= clock_timestamp() THEN 'ready' ELSE 'handed_out' END AS standing,
                  count(*) AS count, min(created_at) AS since
           FROM {UNDONE} GROUP BY 1"""
    )
    return [dict(row) for row in rows.mappings()]
