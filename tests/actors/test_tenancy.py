"""Whose things are whose: to everybody but its own partner a run or a task does not exist."""

from typing import Any

import pytest

from shared.domain import commands
from shared.domain.commands import Command
from tests.actors.steps import take
from tests.workshop import TestBench

OF_RUNS: list[Command] = [
    commands.AcceptRun(),
    commands.DeclineRun(reason=commands.DeclineReason.OTHER),
    commands.StartRun(),
    commands.FinishRun(),
    commands.CompleteRun(),
    commands.AddTasks(template_names=["mend"]),
]
OF_TASKS: list[type[Command]] = [
    commands.AcceptTask,
    commands.FinishTask,
    commands.CompleteSubtask,
    commands.CommentTask,
]
MORE: dict[type[Command], dict[str, Any]] = {
    commands.CompleteSubtask: {"subtask_id": "task_own"},
    commands.CommentTask: {"comment": "?"},
}


def everything(workshop: TestBench) -> list[Any]:
    return [
        workshop.rows(f"SELECT * FROM {table} ORDER BY 1")
        for table in ("production_run", "task", "work_order", "task_comment")
    ]


@pytest.mark.parametrize("command", OF_RUNS, ids=lambda command: command.kind)
def test_another_partners_run_does_not_exist(workshop: TestBench, command: Command) -> None:
    child = workshop.a_sent_run()
    workshop.a_partner("stranger")
    before = everything(workshop)

    foreign = workshop.refused(command, run_id=child, tenant="ptnr_stranger")
    missing = workshop.refused(command, run_id="run_nothing", tenant="ptnr_stranger")

    assert foreign == missing
    assert foreign["code"] == "not_found"
    assert everything(workshop) == before


@pytest.mark.parametrize("command", OF_TASKS, ids=lambda command: command.kind)
def test_another_partners_task_does_not_exist(workshop: TestBench, command: type[Command]) -> None:
    child = workshop.a_sent_run()
    take(workshop, child, commands.AcceptRun())
    workshop.a_partner("stranger")
    task = workshop.tasks(child)[0]["id"]
    before = everything(workshop)

    no = workshop.refused(command(task_id=task, **MORE.get(command, {})), run_id=child, tenant="ptnr_stranger")

    assert no["code"] == "not_found"
    assert everything(workshop) == before


@pytest.mark.parametrize("command", OF_TASKS, ids=lambda command: command.kind)
def test_another_runs_task_is_not_reached_through_an_own_run(workshop: TestBench, command: type[Command]) -> None:
    foreign, own = workshop.a_sent_run(), workshop.a_sent_run(partner="stranger")
    for child in (foreign, own):
        take(workshop, child, commands.AcceptRun())
    task = workshop.tasks(foreign)[0]["id"]
    before = everything(workshop)

    for run_id in (own, None):
        ask = command(task_id=task, **MORE.get(command, {}))
        assert workshop.refused(ask, run_id=run_id, tenant="ptnr_stranger")["code"] == "not_found"

    assert everything(workshop) == before


@pytest.mark.parametrize("command", OF_TASKS, ids=lambda command: command.kind)
def test_another_partners_stand_alone_task_does_not_exist(workshop: TestBench, command: type[Command]) -> None:
    weaver = workshop.a_partner("weaver")
    workshop.a_partner("stranger")
    task = workshop.done(commands.CreateTask(partner_id=weaver, title="send a swatch"))["task_id"]
    below = workshop.done(commands.CreateTask(partner_id=weaver, title="cut it", parent_task_id=task))["task_id"]
    before = everything(workshop)

    more = {"subtask_id": below} if command is commands.CompleteSubtask else MORE.get(command, {})
    no = workshop.refused(command(task_id=task, **more), tenant="ptnr_stranger")

    assert no["code"] == "not_found"
    assert everything(workshop) == before


def test_a_subtask_is_given_under_a_task_of_the_same_partner_only(workshop: TestBench) -> None:
    weaver, knitter = workshop.a_partner("weaver"), workshop.a_partner("knitter")
    task = workshop.done(commands.CreateTask(partner_id=weaver, title="send a swatch"))["task_id"]

    no = workshop.refused(commands.CreateTask(partner_id=knitter, title="cut it", parent_task_id=task))

    assert no["code"] == "not_found"


def test_an_admin_may_take_every_step_of_the_partner_and_the_timeline_says_so(workshop: TestBench) -> None:
    child = workshop.a_sent_run()

    for command in (commands.AcceptRun(), commands.StartRun(), commands.FinishRun(), commands.CompleteRun()):
        workshop.done(command, run_id=child)

    assert workshop.run(child)["completion_source"] == "admin"
    who = workshop.rows(
        "SELECT DISTINCT actor->>'kind' AS kind FROM message WHERE run_id = :run AND kind = 'production_run.completed'",
        run=child,
    )
    assert [row["kind"] for row in who] == ["admin"]
