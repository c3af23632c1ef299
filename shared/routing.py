"""Who hears what. Two tables are the whole choreography; the gateway and the workers write deliveries from them."""

from collections.abc import Callable
from enum import StrEnum

import msgspec

from shared.domain import commands, events
from shared.domain.runs import Run, RunType


class Room(StrEnum):
    """A queue that operators see."""

    ORDERS = "orders"
    DISPATCH = "dispatch"
    MILESTONES = "milestones"
    TASKS = "tasks"
    CASCADE = "cascade"
    EFFECTS = "effects"


class Lane(StrEnum):
    """Whose order a delivery keeps: deliveries of one lane are carried out one after the other."""

    RUN = "run"
    """The run the message is about; its actor locks that run."""
    PARENT = "parent"
    """The run's parent; its actor locks the parent. Heard only when there is one."""
    NONE = "none"
    """Nobody's: order does not matter."""


class Hearer(msgspec.Struct, frozen=True):
    """An actor that hears a message, the room it works in, and the lane it keeps."""

    actor: str
    room: Room
    lane: Lane = Lane.RUN
    when: Callable[[Run], bool] | None = None


class Address(msgspec.Struct, frozen=True):
    """Where one delivery goes."""

    actor: str
    room: Room
    lane_run_id: str | None


def _is_sample(run: Run) -> bool:
    return run.run_type is RunType.SAMPLE


def _is_container(run: Run) -> bool:
    return run.is_container


def _orders(actor: str) -> Hearer:
    return Hearer(actor, Room.ORDERS, Lane.NONE)


def _dispatch(actor: str) -> Hearer:
    return Hearer(actor, Room.DISPATCH)


def _milestone(actor: str) -> Hearer:
    return Hearer(actor, Room.MILESTONES)


def _task(actor: str) -> Hearer:
    return Hearer(actor, Room.TASKS)


COMMAND_HEARERS: dict[type[commands.Command], Hearer] = {
    commands.PlaceOrder:       _orders("place_order"),
    commands.UpdateOrder:      _orders("update_order"),
    commands.CancelOrder:      _orders("cancel_order"),
    commands.ChangeLines:      _orders("change_lines"),
    commands.RetryLine:        _orders("retry_line"),
    commands.RetryProduct:     _orders("retry_lines"),
    commands.CreateRun:        _orders("create_run"),
    commands.CreateDesignRun:  _orders("create_design_run"),
    commands.ApproveRun:       _dispatch("approve_run"),
    commands.SplitRun:         _dispatch("split_run"),
    commands.RouteRun:         _dispatch("route_run"),
    commands.DispatchRun:      _dispatch("dispatch_run"),
    commands.ConfirmDispatch:  _dispatch("confirm_dispatch"),
    commands.SendToProduction: _dispatch("send_to_production"),
    commands.ReleaseRun:       _dispatch("release_run"),
    commands.AssignPartner:    _dispatch("assign_partner"),
    commands.AcceptRun:        _milestone("accept_run"),
    commands.DeclineRun:       _milestone("decline_run"),
    commands.StartRun:         _milestone("start_run"),
    commands.FinishRun:        _milestone("finish_run"),
    commands.CompleteRun:      _milestone("complete_run"),
    commands.CorrectOutput:    _milestone("correct_output"),
    commands.CancelRun:        _milestone("cancel_run"),
    commands.HoldRun:          _milestone("hold_run"),
    commands.ResumeRun:        _milestone("resume_run"),
    commands.WithdrawRun:      _milestone("withdraw_run"),
    commands.FlagRun:          _milestone("flag_run"),
    commands.ResolveFlag:      _milestone("resolve_flag"),
    commands.AddNote:          _milestone("add_note"),
    commands.LapseGate:        _milestone("lapse_gate"),
    commands.RemindPartner:    _milestone("remind_partner"),
    commands.AttachMedia:      _milestone("attach_media"),
    commands.LogConsumption:   _milestone("log_consumption"),
    commands.CommitConsumption: _milestone("commit_consumption"),
    commands.CommitDesignConsumption: Hearer("commit_design_consumption", Room.MILESTONES, Lane.NONE),
    commands.AddTasks:         _task("add_tasks"),
    commands.CreateTask:       _task("create_task"),
    commands.AcceptTask:       _task("accept_task"),
    commands.FinishTask:       _task("finish_task"),
    commands.CompleteSubtask:  _task("complete_subtask"),
    commands.CommentTask:      _task("comment_task"),
    commands.UpdateTask:       _task("update_task"),
    commands.RepairFamily:     Hearer("repair_family", Room.CASCADE),
}  # fmt: skip
"""Every command is carried out by one actor."""

_FOLLOW = Hearer("follow_family", Room.CASCADE, Lane.PARENT)
_RELEASE_PARTS = Hearer("release_parts", Room.CASCADE, when=_is_container)
_MOVE_DESIGN = Hearer("move_sample_design", Room.EFFECTS, when=_is_sample)
_TELL = Hearer("notify_people", Room.EFFECTS, Lane.NONE)

EVENT_HEARERS: dict[type[events.Event], tuple[Hearer, ...]] = {
    events.RunAccepted:       (_FOLLOW,),
    events.RunInProgress:     (_FOLLOW,),
    events.RunStarted:        (_MOVE_DESIGN,),
    events.RunFinished:       (_MOVE_DESIGN,),
    events.RunCompleted:      (_FOLLOW, _MOVE_DESIGN),
    events.RunCancelled:      (_FOLLOW, _TELL),
    events.RunResumed:        (_FOLLOW, _RELEASE_PARTS),
    events.OutputCorrected:   (_FOLLOW,),
    events.StockShort:        (_TELL,),
    events.RunOverdue:        (_TELL,),
    events.RunDispatchLapsed: (_TELL,),
    events.RunDispatchFailed: (_TELL,),
    events.RunDeclined:       (_TELL,),
    events.RunSentToPartner:  (_TELL,),
    events.RunReminded:       (_TELL,),
    events.RunReassigned:     (_TELL,),
    events.TasksAdded:        (_TELL,),
    events.RunEscalated:      (_TELL,),
    events.RunParked:         (_TELL,),
    events.RunFlagged:        (_TELL,),
}  # fmt: skip
"""Every actor that acts on an event; the other events are only told."""

ROOM_OF: dict[str, Room] = {
    hearer.actor: hearer.room
    for hearer in (*COMMAND_HEARERS.values(), *(h for several in EVENT_HEARERS.values() for h in several))
}
"""The room each actor works in."""


def addresses_of_command(kind: str, *, run_id: str | None) -> list[Address]:
    """The one delivery of a command. Raises KeyError for a kind nobody carries out."""
    hearer = COMMAND_HEARERS[commands.COMMANDS[kind]]
    return [Address(hearer.actor, hearer.room, None if hearer.lane is Lane.NONE else run_id)]


def addresses_of_event(event: events.Event, run: Run | None) -> list[Address]:
    """The deliveries of an event about a run; an event nobody acts on has none."""
    hearers = EVENT_HEARERS.get(type(event), ())
    return [
        Address(hearer.actor, hearer.room, lane_run_id)
        for hearer in hearers
        for is_heard, lane_run_id in [_lane(hearer, run)]
        if is_heard
    ]


def _lane(hearer: Hearer, run: Run | None) -> tuple[bool, str | None]:
    if run and hearer.when and not hearer.when(run):
        return False, None
    if hearer.lane is Lane.PARENT:
        return bool(run and run.parent_run_id), run.parent_run_id if run else None
    return True, run.id if run and hearer.lane is Lane.RUN else None
