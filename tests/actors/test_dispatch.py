"""The pause of a dispatch: opened, confirmed, refused, lapsed and opened again."""

from datetime import timedelta

from shared.domain import commands
from tests.actors.steps import a_family, a_share, status, sweep
from tests.workshop import TestBench


def an_approved_child(workshop: TestBench) -> str:
    workshop.a_template("weave", category="loom", position=1)
    workshop.a_template("warp", category="loom", position=0)
    _, (child,) = a_family(workshop, a_share(workshop, "weaver"))
    return child


def test_a_dispatch_waits_an_hour_for_its_templates_and_says_until_when(workshop: TestBench) -> None:
    child = an_approved_child(workshop)

    dispatch = workshop.done(commands.DispatchRun(), run_id=child)["dispatch"]

    run = workshop.run(child)
    assert (run["status"], run["dispatch_state"], run["dispatch_id"]) == (
        "approved",
        "awaiting_templates",
        dispatch["id"],
    )
    assert run["waiting_until"] == run["dispatch_started_at"] + timedelta(hours=1)
    (timer,) = workshop.rows("SELECT gate, state, due_at FROM timer WHERE run_id = :run", run=child)
    assert (timer["gate"], timer["state"], timer["due_at"]) == ("templates", "armed", run["waiting_until"])
    assert workshop.tasks(child) == []


def test_the_choice_puts_the_tasks_before_the_partner_in_order_and_records_what_went_out(workshop: TestBench) -> None:
    child = an_approved_child(workshop)
    dispatch = workshop.done(commands.DispatchRun(), run_id=child)["dispatch"]

    result = workshop.done(
        commands.ConfirmDispatch(template_category="loom", transaction_id=dispatch["id"]), run_id=child
    )

    run, tasks = workshop.run(child), workshop.tasks(child)
    assert (run["status"], run["waiting_for"]) == ("sent_to_partner", "accept")
    assert [task["title"] for task in tasks] == ["warp", "weave"]
    assert [task["id"] for task in tasks] == result["task_ids"]
    assert run["dispatched_template_ids"] == ["tmpl_warp_loom", "tmpl_weave_loom"]
    (order,) = workshop.rows(
        "SELECT id, partner_id, state, asked_by, selection FROM work_order WHERE run_id = :run", run=child
    )
    assert (order["id"], order["partner_id"], order["state"]) == (run["work_order_id"], "ptnr_weaver", "current")
    assert order["asked_by"] == "acct_admin"
    assert order["selection"]["template_category"] == "loom"


def test_a_refused_choice_changes_nothing_and_the_pause_goes_on(workshop: TestBench) -> None:
    child = an_approved_child(workshop)
    workshop.a_template("weave", category="table")
    workshop.done(commands.DispatchRun(), run_id=child)
    before = workshop.run(child)

    refusals = [
        workshop.refused(commands.ConfirmDispatch(template_names=["warp", "weave"]), run_id=child),
        workshop.refused(commands.ConfirmDispatch(template_names=["warp", "glue"]), run_id=child),
        workshop.refused(commands.ConfirmDispatch(template_category="kitchen"), run_id=child),
    ]

    assert [no["code"] for no in refusals] == ["ambiguous_template", "unknown_reference", "unknown_reference"]
    assert workshop.run(child) == before
    assert workshop.tasks(child) == []
    workshop.done(commands.ConfirmDispatch(template_names=["warp"]), run_id=child)


def test_a_retired_template_goes_out_no_more(workshop: TestBench) -> None:
    child = an_approved_child(workshop)
    workshop.change("UPDATE task_template SET retired_at = now() WHERE name = 'weave'")

    no = workshop.refused(commands.SendToProduction(template_names=["weave"]), run_id=child)

    assert no["code"] == "unknown_reference"


def test_a_choice_for_another_dispatch_than_the_one_that_waits_is_refused(workshop: TestBench) -> None:
    child = an_approved_child(workshop)
    stale = workshop.done(commands.DispatchRun(), run_id=child)["dispatch"]["id"]
    sweep(workshop, hours=2)
    workshop.done(commands.DispatchRun(), run_id=child)

    no = workshop.refused(commands.ConfirmDispatch(template_names=["warp"], transaction_id=stale), run_id=child)

    assert no["code"] == "stale_dispatch"
    assert workshop.run(child)["dispatch_state"] == "awaiting_templates"


def test_a_dispatch_is_not_opened_twice_and_nothing_is_confirmed_that_does_not_wait(workshop: TestBench) -> None:
    child = an_approved_child(workshop)

    assert workshop.refused(commands.ConfirmDispatch(template_names=["warp"]), run_id=child)["code"] == "wrong_state"
    first = workshop.done(commands.DispatchRun(), run_id=child)["dispatch"]["id"]
    assert workshop.refused(commands.DispatchRun(), run_id=child)["code"] == "wrong_state"

    assert workshop.run(child)["dispatch_id"] == first


def test_sending_at_once_confirms_a_dispatch_that_waits(workshop: TestBench) -> None:
    child = an_approved_child(workshop)
    waiting = workshop.done(commands.DispatchRun(), run_id=child)["dispatch"]["id"]

    workshop.done(commands.SendToProduction(template_names=["warp"]), run_id=child)

    assert workshop.run(child)["dispatch_id"] == waiting
    assert workshop.refused(commands.SendToProduction(template_names=["warp"]), run_id=child)["code"] == "wrong_state"
    assert len(workshop.tasks(child)) == 1


def test_a_choice_that_never_came_takes_the_run_back_to_idle_and_it_can_be_dispatched_again(
    workshop: TestBench,
) -> None:
    child = an_approved_child(workshop)
    first = workshop.done(commands.DispatchRun(), run_id=child)["dispatch"]["id"]
    assert sweep(workshop, minutes=59) == 0

    assert sweep(workshop, hours=2) == 1

    run = workshop.run(child)
    assert (run["status"], run["dispatch_state"], run["dispatch_id"]) == ("approved", "idle", None)
    assert (run["waiting_for"], run["dispatch_round"]) == (None, 1)
    assert workshop.events(child)[-1] == "production_run.dispatch_lapsed"
    reason = workshop.value("SELECT body->>'reason' FROM message WHERE kind = 'production_run.dispatch_lapsed'")
    assert "no templates were chosen" in reason
    assert workshop.value("SELECT count(*) FROM notification WHERE run_id = :run", run=child) == 1
    second = workshop.done(commands.DispatchRun(), run_id=child)["dispatch"]["id"]
    assert second != first
    workshop.done(commands.ConfirmDispatch(template_names=["warp"], transaction_id=second), run_id=child)
    assert status(workshop, child) == ["sent_to_partner"]


def test_a_dispatch_may_lapse_again_and_again(workshop: TestBench) -> None:
    child = an_approved_child(workshop)

    for _ in range(3):
        workshop.done(commands.DispatchRun(), run_id=child)
        assert sweep(workshop, hours=2) == 1

    assert workshop.run(child)["dispatch_round"] == 3
    assert workshop.events(child).count("production_run.dispatch_lapsed") == 3
    assert workshop.errors() == []


def test_a_choice_made_in_the_last_second_wins_over_the_deadline(workshop: TestBench) -> None:
    child = an_approved_child(workshop)
    workshop.done(commands.DispatchRun(), run_id=child)

    workshop.post(commands.ConfirmDispatch(template_names=["warp"]), run_id=child)
    sweep(workshop, hours=2)

    assert status(workshop, child) == ["sent_to_partner"]
    assert "production_run.dispatch_lapsed" not in workshop.events(child)
