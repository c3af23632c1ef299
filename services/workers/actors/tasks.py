"""Tasks: accepted, finished, commented, added. Work on a run's task takes the run's lock, so it cannot slip past a completion."""

from collections.abc import Sequence
from typing import Any

from services.workers.actors import material, milestones
from shared.domain import commands, completion, dispatch, events, refusals, tasks
from shared.domain.commands import TaskChange
from shared.domain.runs import Run, Status
from shared.domain.tasks import Task, TaskKind, TaskStatus
from shared.storage.work import Work


def accept_task(command: commands.AcceptTask, work: Work) -> None:
    task, _, run = _find(command.task_id, work)
    work.tell(tasks.step(task, "accept", at=work.now), run=run)
    work.answer(task_id=task.id, run_id=task.run_id, parent_completed=False, run_completed=False)


def finish_task(command: commands.FinishTask, work: Work) -> None:
    task, family, run = _find(command.task_id, work)
    told = tasks.finish(task, family, at=work.now)
    task.actual_cost = command.actual_cost
    task.cost_type, task.cost_currency = command.cost_type, command.cost_currency or task.cost_currency
    _after_work(task, family, run, told, work)


def complete_subtask(command: commands.CompleteSubtask, work: Work) -> None:
    """The last open subtask takes its parent with it."""
    subtask, family, run = _find(command.subtask_id, work)
    if subtask.parent_task_id != command.task_id:
        raise refusals.NotFound(thing="subtask of this task")
    _after_work(subtask, family, run, tasks.finish(subtask, family, at=work.now), work)


def update_task(command: commands.UpdateTask, work: Work) -> None:
    """Another system says a task moved on; a repeat of what is known already changes nothing."""
    task, family, run = _find(command.task_id, work, to_work=False)
    if task.status.value == command.status.value:
        work.answer(task_id=task.id, run_id=task.run_id, parent_completed=False, run_completed=False)
        return
    if run:
        tasks.open_to_work(run, task)
    if command.status is TaskChange.COMPLETED:
        told = tasks.finish(task, family, at=work.now)
    else:
        told = [tasks.step(task, "accept" if command.status is TaskChange.ACCEPTED else "start", at=work.now)]
    _after_work(task, family, run, told, work)


def comment_task(command: commands.CommentTask, work: Work) -> None:
    """Comments are open on every task, closed ones too."""
    task, _, run = _find(command.task_id, work, to_work=False)
    comment_id = work.new_id("cmt")
    author = {"kind": work.actor.kind.value, "id": work.actor.id, "name": work.actor.name}
    work.tasks.add_comment(comment_id=comment_id, task_id=task.id, author=author, comment=command.comment, at=work.now)
    work.tell(events.TaskCommented(reason=command.comment, after={"task_id": task.id, "title": task.title}), run=run)
    work.answer(comment_id=comment_id, task_id=task.id)


def create_task(command: commands.CreateTask, work: Work) -> None:
    """A stand-alone task, or a subtask of one of the partner's tasks."""
    if command.partner_id not in work.directory.partners([command.partner_id]):
        raise refusals.NotFound(thing="partner")
    parent = _parent_of_new(command, work)
    if parent and parent.run_id and work.run.held_at:
        raise refusals.OnHold()
    task = work.tasks.add(
        Task(
            id=work.new_id("task"),
            title=command.title,
            status=TaskStatus.ASSIGNED,
            kind=parent.kind if parent else TaskKind.WORK,
            run_id=parent.run_id if parent else None,
            work_order_id=parent.work_order_id if parent else None,
            partner_id=command.partner_id,
            parent_task_id=command.parent_task_id,
            description=command.description,
            priority=command.priority,
        )
    )
    run = work.run if task.run_id else None
    work.tell(events.TaskCreated(after={"task_id": task.id, "title": task.title}), run=run)
    work.answer(task_id=task.id)


def add_tasks(command: commands.AddTasks, work: Work) -> None:
    """More tasks on a dispatched run, rework above all; a partner may add rework only. Any number of rounds until it ends."""
    run = work.run
    if run.is_container:
        raise refusals.IsContainer()
    if run.held_at:
        raise refusals.OnHold()
    if run.status not in (Status.SENT_TO_PARTNER, Status.IN_PROGRESS):
        raise refusals.WrongState(
            verb="adding tasks", why=f"the run is {run.status.value}; tasks are added from dispatch until the end."
        )
    only = None if work.by_admin and command.task_kind is TaskKind.WORK else TaskKind.REDO
    chosen = dispatch.choose(command.selection, work.directory.templates(command.selection), kind=only)
    round_ = tasks.next_round(work.tasks.of_run(run), run)
    laid_out = dispatch.lay_out(
        run,
        chosen,
        new_task_id=lambda template: work.new_id("task", run.id, round_, template.id),
        round_=round_,
        piece=command.piece,
    )
    for task in laid_out:
        work.tasks.add(task)
    titles = [task.title for task in laid_out]
    work.tell(events.TasksAdded(reason=command.piece, after={"titles": titles, "round": round_}), run=run)
    work.answer(run_id=run.id, task_ids=[task.id for task in laid_out])


def _find(task_id: str, work: Work, *, to_work: bool = True) -> tuple[Task, Sequence[Task], Run | None]:
    """The task, the tasks it is judged with, and its locked run. Raises NotFound for somebody else's."""
    run = work.run if work.message.run_id else None
    family = work.tasks.of_run(run) if run else work.tasks.lock_tree(task_id)
    task = next((one for one in family if one.id == task_id), None)
    if task is None or (work.message.tenant and task.partner_id != work.message.tenant):
        raise refusals.NotFound(thing="task")
    if run and to_work:
        tasks.open_to_work(run, task)
    same_order = [one for one in family if one.work_order_id == task.work_order_id]
    return task, same_order, run


def _after_work(task: Task, family: Sequence[Task], run: Run | None, told: list[events.Event], work: Work) -> None:
    """Tell, and let the last finished task close its run."""
    ended = completion.after_task_work(run, family, at=work.now, policy=work.policy) if run else []
    if run and run.is_terminal:
        milestones.close_order(run, work)
        told = [*told, *material.settle_with_run(run, work)]
    work.tell(*told, *ended, run=run)
    parent = next((one for one in family if one.id == task.parent_task_id), None)
    work.answer(
        task_id=task.id,
        run_id=task.run_id,
        parent_completed=bool(parent and parent.status is TaskStatus.COMPLETED),
        run_completed=bool(run and run.status is Status.COMPLETED),
    )


def _parent_of_new(command: commands.CreateTask, work: Work) -> Task | None:
    if command.parent_task_id is None:
        return None
    parent, _, _ = _find(command.parent_task_id, work, to_work=False)
    if parent.partner_id != command.partner_id:
        raise refusals.NotFound(thing="parent task")
    if parent.is_closed:
        raise refusals.TaskClosed(status=parent.status.value, verb="split")
    return parent


ACTORS: tuple[Any, ...] = (
    accept_task,
    finish_task,
    complete_subtask,
    update_task,
    comment_task,
    create_task,
    add_tasks,
)
