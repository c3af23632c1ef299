"""A production run: one stage of making one thing at one maker. Status, stamps and what is read off them."""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

import msgspec


class Status(StrEnum):
    """Where a run stands. `STATUS_SENTENCES` says each in a sentence."""

    DRAFT = "draft"
    PENDING_REVIEW = "pending_review"
    APPROVED = "approved"
    SENT_TO_PARTNER = "sent_to_partner"
    IN_PROGRESS = "in_progress"
    AWAITING_REASSIGNMENT = "awaiting_reassignment"
    COMPLETED = "completed"
    CANCELLED = "cancelled"


STATUS_SENTENCES = {
    Status.DRAFT: "It is being written.",
    Status.PENDING_REVIEW: "It waits for an admin's approval.",
    Status.APPROVED: "It is allocated and not yet sent.",
    Status.SENT_TO_PARTNER: "The partner has it and has not answered.",
    Status.IN_PROGRESS: "The partner accepted it; the stamps say how far it is.",
    Status.AWAITING_REASSIGNMENT: "The partner declined or stayed silent; a new one is wanted.",
    Status.COMPLETED: "It is settled.",
    Status.CANCELLED: "It ended without being made.",
}

TERMINAL = frozenset({Status.COMPLETED, Status.CANCELLED})
OPEN = tuple(status for status in Status if status not in TERMINAL)


class Phase(StrEnum):
    """Status and stamps in one word, derived, never stored."""

    REVIEW = "review"
    APPROVED = "approved"
    ASSIGNED = "assigned"
    ACCEPTED = "accepted"
    STARTED = "started"
    FINISHED = "finished"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    AWAITING_REASSIGNMENT = "awaiting_reassignment"


class RunType(StrEnum):
    """A production run leaves its design alone; a sample run moves it along."""

    PRODUCTION = "production"
    SAMPLE = "sample"


class DispatchState(StrEnum):
    """How far the dispatch of a run is."""

    IDLE = "idle"
    AWAITING_TEMPLATES = "awaiting_templates"
    COMPLETED = "completed"


class CompletionSource(StrEnum):
    """Which path closed the run."""

    MILESTONE = "milestone"
    TASKS = "tasks"
    ADMIN = "admin"
    CHILDREN = "children"


class CostType(StrEnum):
    """How a partner's price is meant."""

    PER_UNIT = "per_unit"
    TOTAL = "total"


class RejectionReason(StrEnum):
    """Why pieces were rejected."""

    STITCHING_DEFECT = "stitching_defect"
    FABRIC_FLAW = "fabric_flaw"
    COLOR_MISMATCH = "color_mismatch"
    SIZING_ERROR = "sizing_error"
    PRINT_DEFECT = "print_defect"
    MATERIAL_DAMAGE = "material_damage"
    QUALITY_BELOW_STANDARD = "quality_below_standard"
    OTHER = "other"


class Run(msgspec.Struct, kw_only=True):
    """What an actor decides on. Every field is a column of `production_run` of the same name; times are aware UTC."""

    id: str
    status: Status
    quantity: Decimal
    design_id: str
    run_type: RunType = RunType.PRODUCTION
    parent_run_id: str | None = None
    child_count: int = 0
    role: str | None = None
    stage: int | None = None
    partner_id: str | None = None
    previous_partner_id: str | None = None
    product_id: str | None = None
    variant_id: str | None = None
    source: str | None = None
    order_id: str | None = None
    order_line_item_id: str | None = None
    snapshot_id: str | None = None
    accepted_at: datetime | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    completed_at: datetime | None = None
    cancelled_at: datetime | None = None
    cancelled_reason: str | None = None
    held_at: datetime | None = None
    held_reason: str | None = None
    flagged_at: datetime | None = None
    flagged_reason: str | None = None
    dispatch_state: DispatchState = DispatchState.IDLE
    dispatch_id: str | None = None
    dispatch_round: int = 0
    dispatch_started_at: datetime | None = None
    dispatch_completed_at: datetime | None = None
    dispatch_template_names: list[str] | None = None
    dispatch_template_ids: list[str] | None = None
    dispatch_template_category: str | None = None
    dispatched_template_ids: list[str] | None = None
    work_order_id: str | None = None
    finish_notes: str | None = None
    completion_notes: str | None = None
    completion_source: CompletionSource | None = None
    produced_quantity: Decimal | None = None
    rejected_quantity: Decimal | None = None
    rejection_reason: RejectionReason | None = None
    rejection_notes: str | None = None
    short_quantity: Decimal | None = None
    short_reason: str | None = None
    partner_cost: Decimal | None = None
    cost_type: CostType | None = None
    cost_currency: str | None = None
    is_partial: bool = False
    waiting_for: str | None = None
    waiting_until: datetime | None = None
    overdue_at: datetime | None = None

    @property
    def is_terminal(self) -> bool:
        return self.status in TERMINAL

    @property
    def is_container(self) -> bool:
        """Split among partners: only its parts are worked on."""
        return self.child_count > 0

    @property
    def carries_choice(self) -> bool:
        """The approver already said which templates go out."""
        return bool(self.dispatch_template_names or self.dispatch_template_ids or self.dispatch_template_category)


def phase(run: Run) -> Phase:
    """The one word that says it all."""
    if run.status is Status.IN_PROGRESS:
        if run.finished_at:
            return Phase.FINISHED
        return Phase.STARTED if run.started_at else Phase.ACCEPTED
    return _PHASE_OF_STATUS[run.status]


_PHASE_OF_STATUS = {
    Status.DRAFT: Phase.REVIEW,
    Status.PENDING_REVIEW: Phase.REVIEW,
    Status.APPROVED: Phase.APPROVED,
    Status.SENT_TO_PARTNER: Phase.ASSIGNED,
    Status.AWAITING_REASSIGNMENT: Phase.AWAITING_REASSIGNMENT,
    Status.COMPLETED: Phase.COMPLETED,
    Status.CANCELLED: Phase.CANCELLED,
}


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """What was agreed when the run was made: frozen, shared by a whole family, never refreshed."""

    id: str
    captured_at: datetime
    design: dict[str, Any]
    planned_materials: list[dict[str, Any]]
    provenance: dict[str, Any]
