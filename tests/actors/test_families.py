"""Families in families: a part that is split again closes with its own parts, all the way up; and what is out of step is mended."""

from shared.domain import commands
from tests.actors.steps import (
    a_family,
    a_share,
    complete_by_milestones,
    complete_by_tasks,
    repair_sweep,
    status,
    sweep,
    take,
)
from tests.workshop import TestBench


def split_again(workshop: TestBench, child: str, *partners: str) -> list[str]:
    """A part that nobody has yet is split among partners of its own."""
    shares = [a_share(workshop, partner, template_names=["weave"]) for partner in partners]
    return list(workshop.done(commands.SplitRun(assignments=shares), run_id=child)["children"])


def test_the_last_grandchild_closes_every_level_above_it(workshop: TestBench) -> None:
    workshop.a_template("weave")
    root, (left, right) = a_family(workshop, a_share(workshop, "house_1"), a_share(workshop, "house_2"))
    grandchildren = [
        *split_again(workshop, left, "weaver", "knitter"),
        *split_again(workshop, right, "dyer", "sewer"),
    ]

    complete_by_tasks(workshop, grandchildren[0])
    assert status(workshop, root, left, right) == ["in_progress", "in_progress", "approved"]
    complete_by_milestones(workshop, grandchildren[1])
    assert status(workshop, root, left, right) == ["in_progress", "completed", "approved"]
    complete_by_milestones(workshop, grandchildren[2])
    complete_by_tasks(workshop, grandchildren[3])

    assert status(workshop, root, left, right) == ["completed"] * 3
    assert workshop.run(left)["produced_quantity"] == 8
    assert workshop.run(root)["produced_quantity"] == 16
    assert workshop.errors() == []


def test_a_split_part_that_is_completed_in_part_counts_as_completed_above(workshop: TestBench) -> None:
    workshop.a_template("weave")
    root, (left, right) = a_family(workshop, a_share(workshop, "house_1"), a_share(workshop, "house_2"))
    made, dropped = split_again(workshop, left, "weaver", "knitter")
    complete_by_tasks(workshop, made)
    workshop.done(commands.CancelRun(), run_id=dropped)

    workshop.done(commands.CancelRun(), run_id=right)

    assert status(workshop, root, left) == ["completed", "completed"]
    assert [workshop.run(run_id)["is_partial"] for run_id in (root, left)] == [True, True]


def test_cancelling_the_root_ends_every_level_below_it(workshop: TestBench) -> None:
    workshop.a_template("weave")
    root, (left, right) = a_family(workshop, a_share(workshop, "house_1"), a_share(workshop, "house_2"))
    first, second = split_again(workshop, left, "weaver", "knitter")
    complete_by_tasks(workshop, first)

    workshop.done(commands.CancelRun(reason="all off"), run_id=root)

    assert status(workshop, root, left, right, first, second) == [*["cancelled"] * 3, "completed", "cancelled"]
    assert {task["status"] for task in workshop.tasks(second)} == {"cancelled"}
    assert workshop.errors() == []


def test_cancelling_every_grandchild_cancels_all_above(workshop: TestBench) -> None:
    workshop.a_template("weave")
    root, (only,) = a_family(workshop, a_share(workshop, "house_1"))

    for grandchild in split_again(workshop, only, "weaver", "knitter"):
        workshop.done(commands.CancelRun(), run_id=grandchild)

    assert status(workshop, root, only) == ["cancelled", "cancelled"]


def test_a_partner_cannot_work_on_a_run_that_was_split(workshop: TestBench) -> None:
    workshop.a_template("weave")
    _, (child,) = a_family(workshop, a_share(workshop, "house_1"))
    split_again(workshop, child, "weaver")

    no = workshop.refused(commands.AcceptRun(), run_id=child, tenant="ptnr_house_1")

    assert no["code"] == "run_is_a_container"


def two_stages_of_which_the_second_is_split(workshop: TestBench) -> tuple[str, str, str, list[str]]:
    """Weaving comes first; cutting is shared by two houses. Returns the root, both stages and cutting's parts."""
    workshop.a_template("weave")
    root, (weaving, cutting) = a_family(
        workshop, a_share(workshop, "weaver", order=1), a_share(workshop, "cutter", order=2)
    )
    return root, weaving, cutting, split_again(workshop, cutting, "cutter_1", "cutter_2")


