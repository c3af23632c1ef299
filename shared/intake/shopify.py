"""Shopify: order, edit and refund webhooks → commands. The topic and the delivery's id stand in headers, the HMAC is over the bytes.

Of a bundle Shopify tells only the parts as lines; the group they come from is kept with each.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Annotated

import msgspec
from msgspec import Meta

from shared.domain.commands import CancelOrder, ChangeLines, Command, PlaceOrder, UpdateOrder
from shared.domain.orders import Delta, DeltaKind, Line, Order
from shared.intake import deliveries, reading
from shared.intake.deliveries import Name
from shared.intake.pointers import Unreadable
from shared.intake.reading import Id, Properties

SIGNATURE = "x-shopify-hmac-sha256"
TOPIC = "X-Shopify-Topic"

GIFT_CARD = "a gift card is not made"
TAKEN_OUT = "the line was taken out of the order"


class _Group(msgspec.Struct, frozen=True):
    id: Id | None = None


class _Line(msgspec.Struct, frozen=True, kw_only=True):
    id: Id
    quantity: Decimal
    current_quantity: Decimal | None = None
    product_id: Id | None = None
    variant_id: Id | None = None
    sku: str | int | None = None
    title: str | None = None
    name: str | None = None
    properties: Properties = None
    gift_card: bool | None = None
    sales_line_item_group_id: Id | None = None
    line_item_group: _Group | None = None


class _Order(msgspec.Struct, frozen=True, kw_only=True):
    id: Id
    name: str | None = None
    order_number: str | int | None = None
    test: bool | None = None
    cancelled_at: datetime | None = None
    financial_status: str | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    line_items: Annotated[list[_Line], Meta(max_length=5000)] | None = None


class _Gone(msgspec.Struct, frozen=True):
    id: Id


class _Moved(msgspec.Struct, frozen=True, kw_only=True):
    id: Id
    delta: Decimal


class _Moves(msgspec.Struct, frozen=True):
    additions: list[_Moved] | None = None
    removals: list[_Moved] | None = None


class _Edit(msgspec.Struct, frozen=True, kw_only=True):
    order_id: Id
    committed_at: datetime | None = None
    created_at: datetime | None = None
    line_items: _Moves | None = None


class _Edited(msgspec.Struct, frozen=True):
    order_edit: _Edit


class _RefundedLine(msgspec.Struct, frozen=True, kw_only=True):
    line_item_id: Id
    quantity: Decimal


class _Refund(msgspec.Struct, frozen=True, kw_only=True):
    order_id: Id
    processed_at: datetime | None = None
    created_at: datetime | None = None
    refund_line_items: list[_RefundedLine] | None = None


def name_of(raw: bytes, headers: Mapping[str, str]) -> Name:
    """The name of a delivery. headers: names in lower case. A retry carries the same webhook id; an event id may stand on several topics."""
    topic = headers.get("x-shopify-topic", "").strip().lower()
    event_id = headers.get("x-shopify-webhook-id", "").strip()
    of_event = headers.get("x-shopify-event-id", "").strip()
    event_id = event_id or (f"{topic}:{of_event}" if of_event else deliveries.digest(topic.encode(), raw))
    shop = headers.get("x-shopify-shop-domain", "").strip()
    return deliveries.named("shopify", shop=shop, event_id=event_id, topic=topic)


def command_of(raw: bytes, headers: Mapping[str, str], *, name: Name) -> Command:
    """What the delivery asks for. Raises Unreadable with the wrong place, or with the code NOT_TAKEN."""
    reader = _READERS.get(name.topic)
    if reader is None:
        why = "A draft is no order yet." if name.topic.startswith("draft_orders/") else ""
        raise deliveries.not_taken(name.topic, header=TOPIC, taken=_READERS, why=why)
    deliveries.check_object(raw)
    is_test = headers.get("x-shopify-test", "").strip().lower() == "true"
    command = reader(raw, name.source, is_test)
    reading.check_texts(command, at="")
    return command


def _place_order(raw: bytes, source: str, is_test: bool) -> Command:
    return PlaceOrder(source=source, order=_order(raw, is_test=is_test, is_new=True))


def _update_order(raw: bytes, source: str, is_test: bool) -> Command:
    return UpdateOrder(source=source, order=_order(raw, is_test=is_test))


def _cancel_order(raw: bytes, source: str, is_test: bool) -> Command:
    order = _order(raw, is_test=is_test)
    status = order.status if order.status == "test" else "cancelled"
    return UpdateOrder(source=source, order=msgspec.structs.replace(order, status=status))


def _forget_order(raw: bytes, source: str, is_test: bool) -> Command:
    told = reading.decode(raw, _Gone)
    return CancelOrder(source=source, order_id=reading.id_text(told.id, at="/id"), reason="deleted in the shop")


def _edit_order(raw: bytes, source: str, is_test: bool) -> Command:
    told = reading.decode(raw, _Edited).order_edit
    moves = told.line_items or _Moves()
    changes = [
        _delta(moved.id, kind, moved.delta, at=f"/order_edit/line_items/{place}/{number}")
        for place, kind in (("additions", DeltaKind.ADDED), ("removals", DeltaKind.REMOVED))
        for number, moved in enumerate(getattr(moves, place) or [])
        if not is_test
    ]
    return ChangeLines(
        source=source,
        order_id=reading.id_text(told.order_id, at="/order_edit/order_id"),
        at=reading.aware(told.committed_at or told.created_at, at="/order_edit/committed_at"),
        changes=changes,
    )


def _refund_order(raw: bytes, source: str, is_test: bool) -> Command:
    told = reading.decode(raw, _Refund)
    changes = [
        _delta(line.line_item_id, DeltaKind.REFUNDED, line.quantity, at=f"/refund_line_items/{number}")
        for number, line in enumerate(told.refund_line_items or [])
        if line.quantity and not is_test
    ]
    return ChangeLines(
        source=source,
        order_id=reading.id_text(told.order_id, at="/order_id"),
        at=reading.aware(told.processed_at or told.created_at, at="/processed_at"),
        changes=changes,
    )


def _delta(line_id: str | int, kind: DeltaKind, quantity: Decimal, *, at: str) -> Delta:
    try:
        return Delta(line_id=reading.id_text(line_id, at=at), kind=kind, quantity=quantity)
    except ValueError as wrong:
        raise Unreadable(f"{str(wrong).replace(':', '')}.", pointer=at) from None


def _order(raw: bytes, *, is_test: bool, is_new: bool = False) -> Order:
    told = reading.decode(raw, _Order)
    lines = None
    if told.line_items is not None:
        lines = [_line(line, is_new=is_new, at=f"/line_items/{place}") for place, line in enumerate(told.line_items)]
    given = {
        "id": told.id,
        "display_id": told.name if told.order_number is None else told.order_number,
        "status": "test" if is_test else _status(told),
        "placed_at": told.created_at,
        "updated_at": told.updated_at,
        "items": lines,
    }
    return reading.order(given, at="", items_at="/line_items")


def _status(told: _Order) -> str | None:
    """Shopify has no one status: an order is a test, cancelled, or paid in some way."""
    if told.test:
        return "test"
    return "cancelled" if told.cancelled_at else told.financial_status


def _line(told: _Line, *, is_new: bool, at: str) -> Line:
    """A line with what is wanted of it now: edits and refunds lower `current_quantity` and leave `quantity` as it was ordered."""
    left = None if is_new else told.current_quantity
    is_out = left is not None and not left
    given = {
        "id": told.id,
        "product_id": told.product_id,
        "variant_id": told.variant_id,
        "sku": told.sku,
        "title": told.title or told.name,
        "quantity": Decimal(1) if is_out and not told.quantity else _least(told.quantity, left or told.quantity),
        "properties": told.properties,
        "part_of": _group(told),
        "not_made": TAKEN_OUT if is_out else GIFT_CARD if told.gift_card else None,
    }
    return reading.line(given, at=at)


def _least(ordered: Decimal, left: Decimal) -> Decimal:
    """No more is left than was ordered; what is no number is kept, to be refused."""
    return min(ordered, left) if ordered.is_finite() and left.is_finite() else left if ordered.is_finite() else ordered


def _group(told: _Line) -> str | int | None:
    if told.sales_line_item_group_id is not None:
        return told.sales_line_item_group_id
    return told.line_item_group.id if told.line_item_group else None


_READERS: dict[str, Callable[[bytes, str, bool], Command]] = {
    "orders/create": _place_order,
    "orders/updated": _update_order,
    "orders/paid": _update_order,
    "orders/partially_fulfilled": _update_order,
    "orders/fulfilled": _update_order,
    "orders/cancelled": _cancel_order,
    "orders/delete": _forget_order,
    "orders/edited": _edit_order,
    "refunds/create": _refund_order,
}
TOPICS = frozenset(_READERS)
"""The topics that are taken."""
