"""Steps that many roads share: a family split among partners, a run taken through its milestones or its tasks, time passing."""

from datetime import timedelta
from typing import Any

from services.workers import sweeps
from shared.domain import commands
from shared.domain.commands import Assignment, Command
from shared.domain.events import EVENTS
from shared.runtime import clock
from tests.workshop import TestBench


def take(workshop: TestBench, run_id: str, *asked: Command) -> dict[str, Any]:
    """Its partner asks for one step after the other, and each is done; returns the last result."""
    result: dict[str, Any] = {}
    for command in asked:
        result = workshop.done(command, run_id=run_id, tenant=workshop.run(run_id)["partner_id"])
    return result


def complete_by_milestones(workshop: TestBench, run_id: str) -> None:
    take(workshop, run_id, commands.AcceptRun(), commands.StartRun(), commands.FinishRun(), commands.CompleteRun())


def complete_by_admin(workshop: TestBench, run_id: str) -> None:
    """On the partner's behalf."""
    for command in (commands.AcceptRun(), commands.StartRun(), commands.FinishRun(), commands.CompleteRun()):
        workshop.done(command, run_id=run_id)


def complete_by_tasks(workshop: TestBench, run_id: str) -> None:
    take(workshop, run_id, commands.AcceptRun())
    for task in open_tasks(workshop, run_id):
        take(workshop, run_id, commands.FinishTask(task_id=task["id"]))


def open_tasks(workshop: TestBench, run_id: str) -> list[Any]:
    """The tasks of its current work order that are still to be done."""
    current = workshop.run(run_id)["work_order_id"]
    return [
        task
        for task in workshop.tasks(run_id)
        if task["work_order_id"] == current and task["status"] not in ("completed", "cancelled")
    ]


def task_events(workshop: TestBench, run_id: str) -> list[str]:
    """What happened to its tasks, in order; not what was asked."""
    return [kind for kind in workshop.events(run_id, "task.%") if kind in EVENTS]


def status(workshop: TestBench, *run_ids: str) -> list[str]:
    return [workshop.run(run_id)["status"] for run_id in run_ids]


def a_share(workshop: TestBench, partner: str, **more: Any) -> Assignment:
    """A share of a partner by name, made if new."""
    known = workshop.value("SELECT id FROM partner WHERE name = :name", name=partner)
    return Assignment(partner_id=known or workshop.a_partner(partner), **more)


def a_family(workshop: TestBench, *shares: Assignment, quantity: str = "4") -> tuple[str, list[str]]:
    """A run of a new design that is approved and split; returns the parent and its children."""
    design = workshop.a_design(f"design_{workshop.value('SELECT count(*) FROM design')}")
    parent = workshop.a_run(design, quantity=quantity)
    approved = workshop.done(commands.ApproveRun(assignments=list(shares)), run_id=parent)
    return parent, [str(child) for child in approved["children"]]


def sweep(workshop: TestBench, **later: float) -> int:
    """So much time has passed: ask for what is due then, and carry it out. Returns how many waits lapsed."""
    with workshop.engine.begin() as connection:
        asked = sweeps.lapse_gates(connection, at=clock.now() + timedelta(**later))
    workshop.pump()
    return asked


def set_policy(workshop: TestBench, config: str) -> None:
    """The house's policy, as JSON."""
    workshop.change(
        "INSERT INTO policy (id, config) VALUES (1, CAST(:config AS jsonb)) ON CONFLICT (id) DO UPDATE SET config = excluded.config",
        config=config,
    )


def repair_sweep(workshop: TestBench, **later: float) -> int:
    """So much time has passed: ask for the repair of families out of step. Returns how many were asked for."""
    with workshop.engine.begin() as connection:
        asked = sweeps.repair_families(connection, at=clock.now() + timedelta(**later))
    workshop.pump()
    return asked
