"""Samples: a sample run moves its design along as it goes, a production run never touches it."""

from decimal import Decimal

import pytest

from shared.domain import commands
from shared.domain.runs import RunType
from tests.actors.steps import a_share, complete_by_milestones, set_policy, take
from tests.workshop import TestBench

DESIGN = "dsgn_design_of_weaver"


def design_status(workshop: TestBench) -> str:
    return str(workshop.value("SELECT status FROM design WHERE id = :id", id=DESIGN))


def statuses_on_the_way(workshop: TestBench, child: str) -> list[str]:
    """The design's status after each milestone."""
    seen = []
    for command in (commands.AcceptRun(), commands.StartRun(), commands.FinishRun(), commands.CompleteRun()):
        take(workshop, child, command)
        seen.append(design_status(workshop))
    return seen


def test_a_sample_moves_its_design_with_every_milestone(workshop: TestBench) -> None:
    child = workshop.a_sent_run(run_type=RunType.SAMPLE)

    assert statuses_on_the_way(workshop, child) == ["Conceptual", "In_Development", "Technical_Review", "Approved"]


def test_a_sample_completed_by_its_tasks_approves_its_design(workshop: TestBench) -> None:
    child = workshop.a_sent_run(run_type=RunType.SAMPLE, templates=1)

    take(workshop, child, commands.AcceptRun(), commands.FinishTask(task_id=workshop.tasks(child)[0]["id"]))

    assert design_status(workshop) == "Approved"


def test_a_production_run_leaves_its_design_as_it_is(workshop: TestBench) -> None:
    child = workshop.a_sent_run()

    assert statuses_on_the_way(workshop, child) == ["Conceptual"] * 4


@pytest.mark.parametrize("status", ["Commerce_Ready", "Rejected", "On_Hold"])
def test_a_design_that_is_ready_or_stopped_is_left_alone(workshop: TestBench, status: str) -> None:
    child = workshop.a_sent_run(run_type=RunType.SAMPLE)
    workshop.change("UPDATE design SET status = :status", status=status)

    assert statuses_on_the_way(workshop, child) == [status] * 4


def test_where_a_sample_moves_its_design_is_policy(workshop: TestBench) -> None:
    set_policy(workshop, '{"sample_design": {"start": null, "finish": "Sample_Production"}}')
    child = workshop.a_sent_run(run_type=RunType.SAMPLE)

    assert statuses_on_the_way(workshop, child) == ["Conceptual", "Conceptual", "Sample_Production", "Approved"]


def test_a_sample_that_is_cancelled_moves_nothing(workshop: TestBench) -> None:
    child = workshop.a_sent_run(run_type=RunType.SAMPLE)

    workshop.done(commands.CancelRun(), run_id=child)

    assert design_status(workshop) == "Conceptual"


def test_the_moves_of_one_sample_are_carried_out_in_its_order(workshop: TestBench) -> None:
    child = workshop.a_sent_run(run_type=RunType.SAMPLE)
    take(workshop, child, commands.AcceptRun())
    workshop.post(commands.StartRun(), run_id=child, tenant="ptnr_weaver")
    (start,) = workshop.claim()
    workshop.workshop.carry_out(start)

    (move,) = workshop.claim()
    workshop.post(commands.FinishRun(), run_id=child, tenant="ptnr_weaver")

    assert workshop.claim() == []
    workshop.workshop.carry_out(move)
    workshop.pump()
    assert design_status(workshop) == "Technical_Review"


def a_staged_sample(workshop: TestBench) -> list[str]:
    """A new sample of the design; its parts: a weaver's, then a sewer's."""
    if not workshop.value("SELECT count(*) FROM design WHERE id = :id", id=DESIGN):
        workshop.a_design("design_of_weaver")
        workshop.a_template("make")
    shares = [
        a_share(workshop, partner, order=order, quantity=Decimal(1), template_names=["make"])
        for order, partner in enumerate(("weaver", "sewer"), start=1)
    ]
    parent = workshop.a_run(DESIGN, quantity="1", run_type=RunType.SAMPLE)
    weaving, sewing = workshop.done(commands.ApproveRun(assignments=shares), run_id=parent)["children"]
    workshop.done(commands.SendToProduction(template_names=["make"]), run_id=weaving)
    return [weaving, sewing]


def test_a_later_stage_does_not_take_the_design_back(workshop: TestBench) -> None:
    weaving, sewing = a_staged_sample(workshop)

    seen = [*statuses_on_the_way(workshop, weaving), *statuses_on_the_way(workshop, sewing)]

    assert seen == ["Conceptual", "In_Development", *["Technical_Review"] * 5, "Approved"]


def test_a_stage_that_went_by_its_tasks_lets_the_next_one_begin_the_design(workshop: TestBench) -> None:
    weaving, sewing = a_staged_sample(workshop)

    take(workshop, weaving, commands.AcceptRun(), commands.FinishTask(task_id=workshop.tasks(weaving)[0]["id"]))

    assert design_status(workshop) == "Conceptual"
    assert statuses_on_the_way(workshop, sewing) == ["Conceptual", "In_Development", "Technical_Review", "Approved"]


def test_a_new_sample_begins_its_design_again(workshop: TestBench) -> None:
    for part in a_staged_sample(workshop):
        complete_by_milestones(workshop, part)
    assert design_status(workshop) == "Approved"

    weaving, _ = a_staged_sample(workshop)

    assert statuses_on_the_way(workshop, weaving)[:2] == ["Approved", "In_Development"]


def test_a_move_that_comes_late_does_not_take_an_approved_design_back(workshop: TestBench) -> None:
    weaving, sewing = a_staged_sample(workshop)
    complete_by_milestones(workshop, weaving)
    complete_by_milestones(workshop, sewing)

    workshop.change(
        """UPDATE delivery SET state = 'pending', done_at = NULL, next_at = now() WHERE actor = 'move_sample_design' AND message_id =
           (SELECT id FROM message WHERE run_id = :run AND kind = 'production_run.started')""",
        run=sewing,
    )
    workshop.pump()

    assert workshop.value("SELECT count(*) FROM delivery WHERE state <> 'done'") == 0
    assert design_status(workshop) == "Approved"
