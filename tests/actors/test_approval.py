"""Approval: who gets what, what goes out at once, and that one part's trouble does not undo the approval."""

from decimal import Decimal

from shared.domain import commands
from tests.actors.steps import a_family, a_share, set_policy, status
from tests.workshop import TestBench


def test_a_part_whose_templates_were_chosen_is_sent_at_once(workshop: TestBench) -> None:
    workshop.a_template("weave")
    weaver = a_share(workshop, "weaver", template_names=["weave"], quantity=Decimal(3))

    parent, (child,) = a_family(workshop, weaver)

    run = workshop.run(child)
    assert (run["status"], run["dispatch_state"], run["quantity"]) == ("sent_to_partner", "completed", 3)
    assert [task["title"] for task in workshop.tasks(child)] == ["weave"]
    assert run["dispatched_template_ids"] == ["tmpl_weave_None"]
    assert (workshop.run(parent)["status"], workshop.run(parent)["child_count"]) == ("approved", 1)


def test_a_part_without_a_choice_stays_approved_until_it_is_sent_by_hand(workshop: TestBench) -> None:
    workshop.a_template("weave")

    _, (child,) = a_family(workshop, a_share(workshop, "weaver"))
    assert status(workshop, child) == ["approved"]
    workshop.done(commands.SendToProduction(template_names=["weave"]), run_id=child)

    assert status(workshop, child) == ["sent_to_partner"]


def test_the_approval_stands_though_one_parts_templates_cannot_be_told_apart(workshop: TestBench) -> None:
    workshop.a_template("weave")
    workshop.a_template("cut", category="table")
    workshop.a_template("cut", category="leather")
    design = workshop.a_design()
    parent = workshop.a_run(design)
    shares = [
        a_share(workshop, "weaver", template_names=["weave"]),
        a_share(workshop, "cutter", template_names=["cut"]),
        a_share(workshop, "sewer"),
    ]

    approved = workshop.done(commands.ApproveRun(assignments=shares), run_id=parent)

    weaving, cutting, sewing = approved["children"]
    report = approved["dispatch"]
    assert (report["dispatched"], report["skipped"]) == ([weaving], [sewing])
    assert [failed["production_run_id"] for failed in report["failed"]] == [cutting]
    assert "'cut' fits several templates" in report["failed"][0]["reason"]
    assert status(workshop, parent, weaving, cutting, sewing) == ["approved", "sent_to_partner", "approved", "approved"]
    assert workshop.tasks(cutting) == []
    assert "production_run.dispatch_failed" in workshop.events(cutting)
    assert workshop.value("SELECT count(*) FROM notification WHERE run_id = :run", run=cutting) == 1


def test_an_unknown_partner_is_refused_by_name_and_nothing_is_written(workshop: TestBench) -> None:
    run = workshop.a_run(workshop.a_design())
    shares = [a_share(workshop, "weaver"), commands.Assignment(partner_id="ptnr_nobody")]

    no = workshop.refused(commands.ApproveRun(assignments=shares), run_id=run)

    assert "ptnr_nobody" in no["detail"]
    assert no["errors"][0]["pointer"] == "/assignments/1/partner_id"
    assert status(workshop, run) == ["pending_review"]
    assert workshop.value("SELECT count(*) FROM production_run") == 1
    assert workshop.events(run) == ["production_run.created"]


def test_an_inactive_partner_is_refused_by_name_and_nothing_is_written(workshop: TestBench) -> None:
    run = workshop.a_run(workshop.a_design())
    asleep = workshop.a_partner("dormant", status="inactive")

    no = workshop.refused(commands.ApproveRun(assignments=[commands.Assignment(partner_id=asleep)]), run_id=run)

    assert no["detail"].startswith("dormant is inactive")
    assert workshop.value("SELECT count(*) FROM production_run") == 1
    assert workshop.value("SELECT count(*) FROM design_partner") == 0


def test_a_run_is_approved_once(workshop: TestBench) -> None:
    parent, children = a_family(workshop, a_share(workshop, "weaver"))

    again = workshop.refused(commands.ApproveRun(assignments=[a_share(workshop, "weaver")]), run_id=parent)

    assert again["code"] == "already_allocated"
    assert workshop.value("SELECT count(*) FROM production_run WHERE parent_run_id = :run", run=parent) == len(children)


