"""Milestones: accept, decline, start, finish, complete, cancel, and the deadlines between them."""

from typing import Any

from shared.domain import commands, completion, deadlines, events, lifecycle, tasks
from shared.domain.dispatch import WorkOrderState
from shared.domain.lifecycle import Facts, Verb
from shared.domain.runs import Run, Status
from shared.storage.work import Work


def accept_run(command: commands.AcceptRun, work: Work) -> None:
    _reach(work, Verb.ACCEPT)


def start_run(command: commands.StartRun, work: Work) -> None:
    _reach(work, Verb.START)


def decline_run(command: commands.DeclineRun, work: Work) -> None:
    """The partner gives the run back: open tasks end, a new partner is wanted."""
    run = work.run
    reason = command.reason.value if not command.notes else f"{command.reason.value}: {command.notes}"
    told = lifecycle.reach(run, Verb.DECLINE, at=work.now, reason=reason)
    _end_tasks(run, work, WorkOrderState.REPLACED)
    deadlines.arm(run, Verb.DECLINE, at=work.now, policy=work.policy)
    work.tell(told, run=run)
    work.answer(run_id=run.id)


def finish_run(command: commands.FinishRun, work: Work) -> None:
    """The pieces are finished: open work tasks close with it, open rework refuses it."""
    run = work.run
    run_tasks = work.tasks.of_run(run)
    told = lifecycle.reach(run, Verb.FINISH, at=work.now, facts=Facts(open_redo=tasks.open_redo(run_tasks, run)))
    run.finish_notes = command.notes
    deadlines.arm(run, Verb.FINISH, at=work.now, policy=work.policy)
    work.tell(*tasks.close_open_work(run_tasks, run, at=work.now), told, run=run)
    work.answer(run_id=run.id)


def complete_run(command: commands.CompleteRun, work: Work) -> None:
    """Settle a finished run, once."""
    run = work.run
    told = completion.settle(
        run,
        work.tasks.of_run(run),
        outcome=command.outcome,
        price=command.price,
        notes=command.notes,
        by_admin=work.by_admin,
        at=work.now,
        policy=work.policy,
    )
    close_order(run, work)
    work.tell(*told, run=run)
    work.answer(run_id=run.id)


def cancel_run(command: commands.CancelRun, work: Work) -> None:
    """End a run with all its open parts; on a cancelled run nothing happens."""
    root = work.run
    if root.status is not Status.CANCELLED:
        no = lifecycle.refusal(root, Verb.CANCEL, Facts())
        if no:
            raise no
        for run in [root, *(work.runs.lock_below(root.id) if root.is_container else [])]:
            _cancel(run, work, reason=command.reason)
    work.answer(run_id=root.id)


def add_note(command: commands.AddNote, work: Work) -> None:
    work.tell(events.RunNoted(reason=command.text), run=work.run)
    work.answer(run_id=work.run.id)


def lapse_gate(command: commands.LapseGate, work: Work) -> None:
    """A deadline passed, unless the run moved on in the last second."""
    run = work.run
    told = deadlines.lapse(run, gate=command.gate, due_at=command.due_at, at=work.now)
    if told:
        work.tell(told, run=run)
    work.answer(run_id=run.id, lapsed=told is not None)


def close_order(run: Run, work: Work) -> None:
    """The run's work order is done with."""
    if run.work_order_id:
        work.tasks.end_order(run.work_order_id, WorkOrderState.CLOSED)


def _reach(work: Work, verb: Verb) -> None:
    run = work.run
    told = lifecycle.reach(run, verb, at=work.now)
    deadlines.arm(run, verb, at=work.now, policy=work.policy)
    work.tell(told, run=run)
    work.answer(run_id=run.id)


def _cancel(run: Run, work: Work, *, reason: str | None) -> None:
    told = lifecycle.reach(run, Verb.CANCEL, at=work.now, reason=reason)
    run.cancelled_reason = reason
    if run.dispatch_state is run.dispatch_state.AWAITING_TEMPLATES:
        deadlines.back_to_idle(run)
    deadlines.arm(run, Verb.CANCEL, at=work.now, policy=work.policy)
    _end_tasks(run, work, WorkOrderState.CLOSED)
    work.tell(told, run=run)


def _end_tasks(run: Run, work: Work, state: WorkOrderState) -> None:
    if run.work_order_id:
        work.tell(*tasks.cancel_open(work.tasks.of_run(run), at=work.now), run=run)
        work.tasks.end_order(run.work_order_id, state)


ACTORS: tuple[Any, ...] = (
    accept_run,
    decline_run,
    start_run,
    finish_run,
    complete_run,
    cancel_run,
    add_note,
    lapse_gate,
)
