"""Figures for operators: the ledger by room, what is overdue or stuck, what a person must look at. Cheap enough for every scrape."""

from typing import Any

from sqlalchemy import Connection, func, select

from services.api.queries import runs
from shared.routing import Room
from shared.storage import tables

UNDONE = (
    """(SELECT * FROM delivery WHERE state = 'pending' UNION ALL SELECT * FROM delivery WHERE state = 'dead') undone"""
)
"""Deliveries that are not done: few, and each half has an index of its own."""

_QUEUES = f"""
SELECT room,
       count(*) FILTER (WHERE state = 'pending' AND next_at <= clock_timestamp()) AS ready,
       count(*) FILTER (WHERE state = 'pending' AND next_at > clock_timestamp() AND sends > 0) AS handed_out,
       count(*) FILTER (WHERE state = 'dead') AS dead,
       coalesce(extract(epoch FROM clock_timestamp() - min(created_at) FILTER (WHERE state = 'pending')), 0)::float AS oldest_seconds
FROM {UNDONE} GROUP BY room
"""

_COUNTS = {
    "overdue_gates": """SELECT count(*) FROM production_run
                        WHERE overdue_at IS NOT NULL AND status NOT IN ('completed', 'cancelled')""",
    "parked_messages": "SELECT count(*) FROM parked_message WHERE state = 'parked'",
    "failed_notifications": "SELECT count(*) FROM notification WHERE state = 'failed'",
    "refusals_last_day": "SELECT count(*) FROM delivery WHERE state = 'refused' AND done_at > now() - interval '1 day'",
}
"""One figure each."""


def queues(connection: Connection) -> list[dict[str, Any]]:
    """Every room: ready to hand out, handed out and not done, dead, and the age of the oldest that is not done."""
    found = {row["room"]: dict(row) for row in connection.exec_driver_sql(_QUEUES).mappings()}
    empty = {"ready": 0, "handed_out": 0, "dead": 0, "oldest_seconds": 0.0}
    rooms = [*(room.value for room in Room), *sorted(found.keys() - {room.value for room in Room})]
    return [{"room": room, **empty, **found.get(room, {})} for room in rooms]


def lag_seconds(connection: Connection) -> float:
    """For how long the oldest due delivery has waited for somebody to hand it out; those behind another of their lane wait rightly."""
    found = connection.exec_driver_sql(
        """SELECT extract(epoch FROM clock_timestamp() - min(d.next_at))::float FROM delivery d
           WHERE d.state = 'pending' AND d.next_at <= clock_timestamp()
             AND (d.run_id IS NULL OR NOT EXISTS (
                 SELECT 1 FROM delivery o WHERE o.run_id = d.run_id AND o.state = 'pending' AND o.id < d.id))"""
    ).scalar()
    return round(found or 0.0, 3)


def counts(connection: Connection) -> dict[str, int]:
    """The single figures."""
    stuck = select(func.count()).select_from(tables.production_run).where(runs.STUCK)
    return {
        **{name: connection.exec_driver_sql(statement).scalar_one() for name, statement in _COUNTS.items()},
        "stuck_runs": connection.execute(stuck).scalar_one(),
    }


def alarms(connection: Connection) -> list[dict[str, Any]]:
    """What waits for a person before it goes on."""
    rows = connection.exec_driver_sql(
        "SELECT name, detail, raised_at, released_until FROM alarm ORDER BY raised_at"
    ).mappings()
    return [dict(row) for row in rows]


def runs_by_status(connection: Connection) -> dict[str, int]:
    """How many runs stand where."""
    rows = connection.exec_driver_sql("SELECT status, count(*) FROM production_run GROUP BY status")
    return {row[0]: row[1] for row in rows}
