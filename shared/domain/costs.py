"""What a run cost. Sums and products are exact; only a cost per piece is rounded, half up, to the places a ledger keeps."""

from collections.abc import Sequence
from decimal import Decimal, localcontext
from typing import Any

import msgspec

from shared.domain import amounts
from shared.domain.consumption import WITHOUT_ITEM, ConsumptionType
from shared.domain.policy import Rates
from shared.domain.runs import CostType

SHARE_OF_MATERIAL = Decimal("0.30")
"""What making a sample is reckoned at, of its material, when neither its partner nor its tasks name a price."""


class Used(msgspec.Struct, frozen=True, kw_only=True):
    """One log as money sees it. item_cost: the item's own unit cost, for a log without one."""

    consumption_type: ConsumptionType
    quantity: Decimal
    unit_cost: Decimal | None = None
    item_cost: Decimal | None = None


class Charge(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody asks for pieces, per unit or in total."""

    amount: Decimal
    cost_type: CostType | None = None
    produced_quantity: Decimal | None = None


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """All that money needs of a run, or of a whole family. task_costs: actual, else estimated."""

    used: Sequence[Used] = ()
    partner_costs: Sequence[Charge] = ()
    task_costs: Sequence[Charge] = ()
    produced_quantity: Decimal | None = None


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """What a run cost so far. cost_per_piece: over the good pieces, None while there are none."""

    material_cost: Decimal
    energy_cost: Decimal
    labor_cost: Decimal
    partner_cost: Decimal
    total_cost: Decimal
    cost_per_piece: Decimal | None


class SampleCost(msgspec.Struct, frozen=True, kw_only=True):
    """What a sample says its design costs. Every field is a column of `design` of the same name."""

    material_cost: Decimal
    production_cost: Decimal
    estimated_cost: Decimal
    cost_breakdown: dict[str, Any]


def summary(facts: Facts, rates: Rates) -> Summary:
    """The sums by kind."""
    with localcontext(amounts.EXACT):
        material, energy, labor = _by_kind(facts.used, rates)
        partner = _charged(facts.partner_costs)
        total = material + energy + labor + partner
        produced = facts.produced_quantity
        return Summary(
            material_cost=material,
            energy_cost=energy,
            labor_cost=labor,
            partner_cost=partner,
            total_cost=total,
            cost_per_piece=(total / produced).quantize(_STEP) if produced else None,
        )


def of_sample(facts: Facts, rates: Rates) -> SampleCost:
    """What was used, and the making: the partner's price, else the tasks' costs, else a share of the material."""
    with localcontext(amounts.EXACT):
        material, energy, labor = _by_kind(facts.used, rates)
        making, source = _making(facts, material)
        production = energy + labor + making
        total = material + production
    return SampleCost(
        material_cost=material,
        production_cost=production,
        estimated_cost=total,
        cost_breakdown={
            "material_cost": amounts.plain(material),
            "energy_cost": amounts.plain(energy),
            "labor_cost": amounts.plain(labor),
            "making_cost": amounts.plain(making),
            "making_cost_source": source,
            "total_cost": amounts.plain(total),
        },
    )


def _making(facts: Facts, material: Decimal) -> tuple[Decimal, str]:
    if facts.partner_costs:
        return _charged(facts.partner_costs), "partner"
    if facts.task_costs:
        return _charged(facts.task_costs), "tasks"
    return (material * SHARE_OF_MATERIAL).quantize(_STEP), "share_of_material"


def _by_kind(used: Sequence[Used], rates: Rates) -> tuple[Decimal, Decimal, Decimal]:
    sums = {"material": Decimal(0), "energy": Decimal(0), "labor": Decimal(0)}
    for one in used:
        sums[_kind(one)] += one.quantity * _unit_cost(one, rates)
    return sums["material"], sums["energy"], sums["labor"]


def _kind(one: Used) -> str:
    if one.consumption_type not in WITHOUT_ITEM:
        return "material"
    return "labor" if one.consumption_type is ConsumptionType.LABOR else "energy"


def _unit_cost(one: Used, rates: Rates) -> Decimal:
    rate = getattr(rates, one.consumption_type.value, None)
    return next((cost for cost in (one.unit_cost, one.item_cost, rate) if cost is not None), Decimal(0))


def _charged(charges: Sequence[Charge]) -> Decimal:
    return sum((_charge(one) for one in charges), Decimal(0))


def _charge(one: Charge) -> Decimal:
    if one.cost_type is CostType.PER_UNIT:
        return one.amount * (one.produced_quantity or Decimal(0))
    return one.amount


_STEP = Decimal(10) ** -amounts.PLACES
