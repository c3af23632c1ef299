"""The one word a run's status and stamps are read as."""

import pytest

from shared.domain import runs
from shared.domain.runs import OPEN, STATUS_SENTENCES, TERMINAL, Phase, Run, Status
from tests.domain.builders import a_completed_run, a_run, a_run_in_progress, a_sent_run, an_approved_run

PHASES = [
    (a_run(Status.DRAFT), Phase.REVIEW),
    (a_run(Status.PENDING_REVIEW), Phase.REVIEW),
    (an_approved_run(), Phase.APPROVED),
    (a_sent_run(), Phase.ASSIGNED),
    (a_run_in_progress("accepted"), Phase.ACCEPTED),
    (a_run_in_progress("started"), Phase.STARTED),
    (a_run_in_progress("finished"), Phase.FINISHED),
    (a_run(Status.AWAITING_REASSIGNMENT), Phase.AWAITING_REASSIGNMENT),
    (a_completed_run(), Phase.COMPLETED),
    (a_run(Status.CANCELLED), Phase.CANCELLED),
]


@pytest.mark.parametrize(("run", "phase"), PHASES, ids=[phase.value for _, phase in PHASES])
def test_status_and_stamps_are_one_phase(run: Run, phase: Phase) -> None:
    assert runs.phase(run) is phase


def test_every_status_has_a_phase_and_every_phase_can_be_reached() -> None:
    assert {run.status for run, _ in PHASES} == set(Status)
    assert {phase for _, phase in PHASES} == set(Phase)


def test_a_container_in_progress_without_stamps_reads_as_accepted() -> None:
    assert runs.phase(a_run(Status.IN_PROGRESS, child_count=2)) is Phase.ACCEPTED


def test_every_status_has_its_sentence_and_is_either_open_or_ended() -> None:
    assert STATUS_SENTENCES.keys() == set(Status)
    assert {*OPEN, *TERMINAL} == set(Status)
    assert not {*OPEN} & TERMINAL
    assert {Status.COMPLETED, Status.CANCELLED} == TERMINAL


@pytest.mark.parametrize(
    "choice",
    [
        {"dispatch_template_names": ["weave"]},
        {"dispatch_template_ids": ["tmpl_1"]},
        {"dispatch_template_category": "loom"},
    ],
)
def test_a_run_carries_a_choice_when_its_approver_named_templates_in_any_way(choice: dict[str, object]) -> None:
    assert an_approved_run(**choice).carries_choice
    assert not an_approved_run().carries_choice
    assert not an_approved_run(dispatch_template_names=[]).carries_choice