def test_without_assignments_the_runs_own_partner_takes_everything(workshop: TestBench) -> None:
    run = workshop.a_run(workshop.a_design(), partner_id=workshop.a_partner("weaver"), role="weaving")

    (child,) = workshop.done(commands.ApproveRun(), run_id=run)["children"]

    made = workshop.run(child)
    assert (made["partner_id"], made["role"], made["quantity"]) == ("ptnr_weaver", "weaving", 4)


def test_a_run_approved_without_any_partner_is_no_dead_end(workshop: TestBench) -> None:
    workshop.a_template("weave")
    run = workshop.a_run(workshop.a_design())

    assert workshop.done(commands.ApproveRun(), run_id=run)["children"] == []
    no = workshop.refused(commands.SendToProduction(template_names=["weave"]), run_id=run)
    assert no["code"] == "no_partner"
    workshop.done(commands.AssignPartner(partner_id=workshop.a_partner("weaver")), run_id=run)
    workshop.done(commands.SendToProduction(template_names=["weave"]), run_id=run)

    assert status(workshop, run) == ["sent_to_partner"]


def test_a_child_shares_the_frozen_snapshot_of_its_parent_and_its_partner_is_linked(workshop: TestBench) -> None:
    parent, (child,) = a_family(workshop, a_share(workshop, "weaver", role="weaving"))
    design = workshop.run(parent)["design_id"]

    workshop.change("UPDATE design SET name = 'renamed' WHERE id = :id", id=design)

    assert workshop.run(child)["snapshot_id"] == workshop.run(parent)["snapshot_id"]
    snapshot = workshop.value(
        "SELECT design->>'name' FROM run_snapshot WHERE id = :id", id=workshop.run(child)["snapshot_id"]
    )
    assert snapshot != "renamed"
    (link,) = workshop.rows("SELECT partner_id, role FROM design_partner WHERE design_id = :id", id=design)
    assert dict(link) == {"partner_id": "ptnr_weaver", "role": "weaving"}


def test_one_step_makes_and_approves_a_run_of_a_design_and_its_partners_share_it(workshop: TestBench) -> None:
    workshop.a_template("weave")
    design = workshop.a_design()
    first = workshop.a_run(design)
    workshop.done(
        commands.ApproveRun(assignments=[a_share(workshop, "weaver"), a_share(workshop, "knitter")]), run_id=first
    )

    made = workshop.done(commands.CreateDesignRun(design_id=design, quantity=Decimal(5), template_names=["weave"]))

    children = [workshop.run(child) for child in made["children"]]
    assert sorted(child["quantity"] for child in children) == [2, 3]
    assert {child["partner_id"] for child in children} == {"ptnr_weaver", "ptnr_knitter"}
    assert made["dispatch"]["dispatched"] == made["children"]
    assert workshop.run(made["run_id"])["quantity"] == 5


def test_in_one_step_the_quantities_of_a_stage_must_add_up_or_nothing_is_made(workshop: TestBench) -> None:
    shares = [a_share(workshop, "weaver", quantity=Decimal(2)), a_share(workshop, "knitter", quantity=Decimal(2))]

    no = workshop.refused(
        commands.CreateDesignRun(design_id=workshop.a_design(), quantity=Decimal(5), assignments=shares)
    )

    assert no["code"] == "wrong_sum"
    assert workshop.value("SELECT count(*) FROM production_run") == 0


def test_where_the_policy_says_so_the_first_stage_goes_out_at_approval(workshop: TestBench) -> None:
    set_policy(workshop, '{"auto_dispatch_first_stage": true}')
    workshop.a_template("weave")
    workshop.a_template("cut")

    _, (weaving, cutting) = a_family(
        workshop,
        a_share(workshop, "weaver", order=1, template_names=["weave"]),
        a_share(workshop, "cutter", order=2, template_names=["cut"]),
    )

    assert status(workshop, weaving, cutting) == ["sent_to_partner", "approved"]


def test_a_run_that_does_not_exist_cannot_be_approved(workshop: TestBench) -> None:
    assert workshop.refused(commands.ApproveRun(), run_id="run_nothing")["code"] == "not_found"
