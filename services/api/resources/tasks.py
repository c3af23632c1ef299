"""Tasks: a partner's own work list, and the tasks an admin gives."""

from typing import Any

from services.api import asking, bodies, errors
from services.api.asking import Outcome
from services.api.queries import exists, lists, runs, tasks
from services.api.routes import Call, Endpoint, Reply, Route, Who
from shared.domain import commands

PATH = "/partners/assigned-tasks"
TAG = "Partner: tasks"

AcceptBody = bodies.without(commands.AcceptTask, "task_id")
FinishBody = bodies.without(commands.FinishTask, "task_id")
CommentBody = bodies.without(commands.CommentTask, "task_id")
SubtaskBody = bodies.without(commands.CompleteSubtask, "task_id", "subtask_id")
NewTaskBody = bodies.without(commands.CreateTask, "partner_id")


def own_task(call: Call) -> dict[str, Any]:
    """The task of the address, the partner's own. Raises a 404 problem."""
    with call.desk.engine.connect() as connection:
        found = tasks.find(connection, call.params["id"], partner_id=call.who.tenant)
    if found is None:
        raise errors.not_found("task")
    return found


def list_tasks(call: Call) -> Reply:
    with call.desk.engine.connect() as connection:
        return Reply(tasks.page(connection, call.query, partner_id=call.who.partner_id or ""))


def details(call: Call) -> Reply:
    """The task with its subtasks and, when it has one, its run."""
    task, tenant = own_task(call), call.who.tenant
    with call.desk.engine.connect() as connection:
        below = tasks.subtasks(connection, task["id"], partner_id=tenant)
        run = runs.find(connection, task["production_run_id"] or "", partner_id=tenant)
    return Reply({"task": {**task, "subtasks": below}, "production_run": run.body(for_partner=True) if run else None})


def list_subtasks(call: Call) -> Reply:
    task = own_task(call)
    with call.desk.engine.connect() as connection:
        return Reply({"subtasks": tasks.subtasks(connection, task["id"], partner_id=call.who.tenant)})


def list_comments(call: Call) -> Reply:
    task = own_task(call)
    with call.desk.engine.connect() as connection:
        return Reply(tasks.comments(connection, task["id"], call.query, partner_id=call.who.tenant))


def accept(call: Call) -> Reply:
    return _work(call, commands.AcceptTask)


def finish(call: Call) -> Reply:
    return _work(call, commands.FinishTask)


def complete_subtask(call: Call) -> Reply:
    """The last open subtask takes its parent with it."""
    task, subtask_id = own_task(call), call.params["subtask_id"]
    with call.desk.engine.connect() as connection:
        subtask = tasks.find(connection, subtask_id, partner_id=call.who.tenant)
    if subtask is None or subtask["parent_task_id"] != task["id"]:
        raise errors.not_found("subtask of this task")
    return _work(call, commands.CompleteSubtask, subtask_id=subtask_id)


def comment(call: Call) -> Reply:
    task = own_task(call)

    def render(outcome: Outcome) -> Reply:
        with call.desk.engine.connect() as connection:
            said = tasks.comment(connection, outcome["comment_id"], partner_id=call.who.tenant)
        return Reply({"task": own_task(call), "comment": said}, status=201)

    command = bodies.fill(commands.CommentTask, call.body, task_id=task["id"])
    return asking.ask(call, command, run_id=task["production_run_id"], render=render)


def _work(call: Call, command: type[commands.OfTask], **taken: str) -> Reply:
    """A step of a task under its run's lock; the answer says what else it completed."""
    task = own_task(call)

    def render(outcome: Outcome) -> Reply:
        ended = {name: bool(outcome.get(name)) for name in ("parent_completed", "run_completed")}
        return Reply({"task": _with_subtasks(call), **ended})

    asked = bodies.fill(command, call.body, task_id=task["id"], **taken)
    return asking.ask(call, asked, run_id=task["production_run_id"], render=render)


