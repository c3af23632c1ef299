"""Material over HTTP: consumption logs of runs and designs, commits by hand, what a run cost, the output set right."""

from typing import Any

import msgspec

from services.api import asking, bodies, entries, errors
from services.api.asking import Outcome
from services.api.queries import exists, material, movements
from services.api.resources import admin_runs, milestones, partner_runs
from services.api.routes import Call, Endpoint, Reply, Route, Who
from shared.domain import commands

TAG = "Material and costs"
LOGS = "/consumption-logs"
OF_DESIGN = "/admin/designs/{id}"

DesignCommitBody = bodies.without(commands.CommitDesignConsumption, "design_id")


# Writing ------------------------------------------------------------------------------------------------------------


def log_for_run(call: Call) -> Reply:
    """Log what was used for a run; stock moves when it is committed."""
    return _log(call, milestones.own_run(call).run.id)


def log_for_design(call: Call) -> Reply:
    """Log what was used for a run of the design: the named one, else the only one that is open."""
    return _log(call, _run_of_design(call))


def commit_of_run(call: Call) -> Reply:
    """Commit logs of a run before it is completed."""
    run = milestones.own_run(call)
    return asking.ask(call, call.body, run_id=run.run.id, render=lambda outcome: _committed(call, outcome))


def commit_of_design(call: Call) -> Reply:
    """Commit logs of all runs of a design."""
    command = bodies.fill(commands.CommitDesignConsumption, call.body, design_id=_design(call))
    return asking.ask(call, command, render=lambda outcome: _committed(call, outcome))


def correct_output(call: Call) -> Reply:
    """Set right what a completed run brought."""
    return milestones.ask_about(call, milestones.own_run(call), call.body, verb=None)


def _log(call: Call, run_id: str) -> Reply:
    command = commands.LogConsumption(entry=entries.entry(call.body))

    def render(outcome: Outcome) -> Reply:
        with call.desk.engine.connect() as connection:
            return Reply({"consumption_log": material.log(connection, outcome["consumption_log_id"])}, status=201)

    return asking.ask(call, command, run_id=run_id, render=render)


def _run_of_design(call: Call) -> str:
    design_id, named = _design(call), entries.run_named(call.body)
    with call.desk.engine.connect() as connection:
        if named is not None:
            if not material.run_of_design(connection, design_id, named):
                detail = f"There is no production run {named!r} of this design."
                raise errors.field("/production_run_id", detail, code="unknown_reference")
            return named
        open_runs = material.open_runs_of_design(connection, design_id)
    if len(open_runs) != 1:
        detail = f"Say which production run: {len(open_runs)} of this design are open."
        raise errors.field("/production_run_id", detail)
    return open_runs[0]


def _committed(call: Call, outcome: Outcome) -> Reply:
    with call.desk.engine.connect() as connection:
        moved = material.movements(connection, list(outcome["log_ids"]))
    return Reply({"committed_count": outcome["committed_count"], "movements": moved})


def _design(call: Call) -> str:
    design_id = call.params["id"]
    with call.desk.engine.connect() as connection:
        if not exists.design(connection, design_id):
            raise errors.not_found("design")
    return design_id


# Reading ------------------------------------------------------------------------------------------------------------


def logs_of_run(call: Call) -> Reply:
    """What was logged on a run."""
    run = milestones.own_run(call)
    with call.desk.engine.connect() as connection:
        return Reply(material.of_run(connection, run.run.id, call.query))


def logs_of_design(call: Call) -> Reply:
    """What was logged on all runs of a design."""
    design_id = _design(call)
    with call.desk.engine.connect() as connection:
        return Reply(material.of_design(connection, design_id, call.query))


def list_movements(call: Call) -> Reply:
    """The ledger of stock."""
    with call.desk.engine.connect() as connection:
        return Reply(movements.page(connection, call.query))


def cost_summary(call: Call) -> Reply:
    """What a run and all below it cost so far."""
    run = milestones.own_run(call)
    with call.desk.engine.connect() as connection:
        summary = msgspec.structs.asdict(material.summary(connection, run.run.id))
    return Reply({"production_run_id": run.run.id, **summary, "cost_summary": summary})


# Routes -------------------------------------------------------------------------------------------------------------

_RUN, _OWN, _COMMIT = admin_runs.PATH + "/{id}", partner_runs.PATH + "/{id}", LOGS + "/commit"
_P, _A = Who.PARTNER, Who.ADMIN
_LOGGED = {**milestones.ANSWERS, 201: "The new log."}
_DONE = {**milestones.ANSWERS, 200: "How many were committed, and what moved; none is no mistake."}

_ROWS: tuple[tuple[str, str, Who, Endpoint, Any, str, dict[int, str]], ...] = (
    ("POST", _OWN + LOGS, _P, log_for_run, entries.LogBody, "Log material, energy, water or labour.", _LOGGED),
    ("GET", _OWN + LOGS, _P, logs_of_run, None, "What was logged on my run.", {}),
    ("POST", _RUN + LOGS, _A, log_for_run, entries.LogBody, "Log material, energy, water or labour.", _LOGGED),
    ("GET", _RUN + LOGS, _A, logs_of_run, None, "What was logged on a run.", {}),
    ("POST", _RUN + _COMMIT, _A, commit_of_run, commands.CommitConsumption, "Commit a run's logs by hand.", _DONE),
    ("POST", OF_DESIGN + LOGS, _A, log_for_design, entries.DesignLogBody, "Log for a run of the design.", _LOGGED),
    ("GET", OF_DESIGN + LOGS, _A, logs_of_design, None, "What was logged on all runs of a design.", {}),
    ("POST", OF_DESIGN + _COMMIT, _A, commit_of_design, DesignCommitBody, "Commit a design's logs by hand.", _DONE),
    ("GET", _RUN + "/cost-summary", _A, cost_summary, None, "What a run cost so far.", {}),
    ("POST", _RUN + "/correct-output", _A, correct_output, commands.CorrectOutput, "Set the output right.", milestones.ANSWERS),
)  # fmt: skip

ROUTES: tuple[Route, ...] = (
    Route(
        method="GET",
        path="/admin/stock-movements",
        do=list_movements,
        who=Who.ADMIN,
        summary="Every movement of stock, newest first.",
        query=movements.FILTERS,
        answers={200: "A page of movements."},
        tag=TAG,
    ),
    *(
        Route(
            method=method,
            path=path,
            do=do,
            who=who,
            summary=summary,
            body=body,
            query=material.FILTERS if method == "GET" and path.endswith(LOGS) else (),
            answers=answers or {404: "There is no such thing, or it is somebody else's."},
            tag=TAG,
        )
        for method, path, who, do, body, summary, answers in _ROWS
    ),
)
