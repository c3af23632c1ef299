"""Work on tasks: accepted, finished, split, commented, and the last of them closing its run."""

from decimal import Decimal

import pytest

from shared.domain import commands
from tests.actors.steps import set_policy, status, take, task_events
from tests.workshop import TestBench


def an_accepted_run(workshop: TestBench, *, templates: int = 1) -> str:
    child = workshop.a_sent_run(templates=templates)
    take(workshop, child, commands.AcceptRun())
    return child


def a_subtask(workshop: TestBench, title: str, *, of: str, run_id: str | None = None) -> str:
    command = commands.CreateTask(partner_id="ptnr_weaver", title=title, parent_task_id=of)
    return str(workshop.done(command, run_id=run_id)["task_id"])


def test_tasks_are_closed_until_the_run_is_accepted(workshop: TestBench) -> None:
    child = workshop.a_sent_run(templates=1)
    (task,) = workshop.tasks(child)

    for command in (commands.AcceptTask(task_id=task["id"]), commands.FinishTask(task_id=task["id"])):
        assert workshop.refused(command, run_id=child, tenant="ptnr_weaver")["code"] == "run_not_accepted"

    assert workshop.tasks(child) == [task]


def test_a_task_is_accepted_then_finished_with_what_it_cost(workshop: TestBench) -> None:
    child = an_accepted_run(workshop, templates=2)
    task = workshop.tasks(child)[0]

    take(workshop, child, commands.AcceptTask(task_id=task["id"]))
    take(workshop, child, commands.FinishTask(task_id=task["id"], actual_cost=Decimal("7.25"), cost_currency="EUR"))

    done = workshop.tasks(child)[0]
    assert (done["status"], done["actual_cost"], done["cost_currency"]) == ("completed", Decimal("7.25"), "EUR")
    assert done["accepted_at"] <= done["completed_at"]


@pytest.mark.parametrize("command", [commands.AcceptTask, commands.FinishTask])
def test_a_finished_task_takes_no_step_back(workshop: TestBench, command: type[commands.OfTask]) -> None:
    child = an_accepted_run(workshop, templates=2)
    task = workshop.tasks(child)[0]
    take(workshop, child, commands.FinishTask(task_id=task["id"]))

    no = workshop.refused(command(task_id=task["id"]), run_id=child, tenant="ptnr_weaver")

    assert no["code"] == "task_closed"
    assert task_events(workshop, child) == ["task.completed"]


def test_the_last_subtask_completes_its_task_and_the_last_task_its_run(workshop: TestBench) -> None:
    child = an_accepted_run(workshop)
    (task,) = workshop.tasks(child)
    left = a_subtask(workshop, "left sleeve", of=task["id"], run_id=child)
    right = a_subtask(workshop, "right sleeve", of=task["id"], run_id=child)

    first = take(workshop, child, commands.CompleteSubtask(task_id=task["id"], subtask_id=left))
    assert (first["parent_completed"], first["run_completed"]) == (False, False)
    last = take(workshop, child, commands.CompleteSubtask(task_id=task["id"], subtask_id=right))

    assert (last["parent_completed"], last["run_completed"]) == (True, True)
    assert {one["status"] for one in workshop.tasks(child)} == {"completed"}
    run = workshop.run(child)
    assert (run["status"], run["completion_source"]) == ("completed", "tasks")
    assert status(workshop, run["parent_run_id"]) == ["completed"]


def test_finishing_a_task_completes_its_open_subtasks(workshop: TestBench) -> None:
    child = an_accepted_run(workshop, templates=2)
    task = workshop.tasks(child)[0]
    a_subtask(workshop, "left sleeve", of=task["id"], run_id=child)

    take(workshop, child, commands.FinishTask(task_id=task["id"]))

    assert sorted(one["title"] for one in workshop.tasks(child) if one["status"] == "completed") == [
        "left sleeve",
        "weaver_step_0",
    ]


def test_a_subtask_is_completed_under_its_own_task_only(workshop: TestBench) -> None:
    child = an_accepted_run(workshop, templates=2)
    first, second = workshop.tasks(child)
    subtask = a_subtask(workshop, "left sleeve", of=first["id"], run_id=child)

    no = workshop.refused(
        commands.CompleteSubtask(task_id=second["id"], subtask_id=subtask), run_id=child, tenant="ptnr_weaver"
    )

    assert no["code"] == "not_found"


def test_a_closed_task_is_not_split(workshop: TestBench) -> None:
    child = an_accepted_run(workshop, templates=2)
    task = workshop.tasks(child)[0]
    take(workshop, child, commands.FinishTask(task_id=task["id"]))

    late = commands.CreateTask(partner_id="ptnr_weaver", title="late", parent_task_id=task["id"])

    assert workshop.refused(late, run_id=child)["code"] == "task_closed"


