"""Pictures of the ledger as plain figures: where every bar of an inline SVG stands. Colours are classes, so the page's policy holds."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec

from shared.routing import Room

MINUTES = 60
WIDE, HIGH = 600, 140
"""Of the picture, in its own units."""

_ROOMS = tuple(room.value for room in Room)


class Bar(msgspec.Struct, frozen=True):
    """One piece: a room's share of one minute."""

    x: float
    y: float
    width: float
    height: float
    room: str


class Throughput(msgspec.Struct, frozen=True):
    """The last hour, minute by minute, and the same as a table by tens of minutes. top: the most of a minute."""

    bars: list[Bar]
    top: int
    total: int
    by_room: list[tuple[str, int]]
    table: list[tuple[datetime, dict[str, int], int]]


def throughput(found: Iterable[Mapping[str, Any]], *, at: datetime) -> Throughput:
    """found: room, minute, done."""
    first = at.replace(second=0, microsecond=0) - timedelta(minutes=MINUTES - 1)
    by_minute: list[dict[str, int]] = [{} for _ in range(MINUTES)]
    for row in found:
        place = int((row["minute"] - first) / timedelta(minutes=1))
        if 0 <= place < MINUTES:
            by_minute[place][row["room"]] = row["done"]
    top = max((sum(each.values()) for each in by_minute), default=0)
    by_room = [(room, sum(each.get(room, 0) for each in by_minute)) for room in _ROOMS]
    return Throughput(_bars(by_minute, top), top, sum(n for _, n in by_room), by_room, _tens(by_minute, first))


def _bars(by_minute: Sequence[Mapping[str, int]], top: int) -> list[Bar]:
    step = WIDE / MINUTES
    bars = []
    for place, each in enumerate(by_minute):
        y = float(HIGH)
        for room in _ROOMS:
            height = each.get(room, 0) / max(top, 1) * (HIGH - 10)
            y -= height
            if height:
                bars.append(Bar(round(place * step + 1, 1), round(y, 1), round(step - 2, 1), round(height, 1), room))
    return bars


def _tens(by_minute: Sequence[Mapping[str, int]], first: datetime) -> list[tuple[datetime, dict[str, int], int]]:
    rows = []
    for place in range(0, MINUTES, 10):
        some = by_minute[place : place + 10]
        sums = {room: sum(each.get(room, 0) for each in some) for room in _ROOMS}
        rows.append((first + timedelta(minutes=place), sums, sum(sums.values())))
    return rows


class Span(msgspec.Struct, frozen=True):
    """A bar that lies: something that waits, since when, how many, and how long it is drawn of WIDE."""

    name: str
    since: datetime | None
    count: int
    width: float


def spans(found: Iterable[Mapping[str, Any]], *, name: str, at: datetime) -> list[Span]:
    """Bars as long as the age of the oldest, the longest over the whole width."""
    rows = [row for row in found if row["count"]]
    ages = [(at - row["since"]).total_seconds() if row["since"] else 0 for row in rows]
    longest = max(ages, default=0) or 1
    return [
        Span(row[name], row["since"], row["count"], max(round(max(age, 0) / longest * WIDE, 1), 2))
        for row, age in zip(rows, ages, strict=True)
    ]
