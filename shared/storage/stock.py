"""Material: logs of runs, levels, the ledger of movements. Logs are covered by their run's lock, levels are locked by id."""

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection

from shared.domain.consumption import Consumption, Entry, Level, Movement, Unit
from shared.domain.costs import Facts, SampleCost
from shared.domain.runs import Run
from shared.storage.writes import Writes

LOG_COLUMNS = Consumption.__struct_fields__
_LOG_LIST = ", ".join(LOG_COLUMNS)
_as_log = msgspec.json.Decoder(Consumption).decode
_as_level = msgspec.json.Decoder(Level).decode
_as_facts = msgspec.json.Decoder(Facts).decode


class StockStore:
    """The material of one unit of work."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._logs: list[Consumption] = []
        self._committed: list[Consumption] = []
        self._levels: dict[str, tuple[Level, Any]] = {}
        self._movements: list[dict[str, Any]] = []
        self._prices: dict[str, SampleCost] = {}

    # Reading --------------------------------------------------------------------------------------------------------

    def open_logs(self, run_ids: Collection[str]) -> list[Consumption]:
        """The logs of locked runs that are not committed, in the order they were made."""
        rows = self._connection.exec_driver_sql(
            f"""SELECT row_to_json(log)::text FROM (
                    SELECT {_LOG_LIST} FROM consumption_log
                    WHERE production_run_id = ANY(%(runs)s) AND NOT is_committed ORDER BY consumed_at, id) log""",
            {"runs": list(run_ids)},
        ).scalars()
        return [_as_log(row) for row in rows]

    def logs_of_design(self, design_id: str, log_ids: Collection[str]) -> dict[str, str]:
        """Which of these logs there are of a design: log → run."""
        rows = self._connection.exec_driver_sql(
            "SELECT id, production_run_id FROM consumption_log WHERE design_id = %(design)s AND id = ANY(%(ids)s)",
            {"design": design_id, "ids": list(log_ids)},
        )
        return {row[0]: row[1] for row in rows}

    def logs_of_run(self, run_id: str, log_ids: Collection[str]) -> dict[str, str]:
        """Which of these logs there are of a run: log → run."""
        rows = self._connection.exec_driver_sql(
            "SELECT id, production_run_id FROM consumption_log WHERE production_run_id = %(run)s AND id = ANY(%(ids)s)",
            {"run": run_id, "ids": list(log_ids)},
        )
        return {row[0]: row[1] for row in rows}

    def runs_with_open_logs(self, design_id: str) -> list[str]:
        """The runs of a design that have something to commit, by id: the order in which they are to be locked."""
        return list(
            self._connection.exec_driver_sql(
                """SELECT DISTINCT production_run_id FROM consumption_log
                   WHERE design_id = %(design)s AND NOT is_committed ORDER BY 1""",
                {"design": design_id},
            ).scalars()
        )

    def units(self, entries: Sequence[Entry]) -> dict[str, Unit]:
        """What the items that exist among those of the entries are counted in."""
        wanted = {entry.inventory_item_id for entry in entries} - {None}
        if not wanted:
            return {}
        rows = self._connection.exec_driver_sql(
            "SELECT id, unit_of_measure FROM inventory_item WHERE id = ANY(%(ids)s)", {"ids": list(wanted)}
        )
        return {row[0]: Unit(row[1]) for row in rows}

    def places(self, location_ids: Collection[str]) -> set[str]:
        """The locations that exist among the given ids."""
        if not location_ids:
            return set()
        rows = self._connection.exec_driver_sql(
            "SELECT id FROM stock_location WHERE id = ANY(%(ids)s)", {"ids": list(location_ids)}
        )
        return set(rows.scalars())

    def planned(self, run: Run) -> list[dict[str, Any]]:
        """The material lines of the run's snapshot."""
        found = self._connection.exec_driver_sql(
            "SELECT planned_materials FROM run_snapshot WHERE id = %(id)s", {"id": run.snapshot_id}
        ).scalar()
        return list(found or [])

    def lock_levels(self, item_ids: Collection[str]) -> list[Level]:
        """Every level of these items, locked by id until commit, so that two who settle cannot wait for each other."""
        missing = {
            item for item in item_ids if item not in {level.inventory_item_id for level, _ in self._levels.values()}
        }
        if missing:
            rows = self._connection.exec_driver_sql(_LOCK_LEVELS, {"items": sorted(missing)}).scalars()
            self._levels |= {level.id: (level, level.stocked) for level in map(_as_level, rows)}
        return [level for level, _ in self._levels.values()]

    # Writing --------------------------------------------------------------------------------------------------------

    def add(self, log: Consumption) -> None:
        """A new log, written at the end as it is then."""
        self._logs.append(log)

    def keep(self, logs: Sequence[Consumption]) -> None:
        """Logs that were committed; new ones among them are written anyhow."""
        fresh = {log.id for log in self._logs}
        self._committed += [log for log in logs if log.id not in fresh]

    def move(self, movements: Sequence[Movement], *, new_id: Callable[[str], str], at: datetime) -> None:
        """Movements of logs. A second one of a log breaks the unique key: a fault, never a second effect."""
        self._movements += [
            {
                **msgspec.structs.asdict(movement),
                "id": new_id(movement.consumption_log_id),
                "reason": "consumption",
                "created_at": at,
            }
            for movement in movements
        ]

    def price(self, design_id: str, cost: SampleCost) -> None:
        """What a sample says its design costs."""
        self._prices[design_id] = cost

    def flush(self, writes: Writes, *, at: datetime) -> None:
        stamps = {"created_at": at, "updated_at": at}
        writes.insert("consumption_log", [{**msgspec.structs.asdict(log), **stamps} for log in self._logs])
        writes.update(
            "consumption_log",
            [{name: getattr(log, name) for name in ("id", *_SETTLED_COLUMNS)} for log in self._committed],
        )
        writes.insert("stock_movement", self._movements)
        writes.update(
            "stock_level",
            [
                {"id": key, "stocked": level.stocked}
                for key, (level, old) in self._levels.items()
                if level.stocked != old
            ],
        )
        writes.update("design", [{"id": key, **msgspec.structs.asdict(cost)} for key, cost in self._prices.items()])