def test_a_stand_alone_task_with_subtasks_is_worked_on_without_any_run(workshop: TestBench) -> None:
    weaver = workshop.a_partner("weaver")
    task = workshop.done(commands.CreateTask(partner_id=weaver, title="send a swatch"))["task_id"]
    subtask = a_subtask(workshop, "cut it", of=task)

    workshop.done(commands.AcceptTask(task_id=task), tenant=weaver)
    result = workshop.done(commands.CompleteSubtask(task_id=task, subtask_id=subtask), tenant=weaver)

    assert (result["run_id"], result["parent_completed"], result["run_completed"]) == (None, True, False)
    assert {row["status"] for row in workshop.rows("SELECT status FROM task")} == {"completed"}


def test_a_task_is_given_to_a_known_partner_only(workshop: TestBench) -> None:
    assert workshop.refused(commands.CreateTask(partner_id="ptnr_x", title="pack"))["code"] == "not_found"


def test_comments_are_open_on_every_task_and_say_who_wrote_them(workshop: TestBench) -> None:
    child = an_accepted_run(workshop)
    (task,) = workshop.tasks(child)

    take(workshop, child, commands.CommentTask(task_id=task["id"], comment="which blue?"))
    take(workshop, child, commands.FinishTask(task_id=task["id"]))
    workshop.done(commands.CommentTask(task_id=task["id"], comment="the dark one"), run_id=child)

    said = workshop.rows("SELECT author->>'kind' AS who, comment FROM task_comment ORDER BY created_at")
    assert [tuple(row.values()) for row in said] == [("partner", "which blue?"), ("admin", "the dark one")]
    assert workshop.tasks(child)[0]["status"] == "completed"


def test_another_system_moves_a_task_on_and_a_repeat_changes_nothing(workshop: TestBench) -> None:
    child = an_accepted_run(workshop, templates=2)
    task = workshop.tasks(child)[0]

    for state in (commands.TaskChange.ACCEPTED, commands.TaskChange.IN_PROGRESS, commands.TaskChange.COMPLETED):
        for _ in range(2):
            workshop.done(commands.UpdateTask(task_id=task["id"], status=state), run_id=child)

    assert task_events(workshop, child) == ["task.accepted", "task.started", "task.completed"]
    back = commands.UpdateTask(task_id=task["id"], status=commands.TaskChange.ACCEPTED)
    assert workshop.refused(back, run_id=child)["code"] == "task_closed"


def test_a_repeat_of_the_report_that_completed_the_run_changes_nothing_either(workshop: TestBench) -> None:
    child = an_accepted_run(workshop)
    (task,) = workshop.tasks(child)
    report = commands.UpdateTask(task_id=task["id"], status=commands.TaskChange.COMPLETED)

    assert workshop.done(report, run_id=child)["run_completed"]
    workshop.done(report, run_id=child)


def test_where_the_policy_says_so_the_last_task_finishes_the_run_and_complete_completes_it(workshop: TestBench) -> None:
    set_policy(workshop, '{"on_all_tasks_done": "finish"}')
    child = an_accepted_run(workshop)
    (task,) = workshop.tasks(child)

    result = take(workshop, child, commands.FinishTask(task_id=task["id"]))

    run = workshop.run(child)
    assert result["run_completed"] is False
    assert (run["status"], run["waiting_for"], run["completed_at"]) == ("in_progress", "complete", None)
    assert run["started_at"] == run["finished_at"]
    take(workshop, child, commands.CompleteRun())
    assert workshop.run(child)["completion_source"] == "milestone"


def test_finishing_the_run_completes_its_open_work_and_then_only_complete_completes_it(workshop: TestBench) -> None:
    child = an_accepted_run(workshop, templates=3)
    take(workshop, child, commands.FinishTask(task_id=workshop.tasks(child)[0]["id"]))

    take(workshop, child, commands.StartRun(), commands.FinishRun(notes="all good"))

    assert {task["status"] for task in workshop.tasks(child)} == {"completed"}
    assert status(workshop, child) == ["in_progress"]
    assert workshop.run(child)["finish_notes"] == "all good"


def test_both_paths_leave_the_same_run_behind(workshop: TestBench) -> None:
    by_tasks, by_milestones = an_accepted_run(workshop), workshop.a_sent_run(templates=1, partner="knitter")
    take(workshop, by_tasks, commands.FinishTask(task_id=workshop.tasks(by_tasks)[0]["id"]))
    take(
        workshop,
        by_milestones,
        commands.AcceptRun(),
        commands.StartRun(),
        commands.FinishRun(),
        commands.CompleteRun(),
    )

    same = (
        "status", "quantity", "produced_quantity", "rejected_quantity", "short_quantity", "dispatch_state", "waiting_for",
        "waiting_until", "overdue_at", "is_partial", "partner_cost", "completion_notes",
    )  # fmt: skip
    left, right = workshop.run(by_tasks), workshop.run(by_milestones)
    assert {name: left[name] for name in same} == {name: right[name] for name in same}
    for run in (left, right):
        assert None not in (run["accepted_at"], run["started_at"], run["finished_at"], run["completed_at"])
    assert [row["state"] for row in workshop.rows("SELECT state FROM work_order")] == ["closed", "closed"]
