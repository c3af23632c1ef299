"""The cascade: under the parent's lock the family's rows are judged; what waited is asked for, the parent follows its parts."""

from collections.abc import Sequence
from typing import Any

from shared.domain import cascade, commands, events
from shared.domain.cascade import Release
from shared.storage.work import Work


def follow_family(event: events.Event, work: Work) -> None:
    """A part moved on: judge the whole family anew, never from the event."""
    parent = work.run_of_lane
    children = work.runs.members(parent.id)
    _release(cascade.releases(parent, children), event, work)
    work.tell(*cascade.follow(parent, children, at=work.now), run=parent)


def release_parts(event: events.Event, work: Work) -> None:
    """A container goes on: what its parts waited for meanwhile is asked for now."""
    parent = work.run_of_lane
    _release(cascade.releases(parent, work.runs.members(parent.id)), event, work)


def repair_family(command: commands.RepairFamily, work: Work) -> None:
    """A sweep found the parent's state not following from its rows: the same rule, and it is told when it changed something."""
    parent = work.run_of_lane
    children = work.runs.members(parent.id)
    releases = cascade.releases(parent, children)
    _release(releases, None, work)
    told = cascade.follow(parent, children, at=work.now)
    if told:
        work.tell(events.RunRepaired(reason="found by the repair sweep"), *told, run=parent)
    work.answer(run_id=parent.id, repaired=bool(told or releases))


def _release(releases: Sequence[Release], event: events.Event | None, work: Work) -> None:
    """Ask once per round; after a hold once more, for what was asked before it was skipped while it lasted."""
    after_hold = f"_{work.message.id}" if isinstance(event, events.RunResumed) else ""
    for release in releases:
        work.ask(
            commands.ReleaseRun(round=release.round),
            run_id=release.run_id,
            once=f"release_{release.run_id}_{release.round}{after_hold}",
        )


ACTORS: tuple[Any, ...] = (follow_family, release_parts, repair_family)
