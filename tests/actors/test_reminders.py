"""The ladder of reminders on the real ledger: sweeps ask, actors decide, the courier sends, and time is an argument."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest

from services.workers import sweeps
from shared.domain import commands
from shared.runtime import clock
from tests.actors.steps import set_policy, sweep, take
from tests.actors.told import Target, a_reader, a_run_before, a_target, deliver, notices_of
from tests.workshop import TestBench


@pytest.fixture
def target() -> Iterator[Target]:
    with a_target() as server:
        yield server


@pytest.fixture
def run(workshop: TestBench) -> str:
    """A run that its weaver has not answered."""
    a_reader(workshop, "weaver")
    return a_run_before(workshop, "weaver")


def a_weekday(number: int, *, hour: int = 10) -> datetime:
    """The so many-th weekday from four days on, at an hour: every patience of the house is over by then."""
    day = clock.now().replace(hour=hour, minute=0, second=0, microsecond=0) + timedelta(days=4)
    while number or day.weekday() > 4:
        day += timedelta(days=1)
        number -= day.weekday() <= 4 and number > 0
    return day


def remind(workshop: TestBench, *, at: datetime) -> int:
    """A sweep at an instant, what it asks for, and the courier. Returns how many rungs were asked for."""
    with workshop.engine.begin() as connection:
        asked = sweeps.remind_partners(connection, at=at)
    workshop.pump()
    deliver(workshop, at=at)
    return asked


def rungs(workshop: TestBench, run: str) -> list[tuple[str, int]]:
    found = workshop.rows("SELECT stage, number FROM reminder WHERE run_id = :run ORDER BY created_at, number", run=run)
    return [(row["stage"], row["number"]) for row in found]


def test_an_unanswered_run_is_reminded_of_twice_and_then_wants_another_partner(workshop: TestBench, run: str) -> None:
    days = [a_weekday(number) for number in (0, 2, 4)]

    assert [remind(workshop, at=day) for day in days] == [1, 1, 1]

    assert workshop.events(run)[-1] == "production_run.parked"
    assert workshop.events(run).count("production_run.reminded") == 2
    assert rungs(workshop, run) == [("accept", 1), ("accept", 2), ("accept", 3)]
    parked = workshop.run(run)
    assert (parked["status"], parked["waiting_for"], parked["waiting_until"]) == ("awaiting_reassignment", None, None)
    assert {task["status"] for task in workshop.tasks(run)} == {"cancelled"}
    assert workshop.value("SELECT state FROM work_order WHERE run_id = :run", run=run) == "replaced"
    reminded = [told["title"] for told in notices_of(workshop, run, audience="ptnr_weaver")]
    assert reminded[1:] == ["Please answer: design_0"] * 2
    assert [told["kind"] for told in notices_of(workshop, run, audience="admin")] == ["production_run.parked"]
    assert remind(workshop, at=a_weekday(9)) == 0


def test_a_parked_run_goes_to_another_partner_and_its_ladder_begins_anew(workshop: TestBench, run: str) -> None:
    for number in (0, 2, 4):
        remind(workshop, at=a_weekday(number))
    a_reader(workshop, "knitter")

    workshop.done(commands.AssignPartner(partner_id="ptnr_knitter"), run_id=run)
    workshop.done(commands.SendToProduction(template_names=["weave"]), run_id=run)

    assert remind(workshop, at=a_weekday(6)) == 1
    assert notices_of(workshop, run, audience="ptnr_knitter")[-1]["kind"] == "production_run.reminded"


@pytest.mark.parametrize(
    ("done", "stage"),
    [([commands.AcceptRun()], "start"), ([commands.AcceptRun(), commands.StartRun()], "finish")],
)
def test_an_accepted_run_that_stands_still_ends_before_an_admin_once(
    workshop: TestBench, run: str, done: list[commands.Command], stage: str
) -> None:
    take(workshop, run, *done)

    for number in (0, 4, 8, 12, 16):
        remind(workshop, at=a_weekday(number))

    assert rungs(workshop, run) == [(stage, 1), (stage, 2), (stage, 3)]
    assert workshop.events(run)[-3:] == [
        "production_run.reminded",
        "production_run.reminded",
        "production_run.escalated",
    ]
    assert workshop.run(run)["status"] == "in_progress"
    assert [told["kind"] for told in notices_of(workshop, run, audience="admin")] == ["production_run.escalated"]


def test_two_sweeps_of_a_moment_remind_once(workshop: TestBench, run: str) -> None:
    at = a_weekday(0)
    with workshop.engine.begin() as connection:
        sweeps.remind_partners(connection, at=at)
    with workshop.engine.begin() as connection:
        sweeps.remind_partners(connection, at=at + timedelta(minutes=1))

    workshop.pump()

    assert rungs(workshop, run) == [("accept", 1)]
    assert workshop.events(run).count("production_run.reminded") == 1
    assert remind(workshop, at=at + timedelta(minutes=2)) == 0


def test_racing_sweeps_and_workers_remind_once(workshop: TestBench, run: str) -> None:
    at = a_weekday(0)

    def one_sweep(minute: int) -> None:
        with workshop.engine.begin() as connection:
            sweeps.remind_partners(connection, at=at + timedelta(minutes=minute))
        workshop.pump()

    list(workshop.hands.map(one_sweep, range(4)))
    workshop.pump()

    assert rungs(workshop, run) == [("accept", 1)]
    assert workshop.events(run).count("production_run.reminded") == 1


def test_the_partner_who_answers_in_the_last_moment_is_not_reminded(workshop: TestBench, run: str) -> None:
    workshop.post(commands.AcceptRun(), run_id=run, tenant="ptnr_weaver")

    assert remind(workshop, at=a_weekday(0)) == 1

    assert rungs(workshop, run) == []
    assert "production_run.reminded" not in workshop.events(run)


def test_a_reminder_that_was_not_sent_does_not_count(workshop: TestBench, target: Target) -> None:
    a_reader(workshop, "weaver", targets=(target.url,))
    run = a_run_before(workshop, "weaver")
    target.status = 500

    for number in range(5):
        remind(workshop, at=a_weekday(number))

    assert workshop.run(run)["status"] == "sent_to_partner"
    assert rungs(workshop, run) == [("accept", number) for number in range(1, 6)]
    workshop.change("DELETE FROM notification WHERE state = 'pending'")
    target.status = 200
    for number in (6, 8):
        remind(workshop, at=a_weekday(number))
    assert workshop.run(run)["status"] == "sent_to_partner"
    remind(workshop, at=a_weekday(10))
    assert workshop.run(run)["status"] == "awaiting_reassignment"


def test_partners_are_reminded_when_it_is_ten_where_they_are(workshop: TestBench) -> None:
    for name, zone in (("indian", "Asia/Kolkata"), ("nowhere", "Mars/Olympus")):
        a_reader(workshop, name, zone=zone)
    indian, nowhere = a_run_before(workshop, "indian"), a_run_before(workshop, "nowhere")
    day = a_weekday(0, hour=4)

    assert remind(workshop, at=day + timedelta(minutes=29)) == 0
    assert remind(workshop, at=day + timedelta(minutes=30)) == 1
    assert rungs(workshop, indian) == [("accept", 1)]
    assert remind(workshop, at=day.replace(hour=10)) == 1
    assert rungs(workshop, nowhere) == [("accept", 1)]


def test_a_run_on_hold_and_a_house_without_reminders_are_left_alone(workshop: TestBench, run: str) -> None:
    workshop.done(commands.HoldRun(reason="no yarn"), run_id=run)
    assert remind(workshop, at=a_weekday(0)) == 0
    workshop.change("UPDATE production_run SET held_at = NULL")
    set_policy(workshop, '{"reminders": {"enabled": false}}')

    assert remind(workshop, at=a_weekday(0)) == 0


def test_the_house_may_take_an_unanswered_run_back_when_its_deadline_passes(workshop: TestBench, run: str) -> None:
    set_policy(workshop, '{"deadlines": {"on_unaccepted": "reassign"}}')

    sweep(workshop, days=24)

    assert workshop.run(run)["status"] == "awaiting_reassignment"
    assert workshop.run(run)["overdue_at"] is None
    assert workshop.events(run)[-1] == "production_run.parked"
    assert {task["status"] for task in workshop.tasks(run)} == {"cancelled"}


def test_a_late_start_is_flagged_even_then(workshop: TestBench, run: str) -> None:
    set_policy(workshop, '{"deadlines": {"on_unaccepted": "reassign"}}')
    take(workshop, run, commands.AcceptRun())

    sweep(workshop, days=24)

    assert workshop.run(run)["status"] == "in_progress"
    assert workshop.run(run)["overdue_at"] is not None
