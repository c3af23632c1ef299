"""How values read on a page: amounts, money, ages and instants in the reader's own zone, identifiers as words."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from services.api import answers
from shared.runtime import clock

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_UNITS = (
    (timedelta(days=365), "{n} year", "{n} years"),
    (timedelta(days=30), "{n} month", "{n} months"),
    (timedelta(days=7), "{n} week", "{n} weeks"),
    (timedelta(days=1), "{n} day", "{n} days"),
    (timedelta(hours=1), "{n} hour", "{n} hours"),
    (timedelta(minutes=1), "{n} minute", "{n} minutes"),
)


class Clock(msgspec.Struct, frozen=True):
    """Instants for one reader."""

    zone: ZoneInfo
    say: Callable[[str], str]
    now: datetime

    def date(self, at: Any) -> str:
        """`3 Nov 2026`; nothing for no instant."""
        local = self._local(at)
        return f"{local.day} {self.say(_MONTHS[local.month - 1])} {local.year}" if local else ""

    def time(self, at: Any) -> str:
        """`3 Nov 2026, 14:05`."""
        local = self._local(at)
        return f"{self.date(local)}, {local:%H:%M}" if local else ""

    def iso(self, at: Any) -> str:
        found = _instant(at)
        return found.astimezone(UTC).isoformat().replace("+00:00", "Z") if found else ""

    def age(self, at: Any) -> str:
        """`3 days`: how long ago, or how long until."""
        found = _instant(at)
        return self.span(abs(self.now - found)) if found else ""

    def span(self, length: timedelta | float) -> str:
        """A length of time in its largest unit. A number counts seconds."""
        length = length if isinstance(length, timedelta) else timedelta(seconds=length)
        for unit, one, many in _UNITS:
            if length >= unit:
                n = int(length / unit)
                return self.say(one if n == 1 else many).replace("{n}", str(n))
        return self.say("a moment")

    def is_past(self, at: Any) -> bool:
        found = _instant(at)
        return found is not None and found < self.now

    def _local(self, at: Any) -> datetime | None:
        found = _instant(at)
        return found.astimezone(self.zone) if found else None


def clock_of(time_zone: str, say: Callable[[str], str]) -> Clock:
    """The clock on a reader's wall."""
    try:
        zone = ZoneInfo(time_zone)
    except (ZoneInfoNotFoundError, ValueError):
        zone = ZoneInfo("UTC")
    return Clock(zone, say, clock.now())


def amount(value: Any, unit: Any = None) -> str:
    """`1,250.5 m`; nothing for no value."""
    number = _number(value)
    if number is None:
        return "" if value is None else str(value)
    whole, _, rest = answers.decimal_text(number).partition(".")
    text = f"{int(whole):,}" if whole.lstrip("-").isdigit() else whole
    text = f"-{text}" if whole.startswith("-0") else text
    return f"{text}{'.' + rest if rest else ''}{f' {_UNIT_SIGNS.get(str(unit), str(unit))}' if unit else ''}"


def money(value: Any, currency: Any = None) -> str:
    """`1,250.50 INR`: at least two decimals."""
    number = _number(value)
    if number is None:
        return ""
    whole, _, rest = answers.decimal_text(number).partition(".")
    text = f"{int(whole):,}" if whole.lstrip("-").isdigit() else whole
    return f"{text}.{rest.ljust(2, '0')}{f' {currency}' if currency else ''}"


def label(value: Any) -> str:
    """`in_progress` as `In progress`."""
    text = str(value).replace("_", " ").strip() if value is not None else ""
    return text[:1].upper() + text[1:]


def short(value: Any) -> str:
    """The end of an id, as people read it to each other over the phone: `run_…7QANGH` as `7QANGH`."""
    return str(value or "").rpartition("_")[2][-6:].upper()


_UNIT_SIGNS = {
    "Meter": "m",
    "Yard": "yd",
    "Kilogram": "kg",
    "Gram": "g",
    "Piece": "pc",
    "Roll": "roll",
    "Liter": "l",
    "Cubic_Meter": "m³",
    "Hour": "h",
    "Other": "",
}


def _number(value: Any) -> Decimal | None:
    if value is None or value == "":
        return None
    try:
        return Decimal(str(value))
    except InvalidOperation:
        return None


def _instant(at: Any) -> datetime | None:
    if isinstance(at, str):
        return datetime.fromisoformat(at)
    return at if isinstance(at, datetime) else None
