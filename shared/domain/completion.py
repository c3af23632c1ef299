"""Completion: the one routine that settles a run, whichever path leads here."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

import msgspec

from shared.domain import amounts, deadlines, events, lifecycle, refusals, tasks
from shared.domain.lifecycle import Facts, Verb
from shared.domain.policy import OnAllTasksDone, Policy
from shared.domain.runs import CompletionSource, CostType, RejectionReason, Run, Status
from shared.domain.tasks import Task


class Yield(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many pieces came out, in the run's unit: good, rejected, short. Empty means everything was produced."""

    produced_quantity: Decimal | None = None
    rejected_quantity: Decimal | None = None
    rejection_reason: RejectionReason | None = None
    rejection_notes: str | None = None
    short_quantity: Decimal | None = None
    short_reason: str | None = None

    def __post_init__(self) -> None:
        amounts.not_negative(self.produced_quantity, "produced_quantity")
        amounts.not_negative(self.rejected_quantity, "rejected_quantity")
        amounts.not_negative(self.short_quantity, "short_quantity")


class Price(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the partner asks, stored as given."""

    partner_cost: Decimal | None = None
    cost_type: CostType | None = None
    cost_currency: str | None = None

    def __post_init__(self) -> None:
        amounts.not_negative(self.partner_cost, "partner_cost")


def settle(
    run: Run,
    run_tasks: Sequence[Task],
    *,
    outcome: Yield,
    price: Price,
    notes: str | None,
    by_admin: bool,
    at: datetime,
    policy: Policy,
) -> list[events.Event]:
    """Complete a finished run: yield, open work tasks, status. Raises Refusal and then nothing was changed."""
    facts = Facts(open_redo=tasks.open_redo(run_tasks, run))
    no = lifecycle.refusal(run, Verb.COMPLETE, facts)
    if no:
        raise no
    return _settle(
        run,
        run_tasks,
        outcome=outcome,
        price=price,
        notes=notes,
        source=CompletionSource.ADMIN if by_admin else CompletionSource.MILESTONE,
        at=at,
        policy=policy,
    )


def after_task_work(run: Run, run_tasks: Sequence[Task], *, at: datetime, policy: Policy) -> list[events.Event]:
    """The last counted task is done: the run completes, or finishes where the policy says so. Else nothing."""
    if run.status is not Status.IN_PROGRESS or run.finished_at or not tasks.all_done(run_tasks, run):
        return []
    if policy.on_all_tasks_done is OnAllTasksDone.FINISH:
        lifecycle.fill_in(run, at=at, only_start=True)
        told = lifecycle.reach(run, Verb.FINISH, at=at)
        deadlines.arm(run, Verb.FINISH, at=at, policy=policy)
        return [told]
    lifecycle.fill_in(run, at=at)
    return _settle(
        run, run_tasks, outcome=Yield(), price=Price(), notes=None, source=CompletionSource.TASKS, at=at, policy=policy
    )


def _settle(
    run: Run,
    run_tasks: Sequence[Task],
    *,
    outcome: Yield,
    price: Price,
    notes: str | None,
    source: CompletionSource,
    at: datetime,
    policy: Policy,
) -> list[events.Event]:
    produced, rejected, short = balance(
        run.quantity, outcome, tolerance=policy.over_yield_tolerance, by_admin=source is CompletionSource.ADMIN
    )
    told: list[events.Event] = list(tasks.close_open_work(run_tasks, run, at=at))
    completed = lifecycle.reach(run, Verb.COMPLETE, at=at)
    run.completion_source = source
    run.completion_notes = notes
    run.produced_quantity, run.rejected_quantity, run.short_quantity = produced, rejected, short
    run.rejection_reason, run.rejection_notes = outcome.rejection_reason, outcome.rejection_notes
    run.short_reason = outcome.short_reason
    run.partner_cost, run.cost_type, run.cost_currency = price.partner_cost, price.cost_type, price.cost_currency
    deadlines.arm(run, Verb.COMPLETE, at=at, policy=policy)
    after = {
        "status": run.status.value,
        "completion_source": source.value,
        "produced_quantity": amounts.plain(produced),
        "rejected_quantity": amounts.plain(rejected),
        "short_quantity": amounts.plain(short),
    }
    return [*told, msgspec.structs.replace(completed, after=after)]


def balance(
    ordered: Decimal, outcome: Yield, *, tolerance: Decimal, by_admin: bool
) -> tuple[Decimal, Decimal, Decimal]:
    """Produced, rejected, short: they add up to what was ordered, or the yield is refused with the arithmetic.

    Producing more than ordered is allowed up to the tolerance (a fraction of the ordered quantity), beyond it to an admin only.
    """
    rejected = outcome.rejected_quantity or Decimal(0)
    short = outcome.short_quantity or Decimal(0)
    produced = outcome.produced_quantity
    if produced is None:
        produced = ordered - rejected - short
        if produced < 0:
            raise _unbalanced(ordered, Decimal(0), rejected, short)
    _check_reasons(outcome, rejected=rejected, short=short)
    total = produced + rejected + short
    if total < ordered or (total > ordered and short > 0):
        raise _unbalanced(ordered, produced, rejected, short)
    limit = ordered * (1 + tolerance)
    if total > limit and not by_admin:
        raise refusals.OverYield(
            pointer="/produced_quantity",
            produced=amounts.plain(total),
            limit=amounts.plain(limit),
            ordered=amounts.plain(ordered),
        )
    return produced, rejected, short


def correct(run: Run, outcome: Yield, *, reason: str) -> events.Event:
    """An admin sets right what a completed run brought: what is left out stays, the balance holds, there is no limit above.

    Raises Refusal and then nothing was changed.
    """
    if run.is_container:
        raise refusals.IsContainer()
    if run.status is not Status.COMPLETED:
        raise refusals.WrongState(verb="correcting the output", why=f"the run is {run.status.value}, not completed.")
    before, meant = _output(run), _over_what_was(run, outcome)
    produced, rejected, short = balance(run.quantity, meant, tolerance=Decimal(0), by_admin=True)
    run.produced_quantity, run.rejected_quantity, run.short_quantity = produced, rejected, short
    run.rejection_reason = meant.rejection_reason if rejected else None
    run.rejection_notes = meant.rejection_notes if rejected else None
    run.short_reason = meant.short_reason if short else None
    return events.OutputCorrected(reason=reason, before=before, after=_output(run))


def _over_what_was(run: Run, outcome: Yield) -> Yield:
    """The correction over the pieces as they were; pieces produced follow from the others unless they are said."""
    if outcome.produced_quantity is None and outcome.rejected_quantity is None and outcome.short_quantity is None:
        outcome = msgspec.structs.replace(outcome, produced_quantity=run.produced_quantity)
    was = {name: getattr(run, name) for name in Yield.__struct_fields__ if name != "produced_quantity"}
    said = {name: value for name, value in msgspec.structs.asdict(outcome).items() if value is not None}
    return Yield(**{**was, **said})


def _output(run: Run) -> dict[str, str | None]:
    return {
        "produced_quantity": amounts.plain(run.produced_quantity or Decimal(0)),
        "rejected_quantity": amounts.plain(run.rejected_quantity or Decimal(0)),
        "rejection_reason": run.rejection_reason.value if run.rejection_reason else None,
        "short_quantity": amounts.plain(run.short_quantity or Decimal(0)),
        "short_reason": run.short_reason,
    }


def _check_reasons(outcome: Yield, *, rejected: Decimal, short: Decimal) -> None:
    if rejected > 0 and not outcome.rejection_reason:
        raise refusals.ReasonMissing(
            pointer="/rejection_reason", field="rejected_quantity", reason="a rejection_reason"
        )
    if short > 0 and not (outcome.short_reason or "").strip():
        raise refusals.ReasonMissing(pointer="/short_reason", field="short_quantity", reason="a short_reason")


def _unbalanced(ordered: Decimal, produced: Decimal, rejected: Decimal, short: Decimal) -> refusals.Unbalanced:
    return refusals.Unbalanced(
        pointer="/produced_quantity",
        ordered=amounts.plain(ordered),
        produced=amounts.plain(produced),
        rejected=amounts.plain(rejected),
        short=amounts.plain(short),
        total=amounts.plain(produced + rejected + short),
    )
