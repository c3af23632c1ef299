"""A sample run moves its design along; the mapping is policy, the designs to leave alone are not."""

from collections.abc import Collection

from shared.domain import events
from shared.domain.policy import Policy, SampleDesign
from shared.domain.runs import Run

LEFT_ALONE = frozenset({"Commerce_Ready", "Rejected", "On_Hold"})
"""A design in one of these is not moved by a sample."""

ORDER = SampleDesign.__struct_fields__
"""The milestones that move a design, as they follow each other."""

_MILESTONE = {events.RunStarted: "start", events.RunFinished: "finish", events.RunCompleted: "complete"}


def status_after(event: events.Event, run: Run, policy: Policy) -> str | None:
    """The status a sample's event moves its design to; None moves nothing. A part's completion is not yet the sample's."""
    milestone = _MILESTONE.get(type(event))
    if milestone == "complete" and run.parent_run_id:
        return None
    return getattr(policy.sample_design, milestone) if milestone else None


def left_alone(event: events.Event, reached: Collection[str], policy: Policy) -> frozenset[str]:
    """The statuses in which the event leaves its design. reached: milestones that other parts of the sample have behind them.

    A sample in parts moves its design forward only: where a later milestone of one part brought it, an earlier milestone of
    another does not take it back. A sample of its own begins from the start again.
    """
    milestone = _MILESTONE.get(type(event))
    later = ORDER[ORDER.index(milestone) + 1 :] if milestone else ()
    statuses = (getattr(policy.sample_design, name) for name in later if name in reached)
    return LEFT_ALONE.union(status for status in statuses if status)
