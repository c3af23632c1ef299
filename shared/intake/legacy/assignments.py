"""Assignments of the old flow, each a sample run of one piece: the tasks of one transaction, or what a design says of itself."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from shared.domain import legacy
from shared.domain.lifecycle import Verb
from shared.domain.runs import Run, RunType, Status
from shared.intake.legacy import journey, source
from shared.intake.legacy.catalogue import Catalogue
from shared.intake.legacy.journey import COMPLETED, FINISHED, STARTED, Journey
from shared.intake.legacy.register import Register
from shared.intake.legacy.rows import WORKFLOW, OldAssignment, OldDesign, Row, Unreadable, instant
from shared.intake.legacy.source import Source
from shared.intake.legacy.verdicts import SETTLED, Known, Outcome, Refused, Taken, Verdict

REDO = "redo"

STEPS: dict[str, tuple[Verb, ...]] = {
    "incoming": (),
    "assigned": (),
    "in_progress": STARTED,
    "finished": FINISHED,
    "completed": COMPLETED,
}
"""The old flow's states: the steps a run takes to get there. Any other state is refused."""


class Assignments:
    """Judges the tasks of the old workflow: the first one of an assignment brings the run, the others join it."""

    def __init__(
        self, source: Source, known: Known, *, catalogue: Catalogue, register: Register, journey: Journey
    ) -> None:
        self._source = source
        self._records = known.records
        self._catalogue = catalogue
        self._register = register
        self._journey = journey
        self._ended: dict[str, tuple[Outcome, str, str | None]] = {}

    def judge(self, row: Row, old: OldAssignment) -> Verdict:
        assignment = old.assignment
        if assignment is None:
            why = f"it is not of the workflow {WORKFLOW}" if old.transaction else "it has no transaction"
            return Verdict(row, Outcome.IGNORED, f"not an assignment of a design: {why}")
        if assignment not in self._ended:
            group = self._source.tasks_of(assignment)
            run_id = self._brought_before(assignment, group)
            if run_id is None:
                return self._lead(row, assignment, group)
            self._ended[assignment] = (Outcome.JOINED, "", run_id)
        outcome, why, run_id = self._ended[assignment]
        return Verdict(row, outcome, why or "a task of an assignment that another row brought", run_id)

    def of_design(self, made: Verdict, old: OldDesign) -> Verdict:
        """A design whose assignment left no tasks: what the design says of it is enough."""
        state = str(old.told.get("partner_status") or "")
        if not state or self._source.is_assigned(old.id):
            return made
        try:
            partner_id = self._catalogue.partner_of(old.told.get("partner_id"))
            taken = self._take(("design", old.id), partner_id, old.id, state, old.told, made_at=old.created_at)
        except (Refused, Unreadable) as why:
            made.reason = f"{made.reason}; its assignment is not taken over: {why}"
            return made
        brought = self._register.bring(made.row, taken, f"{made.reason}; {state} became {journey.standing(taken.run)}")
        brought.makes = {**made.makes, **brought.makes}
        return brought

    def _brought_before(self, assignment: str, group: Sequence[OldAssignment]) -> str | None:
        """The run that an earlier import made of the tasks, or of what their design said when they were not there."""
        places = [("assignment", old.id) for old in group]
        if self._source.is_latest(assignment):
            places.append(("design", self._source.design_of(group) or ""))
        found = (self._records[place] for place in places if place in self._records)
        return next((run_id for outcome, run_id in found if run_id and outcome in SETTLED), None)

    def _lead(self, row: Row, assignment: str, group: Sequence[OldAssignment]) -> Verdict:
        try:
            taken, state = self._assigned(assignment, group)
        except (Refused, Unreadable) as why:
            self._ended[assignment] = (Outcome.REFUSED, str(why), None)
            raise
        self._ended[assignment] = (Outcome.JOINED, "", taken.run.id)
        return self._register.bring(row, taken, f"{state} became {journey.standing(taken.run)}")

    def _assigned(self, assignment: str, group: Sequence[OldAssignment]) -> tuple[Taken, str]:
        design = self._catalogue.design_of(self._source.design_of(group))
        partner_id = self._catalogue.partner_of(self._source.partner_of(group))
        of_design = self._source.told_of(design.id)
        is_said_of_it = of_design.get("partner_id") in (None, partner_id) and self._source.is_latest(assignment)
        told = _told(group, of_design if is_said_of_it else {})
        state = str(told.get("partner_status") or state_of(group))
        taken = self._take(("assignment", assignment), partner_id, design.id, state, told, made_at=source.began(group))
        return taken, state

    def _take(
        self,
        key: tuple[str, str],
        partner_id: str,
        design_id: str,
        state: str,
        told: Mapping[str, Any],
        *,
        made_at: datetime | None,
    ) -> Taken:
        if state not in STEPS:
            raise Refused(f"{state!r} is not a state that can be carried on; known are {', '.join(STEPS)}")
        taken = self._journey.walk(
            key,
            _run(design_id, partner_id),
            self._catalogue.design_of(design_id),
            templates=[legacy.TEMPLATES[name] for name in legacy.SENT],
            steps=STEPS[state],
            stamps={verb: instant(told.get(name)) for verb, name in _STAMPS.items()},
            made_at=made_at,
        )
        if told.get("partner_phase") == REDO and not taken.run.is_terminal and taken.run.accepted_at:
            self._journey.open_rework(taken)
        return taken


_STAMPS = {
    Verb.START: "partner_started_at",
    Verb.FINISH: "partner_finished_at",
    Verb.COMPLETE: "partner_completed_at",
}


def state_of(group: Sequence[OldAssignment]) -> str:
    """What the tasks themselves say, where nothing else does."""
    statuses = [old.status or "" for old in group]
    if all(status == "completed" for status in statuses):
        return "completed"
    if all(status == "cancelled" for status in statuses):
        return "cancelled"
    done = {_step(old) for old in group if old.status == "completed"}
    states = {"completed": "completed", "finish": "finished", "start": "in_progress"}
    reached = next((state for name, state in states.items() if name in done), None)
    is_begun = not {"accepted", "in_progress"}.isdisjoint(statuses)
    return reached or ("in_progress" if is_begun else "assigned")


def _step(old: OldAssignment) -> str:
    """Which step of the old flow a task is about."""
    return (old.title or "").rpartition("partner-design-")[2]


def _has_open_redo(group: Sequence[OldAssignment]) -> bool:
    return any(_step(old) in legacy.REWORK and old.status not in ("completed", "cancelled") for old in group)


def _told(group: Sequence[OldAssignment], of_design: Mapping[str, Any]) -> dict[str, Any]:
    """What is said of the assignment: the design says it, the tasks say it better, the first one best.

    Where nobody says how far it is, open tasks of a redo say that one is under way.
    """
    of_tasks = {
        name: value for old in reversed(group) for name, value in old.told.items() if name.startswith("partner_")
    }
    told = {**of_design, **of_tasks}
    return told if told.get("partner_status") or not _has_open_redo(group) else {**told, "partner_phase": REDO}


def _run(design_id: str, partner_id: str) -> Run:
    """The run as it was before it was sent; its id follows."""
    return Run(
        id="",
        status=Status.APPROVED,
        run_type=RunType.SAMPLE,
        quantity=Decimal(1),
        design_id=design_id,
        partner_id=partner_id,
    )
