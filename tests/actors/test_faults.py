"""Faults and repeats: what breaks is tried again and then put aside, what was refused never is, and nothing happens twice."""

import pytest

from shared.domain import commands
from shared.storage import mail
from shared.storage.mail import FAULTS_UNTIL_DEAD, DeliveryState
from tests.actors.steps import status, take
from tests.workshop import TestBench


def make_due(workshop: TestBench) -> None:
    workshop.change("UPDATE delivery SET next_at = now() WHERE state = 'pending'")


def delivery(workshop: TestBench, message_id: str) -> dict[str, object]:
    return dict(workshop.rows("SELECT * FROM delivery WHERE message_id = :id", id=message_id)[0])


def a_poison(workshop: TestBench, run_id: str) -> str:
    """A message whose body no actor can read."""
    message_id = workshop.post(commands.AcceptRun(), run_id=run_id, tenant="ptnr_weaver")
    workshop.change("""UPDATE message SET body = '{"colour": "red"}' WHERE id = :id""", id=message_id)
    return message_id


def test_a_fault_is_tried_again_later_and_later_and_then_put_aside_for_a_person(workshop: TestBench) -> None:
    child = workshop.a_sent_run()
    poison = a_poison(workshop, child)

    waits = []
    for _ in range(FAULTS_UNTIL_DEAD):
        assert delivery(workshop, poison)["state"] == "pending"
        make_due(workshop)
        workshop.pump()
        waits.append(
            workshop.value(
                "SELECT extract(epoch FROM next_at - clock_timestamp()) FROM delivery WHERE message_id = :id", id=poison
            )
        )

    dead = delivery(workshop, poison)
    assert (dead["state"], dead["attempts"]) == ("dead", 10)
    assert "colour" in str(dead["error"])
    assert dead["done_at"] is not None
    assert all(wait <= min(2**place, 300) for place, wait in enumerate(waits))
    assert waits[5] < waits[6] < waits[7] < waits[8]
    assert status(workshop, child) == ["sent_to_partner"]


def test_its_lane_waits_for_a_fault_and_goes_on_when_it_is_put_aside(workshop: TestBench) -> None:
    child, other = workshop.a_sent_run(), workshop.a_sent_run(partner="knitter")
    a_poison(workshop, child)
    behind = workshop.post(commands.AcceptRun(), run_id=child, tenant="ptnr_weaver")

    workshop.pump()
    take(workshop, other, commands.AcceptRun())
    assert delivery(workshop, behind)["sends"] == 0
    for _ in range(FAULTS_UNTIL_DEAD):
        make_due(workshop)
        workshop.pump()

    assert workshop.answer(behind).state is DeliveryState.DONE
    assert status(workshop, child) == ["in_progress"]


def test_a_person_may_replay_what_was_put_aside_once_its_cause_is_gone(workshop: TestBench) -> None:
    child = workshop.a_sent_run()
    poison = a_poison(workshop, child)
    for _ in range(FAULTS_UNTIL_DEAD):
        make_due(workshop)
        workshop.pump()
    workshop.change("UPDATE message SET body = '{}' WHERE id = :id", id=poison)

    with workshop.engine.begin() as connection:
        assert mail.replay(connection, int(str(delivery(workshop, poison)["id"])))
    workshop.pump()

    assert workshop.answer(poison).state is DeliveryState.DONE
    assert status(workshop, child) == ["in_progress"]


def test_a_fault_leaves_nothing_half_done(workshop: TestBench) -> None:
    child = workshop.a_sent_run()
    take(workshop, child, commands.AcceptRun(), commands.StartRun())
    before = (workshop.run(child), workshop.tasks(child), workshop.events(child))
    # A database that refuses the run's new row after the actor has decided everything.
    workshop.change("ALTER TABLE production_run ADD CONSTRAINT broken CHECK (finished_at IS NULL)")

    finish = workshop.post(commands.FinishRun(), run_id=child, tenant="ptnr_weaver")
    workshop.pump()

    assert (delivery(workshop, finish)["state"], delivery(workshop, finish)["attempts"]) == ("pending", 1)
    assert (workshop.run(child), workshop.tasks(child), workshop.events(child)) == before
    workshop.change("ALTER TABLE production_run DROP CONSTRAINT broken")
    make_due(workshop)
    workshop.pump()
    assert workshop.answer(finish).state is DeliveryState.DONE
    assert workshop.events(child).count("production_run.finished") == 1


def test_a_refusal_is_an_answer_and_is_never_tried_again(workshop: TestBench) -> None:
    child = workshop.a_sent_run()
    early = workshop.post(commands.StartRun(), run_id=child, tenant="ptnr_weaver")
    workshop.pump()
    refused = delivery(workshop, early)
    take(workshop, child, commands.AcceptRun())

    make_due(workshop)
    workshop.pump()
    workshop.workshop.carry_out(int(str(refused["id"])))

    assert delivery(workshop, early) == refused
    assert (refused["state"], refused["attempts"], refused["error"]) == ("refused", 0, None)
    assert workshop.run(child)["started_at"] is None


@pytest.mark.parametrize("times", [2, 5])
def test_a_delivery_that_is_handed_out_again_has_one_effect(workshop: TestBench, times: int) -> None:
    child = workshop.a_sent_run()
    asked = workshop.post(commands.AcceptRun(), run_id=child, tenant="ptnr_weaver")
    (ring,) = workshop.claim()

    for _ in range(times):
        workshop.workshop.carry_out(ring, redelivered=True)
    workshop.pump()
    after = workshop.run(child)
    workshop.workshop.carry_out(ring)

    assert workshop.answer(asked).state is DeliveryState.DONE
    assert workshop.run(child) == after
    assert workshop.events(child).count("production_run.accepted") == 1


@pytest.mark.parametrize("lost", ["delivery", "cascade"])
def test_a_message_whose_lease_ended_is_handed_out_again_and_has_one_effect(workshop: TestBench, lost: str) -> None:
    child = workshop.a_sent_run()
    take(workshop, child, commands.AcceptRun(), commands.StartRun(), commands.FinishRun())
    asked = workshop.post(commands.CompleteRun(), run_id=child, tenant="ptnr_weaver")
    (ring,) = workshop.claim()
    if lost == "cascade":
        workshop.workshop.carry_out(ring)
        workshop.claim()

    make_due(workshop)
    workshop.pump()

    parent = workshop.run(child)["parent_run_id"]
    assert workshop.answer(asked).state is DeliveryState.DONE
    for run_id in (child, parent):
        assert status(workshop, run_id) == ["completed"]
        assert workshop.events(run_id).count("production_run.completed") == 1


def test_the_same_message_posted_twice_is_one_message(workshop: TestBench) -> None:
    child = workshop.a_sent_run()

    for _ in range(2):
        workshop.post(commands.AddNote(text="call them"), run_id=child, message_id="msg_once")
    workshop.pump()

    assert workshop.events(child).count("production_run.noted") == 1
