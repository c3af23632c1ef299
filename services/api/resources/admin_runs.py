"""All runs, for admins: made, approved, allocated, dispatched, moved on a partner's behalf, cancelled, annotated."""

from typing import Any

from services.api import asking, bodies, errors
from services.api.asking import Outcome
from services.api.queries import exists, runs, timeline
from services.api.resources import milestones
from services.api.routes import Call, Endpoint, Reply, Route, Who
from shared.domain import commands
from shared.domain.lifecycle import Verb

PATH = "/admin/production-runs"
TAG = "Admin: production runs"

DesignRunBody = bodies.without(commands.CreateDesignRun, "design_id")


def create(call: Call) -> Reply:
    """A run made by hand; it waits for approval."""
    return asking.ask(call, call.body, render=lambda outcome: _made(call, outcome))


def create_for_design(call: Call) -> Reply:
    """Make a run of a design and approve it in one step."""
    design_id = call.params["id"]
    with call.desk.engine.connect() as connection:
        if not exists.design(connection, design_id):
            raise errors.not_found("design")
    command = bodies.fill(commands.CreateDesignRun, call.body, design_id=design_id)
    return asking.ask(call, command, render=lambda outcome: _allocated(call, outcome, 201))


def allocate(verb: Verb) -> Endpoint:
    """The endpoint that shares a run out: its approval, or the split of one that was approved. The report says what went out."""

    def share_out(call: Call) -> Reply:
        run = milestones.own_run(call)
        return asking.ask(
            call,
            call.body,
            run_id=run.run.id,
            verb=verb,
            run=run,
            render=lambda outcome: _allocated(call, outcome, 200),
        )

    return share_out


def dispatch(call: Call) -> Reply:
    """Open the dispatch: 202, for the pause has begun and templates are wanted."""
    run = milestones.own_run(call)

    def render(outcome: Outcome) -> Reply:
        opened = outcome["dispatch"]
        told = {"production_run": milestones.shown(call, run.run.id), "dispatch": opened}
        return Reply({**told, "transaction_id": opened["id"]}, status=202)

    return asking.ask(call, call.body, run_id=run.run.id, verb=Verb.DISPATCH, run=run, render=render)


def act(call: Call) -> Reply:
    """What is no step of the lifecycle: the answer is the run as it is afterwards."""
    return milestones.ask_about(call, milestones.own_run(call), call.body, verb=None)


def note(call: Call) -> Reply:
    """Write a note; the answer is the timeline with it."""
    run = milestones.own_run(call)
    return asking.ask(
        call,
        call.body,
        run_id=run.run.id,
        render=lambda outcome: Reply(milestones.activities(call, run.run.id), status=201),
    )


def _made(call: Call, outcome: Outcome) -> Reply:
    run_id = outcome["run_id"]
    return Reply(
        {"production_run": milestones.shown(call, run_id)}, status=201, headers={"Location": f"{PATH}/{run_id}"}
    )


def _allocated(call: Call, outcome: Outcome, status: int) -> Reply:
    run_id = outcome["run_id"]
    return Reply(
        {
            "production_run": milestones.shown(call, run_id),
            "children": milestones.shown_several(call, list(outcome["children"])),
            "dispatch": outcome["dispatch"],
        },
        status=status,
        headers={"Location": f"{PATH}/{run_id}"} if status == 201 else {},
    )


def _on_run(name: str, do: Endpoint, body: Any, summary: str, answers: dict[int, str] | None = None) -> Route:
    """POST /admin/production-runs/{id}/<name>."""
    return Route(
        method="POST",
        path=f"{PATH}/{{id}}/{name}",
        do=do,
        who=Who.ADMIN,
        summary=summary,
        body=body,
        answers={**milestones.ANSWERS, **(answers or {})},
        tag=TAG,
    )


_PAUSE = {202: "The pause has begun: `dispatch` says until when templates can be chosen."}
_TASKS = {200: "Sent: the run and its tasks."}

