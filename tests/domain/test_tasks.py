"""Tasks: forward only, subtasks with their parents, and which of them decide about the run."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain import events, refusals, tasks
from shared.domain.runs import Run, Status
from shared.domain.tasks import TASK_STEPS, Task, TaskKind, TaskStatus
from tests.domain.builders import (
    EARLIER,
    NOON,
    a_completed_run,
    a_redo_task,
    a_run_in_progress,
    a_sent_run,
    a_task,
)

T = TaskStatus
MAY = {
    T.PENDING: {"accept", "start", "finish", "cancel"},
    T.ASSIGNED: {"accept", "start", "finish", "cancel"},
    T.ACCEPTED: {"start", "finish", "cancel"},
    T.IN_PROGRESS: {"finish", "cancel"},
    T.COMPLETED: set(),
    T.CANCELLED: set(),
}
REACHES = {"accept": T.ACCEPTED, "start": T.IN_PROGRESS, "finish": T.COMPLETED, "cancel": T.CANCELLED}
EVERY_PAIR = [(status, verb) for status in T for verb in TASK_STEPS]


def statuses(family: list[Task]) -> list[str]:
    return [task.status.value for task in family]


def test_the_tables_here_list_every_task_status_and_every_verb() -> None:
    assert MAY.keys() == set(T)
    assert REACHES.keys() == TASK_STEPS.keys()


@pytest.mark.parametrize(("status", "verb"), [(s, v) for s, v in EVERY_PAIR if v in MAY[s]])
def test_a_task_moves_forward(status: TaskStatus, verb: str) -> None:
    task = a_task(status=status)

    told = tasks.step(task, verb, at=NOON)

    assert task.status is REACHES[verb]
    assert told.before == {"task_id": "task_1", "title": "task_1", "status": status.value}
    assert told.after == {"task_id": "task_1", "title": "task_1", "status": REACHES[verb].value}


@pytest.mark.parametrize(("status", "verb"), [(s, v) for s, v in EVERY_PAIR if v not in MAY[s]])
def test_a_task_never_moves_back_and_a_closed_one_not_at_all(status: TaskStatus, verb: str) -> None:
    task = a_task(status=status, accepted_at=EARLIER, completed_at=EARLIER)

    with pytest.raises(refusals.TaskClosed, match=status.value):
        tasks.step(task, verb, at=NOON)

    assert task == a_task(status=status, accepted_at=EARLIER, completed_at=EARLIER)


def test_accepting_and_finishing_stamp_their_moment() -> None:
    task = a_task()

    tasks.step(task, "accept", at=EARLIER)
    tasks.step(task, "finish", at=NOON)

    assert (task.accepted_at, task.completed_at) == (EARLIER, NOON)


@pytest.mark.parametrize(
    ("run", "refusal"),
    [
        (a_sent_run(), refusals.RunNotAccepted),
        (a_sent_run(Status.AWAITING_REASSIGNMENT), refusals.WrongState),
        (a_completed_run(), refusals.WrongState),
        (a_sent_run(Status.CANCELLED), refusals.WrongState),
        (a_run_in_progress(work_order_id="wo_2"), refusals.TaskOfOldWorkOrder),
    ],
    ids=["not accepted", "declined", "completed", "cancelled", "old work order"],
)
def test_a_task_is_closed_to_work_while_its_run_is_not_in_the_partners_hands(
    run: Run, refusal: type[Exception]
) -> None:
    with pytest.raises(refusal):
        tasks.open_to_work(run, a_task())


@pytest.mark.parametrize("how_far", ["accepted", "started", "finished"])
def test_a_task_is_open_to_work_once_the_run_is_accepted(how_far: str) -> None:
    tasks.open_to_work(a_run_in_progress(how_far), a_task())


def test_the_last_subtask_completes_its_parent_and_no_earlier_one_does() -> None:
    parent = a_task("sew")
    family = [parent, a_task("left", parent_task_id="sew"), a_task("right", parent_task_id="sew")]

    first = tasks.finish(family[1], family, at=NOON)
    assert statuses(family) == ["assigned", "completed", "assigned"]
    last = tasks.finish(family[2], family, at=NOON)

    assert statuses(family) == ["completed"] * 3
    assert [len(first), len(last)] == [1, 2]


def test_a_cancelled_subtask_does_not_hold_its_parent_open() -> None:
    family = [a_task("sew"), a_task("left", parent_task_id="sew"), a_task("right", T.CANCELLED, parent_task_id="sew")]

    tasks.finish(family[1], family, at=NOON)

    assert statuses(family) == ["completed", "completed", "cancelled"]


def test_finishing_a_parent_completes_its_open_subtasks_however_deep() -> None:
    family = [
        a_task("sew"),
        a_task("left", T.COMPLETED, parent_task_id="sew", completed_at=EARLIER),
        a_task("right", parent_task_id="sew"),
        a_task("cuff", T.ACCEPTED, parent_task_id="right"),
        a_task("pack"),
    ]

    told = tasks.finish(family[0], family, at=NOON)

    assert statuses(family) == ["completed"] * 4 + ["assigned"]
    assert family[1].completed_at == EARLIER
    assert len(told) == 3


def test_the_last_leaf_completes_every_level_above_it() -> None:
    family = [a_task("sew"), a_task("right", parent_task_id="sew"), a_task("cuff", parent_task_id="right")]

    told = tasks.finish(family[2], family, at=NOON)

    assert statuses(family) == ["completed"] * 3
    assert all(isinstance(event, events.TaskCompleted) for event in told)


@given(
    parents=st.lists(st.integers(0, 5), min_size=1, max_size=8),
    order=st.permutations(range(9)),
)
def test_in_any_tree_finished_in_any_order_a_closed_parent_never_has_an_open_subtask(
    parents: list[int], order: list[int]
) -> None:
    family = [a_task("t0")]
    for place, above in enumerate(parents, start=1):
        family.append(a_task(f"t{place}", parent_task_id=f"t{above % place}"))
    by_id = {task.id: task for task in family}

    told = []
    for place in order:
        task = by_id.get(f"t{place}")
        if task and not task.is_closed:
            told += tasks.finish(task, family, at=NOON)
        for child in family:
            if child.parent_task_id and by_id[child.parent_task_id].is_closed:
                assert child.is_closed

    assert statuses(family) == ["completed"] * len(family)
    assert len(told) == len(family)


def test_only_the_current_work_orders_tasks_count_and_cancelled_ones_do_not() -> None:
    run = a_run_in_progress()
    everything = [a_task("new"), a_task("old", work_order_id="wo_0"), a_task("ended", T.CANCELLED), a_redo_task("mend")]

    assert [task.id for task in tasks.counted(everything, run)] == ["new", "mend"]


@pytest.mark.parametrize(
    ("everything", "done"),
    [
        ([], False),
        ([a_task("a", T.CANCELLED)], False),
        ([a_task("a", T.COMPLETED)], True),
        ([a_task("a", T.COMPLETED), a_task("b", T.IN_PROGRESS)], False),
        ([a_task("a", T.COMPLETED), a_task("b", T.CANCELLED)], True),
        ([a_task("a", T.COMPLETED), a_redo_task()], False),
        ([a_task("a", T.COMPLETED), a_task("old", work_order_id="wo_0")], True),
    ],
    ids=["no task", "all cancelled", "one done", "one open", "rest cancelled", "rework open", "old one open"],
)
def test_all_is_done_when_every_counted_task_is_and_there_is_one(everything: list[Task], done: bool) -> None:
    assert tasks.all_done(everything, a_run_in_progress()) is done


def test_open_rework_is_named_by_its_titles_and_old_or_closed_rework_is_not() -> None:
    everything = [
        a_redo_task("mend"),
        a_redo_task("dye", T.COMPLETED),
        a_redo_task("press", T.CANCELLED),
        a_redo_task("old", work_order_id="wo_0"),
        a_task("weave"),
        a_redo_task("wash", T.ACCEPTED),
    ]

    assert tasks.open_redo(everything, a_run_in_progress()) == ("mend", "wash")


def test_closing_the_open_work_leaves_rework_and_old_work_orders_alone() -> None:
    everything = [a_task("weave"), a_redo_task("mend"), a_task("old", work_order_id="wo_0"), a_task("cut", T.COMPLETED)]

    told = tasks.close_open_work(everything, a_run_in_progress(), at=NOON)

    assert statuses(everything) == ["completed", "assigned", "assigned", "completed"]
    assert [event.after["task_id"] for event in told if event.after] == ["weave"]


def test_cancelling_ends_every_open_task_and_keeps_what_was_completed() -> None:
    everything = [a_task("weave"), a_redo_task("mend"), a_task("cut", T.COMPLETED), a_task("pack", T.CANCELLED)]

    told = tasks.cancel_open(everything, at=NOON)

    assert statuses(everything) == ["cancelled", "cancelled", "completed", "cancelled"]
    assert len(told) == 2


def test_rework_is_counted_in_rounds_of_the_current_work_order() -> None:
    run = a_run_in_progress()

    assert tasks.next_round([], run) == 0
    assert tasks.next_round([a_task(round=0)], run) == 1
    assert tasks.next_round([a_task(round=0), a_redo_task(round=1), a_redo_task(round=2)], run) == 3
    assert tasks.next_round([a_task(round=0), a_redo_task(round=7, work_order_id="wo_0")], run) == 1


def test_a_task_is_work_or_redo_and_nothing_else() -> None:
    assert {kind.value for kind in TaskKind} == {"work", "redo"}
