"""Tasks as they are read: of a run, of a partner, with their subtasks and comments."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, RowMapping, Select, exists, or_, select

from services.api.queries import lists, timeline
from shared.domain.tasks import Priority, TaskKind, TaskStatus
from shared.storage.tables import account, production_run, task, task_comment
from shared.storage.task_store import TASK_COLUMNS

FILTERS = (*lists.LIST_PARAMETERS, "status", "kind", "priority", "production_run_id")
_T = task.c
_R = production_run.c
_ROWS: Select[Any] = select(*(_T[name] for name in TASK_COLUMNS), _T.created_at, _T.updated_at)

_C = task_comment.c
_COMMENTS: Select[Any] = select(
    _C.id, _C.task_id, _C.author, _C.comment, _C.created_at, account.c.partner_id.label("author_partner_id")
).select_from(task_comment.outerjoin(account, account.c.id == _C.author["id"].astext))


def of_run(connection: Connection, run_id: str, *, partner_id: str | None) -> list[dict[str, Any]]:
    """All tasks of a run, those of earlier work orders too; a partner sees its own."""
    rows = _own(partner_id).where(_T.run_id == run_id).order_by(_T.round, _T.position, _T.id)
    return [body(row) for row in connection.execute(rows).mappings()]


def several(connection: Connection, task_ids: list[str]) -> list[dict[str, Any]]:
    """The tasks of these ids, in the order they were laid out."""
    rows = _ROWS.where(_T.id.in_(task_ids)).order_by(_T.round, _T.position, _T.id)
    return [body(row) for row in connection.execute(rows).mappings()]


def find(connection: Connection, task_id: str, *, partner_id: str | None) -> dict[str, Any] | None:
    """One task, None when it is missing or another partner's. No partner means everybody's."""
    row = connection.execute(_own(partner_id).where(_T.id == task_id)).mappings().first()
    return body(row) if row else None


def subtasks(connection: Connection, task_id: str, *, partner_id: str | None) -> list[dict[str, Any]]:
    """The tasks right below a task."""
    rows = _own(partner_id).where(_T.parent_task_id == task_id).order_by(_T.position, _T.id)
    return [body(row) for row in connection.execute(rows).mappings()]


def page(connection: Connection, query: Mapping[str, str], *, partner_id: str) -> dict[str, Any]:
    """A page of a partner's tasks; subtasks stand under their parents only."""
    return lists.page(
        connection,
        _own(partner_id).where(_T.parent_task_id.is_(None)),
        query=query,
        key=_T.id,
        filters={
            "status": lists.equals(_T.status, TaskStatus),
            "kind": lists.equals(_T.kind, TaskKind),
            "priority": lists.equals(_T.priority, Priority),
            "production_run_id": lists.equals(_T.run_id),
        },
        sorts={"created_at": _T.created_at, "updated_at": _T.updated_at},
        plural="tasks",
        render=body,
    )


def comments(
    connection: Connection, task_id: str, query: Mapping[str, str], *, partner_id: str | None
) -> dict[str, Any]:
    """What was said about a task, oldest first."""
    return lists.page(
        connection,
        _COMMENTS.where(_C.task_id == task_id),
        query=query,
        key=_C.id,
        filters={},
        sorts={"created_at": _C.created_at},
        default_sort="created_at",
        plural="comments",
        render=lambda row: _comment(row, partner_id=partner_id),
    )


def comment(connection: Connection, comment_id: str, *, partner_id: str | None) -> dict[str, Any] | None:
    """One comment."""
    row = connection.execute(_COMMENTS.where(_C.id == comment_id)).mappings().first()
    return _comment(row, partner_id=partner_id) if row else None


def body(row: RowMapping) -> dict[str, Any]:
    """A task on the wire."""
    told = {name: row[name] for name in (*TASK_COLUMNS, "created_at", "updated_at") if name != "run_id"}
    return {**told, "production_run_id": row["run_id"]}


def _comment(row: RowMapping, *, partner_id: str | None) -> dict[str, Any]:
    author = timeline.actor(row["author"], of_partner=row["author_partner_id"], partner_id=partner_id)
    return {
        "id": row["id"],
        "task_id": row["task_id"],
        "author": author,
        "comment": row["comment"],
        "created_at": row["created_at"],
    }


def _own(partner_id: str | None) -> Select[Any]:
    """A partner's own; the tasks of a run that went to another partner went with it."""
    if partner_id is None:
        return _ROWS
    still_theirs = exists().where(_R.id == _T.run_id, _R.partner_id == partner_id)
    return _ROWS.where(_T.partner_id == partner_id, or_(_T.run_id.is_(None), still_theirs))
