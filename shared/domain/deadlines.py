"""Every wait of a run and its deadline, as a table. A run has one armed wait at a time; the store keeps a timer for it."""

from datetime import datetime, timedelta
from enum import StrEnum

import msgspec

from shared.domain import events, lifecycle
from shared.domain.lifecycle import Verb
from shared.domain.policy import OnUnaccepted, Policy
from shared.domain.runs import DispatchState, Run, Status


class Gate(StrEnum):
    """What is waited for."""

    TEMPLATES = "templates"
    ACCEPT = "accept"
    START = "start"
    FINISH = "finish"
    COMPLETE = "complete"


class Lapse(StrEnum):
    """What a passed deadline does."""

    BACK_TO_IDLE = "back_to_idle"
    """The dispatch ends without a choice and can be started again."""
    OVERDUE = "overdue"
    """The run is flagged and told; its verb stays open."""


class Wait(msgspec.Struct, frozen=True):
    """One row: the step that arms the wait, the wait, and what its lapse does."""

    armed_by: Verb
    gate: Gate
    lapse: Lapse


WAITS = (
    Wait(Verb.DISPATCH, Gate.TEMPLATES, Lapse.BACK_TO_IDLE),
    Wait(Verb.CONFIRM,  Gate.ACCEPT,    Lapse.OVERDUE),
    Wait(Verb.ACCEPT,   Gate.START,     Lapse.OVERDUE),
    Wait(Verb.START,    Gate.FINISH,    Lapse.OVERDUE),
    Wait(Verb.FINISH,   Gate.COMPLETE,  Lapse.OVERDUE),
)  # fmt: skip
_ARMED_BY = {wait.armed_by: wait for wait in WAITS}
_BY_GATE = {wait.gate: wait for wait in WAITS}


def arm(run: Run, verb: Verb, *, at: datetime, policy: Policy, held: timedelta = timedelta(0)) -> None:
    """After a step: begin the wait it arms, or end waiting when it arms none. A new wait is never overdue.

    held: how long the run was on hold since it was put before its partner.
    """
    wait = _ARMED_BY.get(verb)
    run.waiting_for = wait.gate.value if wait else None
    run.waiting_until = _due(run, wait.gate, at=at, policy=policy, held=held) if wait else None
    run.overdue_at = None


def lapse(run: Run, *, gate: str, due_at: datetime, at: datetime, policy: Policy | None = None) -> events.Event | None:
    """A deadline passed. None when the run moved on meanwhile (the partner in the last second wins) or is on hold."""
    if run.is_terminal or run.held_at or run.waiting_for != gate or run.waiting_until != due_at or run.overdue_at:
        return None
    if _BY_GATE[Gate(gate)].lapse is Lapse.BACK_TO_IDLE:
        back_to_idle(run)
        return events.RunDispatchLapsed(reason=f"no templates were chosen until {due_at.isoformat()}")
    if _is_taken_back(run, gate, policy or Policy()):
        return park(run, reason=f"accept was due at {due_at.isoformat()}")
    run.overdue_at = at
    return events.RunOverdue(reason=f"{gate} was due at {due_at.isoformat()}", after={"waiting_for": gate})


def park(run: Run, *, reason: str) -> events.RunParked:
    """Take an unaccepted run back from a silent partner; nothing is waited for any more."""
    run.waiting_for = run.waiting_until = run.overdue_at = None
    return lifecycle.park(run, reason=reason)


def go_on(run: Run, *, held: timedelta) -> None:
    """After a hold: what was left of the wait is left now. A wait that had passed before stays passed."""
    if run.waiting_until and not run.overdue_at:
        run.waiting_until += held


def back_to_idle(run: Run) -> None:
    """End a dispatch, if there was one; the next one is a new round, and is not opened by itself."""
    if run.dispatch_state is not DispatchState.IDLE:
        run.dispatch_round += 1
    run.dispatch_state = DispatchState.IDLE
    run.dispatch_id = None
    run.dispatch_started_at = None
    run.waiting_for = run.waiting_until = run.overdue_at = None


def _is_taken_back(run: Run, gate: str, policy: Policy) -> bool:
    is_unaccepted = gate == Gate.ACCEPT and run.status is Status.SENT_TO_PARTNER
    return is_unaccepted and policy.deadlines.on_unaccepted is OnUnaccepted.REASSIGN


def _due(run: Run, gate: Gate, *, at: datetime, policy: Policy, held: timedelta) -> datetime:
    """Start counts from the day the run was put before the partner, as accept does, unless that day is over.

    Time on hold does not count: the day moves by it.
    """
    length = timedelta(seconds=getattr(policy.deadlines, gate.value))
    if gate is Gate.START and run.dispatch_completed_at and run.dispatch_completed_at + held + length > at:
        return run.dispatch_completed_at + held + length
    return at + length
