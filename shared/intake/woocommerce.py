"""WooCommerce: order webhooks → commands. Ids of a shop are small numbers, so the shop's address is a part of the source.

Bundles, composites and mix-and-match tell the whole and its parts as lines: the parts are made.
"""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from shared.domain.commands import CancelOrder, Command, PlaceOrder, UpdateOrder
from shared.domain.orders import Line, Order
from shared.intake import bundles, deliveries, reading
from shared.intake.deliveries import Name
from shared.intake.reading import Id

SIGNATURE = "x-wc-webhook-signature"
TOPIC = "X-WC-Webhook-Topic"

STATUSES = {"trash": "deleted", "auto-draft": "draft", "checkout-draft": "draft"}
"""WooCommerce's words for what we call otherwise."""


class _Line(msgspec.Struct, frozen=True, kw_only=True):
    id: Id
    quantity: Decimal
    product_id: Id | None = None
    variation_id: Id | None = None
    sku: str | int | None = None
    name: str | None = None
    meta_data: list[Any] | dict[str, Any] | None = None
    bundled_by: Any = None
    bundled_items: Any = None
    composite_parent: Any = None
    composite_children: Any = None


class _Order(msgspec.Struct, frozen=True, kw_only=True):
    id: Id
    number: str | int | None = None
    status: str | None = None
    date_created_gmt: datetime | None = None
    date_modified_gmt: datetime | None = None
    line_items: Annotated[list[_Line], Meta(max_length=5000)] | None = None


class _Gone(msgspec.Struct, frozen=True):
    id: Id


def is_ping(raw: bytes, headers: Mapping[str, str]) -> bool:
    """What WooCommerce sends when a webhook is saved: a form with the webhook's number, unsigned and without a topic."""
    return SIGNATURE not in headers and bool(_PING.fullmatch(raw))


_PING = re.compile(rb"webhook_id=\d{1,20}")


def name_of(raw: bytes, headers: Mapping[str, str]) -> Name:
    """The name of a delivery. headers: names in lower case.

    WooCommerce makes its delivery ids of the webhook and the second, so two orders of one second share one: the bytes
    are a part of the name.
    """
    topic = (headers.get("x-wc-webhook-topic") or _topic(headers)).strip().lower()
    given = headers.get("x-wc-webhook-delivery-id", "").strip()
    event_id = ":".join(filter(None, [given, deliveries.digest(topic.encode(), raw)]))
    shop = headers.get("x-wc-webhook-source", "").strip()
    return deliveries.named("woocommerce", shop=shop, event_id=event_id, topic=topic)


def _topic(headers: Mapping[str, str]) -> str:
    """The topic out of its two halves, which are sent beside it."""
    return ".".join(filter(None, [headers.get("x-wc-webhook-resource"), headers.get("x-wc-webhook-event")]))


def command_of(raw: bytes, headers: Mapping[str, str], *, name: Name) -> Command:
    """What the delivery asks for. Raises Unreadable with the wrong place, or with the code NOT_TAKEN."""
    reader = _READERS.get(name.topic)
    if reader is None:
        raise deliveries.not_taken(name.topic, header=TOPIC, taken=_READERS)
    deliveries.check_object(raw)
    command = reader(raw, name.source)
    reading.check_texts(command, at="")
    return command


def _place_order(raw: bytes, source: str) -> Command:
    return PlaceOrder(source=source, order=_order(raw))


def _update_order(raw: bytes, source: str) -> Command:
    return UpdateOrder(source=source, order=_order(raw))


def _forget_order(raw: bytes, source: str) -> Command:
    told = reading.decode(raw, _Gone)
    return CancelOrder(source=source, order_id=reading.id_text(told.id, at="/id"), reason="deleted in the shop")


def _order(raw: bytes) -> Order:
    told = reading.decode(raw, _Order)
    status = (told.status or "").lower().removeprefix("wc-")
    given = {
        "id": told.id,
        "display_id": told.number,
        "status": STATUSES.get(status, status) or None,
        "placed_at": told.date_created_gmt,
        "updated_at": told.date_modified_gmt or told.date_created_gmt,
        "items": None if told.line_items is None else _lines(told.line_items),
    }
    return reading.order(given, at="", items_at="/line_items")


def _lines(told: list[_Line]) -> list[Line]:
    part_of = _parts(told)
    wholes = bundles.wholes(part_of)
    return [
        _line(line, part_of=part_of[_own(line)], is_whole=_own(line) in wholes, at=f"/line_items/{place}")
        for place, line in enumerate(told)
    ]


def _line(told: _Line, *, part_of: str | None, is_whole: bool, at: str) -> Line:
    given = {
        "id": told.id,
        "product_id": _some(told.product_id),
        "variant_id": _some(told.variation_id),
        "sku": told.sku,
        "title": told.name,
        "quantity": told.quantity,
        "properties": told.meta_data,
        "part_of": part_of,
        "not_made": bundles.PARTS_ARE_MADE if is_whole else None,
    }
    return reading.line(given, at=at)


def _some(told: str | int | None) -> str | int | None:
    """WooCommerce writes 0 for none."""
    return None if told in (0, "0") else told


# Parts of a whole ---------------------------------------------------------------------------------------------------

_PARENT_FIELDS = ("bundled_by", "composite_parent")
_CHILDREN_FIELDS = ("bundled_items", "composite_children")
_PARENT_META = frozenset({"_bundled_by", "_composite_parent", "_mnm_container"})
_CHILDREN_META = frozenset({"_bundled_items", "_composite_children"})
_OWN_META = frozenset({"_bundle_cart_key", "_composite_cart_key", "_mnm_cart_key"})


def _parts(told: list[_Line]) -> dict[str, str | None]:
    """Each line → the line it is a part of: told by the part or by the whole, by its id or by the key it had in the cart."""
    known = {_own(line): _own(line) for line in told}
    known |= {key: _own(line) for line in told for key in _meta(line, _OWN_META)}
    of_whole = {
        known[child]: _own(line)
        for line in told
        for child in (*_fields(line, _CHILDREN_FIELDS), *_meta(line, _CHILDREN_META))
        if child in known
    }
    return {_own(line): _parent(line, known) or of_whole.get(_own(line)) for line in told}


def _parent(line: _Line, known: Mapping[str, str]) -> str | None:
    keyed = [known[key] for key in _meta(line, _PARENT_META) if key in known]
    return next(iter([*_fields(line, _PARENT_FIELDS), *keyed]), None)


def _fields(line: _Line, names: Sequence[str]) -> list[str]:
    return [each for name in names for each in _ids(getattr(line, name))]


def _meta(line: _Line, names: Collection[str]) -> list[str]:
    entries = line.meta_data if isinstance(line.meta_data, list) else []
    told = [entry for entry in entries if isinstance(entry, dict) and isinstance(entry.get("key"), str)]
    return [each for entry in told if entry["key"] in names for each in _ids(entry.get("value"))]


def _ids(told: Any) -> list[str]:
    """Ids out of a value that holds one, several, or an empty text for none."""
    found = told if isinstance(told, list) else [told]
    return [str(each) for each in found if isinstance(each, str | int) and not isinstance(each, bool) and _is_id(each)]


def _is_id(told: str | int) -> bool:
    return 0 < len(told) <= reading.LONGEST_ID if isinstance(told, str) else 0 < told.bit_length() < 64


def _own(line: _Line) -> str:
    return reading.id_text(line.id, at="/line_items")


_READERS: dict[str, Callable[[bytes, str], Command]] = {
    "order.created": _place_order,
    "order.updated": _update_order,
    "order.restored": _update_order,
    "order.deleted": _forget_order,
}
