"""Runs as they are read: one, many, with what stands around them. A partner reads its own leaf runs and nothing of other partners."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec
from sqlalchemy import (
    Boolean,
    ColumnElement,
    Connection,
    RowMapping,
    Select,
    Table,
    and_,
    case,
    literal_column,
    or_,
    select,
)

from services.api.queries import lists
from services.api.queries.lists import Filter
from shared.domain import lifecycle, runs
from shared.domain.lifecycle import Facts
from shared.domain.runs import DispatchState, Phase, Run, RunType, Status
from shared.storage.run_store import RUN_COLUMNS, run_from
from shared.storage.tables import design, partner, production_run, run_snapshot, shop_order

PARTNER_FILTERS = (*lists.LIST_PARAMETERS, "status", "phase", "run_type", "role", "design_id")
ADMIN_FILTERS = (
    *PARTNER_FILTERS,
    "partner_id",
    "parent_run_id",
    "order_id",
    "q",
    "overdue",
    "stuck",
    "flagged",
    "held",
    "dispatch_state",
)

_HIDDEN = frozenset({"snapshot_id", "dispatch_id", "dispatch_round"})
_NOT_FOR_PARTNERS = frozenset({"previous_partner_id", "flagged_at", "flagged_reason"})


class View(msgspec.Struct, frozen=True, kw_only=True):
    """A run with what its answer needs beside its own row."""

    run: Run
    facts: Facts
    metadata: dict[str, Any]
    created_at: datetime
    updated_at: datetime
    captured_at: datetime | None
    depends_on_run_ids: list[str]
    task_counts: dict[str, int]

    def standing(self, *, for_partner: bool) -> dict[str, Any]:
        """What a 409 says about the run as it is."""
        return {
            "current_status": self.run.status.value,
            "phase": runs.phase(self.run).value,
            "allowed_actions": self.allowed_actions(for_partner=for_partner),
        }

    def allowed_actions(self, *, for_partner: bool) -> list[str]:
        return lifecycle.allowed_actions(self.run, for_partner=for_partner, facts=self.facts)

    def body(self, *, for_partner: bool) -> dict[str, Any]:
        """The run on the wire."""
        hidden = _HIDDEN | _NOT_FOR_PARTNERS if for_partner else _HIDDEN
        own = {name: value for name, value in msgspec.structs.asdict(self.run).items() if name not in hidden}
        return {
            **own,
            "transaction_id": self.run.dispatch_id,
            "phase": runs.phase(self.run),
            "allowed_actions": self.allowed_actions(for_partner=for_partner),
            "depends_on_run_ids": self.depends_on_run_ids,
            "task_counts": self.task_counts,
            "captured_at": self.captured_at,
            "metadata": self.metadata,
            "created_at": self.created_at,
            "updated_at": self.updated_at,
        }


# One and many -------------------------------------------------------------------------------------------------------


def find(connection: Connection, run_id: str, *, partner_id: str | None) -> View | None:
    """The run, None when it is missing or not this partner's own leaf. No partner means everybody's."""
    row = connection.execute(_own(partner_id).where(_R.id == run_id)).mappings().first()
    return _view(row) if row else None


def several(connection: Connection, run_ids: Sequence[str]) -> list[View]:
    """The runs of these ids, in the order given."""
    found = {row["id"]: _view(row) for row in connection.execute(_ROWS.where(_R.id.in_(run_ids))).mappings()}
    return [found[run_id] for run_id in run_ids if run_id in found]


def page(connection: Connection, query: Mapping[str, str], *, partner_id: str | None) -> dict[str, Any]:
    """A page of runs with their task counts, read at once."""
    views, found = views_of(connection, query, partner_id=partner_id)
    return found.body("production_runs", [view.body(for_partner=partner_id is not None) for view in views])


def views_of(
    connection: Connection, query: Mapping[str, str], *, partner_id: str | None
) -> tuple[list[View], lists.Page]:
    """A page of runs, and where the next one begins. By `waiting_until` come only those that wait for something."""
    rows = _own(partner_id)
    is_by_due = query.get("sort", "").removeprefix("-") == "waiting_until"
    found = lists.read(
        connection,
        rows.where(_R.waiting_until.is_not(None)) if is_by_due else rows,
        query=query,
        key=_R.id,
        filters=_FILTERS,
        sorts={"created_at": _R.created_at, "updated_at": _R.updated_at, "waiting_until": _R.waiting_until},
    )
    return [_view(row) for row in found.rows], found


def snapshot_of(connection: Connection, run: Run) -> dict[str, Any] | None:
    """What was frozen when the run was made."""
    row = connection.execute(select(run_snapshot).where(run_snapshot.c.id == run.snapshot_id)).mappings().first()
    return {name: row[name] for name in ("captured_at", "design", "planned_materials", "provenance")} if row else None


def materials(snapshot: Mapping[str, Any] | None, quantity: Decimal) -> list[dict[str, Any]]:
    """The planned materials with what the whole run needs of each."""
    planned: Sequence[Mapping[str, Any]] = (snapshot or {}).get("planned_materials") or []
    return [{**line, "total_quantity": _times(line.get("quantity"), quantity)} for line in planned]


def _times(each: Any, quantity: Decimal) -> Decimal | None:
    try:
        return Decimal(str(each)) * quantity
    except InvalidOperation:
        return None


def totals(view: View) -> dict[str, Any]:
    """Pieces and tasks of a run in sums."""
    run = view.run
    return {
        "ordered_quantity": run.quantity,
        "produced_quantity": run.produced_quantity,
        "rejected_quantity": run.rejected_quantity,
        "short_quantity": run.short_quantity,
        "tasks": view.task_counts["total"],
        "tasks_completed": view.task_counts["completed"],
    }


# Around a run -------------------------------------------------------------------------------------------------------


def related(connection: Connection, view: View, *, partner_id: str | None) -> dict[str, Any]:
    """Parent, predecessors and which of them it waits for, dependents; for an admin the children too.

    A partner learns how far the others are, not who they are.
    """
    rows = connection.exec_driver_sql(_RELATED, {"run": view.run.id, "parent": view.run.parent_run_id}).mappings().all()
    found: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        found.setdefault(row["relation"], []).append(_brief(row, partner_id=partner_id))
    around = {
        "parent": next(iter(found.get("parent", [])), None),
        "predecessors": found.get("predecessor", []),
        "waits_on_run_ids": list(view.facts.unsettled),
        "dependents": found.get("dependent", []),
    }
    return around if partner_id else {**around, "children": found.get("child", [])}


def _brief(row: RowMapping, *, partner_id: str | None) -> dict[str, Any]:
    hidden = {"relation"} if partner_id in (None, row["partner_id"]) else {"relation", "partner_id", "partner_name"}
    return {name: value for name, value in row.items() if name not in hidden}


_PHASE_SQL = """CASE r.status
    WHEN 'draft' THEN 'review' WHEN 'pending_review' THEN 'review' WHEN 'sent_to_partner' THEN 'assigned'
    WHEN 'in_progress' THEN CASE WHEN r.finished_at IS NOT NULL THEN 'finished'
                                 WHEN r.started_at IS NOT NULL THEN 'started' ELSE 'accepted' END
    ELSE r.status END"""
_RELATED = f"""
WITH around AS (
    SELECT 'parent' AS relation, %(parent)s::text AS id
    UNION ALL SELECT 'predecessor', depends_on_run_id FROM run_dependency WHERE run_id = %(run)s
    UNION ALL SELECT 'dependent', run_id FROM run_dependency WHERE depends_on_run_id = %(run)s
    UNION ALL SELECT 'child', id FROM production_run WHERE parent_run_id = %(run)s)
