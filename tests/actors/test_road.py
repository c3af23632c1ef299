"""The whole road of one run through the real actors."""

from shared.domain import commands
from tests.workshop import TestBench


def test_an_order_line_becomes_a_run_and_the_run_becomes_finished_goods(workshop: TestBench) -> None:
    partner = workshop.a_partner("weaver")
    workshop.a_product("prod_1", design_id=workshop.a_design())
    workshop.a_template("weave")
    placed = workshop.done(workshop.an_order("order_1", ("line_1", "prod_1"), ("line_2", "prod_unknown")))
    assert [line["outcome"] for line in placed["lines"]] == ["run", "unmapped"]
    parent = placed["lines"][0]["production_run_id"]

    share = commands.Assignment(partner_id=partner, role="weaving", template_names=["weave"])
    approved = workshop.done(commands.ApproveRun(assignments=[share]), run_id=parent)
    (child,) = approved["children"]
    assert approved["dispatch"] == {"dispatched": [child], "skipped": [], "failed": []}

    workshop.done(commands.AcceptRun(), run_id=child, tenant=partner)
    assert workshop.run(parent)["status"] == "in_progress"
    workshop.done(commands.StartRun(), run_id=child, tenant=partner)
    workshop.done(commands.FinishRun(notes="done"), run_id=child, tenant=partner)
    workshop.done(commands.CompleteRun(), run_id=child, tenant=partner)

    assert workshop.run(child)["status"] == "completed"
    assert workshop.run(child)["produced_quantity"] == 2
    assert workshop.run(parent)["status"] == "completed"
    assert workshop.run(parent)["produced_quantity"] == 2
    assert workshop.errors() == []
    assert workshop.events(child) == [
        "production_run.created",
        "production_run.sent_to_partner",
        "production_run.accepted",
        "production_run.started",
        "task.completed",
        "production_run.finished",
        "production_run.completed",
    ]


def test_all_tasks_done_completes_the_run_and_its_parent(workshop: TestBench) -> None:
    child = workshop.a_sent_run(templates=2)
    tenant = workshop.run(child)["partner_id"]
    workshop.done(commands.AcceptRun(), run_id=child, tenant=tenant)

    first, second = workshop.tasks(child)
    assert (
        workshop.done(commands.FinishTask(task_id=first["id"]), run_id=child, tenant=tenant)["run_completed"] is False
    )
    assert (
        workshop.done(commands.FinishTask(task_id=second["id"]), run_id=child, tenant=tenant)["run_completed"] is True
    )

    run = workshop.run(child)
    assert (run["status"], run["completion_source"]) == ("completed", "tasks")
    assert workshop.run(run["parent_run_id"])["status"] == "completed"
