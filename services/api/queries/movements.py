"""The ledger of stock as it is read: every movement, newest first."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Select, select

from services.api.queries import lists
from shared.storage.tables import stock_movement

_M = stock_movement.c
_COLUMNS = ("id", "inventory_item_id", "location_id", "quantity", "shortfall", "reason", "consumption_log_id")
_ROWS: Select[Any] = select(*(_M[name] for name in _COLUMNS), _M.run_id.label("production_run_id"), _M.created_at)

FILTERS = (*lists.LIST_PARAMETERS, "inventory_item_id", "location_id", "production_run_id", "reason", "short")


def page(connection: Connection, query: Mapping[str, str]) -> dict[str, Any]:
    """A page of movements. `short`: those that took more than there was."""
    return lists.page(
        connection,
        _ROWS,
        query=query,
        key=_M.id,
        filters={
            "inventory_item_id": lists.equals(_M.inventory_item_id),
            "location_id": lists.equals(_M.location_id),
            "production_run_id": lists.equals(_M.run_id),
            "reason": lists.equals(_M.reason),
            "short": lists.flag(_M.shortfall > 0),
        },
        sorts={"created_at": _M.created_at},
        plural="stock_movements",
        render=lambda row: {name: row[name] for name in (*_COLUMNS, "production_run_id", "created_at")},
    )
