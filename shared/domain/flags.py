"""Flags: something changed outside after a run was made. The run is left as it is, and a person decides."""

from collections.abc import Iterable
from datetime import datetime

from shared.domain import events, refusals
from shared.domain.runs import Run, Status


def put(run: Run, *, reason: str, at: datetime) -> events.Event:
    """Flag a run; a second reason stands beside the first."""
    run.flagged_reason = f"{run.flagged_reason}; {reason}" if run.flagged_at else reason
    run.flagged_at = at
    return events.RunFlagged(reason=reason, after={"flagged_reason": run.flagged_reason})


def resolve(run: Run, *, reason: str) -> events.Event:
    """A person decided. Raises NotFlagged."""
    if not run.flagged_at:
        raise refusals.NotFlagged()
    before, run.flagged_at, run.flagged_reason = run.flagged_reason, None, None
    return events.RunFlagResolved(reason=reason, before={"flagged_reason": before})


def went_out(family: Iterable[Run]) -> bool:
    """Something of a family is or was before a partner: then it is not ended behind their back."""
    return any(run.status not in _INSIDE for run in family)


_INSIDE = frozenset({Status.DRAFT, Status.PENDING_REVIEW, Status.APPROVED, Status.CANCELLED})
