"""The house as its tables show it, in one look, the comparison with the model, and how the tables are emptied."""

import hashlib
from collections import Counter
from decimal import Decimal
from typing import Any

import msgspec
from sqlalchemy import Connection, text

from shared.storage.tables import metadata
from tests.properties.model import OURS, House, Run

Row = dict[str, Any]

LASTING = frozenset({"partner", "design", "product_link", "template_category", "task_template"})
"""Tables that a history only reads."""

EMPTY = "; ".join(f"DELETE FROM {each.name}" for each in reversed(metadata.sorted_tables) if each.name not in LASTING)
"""An eighth of the time that TRUNCATE takes on so few rows."""

_LOOK = text(
    """
SELECT json_build_object(
    'stock', (SELECT l.stocked::text FROM stock_level l WHERE l.location_id = :ours),
    'pending', (SELECT count(*) FROM delivery d WHERE d.state = 'pending'),
    'faults', (SELECT coalesce(json_agg(d.error), '[]') FROM delivery d WHERE d.error IS NOT NULL),
    'movements', (SELECT coalesce(json_agg(json_build_object('log', m.consumption_log_id, 'place', m.location_id,
                         'quantity', m.quantity::text, 'shortfall', m.shortfall::text)), '[]') FROM stock_movement m),
    'levels', (SELECT json_object_agg(l.location_id, l.stocked::text) FROM stock_level l),
    'runs', (SELECT coalesce(json_agg(json_build_object(
        'id', r.id, 'status', r.status, 'partner', r.partner_id, 'parent', r.parent_run_id, 'dispatch', r.dispatch_state,
        'accepted_at', r.accepted_at, 'started_at', r.started_at, 'finished_at', r.finished_at,
        'completed_at', r.completed_at, 'cancelled_at', r.cancelled_at, 'dispatched_at', r.dispatch_completed_at,
        'held_at', r.held_at, 'flagged_at', r.flagged_at, 'overdue_at', r.overdue_at, 'waiting', r.waiting_for,
        'quantity', r.quantity::text, 'stage', r.stage, 'child_count', r.child_count, 'is_partial', r.is_partial,
        'pieces', CASE WHEN r.produced_quantity IS NOT NULL THEN
            json_build_array(r.produced_quantity::text, r.rejected_quantity::text, r.short_quantity::text) END,
        'completed_told', (SELECT count(*) FROM message m
                           WHERE m.run_id = r.id AND m.kind = 'production_run.completed'),
        'tasks', (SELECT coalesce(json_agg(json_build_object(
            'id', t.id, 'title', t.title, 'kind', t.kind, 'status', t.status, 'partner', t.partner_id,
            'is_current', t.work_order_id IS NOT DISTINCT FROM r.work_order_id) ORDER BY t.round, t.position, t.id), '[]')
            FROM task t WHERE t.run_id = r.id),
        'logs', (SELECT coalesce(json_agg(json_build_object('id', c.id, 'quantity', c.quantity::text,
            'basis', c.quantity_basis, 'is_committed', c.is_committed, 'used', c.committed_quantity::text)), '[]')
            FROM consumption_log c WHERE c.production_run_id = r.id),
        'media', (SELECT coalesce(json_agg(json_build_object('url', x.url, 'is_thumbnail', x.is_thumbnail)), '[]')
            FROM run_media x WHERE x.run_id = r.id)
        ) ORDER BY r.id), '[]') FROM production_run r))::text"""
)


class Seen:
    """One look at everything."""

    def __init__(self, connection: Connection) -> None:
        told: str = connection.execute(_LOOK, {"ours": OURS}).scalar_one()
        self.digest = hashlib.sha256(told.encode()).digest()
        found = msgspec.json.decode(told)
        self.runs: dict[str, Row] = {row["id"]: row for row in found["runs"]}
        self.stock = Decimal(found["stock"])
        self.pending: int = found["pending"]
        self.faults: list[str] = found["faults"]
        self.movements: list[Row] = found["movements"]
        self.levels: dict[str, str] = found["levels"]

    def children(self, run_id: str) -> list[Row]:
        return [row for row in self.runs.values() if row["parent"] == run_id]


def differences(house: House, seen: Seen) -> list[str]:
    """Where the tables are not as the model says, in words; tasks the model has no ids for yet learn them."""
    found = [f"stock: {seen.stock}, must be {house.stock}"] if seen.stock != house.stock else []
    if set(house.runs) != set(seen.runs):
        return [*found, f"runs: {sorted(set(house.runs) ^ set(seen.runs))}"]
    for run in house.runs.values():
        row = seen.runs[run.id]
        _learn_tasks(run, row)
        told, must = _as_seen(row), _as_modelled(run)
        found += [
            f"{run.id} {name}: {told[name]!r}, must be {must[name]!r}" for name in must if told[name] != must[name]
        ]
    return found


def _learn_tasks(run: Run, row: Row) -> None:
    known = {task.id for task in run.tasks}
    fresh = [task for task in row["tasks"] if task["id"] not in known]
    for task in run.tasks:
        match = next((each for each in fresh if not task.id and each["title"] == task.title), None)
        if match:
            task.id = match["id"]
            fresh.remove(match)


def _as_seen(row: Row) -> Row:
    return {
        "status": row["status"],
        "partner": row["partner"],
        "parent": row["parent"],
        "dispatch": row["dispatch"],
        "accepted": row["accepted_at"] is not None,
        "started": row["started_at"] is not None,
        "finished": row["finished_at"] is not None,
        "held": row["held_at"] is not None,
        "flagged": row["flagged_at"] is not None,
        "overdue": row["overdue_at"] is not None,
        "waiting": row["waiting"],
        "quantity": Decimal(row["quantity"]),
        "children": row["child_count"],
        "is_partial": row["is_partial"],
        "pieces": row["pieces"] and tuple(map(Decimal, row["pieces"])),
        "tasks": Counter((t["id"], t["title"], t["kind"], t["status"], t["is_current"]) for t in row["tasks"]),
        "logs": Counter((Decimal(c["quantity"]), c["basis"], c["used"] and Decimal(c["used"])) for c in row["logs"]),
        "media": {each["url"] for each in row["media"]},
    }


def _as_modelled(run: Run) -> Row:
    tasks = Counter((t.id, t.title, t.kind, t.status, t.order == run.order) for t in run.tasks)
    bases = {True: "per_piece", False: "total"}
    return {
        **{name: getattr(run, name) for name in ("status", "partner", "parent", "dispatch", "held", "flagged")},
        **{name: getattr(run, name) for name in ("accepted", "overdue", "waiting", "quantity", "is_partial", "pieces")},
        "started": run.started,
        "finished": run.finished,
        "children": len(run.children),
        "tasks": tasks,
        "logs": Counter((log.quantity, bases[log.per_piece], log.committed) for log in run.logs),
        "media": run.media,
    }
