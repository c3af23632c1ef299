"""A reminder that waits for another attempt is not sent any more once it is answered, and its row says so."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

import pytest

from services.workers import sweeps
from shared.domain import commands, events, notices
from shared.domain.notices import NoticeState
from shared.runtime import clock
from tests.actors.steps import take
from tests.actors.told import Target, a_reader, a_run_before, a_target, deliver, notices_of
from tests.workshop import TestBench

WEAVER = "ptnr_weaver"


@pytest.fixture
def target() -> Iterator[Target]:
    with a_target() as server:
        yield server


@pytest.fixture
def run(workshop: TestBench, target: Target) -> str:
    """A run before a weaver who has been told of it."""
    a_reader(workshop, "weaver", targets=(target.url,))
    run = a_run_before(workshop, "weaver")
    deliver(workshop)
    return run


def a_weekday() -> datetime:
    """Ten o'clock of a weekday when every patience is over."""
    day = clock.now().replace(hour=10, minute=0, second=0, microsecond=0) + timedelta(days=4)
    return day + timedelta(days={5: 2, 6: 1}.get(day.weekday(), 0))


def remind_in_vain(workshop: TestBench, target: Target) -> None:
    """A reminder is due, and its target does not take it at first."""
    target.status = 500
    with workshop.engine.begin() as connection:
        assert sweeps.remind_partners(connection, at=a_weekday()) == 1
    workshop.pump()
    assert deliver(workshop, at=a_weekday()) == 1
    target.status = 200


def reminder_of(workshop: TestBench, run: str) -> tuple[object, ...]:
    (told,) = [told for told in notices_of(workshop, run, audience=WEAVER) if told["kind"] == events.RunReminded.kind]
    return told["state"], told["attempts"], told["sent_at"], told["error"]


def _accept(workshop: TestBench, run: str) -> None:
    take(workshop, run, commands.AcceptRun())


def _decline(workshop: TestBench, run: str) -> None:
    take(workshop, run, commands.DeclineRun(reason=commands.DeclineReason.CAPACITY))


def _hold(workshop: TestBench, run: str) -> None:
    workshop.done(commands.HoldRun(reason="no yarn"), run_id=run)


def _hold_and_resume(workshop: TestBench, run: str) -> None:
    _hold(workshop, run)
    workshop.done(commands.ResumeRun(), run_id=run)
    _happened_after_the_reminder(workshop, run, events.RunResumed.kind)


def _cancel(workshop: TestBench, run: str) -> None:
    workshop.done(commands.CancelRun(reason="the shop closed"), run_id=run)


def _put_before_the_same_partner_again(workshop: TestBench, run: str) -> None:
    _decline(workshop, run)
    workshop.done(commands.AssignPartner(partner_id=WEAVER), run_id=run)
    workshop.done(commands.SendToProduction(template_names=["weave"]), run_id=run)


def _happened_after_the_reminder(workshop: TestBench, run: str, kind: str) -> None:
    after = a_weekday() + timedelta(minutes=1)
    workshop.change(
        "UPDATE message SET created_at = :at WHERE run_id = :run AND kind = :kind", at=after, run=run, kind=kind
    )


@pytest.mark.parametrize(
    "moves_on", [_accept, _decline, _hold, _hold_and_resume, _cancel, _put_before_the_same_partner_again]
)
def test_a_reminder_that_was_answered_meanwhile_is_superseded(
    workshop: TestBench, target: Target, run: str, moves_on: Callable[[TestBench, str], None]
) -> None:
    remind_in_vain(workshop, target)
    moves_on(workshop, run)

    deliver(workshop, at=a_weekday() + timedelta(minutes=5))

    why = notices.STATE_SENTENCES[NoticeState.SUPERSEDED]
    assert reminder_of(workshop, run) == ("superseded", 1, None, why)
    assert not [body for body in target.bodies if body["title"].startswith("Please answer")]
    assert deliver(workshop, at=a_weekday() + timedelta(days=1)) == 0


def test_a_reminder_that_nobody_answered_is_tried_again(workshop: TestBench, target: Target, run: str) -> None:
    remind_in_vain(workshop, target)

    deliver(workshop, at=a_weekday() + timedelta(minutes=5))

    assert reminder_of(workshop, run) == ("sent", 2, a_weekday() + timedelta(minutes=5), None)


def test_a_question_how_far_it_is_ends_with_any_news(workshop: TestBench, target: Target, run: str) -> None:
    take(workshop, run, commands.AcceptRun(), commands.StartRun())
    deliver(workshop)
    remind_in_vain(workshop, target)
    workshop.done(commands.AddNote(text="half of it is woven"), run_id=run, tenant=WEAVER)
    _happened_after_the_reminder(workshop, run, commands.AddNote.kind)

    deliver(workshop, at=a_weekday() + timedelta(minutes=5))

    assert reminder_of(workshop, run)[0] == "superseded"


def test_the_first_attempt_is_not_made_for_an_answer_that_was_faster(
    workshop: TestBench, target: Target, run: str
) -> None:
    with workshop.engine.begin() as connection:
        sweeps.remind_partners(connection, at=a_weekday())
    workshop.pump()
    _accept(workshop, run)

    deliver(workshop, at=a_weekday())

    assert reminder_of(workshop, run)[:2] == ("superseded", 0)


def test_other_notices_are_sent_however_late(workshop: TestBench, target: Target) -> None:
    a_reader(workshop, "weaver", targets=(target.url,))
    run = a_run_before(workshop, "weaver")
    take(workshop, run, commands.AcceptRun())

    deliver(workshop)

    assert [(told["kind"], told["state"]) for told in notices_of(workshop, run)] == [
        ("production_run.sent_to_partner", "sent")
    ]
