"""Costs: exact sums by kind, and what a sample says of its design."""

from decimal import Decimal
from typing import Any

import pytest

from shared.domain import costs
from shared.domain.consumption import ConsumptionType
from shared.domain.costs import Charge, Facts, Used
from shared.domain.policy import Rates
from shared.domain.runs import CostType

RATES = Rates(energy_electricity=Decimal("0.2"), energy_water=Decimal(3), energy_gas=Decimal(1), labor=Decimal(15))


def used(kind: str, quantity: str, **more: Any) -> Used:
    return Used(consumption_type=ConsumptionType(kind), quantity=Decimal(quantity), **more)


def a_charge(amount: str, *, per_unit: bool = False, produced: str | None = "4") -> Charge:
    return Charge(
        amount=Decimal(amount),
        cost_type=CostType.PER_UNIT if per_unit else None,
        produced_quantity=Decimal(produced) if produced else None,
    )


UNIT_COSTS = (
    # kind                 the log's       the item's      times two
    ("production",         Decimal("1.1"), Decimal(9),     "2.2"),
    ("production",         None,           Decimal(9),     "18"),
    ("production",         None,           None,           "0"),
    ("production",         Decimal(0),     Decimal(9),     "0"),
    ("labor",              None,           None,           "30"),
    ("labor",              Decimal(20),    None,           "40"),
    ("energy_electricity", None,           None,           "0.4"),
)  # fmt: skip


@pytest.mark.parametrize(("kind", "own", "item", "total"), UNIT_COSTS)
def test_the_logs_price_goes_before_the_items_and_the_rate(
    kind: str, own: Decimal | None, item: Decimal | None, total: str
) -> None:
    facts = Facts(used=[used(kind, "2", unit_cost=own, item_cost=item)])

    assert costs.summary(facts, RATES).total_cost == Decimal(total)


@pytest.mark.parametrize("kind", ConsumptionType)
def test_every_kind_of_consumption_is_counted_in_one_sum(kind: ConsumptionType) -> None:
    summary = costs.summary(Facts(used=[used(kind.value, "3", unit_cost=Decimal(2))]), Rates())

    sums = {"material": summary.material_cost, "energy": summary.energy_cost, "labor": summary.labor_cost}
    wanted = "labor" if kind == "labor" else "energy" if kind.startswith("energy") else "material"
    assert {name for name, amount in sums.items() if amount} == {wanted}


def test_the_partners_price_is_per_unit_or_in_total() -> None:
    facts = Facts(partner_costs=[a_charge("2.5", per_unit=True), a_charge("7")])

    assert costs.summary(facts, Rates()).partner_cost == 17


def test_a_piece_costs_its_share_of_all_and_nothing_while_there_is_none() -> None:
    facts = {"partner_costs": [a_charge("10")]}

    assert costs.summary(Facts(**facts, produced_quantity=Decimal(3)), Rates()).cost_per_piece == Decimal("3.333333")
    assert costs.summary(Facts(**facts, produced_quantity=Decimal(0)), Rates()).cost_per_piece is None
    assert costs.summary(Facts(**facts), Rates()).cost_per_piece is None


def test_sums_are_exact() -> None:
    facts = Facts(used=[used("production", "0.1", unit_cost=Decimal("0.1"))] * 3)

    assert costs.summary(facts, Rates()).material_cost == Decimal("0.03")


MAKINGS = (
    # partner          tasks            making   source
    ([a_charge("7")],  [a_charge("5")], "7",     "partner"),
    ([],               [a_charge("5")], "5",     "tasks"),
    ([],               [],              "12",    "share_of_material"),
    ([a_charge("0")],  [a_charge("5")], "0",     "partner"),
)  # fmt: skip


@pytest.mark.parametrize(("partner", "tasks", "making", "source"), MAKINGS)
def test_making_a_sample_costs_what_the_partner_asks_else_its_tasks_else_a_share(
    partner: list[Charge], tasks: list[Charge], making: str, source: str
) -> None:
    material = [used("sample", "4", unit_cost=Decimal(10))]

    cost = costs.of_sample(Facts(used=material, partner_costs=partner, task_costs=tasks), Rates())

    assert (cost.material_cost, cost.production_cost) == (40, Decimal(making))
    assert cost.estimated_cost == 40 + Decimal(making)
    assert cost.cost_breakdown["making_cost_source"] == source


def test_products_are_exact_however_long_they_are() -> None:
    largest = Decimal("999999999999.999999")

    told = costs.summary(
        Facts(used=[used("production", str(largest), unit_cost=largest)], produced_quantity=Decimal(1)), RATES
    )

    assert str(told.material_cost) == "999999999999999998000000.000000000001"
    assert str(told.cost_per_piece) == "999999999999999998000000.000000"
