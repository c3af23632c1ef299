"""What the portal shows beside what the JSON API reads: capped counts, names and pictures of runs, materials, rework to choose from."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, ScalarSelect, Select, exists, func, literal, or_, select

from services.api.queries import timeline
from shared.domain.runs import RunType, Status
from shared.domain.tasks import TaskStatus
from shared.storage.tables import account, production_run, task, task_comment

TABS: dict[str, tuple[Status, ...]] = {
    "incoming": (Status.SENT_TO_PARTNER,),
    "in_progress": (Status.IN_PROGRESS,),
    "waiting": (Status.DRAFT, Status.PENDING_REVIEW, Status.APPROVED, Status.AWAITING_REASSIGNMENT),
    "done": (Status.COMPLETED, Status.CANCELLED),
}
"""The tabs of the list of runs, with the statuses behind them."""

TASK_TABS: dict[str, tuple[TaskStatus, ...]] = {
    "open": (TaskStatus.PENDING, TaskStatus.ASSIGNED, TaskStatus.ACCEPTED, TaskStatus.IN_PROGRESS),
    "done": (TaskStatus.COMPLETED, TaskStatus.CANCELLED),
}

MOST_COUNTED = 1000
"""Beyond it nobody counts: a tab then says 999+."""

_R, _T = production_run.c, task.c


def counts(connection: Connection, partner_id: str, *, run_type: str | None, role: str | None) -> dict[str, int]:
    """How many runs each tab holds, at most `MOST_COUNTED`."""
    own = select(literal(1)).where(_R.partner_id == partner_id, _R.child_count == 0)
    own = own.where(_R.run_type == run_type) if run_type in set(RunType) else own
    own = own.where(_R.role == role) if role else own
    return _counted(connection, {tab: own.where(_R.status.in_(statuses)) for tab, statuses in TABS.items()})


def task_counts(connection: Connection, partner_id: str) -> dict[str, int]:
    """How many tasks each tab holds, at most `MOST_COUNTED`; those of a run that went elsewhere went with it."""
    still_theirs = exists().where(_R.id == _T.run_id, _R.partner_id == partner_id)
    own = select(literal(1)).where(_T.partner_id == partner_id, _T.parent_task_id.is_(None))
    own = own.where(or_(_T.run_id.is_(None), still_theirs))
    return _counted(connection, {tab: own.where(_T.status.in_(statuses)) for tab, statuses in TASK_TABS.items()})


def _counted(connection: Connection, rows: Mapping[str, Select[Any]]) -> dict[str, int]:
    found = connection.execute(select(*(_capped(each).label(name) for name, each in rows.items()))).mappings().one()
    return dict(found)


def _capped(rows: Select[Any]) -> ScalarSelect[int]:
    return select(func.count()).select_from(rows.limit(MOST_COUNTED).subquery()).scalar_subquery()


def roles(connection: Connection, partner_id: str) -> list[str]:
    """The roles that a partner's newest runs were given for."""
    return list(connection.exec_driver_sql(_ROLES, {"partner": partner_id}).scalars())


def cards(connection: Connection, run_ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Name and picture of each run: its thumbnail, else its design's, else the first picture that was attached."""
    rows = connection.exec_driver_sql(_CARDS, {"runs": list(run_ids)}).mappings()
    return {row["id"]: {"design": row["design"] or "", "picture": row["picture"]} for row in rows}


def materials(connection: Connection, partner_id: str, item_ids: Sequence[str]) -> list[dict[str, Any]]:
    """The named items, and those that the partner stocks: id, title, unit."""
    rows = connection.exec_driver_sql(_MATERIALS, {"partner": partner_id, "items": list(item_ids)}).mappings()
    return [dict(row) for row in rows]


def places(connection: Connection, partner_id: str) -> list[tuple[str, str]]:
    """The partner's own stock locations."""
    statement = "SELECT id, name FROM stock_location WHERE partner_id = %(partner)s ORDER BY name LIMIT 100"
    return [(row[0], row[1]) for row in connection.exec_driver_sql(statement, {"partner": partner_id})]


def rework(connection: Connection) -> list[tuple[str, str]]:
    """The templates of rework."""
    return [(row[0], row[1]) for row in connection.exec_driver_sql(_REWORK)]


def comments(connection: Connection, task_ids: Sequence[str], *, partner_id: str) -> dict[str, list[dict[str, Any]]]:
    """What was said about these tasks, oldest first."""
    rows = (
        select(task_comment, account.c.partner_id.label("of_partner"))
        .select_from(task_comment.outerjoin(account, account.c.id == task_comment.c.author["id"].astext))
        .where(task_comment.c.task_id.in_(task_ids))
        .order_by(task_comment.c.created_at, task_comment.c.id)
    )
    found: dict[str, list[dict[str, Any]]] = {}
    for row in connection.execute(rows.limit(500)).mappings():
        author = timeline.actor(row["author"], of_partner=row["of_partner"], partner_id=partner_id)
        said = {"author": author, "comment": row["comment"], "created_at": row["created_at"]}
        found.setdefault(row["task_id"], []).append(said)
    return found


def partner_name(connection: Connection, partner_id: str) -> str:
    statement = "SELECT name FROM partner WHERE id = %(id)s"
    return str(connection.exec_driver_sql(statement, {"id": partner_id}).scalar() or "")


_ROLES = """
SELECT DISTINCT role FROM (
    SELECT role FROM production_run WHERE partner_id = %(partner)s AND child_count = 0 ORDER BY id DESC LIMIT 500) newest
WHERE role IS NOT NULL ORDER BY role LIMIT 30
"""
_CARDS = """
SELECT r.id, coalesce(s.design->>'name', d.name) AS design, coalesce(
    (SELECT f.id FROM run_media m JOIN media_file f ON f.id = m.media_id
     WHERE m.run_id = r.id AND m.is_thumbnail AND f.thumbnail_key IS NOT NULL LIMIT 1),
    (SELECT f.id FROM jsonb_array_elements(CASE jsonb_typeof(s.design->'media') WHEN 'array' THEN s.design->'media' ELSE '[]' END) e
     JOIN media_file f ON f.id = coalesce(substring(e->>'url' FROM '^/media/(media_[0-9a-z]+)$'), e->>'id')
     WHERE f.thumbnail_key IS NOT NULL AND f.run_id IS NULL AND f.design_id = r.design_id
     ORDER BY e->>'is_thumbnail' = 'true' DESC NULLS LAST LIMIT 1),
    (SELECT f.id FROM run_media m JOIN media_file f ON f.id = m.media_id
     WHERE m.run_id = r.id AND f.thumbnail_key IS NOT NULL ORDER BY m.created_at, m.id LIMIT 1)) AS picture
FROM production_run r JOIN design d ON d.id = r.design_id LEFT JOIN run_snapshot s ON s.id = r.snapshot_id
WHERE r.id = ANY(%(runs)s)
"""
_MATERIALS = """
SELECT i.id, i.title, i.unit_of_measure AS unit FROM inventory_item i
WHERE i.id = ANY(%(items)s) OR i.id IN (
    SELECT l.inventory_item_id FROM stock_level l JOIN stock_location p ON p.id = l.location_id
    WHERE p.partner_id = %(partner)s LIMIT 500)
ORDER BY i.title, i.id
"""
_REWORK = """
SELECT id, name FROM task_template WHERE kind = 'redo' AND retired_at IS NULL ORDER BY position, name, id LIMIT 200
"""
