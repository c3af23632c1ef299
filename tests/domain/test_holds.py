"""On hold: nothing but cancel and resume works, and no deadline passes meanwhile."""

from datetime import timedelta

import pytest

from shared.domain import cascade, deadlines, events, holds, lifecycle, refusals, tasks
from shared.domain.lifecycle import Facts, Verb
from shared.domain.policy import Policy
from shared.domain.runs import Run, Status
from tests.domain.builders import EARLIER, NOON, a_member, a_run, a_run_in_progress, a_sent_run, a_task, an_approved_run

DUE = NOON + timedelta(days=2)
A_DAY_LATER = NOON + timedelta(days=1)


def a_held_run(**more: object) -> Run:
    run = a_run_in_progress("started", waiting_for="finish", waiting_until=DUE, **more)
    holds.hold(run, reason="the dye is late", at=NOON)
    return run


@pytest.mark.parametrize("verb", [verb for verb in Verb if verb not in (Verb.CANCEL, Verb.RESUME, Verb.HOLD)])
def test_a_run_on_hold_takes_no_step_but_cancel_and_resume(verb: Verb) -> None:
    run = a_run(Status.IN_PROGRESS, held_at=EARLIER)
    run.status = lifecycle.STEPS[verb].leaves[-1]

    assert lifecycle.refusal(run, verb, Facts()) is not None
    assert lifecycle.allowed_actions(run, for_partner=False, facts=Facts()) == ["cancel", "resume"]
    assert lifecycle.allowed_actions(run, for_partner=True, facts=Facts()) == []


def test_the_reason_is_kept_while_it_lasts_and_goes_with_it() -> None:
    run = a_held_run()
    assert (run.held_at, run.held_reason, run.status) == (NOON, "the dye is late", Status.IN_PROGRESS)

    holds.resume(run, at=A_DAY_LATER)

    assert (run.held_at, run.held_reason) == (None, None)


def test_what_was_left_of_a_deadline_is_left_afterwards() -> None:
    run = a_held_run()

    holds.resume(run, at=A_DAY_LATER)

    assert run.waiting_until == DUE + timedelta(days=1)


HELD, RESUMED = events.RunHeld.kind, events.RunResumed.kind


@pytest.mark.parametrize(
    ("turns", "hours"),
    [
        ([], 0),
        ([(HELD, 1), (RESUMED, 3)], 2),
        ([(HELD, 1), (RESUMED, 3), (HELD, 10), (RESUMED, 15)], 7),
        ([(RESUMED, 1), (HELD, 2), (RESUMED, 3)], 1),
        ([(HELD, 1), (RESUMED, 3), (HELD, 10)], 2),
    ],
)
def test_the_times_on_hold_add_up(turns: list[tuple[str, int]], hours: int) -> None:
    told = [(kind, NOON + timedelta(hours=hour)) for kind, hour in turns]

    assert holds.time_held(told) == timedelta(hours=hours)


def test_time_on_hold_before_the_answer_is_given_back_to_the_start() -> None:
    run = a_sent_run(dispatch_completed_at=NOON)
    three_days, ten_days = timedelta(days=3), timedelta(days=10)

    deadlines.arm(run, Verb.ACCEPT, at=NOON + ten_days, policy=Policy(), held=three_days)

    assert run.waiting_until == NOON + timedelta(days=23) + three_days


def test_who_accepts_after_a_long_hold_still_has_the_rest_of_the_day_and_not_the_whole_again() -> None:
    run = a_sent_run(dispatch_completed_at=NOON)

    deadlines.arm(run, Verb.ACCEPT, at=NOON + timedelta(days=30), policy=Policy(), held=timedelta(days=8))

    assert run.waiting_until == NOON + timedelta(days=31)


@pytest.mark.parametrize(("verb", "days"), [(Verb.START, 23), (Verb.FINISH, 23)])
def test_a_wait_that_begins_with_its_own_step_owes_nothing_to_an_earlier_hold(verb: Verb, days: int) -> None:
    run = a_run_in_progress("started", dispatch_completed_at=EARLIER)

    deadlines.arm(run, verb, at=NOON, policy=Policy(), held=timedelta(days=5))

    assert run.waiting_until == NOON + timedelta(days=days)


def test_a_deadline_that_had_passed_before_stays_passed() -> None:
    run = a_held_run(overdue_at=EARLIER)

    holds.resume(run, at=A_DAY_LATER)

    assert (run.waiting_until, run.overdue_at) == (DUE, EARLIER)


def test_no_deadline_passes_on_hold() -> None:
    run = a_held_run()

    assert deadlines.lapse(run, gate="finish", due_at=DUE, at=DUE) is None
    assert run.overdue_at is None


def test_no_task_is_worked_on_while_its_run_is_on_hold() -> None:
    with pytest.raises(refusals.OnHold):
        tasks.open_to_work(a_held_run(), a_task())


def test_a_part_on_hold_is_not_released_and_a_family_on_hold_releases_none() -> None:
    parent, held_parent = an_approved_run(child_count=2), an_approved_run(child_count=2, held_at=EARLIER)
    woven, cut = a_member("weave", Status.COMPLETED), a_member("cut", depends_on=("weave",))
    held_cut = a_member("cut", depends_on=("weave",), is_held=True)

    assert len(cascade.releases(parent, [woven, cut])) == 1
    assert cascade.releases(parent, [woven, held_cut]) == []
    assert cascade.releases(held_parent, [woven, cut]) == []


def test_a_held_parent_still_closes_with_its_last_part_and_is_held_no_more() -> None:
    parent = a_run(Status.IN_PROGRESS, child_count=1, held_at=EARLIER, held_reason="no yarn")

    cascade.follow(parent, [a_member("weave", Status.COMPLETED)], at=NOON)

    assert (parent.status, parent.held_at, parent.held_reason) == (Status.COMPLETED, None, None)
