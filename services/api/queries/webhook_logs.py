"""How the delivery log of each endpoint stands, for a list of endpoints: read at once, never one by one."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec
from sqlalchemy import Connection

MOST_COUNTED = 1_000
"""More failed ones are not counted."""


class Standing(msgspec.Struct, frozen=True):
    """failed: how many wait for a replay, at most MOST_COUNTED. state, at: of the newest delivery, if there is one."""

    failed: int
    state: str | None
    at: datetime | None


def of(connection: Connection, endpoint_ids: Sequence[str]) -> Mapping[str, Standing]:
    """Standings by endpoint."""
    rows = connection.exec_driver_sql(_STANDINGS, {"ids": list(endpoint_ids), "most": MOST_COUNTED})
    return {row[0]: Standing(*row[1:]) for row in rows}


_STANDINGS = """
SELECT e.id, failed.count, newest.state, newest.at
FROM webhook_endpoint e
CROSS JOIN LATERAL (SELECT count(*) FROM (
    SELECT FROM webhook_delivery WHERE endpoint_id = e.id AND state = 'failed' LIMIT %(most)s) counted) failed
LEFT JOIN LATERAL (
    SELECT state, coalesce(attempted_at, created_at) AS at FROM webhook_delivery
    WHERE endpoint_id = e.id ORDER BY id DESC LIMIT 1) newest ON true
WHERE e.id = ANY (%(ids)s)
"""
