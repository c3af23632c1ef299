"""The cascade: what a family's rows say must happen, whichever event led there."""

from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain import cascade, events
from shared.domain.cascade import Member, Predecessor, Release
from shared.domain.runs import TERMINAL, CompletionSource, DispatchState, Run, Status
from tests.domain.builders import NOON, a_member, a_run

DONE, GONE = Status.COMPLETED, Status.CANCELLED


def a_parent(status: Status = Status.APPROVED, **more: object) -> Run:
    return a_run(status, id="run_parent", child_count=3, **more)


def made(member_id: str, produced: int, *, stage: int | None = None, rejected: int = 0, short: int = 0) -> Member:
    return a_member(
        member_id,
        DONE,
        stage=stage,
        produced_quantity=Decimal(produced),
        rejected_quantity=Decimal(rejected),
        short_quantity=Decimal(short),
    )


def test_a_child_is_released_when_all_it_waited_for_is_completed() -> None:
    children = [
        a_member("weave_1", DONE),
        a_member("weave_2", DONE),
        a_member("cut_1", depends_on=("weave_1", "weave_2"), carries_choice=True),
        a_member("cut_2", depends_on=("weave_1", "weave_2")),
        a_member("sew", depends_on=("cut_1", "cut_2")),
    ]

    assert cascade.releases(a_parent(), children) == [
        Release(run_id="cut_1", round=0, with_choice=True),
        Release(run_id="cut_2", round=0, with_choice=False),
    ]


@pytest.mark.parametrize("other", [status for status in Status if status is not DONE])
def test_a_child_is_not_released_while_one_it_waits_for_is_anything_but_completed(other: Status) -> None:
    children = [a_member("a", DONE), a_member("b", other, dispatch_state=DispatchState.COMPLETED)]

    assert cascade.releases(a_parent(), [*children, a_member("c", depends_on=("a", "b"))]) == []


@pytest.mark.parametrize(
    "why_not",
    [
        {"dispatch_state": DispatchState.AWAITING_TEMPLATES},
        {"dispatch_state": DispatchState.COMPLETED},
        {"partner_id": None},
        {"depends_on": ()},
    ],
    ids=lambda why_not: next(iter(why_not)),
)
def test_a_child_that_is_going_out_or_cannot_or_never_waited_is_left_alone(why_not: dict[str, object]) -> None:
    waits = {"depends_on": ("a",), **why_not}

    assert cascade.releases(a_parent(), [a_member("a", DONE), a_member("b", **waits)]) == []


def test_a_child_that_was_split_is_released_so_that_its_parts_go_out() -> None:
    split = a_member("b", depends_on=("a",), child_count=2, partner_id=None)

    assert [release.run_id for release in cascade.releases(a_parent(), [a_member("a", DONE), split])] == ["b"]


@pytest.mark.parametrize(("before", "released"), [(DONE, ["b"]), (GONE, []), (Status.IN_PROGRESS, [])])
def test_the_parts_of_a_run_wait_for_what_the_run_waits_for(before: Status, released: list[str]) -> None:
    waited = [Predecessor("x", DONE), Predecessor("y", before)]

    assert [r.run_id for r in cascade.releases(a_parent(), [a_member("b")], waited=waited)] == released


@pytest.mark.parametrize("status", [status for status in Status if status is not Status.APPROVED])
def test_only_an_approved_child_is_released(status: Status) -> None:
    assert cascade.releases(a_parent(), [a_member("a", DONE), a_member("b", status, depends_on=("a",))]) == []


@pytest.mark.parametrize("status", [Status.IN_PROGRESS, DONE])
def test_the_parent_is_in_progress_with_its_first_accepted_child(status: Status) -> None:
    parent = a_parent()

    (told,) = cascade.follow(parent, [a_member("a", status), a_member("b")], at=NOON)

    assert isinstance(told, events.RunInProgress)
    assert parent.status is Status.IN_PROGRESS


def test_the_parent_waits_while_nobody_has_accepted() -> None:
    parent = a_parent()
    before = msgspec.structs.asdict(parent)

    assert cascade.follow(parent, [a_member("a"), a_member("b", Status.SENT_TO_PARTNER)], at=NOON) == []
    assert msgspec.structs.asdict(parent) == before


def test_the_parent_is_completed_with_its_last_child_and_its_ordered_quantity_stays() -> None:
    parent = a_parent(Status.IN_PROGRESS)

    (told,) = cascade.follow(parent, [made("a", 3, rejected=1), made("b", 2, short=1)], at=NOON)

    assert isinstance(told, events.RunCompleted)
    assert (parent.status, parent.completed_at) == (DONE, NOON)
    assert (parent.completion_source, parent.is_partial) == (CompletionSource.CHILDREN, False)
    assert (parent.produced_quantity, parent.rejected_quantity, parent.short_quantity) == (5, 1, 1)
    assert parent.quantity == a_parent().quantity


