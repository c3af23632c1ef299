"""The cascade: what a family's rows say must happen next. Judged from all of them under the parent's lock, never from an event."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

import msgspec

from shared.domain import amounts, events, holds, lifecycle
from shared.domain.lifecycle import Verb
from shared.domain.runs import TERMINAL, CompletionSource, DispatchState, Run, Status


class Member(msgspec.Struct, frozen=True):
    """What the cascade reads of a child."""

    id: str
    status: Status
    stage: int | None
    partner_id: str | None
    dispatch_state: DispatchState
    dispatch_round: int
    carries_choice: bool
    child_count: int
    is_held: bool
    produced_quantity: Decimal | None
    rejected_quantity: Decimal | None
    short_quantity: Decimal | None
    depends_on: tuple[str, ...]


class Predecessor(msgspec.Struct, frozen=True):
    """A run that another waits for."""

    id: str
    status: Status


class Release(msgspec.Struct, frozen=True):
    """A child whose predecessors are all completed: send it, or open its dispatch when no templates were chosen."""

    run_id: str
    round: int
    with_choice: bool


def releases(parent: Run, children: Sequence[Member], *, waited: Sequence[Predecessor] = ()) -> list[Release]:
    """The approved children that only waited for others, now that all of those are completed. A held parent releases none.

    waited: what the parent itself, and every container around it, waited for; its parts wait for the same.
    A child that was split itself is released like any other: its own parts go out then.

    Left to a person: a child whose predecessor was cancelled, and one that was dispatched before (round above 0: it lapsed
    or was reassigned). A child without predecessors never waited for anybody; one on hold is looked at again when it goes on.
    """
    if parent.held_at or any(before.status is not Status.COMPLETED for before in waited):
        return []
    status_of = {child.id: child.status for child in children}
    return [
        Release(run_id=child.id, round=child.dispatch_round, with_choice=child.carries_choice)
        for child in children
        if child.status is Status.APPROVED
        and child.dispatch_state is DispatchState.IDLE
        and child.dispatch_round == 0
        and (child.partner_id or child.child_count)
        and not child.is_held
        and (child.depends_on or waited)
        and all(status_of.get(before) is Status.COMPLETED for before in child.depends_on)
    ]


def awakened(parent: Run, children: Sequence[Member], *, waited: Sequence[Predecessor] = ()) -> list[Release]:
    """What to ask for after a hold: what is released now, and every split part under way, for its parts stood still too."""
    if parent.held_at:
        return []
    under_way = [
        Release(run_id=child.id, round=child.dispatch_round, with_choice=child.carries_choice)
        for child in children
        if child.child_count and child.status is Status.IN_PROGRESS and not child.is_held
    ]
    return [*releases(parent, children, waited=waited), *under_way]


def follow(parent: Run, children: Sequence[Member], *, at: datetime) -> list[events.Event]:
    """Bring the parent to where its children are: in progress with the first accepted, closed with the last. Else nothing."""
    if parent.status is Status.COMPLETED and children:
        return _correct(parent, children)
    if parent.is_terminal or not children:
        return []
    if all(child.status in TERMINAL for child in children):
        return [_close(parent, children, at=at)]
    if parent.status is Status.APPROVED and any(child.status in _WORKED_ON for child in children):
        lifecycle.follow_parts(parent, Status.IN_PROGRESS, at=at)
        return [
            events.RunInProgress(before={"status": Status.APPROVED.value}, after={"status": Status.IN_PROGRESS.value})
        ]
    return []


def totals(children: Sequence[Member]) -> tuple[Decimal, Decimal, Decimal]:
    """Produced, rejected and short of the family: the sum over the last stage, or over all when there are no stages."""
    stages = [child.stage for child in children if child.stage is not None]
    last = [child for child in children if not stages or child.stage == max(stages)]
    made = [child for child in last if child.status is Status.COMPLETED]
    return (
        sum((child.produced_quantity or Decimal(0) for child in made), Decimal(0)),
        sum((child.rejected_quantity or Decimal(0) for child in made), Decimal(0)),
        sum((child.short_quantity or Decimal(0) for child in made), Decimal(0)),
    )


def _correct(parent: Run, children: Sequence[Member]) -> list[events.Event]:
    """The totals of a completed parent follow a correction of its parts."""
    before, after = (parent.produced_quantity, parent.rejected_quantity, parent.short_quantity), totals(children)
    if before == after:
        return []
    parent.produced_quantity, parent.rejected_quantity, parent.short_quantity = after
    return [
        events.OutputCorrected(
            reason="the output of its parts was corrected", before=_pieces(before), after=_pieces(after)
        )
    ]


def _pieces(counts: tuple[Decimal | None, ...]) -> dict[str, str]:
    names = ("produced_quantity", "rejected_quantity", "short_quantity")
    return {name: amounts.plain(count or Decimal(0)) for name, count in zip(names, counts, strict=True)}


_WORKED_ON = frozenset({Status.IN_PROGRESS, Status.COMPLETED})


def _close(parent: Run, children: Sequence[Member], *, at: datetime) -> events.Event:
    before = parent.status
    parent.waiting_for = parent.waiting_until = parent.overdue_at = None
    holds.end(parent)
    if not any(child.status is Status.COMPLETED for child in children):
        reason = "all its parts were cancelled"
        parent.cancelled_reason = reason
        return lifecycle.reach(parent, Verb.CANCEL, at=at, reason=reason)
    produced, rejected, short = totals(children)
    lifecycle.follow_parts(parent, Status.COMPLETED, at=at)
    parent.completion_source = CompletionSource.CHILDREN
    parent.is_partial = any(child.status is Status.CANCELLED for child in children)
    parent.produced_quantity, parent.rejected_quantity, parent.short_quantity = produced, rejected, short
    return events.RunCompleted(
        before={"status": before.value},
        after={
            "status": parent.status.value,
            "completion_source": CompletionSource.CHILDREN.value,
            "is_partial": parent.is_partial,
            "produced_quantity": amounts.plain(produced),
            "rejected_quantity": amounts.plain(rejected),
            "short_quantity": amounts.plain(short),
        },
    )
