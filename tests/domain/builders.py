"""Makers of runs, tasks, templates and family members for the tests of the rules; every default is the plainest thing."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from shared.domain.allocation import Assignment
from shared.domain.cascade import Member
from shared.domain.runs import DispatchState, Run, Status
from shared.domain.tasks import Task, TaskKind, TaskStatus, Template

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
EARLIER = datetime(2026, 3, 1, 9, tzinfo=UTC)

STAMPS = {
    "accepted": ("accepted_at",),
    "started": ("accepted_at", "started_at"),
    "finished": ("accepted_at", "started_at", "finished_at"),
}
"""The stamps of a run in progress, by how far it is."""


def a_run(status: Status = Status.PENDING_REVIEW, **more: Any) -> Run:
    return Run(**{"id": "run_1", "status": status, "quantity": Decimal(4), "design_id": "dsgn_1", **more})


def an_approved_run(**more: Any) -> Run:
    return a_run(Status.APPROVED, **{"partner_id": "ptnr_1", **more})


def a_waiting_run(**more: Any) -> Run:
    """Its dispatch is open and wants templates."""
    return an_approved_run(
        **{
            "dispatch_state": DispatchState.AWAITING_TEMPLATES,
            "dispatch_id": "disp_1",
            "dispatch_started_at": EARLIER,
            **more,
        }
    )


def a_sent_run(status: Status = Status.SENT_TO_PARTNER, **more: Any) -> Run:
    return a_run(
        status,
        **{
            "partner_id": "ptnr_1",
            "dispatch_state": DispatchState.COMPLETED,
            "dispatch_id": "disp_1",
            "dispatch_started_at": EARLIER,
            "dispatch_completed_at": EARLIER,
            "work_order_id": "wo_1",
            **more,
        },
    )


def a_run_in_progress(how_far: str = "accepted", **more: Any) -> Run:
    """how_far: accepted, started or finished."""
    return a_sent_run(Status.IN_PROGRESS, **{**dict.fromkeys(STAMPS[how_far], EARLIER), **more})


def a_completed_run(**more: Any) -> Run:
    stamps = dict.fromkeys((*STAMPS["finished"], "completed_at"), EARLIER)
    return a_sent_run(Status.COMPLETED, **{**stamps, **more})


def a_task(task_id: str = "task_1", status: TaskStatus = TaskStatus.ASSIGNED, **more: Any) -> Task:
    return Task(**{"id": task_id, "title": task_id, "status": status, "work_order_id": "wo_1", **more})


def a_redo_task(task_id: str = "mend", status: TaskStatus = TaskStatus.ASSIGNED, **more: Any) -> Task:
    return a_task(task_id, status, kind=TaskKind.REDO, **more)


def a_template(name: str, **more: Any) -> Template:
    return Template(**{"id": f"tmpl_{name}", "name": name, **more})


def a_share(partner_id: str = "ptnr_1", **more: Any) -> Assignment:
    return Assignment(partner_id=partner_id, **more)


def a_member(member_id: str = "run_a", status: Status = Status.APPROVED, **more: Any) -> Member:
    defaults: dict[str, Any] = {
        "stage": None,
        "partner_id": "ptnr_1",
        "dispatch_state": DispatchState.IDLE,
        "dispatch_round": 0,
        "carries_choice": False,
        "child_count": 0,
        "is_held": False,
        "produced_quantity": None,
        "rejected_quantity": None,
        "short_quantity": None,
        "depends_on": (),
    }
    return Member(id=member_id, status=status, **{**defaults, **more})
