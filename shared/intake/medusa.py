"""Medusa v2: what its forwarder sends as `{name, data}` → commands. data is a whole order, or names one whose lines are wanted.

Medusa signs nothing itself, so the forwarder signs as Standard Webhooks says; its message id names the delivery.
"""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from shared.domain.commands import CancelOrder, Command, PlaceOrder, UpdateOrder
from shared.domain.orders import Line, Order
from shared.intake import deliveries, reading
from shared.intake.deliveries import Name
from shared.intake.pointers import Unreadable
from shared.intake.reading import Id, Properties

SOURCE = "medusa"
TAKEN_OUT = "the line was taken out of the order"

PLACED = "order.placed"
CANCELED = frozenset({"order.canceled", "order.cancelled"})
EVENTS = (PLACED, "order.updated", "order.completed", "order.archived", *sorted(CANCELED), "order-edit.confirmed")


class _Event(msgspec.Struct, frozen=True):
    name: Annotated[str, Meta(min_length=1, max_length=200)]
    data: msgspec.Raw = msgspec.Raw()


class _Exact(msgspec.Struct, frozen=True):
    """Medusa's own exact number beside the one that went through a float."""

    value: Decimal


class _Detail(msgspec.Struct, frozen=True):
    quantity: Decimal | None = None
    raw_quantity: _Exact | None = None


class _Item(msgspec.Struct, frozen=True, kw_only=True):
    id: Id
    quantity: Decimal | None = None
    raw_quantity: _Exact | None = None
    detail: _Detail | None = None
    product_id: Id | None = None
    variant_id: Id | None = None
    variant_sku: str | int | None = None
    title: str | None = None
    product_title: str | None = None
    metadata: Properties = None


class _Order(msgspec.Struct, frozen=True, kw_only=True):
    id: Id | None = None
    order_id: Id | None = None
    display_id: str | int | None = None
    status: str | None = None
    payment_status: str | None = None
    is_draft_order: bool | None = None
    canceled_at: datetime | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    items: Annotated[list[_Item], Meta(max_length=5000)] | None = None


class _Fetched(msgspec.Struct, frozen=True):
    order: msgspec.Raw


def name_of(raw: bytes, headers: Mapping[str, str]) -> Name:
    """The name of a delivery. headers: names in lower case; the webhook's id was signed with the body."""
    topic = reading.decode(raw, _Event).name
    return deliveries.named(SOURCE, shop="", event_id=headers.get("webhook-id", "").strip(), topic=topic)


def command_of(raw: bytes, headers: Mapping[str, str], *, name: Name) -> Command:
    """What the delivery asks for. Raises Unreadable with the wrong place, or with the code NOT_TAKEN."""
    if name.topic not in EVENTS:
        raise deliveries.not_taken(name.topic, header="name", taken=dict.fromkeys(EVENTS))
    data = reading.decode(raw, _Event).data
    if not bytes(data):
        raise Unreadable("data is missing.", pointer="/data")
    if bytes(data).lstrip()[:1] == b"[":
        raise Unreadable("A list was sent; an event is about one order.", pointer="/data", code=deliveries.NOT_TAKEN)
    order = _order(bytes(data), at="/data")
    command = _asked(order, name)
    reading.check_texts(command, at="/data")
    return command


def fetched(raw: bytes, *, source: str, order_id: str) -> UpdateOrder:
    """The command of an order that was fetched back: `{order: {...}}`. Raises Unreadable, also for another order or none with lines."""
    order = _order(bytes(reading.decode(raw, _Fetched).order), at="/order")
    if order.id != order_id or order.items is None:
        raise Unreadable("The shop answered with another order, or without its lines.", pointer="/order")
    command = UpdateOrder(source=source, order=order)
    reading.check_texts(command, at="/order")
    return command


def wanted_order(command: Command) -> str | None:
    """The order that was named without its lines."""
    if isinstance(command, PlaceOrder | UpdateOrder) and command.order.items is None:
        return command.order.id
    return None


def _asked(order: Order, name: Name) -> Command:
    if name.topic in CANCELED:
        if order.items is None:
            return CancelOrder(source=name.source, order_id=order.id, at=order.updated_at)
        return UpdateOrder(source=name.source, order=msgspec.structs.replace(order, status="cancelled"))
    kind = PlaceOrder if name.topic == PLACED else UpdateOrder
    return kind(source=name.source, order=order)


def _order(data: bytes, *, at: str) -> Order:
    told = reading.decode(data, _Order, at=at)
    order_id = told.order_id if told.id is None else told.id
    if order_id is None:
        raise Unreadable("id is missing.", pointer=f"{at}/id")
    items = None
    if told.items is not None:
        items = [_line(item, at=f"{at}/items/{place}") for place, item in enumerate(told.items)]
    given = {
        "id": order_id,
        "display_id": told.display_id,
        "status": _status(told),
        "placed_at": told.created_at,
        "updated_at": told.updated_at,
        "items": items,
    }
    return reading.order(given, at=at, items_at=f"{at}/items")


def _status(told: _Order) -> str | None:
    if told.canceled_at:
        return "cancelled"
    if told.is_draft_order:
        return "draft"
    return "refunded" if told.payment_status == "refunded" else told.status


def _line(told: _Item, *, at: str) -> Line:
    quantity = _quantity(told)
    if quantity is None:
        raise Unreadable("quantity is missing.", pointer=f"{at}/quantity")
    given: dict[str, Any] = {
        "id": told.id,
        "product_id": told.product_id,
        "variant_id": told.variant_id,
        "sku": told.variant_sku,
        "title": told.title or told.product_title,
        "quantity": quantity or Decimal(1),
        "properties": told.metadata,
        "not_made": None if quantity else TAKEN_OUT,
    }
    return reading.line(given, at=at)


def _quantity(told: _Item) -> Decimal | None:
    """The item's own number, else the one of its order's version, which stands under `detail`."""
    own = _exact(told.quantity, told.raw_quantity)
    return own if own is not None or told.detail is None else _exact(told.detail.quantity, told.detail.raw_quantity)


def _exact(number: Decimal | None, raw: _Exact | None) -> Decimal | None:
    """Medusa's exact number, where the one beside it is the same after going through a float."""
    if number is None or raw is None:
        return raw.value if raw else number
    is_same = number.is_finite() and raw.value.is_finite() and float(number) == float(raw.value)
    return raw.value if is_same else number
