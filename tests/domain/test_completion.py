"""Completion: the arithmetic of pieces, and one routine whichever path leads to the end."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain import completion, events, refusals
from shared.domain.completion import Price, Yield
from shared.domain.events import Event
from shared.domain.policy import OnAllTasksDone, Policy
from shared.domain.runs import CompletionSource, CostType, RejectionReason, Run, Status
from shared.domain.tasks import Task, TaskStatus
from tests.domain.builders import NOON, a_completed_run, a_redo_task, a_run_in_progress, a_sent_run, a_task

TOLERANCE = Decimal("0.05")
FLAW = RejectionReason.FABRIC_FLAW


def balanced(ordered: Any, *, by_admin: bool = False, **pieces: Any) -> tuple[Decimal, Decimal, Decimal]:
    return completion.balance(Decimal(ordered), Yield(**pieces), tolerance=TOLERANCE, by_admin=by_admin)


def settled(run: Run, run_tasks: list[Task], **more: Any) -> list[Event]:
    given: dict[str, Any] = {"outcome": Yield(), "price": Price(), "notes": None, "by_admin": False, **more}
    return completion.settle(run, run_tasks, at=NOON, policy=Policy(), **given)


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        ({}, (100, 0, 0)),
        ({"produced_quantity": 100}, (100, 0, 0)),
        ({"rejected_quantity": 3, "rejection_reason": FLAW}, (97, 3, 0)),
        ({"short_quantity": 2, "short_reason": "yarn ran out"}, (98, 0, 2)),
        ({"produced_quantity": 90, "rejected_quantity": 6, "rejection_reason": FLAW, "short_quantity": 4, "short_reason": "x"}, (90, 6, 4)),
        ({"produced_quantity": 0, "short_quantity": 100, "short_reason": "fire"}, (0, 0, 100)),
        ({"produced_quantity": 105}, (105, 0, 0)),
        ({"produced_quantity": 99, "rejected_quantity": 6, "rejection_reason": FLAW}, (99, 6, 0)),
    ],
)  # fmt: skip
def test_pieces_that_add_up_to_the_order_are_taken(pieces: dict[str, Any], expected: tuple[int, int, int]) -> None:
    exact = {name: Decimal(value) if isinstance(value, int) else value for name, value in pieces.items()}

    assert balanced(100, **exact) == expected


@pytest.mark.parametrize(
    ("pieces", "arithmetic"),
    [
        ({"produced_quantity": 99}, "produced 99 + rejected 0 + short 0 = 99"),
        ({"produced_quantity": 0}, "produced 0 + rejected 0 + short 0 = 0"),
        ({"rejected_quantity": 101, "rejection_reason": FLAW}, "rejected 101 + short 0 = 101"),
        ({"produced_quantity": 102, "short_quantity": 2, "short_reason": "x"}, "produced 102 + rejected 0 + short 2 = 104"),
    ],
)  # fmt: skip
def test_pieces_that_do_not_add_up_are_refused_with_the_arithmetic(pieces: dict[str, Any], arithmetic: str) -> None:
    exact = {name: Decimal(value) if isinstance(value, int) else value for name, value in pieces.items()}

    with pytest.raises(refusals.Unbalanced) as no:
        balanced(100, **exact)

    assert no.value.detail.startswith("Ordered 100,")
    assert arithmetic in no.value.detail


def test_more_than_the_tolerance_is_an_admins_to_record() -> None:
    with pytest.raises(refusals.OverYield, match="more than 105"):
        balanced(100, produced_quantity=Decimal("105.000001"))

    assert balanced(100, produced_quantity=Decimal(300), by_admin=True) == (300, 0, 0)


@pytest.mark.parametrize(
    ("pieces", "pointer"),
    [
        ({"rejected_quantity": Decimal(1)}, "/rejection_reason"),
        ({"short_quantity": Decimal(1)}, "/short_reason"),
        ({"short_quantity": Decimal(1), "short_reason": ""}, "/short_reason"),
    ],
)
def test_rejected_and_short_pieces_need_their_reason(pieces: dict[str, Any], pointer: str) -> None:
    with pytest.raises(refusals.ReasonMissing) as no:
        balanced(4, **pieces)

    assert [error.pointer for error in no.value.errors] == [pointer]


@pytest.mark.parametrize("field", ["produced_quantity", "rejected_quantity", "short_quantity"])
@pytest.mark.parametrize("wrong", ["-1", "NaN", "Infinity", "1e400", "0.0000001"])
def test_an_absurd_number_of_pieces_is_refused_by_field(field: str, wrong: str) -> None:
    with pytest.raises(ValueError, match=field):
        Yield(**{field: Decimal(wrong)})


amounts = st.none() | st.decimals(0, 400, places=2)


@given(
    ordered=st.decimals("0.01", 300, places=2),
    produced=amounts,
    rejected=amounts,
    short=amounts,
    by_admin=st.booleans(),
)
def test_what_is_accepted_always_covers_the_order_within_the_tolerance(
    ordered: Decimal, produced: Decimal | None, rejected: Decimal | None, short: Decimal | None, by_admin: bool
) -> None:
    outcome = Yield(
        produced_quantity=produced,
        rejected_quantity=rejected,
        rejection_reason=FLAW,
        short_quantity=short,
        short_reason="yarn",
    )

    try:
        made = completion.balance(ordered, outcome, tolerance=TOLERANCE, by_admin=by_admin)
    except refusals.Refusal:
        # Only what does not add up, or yields too much, is refused.
        assert produced is not None or (rejected or 0) + (short or 0) > ordered
        return

    assert min(made) >= 0
    assert sum(made) >= ordered
    assert by_admin or sum(made) <= ordered * (1 + TOLERANCE)
    assert sum(made) == ordered or made[2] == 0
    assert (produced, rejected, short) == tuple(
        None if said is None else got for said, got in zip((produced, rejected, short), made, strict=True)
    )


def test_settling_completes_the_run_with_what_was_said() -> None:
    run = a_run_in_progress("finished", waiting_for="complete", waiting_until=NOON, overdue_at=NOON)
    open_task = a_task()

    told = settled(
        run,
        [open_task],
        outcome=Yield(rejected_quantity=Decimal(1), rejection_reason=FLAW, rejection_notes="a hole"),
        price=Price(partner_cost=Decimal("12.5"), cost_type=CostType.PER_UNIT, cost_currency="EUR"),
        notes="sent by lorry",
    )

    assert (run.status, run.completed_at, run.completion_source) == (
        Status.COMPLETED,
        NOON,
        CompletionSource.MILESTONE,
    )
    assert (run.produced_quantity, run.rejected_quantity, run.short_quantity) == (3, 1, 0)
    assert (run.rejection_reason, run.rejection_notes, run.completion_notes) == (FLAW, "a hole", "sent by lorry")
    assert (run.partner_cost, run.cost_type, run.cost_currency) == (Decimal("12.5"), CostType.PER_UNIT, "EUR")
    assert (run.waiting_for, run.waiting_until, run.overdue_at) == (None, None, None)
    assert open_task.status is TaskStatus.COMPLETED
    assert [type(event) for event in told] == [events.TaskCompleted, events.RunCompleted]


def test_an_admin_who_settles_is_named_as_the_source() -> None:
    run = a_run_in_progress("finished")

    settled(run, [], by_admin=True)

    assert run.completion_source is CompletionSource.ADMIN


@pytest.mark.parametrize(
    ("run", "run_tasks", "outcome"),
    [
        (a_run_in_progress("started"), [a_task()], Yield()),
        (a_run_in_progress("finished"), [a_task(), a_redo_task()], Yield()),
        (a_run_in_progress("finished"), [a_task()], Yield(produced_quantity=Decimal(1))),
        (a_run_in_progress("finished"), [a_task()], Yield(short_quantity=Decimal(1))),
        (a_completed_run(), [a_task()], Yield()),
    ],
    ids=["not finished", "rework open", "does not balance", "no reason", "completed already"],
)
def test_a_refused_completion_changes_neither_run_nor_tasks(run: Run, run_tasks: list[Task], outcome: Yield) -> None:
    before = [msgspec.structs.asdict(one) for one in (run, *run_tasks)]

    with pytest.raises(refusals.Refusal):
        settled(run, run_tasks, outcome=outcome)

    assert [msgspec.structs.asdict(one) for one in (run, *run_tasks)] == before


DONE = [a_task("weave", TaskStatus.COMPLETED), a_redo_task("mend", TaskStatus.COMPLETED)]


def after_work(run: Run, run_tasks: list[Task], **policy: Any) -> list[Event]:
    return completion.after_task_work(run, run_tasks, at=NOON, policy=Policy(**policy))


@pytest.mark.parametrize("how_far", ["accepted", "started"])
def test_the_last_task_completes_the_run_and_sets_the_stamps_that_are_missing(how_far: str) -> None:
    run = a_run_in_progress(how_far)
    started = run.started_at

    told = after_work(run, DONE)

    assert (run.status, run.completion_source) == (Status.COMPLETED, CompletionSource.TASKS)
    assert (run.started_at, run.finished_at, run.completed_at) == (started or NOON, NOON, NOON)
    assert [type(event) for event in told] == [events.RunCompleted]


def test_both_paths_end_in_the_same_state() -> None:
    by_milestone, by_tasks = a_run_in_progress("finished", finished_at=NOON), a_run_in_progress("started")

    (told_by_milestone,) = settled(by_milestone, DONE)
    (told_by_tasks,) = after_work(by_tasks, DONE)

    by_milestone.completion_source = by_tasks.completion_source = None
    assert by_milestone == by_tasks
    assert told_by_milestone.after == {**(told_by_tasks.after or {}), "completion_source": "milestone"}


@pytest.mark.parametrize(
    ("run", "run_tasks"),
    [
        (a_run_in_progress(), [*DONE, a_task("pack")]),
        (a_run_in_progress(), [*DONE, a_redo_task("dye")]),
        (a_run_in_progress(), []),
        (a_run_in_progress("finished"), DONE),
        (a_sent_run(), DONE),
        (a_completed_run(), DONE),
    ],
    ids=["work open", "rework open", "no tasks", "finished: only complete completes", "not accepted", "completed"],
)
def test_task_work_leaves_the_run_alone_until_the_last_task_of_an_unfinished_run(
    run: Run, run_tasks: list[Task]
) -> None:
    before = msgspec.structs.asdict(run)

    assert after_work(run, run_tasks) == []
    assert msgspec.structs.asdict(run) == before


def test_where_the_policy_says_so_the_last_task_only_finishes_the_run() -> None:
    run = a_run_in_progress("accepted")

    told = after_work(run, DONE, on_all_tasks_done=OnAllTasksDone.FINISH)

    assert (run.status, run.started_at, run.finished_at, run.completed_at) == (Status.IN_PROGRESS, NOON, NOON, None)
    assert run.waiting_for == "complete"
    assert [type(event) for event in told] == [events.RunFinished]


# Output set right ---------------------------------------------------------------------------------------------------

WAS = {
    "quantity": Decimal(10),
    "produced_quantity": Decimal(8),
    "rejected_quantity": Decimal(2),
    "rejection_reason": FLAW,
    "short_quantity": Decimal(0),
}
CORRECTIONS: tuple[tuple[dict[str, Any], tuple[int, int, int]], ...] = (
    # said                                                                     produced, rejected, short
    ({"rejected_quantity": Decimal(1)},                                        (9, 1, 0)),
    ({"rejected_quantity": Decimal(0)},                                        (10, 0, 0)),
    ({"short_quantity": Decimal(1), "short_reason": "lost"},                   (7, 2, 1)),
    ({"produced_quantity": Decimal(20)},                                       (20, 2, 0)),
)  # fmt: skip


@pytest.mark.parametrize(("said", "wanted"), CORRECTIONS)
def test_a_correction_changes_what_it_says_and_keeps_the_balance(
    said: dict[str, Any], wanted: tuple[int, int, int]
) -> None:
    run = a_completed_run(**WAS)

    told = completion.correct(run, Yield(**said), reason="counted again")

    assert (run.produced_quantity, run.rejected_quantity, run.short_quantity) == wanted
    assert (run.rejection_reason is FLAW) == (wanted[1] > 0)
    assert told.before is not None
    assert told.after is not None
    assert (told.reason, told.before["produced_quantity"]) == ("counted again", "8")
    assert told.after["produced_quantity"] == str(wanted[0])


@pytest.mark.parametrize(
    ("said", "no"),
    [
        ({"produced_quantity": Decimal(7)}, refusals.Unbalanced),
        ({"short_quantity": Decimal(1)}, refusals.ReasonMissing),
    ],
)
def test_a_correction_that_does_not_hold_changes_nothing(said: dict[str, Any], no: type[refusals.Refusal]) -> None:
    run = a_completed_run(**WAS)

    with pytest.raises(no):
        completion.correct(run, Yield(**said), reason="counted again")

    assert run == a_completed_run(**WAS)


def test_only_a_completed_leaf_is_corrected() -> None:
    with pytest.raises(refusals.WrongState):
        completion.correct(a_run_in_progress(), Yield(), reason="counted again")
    with pytest.raises(refusals.IsContainer):
        completion.correct(a_completed_run(child_count=2), Yield(), reason="counted again")
