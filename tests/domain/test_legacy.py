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
from shared.intake.legacy import assignments
from shared.intake.legacy import rows as old
from shared.intake.legacy.takeover import Takeover
from shared.intake.legacy.verdicts import Known, Outcome, Verdict
from shared.runtime import ids
from tests.domain.builders import a_run

NOW = datetime(2026, 6, 1, tzinfo=UTC)
TASK = {"kind": "assignment", "id": "t_1", "workflow_type": "partner_design_assignment", "transaction_id": "tx_1"}


def judged(
    *rows: dict[str, Any], records: dict[tuple[str, str], tuple[str, str | None]] | None = None
) -> dict[str, Verdict]:
    """records: what earlier imports made of rows."""
    read = [old.read(msgspec.json.encode(row).decode(), place=f"line {n}") for n, row in enumerate(rows)]
    known = Known(partners={}, designs={}, items={}, location_ids=set(), records=records or {}, runs={})
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
    assert set(assignments.STEPS) == set(PartnerStatus)


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


def test_what_a_design_says_is_said_of_its_latest_assignment() -> None:
    design = {"kind": "design", "id": "d_1", "metadata": {"partner_id": "p_1", "partner_status": "in_progress"}}
    first = {**TASK, "design_id": "d_1", "status": "completed", "created_at": "2024-01-01T00:00:00"}
    again = {**TASK, "id": "t_2", "transaction_id": "tx_2", "design_id": "d_1", "created_at": "2024-02-01T00:00:00"}

    found = judged({"kind": "partner", "id": "p_1"}, design, again, first)

    assert found["t_1"].reason == "completed became completed"
    assert found["t_2"].reason == "in_progress became in_progress"


def test_a_design_that_names_its_partner_in_no_words_leaves_it_to_the_link() -> None:
    link = {"kind": "design_partner", "design_id": "d_1", "partner_id": "p_1"}
    design = {"kind": "design", "id": "d_1", "metadata": {"partner_id": ["p_2"]}}

    found = judged({"kind": "partner", "id": "p_1"}, design, link, {**TASK, "design_id": "d_1"})

    assert found["t_1"].outcome is Outcome.IMPORTED


@pytest.mark.parametrize(("status", "has_redo"), [("pending", True), ("accepted", True), ("completed", False)])
def test_without_a_state_open_tasks_of_a_redo_are_open_rework(status: str, has_redo: bool) -> None:
    design = {"kind": "design", "id": "d_1", "metadata": {"partner_id": "p_1"}}
    start = {**TASK, "title": "partner-design-start", "status": "completed", "design_id": "d_1"}
    redo = {**TASK, "id": "t_2", "title": "partner-design-redo-log", "status": status, "parent_task_id": "t_1"}
    finish = {**TASK, "id": "t_3", "title": "partner-design-finish", "status": "pending"}

    taken = judged({"kind": "partner", "id": "p_1"}, design, start, redo, finish)["t_1"].taken

    assert taken is not None
    assert any(task.kind is TaskKind.REDO for task in taken.tasks) is has_redo


@pytest.mark.parametrize("state", assignments.STEPS)
def test_a_design_whose_tasks_are_gone_says_enough_of_its_assignment(state: str) -> None:
    design = {"kind": "design", "id": "d_1", "metadata": {"partner_id": "p_1", "partner_status": state}}

    verdict = judged({"kind": "partner", "id": "p_1"}, design)["d_1"]

    assert verdict.taken is not None
    assert verdict.reason.startswith(f"made; {state} became {verdict.taken.run.status}")
    assert set(verdict.makes) == {"design", "design_partner"}


@pytest.mark.parametrize(
    ("told", "why"),
    [
        ({"partner_id": "p_9"}, "there is no partner 'p_9' here"),
        ({}, "it names no partner"),
        ({"partner_id": "p_1", "partner_status": "lost"}, "'lost' is not a state"),
    ],
)
def test_a_design_whose_assignment_cannot_be_taken_over_is_made_and_says_why(told: dict[str, Any], why: str) -> None:
    design = {"kind": "design", "id": "d_1", "metadata": {"partner_status": "assigned", **told}}

    verdict = judged({"kind": "partner", "id": "p_1"}, design)["d_1"]

    assert (verdict.outcome, verdict.taken) == (Outcome.IMPORTED, None)
    assert verdict.reason.startswith(f"made; its assignment is not taken over: {why}")


@pytest.mark.parametrize("place", [("assignment", "t_2"), ("design", "d_1")])
def test_a_task_that_comes_later_joins_the_run_that_is_here(place: tuple[str, str]) -> None:
    design = {"kind": "design", "id": "d_1", "metadata": {"partner_id": "p_1", "partner_status": "assigned"}}
    tasks = [{**TASK, "id": f"t_{n}", "design_id": "d_1"} for n in (1, 2)]

    found = judged({"kind": "partner", "id": "p_1"}, design, *tasks, records={place: ("imported", "run_1")})

    assert (found["t_1"].outcome, found["t_1"].run_id) == (Outcome.JOINED, "run_1")


def test_tasks_of_other_workflows_are_ignored_with_the_reason() -> None:
    found = judged({"kind": "assignment", "id": "t_1"}, {**TASK, "id": "t_2", "workflow_type": "cleaning"})

    assert {verdict.outcome for verdict in found.values()} == {Outcome.IGNORED}


def test_a_log_without_a_run_is_refused() -> None:
    log = {"kind": "consumption_log", "id": "c_1", "design_id": "d_9", "quantity": 2.5, "inventory_item_id": "i_1"}

    assert judged(log)["c_1"].reason == "no run was taken over for the design 'd_9', so nothing used it"
