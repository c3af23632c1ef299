"""The lifecycle of a run. One table says every step; actors, gateway, pages, documents and tests read this same table."""

from collections.abc import Iterator
from datetime import datetime
from enum import StrEnum

import msgspec

from shared.domain import events, refusals
from shared.domain.runs import OPEN, STATUS_SENTENCES, TERMINAL, DispatchState, Run, Status


class Verb(StrEnum):
    """What can be asked of a run."""

    APPROVE = "approve"
    SPLIT = "split"
    DISPATCH = "dispatch"
    CONFIRM = "confirm"
    ACCEPT = "accept"
    DECLINE = "decline"
    START = "start"
    FINISH = "finish"
    COMPLETE = "complete"
    CANCEL = "cancel"
    REASSIGN = "reassign"
    HOLD = "hold"
    RESUME = "resume"


class Step(msgspec.Struct, frozen=True):
    """One row: who may do what from where, what it sets and what it tells. Reaches None: the status stays."""

    verb: Verb
    leaves: tuple[Status, ...]
    after: str | None
    reaches: Status | None
    stamps: str | None
    tells: type[events.Event]
    by_partner: bool
    on_container: bool
    dispatch_state: DispatchState | None = None
    clears: tuple[str, ...] = ()


class Facts(msgspec.Struct, frozen=True):
    """What a step needs to know beyond the run's own row."""

    open_redo: tuple[str, ...] = ()
    """Titles of rework tasks that are still open."""
    unsettled: tuple[str, ...] = ()
    """Ids of predecessors that are neither completed nor cancelled."""


S, V = Status, Verb
LIFECYCLE = (
    #    verb        leaves                              after          reaches                  stamps           tells                     partner container dispatch
    Step(V.APPROVE,  (S.DRAFT, S.PENDING_REVIEW),        None,          S.APPROVED,              None,            events.RunApproved,        False, False),
    Step(V.SPLIT,    (S.APPROVED,),                      None,          S.APPROVED,              None,            events.RunSplit,           False, False, DispatchState.IDLE),
    Step(V.DISPATCH, (S.APPROVED,),                      None,          S.APPROVED,              "dispatch_started_at", events.RunDispatchOpened, False, False, DispatchState.IDLE),
    Step(V.CONFIRM,  (S.APPROVED,),                      "dispatch_started_at", S.SENT_TO_PARTNER, "dispatch_completed_at", events.RunSentToPartner, False, False, DispatchState.AWAITING_TEMPLATES),
    Step(V.ACCEPT,   (S.SENT_TO_PARTNER,),               None,          S.IN_PROGRESS,           "accepted_at",   events.RunAccepted,        True,  False),
    Step(V.DECLINE,  (S.SENT_TO_PARTNER, S.IN_PROGRESS), None,          S.AWAITING_REASSIGNMENT, None,            events.RunDeclined,        True,  False),
    Step(V.START,    (S.IN_PROGRESS,),                   "accepted_at", S.IN_PROGRESS,           "started_at",    events.RunStarted,         True,  False),
    Step(V.FINISH,   (S.IN_PROGRESS,),                   "started_at",  S.IN_PROGRESS,           "finished_at",   events.RunFinished,        True,  False),
    Step(V.COMPLETE, (S.IN_PROGRESS,),                   "finished_at", S.COMPLETED,             "completed_at",  events.RunCompleted,       True,  False),
    Step(V.CANCEL,   OPEN,                               None,          S.CANCELLED,             "cancelled_at",  events.RunCancelled,       False, True),
    Step(V.REASSIGN, (S.DRAFT, S.PENDING_REVIEW, S.APPROVED, S.SENT_TO_PARTNER, S.AWAITING_REASSIGNMENT),
                                                         None,          S.APPROVED,              None,            events.RunReassigned,      False, False),
    Step(V.HOLD,     OPEN,                               None,          None,                    "held_at",       events.RunHeld,            False, True),
    Step(V.RESUME,   OPEN,                               "held_at",     None,                    None,            events.RunResumed,         False, True, clears=("held_at", "held_reason")),
)  # fmt: skip
STEPS = {step.verb: step for step in LIFECYCLE}

NOT_AFTER = {V.DECLINE: "started_at"}
"""A step that a later stamp closes: who has started cannot decline."""

HELD_BACK_BY_REDO = frozenset({V.FINISH, V.COMPLETE})
NEEDS_PARTNER = frozenset({V.DISPATCH, V.CONFIRM})
OPEN_WHILE_HELD = frozenset({V.CANCEL, V.RESUME})
"""All that can be done with a run on hold."""

