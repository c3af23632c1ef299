"""Orders and their lines: every line of every order, once. Copies of one order wait for each other here."""

from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection

from shared.domain import refusals
from shared.domain.orders import Line, Outcome, Recorded, ShopOrder
from shared.storage.writes import Writes

THIN = ""
"""Stands for the lines of an order whose lines are not known yet; no line of a shop has an empty id."""

_as_order = msgspec.json.Decoder(ShopOrder).decode
_as_lines = msgspec.json.Decoder(list[Recorded]).decode


class OrderStore:
    """The orders and order lines of one unit of work."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._orders: list[tuple[ShopOrder, ShopOrder | None]] = []
        self._lines: list[dict[str, Any]] = []
        self._changes: dict[str, dict[str, Any]] = {}

    def lock(self, *, source: str, order_id: str) -> tuple[ShopOrder, dict[str, Recorded]]:
        """Hold the order until commit; what is known of it, and its recorded lines by the shop's ids.

        Two statements: the second must see what the copy before us committed while we waited.
        """
        key = {"source": source, "order": order_id}
        self._connection.exec_driver_sql(
            "SELECT pg_advisory_xact_lock(hashtextextended(%(source)s || chr(1) || %(order)s, 0))", key
        )
        order, lines = self._connection.exec_driver_sql(_KNOWN, key).one()
        before = _as_order(order) if order else None
        known = msgspec.structs.replace(before) if before else ShopOrder(source=source, order_id=order_id)
        self._orders.append((known, before))
        return known, {line.order_line_item_id: line for line in _as_lines(lines)}

    def order_of(self, line_id: str) -> tuple[str, str]:
        """Source and id of the order a recorded line belongs to. Raises NotFound."""
        found = self._connection.exec_driver_sql(
            "SELECT source, order_id FROM order_line WHERE id = %(id)s", {"id": line_id}
        ).first()
        if found is None:
            raise refusals.NotFound(thing="order line")
        return found[0], found[1]

    def unmapped_of(self, product_id: str) -> list[str]:
        """Ids of the lines that wait for a design of a product."""
        return list(
            self._connection.exec_driver_sql(
                "SELECT id FROM order_line WHERE outcome = 'unmapped' AND product_id = %(product)s ORDER BY id",
                {"product": product_id},
            ).scalars()
        )

    def add(
        self,
        *,
        line_id: str,
        source: str,
        order_id: str,
        order_line_item_id: str,
        line: Line | None,
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
                "product_id": line.product_id if line else None,
                "variant_id": line.variant_id if line else None,
                "body": body,
                "created_at": at,
                "updated_at": at,
            }
        )

    def change(self, recorded: Recorded, **columns: Any) -> None:
        """Change columns of a recorded line of a locked order."""
        self._changes.setdefault(recorded.id, {"id": recorded.id}).update(columns)

    def flush(self, writes: Writes) -> None:
        """Put the differences among the writes."""
        changed = [msgspec.structs.asdict(order) for order, before in self._orders if order != before]
        writes.insert("shop_order", changed, on_conflict=_KEEP_ORDER)
        writes.insert("order_line", self._lines)
        by_columns: dict[tuple[str, ...], list[dict[str, Any]]] = {}
        for change in self._changes.values():
            by_columns.setdefault(tuple(change), []).append(change)
        for rows in by_columns.values():
            writes.update("order_line", rows)


_KEPT = ("display_id", "off_reason", "changed_at", "live_at", "has_lines")
_KEEP_ORDER = f"""(source, order_id) DO UPDATE SET updated_at = now(),
    {", ".join(f"{name} = excluded.{name}" for name in _KEPT)}"""
_KNOWN = """
SELECT (SELECT row_to_json(o)::text FROM shop_order o WHERE o.source = %(source)s AND o.order_id = %(order)s),
       coalesce((SELECT json_agg(l)::text FROM (
           SELECT id, order_line_item_id, outcome, production_run_id, left_at, body
           FROM order_line WHERE source = %(source)s AND order_id = %(order)s ORDER BY id) l), '[]')
"""
