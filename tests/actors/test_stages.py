"""Stages over several partners: each is released by itself when the one before is completed, and the last closes the parent."""

from collections.abc import Callable
from decimal import Decimal

import pytest

from shared.domain import commands
from tests.actors.steps import a_family, a_share, complete_by_milestones, complete_by_tasks, status, take
from tests.workshop import TestBench

PATHS = pytest.mark.parametrize("complete", [complete_by_milestones, complete_by_tasks])


def a_staged_family(workshop: TestBench) -> tuple[str, list[str]]:
    """Weave, cut, stitch: three partners, two runs per stage, five pieces and three."""
    stages = [("weaver", "weave"), ("cutter", "cut"), ("sewer", "stitch")]
    for _, template in stages:
        workshop.a_template(template)
    shares = [
        a_share(workshop, partner, order=order, quantity=Decimal(quantity), template_names=[template])
        for order, (partner, template) in enumerate(stages, start=1)
        for quantity in (5, 3)
    ]
    return a_family(workshop, *shares, quantity="8")


@PATHS
def test_a_staged_order_runs_to_its_end_by_itself_once_the_first_stage_is_sent(
    workshop: TestBench, complete: Callable[[TestBench, str], None]
) -> None:
    parent, children = a_staged_family(workshop)
    weaving, cutting, stitching = children[:2], children[2:4], children[4:]
    assert status(workshop, *children) == ["approved"] * 6
    assert all(workshop.tasks(child) == [] for child in children)

    for child in weaving:
        workshop.done(commands.SendToProduction(template_names=["weave"]), run_id=child)
    complete(workshop, weaving[0])
    assert status(workshop, parent, *cutting) == ["in_progress", "approved", "approved"]
    complete(workshop, weaving[1])
    assert status(workshop, *cutting, *stitching) == ["sent_to_partner"] * 2 + ["approved"] * 2
    for child in cutting:
        complete(workshop, child)
    assert status(workshop, *stitching) == ["sent_to_partner"] * 2
    take(workshop, stitching[0], commands.AcceptRun(), commands.StartRun(), commands.FinishRun())
    take(workshop, stitching[0], commands.CompleteRun(rejected_quantity=Decimal(1), rejection_reason="other"))
    assert status(workshop, parent) == ["in_progress"]
    complete(workshop, stitching[1])

    run = workshop.run(parent)
    assert (run["status"], run["completion_source"], run["is_partial"]) == ("completed", "children", False)
    assert (run["produced_quantity"], run["rejected_quantity"], run["short_quantity"]) == (7, 1, 0)
    assert run["quantity"] == 8
    assert workshop.events(parent) == [
        "production_run.created",
        "production_run.approved",
        "production_run.in_progress",
        "production_run.completed",
    ]
    assert workshop.errors() == []


@PATHS
def test_every_run_of_a_stage_is_sent_once_however_often_its_family_is_judged(
    workshop: TestBench, complete: Callable[[TestBench, str], None]
) -> None:
    parent, children = a_staged_family(workshop)
    for child in children[:2]:
        workshop.done(commands.SendToProduction(template_names=["weave"]), run_id=child)
        complete(workshop, child)

    for _ in range(3):
        workshop.done(commands.RepairFamily(), run_id=parent)

    for child in children[2:4]:
        assert workshop.events(child).count("production_run.sent_to_partner") == 1
        assert len(workshop.tasks(child)) == 1


def test_a_later_stage_cannot_be_sent_by_hand_while_an_earlier_one_is_open(workshop: TestBench) -> None:
    _, children = a_staged_family(workshop)

    for command in (commands.DispatchRun(), commands.SendToProduction(template_names=["cut"])):
        no = workshop.refused(command, run_id=children[2])
        assert no["code"] == "predecessors_not_settled"
        assert children[0] in no["detail"]
        assert children[1] in no["detail"]

    assert status(workshop, children[2]) == ["approved"]


def test_a_released_run_without_a_choice_waits_for_its_templates(workshop: TestBench) -> None:
    workshop.a_template("weave")
    _, (weaving, cutting) = a_family(
        workshop, a_share(workshop, "weaver", order=1, template_names=["weave"]), a_share(workshop, "cutter", order=2)
    )
    workshop.done(commands.SendToProduction(template_names=["weave"]), run_id=weaving)

    complete_by_milestones(workshop, weaving)

    run = workshop.run(cutting)
    assert (run["status"], run["dispatch_state"], run["waiting_for"]) == ("approved", "awaiting_templates", "templates")
    workshop.done(commands.ConfirmDispatch(template_names=["weave"], transaction_id=run["dispatch_id"]), run_id=cutting)
    assert status(workshop, cutting) == ["sent_to_partner"]


def test_a_release_that_fails_is_told_and_the_run_can_be_sent_by_hand(workshop: TestBench) -> None:
    workshop.a_template("weave")
    parent, (weaving, cutting) = a_family(
        workshop,
        a_share(workshop, "weaver", order=1, template_names=["weave"]),
        a_share(workshop, "cutter", order=2, template_names=["gone"]),
    )
    workshop.done(commands.SendToProduction(template_names=["weave"]), run_id=weaving)

    complete_by_milestones(workshop, weaving)

    assert "production_run.dispatch_failed" in workshop.events(cutting)
    (notice,) = workshop.rows("SELECT text FROM notification WHERE run_id = :run", run=cutting)
    assert "'gone'" in notice["text"]
    workshop.done(commands.SendToProduction(template_names=["weave"]), run_id=cutting)
    complete_by_tasks(workshop, cutting)
    assert status(workshop, parent) == ["completed"]


def test_a_cancelled_predecessor_releases_nobody_and_its_dependent_can_be_sent_by_hand(workshop: TestBench) -> None:
    workshop.a_template("weave")
    workshop.a_template("cut")
    parent, (first, second, cutting) = a_family(
        workshop,
        a_share(workshop, "weaver", order=1),
        a_share(workshop, "knitter", order=1),
        a_share(workshop, "cutter", order=2, template_names=["cut"]),
    )
    workshop.done(commands.SendToProduction(template_names=["weave"]), run_id=first)
    complete_by_tasks(workshop, first)

    workshop.done(commands.CancelRun(reason="loom burnt"), run_id=second)

    assert status(workshop, parent, cutting) == ["in_progress", "approved"]
    assert workshop.run(cutting)["dispatch_state"] == "idle"
    workshop.done(commands.SendToProduction(template_names=["cut"]), run_id=cutting)
    complete_by_tasks(workshop, cutting)
    run = workshop.run(parent)
    assert (run["status"], run["is_partial"], run["produced_quantity"]) == ("completed", True, 4)
