"""Waits: which step arms which, until when, and what passing does. The partner in the last second wins."""

from datetime import timedelta

import pytest

from shared.domain import deadlines, events
from shared.domain.deadlines import WAITS, Gate, Lapse
from shared.domain.lifecycle import Verb
from shared.domain.policy import Deadlines, OnUnaccepted, Policy
from shared.domain.runs import DispatchState, Run, Status
from tests.domain.builders import EARLIER, NOON, a_completed_run, a_run_in_progress, a_sent_run, a_waiting_run

POLICY = Policy(deadlines=Deadlines(templates=10, accept=20, start=30, finish=40, complete=50))

ARMS = {
    Verb.DISPATCH: (Gate.TEMPLATES, 10, Lapse.BACK_TO_IDLE),
    Verb.CONFIRM: (Gate.ACCEPT, 20, Lapse.OVERDUE),
    Verb.ACCEPT: (Gate.START, 30, Lapse.OVERDUE),
    Verb.START: (Gate.FINISH, 40, Lapse.OVERDUE),
    Verb.FINISH: (Gate.COMPLETE, 50, Lapse.OVERDUE),
}


def an_armed_run(gate: Gate, **more: object) -> Run:
    return a_run_in_progress("started", waiting_for=gate.value, waiting_until=NOON, **more)


@pytest.mark.parametrize("verb", ARMS)
def test_a_step_arms_its_wait_from_the_moment_it_is_taken(verb: Verb) -> None:
    run = a_sent_run(dispatch_completed_at=NOON, overdue_at=EARLIER)
    gate, seconds, _ = ARMS[verb]

    deadlines.arm(run, verb, at=NOON, policy=POLICY)

    assert (run.waiting_for, run.waiting_until) == (gate.value, NOON + timedelta(seconds=seconds))
    assert run.overdue_at is None


@pytest.mark.parametrize("verb", [verb for verb in Verb if verb not in ARMS])
def test_every_other_step_ends_the_waiting(verb: Verb) -> None:
    run = an_armed_run(Gate.FINISH, overdue_at=EARLIER)

    deadlines.arm(run, verb, at=NOON, policy=POLICY)

    assert (run.waiting_for, run.waiting_until, run.overdue_at) == (None, None, None)


def test_the_table_here_lists_every_wait() -> None:
    assert {wait.armed_by: (wait.gate, wait.lapse) for wait in WAITS} == {v: (g, e) for v, (g, _, e) in ARMS.items()}
    assert {wait.gate for wait in WAITS} == set(Gate)
    assert set(Deadlines.__struct_fields__) - {"on_unaccepted"} == {gate.value for gate in Gate}


def test_the_houses_deadlines_are_one_hour_for_templates_and_23_days_for_the_rest() -> None:
    lengths = {gate: timedelta(seconds=getattr(Deadlines(), gate.value)) for gate in Gate}

    assert lengths.pop(Gate.TEMPLATES) == timedelta(hours=1)
    assert set(lengths.values()) == {timedelta(days=23)}


def test_the_start_is_due_counted_from_the_day_the_run_was_put_before_the_partner() -> None:
    run = a_run_in_progress(dispatch_completed_at=NOON - timedelta(seconds=12))

    deadlines.arm(run, Verb.ACCEPT, at=NOON, policy=POLICY)

    assert run.waiting_until == NOON + timedelta(seconds=18)


def test_who_accepts_after_the_day_to_start_has_passed_gets_the_whole_time_again() -> None:
    run = a_run_in_progress(dispatch_completed_at=NOON - timedelta(seconds=30))

    deadlines.arm(run, Verb.ACCEPT, at=NOON, policy=POLICY)

    assert run.waiting_until == NOON + timedelta(seconds=30)


def test_a_choice_that_never_came_takes_the_dispatch_back_to_idle_for_another_round() -> None:
    run = a_waiting_run(waiting_for="templates", waiting_until=NOON)

    told = deadlines.lapse(run, gate="templates", due_at=NOON, at=NOON)

    assert isinstance(told, events.RunDispatchLapsed)
    assert (run.status, run.dispatch_state, run.dispatch_round) == (Status.APPROVED, DispatchState.IDLE, 1)
    assert (run.dispatch_id, run.dispatch_started_at, run.waiting_for, run.waiting_until) == (None, None, None, None)


@pytest.mark.parametrize("gate", [gate for gate, _, lapse in ARMS.values() if lapse is Lapse.OVERDUE])
def test_a_milestone_that_is_late_flags_the_run_and_closes_nothing(gate: Gate) -> None:
    run = an_armed_run(gate)
    later = NOON + timedelta(seconds=5)

    told = deadlines.lapse(run, gate=gate.value, due_at=NOON, at=later)

    assert isinstance(told, events.RunOverdue)
    assert NOON.isoformat() in (told.reason or "")
    assert run == an_armed_run(gate, overdue_at=later)


@pytest.mark.parametrize("gate", Gate)
def test_a_deadline_of_a_wait_that_is_over_does_nothing(gate: Gate) -> None:
    other = next(one for one in Gate if one is not gate)
    run = an_armed_run(other)

    assert deadlines.lapse(run, gate=gate.value, due_at=NOON, at=NOON) is None
    assert run == an_armed_run(other)


def test_a_deadline_that_was_armed_anew_meanwhile_does_nothing() -> None:
    run = an_armed_run(Gate.FINISH)

    assert deadlines.lapse(run, gate="finish", due_at=EARLIER, at=NOON) is None
    assert run.overdue_at is None


def test_a_run_is_flagged_once() -> None:
    run = an_armed_run(Gate.FINISH, overdue_at=EARLIER)

    assert deadlines.lapse(run, gate="finish", due_at=NOON, at=NOON) is None
    assert run.overdue_at == EARLIER


def test_time_cannot_touch_a_run_that_has_ended() -> None:
    run = a_completed_run(waiting_for="complete", waiting_until=NOON)

    assert deadlines.lapse(run, gate="complete", due_at=NOON, at=NOON) is None


def test_the_next_milestone_clears_the_flag() -> None:
    run = an_armed_run(Gate.FINISH)
    deadlines.lapse(run, gate="finish", due_at=NOON, at=NOON)

    deadlines.arm(run, Verb.FINISH, at=NOON, policy=POLICY)

    assert (run.overdue_at, run.waiting_for) == (None, "complete")


TAKES_BACK = Policy(deadlines=Deadlines(on_unaccepted=OnUnaccepted.REASSIGN))


def test_the_house_may_take_an_unaccepted_run_back_instead_of_flagging_it() -> None:
    run = a_sent_run(waiting_for=Gate.ACCEPT.value, waiting_until=NOON)

    told = deadlines.lapse(run, gate="accept", due_at=NOON, at=NOON, policy=TAKES_BACK)

    assert isinstance(told, events.RunParked)
    assert (run.status, run.waiting_for, run.waiting_until) == (Status.AWAITING_REASSIGNMENT, None, None)


@pytest.mark.parametrize("gate", [Gate.START, Gate.FINISH, Gate.COMPLETE])
def test_an_accepted_run_is_never_taken_back(gate: Gate) -> None:
    run = an_armed_run(gate)

    told = deadlines.lapse(run, gate=gate.value, due_at=NOON, at=NOON, policy=TAKES_BACK)

    assert isinstance(told, events.RunOverdue)
    assert run.status is Status.IN_PROGRESS
