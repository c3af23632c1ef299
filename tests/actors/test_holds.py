"""Hold and resume on the ledger: timers stop, tasks close, stages wait, and nothing is forgotten when it goes on."""

from datetime import datetime

from shared.domain import commands
from tests.actors import steps
from tests.workshop import TestBench

HOLD, RESUME = commands.HoldRun(reason="the dye is late"), commands.ResumeRun()


def timer(workshop: TestBench, run_id: str) -> tuple[str, datetime]:
    row = workshop.rows("SELECT state, due_at FROM timer WHERE run_id = :id", id=run_id)[0]
    return row["state"], row["due_at"]


def two_stages(workshop: TestBench) -> tuple[str, str, str]:
    """A parent, the stage that is before its partner, and the one that waits for it with its templates chosen."""
    workshop.a_template("weave")
    first = steps.a_share(workshop, "weaver", order=1, template_names=["weave"])
    second = steps.a_share(workshop, "tailor", order=2, template_names=["weave"])
    parent, (weaving, sewing) = steps.a_family(workshop, first, second)
    workshop.done(commands.SendToProduction(template_names=["weave"]), run_id=weaving)
    return parent, weaving, sewing


def test_a_held_run_takes_no_step_and_no_task_work_until_it_is_resumed(workshop: TestBench) -> None:
    child = workshop.a_sent_run()
    steps.take(workshop, child, commands.AcceptRun())
    (task, _) = workshop.tasks(child)
    workshop.a_template("mend", kind="redo")

    workshop.done(HOLD, run_id=child)

    for asked in (
        commands.StartRun(),
        commands.FinishTask(task_id=task["id"]),
        commands.AddTasks(template_names=["mend"]),
        commands.AssignPartner(partner_id="ptnr_weaver"),
        commands.UpdateTask(task_id=task["id"], status=commands.TaskChange.COMPLETED),
    ):
        assert workshop.refused(asked, run_id=child)["code"] in ("on_hold", "wrong_state")
    assert workshop.refused(HOLD, run_id=child)["code"] == "already_done"
    workshop.done(RESUME, run_id=child)
    assert workshop.refused(RESUME, run_id=child)["code"] == "wrong_state"
    steps.take(workshop, child, *(commands.FinishTask(task_id=each["id"]) for each in workshop.tasks(child)))
    assert steps.status(workshop, child) == ["completed"]
    assert workshop.events(child).count("production_run.held") == 1


def test_the_deadline_of_a_held_run_stops_and_goes_on_with_what_was_left(workshop: TestBench) -> None:
    child = workshop.a_sent_run()
    _, due = timer(workshop, child)

    workshop.done(HOLD, run_id=child)
    assert timer(workshop, child)[0] == "disarmed"
    assert steps.sweep(workshop, days=100) == 0
    workshop.change("UPDATE production_run SET held_at = held_at - interval '5 days' WHERE id = :id", id=child)
    workshop.done(RESUME, run_id=child)

    state, later = timer(workshop, child)
    assert (state, (later - due).days) == ("armed", 5)
    assert steps.sweep(workshop, days=27) == 0
    assert steps.sweep(workshop, days=29) == 1
    assert workshop.run(child)["overdue_at"]


def held_for(workshop: TestBench, run_id: str, *, days: int) -> None:
    """Hold and resume a run, as if so many days lay between."""
    workshop.done(HOLD, run_id=run_id)
    began = {"id": run_id, "days": days}
    workshop.change(
        "UPDATE production_run SET held_at = held_at - make_interval(days => :days) WHERE id = :id", **began
    )
    workshop.change(
        """UPDATE message SET created_at = created_at - make_interval(days => :days)
           WHERE seq = (SELECT max(seq) FROM message WHERE run_id = :id AND kind = 'production_run.held')""",
        **began,
    )
    workshop.done(RESUME, run_id=run_id)


def test_time_on_hold_before_the_answer_is_given_back_to_the_start(workshop: TestBench) -> None:
    child = workshop.a_sent_run()
    past = "dispatch_completed_at = dispatch_completed_at - interval '20 days'"
    workshop.change(f"UPDATE production_run SET {past} WHERE id = :id", id=child)
    held_for(workshop, child, days=5)
    held_for(workshop, child, days=2)

    steps.take(workshop, child, commands.AcceptRun())

    run = workshop.run(child)
    assert (run["waiting_for"], (run["waiting_until"] - run["dispatch_completed_at"]).days) == ("start", 23 + 5 + 2)
    assert timer(workshop, child) == ("armed", run["waiting_until"])


