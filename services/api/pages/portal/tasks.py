"""A partner's tasks, stand-alone ones and those of runs: the list, one of them, and what can be done with it."""

from typing import Any

from services.api.forms import Filled
from services.api.pages import acts, frame
from services.api.pages.acts import Act
from services.api.pages.portal import runs as run_list
from services.api.pages.portal import wording
from services.api.queries import portal, runs, tasks
from services.api.queries.runs import View
from services.api.resources import tasks as own
from services.api.routes import Call, Reply, Route, Who
from shared.domain import tasks as rules
from shared.domain.refusals import Refusal
from shared.domain.runs import CostType
from shared.domain.tasks import CLOSED, Priority, Task, TaskKind, TaskStatus

PATH = "/portal/tasks/{id}"
_API = "POST /partners/assigned-tasks/{id}"


def listed(call: Call) -> Reply:
    """One tab of the tasks."""
    partner_id = call.who.partner_id or ""
    with call.desk.engine.connect() as connection:
        counted = portal.task_counts(connection, partner_id)
        tab = run_list.chosen(call.query.get("tab"), counted)
        kept = {"kind": call.query["kind"]} if call.query.get("kind") else {}
        asked = {**kept, **run_list.cursor_of(call), "status": ",".join(portal.TASK_TABS[tab])}
        page = tasks.page(connection, asked, partner_id=partner_id)
        run_ids = {task["production_run_id"] for task in page["tasks"] if task["production_run_id"]}
        cards = portal.cards(connection, list(run_ids))
    return frame.page(
        call,
        "portal/tasks.html",
        tasks=[{**task, "card": cards.get(task["production_run_id"])} for task in page["tasks"]],
        tabs=[(name, run_list.capped(count)) for name, count in counted.items()],
        tab=tab,
        kept=kept,
        kinds=[each.value for each in TaskKind],
        next_cursor=page["next_cursor"],
        is_later="cursor" in asked,
    )


def show(call: Call, form: Filled | None = None) -> Reply:
    """One task with its subtasks, comments and run."""
    task, partner_id = own.own_task(call), call.who.partner_id or ""
    with call.desk.engine.connect() as connection:
        below = tasks.subtasks(connection, task["id"], partner_id=partner_id)
        comments = portal.comments(connection, [task["id"]], partner_id=partner_id).get(task["id"], [])
        run = runs.find(connection, task["production_run_id"] or "", partner_id=partner_id)
        card = portal.cards(connection, [run.run.id])[run.run.id] if run else None
        parent = tasks.find(connection, task["parent_task_id"] or "", partner_id=partner_id)
    return frame.page(
        call,
        "portal/task.html",
        status=form.status if form else 200,
        form=wording.plain(form),
        task=task,
        subtasks=below,
        comments=comments,
        run=run.run if run else None,
        card=card,
        parent=parent,
        why=_why_not(task, run),
        is_open=task["status"] not in CLOSED,
        may_accept=task["status"] in rules.TASK_STEPS["accept"][0],
        cost_types=[each.value for each in CostType],
        high=Priority.HIGH.value,
    )


def _why_not(task: dict[str, Any], run: View | None) -> str:
    """Why the task cannot be worked on now, nothing when it can."""
    if run is None:
        return ""
    asked = Task(
        id=task["id"], title=task["title"], status=TaskStatus(task["status"]), work_order_id=task["work_order_id"]
    )
    try:
        rules.open_to_work(run.run, asked)
    except Refusal as no:
        return wording.of_refusal(no)
    return ""


def _act(step: str, said: str, *, path: str = "", api: str = "", name: str = "") -> Act:
    return Act(
        name=name or step, path=f"{PATH}/{path or step}", api=f"{_API}/{api or step}", page=show, back=PATH, said=said
    )


ACTS: tuple[Act, ...] = (
    _act("accept", "task_accepted"),
    _act("finish", "task_done"),
    _act("comment", "commented", path="comments", api="comments"),
    _act("subtask", "task_done", path="subtasks/{subtask_id}/complete", api="subtasks/{subtask_id}/complete"),
)

ROUTES: tuple[Route, ...] = (
    frame.route("GET", "/portal/tasks", listed, Who.PARTNER, "My tasks.", query=("tab", "cursor", "kind")),
    frame.route("GET", PATH, show, Who.PARTNER, "One of my tasks."),
    *acts.routes(ACTS, Who.PARTNER),
)
