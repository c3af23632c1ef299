"""Rework: more tasks from redo templates, in any number of rounds, holding the end back until they are done."""

import pytest

from shared.domain import commands
from shared.domain.commands import AddTasks
from shared.domain.tasks import TaskKind
from tests.actors.steps import open_tasks, status, take
from tests.workshop import TestBench


@pytest.fixture
def child(workshop: TestBench) -> str:
    """A started run with two tasks, in a house with two redo templates."""
    workshop.a_template("mend", category="rework", kind="redo", position=1)
    workshop.a_template("wash", category="rework", kind="redo", position=0)
    sent = workshop.a_sent_run(templates=2)
    take(workshop, sent, commands.AcceptRun(), commands.StartRun())
    return sent


def finish_all(workshop: TestBench, child: str) -> None:
    for task in open_tasks(workshop, child):
        take(workshop, child, commands.FinishTask(task_id=task["id"]))


def test_open_rework_holds_finish_back_and_is_named(workshop: TestBench, child: str) -> None:
    workshop.done(AddTasks(template_names=["mend"], piece="left sleeve"), run_id=child)

    no = workshop.refused(commands.FinishRun(), run_id=child, tenant="ptnr_weaver")

    assert (no["code"], "mend" in no["detail"]) == ("open_redo_tasks", True)
    redo = open_tasks(workshop, child)[-1]
    assert (redo["kind"], redo["piece"], redo["round"]) == ("redo", "left sleeve", 1)
    take(workshop, child, commands.FinishTask(task_id=redo["id"]), commands.FinishRun())


def test_rework_found_after_the_finish_holds_completion_back(workshop: TestBench, child: str) -> None:
    take(workshop, child, commands.FinishRun())
    workshop.done(AddTasks(template_names=["mend"]), run_id=child)

    no = workshop.refused(commands.CompleteRun(), run_id=child, tenant="ptnr_weaver")
    assert no["code"] == "open_redo_tasks"
    finish_all(workshop, child)
    assert status(workshop, child) == ["in_progress"]
    take(workshop, child, commands.CompleteRun())

    assert status(workshop, child) == ["completed"]


def test_finishing_closes_open_work_but_never_open_rework(workshop: TestBench, child: str) -> None:
    workshop.done(AddTasks(template_names=["mend"]), run_id=child)
    before = workshop.tasks(child)

    workshop.refused(commands.FinishRun(), run_id=child, tenant="ptnr_weaver")

    assert workshop.tasks(child) == before


def test_the_run_is_not_completed_by_its_tasks_until_the_rework_is_done(workshop: TestBench, child: str) -> None:
    first, second = workshop.tasks(child)
    workshop.done(AddTasks(template_names=["mend"]), run_id=child)

    take(workshop, child, commands.FinishTask(task_id=first["id"]), commands.FinishTask(task_id=second["id"]))
    assert status(workshop, child) == ["in_progress"]
    finish_all(workshop, child)

    assert workshop.run(child)["completion_source"] == "tasks"


def test_a_partner_may_add_rework_and_nothing_else(workshop: TestBench, child: str) -> None:
    for kind in TaskKind:
        no = workshop.refused(
            AddTasks(template_names=["weaver_step_0"], task_kind=kind), run_id=child, tenant="ptnr_weaver"
        )
        assert no["code"] == "not_a_redo_template"

    take(workshop, child, AddTasks(template_category="rework"))

    assert [task["title"] for task in open_tasks(workshop, child) if task["kind"] == "redo"] == ["wash", "mend"]


def test_an_admin_may_add_ordinary_work_by_saying_so(workshop: TestBench, child: str) -> None:
    assert workshop.refused(AddTasks(template_names=["weaver_step_0"]), run_id=child)["code"] == "not_a_redo_template"

    workshop.done(AddTasks(template_names=["weaver_step_0"], task_kind=TaskKind.WORK), run_id=child)

    assert [task["round"] for task in open_tasks(workshop, child)] == [0, 0, 1]


def test_rework_goes_on_for_any_number_of_rounds(workshop: TestBench, child: str) -> None:
    take(workshop, child, commands.FinishRun())

    for round_ in (1, 2, 3):
        workshop.done(AddTasks(template_names=["mend", "wash"]), run_id=child)
        assert {task["round"] for task in open_tasks(workshop, child)} == {round_}
        assert workshop.refused(commands.CompleteRun(), run_id=child)["code"] == "open_redo_tasks"
        finish_all(workshop, child)
    take(workshop, child, commands.CompleteRun())

    assert len([task for task in workshop.tasks(child) if task["kind"] == "redo"]) == 6
    assert workshop.events(child).count("production_run.tasks_added") == 3


def test_rework_is_added_from_the_dispatch_until_the_end_and_not_outside(workshop: TestBench, child: str) -> None:
    sent = workshop.a_sent_run(partner="knitter")
    workshop.done(AddTasks(template_names=["mend"]), run_id=sent)
    take(workshop, child, commands.FinishRun(), commands.CompleteRun())
    waiting = workshop.a_run("dsgn_design_of_weaver")

    for run_id in (child, waiting):
        assert workshop.refused(AddTasks(template_names=["mend"]), run_id=run_id)["code"] == "wrong_state"

    parent = workshop.run(child)["parent_run_id"]
    assert workshop.refused(AddTasks(template_names=["mend"]), run_id=parent)["code"] == "run_is_a_container"


def test_rework_from_an_unknown_template_adds_nothing(workshop: TestBench, child: str) -> None:
    no = workshop.refused(AddTasks(template_names=["mend", "glue"]), run_id=child)

    assert no["code"] == "unknown_reference"
    assert len(workshop.tasks(child)) == 2


def test_rework_may_have_subtasks_and_their_last_one_opens_the_way(workshop: TestBench, child: str) -> None:
    (redo,) = workshop.done(AddTasks(template_names=["mend"]), run_id=child)["task_ids"]
    stitch = commands.CreateTask(partner_id="ptnr_weaver", title="stitch", parent_task_id=redo)
    subtask = workshop.done(stitch, run_id=child)["task_id"]

    no = workshop.refused(commands.FinishRun(), run_id=child)
    take(workshop, child, commands.CompleteSubtask(task_id=redo, subtask_id=subtask), commands.FinishRun())

    assert no["code"] == "open_redo_tasks"
    assert workshop.run(child)["finished_at"] is not None
