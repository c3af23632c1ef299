"""The cascade: under the parent's lock the family's rows are judged; what waited is asked for, the parent follows its parts."""

from typing import Any

from shared.domain import cascade, commands, events
from shared.storage.work import Work


def follow_family(event: events.Event, work: Work) -> None:
    """A part moved on: judge the whole family anew, never from the event."""
    parent = work.run_of_lane
    children = work.runs.members(parent.id)
    for release in cascade.releases(children):
        work.ask(
            commands.ReleaseRun(round=release.round),
            run_id=release.run_id,
            once=f"release_{release.run_id}_{release.round}",
        )
    work.tell(*cascade.follow(parent, children, at=work.now), run=parent)


def repair_family(command: commands.RepairFamily, work: Work) -> None:
    """A sweep found the parent's state not following from its rows: the same rule, and it is told when it changed something."""
    parent = work.run_of_lane
    children = work.runs.members(parent.id)
    releases = cascade.releases(children)
    for release in releases:
        work.ask(
            commands.ReleaseRun(round=release.round),
            run_id=release.run_id,
            once=f"release_{release.run_id}_{release.round}",
        )
    told = cascade.follow(parent, children, at=work.now)
    if told:
        work.tell(events.RunRepaired(reason="found by the repair sweep"), *told, run=parent)
    work.answer(run_id=parent.id, repaired=bool(told or releases))


ACTORS: tuple[Any, ...] = (follow_family, repair_family)
