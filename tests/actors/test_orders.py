"""Orders in: every line becomes a run or a reason, once, however often the order comes."""

from decimal import Decimal
from typing import Any

import pytest

from shared.domain import commands
from shared.domain.commands import PlaceOrder
from shared.domain.orders import Line, Order
from tests.workshop import SHOP, TestBench


@pytest.fixture
def shop(workshop: TestBench) -> TestBench:
    """A workshop that makes product prod_1."""
    workshop.a_product("prod_1", design_id=workshop.a_design())
    return workshop


def lines(workshop: TestBench) -> list[Any]:
    found = workshop.rows("SELECT order_line_item_id, outcome, reason, production_run_id FROM order_line ORDER BY 1")
    return [tuple(row.values()) for row in found]


def count(workshop: TestBench, table: str) -> int:
    return int(workshop.value(f"SELECT count(*) FROM {table}"))


def test_each_line_becomes_a_run_for_review_or_a_reason(shop: TestBench) -> None:
    order = shop.an_order("order_1", ("a", "prod_1"), ("b", "prod_nobody_makes"), ("c", None))

    shop.done(order, actor=SHOP)

    (_, a, _, run_id), (_, b, why_b, _), (_, c, why_c, _) = lines(shop)
    assert [a, b, c] == ["run", "unmapped", "unmapped"]
    assert "prod_nobody_makes" in why_b
    assert "names no product" in why_c
    run = shop.run(run_id)
    assert (run["status"], run["run_type"], run["quantity"]) == ("pending_review", "production", 2)
    assert (run["source"], run["order_id"], run["order_line_item_id"]) == ("shop", "order_1", "a")
    assert run["metadata"] == {"source": "order.placed"}


def test_the_run_keeps_what_was_ordered_for_ever(shop: TestBench) -> None:
    line = Line(id="a", product_id="prod_1", quantity=Decimal("1.5"), properties={"name": "Mia"})
    placed = shop.done(PlaceOrder(source="shop", order=Order(id="#1001", display_id=1001, items=[line])))
    run = shop.run(placed["lines"][0]["production_run_id"])

    shop.change("UPDATE design SET name = 'renamed'")

    (snapshot,) = shop.rows("SELECT design, provenance FROM run_snapshot WHERE id = :id", id=run["snapshot_id"])
    assert snapshot["design"]["name"] == "shawl"
    assert snapshot["provenance"]["line"]["properties"] == {"name": "Mia"}
    assert snapshot["provenance"]["display_id"] == 1001


def test_copies_of_one_order_in_any_number_make_its_runs_once(shop: TestBench) -> None:
    order = shop.an_order("order_1", ("a", "prod_1"), ("b", "prod_1"), ("c", "prod_x"))

    for _ in range(5):
        shop.post(order)
    shop.pump()
    later = shop.done(order)

    assert later["lines"] == []
    assert (count(shop, "production_run"), count(shop, "order_line"), count(shop, "run_snapshot")) == (2, 3, 2)
    assert shop.value("SELECT count(*) FROM message WHERE kind = 'order.received'") == 1


def test_the_same_order_number_of_another_shop_is_another_order(shop: TestBench) -> None:
    order = shop.an_order("order_1", ("a", "prod_1"))
    shop.done(order)

    shop.done(PlaceOrder(source="bazaar", order=order.order))

    assert count(shop, "production_run") == 2


def test_an_edited_copy_adds_only_its_new_line(shop: TestBench) -> None:
    first = shop.done(shop.an_order("order_1", ("a", "prod_1")))["lines"][0]["production_run_id"]
    before = shop.run(first)

    added = shop.done(shop.an_order("order_1", ("a", "prod_1"), ("b", "prod_1")))

    assert [line["order_line_item_id"] for line in added["lines"]] == ["b"]
    assert count(shop, "production_run") == 2
    assert shop.run(first) == before


def test_an_order_without_its_lines_is_parked_once_and_its_lines_are_taken_when_they_come(shop: TestBench) -> None:
    thin = PlaceOrder(source="shop", order=Order(id="order_1"))

    for _ in range(3):
        shop.done(thin)
    assert [(outcome, "lines wanted" in reason) for _, outcome, reason, _ in lines(shop)] == [("parked", True)]
    shop.done(shop.an_order("order_1", ("a", "prod_1")))

    assert count(shop, "production_run") == 1


@pytest.mark.parametrize("status", ["cancelled", "refunded", "voided", "draft", "CANCELED"])
def test_an_order_that_is_off_makes_nothing_and_says_why_for_each_line(shop: TestBench, status: str) -> None:
    shop.done(shop.an_order("order_1", ("a", "prod_1"), ("b", "prod_x"), status=status))

    assert [outcome for _, outcome, _, _ in lines(shop)] == ["ignored", "ignored"]
    assert all(reason.startswith("the order is") for _, _, reason, _ in lines(shop))
    assert count(shop, "production_run") == 0


def test_the_variants_design_wins_over_the_products(shop: TestBench) -> None:
    shop.a_product("prod_1", variant_id="var_blue", design_id=shop.a_design("blue"))
    items = [Line(id=v, product_id="prod_1", variant_id=v) for v in ("var_blue", "var_red")]

    shop.done(PlaceOrder(source="shop", order=Order(id="order_1", items=items)))

    made = shop.rows("SELECT variant_id, design_id FROM production_run ORDER BY variant_id")
    assert [tuple(row.values()) for row in made] == [("var_blue", "dsgn_blue"), ("var_red", "dsgn_shawl")]


def test_ids_from_outside_are_kept_exactly_as_given(shop: TestBench) -> None:
    strange = "gid://shop/LineItem/7?x=' OR 1=1 --✓"

    shop.done(shop.an_order("ORD 1/2", (strange, "prod_1")))

    run = shop.rows("SELECT order_id, order_line_item_id FROM production_run")[0]
    assert tuple(run.values()) == ("ORD 1/2", strange)


def test_a_run_made_by_hand_needs_a_known_design_and_an_active_partner(shop: TestBench) -> None:
    asleep = shop.a_partner("dormant", status="pending")

    unknown = shop.refused(commands.CreateRun(design_id="dsgn_nothing"))
    inactive = shop.refused(commands.CreateRun(design_id="dsgn_shawl", partner_id=asleep))

    assert (unknown["code"], unknown["errors"][0]["pointer"]) == ("unknown_reference", "/design_id")
    assert (inactive["code"], inactive["errors"][0]["pointer"]) == ("inactive_partner", "/partner_id")
    assert (count(shop, "production_run"), count(shop, "run_snapshot")) == (0, 0)
