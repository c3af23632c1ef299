"""Effects beside the run: the sample's design moves along, people are told."""

from typing import Any

from shared.domain import costs, designs, events, notices, targets
from shared.domain.notices import Occasion
from shared.domain.runs import Run
from shared.messages import ActorKind
from shared.runtime import settings
from shared.storage import samples, stock
from shared.storage.notice_store import Addressee
from shared.storage.work import Work


def move_sample_design(event: events.Event, work: Work) -> None:
    """A sample's milestone moves its design, unless the design stands where it must be left alone; its end says what it cost."""
    run = work.run_of_lane
    target = designs.status_after(event, run, work.policy)
    if isinstance(event, events.RunCompleted) and not run.parent_run_id:
        facts = stock.cost_facts(work.connection, run.id, only_committed=True)
        work.stock.price(run.design_id, costs.of_sample(facts, work.policy.rates))
    moved = target is not None and _move(event, run, target, work)
    work.answer(design_id=run.design_id, moved_to=target if moved else None)


def _move(event: events.Event, run: Run, target: str, work: Work) -> bool:
    """Move the sample's design, unless it stands where it must be left alone."""
    reached = samples.reached_beside(work.connection, run)
    return work.directory.move_design(run.design_id, to=target, unless=designs.left_alone(event, reached, work.policy))


def notify_people(event: events.Event, work: Work) -> None:
    """Write down what everybody concerned is told, each in their language and on all their channels; the courier sends it."""
    message = work.message
    run = work.runs.read(message.run_id) if message.run_id else None
    by_partner = message.actor.kind is ActorKind.PARTNER
    occasion = Occasion(event=event, run=run, partner_id=message.tenant, by_partner=by_partner)
    told = notices.tellings(occasion)
    if told:
        design, partner = work.notices.names(design_id=run.design_id if run else None, partner_id=message.tenant)
        for audience, key in told:
            _tell(occasion, audience, key, work, design=design, partner=partner)
    work.answer(told=[audience for audience, _ in told])


def _tell(occasion: Occasion, audience: str, key: str, work: Work, *, design: str | None, partner: str | None) -> None:
    addressee = work.notices.addressee(audience)
    if addressee is None:
        return
    values = notices.values_of(occasion, design=design, partner=partner, time_zone=addressee.recipient.time_zone)
    notice = notices.compose(key, values, language=addressee.recipient.language)
    for channel in _channels(addressee):
        work.notices.add(
            notice,
            notice_id=work.new_id("note", audience, channel),
            message_id=work.message.id,
            audience=audience,
            channel=channel,
            kind=occasion.event.kind,
            run_id=work.message.run_id,
            at=work.message.created_at,
        )


def _channels(addressee: Addressee) -> list[str]:
    """The names of somebody's targets; the targets themselves are looked up again when it is sent."""
    if addressee.recipient.audience == notices.ADMINS:
        return list(targets.by_channel(targets.of_setting(settings.read().admin_notify)))
    return list(targets.by_channel(targets.of_partner(addressee.contacts)))


ACTORS: tuple[Any, ...] = (move_sample_design, notify_people)
