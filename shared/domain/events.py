"""What happened, in the past tense. An event's body is what the timeline shows: reason, before, after."""

from typing import Any, ClassVar

import msgspec


class Event(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something that happened to a run or a task. `kind` is its name on the wire."""

    kind: ClassVar[str] = ""
    sentence: ClassVar[str] = ""
    reason: str | None = None
    before: dict[str, Any] | None = None
    after: dict[str, Any] | None = None


class RunCreated(Event, frozen=True, kw_only=True):
    kind = "production_run.created"
    sentence = "The run was made."


class RunApproved(Event, frozen=True, kw_only=True):
    kind = "production_run.approved"
    sentence = "The run was approved."


class RunSplit(Event, frozen=True, kw_only=True):
    kind = "production_run.split"
    sentence = "The run was split among partners."


class RunDispatchOpened(Event, frozen=True, kw_only=True):
    kind = "production_run.dispatch_opened"
    sentence = "The dispatch waits for its templates."


class RunDispatchLapsed(Event, frozen=True, kw_only=True):
    kind = "production_run.dispatch_lapsed"
    sentence = "The dispatch ended without a choice of templates; it can be started again."


class RunDispatchFailed(Event, frozen=True, kw_only=True):
    kind = "production_run.dispatch_failed"
    sentence = "The run could not be sent by itself."


class RunSentToPartner(Event, frozen=True, kw_only=True):
    kind = "production_run.sent_to_partner"
    sentence = "The work order was put before the partner."


class RunAccepted(Event, frozen=True, kw_only=True):
    kind = "production_run.accepted"
    sentence = "The partner accepted the run."


class RunDeclined(Event, frozen=True, kw_only=True):
    kind = "production_run.declined"
    sentence = "The partner declined the run."


class RunStarted(Event, frozen=True, kw_only=True):
    kind = "production_run.started"
    sentence = "Work started."


class RunFinished(Event, frozen=True, kw_only=True):
    kind = "production_run.finished"
    sentence = "The pieces are finished."


class RunCompleted(Event, frozen=True, kw_only=True):
    kind = "production_run.completed"
    sentence = "The run was settled."


class RunCancelled(Event, frozen=True, kw_only=True):
    kind = "production_run.cancelled"
    sentence = "The run was cancelled."


class RunReassigned(Event, frozen=True, kw_only=True):
    kind = "production_run.reassigned"
    sentence = "The run was given to another partner."


class RunOverdue(Event, frozen=True, kw_only=True):
    kind = "production_run.overdue"
    sentence = "A deadline passed; every step stays open."


class RunInProgress(Event, frozen=True, kw_only=True):
    kind = "production_run.in_progress"
    sentence = "The first part was accepted."


class RunHeld(Event, frozen=True, kw_only=True):
    kind = "production_run.held"
    sentence = "The run was put on hold."


class RunResumed(Event, frozen=True, kw_only=True):
    kind = "production_run.resumed"
    sentence = "The run goes on."


class RunFlagged(Event, frozen=True, kw_only=True):
    kind = "production_run.flagged"
    sentence = "Something changed outside; a person must decide."


class RunFlagResolved(Event, frozen=True, kw_only=True):
    kind = "production_run.flag_resolved"
    sentence = "A person decided about the change outside."


class RunReminded(Event, frozen=True, kw_only=True):
    kind = "production_run.reminded"
    sentence = "The partner was reminded."


class RunEscalated(Event, frozen=True, kw_only=True):
    kind = "production_run.escalated"
    sentence = "Reminders did not help; an admin must look."


class RunParked(Event, frozen=True, kw_only=True):
    kind = "production_run.parked"
    sentence = "The partner stayed silent; a new one is wanted."


class OutputCorrected(Event, frozen=True, kw_only=True):
    kind = "production_run.output_corrected"
    sentence = "An admin corrected the output."


class ConsumptionLogged(Event, frozen=True, kw_only=True):
    kind = "production_run.consumption_logged"
    sentence = "Material was logged."


class ConsumptionCommitted(Event, frozen=True, kw_only=True):
    kind = "production_run.consumption_committed"
    sentence = "Logged material was settled."


class StockShort(Event, frozen=True, kw_only=True):
    kind = "production_run.stock_short"
    sentence = "More material was used than was in stock."


class MediaAttached(Event, frozen=True, kw_only=True):
    kind = "production_run.media_attached"
    sentence = "Pictures were attached."


class RunNoted(Event, frozen=True, kw_only=True):
    kind = "production_run.noted"
    sentence = "A note was written."


class OperatorActed(Event, frozen=True, kw_only=True):
    kind = "production_run.operator_acted"
    sentence = "One of our people looked after a message that stood still."


class RunRepaired(Event, frozen=True, kw_only=True):
    kind = "production_run.repaired"
    sentence = "The run's state did not follow from its parts; it was set right."


class TasksAdded(Event, frozen=True, kw_only=True):
    kind = "production_run.tasks_added"
    sentence = "Tasks were added."


class TaskCreated(Event, frozen=True, kw_only=True):
    kind = "task.created"
    sentence = "A task was given."


class TaskAccepted(Event, frozen=True, kw_only=True):
    kind = "task.accepted"
    sentence = "A task was accepted."


class TaskStarted(Event, frozen=True, kw_only=True):
    kind = "task.started"
    sentence = "A task was started."


class TaskCompleted(Event, frozen=True, kw_only=True):
    kind = "task.completed"
    sentence = "A task was finished."


class TaskCancelled(Event, frozen=True, kw_only=True):
    kind = "task.cancelled"
    sentence = "A task was cancelled."


class TaskCommented(Event, frozen=True, kw_only=True):
    kind = "task.commented"
    sentence = "A comment was written."


class OrderReceived(Event, frozen=True, kw_only=True):
    kind = "order.received"
    sentence = "The order's lines were recorded."


EVENTS: dict[str, type[Event]] = {
    event.kind: event
    for event in (
        RunCreated, RunApproved, RunSplit, RunDispatchOpened, RunDispatchLapsed, RunDispatchFailed, RunSentToPartner, RunAccepted,
        RunDeclined, RunStarted, RunFinished, RunCompleted, RunCancelled, RunReassigned, RunOverdue, RunInProgress, RunNoted, OperatorActed,
        RunRepaired, RunHeld, RunResumed, RunFlagged, RunFlagResolved, RunReminded, RunEscalated, RunParked, OutputCorrected, ConsumptionLogged,
        ConsumptionCommitted, StockShort, MediaAttached, TasksAdded, TaskCreated, TaskAccepted, TaskStarted, TaskCompleted, TaskCancelled, TaskCommented, OrderReceived,
    )
}  # fmt: skip
"""Every event by its name."""