ROUTES: tuple[Route, ...] = (
    Route(
        method="POST",
        path=PATH,
        do=create,
        who=Who.ADMIN,
        summary="Make a run by hand; it waits for approval.",
        body=commands.CreateRun,
        answers={201: "The new run.", 202: milestones.ANSWERS[202], 422: "A field is wrong, or names nothing."},
        tag=TAG,
    ),
    Route(
        method="GET",
        path=PATH,
        do=milestones.list_runs,
        who=Who.ADMIN,
        summary="All runs, with their task counts.",
        query=runs.ADMIN_FILTERS,
        tag=TAG,
    ),
    Route(
        method="GET",
        path=f"{PATH}/{{id}}",
        do=milestones.details,
        who=Who.ADMIN,
        summary="A run with its tasks, snapshot, materials, related runs, children and totals.",
        answers={404: "There is no such run."},
        tag=TAG,
    ),
    Route(
        method="POST",
        path="/admin/designs/{id}/production-runs",
        do=create_for_design,
        who=Who.ADMIN,
        summary="Make a run of a design, approve it and allocate it in one step.",
        body=DesignRunBody,
        answers={
            201: "The run, its children, and what was dispatched.",
            202: milestones.ANSWERS[202],
            404: "There is no such design.",
            422: "A field is wrong, or names nothing.",
        },
        tag=TAG,
    ),
    _on_run(
        "approve",
        allocate(Verb.APPROVE),
        commands.ApproveRun,
        "Approve a run and allocate it among partners.",
        {200: "The run, its children, and what was dispatched."},
    ),
    _on_run(
        "split",
        allocate(Verb.SPLIT),
        commands.SplitRun,
        "Split an approved run that was not sent yet among partners.",
        {200: "The run, its children, and what was dispatched."},
    ),
    *(
        _on_run(name, dispatch, commands.DispatchRun, "Open the dispatch: templates are wanted.", _PAUSE)
        for name in ("dispatch", "start-dispatch")
    ),
    *(
        _on_run(
            name,
            milestones.choose_templates,
            commands.ConfirmDispatch,
            "Choose the templates; the work order is sent.",
            _TASKS,
        )
        for name in ("dispatch/confirm", "resume-dispatch")
    ),
    _on_run(
        "send-to-production",
        milestones.choose_templates,
        commands.SendToProduction,
        "Dispatch and choose the templates at once.",
        _TASKS,
    ),
    _on_run(
        "tasks",
        milestones.add_tasks,
        commands.AddTasks,
        "Add tasks to a dispatched run: rework, or more work.",
        {201: "The new tasks."},
    ),
    _on_run("cancel", milestones.step(Verb.CANCEL), commands.CancelRun, "End a run and all its open parts."),
    _on_run("hold", milestones.step(Verb.HOLD), commands.HoldRun, "Let the run stand still; its deadline stops."),
    _on_run("resume", milestones.step(Verb.RESUME), commands.ResumeRun, "Let a run on hold go on."),
    _on_run("resolve-flag", act, commands.ResolveFlag, "Say what was decided about a flag; it goes."),
    _on_run(
        "assign-partner",
        milestones.step(Verb.REASSIGN),
        commands.AssignPartner,
        "Give the run to another partner; it is not sent by this.",
    ),
    *(
        _on_run(name, milestones.step(verb), body, f"On the partner's behalf: {summary}")
        for name, verb, body, summary in milestones.STEPS
    ),
    Route(
        method="GET",
        path=f"{PATH}/{{id}}/timeline",
        do=milestones.read_timeline,
        who=Who.ADMIN,
        summary="What happened to the run.",
        query=timeline.PARAMETERS,
        answers={404: "There is no such run."},
        tag=TAG,
    ),
    _on_run("notes", note, commands.AddNote, "Write a note on the timeline.", {201: "The timeline with the note."}),
)
