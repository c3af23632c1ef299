"""Saleor: order webhooks → commands, in both shapes: the older list with one order, and the object of a subscription.

The older shape names variants and no products: there the variant stands for the product as well.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from shared.domain.commands import Command, PlaceOrder, UpdateOrder
from shared.domain.orders import Line, Order
from shared.intake import deliveries, reading
from shared.intake.deliveries import Name
from shared.intake.pointers import Unreadable, unreadable
from shared.intake.reading import Id, Properties

SIGNATURE = "saleor-signature"
TOPIC = "Saleor-Event"

EVENTS: dict[str, str | None] = {
    "order_created": None,
    "order_confirmed": None,
    "order_paid": None,
    "order_fully_paid": None,
    "order_updated": None,
    "order_metadata_updated": None,
    "order_fulfilled": None,
    "order_refunded": None,
    "order_fully_refunded": "refunded",
    "order_cancelled": "cancelled",
    "order_expired": "expired",
}
"""The events that are taken, and the status that one says by its very name."""

FULLY_REFUNDED = "fully-refunded"


class _Product(msgspec.Struct, frozen=True):
    id: Id | None = None


class _Variant(msgspec.Struct, frozen=True):
    id: Id | None = None
    sku: str | int | None = None
    product: _Product | None = None


class _Line(msgspec.Struct, frozen=True, kw_only=True):
    id: Id
    quantity: Decimal
    variant: _Variant | None = None
    product_variant_id: Id | None = None
    product_sku: str | int | None = None
    product_name: str | None = None
    metadata: Properties = None


class _Meta(msgspec.Struct, frozen=True):
    issued_at: datetime | None = None


class _Order(msgspec.Struct, frozen=True, kw_only=True):
    id: Id
    number: str | int | None = None
    status: str | None = None
    charge_status: str | None = None
    payment_status: str | None = None
    created: datetime | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    meta: _Meta | None = None
    lines: Annotated[list[_Line], Meta(max_length=5000)] | None = None


def name_of(raw: bytes, headers: Mapping[str, str]) -> Name:
    """The name of a delivery. headers: names in lower case. Saleor gives deliveries no id: the same bytes are the same delivery."""
    topic = _header(headers, "event").lower()
    event_id = deliveries.digest(topic.encode(), raw)
    return deliveries.named("saleor", shop=_header(headers, "domain"), event_id=event_id, topic=topic)


def command_of(raw: bytes, headers: Mapping[str, str], *, name: Name) -> Command:
    """What the delivery asks for. Raises Unreadable with the wrong place, or with the code NOT_TAKEN."""
    if name.topic not in EVENTS:
        why = "A draft is no order yet." if name.topic.startswith("draft_order") else ""
        raise deliveries.not_taken(name.topic, header=TOPIC, taken=EVENTS, why=why)
    order = _order(raw, said=EVENTS[name.topic])
    is_new = name.topic == "order_created"
    command = (PlaceOrder if is_new else UpdateOrder)(source=name.source, order=order)
    reading.check_texts(command, at="")
    return command


def signature_of(headers: Mapping[str, str]) -> str:
    """The signature, under its name of today or the one before."""
    return _header(headers, "signature")


def _header(headers: Mapping[str, str], name: str) -> str:
    return (headers.get(f"saleor-{name}") or headers.get(f"x-saleor-{name}") or "").strip()


def _order(raw: bytes, *, said: str | None) -> Order:
    document, at, issued_at = _order_in(reading.decode(raw, Any))
    told = _told(document, at=at)
    issued_at = issued_at or (told.meta.issued_at if told.meta else None)
    given = {
        "id": told.id,
        "display_id": told.number,
        "status": said or _status(told),
        "placed_at": told.created_at or told.created,
        "updated_at": told.updated_at or issued_at,
        "items": None
        if told.lines is None
        else [_line(each, at=f"{at}/lines/{i}") for i, each in enumerate(told.lines)],
    }
    return reading.order(given, at=at, items_at=f"{at}/lines")


def _order_in(document: Any) -> tuple[dict[str, Any], str, datetime | None]:
    """The order in a payload, its place, and when the event was issued."""
    if isinstance(document, list):
        if len(document) != 1 or not isinstance(document[0], dict):
            raise Unreadable("A list of this shape holds one order.", code=deliveries.NOT_TAKEN)
        return document[0], "/0", None
    issued_at, at = None, ""
    for step in ("data", "event", "order"):
        if isinstance(document, dict) and "issuedAt" in document:
            issued_at = _time(document["issuedAt"], at=f"{at}/issuedAt")
        if isinstance(document, dict) and isinstance(document.get(step), dict):
            document, at = document[step], f"{at}/{step}"
    if not isinstance(document, dict):
        raise Unreadable("The payload is no object with an order.")
    return document, at, issued_at


def _told(document: dict[str, Any], *, at: str) -> _Order:
    """The order whose fields are spelled `updated_at` or `updatedAt`."""
    given = _in_snake_case(document)
    if isinstance(given.get("lines"), list):
        given["lines"] = [_in_snake_case(line) if isinstance(line, dict) else line for line in given["lines"]]
    try:
        return msgspec.convert(given, _Order)
    except msgspec.ValidationError as wrong:
        raise unreadable(wrong, below=at) from None
    except ArithmeticError:
        raise Unreadable("A number is out of range.", pointer=at) from None


def _in_snake_case(told: dict[str, Any]) -> dict[str, Any]:
    return {_HUMP.sub(lambda found: f"_{found[0].lower()}", name): value for name, value in told.items()}


_HUMP = re.compile(r"(?<=[a-z])[A-Z]")


def _time(told: Any, *, at: str) -> datetime | None:
    try:
        return msgspec.convert(told, datetime | None)
    except msgspec.ValidationError as wrong:
        raise unreadable(wrong, below=at) from None


def _status(told: _Order) -> str | None:
    paid = {(each or "").lower().replace("_", "-") for each in (told.charge_status, told.payment_status)}
    status = (told.status or "").lower()
    if FULLY_REFUNDED in paid and status not in ("canceled", "draft"):
        return "refunded"
    return status or None


def _line(told: _Line, *, at: str) -> Line:
    variant = told.variant or _Variant()
    variant_id = variant.id if told.product_variant_id is None else told.product_variant_id
    product_id = variant.product.id if variant.product else None
    given = {
        "id": told.id,
        "product_id": variant_id if product_id is None else product_id,
        "variant_id": variant_id,
        "sku": variant.sku if told.product_sku is None else told.product_sku,
        "title": told.product_name,
        "quantity": told.quantity,
        "properties": told.metadata,
    }
    return reading.line(given, at=at)
