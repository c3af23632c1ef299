"""Order changes: a cancel ends what did not go out and flags the rest; an edit adds lines and flags runs; old words change nothing."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from services.workers import sweeps
from shared.domain import commands
from shared.domain.orders import Line, Order
from tests.actors import steps
from tests.workshop import SHOP, TestBench

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
LATER = NOON + timedelta(hours=1)
CANCEL = commands.CancelOrder(source="shop", order_id="order_1")


@pytest.fixture
def shop(workshop: TestBench) -> TestBench:
    """A workshop that makes product prod_1."""
    workshop.a_product("prod_1", design_id=workshop.a_design())
    workshop.a_template("weave")
    return workshop


def an_edit(
    *lines: tuple[str, str, int], at: datetime | None = None, status: str | None = None
) -> commands.UpdateOrder:
    items = [Line(id=line, product_id=product, quantity=Decimal(quantity)) for line, product, quantity in lines]
    return commands.UpdateOrder(source="shop", order=Order(id="order_1", items=items, updated_at=at, status=status))


def place(shop: TestBench, *lines: tuple[str, str | None], **more: Any) -> dict[str, str]:
    """Place the order; the run of each line that made one."""
    placed = shop.done(shop.an_order("order_1", *lines, **more), actor=SHOP)["lines"]
    return {line["order_line_item_id"]: line["production_run_id"] for line in placed if line["production_run_id"]}


def outcomes(shop: TestBench) -> dict[str, str]:
    rows = shop.rows("SELECT order_line_item_id AS line, outcome FROM order_line")
    return {row["line"]: row["outcome"] for row in rows}


def flags(shop: TestBench, run_id: str) -> str | None:
    return shop.value("SELECT flagged_reason FROM production_run WHERE id = :id", id=run_id)  # type: ignore[no-any-return]


def send(shop: TestBench, run_id: str, *partners: str) -> list[str]:
    shares = [steps.a_share(shop, partner, template_names=["weave"]) for partner in partners]
    return [str(c) for c in shop.done(commands.ApproveRun(assignments=shares), run_id=run_id)["children"]]


def test_a_cancel_ends_a_run_that_waits_for_review_and_one_that_is_allocated(shop: TestBench) -> None:
    runs = place(shop, ("a", "prod_1"), ("b", "prod_1"))
    children = shop.done(commands.ApproveRun(assignments=[steps.a_share(shop, "weaver")]), run_id=runs["b"])["children"]

    shop.done(CANCEL, actor=SHOP)

    assert steps.status(shop, runs["a"], runs["b"], *children) == ["cancelled"] * 3
    assert shop.run(runs["a"])["cancelled_reason"] == "the order is cancelled"


def test_a_cancel_flags_a_family_of_which_something_went_out_and_tells_an_admin(shop: TestBench) -> None:
    run = place(shop, ("a", "prod_1"))["a"]
    sent, _ = send(shop, run, "weaver", "tailor")
    shop.done(commands.CancelRun(), run_id=sent)

    shop.done(CANCEL, actor=SHOP)

    assert shop.run(run)["status"] != "cancelled"
    assert flags(shop, run) == "the order is cancelled"
    assert shop.value("SELECT count(*) FROM notification WHERE run_id = :id AND audience = 'admin'", id=run) == 1


def test_a_completed_run_of_a_cancelled_order_is_flagged(shop: TestBench) -> None:
    run = place(shop, ("a", "prod_1"))["a"]
    (child,) = send(shop, run, "weaver")
    steps.complete_by_milestones(shop, child)

    shop.done(CANCEL)

    assert (shop.run(run)["status"], flags(shop, run)) == ("completed", "the order is cancelled")


def test_a_person_resolves_a_flag_with_a_reason_and_the_same_cancel_does_not_raise_it_again(shop: TestBench) -> None:
    run = place(shop, ("a", "prod_1"))["a"]
    send(shop, run, "weaver")
    shop.done(CANCEL)

    shop.done(commands.ResolveFlag(reason="goes to stock"), run_id=run)
    again = shop.refused(commands.ResolveFlag(reason="goes to stock"), run_id=run)
    shop.done(CANCEL)

    assert again["code"] == "not_flagged"
    assert flags(shop, run) is None
    assert "production_run.flag_resolved" in shop.events(run)


def test_a_cancel_that_comes_before_its_order_lets_it_make_nothing(shop: TestBench) -> None:
    shop.done(CANCEL)

    assert place(shop, ("a", "prod_1"), placed_at=NOON, status="pending") == {}
    assert outcomes(shop) == {"a": "ignored"}


@pytest.mark.parametrize("status", ["cancelled", "refunded", "voided", "draft"])
def test_an_edit_to_a_status_that_makes_nothing_is_a_cancel(shop: TestBench, status: str) -> None:
    run = place(shop, ("a", "prod_1"), ("b", "prod_x"))["a"]

    shop.done(commands.UpdateOrder(source="shop", order=Order(id="order_1", status=status)))

    assert steps.status(shop, run) == ["cancelled"]
    assert outcomes(shop) == {"a": "run", "b": "ignored"}


def test_a_draft_makes_its_runs_when_it_is_placed(shop: TestBench) -> None:
    assert place(shop, ("a", "prod_1"), status="draft") == {}

    assert list(place(shop, ("a", "prod_1"), status="pending")) == ["a"]
    assert outcomes(shop) == {"a": "run"}


def test_an_edit_adds_lines_and_flags_what_changed_or_left_once_and_changes_no_run(shop: TestBench) -> None:
    runs = place(shop, ("more", "prod_1"), ("same", "prod_1"), ("gone", "prod_1"))
    before = {line: shop.run(run)["quantity"] for line, run in runs.items()}
    edit = an_edit(("more", "prod_1", 5), ("same", "prod_1", 2), ("new", "prod_1", 1), at=NOON)

    for _ in range(2):
        shop.done(edit, actor=SHOP)

    assert outcomes(shop) == dict.fromkeys(("more", "same", "gone", "new"), "run")
    assert "wants 5 instead of 2" in str(flags(shop, runs["more"]))
    assert "left the order" in str(flags(shop, runs["gone"]))
    assert flags(shop, runs["same"]) is None
    assert {line: shop.run(run)["quantity"] for line, run in runs.items()} == before
    assert shop.value("SELECT count(*) FROM message WHERE kind = 'production_run.flagged'") == 2


def test_an_older_edit_than_the_last_one_is_recorded_and_ignored(shop: TestBench) -> None:
    run = place(shop, ("a", "prod_1"))["a"]
    shop.done(an_edit(("a", "prod_1", 2), at=LATER))

    answer = shop.done(an_edit(("a", "prod_1", 9), ("old", "prod_1", 1), at=NOON, status="cancelled"))

    assert "newer change" in answer["ignored"]
    assert (outcomes(shop), flags(shop, run)) == ({"a": "run"}, None)


def test_an_edit_that_overtakes_its_order_makes_the_runs_and_the_order_adds_nothing_that_was_left_out(
    shop: TestBench,
) -> None:
    shop.done(an_edit(("a", "prod_1", 2), at=LATER))

    place(shop, ("a", "prod_1"), ("dropped", "prod_1"), placed_at=NOON)

    assert outcomes(shop) == {"a": "run", "dropped": "ignored"}


def test_an_old_cancel_does_not_end_an_order_that_was_taken_up_again(shop: TestBench) -> None:
    run = place(shop, ("a", "prod_1"))["a"]
    shop.done(an_edit(("a", "prod_1", 2), at=LATER, status="pending"))

    shop.done(commands.CancelOrder(source="shop", order_id="order_1", at=NOON))

    assert steps.status(shop, run) == ["pending_review"]


def test_an_order_that_stands_again_makes_what_it_had_not_and_flags_what_was_cancelled(shop: TestBench) -> None:
    run = place(shop, ("a", "prod_1"), ("b", "prod_x"))["a"]
    shop.done(commands.CancelOrder(source="shop", order_id="order_1", at=NOON))
    shop.a_product("prod_x", design_id="dsgn_shawl")

    shop.done(an_edit(("a", "prod_1", 2), ("b", "prod_x", 2), at=LATER, status="pending"))

    assert outcomes(shop) == {"a": "run", "b": "run"}
    assert "stands again" in str(flags(shop, run))


def test_a_retried_line_becomes_a_run_when_its_product_was_linked_and_only_once(shop: TestBench) -> None:
    place(shop, ("a", "prod_x"), display_id=1001)
    line = shop.value("SELECT id FROM order_line")
    shop.done(commands.RetryLine(line_id=line))
    assert outcomes(shop) == {"a": "unmapped"}
    shop.a_product("prod_x", design_id="dsgn_shawl")

    shop.done(commands.RetryProduct(product_id="prod_x"))
    shop.done(commands.RetryLine(line_id=line))

    assert outcomes(shop) == {"a": "run"}
    (run,) = shop.rows("SELECT * FROM production_run")
    assert (run["order_id"], run["order_line_item_id"], run["quantity"]) == ("order_1", "a", 2)
    assert shop.value("SELECT provenance->>'display_id' FROM run_snapshot") == "1001"


def test_a_sweep_finds_a_line_whose_product_was_linked_at_the_instant_its_order_came(shop: TestBench) -> None:
    place(shop, ("a", "prod_x"), ("b", "prod_y"))
    shop.a_product("prod_x", design_id="dsgn_shawl")

    for asked in (1, 0):
        with shop.engine.begin() as connection:
            assert sweeps.retry_lines(connection, at=NOON) == asked
        shop.pump()

    assert outcomes(shop) == {"a": "run", "b": "unmapped"}


def test_a_line_of_a_cancelled_order_makes_no_run_when_it_is_retried(shop: TestBench) -> None:
    place(shop, ("a", "prod_x"))
    shop.done(CANCEL)
    shop.a_product("prod_x", design_id="dsgn_shawl")

    shop.done(commands.RetryLine(line_id=shop.value("SELECT id FROM order_line")))

    assert outcomes(shop) == {"a": "ignored"}
    assert shop.refused(commands.RetryLine(line_id="oline_0"))["code"] == "not_found"


@pytest.mark.parametrize("status", ["cancelled", "refunded", "draft"])
def test_an_order_that_comes_again_and_says_that_it_is_off_takes_back_its_runs(shop: TestBench, status: str) -> None:
    runs = place(shop, ("a", "prod_1"), ("b", "prod_1"), placed_at=NOON)
    send(shop, runs["b"], "weaver")

    place(shop, ("a", "prod_1"), ("b", "prod_1"), updated_at=LATER, status=status)

    assert steps.status(shop, runs["a"]) == ["cancelled"]
    assert flags(shop, runs["b"])


def test_an_order_that_comes_again_and_stands_again_has_its_ended_runs_flagged(shop: TestBench) -> None:
    run = place(shop, ("a", "prod_1"), placed_at=NOON)["a"]
    shop.done(commands.CancelOrder(source="shop", order_id="order_1", at=NOON), actor=SHOP)

    place(shop, ("a", "prod_1"), updated_at=LATER, status="open")

    assert steps.status(shop, run) == ["cancelled"]
    assert "stands again" in (flags(shop, run) or "")
