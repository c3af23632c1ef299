"""Declining and reassigning: the run goes to another partner, and only the new work order counts."""

from shared.domain import commands
from shared.storage import invariants
from tests.actors.steps import a_family, a_share, complete_by_tasks, open_tasks, status, take
from tests.workshop import TestBench

DECLINE = commands.DeclineRun(reason=commands.DeclineReason.CAPACITY, notes="full until May")


def test_a_declined_run_wants_another_partner_and_its_tasks_are_over(workshop: TestBench) -> None:
    child = workshop.a_sent_run(templates=2)

    take(workshop, child, DECLINE)

    run = workshop.run(child)
    assert (run["status"], run["waiting_for"]) == ("awaiting_reassignment", None)
    assert [task["status"] for task in workshop.tasks(child)] == ["cancelled"] * 2
    assert workshop.value("SELECT state FROM work_order WHERE run_id = :run", run=child) == "replaced"
    (told,) = workshop.rows("SELECT text FROM notification WHERE run_id = :run AND audience = 'admin'", run=child)
    assert "capacity: full until May" in told["text"]


def test_who_accepted_may_still_decline_until_the_start(workshop: TestBench) -> None:
    first, second = workshop.a_sent_run(), workshop.a_sent_run(partner="knitter")
    take(workshop, first, commands.AcceptRun(), DECLINE)
    take(workshop, second, commands.AcceptRun(), commands.StartRun())

    no = workshop.refused(DECLINE, run_id=second, tenant="ptnr_knitter")

    assert "work has started" in no["detail"]
    assert status(workshop, first, second) == ["awaiting_reassignment", "in_progress"]


def test_a_run_is_declined_once(workshop: TestBench) -> None:
    child = workshop.a_sent_run()
    take(workshop, child, DECLINE)

    assert workshop.refused(DECLINE, run_id=child, tenant="ptnr_weaver")["code"] == "wrong_state"
    assert workshop.events(child).count("production_run.declined") == 1


def test_a_reassigned_run_is_not_sent_by_that_and_only_its_new_work_orders_tasks_count(workshop: TestBench) -> None:
    child = workshop.a_sent_run(templates=2)
    take(workshop, child, commands.AcceptRun())
    first, _ = workshop.tasks(child)
    take(workshop, child, commands.FinishTask(task_id=first["id"]), DECLINE)
    knitter = workshop.a_partner("knitter")

    workshop.done(commands.AssignPartner(partner_id=knitter, note="nearer"), run_id=child)
    run = workshop.run(child)
    assert (run["status"], run["dispatch_state"], run["partner_id"]) == ("approved", "idle", knitter)
    assert (run["previous_partner_id"], run["accepted_at"], run["work_order_id"]) == ("ptnr_weaver", None, None)
    assert run["dispatched_template_ids"] is None
    assert open_tasks(workshop, child) == []
    workshop.done(commands.SendToProduction(template_names=["weaver_step_1"]), run_id=child)
    old = workshop.refused(commands.FinishTask(task_id=first["id"]), run_id=child)
    complete_by_tasks(workshop, child)

    assert old["code"] == "old_work_order"
    run = workshop.run(child)
    assert (run["status"], run["completion_source"]) == ("completed", "tasks")
    assert sorted(task["status"] for task in workshop.tasks(child)) == ["cancelled", "completed", "completed"]
    states = workshop.rows("SELECT partner_id, state FROM work_order ORDER BY created_at")
    assert [(row["partner_id"], row["state"]) for row in states] == [("ptnr_weaver", "replaced"), (knitter, "closed")]


def test_the_old_partner_sees_the_run_no_more(workshop: TestBench) -> None:
    child = workshop.a_sent_run()
    workshop.done(commands.AssignPartner(partner_id=workshop.a_partner("knitter")), run_id=child)

    assert workshop.refused(commands.AcceptRun(), run_id=child, tenant="ptnr_weaver")["code"] == "not_found"


def test_a_silent_partners_run_is_given_to_another_without_a_decline(workshop: TestBench) -> None:
    child = workshop.a_sent_run()

    workshop.done(commands.AssignPartner(partner_id=workshop.a_partner("knitter")), run_id=child)

    assert status(workshop, child) == ["approved"]
    assert {task["status"] for task in workshop.tasks(child)} == {"cancelled"}
    assert workshop.value("SELECT state FROM timer WHERE run_id = :run", run=child) == "disarmed"


def test_an_accepted_run_is_not_given_to_another(workshop: TestBench) -> None:
    child = workshop.a_sent_run()
    take(workshop, child, commands.AcceptRun())
    before = workshop.run(child)

    no = workshop.refused(commands.AssignPartner(partner_id=workshop.a_partner("knitter")), run_id=child)

    assert no["code"] == "wrong_state"
    assert workshop.run(child) == before


def test_a_run_goes_to_an_active_partner_only(workshop: TestBench) -> None:
    child = workshop.a_sent_run()
    asleep = workshop.a_partner("dormant", status="inactive")

    assert workshop.refused(commands.AssignPartner(partner_id=asleep), run_id=child)["code"] == "inactive_partner"
    assert workshop.refused(commands.AssignPartner(partner_id="ptnr_x"), run_id=child)["code"] == "unknown_reference"
    assert status(workshop, child) == ["sent_to_partner"]


def test_reassigning_ends_a_dispatch_that_waits(workshop: TestBench) -> None:
    _, (child,) = a_family(workshop, a_share(workshop, "weaver"))
    stale = workshop.done(commands.DispatchRun(), run_id=child)["dispatch"]["id"]
    workshop.a_template("weave")

    workshop.done(commands.AssignPartner(partner_id=workshop.a_partner("knitter")), run_id=child)

    run = workshop.run(child)
    assert (run["dispatch_state"], run["waiting_for"], run["dispatch_round"]) == ("idle", None, 1)
    no = workshop.refused(commands.ConfirmDispatch(template_names=["weave"], transaction_id=stale), run_id=child)
    assert no["code"] in ("stale_dispatch", "wrong_state")


def test_a_declined_part_does_not_close_its_family_and_its_new_partner_can(workshop: TestBench) -> None:
    workshop.a_template("weave")
    parent, (first, second) = a_family(
        workshop,
        a_share(workshop, "weaver", template_names=["weave"]),
        a_share(workshop, "knitter", template_names=["weave"]),
    )
    complete_by_tasks(workshop, first)

    take(workshop, second, DECLINE)
    assert status(workshop, parent) == ["in_progress"]
    workshop.done(commands.AssignPartner(partner_id="ptnr_weaver"), run_id=second)
    workshop.done(commands.SendToProduction(template_names=["weave"]), run_id=second)
    complete_by_tasks(workshop, second)

    assert status(workshop, parent) == ["completed"]


def test_a_run_that_two_partners_accepted_one_after_the_other_is_in_order(workshop: TestBench) -> None:
    run = workshop.a_sent_run()
    take(workshop, run, commands.AcceptRun(), DECLINE)

    workshop.done(commands.AssignPartner(partner_id=workshop.a_partner("cutter")), run_id=run)
    workshop.done(commands.SendToProduction(template_names=["weaver_step_0"]), run_id=run)
    complete_by_tasks(workshop, run)

    with workshop.engine.connect() as connection:
        assert invariants.check(connection)["accepted_not_told_once"] == []