def test_a_family_with_one_completed_and_one_cancelled_child_is_completed_in_part() -> None:
    parent = a_parent(Status.IN_PROGRESS)

    cascade.follow(parent, [made("a", 3), a_member("b", GONE)], at=NOON)

    assert (parent.status, parent.is_partial, parent.produced_quantity) == (DONE, True, 3)


def test_a_family_whose_children_were_all_cancelled_is_cancelled() -> None:
    parent = a_parent(Status.IN_PROGRESS)

    (told,) = cascade.follow(parent, [a_member("a", GONE), a_member("b", GONE)], at=NOON)

    assert isinstance(told, events.RunCancelled)
    assert (parent.status, parent.cancelled_at, parent.cancelled_reason) == (GONE, NOON, "all its parts were cancelled")


@pytest.mark.parametrize("status", sorted(TERMINAL))
def test_a_parent_that_has_ended_does_not_follow_any_more(status: Status) -> None:
    pieces = dict.fromkeys(("rejected_quantity", "short_quantity"), Decimal(0)) | {"produced_quantity": Decimal(3)}
    parent = a_parent(status, **pieces)

    assert cascade.follow(parent, [made("a", 3)], at=NOON) == []
    assert parent == a_parent(status, **pieces)


def test_the_totals_of_a_completed_parent_follow_a_correction_of_its_parts() -> None:
    pieces = {"produced_quantity": Decimal(4), "rejected_quantity": Decimal(0), "short_quantity": Decimal(0)}
    parent = a_parent(DONE, **pieces)

    (told,) = cascade.follow(parent, [made("a", 3, short=1)], at=NOON)

    assert isinstance(told, events.OutputCorrected)
    assert (parent.status, parent.produced_quantity, parent.short_quantity) == (DONE, 3, 1)
    assert told.after == {"produced_quantity": "3", "rejected_quantity": "0", "short_quantity": "1"}


def test_a_run_without_parts_follows_nobody() -> None:
    assert cascade.follow(a_parent(), [], at=NOON) == []


@pytest.mark.parametrize(
    ("children", "totals"),
    [
        ([made("a", 3, stage=1), made("b", 4, stage=1), made("c", 2, stage=2, rejected=1, short=4)], (2, 1, 4)),
        ([made("c", 2, stage=2), made("d", 4, stage=2), made("a", 9, stage=1)], (6, 0, 0)),
        ([made("a", 3), made("b", 4, rejected=1)], (7, 1, 0)),
        ([made("a", 9, stage=1), made("c", 2, stage=2), a_member("d", GONE, stage=2)], (2, 0, 0)),
        ([made("a", 9, stage=1), a_member("c", GONE, stage=2)], (0, 0, 0)),
    ],
    ids=["last stage", "summed over its runs", "no stages", "a cancelled one adds nothing", "last stage cancelled"],
)
def test_the_totals_follow_the_last_stage(children: list[Member], totals: tuple[int, int, int]) -> None:
    assert cascade.totals(children) == totals


pieces = st.decimals(0, 100, places=1)
members = st.builds(
    a_member,
    st.uuids().map(str),
    st.sampled_from(Status),
    stage=st.sampled_from([None, 1, 2]),
    produced_quantity=pieces,
    rejected_quantity=pieces,
    short_quantity=pieces,
)
families = st.lists(members, min_size=1, max_size=6)


@given(children=families, status=st.sampled_from([Status.APPROVED, Status.IN_PROGRESS]))
def test_a_parent_closes_exactly_when_all_its_children_have_ended(children: list[Member], status: Status) -> None:
    parent = a_parent(status)
    ended = {child.status for child in children}

    cascade.follow(parent, children, at=NOON)

    assert parent.is_terminal == (ended <= TERMINAL)
    if parent.is_terminal:
        assert (parent.status is DONE) == (DONE in ended)
        assert parent.is_partial == (ended == {DONE, GONE})


@given(children=families)
def test_judging_a_family_twice_tells_it_once(children: list[Member]) -> None:
    parent = a_parent()
    told = cascade.follow(parent, children, at=NOON)
    after = msgspec.structs.asdict(parent)

    assert cascade.follow(parent, children, at=NOON) == []
    assert len(told) <= 1
    assert msgspec.structs.asdict(parent) == after


@given(children=families, data=st.data())
def test_the_order_in_which_children_end_does_not_matter(children: list[Member], data: st.DataObject) -> None:
    ends = {child.id: data.draw(st.sampled_from([DONE, GONE])) for child in children}

    def ended_in(order: list[Member]) -> Run:
        parent = a_parent()
        rows = {child.id: msgspec.structs.replace(child, status=Status.SENT_TO_PARTNER) for child in children}
        for child in order:
            rows[child.id] = msgspec.structs.replace(rows[child.id], status=ends[child.id])
            cascade.follow(parent, list(rows.values()), at=NOON)
        return parent

    assert ended_in(children) == ended_in(data.draw(st.permutations(children)))