SELECT a.relation, r.id, r.status, {_PHASE_SQL} AS phase, r.role, r.stage, r.quantity, r.partner_id, p.name AS partner_name
FROM around a JOIN production_run r ON r.id = a.id LEFT JOIN partner p ON p.id = r.partner_id
ORDER BY r.stage NULLS FIRST, r.id
"""


# Rows ---------------------------------------------------------------------------------------------------------------

_R = production_run.c

_ABOVE = """
WITH RECURSIVE above(id, parent_run_id) AS (
    SELECT production_run.id, production_run.parent_run_id
    UNION ALL SELECT p.id, p.parent_run_id FROM above c JOIN production_run p ON p.id = c.parent_run_id)"""
"""A row's run and the containers around it: what they wait for, it waits for."""

_COUNTED = "t.run_id = production_run.id AND t.work_order_id IS NOT DISTINCT FROM production_run.work_order_id"
_AROUND = {
    "depends_on_run_ids": """ARRAY(SELECT d.depends_on_run_id FROM run_dependency d
        WHERE d.run_id = production_run.id ORDER BY 1)""",
    "unsettled": f"""ARRAY({_ABOVE} SELECT DISTINCT o.id FROM above a JOIN run_dependency d ON d.run_id = a.id
        JOIN production_run o ON o.id = d.depends_on_run_id WHERE o.status NOT IN ('completed', 'cancelled') ORDER BY 1)""",
    "open_redo": f"""ARRAY(SELECT t.title FROM task t
        WHERE {_COUNTED} AND t.kind = 'redo' AND t.status NOT IN ('completed', 'cancelled') ORDER BY t.id)""",
    "task_counts": f"""(SELECT json_build_object(
        'total', count(*) FILTER (WHERE t.status <> 'cancelled'),
        'open', count(*) FILTER (WHERE t.status NOT IN ('completed', 'cancelled')),
        'completed', count(*) FILTER (WHERE t.status = 'completed'),
        'cancelled', count(*) FILTER (WHERE t.status = 'cancelled')) FROM task t WHERE {_COUNTED})""",
}
_ROWS: Select[Any] = select(
    *(_R[name] for name in RUN_COLUMNS),
    _R.metadata,
    _R.created_at,
    _R.updated_at,
    run_snapshot.c.captured_at,
    *(literal_column(sql).label(name) for name, sql in _AROUND.items()),
).select_from(production_run.outerjoin(run_snapshot, run_snapshot.c.id == _R.snapshot_id))


