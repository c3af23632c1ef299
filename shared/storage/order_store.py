"""Order lines: every line of every order, once. Copies of one order wait for each other here."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from shared.domain.orders import Outcome
from shared.storage.writes import Writes

THIN = ""
"""Stands for the lines of an order whose lines are not known yet; no line of a shop has an empty id."""


class OrderStore:
    """The order lines of one unit of work."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._lines: list[dict[str, Any]] = []

    def lock(self, *, source: str, order_id: str) -> set[str]:
        """Hold the order until commit and return the ids of its lines that are recorded already.

        Two statements: the second must see what the copy before us committed while we waited.
        """
        key = {"source": source, "order": order_id}
        self._connection.exec_driver_sql(
            "SELECT pg_advisory_xact_lock(hashtextextended(%(source)s || chr(1) || %(order)s, 0))", key
        )
        return set(
            self._connection.exec_driver_sql(
                "SELECT order_line_item_id FROM order_line WHERE source = %(source)s AND order_id = %(order)s", key
            ).scalars()
        )

    def add(
        self,
        *,
        line_id: str,
        source: str,
        order_id: str,
        order_line_item_id: str,
        outcome: Outcome,
        reason: str,
        run_id: str | None,
        body: Any,
        at: datetime,
    ) -> None:
        """Record what became of a line."""
        self._lines.append(
            {
                "id": line_id,
                "source": source,
                "order_id": order_id,
                "order_line_item_id": order_line_item_id,
                "outcome": outcome.value,
                "reason": reason,
                "production_run_id": run_id,
                "body": body,
                "created_at": at,
                "updated_at": at,
            }
        )

    def settle_thin(self, *, source: str, order_id: str) -> None:
        """The lines of a parked order came; what stood for them is no longer waited for."""
        self._connection.exec_driver_sql(
            """UPDATE order_line SET outcome = %(outcome)s, reason = 'its lines came later', updated_at = now()
               WHERE source = %(source)s AND order_id = %(order)s AND order_line_item_id = %(thin)s""",
            {"outcome": Outcome.IGNORED.value, "source": source, "order": order_id, "thin": THIN},
        )

    def flush(self, writes: Writes) -> None:
        writes.insert("order_line", self._lines)
