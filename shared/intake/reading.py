"""Reading a shop's JSON: exact numbers, exact ids, times with a zone, and text that the ledger can hold. Every adapter leans on it."""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta

from shared.domain.orders import Line, Order
from shared.intake.pointers import Unreadable, unreadable

T = TypeVar("T")

LONGEST_ID = 200
DEEPEST = 100
"""Levels of a customisation; more is nobody's wish, and neither Python nor PostgreSQL reads it for ever."""

EARLIEST, LATEST = 1900, 9000
"""The years that a shop's time may lie in, so that every zone and every comparison can hold it."""

Id = Annotated[str, Meta(min_length=1, max_length=LONGEST_ID)] | int
"""An id of another system: text is kept as given, a number becomes its own digits, however large."""

Properties = dict[str, Any] | list[Any] | None
"""A line's customisation as the shop wrote it: names may repeat, values may be nested."""


def decode(raw: bytes, kind: type[T], *, at: str = "") -> T:
    """The document as its type. Numbers in free places stay exact. Raises Unreadable with the place below `at`."""
    try:
        return msgspec.json.Decoder(kind, float_hook=exact).decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as wrong:
        raise unreadable(wrong, below=at) from None
    except ArithmeticError:
        raise Unreadable("A number is out of range.", pointer=at) from None


def id_text(told: str | int, *, at: str) -> str:
    """The id as text. Raises Unreadable for a number with more digits than an id may have."""
    # Looked at before it is written out: Python refuses to write numbers of thousands of digits.
    text = told if isinstance(told, str) else str(told) if told.bit_length() < LONGEST_ID * 4 else None
    if text is None or len(text) > LONGEST_ID:
        raise Unreadable(f"An id may have at most {LONGEST_ID} characters.", pointer=at)
    return text


def line(told: Mapping[str, Any], *, at: str) -> Line:
    """A line from its checked fields; ids may still be numbers. at: its place in the document. Raises Unreadable."""
    ids = {
        name: id_text(told[name], at=f"{at}/{name}")
        for name in ("id", "product_id", "variant_id", "sku", "part_of")
        if told.get(name) is not None
    }
    try:
        return Line(**{**told, **ids})
    except ValueError as wrong:
        raise _of_own_check(wrong, at=at) from None


def order(told: Mapping[str, Any], *, at: str, items_at: str) -> Order:
    """An order from its checked fields. items_at: where its lines stand in the document. Raises Unreadable."""
    display_id = told.get("display_id")
    given = {
        **told,
        "id": id_text(told["id"], at=f"{at}/id"),
        "display_id": None if display_id is None else id_text(display_id, at=at),
        "placed_at": aware(told.get("placed_at"), at=at),
        "updated_at": aware(told.get("updated_at"), at=at),
    }
    try:
        return Order(**given)
    except ValueError as wrong:
        raise Unreadable(f"{str(wrong).partition(': ')[2]}.", pointer=items_at) from None


def aware(told: datetime | None, *, at: str) -> datetime | None:
    """A time without a zone is taken as UTC. Raises Unreadable for a year that no shop means."""
    if told is None:
        return None
    if not EARLIEST <= told.year < LATEST:
        raise Unreadable(f"The year {told.year} is no year of a shop.", pointer=at)
    return told.replace(tzinfo=UTC) if told.tzinfo is None else told


def exact(text: str) -> float | str:
    """A number among the free properties: itself where a float holds it exactly as written, else its text."""
    number = float(text)
    return number if Decimal(repr(number)) == Decimal(text) else text


def check_texts(command: msgspec.Struct, *, at: str) -> None:
    """Raise Unreadable where a command holds NUL characters or is nested too deeply to be kept."""
    try:
        level = [msgspec.to_builtins(command)]
    except RecursionError:
        raise Unreadable("It is nested too deeply.", pointer=at) from None
    for _ in range(DEEPEST):
        if any(isinstance(each, str) and "\0" in each for each in level):
            raise Unreadable("Text must not hold NUL characters.", pointer=at)
        level = [below for each in level for below in _below(each)]
        if not level:
            return
    raise Unreadable(f"It is nested deeper than {DEEPEST} levels.", pointer=at)


def _below(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [*value.keys(), *value.values()]
    return value if isinstance(value, list) else []


def _of_own_check(wrong: ValueError, *, at: str) -> Unreadable:
    """A type's own check says `field: sentence`."""
    field, _, sentence = str(wrong).partition(": ")
    return Unreadable(f"{field} {sentence}.", pointer=f"{at}/{field}")