def _own(partner_id: str | None) -> Select[Any]:
    return _ROWS if partner_id is None else _ROWS.where(_R.partner_id == partner_id, _R.child_count == 0)


def _view(row: RowMapping) -> View:
    return View(
        run=run_from(dict(row)),
        facts=Facts(open_redo=tuple(row["open_redo"]), unsettled=tuple(row["unsettled"])),
        metadata=row["metadata"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        captured_at=row["captured_at"],
        depends_on_run_ids=row["depends_on_run_ids"],
        task_counts=row["task_counts"],
    )


# Filters ------------------------------------------------------------------------------------------------------------

PHASE: ColumnElement[Any] = case(
    (_R.status.in_([Status.DRAFT, Status.PENDING_REVIEW]), Phase.REVIEW.value),
    (_R.status == Status.SENT_TO_PARTNER, Phase.ASSIGNED.value),
    (and_(_R.status == Status.IN_PROGRESS, _R.finished_at.is_not(None)), Phase.FINISHED.value),
    (and_(_R.status == Status.IN_PROGRESS, _R.started_at.is_not(None)), Phase.STARTED.value),
    (_R.status == Status.IN_PROGRESS, Phase.ACCEPTED.value),
    else_=_R.status,
)
"""The phase of a row: `runs.phase` in SQL."""

OVERDUE: ColumnElement[bool] = and_(_R.overdue_at.is_not(None), _R.status.not_in(list(runs.TERMINAL)))
_MAY_BE_STUCK = """production_run.id = ANY (ARRAY(
    WITH RECURSIVE blocked(id) AS (
        SELECT d.run_id FROM production_run o JOIN run_dependency d ON d.depends_on_run_id = o.id
        JOIN production_run w ON w.id = d.run_id AND w.status NOT IN ('completed', 'cancelled')
        WHERE o.status = 'cancelled'
        UNION SELECT c.id FROM blocked b, LATERAL (
            SELECT p.id FROM production_run p WHERE p.parent_run_id = b.id AND p.status IN ('approved', 'in_progress') OFFSET 0) c)
    SELECT id FROM blocked
    UNION SELECT m.run_id FROM message m WHERE m.kind = 'production_run.dispatch_failed' AND m.run_id IS NOT NULL))"""
"""Read once for all runs from the few that were cancelled or failed, so that not every approved run is looked at closely."""

STUCK: ColumnElement[bool] = and_(
    _R.status == Status.APPROVED,
    _R.dispatch_state == DispatchState.IDLE,
    _R.child_count == 0,
    literal_column(_MAY_BE_STUCK, Boolean),
    literal_column(
        f"""(({_ABOVE}
             SELECT bool_and(o.status IN ('completed', 'cancelled')) AND bool_or(o.status = 'cancelled') IS TRUE
             FROM above a JOIN run_dependency d ON d.run_id = a.id JOIN production_run o ON o.id = d.depends_on_run_id) IS TRUE
            OR EXISTS (SELECT 1 FROM message m
                       WHERE m.run_id = production_run.id AND m.kind = 'production_run.dispatch_failed'))"""
    ).op("IS")(literal_column("TRUE")),
)
"""Approved and left alone: an earlier stage was cancelled, or its dispatch failed. Only a person can move it on."""


def _searched(values: Sequence[str]) -> ColumnElement[bool]:
    return or_(*(_meant(value) for value in values))


def _meant(typed: str) -> ColumnElement[bool]:
    """What somebody may mean by it: a part of an id or of a role, an order's number, the name of a design or partner.

    Ids are compared as they are written, so that a search of a whole table stays a matter of milliseconds.
    """
    value = typed.strip().removeprefix("run ").removeprefix("#")
    parts = (_R.order_id, _R.order_line_item_id, _R.product_id, _R.design_id)
    orders = select(shop_order.c.order_id).where(shop_order.c.display_id == value)
    return or_(
        _R.id.contains(value.lower(), autoescape=True),
        _R.role.icontains(value, autoescape=True),
        *(column.contains(value, autoescape=True) for column in parts),
        *(column.in_(_called(table, value)) for column, table in ((_R.design_id, design), (_R.partner_id, partner))),
        _R.order_id.in_(orders),
    )


def _called(table: Table, value: str) -> Select[Any]:
    return select(table.c.id).where(table.c.name.icontains(value, autoescape=True))


_FILTERS = {
    "status": lists.equals(_R.status, Status),
    "phase": lists.equals(PHASE, Phase),
    "run_type": lists.equals(_R.run_type, RunType),
    "role": lists.equals(_R.role),
    "design_id": lists.equals(_R.design_id),
    "partner_id": lists.equals(_R.partner_id),
    "parent_run_id": lists.equals(_R.parent_run_id),
    "order_id": lists.equals(_R.order_id),
    "q": Filter(_searched),
    "overdue": lists.flag(OVERDUE),
    "stuck": lists.flag(STUCK),
    "flagged": lists.flag(_R.flagged_at.is_not(None)),
    "held": lists.flag(_R.held_at.is_not(None)),
    "dispatch_state": lists.equals(_R.dispatch_state, DispatchState),
}
"""Partner routes name fewer of them, so the others cannot come from there."""
