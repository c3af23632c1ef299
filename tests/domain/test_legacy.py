"""The old words for a run, and what becomes of the old system's rows."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from shared.domain import legacy
from shared.domain.legacy import PartnerStatus
from shared.domain.policy import Policy
from shared.domain.runs import Phase, Status
from shared.domain.tasks import TaskKind, TaskStatus
from shared.intake import legacy as old
from shared.intake import takeover
from shared.intake.takeover import Known, Outcome, Takeover, Verdict
from shared.runtime import ids
from tests.domain.builders import a_run

NOW = datetime(2026, 6, 1, tzinfo=UTC)
TASK = {"kind": "assignment", "id": "t_1", "workflow_type": "partner_design_assignment", "transaction_id": "tx_1"}


def judged(*rows: dict[str, Any]) -> dict[str, Verdict]:
    read = [old.read(msgspec.json.encode(row).decode(), place=f"line {n}") for n, row in enumerate(rows)]
    known = Known(partners={}, designs={}, items={}, location_ids=set(), records={}, runs={})
    return {v.row.legacy_id: v for v in Takeover(read, known, new_id=ids.derived, at=NOW, policy=Policy()).verdicts()}


def an_assignment(**told: Any) -> Verdict:
    design = {"kind": "design", "id": "d_1", "metadata": {"partner_id": "p_1", **told}}
    return judged({"kind": "partner", "id": "p_1"}, design, {**TASK, "design_id": "d_1"})["t_1"]


def test_every_phase_has_its_old_word_or_none() -> None:
    assert set(legacy.STATUS_OF_PHASE) == set(Phase)


@pytest.mark.parametrize(
    ("phase", "word"), [(phase, word) for phase, word in legacy.STATUS_OF_PHASE.items() if word is None]
)
def test_what_the_old_flow_had_no_word_for_is_not_shown(phase: Phase, word: None) -> None:
    status = {Phase.REVIEW: Status.PENDING_REVIEW}.get(phase) or Status(phase.value)

    assert legacy.partner_info(a_run(status=status), has_open_redo=False) is word


@pytest.mark.parametrize(
    ("state", "status", "stamps"),
    [
        ("incoming", Status.SENT_TO_PARTNER, ()),
        ("assigned", Status.SENT_TO_PARTNER, ()),
        ("in_progress", Status.IN_PROGRESS, ("accepted_at", "started_at")),
        ("finished", Status.IN_PROGRESS, ("accepted_at", "started_at", "finished_at")),
        ("completed", Status.COMPLETED, ("accepted_at", "started_at", "finished_at", "completed_at")),
    ],
)
def test_every_old_state_has_its_place_in_the_lifecycle(state: str, status: Status, stamps: tuple[str, ...]) -> None:
    taken = an_assignment(partner_status=state).taken

    assert taken is not None
    run = taken.run
    assert run.status is status
    assert (
        tuple(name for name in ("accepted_at", "started_at", "finished_at", "completed_at") if getattr(run, name))
        == stamps
    )
    assert (run.waiting_until is None) is run.is_terminal


def test_the_table_holds_every_old_state() -> None:
    assert set(takeover.ASSIGNMENT_STEPS) == set(PartnerStatus)


def test_a_state_nobody_knows_is_refused_with_its_name() -> None:
    verdict = an_assignment(partner_status="teleported")

    assert verdict.outcome is Outcome.REFUSED
    assert "'teleported'" in verdict.reason


def test_stamps_follow_each_other_and_none_is_in_the_future() -> None:
    taken = an_assignment(
        partner_status="finished", partner_started_at="2025-03-02T00:00:00Z", partner_finished_at="2025-01-01T00:00:00"
    ).taken

    assert taken is not None
    run = taken.run
    assert run.started_at == run.finished_at == datetime(2025, 3, 2, tzinfo=UTC)
    assert [at for _, at in taken.told] == sorted(at for _, at in taken.told)
    late = an_assignment(partner_status="in_progress", partner_started_at="2999-01-01T00:00:00Z").taken
    assert late is not None
    assert late.run.started_at == NOW


def test_a_time_that_is_none_refuses_its_row() -> None:
    assert (
        an_assignment(partner_status="in_progress", partner_started_at="yesterday").reason
        == "'yesterday' is not a time"
    )


def test_waits_are_counted_from_the_import() -> None:
    taken = an_assignment(partner_status="finished", partner_finished_at="2020-01-01T00:00:00Z").taken

    assert taken is not None
    assert taken.run.waiting_until == NOW + timedelta(seconds=Policy().deadlines.complete)


def test_a_redo_under_way_is_open_rework() -> None:
    taken = an_assignment(partner_status="in_progress", partner_phase="redo").taken

    assert taken is not None
    open_redo = [task.title for task in taken.tasks if task.kind is TaskKind.REDO and not task.is_closed]
    assert tuple(open_redo) == legacy.REWORK


def test_finished_work_is_closed_and_begun_work_is_not() -> None:
    begun, finished = (an_assignment(partner_status=state).taken for state in ("in_progress", "finished"))

    assert begun is not None
    assert finished is not None
    assert {task.title: task.status for task in begun.tasks} == {
        "start": TaskStatus.COMPLETED,
        "redo": TaskStatus.ASSIGNED,
        "finish": TaskStatus.ASSIGNED,
        "completed": TaskStatus.ASSIGNED,
    }
    assert all(task.status is TaskStatus.COMPLETED for task in finished.tasks)


@pytest.mark.parametrize(
    ("statuses", "state"),
    [
        (("completed", "pending", "pending"), "in_progress"),
        (("completed", "completed", "pending"), "finished"),
        (("completed", "completed", "completed"), "completed"),
        (("accepted", "pending", "pending"), "in_progress"),
        (("pending", "assigned", "pending"), "assigned"),
    ],
)
def test_without_a_state_the_tasks_say_how_far_it_is(statuses: tuple[str, ...], state: str) -> None:
    names = ("start", "finish", "completed")
    tasks = [
        {**TASK, "id": f"t_{n}", "title": f"partner-design-{name}", "status": status, "design_id": "d_1"}
        for n, (name, status) in enumerate(zip(names, statuses, strict=True))
    ]
    design = {"kind": "design", "id": "d_1", "metadata": {"partner_id": "p_1"}}

    found = judged({"kind": "partner", "id": "p_1"}, design, *tasks)

    assert found["t_0"].reason.startswith(f"{state} became")
    assert [found[f"t_{n}"].outcome for n in range(3)] == [Outcome.IMPORTED, Outcome.JOINED, Outcome.JOINED]


def test_the_state_of_another_partners_assignment_is_not_taken() -> None:
    design = {"kind": "design", "id": "d_1", "metadata": {"partner_id": "p_2", "partner_status": "completed"}}
    task = {**TASK, "design_id": "d_1", "partner_id": "p_1", "status": "pending"}

    found = judged({"kind": "partner", "id": "p_1"}, {"kind": "partner", "id": "p_2"}, design, task)

    assert found["t_1"].reason == "assigned became sent_to_partner"


def test_tasks_of_other_workflows_are_ignored_with_the_reason() -> None:
    found = judged({"kind": "assignment", "id": "t_1"}, {**TASK, "id": "t_2", "workflow_type": "cleaning"})

    assert {verdict.outcome for verdict in found.values()} == {Outcome.IGNORED}


def test_a_log_without_a_run_is_refused() -> None:
    log = {"kind": "consumption_log", "id": "c_1", "design_id": "d_9", "quantity": 2.5, "inventory_item_id": "i_1"}

    assert judged(log)["c_1"].reason == "no run was taken over for the design 'd_9', so nothing used it"
