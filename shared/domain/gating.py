"""Gating: whether a run that an order made may go to a partner without a person, and to whom."""

from collections.abc import Sequence

from shared.domain.allocation import Assignment
from shared.domain.orders import DesignFacts
from shared.domain.policy import Policy
from shared.domain.runs import Run, Status

READY = "Commerce_Ready"
"""The only status of a design whose runs may go out by themselves."""


def share_for(run: Run, design: DesignFacts, *, linked: Sequence[str], policy: Policy) -> Assignment | None:
    """The one partner's share of the whole run, None when a person must decide. linked: the design's active partners."""
    is_open = run.status is Status.PENDING_REVIEW and not run.held_at and run.order_id is not None
    if not (policy.auto_dispatch.enabled and is_open and design.status == READY):
        return None
    partner_id = route(design, linked=linked, policy=policy)
    if partner_id is None:
        return None
    return Assignment(partner_id=partner_id, template_category=policy.auto_dispatch.template_category)


def route(design: DesignFacts, *, linked: Sequence[str], policy: Policy) -> str | None:
    """The design's own route, else its category's, else its only linked partner."""
    explicit = policy.routes.designs.get(design.id) or policy.routes.categories.get(design.category or "")
    if explicit:
        return explicit
    return linked[0] if len(linked) == 1 else None
