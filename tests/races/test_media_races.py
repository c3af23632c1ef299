"""Pictures attached by many at once: none is lost, none is there twice, one is the thumbnail."""

from shared.domain import commands
from shared.domain.media import MediaReference
from tests.actors.test_media import an_upload, attached
from tests.races.test_races import race, states
from tests.workshop import TestBench

ROUNDS = 10
AT_ONCE = 8


def test_attaching_at_once_loses_nothing(workshop: TestBench) -> None:
    run = workshop.a_sent_run()
    everything: set[str] = set()
    for round_ in range(ROUNDS):
        mine = [an_upload(workshop, run, f"{round_}x{place}") for place in range(AT_ONCE)]
        shared = f"https://old.test/{round_}.jpg"
        asked = [
            workshop.post(
                commands.AttachMedia(
                    media_files=[MediaReference(id=media_id, is_thumbnail=True), MediaReference(url=shared)]
                ),
                run_id=run,
                tenant="ptnr_weaver",
            )
            for media_id in mine
        ]

        race(workshop, asked)

        everything |= {*mine, shared}
        found = attached(workshop, run)
        assert states(workshop, asked) == {"done": AT_ONCE}
        assert len(found) == len(everything)
        assert {reference for reference, _ in found} == everything
        assert [is_thumbnail for _, is_thumbnail in found].count(True) == 1
    assert workshop.errors() == []


def test_attaching_and_cancelling_at_once_end_in_one_of_two_ways(workshop: TestBench) -> None:
    for round_ in range(ROUNDS):
        run = workshop.a_sent_run(partner=f"weaver{round_}")
        media_id = an_upload(workshop, run, f"late{round_}", partner_id=f"ptnr_weaver{round_}")
        attach = workshop.post(
            commands.AttachMedia(media_files=[MediaReference(id=media_id)]), run_id=run, tenant=f"ptnr_weaver{round_}"
        )
        cancel = workshop.post(commands.CancelRun(), run_id=run)

        race(workshop, [attach, cancel])

        is_attached = states(workshop, [attach])["done"] == 1
        assert workshop.run(run)["status"] == "cancelled"
        assert bool(attached(workshop, run)) is is_attached
        assert ("production_run.media_attached" in workshop.events(run)) is is_attached
