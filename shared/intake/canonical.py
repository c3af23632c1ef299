"""The event's data → the command it asks for. Numbers are decoded from the bytes themselves; ids become their exact text.

Shops send more than we read: unknown fields are left alone, known ones are checked.
"""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Annotated

import msgspec
from msgspec import Meta

from shared.domain.commands import CancelOrder, Command, PlaceOrder, TaskChange, UpdateOrder, UpdateTask
from shared.domain.orders import Order
from shared.intake import reading
from shared.intake.cloudevents import CloudEvent
from shared.intake.deliveries import NOT_TAKEN
from shared.intake.pointers import Unreadable
from shared.intake.reading import Id, Properties


class _Line(msgspec.Struct, frozen=True, kw_only=True):
    id: Id
    product_id: Id | None = None
    variant_id: Id | None = None
    sku: str | int | None = None
    title: str | None = None
    quantity: Decimal = Decimal(1)
    properties: Properties = None


class _Order(msgspec.Struct, frozen=True, kw_only=True):
    id: Id
    display_id: str | int | None = None
    status: str | None = None
    placed_at: datetime | None = None
    updated_at: datetime | None = None
    items: Annotated[list[_Line], Meta(max_length=5000)] | None = None


class _Cancel(msgspec.Struct, frozen=True, kw_only=True):
    id: Id
    cancelled_at: datetime | None = None
    updated_at: datetime | None = None
    reason: str | None = None


class _Task(msgspec.Struct, frozen=True, kw_only=True):
    status: TaskChange
    task_id: Id | None = None
    id: Id | None = None


def command_of(event: CloudEvent) -> Command:
    """What the event asks for. Raises Unreadable with the wrong place, or with the code NOT_TAKEN."""
    reader = _READERS.get(event.type)
    if reader is None:
        known = ", ".join(sorted(_READERS))
        raise Unreadable(f"Events of type {event.type!r} are not taken; {known} are.", pointer="/type", code=NOT_TAKEN)
    if not event.data:
        raise Unreadable("The event has no data.", pointer=event.at)
    command = reader(event)
    reading.check_texts(command, at=event.at)
    return command


def _place_order(event: CloudEvent) -> PlaceOrder:
    return PlaceOrder(source=event.source, order=_order(event))


def _update_order(event: CloudEvent) -> UpdateOrder:
    return UpdateOrder(source=event.source, order=_order(event))


def _cancel_order(event: CloudEvent) -> CancelOrder:
    told = reading.decode(event.data, _Cancel, at=event.at)
    at = reading.aware(told.updated_at or told.cancelled_at, at=event.at)
    order_id = reading.id_text(told.id, at=f"{event.at}/id")
    return CancelOrder(source=event.source, order_id=order_id, at=at, reason=told.reason)


def _order(event: CloudEvent) -> Order:
    told = reading.decode(event.data, _Order, at=event.at)
    items_at = f"{event.at}/items"
    lines = None
    if told.items is not None:
        lines = [
            reading.line(msgspec.structs.asdict(line), at=f"{items_at}/{place}")
            for place, line in enumerate(told.items)
        ]
    return reading.order({**msgspec.structs.asdict(told), "items": lines}, at=event.at, items_at=items_at)


def _update_task(event: CloudEvent) -> UpdateTask:
    told = reading.decode(event.data, _Task, at=event.at)
    named = told.id if told.task_id is None else told.task_id
    if named is None:
        raise Unreadable("task_id is missing.", pointer=f"{event.at}/task_id")
    return UpdateTask(task_id=reading.id_text(named, at=event.at), status=told.status)


_READERS: dict[str, Callable[[CloudEvent], Command]] = {
    PlaceOrder.kind: _place_order,
    UpdateOrder.kind: _update_order,
    CancelOrder.kind: _cancel_order,
    UpdateTask.kind: _update_task,
}
TYPES = tuple(_READERS)
"""The types of events that are taken in."""

DATA: dict[str, type[msgspec.Struct]] = {
    PlaceOrder.kind: _Order,
    UpdateOrder.kind: _Order,
    CancelOrder.kind: _Cancel,
    UpdateTask.kind: _Task,
}
"""What the data of each is parsed into; the contract of the broker is drawn from it."""