_NEEDED_FIRST = {
    "dispatch_started_at": "start the dispatch first",
    "accepted_at": "accept it first",
    "started_at": "start it first",
    "finished_at": "finish it first",
    "held_at": "it is not on hold",
}
_PAST_TENSE = {V.ACCEPT: "accepted", V.START: "started", V.FINISH: "finished", V.COMPLETE: "completed", V.HOLD: "held"}


def reach(run: Run, verb: Verb, *, at: datetime, facts: Facts | None = None, reason: str | None = None) -> events.Event:
    """Take one step. Status and stamps are written in this module only. Raises Refusal and then changes nothing."""
    no = refusal(run, verb, facts or Facts())
    if no:
        raise no
    step = STEPS[verb]
    before = run.status
    run.status = step.reaches or before
    if step.stamps:
        setattr(run, step.stamps, at)
    for name in step.clears:
        setattr(run, name, None)
    return step.tells(reason=reason, before={"status": before.value}, after={"status": run.status.value})


def follow_parts(parent: Run, status: Status, *, at: datetime) -> None:
    """A parent is brought to where its parts are; the cascade decided it from their rows."""
    parent.status = status
    if status is Status.COMPLETED:
        parent.completed_at = at


def park(run: Run, *, reason: str) -> events.RunParked:
    """The partner stayed silent: the run is taken back, and a new partner is wanted."""
    before, run.status = run.status, Status.AWAITING_REASSIGNMENT
    return events.RunParked(reason=reason, before={"status": before.value}, after={"status": run.status.value})


def fill_in(run: Run, *, at: datetime, only_start: bool = False) -> None:
    """The tasks led to the end without the milestones: their missing stamps are set."""
    run.started_at = run.started_at or at
    if not only_start:
        run.finished_at = run.finished_at or at


def take_back(run: Run) -> None:
    """The run leaves its partner: what that partner's dispatch stamped is no more, the timeline keeps it."""
    run.dispatch_completed_at = run.accepted_at = None
    run.dispatched_template_ids = None
    run.work_order_id = None


def refusal(run: Run, verb: Verb, facts: Facts) -> refusals.Refusal | None:
    """Why the step is not possible now, or None when it is."""
    return next(_objections(run, STEPS[verb], facts), None)


def allowed_actions(run: Run, *, for_partner: bool, facts: Facts) -> list[str]:
    """The verbs that are possible now, in the table's order; a partner sees a partner's verbs only."""
    return [
        step.verb.value
        for step in LIFECYCLE
        if (step.by_partner or not for_partner) and refusal(run, step.verb, facts) is None
    ]


def _objections(run: Run, step: Step, facts: Facts) -> Iterator[refusals.Refusal]:
    verb = step.verb
    if run.is_container and not step.on_container:
        yield refusals.NotSplit() if verb in (Verb.APPROVE, Verb.SPLIT) else refusals.IsContainer()
    if step.stamps and verb in _PAST_TENSE and getattr(run, step.stamps):
        yield refusals.RepeatedStep(verb=verb.value, at=getattr(run, step.stamps).isoformat())
    if run.status not in step.leaves:
        yield refusals.WrongState(verb=verb.value, why=_standing(run))
    if run.held_at and verb not in OPEN_WHILE_HELD:
        yield refusals.OnHold()
    if step.dispatch_state and run.dispatch_state is not step.dispatch_state:
        yield refusals.WrongState(verb=verb.value, why=_DISPATCH_STANDING[run.dispatch_state])
    if step.after and not getattr(run, step.after):
        yield refusals.WrongState(verb=verb.value, why=_NEEDED_FIRST[step.after] + ".")
    closed_by = NOT_AFTER.get(verb)
    if closed_by and getattr(run, closed_by):
        yield refusals.WrongState(verb=verb.value, why="work has started; finish it, or ask an admin to cancel it.")
    if verb in NEEDS_PARTNER and not run.partner_id:
        yield refusals.NoPartner()
    if verb in NEEDS_PARTNER and facts.unsettled:
        yield refusals.WaitsForPredecessors(count=len(facts.unsettled), ids=", ".join(facts.unsettled))
    if verb in HELD_BACK_BY_REDO and facts.open_redo:
        yield refusals.OpenRedo(titles=", ".join(facts.open_redo))


def _standing(run: Run) -> str:
    sentence = STATUS_SENTENCES[run.status]
    ended = " It has ended." if run.status in TERMINAL else ""
    return f"the run is {run.status.value}. {sentence}{ended}"


_DISPATCH_STANDING = {
    DispatchState.IDLE: "no dispatch is waiting; start the dispatch first.",
    DispatchState.AWAITING_TEMPLATES: "the dispatch waits for its templates already; confirm it.",
    DispatchState.COMPLETED: "it was dispatched already.",
}
