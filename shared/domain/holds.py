"""Hold: a run stands still until a person lets it go on. Nothing but cancel and resume works on it, and its deadline stops.

Leaves and containers alike can be held; a held container sends no more parts by itself, and nothing else.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from shared.domain import deadlines, events, lifecycle
from shared.domain.lifecycle import Verb
from shared.domain.runs import Run


def hold(run: Run, *, reason: str, at: datetime) -> events.Event:
    """Put a run on hold. Its wait stays as it was; the store disarms the timer of a held run."""
    told = lifecycle.reach(run, Verb.HOLD, at=at, reason=reason)
    run.held_reason = reason
    return told


def resume(run: Run, *, at: datetime) -> events.Event:
    """Let a run go on; its deadline moves by as long as it was held."""
    since = run.held_at
    told = lifecycle.reach(run, Verb.RESUME, at=at)
    if since:
        deadlines.go_on(run, held=at - since)
    return told


def time_held(turns: Iterable[tuple[str, datetime]]) -> timedelta:
    """How long a run that goes on was on hold in all. turns: its holds and resumptions, by kind and instant, in order."""
    total, since = timedelta(0), None
    for kind, at in turns:
        if kind == events.RunHeld.kind:
            since = at
        elif since:
            total, since = total + (at - since), None
    return total


def end(run: Run) -> None:
    """A run that ended is on hold no more; the timeline keeps that it was."""
    run.held_at = run.held_reason = None