_SETTLED_COLUMNS = ("is_committed", "committed_at", "committed_quantity", "commit_note", "location_id")
_LOCK_LEVELS = """
SELECT row_to_json(level)::text FROM (
    SELECT l.id, l.inventory_item_id, l.location_id, l.stocked, p.partner_id
    FROM stock_level l JOIN stock_location p ON p.id = l.location_id
    WHERE l.inventory_item_id = ANY(%(items)s) ORDER BY l.id FOR NO KEY UPDATE OF l) level
"""


# Costs --------------------------------------------------------------------------------------------------------------


def cost_facts(connection: Connection, run_id: str, *, only_committed: bool) -> Facts:
    """What money needs of a run and all below it. An open log counts with what it would come to now."""
    row: str = connection.exec_driver_sql(_COST_FACTS, {"run": run_id, "only_committed": only_committed}).scalar_one()
    return _as_facts(row)


_COST_FACTS = """
WITH RECURSIVE family AS (
    SELECT id FROM production_run WHERE id = %(run)s
    UNION ALL SELECT r.id FROM production_run r JOIN family f ON r.parent_run_id = f.id),
member AS (SELECT r.* FROM production_run r JOIN family f ON f.id = r.id)
SELECT json_build_object(
    'used', (
        SELECT coalesce(json_agg(json_build_object(
            'consumption_type', l.consumption_type, 'unit_cost', l.unit_cost, 'item_cost', i.unit_cost,
            'quantity', coalesce(l.committed_quantity, CASE WHEN l.quantity_basis = 'per_piece'
                THEN round(l.quantity * coalesce(m.produced_quantity + coalesce(m.rejected_quantity, 0), m.quantity), 6)
                ELSE l.quantity END)) ORDER BY l.id), '[]')
        FROM consumption_log l JOIN member m ON m.id = l.production_run_id
        LEFT JOIN inventory_item i ON i.id = l.inventory_item_id
        WHERE l.is_committed OR NOT %(only_committed)s),
    'partner_costs', (
        SELECT coalesce(json_agg(json_build_object(
            'amount', m.partner_cost, 'cost_type', m.cost_type, 'produced_quantity', m.produced_quantity)), '[]')
        FROM member m WHERE m.partner_cost IS NOT NULL AND m.status <> 'cancelled'),
    'task_costs', (
        SELECT coalesce(json_agg(json_build_object(
            'amount', coalesce(t.actual_cost, t.estimated_cost), 'produced_quantity', m.produced_quantity,
            'cost_type', CASE WHEN t.actual_cost IS NOT NULL THEN t.cost_type END)), '[]')
        FROM task t JOIN member m ON m.id = t.run_id AND m.work_order_id = t.work_order_id AND m.status <> 'cancelled'
        WHERE t.status <> 'cancelled' AND coalesce(t.actual_cost, t.estimated_cost) IS NOT NULL),
    'produced_quantity', (SELECT m.produced_quantity FROM member m WHERE m.id = %(run)s))::text
"""


# By hand ------------------------------------------------------------------------------------------------------------


def follow_level(connection: Connection, level_id: str, *, movement_id: str) -> None:
    """A level was set by hand: the ledger gets the difference, so that the level stays the sum of its movements."""
    connection.exec_driver_sql(
        """INSERT INTO stock_movement (id, inventory_item_id, location_id, quantity, reason)
           SELECT %(id)s, l.inventory_item_id, l.location_id, l.stocked - coalesce(sum(m.quantity), 0), 'set by hand'
           FROM stock_level l
           LEFT JOIN stock_movement m ON m.inventory_item_id = l.inventory_item_id AND m.location_id = l.location_id
           WHERE l.id = %(level)s GROUP BY l.id HAVING l.stocked <> coalesce(sum(m.quantity), 0)""",
        {"id": movement_id, "level": level_id},
    )


def clear_level(connection: Connection, level_id: str, *, movement_id: str) -> None:
    """A locked level is about to end, or to stand for something else: what is there now leaves the ledger."""
    connection.exec_driver_sql(
        """INSERT INTO stock_movement (id, inventory_item_id, location_id, quantity, reason)
           SELECT %(id)s, inventory_item_id, location_id, -stocked, 'level ended' FROM stock_level
           WHERE id = %(level)s AND stocked <> 0""",
        {"id": movement_id, "level": level_id},
    )
