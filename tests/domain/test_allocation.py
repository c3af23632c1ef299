"""Allocation: stages, sums and even shares."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain import allocation, refusals
from shared.domain.allocation import Assignment, PartnerStanding
from shared.domain.runs import Run, RunType, Status
from tests.domain.builders import a_run, a_share


def split(shares: list[Assignment], *, parent: Run | None = None) -> allocation.Allocation:
    return allocation.split(parent or a_run(), shares, new_id=lambda place: f"run_{'abcdefghijkl'[place]}")


def test_every_child_of_a_stage_waits_for_all_children_of_the_stage_just_before() -> None:
    shares = [a_share(order=order) for order in (10, 20, 10, 30, 20)]

    made = split(shares)

    assert made.depends_on == {"run_b": ["run_a", "run_c"], "run_e": ["run_a", "run_c"], "run_d": ["run_b", "run_e"]}
    assert made.is_ordered


@given(st.lists(st.none() | st.integers(0, 4), min_size=1, max_size=12))
def test_in_any_split_a_child_waits_exactly_for_the_stage_just_before_its_own(orders: list[int | None]) -> None:
    made = split([a_share(order=order) for order in orders])

    stages = sorted({child.stage for child in made.children if child.stage is not None})
    for child in made.children:
        place = stages.index(child.stage) if child.stage is not None else 0
        expected = {c.id for c in made.children if place and c.stage == stages[place - 1]}
        assert set(made.depends_on.get(child.id, [])) == expected
    assert made.is_ordered == (len(stages) > 1)


@pytest.mark.parametrize("orders", [(None, None), (1, 1), (None, 3)])
def test_shares_of_one_stage_wait_for_nobody(orders: tuple[int | None, ...]) -> None:
    made = split([a_share(order=order) for order in orders])

    assert made.depends_on == {}
    assert not made.is_ordered


def test_a_child_takes_over_where_its_parent_came_from_and_its_share_says_the_rest() -> None:
    parent = a_run(
        run_type=RunType.SAMPLE,
        product_id="prod_1",
        variant_id="var_1",
        source="shop",
        order_id="order_1",
        order_line_item_id="line_1",
        snapshot_id="snap_1",
    )
    share = a_share("ptnr_2", role="cutting", quantity=Decimal("1.5"), order=2, template_names=["cut"])

    (child,) = split([share], parent=parent).children

    assert allocation.provenance_of(child) == allocation.provenance_of(parent)
    assert (child.status, child.parent_run_id) == (Status.APPROVED, parent.id)
    assert (child.partner_id, child.role, child.quantity, child.stage) == ("ptnr_2", "cutting", Decimal("1.5"), 2)
    assert (child.dispatch_template_names, child.carries_choice) == (["cut"], True)
    assert parent.child_count == 1


def test_a_share_without_a_quantity_is_the_whole_quantity() -> None:
    (child,) = split([a_share()]).children

    assert child.quantity == a_run().quantity


def test_no_shares_make_no_children() -> None:
    parent = a_run()

    assert split([], parent=parent).children == []
    assert not parent.is_container


KNOWN = {
    "ptnr_1": PartnerStanding("ptnr_1", "Weaver", "active"),
    "ptnr_2": PartnerStanding("ptnr_2", "Cutter", "inactive"),
}


def test_an_unknown_partner_is_refused_by_id_and_place() -> None:
    with pytest.raises(refusals.Unknown, match="ptnr_9") as no:
        allocation.check_partners([a_share("ptnr_1"), a_share("ptnr_9")], KNOWN)

    assert no.value.errors[0].pointer == "/assignments/1/partner_id"


def test_an_inactive_partner_is_refused_by_name() -> None:
    with pytest.raises(refusals.InactivePartner, match="Cutter is inactive"):
        allocation.check_partners([a_share("ptnr_2")], KNOWN)


@pytest.mark.parametrize(
    ("shares", "total", "expected"),
    [
        ([(1, 4), (1, 6), (2, 10)], 10, 10),
        ([(1, 4), (1, 6), (2, 10)], None, 10),
        ([(1, 4), (1, 6), (2, None)], 10, 10),
        ([(None, 3), (None, 4)], None, 7),
        ([(1, None), (2, None)], 5, 5),
        ([], 5, 5),
    ],
)
def test_the_quantities_of_each_stage_add_up_to_the_total(
    shares: list[tuple[int | None, int | None]], total: int | None, expected: int
) -> None:
    assignments = [a_share(order=o, quantity=None if q is None else Decimal(q)) for o, q in shares]

    assert allocation.check_sums(assignments, None if total is None else Decimal(total)) == expected


@pytest.mark.parametrize(
    ("shares", "total", "stage"),
    [
        ([(1, 4), (1, 5), (2, 10)], 10, "1"),
        ([(1, 10), (2, 4)], None, "2"),
        ([(None, 3)], 4, "-"),
        ([(1, 4), (1, None)], 4, "1"),
    ],
)
def test_a_stage_that_does_not_add_up_is_refused_and_named(
    shares: list[tuple[int | None, int | None]], total: int | None, stage: str
) -> None:
    assignments = [a_share(order=o, quantity=None if q is None else Decimal(q)) for o, q in shares]

    with pytest.raises(refusals.WrongSum, match=f"stage {stage} "):
        allocation.check_sums(assignments, None if total is None else Decimal(total))


def test_a_share_without_an_order_counts_in_the_stage_it_is_put_in() -> None:
    shares = [
        a_share(quantity=Decimal(2)),
        a_share(order=1, quantity=Decimal(2)),
        a_share(order=2, quantity=Decimal(4)),
    ]

    assert [child.stage for child in split(shares).children] == [1, 1, 2]
    assert allocation.check_sums(shares, Decimal(4)) == 4


@pytest.mark.parametrize("shares", [[], [a_share()]])
def test_how_many_pieces_must_be_said_somewhere(shares: list[Assignment]) -> None:
    with pytest.raises(refusals.InvalidField, match="quantity is missing"):
        allocation.check_sums(shares, None)


@given(total=st.decimals("0.01", 10_000, places=2), partners=st.integers(1, 12))
def test_even_shares_always_sum_and_nobody_gets_nothing(total: Decimal, partners: int) -> None:
    shares = allocation.share_evenly(total, [f"ptnr_{place}" for place in range(partners)])

    quantities = [share.quantity or Decimal(0) for share in shares]
    assert sum(quantities) == total
    assert min(quantities) > 0
    assert len({share.partner_id for share in shares}) == len(shares) <= partners


@given(total=st.integers(1, 10_000), partners=st.integers(1, 12))
def test_whole_pieces_are_shared_whole_and_as_evenly_as_possible(total: int, partners: int) -> None:
    shares = allocation.share_evenly(Decimal(total), [f"ptnr_{place}" for place in range(partners)])

    quantities = [share.quantity or Decimal(0) for share in shares]
    assert all(quantity == int(quantity) for quantity in quantities)
    assert max(quantities) - min(quantities) <= 1
    assert len(shares) == min(total, partners)


def test_one_partner_takes_everything_and_no_partner_nothing() -> None:
    assert allocation.share_evenly(Decimal("7.5"), ["ptnr_1"]) == [a_share(quantity=Decimal("7.5"))]
    assert allocation.share_evenly(Decimal(7), []) == []


@pytest.mark.parametrize("wrong", ["0", "-1", "NaN", "1e400"])
def test_a_share_of_an_absurd_quantity_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match="quantity"):
        a_share(quantity=Decimal(wrong))


@pytest.mark.parametrize("wrong", [-1, 10_001])
def test_a_stage_outside_the_bounds_is_refused(wrong: int) -> None:
    with pytest.raises(ValueError, match="order"):
        a_share(order=wrong)
