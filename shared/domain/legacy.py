"""The retired send-to-partner flow: its words, and how a run looks in them. The facade over runs and the import lean on it."""

from datetime import datetime
from enum import StrEnum

import msgspec

from shared.domain import runs
from shared.domain.runs import Phase, Run
from shared.domain.tasks import TaskKind, Template

CATEGORY = "legacy"
CATEGORY_ID = "tcat_legacy"

SENT = ("start", "redo", "finish", "completed")
"""What send-to-partner puts before the partner. `redo` goes out as ordinary work, so it holds nothing back."""

REWORK = ("redo-log", "redo-apply", "redo-verify")
"""The children of a redo: rework, and the run waits for it."""


def _template(place: int, name: str) -> Template:
    kind = TaskKind.REDO if name in REWORK else TaskKind.WORK
    return Template(id=f"tmpl_legacy_{name}", name=name, kind=kind, category=CATEGORY, position=place)


TEMPLATES = {name: _template(place, name) for place, name in enumerate((*SENT, *REWORK))}
"""The templates of the old flow by name; their ids are fixed, so that other templates may share the names."""


def template_ids(*names: str) -> list[str]:
    """The ids of these templates, in this order."""
    return [TEMPLATES[name].id for name in names]


class PartnerStatus(StrEnum):
    """How the old flow names where an assignment stands."""

    INCOMING = "incoming"
    ASSIGNED = "assigned"
    IN_PROGRESS = "in_progress"
    FINISHED = "finished"
    COMPLETED = "completed"


STATUS_OF_PHASE: dict[Phase, PartnerStatus | None] = {
    Phase.REVIEW: None,
    Phase.APPROVED: PartnerStatus.INCOMING,
    Phase.ASSIGNED: PartnerStatus.ASSIGNED,
    Phase.ACCEPTED: PartnerStatus.ASSIGNED,
    Phase.STARTED: PartnerStatus.IN_PROGRESS,
    Phase.FINISHED: PartnerStatus.FINISHED,
    Phase.COMPLETED: PartnerStatus.COMPLETED,
    Phase.CANCELLED: None,
    Phase.AWAITING_REASSIGNMENT: None,
}
"""Every phase in the old words. None: the old flow had no word for it and does not show the run."""


class PartnerInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What the old flow says beside a design. partner_phase: `redo` while rework is open."""

    partner_status: PartnerStatus
    partner_phase: str | None = None
    partner_started_at: datetime | None = None
    partner_finished_at: datetime | None = None
    partner_completed_at: datetime | None = None


ONLY_LINKED = PartnerInfo(partner_status=PartnerStatus.INCOMING)
"""What is said of a design that the partner is linked to and that was not sent yet."""


def partner_info(run: Run, *, has_open_redo: bool) -> PartnerInfo | None:
    """The run in the old words, None where the old flow has none."""
    status = STATUS_OF_PHASE[runs.phase(run)]
    if status is None:
        return None
    return PartnerInfo(
        partner_status=status,
        partner_phase="redo" if has_open_redo else None,
        partner_started_at=run.started_at,
        partner_finished_at=run.finished_at,
        partner_completed_at=run.completed_at,
    )
