"""Media of a run: pictures are attached under the run's lock, so that attaching at once loses nothing."""

from typing import Any

from shared.domain import commands, events, media
from shared.domain.refusals import IsContainer
from shared.storage.work import Work


def attach_media(command: commands.AttachMedia, work: Work) -> None:
    """Merge what is asked into what is attached: nothing twice, one thumbnail."""
    run, asked = work.run, command.media_files
    if work.message.tenant is not None and run.is_container:
        raise IsContainer()
    no = media.closed(run)
    if no:
        raise no
    uploads = work.media.uploads([each.media_id for each in asked if each.media_id])
    media.check(asked, uploads, run, partner_id=work.message.tenant)
    before = work.media.of_run(run.id)
    after = media.merge(before, asked, new_id=lambda place: f"{work.new_id('rmed')}_{place:03}")
    if after != before:
        work.media.save(run.id, before=before, after=after)
        work.tell(events.MediaAttached(after={"media_count": len(after)}), run=run)
    work.answer(run_id=run.id)


ACTORS: tuple[Any, ...] = (attach_media,)
