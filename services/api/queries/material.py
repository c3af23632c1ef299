"""Consumption logs and movements as they are read, and what a run cost."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, RowMapping, Select, select

from services.api.queries import lists
from shared.domain import costs
from shared.domain.consumption import ConsumedBy, ConsumptionType
from shared.domain.costs import Summary
from shared.domain.policy import Rates
from shared.domain.runs import TERMINAL
from shared.storage import stock
from shared.storage.tables import consumption_log, production_run, stock_movement

FILTERS = (*lists.LIST_PARAMETERS, "consumption_type", "is_committed", "consumed_by", "inventory_item_id")
_L, _M, _R = consumption_log.c, stock_movement.c, production_run.c
_ROWS: Select[Any] = select(*(_L[name] for name in stock.LOG_COLUMNS), _L.created_at, _L.updated_at)


def of_run(connection: Connection, run_id: str, query: Mapping[str, str]) -> dict[str, Any]:
    """A page of a run's logs."""
    return _page(connection, _L.production_run_id == run_id, query)


def of_design(connection: Connection, design_id: str, query: Mapping[str, str]) -> dict[str, Any]:
    """A page of the logs of all runs of a design."""
    return _page(connection, _L.design_id == design_id, query)


def log(connection: Connection, log_id: str) -> dict[str, Any]:
    """One log; it is there."""
    return _body(connection.execute(_ROWS.where(_L.id == log_id)).mappings().one())


def movements(connection: Connection, log_ids: Sequence[str]) -> list[dict[str, Any]]:
    """The movements of these logs, in the order they were written; a log that moved nothing has none."""
    columns = ("id", "inventory_item_id", "location_id", "quantity", "shortfall", "reason", "consumption_log_id")
    rows = select(*(_M[name] for name in columns), _M.run_id.label("production_run_id"), _M.created_at)
    return [
        dict(row)
        for row in connection.execute(rows.where(_M.consumption_log_id.in_(log_ids)).order_by(_M.seq)).mappings()
    ]


def open_runs_of_design(connection: Connection, design_id: str) -> list[str]:
    """The runs of a design that are worked on themselves and have not ended, oldest first."""
    rows = select(_R.id).where(_R.design_id == design_id, _R.child_count == 0, _R.status.not_in(list(TERMINAL)))
    return list(connection.scalars(rows.order_by(_R.id)))


def run_of_design(connection: Connection, design_id: str, run_id: str) -> bool:
    """This run is of this design."""
    found = select(_R.id).where(_R.id == run_id, _R.design_id == design_id)
    return connection.execute(found).first() is not None


def summary(connection: Connection, run_id: str) -> Summary:
    """What a run and all below it cost so far, by the policy's rates of today."""
    return costs.summary(stock.cost_facts(connection, run_id, only_committed=False), _rates(connection))


def _rates(connection: Connection) -> Rates:
    stored = connection.exec_driver_sql("SELECT config->'rates' FROM policy WHERE id = 1").scalar()
    known = {name: value for name, value in (stored or {}).items() if name in Rates.__struct_fields__}
    return msgspec.convert(known, Rates, strict=False)


def _page(connection: Connection, where: ColumnElement[bool], query: Mapping[str, str]) -> dict[str, Any]:
    return lists.page(
        connection,
        _ROWS.where(where),
        query=query,
        key=_L.id,
        filters={
            "consumption_type": lists.equals(_L.consumption_type, ConsumptionType),
            "is_committed": lists.flag(_L.is_committed),
            "consumed_by": lists.equals(_L.consumed_by, ConsumedBy),
            "inventory_item_id": lists.equals(_L.inventory_item_id),
        },
        sorts={"created_at": _L.created_at, "consumed_at": _L.consumed_at},
        plural="consumption_logs",
        render=_body,
    )


def _body(row: RowMapping) -> dict[str, Any]:
    return {name: row[name] for name in (*stock.LOG_COLUMNS, "created_at", "updated_at")}
