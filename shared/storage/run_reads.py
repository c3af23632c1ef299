"""Runs and order lines as the operator's command reads them: narrow, bounded, nothing locked."""

from typing import Any

import msgspec
from sqlalchemy import Connection

from shared.domain import lifecycle, refusals, runs, tasks
from shared.domain.events import EVENTS
from shared.domain.lifecycle import Facts
from shared.domain.runs import Run
from shared.storage.run_store import RUN_LIST, RunStore, as_run
from shared.storage.task_store import TaskStore


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Which runs are listed; what is None or False does not narrow."""

    status: str | None = None
    partner: str | None = None
    order_id: str | None = None
    design_id: str | None = None
    overdue: bool = False
    held: bool = False
    flagged: bool = False


_LISTED = f"""
SELECT row_to_json(r)::text FROM (
    SELECT {RUN_LIST} FROM production_run r
    WHERE status = coalesce(%(status)s, status)
      AND (%(partner)s::text IS NULL
           OR partner_id IN (SELECT p.id FROM partner p WHERE %(partner)s IN (p.id, p.handle)))
      AND (%(order_id)s::text IS NULL OR order_id = %(order_id)s)
      AND design_id = coalesce(%(design_id)s, design_id)
      AND (NOT %(overdue)s OR (overdue_at IS NOT NULL AND status NOT IN ('completed', 'cancelled')))
      AND (NOT %(held)s OR held_at IS NOT NULL)
      AND (NOT %(flagged)s OR flagged_at IS NOT NULL)
    ORDER BY created_at DESC, id DESC LIMIT %(limit)s) r
"""


def listed(connection: Connection, wanted: Wanted, *, limit: int) -> list[dict[str, Any]]:
    """The newest runs that are wanted, in short."""
    rows = connection.exec_driver_sql(_LISTED, {**msgspec.structs.asdict(wanted), "limit": limit}).scalars()
    return [short(as_run(row)) for row in rows]


def shown(connection: Connection, run_id: str) -> dict[str, Any]:
    """A run with its phase, what may be done with it now, its parts and its tasks. Raises NotFound."""
    run = RunStore(connection).read(run_id)
    return {
        **msgspec.structs.asdict(run),
        "phase": runs.phase(run),
        "allowed_actions": lifecycle.allowed_actions(run, for_partner=False, facts=facts(connection, run)),
        "children": [short(part) for part in parts(connection, run_id)],
        "tasks": [
            {"id": task.id, "title": task.title, "kind": task.kind, "status": task.status}
            for task in TaskStore(connection).of_run(run)
        ],
    }


def facts(connection: Connection, run: Run) -> Facts:
    """What the lifecycle's table asks beyond the run's own row."""
    open_redo = tasks.open_redo(TaskStore(connection).of_run(run), run)
    return Facts(open_redo=tuple(open_redo), unsettled=RunStore(connection).unsettled(run))


def parts(connection: Connection, run_id: str) -> list[Run]:
    """Every run below this one, as it is now."""
    rows = connection.exec_driver_sql(
        f"""WITH RECURSIVE below(id) AS (
                SELECT id FROM production_run WHERE parent_run_id = %(id)s
                UNION ALL SELECT r.id FROM below b JOIN production_run r ON r.parent_run_id = b.id)
            SELECT row_to_json(r)::text FROM (
                SELECT {RUN_LIST} FROM production_run WHERE id IN (SELECT id FROM below) ORDER BY stage NULLS FIRST, id) r""",
        {"id": run_id},
    ).scalars()
    return [as_run(row) for row in rows]


def timeline(connection: Connection, run_id: str) -> list[dict[str, Any]]:
    """What happened to a run, oldest first. Raises NotFound."""
    RunStore(connection).read(run_id)
    rows = connection.exec_driver_sql(
        "SELECT kind, body, actor, created_at FROM message WHERE run_id = %(id)s AND kind = ANY(%(kinds)s) ORDER BY seq",
        {"id": run_id, "kinds": list(EVENTS)},
    ).mappings()
    return [
        {
            "at": row["created_at"],
            "actor": row["actor"],
            "verb": row["kind"].rpartition(".")[2],
            "summary": EVENTS[row["kind"]].sentence,
            **{name: row["body"][name] for name in ("reason", "before", "after") if name in row["body"]},
        }
        for row in rows
    ]


def short(run: Run) -> dict[str, Any]:
    """A run as one row of a list."""
    shown = (
        "id",
        "status",
        "run_type",
        "quantity",
        "role",
        "stage",
        "design_id",
        "partner_id",
        "parent_run_id",
        "order_id",
    )
    return {
        **{name: getattr(run, name) for name in shown},
        "phase": runs.phase(run),
        "is_held": run.held_at is not None,
        "waiting_for": run.waiting_for,
        "waiting_until": run.waiting_until,
        "overdue_at": run.overdue_at,
    }


# Order lines --------------------------------------------------------------------------------------------------------

_LINES = """
SELECT id, source, order_id, order_line_item_id, outcome, reason, production_run_id, product_id, variant_id, created_at
FROM order_line
"""


def order_lines(
    connection: Connection, *, outcome: str | None, order_id: str | None, source: str | None, limit: int | None
) -> list[dict[str, Any]]:
    """Lines and what became of them, the newest first. limit: None for all."""
    rows = connection.exec_driver_sql(
        f"""{_LINES} WHERE outcome = coalesce(%(outcome)s, outcome) AND order_id = coalesce(%(order)s, order_id)
              AND source = coalesce(%(source)s, source) ORDER BY id DESC LIMIT %(limit)s""",
        {"outcome": outcome, "order": order_id, "source": source, "limit": limit},
    )
    return [dict(row) for row in rows.mappings()]


def order_line(connection: Connection, line_id: str) -> dict[str, Any]:
    """One line. Raises NotFound."""
    row = connection.exec_driver_sql(f"{_LINES} WHERE id = %(id)s", {"id": line_id}).mappings().first()
    if row is None:
        raise refusals.NotFound(thing="order line")
    return dict(row)
