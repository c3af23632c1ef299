"""Samples: a sample run moves its design along as it goes, a production run never touches it."""

import pytest

from shared.domain import commands
from shared.domain.runs import RunType
from tests.actors.steps import set_policy, take
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
