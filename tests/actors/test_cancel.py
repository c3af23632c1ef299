"""Cancelling: a run ends with all its open parts and tasks, once, and its family follows."""

from collections.abc import Callable

import pytest

from shared.domain import commands
from shared.domain.commands import Command
from tests.actors.steps import (
    a_family,
    a_share,
    complete_by_admin,
    complete_by_milestones,
    complete_by_tasks,
    status,
    take,
)
from tests.workshop import TestBench


def a_pair(workshop: TestBench) -> tuple[str, list[str]]:
    workshop.a_template("weave")
    return a_family(
        workshop,
        a_share(workshop, "weaver", template_names=["weave"]),
        a_share(workshop, "knitter", template_names=["weave"]),
    )


def test_cancelling_a_parent_ends_its_open_parts_and_their_tasks_and_keeps_what_was_completed(
    workshop: TestBench,
) -> None:
    parent, (done, under_way) = a_pair(workshop)
    complete_by_milestones(workshop, done)
    take(workshop, under_way, commands.AcceptRun())

    workshop.done(commands.CancelRun(reason="the order was withdrawn"), run_id=parent)

    assert status(workshop, parent, done, under_way) == ["cancelled", "completed", "cancelled"]
    assert [task["status"] for task in workshop.tasks(under_way)] == ["cancelled"]
    assert [task["status"] for task in workshop.tasks(done)] == ["completed"]
    for run_id in (parent, under_way):
        assert workshop.run(run_id)["cancelled_reason"] == "the order was withdrawn"
        assert workshop.run(run_id)["cancelled_at"] is not None
    states = workshop.rows("SELECT state FROM work_order ORDER BY state")
    assert [row["state"] for row in states] == ["closed", "closed"]
    assert workshop.errors() == []


def test_cancelling_twice_is_the_same_as_once(workshop: TestBench) -> None:
    parent, children = a_pair(workshop)
    workshop.done(commands.CancelRun(reason="first"), run_id=parent)
    before = [workshop.run(run_id) for run_id in (parent, *children)]

    workshop.done(commands.CancelRun(reason="second"), run_id=parent)
    workshop.done(commands.CancelRun(reason="second"), run_id=children[0])

    assert [workshop.run(run_id) for run_id in (parent, *children)] == before
    assert workshop.events(parent).count("production_run.cancelled") == 1


def test_a_completed_run_cannot_be_cancelled(workshop: TestBench) -> None:
    child = workshop.a_sent_run()
    complete_by_milestones(workshop, child)
    parent = workshop.run(child)["parent_run_id"]

    for run_id in (child, parent):
        assert workshop.refused(commands.CancelRun(), run_id=run_id)["code"] == "wrong_state"

    assert status(workshop, child, parent) == ["completed", "completed"]


def test_a_family_whose_parts_were_all_cancelled_is_cancelled(workshop: TestBench) -> None:
    parent, children = a_pair(workshop)

    workshop.done(commands.CancelRun(), run_id=children[0])
    assert status(workshop, parent) == ["approved"]
    workshop.done(commands.CancelRun(), run_id=children[1])

    assert status(workshop, parent) == ["cancelled"]
    assert workshop.run(parent)["cancelled_reason"] == "all its parts were cancelled"


@pytest.mark.parametrize("cancelled_first", [True, False])
@pytest.mark.parametrize("complete", [complete_by_milestones, complete_by_tasks, complete_by_admin])
def test_a_family_with_one_part_completed_and_one_cancelled_is_completed_in_part(
    workshop: TestBench, cancelled_first: bool, complete: Callable[[TestBench, str], None]
) -> None:
    parent, (made, dropped) = a_pair(workshop)

    if cancelled_first:
        workshop.done(commands.CancelRun(), run_id=dropped)
    complete(workshop, made)
    workshop.done(commands.CancelRun(), run_id=dropped)

    run = workshop.run(parent)
    assert (run["status"], run["is_partial"], run["produced_quantity"]) == ("completed", True, 4)
    assert workshop.events(parent).count("production_run.completed") == 1


def test_cancelling_a_run_whose_dispatch_waits_takes_the_dispatch_back(workshop: TestBench) -> None:
    _, (child,) = a_family(workshop, a_share(workshop, "weaver"))
    workshop.done(commands.DispatchRun(), run_id=child)

    workshop.done(commands.CancelRun(), run_id=child)

    run = workshop.run(child)
    assert (run["status"], run["dispatch_state"], run["waiting_for"]) == ("cancelled", "idle", None)
    assert workshop.value("SELECT state FROM timer WHERE run_id = :run", run=child) == "disarmed"


@pytest.mark.parametrize(
    "command",
    [
        commands.AcceptRun(),
        commands.DeclineRun(reason=commands.DeclineReason.OTHER),
        commands.StartRun(),
        commands.FinishRun(),
        commands.CompleteRun(),
        commands.AddTasks(template_names=["weave"], task_kind="work"),
        commands.DispatchRun(),
        commands.SendToProduction(template_names=["weave"]),
        commands.ApproveRun(),
        commands.AssignPartner(partner_id="ptnr_weaver"),
    ],
    ids=lambda command: command.kind,
)
def test_a_cancelled_run_takes_no_step_any_more(workshop: TestBench, command: Command) -> None:
    _, (child, _) = a_pair(workshop)
    workshop.done(commands.CancelRun(), run_id=child)
    before = workshop.run(child)

    assert workshop.refused(command, run_id=child)["code"] in ("wrong_state", "already_done")
    assert workshop.run(child) == before


@pytest.mark.parametrize("by_hand", ["pending_review", "approved"])
def test_a_run_can_be_cancelled_before_anything_was_sent(workshop: TestBench, by_hand: str) -> None:
    run = workshop.a_run(workshop.a_design())
    if by_hand == "approved":
        workshop.done(commands.ApproveRun(), run_id=run)

    workshop.done(commands.CancelRun(), run_id=run)

    assert status(workshop, run) == ["cancelled"]
