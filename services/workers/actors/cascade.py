"""The cascade: under the parent's lock the family's rows are judged; what waited is asked for, the parent follows its parts."""

from collections.abc import Sequence
from typing import Any

from services.workers.actors import material
from shared.domain import cascade, commands, events
from shared.domain.cascade import Member, Release
from shared.domain.runs import Run
from shared.storage.work import Work


def follow_family(event: events.Event, work: Work) -> None:
    """A part moved on: judge the whole family anew, never from the event."""
    parent = work.run_of_lane
    children = work.runs.members(parent.id)
    found = cascade.releases(parent, children, waited=work.runs.waits_for(parent))
    _release(found, work, once_more=work.message.id if isinstance(event, events.RunResumed) else "")
    work.tell(*_follow(parent, children, work), run=parent)


def release_parts(event: events.Event, work: Work) -> None:
    """A container goes on: what its parts waited for meanwhile is asked for now."""
    ask_for_parts(work.run_of_lane, work)


def ask_for_parts(container: Run, work: Work) -> None:
    """Ask, on behalf of this message, for every part whose turn it is, at every depth: what was asked under a hold was skipped."""
    found = cascade.awakened(container, work.runs.members(container.id), waited=work.runs.waits_for(container))
    _release(found, work, once_more=work.message.id)


def repair_family(command: commands.RepairFamily, work: Work) -> None:
    """A sweep found the parent's state not following from its rows: the same rule, and it is told when it changed something."""
    parent = work.run_of_lane
    children = work.runs.members(parent.id)
    releases = cascade.releases(parent, children, waited=work.runs.waits_for(parent))
    _release(releases, work)
    told = _follow(parent, children, work)
    if told:
        work.tell(events.RunRepaired(reason="found by the repair sweep"), *told, run=parent)
    work.answer(run_id=parent.id, repaired=bool(told or releases))


def _follow(parent: Run, children: Sequence[Member], work: Work) -> list[events.Event]:
    """Bring the parent to where its parts are. When it completes, what was logged on it before it was split is settled."""
    told = cascade.follow(parent, children, at=work.now)
    if any(isinstance(event, events.RunCompleted) for event in told):
        return [*material.settle_with_run(parent, work), *told]
    return told


def _release(releases: Sequence[Release], work: Work, *, once_more: str = "") -> None:
    """Ask once per round; after a hold once more, for what was asked before it was skipped while it lasted."""
    suffix = f"_{once_more}" if once_more else ""
    for release in releases:
        work.ask(
            commands.ReleaseRun(round=release.round),
            run_id=release.run_id,
            once=f"release_{release.run_id}_{release.round}{suffix}",
        )


ACTORS: tuple[Any, ...] = (follow_family, release_parts, repair_family)
