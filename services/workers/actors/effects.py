"""Effects beside the run: the sample's design moves along, people are told."""

from typing import Any

from shared.domain import designs, events
from shared.runtime import logs
from shared.storage.work import Work


def move_sample_design(event: events.Event, work: Work) -> None:
    """A sample's milestone moves its design, unless the design stands where it must be left alone."""
    run = work.run_of_lane
    target = designs.status_after(event, run, work.policy)
    moved = bool(target) and work.directory.move_design(run.design_id, to=target or "", unless=designs.LEFT_ALONE)
    work.answer(design_id=run.design_id, moved_to=target if moved else None)


def notify_people(event: events.Event, work: Work) -> None:
    """Tell the admins what needs a person. The console is the only channel yet; each message is told once."""
    text = f"{event.sentence} {event.reason or ''}".strip()
    work.notices.add(
        notice_id=work.new_id("note"),
        message_id=work.message.id,
        audience="admin",
        channel="console",
        text=text,
        run_id=work.message.run_id,
    )
    logs.get("notices").warning("told", audience="admin", text=text, run_id=work.message.run_id)
    work.answer(told="admin")


ACTORS: tuple[Any, ...] = (move_sample_design, notify_people)
