"""The policy: what is stored is merged over the house's defaults, and nothing unknown is taken in."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from shared.domain import designs, events, policy
from shared.domain.policy import OnAllTasksDone, Policy
from tests.domain.builders import a_run


def test_an_empty_document_is_the_houses_policy() -> None:
    assert policy.effective({}) == Policy()


def test_the_houses_policy_sends_nothing_by_itself_and_lets_the_last_task_complete() -> None:
    house = Policy()

    assert (house.auto_dispatch.enabled, house.auto_dispatch_first_stage) == (False, False)
    assert house.on_all_tasks_done is OnAllTasksDone.COMPLETE
    assert house.over_yield_tolerance == Decimal("0.05")


@pytest.mark.parametrize(
    ("stored", "change", "merged"),
    [
        ({}, {"on_all_tasks_done": "finish"}, {"on_all_tasks_done": "finish"}),
        ({"deadlines": {"accept": 60}}, {"deadlines": {"start": 70}}, {"deadlines": {"accept": 60, "start": 70}}),
        ({"deadlines": {"accept": 60}}, {"deadlines": {"accept": 90}}, {"deadlines": {"accept": 90}}),
        ({"deadlines": {"accept": 60}}, {"deadlines": {"accept": None}}, {"deadlines": {}}),
        ({"deadlines": {"accept": 60}}, {"deadlines": None}, {}),
        ({"auto_dispatch_first_stage": True}, {"auto_dispatch_first_stage": None}, {}),
        ({"auto_dispatch_first_stage": True}, {}, {"auto_dispatch_first_stage": True}),
        ({}, {"deadlines": None}, {}),
    ],
)
def test_an_edit_merges_objects_replaces_values_and_null_resets(
    stored: dict[str, Any], change: dict[str, Any], merged: dict[str, Any]
) -> None:
    assert policy.merge(stored, change) == merged
    policy.effective(merged)


def test_merging_leaves_the_stored_document_as_it_was() -> None:
    stored = {"deadlines": {"accept": 60}}

    policy.merge(stored, {"deadlines": {"accept": None, "start": 5}})

    assert stored == {"deadlines": {"accept": 60}}


@pytest.mark.parametrize(
    ("config", "named"),
    [
        ({"colour": "red"}, "colour"),
        ({"deadlines": {"colour": 5}}, "colour"),
        ({"deadlines": {"accept": 0}}, "accept"),
        ({"deadlines": {"accept": 3661 * 24 * 60 * 60}}, "accept"),
        ({"deadlines": {"accept": "soon"}}, "accept"),
        ({"deadlines": {"on_unaccepted": "shout"}}, "on_unaccepted"),
        ({"reminders": {"hour": 24}}, "hour"),
        ({"reminders": {"colour": 1}}, "colour"),
        ({"over_yield_tolerance": "-0.1"}, "over_yield_tolerance"),
        ({"over_yield_tolerance": "NaN"}, "over_yield_tolerance"),
        ({"on_all_tasks_done": "celebrate"}, "on_all_tasks_done"),
    ],
)
def test_an_unknown_or_absurd_entry_is_refused_by_name(config: dict[str, Any], named: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=named):
        policy.effective(config)


@pytest.mark.parametrize(
    ("event", "status"),
    [
        (events.RunStarted(), "In_Development"),
        (events.RunFinished(), "Technical_Review"),
        (events.RunCompleted(), "Approved"),
        (events.RunAccepted(), None),
        (events.RunCancelled(), None),
    ],
)
def test_a_samples_milestone_moves_its_design_along(event: events.Event, status: str | None) -> None:
    assert designs.status_after(event, a_run(), Policy()) == status


def test_where_the_policy_has_no_status_for_a_milestone_the_design_is_not_moved() -> None:
    house = policy.effective({"sample_design": {"start": None, "finish": "On_Hold"}})

    assert designs.status_after(events.RunStarted(), a_run(), house) is None
    assert designs.status_after(events.RunFinished(), a_run(), house) == "On_Hold"


def test_an_admin_can_say_that_a_milestone_moves_no_design() -> None:
    stored = policy.merge({}, {"sample_design": {"start": None}})

    assert policy.effective(stored).sample_design.start is None


def test_finished_or_stopped_designs_are_left_alone() -> None:
    assert {"Commerce_Ready", "Rejected", "On_Hold"} == designs.LEFT_ALONE


def test_a_part_that_completes_does_not_complete_the_sample() -> None:
    part = a_run(parent_run_id="run_parent")

    assert designs.status_after(events.RunCompleted(), part, Policy()) is None


@pytest.mark.parametrize(
    ("event", "reached", "left"),
    [
        (events.RunStarted(), {"start"}, set()),
        (events.RunStarted(), {"start", "finish"}, {"Technical_Review"}),
        (events.RunStarted(), {"finish", "complete"}, {"Technical_Review", "Approved"}),
        (events.RunFinished(), {"start", "finish"}, set()),
        (events.RunFinished(), {"complete"}, {"Approved"}),
        (events.RunCompleted(), {"start", "finish"}, set()),
    ],
)
def test_a_part_does_not_take_back_what_a_later_milestone_of_another_part_reached(
    event: events.Event, reached: set[str], left: set[str]
) -> None:
    assert designs.left_alone(event, reached, Policy()) == designs.LEFT_ALONE | left


def test_a_milestone_that_moves_no_design_holds_none_either() -> None:
    house = policy.effective({"sample_design": {"finish": None}})

    assert designs.left_alone(events.RunStarted(), {"finish"}, house) == designs.LEFT_ALONE
