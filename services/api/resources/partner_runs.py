"""A partner's own runs: list, details, the steps of the lifecycle, rework, the timeline."""

from services.api import errors
from services.api.queries import runs, timeline
from services.api.resources import milestones
from services.api.routes import Call, Reply, Route, Who
from shared.domain import commands
from shared.domain.tasks import TaskKind

PATH = "/partners/production-runs"
TAG = "Partner: production runs"


def add_rework(call: Call) -> Reply:
    """A partner adds rework only."""
    if call.body.task_kind is not TaskKind.REDO:
        raise errors.field("/kind", "Partners add rework only: kind must be redo.")
    return milestones.add_tasks(call)


ROUTES: tuple[Route, ...] = (
    Route(
        method="GET",
        path=PATH,
        do=milestones.list_runs,
        who=Who.PARTNER,
        summary="My runs, with their task counts.",
        query=runs.PARTNER_FILTERS,
        tag=TAG,
    ),
    Route(
        method="GET",
        path=f"{PATH}/{{id}}",
        do=milestones.details,
        who=Who.PARTNER,
        summary="One of my runs with its tasks, snapshot, materials, related runs and totals.",
        answers={404: milestones.ANSWERS[404]},
        tag=TAG,
    ),
    *(
        Route(
            method="POST",
            path=f"{PATH}/{{id}}/{name}",
            do=milestones.step(verb),
            who=Who.PARTNER,
            summary=summary,
            body=body,
            answers=milestones.ANSWERS,
            tag=TAG,
        )
        for name, verb, body, summary in milestones.STEPS
    ),
    Route(
        method="GET",
        path=f"{PATH}/{{id}}/timeline",
        do=milestones.read_timeline,
        who=Who.PARTNER,
        summary="What happened to the run while it was mine.",
        query=timeline.PARAMETERS,
        answers={404: milestones.ANSWERS[404]},
        tag=TAG,
    ),
    Route(
        method="POST",
        path=f"{PATH}/{{id}}/tasks",
        do=add_rework,
        who=Who.PARTNER,
        summary="Add rework, from rework templates only.",
        body=commands.AddTasks,
        answers={**milestones.ANSWERS, 201: "The new tasks."},
        tag=TAG,
    ),
)
