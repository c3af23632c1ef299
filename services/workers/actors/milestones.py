"""Milestones: accept, decline, start, finish, complete, cancel, and the deadlines between them."""

from datetime import timedelta
from typing import Any

from services.workers.actors import material
from shared.domain import commands, completion, deadlines, events, flags, holds, lifecycle, reminders, tasks
from shared.domain.dispatch import WorkOrderState
from shared.domain.lifecycle import Facts, Verb
from shared.domain.runs import Run, Status
from shared.storage import hold_store
from shared.storage.work import Work


def accept_run(command: commands.AcceptRun, work: Work) -> None:
    """The partner takes the run; what it was on hold until now is no time to start in."""
    run = work.run
    turns = hold_store.turns(work.connection, run.id, since=run.dispatch_completed_at)
    _reach(work, Verb.ACCEPT, held=holds.time_held(turns))


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
    """Settle a finished run, once: pieces, price, and the material that was used."""
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
    entries = command.consumptions or []
    work.tell(*material.settle_with_run(run, work, entries=entries), *told, run=run)
    work.answer(run_id=run.id, consumptions_logged=len(entries))


def cancel_run(command: commands.CancelRun, work: Work) -> None:
    """End a run with all its open parts; on a cancelled run nothing happens."""
    root = work.run
    if root.status is not Status.CANCELLED:
        no = lifecycle.refusal(root, Verb.CANCEL, Facts())
        if no:
            raise no
        for run in _family(root, work):
            if not run.is_terminal:
                _cancel(run, work, reason=command.reason)
    work.answer(run_id=root.id)


def hold_run(command: commands.HoldRun, work: Work) -> None:
    """The run stands still; its deadline stops with it."""
    run = work.run
    work.tell(holds.hold(run, reason=command.reason, at=work.now), run=run)
    work.answer(run_id=run.id)


def resume_run(command: commands.ResumeRun, work: Work) -> None:
    """The run goes on with what was left of its deadline; the cascade looks at it again."""
    run = work.run
    work.tell(holds.resume(run, at=work.now), run=run)
    work.answer(run_id=run.id)


def flag_run(command: commands.FlagRun, work: Work) -> None:
    """Something changed outside: a person must decide."""
    run = work.run
    work.tell(flags.put(run, reason=command.reason, at=work.now), run=run)
    work.answer(run_id=run.id)


def resolve_flag(command: commands.ResolveFlag, work: Work) -> None:
    run = work.run
    work.tell(flags.resolve(run, reason=command.reason), run=run)
    work.answer(run_id=run.id)


def withdraw_run(command: commands.WithdrawRun, work: Work) -> None:
    """The order is off: end a family of which nothing went out, else flag it for a person."""
    root = work.run
    work.answer(run_id=root.id)
    if root.status is Status.CANCELLED:
        return
    family = _family(root, work)
    if flags.went_out(family):
        work.tell(flags.put(root, reason=command.reason, at=work.now), run=root)
        return
    for run in family:
        if not run.is_terminal:
            _cancel(run, work, reason=command.reason)


def add_note(command: commands.AddNote, work: Work) -> None:
    work.tell(events.RunNoted(reason=command.text), run=work.run)
    work.answer(run_id=work.run.id)


def lapse_gate(command: commands.LapseGate, work: Work) -> None:
    """A deadline passed, unless the run moved on in the last second."""
    run = work.run
    told = deadlines.lapse(run, gate=command.gate, due_at=command.due_at, at=work.now, policy=work.policy)
    if isinstance(told, events.RunParked):
        _end_tasks(run, work, WorkOrderState.REPLACED)
    if told:
        work.tell(told, run=run)
    work.answer(run_id=run.id, lapsed=told is not None)


def remind_partner(command: commands.RemindPartner, work: Work) -> None:
    """A partner has been silent, unless something moved meanwhile: take the next rung of the ladder."""
    run, at = work.run, max(command.swept_at, work.now)
    history, zone = work.reminders.history(run.id)
    found = reminders.due(run, history, at=at, zone=zone, policy=work.policy)
    asked = (command.round, command.stage, command.number)
    if found is None or (run.dispatch_round, found.stage.value, found.number) != asked:
        work.answer(run_id=run.id, done=None)
        return
    (message_id,) = work.tell(_climb(run, found, work), run=run)
    work.reminders.add(run, found, message_id=message_id, at=at)
    work.answer(run_id=run.id, done=found.act.value)


def close_order(run: Run, work: Work) -> None:
    """The run's work order is done with."""
    if run.work_order_id:
        work.tasks.end_order(run.work_order_id, WorkOrderState.CLOSED)


def _climb(run: Run, found: reminders.Due, work: Work) -> events.Event:
    """Carry the rung out: remind, or end the ladder."""
    if found.act is reminders.Act.PARK:
        _end_tasks(run, work, WorkOrderState.REPLACED)
        return deadlines.park(run, reason="the partner stayed silent after every reminder")
    return reminders.told(found)


def _reach(work: Work, verb: Verb, *, held: timedelta = timedelta(0)) -> None:
    run = work.run
    told = lifecycle.reach(run, verb, at=work.now)
    deadlines.arm(run, verb, at=work.now, policy=work.policy, held=held)
    work.tell(told, run=run)
    work.answer(run_id=run.id)


def _family(root: Run, work: Work) -> list[Run]:
    """A locked run and all its parts, at every depth, locked too."""
    return [root, *(work.runs.lock_below(root.id) if root.is_container else [])]


def _cancel(run: Run, work: Work, *, reason: str | None) -> None:
    told = lifecycle.reach(run, Verb.CANCEL, at=work.now, reason=reason)
    run.cancelled_reason = reason
    holds.end(run)
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
    hold_run,
    resume_run,
    withdraw_run,
    flag_run,
    resolve_flag,
    add_note,
    lapse_gate,
    remind_partner,
)
