"""Consumption: what a run used up, and how that is settled against stock. Pure; the store locks and writes around it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

import msgspec

from shared.domain import amounts, events, refusals
from shared.domain.policy import OnStockShort, Policy
from shared.domain.runs import Run


class Unit(StrEnum):
    """What quantities of a material are counted in."""

    METER = "Meter"
    YARD = "Yard"
    KILOGRAM = "Kilogram"
    GRAM = "Gram"
    PIECE = "Piece"
    ROLL = "Roll"
    LITER = "Liter"
    CUBIC_METER = "Cubic_Meter"
    KWH = "kWh"
    HOUR = "Hour"
    OTHER = "Other"


class ConsumptionType(StrEnum):
    """What something was used for, or what it was. Wastage is material."""

    SAMPLE = "sample"
    PRODUCTION = "production"
    WASTAGE = "wastage"
    ENERGY_ELECTRICITY = "energy_electricity"
    ENERGY_WATER = "energy_water"
    ENERGY_GAS = "energy_gas"
    LABOR = "labor"


class QuantityBasis(StrEnum):
    """How a quantity is meant."""

    TOTAL = "total"
    PER_PIECE = "per_piece"


class ConsumedBy(StrEnum):
    """Who wrote the log."""

    PARTNER = "partner"
    ADMIN = "admin"


WITHOUT_ITEM: dict[ConsumptionType, Unit] = {
    ConsumptionType.ENERGY_ELECTRICITY: Unit.KWH,
    ConsumptionType.ENERGY_WATER: Unit.CUBIC_METER,
    ConsumptionType.ENERGY_GAS: Unit.CUBIC_METER,
    ConsumptionType.LABOR: Unit.HOUR,
}
"""What is used without being stocked, and what it is counted in unless said otherwise."""


class Entry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What somebody says was used. The type is the run's own unless given; material names its item."""

    quantity: Decimal
    inventory_item_id: str | None = None
    unit_of_measure: Unit | None = None
    consumption_type: ConsumptionType | None = None
    quantity_basis: QuantityBasis = QuantityBasis.TOTAL
    unit_cost: Decimal | None = None
    location_id: str | None = None
    notes: str | None = None

    def __post_init__(self) -> None:
        amounts.positive(self.quantity, "quantity")
        amounts.not_negative(self.unit_cost, "unit_cost")
        if self.inventory_item_id is None and self.consumption_type not in WITHOUT_ITEM:
            raise ValueError("inventory_item_id: is needed for everything but energy, water and labour")


class Consumption(msgspec.Struct, kw_only=True):
    """One log of a run. Every field is a column of `consumption_log` of the same name."""

    id: str
    production_run_id: str
    design_id: str
    quantity: Decimal
    unit_of_measure: Unit
    consumption_type: ConsumptionType
    consumed_by: ConsumedBy
    consumed_at: datetime
    inventory_item_id: str | None = None
    quantity_basis: QuantityBasis = QuantityBasis.TOTAL
    unit_cost: Decimal | None = None
    location_id: str | None = None
    is_committed: bool = False
    committed_at: datetime | None = None
    committed_quantity: Decimal | None = None
    commit_note: str | None = None
    notes: str | None = None


class Level(msgspec.Struct, kw_only=True):
    """How much of an item is at a place; partner_id: whose place it is, None for ours."""

    id: str
    inventory_item_id: str
    location_id: str
    stocked: Decimal
    partner_id: str | None = None


class Movement(msgspec.Struct, frozen=True, kw_only=True):
    """What one log takes from stock: never more than is there; shortfall is what was used beyond that."""

    consumption_log_id: str
    run_id: str
    inventory_item_id: str
    location_id: str
    quantity: Decimal
    shortfall: Decimal


