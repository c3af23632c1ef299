"""A sample run moves its design along; the mapping is policy, the designs to leave alone are not."""

from shared.domain import events
from shared.domain.policy import Policy
from shared.domain.runs import Run

LEFT_ALONE = frozenset({"Commerce_Ready", "Rejected", "On_Hold"})
"""A design in one of these is not moved by a sample."""

_MILESTONE = {events.RunStarted: "start", events.RunFinished: "finish", events.RunCompleted: "complete"}


def status_after(event: events.Event, run: Run, policy: Policy) -> str | None:
    """The status a sample's event moves its design to; None moves nothing. A part's completion is not yet the sample's."""
    milestone = _MILESTONE.get(type(event))
    if milestone == "complete" and run.parent_run_id:
        return None
    return getattr(policy.sample_design, milestone) if milestone else None
