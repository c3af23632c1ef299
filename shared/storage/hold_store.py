"""Holds of a run that are over: read off the timeline, which keeps every one of them."""

from datetime import datetime

from sqlalchemy import Connection

from shared.domain.events import RunHeld, RunResumed


def turns(connection: Connection, run_id: str, *, since: datetime | None) -> list[tuple[str, datetime]]:
    """Every hold and resumption of a run since an instant, by kind and instant, in order."""
    rows = connection.exec_driver_sql(
        """SELECT kind, created_at FROM message
           WHERE run_id = %(run)s AND kind = ANY(%(kinds)s) AND created_at >= coalesce(%(since)s, created_at)
           ORDER BY seq""",
        {"run": run_id, "kinds": [RunHeld.kind, RunResumed.kind], "since": since},
    )
    return [(kind, at) for kind, at in rows]
