"""The event's data → the command it asks for. Numbers are decoded from the bytes themselves; ids become their exact text.

Shops send more than we read: unknown fields are left alone, known ones are checked.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from shared.domain.commands import CancelOrder, Command, PlaceOrder, TaskChange, UpdateOrder, UpdateTask
from shared.domain.orders import Order
from shared.intake.cloudevents import CloudEvent
from shared.intake.pointers import Unreadable, unreadable

NOT_TAKEN = "event_type_not_supported"

Id = Annotated[str, Meta(min_length=1, max_length=200)] | int
"""An id of another system: text is kept as given, a number becomes its own digits, however large."""


class _Line(msgspec.Struct, frozen=True, kw_only=True):
    id: Id
    product_id: Id | None = None
    variant_id: Id | None = None
    sku: str | int | None = None
    title: str | None = None
    quantity: Decimal = Decimal(1)
    properties: dict[str, Any] | list[Any] | None = None


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
    try:
        command = reader(event)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as wrong:
        raise unreadable(wrong, below=event.at) from None
    except ArithmeticError:
        raise Unreadable("A number is out of range.", pointer=event.at) from None
    for text in _texts(msgspec.to_builtins(command)):
        if "\0" in text:
            raise Unreadable("Text must not hold NUL characters.", pointer=event.at)
    return command


def _place_order(event: CloudEvent) -> PlaceOrder:
    return PlaceOrder(source=event.source, order=_order(event))


def _update_order(event: CloudEvent) -> UpdateOrder:
    return UpdateOrder(source=event.source, order=_order(event))


def _cancel_order(event: CloudEvent) -> CancelOrder:
    told = msgspec.json.decode(event.data, type=_Cancel)
    at = _aware(told.updated_at or told.cancelled_at)
    return CancelOrder(source=event.source, order_id=str(told.id), at=at, reason=told.reason)


def _order(event: CloudEvent) -> Order:
    told = msgspec.json.Decoder(_Order, float_hook=_exact).decode(event.data)
    lines = None if told.items is None else [_line(line) for line in told.items]
    times = {"placed_at": _aware(told.placed_at), "updated_at": _aware(told.updated_at)}
    order = {**msgspec.structs.asdict(told), "id": str(told.id), **times, "items": lines}
    return msgspec.convert(order, Order, builtin_types=(Decimal, datetime), strict=True)


def _line(told: _Line) -> dict[str, Any]:
    given = msgspec.structs.asdict(told)
    as_text = {name: str(given[name]) for name in ("id", "product_id", "variant_id", "sku") if given[name] is not None}
    return {**given, **as_text}


def _update_task(event: CloudEvent) -> UpdateTask:
    told = msgspec.json.decode(event.data, type=_Task)
    named = told.id if told.task_id is None else told.task_id
    if named is None:
        raise Unreadable("task_id is missing.", pointer=f"{event.at}/task_id")
    return UpdateTask(task_id=str(named), status=told.status)


_READERS: dict[str, Callable[[CloudEvent], Command]] = {
    PlaceOrder.kind: _place_order,
    UpdateOrder.kind: _update_order,
    CancelOrder.kind: _cancel_order,
    UpdateTask.kind: _update_task,
}
TYPES = tuple(_READERS)
"""The types of events that are taken in."""


def _exact(text: str) -> float | str:
    """A number among the free properties: itself where a float holds it exactly as written, else its text."""
    number = float(text)
    return number if Decimal(repr(number)) == Decimal(text) else text


def _aware(at: datetime | None) -> datetime | None:
    """A time without a zone is taken as UTC."""
    return at.replace(tzinfo=UTC) if at is not None and at.tzinfo is None else at


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, below in value.items():
            yield key
            yield from _texts(below)
    elif isinstance(value, list):
        for below in value:
            yield from _texts(below)
