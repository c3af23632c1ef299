"""The hot path is lean: how many round trips and commits a milestone command may cost, counted, not timed."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import sqlalchemy
from sqlalchemy import event

from shared.domain import commands
from shared.domain.commands import Command
from tests.workshop import TestBench

ROUND_TRIPS = 6
"""The most a milestone command may take: begin, lock, read, write, commit and one to spare."""


class Count:
    """Statements sent and commits made, as seen by the driver; BEGIN is counted as the round trip it is."""

    def __init__(self) -> None:
        self.statements: list[str] = []
        self.commits = 0

    @property
    def round_trips(self) -> int:
        begins = self.commits
        return len(self.statements) + begins + self.commits


@contextmanager
def counting() -> Iterator[Count]:
    count = Count()

    def sent(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        count.statements.append(statement)

    def committed(_connection: Any) -> None:
        count.commits += 1

    event.listen(sqlalchemy.Engine, "before_cursor_execute", sent)
    event.listen(sqlalchemy.Engine, "commit", committed)
    try:
        yield count
    finally:
        event.remove(sqlalchemy.Engine, "before_cursor_execute", sent)
        event.remove(sqlalchemy.Engine, "commit", committed)


@pytest.fixture
def workshop(database: str) -> Iterator[TestBench]:
    bench = TestBench(database)
    yield bench
    bench.close()


MILESTONES: tuple[tuple[str, Command], ...] = (
    ("accept", commands.AcceptRun()),
    ("start", commands.StartRun()),
    ("finish", commands.FinishRun()),
    ("complete", commands.CompleteRun()),
)


def test_every_milestone_command_stays_within_its_round_trips_and_one_commit(workshop: TestBench) -> None:
    child = workshop.a_sent_run(templates=4)
    tenant = workshop.run(child)["partner_id"]

    for name, command in MILESTONES:
        count = carry_out(workshop, command, run_id=child, tenant=tenant)

        assert count.commits == 1, name
        assert count.round_trips <= ROUND_TRIPS, (name, count.statements)


def test_finishing_a_task_stays_within_the_same_round_trips(workshop: TestBench) -> None:
    child = workshop.a_sent_run(templates=2)
    tenant = workshop.run(child)["partner_id"]
    workshop.done(commands.AcceptRun(), run_id=child, tenant=tenant)

    for task in workshop.tasks(child):
        count = carry_out(workshop, commands.FinishTask(task_id=task["id"]), run_id=child, tenant=tenant)

        assert count.commits == 1
        assert count.round_trips <= ROUND_TRIPS, count.statements


def test_the_cost_of_a_milestone_does_not_grow_with_the_family(workshop: TestBench) -> None:
    partner = workshop.a_partner("weaver")
    design = workshop.a_design()
    workshop.a_template("weave")
    share = commands.Assignment(partner_id=partner, template_names=["weave"])
    parent = workshop.a_run(design)
    children = workshop.done(commands.ApproveRun(assignments=[share] * 40), run_id=parent)["children"]

    count = carry_out(workshop, commands.AcceptRun(), run_id=children[0], tenant=partner)

    assert count.round_trips <= ROUND_TRIPS


def test_an_order_of_fifty_lines_costs_no_more_statements_than_one_of_two(workshop: TestBench) -> None:
    workshop.a_product("prod_1", design_id=workshop.a_design())
    costs = []
    for lines in (2, 50):
        order = workshop.an_order(f"order_{lines}", *((f"line_{n}", "prod_1") for n in range(lines)))
        costs.append(carry_out(workshop, order).round_trips)

    assert costs[0] == costs[1]


def carry_out(workshop: TestBench, command: Command, *, run_id: str | None = None, tenant: str | None = None) -> Count:
    """Count what the actor's side of one command costs; what follows from it is carried out uncounted."""
    message_id = workshop.post(command, run_id=run_id, tenant=tenant)
    (delivery,) = workshop.claim()
    with counting() as count:
        workshop.workshop.carry_out(delivery)
    workshop.pump()
    assert workshop.answer(message_id).state.value == "done", workshop.errors()
    return count
