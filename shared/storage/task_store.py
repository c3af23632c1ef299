"""Tasks, work orders and comments: read under the run's lock, written at the end as differences."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection

from shared.domain import refusals
from shared.domain.dispatch import WorkOrder, WorkOrderState
from shared.domain.runs import Run
from shared.domain.tasks import Task
from shared.storage.writes import Writes

TASK_COLUMNS = Task.__struct_fields__
_TASK_LIST = ", ".join(f"t.{name}" for name in TASK_COLUMNS)
_as_task = msgspec.json.Decoder(Task).decode


class TaskStore:
    """The tasks of one unit of work."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._before: dict[str, tuple[Any, ...]] = {}
        self._tasks: dict[str, Task] = {}
        self._added: list[Task] = []
        self._orders: list[WorkOrder] = []
        self._order_states: dict[str, WorkOrderState] = {}
        self._comments: list[dict[str, Any]] = []

    def of_run(self, run: Run) -> list[Task]:
        """All tasks of a locked run, those of earlier work orders too; the run's lock covers them."""
        return self._read("WHERE t.run_id = %(run)s ORDER BY t.round, t.position, t.id", run=run.id)

    def of_runs(self, runs: Sequence[Run]) -> dict[str, list[Task]]:
        """All tasks of several locked runs, by run."""
        found: dict[str, list[Task]] = {run.id: [] for run in runs}
        for task in self._read("WHERE t.run_id = ANY(%(runs)s) ORDER BY t.id", runs=list(found)):
            found[task.run_id or ""].append(task)
        return found

    def lock_tree(self, task_id: str) -> list[Task]:
        """The stand-alone tree a task belongs to, its root locked first. Raises NotFound."""
        root = self._connection.exec_driver_sql(
            """WITH RECURSIVE up AS (
                   SELECT id, parent_task_id FROM task WHERE id = %(id)s AND run_id IS NULL
                   UNION ALL SELECT t.id, t.parent_task_id FROM task t JOIN up ON t.id = up.parent_task_id)
               SELECT id FROM up WHERE parent_task_id IS NULL""",
            {"id": task_id},
        ).scalar()
        if root is None:
            raise refusals.NotFound(thing="task")
        self._connection.exec_driver_sql("SELECT 1 FROM task WHERE id = %(id)s FOR NO KEY UPDATE", {"id": root})
        return self._read(
            """WHERE t.id IN (WITH RECURSIVE down AS (
                   SELECT id FROM task WHERE id = %(root)s
                   UNION ALL SELECT c.id FROM task c JOIN down ON c.parent_task_id = down.id)
               SELECT id FROM down) ORDER BY t.position, t.id""",
            root=root,
        )

    def find(self, task_id: str) -> Task | None:
        """One task as it is now, not locked."""
        return next(iter(self._read("WHERE t.id = %(id)s", id=task_id)), None)

    def add(self, task: Task) -> Task:
        self._added.append(task)
        return task

    def add_order(self, order: WorkOrder) -> None:
        self._orders.append(order)

    def end_order(self, work_order_id: str, state: WorkOrderState) -> None:
        """The work order is replaced or closed."""
        self._order_states[work_order_id] = state

    def add_comment(self, *, comment_id: str, task_id: str, author: dict[str, Any], comment: str, at: datetime) -> None:
        self._comments.append(
            {"id": comment_id, "task_id": task_id, "author": author, "comment": comment, "created_at": at}
        )

    def flush(self, writes: Writes, *, at: datetime) -> None:
        """Put the differences among the writes."""
        stamps = {"created_at": at, "updated_at": at}
        writes.insert("work_order", [{**msgspec.structs.asdict(order), **stamps} for order in self._orders])
        writes.update("work_order", [{"id": key, "state": state.value} for key, state in self._order_states.items()])
        writes.insert("task", [{**msgspec.structs.asdict(task), **stamps} for task in self._added])
        changed = [task for key, task in self._tasks.items() if msgspec.structs.astuple(task) != self._before[key]]
        writes.update("task", [{name: getattr(task, name) for name in ("id", *_CHANGING)} for task in changed])
        writes.insert("task_comment", self._comments)

    def _read(self, where: str, **parameters: Any) -> list[Task]:
        rows = self._connection.exec_driver_sql(
            f"SELECT row_to_json(task)::text FROM (SELECT {_TASK_LIST} FROM task t {where}) task", parameters
        ).scalars()
        return [self._keep(_as_task(row)) for row in rows]

    def _keep(self, task: Task) -> Task:
        self._before.setdefault(task.id, msgspec.structs.astuple(task))
        return self._tasks.setdefault(task.id, task)


_CHANGING = ("status", "accepted_at", "completed_at", "actual_cost", "cost_currency", "cost_type")
"""The columns of a task that ever change."""
