"""The ladder of reminders: whom silence is owed to, how often it is asked, and what stands at the end. Pure; time is an argument."""

from collections.abc import Callable
from datetime import datetime, timedelta
from enum import StrEnum

import msgspec

from shared.domain import events, notices
from shared.domain.policy import Policy
from shared.domain.runs import Run, Status

SATURDAY = 5


class Stage(StrEnum):
    """What the partner is reminded of."""

    ACCEPT = "accept"
    START = "start"
    FINISH = "finish"
    """Work has started: until the run ends, something should be heard of it."""


class Act(StrEnum):
    """What is due."""

    REMIND = "remind"
    PARK = "park"
    ESCALATE = "escalate"


class Ladder(msgspec.Struct, frozen=True):
    """One row: the stage, since when it waits, its patience in the policy, and what comes after the last reminder."""

    stage: Stage
    since: Callable[[Run], datetime | None]
    patience: str
    ends_in: Act
    news_count: bool
    """Whether anything heard of the run begins the silence anew."""


LADDERS = (
    Ladder(Stage.ACCEPT, lambda run: run.dispatch_completed_at, "accept_hours", Act.PARK,     False),
    Ladder(Stage.START,  lambda run: run.accepted_at,           "start_hours",  Act.ESCALATE, False),
    Ladder(Stage.FINISH, lambda run: run.started_at,            "idle_hours",   Act.ESCALATE, True),
)  # fmt: skip
_BY_STAGE = {ladder.stage: ladder for ladder in LADDERS}


class Rung(msgspec.Struct, frozen=True, kw_only=True):
    """A step of the ladder that was taken. sent_at: when its message reached somebody; None when it has not."""

    stage: str
    number: int
    at: datetime
    sent_at: datetime | None = None
    is_end: bool = False


class History(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a run beside its row: the rungs of its present round, the last word of a person, the end of a hold."""

    rungs: tuple[Rung, ...] = ()
    heard_at: datetime | None = None
    resumed_at: datetime | None = None


class Due(msgspec.Struct, frozen=True):
    """What is to be done now, as the next rung of its stage."""

    stage: Stage
    number: int
    act: Act


def due(run: Run, history: History, *, at: datetime, zone: str, policy: Policy) -> Due | None:
    """What the ladder asks for at an instant, if anything. A reminder that was not sent is no reminder, but a try of its day."""
    stage = stage_of(run)
    if stage is None or not policy.reminders.enabled or not is_open_hour(at, zone=zone, hour=policy.reminders.hour):
        return None
    rungs = [rung for rung in history.rungs if rung.stage == stage]
    if any(rung.is_end or _day(rung.at, zone) == _day(at, zone) for rung in rungs):
        return None
    if at - _silent_since(run, history, rungs, _BY_STAGE[stage]) <= patience(stage, policy):
        return None
    sent = sum(1 for rung in rungs if rung.sent_at)
    act = Act.REMIND if sent < policy.reminders.most_per_stage else _BY_STAGE[stage].ends_in
    return Due(stage, len(rungs) + 1, act)


def still_stands(run: Run, history: History, rung: Rung, *, round_: int) -> bool:
    """The partner still owes what this rung of a round reminds of: nothing that ends or renews the silence came after it."""
    stage = stage_of(run)
    if stage is None or (stage, run.dispatch_round) != (rung.stage, round_):
        return False
    return _silent_since(run, history, [], _BY_STAGE[stage]) <= rung.at


def told(found: Due) -> events.Event:
    """What a rung that leaves the run with its partner tells."""
    where = {"stage": found.stage.value, "number": found.number}
    if found.act is Act.ESCALATE:
        return events.RunEscalated(reason=f"it waits for {found.stage.value}", after=where)
    return events.RunReminded(after=where)


def stage_of(run: Run) -> Stage | None:
    """What the run's partner is waited for; None when it is not the partner's turn."""
    if run.held_at or run.is_container or not run.partner_id:
        return None
    if run.status is Status.SENT_TO_PARTNER:
        return Stage.ACCEPT if run.dispatch_completed_at else None
    if run.status is not Status.IN_PROGRESS or not run.accepted_at:
        return None
    return Stage.FINISH if run.started_at else Stage.START


def is_open_hour(at: datetime, *, zone: str, hour: int) -> bool:
    """A weekday, at or after the hour, on the clock of a zone."""
    local = at.astimezone(notices.zone(zone))
    return local.weekday() < SATURDAY and local.hour >= hour


def patience(stage: Stage, policy: Policy) -> timedelta:
    """How long a stage may be silent."""
    return timedelta(hours=getattr(policy.reminders, _BY_STAGE[stage].patience))


def question(run_id: str, *, round_: int, found: Due, at: datetime, zone: str) -> str:
    """The name under which a rung is asked for once: on its day, whatever number of sweeps sees it."""
    return f"remind_{run_id}_{round_}_{found.stage}_{found.number}_{_day(at, zone)}"


def _silent_since(run: Run, history: History, rungs: list[Rung], ladder: Ladder) -> datetime:
    """The last of: the stage began, a hold ended, a reminder was sent, and, for some, anything was heard."""
    heard = history.heard_at if ladder.news_count else None
    instants = [ladder.since(run), history.resumed_at, heard, *(rung.sent_at for rung in rungs)]
    return max(instant for instant in instants if instant)


def _day(at: datetime, zone: str) -> str:
    return at.astimezone(notices.zone(zone)).date().isoformat()