def test_a_hold_under_an_earlier_partner_gives_the_next_one_no_time(workshop: TestBench) -> None:
    child = workshop.a_sent_run()
    held_for(workshop, child, days=5)
    steps.take(workshop, child, commands.DeclineRun(reason=commands.DeclineReason.CAPACITY))
    workshop.done(commands.AssignPartner(partner_id=workshop.a_partner("second")), run_id=child)
    workshop.done(commands.SendToProduction(template_names=["weaver_step_0"]), run_id=child)

    steps.take(workshop, child, commands.AcceptRun())

    run = workshop.run(child)
    assert (run["waiting_until"] - run["dispatch_completed_at"]).days == 23


def test_a_wait_for_templates_does_not_lapse_on_hold_even_when_its_lapse_was_asked_for(workshop: TestBench) -> None:
    share = steps.a_share(workshop, "weaver")
    _, (child,) = steps.a_family(workshop, share)
    workshop.done(commands.DispatchRun(), run_id=child)
    run = workshop.run(child)
    lapse = commands.LapseGate(gate="templates", due_at=run["waiting_until"], swept_at=run["waiting_until"])

    workshop.done(HOLD, run_id=child)
    workshop.done(lapse, run_id=child)

    assert workshop.run(child)["dispatch_state"] == "awaiting_templates"
    assert workshop.refused(commands.ConfirmDispatch(template_names=["x"]), run_id=child)["code"] == "on_hold"


def test_a_held_stage_is_skipped_when_its_turn_comes_and_goes_out_when_it_is_resumed(workshop: TestBench) -> None:
    _, weaving, sewing = two_stages(workshop)
    workshop.done(HOLD, run_id=sewing)

    steps.complete_by_milestones(workshop, weaving)
    assert steps.status(workshop, sewing) == ["approved"]
    assert steps.repair_sweep(workshop, hours=1) == 0
    workshop.done(RESUME, run_id=sewing)

    assert steps.status(workshop, sewing) == ["sent_to_partner"]


def test_a_release_that_was_asked_for_before_the_hold_is_asked_for_again(workshop: TestBench) -> None:
    _, weaving, sewing = two_stages(workshop)
    steps.take(workshop, weaving, commands.AcceptRun(), commands.StartRun(), commands.FinishRun())
    workshop.done(HOLD, run_id=sewing)
    workshop.post(commands.ReleaseRun(round=0), run_id=sewing, message_id=f"msg_release_{sewing}_0")
    steps.take(workshop, weaving, commands.CompleteRun())

    workshop.done(RESUME, run_id=sewing)

    assert steps.status(workshop, sewing) == ["sent_to_partner"]
    assert workshop.events(sewing).count("production_run.sent_to_partner") == 1


def test_a_held_family_goes_on_with_what_is_out_but_sends_nothing_more(workshop: TestBench) -> None:
    parent, weaving, sewing = two_stages(workshop)
    workshop.done(HOLD, run_id=parent)

    steps.complete_by_tasks(workshop, weaving)
    assert steps.status(workshop, parent, weaving, sewing) == ["in_progress", "completed", "approved"]
    workshop.done(RESUME, run_id=parent)

    assert steps.status(workshop, sewing) == ["sent_to_partner"]


def test_a_held_run_can_be_cancelled_and_is_held_no_more(workshop: TestBench) -> None:
    parent, weaving, sewing = two_stages(workshop)
    workshop.done(HOLD, run_id=weaving)

    workshop.done(commands.CancelRun(reason="no"), run_id=parent)

    assert steps.status(workshop, parent, weaving, sewing) == ["cancelled"] * 3
    assert workshop.run(weaving)["held_at"] is None


def test_a_declined_part_that_went_to_another_partner_completes_without_the_old_tasks(workshop: TestBench) -> None:
    child = workshop.a_sent_run(templates=2)
    old = workshop.tasks(child)
    steps.take(workshop, child, commands.DeclineRun(reason=commands.DeclineReason.CAPACITY))
    workshop.done(commands.AssignPartner(partner_id=workshop.a_partner("second")), run_id=child)
    workshop.done(commands.SendToProduction(template_names=["weaver_step_0"]), run_id=child)
    steps.take(workshop, child, commands.AcceptRun())

    gone = workshop.refused(commands.StartRun(), run_id=child, tenant="ptnr_weaver")
    stale = workshop.refused(commands.FinishTask(task_id=old[0]["id"]), run_id=child, tenant="ptnr_weaver")
    (task,) = steps.open_tasks(workshop, child)
    steps.take(workshop, child, commands.FinishTask(task_id=task["id"]))

    assert {gone["code"], stale["code"]} == {"not_found"}
    assert steps.status(workshop, child, workshop.run(child)["parent_run_id"]) == ["completed", "completed"]
    assert {each["status"] for each in workshop.tasks(child) if each["id"] in {o["id"] for o in old}} == {"cancelled"}
