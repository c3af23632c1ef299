"""Tasks of a work order: one table of steps, subtasks, rework, and when all of it is done."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

import msgspec

from shared.domain import events, refusals
from shared.domain.runs import CostType, Run, Status


class TaskKind(StrEnum):
    """Ordinary work, or work on what was not good enough."""

    WORK = "work"
    REDO = "redo"


class TaskStatus(StrEnum):
    """Where a task stands; it never goes back."""

    PENDING = "pending"
    ASSIGNED = "assigned"
    ACCEPTED = "accepted"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    CANCELLED = "cancelled"


class Priority(StrEnum):
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


CLOSED = frozenset({TaskStatus.COMPLETED, TaskStatus.CANCELLED})


class Task(msgspec.Struct, kw_only=True):
    """What an actor decides on. Every field is a column of `task` of the same name."""

    id: str
    title: str
    status: TaskStatus = TaskStatus.PENDING
    kind: TaskKind = TaskKind.WORK
    run_id: str | None = None
    work_order_id: str | None = None
    partner_id: str | None = None
    parent_task_id: str | None = None
    template_id: str | None = None
    round: int = 0
    description: str | None = None
    piece: str | None = None
    priority: Priority = Priority.MEDIUM
    position: int = 0
    due_at: datetime | None = None
    accepted_at: datetime | None = None
    completed_at: datetime | None = None
    estimated_cost: Decimal | None = None
    actual_cost: Decimal | None = None
    cost_currency: str | None = None
    cost_type: CostType | None = None

    @property
    def is_closed(self) -> bool:
        return self.status in CLOSED


class Template(msgspec.Struct, frozen=True, kw_only=True):
    """What a task is made from."""

    id: str
    name: str
    kind: TaskKind = TaskKind.WORK
    category: str | None = None
    description: str | None = None
    priority: Priority = Priority.MEDIUM
    position: int = 0
    estimated_duration_minutes: int | None = None
    estimated_cost: Decimal | None = None
    cost_currency: str | None = None
    required_fields: list[Any] = []
    message_template: str | None = None


T = TaskStatus
TASK_STEPS: dict[str, tuple[frozenset[TaskStatus], TaskStatus, type[events.Event]]] = {
    # verb      leaves                                                        reaches          tells
    "accept": (frozenset({T.PENDING, T.ASSIGNED}),                            T.ACCEPTED,      events.TaskAccepted),
    "start":  (frozenset({T.PENDING, T.ASSIGNED, T.ACCEPTED}),                T.IN_PROGRESS,   events.TaskStarted),
    "finish": (frozenset({T.PENDING, T.ASSIGNED, T.ACCEPTED, T.IN_PROGRESS}), T.COMPLETED,     events.TaskCompleted),
    "cancel": (frozenset({T.PENDING, T.ASSIGNED, T.ACCEPTED, T.IN_PROGRESS}), T.CANCELLED,     events.TaskCancelled),
}  # fmt: skip
"""Tasks move forward only; a step from anywhere else is refused."""


def step(task: Task, verb: str, *, at: datetime) -> events.Event:
    """Take one step of the table. Raises TaskClosed and then changes nothing."""
    leaves, reaches, tells = TASK_STEPS[verb]
    if task.status not in leaves:
        raise refusals.TaskClosed(status=task.status.value, verb=f"{verb}ed")
    before, task.status = task.status, reaches
    if reaches is TaskStatus.ACCEPTED:
        task.accepted_at = at
    if reaches is TaskStatus.COMPLETED:
        task.completed_at = at
    identity = {"task_id": task.id, "title": task.title}
    return tells(before={**identity, "status": before.value}, after={**identity, "status": reaches.value})


def open_to_work(run: Run, task: Task) -> None:
    """Raise a Refusal unless the task may be worked on: run accepted and not on hold, and the task of the current work order."""
    if task.work_order_id != run.work_order_id:
        raise refusals.TaskOfOldWorkOrder()
    if run.status is Status.SENT_TO_PARTNER:
        raise refusals.RunNotAccepted()
    if run.held_at:
        raise refusals.OnHold()
    if run.status is not Status.IN_PROGRESS:
        raise refusals.WrongState(verb="task work", why=f"the run is {run.status.value}.")


def finish(task: Task, family: Sequence[Task], *, at: datetime) -> list[events.Event]:
    """Finish a task with its open subtasks; the last finished subtask finishes its parent too.

    family: all tasks of the same work order (or of the same stand-alone tree), the task among them.
    """
    told = [step(task, "finish", at=at)]
    told += [step(below, "finish", at=at) for below in _below(task, family) if not below.is_closed]
    above = next((other for other in family if other.id == task.parent_task_id), None)
    if above and not above.is_closed and all(sibling.is_closed for sibling in _children(above, family)):
        told += finish(above, family, at=at)
    return told


def counted(tasks: Iterable[Task], run: Run) -> list[Task]:
    """The tasks that decide about the run: of its current work order and not cancelled."""
    return [
        task for task in tasks if task.work_order_id == run.work_order_id and task.status is not TaskStatus.CANCELLED
    ]


def all_done(tasks: Iterable[Task], run: Run) -> bool:
    """Every counted task is completed, and there is at least one."""
    decisive = counted(tasks, run)
    return bool(decisive) and all(task.status is TaskStatus.COMPLETED for task in decisive)


def open_redo(tasks: Iterable[Task], run: Run) -> tuple[str, ...]:
    """Titles of rework that holds finish and complete back."""
    return tuple(task.title for task in counted(tasks, run) if task.kind is TaskKind.REDO and not task.is_closed)


def close_open_work(tasks: Iterable[Task], run: Run, *, at: datetime) -> list[events.Event]:
    """Finish every open counted work task of the run."""
    return [
        step(task, "finish", at=at) for task in counted(tasks, run) if task.kind is TaskKind.WORK and not task.is_closed
    ]


def cancel_open(tasks: Iterable[Task], *, at: datetime) -> list[events.Event]:
    """Cancel every task that is still open."""
    return [step(task, "cancel", at=at) for task in tasks if not task.is_closed]


def next_round(tasks: Iterable[Task], run: Run) -> int:
    """The number of the next round of tasks on the current work order; the first dispatch is round 0."""
    return 1 + max((task.round for task in tasks if task.work_order_id == run.work_order_id), default=-1)


def _children(task: Task, family: Sequence[Task]) -> list[Task]:
    return [other for other in family if other.parent_task_id == task.id]


def _below(task: Task, family: Sequence[Task]) -> list[Task]:
    found = _children(task, family)
    for child in list(found):
        found += _below(child, family)
    return found
