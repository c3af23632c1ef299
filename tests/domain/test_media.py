"""What is attached to a run: nothing twice, nothing lost, one thumbnail."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain import media
from shared.domain.media import Attached, MediaReference, Upload
from shared.domain.refusals import InvalidField, Unknown
from shared.domain.runs import TERMINAL, Run, Status
from tests.domain.builders import a_run

references = st.builds(
    MediaReference, id=st.sampled_from(["media_a", "media_b", "media_c"]), is_thumbnail=st.booleans()
) | st.builds(
    MediaReference,
    url=st.sampled_from(["https://x.test/1", "https://x.test/2", "/media/media_a"]),
    is_thumbnail=st.booleans(),
)


def attach(attached: Sequence[Attached], *asked: MediaReference) -> list[Attached]:
    return media.merge(attached, asked, new_id=lambda place: f"rmed_{len(attached)}_{place}")


@given(first=st.lists(references), second=st.lists(references))
def test_whatever_is_attached_nothing_is_twice_and_nothing_is_lost(
    first: list[MediaReference], second: list[MediaReference]
) -> None:
    after = attach(attach([], *first), *second)

    keys = [each.key for each in after]
    assert len(keys) == len(set(keys))
    assert set(keys) == {(each.media_id, None if each.media_id else each.url) for each in [*first, *second]}
    thumbnails = [each.key for each in after if each.is_thumbnail]
    asked = [each for each in [*first, *second] if each.is_thumbnail]
    assert thumbnails == [(each.media_id, None if each.media_id else each.url) for each in asked[-1:]]
    assert attach(after, *second) == after


@pytest.mark.parametrize("status", Status)
def test_only_a_closed_run_takes_nothing(status: Status) -> None:
    assert (media.closed(a_run(status=status)) is not None) is (status in TERMINAL)


def test_a_partner_attaches_only_their_own_uploads_of_this_run_or_its_design() -> None:
    run = a_run()
    asked = [MediaReference(id="media_a")]

    allowed = {
        (where, whose): may(run, asked, where=where, whose=whose)
        for where in ("run", "design", "elsewhere")
        for whose in ("mine", "others", "admin")
    }

    assert {place for place, is_allowed in allowed.items() if is_allowed} == {("run", "mine"), ("design", "mine")}


def may(run: Run, asked: list[MediaReference], *, where: str, whose: str) -> bool:
    upload = Upload(
        id="media_a",
        run_id=run.id if where == "run" else "run_other",
        design_id=run.design_id if where == "design" else "dsgn_other",
        partner_id={"mine": "ptnr_me", "others": "ptnr_other", "admin": None}[whose],
        is_picture=True,
    )
    try:
        media.check(asked, {upload.id: upload}, run, partner_id="ptnr_me")
    except Unknown:
        return False
    return True


def test_a_document_is_no_thumbnail() -> None:
    run = a_run()
    upload = Upload("media_a", run.id, run.design_id, None, is_picture=False)

    with pytest.raises(InvalidField):
        media.check([MediaReference(id="media_a", is_thumbnail=True)], {"media_a": upload}, run, partner_id=None)
