"""Commands: what can be asked, imperative. A command is its own schema: bodies are parsed straight into it, unknown fields refused."""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, ClassVar

import msgspec

from shared.domain import amounts
from shared.domain.allocation import Assignment
from shared.domain.completion import Price, Yield
from shared.domain.consumption import Entry
from shared.domain.dispatch import Selection
from shared.domain.media import MOST_AT_ONCE, MediaReference
from shared.domain.orders import Delta, Order
from shared.domain.runs import CostType, RejectionReason, RunType
from shared.domain.tasks import Priority, TaskKind

Text = str
MOST_CONSUMPTIONS = 500
"""That may be told with one completion."""


class Command(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Something asked. `kind` is its name on the wire; whom it concerns stands on the message's envelope."""

    kind: ClassVar[str] = ""


class ChoosesTemplates(Command, frozen=True, kw_only=True):
    """A command that names templates in one of three ways."""

    template_names: list[str] | None = None
    template_ids: list[str] | None = None
    template_category: str | None = None

    @property
    def selection(self) -> Selection:
        return Selection(self.template_names, self.template_ids, self.template_category)

    def _exactly_one(self) -> None:
        given = [self.template_names is not None, self.template_ids is not None, self.template_category is not None]
        if given.count(True) != 1 or self.selection.is_empty:
            raise ValueError(
                "template_names: choose exactly one of template_names, template_ids and template_category, and not an empty one"
            )


class PlaceOrder(Command, frozen=True, kw_only=True):
    """A shop placed an order: each line becomes a run or a reason."""

    kind = "order.placed"
    source: str
    order: Order


class UpdateOrder(Command, frozen=True, kw_only=True):
    """A shop changed an order: new lines are taken, the runs of changed ones are flagged."""

    kind = "order.updated"
    source: str
    order: Order


class CancelOrder(Command, frozen=True, kw_only=True):
    """A shop cancelled an order. at: by the shop's own clock."""

    kind = "order.cancelled"
    source: str
    order_id: str
    at: datetime | None = None
    reason: Text | None = None


class ChangeLines(Command, frozen=True, kw_only=True):
    """A shop told what happened to lines without telling the order: runs are flagged. at: by the shop's own clock."""

    kind = "order.lines_changed"
    source: str
    order_id: str
    changes: list[Delta]
    at: datetime | None = None


class RetryLine(Command, frozen=True, kw_only=True):
    """Judge an order line that made no run anew."""

    kind = "order.retry_line"
    line_id: str


class RetryProduct(Command, frozen=True, kw_only=True):
    """A product was linked to a design: retry every line that waited for it."""

    kind = "order.retry_product"
    product_id: str


class CreateRun(Command, frozen=True, kw_only=True):
    """Make a run by hand."""

    kind = "run.create"
    design_id: str
    quantity: Decimal = Decimal(1)
    run_type: RunType = RunType.PRODUCTION
    partner_id: str | None = None
    product_id: str | None = None
    variant_id: str | None = None
    order_id: str | None = None
    order_line_item_id: str | None = None
    role: str | None = None
    metadata: dict[str, Any] | None = None

    def __post_init__(self) -> None:
        amounts.positive(self.quantity, "quantity")


class CreateDesignRun(ChoosesTemplates, frozen=True, kw_only=True):
    """Make a run of a design and approve it in one step. The choice of templates here is for every share without its own."""

    kind = "run.create_approved"
    design_id: str
    quantity: Decimal | None = None
    run_type: RunType = RunType.PRODUCTION
    assignments: list[Assignment] | None = None
    metadata: dict[str, Any] | None = None

    def __post_init__(self) -> None:
        amounts.positive(self.quantity, "quantity")


class ApproveRun(Command, frozen=True, kw_only=True):
    """Approve a run and allocate it."""

    kind = "run.approve"
    assignments: list[Assignment] | None = None


class SplitRun(Command, frozen=True, kw_only=True):
    """Split an approved run that was not sent yet among partners: a part of a family, or one approved without a partner."""

    kind = "run.split"
    assignments: Annotated[list[Assignment], msgspec.Meta(min_length=1)]


class DispatchRun(Command, frozen=True, kw_only=True):
    """Open a run's dispatch: templates are wanted."""

    kind = "run.dispatch"


class ConfirmDispatch(ChoosesTemplates, frozen=True, kw_only=True):
    """Choose the templates of a waiting dispatch."""

    kind = "run.confirm_dispatch"
    transaction_id: str | None = None

    def __post_init__(self) -> None:
        self._exactly_one()


class SendToProduction(ChoosesTemplates, frozen=True, kw_only=True):
    """Open and confirm a dispatch at once."""

    kind = "run.send_to_production"

    def __post_init__(self) -> None:
        self._exactly_one()


class ReleaseRun(Command, frozen=True, kw_only=True):
    """The cascade found a run that only waited for others: send it as its approver chose, or open its dispatch."""

    kind = "run.release"
    round: int


class AcceptRun(Command, frozen=True, kw_only=True):
    kind = "run.accept"


class DeclineReason(StrEnum):
    """Why a partner does not take a run."""

    CAPACITY = "capacity"
    MATERIALS_UNAVAILABLE = "materials_unavailable"
    SCHEDULING_CONFLICT = "scheduling_conflict"
    OTHER = "other"


class DeclineRun(Command, frozen=True, kw_only=True):
    kind = "run.decline"
    reason: DeclineReason
    notes: Text | None = None


class StartRun(Command, frozen=True, kw_only=True):
    kind = "run.start"


class FinishRun(Command, frozen=True, kw_only=True):
    kind = "run.finish"
    notes: Text | None = None


class CompleteRun(Command, frozen=True, kw_only=True):
    """Settle a finished run: pieces, price, notes."""

    kind = "run.complete"
    produced_quantity: Decimal | None = None
    rejected_quantity: Decimal | None = None
    rejection_reason: RejectionReason | None = None
    rejection_notes: Text | None = None
    short_quantity: Decimal | None = None
    short_reason: Text | None = None
    partner_cost: Decimal | None = None
    cost_type: CostType | None = None
    cost_currency: Text | None = None
    consumptions: Annotated[list[Entry], msgspec.Meta(max_length=MOST_CONSUMPTIONS)] | None = None
    notes: Text | None = None

    def __post_init__(self) -> None:
        self.outcome, self.price  # noqa: B018 - both check their own amounts

    @property
    def outcome(self) -> Yield:
        return Yield(
            produced_quantity=self.produced_quantity,
            rejected_quantity=self.rejected_quantity,
            rejection_reason=self.rejection_reason,
            rejection_notes=self.rejection_notes,
            short_quantity=self.short_quantity,
            short_reason=self.short_reason,
        )

    @property
    def price(self) -> Price:
        return Price(partner_cost=self.partner_cost, cost_type=self.cost_type, cost_currency=self.cost_currency)


class CorrectOutput(Command, frozen=True, kw_only=True):
    """Set right what a completed run brought; what is left out stays as it is."""

    kind = "run.correct_output"
    reason: Text
    produced_quantity: Decimal | None = None
    rejected_quantity: Decimal | None = None
    rejection_reason: RejectionReason | None = None
    rejection_notes: Text | None = None
    short_quantity: Decimal | None = None
    short_reason: Text | None = None

    def __post_init__(self) -> None:
        if not self.reason.strip():
            raise ValueError("reason: must not be empty")
        if (self.produced_quantity, self.rejected_quantity, self.short_quantity) == (None, None, None):
            raise ValueError(
                "produced_quantity: say at least one of produced_quantity, rejected_quantity and short_quantity"
            )
        self.outcome  # noqa: B018 - it checks its own amounts

    @property
    def outcome(self) -> Yield:
        return Yield(
            produced_quantity=self.produced_quantity,
            rejected_quantity=self.rejected_quantity,
            rejection_reason=self.rejection_reason,
            rejection_notes=self.rejection_notes,
            short_quantity=self.short_quantity,
            short_reason=self.short_reason,
        )


class LogConsumption(Command, frozen=True, kw_only=True):
    """Something was used for a run."""

    kind = "run.log_consumption"
    entry: Entry


class CommitsConsumption(Command, frozen=True, kw_only=True):
    """Settle logs against stock before their run does: the named ones, else all."""

    log_ids: Annotated[list[str], msgspec.Meta(max_length=1000)] | None = None
    commit_all: bool | None = None
    default_location_id: str | None = None

    def __post_init__(self) -> None:
        if self.log_ids is not None and self.commit_all:
            raise ValueError("log_ids: say either log_ids or commit_all")
        if self.log_ids is None and self.commit_all is False:
            raise ValueError("log_ids: name the logs, or say commit_all")


class CommitConsumption(CommitsConsumption, frozen=True, kw_only=True):
    """Of one run."""

    kind = "run.commit_consumption"


class CommitDesignConsumption(CommitsConsumption, frozen=True, kw_only=True):
    """Of all runs of a design."""

    kind = "design.commit_consumption"
    design_id: str


class CancelRun(Command, frozen=True, kw_only=True):
    """End a run and all its open parts."""

    kind = "run.cancel"
    reason: Text | None = None


class AssignPartner(Command, frozen=True, kw_only=True):
    """Give a run to another partner; it is not sent by this."""

    kind = "run.assign_partner"
    partner_id: str
    note: Text | None = None


class HoldRun(Command, frozen=True, kw_only=True):
    """Let a run stand still until it is resumed."""

    kind = "run.hold"
    reason: Text

    def __post_init__(self) -> None:
        _said(self.reason, "reason")


class ResumeRun(Command, frozen=True, kw_only=True):
    kind = "run.resume"


class RouteRun(Command, frozen=True, kw_only=True):
    """An order made a run: approve it by itself where the policy allows it. Asked by the system."""

    kind = "run.route"


class WithdrawRun(Command, frozen=True, kw_only=True):
    """The shop took its order back: end the run when nothing of it went out, else flag it. Asked by the system."""

    kind = "run.withdraw"
    reason: Text


class FlagRun(Command, frozen=True, kw_only=True):
    """Something changed outside, and a person must decide. Asked by the system."""

    kind = "run.flag"
    reason: Text


class ResolveFlag(Command, frozen=True, kw_only=True):
    """A person decided what a flag was raised for."""

    kind = "run.resolve_flag"
    reason: Text

    def __post_init__(self) -> None:
        _said(self.reason, "reason")


class AddTasks(ChoosesTemplates, frozen=True, kw_only=True):
    """Add tasks to a dispatched run: rework, any number of rounds."""

    kind = "run.add_tasks"
    # `kind` of the tasks cannot share its name with the command's own, so it is read from the body under an alias.
    task_kind: TaskKind = msgspec.field(default=TaskKind.REDO, name="kind")
    piece: Text | None = None

    def __post_init__(self) -> None:
        self._exactly_one()


class AddNote(Command, frozen=True, kw_only=True):
    kind = "run.note"
    text: Text

    def __post_init__(self) -> None:
        _said(self.text, "text")


class AttachMedia(Command, frozen=True, kw_only=True):
    """Attach pictures to a run."""

    kind = "run.attach_media"
    media_files: list[MediaReference]

    def __post_init__(self) -> None:
        if not 0 < len(self.media_files) <= MOST_AT_ONCE:
            raise ValueError(f"media_files: name at least one and at most {MOST_AT_ONCE}")


class LapseGate(Command, frozen=True, kw_only=True):
    """A deadline passed; asked by the sweep, decided under the run's lock."""

    kind = "run.lapse_gate"
    gate: str
    due_at: datetime
    swept_at: datetime


class RemindPartner(Command, frozen=True, kw_only=True):
    """A partner has been silent; asked by the sweep, decided under the run's lock."""

    kind = "run.remind"
    round: int
    stage: str
    number: int
    swept_at: datetime


class RepairFamily(Command, frozen=True, kw_only=True):
    """A family's state may not follow from its rows; asked by the repair sweep."""

    kind = "run.repair_family"


class CreateTask(Command, frozen=True, kw_only=True):
    """Give a partner a stand-alone task, or a subtask of any of their tasks."""

    kind = "task.create"
    partner_id: str
    title: Text
    description: Text | None = None
    priority: Priority = Priority.MEDIUM
    parent_task_id: str | None = None

    def __post_init__(self) -> None:
        if not self.title.strip():
            raise ValueError("title: must not be empty")


class OfTask(Command, frozen=True, kw_only=True):
    """A command about one task, named by the path."""

    task_id: str


class AcceptTask(OfTask, frozen=True, kw_only=True):
    kind = "task.accept"


class FinishTask(OfTask, frozen=True, kw_only=True):
    kind = "task.finish"
    actual_cost: Decimal | None = None
    cost_type: CostType | None = None
    cost_currency: Text | None = None

    def __post_init__(self) -> None:
        amounts.not_negative(self.actual_cost, "actual_cost")


class CompleteSubtask(OfTask, frozen=True, kw_only=True):
    kind = "task.complete_subtask"
    subtask_id: str


class CommentTask(OfTask, frozen=True, kw_only=True):
    kind = "task.comment"
    comment: Text

    def __post_init__(self) -> None:
        if not self.comment.strip():
            raise ValueError("comment: must not be empty")


class TaskChange(StrEnum):
    """Task states another system may report."""

    ACCEPTED = "accepted"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"


class UpdateTask(OfTask, frozen=True, kw_only=True):
    """Another system says a task moved on."""

    kind = "task.updated"
    status: TaskChange


def _said(text: str, name: str) -> None:
    if not text.strip():
        raise ValueError(f"{name}: must not be empty")


def _leaves(command: type[Command]) -> list[type[Command]]:
    below = command.__subclasses__()
    return ([command] if command.kind else []) + [leaf for sub in below for leaf in _leaves(sub)]


COMMANDS: dict[str, type[Command]] = {command.kind: command for command in _leaves(Command)}
"""Every command by its name."""
