"""Bars of planned and actual: what is due when, what is late, and where each bar stands on the axis."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from services.api.pages import words
from services.api.pages.console import run_clock
from services.api.queries.families import Member
from shared.domain.policy import DAY, Deadlines
from shared.domain.runs import Run, Status

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
DEADLINES = Deadlines(templates=3600, accept=2 * DAY, start=4 * DAY, finish=10 * DAY, complete=3 * DAY)


def days(count: float) -> datetime:
    return NOON + timedelta(days=count)


def a_run(status: Status = Status.IN_PROGRESS, **more: Any) -> Run:
    return Run(
        id="run_1",
        status=status,
        quantity=Decimal(4),
        design_id="dsgn_1",
        dispatch_started_at=NOON,
        dispatch_completed_at=NOON,
        **more,
    )


def a_part(name: str, *, after: tuple[str, ...] = (), **more: Any) -> Member:
    blank = dict.fromkeys(name for name in Member.__struct_fields__ if name.endswith(("_at", "_until")))
    return Member(
        **{
            **blank,
            "id": f"run_{name}",
            "parent_run_id": "run_root",
            "child_count": 0,
            "stage": None,
            "role": name,
            "status": "approved",
            "phase": "approved",
            "quantity": Decimal(4),
            "partner_name": None,
            "created_at": NOON,
            "depends_on": [f"run_{each}" for each in after],
            "is_above": False,
            **more,
        }
    )


def by_title(chart: run_clock.Chart | None) -> dict[str, tuple[run_clock.Row, run_clock.Bar]]:
    assert chart is not None
    return {row.title: (row, bar) for row, bar in chart.rows}


def test_a_run_that_was_never_sent_has_no_bars() -> None:
    run = Run(id="run_1", status=Status.PENDING_REVIEW, quantity=Decimal(4), design_id="dsgn_1")

    assert run_clock.of_run(run, DEADLINES, now=NOON) is None


def test_start_is_due_counted_from_the_dispatch_and_finish_from_the_start() -> None:
    rows = by_title(run_clock.of_run(a_run(accepted_at=days(1), started_at=days(3)), DEADLINES, now=days(5)))

    assert rows["Start"][0].due == days(4)
    assert rows["Finish"][0].due == days(13)
    assert rows["Settle"][0].planned_from == days(13)


def test_the_armed_deadline_counts_for_it_knows_the_time_on_hold() -> None:
    run = a_run(accepted_at=days(1), started_at=days(2), waiting_for="finish", waiting_until=days(20))

    assert by_title(run_clock.of_run(run, DEADLINES, now=days(5)))["Finish"][0].due == days(20)


def test_what_is_behind_its_deadline_is_late_in_colour_and_in_words() -> None:
    clock = words.Clock(words.clock_of("UTC", str).zone, str, days(15))
    rows = by_title(run_clock.of_run(a_run(accepted_at=days(3), started_at=days(3.5)), DEADLINES, now=days(15)))

    assert (rows["Accept"][0].tone, run_clock.in_words(rows["Accept"][0], clock)) == ("bad", "1 day late")
    assert (rows["Finish"][0].tone, run_clock.in_words(rows["Finish"][0], clock)) == ("bad", "1 day overdue")
    assert (rows["Start"][0].tone, run_clock.in_words(rows["Start"][0], clock)) == (
        "good",
        "12 hours before it was due",
    )
    assert run_clock.in_words(rows["Settle"][0], clock) == "Not begun"


def test_nothing_is_planned_for_what_a_cancelled_run_did_not_reach() -> None:
    run = a_run(Status.CANCELLED, accepted_at=days(1), cancelled_at=days(2))

    rows = by_title(run_clock.of_run(run, DEADLINES, now=days(9)))

    assert rows["Start"][0].ended == days(2)
    assert rows["Finish"][1] == run_clock.Bar(None, None)


def test_a_declined_run_is_waited_for_no_more_and_nothing_is_planned() -> None:
    clock = words.Clock(words.clock_of("UTC", str).zone, str, days(15))

    rows = by_title(run_clock.of_run(a_run(Status.AWAITING_REASSIGNMENT), DEADLINES, now=days(15)))

    assert run_clock.in_words(rows["Accept"][0], clock) == "Broken off"
    assert not any(row.is_open for row, _ in rows.values())
    assert rows["Start"][1] == run_clock.Bar(None, None)


def test_bars_stand_in_percent_of_one_axis() -> None:
    run = a_run(Status.COMPLETED, accepted_at=days(1), started_at=days(2), finished_at=days(12), completed_at=days(16))

    chart = run_clock.of_run(run, DEADLINES, now=days(30))
    finish = by_title(chart)["Finish"][1]

    assert chart is not None
    assert (chart.begins, chart.ends, chart.now) == (NOON, days(16), None)
    assert finish.actual == ("12.50%", "62.50%")


def test_a_later_stage_is_planned_behind_the_stage_before_it() -> None:
    first = a_part("weaving", dispatch_completed_at=NOON, status="completed", completed_at=days(6))
    second = a_part("dyeing", after=("weaving",))

    rows = [row for row, _ in run_clock.of_parts([first, second], DEADLINES, now=days(7)).rows]  # type: ignore[union-attr]

    assert rows[1].planned_from == days(6)
    assert rows[1].due == days(6 + 2 + 4 + 10 + 3)
    assert rows[0].late == timedelta(days=6 - 19)
