"""The ladder of reminders: weekdays, ten o'clock on the partner's clock, two per stage, and what comes then."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from shared.domain import reminders
from shared.domain.policy import Policy, Reminders
from shared.domain.reminders import Act, Due, History, Rung, Stage
from shared.domain.runs import Run, Status
from tests.domain.builders import a_completed_run, a_run_in_progress, a_sent_run, an_approved_run

MONDAY = datetime(2026, 3, 2, 8, tzinfo=UTC)
TUESDAY, WEDNESDAY, THURSDAY, FRIDAY, SATURDAY, SUNDAY, NEXT_MONDAY = (
    datetime(2026, 3, day, 10, tzinfo=UTC) for day in range(3, 10)
)


def sent(**more: Any) -> Run:
    return a_sent_run(**{"dispatch_completed_at": MONDAY, **more})


def a_rung(at: datetime, *, number: int = 1, stage: Stage = Stage.ACCEPT, **more: Any) -> Rung:
    """A reminder of that instant that reached the partner."""
    return Rung(**{"stage": stage.value, "number": number, "at": at, "sent_at": at, **more})


def due(
    run: Run, *rungs: Rung, at: datetime, zone: str = "UTC", house: Policy | None = None, **known: Any
) -> Due | None:
    return reminders.due(run, History(rungs=rungs, **known), at=at, zone=zone, policy=house or Policy())


STAGES = {
    Stage.ACCEPT: (sent(), 24),
    Stage.START: (a_run_in_progress("accepted", accepted_at=MONDAY), 24),
    Stage.FINISH: (a_run_in_progress("started", started_at=MONDAY), 72),
}


@pytest.mark.parametrize("stage", Stage)
def test_silence_is_reminded_of_after_its_stages_patience_and_not_before(stage: Stage) -> None:
    run, hours = STAGES[stage]
    just = MONDAY + timedelta(hours=hours)

    assert due(run, at=just.replace(hour=7)) is None
    assert due(run, at=just.replace(hour=10)) == Due(stage, 1, Act.REMIND)


def test_the_ladders_list_every_stage() -> None:
    assert [ladder.stage for ladder in reminders.LADDERS] == list(Stage) == list(STAGES)


@pytest.mark.parametrize(
    ("at", "is_open"),
    [(TUESDAY, True), (TUESDAY - timedelta(seconds=1), False), (TUESDAY.replace(hour=23), True),
     (FRIDAY, True), (SATURDAY, False), (SUNDAY, False), (NEXT_MONDAY, True)],
)  # fmt: skip
def test_partners_are_reminded_on_weekdays_from_ten(at: datetime, is_open: bool) -> None:
    assert (due(sent(), at=at) is not None) == is_open


@pytest.mark.parametrize(
    ("zone", "opens"),
    [
        ("Asia/Kolkata",     datetime(2026, 3, 4, 4, 30, tzinfo=UTC)),
        ("America/New_York", datetime(2026, 3, 4, 15, tzinfo=UTC)),
        ("America/New_York", datetime(2026, 3, 9, 14, tzinfo=UTC)),
        ("America/New_York", datetime(2026, 11, 2, 15, tzinfo=UTC)),
        ("Mars/Olympus",     datetime(2026, 3, 4, 10, tzinfo=UTC)),
    ],
    ids=["half an hour apart", "winter", "the Monday after clocks went forward", "the Monday after they went back", "unknown is UTC"],
)  # fmt: skip
def test_ten_is_ten_on_the_partners_own_clock(zone: str, opens: datetime) -> None:
    assert due(sent(), at=opens - timedelta(minutes=1), zone=zone) is None
    assert due(sent(), at=opens, zone=zone) == Due(Stage.ACCEPT, 1, Act.REMIND)


def test_the_weekend_is_the_partners_weekend() -> None:
    friday_evening_in_new_york = datetime(2026, 3, 7, 1, tzinfo=UTC)

    assert due(sent(), at=friday_evening_in_new_york, zone="America/New_York") is not None
    assert due(sent(), at=friday_evening_in_new_york.replace(hour=11), zone="Asia/Kolkata") is None


def test_nobody_is_reminded_twice_in_a_day() -> None:
    hasty = Policy(reminders=Reminders(accept_hours=1))
    first = a_rung(TUESDAY)

    assert due(sent(), first, at=TUESDAY.replace(hour=23), house=hasty) is None
    assert due(sent(), first, at=WEDNESDAY, house=hasty) == Due(Stage.ACCEPT, 2, Act.REMIND)


@pytest.mark.parametrize(
    ("stage", "end"), [(Stage.ACCEPT, Act.PARK), (Stage.START, Act.ESCALATE), (Stage.FINISH, Act.ESCALATE)]
)
def test_after_two_reminders_comes_the_end_of_the_ladder_once(stage: Stage, end: Act) -> None:
    run, _ = STAGES[stage]
    ladder = [a_rung(TUESDAY, stage=stage), a_rung(WEDNESDAY, stage=stage, number=2)]
    later = NEXT_MONDAY + timedelta(days=1)

    assert due(run, *ladder, at=later) == Due(stage, 3, end)
    assert due(run, *ladder, a_rung(later, stage=stage, number=3, is_end=True), at=later + timedelta(days=7)) is None


def test_the_end_of_the_ladder_waits_for_the_patience_after_the_last_reminder() -> None:
    ladder = [a_rung(TUESDAY), a_rung(WEDNESDAY, number=2)]

    assert due(sent(), *ladder, at=WEDNESDAY + timedelta(hours=24)) is None
    assert due(sent(), *ladder, at=WEDNESDAY + timedelta(hours=25)) == Due(Stage.ACCEPT, 3, Act.PARK)


def test_a_message_that_failed_to_send_does_not_count() -> None:
    failed = [a_rung(TUESDAY, sent_at=None), a_rung(WEDNESDAY, number=2, sent_at=None)]

    assert due(sent(), *failed, at=WEDNESDAY.replace(hour=23)) is None
    assert due(sent(), *failed, at=THURSDAY) == Due(Stage.ACCEPT, 3, Act.REMIND)


def test_each_stage_has_reminders_of_its_own() -> None:
    run, _ = STAGES[Stage.START]

    assert due(run, a_rung(TUESDAY), a_rung(WEDNESDAY, number=2), at=FRIDAY) == Due(Stage.START, 1, Act.REMIND)


def test_anything_heard_of_a_started_run_begins_the_silence_anew() -> None:
    run, _ = STAGES[Stage.FINISH]

    assert due(run, at=FRIDAY, heard_at=WEDNESDAY) is None
    assert due(run, at=NEXT_MONDAY, heard_at=WEDNESDAY) == Due(Stage.FINISH, 1, Act.REMIND)


def test_a_comment_is_no_answer_to_a_run_that_was_not_accepted() -> None:
    assert due(sent(), at=WEDNESDAY, heard_at=TUESDAY + timedelta(hours=12)) is not None


def test_after_a_hold_the_silence_begins_anew() -> None:
    assert due(sent(), at=WEDNESDAY, resumed_at=WEDNESDAY - timedelta(hours=2)) is None


@pytest.mark.parametrize(
    "run",
    [
        sent(held_at=MONDAY),
        sent(partner_id=None),
        sent(child_count=2),
        an_approved_run(),
        a_completed_run(),
        a_sent_run(Status.AWAITING_REASSIGNMENT, dispatch_completed_at=MONDAY),
        a_sent_run(Status.CANCELLED, dispatch_completed_at=MONDAY),
    ],
    ids=["held", "nobody's", "split", "not sent", "completed", "awaiting reassignment", "cancelled"],
)
def test_nobody_is_reminded_of_what_is_not_their_turn(run: Run) -> None:
    assert due(run, at=FRIDAY) is None


def test_the_policy_may_switch_reminders_off_or_set_another_hour_and_number() -> None:
    late = Policy(reminders=Reminders(hour=15, most_per_stage=1))

    assert due(sent(), at=FRIDAY, house=Policy(reminders=Reminders(enabled=False))) is None
    assert due(sent(), at=TUESDAY, house=late) is None
    assert due(sent(), at=TUESDAY.replace(hour=15), house=late) == Due(Stage.ACCEPT, 1, Act.REMIND)
    assert due(sent(), a_rung(TUESDAY), at=THURSDAY.replace(hour=15), house=late) == Due(Stage.ACCEPT, 2, Act.PARK)


@pytest.mark.parametrize("wrong", [{"hour": 24}, {"accept_hours": 0}, {"most_per_stage": 0}, {"idle_hours": -1}])
def test_absurd_reminders_are_refused_by_name(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Reminders(**wrong)  # type: ignore[arg-type]


def test_a_rung_is_asked_for_once_on_its_day() -> None:
    found = Due(Stage.ACCEPT, 1, Act.REMIND)
    morning, evening = TUESDAY.astimezone(ZoneInfo("Asia/Kolkata")), TUESDAY.replace(hour=17)

    names = {
        reminders.question("run_1", round_=0, found=found, at=at, zone="Asia/Kolkata") for at in (morning, evening)
    }

    assert names == {"remind_run_1_0_accept_1_2026-03-03"}


ANSWERS: dict[str, tuple[Run, History]] = {
    "accepted": (a_run_in_progress("accepted", accepted_at=MONDAY, dispatch_round=1), History()),
    "declined": (sent(dispatch_round=1, status=Status.AWAITING_REASSIGNMENT), History()),
    "cancelled": (sent(dispatch_round=1, status=Status.CANCELLED), History()),
    "held": (sent(dispatch_round=1, held_at=WEDNESDAY), History()),
    "held and resumed": (sent(dispatch_round=1), History(resumed_at=THURSDAY)),
    "sent again in another round": (sent(dispatch_round=2), History()),
    "sent again in the same round": (sent(dispatch_round=1, dispatch_completed_at=THURSDAY), History()),
}


@pytest.mark.parametrize("answer", ANSWERS)
def test_a_reminder_falls_with_what_answers_it(answer: str) -> None:
    run, history = ANSWERS[answer]
    rung = a_rung(WEDNESDAY)

    assert reminders.still_stands(sent(dispatch_round=1), History(), rung, round_=1)
    assert not reminders.still_stands(run, history, rung, round_=1)


def test_news_answers_only_the_question_how_far_it_is() -> None:
    news = History(heard_at=THURSDAY)
    for stage, (run, _) in STAGES.items():
        rung = a_rung(WEDNESDAY, stage=stage)

        assert reminders.still_stands(run, news, rung, round_=run.dispatch_round) == (stage is not Stage.FINISH)