def test_the_parts_of_a_later_stage_wait_for_the_stage_before(workshop: TestBench) -> None:
    _, weaving, cutting, parts = two_stages_of_which_the_second_is_split(workshop)
    assert status(workshop, cutting, *parts) == ["approved"] * 3

    no = workshop.refused(commands.DispatchRun(), run_id=parts[0])

    assert (no["code"], weaving in no["detail"]) == ("predecessors_not_settled", True)


def test_the_parts_of_a_later_stage_go_out_when_the_stage_before_is_completed(workshop: TestBench) -> None:
    root, weaving, cutting, parts = two_stages_of_which_the_second_is_split(workshop)

    workshop.done(commands.SendToProduction(template_names=["weave"]), run_id=weaving)
    complete_by_tasks(workshop, weaving)

    assert status(workshop, root, cutting, *parts) == ["in_progress", "approved", "sent_to_partner", "sent_to_partner"]
    for part in parts:
        complete_by_milestones(workshop, part)
    assert status(workshop, root, cutting) == ["completed", "completed"]
    assert workshop.errors() == []


def test_the_parts_of_a_held_stage_go_out_when_it_goes_on(workshop: TestBench) -> None:
    _, weaving, cutting, parts = two_stages_of_which_the_second_is_split(workshop)
    workshop.done(commands.HoldRun(reason="no thread"), run_id=cutting)
    workshop.done(commands.SendToProduction(template_names=["weave"]), run_id=weaving)
    complete_by_tasks(workshop, weaving)
    assert status(workshop, *parts) == ["approved", "approved"]

    workshop.done(commands.ResumeRun(), run_id=cutting)

    assert status(workshop, *parts) == ["sent_to_partner", "sent_to_partner"]


def test_parts_whose_earlier_stage_was_cancelled_are_left_to_a_person(workshop: TestBench) -> None:
    _, weaving, _, parts = two_stages_of_which_the_second_is_split(workshop)

    workshop.done(commands.CancelRun(), run_id=weaving)

    assert status(workshop, *parts) == ["approved", "approved"]
    workshop.done(commands.SendToProduction(template_names=["weave"]), run_id=parts[0])
    assert status(workshop, *parts) == ["sent_to_partner", "approved"]


def test_parts_whose_release_was_lost_are_released_by_the_repair(workshop: TestBench) -> None:
    _, weaving, _, parts = two_stages_of_which_the_second_is_split(workshop)
    workshop.change(
        "UPDATE production_run SET status = 'completed', completed_at = now(), produced_quantity = 4 WHERE id = :id",
        id=weaving,
    )

    repair_sweep(workshop, minutes=5)

    assert status(workshop, *parts) == ["sent_to_partner", "sent_to_partner"]


def test_a_run_approved_without_a_partner_is_split_later(workshop: TestBench) -> None:
    workshop.a_template("weave")
    run = workshop.a_run(workshop.a_design("towel"), quantity="6")
    workshop.done(commands.ApproveRun(), run_id=run)

    parts = split_again(workshop, run, "weaver", "knitter")

    assert status(workshop, run, *parts) == ["approved", "sent_to_partner", "sent_to_partner"]
    assert "production_run.split" in workshop.events(run)
    assert workshop.refused(commands.SplitRun(assignments=[a_share(workshop, "dyer")]), run_id=run)["code"] == (
        "already_allocated"
    )


def test_what_is_before_a_partner_cannot_be_split(workshop: TestBench) -> None:
    sent = workshop.a_sent_run()

    no = workshop.refused(commands.SplitRun(assignments=[a_share(workshop, "dyer")]), run_id=sent)

    assert no["code"] == "wrong_state"


def test_withdrawing_an_order_spares_a_family_of_which_a_part_of_a_part_was_made(workshop: TestBench) -> None:
    workshop.a_template("weave")
    root, (left, _) = a_family(workshop, a_share(workshop, "house_1"), a_share(workshop, "house_2"))
    (made,) = split_again(workshop, left, "weaver")
    complete_by_tasks(workshop, made)

    workshop.done(commands.WithdrawRun(reason="the order is cancelled"), run_id=root)

    assert status(workshop, root, made) == ["in_progress", "completed"]
    assert workshop.run(root)["flagged_reason"] == "the order is cancelled"


