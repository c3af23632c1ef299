"""Orders: what becomes of each line, with a reason a person can act on."""

from decimal import Decimal
from typing import Any

import pytest

from shared.domain import orders
from shared.domain.orders import Line, Order, Outcome, ProductLink
from shared.domain.runs import RunType, Status

OF_PRODUCT = ProductLink("prod_1", None, "dsgn_product")
OF_VARIANT = ProductLink("prod_1", "var_blue", "dsgn_variant")
OF_OTHER = ProductLink("prod_2", None, "dsgn_other")


def a_line(**more: Any) -> Line:
    return Line(**{"id": "line_1", "product_id": "prod_1", **more})


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
    ("order", "line", "outcome", "reason"),
    [
        (Order(id="o"), a_line(), Outcome.RUN, "a production run was made"),
        (Order(id="o", status="completed"), a_line(), Outcome.RUN, "a production run was made"),
        (Order(id="o"), a_line(product_id=None), Outcome.UNMAPPED, "names no product"),
        (Order(id="o"), a_line(product_id="prod_9"), Outcome.UNMAPPED, "prod_9"),
        (Order(id="o", status="Cancelled"), a_line(), Outcome.IGNORED, "the order is cancelled"),
        (Order(id="o", status="draft"), a_line(product_id=None), Outcome.IGNORED, "the order is a draft"),
    ],
)
def test_every_line_has_an_outcome_and_a_reason(order: Order, line: Line, outcome: Outcome, reason: str) -> None:
    judged, why = orders.judge(order, line, [OF_PRODUCT])

    assert judged is outcome
    assert reason in why


@pytest.mark.parametrize("status", ["cancelled", "canceled", "refunded", "voided", "draft"])
def test_an_order_that_is_cancelled_refunded_voided_or_a_draft_makes_nothing(status: str) -> None:
    outcome, reason = orders.judge(Order(id="o", status=status), a_line(), [OF_PRODUCT])

    assert outcome is Outcome.IGNORED
    assert reason


def test_the_list_here_names_every_order_status_that_makes_nothing() -> None:
    assert orders.NOT_MADE.keys() == {"cancelled", "canceled", "refunded", "voided", "draft"}


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
