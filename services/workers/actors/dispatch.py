"""Dispatch: approval and allocation, the pause for templates, sending, releasing what waited, another partner."""

from typing import Any

from services.workers.actors import cascade
from shared.domain import allocation, commands, deadlines, dispatch, events, gating, lifecycle, refusals, tasks
from shared.domain.allocation import Assignment
from shared.domain.dispatch import Selection, WorkOrderState
from shared.domain.lifecycle import Facts, Verb
from shared.domain.runs import DispatchState, Run
from shared.domain.tasks import Template
from shared.storage.work import Work


def approve_run(command: commands.ApproveRun, work: Work) -> None:
    """Approve a run, split it among partners, and send what may go out at once."""
    run = work.run
    approve(run, command.assignments or [], work)


def split_run(command: commands.SplitRun, work: Work) -> None:
    """Split an approved run that nobody has yet, and send what may go out at once."""
    run = work.run
    told = lifecycle.reach(run, Verb.SPLIT, at=work.now)
    _allocate(run, command.assignments, told, work)


def route_run(command: commands.RouteRun, work: Work) -> None:
    """Approve an order's run to its one certain partner; without known templates its dispatch opens and waits."""
    run = work.run
    design = work.directory.designs([run.design_id])[run.design_id]
    linked = work.directory.linked_partner_ids(run.design_id)
    share = gating.share_for(run, design, linked=linked, policy=work.policy)
    work.answer(run_id=run.id, partner_id=share.partner_id if share else None)
    if share:
        for child in approve(run, [share], work):
            if lifecycle.refusal(child, Verb.DISPATCH, Facts()) is None:
                _open(child, work)


def dispatch_run(command: commands.DispatchRun, work: Work) -> None:
    """Open a dispatch: its templates are wanted."""
    run = work.run
    _open(run, work)
    work.answer(
        run_id=run.id,
        dispatch={"id": run.dispatch_id, "state": run.dispatch_state.value, "expires_at": run.waiting_until},
    )


def confirm_dispatch(command: commands.ConfirmDispatch, work: Work) -> None:
    """Choose the templates of a waiting dispatch; a refused choice leaves it waiting."""
    run = work.run
    if command.transaction_id is not None and command.transaction_id != run.dispatch_id:
        raise refusals.StaleTransaction()
    _put_before_partner(run, command.selection, work, confirm_only=True)


def send_to_production(command: commands.SendToProduction, work: Work) -> None:
    """Open and confirm at once."""
    _put_before_partner(work.run, command.selection, work, confirm_only=False)


def release_run(command: commands.ReleaseRun, work: Work) -> None:
    """What waited for others goes out as its approver chose, or its dispatch opens. A refusal is told: nothing stands still unseen.

    What is on hold, or whose family is, stays; resuming asks again.
    """
    run = work.run
    if run.dispatch_round != command.round or run.dispatch_state is not DispatchState.IDLE or run.is_terminal:
        return
    if run.held_at or work.runs.is_held_above(run):
        return
    if run.is_container:
        cascade.ask_for_parts(run, work)
        work.answer(run_id=run.id)
        return
    try:
        _release(run, work)
    except refusals.Refusal as no:
        work.tell(events.RunDispatchFailed(reason=no.detail), run=run)
        work.answer(run_id=run.id, failed=no.record())


def assign_partner(command: commands.AssignPartner, work: Work) -> None:
    """Give the run to another partner. It is not sent by this; an open dispatch ends."""
    run = work.run
    allocation.check_partner(command.partner_id, work.directory.partners([command.partner_id]), pointer="/partner_id")
    before = run.partner_id
    told = lifecycle.reach(run, Verb.REASSIGN, at=work.now, reason=command.note)
    _take_back(run, work)
    run.previous_partner_id, run.partner_id = before, command.partner_id
    work.directory.link(run.design_id, {command.partner_id: run.role})
    work.tell(
        type(told)(reason=command.note, before={"partner_id": before}, after={"partner_id": command.partner_id}),
        run=run,
    )
    work.answer(run_id=run.id)


def approve(
    run: Run, assignments: list[Assignment], work: Work, *, metadata: dict[str, Any] | None = None
) -> list[Run]:
    """Approval of a locked (or just made) run: children by assignment, and a report of what went out. Returns the children."""
    if not assignments and run.partner_id:
        assignments = [_everything_to(run)]
    told = lifecycle.reach(run, Verb.APPROVE, at=work.now)
    return _allocate(run, assignments, told, work, metadata=metadata)


