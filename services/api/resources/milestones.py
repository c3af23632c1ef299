"""What partners and admins have in common: a run of one's own, its steps, its story. The two modules of routes build on this."""

from typing import Any

import msgspec

from services.api import asking, entries, errors
from services.api.asking import Outcome
from services.api.queries import media, runs, tasks, timeline
from services.api.routes import Call, Endpoint, Reply
from shared.domain import commands
from shared.domain.commands import Command
from shared.domain.lifecycle import Verb
from shared.domain.runs import Status

STEPS: tuple[tuple[str, Verb, type[msgspec.Struct], str], ...] = (
    # path       verb           body                   what it says
    ("accept",   Verb.ACCEPT,   commands.AcceptRun,    "Accept the run; its tasks open."),
    ("decline",  Verb.DECLINE,  commands.DeclineRun,   "Give the run back before work starts, with a reason."),
    ("start",    Verb.START,    commands.StartRun,     "Work starts."),
    ("finish",   Verb.FINISH,   commands.FinishRun,    "The pieces are finished; open work tasks close, open rework refuses it."),
    ("complete", Verb.COMPLETE, entries.CompleteBody,  "Settle a finished run: produced, rejected, short, price."),
)  # fmt: skip
"""The steps that a partner takes, and an admin on the partner's behalf."""

ANSWERS = {
    200: "Carried out: the run as it is now.",
    202: "Stored and not carried out yet; `Location` is where the answer will be.",
    404: "There is no such run, or it is somebody else's.",
    409: "The run's state forbids it.",
    422: "A field is wrong.",
}


def own_run(call: Call) -> runs.View:
    """The run of the address; a partner's own leaf, or it does not exist. Raises a 404 problem."""
    with call.desk.engine.connect() as connection:
        found = runs.find(connection, call.params["id"], partner_id=call.who.tenant)
    if found is None:
        raise errors.not_found("production run")
    return found


def shown(call: Call, run_id: str) -> dict[str, Any]:
    """The run as it is now. A partner's run that just went to somebody else is gone for them."""
    with call.desk.engine.connect() as connection:
        found = runs.find(connection, run_id, partner_id=call.who.tenant)
    if found is None:
        raise errors.not_found("production run")
    return found.body(for_partner=not call.who.is_admin)


def shown_several(call: Call, run_ids: list[str]) -> list[dict[str, Any]]:
    """Several runs as an admin sees them."""
    with call.desk.engine.connect() as connection:
        return [view.body(for_partner=False) for view in runs.several(connection, run_ids)]


def step(verb: Verb) -> Endpoint:
    """The endpoint that takes one step of the lifecycle."""

    def take(call: Call) -> Reply:
        run = own_run(call)
        # To cancel what is cancelled is no mistake; the actor says so.
        guarded = None if verb is Verb.CANCEL and run.run.status is Status.CANCELLED else verb
        command = entries.completion(call.body) if verb is Verb.COMPLETE else call.body
        return ask_about(call, run, command, verb=guarded)

    return take


def ask_about(call: Call, run: runs.View, command: Command, *, verb: Verb | None) -> Reply:
    """Ask a command about a run; the answer is the run as it is afterwards."""

    def render(outcome: Outcome) -> Reply:
        logged = {"consumptions_logged": outcome.get("consumptions_logged", 0)} if verb is Verb.COMPLETE else {}
        return Reply({"production_run": shown(call, run.run.id), **logged})

    return asking.ask(call, command, run_id=run.run.id, verb=verb, run=run, render=render)


def add_tasks(call: Call) -> Reply:
    """More tasks on a dispatched run: 201 with the new ones."""
    run = own_run(call)
    return asking.ask(call, call.body, run_id=run.run.id, render=lambda outcome: _with_tasks(call, run, outcome, 201))


def choose_templates(call: Call) -> Reply:
    """Choose what goes out, by a confirmation or in one go: 200 once the tasks exist."""
    run = own_run(call)
    is_waiting = run.run.dispatch_id is not None and run.run.status is Status.APPROVED
    confirms = isinstance(call.body, commands.ConfirmDispatch) or is_waiting
    verb = Verb.CONFIRM if confirms else Verb.DISPATCH
    return asking.ask(
        call,
        call.body,
        run_id=run.run.id,
        verb=verb,
        run=run,
        render=lambda outcome: _with_tasks(call, run, outcome, 200),
    )


def _with_tasks(call: Call, run: runs.View, outcome: Outcome, status: int) -> Reply:
    with call.desk.engine.connect() as connection:
        laid_out = tasks.several(connection, list(outcome.get("task_ids", [])))
    return Reply({"production_run": shown(call, run.run.id), "tasks": laid_out}, status=status)


# Reading ------------------------------------------------------------------------------------------------------------


def list_runs(call: Call) -> Reply:
    with call.desk.engine.connect() as connection:
        return Reply(runs.page(connection, call.query, partner_id=call.who.tenant))


def details(call: Call) -> Reply:
    """The run with its tasks and all that stands around it."""
    tenant, view = call.who.tenant, own_run(call)
    with call.desk.engine.connect() as connection:
        snapshot = runs.snapshot_of(connection, view.run)
        around = {
            "tasks": tasks.of_run(connection, view.run.id, partner_id=tenant),
            "snapshot": snapshot,
            "materials": runs.materials(snapshot, view.run.quantity),
            "media": media.of_run(connection, view.run.id),
            "related": runs.related(connection, view, partner_id=tenant),
            "totals": runs.totals(view),
        }
    told = view.body(for_partner=tenant is not None)
    return Reply(
        {"production_run": {**told, "tasks": around["tasks"], "media": around["media"], "snapshot": snapshot}, **around}
    )


def read_timeline(call: Call) -> Reply:
    """What happened to the run, oldest first."""
    run = own_run(call)
    return Reply(activities(call, run.run.id))


def activities(call: Call, run_id: str) -> dict[str, Any]:
    with call.desk.engine.connect() as connection:
        return timeline.page(connection, run_id, call.query, partner_id=call.who.tenant)
