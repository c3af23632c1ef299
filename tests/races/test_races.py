"""What must happen once, raced: two or ten actors let go at the same instant, fifty rounds each, exactly one effect and one event."""

import threading
from collections import Counter
from collections.abc import Callable, Sequence

import pytest

from shared.domain import commands
from shared.domain.commands import Command
from tests.workshop import TestBench

ROUNDS = 50


def race(workshop: TestBench, message_ids: Sequence[str]) -> None:
    """Carry the deliveries of these messages out at the same time, whatever their lane's order; then all that follows."""
    rows = workshop.rows("SELECT id FROM delivery WHERE message_id = ANY(:ids)", ids=list(message_ids))
    together(workshop, [lambda delivery=row["id"]: workshop.workshop.carry_out(delivery) for row in rows])
    workshop.pump()


def together(workshop: TestBench, acts: Sequence[Callable[[], None]]) -> None:
    """Let every act go at one instant in a thread of its own. Raises what any of them raised."""
    barrier = threading.Barrier(len(acts))

    def go(act: Callable[[], None]) -> None:
        barrier.wait(timeout=30)
        act()

    for ended in [workshop.hands.submit(go, act) for act in acts]:
        ended.result(timeout=60)


def states(workshop: TestBench, message_ids: Sequence[str]) -> Counter[str]:
    return Counter(workshop.answer(message_id).state.value for message_id in message_ids)


@pytest.fixture
def sent(workshop: TestBench) -> Callable[[], str]:
    """Makes sent runs of one partner with two tasks, one after the other; returns the child's id."""
    partner = workshop.a_partner("weaver")
    design = workshop.a_design()
    workshop.a_template("warp", position=0)
    workshop.a_template("weft", position=1)
    share = commands.Assignment(partner_id=partner, template_names=["warp", "weft"])

    def make() -> str:
        run = workshop.a_run(design)
        children = workshop.done(commands.ApproveRun(assignments=[share]), run_id=run)["children"]
        return str(children[0])

    return make


def accepted(workshop: TestBench, child: str, *more: Command) -> str:
    for command in (commands.AcceptRun(), *more):
        workshop.done(command, run_id=child, tenant="ptnr_weaver")
    return child


def assert_closed_once(workshop: TestBench, child: str) -> None:
    run = workshop.run(child)
    assert run["status"] == "completed"
    assert workshop.events(child).count("production_run.completed") == 1
    parent = workshop.run(run["parent_run_id"])
    assert parent["status"] == "completed"
    assert workshop.events(parent["id"]).count("production_run.completed") == 1
    assert workshop.errors() == []


def test_two_tasks_finishing_at_once_complete_the_run_once(workshop: TestBench, sent: Callable[[], str]) -> None:
    for _ in range(ROUNDS):
        child = accepted(workshop, sent())

        race(
            workshop,
            [
                workshop.post(commands.FinishTask(task_id=task["id"]), run_id=child, tenant="ptnr_weaver")
                for task in workshop.tasks(child)
            ],
        )

        assert_closed_once(workshop, child)


def test_the_last_task_and_complete_at_once_settle_the_run_once(workshop: TestBench, sent: Callable[[], str]) -> None:
    for _ in range(ROUNDS):
        child = accepted(workshop, sent(), commands.StartRun())
        first, last = workshop.tasks(child)
        workshop.done(commands.FinishTask(task_id=first["id"]), run_id=child, tenant="ptnr_weaver")

        race(
            workshop,
            [
                workshop.post(commands.FinishTask(task_id=last["id"]), run_id=child, tenant="ptnr_weaver"),
                workshop.post(commands.FinishRun(), run_id=child, tenant="ptnr_weaver"),
                workshop.post(commands.CompleteRun(), run_id=child, tenant="ptnr_weaver"),
            ],
        )
        if workshop.run(child)["status"] == "in_progress":
            # Complete came before finish and was refused; finish then closed the tasks.
            workshop.done(commands.CompleteRun(), run_id=child, tenant="ptnr_weaver")

        assert_closed_once(workshop, child)
        assert workshop.events(child).count("production_run.finished") <= 1


def test_two_parts_closing_at_once_close_their_parent_once(workshop: TestBench) -> None:
    partner = workshop.a_partner("weaver")
    design = workshop.a_design()
    workshop.a_template("weave")
    share = commands.Assignment(partner_id=partner, template_names=["weave"])
    for _ in range(ROUNDS):
        parent = workshop.a_run(design)
        parts = workshop.done(commands.ApproveRun(assignments=[share, share]), run_id=parent)["children"]
        for part in parts:
            accepted(workshop, part, commands.StartRun(), commands.FinishRun())

        race(workshop, [workshop.post(commands.CompleteRun(), run_id=part, tenant=partner) for part in parts])
        # The two cascades are raced as well: both parts' completions are judged at the same time.

        assert workshop.run(parent)["status"] == "completed"
        assert workshop.events(parent).count("production_run.completed") == 1
        assert workshop.run(parent)["produced_quantity"] == 8
    assert workshop.errors() == []


