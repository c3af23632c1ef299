"""A shop's order in canonical form, and what becomes of each of its lines."""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

import msgspec

from shared.domain import amounts
from shared.domain.runs import Run, Status


class Outcome(StrEnum):
    """What became of an order line."""

    RUN = "run"
    UNMAPPED = "unmapped"
    IGNORED = "ignored"
    PARKED = "parked"


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One line of an order; ids are kept as the shop gave them."""

    id: str
    product_id: str | None = None
    variant_id: str | None = None
    sku: str | None = None
    title: str | None = None
    quantity: Decimal = Decimal(1)
    properties: dict[str, Any] | list[Any] | None = None

    def __post_init__(self) -> None:
        amounts.positive(self.quantity, "quantity")
        if not self.id:
            raise ValueError("id: must not be empty")


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """An order as it was placed. Without items it is thin: its lines are wanted."""

    id: str
    display_id: str | int | None = None
    status: str | None = None
    placed_at: datetime | None = None
    items: list[Line] | None = None

    def __post_init__(self) -> None:
        if not self.id:
            raise ValueError("id: must not be empty")
        seen: set[str] = set()
        for line in self.items or []:
            if line.id in seen:
                raise ValueError(f"items: the line id {line.id!r} stands twice; every line needs its own")
            seen.add(line.id)


NOT_MADE = {
    "cancelled": "the order is cancelled",
    "canceled": "the order is cancelled",
    "refunded": "the order is refunded",
    "voided": "the order is voided",
    "draft": "the order is a draft",
}
"""Order states that make nothing, and why."""


class DesignFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What a snapshot keeps of a design."""

    id: str
    name: str
    description: str | None
    status: str
    specifications: Any
    colours: Any
    sizes: Any
    media: Any
    planned_materials: list[dict[str, Any]]


class ProductLink(msgspec.Struct, frozen=True):
    """A product, or one variant of it, is made from a design."""

    product_id: str
    variant_id: str | None
    design_id: str


def design_for(line: Line, links: list[ProductLink]) -> str | None:
    """The design a line is made from; the variant's link wins over the product's."""
    fitting = [link for link in links if link.product_id == line.product_id]
    by_variant = next((link for link in fitting if link.variant_id and link.variant_id == line.variant_id), None)
    by_product = next((link for link in fitting if link.variant_id is None), None)
    chosen = by_variant or by_product
    return chosen.design_id if chosen else None


def judge(order: Order, line: Line, links: list[ProductLink]) -> tuple[Outcome, str]:
    """What becomes of a line, and the reason a person can act on."""
    if order.status and order.status.lower() in NOT_MADE:
        return Outcome.IGNORED, NOT_MADE[order.status.lower()]
    if not line.product_id:
        return Outcome.UNMAPPED, "the line names no product; link it by hand"
    if design_for(line, links) is None:
        return Outcome.UNMAPPED, f"no design is linked to product {line.product_id}; link one and retry"
    return Outcome.RUN, "a production run was made"


def judge_thin(order: Order) -> tuple[Outcome, str]:
    """What becomes of an order that came without lines."""
    if order.status and order.status.lower() in NOT_MADE:
        return Outcome.IGNORED, NOT_MADE[order.status.lower()]
    return Outcome.PARKED, "lines wanted: the event named the order but not its lines"


def run_for(order: Order, line: Line, *, source: str, design_id: str, run_id: str, snapshot_id: str) -> Run:
    """The run an order line becomes, waiting for review."""
    return Run(
        id=run_id,
        status=Status.PENDING_REVIEW,
        quantity=line.quantity,
        design_id=design_id,
        product_id=line.product_id,
        variant_id=line.variant_id,
        source=source,
        order_id=order.id,
        order_line_item_id=line.id,
        snapshot_id=snapshot_id,
    )