def log(
    entry: Entry, run: Run, *, log_id: str, units: Mapping[str, Unit], by_admin: bool, at: datetime, pointer: str = ""
) -> tuple[Consumption, events.Event]:
    """The log an entry becomes, and that it was told. Raises InvalidField when it comes to an absurd amount.

    units: what each known item is counted in. pointer: where the entry stood in what was asked.
    """
    kind = entry.consumption_type or ConsumptionType(run.run_type.value)
    own_unit = units.get(entry.inventory_item_id or "") or WITHOUT_ITEM.get(kind, Unit.OTHER)
    written = Consumption(
        id=log_id,
        production_run_id=run.id,
        design_id=run.design_id,
        inventory_item_id=entry.inventory_item_id,
        quantity=entry.quantity,
        unit_of_measure=entry.unit_of_measure or own_unit,
        consumption_type=kind,
        quantity_basis=entry.quantity_basis,
        unit_cost=entry.unit_cost,
        location_id=entry.location_id,
        consumed_by=ConsumedBy.ADMIN if by_admin else ConsumedBy.PARTNER,
        consumed_at=at,
        notes=entry.notes,
    )
    _check_sane(written, pieces=run.quantity, pointer=pointer)
    return written, events.ConsumptionLogged(reason=entry.notes, after=_told(written))


def open_to_logs(run: Run) -> None:
    """Raises Refusal when nothing can be logged on the run any more, or not on this one."""
    if run.is_terminal:
        raise refusals.WrongState(verb="logging consumption", why=f"the run is {run.status.value}.")
    if run.is_container:
        raise refusals.IsContainer()


def pieces_of(run: Run) -> Decimal | None:
    """The pieces that went through the maker's hands, good or not; None while they are not counted."""
    if run.produced_quantity is None:
        return None
    return run.produced_quantity + (run.rejected_quantity or Decimal(0))


def used(written: Consumption, *, pieces: Decimal | None) -> Decimal | None:
    """What a log amounts to; None for a quantity per piece while pieces are not counted."""
    if written.quantity_basis is QuantityBasis.TOTAL:
        return written.quantity
    if pieces is None:
        return None
    total = amounts.EXACT.multiply(written.quantity, pieces)
    return total.quantize(_STEP, context=amounts.EXACT)


def _check_sane(written: Consumption, *, pieces: Decimal, pointer: str) -> None:
    """A ledger and a price keep so many digits; who reaches them has mistyped something."""
    total = used(written, pieces=pieces) or Decimal(0)
    most = f"must stay below {amounts.LARGEST:,} for all pieces together."
    if total >= amounts.LARGEST:
        raise refusals.InvalidField(pointer=f"{pointer}/quantity", sentence=f"quantity: {most}")
    if amounts.EXACT.multiply(total, written.unit_cost or Decimal(0)) >= amounts.LARGEST:
        raise refusals.InvalidField(pointer=f"{pointer}/unit_cost", sentence=f"unit_cost: its cost {most}")


_STEP = Decimal(10) ** -amounts.PLACES


# Settling -----------------------------------------------------------------------------------------------------------


class Settled(msgspec.Struct, frozen=True):
    """What a commit comes to."""

    logs: list[Consumption]
    movements: list[Movement]
    told: list[events.Event]


def settle(
    logs: Sequence[Consumption],
    run: Run,
    *,
    levels: Sequence[Level],
    planned: Sequence[Mapping[str, Any]],
    default_location_id: str | None,
    at: datetime,
    policy: Policy,
) -> Settled:
    """Commit the open logs of a run and take what they used from the locked levels. Raises Refusal, then nothing counts.

    A quantity per piece waits until the pieces are counted. planned: the material lines of the run's snapshot.
    """
    pieces = pieces_of(run)
    open_logs = [one for one in logs if not one.is_committed and used(one, pieces=pieces) is not None]
    movements = []
    for one in open_logs:
        one.is_committed, one.committed_at = True, at
        one.committed_quantity = used(one, pieces=pieces)
        if one.inventory_item_id:
            level, one.commit_note = _level_for(one, levels, planned=planned, default=default_location_id)
            if level:
                movements.append(_take(one, level, may_refuse=_may_refuse(run, policy)))
    return Settled(open_logs, movements, _tell(open_logs, movements))


