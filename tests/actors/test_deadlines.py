"""Deadlines of a run in a partner's hands: flagged and told, every step stays open; and a wrong clock is stopped."""

from decimal import Decimal

import pytest

from services.workers import sweeps
from shared.domain import commands
from shared.domain.commands import Command
from tests.actors.steps import complete_by_milestones, sweep, take
from tests.workshop import TestBench


@pytest.mark.parametrize(
    ("done", "late"),
    [
        ([], commands.AcceptRun()),
        ([commands.AcceptRun()], commands.StartRun()),
        ([commands.AcceptRun(), commands.StartRun()], commands.FinishRun()),
        ([commands.AcceptRun(), commands.StartRun(), commands.FinishRun()], commands.CompleteRun()),
    ],
    ids=["accept", "start", "finish", "complete"],
)
def test_a_late_milestone_is_flagged_and_told_once_and_is_still_possible(
    workshop: TestBench, done: list[Command], late: Command
) -> None:
    child = workshop.a_sent_run()
    take(workshop, child, *done)
    before = workshop.run(child)
    assert sweep(workshop, days=22) == 0

    assert sweep(workshop, days=24) == 1

    flagged = workshop.run(child)
    assert flagged["overdue_at"] is not None
    assert {**flagged, "overdue_at": None, "updated_at": None} == {**before, "updated_at": None}
    assert workshop.events(child).count("production_run.overdue") == 1
    (notice,) = workshop.rows(
        "SELECT state, text FROM notification WHERE run_id = :run AND audience = 'admin'", run=child
    )
    assert notice["state"] == "pending"
    assert late.kind.removeprefix("run.") in notice["text"]
    assert sweep(workshop, days=24) == 0
    assert workshop.events(child).count("production_run.overdue") == 1
    take(workshop, child, late)
    assert workshop.run(child)["overdue_at"] is None


def test_the_next_milestone_is_waited_for_anew(workshop: TestBench) -> None:
    child = workshop.a_sent_run()
    take(workshop, child, commands.AcceptRun())
    sweep(workshop, days=24)
    take(workshop, child, commands.StartRun())

    assert sweep(workshop, days=24) == 1

    assert workshop.events(child).count("production_run.overdue") == 2
    assert workshop.run(child)["waiting_for"] == "finish"


def test_the_partner_in_the_last_second_wins(workshop: TestBench) -> None:
    child = workshop.a_sent_run()
    take(workshop, child, commands.AcceptRun())

    workshop.post(commands.StartRun(), run_id=child, tenant="ptnr_weaver")
    assert sweep(workshop, days=24) == 1

    assert workshop.run(child)["overdue_at"] is None
    assert "production_run.overdue" not in workshop.events(child)


def test_a_run_that_has_ended_waits_for_nothing(workshop: TestBench) -> None:
    completed = workshop.a_sent_run()
    cancelled = workshop.a_sent_run(partner="knitter")
    complete_by_milestones(workshop, completed)
    workshop.done(commands.CancelRun(), run_id=cancelled)

    assert sweep(workshop, days=400) == 0

    assert workshop.value("SELECT count(*) FROM timer WHERE state = 'armed'") == 0


def test_two_sweeps_of_the_same_moment_ask_once(workshop: TestBench) -> None:
    child = workshop.a_sent_run()
    sweep(workshop, days=24)
    workshop.change("UPDATE timer SET state = 'armed'")

    sweep(workshop, days=24)

    asked = workshop.rows("SELECT id FROM message WHERE run_id = :run AND kind = 'run.lapse_gate'", run=child)
    assert len(asked) == 1
    assert workshop.events(child).count("production_run.overdue") == 1


@pytest.fixture
def sixty(workshop: TestBench) -> TestBench:
    """Sixty runs whose dispatch waits."""
    partner, design = workshop.a_partner("weaver"), workshop.a_design()
    shares = [commands.Assignment(partner_id=partner, quantity=Decimal(1)) for _ in range(60)]
    made = workshop.done(commands.CreateDesignRun(design_id=design, assignments=shares, quantity=Decimal(60)))
    for child in made["children"]:
        workshop.post(commands.DispatchRun(), run_id=child)
    workshop.pump()
    assert workshop.value("SELECT count(*) FROM timer WHERE state = 'armed'") == 60
    return workshop


def test_a_sweep_that_would_end_nearly_all_waits_stops_and_raises_an_alarm(sixty: TestBench) -> None:
    assert sweep(sixty, hours=2) == 0

    assert sixty.value("SELECT count(*) FROM timer WHERE state = 'armed'") == 60
    (alarm,) = sixty.rows("SELECT name, detail FROM alarm")
    assert alarm["name"] == "mass_lapse"
    assert "60 of 60 waits would lapse" in alarm["detail"]


def test_an_operator_who_looked_at_the_clock_lets_the_stopped_sweep_go_on(sixty: TestBench) -> None:
    sweep(sixty, hours=2)

    with sixty.engine.begin() as connection:
        sweeps.release_mass_lapse(connection)

    assert sweep(sixty, hours=2) == 60
    assert sixty.value("SELECT count(*) FROM production_run WHERE dispatch_state = 'awaiting_templates'") == 0


def test_fifty_due_waits_are_no_mass(sixty: TestBench) -> None:
    ids = [row["run_id"] for row in sixty.rows("SELECT run_id FROM timer ORDER BY run_id LIMIT 10")]
    for run_id in ids:
        sixty.done(commands.CancelRun(), run_id=run_id)

    assert sweep(sixty, hours=2) == 50


def test_few_of_very_many_due_waits_are_no_mass(sixty: TestBench) -> None:
    sixty.change(
        """INSERT INTO production_run (id, status, run_type, quantity, design_id)
           SELECT 'run_far_' || n, 'approved', 'production', 1, 'dsgn_shawl' FROM generate_series(1, 600) n"""
    )
    sixty.change(
        """INSERT INTO timer (run_id, gate, generation, due_at, state)
           SELECT 'run_far_' || n, 'start', 1, now() + interval '9 days', 'armed' FROM generate_series(1, 600) n"""
    )

    assert sweep(sixty, hours=2) == 60
    assert sixty.value("SELECT count(*) FROM alarm") == 0
