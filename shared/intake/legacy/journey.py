"""The road of a run from its making to where the old system left it: today's lifecycle, taken at the old instants.

No state can come out of it that the lifecycle does not know. Waits are armed from now, or every old deadline would lapse at once.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from shared.domain import deadlines, dispatch, events, legacy, lifecycle, tasks
from shared.domain.dispatch import Selection, WorkOrderState
from shared.domain.lifecycle import Facts, Verb
from shared.domain.orders import DesignFacts
from shared.domain.policy import Policy
from shared.domain.runs import CompletionSource, Run
from shared.domain.tasks import Template
from shared.intake.legacy.source import EARLIEST
from shared.intake.legacy.verdicts import Taken

REASON = "imported"

STARTED = (Verb.ACCEPT, Verb.START)
FINISHED = (*STARTED, Verb.FINISH)
COMPLETED = (*FINISHED, Verb.COMPLETE)
"""The steps after the dispatch that lead there."""

Namer = Callable[..., str]
"""`new_id(prefix, *key, at=)`: the same id for the same key and time."""

_NAMED = "named:"


class Journey:
    """How runs are taken along, as of one instant. now: no instant lies after it, and waits are counted from it."""

    def __init__(self, *, new_id: Namer, now: datetime, policy: Policy) -> None:
        self.new_id = new_id
        self._now = now
        self._policy = policy

    def walk(
        self,
        key: tuple[str, str],
        run: Run,
        design: DesignFacts,
        *,
        templates: Sequence[Template],
        steps: Sequence[Verb] | None,
        stamps: Mapping[Verb, datetime | None],
        made_at: datetime | None,
        sent_at: datetime | None = None,
    ) -> Taken:
        """Make the run and take it through its steps, each at its old instant and none before the one before it.

        steps: those after the dispatch; None, it was not dispatched.
        """
        at = self.between(made_at, EARLIEST)
        taken = self._made(key, run, design, at=at)
        if steps is None:
            return taken
        at = self.between(sent_at, at)
        self._send(taken, templates, at=at)
        for verb in steps:
            at = self.between(stamps.get(verb), at)
            taken.told.append((lifecycle.reach(run, verb, at=at, reason=REASON), at))
            _work_on(taken, verb, at=at)
        deadlines.arm(run, [Verb.CONFIRM, *steps][-1], at=self._now, policy=self._policy)
        return taken

    def open_rework(self, taken: Taken) -> None:
        """The partner was in the middle of a redo: its rework is before them."""
        rework = [legacy.TEMPLATES[name] for name in legacy.REWORK]
        new_task_id = self._task_namer(taken.run, taken.captured_at)
        taken.tasks += dispatch.lay_out(taken.run, rework, new_task_id=new_task_id, round_=1)

    def cancel(self, taken: Taken, *, at: datetime | None) -> None:
        """It ended without being made."""
        when = self.between(at, taken.captured_at)
        taken.told.append((lifecycle.reach(taken.run, Verb.CANCEL, at=when, reason=REASON), when))
        taken.run.cancelled_reason = "cancelled in the old system"

    def between(self, at: datetime | None, earliest: datetime) -> datetime:
        """The instant, not before what came before it and not in the future."""
        return min(max(at or earliest, earliest), self._now)

    def _made(self, key: tuple[str, str], run: Run, design: DesignFacts, *, at: datetime) -> Taken:
        run.id = self.new_id("run", "legacy", *key, at=at)
        run.snapshot_id = self.new_id("snap", "legacy", *key, at=at)
        created = events.RunCreated(reason=REASON, after={"status": run.status.value, "partner_id": run.partner_id})
        metadata = {"source": "legacy", "legacy_kind": key[0], "legacy_id": key[1]}
        return Taken(run, design, metadata, at, [(created, at)])

    def _send(self, taken: Taken, templates: Sequence[Template], *, at: datetime) -> None:
        run = taken.run
        ids_ = [template.id for template in templates]
        taken.order, taken.tasks, told = dispatch.send(
            run,
            dispatch_id=self.new_id("disp", run.id, at=at),
            templates=templates,
            selection=Selection(template_ids=ids_),
            work_order_id=self.new_id("wo", run.id, at=at),
            asked_by=None,
            new_task_id=self._task_namer(run, at),
            at=at,
            policy=self._policy,
            facts=Facts(),
        )
        if ids_ and ids_[0].startswith(_NAMED):
            run.dispatched_template_ids = None
            taken.order.selection = Selection(template_names=[template.name for template in templates])
            for task in taken.tasks:
                task.template_id = None
        taken.told.append((told, at))

    def _task_namer(self, run: Run, at: datetime) -> Callable[[Template], str]:
        return lambda template: self.new_id("task", run.id, template.id, at=at)


def named(names: Sequence[str]) -> list[Template]:
    """What stands for templates of the old system: their names are all that is left of them."""
    return [Template(id=f"{_NAMED}{name}", name=name, position=place) for place, name in enumerate(names)]


def settle(run: Run, *, produced: Decimal | None, rejected: Decimal | None) -> None:
    """The pieces as they were told; everything, when nothing was."""
    run.completion_source = CompletionSource.MILESTONE
    run.rejected_quantity = max(rejected or Decimal(0), Decimal(0))
    run.produced_quantity = max(run.quantity - run.rejected_quantity if produced is None else produced, Decimal(0))
    run.short_quantity = max(run.quantity - run.produced_quantity - run.rejected_quantity, Decimal(0))
    run.short_reason = REASON if run.short_quantity else None


def standing(run: Run) -> str:
    """Where the run came to, for the reason of its row."""
    return f"{run.status.value} and finished" if run.finished_at and not run.is_terminal else run.status.value


def _work_on(taken: Taken, verb: Verb, *, at: datetime) -> None:
    """What a step does beside the run's own stamps."""
    if verb is Verb.START:
        for task in taken.tasks:
            if task.template_id == legacy.TEMPLATES["start"].id:
                tasks.step(task, "finish", at=at)
    elif verb is Verb.FINISH:
        tasks.close_open_work(taken.tasks, taken.run, at=at)
    elif verb is Verb.COMPLETE:
        settle(taken.run, produced=None, rejected=None)
        if taken.order:
            taken.order.state = WorkOrderState.CLOSED
