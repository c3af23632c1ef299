"""Orders: what becomes of each line, with a reason a person can act on."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from shared.domain import orders
from shared.domain.orders import Line, Order, Outcome, ProductLink, Recorded, ShopOrder
from shared.domain.runs import RunType, Status
from tests.domain.builders import EARLIER, NOON

OF_PRODUCT = ProductLink("prod_1", None, "dsgn_product")
OF_VARIANT = ProductLink("prod_1", "var_blue", "dsgn_variant")
OF_OTHER = ProductLink("prod_2", None, "dsgn_other")


def a_line(**more: Any) -> Line:
    return Line(**{"id": "line_1", "product_id": "prod_1", **more})


def heard(*words: Order) -> ShopOrder:
    """What is known of an order after its shop said this, one after the other."""
    known = ShopOrder(source="shop", order_id="o")
    for word in words:
        orders.hear(known, word, at=word.updated_at)
    return known


def a_recorded_line(**more: Any) -> Recorded:
    body = {"id": "line_1", "product_id": "prod_1", "variant_id": None, "quantity": "2"}
    defaults: dict[str, Any] = {"outcome": Outcome.RUN, "production_run_id": "run_1", "left_at": None, "body": body}
    return Recorded(id="oline_1", order_line_item_id="line_1", **{**defaults, **more})


@pytest.mark.parametrize(
    ("line", "links", "design"),
    [
        (a_line(variant_id="var_blue"), [OF_PRODUCT, OF_VARIANT], "dsgn_variant"),
        (a_line(variant_id="var_blue"), [OF_VARIANT, OF_PRODUCT], "dsgn_variant"),
        (a_line(variant_id="var_red"), [OF_VARIANT, OF_PRODUCT], "dsgn_product"),
        (a_line(), [OF_VARIANT, OF_PRODUCT], "dsgn_product"),
        (a_line(variant_id="var_red"), [OF_VARIANT], None),
        (a_line(), [OF_VARIANT], None),
        (a_line(product_id="prod_3"), [OF_PRODUCT, OF_OTHER], None),
    ],
    ids=["variant wins", "in any order", "else product", "no variant", "other variant only", "variant only", "none"],
)
def test_the_variants_design_wins_over_the_products(line: Line, links: list[ProductLink], design: str | None) -> None:
    assert orders.design_for(line, links) == design


@pytest.mark.parametrize(
    ("status", "line", "outcome", "reason"),
    [
        (None, a_line(), Outcome.RUN, "a production run was made"),
        ("completed", a_line(), Outcome.RUN, "a production run was made"),
        (None, a_line(product_id=None), Outcome.UNMAPPED, "names no product"),
        (None, a_line(product_id="prod_9"), Outcome.UNMAPPED, "prod_9"),
        ("Cancelled", a_line(), Outcome.IGNORED, "the order is cancelled"),
        ("draft", a_line(product_id=None), Outcome.IGNORED, "the order is a draft"),
    ],
)
def test_every_line_has_an_outcome_and_a_reason(status: str | None, line: Line, outcome: Outcome, reason: str) -> None:
    judged, why = orders.judge(line, [OF_PRODUCT], off=heard(Order(id="o", status=status)).off_reason)

    assert judged is outcome
    assert reason in why


@pytest.mark.parametrize("status", ["cancelled", "canceled", "refunded", "voided", "draft"])
def test_an_order_that_is_cancelled_refunded_voided_or_a_draft_makes_nothing(status: str) -> None:
    outcome, reason = orders.judge(a_line(), [OF_PRODUCT], off=heard(Order(id="o", status=status)).off_reason)

    assert outcome is Outcome.IGNORED
    assert reason


def test_the_list_here_names_every_order_status_that_makes_nothing() -> None:
    off = {
        "cancelled",
        "canceled",
        "refunded",
        "voided",
        "draft",
        "unconfirmed",
        "failed",
        "expired",
        "deleted",
        "test",
    }

    assert orders.NOT_MADE.keys() == off


def test_a_line_becomes_a_production_run_waiting_for_review_with_its_ids_as_given() -> None:
    line = a_line(variant_id="var/✓", quantity=Decimal("2.5"))

    run = orders.run_for(
        Order(id="#1001"), line, source="shop", design_id="dsgn_1", run_id="run_1", snapshot_id="snap_1"
    )

    assert (run.status, run.run_type, run.quantity) == (Status.PENDING_REVIEW, RunType.PRODUCTION, Decimal("2.5"))
    assert (run.source, run.order_id, run.order_line_item_id) == ("shop", "#1001", "line_1")
    assert (run.product_id, run.variant_id, run.design_id, run.snapshot_id) == (
        "prod_1",
        "var/✓",
        "dsgn_1",
        "snap_1",
    )


def test_two_lines_of_one_order_cannot_have_the_same_id() -> None:
    with pytest.raises(ValueError, match="'line_1' stands twice"):
        Order(id="o", items=[a_line(), a_line()])


@pytest.mark.parametrize("wrong", [{"id": ""}, {"quantity": Decimal(0)}, {"quantity": Decimal("NaN")}])
def test_a_line_needs_an_id_and_a_quantity_above_zero(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        a_line(**wrong)


def test_an_order_needs_an_id() -> None:
    with pytest.raises(ValueError, match="id"):
        Order(id="")


LATER = NOON + timedelta(hours=1)


@pytest.mark.parametrize(
    ("words", "off"),
    [
        ([("draft", None)], "the order is a draft"),
        ([("draft", None), (None, None)], None),
        ([("cancelled", NOON)], "the order is cancelled"),
        ([("cancelled", NOON), (None, LATER)], "the order is cancelled"),
        ([("cancelled", NOON), ("pending", None)], "the order is cancelled"),
        ([("cancelled", NOON), ("pending", NOON)], "the order is cancelled"),
        ([("cancelled", NOON), ("pending", LATER)], None),
        ([("pending", LATER), ("cancelled", NOON)], None),
        ([("pending", EARLIER), ("refunded", NOON)], "the order is refunded"),
    ],
)
def test_an_order_is_off_until_its_shop_says_with_a_newer_time_that_it_stands(
    words: list[Any], off: str | None
) -> None:
    known = heard(*(Order(id="o", status=status, updated_at=at) for status, at in words))

    assert known.off_reason == off


def test_a_cancel_counts_unless_the_shop_said_later_that_the_order_stands() -> None:
    silent, stands = heard(Order(id="o", updated_at=LATER)), heard(Order(id="o", status="pending", updated_at=LATER))

    assert not orders.is_cancel_stale(silent, NOON)
    assert orders.is_cancel_stale(stands, NOON)
    assert not orders.is_cancel_stale(stands, None)


@pytest.mark.parametrize(
    ("recorded", "line", "reason"),
    [
        (a_recorded_line(), a_line(quantity=Decimal(2)), None),
        (a_recorded_line(), a_line(quantity=Decimal("2.0")), None),
        (a_recorded_line(), a_line(quantity=Decimal(3)), "wants 3 instead of 2"),
        (a_recorded_line(), a_line(quantity=Decimal(2), product_id="prod_2"), "another product"),
        (a_recorded_line(), None, "left the order"),
        (a_recorded_line(left_at=NOON), None, None),
        (a_recorded_line(left_at=NOON), a_line(quantity=Decimal(2)), "back in the order"),
    ],
)
def test_what_an_edit_did_to_a_line_is_found_once(recorded: Recorded, line: Line | None, reason: str | None) -> None:
    found = orders.changes([recorded], [line] if line else [])

    assert [reason in change.reason for change in found] == ([True] if reason else [])


def test_an_order_that_was_only_named_waits_for_its_lines_and_one_without_any_does_not() -> None:
    assert orders.judge_thin(Order(id="o"), off=None)[0] is Outcome.PARKED
    assert orders.judge_thin(Order(id="o", items=[]), off=None) == (Outcome.IGNORED, "the order has no lines")
    assert orders.judge_thin(Order(id="o"), off="the order is a draft") == (Outcome.IGNORED, "the order is a draft")


def test_a_line_that_its_shop_leaves_out_makes_nothing_and_says_why() -> None:
    line = a_line(not_made="a gift card is not made")

    assert orders.judge(line, [OF_PRODUCT], off=None) == (Outcome.IGNORED, "a gift card is not made")
    assert orders.judge(line, [OF_PRODUCT], off="the order is a draft") == (Outcome.IGNORED, "the order is a draft")
    assert [change.reason for change in orders.changes([a_recorded_line()], [line])] == ["the line left the order"]
    assert orders.changes([a_recorded_line(outcome=Outcome.IGNORED, production_run_id=None)], [line]) == []


@pytest.mark.parametrize("status", ["draft", "unconfirmed"])
def test_what_was_no_order_yet_stands_with_the_next_word_even_without_a_time(status: str) -> None:
    assert heard(Order(id="o", status=status), Order(id="o", status="paid")).off_reason is None
    assert (
        heard(Order(id="o", status="failed"), Order(id="o", status="paid")).off_reason == "the order's payment failed"
    )


@pytest.mark.parametrize(
    ("outcome", "off", "is_wanted"),
    [(Outcome.PARKED, None, True), (Outcome.PARKED, "off", True), (Outcome.UNMAPPED, None, False)],
)
def test_a_line_that_was_only_named_is_wanted_when_it_is_told(
    outcome: Outcome, off: str | None, is_wanted: bool
) -> None:
    recorded = a_recorded_line(outcome=outcome, production_run_id=None)

    assert orders.is_wanted(recorded, off=off) is is_wanted


@pytest.mark.parametrize(
    ("changed_at", "has_lines", "told"),
    [(NOON, True, True), (NOON, False, False), (EARLIER, True, False), (None, True, False)],
)
def test_a_change_of_lines_is_told_by_the_whole_order_of_the_same_time_or_later(
    changed_at: Any, has_lines: bool, told: bool
) -> None:
    known = ShopOrder(source="shop", order_id="o", changed_at=changed_at, has_lines=has_lines)

    assert orders.is_told(known, NOON) is told
    assert orders.is_told(known, None) is False


@pytest.mark.parametrize("kind", orders.DeltaKind)
def test_every_change_of_a_line_has_a_sentence_with_its_exact_number(kind: orders.DeltaKind) -> None:
    assert " 1.5 " in orders.Delta(line_id="a", kind=kind, quantity=Decimal("1.50")).sentence

    with pytest.raises(ValueError, match="quantity"):
        orders.Delta(line_id="a", kind=kind, quantity=Decimal(0))