def _with_subtasks(call: Call) -> dict[str, Any]:
    task = own_task(call)
    with call.desk.engine.connect() as connection:
        return {**task, "subtasks": tasks.subtasks(connection, task["id"], partner_id=call.who.tenant)}


def list_given(call: Call) -> Reply:
    """A partner's tasks, as an admin sees them."""
    partner_id = call.params["id"]
    with call.desk.engine.connect() as connection:
        if not exists.partner(connection, partner_id):
            raise errors.not_found("partner")
        return Reply(tasks.page(connection, call.query, partner_id=partner_id))


def give(call: Call) -> Reply:
    """An admin gives a partner a stand-alone task, or a subtask of one of the partner's tasks."""
    partner_id, parent_id = call.params["id"], call.body.parent_task_id
    with call.desk.engine.connect() as connection:
        if not exists.partner(connection, partner_id):
            raise errors.not_found("partner")
        parent = tasks.find(connection, parent_id, partner_id=partner_id) if parent_id else None
    if parent_id and parent is None:
        detail = f"This partner has no task {parent_id!r}."
        raise errors.field("/parent_task_id", detail, code="unknown_reference")

    def render(outcome: Outcome) -> Reply:
        with call.desk.engine.connect() as connection:
            return Reply({"task": tasks.find(connection, outcome["task_id"], partner_id=None)}, status=201)

    command = bodies.fill(commands.CreateTask, call.body, partner_id=partner_id)
    return asking.ask(call, command, run_id=parent["production_run_id"] if parent else None, render=render)


_ANSWERS = {
    200: "Carried out: the task as it is now, and what else it completed.",
    202: "Stored and not carried out yet; `Location` is where the answer will be.",
    404: "There is no such task, or it is somebody else's.",
    409: "The task or its run forbids it.",
    422: "A field is wrong.",
}


def _route(method: str, rest: str, do: Endpoint, summary: str, **more: Any) -> Route:
    """A partner's route below /partners/assigned-tasks."""
    answers = more.pop("answers", _ANSWERS if method == "POST" else {404: _ANSWERS[404]})
    return Route(
        method=method,
        path=f"{PATH}{rest}",
        do=do,
        who=Who.PARTNER,
        summary=summary,
        answers=answers,
        tag=TAG,
        **more,
    )


ROUTES: tuple[Route, ...] = (
    _route("GET", "", list_tasks, "My tasks; subtasks stand under theirs.", query=tasks.FILTERS, answers={}),
    _route("GET", "/{id}", details, "One of my tasks with its subtasks and its run."),
    _route("GET", "/{id}/subtasks", list_subtasks, "The subtasks of a task."),
    _route("GET", "/{id}/comments", list_comments, "What was said about a task.", query=lists.LIST_PARAMETERS),
    _route("POST", "/{id}/accept", accept, "Accept a task.", body=AcceptBody),
    _route("POST", "/{id}/finish", finish, "Finish a task with its open subtasks.", body=FinishBody),
    _route(
        "POST",
        "/{id}/subtasks/{subtask_id}/complete",
        complete_subtask,
        "Complete a subtask; the last one completes its task.",
        body=SubtaskBody,
    ),
    _route(
        "POST",
        "/{id}/comments",
        comment,
        "Say something about a task.",
        body=CommentBody,
        answers={**_ANSWERS, 201: "The comment and its task."},
    ),
    Route(
        method="GET",
        path="/admin/partners/{id}/tasks",
        do=list_given,
        who=Who.ADMIN,
        summary="A partner's tasks; subtasks stand under theirs.",
        query=tasks.FILTERS,
        answers={404: "There is no such partner."},
        tag="Admin: partners",
    ),
    Route(
        method="POST",
        path="/admin/partners/{id}/tasks",
        do=give,
        who=Who.ADMIN,
        summary="Give a partner a stand-alone task, or a subtask of one of its tasks.",
        body=NewTaskBody,
        answers={201: "The new task.", 202: _ANSWERS[202], 404: "There is no such partner.", 422: "A field is wrong."},
        tag="Admin: partners",
    ),
)
