"""How much stands at partners and on shelves: open runs, overdue ones, stock. Counted in one statement for a whole page, and only so far."""

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection

from shared.domain.runs import TERMINAL, Status

MOST = 1000
"""Nobody is helped by a number above it, and counting it would take long."""

OPEN = tuple(status.value for status in Status if status not in TERMINAL)


class Load(msgspec.Struct, frozen=True):
    """Runs of a partner that have not ended, and those of them that are overdue. MOST stands for that many or more."""

    open: int
    overdue: int


def of_partners(connection: Connection, partner_ids: Sequence[str]) -> dict[str, Load]:
    """The load of each of these partners."""
    found = connection.exec_driver_sql(_LOADS, {"ids": list(partner_ids), "open": list(OPEN), "most": MOST})
    return {row[0]: Load(row[1], row[2]) for row in found}


def stocked(connection: Connection, item_ids: Sequence[str]) -> dict[str, Any]:
    """How much there is of each of these items, in all places."""
    found = connection.exec_driver_sql(_STOCKED, {"ids": list(item_ids)})
    return {row[0]: row[1] for row in found}


_RUNS = """SELECT count(*) FROM (
    SELECT 1 FROM production_run r WHERE r.partner_id = p.id AND r.child_count = 0 AND r.status = ANY(%(open)s)"""
_LOADS = f"""
SELECT p.id, ({_RUNS} LIMIT %(most)s) counted), ({_RUNS} AND r.overdue_at IS NOT NULL LIMIT %(most)s) counted)
FROM unnest(%(ids)s::text[]) AS p(id)
"""
_STOCKED = """
SELECT inventory_item_id, sum(stocked) FROM stock_level
WHERE inventory_item_id = ANY(%(ids)s) GROUP BY inventory_item_id
"""
