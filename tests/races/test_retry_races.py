"""A line is retried by a person, by a linked product and by a copy of its order at the same instant: one run."""

from shared.domain import commands
from tests.races.test_races import race
from tests.workshop import TestBench

ROUNDS = 20


def test_a_line_retried_from_all_sides_at_once_makes_one_run(workshop: TestBench) -> None:
    design = workshop.a_design()
    for number in range(ROUNDS):
        product, order = f"prod_{number}", workshop.an_order(f"order_{number}", ("a", f"prod_{number}"))
        workshop.done(order)
        line = workshop.value("SELECT id FROM order_line WHERE order_id = :order", order=f"order_{number}")
        workshop.a_product(product, design_id=design)

        race(
            workshop,
            [
                *(workshop.post(commands.RetryLine(line_id=line)) for _ in range(4)),
                *(workshop.post(commands.RetryProduct(product_id=product)) for _ in range(2)),
                workshop.post(order),
            ],
        )

        runs = workshop.rows("SELECT id FROM production_run WHERE order_id = :order", order=f"order_{number}")
        assert len(runs) == 1
        recorded = workshop.rows("SELECT outcome, production_run_id FROM order_line WHERE id = :id", id=line)[0]
        assert tuple(recorded.values()) == ("run", runs[0]["id"])
    assert workshop.errors() == []


def test_a_cancel_and_a_retry_at_once_leave_no_run_that_goes_on(workshop: TestBench) -> None:
    design = workshop.a_design()
    for number in range(ROUNDS):
        order_id = f"order_{number}"
        workshop.done(workshop.an_order(order_id, ("a", f"prod_{number}")))
        line = workshop.value("SELECT id FROM order_line WHERE order_id = :order", order=order_id)
        workshop.a_product(f"prod_{number}", design_id=design)

        race(
            workshop,
            [
                workshop.post(commands.RetryLine(line_id=line)),
                workshop.post(commands.CancelOrder(source="shop", order_id=order_id)),
            ],
        )

        open_runs = workshop.rows(
            "SELECT id FROM production_run WHERE order_id = :order AND status <> 'cancelled'", order=order_id
        )
        assert open_runs == []
    assert workshop.errors() == []


def test_a_cancel_and_a_dispatch_at_once_end_the_run_or_flag_it(workshop: TestBench) -> None:
    workshop.a_product("prod_1", design_id=workshop.a_design())
    workshop.a_template("weave")
    share = commands.Assignment(partner_id=workshop.a_partner("weaver"))
    for number in range(ROUNDS):
        order_id = f"order_{number}"
        placed = workshop.done(workshop.an_order(order_id, ("a", "prod_1")))
        root = placed["lines"][0]["production_run_id"]
        child = workshop.done(commands.ApproveRun(assignments=[share]), run_id=root)["children"][0]
        sent = workshop.post(commands.SendToProduction(template_names=["weave"]), run_id=child)

        race(workshop, [sent, workshop.post(commands.WithdrawRun(reason="the order is cancelled"), run_id=root)])

        parent, part = workshop.run(root), workshop.run(child)
        became = (parent["status"], part["status"], parent["flagged_at"] is not None)
        assert became in {("cancelled", "cancelled", False), ("approved", "sent_to_partner", True)}
    assert workshop.errors() == []