def _allocate(
    run: Run,
    assignments: list[Assignment],
    told: events.Event,
    work: Work,
    *,
    metadata: dict[str, Any] | None = None,
) -> list[Run]:
    """Make the children, tell it, and answer with a report of what went out. A refusal here leaves nothing behind."""
    known = work.directory.partners([share.partner_id for share in assignments])
    allocation.check_partners(assignments, known)
    waits = bool(work.runs.unsettled(run))
    split = allocation.split(run, assignments, new_id=lambda place: work.new_id("run", place))
    for child in split.children:
        work.runs.add(child, metadata=metadata)
    work.runs.add_dependencies(split.depends_on)
    work.directory.link(run.design_id, {share.partner_id: share.role for share in assignments})
    work.tell(told, run=run)
    for child in split.children:
        work.tell(events.RunCreated(after={"status": child.status.value, "partner_id": child.partner_id}), run=child)
    report = _send_what_may(split, work, waits=waits)
    work.answer(run_id=run.id, children=[child.id for child in split.children], dispatch=report)
    return split.children


def _send_what_may(split: allocation.Allocation, work: Work, *, waits: bool) -> dict[str, Any]:
    """Approval stands whatever happens here: each child's dispatch has an outcome of its own. waits: the whole run does."""
    report: dict[str, Any] = {"dispatched": [], "skipped": [], "failed": []}
    may_go = not waits and (not split.is_ordered or work.policy.auto_dispatch_first_stage)
    going = [child for child in split.children if may_go and child.carries_choice and child.id not in split.depends_on]
    templates = work.directory.templates(*map(dispatch.selection_of, going)) if going else []
    for child in split.children:
        if child not in going:
            report["skipped"].append(child.id)
            continue
        try:
            _send(child, dispatch.selection_of(child), work, candidates=templates, facts=Facts())
        except refusals.Refusal as no:
            report["failed"].append({"production_run_id": child.id, "reason": no.detail})
            work.tell(events.RunDispatchFailed(reason=no.detail), run=child)
        else:
            report["dispatched"].append(child.id)
    return report


def _release(run: Run, work: Work) -> None:
    if run.carries_choice:
        selection = dispatch.selection_of(run)
        candidates = work.directory.templates(selection)
        _send(run, selection, work, candidates=candidates, facts=_facts(run, work))
    else:
        _open(run, work)
    work.answer(run_id=run.id)


def _open(run: Run, work: Work) -> None:
    told = dispatch.open_dispatch(
        run, dispatch_id=work.new_id("disp"), at=work.now, policy=work.policy, facts=_facts(run, work)
    )
    work.tell(told, run=run)


def _put_before_partner(run: Run, selection: Selection, work: Work, *, confirm_only: bool) -> None:
    facts = _facts(run, work)
    no = lifecycle.refusal(run, Verb.CONFIRM, facts) if confirm_only else None
    if no:
        raise no
    task_ids = _send(run, selection, work, candidates=work.directory.templates(selection), facts=facts)
    work.answer(run_id=run.id, task_ids=task_ids)


def _send(run: Run, selection: Selection, work: Work, *, candidates: list[Template], facts: Facts) -> list[str]:
    """Both halves of a dispatch on one run; raises Refusal before anything of the run was changed."""
    no = (
        None if run.dispatch_state is DispatchState.AWAITING_TEMPLATES else lifecycle.refusal(run, Verb.DISPATCH, facts)
    )
    if no:
        raise no
    templates = dispatch.choose(selection, candidates)
    order, laid_out, told = dispatch.send(
        run,
        dispatch_id=work.new_id("disp", run.id),
        templates=templates,
        selection=selection,
        work_order_id=work.new_id("wo", run.id),
        asked_by=work.actor.id,
        new_task_id=lambda template: work.new_id("task", run.id, template.id),
        at=work.now,
        policy=work.policy,
        facts=facts,
    )
    work.tasks.add_order(order)
    for task in laid_out:
        work.tasks.add(task)
    work.tell(told, run=run)
    return [task.id for task in laid_out]


def _facts(run: Run, work: Work) -> Facts:
    return Facts(unsettled=work.runs.unsettled(run))


def _take_back(run: Run, work: Work) -> None:
    """Undo a dispatch: back to idle, its work order replaced, its open tasks ended, every stamp of the old partner cleared."""
    deadlines.back_to_idle(run)
    if run.work_order_id:
        work.tell(*tasks.cancel_open(work.tasks.of_run(run), at=work.now), run=run)
        work.tasks.end_order(run.work_order_id, WorkOrderState.REPLACED)
    lifecycle.take_back(run)


def _everything_to(run: Run) -> Assignment:
    return Assignment(
        partner_id=run.partner_id or "",
        role=run.role,
        template_names=run.dispatch_template_names,
        template_ids=run.dispatch_template_ids,
        template_category=run.dispatch_template_category,
    )


ACTORS: tuple[Any, ...] = (
    approve_run,
    split_run,
    route_run,
    dispatch_run,
    confirm_dispatch,
    send_to_production,
    release_run,
    assign_partner,
)
