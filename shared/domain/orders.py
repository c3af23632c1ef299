"""A shop's order in canonical form, and what becomes of each of its lines."""

from collections.abc import Sequence
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
    part_of: str | None = None
    """The line that this one is a part of, by the shop's own words."""
    not_made: str | None = None
    """Why nothing is made of it, where its shop says so."""

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
    updated_at: datetime | None = None
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
    "unconfirmed": "the order is not confirmed yet",
    "failed": "the order's payment failed",
    "expired": "the order expired",
    "deleted": "the order was deleted",
    "test": "the order is a test",
}
"""Order states that make nothing, and why."""

BEFORE_AN_ORDER = frozenset({NOT_MADE["draft"], NOT_MADE["unconfirmed"]})
"""What any newer word ends, with a status or without."""


class ShopOrder(msgspec.Struct, kw_only=True):
    """What is known of an order as a whole. Times are the shop's own."""

    source: str
    order_id: str
    display_id: str | None = None
    off_reason: str | None = None
    """Why the order makes nothing, as long as that stands."""
    changed_at: datetime | None = None
    """The newest change that was taken in."""
    live_at: datetime | None = None
    """When the shop last said that the order stands."""
    has_lines: bool = False
    """A change with lines was taken in: what it left out is wanted no more."""


class Recorded(msgspec.Struct, frozen=True, kw_only=True):
    """An order line as it was recorded."""

    id: str
    order_line_item_id: str
    outcome: Outcome
    production_run_id: str | None
    left_at: datetime | None
    body: dict[str, Any]

    @property
    def quantity(self) -> Decimal:
        return Decimal(str(self.body.get("quantity", 1)))

    @property
    def is_open(self) -> bool:
        """It made no run yet and may still make one."""
        return self.production_run_id is None


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
    category: str | None = None


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


def is_stale(known: ShopOrder, at: datetime | None) -> bool:
    """An older word of the shop than the newest that was taken in. Without times the order of arrival counts."""
    return bool(at and known.changed_at and at < known.changed_at)


def is_cancel_stale(known: ShopOrder, at: datetime | None) -> bool:
    """A cancel counts unless the shop said later, in words, that the order stands."""
    return bool(at and known.live_at and at < known.live_at)


def hear(known: ShopOrder, order: Order, *, at: datetime | None) -> None:
    """Take in what an order says of itself as a whole, unless it is an old word.

    A cancelled order stands again only by a status that says so with a newer time; what was no order yet by anything newer.
    """
    if is_stale(known, at):
        return
    status = (order.status or "").lower()
    is_newer = bool(at and known.changed_at and at > known.changed_at)
    if status in NOT_MADE:
        known.off_reason = NOT_MADE[status]
    elif known.off_reason in BEFORE_AN_ORDER or (status and is_newer):
        known.off_reason = None
    if status and status not in NOT_MADE and at:
        known.live_at = max(at, known.live_at or at)
    if at:
        known.changed_at = max(at, known.changed_at or at)
    if order.display_id is not None:
        known.display_id = str(order.display_id)


def call_off(known: ShopOrder, *, at: datetime | None) -> None:
    """The shop cancelled the order."""
    known.off_reason = NOT_MADE["cancelled"]
    if at:
        known.changed_at = max(at, known.changed_at or at)


def judge(line: Line, links: list[ProductLink], *, off: str | None) -> tuple[Outcome, str]:
    """What becomes of a line, and the reason a person can act on. off: why its order makes nothing."""
    if off or line.not_made:
        return Outcome.IGNORED, off or line.not_made or ""
    if not line.product_id:
        return Outcome.UNMAPPED, "the line names no product; link it by hand"
    if design_for(line, links) is None:
        return Outcome.UNMAPPED, f"no design is linked to product {line.product_id}; link one and retry"
    return Outcome.RUN, "a production run was made"


LEFT_OUT = "a later change of the order left this line out"
OLD_WORD = "a newer change of the order was taken in already"


def is_wanted(recorded: Recorded | None, *, off: str | None) -> bool:
    """A line is judged when it is new, was ignored and its order is off no more, or was named before it was told."""
    if recorded is None or recorded.outcome is Outcome.PARKED:
        return True
    return recorded.outcome is Outcome.IGNORED and recorded.is_open and not off


def judge_thin(order: Order, *, off: str | None) -> tuple[Outcome, str]:
    """What becomes of an order that came without lines: it was only named, or it has none."""
    if off or order.items is not None:
        return Outcome.IGNORED, off or "the order has no lines"
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


class LineChange(msgspec.Struct, frozen=True, kw_only=True):
    """What an edit of the order did to a line that has a run: a person must decide."""

    recorded: Recorded
    line: Line | None
    reason: str


def changes(recorded: Sequence[Recorded], lines: Sequence[Line]) -> list[LineChange]:
    """The recorded lines that left the order, came back, or are wanted in another quantity; each change once.

    A run whose line is not to be made any more has lost its line; a line without a run just says so.
    """
    told = {line.id: line for line in lines}
    found = []
    for known in recorded:
        line = told.get(known.order_line_item_id)
        if line and line.not_made:
            if known.is_open:
                continue
            line = None
        reason = _what_changed(known, line)
        if reason:
            found.append(LineChange(recorded=known, line=line, reason=reason))
    return found


def _what_changed(known: Recorded, line: Line | None) -> str | None:
    if line is None:
        return None if known.left_at else "the line left the order"
    if known.left_at:
        return f"the line is back in the order, with a quantity of {amounts.plain(line.quantity)}"
    if (line.product_id, line.variant_id) != (known.body.get("product_id"), known.body.get("variant_id")):
        return "the line now names another product"
    if line.quantity == known.quantity:
        return None
    return f"the order now wants {amounts.plain(line.quantity)} instead of {amounts.plain(known.quantity)}"


class DeltaKind(StrEnum):
    """What a shop says of a line without telling the whole order."""

    ADDED = "added"
    REMOVED = "removed"
    REFUNDED = "refunded"


class Delta(msgspec.Struct, frozen=True, kw_only=True):
    """So many pieces of a line were added, taken out or refunded."""

    line_id: str
    kind: DeltaKind
    quantity: Decimal

    def __post_init__(self) -> None:
        amounts.positive(self.quantity, "quantity")

    @property
    def sentence(self) -> str:
        """What a person who looks after the line's run reads."""
        return _DELTA_SENTENCES[self.kind].format(amounts.plain(self.quantity))


_DELTA_SENTENCES = {
    DeltaKind.ADDED: "the shop added {} to the line",
    DeltaKind.REMOVED: "the shop took {} off the line",
    DeltaKind.REFUNDED: "the shop refunded {} of the line",
}


def is_told(known: ShopOrder, at: datetime | None) -> bool:
    """The whole order was told after this happened, so its lines have it already."""
    return bool(known.has_lines and at and known.changed_at and at <= known.changed_at)


def judge_added(*, off: str | None) -> tuple[Outcome, str]:
    """What becomes of a line that an edit added without saying what it is."""
    if off:
        return Outcome.IGNORED, off
    return Outcome.PARKED, "lines wanted: an edit added this line without its product"