def location_for(
    one: Consumption, levels: Sequence[Level], *, planned: Sequence[Mapping[str, Any]], default: str | None
) -> str | None:
    """Where a log's material comes from: its own word, the body's, the design's line, else the (first) place that stocks it.

    Places of ours go before a partner's, and among ours those that have some left. None: nobody stocks it.
    """
    stocking = [level for level in levels if level.inventory_item_id == one.inventory_item_id]
    ours = [level for level in stocking if level.partner_id is None]
    ours = [level for level in ours if level.stocked > 0] or ours
    return (
        one.location_id
        or default
        or _planned_location(one, planned)
        or min((level.location_id for level in ours or stocking), default=None)
    )


def _planned_location(one: Consumption, planned: Sequence[Mapping[str, Any]]) -> str | None:
    lines = (line for line in planned if line.get("inventory_item_id") == one.inventory_item_id)
    return next((line["location_id"] for line in lines if line.get("location_id")), None)


def _level_for(
    one: Consumption, levels: Sequence[Level], *, planned: Sequence[Mapping[str, Any]], default: str | None
) -> tuple[Level | None, str | None]:
    """The level a log is taken from, or none and why."""
    place = location_for(one, levels, planned=planned, default=default)
    there = (each for each in levels if (each.inventory_item_id, each.location_id) == (one.inventory_item_id, place))
    level = next(there, None)
    if level is None:
        where = f" at {place}" if place else " anywhere"
        return None, f"No stock moved: there is no stock level of this item{where}."
    one.location_id = place
    if level.partner_id:
        return None, "No stock moved: the location is not ours."
    return level, None


def _may_refuse(run: Run, policy: Policy) -> bool:
    """Whether what is short stops everything. A split run closes with its last part, and nobody asked who could be refused."""
    return policy.on_stock_short is OnStockShort.REFUSE and not (run.is_container and run.is_terminal)


def _take(one: Consumption, level: Level, *, may_refuse: bool) -> Movement:
    wanted = one.committed_quantity or Decimal(0)
    taken = min(wanted, max(level.stocked, Decimal(0)))
    shortfall = wanted - taken
    if shortfall and may_refuse:
        raise refusals.StockShort(
            item=level.inventory_item_id, stocked=amounts.plain(level.stocked), wanted=amounts.plain(wanted)
        )
    if shortfall:
        one.commit_note = f"Short by {amounts.plain(shortfall)}: only {amounts.plain(taken)} were in stock."
    level.stocked -= taken
    return Movement(
        consumption_log_id=one.id,
        run_id=one.production_run_id,
        inventory_item_id=level.inventory_item_id,
        location_id=level.location_id,
        quantity=-taken,
        shortfall=shortfall,
    )


def _tell(logs: Sequence[Consumption], movements: Sequence[Movement]) -> list[events.Event]:
    if not logs:
        return []
    committed = events.ConsumptionCommitted(
        after={"committed_count": len(logs), "movements": [_moved(movement) for movement in movements]}
    )
    short = [movement for movement in movements if movement.shortfall]
    return [committed, *(_tell_short(movement) for movement in short)]


def _tell_short(movement: Movement) -> events.Event:
    missing = amounts.plain(movement.shortfall)
    return events.StockShort(
        reason=f"{missing} of {movement.inventory_item_id} were used beyond the stock at {movement.location_id}",
        after=_moved(movement),
    )


def _moved(movement: Movement) -> dict[str, Any]:
    return {
        "consumption_log_id": movement.consumption_log_id,
        "inventory_item_id": movement.inventory_item_id,
        "location_id": movement.location_id,
        "quantity": amounts.plain(movement.quantity),
        "shortfall": amounts.plain(movement.shortfall),
    }


def _told(written: Consumption) -> dict[str, Any]:
    return {
        "consumption_log_id": written.id,
        "inventory_item_id": written.inventory_item_id,
        "quantity": amounts.plain(written.quantity),
        "unit_of_measure": written.unit_of_measure.value,
        "consumption_type": written.consumption_type.value,
        "quantity_basis": written.quantity_basis.value,
    }
