"""Makers of stock for tests: an item, a place, how much is there, with the movement that put it there."""

from typing import Any

from shared.runtime import ids
from tests.workshop import TestBench


def an_item(workshop: TestBench, item: str = "item_yarn", *, unit: str = "Piece", unit_cost: str | None = None) -> str:
    workshop.change(
        """INSERT INTO inventory_item (id, sku, title, unit_of_measure, unit_cost) VALUES (:id, :id, :id, :unit, :cost)
           ON CONFLICT DO NOTHING""",
        id=item,
        unit=unit,
        cost=unit_cost,
    )
    return item


def a_level(
    workshop: TestBench,
    *,
    stock: str,
    item: str = "item_yarn",
    location: str = "sloc_a",
    owner: str | None = None,
    unit_cost: str | None = None,
) -> None:
    """So much of an item at a place: ours, or a partner's."""
    an_item(workshop, item, unit_cost=unit_cost)
    workshop.change(
        "INSERT INTO stock_location (id, name, partner_id) VALUES (:id, :id, :owner) ON CONFLICT DO NOTHING",
        id=location,
        owner=owner,
    )
    here = {"item": item, "place": location, "stock": stock}
    workshop.change(
        "INSERT INTO stock_level (id, inventory_item_id, location_id, stocked) VALUES (:id, :item, :place, :stock)",
        id=ids.fresh("slev"),
        **here,
    )
    workshop.change(
        """INSERT INTO stock_movement (id, inventory_item_id, location_id, quantity, reason)
           VALUES (:id, :item, :place, :stock, 'delivered')""",
        id=ids.fresh("smov"),
        **here,
    )


def stocked(workshop: TestBench, location: str = "sloc_a") -> Any:
    """How much is at the place now."""
    return workshop.value("SELECT stocked FROM stock_level WHERE location_id = :place", place=location)
