"""What can be done to a run now, and why the rest cannot: read off the lifecycle's table and the rules beside it."""

from collections.abc import Callable, Mapping

from services.api.pages.console import run_family
from services.api.queries.families import Family
from services.api.queries.runs import View
from shared.domain import consumption, lifecycle, media, refusals
from shared.domain.lifecycle import Verb
from shared.domain.refusals import Refusal
from shared.domain.runs import STATUS_SENTENCES, DispatchState, Phase, Run, Status, phase

VERBS: Mapping[str, Verb] = {
    "approve": Verb.APPROVE,
    "split": Verb.SPLIT,
    "dispatch": Verb.DISPATCH,
    "confirm": Verb.CONFIRM,
    "send": Verb.DISPATCH,
    "assign": Verb.REASSIGN,
    "accept": Verb.ACCEPT,
    "decline": Verb.DECLINE,
    "start": Verb.START,
    "finish": Verb.FINISH,
    "complete": Verb.COMPLETE,
    "hold": Verb.HOLD,
    "resume": Verb.RESUME,
    "cancel": Verb.CANCEL,
}
"""Form → the step of the lifecycle it asks for."""

TITLES = {
    "approve": "Approve",
    "split": "Split",
    "dispatch": "Open the dispatch",
    "confirm": "Choose templates",
    "send": "Send at once",
    "assign": "Give to another partner",
    "accept": "Accept",
    "decline": "Decline",
    "start": "Start",
    "finish": "Finish",
    "complete": "Settle",
    "hold": "Hold",
    "resume": "Resume",
    "cancel": "Cancel",
    "tasks": "Add tasks",
    "correct": "Correct the output",
    "log": "Log material",
    "upload": "Add pictures",
    "resolve": "Resolve the flag",
}

NEXT = {
    Phase.REVIEW: "approve",
    Phase.APPROVED: "send",
    Phase.ASSIGNED: "accept",
    Phase.ACCEPTED: "start",
    Phase.STARTED: "finish",
    Phase.FINISHED: "complete",
    Phase.AWAITING_REASSIGNMENT: "assign",
}
"""Phase → the form that leads on from it."""

_OF_PHASES = {
    Phase.ACCEPTED: "The partner accepted it and has not started.",
    Phase.STARTED: "The partner works on it.",
    Phase.FINISHED: "The pieces are finished; it waits to be settled.",
}
_OF_CONTAINERS = {
    Status.APPROVED: "It is split, and no part was accepted yet.",
    Status.IN_PROGRESS: "Its parts are being made.",
    Status.COMPLETED: "Its parts are settled.",
}

Whys = Mapping[str, str]
"""Form → why it is not possible now; a form that is not named is."""


def next_of(run: Run) -> str:
    """The form that leads on, nothing where there is none."""
    if run.is_container:
        return ""
    is_waiting = run.status is Status.APPROVED and run.dispatch_state is DispatchState.AWAITING_TEMPLATES
    return "confirm" if is_waiting else NEXT.get(phase(run), "")


def standing(run: Run) -> str:
    """How the run stands, in a sentence."""
    own = _OF_CONTAINERS.get(run.status) if run.is_container else _OF_PHASES.get(phase(run))
    return own or STATUS_SENTENCES[run.status]


def grouped(found: Whys) -> list[tuple[str, str]]:
    """Each reason once, with all that it forbids; flag and hold have places of their own."""
    reasons: dict[str, list[str]] = {}
    for name, why in found.items():
        if name not in ("resolve", "resume"):
            reasons.setdefault(why, []).append(TITLES[name])
    return [(why, ", ".join(titles)) for why, titles in reasons.items()]


def whys(view: View, family: Family) -> Whys:
    """Why each step is not possible now."""
    found = {name: lifecycle.refusal(view.run, verb, view.facts) for name, verb in VERBS.items()}
    found |= {name: rule(view.run) for name, rule in _RULES.items()}
    return {name: _sentence(no, name, view, family) for name, no in found.items() if no}


def _add_tasks(run: Run) -> Refusal | None:
    if run.is_container:
        return refusals.IsContainer()
    if run.held_at:
        return refusals.OnHold()
    if run.status not in (Status.SENT_TO_PARTNER, Status.IN_PROGRESS):
        return refusals.WrongState(verb="tasks", why="tasks are added from dispatch until the end.")
    return None


def _correct(run: Run) -> Refusal | None:
    if run.is_container:
        return refusals.IsContainer()
    if run.status is not Status.COMPLETED:
        return refusals.WrongState(verb="correct", why="only what a settled run brought can be corrected.")
    return None


def _log(run: Run) -> Refusal | None:
    try:
        consumption.open_to_logs(run)
    except Refusal as no:
        return no
    return None


def _resolve(run: Run) -> Refusal | None:
    return None if run.flagged_at else refusals.NotFlagged()


_RULES: Mapping[str, Callable[[Run], Refusal | None]] = {
    "tasks": _add_tasks,
    "correct": _correct,
    "log": _log,
    "upload": media.closed,
    "resolve": _resolve,
}
"""Rules of what is no step of the lifecycle."""


def _sentence(no: Refusal, name: str, view: View, family: Family) -> str:
    """The refusal without machine words: by name what it waits for, in a sentence how the run stands."""
    run = view.run
    if isinstance(no, refusals.WaitsForPredecessors):
        waited = [family.by_id[each] for each in view.facts.unsettled if each in family.by_id]
        return f"It waits for {run_family.list_called(waited) or 'earlier stages'} to be settled first."
    if isinstance(no, refusals.RepeatedStep):
        return "That was done already."
    if isinstance(no, refusals.WrongState) and name in VERBS and run.status not in lifecycle.STEPS[VERBS[name]].leaves:
        return standing(run)
    if isinstance(no, refusals.WrongState) and name in _BY_DISPATCH:
        return _BY_DISPATCH_SENTENCES[run.dispatch_state]
    if isinstance(no, refusals.WrongState) and name in ("log", "upload"):
        return standing(run)
    detail = no.detail.partition("is not possible: ")[2] or no.detail
    return detail[:1].upper() + detail[1:]


_BY_DISPATCH = frozenset({"split", "dispatch", "send", "confirm"})
_BY_DISPATCH_SENTENCES = {
    DispatchState.IDLE: "No dispatch is waiting for templates.",
    DispatchState.AWAITING_TEMPLATES: "The dispatch waits for its templates already.",
    DispatchState.COMPLETED: "It was dispatched already.",
}