def a_parent_out_of_step(workshop: TestBench) -> tuple[str, str]:
    """Its only part is completed and nobody told it."""
    child = workshop.a_sent_run()
    complete_by_milestones(workshop, child)
    parent = str(workshop.run(child)["parent_run_id"])
    workshop.change(
        """UPDATE production_run SET status = 'approved', completed_at = NULL, produced_quantity = NULL,
           updated_at = now() - interval '1 hour' WHERE id = :id""",
        id=parent,
    )
    return parent, child


def test_a_parent_out_of_step_is_found_mended_and_told_and_then_left_alone(workshop: TestBench) -> None:
    parent, _ = a_parent_out_of_step(workshop)

    assert repair_sweep(workshop) == 1

    run = workshop.run(parent)
    assert (run["status"], run["completion_source"], run["produced_quantity"]) == ("completed", "children", 4)
    assert workshop.events(parent)[-2:] == ["production_run.repaired", "production_run.completed"]
    assert repair_sweep(workshop, hours=1) == 0


def test_repairing_a_family_that_is_in_step_changes_nothing(workshop: TestBench) -> None:
    child = workshop.a_sent_run()
    parent = workshop.run(child)["parent_run_id"]
    before = workshop.run(parent)

    assert workshop.done(commands.RepairFamily(), run_id=parent)["repaired"] is False

    assert repair_sweep(workshop, hours=1) == 0
    assert workshop.run(parent) == before
    assert "production_run.repaired" not in workshop.events(parent)


def test_a_stage_whose_release_was_lost_is_released_by_the_repair(workshop: TestBench) -> None:
    workshop.a_template("weave")
    parent, (weaving, cutting) = a_family(
        workshop, a_share(workshop, "weaver", order=1), a_share(workshop, "cutter", order=2, template_names=["weave"])
    )
    workshop.change(
        "UPDATE production_run SET status = 'completed', completed_at = now(), produced_quantity = 4 WHERE id = :id",
        id=weaving,
    )

    assert repair_sweep(workshop, minutes=5) == 1

    assert status(workshop, parent, cutting) == ["in_progress", "sent_to_partner"]


def a_second_stage_that_is_its_turn(workshop: TestBench, *templates: str) -> str:
    """Its predecessor is completed, so it was released."""
    workshop.a_template("weave")
    _, (weaving, cutting) = a_family(
        workshop,
        a_share(workshop, "weaver", order=1),
        a_share(workshop, "cutter", order=2, template_names=list(templates) or None),
    )
    workshop.done(commands.SendToProduction(template_names=["weave"]), run_id=weaving)
    complete_by_tasks(workshop, weaving)
    return cutting


def test_a_reassigned_stage_is_not_sent_by_the_repair(workshop: TestBench) -> None:
    cutting = a_second_stage_that_is_its_turn(workshop, "weave")
    take(workshop, cutting, commands.DeclineRun(reason=commands.DeclineReason.OTHER))
    workshop.done(commands.AssignPartner(partner_id=workshop.a_partner("knitter")), run_id=cutting)

    assert repair_sweep(workshop, hours=1) == 0

    assert status(workshop, cutting) == ["approved"]


def test_a_released_stage_whose_templates_were_never_chosen_stays_idle(workshop: TestBench) -> None:
    cutting = a_second_stage_that_is_its_turn(workshop)
    assert sweep(workshop, hours=2) == 1

    assert repair_sweep(workshop, hours=3) == 0

    assert workshop.run(cutting)["dispatch_state"] == "idle"


def test_the_parts_of_a_part_go_out_when_the_whole_family_goes_on(workshop: TestBench) -> None:
    workshop.a_template("weave")
    root, (part, _) = a_family(workshop, a_share(workshop, "house_1"), a_share(workshop, "house_2"))
    shares = [a_share(workshop, name, order=place, template_names=["weave"]) for place, name in enumerate("ab")]
    first, second = workshop.done(commands.SplitRun(assignments=shares), run_id=part)["children"]
    workshop.done(commands.SendToProduction(template_names=["weave"]), run_id=first)
    workshop.done(commands.HoldRun(reason="no thread"), run_id=root)
    complete_by_milestones(workshop, first)
    assert status(workshop, second) == ["approved"]

    workshop.done(commands.ResumeRun(), run_id=root)

    assert status(workshop, second) == ["sent_to_partner"]
