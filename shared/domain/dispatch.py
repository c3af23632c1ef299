"""Dispatch: a pause until templates are chosen, then a work order with its tasks before one partner."""

from collections.abc import Callable, Sequence
from datetime import datetime
from enum import StrEnum

import msgspec

from shared.domain import deadlines, events, lifecycle, refusals
from shared.domain.lifecycle import Facts, Verb
from shared.domain.policy import Policy
from shared.domain.runs import DispatchState, Run
from shared.domain.tasks import Task, TaskKind, TaskStatus, Template


class Selection(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which templates go out: exactly one of the three."""

    template_names: list[str] | None = None
    template_ids: list[str] | None = None
    template_category: str | None = None

    @property
    def is_empty(self) -> bool:
        return not (self.template_names or self.template_ids or self.template_category)


class WorkOrderState(StrEnum):
    """A work order is before its partner, replaced by a later one, or ended with its run."""

    CURRENT = "current"
    REPLACED = "replaced"
    CLOSED = "closed"


class WorkOrder(msgspec.Struct, kw_only=True):
    """What one dispatch puts before one partner. Every field is a column of `work_order`."""

    id: str
    run_id: str
    partner_id: str
    state: WorkOrderState
    asked_by: str | None
    selection: Selection


D = DispatchState
DISPATCH_STEPS: dict[str, tuple[tuple[DispatchState, ...], DispatchState]] = {
    # what happens  from                                 reaches
    "open":         ((D.IDLE,),                          D.AWAITING_TEMPLATES),
    "confirm":      ((D.AWAITING_TEMPLATES,),            D.COMPLETED),
    "lapse":        ((D.AWAITING_TEMPLATES,),            D.IDLE),
    "cancel":       ((D.AWAITING_TEMPLATES,),            D.IDLE),
    "reassign":     ((D.AWAITING_TEMPLATES, D.COMPLETED), D.IDLE),
}  # fmt: skip
"""The dispatch beside the status: the documents draw it from here."""


def selection_of(run: Run) -> Selection:
    """What the approver asked for."""
    return Selection(run.dispatch_template_names, run.dispatch_template_ids, run.dispatch_template_category)


def open_dispatch(run: Run, *, dispatch_id: str, at: datetime, policy: Policy, facts: Facts) -> events.Event:
    """Begin the pause: templates are wanted until the deadline."""
    told = lifecycle.reach(run, Verb.DISPATCH, at=at, facts=facts)
    run.dispatch_state = DISPATCH_STEPS["open"][1]
    run.dispatch_id = dispatch_id
    deadlines.arm(run, Verb.DISPATCH, at=at, policy=policy)
    return told


def confirm(
    run: Run,
    *,
    templates: Sequence[Template],
    selection: Selection,
    work_order_id: str,
    asked_by: str | None,
    new_task_id: Callable[[Template], str],
    at: datetime,
    policy: Policy,
    facts: Facts,
) -> tuple[WorkOrder, list[Task], events.Event]:
    """End the pause: the work order and its tasks, and the run is before the partner."""
    told = lifecycle.reach(run, Verb.CONFIRM, at=at, facts=facts)
    partner_id = run.partner_id
    if partner_id is None:
        raise refusals.NoPartner()
    run.dispatch_state = DISPATCH_STEPS["confirm"][1]
    run.work_order_id = work_order_id
    run.dispatched_template_ids = [template.id for template in templates]
    deadlines.arm(run, Verb.CONFIRM, at=at, policy=policy)
    order = WorkOrder(
        id=work_order_id,
        run_id=run.id,
        partner_id=partner_id,
        state=WorkOrderState.CURRENT,
        asked_by=asked_by,
        selection=selection,
    )
    return order, lay_out(run, templates, new_task_id=new_task_id, round_=0), told


def send(
    run: Run,
    *,
    dispatch_id: str,
    templates: Sequence[Template],
    selection: Selection,
    work_order_id: str,
    asked_by: str | None,
    new_task_id: Callable[[Template], str],
    at: datetime,
    policy: Policy,
    facts: Facts,
) -> tuple[WorkOrder, list[Task], events.Event]:
    """Both steps at once; a dispatch that already waits is confirmed."""
    if run.dispatch_state is not DispatchState.AWAITING_TEMPLATES:
        open_dispatch(run, dispatch_id=dispatch_id, at=at, policy=policy, facts=facts)
    return confirm(
        run,
        templates=templates,
        selection=selection,
        work_order_id=work_order_id,
        asked_by=asked_by,
        new_task_id=new_task_id,
        at=at,
        policy=policy,
        facts=facts,
    )


def lay_out(
    run: Run,
    templates: Sequence[Template],
    *,
    new_task_id: Callable[[Template], str],
    round_: int,
    piece: str | None = None,
) -> list[Task]:
    """One assigned task per template on the run's current work order, in the order chosen."""
    return [
        Task(
            id=new_task_id(template),
            title=template.name,
            status=TaskStatus.ASSIGNED,
            kind=template.kind,
            run_id=run.id,
            work_order_id=run.work_order_id,
            partner_id=run.partner_id,
            template_id=template.id,
            round=round_,
            description=template.description,
            piece=piece,
            priority=template.priority,
            position=position,
            estimated_cost=template.estimated_cost,
            cost_currency=template.cost_currency,
        )
        for position, template in enumerate(templates)
    ]


def choose(selection: Selection, candidates: Sequence[Template], *, kind: TaskKind | None = None) -> list[Template]:
    """The chosen templates in the order asked for, all or nothing.

    candidates: every template that fits an id, a name or the category. Raises NoSelection, Unknown, AmbiguousName,
    and OnlyRedo when `kind` limits the choice to rework.
    """
    asked = [bool(selection.template_ids), bool(selection.template_names), bool(selection.template_category)]
    if selection.template_ids:
        chosen = _by_ids(selection.template_ids, candidates)
    elif asked.count(True) != 1:
        raise refusals.NoSelection(pointer="/template_names")
    elif selection.template_names:
        chosen = _by_names(selection.template_names, candidates)
    else:
        chosen = sorted(
            (c for c in candidates if c.category == selection.template_category and (kind is None or c.kind is kind)),
            key=lambda template: (template.position, template.id),
        )
        if not chosen:
            raise refusals.Unknown(
                pointer="/template_category", thing="template in the category", value=selection.template_category
            )
    for template in chosen:
        if kind is TaskKind.REDO and template.kind is not TaskKind.REDO:
            raise refusals.OnlyRedo(pointer="/template_names", name=template.name)
    return chosen


def _by_ids(ids: Sequence[str], candidates: Sequence[Template]) -> list[Template]:
    by_id = {template.id: template for template in candidates}
    for position, wanted in enumerate(ids):
        if wanted not in by_id:
            raise refusals.Unknown(pointer=f"/template_ids/{position}", thing="template with the id", value=wanted)
    return [by_id[wanted] for wanted in dict.fromkeys(ids)]


def _by_names(names: Sequence[str], candidates: Sequence[Template]) -> list[Template]:
    chosen = []
    for wanted in dict.fromkeys(names):
        position = names.index(wanted)
        fitting = [template for template in candidates if template.name == wanted]
        if not fitting:
            raise refusals.Unknown(pointer=f"/template_names/{position}", thing="template named", value=wanted)
        if len(fitting) > 1:
            raise refusals.AmbiguousName(
                pointer=f"/template_names/{position}",
                name=wanted,
                candidates=", ".join(f"{template.id} in {template.category or 'no category'}" for template in fitting),
            )
        chosen.append(fitting[0])
    return chosen