def test_two_cascades_at_once_close_the_parent_once(workshop: TestBench) -> None:
    partner = workshop.a_partner("weaver")
    design = workshop.a_design()
    workshop.a_template("weave")
    share = commands.Assignment(partner_id=partner, template_names=["weave"])
    for _ in range(ROUNDS):
        parent = workshop.a_run(design)
        parts = workshop.done(commands.ApproveRun(assignments=[share, share]), run_id=parent)["children"]
        for part in parts:
            accepted(workshop, part, commands.StartRun(), commands.FinishRun())
        asked = [workshop.post(commands.CompleteRun(), run_id=part, tenant=partner) for part in parts]
        for delivery in workshop.rows("SELECT id FROM delivery WHERE message_id = ANY(:ids)", ids=asked):
            workshop.workshop.carry_out(delivery["id"])

        waiting = workshop.rows("SELECT id FROM delivery WHERE state = 'pending' AND actor = 'follow_family'")
        together(workshop, [lambda delivery=row["id"]: workshop.workshop.carry_out(delivery) for row in waiting])
        workshop.pump()

        assert len(waiting) == 2
        assert workshop.events(parent).count("production_run.completed") == 1
    assert workshop.errors() == []


def test_ten_copies_of_one_order_make_each_run_once(workshop: TestBench) -> None:
    workshop.a_product("prod_1", design_id=workshop.a_design())
    for round_ in range(ROUNDS):
        order = workshop.an_order(f"order_{round_}", ("line_1", "prod_1"), ("line_2", "prod_1"), ("line_3", "prod_x"))

        race(workshop, [workshop.post(order) for _ in range(10)])

        runs = workshop.rows("SELECT id FROM production_run WHERE order_id = :order", order=order.order.id)
        assert len(runs) == 2
        assert [workshop.events(run["id"]) for run in runs] == [["production_run.created"]] * 2
        assert workshop.value("SELECT count(*) FROM order_line WHERE order_id = :order", order=order.order.id) == 3
    assert workshop.errors() == []


def test_two_starts_at_once_start_once_and_refuse_once(workshop: TestBench, sent: Callable[[], str]) -> None:
    for _ in range(ROUNDS):
        child = accepted(workshop, sent())

        asked = [workshop.post(commands.StartRun(), run_id=child, tenant="ptnr_weaver") for _ in range(2)]
        race(workshop, asked)

        assert states(workshop, asked) == {"done": 1, "refused": 1}
        assert workshop.events(child).count("production_run.started") == 1
    assert workshop.errors() == []


def test_one_delivery_handed_out_ten_times_has_one_effect(workshop: TestBench, sent: Callable[[], str]) -> None:
    for _ in range(ROUNDS):
        child = sent()
        asked = workshop.post(commands.AcceptRun(), run_id=child, tenant="ptnr_weaver")
        (delivery,) = workshop.claim()

        together(workshop, [lambda delivery=delivery: workshop.workshop.carry_out(delivery)] * 10)
        workshop.pump()

        assert states(workshop, [asked]) == {"done": 1}
        assert workshop.events(child).count("production_run.accepted") == 1


def test_rework_added_while_the_last_task_finishes_is_never_left_behind(
    workshop: TestBench, sent: Callable[[], str]
) -> None:
    workshop.a_template("mend", kind="redo")
    for _ in range(ROUNDS):
        child = accepted(workshop, sent())
        first, last = workshop.tasks(child)
        workshop.done(commands.FinishTask(task_id=first["id"]), run_id=child, tenant="ptnr_weaver")

        race(
            workshop,
            [
                workshop.post(commands.FinishTask(task_id=last["id"]), run_id=child, tenant="ptnr_weaver"),
                workshop.post(commands.AddTasks(template_names=["mend"]), run_id=child),
            ],
        )

        still_open = [task for task in workshop.tasks(child) if task["status"] not in ("completed", "cancelled")]
        if workshop.run(child)["status"] == "completed":
            assert still_open == []
        else:
            assert [task["title"] for task in still_open] == ["mend"]


def test_two_approvals_at_once_split_the_run_once(workshop: TestBench) -> None:
    partner = workshop.a_partner("weaver")
    design = workshop.a_design()
    share = commands.Assignment(partner_id=partner)
    for _ in range(ROUNDS):
        run = workshop.a_run(design)

        asked = [workshop.post(commands.ApproveRun(assignments=[share]), run_id=run) for _ in range(2)]
        race(workshop, asked)

        assert states(workshop, asked) == {"done": 1, "refused": 1}
        assert workshop.value("SELECT count(*) FROM production_run WHERE parent_run_id = :run", run=run) == 1


def test_cancel_and_complete_at_once_end_the_run_one_way(workshop: TestBench, sent: Callable[[], str]) -> None:
    for _ in range(ROUNDS):
        child = accepted(workshop, sent(), commands.StartRun(), commands.FinishRun())
        parent = workshop.run(child)["parent_run_id"]

        asked = [
            workshop.post(commands.CancelRun(reason="changed my mind"), run_id=parent),
            workshop.post(commands.CompleteRun(), run_id=child, tenant="ptnr_weaver"),
        ]
        race(workshop, asked)

        ended = {workshop.run(child)["status"], workshop.run(parent)["status"]}
        assert ended in ({"completed"}, {"cancelled"}, {"completed", "cancelled"})
        terminal = [
            kind for kind in workshop.events(child) if kind.endswith((".completed", ".cancelled")) and "run" in kind
        ]
        assert len(terminal) == 1
    assert workshop.errors() == []
