"""The picture of a family: no two boxes lie over each other, stages go to the right, lines lead from what is waited for."""

from decimal import Decimal
from typing import Any

from services.api.pages.console import run_family
from services.api.pages.console.run_family import HEIGHT, WIDTH, Box, Picture
from services.api.queries.families import Family, Member


def a_member(name: str, *, of: str | None = "root", after: tuple[str, ...] = (), **more: Any) -> Member:
    blank = dict.fromkeys(each for each in Member.__struct_fields__ if each.endswith(("_at", "_until")))
    return Member(
        **{
            **blank,
            "id": f"run_{name}",
            "parent_run_id": f"run_{of}" if of else None,
            "child_count": 0,
            "stage": None,
            "role": name,
            "status": "approved",
            "phase": "approved",
            "quantity": Decimal(4),
            "partner_name": "Meera",
            "depends_on": [f"run_{each}" for each in after],
            "is_above": False,
            **more,
        }
    )


ROOT = a_member("root", of=None, child_count=4, role=None, partner_name=None)
FAMILY = (
    ROOT,
    a_member("weave_a", stage=1, status="completed", phase="completed"),
    a_member("weave_b", stage=1),
    a_member("dye", stage=2, after=("weave_a", "weave_b")),
    a_member("finish", stage=2, after=("weave_a", "weave_b"), child_count=2),
    a_member("hem", of="finish", stage=1),
    a_member("press", of="finish", stage=2, after=("hem",), child_count=1),
    a_member("iron", of="press"),
)


def drawn(*members: Member, here: str = "run_dye", count: int | None = None) -> Picture:
    found = run_family.picture(Family(list(members), count or len(members)), here=here)
    assert found is not None
    return found


def box_of(picture: Picture, name: str) -> Box:
    return next(box for box in picture.boxes if box.address.endswith(f"run_{name}"))


def test_a_run_that_stands_alone_has_no_picture() -> None:
    assert run_family.picture(Family([ROOT], 1), here="run_root") is None


def test_no_two_boxes_lie_over_each_other_and_all_lie_inside() -> None:
    picture = drawn(*FAMILY)

    for place, box in enumerate(picture.boxes):
        assert 0 <= box.x <= picture.width - WIDTH
        assert 0 <= box.y <= picture.height - HEIGHT
        for other in picture.boxes[place + 1 :]:
            assert abs(box.x - other.x) >= WIDTH or abs(box.y - other.y) >= HEIGHT


def test_stages_go_from_left_to_right_in_families_of_any_depth() -> None:
    picture = drawn(*FAMILY)

    across = [box_of(picture, name).x for name in ("root", "weave_a", "dye", "hem", "press", "iron")]
    assert across == sorted(across)
    assert box_of(picture, "weave_a").x == box_of(picture, "weave_b").x
    assert len(picture.frames) == 2


def test_a_line_leads_from_each_run_that_is_waited_for_and_is_settled_when_they_are() -> None:
    first, second = a_member("a", stage=1, status="completed"), a_member("b", stage=2, after=("a",))

    lines = drawn(ROOT, first, second).lines

    assert [line.is_settled for line in lines] == [True, True]
    assert not drawn(ROOT, a_member("a", stage=1), second).lines[1].is_settled
    assert lines[1].path.startswith(f"M{box_of(drawn(ROOT, first, second), 'a').x + WIDTH} ")


def test_every_box_says_its_state_in_a_word_and_the_run_looked_at_is_marked() -> None:
    picture = drawn(ROOT, a_member("dye", held_at="then", phase="started", status="in_progress"))

    box = box_of(picture, "dye")
    assert (box.tone, box.lines[2], box.is_here) == ("accent", "Started, on hold · 4", True)
    assert picture.root.parts[0].box.told == "dye, Meera (run DYE): Started, on hold, 4 pieces"


def test_the_text_names_what_each_run_waits_for_and_long_names_are_cut_in_the_picture_only() -> None:
    long = a_member("b", after=("a",), stage=2, partner_name="Ravi and Sons Handblock Printing Works")

    picture = drawn(ROOT, a_member("a", stage=1), long, count=90)

    twig = picture.root.parts[1]
    assert twig.waits_for == "a, Meera (run A)"
    assert "Printing Works" in twig.box.told
    assert twig.box.lines[1].endswith("…")
    assert picture.left_out == 87
